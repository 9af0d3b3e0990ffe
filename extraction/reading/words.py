"""The words of a page: its own text layer if that is sound, else those recognised on its picture."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from extraction.schema import PageImage, Word

from .ocr import find_direction, recognise_turned, straighten

if TYPE_CHECKING:
    from PIL.Image import Image


def read_words(page: PageImage) -> tuple[PageImage, tuple[Word, ...]]:
    """Return the page set upright and its words in reading order.

    The page comes back as it was if it has a sound text layer or already stands upright and
    straight; otherwise with a turned picture, to which the words' boxes refer.

    :raises ReaderError: if the page must be recognised and the weights are not installed.
    """
    if page.text_words is not None:
        return page, page.text_words
    image = page.open_image()
    found = recognise_turned(image)
    return _turned(page, image, turn=found.turn, skew=found.skew), found.words


def upright(page: PageImage) -> PageImage:
    """Return the page set upright and level, without reading it.

    A page with a sound text layer is upright already. ``read_words`` does the same on its way.

    :raises ReaderError: if the weights are not installed.
    """
    if page.text_words is not None:
        return page
    image = page.open_image()
    turn, skew = find_direction(image)
    return _turned(page, image, turn=turn, skew=skew)


def _turned(page: PageImage, image: Image, *, turn: int, skew: float) -> PageImage:
    if not turn and not skew:
        return page
    turned = straighten(image, turn=turn, skew=skew)
    buffer = io.BytesIO()
    turned.save(buffer, "JPEG", quality=88)
    return replace(
        page,
        width=turned.width,
        height=turned.height,
        picture=buffer.getvalue(),
        rotation=(page.rotation + turn) % 360,
    )
