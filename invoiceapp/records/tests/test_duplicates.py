"""The same bill twice is told, the monthly rent is not."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from invoiceapp.records import invoices
from invoiceapp.records.duplicates import suspicions
from invoiceapp.records.invoices import Origin
from invoiceapp.records.models import Document, Invoice

pytestmark = pytest.mark.django_db


@pytest.fixture
def make(alice: Any, charlie: Any) -> Any:
    def make(
        number: str, total: str, day: str, *, vendor: str = "Bay Rental, Inc.", user: Any = alice
    ) -> Invoice:
        document = Document.objects.create(
            organization=user.memberships.first().organization,
            uploaded_by=user,
            filename="a.pdf",
            media_type="application/pdf",
            size=1,
            sha256=hashlib.sha256(str(Document.objects.count()).encode()).hexdigest(),
            page_count=1,
        )
        invoice = invoices.register(document=document, user=user)
        values = {"vendor_name": vendor, "invoice_number": number, "total": total, "invoice_date": day}
        for field, value in values.items():
            invoices.accept_value(invoice, field, value, origin=Origin(run_id=1))
        return invoice

    return make


def reasons(invoice: Invoice) -> list[tuple[int, str]]:
    found = suspicions(invoice.organization, [invoice])[invoice.pk]
    return [(suspicion.other.reference, suspicion.reason) for suspicion in found]


def test_the_same_bill_is_found_by_number_and_by_amount(make: Any) -> None:
    first = make("R-100", "450.00", "2026-03-02")
    assert reasons(first) == []
    by_number = make("r 100", "455.00", "2026-06-02", vendor="BAY RENTAL LLC")
    by_amount = make("R-177", "450.00", "2026-03-02")
    near = make("R-178", "450.00", "2026-03-10")
    assert reasons(by_number) == [(first.reference, "same vendor and number")]
    assert (first.reference, "same vendor, amount and date") in reasons(by_amount)
    assert (first.reference, "same vendor and amount, days apart") in reasons(near)


def test_monthly_bills_other_vendors_and_other_organizations_are_left_alone(make: Any, charlie: Any) -> None:
    rent = make("1", "450.00", "2026-03-02")
    make("2", "450.00", "2026-04-02")
    make("3", "450.00", "2026-03-02", vendor="Elm Concrete")
    make("1", "450.00", "2026-03-02", user=charlie)
    assert reasons(rent) == []


def test_what_was_rejected_no_longer_counts(make: Any, alice: Any) -> None:
    first = make("1", "450.00", "2026-03-02")
    second = make("1", "450.00", "2026-03-02")
    assert reasons(second) == [(first.reference, "same vendor and number")]
    invoices.reject(first, user=alice, reason="sent twice")
    assert reasons(second) == []
