"""Pages as pictures for a vision-language model: as large as it can use, and crops of what matters."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from extraction.reading.survey import Survey
from extraction.schema import Box, PageImage

if TYPE_CHECKING:
    from PIL.Image import Image

LLAMA_TILE: Final = 560
"""Pixels; Llama 3.2 Vision cuts a picture into square tiles of this size (its processor's configuration)."""
LLAMA_MOST_TILES: Final = 4
PIXTRAL_LONGEST: Final = 1024
"""Pixels of the longest edge to which Pixtral's processor scales a picture."""

_HEADER = Box(0.0, 0.0, 1.0, 0.36)
_TOTALS = Box(0.0, 0.55, 1.0, 1.0)  # where no label tells better
_SUMS = ("subtotal", "tax_amount", "total", "amount_due", "retainage_amount")
_AROUND = 0.06  # of the page's height, around the labels of the sums


@dataclass(frozen=True, slots=True)
class PictureSize:
    """What a model can use of a picture.

    ``longest`` is in pixels; with ``tile`` and ``most_tiles`` the picture must also fit into the best of the
    canvases that so many square tiles make.
    """

    longest: int
    tile: int = 0
    most_tiles: int = 1


LLAMA: Final = PictureSize(LLAMA_TILE * LLAMA_MOST_TILES, LLAMA_TILE, LLAMA_MOST_TILES)
PIXTRAL: Final = PictureSize(PIXTRAL_LONGEST)


def fitted_size(width: int, height: int, size: PictureSize) -> tuple[int, int]:
    """Return the (width, height) in pixels to which a picture is scaled; never more than it has.

    Of the canvases of tiles the one is taken that keeps most of the picture, among equals the smallest: what
    Llama's own processor chooses for a picture that must be scaled down.
    """
    scale = min(1.0, size.longest / max(width, height))
    if size.tile:
        canvases = [
            (columns * size.tile, rows * size.tile)
            for columns in range(1, size.most_tiles + 1)
            for rows in range(1, size.most_tiles // columns + 1)
        ]
        best = max(canvases, key=lambda c: (min(c[0] / width, c[1] / height, 1.0), -c[0] * c[1]))
        scale = min(scale, best[0] / width, best[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def scaled(image: Image, size: PictureSize) -> Image:
    """Return the picture at the size that the model can use."""
    from PIL import Image as Pillow

    target = fitted_size(image.width, image.height, size)
    return image if target == image.size else image.resize(target, Pillow.Resampling.LANCZOS)


def crop_boxes(document: Survey, page: int) -> list[tuple[str, Box]]:
    """Return the parts of a page (number from 0) that are worth a picture of their own, with what they show.

    The head of the first page; on any page the surroundings of the labels of its sums, and where the last
    page has none, its lower part.
    """
    boxes = [("the head of the page", _HEADER)] if page == 0 else []
    sums = [
        token.box
        for label in document.labels.get(page, ())
        if any(label.strength_of(name) >= 0.6 for name in _SUMS)
        for token in label.tokens
    ]
    if sums:
        top, bottom = min(box.y0 for box in sums), max(box.y1 for box in sums)
        boxes.append(("its sums", Box(0.0, max(top - _AROUND, 0.0), 1.0, min(bottom + _AROUND, 1.0))))
    elif page == max(p.number for p in document.layout):
        boxes.append(("the foot of the page", _TOTALS))
    # a crop that is nearly the whole page shows nothing more
    return [(what, box) for what, box in boxes if box.height < 0.75]


def pictures_of(
    pages: Sequence[PageImage], document: Survey, size: PictureSize, *, crops: bool
) -> list[tuple[str, Image]]:
    """Return the pictures to show a model, each with what it shows.

    :param crops: add the parts that lose digits when a whole page is scaled down.
    """
    shown: list[tuple[str, Image]] = []
    for page in pages:
        image = page.open_image()
        whole = scaled(image, size)
        shown.append((f"page {page.number + 1}", whole))
        if not crops or whole.size == image.size:
            continue
        for what, box in crop_boxes(document, page.number):
            edges = (
                int(box.x0 * image.width),
                int(box.y0 * image.height),
                round(box.x1 * image.width),
                round(box.y1 * image.height),
            )
            part = image.crop(edges)
            if part.width > 1 and part.height > 1:
                shown.append((f"page {page.number + 1}, {what}", scaled(part, size)))
    return shown


def as_data_url(image: Image) -> str:
    """Encode a picture as a JPEG data URL."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
