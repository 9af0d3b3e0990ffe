"""Where tables and reader meet: read one invoice's document and keep what was found."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from extraction import gate, registry
from extraction.documents import open_pages
from extraction.models import Certification, FieldReading, Run
from extraction.reading.words import read_words
from extraction.schema import Hints, PageImage, Reading, Word
from invoiceapp.records import matching
from invoiceapp.records.models import Document, Invoice, Organization, Page


def start_run(invoice: Invoice, *, token: UUID, attempt: int) -> Run:
    """Enter a run before the work begins, so that a worker that dies leaves a trace."""
    return Run.objects.create(
        organization_id=invoice.organization_id,
        invoice=invoice,
        token=token,
        attempt=attempt,
        backend=invoice.organization.backend,
        started=timezone.now(),
    )


def read(run: Run) -> Reading:
    """Read the run's document. Slow, outside any transaction; keeps pictures of the pages for people.

    :raises extraction.documents.DocumentRefused: if the file can't be opened.
    :raises extraction.schema.ReaderError: if the backend can't work.
    """
    invoice = run.invoice
    begun = time.perf_counter()
    with invoice.document.file.open("rb") as file:
        pages = open_pages(file.read())
    read_pages = [read_words(page) for page in pages]
    words_done = time.perf_counter()
    upright = [replace(page, text_words=words) for page, words in read_pages]
    _keep_pages(invoice.document, upright)
    backend = registry.backend(run.backend)
    organization = invoice.organization
    reading = backend.read(upright, Hints(country=organization.country, currency=organization.currency))
    done = time.perf_counter()
    return replace(
        reading,
        words=tuple(words for _, words in read_pages),
        seconds=replace(
            reading.seconds, total=done - begun, words=words_done - begun, fields=done - words_done
        ),
    )


def store(run: Run, reading: Reading) -> None:
    """Keep what was found and what the gate says of it. The caller's transaction also ends the work row."""
    invoice = run.invoice
    stated = {"work_order_number": invoice.stated_work_order}
    if invoice.stated_total is not None:
        stated["total"] = str(invoice.stated_total)
    organization = invoice.organization
    known = _known_to_the_office(organization, reading)
    certification = certification_for(organization, run.backend, reading.model_version)
    doubts = gate.doubtful(
        reading,
        certification.thresholds() if certification else None,
        default_threshold=organization.accept_threshold,
        stated=stated,
        known=known,
    )
    clearance = gate.clearance(reading, stated=stated, known=known)
    run.certification = certification
    run.audit_share = organization.audit_share
    run.status = Run.Status.DONE
    run.model_version = reading.model_version
    run.document_type = reading.document_type
    run.pages = reading.pages
    run.seconds_total = reading.seconds.total
    run.seconds_words = reading.seconds.words
    run.seconds_fields = reading.seconds.fields
    run.line_items = [
        {
            "values": dict(line.values),
            "confidence": line.confidence,
            "page": line.page,
            "box": line.box.as_list() if line.box else None,
        }
        for line in reading.line_items
    ]
    run.checks = [
        {
            "rule": check.rule,
            "passed": check.passed,
            "difference": check.difference,
            "fields": list(check.fields),
            "message": check.message,
        }
        for check in reading.checks
    ]
    run.doubts = doubts
    run.finished = timezone.now()
    run.save()
    FieldReading.objects.bulk_create(
        FieldReading(
            run=run,
            field=name,
            value=found.value,
            text=found.text,
            confidence=min(max(found.confidence, 0.0), 1.0),
            score=found.score,
            page=found.page,
            box=found.box.as_list() if found.box else None,
            alternatives=[
                {
                    "value": other.value,
                    "text": other.text,
                    "confidence": other.confidence,
                    "page": other.page,
                    "box": other.box.as_list() if other.box else None,
                }
                for other in found.alternatives
            ],
            accepted=name not in doubts,
            clearance=clearance.get(name),
        )
        for name, found in reading.fields.items()
    )


def certification_for(organization: Organization, backend: str, model_version: str) -> Certification | None:
    """Return the thresholds in force for a reader's version, or None where the one plain threshold holds.

    Thresholds that were worked out for another target or another version of the reader promise nothing.
    """
    if organization.target_accuracy is None:
        return None
    newest = Certification.objects.filter(organization=organization).order_by("-created", "-pk").first()
    fits = newest is not None and (newest.target, newest.backend, newest.model_version) == (
        organization.target_accuracy,
        backend,
        model_version,
    )
    return newest if fits else None


def _known_to_the_office(organization: Organization, reading: Reading) -> set[str]:
    """Return the fields whose value the organization's own lists confirm."""
    found = {name: value.value for name, value in reading.fields.items()}
    known = set()
    if matching.is_vendor(organization, found.get("vendor_name", "")):
        known.add("vendor_name")
    if (job := matching.find_job(organization, found.get("work_order_number", ""))) and job.is_open:
        known.add("work_order_number")
    if matching.is_same_name(organization.name, found.get("customer_name", "")):
        known.add("customer_name")
    return known


def end_run(run: Run, status: str, *, error: str = "") -> None:
    """Close a run that brought nothing: it failed, or another one was faster."""
    run.status = status
    run.error = error
    run.finished = timezone.now()
    run.save(update_fields=["status", "error", "finished"])


def abandon_runs(invoice: Invoice, *, error: str) -> None:
    """Close the runs of an invoice whose worker died without a word."""
    Run.objects.filter(invoice=invoice, status=Run.Status.STARTED).update(
        status=Run.Status.FAILED, error=error, finished=timezone.now()
    )


def _keep_pages(document: Document, pages: list[PageImage]) -> None:
    """Store pictures and words of the pages, then their rows: bytes first, so that no row points nowhere."""
    rows = []
    for page in pages:
        row = Page(
            document=document,
            number=page.number,
            width=page.width,
            height=page.height,
            rotation=page.rotation,
        )
        row.picture.save("page.jpg", ContentFile(page.picture), save=False)
        row.words.save("words.json", ContentFile(_words_as_json(page.text_words or ())), save=False)
        rows.append(row)
    with transaction.atomic():
        before = list(Page.objects.select_for_update().filter(document=document))
        Page.objects.filter(document=document).delete()
        Page.objects.bulk_create(rows)
    for name in (name for old in before for name in (old.picture.name, old.words.name) if name):
        default_storage.delete(name)


def _words_as_json(words: tuple[Word, ...]) -> bytes:
    cells = [[word.text, *word.box.as_list(), word.line] for word in words]
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode()
