"""What earlier invoices of a vendor taught: where its values stand, behind which words, in which form.

A person's confirmed values become one :class:`VendorMemory` per key (tax id, telephone, e-mail domain,
fingerprint of the layout). Read again, a page of the same layout brings evidence to the reader's candidates
(``extraction.reading.recall``); it never replaces them. Nothing here knows whose memory it is: the caller keeps
one organization's apart from another's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rapidfuzz import fuzz

from extraction.fields import FIELDS, collapse
from extraction.reading.anchors import Label, Surroundings, find_labels
from extraction.reading.context import find_context
from extraction.reading.header import claims_by_field
from extraction.reading.lexicon import key_of
from extraction.reading.lines import Cell, Page, Token, lay_out, union_box
from extraction.reading.values import Value, ValueKind, find_values
from extraction.schema import Box, Hints, PageImage, Word

# Agreeing confirmations that make a memory strong; more add nothing (../design: one is a hint, three are strong).
STRONG = 3
# So many contradictions in a row replace what was remembered by what the last one showed.
FORGOTTEN = 2
# Values that stay the same on a vendor's invoices to one customer and are therefore remembered themselves.
STEADY = frozenset(
    "vendor_name vendor_address vendor_phone vendor_email vendor_tax_id customer_name customer_address".split()
)
# Share of label phrases (Jaccard) that two pages of one layout have in common at least. On generated documents of 27
# layouts pages of one layout share 0.42 and more, pages of different ones 0.13 and less.
SAME_LAYOUT = 0.3
_SAME_TEXT = 85.0  # rapidfuzz ratio: a letter or two misread in a label
_NEAR_X, _NEAR_Y = 0.02, 0.02  # of the page: a line of print is about 0.015 high
_HASHES, _BAND = 12, 2
LONGEST_KEY = 100
_FREEMAIL = frozenset(
    "gmail.com googlemail.com yahoo.com hotmail.com outlook.com live.com msn.com aol.com icloud.com me.com gmx.de"
    " gmx.net web.de t-online.de orange.fr free.fr wanadoo.fr laposte.net libero.it hotmail.fr yahoo.fr comcast.net"
    " att.net verizon.net sbcglobal.net proton.me protonmail.com mail.com".split()
)
_KIND: dict[str, ValueKind] = {"id": "id", "date": "date", "money": "money", "percent": "percent"}


@dataclass(frozen=True, slots=True)
class Anchor:
    """Words that stand ``side`` ("left" or "above") of a value: letters only, folded; ``gap`` in em between them."""

    side: str
    text: str
    gap: float


@dataclass(frozen=True, slots=True)
class FieldMemory:
    """Where and how one field stood, and how often that was so.

    ``x0, x1, y`` are page-relative (left and right edge, middle), ``page`` counts from 0; all -1 where the place
    is unknown. ``shape`` writes letters as A or a and digits as 9. ``value`` is kept for :data:`STEADY` fields.
    """

    anchors: tuple[Anchor, ...] = ()
    page: int = -1
    x0: float = -1.0
    x1: float = -1.0
    y: float = -1.0
    shape: str = ""
    value: str = ""
    confirmations: int = 1
    contradictions: int = 0

    @property
    def level(self) -> float:
        """How much it is worth, from 0 (nothing) over 1 (a hint) to 3 (strong); a contradiction halves it."""
        return min(self.confirmations, STRONG) * 0.5**self.contradictions


@dataclass(frozen=True, slots=True)
class VendorMemory:
    """What is remembered under one key; ``phrases`` are hashes of the layout's labels with their coarse places."""

    kind: str
    key: str
    phrases: frozenset[str] = frozenset()
    fields: Mapping[str, FieldMemory] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Keys:
    """Under what a document may be remembered: (kind, key) pairs, the surest first, and its layout's phrases."""

    pairs: tuple[tuple[str, str], ...]
    phrases: frozenset[str]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A value that a person confirmed or corrected; page and box where it is known where it stands."""

    value: str
    page: int | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one checked document teaches."""

    keys: Keys
    fields: Mapping[str, FieldMemory]


Pages = Sequence[tuple[PageImage, Sequence[Word]]]


# --- keys ----------------------------------------------------------------------------------------


def keys_of(pages: Pages) -> Keys:
    """Find the keys on a document's pages; the pictures are not looked at."""
    layout = lay_out(pages)
    return _keys(layout, _values(layout))


def _values(layout: Sequence[Page]) -> list[Value]:
    context = find_context(layout, Hints())
    return [value for page in layout for value in find_values(page, context)]


def _keys(layout: Sequence[Page], values: Sequence[Value]) -> Keys:
    labels = {page.number: find_labels(page) for page in layout}
    pages = {page.number: page for page in layout}
    around: dict[int, Surroundings] = {}
    pairs: list[tuple[str, str]] = []
    for value in values:
        digits = re.sub(r"\D", "", value.value)
        if value.kind == "id" and len(digits) >= 7:
            if value.page not in around:
                around[value.page] = Surroundings(pages[value.page], labels[value.page])
            claims = claims_by_field(around[value.page].claims_on(value.span))
            if claims.get("vendor_tax_id", (0.0, ""))[0] > 0.5:
                pairs.append(("tax_id", key_of(value.value)[:LONGEST_KEY]))
        elif value.kind == "email":
            domain = value.value.lower().rpartition("@")[2]
            if domain not in _FREEMAIL:
                pairs.append(("email", domain[-LONGEST_KEY:]))
        elif value.kind == "phone":
            pairs.append(("phone", digits[-9:]))
    phrases = _phrases(layout[0], labels[layout[0].number]) if layout else frozenset()
    pairs += _bands(phrases)
    order = ("tax_id", "email", "phone", "layout")
    return Keys(tuple(sorted(dict.fromkeys(pairs), key=lambda pair: order.index(pair[0]))), phrases)


def layout_phrases(layout: Sequence[Page]) -> frozenset[str]:
    """Return hashes of the label phrases on the first page with the sixth of its width in which each begins."""
    return _phrases(layout[0], find_labels(layout[0])) if layout else frozenset()


def _phrases(page: Page, labels: Sequence[Label]) -> frozenset[str]:
    return frozenset(
        _digest(f"{_letters(label.text)} {int(6 * label.x0 / max(page.width, 1.0))}")
        for label in labels
        if len(_letters(label.text)) >= 3
    )


def _bands(phrases: frozenset[str]) -> list[tuple[str, str]]:
    """Return MinHash bands: two sets that share 60 % of their phrases share a band in 19 of 20 cases."""
    if len(phrases) < 4:
        return []
    least = [min(_digest(f"{k}/{phrase}") for phrase in phrases) for k in range(_HASHES)]
    return [("layout", f"{k}-{''.join(least[k : k + _BAND])}") for k in range(0, _HASHES, _BAND)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def similarity(first: frozenset[str], second: frozenset[str]) -> float:
    """Return the share of phrases (0..1) that two layouts have in common."""
    return len(first & second) / max(len(first | second), 1)


# --- places --------------------------------------------------------------------------------------


class Places:
    """The words of a document by their index, and the words that stand beside a value."""

    def __init__(self, layout: Sequence[Page]) -> None:
        self.pages = {page.number: page for page in layout}
        self.cells = {t.index: cell for page in layout for cell in page.cells for t in cell.tokens}
        self.tokens = {t.index: t for page in layout for cell in page.cells for t in cell.tokens}

    def anchors_of(self, place: Sequence[int]) -> tuple[Anchor, ...]:
        """Return the nearest words left of and above a value, which are the tokens of these indexes."""
        known = [i for i in place if i in self.tokens]
        if not known:
            return ()
        first, cell = self.tokens[known[0]], self.cells[known[0]]
        page = self.pages[cell.page]
        found = [a for a in (self._left(first, cell, page), self._above(first, cell, page)) if a is not None]
        return tuple(found)

    def _left(self, first: Token, cell: Cell, page: Page) -> Anchor | None:
        words: list[str] = []
        for token in reversed([t for t in cell.tokens if t.x0 < first.x0]):
            if any(c.isdigit() for c in token.text) and "%" not in token.text:
                break
            words.insert(0, token.text)
        text = _letters(" ".join(words[-5:]))
        if len(text) >= 2:
            return Anchor("left", text, 0.0)
        for other in sorted(page.rows[cell.row], key=lambda c: -c.x1):
            text = _letters(other.text)
            if other.x1 <= first.x0 + 0.2 and other is not cell and len(text) >= 2:
                return Anchor("left", text[-40:], round(first.x0 - other.x1, 1))
        return None

    def _above(self, first: Token, cell: Cell, page: Page) -> Anchor | None:
        for row in reversed(page.rows[max(cell.row - 3, 0) : cell.row]):
            for other in row:
                near = other.x0 - 1.5 < first.x1 and other.x1 + 1.5 > first.x0
                if near and len(text := _letters(other.text)) >= 2 and not re.search(r"\d", other.text):
                    return Anchor("above", text[:40], round(first.y0 - other.y1, 1))
        return None

    def tokens_in(self, page: int, box: Box) -> list[int]:
        """Return the words whose middle lies in a box of a page."""
        return [
            t.index
            for t in self.tokens.values()
            if t.page == page and box.x0 <= t.box.center[0] <= box.x1 and box.y0 <= t.box.center[1] <= box.y1
        ]


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", key_of(text))


def shape_of(text: str) -> str:
    """Write every letter as A or a and every digit as 9: ``INV-2041`` is ``AAA-9999``."""
    return re.sub(r"\d", "9", re.sub(r"[^\W\d_]", lambda m: "A" if m[0].isupper() else "a", collapse(text)))


# --- learning ------------------------------------------------------------------------------------


def study(pages: Pages, confirmed: Mapping[str, Confirmed]) -> Lesson:
    """Find the confirmed values on the pages and note how they stand there.

    A value without a box is looked for among the words, and taken where it stands in one place only.
    """
    layout = lay_out(pages)
    values = _values(layout)
    places = Places(layout)
    fields = {
        name: noted
        for name, one in confirmed.items()
        if name in FIELDS
        and FIELDS[name].kind not in ("choice", "code")
        and one.value
        and (noted := _note(name, one, places, values)) is not None
    }
    return Lesson(_keys(layout, values), fields)


def _note(name: str, confirmed: Confirmed, places: Places, values: Sequence[Value]) -> FieldMemory | None:
    place = _place_of(name, confirmed, places, values)
    value = collapse(confirmed.value) if name in STEADY else ""
    if not place:
        return FieldMemory(value=value) if value else None
    tokens = [places.tokens[i] for i in place]
    box = union_box(tokens)
    text = " ".join(t.text for t in tokens)
    shape = "" if FIELDS[name].kind in ("money", "text") else shape_of(text)
    return FieldMemory(
        places.anchors_of(place),
        tokens[0].page,
        round(box.x0, 4),
        round(box.x1, 4),
        round(box.center[1], 4),
        shape,
        value,
    )


def _place_of(name: str, confirmed: Confirmed, places: Places, values: Sequence[Value]) -> list[int]:
    if confirmed.page is not None and confirmed.box is not None:
        return places.tokens_in(confirmed.page, confirmed.box)
    kind = kind_of(name)
    if kind is not None:
        found = {
            tuple(t.index for t in v.span.tokens)
            for v in values
            if v.kind == kind and is_same_value(name, v.value, confirmed.value)
        }
    else:
        wanted = key_of(confirmed.value)
        found = {
            tuple(t.index for t in cell.tokens)
            for cell in {id(c): c for c in places.cells.values()}.values()
            if len(wanted) >= 3 and wanted in key_of(cell.text)
        }
    return list(found.pop()) if len(found) == 1 else []


def kind_of(name: str) -> ValueKind | None:
    """Return the kind of typed value that a field holds; None for names, addresses and other text."""
    if name == "vendor_email":
        return "email"
    if name == "vendor_phone":
        return "phone"
    return "iban" if name == "iban" else _KIND.get(FIELDS[name].kind)


def is_same_value(name: str, first: str, second: str) -> bool:
    """Say whether two normalised values of a field are the same, but for separators, signs and letters misread."""
    if FIELDS[name].kind == "money":
        return first.lstrip("-") == second.lstrip("-")
    if FIELDS[name].kind == "text" and name not in ("vendor_phone", "vendor_email"):
        return fuzz.ratio(key_of(first), key_of(second)) >= _SAME_TEXT
    return key_of(first) == key_of(second)


def learn(memory: VendorMemory | None, kind: str, key: str, lesson: Lesson) -> VendorMemory:
    """Return what is remembered under a key after one more checked document.

    :param memory: what was remembered before. Of another layout (a customer's telephone stands on every vendor's
        invoices) it gives way to the new one.
    """
    if memory is None or similarity(memory.phrases, lesson.keys.phrases) < SAME_LAYOUT:
        return VendorMemory(kind, key, lesson.keys.phrases, dict(lesson.fields))
    fields = dict(memory.fields)
    for name, seen in lesson.fields.items():
        fields[name] = _merge(name, fields[name], seen) if name in fields else seen
    return VendorMemory(kind, key, lesson.keys.phrases, fields)


def _merge(name: str, held: FieldMemory, seen: FieldMemory) -> FieldMemory:
    if _agree(name, held, seen):
        shared = tuple(a for a in seen.anchors if any(is_same_anchor(a, b) for b in held.anchors))
        latest = seen if seen.page >= 0 else replace(held, value=seen.value)
        return replace(
            latest,
            anchors=shared or latest.anchors,
            confirmations=held.confirmations + 1,
            contradictions=max(held.contradictions - 1, 0),
        )
    if held.contradictions + 1 >= FORGOTTEN:
        return seen
    return replace(held, contradictions=held.contradictions + 1)


def _agree(name: str, held: FieldMemory, seen: FieldMemory) -> bool:
    if name in STEADY:
        return is_same_value(name, held.value, seen.value)
    if any(is_same_anchor(a, b) for a in held.anchors for b in seen.anchors):
        return True
    return is_near(held, seen.page, seen.x0, seen.x1, seen.y)


def is_same_anchor(first: Anchor, second: Anchor) -> bool:
    """Say whether two values stand at the same words on the same side, at about the same distance."""
    return (
        first.side == second.side
        and abs(first.gap - second.gap) < (2.0 if first.side == "above" else 12.0)
        and fuzz.ratio(first.text, second.text) >= _SAME_TEXT
    )


def is_near(memory: FieldMemory, page: int, x0: float, x1: float, y: float) -> bool:
    """Say whether a place is the remembered one: the same line, and the same left or right edge."""
    return (
        page == memory.page
        and abs(y - memory.y) < _NEAR_Y
        and (abs(x0 - memory.x0) < _NEAR_X or abs(x1 - memory.x1) < _NEAR_X)
    )


# --- keeping -------------------------------------------------------------------------------------


def as_json(fields: Mapping[str, FieldMemory]) -> dict[str, Any]:
    """Return field memories as plain JSON values."""
    return {name: asdict(held) for name, held in fields.items()}


def from_json(content: Mapping[str, Any]) -> dict[str, FieldMemory]:
    """Return field memories from what :func:`as_json` wrote."""
    return {
        name: FieldMemory(**{**held, "anchors": tuple(Anchor(**a) for a in held["anchors"])})
        for name, held in content.items()
        if name in FIELDS
    }
