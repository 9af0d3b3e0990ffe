"""Where tables and reader meet: read one invoice's document and keep what was found."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from extraction import budget, costs, gate, memory, registry, routing, trials
from extraction.backends.generative.prompts import faults
from extraction.calibration import load_calibration
from extraction.documents import open_pages
from extraction.fields import FIELDS, REQUIRED_FIELDS
from extraction.models import (
    Certification,
    Consultation,
    FieldReading,
    Prompt,
    Run,
    ShadowReading,
    VendorMemory,
)
from extraction.office import KnownVendor, Office, number_key
from extraction.reading.words import read_words
from extraction.schema import (
    BatchBackend,
    Box,
    Hints,
    OpenedDocument,
    OwnPrompt,
    PageImage,
    ReaderError,
    Reading,
    Seconds,
    Usage,
    Word,
)
from invoiceapp.records import matching
from invoiceapp.records.models import Document, Invoice, Job, Organization, Page, Vendor

# The reader whose confidence `extraction.calibration` holds.
FITTED = "layout"
# What a threshold decides over; the type of document has reasons of its own and no confidence.
CERTIFIED_FIELDS = tuple(
    name for name in FIELDS if name in gate.WATCHED_FIELDS | set(REQUIRED_FIELDS) and name != "document_type"
)
# A vendor that sent nothing for two years has most likely changed its form since.
REMEMBERED = timedelta(days=730)


def start_run(invoice: Invoice, *, token: UUID, attempt: int) -> Run:
    """Enter a run before the work begins, so that a worker that dies leaves a trace."""
    chosen = routing.first_reader(invoice)
    return Run.objects.create(
        organization_id=invoice.organization_id,
        invoice=invoice,
        token=token,
        attempt=attempt,
        backend=chosen.reader,
        trial=chosen.trial,
        side=chosen.side,
        started=timezone.now(),
    )


def start_shadow(shadow: ShadowReading) -> Run:
    """Enter the run of a shadow reading that was claimed; `Run.objects` does not know it."""
    return Run.every.create(
        organization_id=shadow.organization_id,
        invoice=shadow.invoice,
        token=cast(UUID, shadow.token),  # a claimed row has one
        attempt=shadow.attempts,
        backend=shadow.trial.challenger,
        role=Run.Role.SHADOW,
        trial=shadow.trial,
        started=timezone.now(),
    )


def pages_at_once(backend: str) -> int:
    """Return how many pages, of one document or of several, are worth handing to a reader together now."""
    try:
        found = registry.backend(backend)
    except ReaderError:
        return 1  # why it can't be used is told to the one document that asks for it
    return found.pages_at_once if isinstance(found, BatchBackend) else 1


def read(run: Run) -> Reading:
    """Read the run's document with the readers that its organization chose (`extraction.routing`).

    Slow, outside any transaction; keeps pictures of the pages for people.

    :raises extraction.documents.DocumentRefused: if the file can't be opened.
    :raises extraction.schema.ReaderError: if the backend can't work.
    """
    (outcome,) = read_together([run])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def read_together(runs: Sequence[Run]) -> list[Reading | Exception]:
    """Read the documents of runs, those of one reader together where it can do that; see `read`.

    :returns: for each what was read, or why it could not be; one that fails leaves the others alone.
    """
    opened: dict[int, _Opened] = {}
    outcomes: dict[int, Reading | Exception] = {}
    for number, run in enumerate(runs):
        try:
            opened[number] = _open(run)
        except Exception as error:  # noqa: BLE001  told in the history of its invoice
            outcomes[number] = error
    # Documents of organizations with one usual reader may have different ones for what is urgent.
    for reader in dict.fromkeys(runs[number].backend for number in opened):
        own = [number for number in opened if runs[number].backend == reader]
        first: Sequence[Reading | Exception]
        try:
            first = routing.read_first([runs[k] for k in own], [opened[k].document for k in own])
        except Exception as error:  # noqa: BLE001  a reader that can't be asked at all
            first = [error] * len(own)
        outcomes |= dict(zip(own, first, strict=True))
    return [
        outcome if isinstance(outcome, Exception) else _with_second(runs[number], opened[number], outcome)
        for number, outcome in ((number, outcomes[number]) for number in range(len(runs)))
    ]


def read_in_shadow(run: Run) -> Reading:
    """Read the document of a shadow's run with the challenger alone. Slow, outside any transaction.

    Only looks: the pages that people see, and the vendor memory learns from, stay those of the invoice's own reading.

    :raises extraction.routing.NotAsked: if the challenger is not set up or has no budget left.
    :raises extraction.documents.DocumentRefused: if the file can't be opened.
    :raises extraction.schema.ReaderError: if the challenger can't work.
    """
    opened = _open(run, keep=False)
    return opened.whole(routing.read_alone(run, opened.document))


def _with_second(run: Run, opened: _Opened, first: Reading) -> Reading | Exception:
    begun = time.perf_counter()
    try:
        reading = routing.consult(run, first, opened.document, lambda found: _judge(run, found).doubts)
    except Exception as error:  # noqa: BLE001  told in the history of its invoice, and no other's
        return error
    took = first.seconds.total + time.perf_counter() - begun
    return opened.whole(replace(reading, seconds=replace(first.seconds, total=took)))


@dataclass(frozen=True, slots=True)
class _Opened:
    """A document ready for a backend, with the seconds that opening and recognising it, and preparing it, took."""

    document: OpenedDocument
    words: tuple[tuple[Word, ...], ...]
    words_seconds: float
    other_seconds: float

    def whole(self, reading: Reading) -> Reading:
        """Return the reading with the words that were recognised here, and with all seconds."""
        fields = self.other_seconds + reading.seconds.total
        seconds = Seconds(total=self.words_seconds + fields, words=self.words_seconds, fields=fields)
        return replace(reading, words=self.words, seconds=seconds)


def _open(run: Run, *, keep: bool = True) -> _Opened:
    """Open a run's document.

    :param keep: the pages as well, for people.
    """
    invoice = run.invoice
    begun = time.perf_counter()
    with invoice.document.file.open("rb") as file:
        pages = open_pages(file.read())
    read_pages = [read_words(page) for page in pages]
    words_done = time.perf_counter()
    # What stood unread on them is among the words now.
    upright = [replace(page, text_words=words, unread=()) for page, words in read_pages]
    if keep:
        _keep_pages(invoice.document, upright)
    organization = invoice.organization
    hints = Hints(
        country=organization.country,
        currency=organization.currency,
        memory=memories(organization, memory.keys_of(read_pages)),
        office=office_of(invoice),
        prompt=own_prompt_of(organization),
    )
    return _Opened(
        OpenedDocument(upright, hints),
        tuple(words for _, words in read_pages),
        words_seconds=words_done - begun,
        other_seconds=time.perf_counter() - words_done,
    )


def store(run: Run, reading: Reading) -> None:
    """Keep what was found and what the gate says of it. The caller's transaction also ends the work row."""
    found = _judge(run, reading)
    doubts, clearance = found.doubts, found.clearance()
    run.backend = reading.backend  # another one than the first that was to read, where that one could not
    run.certification = found.certification
    run.audit_share = run.invoice.organization.audit_share
    run.status = Run.Status.DONE
    run.model_version = reading.model_version
    run.document_type = reading.document_type
    run.pages = reading.pages
    run.seconds_total = reading.seconds.total
    run.seconds_words = reading.seconds.words
    run.seconds_fields = reading.seconds.fields
    _note_cost(run, reading)
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
            value=value.value,
            text=value.text,
            confidence=min(max(value.confidence, 0.0), 1.0),
            score=value.score,
            page=value.page,
            box=value.box.as_list() if value.box else None,
            alternatives=[
                {
                    "value": other.value,
                    "text": other.text,
                    "confidence": other.confidence,
                    "page": other.page,
                    "box": other.box.as_list() if other.box else None,
                    "reader": other.reader,
                }
                for other in value.alternatives
            ],
            accepted=name not in doubts,
            clearance=clearance.get(name),
            reader=value.reader,
            second=value.second,
            agreed=value.agreed,
        )
        for name, value in reading.fields.items()
    )


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the gate says of a reading, with what it was told: ``doubts`` are what a person must see, and why."""

    reading: Reading
    doubts: dict[str, str]
    certification: Certification | None
    stated: Mapping[str, str]
    known: frozenset[str]
    flagged: Mapping[str, str]

    def clearance(self) -> dict[str, float]:
        """Return `gate.clearance` of the same reading."""
        return gate.clearance(self.reading, stated=self.stated, known=self.known, flagged=self.flagged)


def _judge(run: Run, reading: Reading) -> _Verdict:
    """Put a reading before the gate, with what the organization knows and wants."""
    organization = run.invoice.organization
    stated = _stated(run.invoice)
    known = frozenset(_known_to_the_office(organization, reading))
    flagged = _unknown_to_the_office(organization, reading)
    certification = certification_for(organization, reading.backend, reading.model_version)
    limits = meanwhile(organization, reading.backend)
    doubts = gate.doubtful(
        reading,
        {**limits, **(certification.thresholds() if certification else {})},
        default_threshold=organization.accept_threshold,
        stated=stated,
        known=known,
        flagged=flagged,
    )
    return _Verdict(reading, doubts, certification, stated, known, flagged)


def _stated(invoice: Invoice) -> dict[str, str]:
    """Return what the uploader said the document holds, by field."""
    stated = {"work_order_number": invoice.stated_work_order}
    if invoice.stated_total is not None:
        stated["total"] = str(invoice.stated_total)
    return {name: value for name, value in stated.items() if value}


def office_of(invoice: Invoice) -> Office:
    """Return what the invoice's organization knows before it is read. Two queries, no other organization's rows."""
    organization = invoice.organization
    jobs = Job.objects.filter(organization=organization, is_open=True).values_list("number", flat=True)
    vendors = Vendor.objects.filter(organization=organization).values_list("name", "phone", "email", "tax_id")
    return Office(
        work_orders={number_key(number): number for number in jobs.iterator(chunk_size=5000)},
        vendors=tuple(KnownVendor(*row) for row in vendors.iterator(chunk_size=5000)),
        stated=_stated(invoice),
    )


def certification_for(organization: Organization, backend: str, model_version: str) -> Certification | None:
    """Return the thresholds in force for a reader's version, or None where the one plain threshold holds.

    Thresholds that were worked out for another target, another version of the reader or another combination of
    readers promise nothing. While a second reader is down the first one's own hold, and its combination's again after.
    """
    if organization.target_accuracy is None:
        return None
    return (
        Certification.objects.filter(
            organization=organization,
            target=organization.target_accuracy,
            backend=backend,
            model_version=model_version,
        )
        .order_by("-created", "-pk")
        .first()
    )


def meanwhile(organization: Organization, backend: str) -> dict[str, float]:
    """Return from which confidence on fields pass as long as checked values certify none, by field.

    With a target accuracy these are the thresholds that kept it on real documents when the confidence was fitted, or
    the organization's own where that is higher. Without a target, or for a reader whose confidence was fitted on
    nothing here, the organization's own holds alone.
    """
    if organization.target_accuracy is None or backend != FITTED:
        return {}
    measured = load_calibration()
    own, target = organization.accept_threshold, organization.target_accuracy
    return {name: max(own, measured.limit_of(name, target)) for name in CERTIFIED_FIELDS}


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


def _unknown_to_the_office(organization: Organization, reading: Reading) -> dict[str, str]:
    """Return what the organization's lists say against a value: money must not be charged to a job nobody opened."""
    found = reading.fields.get("work_order_number")
    if found is None or not Job.objects.filter(organization=organization, is_open=True).exists():
        return {}
    job = matching.find_job(organization, found.value)
    if job is None:
        return {"work_order_number": f"no work order {found.value} is on your list"}
    return {} if job.is_open else {"work_order_number": f"work order {job.number} is closed"}


def _note_cost(run: Run, reading: Reading) -> None:
    """Enter what a reading took and cost, with every reader that was asked for it. The caller saves."""
    asked = list(run.consultations.all())
    own = max(reading.seconds.total - sum(one.seconds for one in asked), 0.0)
    usage, cost = reading.usage, costs.cost(registry.price(reading.backend), reading.usage, own)
    for one in asked:
        if one.outcome == Consultation.Outcome.ANSWERED:
            usage += Usage(one.input_tokens, one.output_tokens, one.seconds_model or 0.0)
        if one.cost is not None:
            cost = None if cost is None else cost + one.cost
        elif one.outcome == Consultation.Outcome.ANSWERED:
            cost = None
    run.seconds_model = usage.model_seconds
    run.input_tokens, run.output_tokens = usage.input_tokens, usage.output_tokens
    run.cost = cost
    run.cost_currency = settings.PRICE_CURRENCY


def keep_shadow(shadow: ShadowReading, run: Run, reading: Reading) -> bool:
    """Keep what the challenger read of a document, for the trial's report alone; one transaction.

    :returns: False if the lease went to somebody else meanwhile: then only what it cost is kept.
    """
    with transaction.atomic():
        if not trials.finish(shadow, run):
            end_run(run, Run.Status.OVERTAKEN, reading=reading)
            return False
        store(run, reading)
        return True


def end_run(run: Run, status: str, *, error: str = "", reading: Reading | None = None) -> None:
    """Close a run that brought nothing: it failed, or another one was faster.

    :param reading: what it found too late; it cost something all the same. Without it a worker's time is known, what
        a model server did is not.
    """
    run.status = status
    run.error = error
    run.finished = timezone.now()
    if reading is not None:
        _note_cost(run, reading)
    elif not (price := registry.price(run.backend)).on_server:
        run.cost = costs.cost(price, Usage(), (run.finished - run.started).total_seconds())
        run.cost_currency = settings.PRICE_CURRENCY
    run.save(
        update_fields=[
            "status", "error", "finished", "seconds_model", "input_tokens", "output_tokens", "cost", "cost_currency",
        ]
    )  # fmt: skip


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
    cells = [[word.text, *word.box.as_list(), word.line, round(word.confidence, 4)] for word in words]
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode()


def _words_from_json(content: bytes) -> tuple[Word, ...]:
    """Return a stored page's words; pages stored by an earlier version have no confidences."""
    return tuple(
        Word(text, Box(x0, y0, x1, y1), confidence[0] if confidence else 1.0, line)
        for text, x0, y0, x1, y1, line, *confidence in json.loads(content)
    )


# --- prompts of one's own ---------------------------------------------------------------------------


class PromptRefused(Exception):
    """A prompt can't be kept; the message says why, and what to do."""


def own_prompt_of(organization: Organization) -> OwnPrompt | None:
    """Return what the organization asks large models with; None where it leaves that to the shipped prompt."""
    newest = Prompt.objects.filter(organization=organization).first()
    return OwnPrompt(newest.version, newest.text) if newest is not None and newest.text else None


def save_prompt(organization: Organization, text: str, *, author: Any, based_on: int) -> Prompt:
    """Keep a new version of the organization's prompt; what is read from now on is asked with it.

    :param text: with its placeholders; empty for the shipped prompt.
    :param based_on: the version that its author saw as the newest; 0 if there was none.
    :raises PromptRefused: if it has a fault, says what is in use already, or somebody else saved one meanwhile.
    """
    text = text.replace("\r\n", "\n").strip()
    if text and (found := faults(text)):
        raise PromptRefused(" ".join(found))
    newest = Prompt.objects.filter(organization=organization).first()
    if newest is not None and newest.version != based_on:
        raise PromptRefused(
            f"{newest.author or 'Somebody'} saved version {newest.version} meanwhile. "
            "Look at it below, then save again."
        )
    if text == (newest.text if newest is not None else ""):
        raise PromptRefused("Nothing has changed: this is what is in use.")
    version = newest.version + 1 if newest is not None else 1
    try:
        with transaction.atomic():
            return Prompt.objects.create(organization=organization, version=version, text=text, author=author)
    except IntegrityError:
        raise PromptRefused(
            "Somebody else saved a version at this moment. Look at it, then save again."
        ) from None


# --- vendor memory -------------------------------------------------------------------------------


def memories(organization: Organization, keys: memory.Keys) -> tuple[memory.VendorMemory, ...]:
    """Return what the organization remembers under a document's keys, the surest key first. One query.

    Nothing that another organization taught is ever looked at.
    """
    rows = VendorMemory.objects.filter(_under(keys), organization=organization)
    held = {(row.kind, row.key): _as_memory(row) for row in rows}
    return tuple(held[pair] for pair in keys.pairs if pair in held)


def learn(invoice: Invoice, confirmed: Mapping[str, memory.Confirmed]) -> bool:
    """Remember how the values that a person confirmed stand on the invoice's pages.

    Reads the stored words of the pages, then writes in one short transaction.

    :returns: whether anything was remembered: not without words, keys or values.
    """
    lesson = memory.study(pages_with_words(invoice.document), confirmed)
    if not lesson.fields or not lesson.keys.pairs:
        return False
    with transaction.atomic():
        # Whoever comes second at a new key waits here for the first one's row, and then learns on top of it.
        VendorMemory.objects.bulk_create(
            [
                VendorMemory(organization_id=invoice.organization_id, kind=kind, key=key, version=0)
                for kind, key in lesson.keys.pairs
            ],
            ignore_conflicts=True,
        )
        held = VendorMemory.objects.select_for_update().filter(
            _under(lesson.keys), organization_id=invoice.organization_id
        )
        remembered = list(held.order_by("pk"))
        for row in remembered:
            before = _as_memory(row) if row.version else None
            after = memory.learn(before, row.kind, row.key, lesson)
            row.phrases, row.fields = sorted(after.phrases), memory.as_json(after.fields)
            row.version += 1
            row.updated = timezone.now()
        VendorMemory.objects.bulk_update(remembered, ["phrases", "fields", "version", "updated"])
    return True


def pages_with_words(document: Document) -> list[tuple[PageImage, tuple[Word, ...]]]:
    """Return a document's pages as they were read, without their pictures.

    :raises FileNotFoundError: if a page's words are not in the storage.
    """
    pages = []
    for row in document.pages.exclude(words=""):
        with row.words.open("rb") as file:
            words = _words_from_json(file.read())
        pages.append((PageImage(row.number, row.width, row.height, b""), words))
    return pages


def forget_old() -> int:
    """Remove what no checked invoice has confirmed for `REMEMBERED`, and old reservations; returns how many rows."""
    memories_gone = VendorMemory.objects.filter(updated__lt=timezone.now() - REMEMBERED).delete()[0]
    return memories_gone + budget.forget_old()


def _under(keys: memory.Keys) -> Q:
    by_kind: dict[str, list[str]] = {}
    for kind, key in keys.pairs:
        by_kind.setdefault(kind, []).append(key)
    condition = Q(pk__in=())
    for kind, names in by_kind.items():
        condition |= Q(kind=kind, key__in=names)
    return condition


def _as_memory(row: VendorMemory) -> memory.VendorMemory:
    return memory.VendorMemory(row.kind, row.key, frozenset(row.phrases), memory.from_json(row.fields))
