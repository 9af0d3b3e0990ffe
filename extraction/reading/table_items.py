"""From rows to items: one per amount, with wrapped descriptions and arithmetic repair.

A row that carries a value in the amount column is an item's anchor; rows without one are
descriptions that wrap, and belong to the nearer anchor. Where a row's own arithmetic
(quantity x price = amount) holds only with the numbers read the other way round, they are
turned round; no number is ever made up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from extraction.fields import LINE_ITEM_FIELDS, collapse
from extraction.reading import amounts, dates
from extraction.reading.context import Context
from extraction.reading.lines import union_box
from extraction.reading.table_header import Column
from extraction.reading.table_rows import NUMBER_TOKEN, TableRow, number_in, product_holds
from extraction.schema import LineItemValue

# Amounts of one column share an edge or their middle to this many em.
_COLUMN_SLACK = 1.5


# Rows that one line takes at most: below the last one the small print may follow at the same distance.
_MOST_ROWS = 10


@dataclass(slots=True)
class Item:
    """A line of the table and the rows it was read from.

    ``adjusts`` says that it is rather an allowance or a charge on the lines above.
    """

    value: LineItemValue
    rows: list[TableRow]
    adjusts: bool = False

    @property
    def amount(self) -> Decimal | None:
        return Decimal(self.value.values["amount"]) if "amount" in self.value.values else None

    @property
    def priced(self) -> bool:
        return bool(self.value.values.keys() & {"quantity", "unit_price"})

    @property
    def proven(self) -> bool:
        """Whether quantity and price make the amount."""
        values = self.value.values
        if not {"quantity", "unit_price", "amount"} <= values.keys():
            return False
        return product_holds(*(Decimal(values[name]) for name in ("quantity", "unit_price", "amount")))

    @property
    def counted(self) -> bool:
        return "quantity" in self.value.values

    @property
    def described(self) -> bool:
        text = " ".join(self.value.values.get(name, "") for name in ("description", "product_code"))
        return bool(re.search(r"[^\W\d_]", text))


def items_of(rows: Sequence[TableRow], columns: Sequence[Column], context: Context) -> list[Item]:
    """Turn the rows under one header into items."""
    anchor_name = (
        "amount"
        if any(c.name == "amount" for c in columns)
        else "this_period"
        if any(c.name == "this_period" for c in columns)
        else "unit_price"
    )
    anchors = [
        k
        for k, row in enumerate(rows)
        if anchor_name in row.cells and number_in(row.cells[anchor_name], context) is not None
    ]
    anchors = _in_one_column(rows, anchors, anchor_name)
    if not anchors:
        return []
    gathered: dict[int, list[int]] = {k: [k] for k in anchors}
    for k, row in enumerate(rows):
        if k in gathered or not row.cells.keys() & {"description", "product_code"}:
            continue
        above = max((a for a in anchors if a < k), default=None)
        below = min((a for a in anchors if a > k), default=None)
        gap_above = _gap(rows, above, k) if above is not None else None
        gap_below = _gap(rows, k, below) if below is not None else None
        lacks = below is not None and "description" not in rows[below].cells
        if (
            gap_below is not None
            and gap_below < 2.2
            and (gap_above is None or gap_below < gap_above - 0.15 or (lacks and gap_below < 1.2))
        ):
            gathered[below].append(k)  # type: ignore[index]
        elif gap_above is not None and gap_above < 1.6 and len(gathered[above]) < _MOST_ROWS:  # type: ignore[index]
            gathered[above].append(k)  # type: ignore[index]
    items = []
    for a in anchors:
        own = [rows[k] for k in sorted(gathered[a])]
        items.append(
            Item(_item(own, _whole_anchor(rows, a, anchors), context), own, rows[a].adjusts(context))
        )
    return items


def _in_one_column(rows: Sequence[TableRow], anchors: list[int], name: str) -> list[int]:
    """Keep the amounts that stand under one another: a summary below a table has its column elsewhere."""
    kept: list[int] = []
    for k in anchors:
        tokens = rows[k].cells[name]
        x0, x1 = tokens[0].x0, tokens[-1].x1
        if kept:
            first = rows[kept[0]].cells[name]
            a0, a1 = first[0].x0, first[-1].x1
            if min(abs(x0 - a0), abs(x1 - a1), abs(x0 + x1 - a0 - a1) / 2) > _COLUMN_SLACK:
                continue
        kept.append(k)
    return kept


def _whole_anchor(rows: Sequence[TableRow], anchor: int, anchors: Sequence[int]) -> TableRow:
    """Join an amount that stands half a line off with the quantity and price of its own line."""
    row = rows[anchor]
    if row.cells.keys() & {"quantity", "unit_price"}:
        return row
    for k in (anchor - 1, anchor + 1):
        if not 0 <= k < len(rows) or k in anchors or not {"quantity", "unit_price"} <= rows[k].cells.keys():
            continue
        other = rows[k]
        if max(row.y0, other.y0) - min(row.y1, other.y1) < 0.6:
            return TableRow(
                row.page, row.row, min(row.y0, other.y0), max(row.y1, other.y1), {**other.cells, **row.cells}
            )
    return row


def _gap(rows: Sequence[TableRow], upper: int, lower: int) -> float:
    """Return the widest white space between two rows, all rows between counted as text."""
    return max(rows[k + 1].y0 - rows[k].y1 for k in range(upper, lower))


def _item(rows: Sequence[TableRow], anchor: TableRow, context: Context) -> LineItemValue:
    values: dict[str, str] = {}
    for name, column in LINE_ITEM_FIELDS.items():
        source = rows if name in ("description", "product_code") else [anchor]
        tokens = [t for row in source for t in row.cells.get(name, ())]
        if not tokens:
            continue
        text = collapse(" ".join(t.text for t in tokens))
        value: str | None
        if column.kind == "money":
            number = number_in(tokens, context)
            value = None if number is None else amounts.plain(number, places=2)
        elif column.kind == "percent":
            percent = amounts.parse_percent(text)
            value = None if percent is None else amounts.plain(percent)
        elif column.kind == "quantity":
            value = _read_quantity(text, values, context)
        elif column.kind == "date":
            day = dates.parse_date(text, context.order)
            value = None if day is None else day.isoformat()
        else:
            value = text
        if value:
            values[name] = value
    if "unit" not in values and "quantity" in values:
        unit = re.search(
            r"\d\s*([^\W\d_][\w./²³]*)\s*$",
            collapse(" ".join(t.text for t in anchor.cells.get("quantity", ()))),
        )
        if unit and unit[1].lower() != "x":
            values["unit"] = unit[1]
    _repair(values, anchor, context)
    tokens = [t for row in rows for t in row.tokens]
    confidence = _confidence(values) * min(
        1.0,
        0.5 + 0.5 * min((min(t.confidence, t.reading) for t in anchor.cells.get("amount", [])), default=1.0),
    )
    return LineItemValue(values, round(confidence, 4), anchor.page, union_box(tokens))


def _read_quantity(text: str, values: dict[str, str], context: Context) -> str | None:
    quantity = amounts.parse_quantity(text, context.mark)
    if quantity is None:
        match = re.match(r"^(\S+)\s+(.+)$", text)
        quantity = amounts.parse_quantity(match[1], context.mark) if match else None
    return (
        None
        if quantity is None
        else amounts.plain(quantity.normalize() if quantity == quantity.to_integral() else quantity)
    )


def _repair(values: dict[str, str], anchor: TableRow, context: Context) -> None:
    """Turn numbers round where only that makes quantity x price = amount hold."""
    numbers = [
        (t, v)
        for t in anchor.tokens
        if NUMBER_TOKEN.match(t.text) and "%" not in t.text and (v := number_in([t], context)) is not None
    ]
    if not all(k in values for k in ("quantity", "unit_price", "amount")):
        _complete(values, [v for _, v in numbers])
        return
    quantity, price, amount = (Decimal(values[k]) for k in ("quantity", "unit_price", "amount"))
    if product_holds(quantity, price, amount):
        return
    if product_holds(quantity, amount, price) and quantity != 1:
        values["unit_price"], values["amount"] = values["amount"], values["unit_price"]
        return
    for _, other in numbers:
        if product_holds(other, price, amount) and other not in (price, amount):
            values["quantity"] = amounts.plain(other)
            return


def _complete(values: dict[str, str], numbers: Sequence[Decimal]) -> None:
    """Fill a missing quantity or price with a number of the same row that makes the product hold."""
    if "amount" not in values:
        return
    amount = Decimal(values["amount"])
    for known, missing in (("quantity", "unit_price"), ("unit_price", "quantity")):
        if known in values and missing not in values:
            for number in numbers:
                if number != amount and product_holds(Decimal(values[known]), number, amount):
                    values[missing] = amounts.plain(number, places=2 if missing == "unit_price" else 0)
                    return


def _confidence(values: dict[str, str]) -> float:
    if "amount" not in values:
        return 0.4
    if "quantity" in values and "unit_price" in values:
        return (
            0.97
            if product_holds(
                Decimal(values["quantity"]), Decimal(values["unit_price"]), Decimal(values["amount"])
            )
            else 0.55
        )
    return 0.85 if "description" in values else 0.6
