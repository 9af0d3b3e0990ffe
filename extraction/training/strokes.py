"""Digits and the signs of amounts as pen strokes: how different hands write them.

A sign is drawn in a box whose height is 1 (0 above, 1 the baseline; x grows to the right) by strokes, each a list
of points that a smooth curve goes through or, where a hand turns sharply, that straight lines join. Every sign has
several shapes: open and closed fours, crossed sevens, ones with a flag or a foot, fives without a hat. A :class:`Hand`
keeps to its shapes and its slant with some unrest, as people do.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to write a sign: how often hands choose it, how wide it is, its smooth and its angular strokes."""

    share: float
    width: float
    smooth: tuple[Points, ...] = ()
    angular: tuple[Points, ...] = ()


# fmt: off
SHAPES: dict[str, tuple[Shape, ...]] = {
    "0": (
        Shape(5, .62, (((.34, 0), (.08, .2), (0, .55), (.12, .92), (.34, 1), (.55, .84), (.62, .45), (.5, .1),
            (.3, .02)),)),
        Shape(2, .7, (((.5, .12), (.3, 0), (.06, .25), (0, .6), (.2, .98), (.45, .95), (.62, .6), (.58, .25),
            (.4, .05),
                       (.35, .14), (.5, .2), (.72, .08)),)),
        Shape(2, .5, (((.3, .06), (.08, .3), (0, .7), (.2, 1), (.42, .75), (.48, .3), (.3, 0)),)),
        Shape(1, .6, (((.4, 0), (.12, .12), (0, .5), (.1, .88), (.3, 1), (.52, .85), (.6, .5), (.52, .15),
            (.24, .05)),),
              (((.02, .98), (.58, .04)),)),
        Shape(2, .66, (((.2, .1), (.02, .5), (.16, .95), (.42, .96), (.64, .6), (.56, .18), (.36, .02),
            (.12, .16)),)),
    ),
    "1": (
        Shape(4, .12, (((.08, 0), (.06, .5), (.03, 1)),)),
        Shape(3, .35, (), (((0, .32), (.3, 0), (.3, 1)),)),
        Shape(3, .42, (), (((0, .62), (.34, 0), (.36, 1)),)),
        Shape(1.2, .5, (), (((0, .85), (.36, 0), (.44, 1)),)),
        Shape(1, .5, (), (((.05, .25), (.28, 0), (.28, 1)), ((0, 1), (.5, .98)))),
        Shape(1.2, .4, (((0, .3), (.14, .16), (.3, 0), (.27, .5), (.24, 1)),)),
        Shape(.8, .3, (((.02, .16), (.12, .02), (.2, .3), (.2, .7), (.16, 1)),)),
    ),
    "2": (
        Shape(4, .64, (((.02, .25), (.2, .02), (.48, .06), (.55, .3), (.36, .62), (.02, .98)),), (((.02, .98),
            (.64, .95)),)),
        Shape(3, .74, (((.04, .22), (.22, .01), (.48, .07), (.52, .32), (.32, .68), (.1, .95), (.02, .88),
            (.12, .78),
                        (.34, .9), (.56, 1), (.74, .88)),)),
        Shape(1.5, .62, (), (((.02, .08), (.56, .02), (.02, .98), (.62, .96)),)),
        Shape(1.5, .66, (((.02, .3), (.14, .05), (.38, 0), (.54, .16), (.46, .45), (.2, .75), (.04, .96), (.3, .94),
                          (.66, .98)),)),
    ),
    "3": (
        Shape(4, .56, (((.02, .12), (.26, 0), (.5, .14), (.42, .38), (.2, .46), (.48, .55), (.56, .78),
            (.32, 1), (0, .9)),)),
        Shape(2, .58, (((.28, .42), (.5, .56), (.54, .82), (.28, 1), (0, .88)),), (((.04, .04), (.54, .02),
            (.28, .42)),)),
        Shape(2, .58, (((.04, .1), (.3, 0), (.5, .18), (.36, .44), (.18, .5), (.22, .4), (.4, .5), (.56, .74),
            (.36, 1),
                        (.02, .92)),)),
        Shape(1, .5, (((.06, .02), (.34, .04), (.42, .2), (.16, .44), (.4, .52), (.48, .8), (.24, 1.08),
            (0, 1.12)),)),
    ),
    "4": (
        Shape(4, .66, (), (((.16, 0), (.02, .56), (.66, .52)), ((.5, .2), (.46, 1)))),
        Shape(2, .68, (), (((.5, 1), (.52, 0), (.02, .66), (.68, .64)),)),
        Shape(2.5, .62, (((.1, .02), (.04, .3), (.1, .52), (.34, .52), (.54, .4)),), (((.58, .02), (.54, .5),
            (.5, 1)),)),
        Shape(1.5, .62, (), (((.08, .02), (.06, .52), (.62, .5)), ((.56, .02), (.54, 1)))),
        Shape(1.5, .72, (((.22, 0), (.1, .3), (.02, .56), (.3, .56), (.72, .5)),), (((.5, .3), (.42, 1.04)),)),
        Shape(1, .6, (((.3, .02), (.04, .5), (.2, .6), (.56, .5)),), (((.46, .36), (.4, 1)),)),
    ),
    "5": (
        Shape(4, .6, (((.1, .42), (.34, .36), (.54, .58), (.46, .88), (.22, 1), (0, .92)),),
              (((.1, .42), (.14, .04)), ((.14, .04), (.6, .02)))),
        Shape(2.5, .58, (((.54, .04), (.3, 0), (.12, .12), (.1, .36), (.34, .44), (.5, .62), (.44, .9), (.2, 1),
            (0, .92)),)),
        Shape(2, .62, (((.12, .12), (.06, .42), (.32, .42), (.46, .62), (.38, .92), (.16, 1), (0, .94)),),
              (((.14, .04), (.64, -.02)),)),
        Shape(1.5, .46, (((.2, .1), (.12, .4), (.32, .44), (.44, .66), (.36, .92), (.16, 1), (0, .94)),)),
        Shape(1, .5, (((.1, .4), (.36, .4), (.48, .64), (.38, .92), (.12, 1.02)),), (((.1, .4), (.16, .06),
            (.56, .04)),)),
        Shape(1, .5, (((.46, .02), (.26, .04), (.2, .3), (.34, .56), (.36, .82), (.18, 1), (0, .94)),)),
    ),
    "6": (
        Shape(4, .56, (((.42, 0), (.14, .26), (0, .68), (.14, .98), (.4, .98), (.54, .76), (.4, .56), (.14, .62),
                        (.04, .78)),)),
        Shape(2, .52, (((.16, 0), (.04, .36), (.02, .76), (.18, 1), (.42, .94), (.5, .74), (.36, .58),
            (.1, .66)),)),
        Shape(2, .6, (((.54, .06), (.36, 0), (.1, .26), (0, .66), (.18, .98), (.44, .94), (.52, .7), (.32, .54),
            (.06, .7)),)),
        Shape(1, .5, (((.34, 0), (.1, .4), (.02, .8), (.2, 1), (.46, .9), (.4, .7), (.18, .76), (.14, .9)),)),
    ),
    "7": (
        Shape(3, .58, (), (((0, .05), (.56, .02), (.2, 1)),)),
        Shape(3, .6, (), (((0, .06), (.58, .02), (.24, 1)), ((.14, .52), (.56, .48)))),
        Shape(2, .62, (((.02, .18), (.06, .04), (.3, .08), (.6, .02), (.42, .4), (.28, .72), (.22, 1)),)),
        Shape(2, .64, (((.02, .2), (.06, .04), (.32, .09), (.6, .02), (.44, .4), (.3, .72), (.26, 1)),),
              (((.18, .56), (.62, .46)),)),
        Shape(1.5, .56, (), (((.02, .2), (.04, .03), (.54, .02), (.36, 1)), ((.2, .5), (.62, .5)))),
        Shape(1, .6, (((0, .1), (.3, .06), (.54, .04), (.5, .4), (.46, 1)),), (((.28, .48), (.68, .42)),)),
    ),
    "8": (
        Shape(4, .54, (((.46, .12), (.24, 0), (.06, .14), (.14, .38), (.4, .56), (.52, .8), (.3, 1), (.06, .88),
            (.1, .62),
                        (.34, .42), (.48, .2), (.4, .04)),)),
        Shape(2, .5, (((.26, .46), (.06, .28), (.2, .02), (.42, .14), (.36, .38), (.08, .62), (.04, .88),
            (.26, 1), (.48, .84),
                       (.42, .6), (.22, .46)),)),
        Shape(1, .54, (((.5, .06), (.2, .04), (.06, .22), (.3, .46), (.5, .72), (.34, .98), (.08, .94),
            (.06, .7), (.3, .46),
                        (.54, .12)),)),
        Shape(1, .5, (((.26, .44), (.06, .26), (.22, .02), (.44, .18), (.28, .44)),
                      ((.26, .46), (.02, .7), (.22, 1), (.48, .78), (.28, .46)))),
    ),
    "9": (
        Shape(4, .52, (((.46, .1), (.22, 0), (.02, .24), (.14, .5), (.38, .4), (.48, .12)),), (((.48, .1),
            (.44, 1)),)),
        Shape(3, .54, (((.46, .14), (.24, 0), (.02, .22), (.12, .48), (.36, .44), (.5, .14), (.48, .56), (.36, .9),
                        (.1, 1)),)),
        Shape(2, .56, (((.5, .2), (.36, .02), (.08, .08), (.04, .38), (.28, .5), (.5, .24), (.46, .02)),),
              (((.5, .2), (.3, 1)),)),
        Shape(1.2, .56, (((.2, .5), (.5, .42), (.54, .14), (.3, 0), (.1, .2), (.26, .46), (.5, .3), (.44, .7),
            (.26, 1.04)),)),
        Shape(1, .6, (((.48, .12), (.2, .02), (.04, .26), (.2, .46), (.46, .26), (.5, .1), (.44, .6),
            (.34, 1.06), (.1, 1.1),
                       (.1, .92), (.5, .8)),)),
    ),
    ".": (Shape(4, .06, (((.02, .96), (.05, .98), (.03, 1), (.02, .97)),)), Shape(1, .1, (((.02, .92),
        (.08, 1)),))),
    ",": (Shape(3, .12, (((.1, .9), (.11, 1), (.02, 1.18)),)), Shape(2, .14, (), (((.14, .88), (0, 1.14)),))),
    "-": (Shape(4, .4, (), (((0, .55), (.4, .52)),)), Shape(2, .6, (((0, .56), (.2, .5), (.4, .58), (.6, .5)),)),
          Shape(1, .8, (((0, .6), (.4, .54), (.8, .58)),)),
          Shape(1, .45, (), (((0, .48), (.45, .45)), ((0, .64), (.44, .6))))),
    "/": (Shape(4, .4, (), (((.4, -.08), (0, 1.1)),)), Shape(1, .25, (), (((.25, 0), (0, 1)),))),
    "$": (
        Shape(3, .56, (((.5, .16), (.28, .04), (.06, .2), (.14, .42), (.4, .56), (.5, .78), (.28, .96),
            (.02, .86)),),
              (((.28, -.12), (.26, 1.12)),)),
        Shape(2, .6, (((.52, .18), (.3, .04), (.06, .2), (.16, .42), (.42, .56), (.52, .8), (.28, .98),
            (.02, .84)),),
              (((.22, -.1), (.2, 1.1)), ((.36, -.1), (.34, 1.1)))),
        Shape(1, .5, (((.46, .2), (.24, .06), (.06, .24), (.4, .6), (.4, .88), (.16, .96), (0, .84)),),
              (((.34, -.06), (.18, 1.08)),)),
    ),
    "#": (Shape(1, .7, (), (((.26, .05), (.14, 1)), ((.54, .02), (.42, .98)), ((.04, .36), (.7, .32)),
        ((0, .68), (.66, .64)))),),
}
# fmt: on

_SHARES = [
    (s, np.cumsum([c.share for c in choices]) / sum(c.share for c in choices))
    for s, choices in SHAPES.items()
]


@dataclass(frozen=True, slots=True)
class Hand:
    """A hand: the shapes it keeps to, its slant, breadth and unrest, and how thick its pen is (in digit heights)."""

    shapes: dict[str, int]
    slant: float
    breadth: float
    unrest: float
    pen: float


def hand_of(rng: np.random.Generator) -> Hand:
    """Return a hand drawn at random."""
    rolls = rng.random(len(_SHARES))
    return Hand(
        {sign: int(np.searchsorted(ends, roll)) for (sign, ends), roll in zip(_SHARES, rolls, strict=True)},
        slant=float(rng.normal(0.12, 0.16)),
        breadth=float(rng.uniform(0.7, 1.35)),
        unrest=float(rng.uniform(0.012, 0.05)),
        pen=float(rng.uniform(0.05, 0.15)),
    )


def strokes_of(sign: str, hand: Hand, rng: np.random.Generator) -> tuple[list[NDArray[np.float64]], float]:
    """Return a sign as this hand writes it just now: strokes as points (n, 2) in digit heights, and its width."""
    choices = SHAPES[sign]
    number = hand.shapes[sign] if rng.random() < 0.85 else int(rng.integers(0, len(choices)))
    shape = choices[number]
    breadth = hand.breadth * rng.uniform(0.85, 1.15)
    turn = rng.normal(0, 0.05)
    stretch = rng.normal(1, 0.06)
    bend = rng.normal(0, 0.06)
    strokes = []
    for points, smooth in [*((p, True) for p in shape.smooth), *((p, False) for p in shape.angular)]:
        placed = np.array(points, dtype=np.float64) + rng.normal(0, hand.unrest, (len(points), 2))
        # Pens set down early and lift late: ends move more than what lies between them.
        placed[[0, -1]] += rng.normal(0, hand.unrest * 1.2, (2, 2))
        line = _smoothed(placed) if smooth else _joined(placed, bend * rng.normal(0.5, 0.5))
        x, y = line[:, 0] * breadth, 1 - (1 - line[:, 1]) * stretch
        x = x + (1 - y) * (hand.slant + turn)
        strokes.append(np.stack([x, y + turn * (x - shape.width / 2) * 0.6], axis=1))
    return strokes, shape.width * breadth


def _smoothed(points: NDArray[np.float64], steps: int = 6) -> NDArray[np.float64]:
    """Return points along the Catmull-Rom curve through the given ones (centripetal is not needed at this size)."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    p0, p1, p2, p3 = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(steps) / steps)[:, None, None]
    curve = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def _joined(points: NDArray[np.float64], bend: float) -> NDArray[np.float64]:
    """Return points along straight lines that sag a little to one side, as a quick hand's do."""
    t = np.linspace(0, 1, 6)[:, None]
    parts = []
    for start, end in itertools.pairwise(points):
        across = np.array([start[1] - end[1], end[0] - start[0]])
        parts.append(start + (end - start) * t + across * (4 * t * (1 - t)) * bend)
    return np.concatenate(parts)
