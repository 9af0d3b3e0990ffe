"""The words of a page: its own text layer if that is sound, else those recognised on its picture."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from extraction.documents.lines import number_lines
from extraction.schema import Box, PageImage, Word

from .ocr import find_direction, recognise, recognise_turned, straighten

if TYPE_CHECKING:
    from PIL.Image import Image

# Sides of phones' pictures; paper is 1.294 (letter) or 1.414 (A4), and scanners cut receipts as they please.
_CAMERAS = (4 / 3, 16 / 9)
_SAME_RATIO = 0.005
# Pictures on a page with a text layer are logos as often as writing; only what is read well joins the words.
_SURE_IN_PICTURE = 0.8


def read_words(page: PageImage, *, careful: bool = False) -> tuple[PageImage, tuple[Word, ...]]:
    """Return the page set upright and its words in reading order.

    The page comes back as it was if it has a sound text layer or already stands upright and
    straight; otherwise with a turned picture, to which the words' boxes refer. Where a page with a sound
    text layer shows further writing, that is recognised and joins the layer's words.

    :param careful: read every line with the larger network, for comparison (``extraction.evaluation.ocr_speed``).
    :raises ReaderError: if the page must be recognised and the weights are not installed.
    """
    if page.text_words is not None:
        return page, _with_unread(page, page.text_words, careful=careful)
    # OpenCV stays out of processes that only open documents (docs/security.md).
    from .second_look import look_again

    image = page.open_image()
    found = recognise_turned(image, careful=careful)
    image = straighten(image, turn=found.turn, skew=found.skew)
    words = look_again(image, found.words, photograph=_is_photograph(page))
    return _turned(page, image, turn=found.turn, skew=found.skew), words


def _is_photograph(page: PageImage) -> bool:
    """Say whether a page was photographed: its sheet was found in a picture, or it has a camera's proportions.

    Of the page as it was taken: levelling a slope changes its proportions.
    """
    long, short = max(page.width, page.height), max(min(page.width, page.height), 1)
    return bool(page.outline) or any(abs(long / short - ratio) < _SAME_RATIO for ratio in _CAMERAS)


def upright(page: PageImage) -> PageImage:
    """Return the page set upright and level, without reading it.

    A page with a sound text layer is upright already. ``read_words`` does the same on its way.

    :raises ReaderError: if the weights are not installed.
    """
    if page.text_words is not None:
        return page
    image = page.open_image()
    turn, skew = find_direction(image)
    return _turned(page, straighten(image, turn=turn, skew=skew), turn=turn, skew=skew)


def _with_unread(page: PageImage, words: tuple[Word, ...], *, careful: bool) -> tuple[Word, ...]:
    """Add the words that stand in a page's pictures (``page.unread``) to those of its text layer."""
    if not page.unread:
        return words
    image = page.open_image()
    added = []
    for place in page.unread:
        left, top = int(place.x0 * page.width), int(place.y0 * page.height)
        right, bottom = math.ceil(place.x1 * page.width), math.ceil(place.y1 * page.height)
        crop = image.crop((left, top, right, bottom))
        for word in recognise(crop, careful=careful):
            box = Box(
                (left + word.box.x0 * crop.width) / page.width,
                (top + word.box.y0 * crop.height) / page.height,
                (left + word.box.x1 * crop.width) / page.width,
                (top + word.box.y1 * crop.height) / page.height,
            )
            if word.confidence >= _SURE_IN_PICTURE and not any(_covers(known.box, box) for known in words):
                added.append(replace(word, box=box))
    return number_lines((*words, *added), aspect=page.height / page.width) if added else words


def _covers(known: Box, box: Box) -> bool:
    """Say whether a word of the text layer stands on a good part of a recognised word's box."""
    width = min(known.x1, box.x1) - max(known.x0, box.x0)
    height = min(known.y1, box.y1) - max(known.y0, box.y0)
    return width > 0 and height > 0 and width * height > 0.3 * box.width * box.height


def _turned(page: PageImage, turned: Image, *, turn: int, skew: float) -> PageImage:
    if _is_photograph(page):
        page = replace(page, photographed=True)
    if not turn and not skew:
        return page
    buffer = io.BytesIO()
    turned.save(buffer, "JPEG", quality=88)
    return replace(
        page,
        width=turned.width,
        height=turned.height,
        picture=buffer.getvalue(),
        rotation=(page.rotation + turn) % 360,
    )
