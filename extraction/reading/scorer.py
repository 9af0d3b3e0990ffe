"""The candidate scorer: how likely each candidate is its field's value, from everything that is known of it.

The rules and the encoder look at a page differently; here their opinions, the form and place of a value and its part
in the page's arithmetic become one probability, by gradient-boosted trees (``extraction.training.scorer``). The
scorer never sees a candidate's own letters, or it would learn values by heart.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from extraction.fields import FIELDS
from extraction.reading import amounts
from extraction.reading.addresses import address_candidate, address_lines
from extraction.reading.encoder import Tagging
from extraction.reading.header import DATE_FIELDS, ID_FIELDS, Candidate, claims_by_field
from extraction.reading.lines import Cell, Page, union_box
from extraction.reading.money import MONEY_FIELDS, UNSIGNED
from extraction.reading.names import (
    LEGAL_SUFFIX,
    TRADE,
    clean_name,
    could_be_name,
    is_title,
    opens_with_label,
)
from extraction.reading.survey import Survey
from extraction.reading.values import Value
from extraction.reading.weights import own_weights, session_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE: Final = "scorer.onnx"
_NAME_FIELDS: Final = ("vendor_name", "customer_name")
_ADDRESS_FIELDS: Final = ("vendor_address", "customer_address", "ship_to_address")
SCORED_FIELDS: Final = (
    *_NAME_FIELDS, *_ADDRESS_FIELDS, "vendor_phone", "vendor_email", *ID_FIELDS, *DATE_FIELDS, "payment_terms",
    *MONEY_FIELDS, "iban", "tax_rate",
)  # fmt: skip
# The encoder offers a place of its own from this probability on; below it is nearly always wrong.
_OFFERED: Final = 0.15
_ANOTHER: Final = 0.7  # claim of a label of something else from which a number is that
_MOST_AMOUNTS: Final = 40
# What the rules' own score keeps of the say: layouts that the trees never saw are where the rules still hold.
_RULES_SHARE = 0.5
_UNKNOWN: Final = np.zeros((0, 1), dtype=np.float32)
_CENT: Final = 2

FEATURES: Final = (
    "rule", "rule_rank", "rule_rival", "encoder", "encoder_least", "encoder_nothing", "encoder_other", "encoder_rank",
    "encoder_rival", "quality", "ocr", "tabled", "page", "pages_after", "x", "y", "height", "labelled", "repeats",
    "length", "digits", "tokens", "claim", "claim_other", "amount_rank", "amount_size", "is_sum", "is_part",
    "is_lines", "is_zero", "amounts", "legal", "trade", "cell_share", "party", "words", "recognised",
    *(f"field:{name}" for name in SCORED_FIELDS),
)  # fmt: skip


_TRAITS: Final = FEATURES[: len(FEATURES) - len(SCORED_FIELDS)]

Scorer = Callable[["NDArray[np.float32]"], "NDArray[np.float32]"]
"""Rows of features (candidates, len(FEATURES)) to the probability of each, shape (candidates,)."""


@cache
def load_scorer() -> Scorer | None:
    """Load the shipped scorer; None if this copy has none for these features.

    :raises ReaderError: if it is not the file that was recorded.
    """
    found = own_weights(_FILE)
    if found is None or tuple(found[1]["features"]) != FEATURES:
        return None
    session = session_of(found[0])

    def score(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        (probabilities,) = session.run(None, {"features": rows})
        return np.asarray(probabilities, dtype=np.float32).reshape(-1)

    return score


def rescore(
    document: Survey, found: Mapping[str, Sequence[Candidate]], tagging: Tagging | None, scorer: Scorer
) -> dict[str, list[Candidate]]:
    """Give every candidate its probability and add those that only the encoder saw.

    :param found: candidates per field with the rules' scores.
    :returns: candidates per field, most likely first, with probabilities as scores.
    """
    offered = offer(document, found, tagging)
    rows = features_of(document, offered, tagging)
    order = [(name, candidate) for name in offered for candidate in offered[name]]
    if not order:
        return {name: list(candidates) for name, candidates in found.items()}
    scores = scorer(rows)
    result: dict[str, list[Candidate]] = {
        name: list(candidates) for name, candidates in found.items() if name not in SCORED_FIELDS
    }
    for (name, candidate), score, row in zip(order, scores, rows.tolist(), strict=True):
        traits = dict(zip(_TRAITS, row, strict=False)) | {"trees": float(score)}
        own = candidate.score or float(score)  # what only the encoder saw has no score of the rules
        blended = _RULES_SHARE * min(own, 1.0) + (1 - _RULES_SHARE) * float(score)
        result.setdefault(name, []).append(replace(candidate, score=round(blended, 4), traits=traits))
    return {name: sorted(candidates, key=lambda c: -c.score) for name, candidates in result.items()}


def offer(
    document: Survey, found: Mapping[str, Sequence[Candidate]], tagging: Tagging | None
) -> dict[str, list[Candidate]]:
    """Return the rules' candidates of the scored fields and, with score 0, what only the encoder takes for one."""
    result = {name: list(found[name]) for name in SCORED_FIELDS if found.get(name)}
    if tagging is None:
        return result
    for value in document.values:
        probabilities = tagging.probabilities(value.span.tokens).mean(axis=0)
        for name in _fields_of_kind(value):
            if probabilities[tagging.number_of(name)] < _OFFERED or _is_another_thing(document, name, value):
                continue
            candidate = _of_value(name, value)
            if all(c.value != candidate.value for c in result.get(name, ())):
                result.setdefault(name, []).append(candidate)
    for page in document.layout:
        for name in _NAME_FIELDS:
            for candidate in _names(page, tagging, name):
                known = {_bare(c.value) for c in result.get(name, ())}
                if _bare(candidate.value) not in known:
                    result.setdefault(name, []).append(candidate)
        for name in _ADDRESS_FIELDS:
            for candidate in _addresses(page, tagging, name):
                if all(c.value != candidate.value for c in result.get(name, ())):
                    result.setdefault(name, []).append(candidate)
    return result


def _is_another_thing(document: Survey, name: str, value: Value) -> bool:
    """Whether the label of what the encoder takes for a work order says that it is a licence, a permit or the like."""
    if name != "work_order_number":
        return False
    claims = claims_by_field(document.surroundings[value.page].claims_on(value.span))
    other = claims.get("~reference", (0.0, ""))[0]
    return other >= _ANOTHER and claims.get(name, (0.0, ""))[0] < other / 2


def _fields_of_kind(value: Value) -> tuple[str, ...]:
    return {
        "money": MONEY_FIELDS,
        "id": ID_FIELDS,
        "date": DATE_FIELDS,
        "phone": ("vendor_phone",),
        "email": ("vendor_email",),
        "iban": ("iban",),
        "percent": ("tax_rate",),
    }[value.kind]


def _of_value(name: str, value: Value) -> Candidate:
    text = value.value
    if value.kind == "money" and value.number is not None:
        text = amounts.plain(abs(value.number) if name in UNSIGNED else value.number, places=2)
    return Candidate(
        text, value.text, 0.0, value.page, value.box, "", tuple(t.index for t in value.span.tokens), value.confidence,
        value.swapped,
    )  # fmt: skip


def _names(page: Page, tagging: Tagging, name: str) -> Iterable[Candidate]:
    """Yield runs of a cell's words that the encoder takes for a name."""
    number = tagging.number_of(name)
    for cell in page.cells:
        sure = tagging.probabilities(cell.tokens)[:, number]
        first = None
        for k in range(len(cell.tokens) + 1):
            if k < len(cell.tokens) and sure[k] >= _OFFERED:
                first = k if first is None else first
            elif first is not None:
                tokens = cell.tokens[first:k]
                first = None
                text = clean_name(" ".join(t.text for t in tokens))
                if could_be_name(text) and not is_title(text):
                    yield Candidate(
                        text, text, 0.0, cell.page, union_box(tokens), "", tuple(t.index for t in tokens),
                        min(t.confidence for t in tokens),
                    )  # fmt: skip


def _addresses(page: Page, tagging: Tagging, name: str) -> Iterable[Candidate]:
    """Yield runs of lines under one another that the encoder takes for an address."""
    number = tagging.number_of(name)
    for block in page.blocks:
        run: list[Cell] = []
        for cell in (*block, None):
            if cell is not None and tagging.probabilities(cell.tokens)[:, number].mean() >= 2 * _OFFERED:
                run.append(cell)
            elif run:
                lines = address_lines(run)
                if lines and not any(opens_with_label(line) for line in lines):
                    yield address_candidate(lines, 0.0)
                run = []


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def features_of(
    document: Survey, offered: Mapping[str, Sequence[Candidate]], tagging: Tagging | None
) -> NDArray[np.float32]:
    """Return the rows of features, (candidates, len(FEATURES)), field after field in the order of ``offered``."""
    tokens = {t.index: t for page in document.layout for cell in page.cells for t in cell.tokens}
    cell_of = {t.index: cell for page in document.layout for cell in page.cells for t in cell.tokens}
    pages = {page.number: page for page in document.layout}
    usual = {n: statistics.median(c.height for c in p.cells) if p.cells else 1.0 for n, p in pages.items()}
    by_place: dict[tuple[str, tuple[int, ...]], Value] = {
        (v.kind, tuple(t.index for t in v.span.tokens)): v for v in document.values
    }
    in_table = document.in_table
    money = _Amounts(document)
    counts: Counter[tuple[str, str]] = Counter((v.kind, v.value) for v in document.values)
    best_party = {
        name: _bare(max(offered[name], key=lambda c: c.score).value)
        for name in _NAME_FIELDS
        if offered.get(name)
    }
    rows = []
    for name, candidates in offered.items():
        kind = FIELDS[name].kind
        number = tagging.number_of(name) if tagging is not None else 0
        opinions = [
            tagging.probabilities([tokens[i] for i in candidate.place if i in tokens])
            if tagging is not None
            else _UNKNOWN
            for candidate in candidates
        ]
        means = [float(p[:, number].mean()) if len(p) else 0.0 for p in opinions]
        rules = [c.score for c in candidates]
        for k, candidate in enumerate(candidates):
            value = by_place.get((kind if kind in ("money", "id", "date") else "", candidate.place))
            claims = (
                claims_by_field(
                    document.surroundings[value.page].claims_on(value.span, money=kind == "money")
                )
                if value is not None
                else {}
            )
            own = [tokens[i] for i in candidate.place if i in tokens]
            cell = cell_of[own[0].index] if own else None
            page = pages[candidate.page]
            seen = opinions[k]
            others = np.delete(seen, [0, number], axis=1) if len(seen) else seen
            x, y = candidate.box.center
            text = candidate.value
            row = {
                "rule": candidate.score,
                "rule_rank": sum(r > candidate.score for r in rules),
                "rule_rival": max((r for j, r in enumerate(rules) if j != k), default=0.0),
                "encoder": means[k],
                "encoder_least": float(seen[:, number].min()) if len(seen) else 0.0,
                "encoder_nothing": float(seen[:, 0].mean()) if len(seen) else 1.0,
                "encoder_other": float(others.mean(axis=0).max()) if len(seen) else 0.0,
                "encoder_rank": sum(m > means[k] for m in means),
                "encoder_rival": max((m for j, m in enumerate(means) if j != k), default=0.0),
                "quality": value.quality if value is not None else 1.0,
                "ocr": candidate.ocr,
                "recognised": float(candidate.ocr < 0.9999),
                "tabled": sum(t.index in in_table for t in own) / max(len(own), 1),
                "page": min(candidate.page, 3),
                "pages_after": min(len(pages) - 1 - candidate.page, 3),
                "x": x,
                "y": y,
                "height": min(cell.height / usual[page.number], 3.0) if cell is not None else 1.0,
                "labelled": float(bool(candidate.label)),
                "repeats": min(counts[kind, candidate.value], 5),
                "length": min(len(text), 60),
                "digits": sum(c.isdigit() for c in text) / max(len(text), 1),
                "tokens": min(len(own), 20),
                "claim": claims.get(name, (0.0, ""))[0],
                "claim_other": max((s for key, (s, _) in claims.items() if key != name), default=0.0),
                "cell_share": len(own) / max(len(cell.tokens), 1) if cell is not None else 1.0,
                f"field:{name}": 1.0,
            }
            if kind == "money":
                row |= money.features(candidate.value)
            if name in _NAME_FIELDS:
                other = next(n for n in _NAME_FIELDS if n != name)
                row |= {
                    "legal": float(bool(LEGAL_SUFFIX.search(text))),
                    "trade": float(bool(TRADE.search(text))),
                    "party": float(best_party.get(other, "") == _bare(text)),
                    "words": len(text.split()),
                }
            rows.append([row.get(feature, 0.0) for feature in FEATURES])
    return np.array(rows, dtype=np.float32).reshape(-1, len(FEATURES))


class _Amounts:
    """The part an amount plays in the page's arithmetic, in cents."""

    def __init__(self, document: Survey) -> None:
        in_table = document.table.body_tokens
        found = {
            int((abs(v.number) * 100).to_integral_value())
            for v in document.values
            if v.kind == "money" and v.number is not None and v.quality >= 0.5
            and not all(t.index in in_table for t in v.span.tokens)
        }  # fmt: skip
        self._sizes = sorted(found, reverse=True)[:_MOST_AMOUNTS]
        self._known = set(self._sizes)
        self._lines = int((sum(document.table.amounts, Decimal(0)) * 100).to_integral_value())

    def features(self, value: str) -> dict[str, float]:
        try:
            cents = abs(int((Decimal(value) * 100).to_integral_value()))
        except InvalidOperation:
            return {}
        parts = [s for s in self._sizes if 0 < s < cents]
        return {
            "amount_rank": min(sum(s > cents for s in self._sizes), 20),
            "amount_size": math.log10(cents / 100 + 1),
            "is_sum": float(any(self._has(cents - s) and 2 * s != cents for s in parts)),
            "is_part": float(cents > 0 and any(self._has(s - cents) for s in self._sizes if s > cents)),
            "is_lines": float(self._lines > 0 and abs(cents - self._lines) <= _CENT),
            "is_zero": float(cents == 0),
            "amounts": min(len(self._sizes), _MOST_AMOUNTS),
        }

    def _has(self, cents: int) -> bool:
        return any(cents + d in self._known for d in (0, 1, -1))
