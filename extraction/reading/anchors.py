"""Labels on the page, and how strongly a place on the page is labelled by one.

The search is candidate-centred: every typed value looks for the labels to its left and
above it, so that a value that is clearly something else's ("PO number: 4711") can't be
taken for the field at hand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product

from extraction.fields import ADJUSTING_WORDS, FIELDS
from extraction.reading.lexicon import (
    LONGEST_BILINGUAL_LABEL,
    LONGEST_LABEL,
    WEAK,
    Meaning,
    fuzzy_meanings_of,
    key_of,
    phrase_meanings,
    sum_named,
    unsure_meanings_of,
)
from extraction.reading.lines import Cell, Page, Token

# The second line of a label begins at most so far left or right of the first, and so far (em) below it.
_INDENT = 1.0
_NEXT_LINE = 0.7
_WORDS_OF_LABEL = 4
_BEGINS_ANEW = re.compile(r"[:|•;]$|^[-–+(/]$|^\(?(?:\d{1,2}|[a-z])[.)]$", re.IGNORECASE)
# A value stands at most this far (em of white space) under its label.
_FARTHEST_BELOW = 4.5
# "Balance to finish, including retainage" and "Earned, net of retainage" are other sums of a pay application.
_UNSURE = 0.85  # score of a phrase's least sure letter from which it may be a label misread
_BEFORE_RETAINAGE = re.compile(
    r"(?i)\b(?:incl\w*|plus|net|earned|completed|remaining|balance|left|finish|with|before|after)\b"
)
_WORD = re.compile(r"[^\W\d]{2,}")
_FILLER = re.compile(r"^[\W_]*$|^[$£€₹]$|^\(?[\d.,]+\s?%\)?$", re.UNICODE)

# One-word labels that are also everyday words; they count only at the start of a cell or before a colon.
_EVERYDAY_TEXT = (
    "no on of to for from date due total tax name number de le du del a an au den vom em data van order "
    "net amount paid cost price charges balance period terms job project contract company contact "
    "customer client vendor owner invoice current card cash change credit goods port report saldo base "
    "suma office direct call delivery freight shipping discount received points visa estimate reference "
    "brutto netto summe betrag gesamt text unit units section table page bank time start time section "
    "round issued bill received delivered section via through thru"
)
_EVERYDAY = frozenset(_EVERYDAY_TEXT.split())


@dataclass(frozen=True, slots=True)
class Label:
    """A phrase on the page that labels something; ``meanings`` may be several."""

    cell: Cell
    first: int
    last: int
    meanings: tuple[Meaning, ...]
    colon: bool

    @property
    def tokens(self) -> tuple[Token, ...]:
        return self.cell.tokens[self.first : self.last + 1]

    @property
    def x0(self) -> float:
        return self.cell.tokens[self.first].x0

    @property
    def x1(self) -> float:
        return self.cell.tokens[self.last].x1

    @property
    def y0(self) -> float:
        return min(t.y0 for t in self.tokens)

    @property
    def y1(self) -> float:
        return max(t.y1 for t in self.tokens)

    @property
    def text(self) -> str:
        return " ".join(t.text for t in self.tokens)

    def strength_of(self, name: str) -> float:
        return max((m.strength for m in self.meanings if m.name == name), default=0.0)

    @property
    def ends_cell(self) -> bool:
        """Whether nothing but punctuation follows in the cell."""
        return all(_FILLER.match(t.text) for t in self.cell.tokens[self.last + 1 :])


def find_labels(page: Page, excluded: Collection[int] = ()) -> list[Label]:
    """Find all labels on a page, longest phrase first.

    :param excluded: indexes of tokens that are the header of a table of lines.
    """
    labels: list[Label] = []
    for row in page.rows:
        # "Abschlag  10,00  19 % USt  -1,00": in an allowance's row the rate is the allowance's, no tax stands there
        adjusts = bool(row) and key_of(row[0].tokens[0].text) in ADJUSTING_WORDS["anywhere"]
        for cell in row:
            found = _labels_of_cell(cell, excluded)
            labels += [label for label in found if not (adjusts and label.strength_of("tax_amount"))]
    return labels


def _labels_of_cell(cell: Cell, excluded: Collection[int]) -> list[Label]:
    tokens = cell.tokens
    composed = _composed_label(cell, excluded)
    if composed is not None:
        return [composed]
    found: list[Label] = []
    words = sum(1 for t in tokens if _WORD.search(t.text))
    first, after_colon = 0, True
    aside = in_brackets(tokens)
    while first < len(tokens):
        label = None
        if (
            tokens[first].index not in excluded
            and tokens[first].index not in aside
            and not tokens[first].text[0].isdigit()
        ):
            lengths = range(min(LONGEST_BILINGUAL_LABEL, len(tokens) - first), 0, -1)
            # Only where nothing is a label as it was read, what may have been misread is guessed at.
            for guess, length in product((False, True), lengths):
                last = first + length - 1
                if length > LONGEST_LABEL and not any("/" in t.text for t in tokens[first : last + 1]):
                    continue
                label = _label_at(cell, first, last, words=words, at_start=after_colon, guess=guess)
                if label is not None:
                    break
        if label is not None:
            found.append(label)
            first = label.last + 1
            after_colon = True
        else:
            # what follows a colon, a separator or an item's number ("8. CURRENT PAYMENT DUE") begins anew
            after_colon = bool(_BEGINS_ANEW.search(tokens[first].text))
            first += 1
    return found


def in_brackets(tokens: Sequence[Token]) -> set[int]:
    """Return the indexes of tokens that stand in brackets after something else: "Discount (10 % - 18 units)"."""
    inside: set[int] = set()
    opened = False
    for k, token in enumerate(tokens):
        opened = opened or (k > 0 and "(" in token.text)
        if opened:
            inside.add(token.index)
        if ")" in token.text:
            opened = False
    return inside if not opened else set()


def _composed_label(cell: Cell, excluded: Collection[int]) -> Label | None:
    """Understand a sum's label by its words ("Total excl. all taxes") where the whole phrase is not in the lexicon."""
    last = -1
    for k, token in enumerate(cell.tokens):
        rate = "%" in "".join(t.text for t in cell.tokens[k : k + 2])  # "19%" or "19 %"
        if re.search(r"\d", token.text) and not rate:
            break
        if _FILLER.match(token.text) and token.text not in ("(", ")", ":"):
            continue
        last = k
    if not 1 <= last <= 7 or cell.tokens[0].index in excluded:
        return None
    phrase = " ".join(t.text for t in cell.tokens[: last + 1])
    if fuzzy_meanings_of(key_of(phrase)):
        return None
    name = sum_named(phrase)
    if name is None:
        return None
    return Label(cell, 0, last, (Meaning(name, 0.92),), cell.tokens[last].text.endswith(":"))


def _read_unsurely(tokens: Sequence[Token]) -> bool:
    """Say whether words may be a label that was misread: one of them is unsure, and none is a figure."""
    figures = any(sum(c.isdigit() for c in t.text) > 1 or "%" in t.text for t in tokens)
    return not figures and min(t.least for t in tokens) < _UNSURE


def _label_at(
    cell: Cell, first: int, last: int, *, words: int, at_start: bool, guess: bool = False
) -> Label | None:
    tokens = cell.tokens
    phrase = " ".join(t.text for t in tokens[first : last + 1])
    inner = phrase[:-1]
    if ":" in inner and not inner.endswith(" "):
        return None
    key = key_of(phrase)
    if not key and phrase.strip() != "#":
        return None
    colon = tokens[last].text.rstrip().endswith((":", ".:", "#")) or (
        last + 1 < len(tokens) and tokens[last + 1].text in (":", ":-", "=")
    )
    meanings = phrase_meanings(phrase, fuzzy=at_start and last - first < LONGEST_LABEL)
    if guess and not meanings and at_start and _read_unsurely(tokens[first : last + 1]):
        meanings = unsure_meanings_of(key)
    if not meanings:
        return None
    if first and any(m.name == "retainage_amount" for m in meanings):
        before = " ".join(t.text for t in tokens[:first])
        if _BEFORE_RETAINAGE.search(before):
            meanings = tuple(Meaning("~statement", m.strength) for m in meanings)
    factor = 1.0
    if not at_start and all(m.strength <= WEAK for m in meanings):
        return None
    if not at_start and not colon:
        if key in _EVERYDAY and words > 5:
            return None
        factor = 0.8 if words <= 6 else 0.45
    elif not colon and words > 8:
        factor = 0.6 if len(key) > 8 else 0.4
    if (
        last + 1 < len(tokens)
        and key in ("invoice", "bill", "facture", "rechnung", "factura")
        and tokens[last + 1].text[:1].isalpha()
    ):
        factor *= 0.5
    if factor != 1.0:
        meanings = tuple(Meaning(m.name, m.strength * factor) for m in meanings)
    return Label(cell, first, last, meanings, colon)


def _only_words(tokens: Sequence[Token]) -> bool:
    """Say whether a few words may be the end of a label."""
    return len(tokens) <= _WORDS_OF_LABEL and not any(re.search(r"\d", t.text) for t in tokens)


@dataclass(frozen=True, slots=True)
class Span:
    """A place on the page that a label may speak of: tokens of one cell."""

    cell: Cell
    tokens: tuple[Token, ...]

    @property
    def x0(self) -> float:
        return self.tokens[0].x0

    @property
    def x1(self) -> float:
        return self.tokens[-1].x1

    @property
    def y0(self) -> float:
        return min(t.y0 for t in self.tokens)

    @property
    def y1(self) -> float:
        return max(t.y1 for t in self.tokens)


@dataclass(frozen=True, slots=True)
class Claim:
    """A label's claim on a span: ``closeness`` (0..1) from geometry alone."""

    label: Label
    closeness: float


class Surroundings:
    """Answers, for one page, which labels claim a span and how closely."""

    def __init__(self, page: Page, labels: Sequence[Label]) -> None:
        self.page = page
        self.labels = labels
        self._label_tokens = {t.index: k for k, label in enumerate(labels) for t in label.tokens}
        self._aside = {index for cell in page.cells for index in in_brackets(cell.tokens)}
        self._rows: dict[int, list[Token]] = {}
        for number, row in enumerate(page.rows):
            self._rows[number] = [t for cell in row for t in cell.tokens]
        # A label with something right of it in its own cell, or a value close by, rarely speaks of what is below.
        self._answered = [self._has_answer_at_right(label) for label in labels]
        self._heights = [(label.y0, label.y1) for label in labels]
        self._second_lines = [self._second_line(label) for label in labels]
        self._memory: dict[tuple[int, int, bool], list[Claim]] = {}

    def _has_answer_at_right(self, label: Label) -> bool:
        rest = label.cell.tokens[label.last + 1 :]
        for token in rest:
            if token.index in self._label_tokens:
                return False
            if re.search(r"\d", token.text):
                return True
        if rest and any(_WORD.search(t.text) for t in rest):
            return True
        for token in self._rows[label.cell.row]:
            if token.x0 > label.x1:
                if token.index in self._label_tokens:
                    return False
                return bool(re.search(r"\d", token.text)) and token.x0 - label.x1 < 18
        return False

    def _second_line(self, label: Label) -> Cell | None:
        """Return the cell with the rest of a label that was set in two lines: "Work Order # / Orden de", "trabajo"."""
        rest = label.cell.tokens[label.last + 1 :]
        if any(m.name not in FIELDS or FIELDS[m.name].kind == "money" for m in label.meanings):
            return None  # sums stand below one another, each beside its own label
        if label.colon or label.cell.row + 1 >= len(self.page.rows) or not _only_words(rest):
            return None
        if any(t.x0 > label.x1 and re.search(r"\d", t.text) for t in self._rows[label.cell.row]):
            return None  # that is its value, and what stands below has its own
        for cell in self.page.rows[label.cell.row + 1]:
            if (
                abs(cell.x0 - label.x0) < _INDENT
                and cell.y0 - label.y1 < _NEXT_LINE
                and _only_words(cell.tokens)
                and self._continues(label, cell)
            ):
                return cell
        return None

    def _continues(self, label: Label, cell: Cell) -> bool:
        """Say whether nothing in a cell labels something other than a label does."""
        own = {m.name for m in label.meanings}
        others = {
            m.name
            for token in cell.tokens
            if token.index in self._label_tokens
            for m in self.labels[self._label_tokens[token.index]].meanings
            if m.strength > WEAK
        }
        return not others or bool(own & others)

    def claims_on(self, span: Span, *, money: bool = False) -> list[Claim]:
        """Return the claims on a span, strongest first.

        :param money: amounts may stand far right of their label, past other amounts.
        """
        first, last = span.tokens[0].index, span.tokens[-1].index
        key = (first, last, money)
        if key in self._memory:
            return self._memory[key]
        top, bottom = span.y0, span.y1
        claims = []
        for k, label in enumerate(self.labels):
            y0, y1 = self._heights[k]
            second = self._second_lines[k]
            if second is not None:
                y1 = max(y1, second.y1)
            if y0 > bottom or top - y1 > _FARTHEST_BELOW:
                continue
            if label.cell is span.cell and any(first <= t.index <= last for t in label.tokens):
                continue
            closeness = max(self._right(k, label, span, money=money), self._below(k, label, span))
            if closeness > 0.05:
                claims.append(Claim(label, closeness))
        claims.sort(key=lambda c: -c.closeness)
        self._memory[key] = claims
        return claims

    def _right(self, k: int, label: Label, span: Span, *, money: bool) -> float:
        if span.x0 < label.x1 - 0.4:
            return 0.0
        overlap = min(label.y1, span.y1) - max(label.y0, span.y0)
        height = min(label.y1 - label.y0, span.y1 - span.y0)
        second = self._second_lines[k]
        beside_second = False
        if second is not None and overlap < 0.35 * height:
            overlap = min(second.y1, span.y1) - max(second.y0, span.y0)
            beside_second = overlap >= 0.35 * height
        if overlap < 0.35 * height:
            return 0.0
        gap = max(span.x0 - label.x1, 0.0)
        closeness = math.exp(-gap / (90 if money else 45))
        if overlap < 0.6 * height:
            closeness *= 0.85
        one_row = beside_second or label.cell.row == span.cell.row
        for token in self._rows[span.cell.row] if one_row else self._between_rows(label, span):
            if (
                token.x0 < label.x1 - 0.2
                or token.x1 > span.x0 + 0.2
                or span.tokens[0].index <= token.index <= span.tokens[-1].index
            ):
                continue
            if token.index in self._label_tokens:
                between = self.labels[self._label_tokens[token.index]]
                if between is not label:
                    closeness *= 0.25 if any(m.strength >= WEAK for m in between.meanings) else 0.6
            elif _FILLER.match(token.text) or token.index in self._aside:
                continue
            elif money and re.search(r"\d", token.text):
                closeness *= 0.93
            elif re.search(r"\d", token.text):
                closeness *= 0.5
            else:
                closeness *= 0.88 if money or label.colon else 0.8
            if closeness < 0.05:
                return 0.0
        return closeness

    def _between_rows(self, label: Label, span: Span) -> list[Token]:
        return [t for r in (label.cell.row, span.cell.row) for t in self._rows[r]]

    def _below(self, k: int, label: Label, span: Span) -> float:
        gap = span.y0 - label.y1
        if not -0.5 < gap < _FARTHEST_BELOW or span.cell.row <= label.cell.row:
            return 0.0
        aligned = min(
            abs(span.x0 - label.x0),
            abs(span.x1 - label.x1),
            abs((span.x0 + span.x1) - (label.x0 + label.x1)) / 2,
        )
        overlap = min(span.x1, label.x1) - max(span.x0, label.x0)
        if overlap < -0.5 or (aligned > 3.0 and overlap < 0.5 * min(span.x1 - span.x0, label.x1 - label.x0)):
            return 0.0
        closeness = 0.95 - 0.1 * max(gap, 0.0) - 0.04 * min(aligned, 5.0)
        if self._answered[k]:
            closeness *= 0.35
        if not label.ends_cell:
            closeness *= 0.6
        for row in range(label.cell.row + 1, span.cell.row):
            blocking = [
                t
                for t in self._rows[row]
                if t.x1 > max(span.x0, label.x0) - 0.2 and t.x0 < min(span.x1, label.x1) + 0.2
            ]
            if blocking and all(t.index in self._label_tokens for t in blocking):
                closeness *= 0.4
            elif blocking:
                closeness *= 0.55
        return max(closeness, 0.0)
