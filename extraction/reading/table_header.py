"""The header of a table of lines: which columns there are, and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from extraction.fields import LINE_ITEM_FIELDS
from extraction.reading.lexicon import column_of, key_of, sum_named
from extraction.reading.lines import Page, Token

# Share of a header's letters that must name columns; less where many columns are named, one of them the amount's.
_LEAST, _LEAST_OF_MANY, _MANY_COLUMNS = 0.55, 0.4, 4

# Words of one title are less than this apart (em); two titles may come nearer to each other than two cells.
_WORD_SPACE = 0.5

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
        best = _header_from(page, row)
        if best is None:
            row += 1
            continue
        # Text right above the titles must not be taken for part of them.
        while row < best[0] and (tighter := _header_from(page, row + 1)) is not None:
            needed = any(t.index in best[2] for c in page.rows[row] for t in c.tokens)
            if _names(tighter[1]) < _names(best[1]) + needed:
                break
            row, best = row + 1, tighter
        if _goes_on(page, found, row, best[1]):
            first, _, columns, tokens = found[-1]
            found[-1] = (first, best[0], columns, tokens | best[2])
        else:
            found.append((row, *best))
        row = best[0] + 1
    return found


def _names(columns: Sequence[Column]) -> int:
    return len({c.name for c in columns})


def _header_from(page: Page, row: int) -> tuple[int, list[Column], set[int]] | None:
    """Return the last row, the columns and the token indexes of the header that begins with a row, if one does."""
    best: tuple[int, list[Column], set[int]] | None = None
    for last in range(row, min(row + 3, len(page.rows))):
        if last > row and _top(page, last) - _bottom(page, last - 1) > 1.3:
            break
        columns, tokens, coverage = _columns_of_rows(page, row, last)
        wide = _names(columns) >= _MANY_COLUMNS and any(c.name == "amount" for c in columns)
        if coverage < (_LEAST_OF_MANY if wide else _LEAST) or not _is_header(columns):
            continue
        if best is None or _names(columns) > _names(best[1]):
            best = (last, columns, tokens)
    return best


def _goes_on(
    page: Page, found: Sequence[tuple[int, int, list[Column], set[int]]], row: int, columns: Sequence[Column]
) -> bool:
    """Whether what looks like a header is only further lines of the titles right above it."""
    return (
        bool(found)
        and row == found[-1][1] + 1
        and (_top(page, row) - _bottom(page, row - 1) < 1.3 and len(columns) <= len(found[-1][2]))
    )


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
    stacks: list[list[list[Token]]] = []
    for group in (g for r in range(first, last + 1) for cell in page.rows[r] for g in _titles(cell.tokens)):
        x0, x1 = group[0].x0, group[-1].x1
        for stack in stacks:
            above = [t for title in stack for t in title]
            sx0, sx1 = min(t.x0 for t in above), max(t.x1 for t in above)
            if (
                min(x1, sx1) - max(x0, sx0) > 0.5 * min(x1 - x0, sx1 - sx0)
                and group[0].cy > max(t.cy for t in above) + 0.4
            ):
                stack.append(list(group))
                break
        else:
            stacks.append([list(group)])
    columns: list[Column] = []
    used: set[int] = set()
    letters = matched = 0
    for stack in stacks:
        tokens = [t for title in stack for t in title]
        text = " ".join(t.text for t in tokens)
        if not re.search(r"[^\W\d_]|[#%]", text):
            continue
        letters += len(text)
        name = _name_of(stack)
        if name is None:
            continue
        matched += len(text)
        used |= {t.index for t in tokens}
        columns.append(Column(name, min(t.x0 for t in tokens), max(t.x1 for t in tokens)))
    columns.sort(key=lambda c: c.x0)
    columns = _with_unnamed_amount(columns, [[t for title in stack for t in title] for stack in stacks], used)
    return _one_amount(columns), used, matched / max(letters, 1)


def _name_of(stack: Sequence[Sequence[Token]]) -> str | None:
    """Return the column that titles over one another name, together or each for itself."""
    name = _title_of(" ".join(t.text for title in stack for t in title))
    if name is not None or len(stack) == 1:
        return name
    alone = [_title_of(" ".join(t.text for t in title)) for title in stack]
    if None in alone:
        return None
    return "description" if "description" in alone else alone[0]


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


@lru_cache(maxsize=20_000)
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
    """Part a cell into titles: the longest runs of words that name a column; the rest stays together.

    "Montant TVA" is the title of a tax summary, not of amounts beside a rate.
    """
    together = all(b.x0 - a.x1 < _WORD_SPACE for a, b in pairwise(tokens))
    if len(tokens) > 1 and together and sum_named(" ".join(t.text for t in tokens)) == "tax_amount":
        return [list(tokens)]
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
