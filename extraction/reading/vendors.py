"""Who wants to be paid.

The vendor is scored among all lines that could be a name, from independent evidence: a label, letter
size, place at the top, a legal suffix, an address underneath, the e-mail or web domain, and
being named again elsewhere on the page. Blocks that a label gives to the customer are kept out.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import replace

from extraction.reading.anchors import Label
from extraction.reading.lexicon import key_of
from extraction.reading.lines import Cell, Page, make_cell
from extraction.reading.names import (
    CONTACT,
    LEGAL_SUFFIX,
    POSTCODE,
    STREET,
    TRADE,
    Named,
    clean_name,
    core_of,
    could_be_name,
    is_label_text,
    is_title,
    name_pieces,
    opens_with_label,
)
from extraction.reading.party_blocks import lines_below
from extraction.reading.values import Value

# Two names that begin with this many equal letters are taken for one company (Microsoft Corp, MICROSOFT LTD).
_SAME_COMPANY = 8
# Whoever fills in "Company name" on a form wants to be paid, whatever letterhead the form has.
_FILLED_IN = 1.5


def find_vendors(
    pages: Sequence[Page],
    labels: Sequence[Label],
    values: Sequence[Value],
    labelled: Sequence[Named],
    foreign: set[int],
    in_table: frozenset[int],
    customers: Sequence[str],
    filled_in: Named | None = None,
) -> list[Named]:
    """Score every line that could be the vendor's name.

    :param labelled: names that stand at a vendor's label.
    :param foreign: indexes of the first tokens of cells that belong to other parties.
    :param customers: names of the payers, who are not the vendor.
    :param filled_in: the one of ``labelled`` that was filled in on a printed form.
    :returns: the six best, with scores between 0 and 1.
    """
    first = pages[0]
    cells = first.cells
    if not cells:
        return list(labelled)
    usual = statistics.median(c.height for c in cells)
    label_tokens = {
        t.index for label in labels for t in label.tokens if max(m.strength for m in label.meanings) >= 0.6
    }
    domains = _domains(values, pages)
    folded = [key_of(c.text) for p in pages for c in p.cells]
    scored: list[Named] = []
    top_rank = 0
    for cell in cells:
        if cell.y0 > first.height * 0.42 and not LEGAL_SUFFIX.search(cell.text):
            continue
        if cell.tokens[0].index in foreign or any(t.index in in_table for t in cell.tokens):
            continue
        for piece in () if opens_with_label(cell) else name_pieces(cell):
            if is_title(piece) or not key_of(LEGAL_SUFFIX.sub("", piece)):
                continue
            name = clean_name(piece)
            if not could_be_name(name) or is_label_text(name) or name.rstrip().endswith(":"):
                continue
            if sum(t.index in label_tokens for t in cell.tokens) > 0.5 * len(cell.tokens):
                continue
            score = _vendor_score(cell, name, first, usual, domains, folded, top_rank)
            scored.append(Named(cell, name, score, "", tuple(lines_below(cell, first, x0=cell.x0))))
        top_rank += 1
    for upper, lower in _wrapped_names(cells, first):
        if any(
            c.tokens[0].index in foreign or any(t.index in in_table for t in c.tokens) for c in (upper, lower)
        ):
            continue
        whole = make_cell((*upper.tokens, *lower.tokens), upper.page, upper.row)
        name = clean_name(whole.text)
        rank = upper.row
        score = _vendor_score(upper, name, first, usual, domains, folded, rank) + 0.15
        scored.append(Named(whole, name, score, "", tuple(lines_below(lower, first, x0=lower.x0))))
    for named in labelled:
        text = named.label.lower()
        bonus = 0.3 if LEGAL_SUFFIX.search(named.name) else 0.1
        sure = (
            0.55
            if any(
                w in text
                for w in (
                    "payable",
                    "vendor",
                    "seller",
                    "lieferant",
                    "verk",
                    "fournisseur",
                    "from",
                    "vendeur",
                    "supplier",
                    "company",
                    "compañ",
                    "contractor",
                    "proveedor",
                    "remit",
                )
            )
            else 0.35
        )
        bonus += _FILLED_IN if named is filled_in else 0.0
        scored.append(Named(named.cell, named.name, named.score * sure + bonus, named.label, named.lines))
    # the same name found in several ways is surer than any of them
    best: dict[str, Named] = {}
    for named in sorted(scored, key=lambda n: -n.score):
        key = core_of(named.name)
        if key in best:
            held = best[key]
            best[key] = Named(
                held.cell,
                held.name,
                held.score + 0.35 * max(named.score, 0),
                held.label,
                held.lines or named.lines,
            )
        else:
            best[key] = named
    payers = {core_of(name)[:_SAME_COMPANY] for name in customers}
    for key, named in best.items():
        if len(key) >= 5 and key[:_SAME_COMPANY] in payers:
            best[key] = replace(named, score=named.score - 1.0)
    ranked = _prefer_whole_name(sorted(best.values(), key=lambda n: -n.score))
    return [
        Named(n.cell, n.name, 1 / (1 + math.exp(-3.2 * (n.score - 0.75))), n.label, n.lines)
        for n in ranked[:6]
    ]


def _prefer_whole_name(ranked: list[Named]) -> list[Named]:
    """Put the whole name before a logo that shows a part of it ("azure" before "Azure Interior")."""
    if not ranked:
        return ranked
    first, core = ranked[0], core_of(ranked[0].name)
    for other in ranked[1:4]:
        longer = core_of(other.name)
        if (
            3 <= len(core) < len(longer)
            and core in longer
            and len(other.name.split()) <= 6
            and other.score > 0.4 * first.score
        ):
            whole = replace(other, score=first.score + 0.2 * other.score)
            return [whole, *(n for n in ranked if n is not other)]
    return ranked


def _wrapped_names(cells: Sequence[Cell], page: Page) -> list[tuple[Cell, Cell]]:
    """Pairs of lines that are one name: an open bracket or "&" at the end, or only the legal form on the second."""
    pairs = []
    for upper in cells:
        if (
            upper.y0 > page.height * 0.4
            or upper.row + 1 >= len(page.rows)
            or not could_be_name(upper.text)
            or is_label_text(upper.text)
        ):
            continue
        for lower in page.rows[upper.row + 1]:
            close = lower.y0 - upper.y1 < 1.2 and 0.6 < lower.height / upper.height < 1.6
            aligned = abs(lower.cx - upper.cx) < 3 or abs(lower.x0 - upper.x0) < 1
            if not close or not aligned:
                continue
            open_end = upper.text.count("(") > upper.text.count(")") or re.search(
                r"(?:&|\band|\by|\bund|\bet)$", upper.text.strip(), re.IGNORECASE
            )
            form_only = (
                LEGAL_SUFFIX.search(lower.text)
                and len(core_of(re.sub(r"\([^)]*\)", "", lower.text))) <= 3
                and not LEGAL_SUFFIX.search(upper.text)
            )
            bare_form = (
                LEGAL_SUFFIX.search(lower.text)
                and not key_of(LEGAL_SUFFIX.sub("", re.sub(r"\([^)]*\)|\d", "", lower.text)))
                and not LEGAL_SUFFIX.search(upper.text)
            )
            if open_end or form_only or bare_form:
                pairs.append((upper, lower))
    return pairs


def _domains(values: Sequence[Value], pages: Sequence[Page]) -> set[str]:
    found = set()
    for page in pages:
        for cell in page.cells:
            for match in re.finditer(r"(?i)(?:@|www\.|https?://)\s?([\w-]+)\.", cell.text):
                found.add(key_of(match[1]))
    return {
        d
        for d in found
        if d
        not in (
            "gmail",
            "yahoo",
            "hotmail",
            "outlook",
            "aol",
            "icloud",
            "www",
            "example",
            "test",
            "gmx",
            "web",
            "mail",
            "facebook",
        )
    }


def _vendor_score(
    cell: Cell, name: str, page: Page, usual: float, domains: set[str], folded: Sequence[str], rank: int
) -> float:
    size = min(cell.height / usual, 2.5)
    core = core_of(name)
    score = 0.25 * (size - 1.0) if size > 1 else 0.3 * (size - 1)
    score += 0.42 * math.exp(-rank / 4)
    score += 0.2 * max(0.0, 1 - cell.y0 / (page.height * 0.35))
    if LEGAL_SUFFIX.search(name) and len(core) >= 3:
        score += 0.75
    elif TRADE.search(name):
        score += 0.25
    if len(core) >= 4:
        if any(core in d or (len(d) >= 4 and d in core) for d in domains):
            score += 0.45
        again = sum(core in other for other in folded) - 1
        score += 0.2 * min(max(again, 0), 2)
    below = lines_below(cell, page, x0=cell.x0, limit=4)
    if any(STREET.search(c.text) or POSTCODE.search(c.text) for c in below[:3]):
        score += 0.25
    words = name.split()
    if len(words) > 7:
        score -= 0.35
    if any(c.isdigit() for c in name):
        score -= 0.25
    if re.search(r"(?i)\b(?:your|please|thank|you|we|are|is|for|this|bitte|vous|wir)\b", name):
        score -= 0.35
    if name.islower():
        score -= 0.15
    if STREET.search(name) and not LEGAL_SUFFIX.search(name):
        score -= 0.35
    if cell.x0 > page.width * 0.55 and size < 1.2:
        score -= 0.08
    if CONTACT.search(name):
        score -= 0.4
    if re.search(r"(?i)\bformerly\b|\blicen[sc]ee\b", cell.text):
        score -= 0.4
    if re.fullmatch(r"[A-Z]{3}|EUR.*", name):
        score -= 0.5
    return score
