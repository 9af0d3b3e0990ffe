"""How well a photo can be read, before anybody waits for the reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

# The longer side that a picture is shrunk to before it is judged, so that the figures do not depend on the camera.
_JUDGED_SIDE = 1000

# Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) of the sharpest tenth of the picture's tiles. Of 11 real
# pages blurred in six steps, those below this had lost between a sixth and all of their words; unblurred ones had
# 214 or more.
_BLURRED = 100.0

# Paper that is darker than this (0..255) is warned about; a choice, recognition itself copes with some darkness.
_DARK = 70.0

# A letter page with 700 pixels on its longer side has 64 dpi: 8-point print is 7 pixels high, too few to read surely.
_SMALL_SIDE = 700


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures about a picture, and in ``warnings`` what a person should know about it.

    ``sharpness`` is the variance of the Laplacian in the sharpest tenth of the tiles, ``brightness`` the
    mean level (0..255) of the lighter half of the picture, which is the paper, ``width`` and ``height`` the
    size as uploaded.
    """

    sharpness: float
    brightness: float
    width: int
    height: int
    warnings: tuple[str, ...] = ()


def measure_quality(image: Image, *, width: int, height: int) -> Quality:
    """Judge an upright RGB picture that was ``width`` x ``height`` pixels when it was uploaded."""
    import numpy as np
    from PIL import Image as Pillow

    gray = image.convert("L")
    gray.thumbnail((_JUDGED_SIDE, _JUDGED_SIDE), Pillow.Resampling.BOX)
    level = np.asarray(gray, dtype=np.float32)
    brightness = float(level[level >= np.median(level)].mean())
    sharpness = 0.0
    if min(level.shape) >= 3:
        laplacian = (
            level[:-2, 1:-1] + level[2:, 1:-1] + level[1:-1, :-2] + level[1:-1, 2:] - 4 * level[1:-1, 1:-1]
        )
        tile = 40
        rows, columns = laplacian.shape[0] // tile, laplacian.shape[1] // tile
        if rows and columns:
            tiles = laplacian[: rows * tile, : columns * tile].reshape(rows, tile, columns, tile)
            sharpness = float(np.quantile(tiles.var(axis=(1, 3)), 0.9))
        else:
            sharpness = float(laplacian.var())
    warnings = []
    if max(width, height) < _SMALL_SIDE:
        warnings.append(
            f"The picture is small ({width} x {height} pixels), so small print may be misread. "
            "A photo taken closer or a scan at 200 dpi or more reads better."
        )
    if sharpness < _BLURRED:
        warnings.append("The picture looks blurred. If you can, take it again: hold still, tap to focus.")
    if brightness < _DARK:
        warnings.append("The picture is dark. If you can, take it again in more light.")
    return Quality(
        sharpness=round(sharpness, 1),
        brightness=round(brightness, 1),
        width=width,
        height=height,
        warnings=tuple(warnings),
    )
