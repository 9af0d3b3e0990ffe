"""What stands on a page: texts, rules and fills with places, and blocks of them.

Blocks can be put beside and below each other.

All measures are points; x runs right and y runs down from the top left corner of the block or page.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from reportlab.pdfbase.pdfmetrics import stringWidth

ASCENT, DESCENT = 0.76, 0.22
"""Height of capitals and accents above, and of tails below the base line, as a share of the font size."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A piece of text that a page shows. With a ``target`` it is truth: a field's name or "line number/column".

    Each object is one occurrence on paper, so that a value printed twice is two objects.
    """

    text: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A string at a base line; ``of`` is what it belongs to, ``angle`` a turn in degrees counter-clockwise."""

    x: float
    y: float
    text: str
    font: str
    size: float
    color: str = "#000000"
    of: Shown | None = None
    angle: float = 0.0

    @property
    def width(self) -> float:
        return float(stringWidth(self.text, self.font, self.size))


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line."""

    x0: float
    y0: float
    x1: float
    y1: float
    weight: float = 0.5
    color: str = "#000000"


@dataclass(frozen=True, slots=True)
class Fill:
    """A rectangle, filled, outlined or both."""

    x: float
    y: float
    width: float
    height: float
    color: str = ""
    outline: str = ""
    weight: float = 0.5
    radius: float = 0.0


Mark = Text | Rule | Fill


@dataclass(slots=True)
class Block:
    """Marks in a rectangle of known size."""

    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)

    def put(self, other: Block, x: float, y: float) -> None:
        """Add another block's marks with its top left corner at ``x, y``."""
        self.marks.extend(moved(other.marks, x, y))


@dataclass(slots=True)
class Page:
    """A sheet of paper with marks."""

    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)


def moved(marks: Iterable[Mark], dx: float, dy: float) -> Iterable[Mark]:
    for mark in marks:
        if isinstance(mark, Rule):
            yield replace(mark, x0=mark.x0 + dx, x1=mark.x1 + dx, y0=mark.y0 + dy, y1=mark.y1 + dy)
        else:
            yield replace(mark, x=mark.x + dx, y=mark.y + dy)


@dataclass(frozen=True, slots=True)
class Pen:
    """How text is set: font, size, colour."""

    font: str
    size: float
    color: str = "#000000"
    leading: float = 1.22

    @property
    def line_height(self) -> float:
        return self.size * self.leading

    def width(self, text: str) -> float:
        return float(stringWidth(text, self.font, self.size))

    def scaled(self, factor: float) -> Pen:
        return replace(self, size=self.size * factor)


Content = str | Shown | Sequence[tuple[str, Shown | None]]
"""What a paragraph holds: text, one thing shown, or pieces of text with what each belongs to."""


def pieces(content: Content) -> list[tuple[str, Shown | None]]:
    if isinstance(content, str):
        return [(content, None)]
    if isinstance(content, Shown):
        return [(content.text, content)]
    return list(content)


def plain(content: Content) -> str:
    """Return the words of a content."""
    return "".join(text for text, _ in pieces(content))


def _lines(pen: Pen, text: str, width: float) -> list[tuple[int, int]]:
    """Return where lines start and end if text is broken at spaces so that each fits; too long a word stands alone."""
    lines: list[tuple[int, int]] = []
    for word in re.finditer(r"[^ ]+", text):
        if lines and pen.width(text[lines[-1][0] : word.end()]) <= width:
            lines[-1] = (lines[-1][0], word.end())
        else:
            lines.append(word.span())
    return lines or [(0, 0)]


def fitted(pen: Pen, text: str, width: float) -> Pen:
    """Return the pen, smaller if ``text`` would otherwise be wider than ``width``."""
    needed = pen.width(text)
    return pen if needed <= width or not needed else pen.scaled(width / needed)


def paragraph(pen: Pen, content: Content, width: float, *, align: str = "left") -> Block:
    """Set text into a column; ``align`` is left, right or center. What doesn't fit is wrapped, a long word shrunk."""
    block = Block(width, 0)
    text = plain(content)
    owners = [owner for part, owner in pieces(content) for _ in part]
    for start, end in _lines(pen, text, width):
        fitting = fitted(pen, text[start:end], width)
        line_width = fitting.width(text[start:end])
        left = {"left": 0.0, "right": width - line_width, "center": (width - line_width) / 2}[align]
        y = block.height + pen.size * ASCENT + (pen.line_height - pen.size * (ASCENT + DESCENT)) / 2
        at = start
        for owner, group in itertools.groupby(range(start, end), key=lambda i: owners[i]):
            size = len(list(group))
            part = text[at : at + size]
            x = left + fitting.width(text[start:at])
            if part.strip():
                x += fitting.width(part[: len(part) - len(part.lstrip())])
                block.marks.append(Text(x, y, part.strip(), fitting.font, fitting.size, pen.color, owner))
            at += size
        block.height += pen.line_height
    return block


def stacked(blocks: Sequence[Block], *, gap: float = 0.0) -> Block:
    """Put blocks below each other."""
    whole = Block(max((b.width for b in blocks), default=0), 0)
    for number, block in enumerate(blocks):
        whole.height += gap if number else 0
        whole.put(block, 0, whole.height)
        whole.height += block.height
    return whole


def beside(blocks: Sequence[tuple[float, Block]], width: float) -> Block:
    """Put blocks beside each other at given x."""
    whole = Block(width, max((b.height for _, b in blocks), default=0))
    for x, block in blocks:
        whole.put(block, x, 0)
    return whole


def inset(block: Block, *, margin: float, color: str = "", outline: str = "", radius: float = 0.0) -> Block:
    """Frame a block."""
    whole = Block(block.width + 2 * margin, block.height + 2 * margin)
    whole.marks.append(Fill(0, 0, whole.width, whole.height, color, outline, radius=radius))
    whole.put(block, margin, margin)
    return whole
