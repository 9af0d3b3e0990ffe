"""From a corrected invoice to the next one of the same vendor: upload, read, correct, learn, upload, read."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from reportlab.lib.pagesizes import letter
from reportlab.pdfgen import canvas

from extraction.models import VendorMemory
from invoiceapp import pipeline
from invoiceapp.intake.services import receive
from invoiceapp.records.models import Invoice, Organization
from review import services, teaching
from review.models import Item
from review.services import Entry

pytestmark = pytest.mark.django_db
FIELD = "work_order_number"


def paper(docket: str, number: str, total: str) -> bytes:
    """An invoice whose work order stands behind a word that neither lexicon nor encoder takes for its label."""
    out = io.BytesIO()
    page = canvas.Canvas(out, pagesize=letter)

    def write(x: float, y: float, text: str, size: float = 10) -> None:
        page.setFont("Helvetica", size)
        page.drawString(x, letter[1] - y, text)

    write(50, 60, "Alder Roofing LLC", 18)
    for k, line in enumerate(("1420 Harbor Street", "Tacoma, WA 98402", "Phone: (253) 555-0142")):
        write(50, 80 + 14 * k, line)
    write(420, 60, "INVOICE", 20)
    for k, (label, value) in enumerate(
        (("Invoice No:", number), ("Invoice Date:", "03/14/2026"), ("Terms:", "Net 30"))
    ):
        write(400, 90 + 16 * k, label)
        write(480, 90 + 16 * k, value)
    write(50, 190, "Gang")
    write(150, 190, docket)
    for y, cells in (
        (300, ("Description", "Qty", "Unit price", "Amount")),
        (318, ("Replace ridge vent", "1", total, total)),
    ):
        for x, text in zip((50, 330, 400, 500), cells, strict=True):
            write(x, y, text)
    write(400, 360, "Subtotal")
    write(500, 360, total)
    write(400, 378, "Total due")
    write(500, 378, total)
    page.save()
    return out.getvalue()


def read(organization: Organization, user: Any, docket: str, number: str, total: str = "1,450.00") -> Invoice:
    """Upload a paper and let the worker read it."""
    file = SimpleUploadedFile("invoice.pdf", paper(docket, number, total))
    row = receive(file, organization=organization, user=user)
    assert row.invoice is not None, row.message
    assert "read in" in pipeline.process_next(settings.QUEUE_NAME)
    return Invoice.objects.get(pk=row.invoice.pk)


def found(invoice: Invoice) -> str:
    reading = invoice.runs.get().readings.filter(field=FIELD).first()
    return reading.value if reading else ""


def correct(invoice: Invoice, user: Any, value: str, *, business: bool = False) -> Item:
    item = Item.objects.get(invoice=invoice, status=Item.Status.OPEN)
    services.claim(item, user)
    services.settle(item, user=user, entries={FIELD: Entry(value, business=business)})
    return item


def later() -> None:
    """Let the time go by in which a save can be taken back, and the schedule come."""
    Item.objects.filter(status=Item.Status.SETTLED).update(
        settled_at=timezone.now() - services.TAKE_BACK - timedelta(seconds=1)
    )
    pipeline.learn()


@pytest.fixture(autouse=True)
def everything_is_checked(organization: Organization, other_organization: Organization) -> None:
    Organization.objects.update(accept_threshold=0.9999)
    for row in (organization, other_organization):
        row.refresh_from_db()


def test_the_next_invoice_of_a_corrected_layout_is_read_right_for_everybody_of_the_office_and_nobody_else(
    organization: Organization, other_organization: Organization, alice: Any, bob: Any, charlie: Any
) -> None:
    first = read(organization, alice, "KX-20417", "88112")
    assert found(first) == ""
    correct(first, alice, "KX-20417")
    later()

    assert found(read(organization, alice, "KX-31008", "88139", "77.20")) == "KX-31008"  # the owner's next
    assert found(read(organization, bob, "KX-31555", "88140", "12.00")) == "KX-31555"  # a colleague's
    assert found(read(other_organization, charlie, "KX-32001", "88150", "19.00")) == ""  # an outsider's
    assert not VendorMemory.objects.visible_to(charlie, other_organization).exists()
    assert not VendorMemory.objects.visible_to(charlie, organization).exists()
    assert VendorMemory.objects.visible_to(alice, organization).exists()
    assert not VendorMemory.objects.visible_to(bob, organization).exists()  # who only uploads sees none of it


def test_what_the_office_changed_for_its_own_reasons_teaches_nothing(
    organization: Organization, alice: Any
) -> None:
    correct(read(organization, alice, "KX-20417", "88112"), alice, "KX-20417", business=True)
    later()
    assert found(read(organization, alice, "KX-31008", "88139")) == ""


def test_a_save_teaches_once_and_only_when_it_can_no_longer_be_taken_back(
    organization: Organization, alice: Any
) -> None:
    item = correct(read(organization, alice, "KX-20417", "88112"), alice, "KX-20417")
    assert teaching.teach() == 0
    services.take_back(item, alice)
    later()
    assert not VendorMemory.objects.exists()  # the save that counts is still to come
    correct(Invoice.objects.get(), alice, "KX-20417")
    later()
    versions = set(VendorMemory.objects.values_list("version", flat=True))
    assert versions == {1}
    assert teaching.teach() == 0


def test_a_document_whose_words_are_gone_keeps_no_other_from_being_learned(
    organization: Organization, alice: Any
) -> None:
    broken = read(organization, alice, "KX-20417", "88112")
    words = broken.document.pages.get().words
    words.storage.delete(words.name)
    correct(broken, alice, "KX-20417")
    correct(read(organization, alice, "KX-20533", "88113", "12.00"), alice, "KX-20533")
    later()
    assert found(read(organization, alice, "KX-31008", "88139", "13.00")) == "KX-31008"


def test_what_is_remembered_is_found_with_one_query_and_forgotten_after_two_years(
    organization: Organization, alice: Any, django_assert_num_queries: Any
) -> None:
    from extraction import memory
    from extraction.services import memories, pages_with_words

    invoice = read(organization, alice, "KX-20417", "88112")
    correct(invoice, alice, "KX-20417")
    later()
    keys = memory.keys_of(pages_with_words(invoice.document))
    with django_assert_num_queries(1):
        assert memories(organization, keys)
    VendorMemory.objects.update(updated=timezone.now() - timedelta(days=731))
    pipeline.prune()
    assert not memories(organization, keys)
