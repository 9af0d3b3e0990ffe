"""Everything that is known about a document's words before any field is chosen.

What the rules, the encoder and the scorer look at is found once, here, so that they speak of the same tokens,
labels and values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extraction.reading.anchors import Label, Surroundings, find_labels
from extraction.reading.context import Context, find_context
from extraction.reading.line_items import Table, find_line_items
from extraction.reading.lines import Page, lay_out
from extraction.reading.values import Value, find_values
from extraction.schema import Hints, PageImage, Word


@dataclass(frozen=True, slots=True)
class Survey:
    """A document's layout, conventions, table of lines, labels and typed values; mappings are by page number.

    ``photographed`` is the numbers of the pages that were photographed.
    """

    layout: Sequence[Page]
    context: Context
    table: Table
    labels: Mapping[int, Sequence[Label]]
    surroundings: Mapping[int, Surroundings]
    values: Sequence[Value]
    photographed: frozenset[int] = frozenset()

    @property
    def in_table(self) -> frozenset[int]:
        """Indexes of the tokens that belong to the table of lines."""
        return self.table.header_tokens | self.table.body_tokens

    @property
    def all_labels(self) -> list[Label]:
        return [label for page in self.layout for label in self.labels[page.number]]


def survey(pages: Sequence[tuple[PageImage, Sequence[Word]]], hints: Hints) -> Survey:
    """Look a document over.

    :param pages: per page its picture's size and the words on it; the picture is not looked at.
    """
    layout = lay_out(pages)
    context = find_context(layout, hints)
    table = find_line_items(layout, context)
    labels = {page.number: find_labels(page, table.header_tokens) for page in layout}
    return Survey(
        layout,
        context,
        table,
        labels,
        {page.number: Surroundings(page, labels[page.number]) for page in layout},
        [value for page in layout for value in find_values(page, context)],
        frozenset(page.number for page, _ in pages if page.photographed),
    )
