"""Documents and pictures with known words, made on the spot for the tests."""

from __future__ import annotations

import io
from pathlib import Path

import pypdfium2
import reportlab
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import letter
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

# Bitstream Vera ships with reportlab and has the letters of Western Europe.
VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"

INVOICE_LINES = (
    "Miller & Sons Roofing LLC",
    "1420 Harbor Street, Tacoma, WA 98402",
    "Invoice number: MR-20417",
    "Invoice date: 03/14/2025",
    "Work order: 778213",
    "Remove old shingles   32 h   65.00   2,080.00",
    "Ridge vent, installed   1   415.50   415.50",
    "Subtotal: 2,495.50",
    "Sales tax 8.9%: 222.10",
    "Total due: $2,717.60",
    "Please pay within thirty days to the address above.",
)


def invoice_pdf(
    *,
    rotate: int = 0,
    lines: tuple[str, ...] = INVOICE_LINES,
    hidden: tuple[str, ...] = (),
    letterhead: str = "",
) -> bytes:
    """Return a one-page PDF with real text.

    ``hidden`` lines are in its text layer but leave no mark, a ``letterhead`` stands on it as a picture only.
    """
    out = io.BytesIO()
    page = canvas.Canvas(out, pagesize=letter)
    if letterhead:
        logo = invoice_picture(lines=(letterhead,), width=1500, height=320, size=64).crop(
            (100, 120, 1500, 320)
        )
        page.drawImage(ImageReader(logo), 72, 715, 420, 60)
    text = page.beginText(72, 700)
    text.setFont("Helvetica", 12)
    text.setLeading(20)
    for line in lines:
        text.textLine(line)
    page.drawText(text)
    if hidden:
        text = page.beginText(72, 200)
        text.setFont("Helvetica", 12)
        text.setTextRenderMode(3)
        for line in hidden:
            text.textLine(line)
        page.drawText(text)
    page.save()
    if not rotate:
        return out.getvalue()
    pdf = pypdfium2.PdfDocument(out.getvalue())
    pdf[0].set_rotation(rotate)
    turned = io.BytesIO()
    pdf.save(turned)
    return turned.getvalue()


def picture_pdf(image: Image.Image, *, hidden: tuple[str, ...] = (), stamp: str = "") -> bytes:
    """Return a PDF whose page is a picture, with an invisible text layer or a printed ``stamp`` if asked for."""
    out = io.BytesIO()
    page = canvas.Canvas(out, pagesize=letter)
    page.drawImage(ImageReader(image), 0, 0, *letter)
    if hidden:
        text = page.beginText(72, 700)
        text.setFont("Helvetica", 12)
        text.setTextRenderMode(3)
        for line in hidden:
            text.textLine(line)
        page.drawText(text)
    if stamp:
        page.setFont("Helvetica", 9)
        page.drawString(72, 20, stamp)
    page.save()
    return out.getvalue()


def invoice_picture(
    *, lines: tuple[str, ...] = INVOICE_LINES, width: int = 1700, height: int = 2200, size: int = 34
) -> Image.Image:
    """Return a white RGB page with the lines printed on it, as a 200 dpi scan would show letter paper."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(VERA), size)
    for number, line in enumerate(lines):
        draw.text((150, 180 + number * size * 2), line, fill="black", font=font)
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return an image as a file of Pillow's format ``kind``."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
