"""The table of lines: its header, its columns, one item per amount, wrapped descriptions, pages in a row.

A row that carries a value in the amount column is an item's anchor; rows without one are
descriptions that wrap, and belong to the nearer anchor. Where a row's own arithmetic
(quantity x price = amount) holds only with the numbers read the other way round, they are
turned round; no number is ever made up.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from extraction.fields import LINE_ITEM_FIELDS, collapse
from extraction.reading import amounts, dates
from extraction.reading.context import Context
from extraction.reading.lexicon import column_of, fold, fuzzy_meanings_of, key_of, sum_named
from extraction.reading.lines import Page, Token, union_box
from extraction.schema import LineItemValue

_COUNTED = frozenset({"quantity", "unit_price"})
_MOST_SIDE_TABLES = 5
# Amounts of one column share an edge or their middle to this many em.
_COLUMN_SLACK = 1.5
_NUMERIC_KINDS = frozenset({"money", "quantity", "percent"})
_CLOSING = frozenset(
    {
        "subtotal",
        "total",
        "tax_amount",
        "amount_due",
        "amount_paid",
        "~rounding",
        "~cash",
        "~change",
        "previous_balance",
        "~page_total",
        "~statement",
    }
)
# Half a per cent or a cent: what rounding of unit prices costs (docs/fields.md).
_PRODUCT_TOLERANCE = Decimal("0.005")
_NUMBER_TOKEN = re.compile(r"^[(]?[-−–]?(?:[$£€₹]|RM|Rs\.?|US\$)?\s?[-−–]?\d[\d.,'’]*[)]?-?(?:%|€|\$|£)?$")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table as its header places it (em)."""

    name: str
    x0: float
    x1: float

    @property
    def numeric(self) -> bool:
        return LINE_ITEM_FIELDS[self.name].kind in _NUMERIC_KINDS

    @property
    def cx(self) -> float:
        return (self.x0 + self.x1) / 2


@dataclass(slots=True)
class _Row:
    page: int
    row: int
    y0: float
    y1: float
    cells: dict[str, list[Token]] = field(default_factory=dict)

    @property
    def tokens(self) -> list[Token]:
        return [t for tokens in self.cells.values() for t in tokens]


@dataclass(slots=True)
class _Group:
    """The items under one header; ``main`` if it counts or prices things, as the lines do."""

    items: list[LineItemValue]
    rows: list[_Row]
    main: bool

    @property
    def total(self) -> Decimal:
        return sum((Decimal(i.values["amount"]) for i in self.items if "amount" in i.values), Decimal(0))


@dataclass(slots=True)
class Table:
    """The lines found, and which tokens (by index) the table's header and body take."""

    items: tuple[LineItemValue, ...] = ()
    header_tokens: frozenset[int] = frozenset()
    body_tokens: frozenset[int] = frozenset()

    @property
    def amounts(self) -> list[Decimal]:
        return [Decimal(item.values["amount"]) for item in self.items if "amount" in item.values]


def find_line_items(pages: Sequence[Page], context: Context) -> Table:
    """Find the document's lines, across pages.

    Besides the table of lines there may be further tables, of extra charges that belong to it or
    of sums by group that repeat it; those are taken whose amounts make a sum that is printed.
    """
    groups: list[_Group] = []
    header_tokens: set[int] = set()
    columns: list[Column] = []
    closed = False
    for page in pages:
        headers = _headers(page)
        if columns and not headers:
            rows, closed_here = _body_rows(page, 0, len(page.rows), columns, after_totals=True)
            closed = closed or closed_here
            groups.append(_Group(_items_of(rows, columns, context), rows, main=True))
        for number, (_, last, found, tokens) in enumerate(headers):
            names, others = {c.name for c in columns}, {c.name for c in found}
            main = not names & _COUNTED or bool(others & _COUNTED)
            if columns and closed and len(names & others) < max(2, len(names) - 1):
                continue  # a table after the totals (payments, tax summary) is not the lines
            stop = headers[number + 1][0] if number + 1 < len(headers) else len(page.rows)
            header_tokens |= tokens
            rows, closed_here = _body_rows(page, last + 1, stop, found, after_totals=False)
            if main:
                columns = found
                closed = closed or closed_here
            groups.append(_Group(_items_of(rows, found, context), rows, main=main))
    if not columns:
        items, body_tokens = _items_by_arithmetic(pages, context)
        return Table(tuple(items), frozenset(header_tokens), frozenset(body_tokens))
    chosen = _choose_groups([g for g in groups if g.items], context)
    return Table(
        tuple(item for group in chosen for item in group.items),
        frozenset(header_tokens),
        frozenset(t.index for group in chosen for row in group.rows for t in row.tokens),
    )


def _choose_groups(groups: Sequence[_Group], context: Context) -> list[_Group]:
    side = [g for g in groups if not g.main][:_MOST_SIDE_TABLES]
    if not side:
        return list(groups)
    lines = context.text.splitlines()
    printed = {a.value for line in lines for a in amounts.find_amounts(line, context.mark)}
    for count in range(len(side), -1, -1):
        for extra in itertools.combinations(side, count):
            chosen = [g for g in groups if g.main or g in extra]
            if sum((g.total for g in chosen), Decimal(0)) in printed:
                return chosen
    # The page's own sums don't fit: drop only what repeats sums of other tables.
    totals = {g.total for g in groups}
    return [
        g
        for g in groups
        if g.main or not any(Decimal(i.values.get("amount", "0")) in totals - {g.total} for i in g.items)
    ]


def _headers(page: Page) -> list[tuple[int, int, list[Column], set[int]]]:
    """Return the table headers of a page: first and last row, columns, indexes of their tokens."""
    found: list[tuple[int, int, list[Column], set[int]]] = []
    row = 0
    while row < len(page.rows):
        best: tuple[int, list[Column], set[int]] | None = None
        for last in range(row, min(row + 3, len(page.rows))):
            if last > row and _top(page, last) - _bottom(page, last - 1) > 1.3:
                break
            columns, tokens, coverage = _columns_of_rows(page, row, last)
            if coverage < 0.55 or not _is_header(columns):
                continue
            if best is None or len({c.name for c in columns}) > len({c.name for c in best[1]}):
                best = (last, columns, tokens)
        if best is not None:
            found.append((row, best[0], best[1], best[2]))
            row = best[0] + 1
        else:
            row += 1
    return found


def _top(page: Page, row: int) -> float:
    return min(c.y0 for c in page.rows[row])


def _bottom(page: Page, row: int) -> float:
    return max(c.y1 for c in page.rows[row])


def _is_header(columns: Sequence[Column]) -> bool:
    names = {c.name for c in columns}
    if len(names) < 2 or not names & {"amount", "unit_price", "this_period", "total_completed"}:
        return False
    if len(names) == 2:
        return "amount" in names and bool(names & {"description", "quantity"})
    return bool(names & {"description", "quantity", "product_code", "item_number", "unit", "date"})


def _columns_of_rows(page: Page, first: int, last: int) -> tuple[list[Column], set[int], float]:
    """Read rows ``first`` to ``last`` as one header; words over one another form one title."""
    tokens = [t for r in range(first, last + 1) for c in page.rows[r] for t in c.tokens]
    if len(tokens) > 40 or sum(bool(re.search(r"\d[.,]\d\d", t.text)) for t in tokens) > 0:
        return [], set(), 0.0
    stacks: list[list[Token]] = []
    groups: list[list[Token]] = []
    for r in range(first, last + 1):
        for cell in page.rows[r]:
            groups += _titles(cell.tokens)
    for group in groups:
        x0, x1 = group[0].x0, group[-1].x1
        for stack in stacks:
            sx0, sx1 = min(t.x0 for t in stack), max(t.x1 for t in stack)
            if (
                min(x1, sx1) - max(x0, sx0) > 0.5 * min(x1 - x0, sx1 - sx0)
                and group[0].cy > max(t.cy for t in stack) + 0.4
            ):
                stack.extend(group)
                break
        else:
            stacks.append(list(group))
    columns: list[Column] = []
    used: set[int] = set()
    letters = matched = 0
    for stack in stacks:
        text = " ".join(t.text for t in stack)
        if not re.search(r"[^\W\d_]|[#%]", text):
            continue
        letters += len(text)
        name = _title_of(text)
        if name is None:
            continue
        matched += len(text)
        used |= {t.index for t in stack}
        columns.append(Column(name, min(t.x0 for t in stack), max(t.x1 for t in stack)))
    columns.sort(key=lambda c: c.x0)
    columns = _with_unnamed_amount(columns, stacks, used)
    return _one_amount(columns), used, matched / max(letters, 1)


def _with_unnamed_amount(
    columns: list[Column], stacks: Sequence[Sequence[Token]], used: set[int]
) -> list[Column]:
    """Take an unknown last title, right of price and quantity, for the amount's."""
    names = {c.name for c in columns}
    if "amount" in names or not {"unit_price", "quantity"} <= names:
        return columns
    right = max(c.x1 for c in columns)
    unknown = [s for s in stacks if s[0].index not in used and min(t.x0 for t in s) > right]
    if len(unknown) == 1:
        return [*columns, Column("amount", min(t.x0 for t in unknown[0]), max(t.x1 for t in unknown[0]))]
    return columns


def _title_of(text: str) -> str | None:
    key = key_of(text)
    name = column_of(key)
    if name is None:
        key = re.sub(
            r"(?:usd|eur|gbp|inr|rm|cad|aud|chf)$", "", key_of(re.sub(r"[(\[].*?[)\]]|[$£€₹]", "", text))
        )
        name = column_of(key) if key else None
    return name


def _titles(tokens: Sequence[Token]) -> list[list[Token]]:
    """Part a cell into titles: the longest runs of words that name a column; the rest stays together."""
    groups: list[list[Token]] = []
    k = 0
    loose: list[Token] = []
    while k < len(tokens):
        for length in range(min(5, len(tokens) - k), 0, -1):
            run = tokens[k : k + length]
            if _title_of(" ".join(t.text for t in run)) is not None:
                if loose:
                    groups.append(loose)
                    loose = []
                groups.append(list(run))
                k += length
                break
        else:
            loose.append(tokens[k])
            k += 1
    if loose:
        groups.append(loose)
    return groups


def _one_amount(columns: list[Column]) -> list[Column]:
    """Keep one amount column, the rightmost, and the first of every other name.

    "Amount" left of the description is a count; a second price column is the amount.
    """
    names = [c.name for c in columns]
    if names.count("amount") > 1 and "quantity" not in names and "description" in names:
        first = columns[names.index("amount")]
        if first.x0 < columns[names.index("description")].x0:
            columns = [Column("quantity", c.x0, c.x1) if c is first else c for c in columns]
    if "amount" not in names and names.count("unit_price") > 1:
        last = [c for c in columns if c.name == "unit_price"][-1]
        columns = [Column("amount", c.x0, c.x1) if c is last else c for c in columns]
    kept: list[Column] = []
    for column in columns:
        if column.name == "amount":
            kept = [k for k in kept if k.name != "amount"]
        elif any(k.name == column.name for k in kept):
            continue
        kept.append(column)
    return kept


def _body_rows(
    page: Page, first: int, stop: int, columns: Sequence[Column], *, after_totals: bool
) -> tuple[list[_Row], bool]:
    """Collect the rows of a table; totals are left out, and after the first of them only full rows count."""
    rows: list[_Row] = []
    closed = False
    last_bottom: float | None = None
    for number in range(first, stop):
        row = _assign(page, number, columns)
        full = (
            "amount" in row.cells
            and bool(row.cells.keys() & {"quantity", "unit_price"})
            and "description" in row.cells
        )
        if _is_closing(page, number, row):
            closed = True
            continue
        if (closed or after_totals) and not full:
            # a wrapped description may follow a full row directly
            follows = rows and not closed and last_bottom is not None and row.y0 - last_bottom < 1.0
            if follows and set(row.cells) == {"description"}:
                rows.append(row)
                last_bottom = row.y1
            continue
        if last_bottom is not None and row.y0 - last_bottom > 14 and not full:
            break
        if "amount" in row.cells or last_bottom is None or row.y0 - last_bottom < 6:
            rows.append(row)
            if "amount" in row.cells or last_bottom is None:
                last_bottom = row.y1
    return rows, closed


def _is_closing(page: Page, number: int, row: _Row) -> bool:
    """Whether a row is a total, tax or payment row: a label covers most of its words."""
    words = [t for c in page.rows[number] for t in c.tokens if re.search(r"[^\W\d]{2}", t.text)]
    if not words:
        return False
    amount = row.cells.get("amount")
    left = [
        c
        for c in page.rows[number]
        if re.search(r"[^\W\d]{2}", c.text) and (not amount or c.x0 < amount[0].x0)
    ]
    # the label next to the amount counts; bank details may stand beside the totals
    beside = left[-1:] if amount else page.rows[number]
    text = " ".join(t.text for c in beside for t in c.tokens if re.search(r"[^\W\d]{2}", t.text))
    for cell in beside:
        tokens = [t for t in cell.tokens if not _NUMBER_TOKEN.match(t.text)]
        for length in range(min(len(tokens), 6), 0, -1):
            key = key_of(" ".join(t.text for t in tokens[:length]))
            names = {m.name for m in fuzzy_meanings_of(key) if m.strength >= 0.6}
            composed = sum_named(" ".join(t.text for t in tokens[:length])) if length == len(tokens) else None
            names |= {composed} if composed else set()
            if names & _CLOSING:
                covered = sum(len(t.text) for t in tokens[:length])
                quantity = row.cells.get("quantity")
                if covered >= 0.5 * len(text.replace(" ", "")) and not (
                    quantity and "unit_price" in row.cells
                ):
                    return True
                break
    return (
        bool(re.match(r"(?:sub\s?-?total|total|grand total|gesamt|summe|zwischensumme)\b", fold(text)))
        and "quantity" not in row.cells
    )


def _assign(page: Page, number: int, columns: Sequence[Column]) -> _Row:
    """Give every token of a row to a column: numbers by alignment, text by where its cell starts."""
    cells = page.rows[number]
    row = _Row(page.number, number, min(c.y0 for c in cells), max(c.y1 for c in cells))
    numeric = [c for c in columns if c.numeric]
    textual = [c for c in columns if not c.numeric]
    taken: set[str] = set()
    for cell in cells:
        current: Column | None = None
        for k, token in enumerate(cell.tokens):
            column: Column | None = None
            # "$ 42.00": the sign goes where its number goes
            probe = (
                cell.tokens[k + 1]
                if token.text in ("$", "€", "£", "RM", "₹", "-") and k + 1 < len(cell.tokens)
                else token
            )
            if _NUMBER_TOKEN.match(probe.text):
                column = _aligned(probe, numeric) or (
                    _nearest(probe, columns) if k == 0 or probe is cell.tokens[-1] else None
                )
            if (
                column is None
                and token.text in ("€", "EUR", "USD", "%", "$", "RM", "-")
                and current is not None
                and current.numeric
            ):
                column = current
            if (
                column is None
                and current is not None
                and current.name == "quantity"
                and not any(c.name == "unit" for c in columns)
            ):
                column = current if len(token.text) <= 6 and k <= 2 else None
            if column is None:
                column = _text_column(
                    token, current if current is not None and not current.numeric else None, columns, textual
                )
            if column is None:
                continue
            if (
                column.numeric
                and column.name in taken
                and current is not column
                and row.cells[column.name][-1].x1 < token.x0 - 1.5
            ):
                # two numbers in one numeric column: the one better aligned stays
                held = row.cells[column.name]
                if _distance(token, column) < _distance(held[-1], column):
                    row.cells[column.name] = [token]
                continue
            row.cells.setdefault(column.name, []).append(token)
            taken.add(column.name)
            current = column
    return row


def _distance(token: Token, column: Column) -> float:
    middle = (token.x0 + token.x1) / 2
    return min(abs(token.x1 - column.x1), abs(middle - column.cx), abs(token.x0 - column.x0))


def _aligned(token: Token, columns: Sequence[Column]) -> Column | None:
    """Return the numeric column that a number stands under."""
    best, best_distance = None, 3.5
    for column in columns:
        distance = _distance(token, column)
        overlap = min(token.x1, column.x1) - max(token.x0, column.x0)
        if overlap > 0:
            distance *= 0.5
        elif distance > 2.2:
            continue
        if distance < best_distance:
            best, best_distance = column, distance
    return best


def _nearest(token: Token, columns: Sequence[Column]) -> Column | None:
    """Return the numeric column whose header is nearest to a number that stands alone, if no text column is nearer."""
    middle = (token.x0 + token.x1) / 2
    nearest = min(columns, key=lambda c: max(c.x0 - token.x1, token.x0 - c.x1, abs(middle - c.cx) / 4))
    return nearest if nearest.numeric and max(nearest.x0 - token.x1, token.x0 - nearest.x1) < 9 else None


def _text_column(
    token: Token, current: Column | None, columns: Sequence[Column], textual: Sequence[Column]
) -> Column | None:
    if not textual:
        return None
    if current is not None:
        following = [c for c in textual if c.x0 > current.x0 and abs(token.x0 - c.x0) < 0.7]
        return following[0] if following else current
    best, best_distance = None, 1e9
    for column in textual:
        k = columns.index(column)
        left = columns[k - 1].x1 if k else -1e9
        if column.x0 - 0.4 <= token.x0 <= column.x1 + 0.4 or (token.x0 < column.x0 and token.x1 > column.x0):
            distance = 0.0
        elif token.x0 < column.x0:
            distance = (column.x0 - token.x0) * (0.5 if token.x0 > left else 3.0)
        else:
            distance = (token.x0 - column.x1) * (0.6 if column.name == "description" else 1.0)
        if distance < best_distance:
            best, best_distance = column, distance
    return best


def _items_of(rows: Sequence[_Row], columns: Sequence[Column], context: Context) -> list[LineItemValue]:
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
        if anchor_name in row.cells and _number(row.cells[anchor_name], context) is not None
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
        elif gap_above is not None and gap_above < 1.6:
            gathered[above].append(k)  # type: ignore[index]
    return [
        _item([rows[k] for k in sorted(gathered[a])], _whole_anchor(rows, a, anchors), context)
        for a in anchors
    ]


def _in_one_column(rows: Sequence[_Row], anchors: list[int], name: str) -> list[int]:
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


def _whole_anchor(rows: Sequence[_Row], anchor: int, anchors: Sequence[int]) -> _Row:
    """Join an amount that stands half a line off with the quantity and price of its own line."""
    row = rows[anchor]
    if row.cells.keys() & {"quantity", "unit_price"}:
        return row
    for k in (anchor - 1, anchor + 1):
        if not 0 <= k < len(rows) or k in anchors or not {"quantity", "unit_price"} <= rows[k].cells.keys():
            continue
        other = rows[k]
        if max(row.y0, other.y0) - min(row.y1, other.y1) < 0.6:
            return _Row(
                row.page, row.row, min(row.y0, other.y0), max(row.y1, other.y1), {**other.cells, **row.cells}
            )
    return row


def _gap(rows: Sequence[_Row], upper: int, lower: int) -> float:
    """Return the widest white space between two rows, all rows between counted as text."""
    return max(rows[k + 1].y0 - rows[k].y1 for k in range(upper, lower))


def _number(tokens: Sequence[Token], context: Context) -> Decimal | None:
    text = " ".join(t.text for t in tokens)
    found = amounts.find_amounts(text, context.mark)
    return found[-1].value if found else None


def _item(rows: Sequence[_Row], anchor: _Row, context: Context) -> LineItemValue:
    values: dict[str, str] = {}
    for name, column in LINE_ITEM_FIELDS.items():
        source = rows if name in ("description", "product_code") else [anchor]
        tokens = [t for row in source for t in row.cells.get(name, ())]
        if not tokens:
            continue
        text = collapse(" ".join(t.text for t in tokens))
        value: str | None
        if column.kind == "money":
            number = _number(tokens, context)
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
        1.0, 0.5 + 0.5 * min((t.confidence for t in anchor.cells.get("amount", [])), default=1.0)
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


def product_holds(quantity: Decimal, price: Decimal, amount: Decimal) -> bool:
    """Whether quantity x unit price is the amount, to half a per cent or two cents."""
    return abs(quantity * price - amount) <= max(abs(amount) * _PRODUCT_TOLERANCE, Decimal("0.02"))


def _repair(values: dict[str, str], anchor: _Row, context: Context) -> None:
    """Turn numbers round where only that makes quantity x price = amount hold."""
    numbers = [
        (t, v)
        for t in anchor.tokens
        if _NUMBER_TOKEN.match(t.text) and "%" not in t.text and (v := _number([t], context)) is not None
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


def _items_by_arithmetic(pages: Sequence[Page], context: Context) -> tuple[list[LineItemValue], set[int]]:
    """Without a header: rows of text with three numbers of which two make the third."""
    items: list[LineItemValue] = []
    taken: set[int] = set()
    for page in pages:
        for row in page.rows:
            tokens = [t for cell in row for t in cell.tokens]
            numbers = [
                (t, v)
                for t in tokens
                if _NUMBER_TOKEN.match(t.text) and (v := _number([t], context)) is not None
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
