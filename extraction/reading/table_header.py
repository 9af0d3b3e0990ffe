"""The header of a table of lines: which columns there are, and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from extraction.fields import LINE_ITEM_FIELDS
from extraction.reading.lexicon import column_of, key_of
from extraction.reading.lines import Page, Token

_NUMERIC_KINDS = frozenset({"money", "quantity", "percent"})


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


def find_headers(page: Page) -> list[tuple[int, int, list[Column], set[int]]]:
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
