"""The order of the stages. Nothing else calls one stage after another.

    upload -> submit -> [queue] -> process_next: read -> store -> route -> [a person] -> approve -> export

`process_next`, `sweep` and `beat` are the only entry points that the queue
knows; their arguments are names, never objects.
"""

from __future__ import annotations

import logging

import review.services
from django.db import transaction

import extraction.services
from extraction.models import Run
from invoiceapp.records import invoices
from invoiceapp.records.models import Invoice
from invoiceapp.work import services as work
from invoiceapp.work.models import WorkItem

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


def process_next(queue: str) -> str:
    """Do the most pressing piece of work of a queue; returns one line for the log."""
    work.beat(queue)
    item = work.claim(queue)
    if item is None:
        return "nothing is waiting"
    run: Run | None = None
    try:
        run = _start(item)
        reading = extraction.services.read(run)
    except Exception as error:  # whatever a document does to us, it ends as a sentence in its history
        log.exception("Reading invoice %s failed", item.invoice_id)
        with transaction.atomic():
            if run is not None:
                extraction.services.end_run(run, Run.Status.FAILED, error=_sentence(error))
            invoice = Invoice.objects.get(pk=item.invoice_id)
            outcome = work.give_back(item, error=_sentence(error))
            if outcome == WorkItem.Status.DEAD:
                review.services.route_unread(invoice, reason=_sentence(error))
            elif outcome == WorkItem.Status.QUEUED and invoice.status == Status.READING:
                invoices.change_status(invoice, Status.WAITING, reason=_sentence(error))
        return f"invoice {item.invoice_id}: {_sentence(error)}"
    with transaction.atomic():
        if not work.finish(item):
            extraction.services.end_run(run, Run.Status.OVERTAKEN)
            return f"invoice {item.invoice_id}: overtaken, result discarded"
        extraction.services.store(run, reading)
        review.services.route(run)
    work.beat(queue)
    return f"invoice {item.invoice_id}: read in {reading.seconds.total:.2f} s"


def _start(item: WorkItem) -> Run:
    invoice = Invoice.objects.select_related("organization", "document").get(pk=item.invoice_id)
    with transaction.atomic():
        if invoice.status == Status.WAITING:
            invoices.change_status(invoice, Status.READING)
        extraction.services.abandon_runs(invoice, error="The worker stopped while reading.")
        return extraction.services.start_run(invoice, token=item.token, attempt=item.attempts)


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__


def sweep() -> str:
    """Bring back what was forgotten, and hand to people what can't be read. Runs every minute."""
    buried = 0
    for item in work.exhausted():
        with transaction.atomic():
            reason = item.last_error or "The worker stopped every time it tried to read this document."
            if work.bury(item, error=reason):
                invoice = Invoice.objects.get(pk=item.invoice_id)
                extraction.services.abandon_runs(invoice, error=reason)
                review.services.route_unread(invoice, reason=reason)
                buried += 1
    woken = work.wake()
    return f"{buried} given up, {woken} woken"


def beat(queue: str) -> str:
    """Show the watchdog that the queue moves."""
    work.beat(queue)
    return "alive"
