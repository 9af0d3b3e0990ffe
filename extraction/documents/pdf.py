"""Opens PDF files with pdfium. Runs in the limited child process only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium_c

from extraction.schema import PageImage

from .limits import Limits
from .pictures import encode_jpeg
from .refusal import DAMAGED, ENCRYPTED, NO_PAGES, PAGE_TOO_LARGE, TOO_MANY_PAGES, DocumentRefused
from .text_layer import read_layer, sound_words

if TYPE_CHECKING:
    from PIL.Image import Image

POINTS_PER_INCH = 72

# A page with its own words is only looked at: 120 dpi shows 6-point print legibly at about 100 kB a page.
DISPLAY_DPI = 120

# Recognition works on letters of 20 pixels or more; 8-point print has them at 200 dpi. More only costs time,
# except on small pages (receipts), which are printed smaller.
READING_DPI = 200
READING_LONG_SIDE = 2600


def open_pdf(document: bytes, limits: Limits) -> pypdfium2.PdfDocument:
    """Open a PDF and check how many pages it has.

    :raises DocumentRefused: ``encrypted``, ``damaged``, ``no_pages`` or ``too_many_pages``.
    """
    try:
        pdf = pypdfium2.PdfDocument(document)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium_c.FPDF_ERR_PASSWORD:
            raise DocumentRefused(
                ENCRYPTED,
                "The PDF is protected with a password. Open it, save or print it without the password, "
                "and upload that file.",
            ) from error
        raise DocumentRefused(
            DAMAGED,
            "The PDF is damaged or incomplete and could not be opened. Ask for it again or print it to a new PDF.",
        ) from error
    count = len(pdf)
    if count == 0:
        raise DocumentRefused(NO_PAGES, "The PDF has no pages that can be read. Ask for it again.")
    if count > limits.pages:
        raise DocumentRefused(
            TOO_MANY_PAGES,
            f"The PDF has {count:,} pages; at most {limits.pages} can be read. "
            "Split it and upload each invoice as its own file.",
        )
    pdf.init_forms()
    return pdf


def read_page(pdf: pypdfium2.PdfDocument, number: int, limits: Limits) -> PageImage:
    """Render one page and take its words, if its text layer is sound.

    :raises DocumentRefused: ``damaged`` or ``page_too_large``.
    """
    page = _load(pdf, number, limits)
    try:
        # Filled-in form fields and stamps are annotations; flattened they are text like any other.
        pdfium_c.FPDFPage_Flatten(page.raw, pdfium_c.FLAT_NORMALDISPLAY)
        page.close()
        page = _load(pdf, number, limits)
        layer = read_layer(page)
        rotation = 0
        if layer.turn:
            page.set_rotation((page.get_rotation() + layer.turn) % 360)
            rotation = layer.turn
            layer = read_layer(page)
        if layer.words:
            picture = _render(page, DISPLAY_DPI, limits)
            sound = sound_words(layer, np.asarray(picture.convert("L")))
            if sound is not None:
                words, unread = sound
                if unread:  # these places will be recognised
                    picture = _render(page, _reading_dpi(page), limits)
                return PageImage(
                    number=number,
                    width=picture.width,
                    height=picture.height,
                    picture=encode_jpeg(picture, quality=80),
                    text_words=words,
                    rotation=rotation,
                    unread=unread,
                )
            if rotation:  # what an unsound layer says about the direction is not believed either
                page.set_rotation((page.get_rotation() - rotation) % 360)
        picture = _render(page, _reading_dpi(page), limits)
        return PageImage(
            number=number,
            width=picture.width,
            height=picture.height,
            picture=encode_jpeg(picture, quality=88),
        )
    finally:
        page.close()


def read_pages(pdf: pypdfium2.PdfDocument, limits: Limits) -> Iterator[PageImage]:
    """Yield every page of a PDF."""
    for number in range(len(pdf)):
        yield read_page(pdf, number, limits)


def preview(pdf: pypdfium2.PdfDocument, limits: Limits, *, side: int) -> Image:
    """Render the first page with about ``side`` pixels on its longer side, for a thumbnail."""
    page = _load(pdf, 0, limits)
    try:
        return _render(page, side * POINTS_PER_INCH / max(page.get_size()), limits)
    finally:
        page.close()


def _load(pdf: pypdfium2.PdfDocument, number: int, limits: Limits) -> pypdfium2.PdfPage:
    try:
        page = pdf[number]
    except pypdfium2.PdfiumError as error:
        raise DocumentRefused(
            DAMAGED,
            f"Page {number + 1} of the PDF is damaged and could not be opened. Ask for the file again.",
        ) from error
    width, height = page.get_size()
    if not (min(width, height) > 0 and max(width, height) <= limits.page_points):
        page.close()
        raise DocumentRefused(
            PAGE_TOO_LARGE,
            f"Page {number + 1} of the PDF measures {width / POINTS_PER_INCH:,.0f} x {height / POINTS_PER_INCH:,.0f} "
            f"inches; at most {limits.page_points / POINTS_PER_INCH:,.0f} can be read. "
            "Print the page to letter or A4 size and upload that.",
        )
    return page


def _reading_dpi(page: pypdfium2.PdfPage) -> float:
    by_side = READING_LONG_SIDE / float(max(page.get_size())) * POINTS_PER_INCH
    return min(max(by_side, 150.0), READING_DPI if by_side < 300 else 300.0)


def _render(page: pypdfium2.PdfPage, dpi: float, limits: Limits) -> Image:
    width, height = page.get_size()
    scale = min(
        dpi / POINTS_PER_INCH,
        math.sqrt(limits.rendering_pixels / (width * height)) * 0.999,
    )
    try:
        bitmap = page.render(scale=scale, may_draw_forms=True, rev_byteorder=True)
    except pypdfium2.PdfiumError as error:
        raise DocumentRefused(
            DAMAGED, "A page of the PDF is damaged and could not be drawn. Ask for the file again."
        ) from error
    image: Image = bitmap.to_pil().convert("RGB")
    return image
