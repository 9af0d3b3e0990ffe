"""Filling pages from top to bottom, with what repeats on each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from extraction.training.blocks import Setting
from extraction.training.business import Party
from extraction.training.choices import phrases
from extraction.training.layout import Block, Content, Page, Pen, Rule, Shown, moved, paragraph
from extraction.training.table import Row, Table

LETTER, A4 = (612.0, 792.0), (595.0, 842.0)


@dataclass(slots=True)
class Pager:
    """Pages of one size under way; ``y`` is where the next block goes on the last of them."""

    setting: Setting
    size: tuple[float, float]
    running: Content = ""
    pages: list[Page] = field(default_factory=list)
    y: float = 0.0
    left: float = field(init=False)
    right: float = field(init=False)
    top: float = field(init=False)
    bottom: float = field(init=False)

    def __post_init__(self) -> None:
        choices = self.setting.style.choices
        self.left = choices.between("left margin", 28, 62)
        self.right = choices.between("right margin", 28, 62)
        self.top = choices.between("top margin", 24, 60)
        self.bottom = choices.between("bottom margin", 46, 80)
        self.turn()

    @property
    def width(self) -> float:
        return self.size[0] - self.left - self.right

    @property
    def room(self) -> float:
        return self.size[1] - self.bottom - self.y

    def turn(self) -> None:
        """Begin a page."""
        self.pages.append(Page(*self.size))
        self.y = self.top
        if len(self.pages) > 1 and self.running:
            self.place(paragraph(self.setting.style.body, self.running, self.width))
            self.y += 8

    def place(self, block: Block, *, x: float = 0.0) -> None:
        """Put a block at the current height and move on by its height; turn the page if it doesn't fit."""
        if block.height > self.room and self.y > self.top + 40:
            self.turn()
        self.pages[-1].marks.extend(moved(block.marks, self.left + x, self.y))
        self.y += block.height

    def sink(self, block: Block) -> None:
        """Move down so that a block will end at the bottom of the page, if it fits there."""
        if block.height < self.room:
            self.y += self.room - block.height

    def table(self, table: Table, *, page_sums: bool = False, amount_column: str = "") -> None:
        """Lay out a table over as many pages as it takes, with its head on each."""
        style, formats = self.setting.style, self.setting.event.formats
        self.place(table.head())
        carried = Decimal(0)

        def sum_row(label: str) -> Block:
            cells = {amount_column: Shown(formats.number(carried))}
            greedy = next(c.name for c in table.columns if c.greedy)
            cells[greedy] = Shown(label)
            return table.row(Row(cells, "sum"), 0)

        for number, row in enumerate(table.rows):
            block = table.row(row, number)
            following = (
                table.row(table.rows[number + 1], 0).height
                if row.kind == "section" and number + 1 < len(table.rows)
                else 0
            )
            if block.height + following + (22 if page_sums else 4) > self.room:
                if page_sums:
                    self.place(sum_row(style.label("page_subtotal", end=False)))
                self.place(table.foot())
                self.turn()
                self.place(table.head())
                if page_sums:
                    self.place(sum_row(style.label("carried", end=False)))
            carried += row.value
            self.place(block)
        self.place(table.foot())

    def finish(self, *, before: int = 0, after: int = 0) -> list[Page]:
        """Number the pages and add the footer; return them. ``before`` and ``after`` are pages of other sheets."""
        style, event = self.setting.style, self.setting.event
        choices = style.choices
        small = style.smaller(style.body, 0.8)
        small = Pen(
            small.font, small.size, choices.pick("footer ink", ("#000000", "#555555", "#888888")), 1.15
        )
        numbered = choices.chance("numbers pages", 0.5) or before + len(self.pages) + after > 1
        footer = choices.pick("footer", ("", "", "slogan", "company"))
        at_top = choices.chance("page number at top", 0.25)
        for number, page in enumerate(self.pages, start=before + 1):
            y = page.height - 34
            if footer:
                lines: Content = choices.pick("slogan", phrases("labels", "thanks", style.language))
                if footer == "company":
                    lines = _company(event.vendor)
                block = paragraph(
                    small, lines, self.width, align=choices.pick("footer align", ("left", "center"))
                )
                if choices.chance("footer rule", 0.4):
                    page.marks.append(
                        Rule(self.left, y - 3, page.width - self.right, y - 3, 0.5, small.color)
                    )
                page.marks.extend(moved(block.marks, self.left, y))
                y += block.height
            if numbered:
                of = choices.pick("label of", phrases("labels", "of", style.language))
                last = before + len(self.pages) + after
                text = f"{style.label('page', end=False)} {number} {of} {last}"
                block = paragraph(
                    small, text, self.width, align=choices.pick("page align", ("right", "center", "left"))
                )
                page.marks.extend(
                    moved(
                        block.marks, self.left, min(self.top - 14, 20) if at_top else min(y, page.height - 14)
                    )
                )
        return self.pages


def _company(vendor: Party) -> Content:
    """The vendor once more, on one line."""
    where = Shown(", ".join(vendor.address), "vendor_address")
    several = [(vendor.name, Shown(vendor.name, "vendor_name")), *((line, where) for line in vendor.address)]
    several.append((vendor.phone, Shown(vendor.phone, "vendor_phone")))
    joined: list[tuple[str, Shown | None]] = [(vendor.web, None)]
    for piece in reversed(several):
        joined = [piece, (" · ", None), *joined]
    return joined
