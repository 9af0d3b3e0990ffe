"""The rows under a table's header, every word given to its column; sums that close the table are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from extraction.fields import ADJUSTING_WORDS, LINE_ITEM_FIELDS
from extraction.reading import amounts
from extraction.reading.context import Context
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


_NUMERIC = frozenset(
    name for name, column in LINE_ITEM_FIELDS.items() if column.kind in ("money", "quantity", "percent")
)

# Half a per cent: what rounding of printed unit prices costs.
_PRODUCT_TOLERANCE = Decimal("0.005")

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

    def is_product(self, context: Context) -> bool:
        """Whether the row's quantity times its price is its amount."""
        if not {"quantity", "unit_price", "amount"} <= self.cells.keys():
            return False
        price, amount = (number_in(self.cells[name], context) for name in ("unit_price", "amount"))
        found = amounts.find_amounts(" ".join(t.text for t in self.cells["quantity"]), context.mark)
        if price is None or amount is None:
            return False
        return any(product_holds(quantity.value, price, amount) for quantity in found)

    def adjusts(self, context: Context) -> bool:
        """Whether the row is an allowance or a charge on what stands above: "less 10 % discount", "Zuschlag"."""
        if self.is_product(context):
            return False
        described = self.cells.get("description", ())
        starts = (sorted(self.tokens, key=lambda t: t.x0), described)
        return any(_adjusting(tokens) for tokens in starts)


def _adjusting(tokens: Sequence[Token]) -> bool:
    words = [t.text for t in tokens if re.search(r"[^\W\d]", t.text) or t.text == ":"][:2]
    if not words:
        return False
    first = key_of(words[0])
    if first in ADJUSTING_WORDS["anywhere"]:
        return True
    return first in ADJUSTING_WORDS["before a colon"] and (words[0].endswith(":") or words[1:] == [":"])


def number_in(tokens: Sequence[Token], context: Context) -> Decimal | None:
    """Return the last amount in a cell's tokens."""
    found = amounts.find_amounts(" ".join(t.text for t in tokens), context.mark)
    return found[-1].value if found else None


def is_money(tokens: Sequence[Token], context: Context) -> bool:
    """Whether a cell's last number is printed as money is: with cents or a currency."""
    found = amounts.find_amounts(" ".join(t.text for t in tokens), context.mark)
    return bool(found) and (found[-1].cents or bool(found[-1].currency))


def product_holds(quantity: Decimal, price: Decimal, amount: Decimal) -> bool:
    """Whether quantity x unit price is the amount, to half a per cent or two cents; of nothing it says nothing."""
    return amount != 0 and abs(quantity * price - amount) <= max(
        abs(amount) * _PRODUCT_TOLERANCE, Decimal("0.02")
    )


def read_rows(
    page: Page, first: int, stop: int, columns: Sequence[Column], context: Context, *, after_totals: bool
) -> tuple[list[TableRow], bool]:
    """Collect the rows of a table; totals are left out, and after the first of them only full rows count."""
    rows: list[TableRow] = []
    closed = False
    usual: set[str] = set()
    last_bottom: float | None = None
    for number in range(first, stop):
        row = _assign(page, number, columns)
        full = (
            "amount" in row.cells
            and bool(
                row.cells.keys() & {"quantity", "unit_price"}
                or (len(usual) > 2 and usual <= row.cells.keys())
            )
            and bool(row.cells.keys() - _NUMERIC)
            and (is_money(row.cells["amount"], context) or row.is_product(context))
        )
        if is_closing(page, number, row, context):
            if not closed:
                usual = _usual_columns(rows)
            closed = True
            continue
        if (closed or after_totals) and not full:
            # a wrapped description may follow a full row directly
            follows = rows and not closed and last_bottom is not None and row.y0 - last_bottom < 1.0
            if follows and set(row.cells) == {"description"}:
                rows.append(row)
                last_bottom = row.y1
            continue
        priced = {"quantity", "unit_price"} <= row.cells.keys()  # its amount may stand half a line off
        if last_bottom is not None and row.y0 - last_bottom > 14 and not full:
            break
        if "amount" in row.cells or priced or last_bottom is None or row.y0 - last_bottom < 6:
            rows.append(row)
            if "amount" in row.cells or priced or last_bottom is None:
                last_bottom = row.y1
    return rows, closed


def _usual_columns(rows: Sequence[TableRow]) -> set[str]:
    """Return the columns that all rows with an amount fill: a row below a section's sum that has them too is a line."""
    filled = [set(row.cells) for row in rows if "amount" in row.cells]
    return set.intersection(*filled) if filled else set()


def is_closing(page: Page, number: int, row: TableRow, context: Context) -> bool:
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
                if covered >= 0.5 * len(text.replace(" ", "")) and not _is_line(row, context):
                    return True
                break
    return (
        bool(re.match(r"(?:sub\s?-?total|total|grand total|gesamt|summe|zwischensumme)\b", fold(text)))
        and "quantity" not in row.cells
    )


def _is_line(row: TableRow, context: Context) -> bool:
    """Whether a row is a line although a word in it, such as its "19 % VAT", labels a sum."""
    position = "".join(t.text for t in row.cells.get("item_number", ())).strip(".)")
    return row.is_product(context) or (position.isdigit() and {"quantity", "unit_price"} <= row.cells.keys())


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
