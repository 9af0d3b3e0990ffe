"""The rows under a table's header, every word given to its column; sums that close the table are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from extraction.reading.lexicon import fold, fuzzy_meanings_of, key_of, sum_named
from extraction.reading.lines import Page, Token
from extraction.reading.table_header import Column

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


NUMBER_TOKEN = re.compile(r"^[(]?[-−–]?(?:[$£€₹]|RM|Rs\.?|US\$)?\s?[-−–]?\d[\d.,'’]*[)]?-?(?:%|€|\$|£)?$")


@dataclass(slots=True)
class TableRow:
    """One row of a table's body: the tokens in each column, and its upper and lower edge (em)."""

    page: int
    row: int
    y0: float
    y1: float
    cells: dict[str, list[Token]] = field(default_factory=dict)

    @property
    def tokens(self) -> list[Token]:
        return [t for tokens in self.cells.values() for t in tokens]


def read_rows(
    page: Page, first: int, stop: int, columns: Sequence[Column], *, after_totals: bool
) -> tuple[list[TableRow], bool]:
    """Collect the rows of a table; totals are left out, and after the first of them only full rows count."""
    rows: list[TableRow] = []
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


def _is_closing(page: Page, number: int, row: TableRow) -> bool:
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
        tokens = [t for t in cell.tokens if not NUMBER_TOKEN.match(t.text)]
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


def _assign(page: Page, number: int, columns: Sequence[Column]) -> TableRow:
    """Give every token of a row to a column: numbers by alignment, text by where its cell starts."""
    cells = page.rows[number]
    row = TableRow(page.number, number, min(c.y0 for c in cells), max(c.y1 for c in cells))
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
            if NUMBER_TOKEN.match(probe.text):
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
