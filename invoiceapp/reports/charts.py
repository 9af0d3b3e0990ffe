"""Where the marks of a chart stand: geometry only, in per cent of the drawing, so that it fits any width.

Rows with a dot and its interval share one axis; weeks are a line with a band.
The templates draw them as SVG beside the numbers they stand for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor

from invoiceapp.reports.accuracy import Correction, Week
from invoiceapp.reports.statistics import Estimate

# Room at both ends of an axis, in per cent, so that a dot at 100 % is whole.
MARGIN = 3.0
MAXIMUM_LABELS = 7
# How wide a page snippet is for its height; the list's frames have the same shape (static/css/reports.css).
SNIPPET_SHAPE = 3.6


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from ``low`` to 1 (shares), with the target marked."""

    low: float
    ticks: tuple[Tick, ...]
    target: float | None

    def at(self, share: float) -> float:
        """Return where a share stands, in per cent of the drawing's width."""
        inside = min(max((share - self.low) / (1.0 - self.low), 0.0), 1.0)
        return round(MARGIN + inside * (100.0 - 2 * MARGIN), 2)


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot with its interval on an axis, in per cent."""

    at: float
    low: float
    high: float

    @property
    def width(self) -> float:
        return round(self.high - self.low, 2)


def axis(
    estimates: Iterable[Estimate | None], *, target: float | None = None, lowest: float | None = None
) -> Axis:
    """Return a common axis that shows all intervals, the target and ``lowest``, in round steps up to 100 %."""
    lows = [found.low for found in estimates if found is not None]
    lows += [share for share in (target, lowest) if share is not None]
    lowest = min(lows, default=0.5)
    step = next(
        step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if (1 - lowest) / step <= 5 or step == 0.25
    )
    low = max(0.0, floor(lowest / step + 1e-9) * step)
    low = min(low, 1.0 - step)
    shape = Axis(low, (), None)
    count = round((1 - low) / step)
    ticks = tuple(
        Tick(shape.at(1 - n * step), f"{round((1 - n * step) * 100)}") for n in range(count, -1, -1)
    )
    return Axis(low, ticks, shape.at(target) if target is not None else None)


def mark(on: Axis, found: Estimate | None) -> Mark | None:
    """Return where an estimate stands on an axis; None if there is none."""
    if found is None:
        return None
    return Mark(on.at(found.share), on.at(found.low), on.at(found.high))


@dataclass(frozen=True, slots=True)
class Point:
    """One week on the curve, in per cent from the left and from the top."""

    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Weeks as a line with a band: paths in a 100 x 100 drawing, points and labels in per cent."""

    line: str
    band: str
    points: tuple[Point, ...]
    weeks: tuple[Tick, ...]
    shares: tuple[Tick, ...]
    versions: tuple[Tick, ...]
    target: float | None


def curve(weeks: Sequence[Week], *, target: float | None = None) -> Curve:
    """Return the curve of the weeks; it is broken where a week has too few checked values."""
    scale = axis([week.row.estimate for week in weeks], target=target)
    steps = max(len(weeks) - 1, 1)

    def x(number: int) -> float:
        return round(MARGIN + number / steps * (100.0 - 2 * MARGIN), 2)

    def y(share: float) -> float:
        return round(100.0 - scale.at(share), 2)

    lines, bands, points = [], [], []
    for stretch in _stretches(weeks):
        known = [(number, weeks[number].row.estimate) for number in stretch]
        places = [(x(n), y(e.share), y(e.low), y(e.high)) for n, e in known if e is not None]
        lines.append("M" + " L".join(f"{at} {share}" for at, share, _, _ in places))
        upper = [f"{at} {high}" for at, _, _, high in places]
        lower = [f"{at} {low}" for at, _, low, _ in reversed(places)]
        bands.append("M" + " L".join(upper + lower) + " Z")
        points += [
            Point(
                at, share, f"Week of {weeks[number].row.label}: {e.share:.1%} ({e.low:.1%} to {e.high:.1%})"
            )
            for (at, share, _, _), (number, e) in zip(places, known, strict=True)
            if e is not None
        ]
    every = -(-len(weeks) // MAXIMUM_LABELS)
    return Curve(
        line=" ".join(lines),
        band=" ".join(bands),
        points=tuple(points),
        weeks=tuple(Tick(x(n), week.row.label) for n, week in enumerate(weeks) if n % every == 0),
        shares=tuple(Tick(round(100.0 - tick.at, 2), tick.label) for tick in scale.ticks),
        versions=tuple(
            Tick(x(n), ", ".join(week.new_versions)) for n, week in enumerate(weeks) if week.new_versions
        ),
        target=round(100.0 - scale.target, 2) if scale.target is not None else None,
    )


def _stretches(weeks: Sequence[Week]) -> list[list[int]]:
    """Return the numbers of consecutive weeks that have an estimate."""
    stretches: list[list[int]] = []
    for number, week in enumerate(weeks):
        if week.row.estimate is None:
            continue
        if stretches and stretches[-1][-1] == number - 1:
            stretches[-1].append(number)
        else:
            stretches.append([number])
    return stretches


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a page: what to show of it and where the value stands, in the picture's pixels."""

    width: int
    height: int
    view: tuple[float, float, float, float]
    box: tuple[float, float, float, float]


def snippet(correction: Correction, size: tuple[int, int] | None) -> Snippet | None:
    """Return the piece of the page around a corrected value; None if it was read nowhere.

    :param size: width and height of the page's picture in pixels.
    """
    if correction.box is None or size is None:
        return None
    width, height = size
    x0, x1 = correction.box[0] * width, correction.box[2] * width
    y0, y1 = correction.box[1] * height, correction.box[3] * height
    # Two and a half lines high, a quarter wider than the value, never less than 3 % of the page.
    shown_height = max((y1 - y0) * 2.5, (x1 - x0) * 1.25 / SNIPPET_SHAPE, height * 0.03)
    shown_width = min(shown_height * SNIPPET_SHAPE, width)
    left = min(max((x0 + x1 - shown_width) / 2, 0), width - shown_width)
    top = min(max((y0 + y1 - shown_height) / 2, 0), max(height - shown_height, 0))
    return Snippet(
        width,
        height,
        (round(left, 1), round(top, 1), round(shown_width, 1), round(shown_height, 1)),
        (round(x0, 1), round(y0, 1), round(x1 - x0, 1), round(y1 - y0, 1)),
    )
