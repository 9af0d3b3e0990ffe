"""The table of lines: which columns, how wide, how ruled, and how it breaks over pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from extraction.training.layout import Block, Fill, Pen, Rule, Shown, beside, paragraph, stacked
from extraction.training.style import Style

PADDING = 3.0


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what it holds, its heading, how it is aligned, and whether it takes the width that is left."""

    name: str
    heading: str
    align: str
    greedy: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Cells by column name. ``kind`` is line, section, sum or blank; ``value`` is what a page subtotal adds up."""

    cells: dict[str, Shown]
    kind: str = "line"
    value: Decimal = Decimal(0)
    below: Shown | None = None


@dataclass(slots=True)
class Table:
    """A table that has been measured for a width; rows come out as blocks, top to bottom."""

    style: Style
    columns: Sequence[Column]
    rows: Sequence[Row]
    width: float
    widths: list[float] = field(default_factory=list)
    pen: Pen = field(init=False)
    head_pen: Pen = field(init=False)
    filled_head: str = field(init=False)
    rules: str = field(init=False)
    zebra: bool = field(init=False)
    line_color: str = field(init=False)
    air: float = field(init=False)
    dark: str = field(init=False)

    def __post_init__(self) -> None:
        choices = self.style.choices
        self.pen = self.style.body.scaled(choices.between("table size", 0.86, 1.0))
        bold = self.style.bold.scaled(choices.between("head size", 0.8, 1.0))
        self.filled_head = choices.pick("head fill", ("", self.style.tint, "dark"), (2, 2, 1.5))
        ink = "#ffffff" if self.filled_head == "dark" else bold.color
        self.head_pen = Pen(bold.font, bold.size, ink, 1.15)
        self.rules = choices.pick(
            "table rules", ("grid", "rows", "columns", "frame", "none", "head"), (3, 3, 1.5, 1.5, 1, 2)
        )
        self.zebra = choices.chance("zebra", 0.22)
        self.line_color = choices.pick("line colour", ("#000000", "#888888", "#bbbbbb", self.style.accent))
        self.air = choices.between("row air", 1.0, 7.0)
        self.dark = self.style.accent if self.style.accent not in ("#666666",) else "#333333"
        self._measure()

    def _measure(self) -> None:
        for _ in range(12):
            needed = []
            for column in self.columns:
                texts = [
                    row.cells[column.name].text
                    for row in self.rows
                    if column.name in row.cells and row.kind in ("line", "sum")
                ]
                widest = max((self.pen.width(t) for t in texts), default=20.0)
                word = max((self.head_pen.width(w) for w in column.heading.split()), default=10.0)
                needed.append(max(min(widest, 400.0), word) + 2 * PADDING + 2)
            fixed = sum(w for w, c in zip(needed, self.columns, strict=True) if not c.greedy)
            left = self.width - fixed
            greedy = next((i for i, c in enumerate(self.columns) if c.greedy), None)
            if greedy is None or left >= min(110.0, self.width * 0.22):
                break
            self.pen, self.head_pen = self.pen.scaled(0.94), self.head_pen.scaled(0.94)
        if greedy is None:
            scale = self.width / sum(needed)
            self.widths = [w * scale for w in needed]
            return
        needed[greedy] = left
        self.widths = needed

    def edges(self) -> list[float]:
        x, edges = 0.0, [0.0]
        for width in self.widths:
            x += width
            edges.append(x)
        return edges

    def _cells(
        self,
        shown: Callable[[Column], Shown | None],
        pen: Pen,
        *,
        head: bool = False,
        below: Shown | None = None,
    ) -> Block:
        blocks = []
        for x, width, column in zip(self.edges(), self.widths, self.columns, strict=False):
            content = shown(column)
            if content is None:
                continue
            align = column.align
            if head and self.style.choices.chance("centred heads", 0.3):
                align = "center"
            cell = paragraph(pen, content, width - 2 * PADDING, align=align)
            if below is not None and column.greedy:
                cell = stacked([cell, paragraph(self.style.smaller(pen), below, width - 2 * PADDING)])
            blocks.append((x + PADDING, cell))
        return beside(blocks, self.width)

    def head(self) -> Block:
        """The row of column titles."""
        cells = self._cells(lambda c: Shown(c.heading), self.head_pen, head=True)
        block = Block(self.width, cells.height + 5)
        if self.filled_head:
            block.marks.append(
                Fill(
                    0,
                    0,
                    self.width,
                    block.height,
                    self.dark if self.filled_head == "dark" else self.filled_head,
                )
            )
        self._rule(block)
        if self.rules in ("head", "none", "rows") and not self.filled_head:
            block.marks.append(Rule(0, block.height, self.width, block.height, 0.9, self.line_color))
        block.put(cells, 0, 2.5)
        return block

    def row(self, row: Row, number: int) -> Block:
        """One row of the table."""
        if row.kind == "section":
            text = next(iter(row.cells.values()))
            line = paragraph(Pen(self.style.bold.font, self.pen.size), text, self.width - 2 * PADDING)
            block = Block(self.width, line.height + 5)
            if self.style.choices.chance("tinted sections", 0.4):
                block.marks.append(Fill(0, 0, self.width, block.height, self.style.tint))
            block.put(line, PADDING, 2.5)
            return block
        pen = (
            Pen(self.style.bold.font, self.pen.size, self.pen.color, self.pen.leading)
            if row.kind == "sum"
            else self.pen
        )
        cells = self._cells(lambda c: row.cells.get(c.name), pen, below=row.below)
        height = max(cells.height, self.pen.line_height)
        block = Block(self.width, height + self.air)
        if self.zebra and number % 2 and row.kind == "line":
            block.marks.append(Fill(0, 0, self.width, block.height, self.style.tint))
        self._rule(block)
        if self.rules in ("grid", "rows"):
            block.marks.append(Rule(0, block.height, self.width, block.height, 0.4, self.line_color))
        block.put(cells, 0, self.air / 2)
        return block

    def _rule(self, block: Block) -> None:
        if self.rules in ("grid", "columns", "frame"):
            edges = self.edges() if self.rules != "frame" else [0.0, self.width]
            block.marks += [Rule(x, 0, x, block.height, 0.5, self.line_color) for x in edges]

    def foot(self) -> Block:
        """What closes the table at the bottom of a page."""
        block = Block(self.width, 1)
        if self.rules != "none":
            block.marks.append(Rule(0, 0, self.width, 0, 0.6, self.line_color))
        return block
