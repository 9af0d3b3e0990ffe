"""The parties of a document: vendor, customer and job site, with their addresses and contacts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from extraction.reading.addresses import SALUTATION, address_candidate, address_lines, loose_addresses
from extraction.reading.anchors import Label
from extraction.reading.forms import filled_in_company, letterheads
from extraction.reading.header import Candidate
from extraction.reading.labelled_addresses import addresses_at_labels
from extraction.reading.lexicon import key_of
from extraction.reading.lines import Cell, Page, make_cell, union_box
from extraction.reading.names import (
    CONTACT,
    PARTIES,
    POSTCODE,
    Named,
    clean_name,
    core_of,
    could_be_name,
    is_label_text,
    opens_with_label,
    rest_of_sender_line,
)
from extraction.reading.party_blocks import named_at_labels
from extraction.reading.values import Value
from extraction.reading.vendors import find_vendors


@dataclass(frozen=True, slots=True)
class Parties:
    """Candidates per field, best first: vendor, customer, addresses, e-mail, phone."""

    candidates: Mapping[str, list[Candidate]]


def find_parties(
    pages: Sequence[Page], labels: Sequence[Label], values: Sequence[Value], in_table: frozenset[int]
) -> Parties:
    """Find the vendor, the customer and the job site with their addresses."""
    if not pages:
        return Parties({})
    labelled = {field: named_at_labels(field, labels, pages) for field in PARTIES}
    foreign = {
        c.tokens[0].index
        for field in ("customer_name", "ship_to_address")
        for n in labelled[field]
        for c in (n.cell, *n.lines)
    }
    payers = [named.name for named in labelled["customer_name"] if named.score > 0.6]
    company = filled_in_company(labelled["vendor_name"], labels)
    vendors = find_vendors(pages, labels, values, labelled["vendor_name"], foreign, in_table, payers, company)
    customers = labelled["customer_name"]
    if company is not None and not customers:
        customers = letterheads(vendors, pages[0])
    customers = customers or _unlabelled_customers(pages, vendors, in_table)
    found: dict[str, list[Candidate]] = {}
    vendor_cells: set[int] = set()
    if vendors:
        found["vendor_name"] = [_candidate(v.cell, v.name, v.score, v.label) for v in vendors[:5]]
        addresses = addresses_at_labels("~company_address", labels, pages, score=0.85)
        if company is not None and not addresses:
            addresses = addresses_at_labels("~address", labels, pages, score=0.75)
        for vendor in () if addresses else vendors[:1] if company is not None else vendors[:3]:
            rest = rest_of_sender_line(vendor.cell)
            if rest is not None:
                addresses.append(replace(address_candidate([vendor.cell], vendor.score * 0.9), value=rest))
                vendor_cells = vendor_cells or {vendor.cell.tokens[0].index}
                continue
            lines = address_lines(list(takewhile(lambda c: not SALUTATION.match(c.text), vendor.lines)))
            if lines:
                addresses.append(address_candidate(lines, vendor.score * 0.9))
                if vendor is vendors[0]:
                    vendor_cells = {c.tokens[0].index for c in lines}
        if not vendor_cells and company is None:
            addresses += loose_addresses(pages[0], foreign, in_table)
        if addresses:
            found["vendor_address"] = addresses[:4]
    if customers:
        vendor_key = key_of(vendors[0].name) if vendors else ""
        ranked = [c for c in customers if key_of(c.name) != vendor_key] or customers
        found["customer_name"] = [_candidate(c.cell, c.name, c.score, c.label) for c in _distinct(ranked)[:5]]
        for customer in ranked:
            lines = address_lines(customer.lines)
            if lines:
                found["customer_address"] = [address_candidate(lines, customer.score * 0.85)]
                break
    sites = addresses_at_labels("ship_to_address", labels, pages, score=0.85)
    for site in () if sites else labelled["ship_to_address"]:
        lines = address_lines((site.cell, *site.lines))
        if not lines:
            lines = list(takewhile(lambda c: not opens_with_label(c), (site.cell, *site.lines)))[:3]
        if lines:
            sites = [address_candidate(lines, site.score * 0.8)]
            break
    if sites:
        found["ship_to_address"] = sites[:4]
    _add_contacts(found, values, vendors, foreign, pages)
    return Parties(found)


def _candidate(cell: Cell, name: str, score: float, label: str) -> Candidate:
    ocr = min(t.confidence for t in cell.tokens)
    return Candidate(
        name,
        cell.text,
        min(score, 1.0),
        cell.page,
        union_box(cell.tokens),
        label,
        tuple(t.index for t in cell.tokens),
        ocr,
    )


def _distinct(named: Sequence[Named]) -> list[Named]:
    seen: dict[str, Named] = {}
    for one in named:
        seen.setdefault(key_of(one.name), one)
    return list(seen.values())


def _unlabelled_customers(
    pages: Sequence[Page], vendors: Sequence[Named], in_table: frozenset[int]
) -> list[Named]:
    """A letter's address field: a block of three lines and more in the upper third that ends in a postcode and town."""
    page = pages[0]
    vendor = core_of(vendors[0].name) if vendors else ""
    taken = {
        c.tokens[0].index
        for v in vendors[:1]
        for c in (v.cell, *(address_lines(v.lines) if rest_of_sender_line(v.cell) is None else ()))
    }
    found: list[Named] = []
    for town in page.cells:
        if (
            town.y0 > page.height * 0.45
            or not POSTCODE.search(town.text)
            or town.tokens[0].index in in_table
            or len(town.tokens) > 8
        ):
            continue
        stack = _stack_above(town, page)
        while stack and (
            core_of(stack[0].text) == vendor
            or rest_of_sender_line(stack[0]) is not None
            or is_label_text(stack[0].text)
            or not could_be_name(stack[0].text)
        ):
            stack = stack[1:]
        if len(stack) > 2 and re.match(
            r"(?i)^(?:herrn?|frau|firma|mr|mrs|ms|mme|m\.|monsieur|madame)\.?$", stack[0].text.strip()
        ):
            stack = [make_cell((*stack[0].tokens, *stack[1].tokens), stack[1].page, stack[1].row), *stack[2:]]
        if (
            len(stack) < 2
            or any(c.tokens[0].index in taken for c in stack)
            or (vendor and vendor in key_of(stack[0].text))
        ):
            continue
        if any(CONTACT.search(c.text) for c in stack):
            continue
        found.append(
            Named(
                stack[0],
                clean_name(stack[0].text),
                0.5 - 0.1 * (stack[0].y0 / page.height),
                "",
                (*stack[1:], town),
            )
        )
    return sorted(found, key=lambda n: -n.score)


def _stack_above(town: Cell, page: Page) -> list[Cell]:
    """Return the lines that stand over a town's line with the same left edge, top first."""
    stack: list[Cell] = []
    upper = town
    for row in reversed(page.rows[: town.row]):
        line = next((c for c in row if abs(c.x0 - town.x0) < 0.8), None)
        if line is None:
            if upper.y0 - max(c.y1 for c in row) > 2.6:
                break
            continue
        if upper.y0 - line.y1 > 2.6 or len(stack) == 5:
            break
        stack.insert(0, line)
        upper = line
    return stack


def _add_contacts(
    found: dict[str, list[Candidate]],
    values: Sequence[Value],
    vendors: Sequence[Named],
    foreign: set[int],
    pages: Sequence[Page],
) -> None:
    """Give the vendor the e-mail addresses and telephones that don't stand in the customer's block."""
    names = {core_of(v.name) for v in vendors[:2]}
    for kind, field in (("email", "vendor_email"), ("phone", "vendor_phone")):
        candidates = []
        for value in values:
            if value.kind != kind or value.span.cell.tokens[0].index in foreign:
                continue
            if kind == "phone" and re.search(
                r"(?i)\bfax\b|telefax", value.span.cell.text.split(value.text)[0][-12:]
            ):
                continue
            score = (
                0.6
                if value.span.y0 < pages[0].height * 0.35 or value.span.y0 > pages[0].height * 0.8
                else 0.45
            )
            if kind == "email" and any(n and n[:6] in key_of(value.value.split("@")[1]) for n in names):
                score = 0.9
            candidates.append(
                Candidate(
                    value.value,
                    value.text,
                    score - 0.05 * value.page,
                    value.page,
                    value.box,
                    "",
                    tuple(t.index for t in value.span.tokens),
                    value.confidence,
                )
            )
        if candidates:
            found[field] = sorted(candidates, key=lambda c: -c.score)[:4]
