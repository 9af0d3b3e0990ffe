"""The embedded default reader: words with places, labels, typed values, arithmetic. Needs no GPU and no download."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path

from extraction import rules
from extraction.calibration import Calibration, Evidence, load_calibration
from extraction.fields import FIELDS
from extraction.memory import VendorMemory, layout_phrases
from extraction.office import Office
from extraction.reading.alternatives import sums_of_lines, with_other_readings, with_sums_of_lines
from extraction.reading.anchors import Surroundings
from extraction.reading.context import Context
from extraction.reading.document_type import find_document_type
from extraction.reading.encoder import Tagging, tag
from extraction.reading.header import (
    DATE_FIELDS,
    ID_FIELDS,
    Candidate,
    choose,
    find_header_candidates,
    find_payment_terms,
)
from extraction.reading.known import Known, as_the_page_says
from extraction.reading.line_items import Table
from extraction.reading.money import MONEY_FIELDS, Sum, decode, find_money_candidates
from extraction.reading.parties import find_parties
from extraction.reading.project import find_project
from extraction.reading.recall import PARTY_FIELDS, Recall
from extraction.reading.scorer import Scorer, load_scorer, rescore
from extraction.reading.survey import Survey, survey
from extraction.reading.testimony import Witnesses
from extraction.reading.values import Value
from extraction.schema import Alternative, FieldValue, Hints, PageImage, Reading, Seconds, Word

_TOP_ALTERNATIVES = 4
# Of hand-written numbers that all readings agreed on, one in twenty was wrong on photographs (docs/models.md). So much
# leaves a value under any threshold of a 99 % target (it makes it 0.79 sure; 0.87 was the lowest that a fit gave), and
# lets it pass where an open work order or the uploader agrees.
_BY_HAND = 0.65
# Fields whose best candidate is taken as it is; numbers and dates share places, sums must add up.
_AS_FOUND = frozenset(
    {"vendor_name", "vendor_address", "vendor_phone", "vendor_email", "customer_name", "customer_address",
     "ship_to_address", "payment_terms", "iban"}
)  # fmt: skip


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
            *(
                package / "weights" / name
                for name in ("encoder.json", "scorer.json", "memory.json", "digits.json")
            ),
            package / "rules.py",
            package / "memory.py",
            package / "office.py",
            package / "documents" / "sheet.py",  # what is laid flat is read differently
            Path(__file__),
        ]
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


class LayoutBackend:
    """Reads documents by layout and labels. Stateless after the recogniser has been loaded."""

    def __init__(self, *, learned: bool = True) -> None:
        """:param learned: use the encoder and the scorer; without them the rules decide alone, for comparison."""
        self.name = "layout" if learned else "layout_rules"
        self.version = f"{self.name}-{_code_digest()}+{load_calibration().version}"
        self._learned = learned

    def read(self, pages: Sequence[PageImage], hints: Hints) -> Reading:
        """Read one document.

        :raises ReaderError: if a page's picture can't be recognised.
        """
        from extraction.reading.words import read_words

        return read_and_understand(
            pages, hints, read_words, name=self.name, version=self.version, learned=self._learned
        )


def read_and_understand(
    pages: Sequence[PageImage],
    hints: Hints,
    read_words: Callable[[PageImage], tuple[PageImage, Sequence[Word]]],
    *,
    name: str,
    version: str,
    learned: bool,
) -> Reading:
    """Read one document with the eyes of ``read_words``, and find its fields.

    :param read_words: returns a page set upright, and its words.
    :param name: the reader's, and its ``version``, as the reading will say.
    :param learned: use the encoder and the scorer.
    :raises ReaderError: if ``read_words`` does.
    """
    begin = time.perf_counter()
    read = [read_words(page) for page in pages]
    middle = time.perf_counter()
    result = understand(read, hints, learned=learned)
    values = {field: value.value for field, value in result.fields.items()}
    checks = rules.check(values, [item.values for item in result.table.items])
    end = time.perf_counter()
    return Reading(
        backend=name,
        model_version=version,
        pages=len(pages),
        document_type=result.document_type,
        fields=result.fields,
        line_items=result.table.items,
        checks=checks,
        words=tuple(tuple(words) for _, words in read),
        seconds=Seconds(total=end - begin, words=middle - begin, fields=end - middle),
    )


def understand(
    pages: Sequence[tuple[PageImage, Sequence[Word]]],
    hints: Hints,
    calibration: Calibration | None = None,
    *,
    learned: bool = True,
) -> Understanding:
    """Find the fields of a document in its pages' words.

    :param pages: per page its picture's size and the words on it; the picture is not looked at.
    """
    document = survey(pages, hints)
    scorer = load_scorer() if learned else None
    tagging = tag(document) if scorer is not None else None
    return decide(
        document, calibration or load_calibration(), scorer, tagging, hints.memory, office=hints.office
    )


def decide(
    document: Survey,
    calibration: Calibration,
    scorer: Scorer | None,
    tagging: Tagging | None,
    memory: tuple[VendorMemory, ...] = (),
    *,
    office: Office | None = None,
    arithmetic: bool = True,
) -> Understanding:
    """Choose the fields of a document.

    :param scorer: the scorer; without it the rules' own scores decide.
    :param tagging: what the encoder says of each word; without it the scorer has only the rules to go by.
    :param memory: what earlier invoices of the organization taught.
    :param office: what the organization knows; it decides among candidates, not how sure the page makes us.
    :param arithmetic: whether sums must add up (``extraction.reading.money.decode``).
    """
    layout, context, table, values = document.layout, document.context, document.table, document.values
    found, tills = find_candidates(document)
    by_rule = {name: several[0].value for name, several in found.items() if several}
    witnesses = Witnesses(document, found)
    if scorer is not None:
        found = rescore(document, found, tagging, scorer)
    recall = Recall(memory, layout_phrases(layout) if memory else frozenset(), layout, values)
    found = recall.apply(found, (*ID_FIELDS, *DATE_FIELDS, *PARTY_FIELDS, *MONEY_FIELDS))
    lines, surely = sums_of_lines(document)
    found = with_sums_of_lines(with_other_readings(document, found), lines, surely)
    found = Known(office, layout, values).apply(found)
    candidates = {k: v for k, v in found.items() if v and k in _AS_FOUND}
    for names in (ID_FIELDS, DATE_FIELDS):
        candidates |= choose(found, names)
    sums = decode(found, table, tills, lines=lines, arithmetic=arithmetic)
    rate = _tax_rate(values, document.surroundings, sums)
    if rate is not None:
        candidates["tax_rate"] = [rate]

    fields: dict[str, FieldValue] = {}
    evidence: dict[str, Evidence] = {}
    for name, several in candidates.items():
        ranked = as_the_page_says(several)
        margin = ranked[0].score - (ranked[1].score if len(ranked) > 1 else 0.0)
        evidence[name] = Evidence(
            name,
            ranked[0].score,
            margin,
            ocr=ranked[0].ocr,
            labelled=bool(ranked[0].label),
            agreed=ranked[0].value == by_rule.get(name),
            reading=_read_surely(document, name, ranked[0]),
            witnesses=witnesses.about(name, ranked, sums),
        )
        fields[name] = _field_value(name, ranked, evidence[name], calibration)
    for name, chosen in sums.items():
        ranked = as_the_page_says([chosen.candidate, *chosen.others])
        if chosen.supported and ranked[0].reading < 1:
            known = "; ".join(filter(None, (ranked[0].known, "the sums on the page add up with it")))
            ranked[0] = replace(ranked[0], known=known)
        margin = ranked[0].score - max((c.score for c in ranked[1:]), default=0.0)
        evidence[name] = Evidence(
            name,
            ranked[0].score,
            margin,
            chosen.supported,
            chosen.contradicted,
            ranked[0].ocr,
            bool(ranked[0].label),
            ranked[0].value == by_rule.get(name),
            ranked[0].reading,
            witnesses.about(name, ranked, sums),
        )
        fields[name] = _field_value(name, ranked, evidence[name], calibration)
    if context.currency and fields.keys() & {"total", "amount_due", "subtotal"}:
        evidence["currency"] = Evidence(
            "currency",
            0.95 if context.currency_printed else 0.6,
            0.5,
            labelled=context.currency_printed,
            witnesses=witnesses.about_currency(context.currency),
        )
        fields["currency"] = FieldValue(
            "currency",
            context.currency,
            context.currency if context.currency_printed else "",
            calibration.probability_of(evidence["currency"]),
            score=evidence["currency"].score,
            reason=_currency_reason(evidence["currency"]),
        )
    ordered = {name: fields[name] for name in FIELDS if name in fields}
    kind = find_document_type(layout)[0]
    if (
        kind == "other"
        and "total" in sums
        and sums["total"].candidate.label
        and not sums["total"].contradicted
    ):
        kind = "invoice"  # it says what it is nowhere, but asks for a sum
    return Understanding(kind, ordered, evidence, table, context)


def find_candidates(document: Survey) -> tuple[dict[str, list[Candidate]], list[tuple[Decimal, Decimal]]]:
    """Find what the rules take for each field's possible values.

    :returns: candidates per field with the rules' scores; and the (tendered, change) pairs of a till.
    """
    layout, values, in_table = document.layout, document.values, document.in_table
    labels = document.all_labels
    found = find_header_candidates(layout, document.surroundings, values, document.context, in_table)
    found["job_number"] = find_project(labels, layout) + found["job_number"]
    found["job_number"].sort(key=lambda c: -c.score)
    found |= find_parties(layout, labels, values, in_table).candidates
    found["payment_terms"] = find_payment_terms(labels, layout)
    found["iban"] = [_of_value(v, 0.9) for v in values if v.kind == "iban"]
    money, tills = find_money_candidates(layout, document.surroundings, values, document.table)
    return {**found, **money}, tills


def _read_surely(document: Survey, name: str, candidate: Candidate) -> float:
    """Return how probably a value's figures say what they were read as (0..1).

    A photograph may be of a form filled in by hand, and no sum confirms a number or a date.
    """
    by_hand = candidate.page in document.photographed and FIELDS[name].kind in ("id", "date")
    return min(candidate.reading, _BY_HAND) if by_hand else candidate.reading


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
        _reason(evidence, found),
        best.known,
    )


_MARGINS = ("rule_margin", "trees_margin", "encoder_margin")
# Witnesses against a value (`extraction.calibration.WITNESSES`) in the words of whoever has to check it.
_REASONS = {
    "date_within_word": "it may be part of a product code",
    "date_year_first": "the order of day, month and year is unclear",
    "large_tax": "a very large tax for this total",
    "above_total": "it is larger than the total",
    "negative": "a negative amount",
    "number_without_digit": "a number without a figure",
    "name_boiler_plate": "it may be a printed phrase, not a name",
    "name_address": "it may be part of an address",
    "address_goes_on": "the address may go on below it",
    "address_began_above": "the address may begin above it",
    "address_contact": "other details stand in the address",
}


def _reason(evidence: Evidence, found: Sequence[Candidate]) -> str:
    """Say in plain words what speaks against the first of some values; empty if nothing does."""
    candidate = found[0]
    if evidence.contradicted:
        return "the sums on the page don't add up with it"
    if not candidate.label and FIELDS[evidence.field].kind in ("money", "id", "date"):
        return "no label stands beside it"
    said = evidence.witnesses
    if min(evidence.ocr, evidence.reading) < 0.8:
        return "hard to read"
    if evidence.reading < 1 and any(
        (c.page, c.place) == (candidate.page, candidate.place) for c in found[1:]
    ):
        return "hard to read: looked at again, its figures may say something else"
    if said.get("disputed"):
        return "hard to read: a second reading of the print differs"
    if evidence.margin < 0.1:
        return "another value on the page is about as likely"
    if evidence.score < 0.5:
        return "its label is far away or unclear"
    for witness, reason in _REASONS.items():
        if said.get(witness):
            return reason
    if min((said[name] for name in _MARGINS if name in said), default=1.0) <= 0:
        return "the ways of reading the page don't agree on it"
    return ""


def _currency_reason(evidence: Evidence) -> str:
    if not evidence.labelled:
        return "no currency is printed; concluded from the country"
    return "several currencies are printed" if evidence.witnesses.get("currency_others") else ""


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
