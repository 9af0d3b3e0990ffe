"""What speaks for and against a chosen value, beyond its score: witnesses that look at the page in different ways.

Rules, trees and encoder err differently, so that where all three would have chosen a value it is rarely wrong
(design/EXTRACTION.md). What else tells: how surely its letters were read, whether it has the form of its field,
whether it is said again elsewhere on the page, and which equations of the page it takes part in. Nothing here is
read twice or asked of a network again; all of it lies at hand when a value has been chosen.

What each witness is worth is fitted (``extraction.calibration``), its direction is not: see
``extraction.calibration.WITNESSES``, whose names these are.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import chain

from rapidfuzz import fuzz

from extraction.fields import FIELDS
from extraction.reading import amounts
from extraction.reading.header import Candidate
from extraction.reading.lexicon import key_of
from extraction.reading.lines import Cell, Page, Token
from extraction.reading.money import Sum
from extraction.reading.names import CONTACT, LEGAL_SUFFIX, POSTCODE, STREET, core_of, could_be_name
from extraction.reading.survey import Survey

_TOLERANCE = Decimal("0.02")  # as in extraction.rules
_ZERO = Decimal(0)
# A tax of more than this share of the total is a misread one; no country's rate reaches it.
_LARGEST_TAX = Decimal("0.3")
# Invoices from other decades are misread dates more often than old papers.
_YEARS = ("1995", "2035")
# Lines under one another are at most this far apart, and begin about as far left (em).
_NEXT_LINE, _SAME_COLUMN = 1.1, 8.0
# What the scorer was told of a candidate that tells something about a chosen value as well.
_TRAITS = (
    "encoder_least", "encoder_nothing", "encoder_other", "claim", "claim_other", "quality", "cell_share", "tabled"
)  # fmt: skip
_PARTS = ("subtotal", "total", "tax_amount", "freight", "discount_total")

_BOILER_PLATE = re.compile(
    r"(?i)\b(?:invoice|receipt|page|thank|welcome|tax|total|date|tel|cash|bill|copy|order|www)\b"
)
_ADDRESS_BEGINS = re.compile(r"(?i)(?:\d|no\b|lot\b|unit|[a-z]{1,2}-?\d|suite|p\.?o|\w*(?:str|weg|rue))")
_TIME = re.compile(r"\d{1,2}:\d{2}")
_MONTH_NAME = re.compile(r"[^\W\d]{3}")
_GLUED_WORDS = re.compile(r"[a-z][A-Z]|\d[a-z]{3}|[A-Za-z]{14}")


class Witnesses:
    """What one document says about any value chosen from it."""

    def __init__(self, document: Survey, by_rules: Mapping[str, Sequence[Candidate]]) -> None:
        """Look the document over once.

        :param by_rules: the rules' own candidates per field, best first.
        """
        self._document = document
        self._by_rules = by_rules
        self._pages: dict[int, Page] = {page.number: page for page in document.layout}
        self._token: dict[int, Token] = {}
        self._cell: dict[int, Cell] = {}
        for cell in chain.from_iterable(page.cells for page in document.layout):
            for token in cell.tokens:
                self._token[token.index] = token
                self._cell[token.index] = cell
        every = list(self._token.values())
        self._print = {
            "page_least": statistics.fmean(t.least for t in every) if every else 1.0,
            "page_disputed": statistics.fmean(t.disputed for t in every) if every else 0.0,
            "page_recognised": statistics.fmean(t.confidence < 0.9999 for t in every) if every else 0.0,
        }
        self._times = Counter((v.kind, v.value) for v in document.values)
        self._amounts = Counter(
            abs(v.number)
            for v in document.values
            if v.kind == "money" and v.number is not None and v.quality >= 0.85
        )
        self._lines = [key_of(cell.text) for page in document.layout for cell in page.cells]
        self._domains = [
            key_of(re.split(r"[./]", domain.lower().removeprefix("www."))[0])
            for domain in re.findall(r"(?:@|www\.)([\w.-]+)", document.context.text)
        ]

    def about(self, name: str, ranked: Sequence[Candidate], sums: Mapping[str, Sum]) -> dict[str, float]:
        """Return what there is to say about ``ranked[0]``, chosen for a field before the others of ``ranked``.

        :param sums: all sums that were chosen, for the equations between them.
        """
        kind = FIELDS[name].kind
        said = self._opinions(name, ranked) | self._print
        if kind == "money":
            said |= self._sums(name, sums)
        elif name in ("vendor_name", "customer_name"):
            said |= self._name(ranked)
        elif FIELDS[name].is_address:
            said |= self._address(ranked[0])
        elif kind == "id":
            said |= self._number(name, ranked[0].value)
        elif kind == "date":
            said |= self._date(ranked[0])
        return said

    def about_currency(self, code: str) -> dict[str, float]:
        """Return what there is to say about the document's currency."""
        marks = Counter(amounts.find_currencies(self._document.context.text))
        return {
            "currency_marks": _few(marks[code], 6),
            "currency_others": _few(sum(n for other, n in marks.items() if other != code), 4),
            "currency_kinds": _few(len(marks), 4),
        }

    def _opinions(self, name: str, ranked: Sequence[Candidate]) -> dict[str, float]:
        """What each reader by itself thinks of the value and its rivals, and how surely its letters were read."""
        best = ranked[0]
        others = [c for c in ranked[1:] if not _is_same(name, c.value, best.value)]
        own = [self._token[i] for i in best.place if i in self._token]
        said = {
            "blend_margin": best.score - max((c.score for c in others), default=0.0),
            "rivals": _few(sum(c.score > 0.3 * best.score for c in others), 5),
            "alternatives": _few(len({c.value for c in others}), 8),
            "least": min((t.least for t in own), default=1.0),
            "disputed": statistics.fmean(t.disputed for t in own) if own else 0.0,
        }
        traits = best.traits
        if not traits:  # the rules read alone, or memory proposed it: nobody else was asked
            return said
        by_rules = self._by_rules.get(name, ())
        rule = max((c.score for c in by_rules if _is_same(name, c.value, best.value)), default=0.0)
        rival = max((c.score for c in by_rules if not _is_same(name, c.value, best.value)), default=0.0)
        said |= {"rule": min(rule, 1.0), "rule_margin": min(rule, 1.0) - min(rival, 1.0)}
        for reader in ("trees", "encoder"):
            said[reader] = traits[reader]
            said[f"{reader}_margin"] = traits[reader] - max(
                (c.traits.get(reader, 0.0) for c in others), default=0.0
            )
        return said | {trait: traits[trait] for trait in _TRAITS}

    def _sums(self, name: str, sums: Mapping[str, Sum]) -> dict[str, float]:
        number = {field: Decimal(one.candidate.value) for field, one in sums.items()}
        value, net, total, due = (number.get(k) for k in (name, "subtotal", "total", "amount_due"))
        value = value if value is not None else _ZERO
        tax, freight, discount = (
            abs(number.get(k, _ZERO)) for k in ("tax_amount", "freight", "discount_total")
        )
        said = {
            "negative": float(value < 0),
            "large_tax": float(
                name == "tax_amount" and total is not None and abs(value) > _LARGEST_TAX * abs(total)
            ),
            "above_total": float(total is not None and value > total + _TOLERANCE),
            "amount_times": _few(self._amounts[abs(value)], 5),
            "larger_amounts": _few(sum(a > abs(value) for a in self._amounts), 5),
            "rival_times": _few(
                max((self._amounts[abs(Decimal(c.value))] for c in sums[name].others[:3]), default=0), 5
            ),
            # what was tendered less what was given back
            "cash_ties": float(
                value > 0
                and any(
                    a > value and a - value != value and a - value in self._amounts for a in self._amounts
                )
            ),
        }
        if name in _PARTS and net is not None and total is not None:
            ways = (net + tax + freight - discount, net + tax, net + tax + freight, net + tax - discount)
            if (tax or freight or discount) and any(abs(way - total) <= _TOLERANCE for way in ways):
                said["parts_tie"] = 1.0
            elif abs(net - total) <= _TOLERANCE:
                said["net_is_total"] = 1.0
            else:
                said["parts_broken"] = 1.0
        if self._document.table.amounts and name in ("subtotal", "total"):
            lines = sum(self._document.table.amounts, _ZERO)
            extras = (_ZERO, tax, tax + freight - discount, -discount)
            said["lines_tie"] = float(any(abs(lines + extra - value) <= _TOLERANCE for extra in extras))
        if name in ("amount_due", "total") and due is not None and total is not None:
            said["due_is_total"] = float(abs(due - total) <= _TOLERANCE)
        return said

    def _name(self, ranked: Sequence[Candidate]) -> dict[str, float]:
        best = ranked[0]
        text, core = best.value, core_of(best.value)
        said = {
            "name_one_word": float(len(text.split()) == 1),
            "name_short": float(len(core) < 6),
            "name_digits": float(any(c.isdigit() for c in text)),
            "name_legal_form": float(bool(LEGAL_SUFFIX.search(text))),
            "name_boiler_plate": float(
                bool(_BOILER_PLATE.search(text) or CONTACT.search(text)) or not could_be_name(text)
            ),
            "name_odd_signs": float(bool(re.search(r"[^\w\s.,&'()/-]", text))),
            "name_glued": float(bool(re.search(r"[a-z][A-Z]|\d[A-Za-z]|[A-Za-z]\d", text))),
            "name_address": float(bool(STREET.search(text) or POSTCODE.search(text))),
            "name_again": _few(sum(core in line for line in self._lines) - 1 if len(core) >= 4 else 0, 3),
            "name_domain": float(any(_is_domain_of(core, domain) for domain in self._domains)),
            "name_longer_rival": float(
                any(key != core and (core in key or key in core) for key in map(core_of, _texts(ranked[1:])))
            ),
        }
        cells = self._cells(best)
        if cells:
            above, below = self._neighbours(cells)
            said["name_rest_of_line"] = _few(sum(len(c.tokens) for c in cells) - len(set(best.place)), 8)
            said["name_under_name"] = float(
                above is not None and could_be_name(above.text) and not _is_contact(above)
            )
            said["name_over_name"] = float(
                below is not None and could_be_name(below.text) and not _is_contact(below)
            )
            said["name_over_address"] = float(below is not None and _is_contact(below))
        return said

    def _address(self, best: Candidate) -> dict[str, float]:
        text = best.value
        said = {
            "address_postcode": float(bool(POSTCODE.search(text))),
            "address_street": float(bool(STREET.search(text))),
            "address_digits": float(any(c.isdigit() for c in text)),
            "address_begins": float(bool(_ADDRESS_BEGINS.match(text))),
            "address_contact": float(bool(CONTACT.search(text))),
            "address_name": float(bool(LEGAL_SUFFIX.search(text))),
            "address_time": float(bool(re.search(r"\d:\d\d|(?:19|20)\d\d ?\d\d:|#", text))),
            "address_glued": float(bool(_GLUED_WORDS.search(text))),
        }
        cells = self._cells(best)
        if cells:
            above, below = self._neighbours(cells)
            said["address_goes_on"] = float(
                below is not None and bool(POSTCODE.search(below.text) or STREET.search(below.text))
            )
            said["address_began_above"] = float(
                above is not None and bool(STREET.search(above.text) or re.search(r"\d", above.text))
            )
        return said

    def _number(self, name: str, text: str) -> dict[str, float]:
        digits = sum(c.isdigit() for c in text)
        return {
            "number_without_digit": float(digits == 0),
            "number_short": float(digits < 3),
            "number_small_letters": float(any(c.islower() for c in text)),
            "number_spaced": float(" " in text),
            "number_like_date": float(bool(re.fullmatch(r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}", text))),
            "number_like_letters": float(digits > 0 and any(c in "OIlSBZ" for c in text)),
            "number_times": _few(self._times["id", text], 4),
            "number_claimed": float(
                any(
                    other != name and FIELDS[other].kind == "id" and found and found[0].value == text
                    for other, found in self._by_rules.items()
                )
            ),
        }

    def _date(self, best: Candidate) -> dict[str, float]:
        text = best.text
        cells = self._cells(best)
        figures = re.escape(text)
        in_words = bool(_MONTH_NAME.search(text))
        return {
            "dates": _few(len({v.value for v in self._document.values if v.kind == "date"}), 6),
            "date_times": _few(self._times["date", best.value], 4),
            "date_other_decade": float(not _YEARS[0] <= best.value[:4] <= _YEARS[1]),
            "date_swappable": float(bool(best.swapped)),
            "date_short_year": float(not in_words and not re.search(r"\d{4}", text)),
            "date_spaced": float(not in_words and bool(re.search(r"\d\s|\s\d", text))),
            "date_year_first": float(
                bool(re.match(r"\d{2}[-./]\d{1,2}[-./]\d{1,2}$", text)) and best.value[2:4] == text[:2]
            ),
            # "HD03-04-06", "5/40/160": digits of a product code
            "date_within_word": float(
                any(re.search(rf"[A-Za-z0-9/-]{figures}|{figures}[0-9A-Za-z/-]", c.text) for c in cells)
            ),
            "date_beside_time": float(
                any(_TIME.search(self._pages[c.page].text_of_row(c.row)) for c in cells)
            ),
        }

    def _cells(self, candidate: Candidate) -> list[Cell]:
        """Return the cells in which a candidate stands, in reading order."""
        found = {id(self._cell[i]): self._cell[i] for i in candidate.place if i in self._cell}
        return sorted(found.values(), key=lambda c: (c.page, c.row, c.x0))

    def _neighbours(self, cells: Sequence[Cell]) -> tuple[Cell | None, Cell | None]:
        """Return the lines right above and right below some cells, in the same column."""
        first, last = cells[0], cells[-1]
        above = [
            c for c in self._pages[first.page].cells
            if -0.4 < first.y0 - c.y1 < _NEXT_LINE and abs(c.x0 - first.x0) < _SAME_COLUMN
        ]  # fmt: skip
        below = [
            c for c in self._pages[last.page].cells
            if -0.4 < c.y0 - last.y1 < _NEXT_LINE and abs(c.x0 - last.x0) < _SAME_COLUMN
        ]  # fmt: skip
        return (above[-1] if above else None), (below[0] if below else None)


def _few(count: int, most: int) -> float:
    """Return a count as a share (0..1) of what counts as many."""
    return min(max(count, 0), most) / most


def _texts(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.value for candidate in candidates]


def _is_domain_of(core: str, domain: str) -> bool:
    """Whether a web or e-mail domain is called like a name: "acme-supply" and "Acme Supply Co"."""
    return len(domain) >= 4 and (domain in core or core in domain or fuzz.partial_ratio(domain, core) >= 85)


def _is_contact(cell: Cell) -> bool:
    return bool(CONTACT.search(cell.text) or STREET.search(cell.text) or POSTCODE.search(cell.text))


def _is_same(name: str, one: str, other: str) -> bool:
    """Whether two values of a field say the same in other letters, so that they are no rivals."""
    if name in ("vendor_name", "customer_name"):
        return core_of(one) == core_of(other)
    if FIELDS[name].kind == "id":
        return re.sub(r"[\s\-./#]", "", one).upper() == re.sub(r"[\s\-./#]", "", other).upper()
    return " ".join(one.lower().split()) == " ".join(other.lower().split())
