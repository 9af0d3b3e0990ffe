"""The figures of a page that labels call a number, a date or a sum.

They are what a second look is worth (``extraction.reading.second_look``): of everything that stands on a page they
decide who is paid how much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from extraction.fields import FIELDS
from extraction.reading.anchors import Label, Span, Surroundings, find_labels
from extraction.reading.context import find_context
from extraction.reading.header import claims_by_field
from extraction.reading.line_items import Table, find_line_items
from extraction.reading.lines import Cell, Page, Token, lay_out, split_word
from extraction.reading.overlooked import MONTH, Kind
from extraction.reading.written import dates_of
from extraction.schema import Hints, PageImage, Word

KINDS: Final[Mapping[str, Kind]] = {
    "work_order_number": "number",
    "invoice_number": "number",
    "total": "amount",
    "amount_due": "amount",
    "subtotal": "amount",
    "invoice_date": "date",
    "due_date": "date",
}
# A label's claim (strength times closeness) from which a figure is looked at again, and how many are at most.
CLAIMED: Final = 0.25
_SLASHED: Final = 0.5  # what other labels' claims count on what is marked as dates are
_MOST: Final = 8
_MOST_LINES: Final = 14  # tables of more lines are printed ones
_WORDS: Final = re.compile(r"[A-Za-z]{4}|[%@:]")  # in what is no figure
# Heights between two parts of one figure, between those that a mark joins, between dollars and cents, and between
# the digits of a number that are written into cells of their own.
_SAME_PART: Final = 0.3
_NEXT_PART: Final = 0.8
_CENTS_APART: Final = 1.8
_CELLS_APART: Final = 1.3
SHORTEST: Final = 3  # digits of a number
# What could be the number of a form whose label was not recognised: so many digits, alone in the upper half.
_UNLABELLED: Final = re.compile(r"[A-Z]?-?\d{4,7}$", re.IGNORECASE)
_UPPER: Final = 0.5
_MOST_UNLABELLED: Final = 3
# "RM4.00": a currency's name is not digits that were taken for letters; so many digits on end are a number.
_NO_SUM: Final = re.compile(r"[A-Za-z]{2}|\d{8}")
_PART: Final = re.compile(r"^[\d.,/\-$]+$")


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that a label claims. ``room``: em to its right without another word."""

    kind: Kind
    tokens: tuple[Token, ...]
    room: float


@dataclass(frozen=True, slots=True)
class View:
    """A page's words, parted into labels and values, in their rows, with what labels and the table claim."""

    parted: list[list[Word]]
    page: Page
    table: Table
    labels: list[Label]
    surroundings: Surroundings

    @property
    def pieces(self) -> list[Word]:
        return [piece for several in self.parted for piece in several]


def view_of(size: tuple[int, int], words: Sequence[Word]) -> View:
    """Lay out the words of a page of ``size`` (width and height in pixels)."""
    parted = [_pieces(word) for word in words]
    pieces = [piece for several in parted for piece in several]
    page = lay_out([(PageImage(0, *size, b""), pieces)])[0]
    table = find_line_items([page], find_context([page], Hints()))
    labels = find_labels(page, table.header_tokens)
    return View(parted, page, table, labels, Surroundings(page, labels))


def _pieces(word: Word) -> list[Word]:
    if not word.text.strip() or word.box.width <= 0 or word.box.height <= 0:
        return []
    parts = split_word(word)
    return [word] if len(parts) == 1 else [replace(word, text=text, box=box) for text, box in parts]


def targets_of(view: View, *, form: bool = False) -> tuple[list[Target], list[Target], list[int]]:
    """Return the figures that labels claim, the most strongly claimed first, and the amounts of the lines.

    The third is the tokens (by index) of numbers that are not read again, since no label is found at them.

    :param form: the page may be a form filled in by hand: where no label claims a number, those that stand alone count.
    """
    page, table, surroundings = view.page, view.table, view.surroundings
    labels = {token.index for label in view.labels for token in label.tokens}
    found: list[tuple[float, Target]] = []
    lines: list[Target] = []
    unlabelled: list[Target] = []
    as_read: list[int] = []
    for row in page.rows:
        tokens = [token for cell in row for token in cell.tokens]
        spans = [span for cell in row for span in figures(cell)]
        for k, span in enumerate(spans):
            free = min((t.x0 for t in tokens if t.x0 > span.x1), default=page.width) - span.x1
            if span.tokens[0].index in table.body_tokens:
                if k == len(spans) - 1 and not _NO_SUM.match(span.tokens[0].text):
                    lines.append(Target("amount", span.tokens, free))
                continue
            claims = claims_by_field(surroundings.claims_on(span, money=True))
            dated = [share for _, share in dates_of("".join(token.text for token in span.tokens))]
            slashed = any("/" in token.text for token in span.tokens) or dated[:1] == [1.0]
            score, name = max(
                (claims.get(name, (0.0, ""))[0] * (_SLASHED if slashed and kind != "date" else 1.0), name)
                for name, kind in KINDS.items()
            )
            before = [t for t in tokens if t.x0 < span.x0 and t.index not in labels][-1:]
            if score < CLAIMED:
                if _is_unlabelled(span, claims, page):
                    unlabelled.append(Target("number", span.tokens, free))
                as_read += [t.index for t in span.tokens if sum(c.isdigit() for c in t.text) >= SHORTEST]
                continue
            named = KINDS[name] == "number" and any(MONTH.match(token.text) for token in before)
            if could_be(KINDS[name], span, before) and not named:
                found.append((score, Target(KINDS[name], span.tokens, free)))
    if form and not any(target.kind == "number" for _, target in found):
        found += [(0.0, target) for target in unlabelled[:_MOST_UNLABELLED]]
        again = {t.index for target in unlabelled[:_MOST_UNLABELLED] for t in target.tokens}
        as_read = [index for index in as_read if index not in again]
    found.sort(key=lambda pair: -pair[0])
    as_read += [token.index for _, target in found[_MOST:] for token in target.tokens]
    return [target for _, target in found[:_MOST]], lines if len(lines) <= _MOST_LINES else [], as_read


def _is_unlabelled(span: Span, claims: Mapping[str, tuple[float, str]], page: Page) -> bool:
    """Say whether a figure may be a form's number whose label was not recognised; a name's label asks for no number."""
    labelled = any(
        score >= CLAIMED and (name not in FIELDS or FIELDS[name].kind != "text")
        for name, (score, _) in claims.items()
    )
    alone = len(span.tokens) == len(span.cell.tokens) and span.y0 < _UPPER * page.height
    return alone and not labelled and bool(_UNLABELLED.match("".join(t.text for t in span.tokens)))


def could_be(kind: Kind, span: Span, before: Sequence[Token]) -> bool:
    """Say whether a figure can be what its label says.

    :param before: the word left of it, if that is no label.
    """
    if kind == "amount":
        return not _NO_SUM.match(span.tokens[0].text)
    if kind == "number":
        return sum(c.isdigit() for token in span.tokens for c in token.text) >= SHORTEST
    # A month's name belongs to the date: the figures alone are none.
    return not any(re.search(r"[A-Za-z]{3}", token.text) for token in (*before, *span.tokens))


def figures(cell: Cell) -> Iterator[Span]:
    """Yield the runs of words in a cell that make up one figure: "$", "4,366", "50"."""
    tokens = cell.tokens
    k = 0
    while k < len(tokens):
        if not _is_figure(tokens[k].text):
            k += 1
            continue
        first = last = k
        while first > 0 and tokens[first - 1].text in ("$", "#"):
            first -= 1
        while last + 1 < len(tokens) and _goes_on(tokens[last], tokens[last + 1]):
            last += 1
        yield Span(cell, tokens[first : last + 1])
        k = last + 1


def _goes_on(token: Token, following: Token) -> bool:
    """Say whether a figure goes on in the next word: cents, a dash, what follows a mark; not the next column."""
    if not _PART.match(following.text):
        return False
    gap = (following.x0 - token.x1) / max(token.height, 0.1)
    if re.match(r"\d\d?$", token.text) and re.match(r"\d\d?$", following.text):
        return gap < _CELLS_APART
    if re.match(r"\d\d$", following.text):
        return gap < _CENTS_APART
    opened = re.search(r"\d[.,/-]$", token.text) or re.match(r"[.,/-]", following.text)
    return gap < (_NEXT_PART if opened else _SAME_PART)


def _is_figure(text: str) -> bool:
    digits, letters = sum(c.isdigit() for c in text), sum(c.isalpha() for c in text)
    if not digits or _WORDS.search(text):
        return False
    return text.startswith("$") or letters == 0 or (digits >= 2 and digits >= letters)
