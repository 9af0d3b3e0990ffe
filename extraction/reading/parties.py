"""Who wants to be paid, who is to pay, and where they are.

The vendor is scored among all lines that could be a name, from independent evidence: a label, letter
size, place at the top, a legal suffix, an address underneath, the e-mail or web domain, and
being named again elsewhere on the page. Blocks that a label gives to the customer are kept out.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from extraction.fields import collapse
from extraction.reading.anchors import Label
from extraction.reading.header import Candidate
from extraction.reading.lexicon import fold, fuzzy_meanings_of, key_of, meanings_of, phrase_meanings
from extraction.reading.lines import Cell, Page, make_cell, union_box
from extraction.reading.values import Value

LEGAL_SUFFIX = re.compile(
    r"(?i)(?<![\w.])(?:inc|llc|l\.l\.c|ltd|limited|corp|corporation|co|company|gmbh|ag|kg|ohg|e\.?\s?k|ug"
    r"|s\.?a\.?r\.?l|sas|s\.a\.s|sasu|eurl|s\.?a|b\.?v|n\.?v"
    r"|s\.?r\.?l|s\.?p\.?a|s\.?l|s\.a\. de c\.v|pty|pte|pvt|plc|llp|lp|sdn\.? bhd|bhd|lda|ltda|s/b"
    r"|enterprise|enterprises|trading|a\.g|gbr|mbh|e\.?v|oy|ab|a/s|aps)"
    r"\.?(?![\w])"
)
_TRADE = re.compile(
    r"(?i)\b(?:construction|plumbing|electric(?:al)?|roofing|concrete|supply|supplies|services?|solutions"
    r"|systems|contractors?|contracting|builders|building|rentals?|painting"
    r"|restaurants?|hardware|market|mart|store|restoran|kedai|perniagaan|materials|lumber|industries|group"
    r"|consulting|technologies|construcci[oó]n|landscaping|flooring|drywall"
    r"|masonry|mechanical|hvac|heating|cooling|logistics|shop|caf[eé]|bakery|stationery|book|pharmacy|motor"
    r"|garden|trading|enterprise)\b"
)
_TITLE = re.compile(
    r"(?i)^(?:tax |vat |sales |commercial |proforma |pro forma |simplified |copy |original |kopie "
    r"|duplicate |handels)*"
    r"(?:invoice|facture|\w*rechnung\w*|factura|factuur|fattura|fatura|receipt|bill|statement|estimate|quote"
    r"|quotation|credit note|credit memo|gutschrift|purchase order|order|cash sale|page|seite|logo"
    r"|delivery note|lieferschein|recibo|presupuesto|angebot|devis|your logo|logo here|welcome|original"
    r"|copy|duplicate|thank you.*|gst.*|stylesheet.*|original for recipient)"
    r"(?:\s*(?:#|no\.?|n°|nr\.?|:).*|\s+(?:for recipient|original|copy))?$"
)
_STREET = re.compile(
    r"(?i)\b(?:street|st|road|rd|ave|avenue|drive|dr|lane|ln|blvd|boulevard|way|court|ct|parkway|pkwy|suite"
    r"|ste|floor|highway|hwy|circle|plaza|square|place|pl|box|unit|terrace|trail"
    r"|rue|chemin|all[ée]e|place|cedex|str|stra[sß]e|platz|allee|gasse|weg|ring|straat|laan|plein|via|viale"
    r"|piazza|calle|avenida|av|carrera|col|rua|jalan|jln|lot|taman|kawasan|lorong|bandar|level|batu"
    r"|persiaran|lebuh|seksyen|kampung)\b\.?"
    r"|\w+(?:stra(?:ss|ß)e|str\.|weg|gasse|platz|allee|straat|laan)\b"
)
_POSTCODE = re.compile(
    r"\b[A-Z]{2}\.?,?\s+\d{5}(?:-\d{4})?\b|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
    r"|\b[A-Z]\d[A-Z]\s?\d[A-Z]\d\b|\b(?:[A-Z]{1,2}[- ])?\d{4,6}\s+[^\W\d]{3,}|\b\d{5}[A-ZÄÖÜ][a-zäöüß]{2,}|\b\d{4}\s?[A-Z]{2}\b"
    r"|[^\W\d]{3,},?\s+\d{5,6}\b"
)
_COUNTRY = re.compile(
    r"(?i)^(?:united states(?: of america)?|usa|us|u\.s\.a\.?|united kingdom|uk|england|canada|france"
    r"|germany|deutschland|nederland|netherlands|belgium|belgi[eë]|espa[nñ]a|spain|italia|italy|portugal"
    r"|malaysia|singapore|india|australia|m[ée]xico|[öo]sterreich|schweiz|suisse)\.?$"
)
_REGION = re.compile(
    r"(?i)\b(?:selangor|johor|kuala lumpur|darul|penang|pulau pinang|perak|melaka|sabah|sarawak|wilayah"
    r"|malaysia|negeri|new south wales|victoria|queensland|ontario|qu[eé]bec"
    r"|alberta|british columbia|maharashtra|karnataka|tamil nadu|gujarat|delhi|california|texas|florida"
    r"|new york|washington|illinois)\b"
)
_CONTACT = re.compile(
    r"(?i)\b(?:tel|telephone|phone|fax|mobile|e-?mail|www|https?|tax id|gst|vat|gstin|ust|tva|btw|reg\.? no"
    r"|roc|iban|bic|siret|siren|ein|abn|co\.? no|co\.? reg|license|hrb|invoice|date|account|page"
    r"|steuernummer|gln|cashier|federal)\b|@|www\.|📞|📧"
)
# Two names that begin with this many equal letters are taken for one company (Microsoft Corp, MICROSOFT LTD).
_SAME_COMPANY = 8
_PARTY = ("customer_name", "ship_to_address", "vendor_name")


@dataclass(frozen=True, slots=True)
class Parties:
    """Candidates per field, best first: vendor, customer, addresses, e-mail, phone."""

    candidates: Mapping[str, list[Candidate]]


@dataclass(frozen=True, slots=True)
class _Named:
    cell: Cell
    name: str
    score: float
    label: str
    lines: tuple[Cell, ...]


def find_parties(
    pages: Sequence[Page], labels: Sequence[Label], values: Sequence[Value], in_table: frozenset[int]
) -> Parties:
    """Find the vendor, the customer and the job site with their addresses."""
    if not pages:
        return Parties({})
    labelled = {field: _labelled(field, labels, pages) for field in _PARTY}
    foreign = {
        c.tokens[0].index
        for field in ("customer_name", "ship_to_address")
        for n in labelled[field]
        for c in (n.cell, *n.lines)
    }
    payers = [named.name for named in labelled["customer_name"]]
    vendors = _vendors(pages, labels, values, labelled["vendor_name"], foreign, in_table, payers)
    customers = labelled["customer_name"] or _unlabelled_customers(pages, vendors, in_table)
    found: dict[str, list[Candidate]] = {}
    vendor_cells: set[int] = set()
    if vendors:
        found["vendor_name"] = [_candidate(v.cell, v.name, v.score, v.label) for v in vendors[:5]]
        addresses = []
        for vendor in vendors[:3]:
            rest = _rest_of_sender_line(vendor.cell)
            if rest is not None:
                addresses.append(replace(_address([vendor.cell], vendor.score * 0.9), value=rest))
                vendor_cells = vendor_cells or {vendor.cell.tokens[0].index}
                continue
            lines = _address_lines(vendor.lines)
            if lines:
                addresses.append(_address(lines, vendor.score * 0.9))
                if vendor is vendors[0]:
                    vendor_cells = {c.tokens[0].index for c in lines}
        if not vendor_cells:
            addresses += _loose_addresses(pages[0], foreign, in_table)
        if addresses:
            found["vendor_address"] = addresses[:4]
    if customers:
        vendor_key = key_of(vendors[0].name) if vendors else ""
        ranked = [c for c in customers if key_of(c.name) != vendor_key] or customers
        found["customer_name"] = [_candidate(c.cell, c.name, c.score, c.label) for c in _distinct(ranked)[:5]]
        for customer in ranked:
            lines = _address_lines(customer.lines)
            if lines:
                found["customer_address"] = [_address(lines, customer.score * 0.85)]
                break
    for site in labelled["ship_to_address"]:
        lines = _address_lines((site.cell, *site.lines)) or list((site.cell, *site.lines)[:3])
        found["ship_to_address"] = [_address(lines, site.score * 0.8)]
        break
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


def _distinct(named: Sequence[_Named]) -> list[_Named]:
    seen: dict[str, _Named] = {}
    for one in named:
        seen.setdefault(key_of(one.name), one)
    return list(seen.values())


def _address(lines: Sequence[Cell], score: float) -> Candidate:
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


# --- blocks at a label ------------------------------------------------------------------------------


def _labelled(field: str, labels: Sequence[Label], pages: Sequence[Page]) -> list[_Named]:
    by_number = {p.number: p for p in pages}
    found = []
    for label in labels:
        strength = label.strength_of(field)
        if strength < 0.35:
            continue
        if strength <= 0.5 and not (label.colon or label.ends_cell):
            continue
        named = _name_at(label, by_number[label.cell.page], strength)
        if named is not None:
            found.append(named)
    return sorted(found, key=lambda n: -n.score)


def _name_at(label: Label, page: Page, strength: float) -> _Named | None:
    specific = 0.12 if "name" in fold(label.text) or "nombre" in fold(label.text) else 0.0
    rest = [t for t in label.cell.tokens[label.last + 1 :] if re.search(r"\w", t.text)]
    if rest:
        text = collapse(" ".join(t.text for t in rest))
        if not label.colon and not (
            strength == 1 and label.first == 0 and (label.last > 0 or not LEGAL_SUFFIX.search(text))
        ):
            return None
        if _could_be_name(text) and not _is_label_text(text) and not text[0].islower():
            lines = _below(label.cell, page, x0=rest[0].x0)
            factor = 0.85 if label.colon else 0.55
            cell = _part(label.cell, label.last + 1)
            return _Named(cell, _clean(text), strength * factor + specific, label.text, tuple(lines))
        return None
    form = _name_in_form(label, page, strength)
    if form is not None:
        return form
    right = [c for c in page.rows[label.cell.row] if c.x0 > label.x1]
    below = _below(label.cell, page, x0=label.x0)
    if (
        right
        and right[0].x0 - label.x1 < 14
        and not _is_label_cell(right[0])
        and _could_be_name(right[0].text)
        and (not below or label.colon or not _could_be_name(below[0].text) or _is_label_cell(below[0]))
    ):
        lines = _below(right[0], page, x0=right[0].x0)
        return _Named(right[0], _clean(right[0].text), strength * 0.8 + specific, label.text, tuple(lines))
    for k, cell in enumerate(below[:3]):
        if _is_label_cell(cell):
            # a form inside the block: "Customer | Henry Ross"
            beside = [c for c in page.rows[cell.row] if c.x0 > cell.x1 and c.x0 - cell.x1 < 14]
            if (
                beside
                and _could_be_name(beside[0].text)
                and re.search(r"(?i)name|customer|client|recipient|company|kunde|cliente|attn", cell.text)
            ):
                return _Named(
                    beside[0], _clean(beside[0].text), strength * 0.8, label.text, tuple(below[k + 1 :])
                )
            continue
        if _could_be_name(cell.text):
            return _Named(
                cell, _clean(cell.text), strength * 0.8 + specific, label.text, tuple(below[k + 1 :])
            )
    return None


_NAME_LABEL = re.compile(
    r"(?i)^(?:name|company|company name|firma|customer|customer name|client|recipient|nombre|nom|kunde"
    r"|cliente|organi[sz]ation|business name|naam|soci[eé]t[eé])\s*:?$"
)


def _name_in_form(label: Label, page: Page, strength: float) -> _Named | None:
    """Read a heading over rows of label and value ("Seller" / "Number: 12" / "Name: A Ltd" / "Address: ...")."""
    bottom, pairs = label.y1, 0
    for row in page.rows[label.cell.row + 1 : label.cell.row + 9]:
        head = next((c for c in row if abs(c.x0 - label.x0) < 1.6), None)
        if head is None:
            continue
        if head.y0 - bottom > 3.5 or _is_party_heading(head):
            return None
        bottom = head.y1
        colon = head.text.find(":")
        if 0 <= colon < len(head.text) - 1:
            pairs += 1
            if _NAME_LABEL.match(head.text[:colon].strip()) and _could_be_name(head.text[colon + 1 :]):
                first = (
                    next(k for k, s in enumerate(head.starts) if s > colon)
                    if any(s > colon for s in head.starts)
                    else 0
                )
                cell = _part(head, first)
                return _Named(
                    cell,
                    _clean(head.text[colon + 1 :]),
                    strength * 0.9,
                    label.text,
                    tuple(_form_address(page, head)),
                )
            continue
        if not _is_label_cell(head):
            return None
        pairs += 1
        value = next((c for c in row if c.x0 > head.x1), None)
        if value is not None and _NAME_LABEL.match(head.text.strip()) and _could_be_name(value.text):
            lines = [c for r in page.rows[value.row - 1 : value.row] for c in r if abs(c.x0 - value.x0) < 0.6]
            joined = (
                bool(lines)
                and LEGAL_SUFFIX.search(value.text) is not None
                and _could_be_name(lines[0].text)
                and not any(c.x1 < value.x0 for c in page.rows[value.row - 1])
            )
            name = f"{lines[0].text} {value.text}" if joined else value.text
            return _Named(
                value,
                _clean(name),
                strength * 0.9,
                label.text,
                tuple(_below(value, page, x0=value.x0, wide=True)),
            )
    return None


def _form_address(page: Page, head: Cell) -> list[Cell]:
    return _below(head, page, x0=head.x0)


def _is_party_heading(cell: Cell) -> bool:
    """Whether a cell is nothing but the heading of another party's block."""
    meanings = phrase_meanings(cell.text)
    return any(m.name in _PARTY and m.strength >= 0.9 for m in meanings) and not _NAME_LABEL.match(
        cell.text.strip()
    )


def _part(cell: Cell, first: int) -> Cell:
    return make_cell(cell.tokens[first:], cell.page, cell.row)


def _below(cell: Cell, page: Page, *, x0: float, limit: int = 7, wide: bool = False) -> list[Cell]:
    """Return the cells that stand under a cell as one block: same left edge, small gaps.

    :param wide: allow gaps of up to three lines, as between the rows of a form.
    """
    lines: list[Cell] = []
    bottom, height = cell.y1, cell.height
    for row in page.rows[cell.row + 1 :]:
        near = [c for c in row if abs(c.x0 - x0) < 1.6 or (lines and abs(c.x0 - lines[0].x0) < 1.0)]
        if not near:
            inside = [c for c in row if c.x0 < x0 + 6 and c.x1 > x0 - 1 and abs(c.cx - cell.cx) < 2]
            if not inside:
                if min(c.y0 for c in row) - bottom > 2.2 * max(height, 1.0):
                    break
                continue
            near = inside
        line = near[0]
        gap = line.y0 - bottom
        if (
            (gap > (2.2 if not lines else 1.5) * max(height, 1.0) and gap > 1.6 and not wide)
            or gap > 3.2
            or _is_party_heading(line)
        ):
            break
        lines.append(line)
        bottom, height = line.y1, line.height
        if len(lines) == limit:
            break
    return lines


def _is_label_cell(cell: Cell) -> bool:
    text = cell.text.rstrip()
    if text.endswith(":"):
        return True
    return _is_label_text(text)


def _is_label_text(text: str) -> bool:
    """Whether a text is a known label, or begins with one and a colon."""
    head = text.split(":", maxsplit=1)[0] if ":" in text else text
    meanings = fuzzy_meanings_of(key_of(head))
    return any(m.strength >= 0.5 for m in meanings) and (":" in text or len(text.split()) <= 5)


def _could_be_name(text: str) -> bool:
    letters = sum(c.isalpha() for c in text)
    digits = sum(c.isdigit() for c in text)
    if (
        letters < 3
        or letters < 1.2 * digits
        or (":" in text and digits > 3)
        or len(text) > 70
        or "@" in text
        or "www." in text.lower()
    ):
        return False
    if _TITLE.match(text.strip(" *-:.#")) or _COUNTRY.match(text.strip()):
        return False
    if re.match(r"^\d+\s", text) and (_STREET.search(text) or _POSTCODE.search(text)):
        return False
    if _POSTCODE.search(text) and not LEGAL_SUFFIX.search(text):
        return False
    if _starts_with_label(text):
        return False
    return not re.match(r"(?i)^(?:tel|phone|fax|e-?mail|page|attn|date|ust|vat|gst|www|http)\b", text)


def _starts_with_label(text: str) -> bool:
    """Whether a text opens with another field's label of several words ("Your order AB321")."""
    words = text.split()
    for length in (3, 2):
        if len(words) > length and any(
            m.strength >= 0.95 and m.name not in _PARTY for m in meanings_of(key_of(" ".join(words[:length])))
        ):
            return True
    return False


def _clean(text: str) -> str:
    text = collapse(re.sub(r"[\u2600-\u27bf\U0001F000-\U0001FFFF\ufe0f]", " ", text)).strip(" ,;|•·*:_~")
    text = re.sub(r"\s+(?:tax )?(?:invoice|rechnung|facture|factura|receipt)$", "", text, flags=re.IGNORECASE)
    suffix = list(LEGAL_SUFFIX.finditer(text))
    if suffix and len(re.findall(r"\d", text[suffix[-1].end() :])) >= 4:
        text = text[: suffix[-1].end()]
    return re.sub(
        r"\s*\((?:\d{5,}-?[A-Z]?|[A-Z]{2}\d{6,}-?[A-Z]?|co\.?.*|gst.*)\)$", "", text, flags=re.IGNORECASE
    )


# --- vendor --------------------------------------------------------------------------------------


def _vendors(
    pages: Sequence[Page],
    labels: Sequence[Label],
    values: Sequence[Value],
    labelled: Sequence[_Named],
    foreign: set[int],
    in_table: frozenset[int],
    customers: Sequence[str],
) -> list[_Named]:
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
    scored: list[_Named] = []
    top_rank = 0
    for cell in cells:
        if cell.y0 > first.height * 0.42 and not LEGAL_SUFFIX.search(cell.text):
            continue
        if cell.tokens[0].index in foreign or any(t.index in in_table for t in cell.tokens):
            continue
        for piece in _name_pieces(cell):
            name = _clean(piece)
            if not _could_be_name(name) or _is_label_text(name) or name.rstrip().endswith(":"):
                continue
            if sum(t.index in label_tokens for t in cell.tokens) > 0.5 * len(cell.tokens):
                continue
            score = _vendor_score(cell, name, first, usual, domains, folded, top_rank)
            scored.append(_Named(cell, name, score, "", tuple(_below(cell, first, x0=cell.x0))))
        top_rank += 1
    for upper, lower in _wrapped_names(cells, first):
        if any(
            c.tokens[0].index in foreign or any(t.index in in_table for t in c.tokens) for c in (upper, lower)
        ):
            continue
        whole = make_cell((*upper.tokens, *lower.tokens), upper.page, upper.row)
        name = _clean(whole.text)
        rank = upper.row
        score = _vendor_score(upper, name, first, usual, domains, folded, rank) + 0.15
        scored.append(_Named(whole, name, score, "", tuple(_below(lower, first, x0=lower.x0))))
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
        scored.append(_Named(named.cell, named.name, named.score * sure + bonus, named.label, named.lines))
    # the same name found in several ways is surer than any of them
    best: dict[str, _Named] = {}
    for named in sorted(scored, key=lambda n: -n.score):
        key = _core(named.name)
        if key in best:
            held = best[key]
            best[key] = _Named(
                held.cell,
                held.name,
                held.score + 0.35 * max(named.score, 0),
                held.label,
                held.lines or named.lines,
            )
        else:
            best[key] = named
    payers = {_core(name)[:_SAME_COMPANY] for name in customers}
    for key, named in best.items():
        if len(key) >= 5 and key[:_SAME_COMPANY] in payers:
            best[key] = replace(named, score=named.score - 0.5)
    ranked = _prefer_whole_name(sorted(best.values(), key=lambda n: -n.score))
    return [
        _Named(n.cell, n.name, 1 / (1 + math.exp(-3.2 * (n.score - 0.75))), n.label, n.lines)
        for n in ranked[:6]
    ]


def _prefer_whole_name(ranked: list[_Named]) -> list[_Named]:
    """Put the whole name before a logo that shows a part of it ("azure" before "Azure Interior")."""
    if not ranked:
        return ranked
    first, core = ranked[0], _core(ranked[0].name)
    for other in ranked[1:4]:
        longer = _core(other.name)
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
            or not _could_be_name(upper.text)
            or _is_label_text(upper.text)
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
                and len(_core(re.sub(r"\([^)]*\)", "", lower.text))) <= 3
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


def _name_pieces(cell: Cell) -> list[str]:
    """Part a sender's line ("Au bon moulin SARL - 1242 chemin ... - 84340 Malaucène") at its dashes and dots."""
    parts = [p for p in re.split(r"\s+[-–—|•·∙●*/]\s+|\s*[•·∙●|]\s*", cell.text) if p.strip()]
    if len(parts) >= 2 and any(_STREET.search(p) or _POSTCODE.search(p) for p in parts[1:]):
        return parts[:1]
    parts = [p.strip() for p in cell.text.split(",")]
    if len(parts) >= 3 and _POSTCODE.search(cell.text) and _could_be_name(parts[0]):
        return parts[:1]
    return [cell.text]


def _rest_of_sender_line(cell: Cell) -> str | None:
    """Return the address in a sender's line, without the name, or ``None`` if the cell is not one."""
    parts = [p.strip() for p in re.split(r"\s+[-–—|•·∙●*/]\s+|\s*[•·∙●|]\s*", cell.text) if p.strip()]
    if len(parts) < 2 or len(_name_pieces(cell)) == len(parts):
        parts = [p.strip() for p in cell.text.split(",")] if _name_pieces(cell) != [cell.text] else []
    if len(parts) < 2:
        return None
    return ", ".join(parts[1:])


def _core(name: str) -> str:
    return key_of(LEGAL_SUFFIX.sub("", name)) or key_of(name)


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
    core = _core(name)
    score = 0.25 * (size - 1.0) if size > 1 else 0.3 * (size - 1)
    score += 0.42 * math.exp(-rank / 4)
    score += 0.2 * max(0.0, 1 - cell.y0 / (page.height * 0.35))
    if LEGAL_SUFFIX.search(name) and len(core) >= 3:
        score += 0.75
    elif _TRADE.search(name):
        score += 0.25
    if len(core) >= 4:
        if any(core in d or (len(d) >= 4 and d in core) for d in domains):
            score += 0.45
        again = sum(core in other for other in folded) - 1
        score += 0.2 * min(max(again, 0), 2)
    below = _below(cell, page, x0=cell.x0, limit=4)
    if any(_STREET.search(c.text) or _POSTCODE.search(c.text) for c in below[:3]):
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
    if _STREET.search(name) and not LEGAL_SUFFIX.search(name):
        score -= 0.35
    if cell.x0 > page.width * 0.55 and size < 1.2:
        score -= 0.08
    if _CONTACT.search(name):
        score -= 0.4
    if re.search(r"(?i)\bformerly\b|\blicen[sc]ee\b", cell.text):
        score -= 0.4
    if re.fullmatch(r"[A-Z]{3}|EUR.*", name):
        score -= 0.5
    return score


# --- customer without a label ------------------------------------------------------------------------


def _unlabelled_customers(
    pages: Sequence[Page], vendors: Sequence[_Named], in_table: frozenset[int]
) -> list[_Named]:
    """A letter's address field: a block of three lines and more in the upper third that ends in a postcode and town."""
    page = pages[0]
    vendor = _core(vendors[0].name) if vendors else ""
    taken = {
        c.tokens[0].index
        for v in vendors[:1]
        for c in (v.cell, *(_address_lines(v.lines) if _rest_of_sender_line(v.cell) is None else ()))
    }
    found: list[_Named] = []
    for town in page.cells:
        if (
            town.y0 > page.height * 0.45
            or not _POSTCODE.search(town.text)
            or town.tokens[0].index in in_table
            or len(town.tokens) > 8
        ):
            continue
        stack = _stack_above(town, page)
        while stack and (
            _core(stack[0].text) == vendor
            or _rest_of_sender_line(stack[0]) is not None
            or _is_label_text(stack[0].text)
            or not _could_be_name(stack[0].text)
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
        if any(_CONTACT.search(c.text) for c in stack):
            continue
        found.append(
            _Named(
                stack[0],
                _clean(stack[0].text),
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


# --- addresses and contacts ----------------------------------------------------------------------------


def _address_lines(lines: Sequence[Cell]) -> list[Cell]:
    """Keep the lines that make up an address: up to the town (and country), without phone, e-mail and labels."""
    kept: list[Cell] = []
    proven = False
    for cell in lines[:7]:
        text = cell.text.strip()
        if re.match(
            r"^\W*(?:\(?(?:co\.?|company|br|reg)\b.*)?[A-Z]{0,3}\d{5,}\s?-?[A-Z]?\W*$", text, re.IGNORECASE
        ) or re.match(r"^\(.{0,30}\)?$", text):
            continue  # a registration number under the name
        if re.search(r"\b\d{1,2}:\d{2}\b", text) or re.match(r"^[^\W\d][\w. ]{1,14}:\s*\S+$", text):
            continue  # the time of a sale, "Site: 2395"
        if _CONTACT.search(text) or _is_label_cell(cell):
            if proven or len(kept) > 2:
                break
            continue
        street = bool(_STREET.search(text)) and any(ch.isdigit() for ch in text)
        town = bool(_POSTCODE.search(text))
        if proven and not (
            street
            or town
            or _COUNTRY.match(text)
            or re.search(r"^[^\W\d][\w .'-]+,?\s*[A-Z]{0,3}\.?,?$", text)
        ):
            break
        kept.append(cell)
        proven = proven or town
        if proven and _COUNTRY.match(text):
            break
    while kept and not (any(ch.isdigit() for ch in kept[0].text) or _STREET.search(kept[0].text)):
        kept = kept[1:]
    if not kept or not any(_POSTCODE.search(c.text) or _STREET.search(c.text) for c in kept):
        return []
    last = max(
        (
            k
            for k, c in enumerate(kept)
            if any(ch.isdigit() for ch in c.text) or _COUNTRY.match(c.text.strip()) or _REGION.search(c.text)
        ),
        default=len(kept) - 1,
    )
    return kept[: last + 1]


def _loose_addresses(page: Page, foreign: set[int], in_table: frozenset[int]) -> list[Candidate]:
    """Addresses that stand apart from the vendor's name: head or foot of the first page."""
    found = []
    for block in page.blocks:
        usable = [c for c in block if c.tokens[0].index not in foreign and c.tokens[0].index not in in_table]
        lines = _address_lines(usable)
        if lines and any(_POSTCODE.search(c.text) for c in lines):
            found.append(_address(lines, 0.4 if lines[0].y0 < page.height * 0.35 else 0.3))
    return sorted(found, key=lambda c: -c.score)


def _add_contacts(
    found: dict[str, list[Candidate]],
    values: Sequence[Value],
    vendors: Sequence[_Named],
    foreign: set[int],
    pages: Sequence[Page],
) -> None:
    """Give the vendor the e-mail addresses and telephones that don't stand in the customer's block."""
    names = {_core(v.name) for v in vendors[:2]}
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
