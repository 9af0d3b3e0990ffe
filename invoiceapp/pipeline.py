"""The order of the stages. Nothing else calls one stage after another.

    upload -> submit -> [queue] -> process_next: read -> store -> route -> [a person] -> approve -> export

After it, where a trial wants it and no invoice is due: store -> enter -> read in shadow -> the trial's report.

Beside it, every minute: what people settled -> learn -> the vendor memory that the next read looks at.

`process_next`, `sweep`, `learn`, `beat`, `certify` and `prune` are the only entry points that the
queue knows; their arguments are names, never objects.
"""

from __future__ import annotations

import logging
from typing import cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django_q.exceptions import TimeoutException

import extraction.services
import review.certification
import review.services
import review.teaching
from extraction import trials
from extraction.documents import DocumentRefused
from extraction.models import Run, ShadowReading
from extraction.routing import NotAsked
from extraction.schema import Reading
from invoiceapp.records import invoices
from invoiceapp.records.models import Invoice
from invoiceapp.work import services as work
from invoiceapp.work.models import WorkItem
from review.models import Item

log = logging.getLogger(__name__)
Status = Invoice.Status


def submit(invoice: Invoice) -> WorkItem:
    """Let an invoice be read when its organization's batches say so. Belongs in the upload's transaction."""
    return work.submit(invoice)


def read_again(invoice: Invoice, *, user: object) -> WorkItem:
    """Send an invoice that is not decided yet through the reader once more."""
    with transaction.atomic():
        review.services.withdraw(invoice)
        invoices.change_status(invoice, Status.WAITING, user=user)
        return work.submit(invoice)


def replace(invoice: Invoice, *, by: Invoice, user: object) -> None:
    """Refuse an invoice whose picture was bad in favour of one with a better picture of the same paper.

    :raises WrongStatus: if it is being read, in somebody's hands or decided; nothing is changed.
    """
    reason = f"Replaced by a better picture: invoice {by.reference}."
    with transaction.atomic():
        invoice = Invoice.objects.get(pk=invoice.pk)
        item = invoice.review_items.filter(status=Item.Status.OPEN).first()
        if invoice.status == Status.WAITING:
            work.withdraw(invoice)
            invoices.reject(invoice, user=user, reason=reason)
        elif invoice.status == Status.REVIEW and item is not None:
            try:
                review.services.reject(item, user=user, reason=reason)
            except review.services.ClaimLost as error:
                raise invoices.WrongStatus(str(error)) from error
        else:
            raise invoices.WrongStatus(f"{invoice} is “{invoice.get_status_display()}” by now.")


def process_next(queue: str) -> str:
    """Do the most pressing piece of work of a queue, and with a reader of batches what can go along with it.

    Where no invoice is due, a document is read in shadow.

    Returns one line for each on what became of it, and logs them.
    """
    work.beat(queue)
    item = work.claim(queue)
    if item is None:
        shadow = trials.claim(queue)
        if shadow is None:
            return "nothing is waiting"
        outcomes = [_read_in_shadow(shadow)]
        trials.call_for_more(queue)
    else:
        outcomes = _do(item)
    work.beat(queue)
    return "\n".join(outcomes)


def _mates(item: WorkItem, reader: str) -> list[WorkItem]:
    at_once = extraction.services.pages_at_once(reader)
    if at_once < 2:
        return []
    return work.claim_mates(item, pages=at_once - item.invoice.document.page_count)


def _do(first: WorkItem) -> list[str]:
    """Read a document and its mates. Each is begun, kept and given back by itself: none spoils another one."""
    open_items = {first.pk: first}
    runs: dict[int, Run] = {}
    outcomes: dict[int, str] = {}

    def conclude(item: WorkItem, outcome: str) -> None:
        del open_items[item.pk]
        outcomes[item.pk] = f"invoice {item.invoice_id}, attempt {item.attempts}: {outcome}"
        log.info(outcomes[item.pk])

    def fail(item: WorkItem, error: BaseException) -> None:
        log.error("Reading invoice %s failed", item.invoice_id, exc_info=error)
        _give_back(runs.get(item.pk), item, error)
        conclude(item, _sentence(error))

    def begin(item: WorkItem) -> None:
        try:
            run = _start(item)
            if run is None:
                work.finish(item)
                conclude(item, "no longer waits to be read")
            else:
                runs[item.pk] = run
        except Exception as error:  # noqa: BLE001  whatever a document does, its history says it
            fail(item, error)

    try:
        begin(first)
        mates = _mates(first, runs[first.pk].backend) if first.pk in runs else []
        open_items |= {mate.pk: mate for mate in mates}
        for mate in mates:
            begin(mate)
        begun = list(open_items.values())
        readings = extraction.services.read_together([runs[item.pk] for item in begun])
        for item, found in zip(begun, readings, strict=True):
            try:
                if isinstance(found, Exception):
                    raise found
                conclude(item, _keep(runs[item.pk], item, found))
            except Exception as error:  # noqa: BLE001
                fail(item, error)
    except (Exception, TimeoutException) as error:
        for item in list(open_items.values()):
            fail(item, error)
        if isinstance(error, TimeoutException):
            raise  # the queue replaces a process that was interrupted somewhere
    return list(outcomes.values())


def _read_in_shadow(shadow: ShadowReading) -> str:
    """Let a trial's challenger read; the invoice never learns of it."""
    run: Run | None = None
    try:
        run = extraction.services.start_shadow(shadow)
        reading = extraction.services.read_in_shadow(run)
        kept = extraction.services.keep_shadow(shadow, run, reading)
        outcome = (
            f"read in shadow in {reading.seconds.total:.2f} s" if kept else "overtaken, result discarded"
        )
    except (Exception, TimeoutException) as error:
        outcome = _sentence(error)
        log.warning("Reading invoice %s in shadow failed: %s", shadow.invoice_id, outcome)
        with transaction.atomic():
            if isinstance(error, NotAsked | DocumentRefused):
                trials.skip(shadow, reason=outcome)
            else:
                trials.give_back(shadow, reason=outcome)
            if run is not None:
                extraction.services.end_run(run, Run.Status.FAILED, error=outcome)
        if isinstance(error, TimeoutException):
            raise  # the queue replaces a process that was interrupted somewhere
    outcome = f"invoice {shadow.invoice_id} in shadow, attempt {shadow.attempts}: {outcome}"
    log.info(outcome)
    return outcome


def _start(item: WorkItem) -> Run | None:
    """Enter the attempt; None if the invoice was decided while it waited."""
    invoice = Invoice.objects.select_related("organization", "document").get(pk=item.invoice_id)
    if invoice.status not in (Status.WAITING, Status.READING):
        return None
    with transaction.atomic():
        if invoice.status == Status.WAITING:
            invoices.change_status(invoice, Status.READING)
        extraction.services.abandon_runs(invoice, error="The worker stopped while reading.")
        return extraction.services.start_run(
            invoice,
            token=cast(UUID, item.token),  # a claimed row has one
            attempt=item.attempts,
        )


def _keep(run: Run, item: WorkItem, reading: Reading) -> str:
    """Store what was read and take the invoice to people, or discard it if somebody else was faster."""
    with transaction.atomic():
        if not work.finish(item):
            extraction.services.end_run(run, Run.Status.OVERTAKEN, reading=reading)
            return "overtaken, result discarded"
        extraction.services.store(run, reading)
        review.services.route(run)
        try:
            with transaction.atomic():
                trials.enter(run)
        except Exception:  # what only compares readers must not cost an invoice its reading
            log.exception("Invoice %s could not be entered for its trial", run.invoice_id)
    return f"read in {reading.seconds.total:.2f} s"


def _give_back(run: Run | None, item: WorkItem, error: BaseException) -> None:
    reason = _sentence(error)
    with transaction.atomic():
        outcome = work.give_back(item, error=reason, final=isinstance(error, DocumentRefused))
        if run is not None:
            status = Run.Status.OVERTAKEN if outcome is None else Run.Status.FAILED
            extraction.services.end_run(run, status, error=reason)
        invoice = Invoice.objects.get(pk=item.invoice_id)
        if outcome == WorkItem.Status.DEAD:
            review.services.route_unread(invoice, reason=reason)
        elif outcome == WorkItem.Status.QUEUED and invoice.status == Status.READING:
            invoices.change_status(invoice, Status.WAITING, reason=reason)


def _sentence(error: BaseException) -> str:
    if isinstance(error, TimeoutException):
        return f"Reading took longer than {settings.TASK_TIMEOUT} seconds."
    return str(error) or type(error).__name__


def sweep() -> str:
    """Bring back what was forgotten, and hand to people what can't be read. Runs every minute."""
    work.beat(work.own_queue())
    buried = sum(_bury(item) for item in work.exhausted())
    woken = work.wake() + trials.wake()
    outcome = f"{buried} given up, {woken} called"
    if buried or woken:
        log.info("Sweep: %s", outcome)
    return outcome


def _bury(item: WorkItem) -> bool:
    reason = item.last_error or "The worker stopped every time it tried to read this document."
    try:
        with transaction.atomic():
            if not work.bury(item, error=reason):
                return False
            invoice = Invoice.objects.get(pk=item.invoice_id)
            extraction.services.abandon_runs(invoice, error=reason)
            if invoice.status in (Status.WAITING, Status.READING):
                review.services.route_unread(invoice, reason=reason)
    except Exception:  # one row that can't be buried must not keep the others waiting
        log.exception("Work %s could not be given up", item.pk)
        return False
    return True


def learn() -> str:
    """Remember what people settled, for the next invoices of the same vendors. Runs every minute."""
    outcome = f"{review.teaching.teach()} learned from"
    log.debug(outcome)
    return outcome


def beat(queue: str) -> str:
    """Show the watchdog that the queue moves."""
    work.beat(queue)
    return "alive"


def certify() -> str:
    """Work out the thresholds that keep each organization's target accuracy. Runs nightly."""
    return f"thresholds worked out: {review.certification.certify_all()}"


def prune() -> str:
    """Remove rows that have served their purpose. Runs nightly."""
    return f"{work.prune() + extraction.services.forget_old()} old rows removed"
