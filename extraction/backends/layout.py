"""The embedded default reader: words with places, labels, typed values, arithmetic. Needs no GPU and no download."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from extraction import rules
from extraction.calibration import Calibration, Evidence, load_calibration
from extraction.fields import FIELDS
from extraction.memory import layout_phrases
from extraction.reading.anchors import Surroundings, find_labels
from extraction.reading.context import Context, find_context
from extraction.reading.document_type import find_document_type
from extraction.reading.header import (
    DATE_FIELDS,
    ID_FIELDS,
    Candidate,
    choose,
    find_header_candidates,
    find_payment_terms,
)
from extraction.reading.line_items import Table, find_line_items
from extraction.reading.lines import lay_out
from extraction.reading.money import MONEY_FIELDS, Sum, decode, find_money_candidates
from extraction.reading.parties import find_parties
from extraction.reading.project import find_project
from extraction.reading.recall import PARTY_FIELDS, Recall
from extraction.reading.values import Value, find_values
from extraction.schema import Alternative, FieldValue, Hints, PageImage, Reading, Seconds, Word

_TOP_ALTERNATIVES = 4


@dataclass(frozen=True, slots=True)
class Understanding:
    """A reading without words and times, and the evidence behind each value (for fitting the calibration)."""

    document_type: str
    fields: Mapping[str, FieldValue]
    evidence: Mapping[str, Evidence]
    table: Table
    context: Context


@cache
def _code_digest() -> str:
    """Return eight hex digits that change with anything that decides how words become fields.

    A number counted up by hand would be forgotten, and reports would compare two readers as if they were one.
    """
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(
        [
            *package.glob("reading/*.py"),
            *package.glob("*.toml"),
            *(package / name for name in ("rules.py", "memory.py", "weights/memory.json")),
            Path(__file__),
        ]
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


class LayoutBackend:
    """Reads documents by layout and labels. Stateless after the recogniser has been loaded."""

    name = "layout"

    def __init__(self) -> None:
        self.version = f"rules-{_code_digest()}+{load_calibration().version}"

    def read(self, pages: Sequence[PageImage], hints: Hints) -> Reading:
        """Read one document.

        :raises ReaderError: if a page's picture can't be recognised.
        """
        from extraction.reading.words import read_words

        begin = time.perf_counter()
        read = [read_words(page) for page in pages]
        middle = time.perf_counter()
        result = understand(read, hints)
        values = {name: value.value for name, value in result.fields.items()}
        checks = rules.check(values, [item.values for item in result.table.items])
        end = time.perf_counter()
        return Reading(
            backend=self.name,
            model_version=self.version,
            pages=len(pages),
            document_type=result.document_type,
            fields=result.fields,
            line_items=result.table.items,
            checks=checks,
            words=tuple(tuple(words) for _, words in read),
            seconds=Seconds(total=end - begin, words=middle - begin, fields=end - middle),
        )


def understand(
    pages: Sequence[tuple[PageImage, Sequence[Word]]], hints: Hints, calibration: Calibration | None = None
) -> Understanding:
    """Find the fields of a document in its pages' words.

    :param pages: per page its picture's size and the words on it; the picture is not looked at.
    """
    calibration = calibration or load_calibration()
    layout = lay_out(pages)
    context = find_context(layout, hints)
    table = find_line_items(layout, context)
    labels = {page.number: find_labels(page, table.header_tokens) for page in layout}
    surroundings = {page.number: Surroundings(page, labels[page.number]) for page in layout}
    values = [value for page in layout for value in find_values(page, context)]
    in_table = table.header_tokens | table.body_tokens
    all_labels = [label for page in layout for label in labels[page.number]]

    recall = Recall(hints.memory, layout_phrases(layout) if hints.memory else frozenset(), layout, values)

    candidates: dict[str, list[Candidate]] = {}
    header = find_header_candidates(layout, surroundings, values, context, in_table)
    header["job_number"] = find_project(all_labels, layout) + header["job_number"]
    header["job_number"].sort(key=lambda c: -c.score)
    header = recall.apply(header, (*ID_FIELDS, *DATE_FIELDS))
    for names in (ID_FIELDS, DATE_FIELDS):
        candidates |= choose(header, names)
    parties = find_parties(layout, all_labels, values, in_table).candidates
    candidates |= {k: v for k, v in recall.apply(parties, PARTY_FIELDS).items() if v}
    terms = find_payment_terms(all_labels, layout)
    if terms:
        candidates["payment_terms"] = terms
    ibans = [v for v in values if v.kind == "iban"]
    if ibans:
        candidates["iban"] = [_of_value(v, 0.9) for v in ibans]
    money, tills = find_money_candidates(layout, surroundings, values, table)
    sums = decode(recall.apply(money, MONEY_FIELDS), table, tills)
    rate = _tax_rate(values, surroundings, sums)
    if rate is not None:
        candidates["tax_rate"] = [rate]

    fields: dict[str, FieldValue] = {}
    evidence: dict[str, Evidence] = {}
    for name, found in candidates.items():
        margin = found[0].score - (found[1].score if len(found) > 1 else 0.0)
        evidence[name] = Evidence(
            name, found[0].score, margin, ocr=found[0].ocr, labelled=bool(found[0].label)
        )
        fields[name] = _field_value(name, found, evidence[name], calibration)
    for name, chosen in sums.items():
        found = [chosen.candidate, *chosen.others]
        margin = chosen.candidate.score - max((c.score for c in chosen.others), default=0.0)
        evidence[name] = Evidence(
            name,
            chosen.candidate.score,
            margin,
            chosen.supported,
            chosen.contradicted,
            chosen.candidate.ocr,
            bool(chosen.candidate.label),
        )
        fields[name] = _field_value(name, found, evidence[name], calibration)
    if context.currency and fields.keys() & {"total", "amount_due", "subtotal"}:
        evidence["currency"] = Evidence(
            "currency", 0.95 if context.currency_printed else 0.6, 0.5, labelled=context.currency_printed
        )
        fields["currency"] = FieldValue(
            "currency",
            context.currency,
            context.currency if context.currency_printed else "",
            calibration.probability_of(evidence["currency"]),
            score=evidence["currency"].score,
            reason="" if context.currency_printed else "no currency is printed; concluded from the country",
        )
    ordered = {name: fields[name] for name in FIELDS if name in fields}
    return Understanding(find_document_type(layout)[0], ordered, evidence, table, context)


def _field_value(
    name: str, found: Sequence[Candidate], evidence: Evidence, calibration: Calibration
) -> FieldValue:
    best = found[0]
    confidence = calibration.probability_of(evidence)
    total = sum(c.score for c in found[: _TOP_ALTERNATIVES + 1]) or 1.0
    alternatives = tuple(
        Alternative(c.value, c.text, round(min((1 - confidence), c.score / total), 4), c.page, c.box)
        for c in found[1 : _TOP_ALTERNATIVES + 1]
    )
    if best.swapped and best.swapped not in (a.value for a in alternatives):
        # 03/04/2026: the other reading stays one click away
        other = Alternative(best.swapped, best.text, round((1 - confidence) / 2, 4), best.page, best.box)
        alternatives = (other, *alternatives)[:_TOP_ALTERNATIVES]
    return FieldValue(
        name,
        best.value,
        best.text,
        confidence,
        best.page,
        best.box,
        round(best.score, 4),
        alternatives,
        _reason(evidence, best),
    )


def _reason(evidence: Evidence, candidate: Candidate) -> str:
    """Say in plain words what speaks against a value; empty if nothing does."""
    if evidence.contradicted:
        return "the sums on the page don't add up with it"
    if not candidate.label and FIELDS[evidence.field].kind in ("money", "id", "date"):
        return "no label stands beside it"
    if evidence.ocr < 0.8:
        return "hard to read"
    if evidence.margin < 0.1:
        return "another value on the page is about as likely"
    if evidence.score < 0.5:
        return "its label is far away or unclear"
    return ""


def _of_value(value: Value, score: float) -> Candidate:
    return Candidate(
        value.value,
        value.text,
        score,
        value.page,
        value.box,
        "",
        tuple(t.index for t in value.span.tokens),
        value.confidence,
    )


def _tax_rate(
    values: Sequence[Value], surroundings: Mapping[int, Surroundings], sums: Mapping[str, Sum]
) -> Candidate | None:
    """Find the one tax rate: a percentage labelled so, or standing at the tax; none where several rates are printed."""
    found: dict[str, Candidate] = {}
    for value in values:
        if value.kind != "percent" or value.number is None or value.number > Decimal(30):
            continue
        inside = _rate_in_label(value, surroundings[value.page])
        if inside > 0.45:
            found.setdefault(value.value, _of_value(value, inside))
            continue
        for claim in surroundings[value.page].claims_on(value.span):
            score = (
                max(claim.label.strength_of("tax_rate"), 0.85 * claim.label.strength_of("tax_amount"))
                * claim.closeness
            )
            if score > 0.45:
                found.setdefault(value.value, _of_value(value, score))
                break
    rates = [c for c in found.values() if Decimal(c.value) > 0]
    return rates[0] if len(rates) == 1 and "tax_amount" in sums else None


def _rate_in_label(value: Value, surroundings: Surroundings) -> float:
    """Score a percentage inside a tax's own label: "Tax (8.25%):", "20 % TVA", "zzgl. 19 % MwSt."."""
    strengths = [
        max(label.strength_of("tax_amount"), label.strength_of("tax_rate"))
        for label in surroundings.labels
        if label.cell is value.span.cell
    ]
    return 0.9 * max(strengths, default=0.0)
