"""What speaks for and against a chosen value, beyond its score: witnesses that look at the page in different ways.

Rules, trees and encoder err differently, so that where all three would have chosen a value it is rarely wrong
(design/EXTRACTION.md). What else tells: how well its letters were read, whether it has the form of its field,
whether it is said again elsewhere on the page, and which equations of the page it takes part in.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from rapidfuzz import fuzz

from extraction.fields import FIELDS
from extraction.reading.header import Candidate
from extraction.reading.lexicon import key_of
from extraction.reading.lines import Cell, Page, Token
from extraction.reading.money import Sum
from extraction.reading.names import CONTACT, LEGAL_SUFFIX, POSTCODE, STREET, TRADE, core_of, could_be_name
from extraction.reading.survey import Survey

_TOLERANCE = Decimal("0.02")
_UNLIKELY_NAME = re.compile(r"(?i)\b(?:invoice|receipt|page|thank|welcome|tax|total|date|tel|cash|bill|copy|order|www)\b")


class Witnesses:
    """What one document says about any value chosen from it."""

    def __init__(self, document: Survey, by_rules: Mapping[str, Sequence[Candidate]]) -> None:
        """:param by_rules: the rules' own candidates, best first."""
        self._document = document
        self._by_rules = by_rules
        self._tokens: dict[int, Token] = {}
        self._cell: dict[int, Cell] = {}
        self._pages: dict[int, Page] = {page.number: page for page in document.layout}
        for page in document.layout:
            for cell in page.cells:
                for token in cell.tokens:
                    self._tokens[token.index] = token
                    self._cell[token.index] = cell
        every = list(self._tokens.values())
        self._least = statistics.fmean(t.least for t in every) if every else 1.0
        self._disputed = statistics.fmean(t.disputed for t in every) if every else 0.0
        self._recognised = statistics.fmean(t.confidence < 0.9999 for t in every) if every else 0.0
        self._counts = Counter((v.kind, v.value) for v in document.values)
        self._money = Counter(
            abs(v.number) for v in document.values if v.kind == "money" and v.number is not None and v.quality >= 0.85
        )
        self._lines = [key_of(c.text) for p in document.layout for c in p.cells]
        self._domains = [
            key_of(re.split(r"[./]", re.sub(r"^(?:https?://)?(?:www\.)?", "", d.lower()))[0])
            for d in re.findall(r"(?:@|www\.)([\w.-]+)", document.context.text)
        ]

    def about(self, name: str, ranked: Sequence[Candidate], sums: Mapping[str, Sum]) -> dict[str, float]:
        """Return what there is to say about ``ranked[0]``, chosen for a field before the others of ``ranked``."""
        best = ranked[0]
        others = [c for c in ranked[1:] if not _same(name, c.value, best.value)]
        traits = best.traits
        own = [self._tokens[i] for i in best.place if i in self._tokens]
        said: dict[str, float] = {}
        rules = self._by_rules.get(name, ())
        rule_own = max((c.score for c in rules if _same(name, c.value, best.value)), default=0.0)
        rule_rival = max((c.score for c in rules if not _same(name, c.value, best.value)), default=0.0)
        said["rule"] = min(rule_own, 1.0)
        said["rule_margin"] = min(rule_own, 1.0) - min(rule_rival, 1.0)
        said["has_traits"] = float(bool(traits))
        said["trees"] = traits.get("trees", 0.0)
        said["trees_margin"] = said["trees"] - max((c.traits.get("trees", 0.0) for c in others), default=0.0)
        said["encoder"] = traits.get("encoder", 0.0)
        said["encoder_least"] = traits.get("encoder_least", 0.0)
        said["encoder_nothing"] = traits.get("encoder_nothing", 1.0)
        said["encoder_other"] = traits.get("encoder_other", 0.0)
        said["encoder_margin"] = said["encoder"] - max((c.traits.get("encoder", 0.0) for c in others), default=0.0)
        said["blend_margin"] = best.score - max((c.score for c in others), default=0.0)
        said["rivals"] = sum(c.score > 0.3 * best.score for c in others)
        said["distinct"] = len({c.value for c in others})
        for key in ("claim", "claim_other", "quality", "tabled", "height", "x", "y", "cell_share", "amount_rank",
                    "amount_size", "is_sum", "is_part", "is_lines", "is_zero", "amounts", "party", "repeats", "length",
                    "digits", "tokens"):  # fmt: skip
            said["t_" + key] = traits.get(key, 0.0)
        said["least"] = min((t.least for t in own), default=1.0)
        said["mean_least"] = statistics.fmean(t.least for t in own) if own else 1.0
        said["mean_conf"] = statistics.fmean(t.confidence for t in own) if own else 1.0
        said["disputed"] = statistics.fmean(t.disputed for t in own) if own else 0.0
        said["page_least"] = self._least
        said["page_disputed"] = self._disputed
        said["page_recognised"] = self._recognised
        said["placed"] = float(bool(own))
        said["page"] = best.page
        said["pages"] = len(self._pages)
        said["swapped"] = float(bool(best.swapped))
        language = self._document.context.language
        said["english"] = float(language == "en")
        kind = FIELDS[name].kind
        if kind == "money":
            said |= self._sums(name, best, sums)
        elif name in ("vendor_name", "customer_name"):
            said |= self._name(best, others)
        elif FIELDS[name].is_address:
            said |= self._address(best)
        elif kind == "id":
            said |= self._number(name, best)
        elif kind == "date":
            said |= self._date(name, best)
        return said

    def _sums(self, name: str, best: Candidate, sums: Mapping[str, Sum]) -> dict[str, float]:
        number = {k: Decimal(s.candidate.value) for k, s in sums.items()}
        value = number.get(name, Decimal(0))
        zero = Decimal(0)
        tax, freight, discount = (abs(number.get(k, zero)) for k in ("tax_amount", "freight", "discount_total"))
        said = {"eq_parts": 0.0, "eq_lines": 0.0, "eq_same": 0.0, "eq_due": 0.0, "eq_broken": 0.0, "eq_checkable": 0.0}
        net, total = number.get("subtotal"), number.get("total")
        if name in ("subtotal", "total", "tax_amount", "freight", "discount_total") and None not in (net, total):
            assert net is not None
            assert total is not None
            said["eq_checkable"] = 1.0
            ways = {net + tax + freight - discount, net + tax, net + tax + freight, net + tax - discount}
            holds = any(abs(w - total) <= _TOLERANCE for w in ways)
            if holds and (tax or freight or discount):
                said["eq_parts"] = 1.0
            elif abs(net - total) <= _TOLERANCE:
                said["eq_same"] = 1.0
            else:
                said["eq_broken"] = 1.0
        lines = sum(self._document.table.amounts, zero)
        if self._document.table.amounts and name in ("subtotal", "total"):
            said["eq_checkable"] = 1.0
            said["eq_lines"] = float(
                any(abs(lines + e - value) <= _TOLERANCE for e in {zero, tax, tax + freight - discount, -discount})
            )
            said["n_lines"] = float(len(self._document.table.amounts))
        if name in ("amount_due", "total"):
            due = number.get("amount_due")
            said["eq_due"] = float(due is not None and total is not None and abs(due - total) <= _TOLERANCE)
            said["has_due"] = float(due is not None)
        said["times"] = min(self._money.get(abs(value), 0), 5)
        amounts = sorted(self._money, reverse=True)
        said["larger"] = min(sum(a > abs(value) for a in amounts), 5)
        # a till's own arithmetic: what was tendered less what was given back
        said["eq_cash"] = float(
            value > 0
            and any(a > value and (a - value) in self._money and a - value != value for a in amounts)
        )
        said["rounded"] = float(value == value.to_integral())
        said["rivals_times"] = max((self._money.get(abs(Decimal(c.value)), 0) for c in sums[name].others[:3]), default=0)
        return said

    def _name(self, best: Candidate, others: Sequence[Candidate]) -> dict[str, float]:
        text = best.value
        core = core_of(text)
        said = {
            "n_words": float(min(len(text.split()), 8)),
            "n_single": float(len(text.split()) == 1),
            "n_short": float(len(core) < 6),
            "n_digits": float(any(c.isdigit() for c in text)),
            "n_legal": float(bool(LEGAL_SUFFIX.search(text))),
            "n_trade": float(bool(TRADE.search(text))),
            "n_unlikely": float(bool(_UNLIKELY_NAME.search(text) or CONTACT.search(text) or not could_be_name(text))),
            "n_odd": float(bool(re.search(r"[^\w\s.,&'()/-]", text))),
            "n_mixed": float(bool(re.search(r"[a-z][A-Z]|\d[A-Za-z]|[A-Za-z]\d", text))),
            "n_street": float(bool(STREET.search(text) or POSTCODE.search(text))),
        }
        again = [line for line in self._lines if len(core) >= 4 and core in line]
        said["n_again"] = float(min(max(len(again) - 1, 0), 3))
        said["n_domain"] = float(
            any(len(d) >= 4 and (d in core or core in d or fuzz.partial_ratio(d, core) >= 85) for d in self._domains)
        )
        said["n_has_domain"] = float(bool(self._domains))
        nested = [c for c in others if core_of(c.value) in core or core in core_of(c.value)]
        said["n_nested"] = float(bool(nested))
        own = [self._cell[i] for i in best.place if i in self._cell]
        if own:
            cell, page = own[0], self._pages[own[0].page]
            covered = len({i for i in best.place})
            said["n_rest"] = float(sum(len(c.tokens) for c in {id(c): c for c in own}.values()) - covered)
            below = [c for c in page.cells if 0 < c.y0 - own[-1].y1 + 0.4 < 1.5 and abs(c.x0 - cell.x0) < 8]
            above = [c for c in page.cells if 0 < cell.y0 - c.y1 + 0.4 < 1.5 and abs(c.x0 - cell.x0) < 8]
            said["n_below_name"] = float(any(could_be_name(c.text) and not _contact(c.text) for c in below[:1]))
            said["n_below_address"] = float(any(_contact(c.text) for c in below[:1]))
            said["n_above_name"] = float(any(could_be_name(c.text) and not _contact(c.text) for c in above[-1:]))
            said["n_top"] = float(cell.row)
            usual = statistics.median(c.height for c in page.cells)
            said["n_height"] = min(cell.height / max(usual, 0.1), 3.0)
            said["n_beside"] = float(len(page.rows[cell.row]) > 1)
        return said

    def _address(self, best: Candidate) -> dict[str, float]:
        text = best.value
        own = [self._cell[i] for i in best.place if i in self._cell]
        said = {
            "a_postcode": float(bool(POSTCODE.search(text))),
            "a_street": float(bool(STREET.search(text))),
            "a_number": float(bool(re.search(r"\d", text))),
            "a_words": float(min(len(text.split()), 25)),
            "a_contact": float(bool(CONTACT.search(text))),
            "a_legal": float(bool(LEGAL_SUFFIX.search(text))),
            "a_commas": float(min(text.count(","), 6)),
        }
        if own:
            page = self._pages[own[0].page]
            last = max(own, key=lambda c: c.y1)
            below = [c for c in page.cells if 0 < c.y0 - last.y1 + 0.4 < 1.5 and abs(c.x0 - last.x0) < 8]
            said["a_goes_on"] = float(any(POSTCODE.search(c.text) or STREET.search(c.text) for c in below[:1]))
        return said

    def _number(self, name: str, best: Candidate) -> dict[str, float]:
        text = best.value
        digits = sum(c.isdigit() for c in text)
        other = [
            n for n, several in self._by_rules.items()
            if n != name and FIELDS[n].kind == "id" and several and several[0].value == text
        ]  # fmt: skip
        return {
            "i_digits": float(min(digits, 12)),
            "i_length": float(min(len(text), 20)),
            "i_letters": float(sum(c.isalpha() for c in text) / max(len(text), 1)),
            "i_short": float(digits < 3),
            "i_none": float(digits == 0),
            "i_lower": float(bool(re.search(r"[a-z]", text))),
            "i_space": float(" " in text),
            "i_date": float(bool(re.fullmatch(r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}", text))),
            "i_claimed": float(bool(other)),
            "i_confusable": float(sum(c in "OIlSBZ" for c in text) > 0 and digits > 0),
            "i_times": float(min(self._counts.get(("id", text), 0), 4)),
        }

    def _date(self, name: str, best: Candidate) -> dict[str, float]:
        days = {v.value for v in self._document.values if v.kind == "date"}
        return {
            "d_distinct": float(min(len(days), 6)),
            "d_times": float(min(self._counts.get(("date", best.value), 0), 4)),
            "d_year": float(not "1995" <= best.value[:4] <= "2027"),
            "d_latest": float(best.value == max(days, default="")),
            "d_earliest": float(best.value == min(days, default="")),
            "d_swap": float(bool(best.swapped)),
        }


def _contact(text: str) -> bool:
    return bool(CONTACT.search(text) or STREET.search(text) or POSTCODE.search(text))


def _same(name: str, one: str, other: str) -> bool:
    if name in ("vendor_name", "customer_name"):
        return core_of(one) == core_of(other)
    if FIELDS[name].kind == "id":
        return re.sub(r"[\s\-./#]", "", one).upper() == re.sub(r"[\s\-./#]", "", other).upper()
    return " ".join(one.lower().split()) == " ".join(other.lower().split())

