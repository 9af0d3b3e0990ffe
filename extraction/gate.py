"""Which fields a person must see, and why, in words that a clerk understands."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation

from extraction.fields import DOCUMENT_TYPES, FIELDS, REQUIRED_FIELDS, SHOWN_FIELDS
from extraction.rules import TOLERANCE, money_text
from extraction.schema import Alternative, FieldValue, Reading

DEFAULT_THRESHOLD = 0.9
"""Confidence under which a value goes to a person where nothing else is set."""
AGREED_THRESHOLD = 0.5
"""Confidence under which a value goes to a person although something outside the page agrees with it.

A misread value that happens to equal what somebody typed, or a name or number the office already knows, is
rare: where two independent readers agreed on a work-order number, 28 of 28 were right (docs/models.md).
"""
WATCHED_FIELDS = frozenset(SHOWN_FIELDS) - {"payment_terms"}
"""Fields whose confidence decides whether a person looks; the due date, not the terms, decides when is paid."""
PAYABLE_TYPES = frozenset({"invoice", "pay_application", "estimate", "receipt"})
"""Documents that ask for money now; an estimate is a contractor's pre-printed bill form as often as not."""


def doubtful(
    reading: Reading,
    thresholds: Mapping[str, float] | None = None,
    required: Collection[str] = REQUIRED_FIELDS,
    *,
    stated: Mapping[str, str] | None = None,
    known: Collection[str] = (),
    flagged: Mapping[str, str] | None = None,
    default_threshold: float = DEFAULT_THRESHOLD,
) -> dict[str, str]:
    """Say which fields of a reading a person must look at, with the reason for each.

    :param thresholds: lowest confidence (0..1) per field; others use ``default_threshold``.
        Fields other than ``WATCHED_FIELDS`` are looked at only if named here, required, or not on the page.
    :param required: fields that must not be missing.
    :param stated: what the uploader said the document holds (normalised values); a
        disagreement always goes to a person, however sure the reader is.
    :param known: fields whose value the office knows already: a vendor on its list, an open work
        order. They, and values that were stated alike, pass from ``AGREED_THRESHOLD``.
    :param flagged: what the office says against a value, by field: no open work order has that number.
    :returns: reasons by field name in the form's order; ``line_items`` stands for the table.
    """
    thresholds = thresholds or {}
    reasons: dict[str, list[str]] = {}

    def add(name: str, reason: str) -> None:
        if reason not in reasons.setdefault(name, []):
            reasons[name].append(reason)

    watched = WATCHED_FIELDS | set(required) | set(thresholds)
    agreed = set(known)
    for name, claimed in (stated or {}).items():
        found = reading.fields.get(name)
        if not claimed:
            continue
        if found is None:
            add(name, f"the uploader stated {shown(name, claimed)}, but none was found on the page")
        elif not same_value(name, claimed, found.value):
            add(
                name,
                f"the page says {shown(name, found.value)}, the uploader stated {shown(name, claimed)}",
            )
        else:
            agreed.add(name)
    for name, reason in (flagged or {}).items():
        if name in reading.fields:
            add(name, reason)
    for name in required:
        if name not in reading.fields and name != "document_type":
            add(name, f"no {_label(name)} was found")
    for check in reading.checks:
        if check.passed:
            continue
        present = [f for f in check.fields if f in reading.fields or f == "line_items"]
        for name in present or check.fields:
            add(name, check.message)
    strange = [str(n) for n, line in enumerate(reading.line_items, start=1) if not line.grounded]
    if strange:
        add(
            "line_items",
            f"not on the page as read: line {', '.join(strange[:5])}{' ...' if strange[5:] else ''}",
        )
    for name, value in reading.fields.items():
        if not value.grounded:
            add(name, _explain(value))  # neither a threshold nor who agrees with it makes up for the page
            continue
        if name not in watched:
            continue
        if value.held:
            add(
                name, _explain(value)
            )  # whoever else agrees: one of two readers is wrong, or nobody measured it
            continue
        threshold = thresholds.get(name, default_threshold)
        if value.confidence < (min(threshold, AGREED_THRESHOLD) if name in agreed else threshold):
            add(name, _explain(value))
    if reading.document_type not in PAYABLE_TYPES:
        kind = DOCUMENT_TYPES.get(reading.document_type, "another document").lower()
        add(
            "document_type",
            f"this looks like a {kind}, not an invoice"
            if kind != "other"
            else "this doesn't look like an invoice",
        )
    order = [*FIELDS, "line_items"]
    return {
        name: "; ".join(reasons[name])
        for name in sorted(reasons, key=lambda n: order.index(n) if n in order else len(order))
    }


def clearance(
    reading: Reading,
    required: Collection[str] = REQUIRED_FIELDS,
    *,
    stated: Mapping[str, str] | None = None,
    known: Collection[str] = (),
    flagged: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """Return the highest threshold (0..1) at which `doubtful` would let each value pass.

    Left out are values over which no threshold decides: a check failed, the uploader stated
    something else, or nobody watches the field. A value that something outside the page agrees with
    passes every threshold, so its clearance is 1.

    :param required, stated, known, flagged: as for `doubtful`.
    """

    def held_back(threshold: float) -> dict[str, str]:
        return doubtful(
            reading, None, required, stated=stated, known=known, flagged=flagged, default_threshold=threshold
        )

    always, unless_agreed = held_back(0.0), held_back(float("inf"))
    watched = WATCHED_FIELDS | set(required)
    return {
        name: min(max(value.confidence, 0.0), 1.0) if name in unless_agreed else 1.0
        for name, value in reading.fields.items()
        if name in watched and name not in always
    }


def same_value(name: str, one: str, other: str) -> bool:
    """Whether two normalised values of a field mean the same: to two cents, or without separators."""
    kind = FIELDS[name].kind
    if kind in ("money", "percent", "quantity"):
        try:
            return abs(Decimal(one) - Decimal(other)) <= TOLERANCE
        except InvalidOperation:
            return False
    if kind == "id":
        return re.sub(r"[\s\-./#]", "", one).upper() == re.sub(r"[\s\-./#]", "", other).upper()
    return " ".join(one.lower().split()) == " ".join(other.lower().split())


def _label(name: str) -> str:
    label = FIELDS[name].label if name in FIELDS else name.replace("_", " ")
    return label if label.startswith(("PO", "IBAN")) else label[0].lower() + label[1:]


def shown(name: str, value: str) -> str:
    """Return a normalised value as it is named in a sentence: money with commas at the thousands."""
    if name in FIELDS and FIELDS[name].kind == "money":
        try:
            return money_text(Decimal(value))
        except InvalidOperation:
            return value
    return value


def _explain(value: FieldValue) -> str:
    """Say why a value is unsure, and what else speaks for it: "48 %: hard to read; work order 30187 is open"."""
    second = f"{value.second} reads the same" if value.agreed else ""
    return "; ".join(part for part in (_doubt(value), second, value.support) if part)


def _doubt(value: FieldValue) -> str:
    """Say it with the rivals' names: "71 %: two amounts could be the total, 1,450.00 and 1,950.00"."""
    if value.held:
        return value.reason
    share = f"{value.confidence * 100:.0f} %"
    rivals = [a for a in value.alternatives if a.value != value.value and _is_rival(a, value)]
    if rivals and value.name in FIELDS:
        kind = FIELDS[value.name].kind
        what = {"money": "amounts", "date": "dates", "id": "numbers", "text": "places"}.get(kind, "values")
        names = [shown(value.name, value.value), *(shown(value.name, a.value) for a in rivals[:2])]
        listed = " and ".join(names) if len(names) == 2 else ", ".join(names[:-1]) + " and " + names[-1]
        count = {2: "two", 3: "three"}[len(names)]
        return f"{share}: {count} {what} could be the {_label(value.name)}, {listed}"
    if value.reason:
        return f"{share}: {value.reason}"
    return f"{share} sure"


def _is_rival(alternative: Alternative, value: FieldValue) -> bool:
    return alternative.confidence >= 0.1 or alternative.confidence >= 0.4 * value.confidence
