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
from extraction.reading.table_items import items_by_arithmetic, items_of
from extraction.reading.table_rows import TableRow, read_rows
from extraction.schema import LineItemValue

_COUNTED = frozenset({"quantity", "unit_price"})


_MOST_SIDE_TABLES = 5


@dataclass(slots=True)
class _Group:
    """The items under one header; ``main`` if it counts or prices things, as the lines do."""

    items: list[LineItemValue]
    rows: list[TableRow]
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
        headers = find_headers(page)
        if columns and not headers:
            rows, closed_here = read_rows(page, 0, len(page.rows), columns, after_totals=True)
            closed = closed or closed_here
            groups.append(_Group(items_of(rows, columns, context), rows, main=True))
        for number, (_, last, found, tokens) in enumerate(headers):
            names, others = {c.name for c in columns}, {c.name for c in found}
            main = not names & _COUNTED or bool(others & _COUNTED)
            if columns and closed and len(names & others) < max(2, len(names) - 1):
                continue  # a table after the totals (payments, tax summary) is not the lines
            stop = headers[number + 1][0] if number + 1 < len(headers) else len(page.rows)
            header_tokens |= tokens
            rows, closed_here = read_rows(page, last + 1, stop, found, after_totals=False)
            if main:
                columns = found
                closed = closed or closed_here
            groups.append(_Group(items_of(rows, found, context), rows, main=main))
    if not columns:
        items, body_tokens = items_by_arithmetic(pages, context)
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
