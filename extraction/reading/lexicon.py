"""The phrases that label things on paper, and how a few words are matched against them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from extraction.fields import FIELDS, LINE_ITEM_FIELDS

WEAK = 0.5
"""What a phrase that often labels something else counts, against 1 for a strong one."""

# Labels of things that are not fields of ours but look like them; their names start with "~".
_DISTRACTORS: dict[str, tuple[str, ...]] = {
    "~phone": ("phone", "tel", "telephone", "tel no", "phone no", "mobile", "cell", "ph", "teléfono", "telefon", "téléphone", "tél", "telefoon",
               "phone number", "contact no", "contact tel no", "call", "tel.", "móvil", "mobil", "handy", "telefono", "telefone", "customer service",
               "hotline", "toll free", "phone #", "office", "direct"),
    "~fax": ("fax", "fax no", "telefax", "fax number", "télécopie", "facsimile", "fax #"),
    "~customer_id": ("customer id", "customer no", "customer number", "customer #", "account id", "customer account", "client no", "client id",
                     "client number", "cust no", "cust id", "cust #", "customer code", "kundennummer", "kunden-nr", "kundennr", "kd-nr", "kunden nr",
                     "n° client", "numéro client", "code client", "número de cliente", "no. de cliente", "klantnummer", "codice cliente", "member id",
                     "member no", "debtor no", "debitor", "debitornr", "debiteurnummer", "debiteurennummer", "customerid", "cust account",
                     "kd.-nr", "kunde nr", "client", "debitorennummer", "patient id", "id client", "lieferantennummer", "vendor no", "vendor number",
                     "vendor id", "supplier no", "supplier number", "lieferanten-nr", "käufernummer", "membership", "kundenummer", "customer gst no"),
    "~order_date": ("order date", "date of order", "ordered on", "date ordered", "bestelldatum", "auftragsdatum", "date de commande", "orderdatum",
                    "fecha de pedido", "po date", "purchase date", "besteldatum", "bestellung vom", "auftrag vom", "date commande",
                    "quote date", "estimate date", "angebotsdatum", "contract date", "contract for", "data ordine"),
    "~ship_date": ("ship date", "delivery date", "shipped on", "date shipped", "shipping date", "lieferdatum", "leistungsdatum", "date de livraison",
                   "fecha de entrega", "leverdatum", "date delivered", "delivered on", "liefertermin", "leistungs- und lieferdatum", "lieferdatum/leistungsdatum",
                   "lieferschein vom", "data consegna", "date of supply", "leistungstag", "fecha de envío", "liefer-/leistungsdatum",
                   "lieferung vom", "expected delivery date", "date livraison", "delivery window", "pickup date"),
    "~other_date": ("print date", "printed", "printed on", "date printed", "expiry date", "expiration date", "valid until", "valid through", "gültig bis",
                    "date of birth", "booking date", "check in", "check out", "check-in", "check-out", "arrival", "departure", "last payment date",
                    "druckdatum", "mandatsreferenz", "purchase order date", "revision date", "rev", "paid on", "payment date", "discount date",
                    "skonto bis", "effective date", "time", "warranty until", "certificate date", "start", "approved", "approved by", "date approved",
                    "project start", "install date", "installation date", "scheduled date", "completion date", "loan date", "order time",
                    "order date and time", "prepared on", "signature date", "date signed", "delivered", "skonto", "bei zahlung bis"),
    "~delivery_number": ("delivery note", "delivery note no", "delivery no", "lieferschein", "lieferscheinnummer", "lieferschein-nr", "bon de livraison",
                         "packing slip", "packing slip no", "shipment no", "shipment number", "tracking no", "tracking number", "tracking #", "bol", "bol #",
                         "lieferschein nr", "albarán", "n° bl", "bill of lading", "delivery ticket", "lieferscheinnr", "pakbon", "pro number", "shipping no",
                         "gelangensbestätigung", "load number", "n° de bl", "waybill"),
    "~reference": ("your customer no", "sales order", "sales order no", "so no", "so #", "so number", "our reference", "our ref", "unser zeichen", "ihr zeichen",
                   "notre référence", "sachbearbeiter", "ansprechpartner", "mandate reference", "mandatsreferenz", "gläubiger-id", "glaeubiger-id",
                   "gläubiger-identifikationsnummer", "leitweg-id", "gln", "gln-nummer", "duns", "hrb", "handelsregister", "reg no", "co reg no",
                   "company no", "company reg no", "registration no", "business reg no", "roc no", "company registration number", "company number", "rcs",
                   "kvk", "kvk nummer", "amtsgericht", "registergericht", "crn", "cin", "pan", "pan no", "license no", "license #", "licence no", "lic #",
                   "contractor license", "permit", "permit no", "permit number", "permit #", "certificate", "certificate no", "mc", "mc #", "dot", "dot #",
                   "serial number", "serial no", "batch no", "quote ref", "state code", "gst reg", "place of supply", "naf", "ape", "capital",
                   "terminal", "terminal id", "cashier", "counter", "table", "table no", "pos no", "staff", "sales rep", "salesperson", "rep", "vorgangsnummer",
                   "auftragsbestätigung", "transaktion", "auth code", "approval code", "card no", "merchant id", "mid", "tid", "rrn", "trace no", "swift",
                   "swift code", "bic", "bic/swift", "meter number", "bank code", "branch code", "policy no", "policy number", "unit", "units", "suite",
                   "driver", "truck", "trailer", "bon no", "kassennummer", "usdot", "site code", "cost center", "kostenstelle", "cost centre",
                   "bank", "bank name", "chassis", "lot", "lot no", "stock no", "drawing no", "section", "n° rcs", "siren", "rma", "quote valid",
                   "vat summary", "gst summary", "job description", "bar", "order by", "salesman", "sales person", "sales representative", "shipped via",
                   "ship via", "shipping method", "shipping terms", "fob", "f.o.b. point", "f.o.b.", "requisitioner", "incoterm", "incoterms", "via",
                   "payment reference", "communication", "verwendungszweck", "payment id", "betalingskenmerk", "payment method", "zahlungsart",
                   "mode de paiement", "mode de règlement", "referral", "fiscal code", "credit card", "bank details", "bankverbindung", "service provided by",
                   "contact", "contact name", "attention", "attn", "account manager", "project manager", "prepared by", "taken by", "salesperson id",
                   "superintendent", "foreman", "technician", "engineer", "page", "seite", "página", "blatt", "pagina", "page no"),
    "~email": ("email", "e-mail", "correo", "courriel", "mail", "email address", "web", "website", "www", "internet", "url", "correo electrónico"),
    "~page_total": ("page total", "page subtotal", "total this page", "carried forward", "carry forward", "carryover", "übertrag", "zwischensumme seite", "subtotal this page",
                    "à reporter", "total page", "total hours", "total hrs", "total qty", "total quantity", "total items", "total item", "item count",
                    "total units", "total weight", "no of items", "number of items", "total horas", "gesamtstunden", "total hours worked", "items sold",
                    "total item(s)", "total quantities", "total no of items", "total labor hours", "total pieces", "total pcs", "qty total", "total savings",
                    "you saved", "savings", "you save", "total points", "points", "loyalty", "exchange rate", "wechselkurs", "credit limit",
                    "total materials", "total labor", "labor total", "material total", "materials total", "labor subtotal", "materials subtotal",
                    "parts total", "total parts", "equipment total", "labour total", "total equipment", "interest", "late fee", "finance charge", "system size",
                    "total weights"),
    "~cash": ("cash", "cash tendered", "tendered", "cash paid", "visa", "mastercard", "master card", "credit card", "debit card", "card", "amex", "efectivo", "amount tendered",
              "cash received", "received", "tunai", "gegeben", "bar", "espèces", "contant", "contanti", "paid by cash", "payment", "bank card", "debit",
              "paid amount", "cash rm", "voucher", "pin", "tender", "cash payment", "total paid", "total payment"),
    "~change": ("change", "change due", "cash change", "cambio", "rückgeld", "wechselgeld", "baki", "rendu", "monnaie rendue", "wisselgeld", "resto", "balance return",
                "change amount", "change rm"),
    "~rounding": ("rounding", "rounding adjustment", "rounding adj", "round adj", "rounded", "round off", "round", "rounding adjust", "bill rounding", "rundung", "arrondi",
                  "redondeo", "roundoff", "5 cents rounding", "pembundaran", "rnd adj", "rounding amt", "rounding amount", "round amt", "round amount",
                  "afronding", "rnd", "5cents rounding", "adj", "adjustment", "rounding adjustment rm"),
    "~tax_base": ("taxable", "taxable sales", "amount taxable", "tax base", "steuerbasis", "bemessungsgrundlage", "base tva", "tax exempt", "zero rated", "non taxable",
                  "gst summary", "tax summary", "goods", "basisbetrag", "steuerpflichtiger betrag", "vat base", "maatstaf", "grundlage"),
    "~statement": ("current", "1-30 days", "31-60 days", "61-90 days", "over 90 days", "over 90", "aging", "aged", "credit", "credits", "original contract sum",
                   "contract sum to date", "net change by change orders", "contract sum", "total completed and stored to date", "balance to finish", "change orders",
                   "original contract", "total completed & stored to date", "balance to finish including retainage", "skontobetrag", "skonto", "minimum due",
                   "early payment", "if paid within", "discount if paid", "credit amount", "late charge", "deposit required"),
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a phrase labels and how surely (1 strong, :data:`WEAK` weak)."""

    name: str
    strength: float
    language: str = ""


def fold(text: str) -> str:
    """Lower-case and strip accents."""
    text = unicodedata.normalize("NFKD", text.replace("ß", "ss").lower())
    return "".join(c for c in text if not unicodedata.combining(c))


def key_of(text: str) -> str:
    """Reduce a phrase to what is compared: letters, digits, # and %, without spaces.

    Dropping spaces makes ``InvoiceNo``, ``Invoice No.`` and ``INVOICE NO :`` the same.
    """
    return re.sub(r"[^a-z0-9#%]", "", fold(text))


def _build() -> dict[str, tuple[Meaning, ...]]:
    table: dict[str, dict[str, Meaning]] = {}

    def add(phrase: str, meaning: Meaning) -> None:
        entry = table.setdefault(key_of(phrase), {})
        if meaning.name not in entry or entry[meaning.name].strength < meaning.strength:
            entry[meaning.name] = meaning

    for field in FIELDS.values():
        for language, phrases in field.words.items():
            for phrase in phrases:
                add(phrase, Meaning(field.name, 1.0, language))
        for language, phrases in field.weak.items():
            for phrase in phrases:
                add(phrase, Meaning(field.name, WEAK, language))
    for name, phrases in _DISTRACTORS.items():
        for phrase in phrases:
            add(phrase, Meaning(name, 1.0))
    table.pop("", None)
    return {key: tuple(meanings.values()) for key, meanings in table.items()}


_LABELS = _build()
_LONG_LABELS = [key for key in _LABELS if len(key) >= 7]
LONGEST_LABEL = 6
"""Labels of more words are not looked for."""

_COLUMNS: dict[str, str] = {}
for _column in LINE_ITEM_FIELDS.values():
    for _phrase in _column.words:
        _COLUMNS.setdefault(key_of(_phrase), _column.name)
_LONG_COLUMNS = [key for key in _COLUMNS if len(key) >= 6]


def meanings_of(key: str) -> tuple[Meaning, ...]:
    """Return what a phrase (as :func:`key_of` writes it) labels; empty if nothing."""
    return _LABELS.get(key, ())


@lru_cache(maxsize=20_000)
def fuzzy_meanings_of(key: str) -> tuple[Meaning, ...]:
    """Like :func:`meanings_of`, but forgives about one wrong letter in eight (misread print, typing errors)."""
    if key in _LABELS:
        return _LABELS[key]
    if not 5 <= len(key) <= 40:
        return ()
    letters = key.translate(str.maketrans("015", "ols"))
    if letters != key and letters in _LABELS and sum(c.isdigit() for c in key) <= len(key) / 4:
        return _LABELS[letters]
    if len(key) < 7 or sum(c.isdigit() for c in key) > 1:
        return ()
    best = process.extractOne(letters, _LONG_LABELS, scorer=fuzz.ratio, score_cutoff=88)
    if best is None:
        return ()
    return tuple(Meaning(m.name, m.strength * 0.9, m.language) for m in _LABELS[best[0]])


@lru_cache(maxsize=20_000)
def column_of(key: str) -> str | None:
    """Return the line-item column that a header phrase names, or ``None``."""
    if key in _COLUMNS:
        return _COLUMNS[key]
    if len(key) < 6:
        return None
    best = process.extractOne(key, _LONG_COLUMNS, scorer=fuzz.ratio, score_cutoff=88)
    return None if best is None else _COLUMNS[best[0]]
