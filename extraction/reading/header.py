"""Ids, dates and short texts of the document's head: which value belongs to which field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from extraction.fields import FIELDS, collapse
from extraction.reading.anchors import Claim, Label, Surroundings
from extraction.reading.context import Context
from extraction.reading.lexicon import key_of, meanings_of, phrase_meanings
from extraction.reading.lines import Cell, Page, make_cell, union_box
from extraction.reading.values import Value
from extraction.schema import Box

ID_FIELDS = (
    "invoice_number",
    "work_order_number",
    "job_number",
    "po_number",
    "contract_number",
    "application_number",
    "bank_account",
    "routing_number",
    "vendor_tax_id",
)
DATE_FIELDS = ("invoice_date", "due_date", "period_start", "period_end")
# Below this raw score a value is more often something else's than the field's.
LOWEST_SCORE = 0.2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible value of a field with its raw ``score`` (0..1) and the label that speaks for it.

    ``swapped`` is a date's other reading where day and month could be exchanged. Where something outside the page
    moved the score (``extraction.reading.known``), ``page_score`` is what it was before and ``known`` says why.
    ``traits`` is what the scorer was told of it (``extraction.reading.scorer.FEATURES``) and, as "trees", what it
    answered; empty without a scorer. ``reading`` is how probably its figures say what they were read as, where they
    were looked at again (``extraction.reading.second_look``).
    """

    value: str
    text: str
    score: float
    page: int
    box: Box
    label: str = ""
    place: tuple[int, ...] = ()
    ocr: float = 1.0
    swapped: str = ""
    page_score: float | None = None
    known: str = ""
    reading: float = 1.0
    traits: Mapping[str, float] = field(default_factory=dict, compare=False)


def claims_by_field(claims: Sequence[Claim]) -> dict[str, tuple[float, str]]:
    """Return, per field or distractor, the best claim's score and its label's text."""
    best: dict[str, tuple[float, str]] = {}
    for claim in claims:
        for meaning in claim.label.meanings:
            score = meaning.strength * claim.closeness
            if score > best.get(meaning.name, (0.0, ""))[0]:
                best[meaning.name] = (score, claim.label.text)
    return best


def find_header_candidates(
    pages: Sequence[Page],
    surroundings: Mapping[int, Surroundings],
    values: Sequence[Value],
    context: Context,
    in_table: frozenset[int],
) -> dict[str, list[Candidate]]:
    """Score every id and date for every id and date field.

    :param in_table: indexes of tokens in the table of lines; what stands there is not the head's.
    :returns: candidates per field, best first.
    """
    found: dict[str, list[Candidate]] = {name: [] for name in (*ID_FIELDS, *DATE_FIELDS)}
    for value in values:
        if value.kind not in ("id", "date"):
            continue
        tabled = all(t.index in in_table for t in value.span.tokens)
        around = surroundings[value.page]
        claims = claims_by_field(around.claims_on(value.span))
        names = DATE_FIELDS if value.kind == "date" else ID_FIELDS
        for name in names:
            candidate = _score(name, value, claims, tabled=tabled, page_count=len(pages))
            if candidate is not None:
                found[name].append(candidate)
    for name in ("work_order_number", "invoice_number"):
        found[name] = _corrected(found[name], values)
    found["bank_account"] = [c for c in found["bank_account"] if _stands_by_a_bank(c, pages)]
    _add_title_lines(found, values, pages)
    _add_unlabelled(found, values, pages, surroundings, in_table)
    _pair_periods(found, values)
    return {name: _merge(candidates) for name, candidates in found.items()}


def _score(
    name: str, value: Value, claims: Mapping[str, tuple[float, str]], *, tabled: bool, page_count: int
) -> Candidate | None:
    own, label = claims.get(name, (0.0, ""))
    if own < 0.08:
        return None
    other = max(
        (score for key, (score, _) in claims.items() if key != name and not _compatible(name, key)),
        default=0.0,
    )
    # the third draw is number 3; other numbers of one digit are rarely what they seem
    small = name == "application_number" and re.fullmatch(r"\d{1,2}", value.value)
    score = own * (0.9 if small else value.quality)
    if other > own:
        score *= max(1 - 1.2 * (other - own) - 0.3, 0.15)
    else:
        score *= 1 - 0.25 * other
    if tabled:
        score *= 0.35
    if value.page > 0:
        score *= 0.93
    if name == "routing_number" and sum(c.isdigit() for c in value.value) < 5:
        score *= 0.3
    if name in ("bank_account", "vendor_tax_id") and sum(c.isdigit() for c in value.value) < 5:
        score *= 0.3
    return _as_candidate(value, score, label)


# White space (em) between a number that was struck out and the one that was written after it.
_BESIDE = 3.0
_STRUCK_OUT = 0.5


def _corrected(candidates: Sequence[Candidate], values: Sequence[Value]) -> list[Candidate]:
    """Prefer, of two numbers that were recognised side by side at one label, the second: the first is struck out."""
    result = list(candidates)
    at = {candidate.place: k for k, candidate in enumerate(candidates)}
    ids = [v for v in values if v.kind == "id" and v.confidence < 1]
    for first, second in pairwise(ids):
        one, two = (at.get(tuple(t.index for t in v.span.tokens)) for v in (first, second))
        if (
            one is not None
            and two is not None
            and first.span.cell is second.span.cell
            and candidates[one].label == candidates[two].label
            and second.span.tokens[0].index == first.span.tokens[-1].index + 1
            and second.span.x0 - first.span.x1 < _BESIDE
            and abs(len(first.value) - len(second.value)) <= 1
            and len(second.value) > 2
        ):
            score = candidates[one].score
            result[two] = replace(candidates[two], score=max(score, candidates[two].score))
            result[one] = replace(candidates[one], score=score * _STRUCK_OUT)
    return result


_BANK_WORDS = re.compile(
    r"(?i)\bbank|\bbanco\b|\bbanque\b|\bbanca\b|\bsparkasse|\bvolksbank|\bcredit union\b|\biban\b|\bbic\b|\bswift\b"
    r"|\baba\b|\bach\b|\bwire\b|\brouting\b|\bsort code\b|\bbsb\b|\bifsc\b|\bblz\b|\bbankleitzahl|\bclabe\b"
    r"|\baccount (?:name|holder)\b|\bbeneficiary\b|\bbeneficiario\b|\bkontoinhaber\b|\bbancari[ao]\b"
    r"|\bbancaire\b|\bbankrekening|\btransfer\b|\büberweisung"
)
# A block of bank details is some eight lines high; the customer's account number stands among the head's numbers.
_BANK_BLOCK = 9.0


def _stands_by_a_bank(candidate: Candidate, pages: Sequence[Page]) -> bool:
    """Whether bank words stand near an account number; without them it is the customer's account with the vendor."""
    page = next(p for p in pages if p.number == candidate.page)
    places = set(candidate.place)
    own = next((c for c in page.cells if any(t.index in places for t in c.tokens)), None)
    if own is None:
        return True
    return any(abs(c.y0 - own.y0) < _BANK_BLOCK and _BANK_WORDS.search(c.text) for c in page.cells)


def _compatible(name: str, other: str) -> bool:
    """Whether a second label is no evidence against the first."""
    if FIELDS.get(name) is not None and other in FIELDS and FIELDS[other].kind in ("money", "text"):
        return True
    return (name, other) in {("period_start", "period_end"), ("period_end", "period_start")}


def _add_unlabelled(
    found: dict[str, list[Candidate]],
    values: Sequence[Value],
    pages: Sequence[Page],
    surroundings: Mapping[int, Surroundings],
    in_table: frozenset[int],
) -> None:
    """Offer dates and numbers without a label, weakly: a letter's bare date, a lone INV-100 under the title."""
    first = pages[0].number if pages else 0
    plain_dates = 0
    for value in values:
        if value.page != first or any(t.index in in_table for t in value.span.tokens):
            continue
        claims = surroundings[value.page].claims_on(value.span)
        rival = max(
            (c.closeness * max((m.strength for m in c.label.meanings), default=0) for c in claims),
            default=0.0,
        )
        place = tuple(t.index for t in value.span.tokens)
        if value.kind == "date" and rival < 0.5:
            score = (
                (0.42 - 0.04 * min(plain_dates, 4)) * (1 - 0.7 * rival) * (0.6 if value.quality < 1 else 1)
            )
            plain_dates += 1
            found["invoice_date"].append(
                Candidate(
                    value.value,
                    value.text,
                    score,
                    value.page,
                    value.box,
                    "",
                    place,
                    value.confidence,
                    value.swapped,
                )
            )
        if value.kind == "id" and rival < 0.45 and value.span.y0 < pages[0].height * 0.5:
            if re.match(r"(?i)(?:inv|rg|re|fac|fa|f|bill)[-_/]?\d", value.value):
                score = 0.45
            elif (
                value.quality == 1.0
                and re.fullmatch(r"[A-Z]{0,6}[-/]?\d{4,}", value.value)
                and _under_title(value, pages[0])
            ):
                score = 0.4
            else:
                continue
            found["invoice_number"].append(
                Candidate(
                    value.value,
                    value.text,
                    score * (1 - rival),
                    value.page,
                    value.box,
                    "",
                    place,
                    value.confidence,
                )
            )


_TITLE_LINE = re.compile(
    r"(?i)^[^\d]{0,40}?(?:invoice|\w*rechnung\w*|facture|avoir|factura|factuur|fattura|fatura|gutschrift"
    r"|credit (?:note|memo)|bill|recibo|statement)\b[^\d:]{0,30}?"
    r"(?:\(\d{3}\))?[^\d:]{0,12}[:.]?\s*$"
)
# A credit note's "Refers to invoice 10045" names another document.
_REFERS = re.compile(
    r"(?i)\brefer\w*|\boriginal\w*|\bagainst\b|\brelated\b|\bappl(?:y|ies|ied)\b|\bzur?\b|\bbezug\b"
    r"|\bd.origine\b|\brectificada\b"
)
_DATE_JOINT = re.compile(
    r"(?i)^[\s,;()|-]*(?:vom|du|of|dated|del?|van|from|date|on|datum|le|den|da)?[\s.:,-]*$"
)


def _add_title_lines(
    found: dict[str, list[Candidate]], values: Sequence[Value], pages: Sequence[Page]
) -> None:
    """Read titles that hold number and date: "Rechnung Nr. 4711 vom 05.06.2018", "Facture n° 12 du 2 juillet 2015"."""
    by_row: dict[tuple[int, int], list[Value]] = {}
    for value in values:
        if value.kind in ("id", "date"):
            by_row.setdefault((value.page, value.span.cell.row), []).append(value)
    for page in pages:
        for number, row in enumerate(page.rows):
            members = by_row.get((page.number, number), [])
            for line in _lines_of_row(row) if members else ():
                if len(line.tokens) <= 14:
                    _read_title(found, line, members)


def _lines_of_row(row: Sequence[Cell]) -> list[Cell]:
    """Join the cells of a row that a wide-set title was parted into."""
    lines: list[Cell] = []
    for cell in row:
        if lines and cell.x0 - lines[-1].x1 < 2.2 * max(cell.height, 1.0):
            lines[-1] = make_cell((*lines[-1].tokens, *cell.tokens), cell.page, cell.row)
        else:
            lines.append(cell)
    return lines


def _read_title(found: dict[str, list[Candidate]], line: Cell, values: Sequence[Value]) -> None:
    place = {token.index: start for token, start in zip(line.tokens, line.starts, strict=True)}
    members = sorted(
        (v for v in values if v.span.tokens[0].index in place), key=lambda v: place[v.span.tokens[0].index]
    )
    # a document code in brackets, "Handelsrechnung (380) Nr. 471102", is not the number
    ids = [
        v for v in members if v.kind == "id" and not re.search(rf"\(\s?{re.escape(v.value)}\s?\)", line.text)
    ]
    if not ids:
        return
    number = ids[0]
    start = place[number.span.tokens[0].index]
    end = place[number.span.tokens[-1].index] + len(number.span.tokens[-1].text)
    before = line.text[:start]
    if (
        not _TITLE_LINE.match(before)
        or _REFERS.search(before)
        or any(m.name[0] == "~" for m in meanings_of(key_of(before)))
    ):
        return
    named = re.search(r"(?i)(?:\b(?:nr|no|num|number|n)|#|°|º|:)[\s.:#]*$", before)
    if not named and sum(c.isdigit() for c in number.value) < 3:
        return  # "Sample invoices, version 2.2"
    score = 0.85 if number.page == 0 else 0.75
    found["invoice_number"].append(_as_candidate(number, score * number.quality, before.strip()))
    for day in (v for v in members if v.kind == "date"):
        if _DATE_JOINT.match(line.text[end : place[day.span.tokens[0].index]]):
            found["invoice_date"].append(_as_candidate(day, score, before.strip()))


def _as_candidate(value: Value, score: float, label: str) -> Candidate:
    return Candidate(
        value.value,
        value.text,
        score,
        value.page,
        value.box,
        label,
        tuple(t.index for t in value.span.tokens),
        value.confidence,
        value.swapped,
    )


def _under_title(value: Value, page: Page) -> bool:
    """Whether a number stands alone right under the document's title."""
    if len(value.span.cell.tokens) != len(value.span.tokens):
        return False
    for cell in page.cells:
        if not re.fullmatch(
            r"(?i)(?:tax |vat )?(?:invoice|rechnung|facture|factura|factuur|fattura|bill|receipt)",
            cell.text.strip(" :.*#"),
        ):
            continue
        gap = value.span.y0 - cell.y1
        if -0.5 < gap < 4 and value.span.x0 < cell.x1 + 2 and value.span.x1 > cell.x0 - 2:
            return True
    return False


# In the label of a date that begins a period although no end is printed with it.
_BEGINNING = ("from", "start", "begin", "desde", "inicio", "inizio", "debut", "dateout", "vom")


def _pair_periods(found: dict[str, list[Candidate]], values: Sequence[Value]) -> None:
    """A period's second date follows its first in the same cell or the next one of the row."""
    dates = [v for v in values if v.kind == "date"]
    for start in list(found["period_start"]):
        for first, second in pairwise(dates):
            if tuple(t.index for t in first.span.tokens) != start.place or second.page != first.page:
                continue
            if (
                second.span.cell.row == first.span.cell.row
                and 0 < second.span.x0 - first.span.x1 < 6
                and second.value >= first.value
            ):
                place = tuple(t.index for t in second.span.tokens)
                found["period_end"].append(
                    Candidate(
                        second.value,
                        second.text,
                        start.score,
                        second.page,
                        second.box,
                        start.label,
                        place,
                        second.confidence,
                    )
                )
    paired = {c.value for c in found["period_end"]}
    if not paired:
        found["period_start"] = [
            c for c in found["period_start"] if any(word in key_of(c.label) for word in _BEGINNING)
        ]


def _merge(candidates: list[Candidate]) -> list[Candidate]:
    """Merge candidates of equal value: repetition supports, the best place is kept."""
    best: dict[str, Candidate] = {}
    count: dict[str, int] = {}
    for candidate in sorted(candidates, key=lambda c: -c.score):
        count[candidate.value] = count.get(candidate.value, 0) + (1 if candidate.score > LOWEST_SCORE else 0)
        best.setdefault(candidate.value, candidate)
    merged = [
        replace(c, score=min(c.score * (1 + 0.08 * min(max(count[c.value] - 1, 0), 3)), 1.0))
        for c in best.values()
    ]
    return sorted(merged, key=lambda c: -c.score)[:6]


def choose(candidates: Mapping[str, list[Candidate]], names: Sequence[str]) -> dict[str, list[Candidate]]:
    """Give each place on the page to one field: the strongest claim takes it, the others move to their next best.

    :returns: per field its remaining candidates, best first; fields without any are absent.
    """
    order = sorted(
        (
            (c.score, -names.index(name), name, c)
            for name in names
            for c in candidates.get(name, ())
            if c.score >= LOWEST_SCORE
        ),
        key=lambda entry: (-entry[0], -entry[1]),
    )
    owner: dict[tuple[int, ...], str] = {}
    chosen: dict[str, list[Candidate]] = {}
    for _, _, name, candidate in order:
        if owner.get(candidate.place, name) != name:
            continue
        if name not in chosen:
            owner[candidate.place] = name
        chosen.setdefault(name, []).append(candidate)
    return chosen


_TERMS = re.compile(
    r"(?i)\b(?:net\s?\d{1,3}(?:\s?days)?|\d{1,2}\s?%\s?\d{1,2}\s?,?\s?net\s?\d{1,3}|due (?:up)?on receipt"
    r"|payable (?:up)?on receipt|cash on delivery|c\.?o\.?d\.?\b"
    r"|(?:payable|payment due|due|zahlbar|payment is due) (?:within|in|innerhalb(?: von)?) \d{1,3} (?:days"
    r"|tagen)|\d{1,3} days net|end of month"
    r"|\d{1,2} (?:tage|tagen)(?: \d % skonto, \d{1,3} tage)?(?: rein)? netto|sofort (?:rein )?netto"
    r"|à réception(?: de (?:la )?facture)?|\d{1,3} jours (?:fin de mois|date de facture|net|nets)"
    r"|(?:bonifico )?\d{1,3} gg\.? (?:d\.?f\.?|f\.?m\.?)|vista fattura|binnen \d{1,3} dagen|\d{1,3} dagen netto"
    r"|a \d{1,3} d[ií]as|pronto pagamento|contado|pago de contado)"
)


# What stands near the word "Terms" and is something else: "T: (813) 845-7758", "49 Alder Street", a bank's name.
_NO_TERMS = re.compile(
    r"(?i)^(?:[^\W\d]{1,6}\.?: |\d+ [^\W\d]+ (?:street|st|ave|road|rd)\b)|@|\(\d{3}\) ?\d{3}"
)


def find_payment_terms(labels: Sequence[Label], pages: Sequence[Page]) -> list[Candidate]:
    """Find the terms of payment: what stands at their label, else a phrase such as "Net 30"."""
    found = [
        c
        for label in labels
        if (c := text_at(label, "payment_terms", pages)) is not None
        and len(c.value) <= 60
        and not c.value.endswith(":")
        and not _NO_TERMS.search(c.value)
    ]
    for page in pages:
        for cell in page.cells:
            match = _TERMS.search(cell.text)
            if match:
                tokens = cell.tokens_between(*match.span())
                whole = len(match.group()) > 0.6 * len(cell.text)
                found.append(
                    Candidate(
                        collapse(match.group()),
                        match.group(),
                        0.5 if whole else 0.3,
                        page.number,
                        union_box(tokens),
                    )
                )
    best: dict[str, Candidate] = {}
    for candidate in sorted(found, key=lambda c: -c.score):
        best.setdefault(candidate.value.lower(), candidate)
    return list(best.values())[:4]


def text_at(label: Label, name: str, pages: Sequence[Page]) -> Candidate | None:
    """Return the text that a label speaks of: the rest of its cell, the next cell, or the cell below."""
    strength = label.strength_of(name)
    if strength < 0.4:
        return None
    rest = [t for t in label.cell.tokens[label.last + 1 :] if t.text not in (":", "-", "=", "#", ".")]
    if rest:
        if not label.colon and strength < 1:
            return None
        text = collapse(" ".join(t.text for t in rest)).lstrip(":-# ")
        score = strength * (0.9 if label.colon else 0.6)
        return (
            Candidate(
                text, text, score, label.cell.page, union_box(rest), label.text, tuple(t.index for t in rest)
            )
            if text
            else None
        )
    page = next(p for p in pages if p.number == label.cell.page)
    for cell in page.rows[label.cell.row]:
        if (
            cell.x0 > label.x1
            and cell.x0 - label.x1 < 18
            and not cell.text.rstrip().endswith(":")
            and not _is_another_label(cell)
        ):
            return _cell_candidate(cell, strength * 0.85, label)
        if cell.x0 > label.x1:
            break
    for row in page.rows[label.cell.row + 1 : label.cell.row + 3]:
        for cell in row:
            aligned = min(abs(cell.x0 - label.x0), abs(cell.cx - label.cell.cx)) < 1.5
            if aligned and cell.y0 - label.y1 < 2.5 and not _is_another_label(cell):
                return _cell_candidate(cell, strength * 0.75, label)
    return None


# Ways to pay, which answer the question for the terms ("Terms: cash").
_ALSO_VALUES = frozenset({"~cash", "~statement", "~change"})


def _is_another_label(cell: Cell) -> bool:
    """Whether a cell only labels something: in a boxed grid the next label stands right of a label, not its value."""
    if len(cell.tokens) > 5:
        return False
    return any(m.strength >= 0.5 and m.name not in _ALSO_VALUES for m in phrase_meanings(cell.text))


def _cell_candidate(cell: Cell, score: float, label: Label) -> Candidate:
    text = collapse(cell.text)
    return Candidate(
        text, text, score, cell.page, union_box(cell.tokens), label.text, tuple(t.index for t in cell.tokens)
    )
