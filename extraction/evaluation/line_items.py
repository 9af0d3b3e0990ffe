"""Scores the lines of a table: which line read is which true one, and how many cells are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from extraction.evaluation.comparison import is_right
from extraction.evaluation.metrics import Share, ratio, share_of_documents
from extraction.fields import LINE_ITEM_FIELDS

TrueLine = Mapping[str, object]
ReadLine = Mapping[str, str]


@dataclass(slots=True)
class Cells:
    """How many cells were right, read wrongly or for nothing, and missed."""

    right: int = 0
    spurious: int = 0
    missed: int = 0


@dataclass(slots=True)
class TableScore:
    """One document's lines: ``columns`` counts per column, ``complete`` if all lines and cells are right."""

    columns: dict[str, Cells] = field(default_factory=dict)
    complete: bool = False


def match_lines(truth: Sequence[TrueLine], read: Sequence[ReadLine]) -> list[tuple[int, int]]:
    """Pair true and read lines so that as many cells as possible are right (Hungarian method).

    Lines that have no right cell in common are not paired.
    """
    if not truth or not read:
        return []
    from scipy.optimize import linear_sum_assignment  # late: peak memory is the reading's

    agreement = np.array(
        [
            [sum(_same(name, line.get(name), cells.get(name)) for name in line) for cells in read]
            for line in truth
        ]
    )
    rows, columns = linear_sum_assignment(agreement, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if agreement[r, c]]


def score_table(truth: Sequence[TrueLine], read: Sequence[ReadLine]) -> TableScore:
    """Compare the lines of one document.

    A cell that a true line doesn't mention is unknown and judges nobody; ``None`` says that it is empty. A
    line read that is no true one has all its cells wrong in the columns that this document's truth knows.
    """
    truth = [{n: v for n, v in line.items() if n in LINE_ITEM_FIELDS} for line in truth]
    known = {name for line in truth for name in line}
    score = TableScore({name: Cells() for name in LINE_ITEM_FIELDS if name in known})
    partner = dict(match_lines(truth, read))
    for index, line in enumerate(truth):
        cells = read[partner[index]] if index in partner else {}
        for name, expected in line.items():
            found, column = cells.get(name), score.columns[name]
            if _same(name, expected, found):
                column.right += 1
                continue
            column.spurious += found is not None
            column.missed += expected is not None
    for number in set(range(len(read))) - set(partner.values()):
        for name in read[number]:
            if name in known:
                score.columns[name].spurious += 1
    wrong = sum(c.spurious + c.missed for c in score.columns.values())
    score.complete = len(read) == len(truth) and not wrong
    return score


def _same(name: str, expected: object, found: str | None) -> bool:
    return expected is not None and is_right(name, expected, found)


def cell_f1(scores: Sequence[TableScore], column: str | None = None) -> Share:
    """Return F1 over the cells of a column, or of all columns, with the interval from resampling documents."""
    parts = []
    count = 0
    for score in scores:
        cells = [c for name, c in score.columns.items() if column in (None, name)]
        right, wrong = sum(c.right for c in cells), sum(c.spurious + c.missed for c in cells)
        parts.append((2 * right, 2 * right + wrong))
        count += sum(c.right + c.missed for c in cells)
    numbers = np.array(parts, dtype=float).reshape(-1, 2)
    return ratio(numbers[:, :1], numbers[:, 1:], count=count)


def all_lines_right(scores: Sequence[TableScore]) -> Share:
    """Return the share of documents whose lines are all there, no others, and right in every labelled cell."""
    return share_of_documents([s.complete for s in scores])
