"""The lines of a document: the tables that hold them, across pages."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from extraction.reading import amounts
from extraction.reading.context import Context
from extraction.reading.lines import Page
from extraction.reading.table_header import Column, find_headers
from extraction.reading.table_headerless import find_headerless, goes_on
from extraction.reading.table_items import Item, items_of
from extraction.reading.table_rows import read_rows
from extraction.schema import LineItemValue

_COUNTED = frozenset({"quantity", "unit_price"})


_MOST_SIDE_TABLES = 5


@dataclass(slots=True)
class _Group:
    """The items under one header; ``main`` if it counts or prices things, as the lines do."""

    items: list[Item]
    main: bool

    @property
    def total(self) -> Decimal:
        return _sum_of([item for item in self.items if not item.adjusts])


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
        headers = find_headers(page)
        if columns and not headers:
            rows, closed_here = read_rows(page, 0, len(page.rows), columns, context, after_totals=True)
            closed = closed or closed_here
            groups.append(_Group(items_of(rows, columns, context), main=True))
        for number, (_, last, found, tokens) in enumerate(headers):
            names, others = {c.name for c in columns}, {c.name for c in found}
            main = not names & _COUNTED or bool(others & _COUNTED)
            if columns and closed and len(names & others) < max(2, len(names) - 1):
                continue  # a table after the totals (payments, tax summary) is not the lines
            stop = headers[number + 1][0] if number + 1 < len(headers) else len(page.rows)
            header_tokens |= tokens
            rows, closed_here = read_rows(page, last + 1, stop, found, context, after_totals=False)
            if main:
                columns = found
                closed = closed or closed_here
            groups.append(_Group(items_of(rows, found, context), main=main))
    items = [
        item for group in _choose_groups([g for g in groups if g.items], context) for item in group.items
    ]
    items = _without_sums([item for item in items if not item.adjusts], [i for i in items if i.adjusts])
    if not items:
        bare, taken = find_headerless(pages, context)
        return Table(tuple(bare), frozenset(header_tokens if columns else ()), frozenset(taken))
    return Table(
        tuple(item.value for item in items),
        frozenset(header_tokens),
        frozenset(t.index for item in items for row in item.rows for t in row.tokens),
    )


def _sum_of(items: Sequence[Item]) -> Decimal:
    return sum((item.amount or Decimal(0) for item in items), Decimal(0))


def _without_sums(items: Sequence[Item], adjusting: Sequence[Item]) -> list[Item]:
    """Leave out what only adds up the lines above it: sums of sections, sums carried over, and the totals' block.

    A row with a quantity or a price is never taken for a sum. Where lines have descriptions and prices, a bare
    number is none of them; neither is what has no words, where their prices make their amounts.
    """
    if any(item.described and item.priced for item in items):
        items = [item for item in items if item.described or item.priced]
    if any(item.described and item.proven for item in items):
        items = [item for item in items if item.described or item.proven]
    items = [item for item in items if item.amount != 0 or item.counted]
    kept: list[Item] = []
    section: list[Item] = []
    adjusted = _sum_of(adjusting)
    for k, item in enumerate(items):
        amount = item.amount
        if amount is not None and not item.priced and kept:
            whole = _sum_of(kept)
            is_whole = amount in (whole, whole + adjusted)
            following = [i.amount for i in items[k:] if i.amount is not None and not i.priced]
            if is_whole and goes_on(following):
                return [*kept, *(i for i in items[k:] if i.priced)]
            if (is_whole and len(kept) > 1) or (len(section) > 1 and amount == _sum_of(section)):
                section = []
                continue
        all_proven = bool(kept) and all(k.proven or not k.amount for k in kept)
        if amount is not None and all_proven and not item.proven and amount >= _sum_of(kept) > 0:
            continue  # a total in a row that looks like a line
        kept.append(item)
        section.append(item)
    return kept


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
    return [g for g in groups if g.main or not any(i.amount in totals - {g.total} for i in g.items)]
