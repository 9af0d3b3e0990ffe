"""The list of invoices, and the page of one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoiceapp.records import invoices
from invoiceapp.records.invoices import Origin
from invoiceapp.records.models import Invoice, Job
from invoiceapp.work import services as work

pytestmark = pytest.mark.django_db


def test_who_sees_which_invoice(
    alice: Any, bob: Any, charlie: Any, make_invoice: Any, signed_in: Any
) -> None:
    of_alice, of_bob, of_charlie = (
        make_invoice(user, vendor_name=f"Vendor of {user}") for user in (alice, bob, charlie)
    )
    seen = {
        user.username: [
            i
            for i in (of_alice, of_bob, of_charlie)
            if signed_in(user).get(f"/invoices/{i.pk}/").status_code == 200
        ]
        for user in (alice, bob, charlie)
    }
    assert seen == {"alice": [of_alice, of_bob], "bob": [of_bob], "charlie": [of_charlie]}
    for user, theirs, others in (
        (alice, "bob", "charlie"),
        (bob, "bob", "alice"),
        (charlie, "charlie", "alice"),
    ):
        page = signed_in(user).get("/invoices/").text
        assert f"Vendor of {theirs}" in page
        assert f"Vendor of {others}" not in page


def test_search_and_status_narrow_the_list(alice: Any, make_invoice: Any, signed_in: Any) -> None:
    first = make_invoice(alice, vendor_name="Acme", invoice_number="A-77")
    make_invoice(alice, vendor_name="Other")
    client = signed_in(alice)
    for query in ("acme", "a-77", str(first.reference)):
        page = client.get("/invoices/", {"q": query}).text
        assert "Acme" in page, query
        assert "Other" not in page, query
    assert "No invoice matches" in client.get("/invoices/", {"q": "nowhere"}).text
    assert "Acme" in client.get("/invoices/", {"status": "waiting"}).text
    assert "No invoice matches" in client.get("/invoices/", {"status": "approved"}).text


def test_list_asks_the_same_number_of_questions_however_long(
    alice: Any, make_invoice: Any, signed_in: Any
) -> None:
    client = signed_in(alice)

    def questions() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/invoices/")
        return len(captured)

    make_invoice(alice)
    few = questions()
    for _ in range(60):
        make_invoice(alice)
    assert questions() == few
    assert "Page 1 of 2" in client.get("/invoices/").text


def test_page_tells_where_each_value_comes_from(alice: Any, make_invoice: Any, signed_in: Any) -> None:
    Job.objects.create(
        organization=alice.memberships.first().organization, number="31-877", number_key="31877"
    )
    invoice = make_invoice(alice, vendor_name="Acme", total="1950.00", work_order_number="31877")
    invoices.accept_value(invoice, "total", "1450.00", origin=Origin(user=alice))
    assert invoice.job is not None
    page = signed_in(alice).get(f"/invoices/{invoice.pk}/").text
    assert "machine, 97 %" in page
    assert "<del>1950.00</del> → <strong>1450.00</strong>" in page
    assert "drywall &lt;b&gt;May&lt;/b&gt;.pdf" in page


def test_history_keeps_what_was_overwritten(alice: Any, make_invoice: Any) -> None:
    invoice = make_invoice(alice, total="1950.00")
    invoices.accept_value(invoice, "total", "1450.00", origin=Origin(user=alice))
    kept = list(invoice.values.filter(field="total").order_by("pk").values_list("value", "source", "current"))
    assert kept == [("1950.00", "machine", False), ("1450.00", "person", True)]
    invoice.refresh_from_db()
    assert str(invoice.total) == "1450.00"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("total", "12,50", "Write it like 1234.50"),
        ("total", "1e30", "too large"),
        ("invoice_date", "31.03.2026", "Write it like 2026-03-31"),
    ],
)
def test_a_value_that_does_not_fit_changes_nothing(
    alice: Any, make_invoice: Any, field: str, value: str, words: str
) -> None:
    invoice = make_invoice(alice, total="10.00", invoice_date="2026-03-01")
    with pytest.raises(invoices.InvalidValue, match=words):
        invoices.accept_value(invoice, field, value, origin=Origin(user=alice))
    assert invoice.values.filter(field=field).count() == 1


def test_status_goes_only_where_it_may(alice: Any, make_invoice: Any) -> None:
    invoice = make_invoice(alice)
    with pytest.raises(invoices.WrongStatus, match="can't become “Approved”"):
        invoices.change_status(invoice, Invoice.Status.APPROVED, user=alice)
    stale = Invoice.objects.get(pk=invoice.pk)
    invoices.change_status(invoice, Invoice.Status.READING)
    with pytest.raises(invoices.WrongStatus, match="somebody else was faster"):
        invoices.change_status(stale, Invoice.Status.REJECTED, user=alice)
    for status in Invoice.TERMINAL:
        assert Invoice.NEXT[status] == set()


def test_nobody_approves_what_can_not_be_paid(alice: Any, make_invoice: Any) -> None:
    invoice = make_invoice(alice, total="10.00")
    invoices.change_status(invoice, Invoice.Status.READING)
    invoices.change_status(invoice, Invoice.Status.TO_APPROVE)
    with pytest.raises(invoices.InvalidValue, match="no vendor"):
        invoices.approve(invoice, user=alice)
    invoices.accept_value(invoice, "vendor_name", "Acme, Inc.", origin=Origin(user=alice))
    invoices.approve(invoice, user=alice)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.approved_by, invoice.vendor.name) == ("approved", alice, "Acme, Inc.")


def test_urgent_goes_first_and_only_for_those_who_see_it(
    alice: Any, bob: Any, charlie: Any, make_invoice: Any, signed_in: Any
) -> None:
    organization = bob.memberships.first().organization
    organization.reading_mode = "nightly"
    organization.save()
    invoice = make_invoice(bob)
    item = work.submit(invoice)
    assert signed_in(charlie).post(f"/invoices/{invoice.pk}/urgent/").status_code == 404
    item.refresh_from_db()
    assert not item.urgent
    page = signed_in(bob).get(f"/invoices/{invoice.pk}/").text
    assert "Read it now" in page
    signed_in(bob).post(f"/invoices/{invoice.pk}/urgent/")
    item.refresh_from_db()
    assert item.urgent


def test_only_who_checks_may_have_it_read_again(
    alice: Any, bob: Any, charlie: Any, make_invoice: Any, signed_in: Any
) -> None:
    invoice = make_invoice(bob)
    invoices.change_status(invoice, Invoice.Status.READING)
    invoices.change_status(invoice, Invoice.Status.REVIEW)
    address = f"/invoices/{invoice.pk}/read-again/"
    assert signed_in(bob).post(address).status_code == 403
    assert signed_in(charlie).post(address).status_code == 404
    assert signed_in(alice).post(address).status_code == 302
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.WAITING


def test_times_are_shown_in_the_organizations_zone(alice: Any, make_invoice: Any, signed_in: Any) -> None:
    invoice = make_invoice(alice)
    invoice.events.update(created=datetime(2026, 7, 1, 12, 0, tzinfo=UTC))
    assert "Jul 1, 07:00" in signed_in(alice).get(f"/invoices/{invoice.pk}/").text, (
        "noon in UTC is 07:00 in Chicago"
    )


def test_the_approver_is_told_of_the_same_bill(alice: Any, make_invoice: Any, signed_in: Any) -> None:
    values = {"vendor_name": "Acme", "total": "10.00", "invoice_date": "2026-03-01"}
    first, second = (
        make_invoice(alice, invoice_number="1", **values),
        make_invoice(alice, invoice_number="2", **values),
    )
    for invoice in (first, second):
        invoices.change_status(invoice, Invoice.Status.READING)
        invoices.change_status(invoice, Invoice.Status.TO_APPROVE)
    page = signed_in(alice).get("/approve/").text
    assert f"invoice {first.reference}</a>" in page
    assert "same vendor, amount and date" in page
    assert "Same vendor, amount and date" in signed_in(alice).get(f"/invoices/{second.pk}/").text
