"""Documents that go through a model together: each keeps its own result, its own failure and its own lease."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django_q.exceptions import TimeoutException
from django_q.timeout import TimeoutHandler

import extraction.services
from extraction import registry
from extraction.models import Run
from extraction.schema import Reading
from extraction.tests.pages import INVOICE_LINES, invoice_pdf
from extraction.tests.scripted_server import ScriptedServer, answers, completion, scripted, sleeps
from extraction.tests.test_generative_reading import RIGHT
from invoiceapp import pipeline
from invoiceapp.intake.services import receive
from invoiceapp.records.models import Invoice, Organization
from invoiceapp.work.models import WorkItem

pytestmark = pytest.mark.django_db
GOOD = answers(completion(json.dumps(RIGHT), logprob=-0.001))


@pytest.fixture
def server(settings: Any, organization: Organization) -> Iterator[ScriptedServer]:
    registry.backend.cache_clear()
    organization.backend = "openai_server"
    organization.save()
    with scripted(GOOD) as running:
        options = {"url": running.url, "model": "m", "attempts": 1, "concurrent": 3}
        settings.READERS = {
            **settings.READERS,
            "openai_server": {**settings.READERS["openai_server"], **options},
        }
        yield running
    registry.backend.cache_clear()


@pytest.fixture
def upload(organization: Organization, alice: Any) -> Callable[..., Invoice]:
    def upload(number: int, **options: Any) -> Invoice:
        lines = tuple(line.replace("778213", f"{770000 + number}") for line in INVOICE_LINES)
        file = SimpleUploadedFile("invoice.pdf", invoice_pdf(lines=lines))
        row = receive(file, organization=organization, user=alice, urgent=options.get("urgent", False))
        assert row.invoice is not None, row.message
        return row.invoice

    return upload


def statuses() -> list[str]:
    return list(WorkItem.objects.order_by("pk").values_list("status", flat=True))


def test_documents_that_wait_go_together_and_one_that_fails_harms_no_other(
    server: ScriptedServer, upload: Any, settings: Any
) -> None:
    good, broken, other, later = (upload(number) for number in range(4))
    storage, name = broken.document.file.storage, broken.document.file.name
    storage.delete(name)
    storage.save(name, ContentFile(b"%PDF-1.7 and then nothing"))
    said = pipeline.process_next(settings.QUEUE_NAME).splitlines()
    assert [line.split(":")[0] for line in said] == [
        f"invoice {invoice.pk}, attempt 1" for invoice in (good, broken, other)
    ]
    assert statuses() == ["done", "dead", "done", "queued"]
    assert len(server.requests) == 2
    runs = [Run.objects.get(invoice=invoice) for invoice in (good, other)]
    assert [run.status for run in runs] == ["done", "done"]
    assert runs[0].token != runs[1].token
    for run, number in zip(runs, ("770000", "770002"), strict=True):
        # each with the words of its own pages, and not of those that were read beside it
        words = [
            cell[0] for page in run.invoice.document.pages.all() for cell in json.load(page.words.open())
        ]
        assert number in words
    assert "read in" in pipeline.process_next(settings.QUEUE_NAME)
    assert statuses() == ["done", "dead", "done", "done"]
    assert Run.objects.filter(invoice=later).count() == 1


def test_an_answer_that_can_not_be_taken_costs_its_own_document_one_try(
    server: ScriptedServer, upload: Any, settings: Any
) -> None:
    server.script[:] = [answers(completion("I am sorry.")), GOOD]
    for number in range(3):
        upload(number)
    pipeline.process_next(settings.QUEUE_NAME)
    assert sorted(statuses()) == ["done", "done", "queued"]
    failed = WorkItem.objects.get(status="queued")
    assert "not JSON" in failed.last_error
    # and its second try takes nobody along
    upload(9)
    WorkItem.objects.filter(pk=failed.pk).update(due=timezone.now() - timedelta(hours=1))
    assert len(pipeline.process_next(settings.QUEUE_NAME).splitlines()) == 1
    failed.refresh_from_db()
    assert failed.status == "done"


def test_an_interruption_gives_everything_back_to_be_tried_alone(
    server: ScriptedServer, upload: Any, settings: Any
) -> None:
    server.script[:] = [sleeps(5)]
    invoices = [upload(number) for number in range(3)]
    with pytest.raises(TimeoutException), TimeoutHandler(0) as _:
        import signal

        signal.setitimer(signal.ITIMER_REAL, 2.5)
        pipeline.process_next(settings.QUEUE_NAME)
    assert statuses() == ["queued"] * 3
    assert set(Run.objects.values_list("status", flat=True)) == {"failed"}
    server.script[:] = [GOOD]
    for _ in invoices:
        WorkItem.objects.filter(status="queued").update(due=timezone.now())
        assert len(pipeline.process_next(settings.QUEUE_NAME).splitlines()) == 1
    assert statuses() == ["done"] * 3


def test_seconds_of_a_batch_are_shared_out_not_counted_for_each(
    server: ScriptedServer, upload: Any, settings: Any
) -> None:
    def slow(handler: Any) -> None:
        time.sleep(1.2)
        GOOD(handler)

    server.script[:] = [slow]
    for number in range(3):
        upload(number)
    begun = time.perf_counter()
    pipeline.process_next(settings.QUEUE_NAME)
    took = time.perf_counter() - begun
    shares = list(Run.objects.values_list("seconds_total", flat=True))
    assert len(shares) == 3
    assert 1.2 < sum(shares) < took
    assert max(shares) < 0.8 * sum(shares)


def test_runs_of_different_readers_are_each_read_by_their_own(
    server: ScriptedServer, upload: Any, organization: Organization
) -> None:
    """An administrator may choose another reader between two claims of the same batch."""
    runs = []
    for number, backend in enumerate(("layout", "openai_server", "layout")):
        Organization.objects.filter(pk=organization.pk).update(backend=backend)
        invoice = Invoice.objects.get(pk=upload(number).pk)
        runs.append(extraction.services.start_run(invoice, token=uuid4(), attempt=1))
    found = extraction.services.read_together(runs)
    assert [reading.backend for reading in found if isinstance(reading, Reading)] == [
        "layout",
        "openai_server",
        "layout",
    ]
    assert len(server.requests) == 1
    numbers = [
        reading.fields["work_order_number"].value for reading in found[::2] if isinstance(reading, Reading)
    ]
    assert numbers == ["770000", "770002"]
