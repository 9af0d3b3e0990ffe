"""What a document says about itself as a whole: language, country, currency, number and date style."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from extraction.reading import amounts, dates
from extraction.reading.lexicon import fold
from extraction.reading.lines import Page
from extraction.schema import Hints

_STOP_WORDS = {
    "en": "the of and to for invoice total date amount due bill payment thank you is this please number tax with by",
    "es": "de la el factura fecha para por cantidad precio descripcion cliente los las del en trabajo con pago",
    "de": "der die das und rechnung datum betrag mwst ust bitte ihre wir von zu mit den kunde fur gesamt nr bei auf",
    "fr": "le la les de des facture date montant tva du votre nous client pour et au par ttc ht total paiement sur en",
    "nl": "de het een factuur datum bedrag btw van uw en op voor wij klant aantal totaal omschrijving te met bij",
    "it": "il la di fattura data importo iva del per cliente totale imponibile quantita descrizione con partita dei",
    "pt": "o a de fatura data valor iva do da cliente para nao quantidade descricao preco total com em das os",
}
_STOP_SETS = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}

_COUNTRY_SIGNS: tuple[tuple[str, str, float], ...] = (
    # (country, pattern on the document's text, weight)
    (
        "US",
        r"\b(?:A[LKZR]|C[AOT]|D[EC]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[TA]"
        r"|W[AVIY])\.?,?\s+\d{5}(?:-\d{4})?\b",
        3,
    ),
    ("US", r"\b(?:LLC|L\.L\.C\.|Inc\.?|Corp\.?)(?:\W|$)", 1),
    ("US", r"\(\d{3}\)\s?\d{3}[-. ]\d{4}|\b\d{3}[-.]\d{3}[-.]\d{4}\b", 1),
    ("US", r"\bUnited States\b|\bUSA\b", 2),
    ("CA", r"\b[ABCEGHJ-NPRSTVXY]\d[A-Z]\s?\d[A-Z]\d\b", 4),
    ("CA", r"\bCanada\b|\bHST\b", 2),
    ("GB", r"\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b", 4),
    ("GB", r"\bUnited Kingdom\b|\bEngland\b|\bScotland\b|\bVAT\s+Reg|\bGB\s?\d{3}|\bUK\b|£", 2),
    ("IE", r"\bIreland\b|\bEircode\b", 3),
    ("AU", r"\bABN\b|\bAustralia\b|\b(?:NSW|VIC|QLD)\s+\d{4}\b|\bPty\b", 4),
    ("NZ", r"\bNew Zealand\b|\bNZ\b", 3),
    ("IN", r"\bGSTIN\b|\bIndia\b|\bPvt\b|₹|\bRs\.?\s?\d|\b[CS]GST\b", 4),
    ("MY", r"(?i)\b(?:SDN\.?\s*BHD|Malaysia|RM\s?\d|Kuala|Selangor|Jalan|Johor|Taman|JLN)\b|(?-i:\bRM\b)", 3),
    ("SG", r"\bSingapore\b|\bS\$|\bPte\.?\b", 4),
    ("MX", r"\bRFC\b|\bM[eé]xico\b|\bC\.V\.|\bMXN\b", 4),
    ("DE", r"\bGmbH\b|\bDeutschland\b|\bDE\d{9}\b|\bUSt|\bMwSt|\bHRB\b|\bDE\d{2}\s?\d{4}", 2),
    ("AT", r"\bATU\d{8}\b|\bÖsterreich\b", 4),
    ("CH", r"\bCHF\b|\bSchweiz\b|\bSuisse\b|\bCHE-\d{3}", 4),
    ("FR", r"\bFrance\b|\bSIRET\b|\bTVA\b|\bFR\s?\d{2}\s?\d{9}\b|\bRCS\b", 3),
    ("NL", r"\bNederland\b|\bBTW\b|\bB\.V\.|\bKvK\b|\b\d{4}\s?[A-Z]{2}\s+[A-Z][a-z]+", 2),
    ("BE", r"\bBelgi[eë]\b|\bBelgique\b|\bBE\s?0\d{3}", 4),
    ("ES", r"\bEspaña\b|\bNIF\b|\bCIF\b|\bS\.L\.", 3),
    ("IT", r"\bItalia\b|\bP\.?\s?IVA\b|\bS\.r\.l\.|\bS\.p\.A\.", 3),
    ("PT", r"\bPortugal\b|\bLda\b|\bNIPC\b", 3),
    ("BR", r"\bBrasil\b|\bCNPJ\b|R\$", 4),
)  # fmt: skip
_CURRENCY_OF_COUNTRY = {
    "US": "USD", "CA": "CAD", "GB": "GBP", "AU": "AUD", "NZ": "NZD", "IN": "INR", "MY": "MYR", "SG": "SGD",
    "MX": "MXN", "CH": "CHF", "BR": "BRL", "DE": "EUR", "AT": "EUR", "FR": "EUR", "NL": "EUR", "BE": "EUR",
    "ES": "EUR", "IT": "EUR", "PT": "EUR", "IE": "EUR",
}  # fmt: skip
_COUNTRY_OF_CURRENCY = {code: country for country, code in _CURRENCY_OF_COUNTRY.items() if code != "EUR"}
_MONTH_FIRST = frozenset({"US", "PH"})
_COMMA_LANGUAGES = frozenset({"de", "fr", "nl", "it", "pt"})
_COMMA_COUNTRIES = frozenset({"DE", "AT", "FR", "NL", "BE", "ES", "IT", "PT", "BR"})


@dataclass(frozen=True, slots=True)
class Context:
    """The document's own conventions, found by evidence and filled up from hints.

    ``currency_printed`` says whether the currency stands on the page or was only
    concluded from the country.
    """

    language: str
    country: str
    currency: str
    currency_printed: bool
    mark: amounts.DecimalMark
    order: dates.DateOrder
    text: str


def find_context(pages: Sequence[Page], hints: Hints) -> Context:
    """Conclude a document's conventions from all its words."""
    lines = [page.text_of_row(k) for page in pages for k in range(len(page.rows))]
    text = "\n".join(lines)
    language = _language(text)
    marks = Counter(amounts.find_currencies(text))
    country = _country(text, language, marks, hints)
    currency, printed = _currency(marks, country, hints)
    default_mark: amounts.DecimalMark = (
        "," if country in _COMMA_COUNTRIES or language in _COMMA_LANGUAGES else "."
    )
    mark = amounts.decimal_mark_of(lines, default_mark)
    order = dates.order_of(lines, "mdy" if country in _MONTH_FIRST else "dmy")
    return Context(language, country, currency, printed, mark, order, text)


def _language(text: str) -> str:
    words = Counter(re.findall(r"[a-z]+", fold(text)))
    scores = {language: sum(words[w] for w in stops) for language, stops in _STOP_SETS.items()}
    best = max(scores, key=lambda k: scores[k])
    return best if scores[best] >= 3 else "en"


def _country(text: str, language: str, marks: Counter[str], hints: Hints) -> str:
    votes: dict[str, float] = defaultdict(float, {hints.country: 1.5})
    for country, pattern, weight in _COUNTRY_SIGNS:
        hits = len(re.findall(pattern, text))
        if hits:
            votes[country] += weight * (1 + min(hits - 1, 3) * 0.5)
    for currency, count in marks.items():
        if currency in _COUNTRY_OF_CURRENCY and (currency != "USD" or count > 1):
            votes[_COUNTRY_OF_CURRENCY[currency]] += 1.0 if currency == "USD" else 3.0
    home = {"de": "DE", "fr": "FR", "nl": "NL", "it": "IT", "pt": "PT"}.get(language)
    if home:
        votes[home] += 3
    if language == "es" and not votes.keys() & {"US", "MX", "ES"}:
        votes["ES"] += 1
    return max(votes, key=lambda country: votes[country])


def _currency(marks: Counter[str], country: str, hints: Hints) -> tuple[str, bool]:
    home = _CURRENCY_OF_COUNTRY.get(country, "")
    if marks:
        code, _ = marks.most_common(1)[0]
        # "$" alone is the dollar of wherever the document comes from
        if code == "USD" and home in ("CAD", "AUD", "NZD", "SGD", "MXN"):
            return home, True
        return code, True
    return hints.currency or home, False
