"""The catalogue and how typed text becomes a stored value."""

from __future__ import annotations

import pytest

from extraction.fields import (
    DOCUMENT_TYPES,
    FIELDS,
    LINE_ITEM_FIELDS,
    REQUIRED_FIELDS,
    SHOWN_FIELDS,
    normalise,
)
from extraction.reading.document_type import find_document_type
from extraction.reading.lexicon import fuzzy_meanings_of, key_of, sum_named
from extraction.reading.lines import lay_out
from extraction.tests.sheets import Sheet


def test_the_catalogue_names_every_field_once_and_shows_what_is_required() -> None:
    assert set(REQUIRED_FIELDS) <= set(SHOWN_FIELDS) <= set(FIELDS)
    assert {"total", "work_order_number", "retainage_amount", "vendor_tax_id"} <= set(FIELDS)
    assert {"description", "amount", "cost_code", "scheduled_value", "balance_to_finish"} <= set(
        LINE_ITEM_FIELDS
    )
    assert "pay_application" in DOCUMENT_TYPES


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("total", " $1,450 ", "1450.00"),
        ("total", "twelve", None),
        ("invoice_date", "3/14/2025", "2025-03-14"),
        ("invoice_date", "14 de marzo de 2025", "2025-03-14"),
        ("invoice_date", "soon", None),
        ("invoice_number", "  INV   100 ", "INV 100"),
        ("currency", "\u20ac", "EUR"),
        ("currency", "doubloons", None),
        ("tax_rate", "8.50 %", "8.5"),
        ("document_type", "Credit note", "credit_note"),
        ("document_type", "love letter", None),
        ("quantity", "2.50", "2.5"),
        ("unit_price", "4.125", "4.125"),
        ("total", "1.450", "1450.00"),
        ("description", "  Roof \n vent ", "Roof vent"),
        ("vendor_name", "   ", None),
    ],
)
def test_typed_text_becomes_the_stored_form(name: str, text: str, value: str | None) -> None:
    assert normalise(name, text) == value


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(KeyError):
        normalise("shoe_size", "44")


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("Total (excluding GST)", "subtotal"),
        ("Rechnungssumme ohne USt.", "subtotal"),
        ("Montant total hors taxe", "subtotal"),
        ("Summe inkl. USt", "total"),
        ("Total Inclusive of GST", "total"),
        ("Zuz\u00fcgl. USt", "tax_amount"),
        ("Total sales tax", "tax_amount"),
        ("Total paid", None),
        ("Total hours", None),
        ("Deposit incl. tax", None),
        ("Roof tiles, red", None),
    ],
)
def test_sums_are_understood_by_their_words(phrase: str, name: str | None) -> None:
    assert sum_named(phrase) == name


def test_labels_are_recognised_through_case_accents_spaces_and_misreadings() -> None:
    for phrase in ("INVOICE NO.", "InvoiceNo", "lnvoice Numbcr", "N\u00daMERO DE FACTURA", "Rechnungs-Nr."):
        assert "invoice_number" in {m.name for m in fuzzy_meanings_of(key_of(phrase))}, phrase
    assert fuzzy_meanings_of(key_of("Completely different words")) == ()


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (("INVOICE", "Total 12.00"), "invoice"),
        (("CREDIT MEMO", "Invoice 12", "Total -12.00"), "credit_note"),
        (
            ("Application and Certificate for Payment", "Application No: 4", "Scheduled Value"),
            "pay_application",
        ),
        (("ESTIMATE", "Estimate # 12", "Total 12.00"), "estimate"),
        (("STATEMENT OF ACCOUNT", "Balance 12.00"), "statement"),
        (("QUOTATION", "valid 30 days"), "quote"),
        (("DELIVERY TICKET", "Gravel 12 t"), "delivery_ticket"),
        (("CONDITIONAL WAIVER AND RELEASE ON PROGRESS PAYMENT",), "lien_waiver"),
        (("PURCHASE ORDER", "Ship to"), "purchase_order"),
        (("CASH SALE", "Total 5.00", "Cash 10.00", "Change 5.00"), "receipt"),
        (("Teilrechnung", "Betrag 12,00"), "invoice"),
        (("Rechnungskorrektur", "zu Rechnung 12"), "credit_note"),
        (("Delivery receipt", "Gravel 12 t"), "delivery_ticket"),
        (("ESTIMATE / INVOICE", "Total 12.00"), "invoice"),
        (("Minutes of the meeting",), "other"),
    ],
)
def test_kinds_of_documents(lines: tuple[str, ...], kind: str) -> None:
    sheet = Sheet().write(200, 50, lines[0], size=24).lines(60, 200, *lines[1:])
    assert find_document_type(lay_out([sheet.page()]))[0] == kind
