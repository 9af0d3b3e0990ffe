"""Addresses among the lines of a block."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extraction.fields import collapse
from extraction.reading.header import Candidate
from extraction.reading.lines import Cell, Page, union_box
from extraction.reading.names import (
    CONTACT,
    COUNTRY,
    HOUSE_NUMBER,
    POSTCODE,
    REGION,
    STREET,
    is_label_cell,
    names_town,
    opens_with_label,
)

# What stands in a form's next box, whose label was not recognised.
_DATE = re.compile(r"\W*\d{1,2}([/.-])\d{1,2}\1\d{2,4}\W*$")


def address_candidate(lines: Sequence[Cell], score: float) -> Candidate:
    """Write lines as one address, parted by commas."""
    text = ", ".join(c.text.strip(" ,;") for c in lines)
    tokens = [t for c in lines for t in c.tokens]
    ocr = min(t.confidence for t in tokens)
    return Candidate(
        collapse(text),
        text,
        min(score, 1.0),
        lines[0].page,
        union_box(tokens),
        "",
        tuple(t.index for t in tokens),
        ocr,
    )


def address_lines(lines: Sequence[Cell]) -> list[Cell]:
    """Keep the lines that make up an address: up to the town (and country), without phone, e-mail and labels."""
    kept: list[Cell] = []
    proven = False
    for cell in lines[:7]:
        text = cell.text.strip()
        if re.match(
            r"^\W*(?:\(?(?:co\.?|company|br|reg)\b.*)?[A-Z]{0,3}\d{5,}\s?-?[A-Z]?\W*$", text, re.IGNORECASE
        ) or re.match(r"^\(.{0,30}\)?$", text):
            continue  # a registration number under the name
        if re.search(r"\d{1,2}:\d{2}\b", text) or re.match(r"^[^\W\d][\w. ]{1,14}:\s*\S+$", text):
            continue  # the time of a sale, "Site: 2395"
        numbered = HOUSE_NUMBER.match(text) is not None
        labelled = opens_with_label(cell) and not numbered
        if kept and (labelled or _DATE.match(text)):
            break
        if (
            CONTACT.search(text)
            or labelled
            or (is_label_cell(cell) and not numbered and not _goes_on(text, kept))
        ):
            if proven or len(kept) > 2:
                break
            continue
        street = bool(STREET.search(text)) and any(ch.isdigit() for ch in text)
        town = names_town(text)
        if proven:
            # after the town: its region, the country, or another line of it
            short = not any(ch.isdigit() for ch in text) and len(text.split()) <= 3
            if not (street or town or short or COUNTRY.match(text) or REGION.search(text)):
                break
        kept.append(cell)
        proven = proven or town
        if proven and COUNTRY.match(text):
            break
    while kept and not (any(ch.isdigit() for ch in kept[0].text) or STREET.search(kept[0].text)):
        kept = kept[1:]
    known = any(POSTCODE.search(c.text) or STREET.search(c.text) for c in kept)
    if not known and not (len(kept) > 1 and HOUSE_NUMBER.match(kept[0].text.strip())):
        return []
    last = max(
        (
            k
            for k, c in enumerate(kept)
            if any(ch.isdigit() for ch in c.text) or COUNTRY.match(c.text.strip()) or REGION.search(c.text)
        ),
        default=len(kept) - 1,
    )
    return kept[: last + 1]


def _goes_on(text: str, kept: Sequence[Cell]) -> bool:
    """Whether a line is the next part of an address that ended in a comma or does so itself: "SETAPAK,"."""
    return bool(kept) and ":" not in text and (text.endswith(",") or kept[-1].text.rstrip().endswith(","))


# Begins the window of a letter's envelope: what follows is the payer, however close it stands to the sender.
SALUTATION = re.compile(
    r"(?i)^(?:herrn?|frau|familie|firma|an|monsieur|madame|m\.|mme|mr|mrs|ms|dhr|mevr|sig|sig\.ra|spett\.le|sr|sra)\b[.:]?"
    r"(?:\s+(?:und|et|and|y|e)\s+\w+)?\s*$"
)
_TO_THE_PAYER = 0.6  # what the address of such a window counts as the vendor's


def loose_addresses(page: Page, foreign: set[int], in_table: frozenset[int]) -> list[Candidate]:
    """Find addresses that stand apart from the vendor's name: head or foot of the first page."""
    found = []
    for block in page.blocks:
        usable = [c for c in block if c.tokens[0].index not in foreign and c.tokens[0].index not in in_table]
        lines = address_lines(usable)
        if lines and any(names_town(c.text) for c in lines):
            score = 0.4 if lines[0].y0 < page.height * 0.35 else 0.3
            to_payer = any(SALUTATION.match(c.text) for c in block if c.y0 < lines[0].y0)
            found.append(address_candidate(lines, score * _TO_THE_PAYER if to_payer else score))
    return sorted(found, key=lambda c: -c.score)
