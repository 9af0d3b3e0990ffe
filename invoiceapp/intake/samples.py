"""Invoices that nobody ever sent: drawn for the demonstration and for tests, the same bytes every time.

Firms, people and numbers are made up (phone numbers from the 555-01xx range that is reserved for fiction).
Knows nothing of Django. Handwriting is set in Kalam and Caveat (SIL Open Font License, from the
fontpkg wheels), print in the fonts that come with reportlab.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from PIL import Image, ImageDraw, ImageFilter, ImageFont

CENT = Decimal("0.01")
LETTER = (612.0, 792.0)  # points
DPI = 150
INK = (32, 45, 120)
HANDS = {
    "kalam": ("fontpkg_kalam", "files/Kalam-Regular.ttf"),
    "caveat": ("fontpkg_caveat", "files/Caveat[wght].ttf"),
}

Language = Literal["en", "es", "both"]
Look = Literal["classic", "banner", "boxed", "typewriter"]

_WORDS: dict[str, tuple[str, str]] = {
    "invoice": ("INVOICE", "FACTURA"),
    "credit_note": ("CREDIT NOTE", "NOTA DE CRÉDITO"),
    "number": ("Invoice no.", "Factura n.º"),
    "credit_number": ("Credit note no.", "Nota n.º"),
    "date": ("Date", "Fecha"),
    "due": ("Due date", "Vencimiento"),
    "work_order": ("Work order", "Orden de trabajo"),
    "bill_to": ("Bill to", "Facturar a"),
    "description": ("Description", "Descripción"),
    "quantity": ("Qty", "Cant."),
    "unit": ("Unit", "Unidad"),
    "price": ("Unit price", "Precio"),
    "amount": ("Amount", "Importe"),
    "subtotal": ("Subtotal", "Subtotal"),
    "tax": ("Sales tax", "Impuesto"),
    "total": ("TOTAL", "TOTAL"),
    "page": ("Page", "Página"),
    "carried": ("Carried forward", "Suma y sigue"),
    "thanks": ("Thank you for your business.", "Gracias por su preferencia."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of work or goods; ``price`` per ``unit``, in the paper's currency."""

    description: str
    quantity: Decimal
    unit: str
    price: Decimal

    @property
    def amount(self) -> Decimal:
        return (self.quantity * self.price).quantize(CENT, ROUND_HALF_UP)


def line(description: str, quantity: str, unit: str, price: str) -> Line:
    """Return a line from plain decimal strings."""
    return Line(description, Decimal(quantity), unit, Decimal(price))


@dataclass(frozen=True, slots=True)
class Paper:
    """What one invoice says.

    ``tax_rate`` is in percent. ``printed_total`` is what stands on the paper where that is not what the
    lines and the tax add up to.
    """

    vendor: str
    number: str
    day: date
    lines: Sequence[Line]
    address: Sequence[str] = ("1200 Industrial Way", "Springfield, IL 62701")
    phone: str = "(217) 555-0134"
    customer: Sequence[str] = ("Hill Street Builders", "48 Hill Street", "Springfield, IL 62704")
    work_order: str = ""
    due: date | None = None
    tax_rate: Decimal = Decimal(0)
    kind: Literal["invoice", "credit_note"] = "invoice"
    language: Language = "en"
    note: str = ""
    printed_total: Decimal | None = None
    site: str = field(default="")

    @property
    def subtotal(self) -> Decimal:
        return sum((row.amount for row in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        return (self.subtotal * self.tax_rate / 100).quantize(CENT, ROUND_HALF_UP)

    @property
    def total(self) -> Decimal:
        """What the paper asks for, as printed."""
        return self.subtotal + self.tax if self.printed_total is None else self.printed_total

    def words(self, key: str) -> str:
        """Return a printed label in the paper's language."""
        english, spanish = _WORDS[key]
        if self.language == "both" and english != spanish:
            return f"{english} / {spanish}"
        return spanish if self.language == "es" else english


def _money(amount: Decimal) -> str:
    return f"-${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"


def _number(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


# --- typed invoices -----------------------------------------------------------------------------


def invoice_pdf(paper: Paper, *, look: Look = "classic", lines_per_page: int = 24) -> bytes:
    """Draw a typed invoice as a PDF with a text layer, on as many letter pages as its lines need.

    The totals stand on the last page.
    """
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=LETTER, invariant=1)
    canvas.setTitle(f"{paper.words(paper.kind)} {paper.number}")
    canvas.setAuthor(paper.vendor)
    rows = list(paper.lines)
    pages = [rows[start : start + lines_per_page] for start in range(0, len(rows), lines_per_page)] or [[]]
    carried = Decimal(0)
    for index, part in enumerate(pages):
        _draw_page(canvas, paper, look, part, page=index, pages=len(pages), carried=carried)
        carried += sum((row.amount for row in part), Decimal(0))
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


_FONTS: dict[str, tuple[str, str]] = {
    "classic": ("Helvetica", "Helvetica-Bold"),
    "banner": ("Helvetica", "Helvetica-Bold"),
    "boxed": ("Times-Roman", "Times-Bold"),
    "typewriter": ("Courier", "Courier-Bold"),
}


def _draw_page(
    canvas: Any, paper: Paper, look: Look, rows: Sequence[Line], *, page: int, pages: int, carried: Decimal
) -> None:
    plain, bold = _FONTS[look]
    width, height = LETTER
    left, right = 54.0, width - 54
    y = height - 60
    title = paper.words(paper.kind)
    if look == "banner":
        canvas.setFillColorRGB(0.07, 0.33, 0.36)
        canvas.rect(0, height - 106, width, 106, stroke=0, fill=1)
        canvas.setFillColorRGB(1, 1, 1)
    canvas.setFont(bold, 17)
    canvas.drawString(left, y, paper.vendor)
    canvas.setFont(bold, 15)
    canvas.drawRightString(right, y, title)
    canvas.setFont(plain, 9)
    for text in (*paper.address, paper.phone):
        y -= 12
        canvas.drawString(left, y, text)
    canvas.setFillColorRGB(0, 0, 0)
    y = height - 134
    canvas.setFont(bold, 9)
    canvas.drawString(left, y, paper.words("bill_to"))
    canvas.setFont(plain, 10)
    for step, text in enumerate(paper.customer, start=1):
        canvas.drawString(left, y - 14 * step, text)
    facts = [
        (paper.words("credit_number" if paper.kind == "credit_note" else "number"), paper.number),
        (paper.words("date"), f"{paper.day:%m/%d/%Y}"),
    ]
    if paper.due:
        facts.append((paper.words("due"), f"{paper.due:%m/%d/%Y}"))
    if paper.work_order:
        facts.append((paper.words("work_order"), paper.work_order))
    label_x = right - (230 if paper.language == "both" else 190)
    for step, (label, value) in enumerate(facts):
        canvas.setFont(bold, 9)
        canvas.drawString(label_x, y - 15 * step, label)
        canvas.setFont(plain, 10)
        canvas.drawRightString(right, y - 15 * step, value)
    if look == "boxed":
        canvas.rect(label_x - 8, y - 15 * len(facts) + 4, right - label_x + 16, 15 * len(facts) + 8)
    y -= 78
    y = _draw_table(canvas, paper, rows, y, plain=plain, bold=bold, carried=carried if page else None)
    if page == pages - 1:
        _draw_totals(canvas, paper, y, plain=plain, bold=bold)
    else:
        canvas.setFont(bold, 10)
        so_far = carried + sum((row.amount for row in rows), Decimal(0))
        canvas.drawRightString(right - 90, y - 14, paper.words("carried"))
        canvas.drawRightString(right, y - 14, _money(so_far))
    canvas.setFont(plain, 8)
    canvas.drawString(left, 40, paper.note or paper.words("thanks"))
    if pages > 1:
        canvas.drawRightString(right, 40, f"{paper.words('page')} {page + 1} / {pages}")


def _draw_table(
    canvas: Any,
    paper: Paper,
    rows: Sequence[Line],
    y: float,
    *,
    plain: str,
    bold: str,
    carried: Decimal | None,
) -> float:
    left, right = 54.0, LETTER[0] - 54
    columns = {"quantity": right - 218, "price": right - 92, "amount": right}
    canvas.setFont(bold, 8.5)
    canvas.drawString(left, y, paper.words("description"))
    both = paper.language == "both"
    canvas.drawRightString(columns["quantity"], y, _WORDS["quantity"][0] if both else paper.words("quantity"))
    canvas.drawString(right - 206, y, _WORDS["unit"][0] if both else paper.words("unit"))
    canvas.drawRightString(columns["price"], y, _WORDS["price"][0] if both else paper.words("price"))
    canvas.drawRightString(columns["amount"], y, paper.words("amount"))
    canvas.setLineWidth(0.7)
    canvas.line(left, y - 5, right, y - 5)
    canvas.setFont(plain, 9.5)
    if carried is not None:
        y -= 18
        canvas.drawString(left, y, paper.words("carried"))
        canvas.drawRightString(right, y, _money(carried))
    for row in rows:
        y -= 18
        canvas.drawString(left, y, row.description)
        canvas.drawRightString(columns["quantity"], y, _number(row.quantity))
        canvas.drawString(right - 206, y, row.unit)
        canvas.drawRightString(columns["price"], y, f"{row.price:,.2f}")
        canvas.drawRightString(columns["amount"], y, f"{row.amount:,.2f}")
    canvas.line(left, y - 8, right, y - 8)
    return y - 12


def _draw_totals(canvas: Any, paper: Paper, y: float, *, plain: str, bold: str) -> None:
    right = LETTER[0] - 54
    sums = [(paper.words("subtotal"), paper.subtotal)]
    if paper.tax_rate:
        sums.append((f"{paper.words('tax')} {_number(paper.tax_rate)}%", paper.tax))
    canvas.setFont(plain, 10)
    for label, amount in sums:
        y -= 16
        canvas.drawRightString(right - 92, y, label)
        canvas.drawRightString(right, y, _money(amount))
    y -= 20
    canvas.setFont(bold, 12)
    canvas.drawRightString(right - 92, y, paper.words("total"))
    canvas.drawRightString(right, y, _money(paper.total))


# --- forms filled in by hand -----------------------------------------------------------------------


def handwritten_form(paper: Paper, *, hand: str = "kalam", seed: int = 1, rows: int = 9) -> Image.Image:
    """Draw a pre-printed bilingual form filled in by hand, as a flat RGB page at 150 dpi.

    :param hand: a key of `HANDS`.
    """
    rng = random.Random(seed)  # noqa: S311 - a drawing, no secret
    width, height = int(LETTER[0] / 72 * DPI), int(LETTER[1] / 72 * DPI)
    page = Image.new("RGB", (width, height), (252, 250, 243))
    draw = ImageDraw.Draw(page)
    rule, print_ink = (90, 95, 105), (35, 38, 44)
    left, right = 90, width - 90
    draw.text((left, 84), paper.vendor, font=_print_font(46, bold=True), fill=print_ink)
    draw.text((left, 144), " · ".join((*paper.address, paper.phone)), font=_print_font(22), fill=print_ink)
    draw.text((right, 84), "INVOICE / FACTURA", font=_print_font(30, bold=True), fill=print_ink, anchor="ra")
    draw.text((right, 190), f"No. {paper.number}", font=_print_font(34), fill=(170, 40, 35), anchor="ra")

    def blank(x: int, y: int, until: int, label: str, text: str) -> None:
        draw.text((x, y), label, font=_print_font(21), fill=print_ink)
        begin = x + int(draw.textlength(label, font=_print_font(21))) + 14
        draw.line((begin, y + 27, until, y + 27), fill=rule, width=2)
        _write(page, (begin + 12, y + 24), text, hand=hand, size=44, rng=rng)

    blank(left, 270, 700, "Customer / Cliente", paper.customer[0])
    blank(740, 270, right, "Date / Fecha", f"{paper.day.month}/{paper.day.day}/{paper.day:%y}")
    blank(left, 350, 700, "Job site / Obra", paper.site or paper.customer[1])
    blank(740, 350, right, "Work order # / Orden", paper.work_order)

    top, step = 430, 82
    bottom = top + step * (rows + 1)
    divider = right - 270
    draw.rectangle((left, top, right, bottom), outline=rule, width=3)
    draw.line((divider, top, divider, bottom), fill=rule, width=2)
    draw.text(
        (left + 16, top + 26),
        "Description of work / Descripción",
        font=_print_font(23, bold=True),
        fill=print_ink,
    )
    draw.text((divider + 16, top + 26), "Amount / Importe", font=_print_font(23, bold=True), fill=print_ink)
    for number in range(1, rows + 1):
        y = top + step * number
        draw.line((left, y, right, y), fill=rule, width=1)
        if number <= len(paper.lines):
            row = paper.lines[number - 1]
            _write(page, (left + 22, y + 58), row.description, hand=hand, size=46, rng=rng)
            _write(
                page,
                (right - 24, y + 58),
                f"{row.amount:,.2f}",
                hand=hand,
                size=46,
                rng=rng,
                to_the_right=True,
            )
    draw.rectangle((divider - 190, bottom, right, bottom + 96), outline=rule, width=3)
    draw.text((divider - 172, bottom + 32), "TOTAL", font=_print_font(30, bold=True), fill=print_ink)
    _write(
        page, (right - 24, bottom + 70), _money(paper.total), hand=hand, size=56, rng=rng, to_the_right=True
    )
    signature = bottom + 150
    draw.text((left, signature), "Signature / Firma", font=_print_font(21), fill=print_ink)
    draw.line((left + 200, signature + 27, left + 640, signature + 27), fill=rule, width=2)
    _write(page, (left + 230, signature + 22), paper.vendor.split()[0], hand="caveat", size=70, rng=rng)
    return page


def _print_font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    import reportlab

    name = "VeraBd.ttf" if bold else "Vera.ttf"
    return ImageFont.truetype(Path(reportlab.__file__).parent / "fonts" / name, size)


def _hand_font(hand: str, size: int) -> ImageFont.FreeTypeFont:
    package, path = HANDS[hand]
    with resources.as_file(resources.files(package) / path) as file:
        return ImageFont.truetype(file, size)


def _write(
    page: Image.Image,
    at: tuple[float, float],
    text: str,
    *,
    hand: str,
    size: int,
    rng: random.Random,
    to_the_right: bool = False,
) -> None:
    """Write a text with the unevenness of a hand; ``at`` is where its baseline begins, or ends."""
    draw = ImageDraw.Draw(page)
    fonts = [_hand_font(hand, round(size * factor)) for factor in (0.96, 1.0, 1.04)]
    x, y = at
    if to_the_right:
        x -= sum(draw.textlength(letter, font=fonts[1]) for letter in text)
    slope = rng.uniform(-0.012, 0.008)
    for letter in text:
        font = rng.choice(fonts)
        shade = rng.randint(-14, 14)
        ink = tuple(max(0, min(255, part + shade)) for part in INK)
        draw.text((x, y + rng.uniform(-1.6, 1.6)), letter, font=font, fill=ink, anchor="ls")
        advance = draw.textlength(letter, font=fonts[1])
        x += advance
        y += slope * advance


# --- what scanners and phones make of a page ---------------------------------------------------------


def picture_of(pdf: bytes, *, page: int = 0, dpi: int = DPI) -> Image.Image:
    """Render one page of a PDF made here as a flat RGB picture."""
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        image: Image.Image = document[page].render(scale=dpi / 72).to_pil().convert("RGB")
        return image
    finally:
        document.close()


def scanned(page: Image.Image, *, seed: int = 1, degrees: float = 0.7) -> Image.Image:
    """Return a page as an office scanner gives it: grey, slightly turned, with noise and soft edges."""
    import numpy as np

    turned = page.convert("L").rotate(degrees, Image.Resampling.BICUBIC, fillcolor=250)
    level = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32)
    rng = np.random.default_rng(seed)
    level = level * 0.94 + 8 + rng.normal(0, 5, level.shape).astype(np.float32)
    specks = rng.random(level.shape) > 0.99985
    level[specks] = 60
    return Image.fromarray(np.clip(level, 0, 255).astype(np.uint8))


def scan_of(pdf: bytes, *, seed: int = 1, degrees: float = 0.7, dpi: int = DPI) -> bytes:
    """Turn a PDF into one that holds nothing but scanned pictures of its pages."""
    import pypdfium2
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    document = pypdfium2.PdfDocument(pdf)
    count = len(document)
    document.close()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=LETTER, invariant=1)
    for number in range(count):
        picture = scanned(picture_of(pdf, page=number, dpi=dpi), seed=seed + number, degrees=degrees)
        canvas.drawImage(ImageReader(io.BytesIO(as_jpeg(picture, quality=80))), 0, 0, *LETTER)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def photo_of(page: Image.Image, *, seed: int = 1, blur: float = 0.0) -> bytes:
    """Return a JPEG of a page as a phone sees it on a table: in perspective, with a shadow across it.

    :param blur: radius in pixels of a shaking hand; from about 4 nothing can be read.
    """
    import numpy as np

    rng = random.Random(seed)  # noqa: S311 - a drawing, no secret
    width, height = page.size
    margin = 90
    outer = (width + 2 * margin, height + 2 * margin)
    corners = [
        (margin + rng.uniform(0, 60), margin + rng.uniform(0, 50)),
        (outer[0] - margin - rng.uniform(0, 60), margin + rng.uniform(0, 50)),
        (outer[0] - margin + rng.uniform(-20, 40), outer[1] - margin + rng.uniform(-30, 30)),
        (margin - rng.uniform(-20, 40), outer[1] - margin + rng.uniform(-30, 30)),
    ]
    source = [(0, 0), (width, 0), (width, height), (0, height)]
    coefficients = _perspective(corners, source)
    lying = page.convert("RGB").transform(
        outer, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC, fillcolor=(0, 0, 0)
    )
    shape = Image.new("L", page.size, 255).transform(
        outer, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR
    )
    noise = np.random.default_rng(seed)
    grain = noise.normal(0, 1, (outer[1], 1)) * 7 + noise.normal(0, 1, (outer[1], outer[0])) * 3
    table = np.array((122, 92, 64), dtype=np.float32) + grain[..., None].astype(np.float32)
    mask = np.asarray(shape, dtype=np.float32)[..., None] / 255
    scene = np.asarray(lying, dtype=np.float32) * mask + table * (1 - mask)
    # The shadow of the hand that holds the phone: a soft diagonal step.
    across, down = np.meshgrid(np.linspace(0, 1, outer[0]), np.linspace(0, 1, outer[1]))
    edge = (across * 0.8 + down * 0.6 - rng.uniform(0.75, 0.9)) * 9
    light = 0.99 - 0.3 / (1 + np.exp(-edge)) - 0.08 * (1 - down)
    scene = scene * light[..., None] + noise.normal(0, 2.5, scene.shape)
    photo = Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))
    if blur:
        photo = photo.filter(ImageFilter.GaussianBlur(blur))
    return as_jpeg(photo, quality=86)


def _perspective(
    corners: Sequence[tuple[float, float]], source: Sequence[tuple[float, float]]
) -> list[float]:
    """Return Pillow's eight coefficients that map where the corners come to lie back to the source."""
    import numpy as np

    equations, results = [], []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        equations += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        results += [u, v]
    return [float(value) for value in np.linalg.solve(np.array(equations), np.array(results))]


def as_jpeg(image: Image.Image, *, quality: int = 85) -> bytes:
    """Return a picture as JPEG bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def blurred_photo() -> bytes:
    """Return a photo of a form that nobody can read."""
    return photo_of(handwritten_form(a_paper()), blur=5)


def as_png(image: Image.Image) -> bytes:
    """Return a picture as PNG bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", dpi=(DPI, DPI))
    return buffer.getvalue()


def a_paper(number: str = "10045", *, lines: int = 3, total: str | None = None) -> Paper:
    """Return an ordinary paper for tests that need any: its number makes its bytes differ from others."""
    names = ("Drywall 1/2 in 4x8", "Joint compound 5 gal", "Corner bead 8 ft", "Screws 1-5/8 in, box")
    return Paper(
        vendor="Keystone Building Supply",
        number=number,
        day=date(2026, 11, 2),
        lines=[
            line(names[i % 4], str(2 + i % 7), "ea", f"{12 + math.floor(i * 3.7) % 40}.{25 + i % 50}")
            for i in range(lines)
        ],
        tax_rate=Decimal("8.25"),
        work_order="31877",
        printed_total=Decimal(total) if total else None,
    )
