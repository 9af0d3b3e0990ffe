"""Things that look like a field and are not: post-office boxes, the customer's account, the next label in a grid."""

from __future__ import annotations

import pytest

from extraction.tests.sheets import Sheet, values


def head(name: str = "Bay Rentals LLC") -> Sheet:
    return Sheet().write(60, 50, name, size=20)


@pytest.mark.parametrize(
    "box", ["P.O. Box 2509", "PO Box 2509", "P. O. Box 2509", "Postfach 2509", "Apartado 2509"]
)
def test_a_post_office_box_is_no_po_number(box: str) -> None:
    sheet = head().lines(60, 80, box, "Newport, NJ 07114")
    sheet.row(200, (520, "Invoice No:"), (680, "R-3391"))
    assert "po_number" not in values(sheet)


def test_the_po_number_beside_a_post_office_box() -> None:
    sheet = head().lines(60, 80, "P.O. Box 2509", "Newport, NJ 07114")
    sheet.row(200, (520, "PO #"), (680, "4500123"))
    assert values(sheet)["po_number"] == "4500123"


@pytest.mark.parametrize("label", ["Account No.:", "Acct #", "Account Number:"])
def test_the_customers_account_is_not_the_bank_account(label: str) -> None:
    sheet = head().row(200, (520, "Invoice No:"), (680, "R-3391"))
    sheet.row(220, (520, label), (680, "570396"))
    sheet.row(900, (60, "First Harbor Bank"))
    assert "bank_account" not in values(sheet)


def test_an_account_among_bank_details_is_the_bank_account() -> None:
    sheet = head().row(200, (520, "Invoice No:"), (680, "R-3391"))
    sheet.lines(60, 800, "Bank: First Harbor Bank", "Routing No.: 021000021", "Account No.: 7238397877")
    found = values(sheet)
    assert (found["bank_account"], found["routing_number"]) == ("7238397877", "021000021")


@pytest.mark.parametrize(
    ("own", "referred"),
    [
        ("Credit note no.", "Refers to invoice"),
        ("Credit Memo #", "Original Invoice No."),
        ("Credit memo no.", "Applies to invoice"),
        ("Gutschrift Nr.", "zu Rechnung Nr."),
    ],
)
def test_a_credit_notes_own_number_wins_over_the_invoice_it_refers_to(own: str, referred: str) -> None:
    sheet = head("Keystone Masonry Inc.").write(560, 50, "CREDIT NOTE", size=20)
    sheet.row(160, (520, own), (700, "K-CM-0871"))
    sheet.row(180, (520, referred), (700, "K-10045"))
    assert values(sheet)["invoice_number"] == "K-CM-0871"


@pytest.mark.parametrize("following", ["PO #", "Ticket No.", "Due Date"])
def test_terms_over_their_value_in_a_grid_are_not_the_next_label(following: str) -> None:
    sheet = head().row(200, (60, "Terms"), (200, following), (360, "Invoice No."))
    sheet.row(218, (60, "Net 15"), (200, "11/02/2025"), (360, "R-3391"))
    assert values(sheet)["payment_terms"] == "Net 15"


def test_a_heading_over_the_small_print_is_no_term_of_payment() -> None:
    sheet = head().row(200, (520, "Invoice No:"), (680, "R-3391"))
    sheet.lines(60, 900, "Terms & Conditions", "All goods remain ours.")
    assert "payment_terms" not in values(sheet)


@pytest.mark.parametrize(
    ("label", "rate"),
    [("Tax (8.25%):", "8.25"), ("6 % Sales Tax:", "6"), ("VAT (5%)", "5"), ("TVA (20%):", "20")],
)
def test_the_tax_rate_inside_the_label_of_the_tax(label: str, rate: str) -> None:
    sheet = head().row(500, (500, "Subtotal"), (-780, "1,000.00"))
    tax = f"{float(rate) * 10:.2f}"
    sheet.row(520, (500, label), (-780, tax))
    sheet.row(540, (500, "Total"), (-780, f"1,{float(tax):06.2f}"))
    found = values(sheet)
    assert (found["tax_rate"], found["tax_amount"]) == (rate, tax)


@pytest.mark.parametrize("rest", ["Remaining incl. retainage", "Balance to finish, including retainage"])
def test_retainage_is_not_the_balance_to_finish(rest: str) -> None:
    sheet = head().write(60, 90, "APPLICATION FOR PAYMENT", size=18)
    sheet.row(140, (60, "Draw No.:"), (200, "3"))
    sheet.row(400, (60, "5. Retainage (10%)"), (-780, "11,256.98"))
    sheet.row(420, (60, "8. Payment now due"), (-780, "81,467.77"))
    sheet.row(440, (60, f"9. {rest}"), (-780, "119,187.23"))
    found = values(sheet)
    assert found["retainage_amount"] == "11256.98"
    assert found["amount_due"] == "81467.77"
    assert found["application_number"] == "3"


def test_an_amount_is_no_job_number() -> None:
    sheet = head().row(400, (60, "Obra:"), (160, "$864.00"))
    assert "job_number" not in values(sheet)
