"""The field catalogue: what can be read from a document, and what it is called.

Names follow docs/fields.md (EN 16931's business terms where there is one). The
words that label a field on paper stand beside this module in ``labels.toml``, per
language, because they are part of what the field *is*; how they are searched for is
``extraction.reading``'s business.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

Kind = Literal["choice", "text", "id", "date", "money", "percent", "code", "quantity"]

DOCUMENT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "invoice": "Invoice",
        "credit_note": "Credit note",
        "pay_application": "Pay application",
        "estimate": "Estimate",
        "receipt": "Receipt",
        "statement": "Statement",
        "quote": "Quote",
        "purchase_order": "Purchase order",
        "delivery_ticket": "Delivery ticket",
        "lien_waiver": "Lien waiver",
        "other": "Other",
    }
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the catalogue.

    ``label`` is what people read on the site. ``words`` are the phrases that label
    the field on paper, per language; ``weak`` are phrases that may label it but
    often label something else, so that they count only where nothing better is
    found. ``shown`` fields are on the clerk's form even when empty; the catalogue's
    order is the form's order.
    """

    name: str
    kind: Kind
    label: str
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weak: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shown: bool = False

    @property
    def is_address(self) -> bool:
        return self.name.endswith("_address")


def _load_labels() -> dict[str, dict[str, dict[str, list[str] | dict[str, list[str]]]]]:
    with (Path(__file__).parent / "labels.toml").open("rb") as file:
        return tomllib.load(file)


_LABELS = _load_labels()


def _field(name: str, kind: Kind, label: str, *, shown: bool = False) -> Field:
    words, weak = {}, {}
    for language, phrases in _LABELS["fields"].get(name, {}).items():
        if isinstance(phrases, dict):
            weak = {code: tuple(several) for code, several in phrases.items()}
        else:
            words[language] = tuple(phrases)
    return Field(name, kind, label, words, weak, shown)


_CATALOGUE = (
    _field("document_type", "choice", "Document type", shown=True),
    _field("vendor_name", "text", "Vendor", shown=True),
    _field("vendor_address", "text", "Vendor address"),
    _field("vendor_phone", "text", "Vendor phone"),
    _field("vendor_email", "text", "Vendor e-mail"),
    _field("vendor_tax_id", "id", "Vendor tax id"),
    _field("customer_name", "text", "Customer", shown=True),
    _field("customer_address", "text", "Customer address"),
    _field("ship_to_address", "text", "Job site / ship to"),
    _field("invoice_number", "id", "Invoice number", shown=True),
    _field("work_order_number", "id", "Work order / estimate number", shown=True),
    _field("job_number", "id", "Job / project", shown=True),
    _field("po_number", "id", "PO number", shown=True),
    _field("contract_number", "id", "Contract number"),
    _field("application_number", "id", "Application number"),
    _field("invoice_date", "date", "Invoice date", shown=True),
    _field("due_date", "date", "Due date", shown=True),
    _field("period_start", "date", "Period from"),
    _field("period_end", "date", "Period to"),
    _field("payment_terms", "text", "Payment terms", shown=True),
    _field("currency", "code", "Currency", shown=True),
    _field("subtotal", "money", "Subtotal", shown=True),
    _field("discount_total", "money", "Discount"),
    _field("freight", "money", "Freight / shipping"),
    _field("tax_rate", "percent", "Tax rate"),
    _field("tax_amount", "money", "Tax", shown=True),
    _field("retainage_amount", "money", "Retainage"),
    _field("total", "money", "Total", shown=True),
    _field("amount_paid", "money", "Already paid"),
    _field("previous_balance", "money", "Previous balance"),
    _field("amount_due", "money", "Amount due", shown=True),
    _field("iban", "id", "IBAN"),
    _field("bank_account", "id", "Bank account"),
    _field("routing_number", "id", "Routing number"),
)

FIELDS: Mapping[str, Field] = MappingProxyType({f.name: f for f in _CATALOGUE})
"""Every header field by name, in the order in which a form shows them."""

SHOWN_FIELDS: tuple[str, ...] = tuple(f.name for f in _CATALOGUE if f.shown)
"""Fields that a clerk's form shows even where the document has none."""

MONEY_FIELDS: tuple[str, ...] = tuple(f.name for f in _CATALOGUE if f.kind == "money")

REQUIRED_FIELDS: tuple[str, ...] = ("vendor_name", "invoice_number", "invoice_date", "total")
"""What an invoice can't be paid without; an organization may require more."""


@dataclass(frozen=True, slots=True)
class LineItemField:
    """One column of the table of lines.

    ``words`` label the column on paper, all languages together: a column's
    header is recognised by its neighbours as much as by its own words.
    """

    name: str
    kind: Kind
    label: str
    words: tuple[str, ...] = ()
    shown: bool = False


def _column(name: str, kind: Kind, label: str, *, shown: bool = False) -> LineItemField:
    return LineItemField(name, kind, label, tuple(_LABELS["columns"].get(name, ())), shown)


_LINE_CATALOGUE = (
    _column("item_number", "text", "Item"),
    _column("product_code", "text", "Code"),
    _column("description", "text", "Description", shown=True),
    _column("date", "date", "Date"),
    _column("quantity", "quantity", "Quantity", shown=True),
    _column("unit", "text", "Unit", shown=True),
    _column("unit_price", "money", "Unit price", shown=True),
    _column("tax_rate", "percent", "Tax rate"),
    _column("amount", "money", "Amount", shown=True),
    _column("cost_code", "text", "Cost code", shown=True),
    _column("scheduled_value", "money", "Scheduled value"),
    _column("previous_completed", "money", "Previously completed"),
    _column("this_period", "money", "This period"),
    _column("materials_stored", "money", "Stored materials"),
    _column("total_completed", "money", "Completed to date"),
    _column("percent_complete", "percent", "Percent"),
    _column("balance_to_finish", "money", "Balance to finish"),
    _column("retainage", "money", "Retainage"),
)

LINE_ITEM_FIELDS: Mapping[str, LineItemField] = MappingProxyType({f.name: f for f in _LINE_CATALOGUE})
"""Every column of the table of lines by name, in the order in which a grid shows them."""

OTHER_LABELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: tuple(phrases) for name, phrases in _LABELS["other"].items()}
)
"""Phrases that label things which look like fields and are not, by what they label."""

ADJUSTING_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {where: frozenset(words) for where, words in _LABELS["adjusting"].items()}
)
"""Words, as ``lexicon.key_of`` writes them, that begin an allowance or a charge on the lines above."""

DOCUMENT_TYPE_WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        name: MappingProxyType({where: tuple(phrases) for where, phrases in both.items()})
        for name, both in _LABELS["document_types"].items()
    }
)
"""Per document type the phrases of its titles and its signs elsewhere on the page."""

SHOWN_LINE_ITEM_FIELDS: tuple[str, ...] = tuple(f.name for f in _LINE_CATALOGUE if f.shown)

_WHITE_SPACE = re.compile(r"\s+")


def collapse(text: str) -> str:
    """Return ``text`` with white space collapsed and trimmed: how ids and text are stored."""
    return _WHITE_SPACE.sub(" ", text).strip()


def normalise(name: str, text: str) -> str | None:
    """Turn what a person typed or a page says into the stored form of a field.

    :param name: a field of :data:`FIELDS` or a column of :data:`LINE_ITEM_FIELDS`.
    :param text: free text, in any of the notations that ``extraction.reading.amounts``
        and ``extraction.reading.dates`` know; dates such as 03/04/2026 are taken month first.
    :returns: the normalised value, or ``None`` if the text isn't a value of that kind.
    :raises KeyError: if there is no such field.
    """
    from extraction.reading import amounts, dates

    kind = (FIELDS.get(name) or LINE_ITEM_FIELDS[name]).kind
    text = collapse(text)
    if not text:
        return None
    if kind in ("money", "quantity"):
        # A sum of 1.450 is 1,450 with a foreign separator; a unit price of 4.125 is what it says.
        mark: amounts.DecimalMark = "" if name in FIELDS else "."
        amount = amounts.parse_money(text, mark) if kind == "money" else amounts.parse_quantity(text, mark)
        return None if amount is None else amounts.plain(amount, places=2 if kind == "money" else 0)
    if kind == "percent":
        percent = amounts.parse_percent(text)
        return None if percent is None else amounts.plain(percent)
    if kind == "date":
        day = dates.parse_date(text)
        return None if day is None else day.isoformat()
    if kind == "code":
        return amounts.currency_of(text)
    if kind == "choice":
        value = text.lower().replace(" ", "_")
        return value if value in DOCUMENT_TYPES else None
    return text
