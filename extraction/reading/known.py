"""Evidence from what the office knows: it moves the choice among a page's candidates, never the confidence in them.

A work order that is open, a vendor on the list and what the uploader stated speak for a candidate within
bounds (log-odds). A number that is not on the list stays possible. Whether the page says so is
judged without this evidence: two sources that agree are worth something to the gate
(``extraction.gate``) only if one of them didn't make the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from extraction.fields import FIELDS
from extraction.office import KnownVendor, Office, number_key, telephone_key
from extraction.reading import amounts
from extraction.reading.header import ID_FIELDS, Candidate
from extraction.reading.lexicon import key_of
from extraction.reading.lines import Page, union_box
from extraction.reading.names import core_of
from extraction.reading.values import Value

# Log-odds that each kind of evidence adds, at most: even odds become 92 %, 77 %, 97 %, 82 %, 77 %. A listed
# telephone or tax number names its owner whatever the letterhead looks like.
OPEN_ORDER: Final = 2.5
# What it is worth against a number that it is not on the list, where one that is stands on the page too: an office
# that keeps a list has nine of ten numbers on it.
UNLISTED: Final = -2.2
STATED: Final = 1.2
VENDOR_BY_CONTACT: Final = 3.5
VENDOR_BY_NAME: Final = 1.5
NEARLY_OPEN: Final = 1.2
# A probability for what no rule offered but the office's lists find on the page.
PROPOSED: Final = 0.2
_SHORTEST_ORDER: Final = 4
# How often the number of an open order is read as it is on the list, where it is the one on the page.
_READ_AS_LISTED: Final = 0.9
# Less evidence than this is not worth proposing a number that nothing labels.
_WORTH_PROPOSING: Final = 0.5
# rapidfuzz ratio (0..100) of two names without their legal forms: one letter in ten misread.
_SAME_NAME: Final = 90.0
_SHORTEST_NAME: Final = 4
_ALIKE: Final = str.maketrans("0158", "olsb")
_HEAD: Final = 0.45  # of the first page's height: where a sender's name stands


class Known:
    """What one office knows, for one document."""

    def __init__(self, office: Office | None, pages: Sequence[Page], values: Sequence[Value]) -> None:
        self._office = office
        self._pages = pages
        self._values = values

    def apply(self, found: Mapping[str, Sequence[Candidate]]) -> dict[str, list[Candidate]]:
        """Return the candidates with their scores moved and with proposals added, best first.

        A moved candidate keeps what the page alone said in ``page_score``, and says in ``known`` why it was moved.
        """
        result = {name: list(candidates) for name, candidates in found.items()}
        if self._office is None:
            return result
        if self._office.work_orders:
            result["work_order_number"] = self._with_orders(result.get("work_order_number", []))
            orders = self._office.work_orders
            for name in (n for n in ID_FIELDS if n != "work_order_number" and n in result):
                result[name] = [
                    # An open order's number is no other one, unless a label says so.
                    c
                    if c.label or (key := number_key(c.value)) not in orders
                    else _moved(c, -_weight(key, orders), "")
                    for c in result[name]
                ]
        if self._office.vendors:
            result["vendor_name"] = self._with_vendors(result.get("vendor_name", []))
        for name, value in self._office.stated.items():
            if value:
                result[name] = self._with_stated(name, value, result.get(name, []))
        return {name: sorted(several, key=lambda c: -c.score) for name, several in result.items() if several}

    def _with_orders(self, candidates: list[Candidate]) -> list[Candidate]:
        assert self._office is not None  # noqa: S101 - narrows the type for the checker
        orders = self._office.work_orders
        result = []
        for candidate in candidates:
            key = number_key(candidate.value)
            if key in orders:
                evidence = _weight(key, orders)
                worth = _worth_proposing(candidate) if evidence > _WORTH_PROPOSING else candidate
                result.append(_moved(worth, evidence, f"work order {orders[key]} is open"))
                continue
            result.append(candidate)
            last = _after_struck_out(key, orders)
            if last is not None:
                written = replace(candidate, value=orders[last])
                result.append(_moved(written, NEARLY_OPEN, f"it ends with open work order {orders[last]}"))
            near = _one_digit_off(key, orders)
            if near is not None:
                written = replace(candidate, value=orders[near], score=candidate.score * 0.5)
                reason = f"one digit differs from open work order {orders[near]}"
                result.append(_moved(written, NEARLY_OPEN, reason))
        held = {number_key(c.value) for c in result}
        numbers = [
            (number_key(token.text), token)
            for page in self._pages
            for cell in page.cells
            for token in cell.tokens
            if any(letter.isdigit() for letter in token.text)
        ]
        for key, token in numbers:
            evidence = _weight(key, orders, tried=len(numbers)) if key in orders else 0.0
            if key not in held and evidence > _WORTH_PROPOSING:
                offered = Candidate(
                    orders[key],
                    token.text,
                    PROPOSED,
                    token.page,
                    token.box,
                    "",
                    (token.index,),
                    token.confidence,
                    reading=token.reading,
                )
                result.append(_moved(offered, evidence, f"work order {orders[key]} is open"))
                held.add(key)
        # What merely resembles an open order doesn't count: a number that isn't listed stays possible.
        if any(number_key(c.text) in orders for c in result):
            result = [c if number_key(c.value) in orders else _moved(c, UNLISTED, "") for c in result]
        return result

    def _with_stated(self, name: str, stated: str, candidates: list[Candidate]) -> list[Candidate]:
        """Return the candidates with what was stated moved up, also where only its figures stand on the page."""
        same = [_is_same(name, c.value, stated) for c in candidates]
        if not any(same) and FIELDS[name].kind in ("money", "id"):
            places = (v for v in self._values if v.kind == FIELDS[name].kind)
            written = next((v for v in places if _is_same(name, v.value, stated)), None)
            if written is not None:
                own = written.value if written.number is None else amounts.plain(written.number, places=2)
                candidates, same = [*candidates, replace(_at(written), value=own)], [*same, True]
        return [
            _moved(_worth_proposing(c), STATED, "the uploader stated it") if is_same else c
            for c, is_same in zip(candidates, same, strict=True)
        ]

    def _with_vendors(self, candidates: list[Candidate]) -> list[Candidate]:
        assert self._office is not None  # noqa: S101
        result = list(candidates)
        for vendor, place, evidence, reason in self._vendors_on_page():
            own = next((k for k, c in enumerate(result) if _is_name_of(vendor, c.value)), None)
            if own is not None:
                result[own] = _moved(replace(result[own], value=vendor.name), evidence, reason)
            else:
                result.append(_moved(replace(place, value=vendor.name), evidence, reason))
        return result

    def _vendors_on_page(self) -> Iterator[tuple[KnownVendor, Candidate, float, str]]:
        """Yield the listed vendors that the page names, each once, with where: by contact first, then by name."""
        assert self._office is not None  # noqa: S101
        contacts = {key: (v, what) for v in self._office.vendors for key, what in v.contacts.items()}
        seen: set[str] = set()
        for value in self._values:
            keys = {
                "phone": telephone_key(value.value),
                "email": value.value.lower(),
                "id": key_of(value.value),
            }
            found = contacts.get(keys.get(value.kind, ""))
            if found is not None and found[0].name not in seen:
                seen.add(found[0].name)
                yield found[0], _at(value), VENDOR_BY_CONTACT, f"its {found[1]} is on your vendor list"
        names = {_core(v.name): v for v in self._office.vendors if len(_core(v.name)) >= _SHORTEST_NAME}
        for cell in (c for page in self._pages[:1] for c in page.cells if c.y0 < page.height * _HEAD):
            core = _core(cell.text)
            if len(core) < _SHORTEST_NAME:
                continue
            best = process.extractOne(core, names.keys(), scorer=fuzz.ratio, score_cutoff=_SAME_NAME)
            if best is not None and names[best[0]].name not in seen:
                vendor = names[best[0]]
                seen.add(vendor.name)
                place = Candidate(
                    vendor.name,
                    cell.text,
                    PROPOSED,
                    cell.page,
                    union_box(cell.tokens),
                    "",
                    tuple(t.index for t in cell.tokens),
                    min(t.confidence for t in cell.tokens),
                )
                yield vendor, place, VENDOR_BY_NAME, "it is on your vendor list"


def as_the_page_says(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates in the same order with the scores that the page alone gave them."""
    return [c if c.page_score is None else replace(c, score=c.page_score) for c in candidates]


def _worth_proposing(candidate: Candidate) -> Candidate:
    """Return a candidate that counts no less than figures that nothing labels."""
    own = candidate.score if candidate.page_score is None else candidate.page_score
    return replace(candidate, score=max(candidate.score, PROPOSED), page_score=own)


def _moved(candidate: Candidate, evidence: float, reason: str) -> Candidate:
    own = candidate.score if candidate.page_score is None else candidate.page_score
    score = min(max(candidate.score, 0.01), 0.99)
    odds = math.log(score / (1 - score)) + evidence
    reasons = [r for r in (candidate.known, reason) if r]
    return replace(
        candidate, score=1 / (1 + math.exp(-odds)), page_score=own, known="; ".join(dict.fromkeys(reasons))
    )


def _weight(key: str, orders: Mapping[str, str], *, tried: int = 1) -> float:
    """Return what it is worth (log-odds, at most ``OPEN_ORDER``) that a number is on the list of open orders.

    The likelihood ratio against a number of as many digits that is there by chance, of as many as were ``tried``:
    with five hundred open orders one in twenty numbers of four digits is one of them.
    """
    chance = min(len(orders) * tried / 10.0 ** len(key), 1.0)
    return min(OPEN_ORDER, math.log(_READ_AS_LISTED / chance)) if len(key) >= _SHORTEST_ORDER else 0.0


def _one_digit_off(key: str, orders: Mapping[str, str]) -> str | None:
    """Return the one open order from which a number differs in one digit; None if there are none or several."""
    if len(key) < _SHORTEST_ORDER:
        return None
    near = [other for other in orders if Levenshtein.distance(key, other, score_cutoff=1) == 1]
    return near[0] if len(near) == 1 else None


def _after_struck_out(key: str, orders: Mapping[str, str]) -> str | None:
    """Return the open order a number ends with, where what stands before it is as long: it was struck out."""
    ends = [
        key[-n:] for n in range(max(_SHORTEST_ORDER, len(key) // 2 - 1), len(key) // 2 + 2) if n < len(key)
    ]
    found = [end for end in ends if end in orders]
    return found[0] if len(found) == 1 and len(key) >= 2 * _SHORTEST_ORDER - 1 else None


def _is_name_of(vendor: KnownVendor, name: str) -> bool:
    return fuzz.ratio(_core(vendor.name), _core(name)) >= _SAME_NAME


def _core(name: str) -> str:
    """Reduce a name to what is compared, letters and the digits they are misread as alike."""
    return core_of(name).translate(_ALIKE)


def _is_same(name: str, value: str, stated: str) -> bool:
    from extraction.gate import same_value

    return same_value(name, value, stated)


def _at(value: Value) -> Candidate:
    place = tuple(t.index for t in value.span.tokens)
    return Candidate(value.value, value.text, PROPOSED, value.page, value.box, "", place, value.confidence)
