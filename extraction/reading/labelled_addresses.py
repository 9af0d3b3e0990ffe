"""Addresses that stand at a label of their own: the job site, and the company's address on a filled-in form."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extraction.reading.addresses import address_candidate, address_lines
from extraction.reading.anchors import Label
from extraction.reading.header import Candidate
from extraction.reading.lines import Cell, Page, make_cell
from extraction.reading.names import IN_ADDRESSES, POSTCODE, STREET, names_town, opens_with_label
from extraction.reading.party_blocks import lines_below

# An address beside its label stands at most this far right of it, in em; one under it within two lines.
_FARTHEST_RIGHT = 16.0
_FARTHEST_BELOW = 3.5
_HOUSE = re.compile(r"^[^\W\d][^\d]{3,40} \d{1,4} ?[a-zA-Z]?$")  # "Am Hang 70", without a word for street
_POST_BOX = re.compile(r"(?i)^\W*(?:p\.?\s?o\.?\s?box|postfach|apartado|b\.?p\.?)\s*\d")


def looks_like_address(text: str) -> bool:
    """Whether one line could be an address or begin one: a number with a street, a town with its code, a post box."""
    street = any(c.isdigit() for c in text) and STREET.search(text) is not None
    return street or POSTCODE.search(text) is not None or _POST_BOX.match(text) is not None


def addresses_at_labels(
    name: str, labels: Sequence[Label], pages: Sequence[Page], *, score: float
) -> list[Candidate]:
    """Return the addresses that labels of ``name`` speak of, best first.

    :param name: a field, or ``~`` and the name of a group of other labels.
    :param score: what an address directly after a strong label's colon counts.
    """
    found = []
    for label in labels:
        strength = label.strength_of(name)
        if strength < 0.5:
            continue
        page = next(p for p in pages if p.number == label.cell.page)
        first, closeness = _first_line(label, labels, page)
        if first is None:
            continue
        block = [first]
        if not names_town(first.text):
            block += lines_below(first, page, x0=first.x0)
        lines = address_lines(block) or [first]
        found.append(address_candidate(lines, score * strength * closeness))
    return sorted(found, key=lambda c: -c.score)


def _first_line(label: Label, labels: Sequence[Label], page: Page) -> tuple[Cell | None, float]:
    """Return the line that begins the address, and how closely (0..1) it stands at the label."""
    following = [
        k.first
        for k in labels
        if k.cell is label.cell
        and k.first > label.last
        and not any(m.name in IN_ADDRESSES for m in k.meanings)
    ]
    end = min(following, default=len(label.cell.tokens))
    rest = [t for t in label.cell.tokens[label.last + 1 : end] if re.search(r"\w", t.text)]
    if rest:
        cell = make_cell(rest, label.cell.page, label.cell.row)
        return (cell, 1.0 if label.colon else 0.9) if looks_like_address(cell.text) else (None, 0.0)
    if following:
        return None, 0.0
    for cell in page.rows[label.cell.row]:
        if cell.x0 > label.x1:
            if cell.x0 - label.x1 < _FARTHEST_RIGHT and looks_like_address(cell.text):
                return cell, 0.95
            break
    below = lines_below(label.cell, page, x0=label.x0, limit=3)
    for k, cell in enumerate(below[:2]):
        if cell.y0 - label.y1 > _FARTHEST_BELOW or opens_with_label(cell):
            break
        over_town = len(below) > k + 1 and names_town(below[k + 1].text)
        if looks_like_address(cell.text) or (over_town and _HOUSE.match(cell.text)):
            return cell, 0.85
    return None, 0.0
