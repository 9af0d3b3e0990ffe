"""The phrases that label things on paper, and how a few words are matched against them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from extraction.fields import FIELDS, LINE_ITEM_FIELDS, OTHER_LABELS

WEAK = 0.5
"""What a phrase that often labels something else counts, against 1 for a strong one."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a phrase labels and how surely (1 strong, :data:`WEAK` weak).

    ``name`` is a field, or ``~`` and the name of a thing that only looks like one.
    """

    name: str
    strength: float


# The same few words of a page are folded again and again: by rows read as headers, labels, names.
@lru_cache(maxsize=50_000)
def fold(text: str) -> str:
    """Lower-case and strip accents."""
    text = unicodedata.normalize("NFKD", text.replace("ß", "ss").lower())
    return "".join(c for c in text if not unicodedata.combining(c))


@lru_cache(maxsize=50_000)
def key_of(text: str) -> str:
    """Reduce a phrase to what is compared: letters, digits, # and %, without spaces.

    Dropping spaces makes ``InvoiceNo``, ``Invoice No.`` and ``INVOICE NO :`` the same.
    """
    return re.sub(r"[^a-z0-9#%]", "", fold(text))


def phrase_meanings(phrase: str, *, fuzzy: bool = True) -> tuple[Meaning, ...]:
    """Return what a phrase labels; of alternatives ("Buyer / Recipient") the first that labels anything.

    The last alternative must be a label too, or one word that may be an unknown translation: on a form
    ("Work order / Orden 31877") the value follows it.
    """
    find = fuzzy_meanings_of if fuzzy else meanings_of
    meanings = find(key_of(phrase))
    if meanings or "/" not in phrase:
        return meanings
    parts = phrase.split("/")
    for part in parts:
        found = (find if len(key_of(part)) >= 4 else meanings_of)(key_of(part))
        if not meanings or _is_surer(found, meanings):
            meanings = found
        is_value = part is parts[-1] and len(part.split()) > 1
        if not found and (is_value or any(letter.isdigit() for letter in part)):
            return ()
    return meanings


def _is_surer(found: tuple[Meaning, ...], held: tuple[Meaning, ...]) -> bool:
    """Whether a translation says the same more surely: "Company / Compañía"."""
    known = {m.name: m.strength for m in held}
    return any(m.name in known and m.strength > known[m.name] for m in found)


def _build() -> dict[str, tuple[Meaning, ...]]:
    table: dict[str, dict[str, Meaning]] = {}

    def add(phrase: str, meaning: Meaning) -> None:
        entry = table.setdefault(key_of(phrase), {})
        if meaning.name not in entry or entry[meaning.name].strength < meaning.strength:
            entry[meaning.name] = meaning

    for field in FIELDS.values():
        for phrases in field.words.values():
            for phrase in phrases:
                add(phrase, Meaning(field.name, 1.0))
        for phrases in field.weak.values():
            for phrase in phrases:
                add(phrase, Meaning(field.name, WEAK))
    for name, phrases in OTHER_LABELS.items():
        for phrase in phrases:
            add(phrase, Meaning(f"~{name}", 1.0))
    table.pop("", None)
    return {key: tuple(meanings.values()) for key, meanings in table.items()}


_LABELS = _build()
_LONG_LABELS = [key for key in _LABELS if len(key) >= 7]
_SHORT_LABELS = [key for key in _LABELS if len(key) in (6, 7)]
_UNSURE_LABELS = [key for key in _LABELS if len(key) >= 5]
_DECIDING = frozenset({"work_order_number", "invoice_number", "total", "amount_due", "invoice_date"})
_UNSURE_SHARE = 0.7  # what such a label counts
LONGEST_LABEL = 6
"""Labels of more words are not looked for."""
LONGEST_BILINGUAL_LABEL = 9
"""But in two languages: "Company Address / Dirección de la compañía"."""

_COLUMNS: dict[str, str] = {}
for _column in LINE_ITEM_FIELDS.values():
    for _phrase in _column.words:
        _COLUMNS.setdefault(key_of(_phrase), _column.name)
_LONG_COLUMNS = [key for key in _COLUMNS if len(key) >= 6]


def meanings_of(key: str) -> tuple[Meaning, ...]:
    """Return what a phrase (as :func:`key_of` writes it) labels; empty if nothing."""
    return _LABELS.get(key, ())


# Indel similarity: one wrong letter in seven, two in thirteen.
_CLOSE = 84.0
# In a short phrase one letter may be missing or doubled ("Bil to").
_CLOSE_SHORT = 90.0


@lru_cache(maxsize=20_000)
def fuzzy_meanings_of(key: str) -> tuple[Meaning, ...]:
    """Like :func:`meanings_of`, but forgives about one wrong letter in eight (misread print, typing errors).

    An "m" that was taken for "rn" is none of them: there may be several.
    """
    if key in _LABELS:
        return _LABELS[key]
    if not 5 <= len(key) <= 40:
        return ()
    letters = key.translate(str.maketrans("015", "ols"))
    if letters != key and letters in _LABELS and sum(c.isdigit() for c in key) <= len(key) / 4:
        return _LABELS[letters]
    if sum(c.isdigit() for c in key) > 1:
        return ()
    if (joined := letters.replace("rn", "m")) != letters and joined in _LABELS:
        return tuple(Meaning(m.name, m.strength * 0.9) for m in _LABELS[joined])
    if len(key) < 7:
        best = process.extractOne(letters, _SHORT_LABELS, scorer=fuzz.ratio, score_cutoff=_CLOSE_SHORT)
    else:
        best = process.extractOne(letters, _LONG_LABELS, scorer=fuzz.ratio, score_cutoff=_CLOSE)
    if best is None or _lacks_number(letters, best[0]):
        return ()
    return tuple(Meaning(m.name, m.strength * 0.9) for m in _LABELS[best[0]])


_NUMBER_WORDS = frozenset("# no nr n num numero number node nde numde numerode #de nodela".split())


def _lacks_number(key: str, label: str) -> bool:
    """Whether only the word for a number is missing: "de trabajo" is not "no. de trabajo"."""
    rest = label.removesuffix(key) if label.endswith(key) else label.removeprefix(key)
    return rest != label and rest in _NUMBER_WORDS


# Of what a recogniser was unsure of, more may be wrong: a letter in five, two in nine ("Fccha", "Grnd Totl").
_CLOSE_UNSURE_SHORT = 78.0
_CLOSE_UNSURE = 74.0
_LONG_FROM = 7


@lru_cache(maxsize=20_000)
def unsure_meanings_of(key: str) -> tuple[Meaning, ...]:
    """Like :func:`fuzzy_meanings_of`, for phrases that the recogniser was unsure of.

    Only labels of what decides, numbers, dates and totals, are worth guessing at: on forms filled in by hand most of
    what was read unsurely is no label. Empty if two labels are equally near.
    """
    if not 5 <= len(key) <= 40 or sum(c.isdigit() for c in key) > len(key) / 4:
        return ()
    letters = key.translate(str.maketrans("015", "ols"))
    cutoff = _CLOSE_UNSURE if len(letters) >= _LONG_FROM else _CLOSE_UNSURE_SHORT
    near = process.extract(letters, _UNSURE_LABELS, scorer=fuzz.ratio, score_cutoff=cutoff, limit=8)
    nearest = [_LABELS[label] for label, score, _ in near if score == near[0][1]]
    if (
        not nearest
        or max(nearest[0], key=lambda m: m.strength).name not in _DECIDING
        or any({m.name for m in other} != {m.name for m in nearest[0]} for other in nearest)
    ):
        return ()
    return tuple(Meaning(m.name, m.strength * _UNSURE_SHARE) for m in nearest[0])


@lru_cache(maxsize=20_000)
def column_of(key: str) -> str | None:
    """Return the line-item column that a header phrase names, or ``None``."""
    if key in _COLUMNS:
        return _COLUMNS[key]
    if len(key) < 6:
        return None
    best = process.extractOne(key, _LONG_COLUMNS, scorer=fuzz.ratio, score_cutoff=88)
    return None if best is None else _COLUMNS[best[0]]


_TOTAL_WORDS_TEXT = (
    "total totals sum summe betrag gesamt gesamtbetrag gesamtsumme gesamtpreis montant amount importe "
    "monto totaal bedrag totale importo sales rechnungssumme rechnungsbetrag value charges endbetrag "
    "rechnungswert warenwert invoice montante valor zwischensumme belegsumme"
)
_TOTAL_WORDS = frozenset(_TOTAL_WORDS_TEXT.split())
_TAX_WORDS_TEXT = (
    "tax taxes vat gst hst mwst ust umsatzsteuer mehrwertsteuer steuer steuern tva taxe iva btw sst "
    "impuesto impuestos imposta steuerbetrag mwstbetrag ustbetrag"
)
_TAX_WORDS = frozenset(_TAX_WORDS_TEXT.split())
_NET_WORDS_TEXT = (
    "net nett netto ht excl exclusive excluding exc ohne hors without exkl sin before sans esclusa senza "
    "zonder exclusief ex"
)
_NET_WORDS = frozenset(_NET_WORDS_TEXT.split())
_GROSS_WORDS_TEXT = (
    "gross brutto ttc incl inclusive including inc includes inkl mit con with comprises compris inclusief "
    "rounded rounding after included inklusive einschliesslich inclus inclusa compreso"
)
_GROSS_WORDS = frozenset(_GROSS_WORDS_TEXT.split())
_ADDING_WORDS_TEXT = "zzgl zuzugl zuzuglich plus add dont davon enthaltene enthalten"
_ADDING_WORDS = frozenset(_ADDING_WORDS_TEXT.split())
_OTHER_WORDS_TEXT = (
    "due paid payment payments pay zahlen payer pagar discount savings saved hours qty quantity items "
    "item previous balance deposit retainage cash change points freight shipping delivery rate count page "
    "weight id no number nr rabatt remise skonto anzahlung anzahlungen abschlage zuschlage credit date"
)
_OTHER_WORDS = frozenset(_OTHER_WORDS_TEXT.split())


def _stem(word: str) -> str:
    """Reduce German compounds to what they are: Versicherungssteuer to a tax, Gesamtbeitrag to a sum."""
    if word.endswith(("steuer", "mwst")) and len(word) > 6:
        return "steuer"
    if re.fullmatch(r"(?:gesamt|rechnungs|brutto|end)\w*(?:betrag|beitrag|summe|preis|wert)", word):
        return "gesamtbetrag"
    return word


def names_tax(phrase: str) -> bool:
    """Whether a word for a tax is among the words of a phrase, and none that says it is part of a larger sum."""
    words = re.findall(r"[a-z]{3,}", fold(phrase))
    return any(_stem(word) in _TAX_WORDS for word in words) and not _GROSS_WORDS & set(words)


@lru_cache(maxsize=20_000)
def sum_named(phrase: str) -> str | None:
    """Understand the label of a sum by its words: "Total (excluding GST)", "Summe inkl. USt", "zzgl. 19 % MwSt".

    :returns: ``subtotal``, ``tax_amount`` or ``total``, or ``None`` if the words don't say.
    """
    words = re.findall(r"[a-z]+", re.sub(r"\b([a-z])\.([a-z])\.([a-z])?\.?", r"\1\2\3", fold(phrase)))
    known = {_stem(w) for w in words}
    words = [_stem(w) for w in words]
    if not words or len(words) > 7 or known & _OTHER_WORDS:
        return None
    unknown = [
        w
        for w in words
        if w not in _TOTAL_WORDS | _TAX_WORDS | _NET_WORDS | _GROSS_WORDS | _ADDING_WORDS and len(w) > 3
    ]
    if len(unknown) > 1:
        return None
    is_sum, is_tax = bool(known & _TOTAL_WORDS), bool(known & _TAX_WORDS)
    net, gross = bool(known & _NET_WORDS), bool(known & _GROSS_WORDS)
    if is_tax and known & _ADDING_WORDS:
        return "tax_amount"
    if net and not gross and (is_sum or is_tax):
        return "subtotal"  # "Total excl. tax", or "Exclusive of VAT" alone
    if is_sum and gross and not net:
        return "total"
    if is_tax and not net and not gross and (is_sum or len(words) <= 3) and not unknown:
        return "tax_amount"
    return None
