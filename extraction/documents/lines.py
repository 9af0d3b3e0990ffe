"""Puts words in reading order and says which of them stand on one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from extraction.schema import Box, Word

# Words farther apart than this many text heights belong to different columns. Between words a space is
# about 0.3 heights wide, in justified text up to 1; between the columns of a table rarely less than 1.5.
COLUMN_GAP = 1.5

# Words of one line differ in height by what "on" and "(Jg" do.
_SAME_PRINT = 2.2


def number_lines(words: Sequence[Word], *, aspect: float) -> tuple[Word, ...]:
    """Return the words in reading order, each with its line number.

    A line is a run of words on one height without a gap as wide as a column's. Lines are
    ordered from top to bottom, and from left to right where they stand on one height.

    :param aspect: the page's height divided by its width, which makes the two directions comparable.
    """
    rows: list[list[Word]] = []
    spans: list[tuple[float, float]] = []  # each row's (top, bottom), grown by its tall words only
    for word in sorted(words, key=lambda w: w.box.center[1]):
        best, best_overlap = -1, 0.0
        for index in range(len(rows) - 1, max(-1, len(rows) - 9), -1):
            overlap = _overlap(spans[index], word.box)
            if overlap > best_overlap:
                best, best_overlap = index, overlap
        if best_overlap > 0.5:
            rows[best].append(word)
            top, bottom = spans[best]
            # The middle of the row follows its words slowly, so that a slight slope does not join two rows.
            spans[best] = (0.8 * top + 0.2 * word.box.y0, 0.8 * bottom + 0.2 * word.box.y1)
        else:
            rows.append([word])
            spans.append((word.box.y0, word.box.y1))
    order = sorted(range(len(rows)), key=lambda i: spans[i][0] + spans[i][1])
    numbered: list[Word] = []
    line = 0
    for index in order:
        row = sorted(rows[index], key=lambda w: w.box.x0)
        end: float | None = None
        for word in row:
            height = max(spans[index][1] - spans[index][0], word.box.height) * aspect
            if end is not None and word.box.x0 - end > COLUMN_GAP * height:
                line += 1
            numbered.append(replace(word, line=line))
            end = word.box.x1 if end is None else max(end, word.box.x1)
        line += 1
    return tuple(numbered)


def _overlap(span: tuple[float, float], box: Box) -> float:
    """Return the share of the lower of the two heights that both cover, 0 where they can't be one line.

    A headline beside an address is taller than several of its lines; it goes with the one at its middle, if any.
    """
    lower, taller = sorted((span[1] - span[0], box.height))
    if lower <= 0:
        return 0.0
    if taller > _SAME_PRINT * lower and abs((span[0] + span[1]) / 2 - box.center[1]) > lower / 2:
        return 0.0
    return (min(span[1], box.y1) - max(span[0], box.y0)) / lower
