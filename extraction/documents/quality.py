"""How well a photo can be read, told while the paper is still in the hand.

Five measures, each a score from 0 to 1 that is 0.5 where it begins to cost words; below that a sentence says what
to do. Where each threshold comes from stands beside it; docs/models.md has how many real and how many spoilt
pictures they catch. A picture without letters, or without anything to measure by, scores 1: what can't be measured
is not complained about, unless the light is so dim that nothing stands out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

SHARPNESS, SIZE, LIGHT, GLARE, WHOLENESS = "sharpness", "size", "light", "glare", "wholeness"
MEASURES: Final = (SHARPNESS, SIZE, LIGHT, GLARE, WHOLENESS)

# The steepest step within letters, as a share of their contrast a pixel, letters brought to a height of 16 pixels.
# Sharp print has 0.42 to 0.50, whatever its contrast. Of real receipts blurred in steps, those at 0.20 to 0.22 kept 74
# to 87 % of the words that recognition had found, those at 0.14 to 0.16 42 to 61 %, below 0.13 hardly any.
_BLURRED: Final = 0.18
_SHARP: Final = 0.40
_LETTER: Final = 16.0

# Height of the usual letter in pixels as it will be read. Of the same receipts shrunk in steps, those with 8 kept 81 to
# 90 % of their words, with 7 68 to 90 %, with 6 53 to 85 %.
_SMALL: Final = 6.5
_LARGE: Final = 13.0

# Whatever the usual letter is: a letter page of 700 pixels has 64 dpi, so that its 8-point print is 7 pixels high. Of
# 168 real pictures one is below, with 605 on its longer side.
_SMALL_SIDE: Final = 700

# Level of the paper (0..255), the middle one of the picture. A choice: recognition itself copes with darkness, but a
# phone that finds so little light exposes long, and its noise grows with the gain.
_DARK: Final = 60.0
_LIGHT: Final = 120.0
_NOTHING_SEEN: Final = 0.25

# Share of the sheet that is burnt out although the paper around it is not: on a letter page 0.012 is a spot of 3 cm, a
# field with its value. Where the paper itself is nearly burnt out, as on scans, a spot can't be told from it.
_GLARE: Final = 0.012
_BURNT: Final = 250
_PAPER_NOT_BURNT: Final = 236
_HALO: Final = (
    9  # pixels of 240 beside a spot within which the paper must be darker than it by this many levels:
)
_FALL: Final = 12

_FEWEST_LETTERS: Final = 20
_FEWEST_LINES: Final = 5
_SPECK: Final = (
    0.45  # of the height that half of the ink is below; small letters have 0.6 and more of capitals'
)
_WORKING_PIXELS: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that was measured: ``score`` from 0 to 1; ``advice`` in a sentence if it is below 0.5, else empty."""

    name: str
    score: float
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured of a picture, one :class:`Measure` for each of :data:`MEASURES`, and its size as uploaded."""

    width: int
    height: int
    measures: tuple[Measure, ...]

    @property
    def score(self) -> float:
        """The lowest score: a picture is as good as its worst fault."""
        return min(measure.score for measure in self.measures)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to do about it, the worst first."""
        return tuple(m.advice for m in sorted(self.measures, key=lambda m: m.score) if m.advice)


def measure_quality(image: Image, *, width: int, height: int, cut: bool = False) -> Quality:
    """Judge a picture as it will be read, before its light is evened.

    :param image: upright, RGB; of a photograph the sheet alone where it was found.
    :param width: of the picture as it was uploaded, in pixels; ``height`` likewise.
    :param cut: whether the sheet runs out of the picture.
    """
    import cv2

    pixels = np.asarray(image)
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    letters = _find_letters(gray)
    tall = float(np.median(letters[:, 2])) if len(letters) else 0.0
    paper = _paper_level(gray)
    light = _ramp(float(np.median(paper)), _DARK, _LIGHT)
    sharpness = _sharpness(gray, letters, tall) if tall else None
    if light < 1 and sharpness is None:
        # Dim, and nothing to be made out in it: blurred or not, it is light that is missing first.
        light = min(light, _NOTHING_SEEN)
    return Quality(
        width=width,
        height=height,
        measures=(
            _measured(
                SHARPNESS,
                1.0 if sharpness is None else _ramp(sharpness, _BLURRED, _SHARP),
                "The letters are blurred. Hold the phone still, tap on the paper so that it focuses, and take it "
                "again.",
            ),
            _measured(
                SIZE,
                min(
                    _ramp(tall, _SMALL, _LARGE) if tall else 1.0,
                    _ramp(max(width, height), _SMALL_SIDE, 2 * _SMALL_SIDE),
                ),
                f"The letters are too small to read surely ({width} x {height} pixels in all). Go closer until the "
                "paper fills the picture.",
            ),
            _measured(
                LIGHT,
                light,
                "The picture is dark. Switch on a light or go to a window, and take it again.",
            ),
            _measured(
                GLARE,
                1 - _ramp(_burnt_share(pixels, paper), _GLARE, 2 * _GLARE),
                "A light shines back from the paper and hides what stands there. Tilt the paper or step aside, and "
                "take it again.",
            ),
            _measured(
                WHOLENESS,
                0.2 if cut else 1.0,
                "A part of the paper is outside the picture. Step back until all four corners are in it.",
            ),
        ),
    )


def _measured(name: str, score: float, advice: str) -> Measure:
    return Measure(name, round(score, 3), advice if score < 0.5 else "")


def _ramp(value: float, threshold: float, good: float) -> float:
    """Return 0.5 at the threshold, 1 from ``good`` on, and as steeply down to 0."""
    return min(max(0.5 + 0.5 * (value - threshold) / (good - threshold), 0.0), 1.0)


def _find_letters(gray: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return what looks like letters, shape (n, 3): x and y of the middle, height; in pixels of ``gray``.

    A picture so smeared that its letters run together has words or lines instead; none if there are too few of either.
    """
    import cv2

    scale = min(1.0, (_WORKING_PIXELS / gray.size) ** 0.5)
    seen = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else gray
    ink = cv2.adaptiveThreshold(seen, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 41, 14)
    _, _, found, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    x, y, wide, high, area = found[1:].T
    marks = (high >= 3) & (high <= 90) & (wide >= 2) & (high <= 6 * wide) & (area > 0.12 * wide * high)
    chosen = marks & (wide <= 2.5 * high)
    if chosen.sum() < _FEWEST_LETTERS:
        chosen = marks & (high >= 5) & (wide <= 40 * high)
    if chosen.sum() < _FEWEST_LINES:
        chosen[:] = False
    else:
        # Specks of grain and creases may be many, but hold little ink: most of it is in what has letters' height.
        order = np.argsort(high * chosen)
        ink_below = np.cumsum((area * chosen)[order])
        chosen &= high >= _SPECK * high[order[np.searchsorted(ink_below, ink_below[-1] / 2)]]
    return np.asarray(np.column_stack([x + wide / 2, y + high / 2, high])[chosen] / scale)


def _sharpness(gray: NDArray[np.uint8], letters: NDArray[np.float64], tall: float) -> float | None:
    """Return how steep the letters' edges are, in the flatter direction: a shaken picture has one that is sharp.

    :returns: None where too little stands out from the paper.
    """
    import cv2

    scale = min(1.0, _LETTER / tall)
    level: Any = (
        cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else gray
    )
    tile = 24
    rows, columns = level.shape[0] // tile, level.shape[1] // tile
    level = level[: rows * tile, : columns * tile]
    across = cv2.absdiff(level[:, 2:], level[:, :-2])
    down = cv2.absdiff(level[2:], level[:-2])
    place = (letters[:, :2] * scale / tile).astype(int)
    counted = np.unique(place[(place < (columns, rows)).all(axis=1)], axis=0)

    def tiles(values: Any, most: Any) -> Any:
        padded = np.zeros((rows * tile, columns * tile), np.uint8)
        padded[: values.shape[0], : values.shape[1]] = values
        return most(padded.reshape(rows, tile, columns, tile), axis=(1, 3))[
            counted[:, 1], counted[:, 0]
        ].astype(float)

    if not len(counted):
        return None
    contrast = tiles(level, np.max) - tiles(level, np.min)
    strong = contrast > max(25.0, 0.4 * float(np.quantile(contrast, 0.95)))
    if strong.sum() < 5:
        return None
    return min(
        float(np.median(tiles(side, np.max)[strong] / 2 / contrast[strong])) for side in (across, down)
    )


def _paper_level(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the paper's level over the picture, print closed over, coarse."""
    import cv2

    scale = min(1.0, 240 / max(gray.shape))
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)), np.uint8)


def _burnt_share(pixels: NDArray[np.uint8], paper: NDArray[np.uint8]) -> float:
    """Return which share of the picture lamps mirrored in it have burnt out.

    A spot counts if the paper right beside it is clearly darker: where paper is only lit too strongly its level rises
    slowly, and its print stays.
    """
    import cv2

    if float(np.median(paper)) > _PAPER_NOT_BURNT:
        return 0.0
    small = cv2.resize(pixels, paper.shape[::-1], interpolation=cv2.INTER_AREA).min(axis=2)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    burnt = cv2.morphologyEx((closed >= _BURNT).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, pieces = cv2.connectedComponents(burnt)
    share = 0.0
    for piece in range(1, count):
        mask = (pieces == piece).astype(np.uint8)
        beside = cv2.dilate(mask, np.ones((2 * _HALO + 1, 2 * _HALO + 1), np.uint8)) > mask
        if np.median(closed[beside]) < _BURNT - _FALL:
            share += float(mask.mean())
    return share
