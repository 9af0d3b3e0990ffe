"""The stationery of a letter: size, fonts, colours, and the smallest parts set in them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from random import Random
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image as Picture
from PIL import ImageDraw
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Image, Paragraph, Spacer, Table

from extraction.training.validation.faces import FACES
from extraction.training.validation.sheet import Sheet

ALIGN = {"l": TA_LEFT, "r": TA_RIGHT, "c": TA_CENTER}
INKS = ("#1f3a5f", "#7a1f1f", "#205c3b", "#333333", "#5b3a78", "#b35a00", "#00697a", "#000000")
Rows = list[list[Any]]
Commands = list[tuple[Any, ...]]


class Stationery:
    """Size, fonts, colours and measures of one document, and text, tables and a mark set in them."""

    def __init__(self, sheet: Sheet, rng: Random, *, narrow: float = 0) -> None:
        self.sheet, self.rng = sheet, rng
        self.size = LETTER if sheet.locale.country in ("US", "CA", "MX") else A4
        self.plain, self.bold = rng.choice(FACES)
        self.points = rng.choice((8, 8.5, 9, 9.5, 10))
        self.ink = colors.HexColor(rng.choice(INKS))
        self.pale = colors.HexColor(rng.choice(("#eeeeee", "#e4ecf5", "#f6efe2", "#e8f1e8", "#dddddd")))
        self.margin = rng.choice((36, 42, 50, 60))
        self.width = self.size[0] - 2 * self.margin - narrow
        self.line = rng.choice((0.3, 0.5, 0.8))

    def text(
        self, text: str, align: str = "l", *, bold: bool = False, scale: float = 1, ink: Any = None
    ) -> Paragraph:
        """Set plain text as a paragraph; line feeds stay."""
        points = self.points * scale
        style = ParagraphStyle(
            "p", fontName=self.bold if bold else self.plain, fontSize=points, leading=points * 1.22,
            alignment=ALIGN[align], textColor=ink or colors.black,
        )  # fmt: skip
        return Paragraph(escape(text).replace("\n", "<br/>"), style)

    def lines(self, texts: Sequence[str], align: str = "l", **how: Any) -> Paragraph:
        return self.text("\n".join(texts), align, **how)

    def need(self, texts: Sequence[str], scale: float = 1) -> float:
        """Return the width in points of a column in which no word of these texts is broken."""
        words = [word for text in texts for word in text.split(" ")]
        return max((stringWidth(word, self.bold, self.points * scale) for word in words), default=0) + 13

    def gap(self, points: float = 10) -> Spacer:
        return Spacer(1, points)

    def table(
        self, rows: Rows, shares: Sequence[float], commands: Commands, *, width: float = 0, **how: Any
    ) -> Table:
        """Build a table whose columns share the width."""
        whole = sum(shares)
        widths = [(width or self.width) * share / whole for share in shares]
        base: Commands = [("VALIGN", (0, 0), (-1, -1), "TOP")]
        table = Table(rows, widths, **how)
        table.setStyle(base + commands)
        return table

    def logo(self, height: float = 40) -> Image:
        """Draw a mark with the vendor's initials; it names nobody."""
        name = self.sheet.case.vendor.name
        red, green, blue = (int(255 * part) for part in (self.ink.red, self.ink.green, self.ink.blue))
        wide = self.rng.choice((1.0, 1.0, 1.6))
        picture = Picture.new("RGB", (int(160 * wide), 160), "white")
        pen = ImageDraw.Draw(picture)
        shape, box = self.rng.randrange(4), (6, 6, int(160 * wide) - 6, 154)
        if shape == 0:
            pen.ellipse(box, fill=(red, green, blue))
        elif shape == 1:
            pen.rectangle(box, fill=(red, green, blue))
        elif shape == 2:
            pen.polygon([(6, 154), (80 * wide, 10), (160 * wide - 6, 154)], fill=(red, green, blue))
        else:
            pen.rectangle(box, outline=(red, green, blue), width=12)
            pen.line((6, 154, 160 * wide - 6, 6), fill=(red, green, blue), width=16)
        if shape < 2:
            pen.text((80 * wide, 80), name[:2].upper(), fill="white", font_size=76, anchor="mm")
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        stream.seek(0)
        return Image(stream, height * wide, height, hAlign="LEFT")
