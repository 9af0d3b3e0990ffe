"""What names and addresses of people and companies look like, line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from extraction.fields import collapse
from extraction.reading.document_type import names_a_kind_of_paper
from extraction.reading.lexicon import LONGEST_LABEL, fuzzy_meanings_of, key_of, meanings_of, phrase_meanings
from extraction.reading.lines import Cell

LEGAL_SUFFIX = re.compile(
    r"(?i)(?<![\w.])(?:inc|llc|l\.l\.c|ltd|limited|corp|corporation|co|company|gmbh|ag|kg|ohg|e\.?\s?k|ug"
    r"|s\.?a\.?r\.?l|sas|s\.a\.s|sasu|eurl|s\.?a|b\.?v|n\.?v"
    r"|s\.?r\.?l|s\.?p\.?a|s\.?l|s\.a\. de c\.v|pty|pte|pvt|plc|llp|lp|sdn\.? bhd|bhd|lda|ltda|s/b"
    r"|enterprise|enterprises|trading|a\.g|gbr|mbh|e\.?v|oy|ab|a/s|aps)"
    r"\.?(?![\w])"
)


TRADE = re.compile(
    r"(?i)\b(?:construction|plumbing|electric(?:al)?|roofing|concrete|supply|supplies|services?|solutions"
    r"|systems|contractors?|contracting|builders|building|rentals?|painting"
    r"|restaurants?|hardware|market|mart|store|restoran|kedai|perniagaan|materials|lumber|industries|group"
    r"|consulting|technologies|construcci[oó]n|landscaping|flooring|drywall"
    r"|masonry|mechanical|hvac|heating|cooling|logistics|shop|caf[eé]|bakery|stationery|book|pharmacy|motor"
    r"|garden|trading|enterprise)\b"
)


_TITLE = re.compile(
    r"(?i)^(?:tax |vat |sales |service |work |contractor |progress |rental |final |commercial "
    r"|proforma |pro forma |simplified |copy |original |kopie "
    r"|duplicate |handels)*"
    r"(?:invoice|facture|\w*rechnung\w*|factura|factuur|fattura|fatura|receipt|bill|statement|estimate|quote"
    r"|quotation|credit note|credit memo(?:randum)?|estado de cuenta|kontoauszug|account statement"
    r"|statement of account|gutschrift|purchase order|order|cash sale|page|seite|logo"
    r"|delivery note|lieferschein|recibo|presupuesto|angebot|devis|your logo|logo here|welcome|original"
    r"|service|commercial|work|contractor|progress|rental|\w*rechnungskorrektur"
    r"|copy|duplicate|thank you.*|gst.*|stylesheet.*|original for recipient)"
    r"(?:\s*(?:#|no\.?|n°|nr\.?|:|\().*|\s+(?:for recipient|original|copy)|\s+form\b.*)?$"
)


_DATE_IN_WORDS = re.compile(
    r"(?i)^(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}$"
)


STREET = re.compile(
    r"(?i)\b(?:street|st|road|rd|ave|avenue|drive|dr|lane|ln|blvd|boulevard|way|court|ct|parkway|pkwy|suite"
    r"|ste|floor|highway|hwy|circle|plaza|square|place|pl|box|unit|terrace|trail"
    r"|rue|chemin|all[ée]e|place|cedex|str|stra[sß]e|platz|allee|gasse|weg|ring|straat|laan|plein|via|viale"
    r"|piazza|piazzale|corso|largo|vicolo|calle|avenida|av|carrera|col|rua|travessa|praça|estrada|pde|parade|crescent|cres|close"
    r"|quai|impasse|route|cours|zi|za|zac|gewerbepark|industriestr|kade|dreef|hof|steenweg|camino|paseo|jalan|jln|lot|taman|kawasan|lorong|bandar|level|batu"
    r"|persiaran|lebuh|seksyen|kampung)\b\.?"
    r"|\b(?:jalan|jln|lorong)\w+"
    r"|\w+(?:stra(?:ss|ß)e|str\.|weg|gasse|platz|allee|straat|laan)\b"
)


HOUSE_NUMBER = re.compile(
    r"(?i)^(?:no|nr|lot|unit|blk)\b[.:]?\s*[a-z]{0,2}[-.]?\d[\w/&-]*\s*,|^\d{1,4}[a-z]?,\s*\S"
)
"""How a line with a house number opens: "No: 1-1&2 Ground Floor", "LOT 2685, ...", "109, SS21/1A"."""


POSTCODE = re.compile(
    r"\b[A-Z]{2}\.?,?\s+\d{5}(?:-\d{4})?\b|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
    r"|\b[A-Z]\d[A-Z]\s?\d[A-Z]\d\b|\b(?:[A-Z]{1,2}[- ])?\d{4,6}\s+[^\W\d]{3,}"
    r"|\b\d{5}[A-ZÄÖÜ][a-zäöüß]{2,}|\b\d{4}\s?[A-Z]{2}\b"
    r"|[^\W\d]{3,},?\s+\d{5,6}\b"
    r"|\b\d{4}-\d{3}\s+[^\W\d]{3,}|\b\d{5}-\d{3}\b"  # Portugal, Brazil
    r"|\b(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT)\s+\d{4}\b|\b[A-Z]\d{4}[A-Z]{3}\b"  # Australia, Argentina
)


_HOUSE_AND_STREET = re.compile(
    r"(?i)^\d{1,5}[A-Z]?\s+(?:[NSEW]\.?\s+)?[^\W\d][\w .'-]*\b(?:street|st|road|rd|avenue|ave|drive|dr|lane|ln|blvd"
    r"|boulevard|way|court|ct|parkway|pkwy|circle|place|pl|terrace|trail|highway|hwy|square|loop|pike|crescent|close)\b\.?"
)


def names_town(text: str) -> bool:
    """Whether a line of an address holds the town with its code; "6649 Hollis Road" only looks as if."""
    street = _HOUSE_AND_STREET.match(text)
    return POSTCODE.search(text[street.end() :] if street else text) is not None


COUNTRY = re.compile(
    r"(?i)^(?:united states(?: of america)?|usa|us|u\.s\.a\.?|united kingdom|uk|england|canada|france"
    r"|germany|deutschland|nederland|netherlands|belgium|belgi[eë]|espa[nñ]a|spain|italia|italy|portugal"
    r"|malaysia|singapore|india|australia|m[ée]xico|[öo]sterreich|schweiz|suisse)\.?$"
)


REGION = re.compile(
    r"(?i)\b(?:selangor|johor|kuala lumpur|darul|penang|pulau pinang|perak|melaka|sabah|sarawak|wilayah"
    r"|malaysia|negeri|new south wales|victoria|queensland|ontario|qu[eé]bec"
    r"|alberta|british columbia|maharashtra|karnataka|tamil nadu|gujarat|delhi|california|texas|florida"
    r"|new york|washington|illinois)\b"
)


CONTACT = re.compile(
    r"(?i)\b(?:tel|telephone|phone|fax|mobile|e-?mail|www|https?|tax id|gst|vat|gstin|ust|tva|btw|reg\.? no"
    r"|roc|iban|bic|siret|siren|ein|abn|co\.? no|co\.? reg|license|hrb|invoice|date|account|page"
    r"|steuernummer|gln|cashier|federal)\b|@|www\.|📞|📧"
)


PARTIES = ("customer_name", "ship_to_address", "vendor_name")


@dataclass(frozen=True, slots=True)
class Named:
    """A name with the cell it stands in, its raw score, the label that speaks for it and the lines under it."""

    cell: Cell
    name: str
    score: float
    label: str
    lines: tuple[Cell, ...]


def is_label_cell(cell: Cell) -> bool:
    """Whether a cell only labels what stands beside or under it."""
    text = cell.text.rstrip()
    if text.endswith(":"):
        return True
    return is_label_text(text)


def is_label_text(text: str) -> bool:
    """Whether a text is a known label, or begins with one and a colon."""
    head = text.split(":", maxsplit=1)[0] if ":" in text else text
    meanings = fuzzy_meanings_of(key_of(head))
    return any(m.strength >= 0.5 for m in meanings) and (":" in text or len(text.split()) <= 5)


IN_ADDRESSES = frozenset({"~post_box", "~address"})
"""Parts of an address that label things elsewhere: "Elm Street", "Street:"."""


def opens_with_label(cell: Cell) -> bool:
    """Whether a line begins with the label of something else: "Job site /Obra 12 Elm Street", "Contract No. 32559".

    One word counts only before a colon: "Suite 200" and "Via Roma 3" are parts of addresses.
    """
    tokens = cell.tokens
    for length in range(min(LONGEST_LABEL, len(tokens)), 0, -1):
        phrase = " ".join(t.text for t in tokens[:length])
        colon = phrase.endswith(":") or (length < len(tokens) and tokens[length].text == ":")
        if length == 1 and not colon:
            continue
        parts_of_address = {"~post_box"} if colon or "/" in phrase else IN_ADDRESSES
        meanings = phrase_meanings(phrase, fuzzy=colon)
        if any(m.strength >= 0.9 and m.name not in parts_of_address for m in meanings):
            return True
    return False


def could_be_name(text: str) -> bool:
    """Whether a line could be the name of a person or company: no title, address, label, number or contact."""
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
    if is_title(text) or COUNTRY.match(text.strip()):
        return False
    if _DATE_IN_WORDS.match(text.strip()):
        return False
    if re.match(r"^\d+\s", text) and (STREET.search(text) or POSTCODE.search(text)):
        return False
    if POSTCODE.search(text) and not LEGAL_SUFFIX.search(text):
        return False
    if _starts_with_label(text):
        return False
    return not re.match(r"(?i)^(?:tel|phone|fax|e-?mail|page|attn|date|ust|vat|gst|www|http)\b", text)


def is_title(text: str) -> bool:
    """Whether a line is the document's title: "SERVICE INVOICE", "Contractor Invoice Form (Formulario)"."""
    return _TITLE.match(text.strip(" *-:.#")) is not None or names_a_kind_of_paper(text)


def _starts_with_label(text: str) -> bool:
    """Whether a text opens with another field's label of several words ("Your order AB321")."""
    words = text.split()
    for length in (3, 2):
        if len(words) > length and any(
            m.strength >= 0.95 and m.name not in PARTIES and m.name not in IN_ADDRESSES
            for m in meanings_of(key_of(" ".join(words[:length])))
        ):
            return True
    return False


def clean_name(text: str) -> str:
    """Strip what is printed round a name: pictograms, a document title, a registration number; mend its letters."""
    text = collapse(re.sub(r"[\u2600-\u27bf\U0001F000-\U0001FFFF\ufe0f]", " ", text)).strip(" ,;|•·*:_~")
    text = mend_letters(re.sub(r"^#\s*\d{4,}\s+(?=[^\W\d]{2})", "", text))
    text = re.sub(r"\s+(?:tax )?(?:invoice|rechnung|facture|factura|receipt)$", "", text, flags=re.IGNORECASE)
    suffix = list(LEGAL_SUFFIX.finditer(text))
    if suffix and len(re.findall(r"\d", text[suffix[-1].end() :])) >= 4:
        text = text[: suffix[-1].end()]
    return re.sub(
        r"\s*\((?:\d{5,}-?[A-Z]?|[A-Z]{2}\d{6,}-?[A-Z]?|co\.?.*|gst.*)\)$", "", text, flags=re.IGNORECASE
    )


def mend_letters(text: str) -> str:
    """Put right what recognisers confuse within words, and the space that they leave out after a point.

    Only a nought beside letters, a capital I between small letters, and "SDN.BHD": figures stay as they are.
    """
    text = re.sub(r"\b0(?=[a-z]\b|[a-z]{2,})", "O", text)
    text = re.sub(r"(?<=[a-z])0(?=[a-z])", "o", text)
    text = re.sub(r"(?<=[A-Z]{2})0(?=[A-Z])|(?<=[A-Z])0(?=[A-Z]{2})", "O", text)
    text = re.sub(r"(?<=[a-z])I(?=[a-mo-z])", "l", text)  # not MacIntyre, LinkedIn
    return re.sub(r"(?i)\b(sdn|pvt|pty|bros|mfg)\.(?=[A-Z])", r"\1. ", text)


def core_of(name: str) -> str:
    """Reduce a name to what is compared: letters and digits without the legal form."""
    return key_of(LEGAL_SUFFIX.sub("", name)) or key_of(name)


def name_pieces(cell: Cell) -> list[str]:
    """Part a sender's line ("Au bon moulin SARL - 1242 chemin ... - 84340 Malaucène") at its dashes and dots."""
    parts = [p for p in re.split(r"\s+[-–—|•·∙●*/]\s+|\s*[•·∙●|]\s*", cell.text) if p.strip()]
    if len(parts) >= 2 and any(STREET.search(p) or POSTCODE.search(p) for p in parts[1:]):
        return parts[:1]
    parts = [p.strip() for p in cell.text.split(",")]
    if len(parts) >= 3 and POSTCODE.search(cell.text) and could_be_name(parts[0]):
        return parts[:1]
    return [cell.text]


def rest_of_sender_line(cell: Cell) -> str | None:
    """Return the address in a sender's line, without the name, or ``None`` if the cell is not one."""
    parts = [p.strip() for p in re.split(r"\s+[-–—|•·∙●*/]\s+|\s*[•·∙●|]\s*", cell.text) if p.strip()]
    if len(parts) < 2 or len(name_pieces(cell)) == len(parts):
        parts = [p.strip() for p in cell.text.split(",")] if name_pieces(cell) != [cell.text] else []
    if len(parts) < 2:
        return None
    return ", ".join(parts[1:])
