"""Pages to PDF, and where on them each value stands."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

from extraction.schema import Box
from extraction.training.layout import ASCENT, DESCENT, Fill, Page, Rule, Shown, Text


@dataclass(slots=True)
class Placed:
    """One occurrence of a value: on which page (from 0) and where, and the text as printed."""

    shown: Shown
    page: int
    box: Box


def draw_pdf(pages: Sequence[Page]) -> bytes:
    """Draw pages as a PDF with a text layer; the same pages give the same bytes."""
    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    for page in pages:
        canvas.setPageSize((page.width, page.height))
        # Fills first: nothing may cover a text.
        for mark in sorted(page.marks, key=lambda m: 0 if isinstance(m, Fill) else 1):
            _draw(canvas, mark, page.height)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _draw(canvas: Canvas, mark: Text | Rule | Fill, height: float) -> None:
    if isinstance(mark, Text):
        canvas.setFillColor(HexColor(mark.color))
        canvas.setFont(mark.font, mark.size)
        if mark.angle:
            canvas.saveState()
            canvas.translate(mark.x, height - mark.y)
            canvas.rotate(mark.angle)
            canvas.drawString(0, 0, mark.text)
            canvas.restoreState()
        else:
            canvas.drawString(mark.x, height - mark.y, mark.text)
    elif isinstance(mark, Rule):
        canvas.setStrokeColor(HexColor(mark.color))
        canvas.setLineWidth(mark.weight)
        canvas.line(mark.x0, height - mark.y0, mark.x1, height - mark.y1)
    else:
        if mark.color:
            canvas.setFillColor(HexColor(mark.color))
        if mark.outline:
            canvas.setStrokeColor(HexColor(mark.outline))
            canvas.setLineWidth(mark.weight)
        place = (mark.x, height - mark.y - mark.height, mark.width, mark.height)
        canvas.roundRect(
            *place,
            min(mark.radius, mark.height / 2),
            stroke=int(bool(mark.outline)),
            fill=int(bool(mark.color)),
        )


def text_box(text: Text, page: Page) -> Box:
    """Return the page-relative rectangle of a text, from capitals to tails."""
    angle = math.radians(text.angle)
    corners = [
        (0.0, -DESCENT * text.size),
        (text.width, -DESCENT * text.size),
        (0.0, ASCENT * text.size),
        (text.width, ASCENT * text.size),
    ]
    xs = [text.x + cx * math.cos(angle) - cy * math.sin(angle) for cx, cy in corners]
    ys = [text.y - cx * math.sin(angle) - cy * math.cos(angle) for cx, cy in corners]
    return Box(min(xs) / page.width, min(ys) / page.height, max(xs) / page.width, max(ys) / page.height)


def find_values(pages: Sequence[Page]) -> list[Placed]:
    """Return every occurrence of every value, in page order; a value over several lines has one box around them.

    What repeats on each page (a running head) is an occurrence on each.
    """
    found: dict[tuple[int, int], Placed] = {}
    for number, page in enumerate(pages):
        for mark in page.marks:
            if not isinstance(mark, Text) or mark.of is None or not mark.of.target:
                continue
            box = text_box(mark, page)
            placed = found.get((id(mark.of), number))
            if placed is None:
                found[id(mark.of), number] = Placed(mark.of, number, box)
            else:
                placed.box = placed.box.union(box)
    return list(found.values())
