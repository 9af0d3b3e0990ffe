"""Lines that stand under no header: they are told by their arithmetic.

Each way of finding them rests on numbers that the page itself ties together: quantity x price = amount within a row or
within a few labelled rows, or amounts under one another whose sum follows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from extraction.fields import collapse
from extraction.reading import amounts
from extraction.reading.context import Context
from extraction.reading.lexicon import column_of, key_of
from extraction.reading.lines import Cell, Page, Token, union_box
from extraction.reading.table_rows import (
    NUMBER_TOKEN,
    TableRow,
    is_closing,
    is_money,
    number_in,
    product_holds,
)
from extraction.schema import LineItemValue

# Amounts of one column end within this of each other (em).
_EDGE = 0.8
# White space between two lines of a list (em): room for a few rows that go on with a description.
_FARTHEST = 6.0
_MOST_LINES = 80
# Labelled parts of one line stand this close under one another (em).
_PART_GAP = 2.5
_PARTS = frozenset({"quantity", "unit_price", "amount"})

Found = tuple[list[LineItemValue], set[int]]
"""Lines, and the indexes of the tokens they take."""


def find_headerless(pages: Sequence[Page], context: Context) -> Found:
    """Find the lines of a document whose table has no header that is understood; the surest way that finds any wins."""
    for find in (items_by_arithmetic, items_by_parts, items_above_their_sum):
        items, taken = find(pages, context)
        if items:
            return items, taken
    return [], set()


def items_by_arithmetic(pages: Sequence[Page], context: Context) -> Found:
    """Rows of text with three numbers of which two make the third."""
    items: list[LineItemValue] = []
    taken: set[int] = set()
    for page in pages:
        for row in page.rows:
            tokens = [t for cell in row for t in cell.tokens]
            numbers = [
                (t, v)
                for t in tokens
                if NUMBER_TOKEN.match(t.text) and (v := number_in([t], context)) is not None
            ]
            words = [t for t in tokens if re.search(r"[^\W\d]{3}", t.text)]
            if len(numbers) < 3 or not words:
                continue
            amount = numbers[-1][1]
            for i in range(len(numbers) - 1):
                for j in range(i + 1, len(numbers) - 1):
                    quantity, price = numbers[i][1], numbers[j][1]
                    if (
                        amount
                        and quantity > 0
                        and abs(quantity * price - amount) <= Decimal("0.02")
                        and amount != quantity
                    ):
                        values = {
                            "description": collapse(" ".join(t.text for t in words)),
                            "quantity": amounts.plain(quantity),
                            "unit_price": amounts.plain(price, places=2),
                            "amount": amounts.plain(amount, places=2),
                        }
                        items.append(LineItemValue(values, 0.8, page.number, union_box(tokens)))
                        taken |= {t.index for t in tokens}
                        break
                else:
                    continue
                break
    return items, taken


def items_by_parts(pages: Sequence[Page], context: Context) -> Found:
    """Lines written down the page: a description, then "Qty: 42", "Price: $385.00", "Total: $16,170.00" below it."""
    items: list[LineItemValue] = []
    taken: set[int] = set()
    for page in pages:
        for block in page.blocks:
            parts: dict[str, tuple[Decimal, Cell]] = {}
            description: Cell | None = None
            last: Cell | None = None
            for cell in block:
                if last is not None and cell.y0 - last.y1 > _PART_GAP:
                    parts, description = {}, None
                last = cell
                part = _part_of(cell, context)
                if part is None:
                    parts, description = {}, cell
                    continue
                parts[part[0]] = (part[1], cell)
                if parts.keys() != _PARTS or description is None:
                    continue
                quantity, price, amount = (parts[name][0] for name in ("quantity", "unit_price", "amount"))
                cells = [description, *(c for _, c in parts.values())]
                if product_holds(quantity, price, amount):
                    values = {
                        "description": description.text,
                        "quantity": amounts.plain(quantity),
                        "unit_price": amounts.plain(price, places=2),
                        "amount": amounts.plain(amount, places=2),
                    }
                    tokens = [t for c in cells for t in c.tokens]
                    items.append(LineItemValue(values, 0.9, page.number, union_box(tokens)))
                    taken |= {t.index for t in tokens}
                parts, description = {}, None
    return items, taken


def _part_of(cell: Cell, context: Context) -> tuple[str, Decimal] | None:
    """Return the column that a cell such as "Price: $385.00 each" names, and its number."""
    label, colon, rest = cell.text.partition(":")
    name = column_of(key_of(label)) if colon else None
    if name not in _PARTS:
        return None
    found = amounts.find_amounts(rest.partition("/")[0], context.mark)  # "$185.00/box"
    return (name, found[0].value) if found else None


@dataclass(frozen=True, slots=True)
class _Priced:
    """A row of text with an amount at its right.

    ``counted`` are a quantity and a price that make the amount, ``closes`` says that its label names a sum, a tax or a
    payment.
    """

    page: Page
    row: int
    value: Decimal
    amount: tuple[Token, ...]
    words: tuple[Token, ...]
    counted: tuple[Decimal, Decimal] | None
    closes: bool


def items_above_their_sum(pages: Sequence[Page], context: Context) -> Found:
    """Amounts under one another, with text beside each, whose sum comes next: on letters and till receipts."""
    best: list[_Priced] = []
    for page in pages:
        for run in _runs(page, context):
            lines = _before_their_sum(run)
            if len(lines) > len(best):
                best = lines
    items = []
    taken: set[int] = set()
    for line in best:
        tokens = [*line.words, *line.amount]
        values = {
            "description": collapse(" ".join(t.text for t in line.words)),
            "amount": amounts.plain(line.value, places=2),
        }
        if line.counted is not None:
            values["quantity"] = amounts.plain(line.counted[0])
            values["unit_price"] = amounts.plain(line.counted[1], places=2)
        items.append(LineItemValue(values, 0.7, line.page.number, union_box(tokens)))
        taken |= {t.index for t in tokens}
    return items, taken


def _runs(page: Page, context: Context) -> list[list[_Priced]]:
    """Return the page's rows with an amount at their right, in runs that share its right edge."""
    runs: list[list[_Priced]] = []
    for number, row in enumerate(page.rows):
        tokens = [t for cell in row for t in cell.tokens]
        end = next((k for k in range(len(tokens), 0, -1) if re.search(r"\d", tokens[k - 1].text)), 0)
        if not end or not NUMBER_TOKEN.match(tokens[end - 1].text):
            continue
        start = end - 1
        while start and tokens[start - 1].text in ("$", "€", "£", "RM", "₹", "-"):
            start -= 1
        figure = tuple(tokens[start:])
        value = number_in(figure, context)
        words = tokens[:start]
        if value is None or not is_money(figure, context):
            continue
        counted = _counted(words, value, context)
        if counted is not None and not _is_text(words) and number:
            # a till prints "3 x 3.23   9.69" below the article's name
            words = [*(t for cell in page.rows[number - 1] for t in cell.tokens), *words]
        if not _is_text(words):
            continue
        table_row = TableRow(page.number, number, figure[0].y0, figure[0].y1, {"amount": list(figure)})
        closes = is_closing(page, number, table_row, context)
        priced = _Priced(page, number, value, figure, tuple(words), counted, closes)
        edge = tokens[end - 1].x1
        for run in runs:
            last = run[-1].amount
            if abs(_edge(last) - edge) < _EDGE and figure[0].y0 - last[0].y1 < _FARTHEST:
                run.append(priced)
                break
        else:
            runs.append([priced])
    return runs


def _is_text(tokens: Sequence[Token]) -> bool:
    return any(re.search(r"[^\W\d]{3}", t.text) for t in tokens)


def _counted(words: Sequence[Token], amount: Decimal, context: Context) -> tuple[Decimal, Decimal] | None:
    """Return the quantity and the price among a row's words that make its amount: "2 x 4.50", "3 @ 1.20"."""
    numbers = [v for t in words if NUMBER_TOKEN.match(t.text) and (v := number_in([t], context)) is not None]
    for quantity, price in pairwise(numbers):
        if quantity > 0 and product_holds(quantity, price, amount):
            return quantity, price
    return None


def _edge(tokens: Sequence[Token]) -> float:
    return max(t.x1 for t in tokens if re.search(r"\d", t.text))


def _before_their_sum(run: Sequence[_Priced]) -> list[_Priced]:
    """Return the longest stretch of lines that the next amount is the sum of.

    One line alone proves nothing, its repetition may be chance; it counts if the sums go on to add up
    below it (1,000.00, tax 163.40, 1,163.40).
    """
    best: list[_Priced] = []
    for end in range(1, min(len(run), _MOST_LINES)):
        total = Decimal(0)
        for start in range(end - 1, -1, -1):
            if run[start].closes:
                break
            total += run[start].value
            count = end - start
            is_sum = total == run[end].value and total > 0 and count > len(best)
            if is_sum and (count > 1 or goes_on([p.value for p in run[end:]])):
                best = list(run[start:end])
    return best


def goes_on(values: Sequence[Decimal]) -> bool:
    """Whether the first value and some that follow it make a later one: subtotal, tax, total."""
    total = values[0] if values else Decimal(0)
    for k in range(1, len(values) - 1):
        total += values[k]
        if values[k] and total == values[k + 1]:
            return True
    return False
