"""Finds the lines of text in a picture (DBNet; Liao et al., AAAI 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from .weights import DETECTOR, session

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The detector sees the page shrunk to this many pixels: letter size at 110 dpi, where 6-point print is still found.
DETECTION_PIXELS: Final = 1_150_000

_THRESHOLD: Final = 0.2  # these three as the weights' own inference.yml states them
_BOX_THRESHOLD: Final = 0.4
_UNCLIP: Final = 1.4
_MAX_LINES: Final = 1500
_MIN_SIDE: Final = 3.0

_MEAN: Final = (0.485, 0.456, 0.406)
_DEVIATION: Final = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Region:
    """A slanted rectangle with a line of text in it, in pixels of the picture.

    ``center`` is (x, y), ``length`` runs along the text and ``thickness`` across it, ``angle`` is the clockwise
    slope of the text in degrees, from -45 to 135: up to 45 the text lies, above it stands.
    """

    center: tuple[float, float]
    length: float
    thickness: float
    angle: float

    @property
    def stands(self) -> bool:
        return self.angle > 45

    def on_its_head(self, width: int, height: int) -> Region:
        """Return the region on the picture (of that width and height in pixels) turned by 180 degrees."""
        return replace(self, center=(width - self.center[0], height - self.center[1]))

    def corners(self) -> NDArray[np.float32]:
        """Return the corners, shape (4, 2): top left, top right, bottom right, bottom left as the text runs."""
        along = np.array([math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))])
        across = np.array([-along[1], along[0]])
        a, b = along * self.length / 2, across * self.thickness / 2
        center = np.array(self.center)
        return np.array([center - a - b, center + a - b, center + a + b, center - a + b], dtype=np.float32)


def find_regions(image: NDArray[np.uint8], *, pixels: int = DETECTION_PIXELS) -> list[Region]:
    """Return the lines of text in a picture.

    :param image: shape (height, width, 3), BGR.
    :param pixels: the size at which to look, in pixels of area; larger pictures are shrunk to it.
    """
    import cv2

    height, width = image.shape[:2]
    scale = min(1.0, math.sqrt(pixels / (height * width)))
    # The network halves five times.
    seen_height = max(round(height * scale / 32) * 32, 32)
    seen_width = max(round(width * scale / 32) * 32, 32)
    shrunk = cv2.resize(image, (seen_width, seen_height), interpolation=cv2.INTER_AREA)
    normal = np.empty((1, 3, seen_height, seen_width), np.float32)
    for channel, (mean, deviation) in enumerate(zip(_MEAN, _DEVIATION, strict=True)):
        np.multiply(shrunk[:, :, channel], np.float32(1 / (255 * deviation)), out=normal[0, channel])
        normal[0, channel] -= mean / deviation
    chart = session(DETECTOR).run(None, {"x": normal})[0][0, 0]
    contours, _ = cv2.findContours(
        (chart > _THRESHOLD).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE
    )
    stretch = (width / seen_width, height / seen_height)
    regions = []
    for contour in contours[:_MAX_LINES]:
        (x, y), (w, h), angle = cv2.minAreaRect(contour)
        if min(w, h) < _MIN_SIDE or _mean_inside(chart, contour) < _BOX_THRESHOLD:
            continue
        # The network was trained on shrunken lines; this undoes it (DBNet, eq. 10: offset = area * ratio / perimeter).
        grow = w * h * _UNCLIP / (w + h)
        regions.append(_region(x, y, w + grow, h + grow, angle, stretch))
    return regions


def _mean_inside(chart: NDArray[np.float32], contour: NDArray[np.int32]) -> float:
    import cv2

    x, y, w, h = cv2.boundingRect(contour)
    mask = np.zeros((h, w), np.uint8)
    cv2.fillPoly(mask, [contour - np.array([x, y], dtype=np.int32)], 1)
    return float(cv2.mean(chart[y : y + h, x : x + w], mask)[0])


def _region(x: float, y: float, w: float, h: float, angle: float, stretch: tuple[float, float]) -> Region:
    """Make a region of OpenCV's rectangle, whose angle lies in (0, 90] with either side first."""
    if w < h:
        w, h, angle = h, w, angle - 90
    # Nearly square ones (a page number, a single letter) have no direction of their own: they lie.
    if angle < -45:
        angle += 180
    if w < 1.3 * h and abs(angle) > 45:
        w, h, angle = h, w, angle - 90
    mean = (stretch[0] + stretch[1]) / 2  # they differ by the rounding to 32 only
    return Region(center=(x * stretch[0], y * stretch[1]), length=w * mean, thickness=h * mean, angle=angle)
