"""Where on the pages a value stands that a model says it has read.

A generative model can say what is nowhere on the page. Each value is therefore looked for among the words that
were recognised without it, compared by what it means: amounts and percentages as decimals, dates as days,
numbers without their separators, names and addresses by likeness. What isn't found is never taken without a person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from rapidfuzz import fuzz

from extraction.fields import FIELDS, LINE_ITEM_FIELDS, Kind
from extraction.reading import amounts
from extraction.reading.anchors import Span
from extraction.reading.lexicon import fold
from extraction.reading.lines import Page, Token, union_box
from extraction.reading.survey import Survey
from extraction.reading.values import Value
from extraction.schema import Box

SIMILAR: Final = 0.88
"""Likeness (0..1) from which a name on the page is the one the model read: one or two misread letters."""
SHARE_OF_ADDRESS: Final = 0.8
"""Share of an address's words that must stand close together."""
_ROWS_OF_ADDRESS = 6
_LONGEST_ID = 6  # tokens: an IBAN in groups of four has six
_SWAPPED = 0.8  # a date that is on the page only with day and month exchanged
_OTHER_DOLLAR = 0.7
_INSIDE = 0.8  # a number that is part of a longer word
# What is taken off is printed with a minus or without; a total with the wrong sign is another total.
_ANY_SIGN = frozenset({"discount_total", "amount_paid", "retainage_amount", "retainage"})
_WITH_UNIT = re.compile(r"(?P<number>[^\w\s]{0,2}\d[\d.,]*)(?:/\s?[^\W\d]+|[^\W\d]{1,4}\.?)")
_NOT_DIGITS = re.compile(r"\D")
_SEPARATORS = re.compile(r"[^\w]|_")

# A line's cells stand at most so many rows of the layout around the one that holds most of them.
_ROWS_ABOVE, _ROWS_BELOW = 2, 4
_Row = tuple[int, int]
_Cells = Mapping[str, Sequence[tuple[_Row, tuple[Token, ...]]]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was found.

    ``likeness`` (0..1) says how well what stands there agrees with the value, ``label`` and ``rival`` how strongly
    the label of its own field and that of another claim the place, ``ocr`` is the lowest recognition
    confidence of its words.
    """

    page: int
    box: Box
    text: str
    likeness: float
    label: float = 0.0
    rival: float = 0.0
    ocr: float = 1.0


class Pages:
    """The words of some pages, ready to be looked through for values."""

    def __init__(self, document: Survey, numbers: Iterable[int] | None = None) -> None:
        """:param numbers: the pages to look at (from 0); all of them if not given."""
        wanted = None if numbers is None else set(numbers)
        self._document = document
        self._layout = [page for page in document.layout if wanted is None or page.number in wanted]
        shown = {page.number for page in self._layout}
        self._values: dict[str, list[Value]] = {}
        for value in document.values:
            if value.page in shown:
                self._values.setdefault(value.kind, []).append(value)
        self._runs = [_Run(tokens) for page in self._layout for tokens in _runs(page)]
        self._with_units: dict[Decimal, list[tuple[Token, ...]]] = {}  # "$125.00/hr", "12kg"
        for token in (t for page in self._layout for cell in page.cells for t in cell.tokens):
            if (amount := _before_unit(token.text, document.context.mark)) is not None:
                self._with_units.setdefault(amount, []).append((token,))
        self._cells = {t.index: cell for page in self._layout for cell in page.cells for t in cell.tokens}

    def find(self, name: str, value: str) -> Place | None:
        """Return the place of a header field's value that speaks most for it, or None if it is on none of the pages.

        :param value: normalised as docs/fields.md says.
        """
        kind = FIELDS[name].kind
        if kind == "code":
            return self._find_currency(value)
        places = [self._place(name, tokens, likeness) for tokens, likeness in self._find(name, kind, value)]
        if not places and FIELDS[name].is_address:
            places = [self._place(name, tokens, share) for tokens, share in self._scattered(value)]
        if not places:
            return None
        # A sum stands first in the table and last where it is summed up; everything else first in the letterhead.
        later = kind == "money"
        return max(
            enumerate(places),
            key=lambda at: (
                round(at[1].likeness + at[1].label - at[1].rival / 2, 3),
                at[0] if later else -at[0],
            ),
        )[1]

    def has(self, column: str, value: str) -> bool:
        """Say whether a cell of a line stands anywhere on the pages."""
        return next(self._find(column, LINE_ITEM_FIELDS[column].kind, value), None) is not None

    def find_lines(self, lines: Sequence[Mapping[str, str]]) -> list[tuple[Line | None, set[str]]]:
        """Find the lines of the table, each below the one before.

        A line's cells may stand on several rows, as where a form writes "Qty: 2" below the description, but never on
        the row of another line: what stands there vouches for that one only.

        :param lines: normalised cells by column, in the page's order.
        :returns: per line where it stands, or None, and the columns whose values are not there.
        """
        cells = [{name: list(self._tokens_of_cell(name, v)) for name, v in line.items()} for line in lines]
        anchors: list[_Row | None] = []
        before: _Row = (-1, -1)
        for line in cells:
            anchor = _anchor(line, before)
            anchors.append(anchor)
            before = anchor or before
        found: list[tuple[Line | None, set[str]]] = []
        for k, line in enumerate(cells):
            anchor = anchors[k]
            if anchor is None:
                found.append((None, set(line)))
                continue
            above = max((a for a in anchors[:k] if a), default=(-1, -1))
            below = min((a for a in anchors[k + 1 :] if a), default=(anchor[0] + 1, 0))
            found.append(_line_at(line, anchor, above, below))
        return found

    # --- by kind ---------------------------------------------------------------------------------

    def _find(self, name: str, kind: Kind, value: str) -> Iterator[tuple[tuple[Token, ...], float]]:
        if kind in ("money", "quantity"):
            yield from self._numbers(value, ("money",), any_sign=name in _ANY_SIGN)
        elif kind == "percent":
            yield from self._numbers(value, ("percent", "money"))
        elif kind == "date":
            for found in self._values.get("date", ()):
                if value in (found.value, found.swapped):
                    yield found.span.tokens, 1.0 if value == found.value else _SWAPPED
        elif kind == "id" or name == "vendor_phone":
            yield from self._ids(value)
        else:
            yield from self._texts(value, least=1.0 if name == "vendor_email" else SIMILAR)

    def _numbers(
        self, value: str, kinds: Sequence[str], *, any_sign: bool = False
    ) -> Iterator[tuple[tuple[Token, ...], float]]:
        try:
            number = Decimal(value)
        except InvalidOperation:
            return
        for kind in kinds:
            for found in self._values.get(kind, ()):
                if found.number == number or (any_sign and found.number == -number):
                    yield found.span.tokens, 1.0

    def _ids(self, value: str) -> Iterator[tuple[tuple[Token, ...], float]]:
        wanted = _key(value)
        if not wanted:
            return
        inside: list[tuple[Token, ...]] = []
        whole = False
        for page in self._layout:
            for cell in page.cells:
                keys = [_key(token.text) for token in cell.tokens]
                for first in range(len(keys)):
                    joined = ""
                    for last in range(first, min(first + _LONGEST_ID, len(keys))):
                        joined += keys[last]
                        if joined == wanted and keys[first] and keys[last]:
                            whole = True
                            yield cell.tokens[first : last + 1], 1.0
                        if len(joined) >= len(wanted):
                            break
                    if len(wanted) >= 5 and wanted in keys[first] and wanted != keys[first]:
                        inside.append(cell.tokens[first : first + 1])
        if not whole:
            yield from ((tokens, _INSIDE) for tokens in inside)

    def _texts(self, value: str, *, least: float) -> Iterator[tuple[tuple[Token, ...], float]]:
        """Find a text by the likeness of its letters; digits must be the same: another house is another address."""
        wanted = _letters(value)
        if not wanted:
            return
        digits = _NOT_DIGITS.sub("", wanted)
        for run in self._runs:
            best, likeness = None, 0.0
            for first, last in run.windows(len(wanted)):
                found = run.letters(first, last)
                similarity = fuzz.ratio(wanted, found, score_cutoff=100 * least) / 100
                if similarity > likeness and _NOT_DIGITS.sub("", found) == digits:
                    best, likeness = (first, last), similarity
            # a short name differs in one letter from another one
            if best is not None and (len(wanted) > 5 or likeness == 1.0):
                yield run.tokens[best[0] : best[1] + 1], round(likeness, 4)

    def _scattered(self, value: str) -> Iterator[tuple[tuple[Token, ...], float]]:
        """Find an address whose lines are not one block: most of its words within a few rows."""
        wanted = Counter(word for part in value.split() if (word := _letters(part)))
        total = sum(wanted.values())
        if total < 3:
            return
        best: tuple[float, tuple[Token, ...]] = (0.0, ())
        for page in self._layout:
            for start in range(len(page.rows)):
                left, taken = Counter(wanted), []
                for row in page.rows[start : start + _ROWS_OF_ADDRESS]:
                    for token in (t for cell in row for t in cell.tokens):
                        if left[_letters(token.text)] > 0:
                            left[_letters(token.text)] -= 1
                            taken.append(token)
                share = len(taken) / total
                numbers_too = not any(
                    count and any(c.isdigit() for c in word) for word, count in left.items()
                )
                if share > best[0] and numbers_too:
                    best = (share, tuple(taken))
        if best[0] >= SHARE_OF_ADDRESS:
            yield best[1], round(best[0], 4)

    def _find_currency(self, value: str) -> Place | None:
        context = self._document.context
        for page in self._layout:
            for cell in page.cells:
                if value not in amounts.find_currencies(cell.text) and not (
                    context.currency_printed and value == context.currency and "$" in cell.text
                ):
                    continue
                marked = [t for t in cell.tokens if value in amounts.find_currencies(t.text) or "$" in t.text]
                tokens = tuple(marked[:1]) or cell.tokens
                # "$" alone is the dollar of wherever the document comes from
                likeness = 1.0 if value == context.currency else _OTHER_DOLLAR
                text = " ".join(t.text for t in tokens)
                return Place(page.number, union_box(tokens), text, likeness, ocr=_ocr(tokens))
        return None

    # --- places ----------------------------------------------------------------------------------

    def _place(self, name: str, tokens: tuple[Token, ...], likeness: float) -> Place:
        first = tokens[0]
        label = rival = 0.0
        cell = self._cells[first.index]
        if all(self._cells[t.index] is cell for t in tokens):
            surroundings = self._document.surroundings[first.page]
            for claim in surroundings.claims_on(Span(cell, tokens), money=FIELDS[name].kind == "money"):
                own = claim.label.strength_of(name) * claim.closeness
                label = max(label, own)
                if not own:
                    other = max((m.strength for m in claim.label.meanings), default=0.0) * claim.closeness
                    rival = max(rival, other)
        return Place(
            first.page,
            union_box(tokens),
            " ".join(t.text for t in tokens),
            likeness,
            round(label, 4),
            round(max(rival - label, 0.0), 4),
            _ocr(tokens),
        )

    def _tokens_of_cell(self, name: str, value: str) -> Iterator[tuple[_Row, tuple[Token, ...]]]:
        kind = LINE_ITEM_FIELDS[name].kind
        for tokens, _ in self._find(name, kind, value):
            yield (tokens[0].page, self._cells[tokens[0].index].row), tokens
        if kind in ("money", "quantity"):
            for tokens in self._with_units.get(Decimal(value), ()):
                yield (tokens[0].page, self._cells[tokens[0].index].row), tokens


def _anchor(cells: _Cells, after: _Row) -> _Row | None:
    """Return the row below ``after`` that holds most of a line's cells, counting those next to it by half."""
    rows = Counter(row for found in cells.values() for row in {row for row, _ in found})
    best, support = None, 0.0
    for (page, row), count in sorted(rows.items()):
        near = count + 0.5 * max(rows.get((page, row - 1), 0), rows.get((page, row + 1), 0))
        if (page, row) > after and near > support:
            best, support = (page, row), near
    return best


def _line_at(cells: _Cells, anchor: _Row, above: _Row, below: _Row) -> tuple[Line, set[str]]:
    page, row = anchor
    taken: list[Token] = []
    missing = set()
    for name, found in cells.items():
        here = [
            (abs(at[1] - row), tokens)
            for at, tokens in found
            if at[0] == page and -_ROWS_ABOVE <= at[1] - row <= _ROWS_BELOW and above < at < below
        ]
        if here:
            taken += min(here, key=lambda near: near[0])[1]
        else:
            missing.add(name)
    return Line(page, row, union_box(taken)), missing


@dataclass(frozen=True, slots=True)
class Line:
    """Where a line of the table stands: its page, the row of the layout that holds most of it, its box."""

    page: int
    row: int
    box: Box


class _Run:
    """Words that may belong together: a block of lines, or the cells of one row."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self.tokens = tokens
        self._letters = [_letters(token.text) for token in tokens]

    def letters(self, first: int, last: int) -> str:
        return "".join(self._letters[first : last + 1])

    def windows(self, length: int) -> Iterator[tuple[int, int]]:
        """Yield (first, last) of stretches whose letters number about ``length``."""
        slack = max(1, round(length * (1 - SIMILAR) * 2))
        for first in range(len(self.tokens)):
            if not self._letters[first]:
                continue
            count = 0
            for last in range(first, len(self.tokens)):
                count += len(self._letters[last])
                if count > length + slack:
                    break
                if count >= length - slack and self._letters[last]:
                    yield first, last


def _runs(page: Page) -> Iterator[tuple[Token, ...]]:
    for block in page.blocks:
        yield tuple(token for cell in block for token in cell.tokens)
    for row in page.rows:
        if len(row) > 1:
            yield tuple(token for cell in row for token in cell.tokens)


def _before_unit(text: str, mark: amounts.DecimalMark) -> Decimal | None:
    """Read the number of a word that ends in a unit; the other words are found as amounts anyway."""
    match = _WITH_UNIT.fullmatch(text)
    return amounts.parse_money(match["number"], mark) if match else None


def _letters(text: str) -> str:
    return _SEPARATORS.sub("", fold(text))


def _key(text: str) -> str:
    return _SEPARATORS.sub("", text).upper()


def _ocr(tokens: Sequence[Token]) -> float:
    return min(min(token.confidence, token.reading) for token in tokens)
