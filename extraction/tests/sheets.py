"""Pages of words for the tests: text is written at a place, as a printer or a recogniser would leave it."""

from __future__ import annotations

from dataclasses import dataclass, field

from extraction.backends.layout import Understanding, understand
from extraction.schema import Box, Hints, PageImage, Word

WIDTH, HEIGHT = 850, 1100  # a letter page at 100 dpi
_CHARACTER = 0.55  # width of a character, in letter heights


@dataclass
class Sheet:
    """One page under construction; places are in pixels of an 850 x 1100 page, sizes are letter heights."""

    number: int = 0
    confidence: float = 1.0
    words: list[Word] = field(default_factory=list)
    _line: int = 0

    def write(self, x: float, y: float, text: str, *, size: float = 12, right: bool = False) -> Sheet:
        """Write words from ``x`` (or ending at it, with ``right``) with their top at ``y``."""
        self._line += 1
        advance = _CHARACTER * size
        if right:
            x -= advance * len(text)
        for word in text.split(" "):
            if word:
                width = advance * len(word)
                box = Box(x / WIDTH, y / HEIGHT, (x + width) / WIDTH, (y + size) / HEIGHT)
                self.words.append(Word(word, box, self.confidence, self._line))
            x += advance * (len(word) + 1)
        return self

    def lines(self, x: float, y: float, *texts: str, size: float = 12, leading: float = 16) -> Sheet:
        for k, text in enumerate(texts):
            self.write(x, y + k * leading, text, size=size)
        return self

    def row(self, y: float, *cells: tuple[float, str], size: float = 12) -> Sheet:
        """Write cells; a negative ``x`` is a right edge."""
        for x, text in cells:
            self.write(abs(x), y, text, size=size, right=x < 0)
        return self

    def page(self) -> tuple[PageImage, tuple[Word, ...]]:
        return PageImage(self.number, WIDTH, HEIGHT, b""), tuple(self.words)


def read(*sheets: Sheet, country: str = "US", currency: str = "") -> Understanding:
    """Read sheets as one document."""
    for number, sheet in enumerate(sheets):
        sheet.number = number
    return understand([sheet.page() for sheet in sheets], Hints(country=country, currency=currency))


def values(*sheets: Sheet, country: str = "US") -> dict[str, str]:
    """Read sheets and return the plain values."""
    return {name: found.value for name, found in read(*sheets, country=country).fields.items()}


def trade_invoice() -> Sheet:
    """An ordinary typed invoice with everything on it, and the usual distractors."""
    sheet = Sheet()
    sheet.write(60, 50, "Cascade Plumbing Supply LLC", size=22)
    sheet.lines(
        60,
        84,
        "2210 Harbor Avenue",
        "Tacoma, WA 98402",
        "Phone: (253) 555-0142",
        "billing@cascadeplumbing.com",
    )
    sheet.write(640, 50, "INVOICE", size=24)
    sheet.row(170, (520, "Invoice Number:"), (680, "CP-20417"))
    sheet.row(188, (520, "Invoice Date:"), (680, "03/14/2025"))
    sheet.row(206, (520, "Due Date:"), (680, "04/13/2025"))
    sheet.row(224, (520, "PO Number:"), (680, "PO-88-1203"))
    sheet.row(242, (520, "Customer No:"), (680, "445120"))
    sheet.row(260, (520, "Terms:"), (680, "Net 30"))
    sheet.lines(60, 200, "Bill To:", "Hill Street Builders Inc.", "14 Hill Street", "Seattle, WA 98101")
    sheet.row(340, (60, "Qty"), (140, "Description"), (-640, "Unit Price"), (-780, "Amount"))
    sheet.row(364, (60, "12"), (140, "Copper elbow 3/4 in"), (-640, "4.25"), (-780, "51.00"))
    sheet.row(384, (60, "3"), (140, "Water heater, 50 gal"), (-640, "780.00"), (-780, "2,340.00"))
    sheet.write(140, 402, "with expansion tank")
    sheet.row(428, (60, "2.5"), (140, "Labor"), (-640, "95.00"), (-780, "237.50"))
    sheet.row(480, (-640, "Subtotal"), (-780, "$2,628.50"))
    sheet.row(500, (-640, "Sales Tax (8.9%)"), (-780, "$233.94"))
    sheet.row(520, (-640, "Total"), (-780, "$2,862.44"))
    sheet.row(540, (-640, "Amount Paid"), (-780, "$500.00"))
    sheet.row(560, (-640, "Balance Due"), (-780, "$2,362.44"))
    return sheet
