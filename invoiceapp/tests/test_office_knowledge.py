"""What an organization's lists do for its own readings, and for nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from extraction.services import office_of
from extraction.tests.pages import INVOICE_LINES, invoice_pdf
from invoiceapp import pipeline
from invoiceapp.intake.services import receive
from invoiceapp.records.matching import name_key, number_key
from invoiceapp.records.models import Invoice, Job, Organization, Vendor

pytestmark = pytest.mark.django_db

Read = Callable[..., tuple[Invoice, dict[str, str]]]


@pytest.fixture
def read() -> Read:
    def read(organization: Organization, user: Any, *lines: str) -> tuple[Invoice, dict[str, str]]:
        file = SimpleUploadedFile("invoice.pdf", invoice_pdf(lines=lines or INVOICE_LINES))
        row = receive(file, organization=organization, user=user)
        assert row.invoice is not None, row.message
        assert "read in" in pipeline.process_next(settings.QUEUE_NAME)
        row.invoice.refresh_from_db()
        return row.invoice, row.invoice.runs.get().doubts

    return read


def job(organization: Organization, number: str, *, is_open: bool = True) -> Job:
    return Job.objects.create(
        organization=organization, number=number, number_key=number_key(number), is_open=is_open
    )


def test_a_number_on_no_list_goes_to_a_person(organization: Organization, alice: Any, read: Read) -> None:
    job(organization, "990001")
    invoice, doubts = read(organization, alice)
    assert invoice.work_order_number == "778213"
    assert "no work order 778213 is on your list" in doubts["work_order_number"]


def test_a_closed_work_order_goes_to_a_person(organization: Organization, alice: Any, read: Read) -> None:
    job(organization, "990001")
    job(organization, "778213", is_open=False)
    _, doubts = read(organization, alice)
    assert "work order 778213 is closed" in doubts["work_order_number"]


def test_without_a_list_no_number_is_held_against_anybody(
    organization: Organization, alice: Any, read: Read
) -> None:
    _, doubts = read(organization, alice)
    assert "list" not in doubts.get("work_order_number", "")


def test_an_open_order_is_found_although_nothing_labels_it(
    organization: Organization, alice: Any, read: Read
) -> None:
    job(organization, "778213")
    lines = [line.replace("Work order: 778213", "Roof of the north wing, 778213") for line in INVOICE_LINES]
    invoice, _ = read(organization, alice, *lines)
    assert invoice.work_order_number == "778213"


def test_a_misread_vendor_gets_the_name_on_the_list(
    organization: Organization, alice: Any, read: Read
) -> None:
    name = "Miller & Sons Roofing LLC"
    Vendor.objects.create(organization=organization, name=name, name_key=name_key(name))
    lines = [line.replace("Miller", "Mi11er") for line in INVOICE_LINES]
    invoice, _ = read(organization, alice, *lines)
    assert invoice.vendor_name == name


def test_another_organization_s_lists_are_never_looked_at(
    organization: Organization, other_organization: Organization, alice: Any, read: Read
) -> None:
    name = "Miller & Sons Roofing LLC"
    Vendor.objects.create(organization=other_organization, name=name, name_key=name_key(name))
    job(other_organization, "778213")
    lines = [
        line.replace("Miller", "Mi11er").replace("Work order: 778213", "Roof of the north wing, 778213")
        for line in INVOICE_LINES
    ]
    invoice, _ = read(organization, alice, *lines)
    assert invoice.vendor_name != name
    assert invoice.work_order_number == ""
    office = office_of(invoice)
    assert (office.vendors, dict(office.work_orders)) == ((), {})
