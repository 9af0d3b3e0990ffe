"""The document's sums: candidates from labels, and the combination of them that adds up.

The decoder looks at the best few candidates of each field and takes the combination whose
label scores and arithmetic together are best. It only ever chooses among amounts that stand on
the page; the one exception is a tax printed in several lines (state and county, 7 % and
19 %), whose sum is offered where it makes the document add up.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from extraction.fields import ADJUSTING_WORDS
from extraction.reading import amounts
from extraction.reading.anchors import Surroundings
from extraction.reading.header import Candidate, claims_by_field
from extraction.reading.lexicon import key_of, names_tax
from extraction.reading.line_items import Table
from extraction.reading.lines import Page
from extraction.reading.values import Value

MONEY_FIELDS = (
    "subtotal",
    "discount_total",
    "freight",
    "tax_amount",
    "retainage_amount",
    "total",
    "amount_paid",
    "previous_balance",
    "amount_due",
)
UNSIGNED = frozenset({"discount_total", "amount_paid", "retainage_amount"})
# Two cents: rounding per line and per rate (EN 16931 practice).
TOLERANCE = 2
# log-weights of the decoder: what a tie that holds is worth against label scores (also logs)
_ALL_TIED, _NET_TAX_TIED, _NOT_TIED = 2.4, 1.5, -0.9
# Where both the lines' sum and the taxed sum are printed, the subtotal is the taxed one (BT-109).
_ADJUSTED_TIED = 3.4
# How much likelier than the total before it the rounded total is.
_ROUNDED = 0.05
_LINES_TIED, _CASH_TIED, _DUE_TIED = 1.2, 1.6, 1.0
# What a label of the total counts for the subtotal if it stands at the sum of the lines.
_LINES_SUM = 0.6
# What a word for a tax somewhere in an unknown label counts: enough where the sum ties, too little alone.
_TAX_AMONG_WORDS = 0.35
# Share of a page's width within which numbers of one column end.
_SAME_EDGE = 0.01
# What a row of a tax summary counts where the row of their sums is there too.
_PART_OF_SUM = 0.4
# log-probability-like cost of leaving a field empty
_ABSENT = {"total": -3.5, "subtotal": -1.3, "tax_amount": -1.3, "discount_total": -0.8, "freight": -0.8}
_SLOTS = {"total": 6, "subtotal": 4, "tax_amount": 4, "discount_total": 2, "freight": 2}


@dataclass(frozen=True, slots=True)
class Sum:
    """A chosen amount: its ``candidate``, the further ones, and whether arithmetic speaks for or against it."""

    candidate: Candidate
    others: tuple[Candidate, ...] = ()
    supported: bool = False
    contradicted: bool = False


def find_money_candidates(
    pages: Sequence[Page], surroundings: Mapping[int, Surroundings], values: Sequence[Value], table: Table
) -> tuple[dict[str, list[Candidate]], list[tuple[Decimal, Decimal]]]:
    """Score every amount for every money field.

    :returns: candidates per field, best first; and the (tendered, change) pairs of a till.
    """
    money = [v for v in values if v.kind == "money" and v.number is not None]
    outside = [v for v in money if not all(t.index in table.body_tokens for t in v.span.tokens)]
    inside = [v for v in money if all(t.index in table.body_tokens for t in v.span.tokens)]
    whole = _whole_amounts_are_usual(outside)
    page_of = {page.number: page for page in pages}
    rows: dict[tuple[int, int], list[Value]] = {}
    for value in money:
        rows.setdefault((value.page, value.span.cell.row), []).append(value)
    found: dict[str, list[Candidate]] = {name: [] for name in MONEY_FIELDS}
    roundings: set[Decimal] = set()
    cash: list[Decimal] = []
    change: list[Decimal] = []
    tendered: set[int] = set()
    last_page = max((v.page for v in outside), default=0)
    for value, tabled in (*((v, False) for v in outside), *((v, True) for v in inside)):
        assert value.number is not None  # noqa: S101 - narrows the type for the checker
        claims = claims_by_field(surroundings[value.page].claims_on(value.span, money=True))
        if not claims and not tabled and value.quality >= 0.85:
            words = _tax_words_before(value, page_of)
            claims = {"tax_amount": (_TAX_AMONG_WORDS, words)} if words else {}
        if not claims or (tabled and value.quality < 0.85):
            continue
        if max(claims.get(k, (0, ""))[0] for k in ("~cash", "~change")) > 0.3:
            tendered.add(value.span.tokens[0].index)
        if claims.get("~rounding", (0, ""))[0] > 0.45:
            roundings.add(value.number)
        if claims.get("~cash", (0, ""))[0] > 0.45:
            cash.append(abs(value.number))
        if claims.get("~change", (0, ""))[0] > 0.45:
            change.append(abs(value.number))
        form = value.quality if value.quality >= 0.85 else (0.9 if whole else 0.5)
        if value.number == value.number.to_integral() and value.quality == 0.5 and len(value.text) > 8:
            form *= 0.2  # a long bare number is an account or telephone number
        right = [
            v
            for v in rows[value.page, value.span.cell.row]
            if v.span.x0 > value.span.x1 and v.quality >= 0.85
        ]
        for name in MONEY_FIELDS:
            own, label = claims.get(name, (0.0, ""))
            if own < 0.1:
                continue
            other = max(
                (s for key, (s, _) in claims.items() if key != name and key not in _compatible(name)),
                default=0.0,
            )
            score = own * form
            score *= max(1 - 1.1 * (other - own) - 0.3, 0.1) if other > own + 0.02 else 1 - 0.2 * other
            if right:
                score *= 0.75
            if tabled:
                score *= 0.4
            if name in ("total", "amount_due") and value.page < last_page:
                score *= 0.93
            number = abs(value.number) if name in UNSIGNED else value.number
            place = tuple(t.index for t in value.span.tokens)
            found[name].append(
                Candidate(
                    amounts.plain(number, places=2),
                    value.text,
                    score,
                    value.page,
                    value.box,
                    label,
                    place,
                    value.confidence,
                )
            )
    for candidate in _merged(found["amount_due"])[:3]:
        found["total"].append(replace(candidate, score=candidate.score * 0.55))
    if table.items:
        lines = amounts.plain(sum(table.amounts, Decimal(0)), places=2)
        # "Total 50.00, tax 9.50, amount 59.50": what the lines make may be called a total and be the subtotal
        found["subtotal"] += [
            replace(c, score=c.score * _LINES_SUM) for c in found["total"] if c.value == lines
        ]
    found["total"] += _rounded(found["total"], roundings, outside)
    _add_largest(found, [v for v in outside if v.span.tokens[0].index not in tendered])
    for name in ("subtotal", "tax_amount", "total"):
        found[name] = _column_sums_first(found[name])
    tax_sum = _sum_of_taxes(found["tax_amount"])
    merged = {name: _merged(candidates) for name, candidates in found.items()}
    if tax_sum is not None and all(c.value != tax_sum.value for c in merged["tax_amount"]):
        merged["tax_amount"] = [*merged["tax_amount"][:3], tax_sum]
    tills = [(c, d) for c in cash for d in (change or [Decimal(0)])]
    return merged, tills


def _tax_words_before(value: Value, pages: Mapping[int, Page]) -> str:
    """Return what stands left of an amount if a word for a tax is in it ("Insurance tax on the buildings"), else ""."""
    row = pages[value.page].rows[value.span.cell.row]
    before = [cell.text for cell in row if cell.x1 <= value.span.x0]
    if not before or key_of(before[0].split()[0]) in ADJUSTING_WORDS["anywhere"]:
        return ""
    return before[-1] if names_tax(before[-1]) else ""


def _compatible(name: str) -> frozenset[str]:
    if name in ("total", "amount_due"):
        return frozenset(
            {
                "total",
                "amount_due",
                "due_date",
                "vendor_name",
                "customer_name",
                "invoice_number",
                "invoice_date",
            }
        )
    return frozenset({"tax_rate", "due_date", "vendor_name", "customer_name", "po_number", "period_start"})


def _whole_amounts_are_usual(values: Sequence[Value]) -> bool:
    """Whether the document prints sums without cents (720, 1440), so that a bare number may be money."""
    labelled = [v for v in values if v.quality >= 0.85]
    return len(labelled) < 0.4 * max(len(values), 1)


def _merged(candidates: Sequence[Candidate]) -> list[Candidate]:
    best: dict[str, Candidate] = {}
    count: dict[str, int] = {}
    for candidate in sorted(candidates, key=lambda c: -c.score):
        count[candidate.value] = count.get(candidate.value, 0) + 1
        best.setdefault(candidate.value, candidate)
    merged = [
        replace(c, score=min(c.score * (1 + 0.06 * min(count[c.value] - 1, 3)), 1.0)) for c in best.values()
    ]
    return sorted(merged, key=lambda c: -c.score)[:8]


def _rounded(
    totals: Sequence[Candidate], roundings: set[Decimal], values: Sequence[Value]
) -> list[Candidate]:
    """Offer what a total is rounded to by a printed rounding: that is what is paid (25.44, rounding 0.01, 25.45)."""
    printed = {v.number: v for v in values if v.number is not None and v.quality >= 0.85}
    offered = []
    for total in totals:
        for rounding in roundings - {Decimal(0)}:
            value = printed.get(Decimal(total.value) + rounding)
            if value is not None:
                place = tuple(t.index for t in value.span.tokens)
                score = min(total.score + _ROUNDED, 1.0)
                offered.append(
                    replace(
                        total, value=value.value, text=value.text, score=score, page=value.page, box=value.box,
                        place=place, ocr=value.confidence,
                    )
                )  # fmt: skip
    return offered


def _column_sums_first(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Prefer the last row of a summary that has one row per tax rate: what is the sum of all above it in its column."""
    result = list(candidates)
    for k, last in enumerate(candidates):
        above = [
            i
            for i, c in enumerate(candidates)
            if c.page == last.page
            and c.label == last.label
            and abs(c.box.x1 - last.box.x1) < _SAME_EDGE
            and c.box.y1 <= last.box.y0 + last.box.height / 2
        ]
        if len(above) < 2 or sum(Decimal(candidates[i].value) for i in above) != Decimal(last.value):
            continue
        best = max(candidates[i].score for i in above)
        result[k] = replace(last, score=max(last.score, best))
        for i in above:
            result[i] = replace(candidates[i], score=candidates[i].score * _PART_OF_SUM)
    return result


def _add_largest(found: dict[str, list[Candidate]], values: Sequence[Value]) -> None:
    """Offer the largest amounts as totals, weakly: for forms whose label can't be read."""
    sure = [v for v in values if v.number is not None and v.quality >= 0.85 and v.number > 0]
    for rank, value in enumerate(sorted(sure, key=lambda v: -(v.number or 0))[:2]):
        place = tuple(t.index for t in value.span.tokens)
        found["total"].append(
            Candidate(
                value.value,
                value.text,
                0.16 - 0.06 * rank,
                value.page,
                value.box,
                "",
                place,
                value.confidence,
            )
        )


def _sum_of_taxes(candidates: Sequence[Candidate]) -> Candidate | None:
    """Add up taxes printed in lines of their own (several rates, CGST and SGST)."""
    lines: dict[tuple[int, ...], Candidate] = {}
    for candidate in candidates:
        if candidate.score >= 0.4 and Decimal(candidate.value) != 0:
            lines.setdefault(candidate.place, candidate)
    if not 2 <= len(lines) <= 6:
        return None
    parts = sorted(lines.values(), key=lambda c: (c.page, c.box.y0))
    box = parts[0].box
    for part in parts[1:]:
        if part.page == parts[0].page:
            box = box.union(part.box)
    total = sum((Decimal(c.value) for c in parts), Decimal(0))
    return Candidate(
        amounts.plain(total, places=2),
        " + ".join(c.text for c in parts),
        0.35,
        parts[0].page,
        box,
        parts[0].label,
        tuple(i for c in parts for i in c.place),
        min(c.ocr for c in parts),
    )


def decode(
    found: Mapping[str, list[Candidate]],
    table: Table,
    tills: Sequence[tuple[Decimal, Decimal]],
    *,
    lines: Mapping[Decimal, float],
    arithmetic: bool = True,
) -> dict[str, Sum]:
    """Choose the combination of sums that its labels and its arithmetic make most likely.

    :param lines: what the lines may make together and what it is worth, beyond a tie, that a sum is this (logarithms);
        empty without lines.
    :param arithmetic: False leaves what adds up out of the choice, to show what it earns (docs/models.md).
    """
    made = _within_tolerance(lines)
    options = {name: [None, *found.get(name, [])[:count]] for name, count in _SLOTS.items()}
    paid_by_till = {_cents(c - d) for c, d in tills}
    best: tuple[float, tuple[Candidate | None, ...], bool, bool] | None = None
    for combination in itertools.product(*options.values()):
        chosen = dict(zip(options, combination, strict=True))
        if _share_a_place(combination):
            continue
        score = sum(_log(c.score) if c is not None else _ABSENT[name] for name, c in chosen.items())
        tied, broken, bonus = _ties(chosen, made, paid_by_till)
        score += bonus if arithmetic else 0.0
        if best is None or score > best[0] + 1e-9:
            best = (score, combination, tied, broken)
    result: dict[str, Sum] = {}
    if best is None:
        return result
    _, combination, tied, broken = best
    for name, candidate in zip(options, combination, strict=True):
        if candidate is not None and candidate.score >= 0.05:
            others = tuple(c for c in found.get(name, ()) if c.value != candidate.value)
            concerned = tied and (
                name in ("total", "subtotal", "tax_amount") or Decimal(candidate.value) != 0
            )
            result[name] = Sum(
                candidate, others, concerned, broken and name in ("total", "subtotal", "tax_amount")
            )
    _add_balances(result, found)
    return result


def _within_tolerance(lines: Mapping[Decimal, float]) -> dict[int, float]:
    """Return all sums in cents that are near enough to one that the lines make, with the likeliest one's weight."""
    near: dict[int, float] = {}
    for value, weight in lines.items():
        for cents in range(_cents(value) - TOLERANCE, _cents(value) + TOLERANCE + 1):
            near[cents] = max(near.get(cents, weight), weight)
    return near


def _share_a_place(combination: Sequence[Candidate | None]) -> bool:
    places = [c.place for c in combination if c is not None]
    return len(places) != len(set(places))


def _log(score: float) -> float:
    return math.log(max(score, 0.01))


def _cents(value: Decimal) -> int:
    return int((value * 100).to_integral_value())


def _ties(
    chosen: Mapping[str, Candidate | None], lines: Mapping[int, float], till: set[int]
) -> tuple[bool, bool, float]:
    """Return whether the sums tie, whether they contradict each other, and the weight of it."""
    number = {name: _cents(Decimal(c.value)) for name, c in chosen.items() if c is not None}
    total, net = number.get("total"), number.get("subtotal")
    tax, discount, freight = (number.get(k, 0) for k in ("tax_amount", "discount_total", "freight"))
    tied = broken = False
    bonus = 0.0
    if total is not None and net is not None:
        if abs(net + tax + freight - discount - total) <= TOLERANCE:
            tied = True
            bonus += _ALL_TIED if tax or freight or discount else 0.7
        elif ("tax_amount" in number and abs(net + tax - total) <= TOLERANCE) or (
            discount and abs(net + tax + freight - total) <= TOLERANCE
        ):
            tied = True
            bonus += _ADJUSTED_TIED if _is_adjusted(net, lines, discount, freight) else _NET_TAX_TIED
        elif abs(net - total) <= TOLERANCE:
            bonus += 0.3  # prices include the tax
        else:
            broken = True
            bonus += _NOT_TIED
        if net > total > 0 and not discount:
            bonus -= 0.8
    if total is not None and tax and abs(tax) >= abs(total):
        bonus -= 2.0
    if net is not None and (net in lines or _is_adjusted(net, lines, discount, freight)):
        bonus += _LINES_TIED + lines.get(net, 0.0)
        tied = tied or total is None
    elif total is not None and total in lines:
        bonus += 0.8 * _LINES_TIED + lines[total]
        tied = tied or net is None
    elif (
        total is not None
        and net is None
        and (tax or freight or discount)
        and (own := total - tax - freight + discount) in lines
    ):
        bonus += _LINES_TIED + lines[own]
        tied = True
    if total is not None and total in till and total > 0:
        bonus += _CASH_TIED
        tied = True
    return tied, broken, bonus


def _is_adjusted(net: int, lines: Mapping[int, float], discount: int, freight: int) -> bool:
    """Whether the net sum is what the lines make after allowances and charges (BT-109 = BT-106 - BT-107 + BT-108)."""
    return bool(discount or freight) and net + discount - freight in lines


def _add_balances(result: dict[str, Sum], found: Mapping[str, list[Candidate]]) -> None:
    """Add what is paid, brought forward, held back and due; due is tied to the total where it can be."""
    for name in ("amount_paid", "previous_balance", "retainage_amount"):
        candidates = [c for c in found.get(name, ()) if c.score >= 0.3]
        if candidates:
            result[name] = Sum(candidates[0], tuple(candidates[1:]))
    dues = [c for c in found.get("amount_due", ()) if c.score >= 0.25]
    if not dues:
        return
    total = Decimal(result["total"].candidate.value) if "total" in result else None
    expected = set()
    if total is not None:
        paid, before, held = (
            Decimal(result[k].candidate.value) if k in result else Decimal(0)
            for k in ("amount_paid", "previous_balance", "retainage_amount")
        )
        expected = {
            _cents(total - paid + before - held),
            _cents(total),
            _cents(total - paid),
            _cents(total + before),
        }
    ranked = sorted(
        dues, key=lambda c: -(_log(c.score) + (_DUE_TIED if _cents(Decimal(c.value)) in expected else 0.0))
    )
    best = ranked[0]
    result["amount_due"] = Sum(best, tuple(ranked[1:]), supported=_cents(Decimal(best.value)) in expected)
