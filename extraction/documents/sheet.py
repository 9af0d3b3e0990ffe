"""Finds the sheet of paper in a photograph and lays it flat: perspective, a bend that its edges show, uneven light.

Whatever is not surely a sheet on something else is left alone: scans, drawn pages and photographs that the paper fills
come back untouched. Works on pixels only; run in the limited child process, on what was decoded there.

How a sheet is found. At a side of 700 pixels the print is closed (grey-scale closing takes out what is darker and
thinner than a few pixels), then several ways of parting paper from table propose outlines: brightness, colour,
distance from the colours along the frame, edges. Each side of an outline is looked for again across its own
direction, at the strongest step in Lab colour, and fitted with a cubic. An outline counts if all four sides are
there; the best one is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Points = NDArray[np.float64]

# Share of neighbours that are exactly equal. Generated photographs, compressed as messengers do, have up to 0.78;
# drawn pages stored as JPEG 0.84 and more.
_DRAWN: Final = 0.81

# The side at which a sheet is looked for: its edge is then a step over one or two pixels and print is thin enough
# to close.
FINDING_SIDE: Final = 700

# How far from its proposed place a side is looked for, as a share of the picture's diagonal: more than paper bends.
_REACH: Final = 0.035
_SAMPLES: Final = 56  # places along a side

# A step counts from this difference in Lab (CIE 1976) between the two strips beside it. A white sheet on a white table
# shows its own shadow with 6 to 10; grain of wood and cloth, closed, steps by 2 to 5.
_STEP: Final = 6.0
_ON_SIDE: Final = 3.0  # pixels from the fitted curve within which a step belongs to the side
_SAME: Final = 4.0  # pixels by which two proposals may differ that lead to the same sides
_SUPPORT: Final = 0.6  # share of a side's places at which its step must be seen
_ALL_SUPPORT: Final = 0.75  # and on the mean over the four sides

# Shares of the picture: a smaller quadrangle is a box on a page or a card on the table, a larger one is the
# picture itself.
_SMALLEST: Final = 0.18
_WHOLE: Final = 0.965

# Share of the print that may stand outside the outline: a coloured panel on a page has most of it outside.
_PRINT_OUTSIDE: Final = 0.3

# Angles of the outline in degrees; a phone that is tilted by 35 degrees makes 60 of 90.
_SHARPEST: Final = 55.0

# A bend is undone if an edge bows by more than this share of the diagonal: less is within the error of finding it.
_BENT: Final = 0.0025

# Paper is brought to this level; what is darker than a third of it is not lifted all the way, it holds nothing but
# noise.
_PAPER: Final = 235
_DARKEST: Final = 60
_SHARPENING: Final = 0.6  # of the difference to the same picture blurred by a pixel


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where a sheet lies in a picture.

    ``corners`` are four (x, y) as fractions of the picture's width and height: top left, top right, bottom right,
    bottom left as the picture is seen. ``bows`` are, for the top, right, bottom and left side in that order, the
    offsets from the straight side at evenly spaced places from corner to corner (clockwise), each an (x, y) as
    fractions; empty if the sheet is flat. ``cut`` says that the sheet runs out of the picture: then it is not laid
    flat.
    """

    corners: tuple[tuple[float, float], ...]
    bows: tuple[tuple[tuple[float, float], ...], ...] = ()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Side:
    """One side as it was found: a cubic of offsets (pixels) along ``start`` + t * ``along``, t from 0 to 1."""

    start: Points
    along: Points
    across: Points
    cubic: NDArray[np.float64]
    support: float
    strength: float

    def at(self, t: Any) -> Points:
        offset = _cubic_at(self.cubic, t)
        return np.asarray(
            self.start + np.multiply.outer(t, self.along) + np.multiply.outer(offset, self.across)
        )

    def slope_at(self, t: float) -> Points:
        a, b, c, _ = self.cubic
        return np.asarray(self.along + ((3 * a * t + 2 * b) * t + c) * self.across)


def find_sheet(pixels: Pixels) -> Sheet | None:
    """Return where a sheet of paper lies in a photograph, or None if there is surely or possibly none.

    :param pixels: shape (height, width, 3), RGB, the right way round for the camera; turned by quarters is fine.
    """
    import cv2

    height, width = pixels.shape[:2]
    if min(height, width) < 300 or _is_drawn(pixels):
        return None
    scale = min(1.0, FINDING_SIDE / max(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    # Of a large picture the middle four of sixteen pixels (or all four of four) are enough to average over, and at
    # whole numbers this is what interpolating does, in a quarter of the time.
    whole = 4 if scale < 0.2 else 2 if scale < 0.4 else 1
    fewer = cv2.resize(pixels, (width // whole, height // whole), interpolation=cv2.INTER_LINEAR)
    small = cv2.resize(fewer, size, interpolation=cv2.INTER_AREA)
    closed = _without_print(np.asarray(small, np.uint8))
    best: tuple[float, list[_Side], Points] | None = None
    cut: Points | None = None
    tried: list[Points] = []
    for outline in _outlines(closed):
        if any(np.abs(outline - earlier).max() < _SAME for earlier in tried):
            continue
        tried.append(outline)
        sides, corners = _settle(closed, outline)
        area = abs(float(cv2.contourArea(corners.astype(np.float32)))) / (size[0] * size[1])
        if not _SMALLEST < area < _WHOLE or not _is_plausible(corners):
            continue
        seen = [side.support for side in sides]
        at_frame = [_at_frame(side, size) for side in sides]
        if all(support >= _SUPPORT for support in seen) and np.mean(seen) >= _ALL_SUPPORT:
            contrast = min(25.0, *(side.strength for side in sides))
            score = float(np.mean(seen)) * contrast * math.sqrt(area)
            if best is None or score > best[0]:
                best = (score, sides, corners)
        elif sum(s >= _ALL_SUPPORT for s, out in zip(seen, at_frame, strict=True) if not out) >= 2 and all(
            support >= _ALL_SUPPORT or out for support, out in zip(seen, at_frame, strict=True)
        ):
            cut = corners
    found = best[2] if best is not None else cut
    if found is None or _print_outside(np.asarray(small, np.uint8), closed, found) > _PRINT_OUTSIDE:
        return None
    if best is None:
        return Sheet(_fractions(found, size), cut=True)
    _, sides, corners = best
    outside = np.maximum(np.maximum(-corners, corners - np.array(size)), 0) / max(size)
    return Sheet(_fractions(corners, size), _bows(sides, corners, size), cut=bool(outside.max() > 0.01))


def lay_flat(pixels: Pixels, sheet: Sheet, most_pixels: int) -> Pixels:
    """Return the sheet alone, as a rectangle of at most ``most_pixels``, never enlarged.

    :param pixels: the picture in which ``sheet`` was found, at any size, RGB.
    """
    import cv2

    height, width = pixels.shape[:2]
    corners = np.array(sheet.corners) * (width, height)
    top, right, bottom, left = (float(np.hypot(*(corners[(i + 1) % 4] - corners[i]))) for i in range(4))
    out_w, out_h = (top + bottom) / 2, (left + right) / 2
    shrink = min(1.0, math.sqrt(most_pixels / (out_w * out_h)))
    if shrink < 0.6:  # interpolation alone would drop every other pixel
        pixels = np.asarray(
            cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8
        )
        return lay_flat(pixels, sheet, most_pixels)
    size = (max(round(out_w * shrink), 1), max(round(out_h * shrink), 1))
    target = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float32)
    matrix = cv2.getPerspectiveTransform(target, corners.astype(np.float32))
    if sheet.bows:
        map_x, map_y = _bent_maps(np.asarray(matrix), sheet, size, (width, height))
        flat = cv2.remap(pixels, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    else:
        flat = cv2.warpPerspective(
            pixels,
            matrix,
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return np.asarray(flat, np.uint8)


def clean(page: Pixels) -> Pixels:
    """Return a sheet that was laid flat with its shadows taken out and a little sharpened."""
    return _sharpened(_evenly_lit(page))


def _is_drawn(pixels: Pixels) -> bool:
    """Say whether a picture was drawn or thresholded, not taken: neighbours are equal nearly everywhere, or it is
    grey."""
    height, width = pixels.shape[:2]
    sample = pixels[height // 8 : -height // 8 : max(height // 100, 1), width // 8 : -width // 8].astype(
        np.int16
    )
    if np.abs(sample[..., 0] - sample[..., 2]).max() <= 2:
        return True
    return float((sample[:, 1:] == sample[:, :-1]).all(axis=2).mean()) > _DRAWN


def _without_print(small: Pixels) -> NDArray[np.float32]:
    """Return the picture in Lab (L 0 to 100), print closed over and grain smoothed."""
    import cv2

    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (7, 7)))
    closed = cv2.medianBlur(closed, 5)
    lab = cv2.cvtColor(closed, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 0] *= 100 / 255
    return np.asarray(lab)


def _outlines(lab: NDArray[np.float32]) -> Iterator[Points]:
    """Propose quadrangles, shape (4, 2), in pixels, clockwise from the top left."""
    import cv2

    height, width = lab.shape[:2]
    light = lab[..., 0]
    chroma = np.hypot(lab[..., 1] - 128, lab[..., 2] - 128)
    strip = max(round(0.02 * min(height, width)), 3)
    frame = np.concatenate(
        [
            lab[:strip].reshape(-1, 3),
            lab[-strip:].reshape(-1, 3),
            lab[:, :strip].reshape(-1, 3),
            lab[:, -strip:].reshape(-1, 3),
        ]
    )
    middle = lab[height // 3 : -height // 3, width // 3 : -width // 3].reshape(-1, 3)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.5)
    cv2.setRNGSeed(1)
    chosen = frame[::5].copy()
    labels = np.zeros((len(chosen), 1), np.int32)
    _, _, colors = cv2.kmeans(chosen, 3, labels, criteria, 1, cv2.KMEANS_PP_CENTERS)
    paper = np.median(middle, axis=0)
    # Colours of the frame that are the paper's own are left out: there the sheet touches the frame.
    foreign = [color for color in colors if np.hypot.reduce(color - paper) > 8] or list(colors)
    distance = np.minimum.reduce([_distance(lab, color) for color in foreign])
    nearness = _distance(lab, paper)
    for chart in (light, 60 - chroma, distance, 100 - nearness, distance - nearness):
        levels = _stretched(chart)
        level, mask = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        yield from _quadrangles(np.asarray(mask, np.uint8))
        if chart is light:
            yield from _quadrangles(cv2.threshold(levels, (level + 255) / 2, 255, cv2.THRESH_BINARY)[1])
            yield from _quadrangles(cv2.threshold(levels, level * 0.75, 255, cv2.THRESH_BINARY)[1])
    edges = np.zeros((height, width), np.uint8)
    for channel, low in ((0, 12), (1, 8), (2, 8)):
        plane = _stretched(light) if channel == 0 else lab[..., channel].astype(np.uint8)
        edges = np.maximum(edges, np.asarray(cv2.Canny(plane, low * 2, low * 5), np.uint8))
    # Edges part the picture into regions; that around the middle, holes filled, is the sheet.
    walls = cv2.dilate(edges, np.ones((3, 3), np.uint8))
    yield from _quadrangles(np.where(walls > 0, 0, 255).astype(np.uint8))


def _print_outside(small: Pixels, closed: NDArray[np.float32], corners: Points) -> float:
    """Return which share of what looks like words (dark, small, closed over) stands outside the outline."""
    import cv2

    light = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32) * (100 / 255)
    ink = (closed[..., 0] - light > 9).astype(np.uint8)
    _, _, found, middles = cv2.connectedComponentsWithStats(ink, connectivity=8)
    _, _, wide, high, area = found[1:].T
    words = middles[1:][(high >= 2) & (high <= 16) & (wide >= 3) & (wide <= 90) & (area >= 8)]
    if len(words) < 8:
        return 0.0
    outline = corners.astype(np.float32)
    within = [cv2.pointPolygonTest(outline, (float(x), float(y)), measureDist=False) >= 0 for x, y in words]
    return 1 - sum(within) / len(words)


def _stretched(chart: Any) -> Pixels:
    """Return a chart with its lowest value at 0 and its highest at 255."""
    low, high = float(chart.min()), float(chart.max())
    return np.asarray((chart - low) * (255 / max(high - low, 1e-6)), np.uint8)


def _distance(lab: NDArray[np.float32], color: Any) -> NDArray[np.float32]:
    """Return each pixel's distance from a colour; brightness counts less, it changes over a sheet."""
    import cv2

    light, a, b = (lab[..., i] - np.float32(color[i]) for i in range(3))
    return np.asarray(cv2.magnitude(cv2.magnitude(a, b), light * np.float32(0.6)))


def _quadrangles(mask: Any) -> Iterator[Points]:
    """Propose the outline of the largest piece of a mask, if it could be a sheet."""
    import cv2

    height, width = mask.shape
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    contours, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:1]:
        if cv2.contourArea(contour) < 0.6 * _SMALLEST * width * height:
            return
        hull = cv2.convexHull(contour)
        around = cv2.arcLength(hull, closed=True)
        for epsilon in (0.015, 0.025, 0.04, 0.06, 0.08):
            corners = cv2.approxPolyDP(hull, epsilon * around, closed=True)
            if len(corners) <= 4:
                break
        if len(corners) != 4:
            corners = cv2.boxPoints(cv2.minAreaRect(hull))
        yield _clockwise(np.asarray(corners, np.float64).reshape(4, 2))


def _clockwise(corners: Points) -> Points:
    """Order corners clockwise as seen, from the one nearest to the top left."""
    middle = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    ordered = corners[np.argsort(angles)]
    return np.asarray(np.roll(ordered, -int(np.argmin(ordered.sum(axis=1))), axis=0))


def _settle(lab: NDArray[np.float32], outline: Points) -> tuple[list[_Side], Points]:
    """Look for each side where its step is strongest, twice: the second time from where the first found it."""
    corners = outline
    sides: list[_Side] = []
    reach = _REACH * math.hypot(*lab.shape[:2])
    for share in (1.0, 0.5):
        sides = [_side(lab, corners[i], corners[(i + 1) % 4], reach * share) for i in range(4)]
        found = np.array([_crossing(sides[i - 1], sides[i], corners[i]) for i in range(4)])
        if np.abs(found - corners).max() > 2 * reach:
            return sides, corners
        corners = found
    return sides, corners


def _side(lab: NDArray[np.float32], start: Points, end: Points, reach: float) -> _Side:
    import cv2

    along = end - start
    length = max(float(np.hypot(*along)), 1.0)
    across = np.array([-along[1], along[0]]) / length  # clockwise corners: this points into the sheet
    places = np.linspace(0.03, 0.97, _SAMPLES)
    offsets = np.arange(-math.ceil(reach) - 6, math.ceil(reach) + 7, dtype=np.float64)
    points = start + np.multiply.outer(places, along)[:, None, :] + np.multiply.outer(offsets, across)[None]
    profile = cv2.remap(
        lab,
        points[..., 0].astype(np.float32),
        points[..., 1].astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    sums = np.cumsum(np.pad(profile, ((0, 0), (1, 0), (0, 0))), axis=1)
    mean = (sums[:, 5:] - sums[:, :-5]) / 5  # over five pixels
    # The strips lie a pixel apart.
    steps = np.linalg.norm((mean[:, 6:] - mean[:, :-6]) * (0.8, 1.0, 1.0), axis=2)
    where = slice(5, 5 + steps.shape[1])
    inside: Any = ((points > 0) & (points < (lab.shape[1] - 1, lab.shape[0] - 1))).all(axis=2)
    steps = np.where(inside[:, where], steps, 0)
    at = steps.argmax(axis=1)
    strength = steps[np.arange(_SAMPLES), at]
    offset = offsets[where][at]
    cubic, belongs = _fit(places, offset, strength)
    return _Side(
        start,
        along,
        across,
        cubic,
        float((belongs & (strength >= _STEP)).mean()),
        float(np.median(strength[belongs])) if belongs.any() else 0.0,
    )


def _fit(places: Points, offset: Points, strength: Points) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Fit a cubic to steps of which many may belong to something else: first the best line, then those near it."""
    sure = strength >= _STEP
    if sure.sum() < 8:
        return np.zeros(4), np.zeros(len(places), bool)
    index = np.flatnonzero(sure)
    first, second = np.triu_indices(len(index), k=max(len(index) // 3, 1))
    one, other = index[first[::3]], index[second[::3]]
    slopes = (offset[other] - offset[one]) / (places[other] - places[one])
    levels = offset[one] - slopes * places[one]
    off = np.abs(slopes[:, None] * places[index] + levels[:, None] - offset[index])
    chosen = int((off < 2 * _ON_SIDE).sum(axis=1).argmax())
    best = np.array([slopes[chosen], levels[chosen]])
    cubic = np.concatenate([np.zeros(2), best])
    belongs = sure & (np.abs(_cubic_at(cubic, places) - offset) < 4 * _ON_SIDE)
    for _ in range(4):
        if belongs.sum() < 8:
            return np.concatenate([np.zeros(2), best]), belongs
        degree = 3 if belongs.mean() > 0.6 else 1
        fitted = np.polyfit(places[belongs], offset[belongs], degree)
        cubic = np.concatenate([np.zeros(3 - degree), fitted])
        before, belongs = belongs, sure & (np.abs(_cubic_at(cubic, places) - offset) < _ON_SIDE)
        if (before == belongs).all():
            break  # the next fit would be the same
    return cubic, belongs


def _cubic_at(cubic: NDArray[np.float64], t: Any) -> Any:
    """Return a cubic's values; numpy's polyval takes three times as long for so few."""
    a, b, c, d = cubic
    return ((a * t + b) * t + c) * t + d


def _crossing(one: _Side, other: _Side, near: Points) -> Points:
    """Return where the end of one side meets the start of the next, from the tangents at both."""
    t, s = 1.0, 0.0
    point = near
    for _ in range(3):
        (a, c), (b, d) = one.slope_at(t), -other.slope_at(s)
        determinant = a * d - b * c
        if abs(determinant) < 1e-6:
            return near
        x, y = other.at(s) - one.at(t)
        t = min(max(t + float((d * x - b * y) / determinant), 0.8), 1.2)
        s = min(max(s + float((a * y - c * x) / determinant), -0.2), 0.2)
        point = (one.at(t) + other.at(s)) / 2
    return np.asarray(point)


def _is_plausible(corners: Points) -> bool:
    """Say whether four corners could be a rectangle seen at an angle."""
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    if lengths.min() < 40 or max(lengths[0] / lengths[2], lengths[2] / lengths[0]) > 1.8:
        return False
    if max(lengths[1] / lengths[3], lengths[3] / lengths[1]) > 1.8:
        return False
    for i in range(4):
        before, after = -sides[i - 1], sides[i]
        angle = math.degrees(math.acos(float(before @ after) / float(lengths[i - 1] * lengths[i])))
        if not _SHARPEST < angle < 180 - _SHARPEST:
            return False
    return True


def _at_frame(side: _Side, size: tuple[int, int]) -> bool:
    """Say whether a side runs along the picture's own edge, where no step can be seen."""
    points = side.start + np.multiply.outer(np.linspace(0.1, 0.9, 9), side.along)
    distance = np.minimum(points, np.array(size) - 1 - points).min(axis=1)
    return bool(np.median(distance) < 0.012 * max(size))


def _fractions(corners: Points, size: tuple[int, int]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x) / size[0], float(y) / size[1]) for x, y in corners)


def _bows(
    sides: list[_Side], corners: Points, size: tuple[int, int]
) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return how far each side stands off the straight line between its corners, if any does so measurably."""
    bows = []
    for i, side in enumerate(sides):
        start, end = corners[i], corners[(i + 1) % 4]
        line = end - start
        length = float(np.hypot(*line))
        normal = np.array([-line[1], line[0]]) / length
        points = side.at(np.linspace(-0.1, 1.1, 61)) - start
        offsets = np.interp(np.linspace(0, 1, 33), points @ line / length**2, points @ normal)
        offsets -= np.linspace(offsets[0], offsets[-1], 33)  # both ends are corners
        bows.append(offsets[:, None] * normal)
    if max(float(np.hypot(bow[:, 0], bow[:, 1]).max()) for bow in bows) < _BENT * math.hypot(*size):
        return ()
    return tuple(_fractions(bow, size) for bow in bows)


def _bent_maps(
    matrix: NDArray[np.float64], sheet: Sheet, size: tuple[int, int], source: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where each pixel of the flat sheet lies in the picture: the perspective, and the bows of the sides
    blended over the sheet (Coons, Surfaces for Computer-Aided Design of Space Forms, 1967)."""
    import cv2

    columns, rows = 41, 41
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    flat = np.stack([u * size[0], v * size[1], np.ones_like(u)], axis=-1) @ matrix.T
    places = flat[..., :2] / flat[..., 2:]
    top, right, bottom, left = (np.array(bow) * source for bow in sheet.bows)
    corners = np.array(sheet.corners) * source
    even = np.linspace(0, 1, 33)

    def along(edge: Any, bow: Any, start: int, end: int) -> Any:
        """Take a side's bow at the places of the grid along it, which perspective spaces unevenly."""
        line = corners[end] - corners[start]
        share = (edge - corners[start]) @ line / (line @ line)
        return np.column_stack([np.interp(share, even, bow[:, axis]) for axis in (0, 1)])

    places = (
        places
        + (1 - v)[..., None] * along(places[0], top, 0, 1)[None]
        + v[..., None] * along(places[-1], bottom[::-1], 3, 2)[None]
        + (1 - u)[..., None] * along(places[:, 0], left[::-1], 0, 3)[:, None]
        + u[..., None] * along(places[:, -1], right, 1, 2)[:, None]
    )
    # Enlarged so that the first and last samples fall on the first and last pixels.
    enlarge = np.array(
        [[(columns - 1) / max(size[0] - 1, 1), 0, 0], [0, (rows - 1) / max(size[1] - 1, 1), 0]]
    )
    maps = [
        cv2.warpAffine(
            np.ascontiguousarray(places[..., axis], np.float32),
            enlarge,
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for axis in (0, 1)
    ]
    return np.asarray(maps[0]), np.asarray(maps[1])


def _evenly_lit(page: Pixels) -> Pixels:
    """Divide by the paper's own brightness, which is what stays when print is closed over; hues are kept."""
    import cv2

    height, width = page.shape[:2]
    scale = 160 / max(height, width)
    small = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).max(axis=2)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    paper = cv2.morphologyEx(cv2.medianBlur(small, 3), cv2.MORPH_CLOSE, kernel)
    paper = cv2.GaussianBlur(paper, (0, 0), 4)
    paper = np.maximum(paper, _DARKEST).astype(np.uint8)
    whole = cv2.resize(paper, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.divide(page, cv2.merge([whole] * 3), scale=_PAPER), np.uint8)


def _sharpened(page: Pixels) -> Pixels:
    import cv2

    soft = cv2.GaussianBlur(page, (5, 5), 1.0)
    return np.asarray(cv2.addWeighted(page, 1 + _SHARPENING, soft, -_SHARPENING, 0), np.uint8)
