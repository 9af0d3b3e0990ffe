"""What becomes of an invoice between upload and review, also when something goes wrong on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django_q.exceptions import TimeoutException
from django_q.timeout import TimeoutHandler

from extraction.models import Run
from extraction.tests.pages import INVOICE_LINES, invoice_pdf
from invoiceapp import pipeline
from invoiceapp.intake.services import receive
from invoiceapp.records import invoices
from invoiceapp.records.models import Invoice, Organization
from invoiceapp.work import services as work
from invoiceapp.work.models import WorkItem
from review.models import Item

QUEUE = django_settings.QUEUE_NAME
Status = Invoice.Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload(organization: Organization, alice: Any) -> Callable[..., Invoice]:
    def upload(*, number: int = 0, urgent: bool = False) -> Invoice:
        lines = tuple(line.replace("MR-20417", f"MR-{number}") for line in INVOICE_LINES)
        file = SimpleUploadedFile("invoice.pdf", invoice_pdf(lines=lines))
        row = receive(file, organization=organization, user=alice, urgent=urgent)
        assert row.invoice is not None, row.message
        return row.invoice

    return upload


def work_on(invoice: Invoice) -> WorkItem:
    return WorkItem.objects.get(invoice=invoice)


def test_an_upload_is_read_and_goes_to_a_person(upload: Any) -> None:
    invoice = upload()
    assert pipeline.process_next(QUEUE).split(": ")[1].startswith("read in")
    invoice.refresh_from_db()
    assert invoice.status in (Status.REVIEW, Status.TO_APPROVE)
    assert str(invoice.total) == "2717.60"
    assert work_on(invoice).status == WorkItem.Status.DONE
    assert invoice.runs.get().status == Run.Status.DONE
    assert pipeline.process_next(QUEUE) == "nothing is waiting"


def test_the_urgent_one_is_read_first(upload: Any) -> None:
    first, urgent = upload(number=1), upload(number=2, urgent=True)
    pipeline.process_next(QUEUE)
    assert work_on(urgent).status == WorkItem.Status.DONE
    assert work_on(first).status == WorkItem.Status.QUEUED


def test_what_is_rejected_while_it_waits_is_not_read(upload: Any, alice: Any) -> None:
    invoice = upload()
    invoices.reject(invoice, user=alice, reason="Not for us.")
    assert "no longer waits" in pipeline.process_next(QUEUE)
    invoice.refresh_from_db()
    assert invoice.status == Status.REJECTED
    assert not invoice.runs.exists()


def test_a_document_that_can_not_be_opened_goes_to_a_person_at_once_with_the_reason(upload: Any) -> None:
    invoice = upload()
    name = invoice.document.file.name
    invoice.document.file.storage.delete(name)
    invoice.document.file.storage.save(name, ContentFile(b"%PDF-1.7 and then nothing"))
    pipeline.process_next(QUEUE)
    invoice.refresh_from_db()
    item = Item.objects.get(invoice=invoice)
    assert (invoice.status, item.reason) == (Status.REVIEW, Item.Reason.UNREADABLE)
    assert work_on(invoice).status == WorkItem.Status.DEAD
    assert work_on(invoice).last_error in (item.explanation, item.run.error)


def test_a_file_that_is_missing_just_now_is_tried_again(upload: Any) -> None:
    """A storage may be away for a moment; only when it stays away does somebody have to type."""
    invoice = upload()
    name = invoice.document.file.name
    storage = invoice.document.file.storage
    content = storage.open(name).read()
    storage.delete(name)
    pipeline.process_next(QUEUE)
    invoice.refresh_from_db()
    assert invoice.status == Status.WAITING
    assert work_on(invoice).status == WorkItem.Status.QUEUED
    assert work_on(invoice).last_error
    storage.save(name, ContentFile(content))
    WorkItem.objects.filter(invoice=invoice).update(due=timezone.now())
    pipeline.process_next(QUEUE)
    assert work_on(invoice).status == WorkItem.Status.DONE
    assert sorted(invoice.runs.values_list("status", flat=True)) == [Run.Status.DONE, Run.Status.FAILED]


def test_reading_that_takes_too_long_says_so_and_renews_the_process(upload: Any, settings: Any) -> None:
    settings.READ_ATTEMPTS = 1
    invoice = upload()
    with pytest.raises(TimeoutException), TimeoutHandler(0) as _:
        # As the queue interrupts it: by a signal, in the middle of whatever it is doing.
        _interrupt_soon()
        pipeline.process_next(QUEUE)
    assert work_on(invoice).last_error == f"Reading took longer than {settings.TASK_TIMEOUT} seconds."
    assert invoice.runs.get().status == Run.Status.FAILED
    invoice.refresh_from_db()
    assert invoice.status == Status.REVIEW


def _interrupt_soon() -> None:
    import signal

    signal.setitimer(signal.ITIMER_REAL, 0.1)


def test_a_late_result_is_discarded(upload: Any) -> None:
    """Two workers hold the same document after a lease ran out: the values of one are kept, those of the other not."""
    invoice = upload()
    slow = work.claim(QUEUE)
    assert slow is not None and slow.lease_until is not None
    slow_run = pipeline._start(slow)
    assert slow_run is not None
    WorkItem.objects.filter(pk=slow.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    pipeline.process_next(QUEUE)
    values = invoice.values.count()
    import extraction.services

    assert "discarded" in pipeline._keep(slow_run, slow, extraction.services.read(slow_run))
    assert invoice.values.count() == values
    assert sorted(invoice.runs.values_list("status", flat=True)) == [Run.Status.DONE, Run.Status.OVERTAKEN]
    assert Item.objects.filter(invoice=invoice).count() <= 1


def test_a_sweep_hands_a_document_that_killed_every_worker_to_a_person(upload: Any, settings: Any) -> None:
    settings.READ_ATTEMPTS = 2
    killer, other = upload(number=1), upload(number=2)
    for _ in range(2):
        item = work.claim(QUEUE)
        assert item is not None
        assert pipeline._start(item) is not None
        # The worker is gone without a word.
        WorkItem.objects.filter(pk=item.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        WorkItem.objects.exclude(pk=item.pk).update(due=timezone.now() + timedelta(hours=1))
    assert "1 given up" in pipeline.sweep()
    killer.refresh_from_db()
    assert killer.status == Status.REVIEW
    assert "stopped every time" in work_on(killer).last_error
    assert set(killer.runs.values_list("status", flat=True)) == {Run.Status.FAILED}
    assert work_on(other).status == WorkItem.Status.QUEUED


def test_a_sweep_gives_up_what_was_rejected_meanwhile_without_reopening_it(
    upload: Any, alice: Any, settings: Any
) -> None:
    settings.READ_ATTEMPTS = 1
    rejected, killer = upload(number=1), upload(number=2)
    for _ in range(2):
        assert work.claim(QUEUE) is not None
    WorkItem.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    invoices.reject(rejected, user=alice, reason="Not for us.")
    assert "2 given up" in pipeline.sweep()
    for invoice, status in ((rejected, Status.REJECTED), (killer, Status.REVIEW)):
        invoice.refresh_from_db()
        assert invoice.status == status


def test_reading_again_is_a_new_piece_of_work(upload: Any, alice: Any) -> None:
    invoice = upload()
    pipeline.process_next(QUEUE)
    invoice.refresh_from_db()
    pipeline.read_again(invoice, user=alice)
    pipeline.process_next(QUEUE)
    assert invoice.runs.filter(status=Run.Status.DONE).count() == 2
    assert WorkItem.objects.filter(invoice=invoice, status=WorkItem.Status.DONE).count() == 2
