"""Labels on the page, and how strongly a place on the page is labelled by one.

The search is candidate-centred: every typed value looks for the labels to its left and
above it, so that a value that is clearly something else's ("PO number: 4711") can't be
taken for the field at hand.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import product

from extraction.fields import ADJUSTING_WORDS
from extraction.reading.document_type import names_a_kind_of_paper
from extraction.reading.lexicon import (
    LONGEST_BILINGUAL_LABEL,
    LONGEST_LABEL,
    WEAK,
    Meaning,
    fold,
    fuzzy_meanings_of,
    key_of,
    phrase_meanings,
    sum_named,
    unsure_meanings_of,
)
from extraction.reading.lines import Cell, Page, Token

_BEGINS_ANEW = re.compile(r"[:|•;]$|^[-–+(/]$|^\(?(?:\d{1,2}|[a-z])[.)]$", re.IGNORECASE)
# A value stands at most this far (em of white space) under its label.
_FARTHEST_BELOW = 4.5
# "Balance to finish, including retainage" and "Earned, net of retainage" are other sums of a pay application.
_UNSURE = 0.85  # score of a phrase's least sure letter from which it may be a label misread
_BEFORE_RETAINAGE = re.compile(
    r"(?i)\b(?:incl\w*|plus|net|earned|completed|remaining|balance|left|finish|with|before|after)\b"
)
_WORD = re.compile(r"[^\W\d]{2,}")
# A label that is parted by the end of its line goes on right below: "Work Order # / Orden de" over "trabajo:".
_UNFINISHED = re.compile(r"(?i)(?:[/(]|\b(?:de|del|de la|la|el|of|or|o|y|and|for|no\.?|n[úu]m\.?|al?))$")
_LINES_APART, _LINES_ALIGNED, _WORDS_BELOW = 1.3, 2.0, 3  # em, em, words of the label in its second line
_WRAPPED = 0.95
# "ESTIMATE / INVOICE": a title names several kinds of paper, and what stands under it is not its answer.
_KINDS_APART = re.compile(r"\s*[/()|]\s*|\s+[-–]\s+")
_UNDER_A_TITLE = 0.3
_SIGNATURE = re.compile(r"\b(?:signature|signed|sign here|firma|firmado|unterschrift)\b")
_SIGN = re.compile(r"[$\u00a3\u20ac\u20b9]:?")
_WORK_ORDERS = ("work order", "orden de trabajo")
_LARGE = 1.25
# On some forms each label stands under the line that one writes on. A page is taken for one where so many of its
# labels, and so large a share of those that could be either, have writing close above and none below.
_FEWEST_UNDER_LINES, _MOST_UNDER_LINES = 3, 0.6
_ABOVE_APART = 1.6
_NEARER = 0.25
_ABOVE = 0.8
_BELOW_ELSE = 0.3
_FILLER = re.compile(r"^[\W_]*$|^[$£€₹]$|^\(?[\d.,]+\s?%\)?$", re.UNICODE)

_SUMS = frozenset(("total", "subtotal", "amount_due", "tax_amount", "amount_paid"))

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
            found = [_of_signature(row, label) for label in _labels_of_cell(cell, excluded)]
            labels += [label for label in found if not (adjusts and label.strength_of("tax_amount"))]
    return _with_wrapped(page, labels, excluded)


def _of_signature(row: Sequence[Cell], label: Label) -> Label:
    """Return a label; a mere "Date" in the row of a signature is the signature's."""
    if label.strength_of("invoice_date") > WEAK or not label.strength_of("invoice_date"):
        return label
    if not any(_SIGNATURE.search(fold(cell.text)) for cell in row):
        return label
    return replace(label, meanings=(Meaning("~other_date", 1.0),))


def _with_wrapped(page: Page, labels: Sequence[Label], excluded: Collection[int]) -> list[Label]:
    """Join labels that are written in two lines; the second line speaks for what stands beside or below it."""
    wrapped: dict[int, Label] = {}
    for above in labels:
        tail = above.cell.tokens[above.last + 1 :]
        if any(re.search(r"\d", t.text) for t in tail) or above.colon or _is_answered(page, above):
            continue
        for row in page.rows[above.cell.row + 1 : above.cell.row + 3]:
            for below in row:
                if (
                    abs(below.x0 - above.x0) < _LINES_ALIGNED
                    and below.y0 - above.y1 < _LINES_APART
                    and below.tokens[0].index not in excluded
                    and (label := _goes_on_below(above, below, labels)) is not None
                ):
                    wrapped.setdefault(id(below), label)
    if not wrapped:
        return list(labels)
    kept = [
        label
        for label in labels
        if id(label.cell) not in wrapped or label.first > wrapped[id(label.cell)].last
    ]
    return sorted([*kept, *wrapped.values()], key=lambda label: (label.cell.row, label.x0))


def _is_answered(page: Page, label: Label) -> bool:
    """Whether a figure stands right of a label, before anything else."""
    beside = [t for cell in page.rows[label.cell.row] for t in cell.tokens if t.x0 > label.x1]
    return bool(beside) and bool(re.search(r"\d", beside[0].text))


def _goes_on_below(above: Label, below: Cell, labels: Sequence[Label]) -> Label | None:
    first_line = " ".join(t.text for t in above.cell.tokens[above.first :])
    unfinished = bool(_UNFINISHED.search(first_line))
    own = max(
        (max(m.strength for m in n.meanings) for n in labels if n.cell is below and not n.first), default=0.0
    )
    if own > WEAK and not unfinished:
        return None  # a label of its own
    for count in range(min(_WORDS_BELOW, len(below.tokens)), 0, -1):
        words = below.tokens[:count]
        if len(above.cell.tokens) - above.first + count > LONGEST_BILINGUAL_LABEL or any(
            re.search(r"\d", t.text) for t in words
        ):
            continue
        meanings = phrase_meanings(f"{first_line} {' '.join(t.text for t in words)}", fuzzy=False)
        # "CASH" over "RM" are two words of a till, not one label
        if any(m.strength > WEAK and (unfinished or m.name[0] != "~") for m in meanings):
            colon = words[-1].text.endswith(":")
            return Label(
                below, 0, count - 1, tuple(Meaning(m.name, m.strength * _WRAPPED) for m in meanings), colon
            )
    return None


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
    if last > first and _SIGN.fullmatch(tokens[last].text):
        last -= 1  # "Total $": the sign is the sum's
    return Label(cell, first, last, meanings, colon)


def _is_title(label: Label, usual: float) -> bool:
    """Whether a label's cell names kinds of paper and nothing else: two, or one in large letters.

    :param usual: height of most cells of the page, in em.
    """
    kinds = [part for part in _KINDS_APART.split(label.cell.text.strip(" :*.")) if part]
    if label.colon or not all(names_a_kind_of_paper(p) or fold(p.strip()) in _WORK_ORDERS for p in kinds):
        return False
    large = label.cell.height > _LARGE * usual and label.strength_of("work_order_number") > 0
    return len(kinds) > 1 or large


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
        usual = statistics.median([cell.height for cell in page.cells] or [1.0])
        self._titles = [_is_title(label, usual) for label in labels]
        self._under_lines = self._stand_under_lines()
        self._memory: dict[tuple[int, int, bool], list[Claim]] = {}

    def _stand_under_lines(self) -> bool:
        """Whether the page's labels stand under what they label."""
        above = below = 0
        for k, label in enumerate(self.labels):
            if self._answered[k] or label.colon or not label.ends_cell or label.first or self._titles[k]:
                continue
            if any(m.strength <= WEAK or m.name in _SUMS for m in label.meanings):
                continue
            near = [
                (cell, cell.y0 - label.y1, label.y0 - cell.y1)
                for cell in self.page.cells
                if abs(cell.x0 - label.x0) < _ABOVE_APART * 2
                and cell is not label.cell
                and not all(t.index in self._label_tokens for t in cell.tokens)
            ]
            under, over = (
                min((gap for gap in gaps if gap > -1.0), default=_FARTHEST_BELOW)
                for gaps in ([gap for _, gap, _ in near], [gap for _, _, gap in near])
            )
            above += over < min(under - _NEARER, _ABOVE_APART)
            below += under < min(over - _NEARER, _ABOVE_APART)
        return above >= _FEWEST_UNDER_LINES and above > _MOST_UNDER_LINES * (above + below)

    def _over(self, k: int, label: Label, span: Span) -> float:
        """Return how closely a label under a line claims what is written on the line."""
        gap = label.y0 - span.y1
        if not self._under_lines or self._answered[k] or self._titles[k]:
            return 0.0
        if not -0.8 < gap < _ABOVE_APART or span.cell.row >= label.cell.row:
            return 0.0
        if min(span.x1, label.x1) - max(span.x0, label.x0) < -1.0:
            return 0.0
        return _ABOVE - 0.1 * max(gap, 0.0)

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
            if (y0 > bottom and not self._under_lines) or top - y1 > _FARTHEST_BELOW:
                continue
            if label.cell is span.cell and any(first <= t.index <= last for t in label.tokens):
                continue
            below = self._below(k, label, span) * (_BELOW_ELSE if self._under_lines else 1.0)
            closeness = max(self._right(label, span, money=money), below, self._over(k, label, span))
            if closeness > 0.05:
                claims.append(Claim(label, closeness))
        claims.sort(key=lambda c: -c.closeness)
        self._memory[key] = claims
        return claims

    def _right(self, label: Label, span: Span, *, money: bool) -> float:
        if span.x0 < label.x1 - 0.4:
            return 0.0
        overlap = min(label.y1, span.y1) - max(label.y0, span.y0)
        height = min(label.y1 - label.y0, span.y1 - span.y0)
        if overlap < 0.35 * height:
            return 0.0
        gap = max(span.x0 - label.x1, 0.0)
        closeness = math.exp(-gap / (90 if money else 45))
        if overlap < 0.6 * height:
            closeness *= 0.85
        for token in (
            self._rows[label.cell.row] if label.cell.row == span.cell.row else self._between_rows(label, span)
        ):
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
        if self._titles[k]:
            closeness *= _UNDER_A_TITLE
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
