"""Pieces of work that are not lost and not done twice.

A row says what is to be done, who does it until when, and how often it was
tried. A message in the broker is only a wake-up call: whoever gets one claims
the most pressing row. A lost call delays work until the next sweep, a doubled
one finds nothing to do (docs/operations.md, "The work row").
"""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Count, F, Min, Q, QuerySet
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Task
from django_q.tasks import async_task

from invoiceapp.records.invoices import WrongStatus
from invoiceapp.records.models import Event, Invoice, Organization
from invoiceapp.work import reading_times
from invoiceapp.work.models import Heartbeat, WorkItem

log = logging.getLogger(__name__)
Status = WorkItem.Status
Mode = Organization.ReadingMode

# Named by text: the entry point lies above this layer.
ENTRY_POINT = "invoiceapp.pipeline.process_next"
# The environment variable through which a supervisor names its cluster to the workers it starts.
CLUSTER_VARIABLE = "INVOICEAPP_CLUSTER"
# The queue kills a stuck task 3 s after its timeout; the rest is for starting up and for clocks that differ.
LEASE_MARGIN = timedelta(seconds=30)
# Calls sent by one sweep. A sweep a minute: more than eight documents a second, faster than any reader.
CALLS_PER_SWEEP = 500
# First retry after a minute, second after four, third after nine: long enough for a server to come back.
BACKOFF = timedelta(minutes=1)
KEEP_FAILURES = timedelta(days=30)
KEEP_HEARTBEATS = timedelta(days=1)
MOST_PRESSING = ("-urgent", "due", "id")
# Nobody serves a queue whose clusters were all silent for so long: the watchdog has them start anew by then.
UNSERVED_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Unserved:
    """A queue in which work is due that no running worker takes."""

    queue: str
    waiting: int
    oldest: datetime


def queue_for(organization: Organization, *, urgent: bool = False) -> str:
    """Return the queue whose workers read for an organization: one of its readers' own, or the one for everything.

    One worker reads a document with all readers that are asked about it.
    """
    own = (settings.READER_QUEUES.get(name) for name in organization.readers(urgent=urgent))
    return next((queue for queue in own if queue), settings.QUEUE_NAME)


def own_queue() -> str:
    """Return the queue that this process's cluster serves."""
    return os.environ.get("Q_CLUSTER_NAME") or settings.QUEUE_NAME


def submit(invoice: Invoice) -> WorkItem:
    """Enter the reading of an invoice as a piece of work; belongs in the transaction that makes it necessary.

    It is due when the organization's settings say, an urgent one at once. The
    wake-up call goes out after the commit; a broker that does not answer is
    logged and never breaks the caller (the next sweep calls again).

    :return: the new row, or the open one if the invoice is waiting or being read already.
    """
    now = timezone.now()
    organization = invoice.organization
    item, created = WorkItem.objects.get_or_create(
        invoice=invoice,
        status__in=WorkItem.OPEN,
        defaults={
            "organization": organization,
            "queue": queue_for(organization, urgent=invoice.urgent),
            "status": Status.QUEUED,
            "urgent": invoice.urgent,
            "due": now if invoice.urgent else reading_times.due_at(organization, now),
        },
    )
    if created and item.due is None and release_batch(organization, now):
        item.refresh_from_db(fields=["due"])
    elif created and item.due is not None and item.due <= now:
        _call_after_commit(item.queue)
    return item


def claim(queue: str, now: datetime | None = None) -> WorkItem | None:
    """Take the most pressing piece of work of a queue: urgent ones first, then what was due first.

    Also takes work whose lease ran out because its worker died. The attempt is
    counted here, before the work, so that a document that kills its worker
    does not do so for ever.

    :return: the row, running, with a token and lease of its own; None if nothing is due.
    """
    now = now or timezone.now()
    claimable = _claimable(now).filter(queue=queue).order_by(*MOST_PRESSING)
    while True:
        found, item = _take(claimable, now)
        if item is not None or not found:
            return item


def claim_mates(item: WorkItem, *, pages: int, now: datetime | None = None) -> list[WorkItem]:
    """Take further work of the same queue and reader, to be done together with a row that was claimed.

    Each row has a lease, a token and a history of its own. What was tried before goes alone: a document that brought
    its worker down must not do so to others for a second time. For the same reason nobody is taken along who could
    not be tried again. An urgent one waits for urgent ones only.

    :param pages: how many pages they may have together; a document that has more is left for later.
    :return: the rows, running; empty if nothing else waits or fits.
    """
    now = now or timezone.now()
    if item.attempts > 1 or settings.READ_ATTEMPTS < 2 or pages < 1:
        return []
    claimable = _claimable(now).filter(queue=item.queue, urgent=item.urgent, attempts=0)
    alike = claimable.filter(organization__backend=item.organization.backend).order_by(*MOST_PRESSING)
    mates: list[WorkItem] = []
    for pk, count in alike.values_list("pk", "invoice__document__page_count")[: 4 * pages]:
        if count <= pages:
            _, mate = _take(claimable.filter(pk=pk), now)
            if mate is not None:
                mates.append(mate)
                pages -= count
        if not pages:
            break
    return mates


def _take(claimable: QuerySet[WorkItem], now: datetime) -> tuple[bool, WorkItem | None]:
    """Take the first of these rows; returns whether there was one, and the row unless somebody else was faster."""
    locks = connection.features.has_select_for_update_skip_locked
    # Without row locks (SQLite) the UPDATE's own conditions decide between two who chose the same row.
    with transaction.atomic() if locks else nullcontext():
        rows = claimable.select_for_update(skip_locked=True) if locks else claimable
        chosen = rows.values_list("pk", flat=True).first()
        if chosen is None:
            return False, None
        taken = (
            claimable.order_by()
            .filter(pk=chosen)
            .update(
                status=Status.RUNNING,
                token=(token := uuid4()),
                lease_until=now + timedelta(seconds=settings.TASK_TIMEOUT) + LEASE_MARGIN,
                attempts=F("attempts") + 1,
                started=now,
            )
        )
    return True, WorkItem.objects.get(pk=chosen, token=token) if taken else None


def finish(item: WorkItem) -> bool:
    """Mark the work as done; belongs in the transaction that keeps its result.

    :return: False if the lease went to somebody else meanwhile: then the result must be discarded.
    """
    return bool(
        _held(item).update(status=Status.DONE, finished=timezone.now(), lease_until=None, last_error="")
    )


def give_back(item: WorkItem, *, error: str, final: bool = False) -> Status | None:
    """Return work that failed: it is tried again a little later, or given up when its attempts are used up.

    :param error: a sentence that people will read.
    :param final: trying again can't help (the document itself is refused).
    :return: QUEUED or DEAD, or None if the lease went to somebody else meanwhile.
    """
    now = timezone.now()
    if final or item.attempts >= settings.READ_ATTEMPTS:
        changes: dict[str, Any] = {"status": Status.DEAD, "finished": now}
    else:
        changes = {"status": Status.QUEUED, "due": now + BACKOFF * item.attempts**2, "token": None}
    if not _held(item).update(**changes, lease_until=None, last_error=error):
        return None
    return changes["status"]


def exhausted(now: datetime | None = None) -> list[WorkItem]:
    """Return open work that nobody holds and that has no attempts left; for `bury`."""
    return list(_unheld(now or timezone.now()).filter(attempts__gte=settings.READ_ATTEMPTS).order_by("id"))


def bury(item: WorkItem, *, error: str) -> bool:
    """Give up a piece of work that `exhausted` returned; False if somebody else moved it meanwhile."""
    unchanged = WorkItem.objects.filter(pk=item.pk, status=item.status, token=item.token)
    return bool(
        unchanged.update(status=Status.DEAD, finished=timezone.now(), lease_until=None, last_error=error)
    )


def withdraw(invoice: Invoice) -> None:
    """Take back what waits to be done on an invoice that needs it no longer (it was rejected, say)."""
    WorkItem.objects.filter(invoice=invoice, status=Status.QUEUED).update(
        status=Status.DONE, finished=timezone.now()
    )


def wake(now: datetime | None = None) -> int:
    """Send wake-up calls until there are as many as there is due work; part of every sweep.

    Also lets full batches begin, sends what a nightly window did not manage
    to the next one, and moves what waits in another queue than its reader's.
    Calling it twice is harmless: surplus calls find nothing.

    :return: how many calls were sent; at most `CALLS_PER_SWEEP`.
    """
    now = now or timezone.now()
    _close_decided(now)
    _follow_readers(now)
    _release_full_batches(now)
    _close_windows(now)
    due = Counter(dict(_claimable(now).order_by().values_list("queue").annotate(Count("pk"))))
    left = CALLS_PER_SWEEP
    for queue, count in sorted(due.items()):
        missing = min(count - get_broker(queue).queue_size(), left)
        if missing > 0:
            call(queue, missing)
            left -= missing
    return CALLS_PER_SWEEP - left


def make_urgent(invoice: Invoice, user: Any) -> None:
    """Let an invoice that waits be read before all others.

    :raises WrongStatus: if it no longer waits to be read.
    """
    now = timezone.now()
    with transaction.atomic():
        waiting = WorkItem.objects.filter(invoice=invoice, status=Status.QUEUED)
        queue = queue_for(invoice.organization, urgent=True)
        if not waiting.update(urgent=True, due=now, queue=queue):
            raise WrongStatus(f"{invoice} no longer waits to be read.")
        Invoice.objects.filter(pk=invoice.pk).update(urgent=True)
        Event.objects.create(invoice=invoice, kind=Event.Kind.URGENT, user=user)
        _call_after_commit(queue)
    invoice.urgent = True


def next_reading(organization: Organization, now: datetime | None = None) -> datetime | None:
    """Return when an invoice that arrives now would be read; None: when enough are waiting."""
    return reading_times.due_at(organization, now or timezone.now())


def waiting_for_batch(organization: Organization) -> int:
    """Return how many invoices of the organization wait until enough others wait too."""
    return _without_date(organization).count()


def reschedule(organization: Organization, now: datetime | None = None) -> int:
    """Apply the organization's (changed) reading settings to everything that waits; returns how many rows.

    Urgent work and second attempts keep their time; the queue of the (changed) reader gets them too.
    """
    now = now or timezone.now()
    due = reading_times.due_at(organization, now)
    queue = queue_for(organization)
    with transaction.atomic():
        waiting = WorkItem.objects.filter(organization=organization, status=Status.QUEUED)
        waiting.filter(urgent=False).exclude(queue=queue).update(queue=queue)
        at_once = queue_for(organization, urgent=True)
        waiting.filter(urgent=True).exclude(queue=at_once).update(queue=at_once)
        changed = WorkItem.objects.filter(
            organization=organization, status=Status.QUEUED, urgent=False, attempts=0
        ).update(due=due)
        if due is None:
            release_batch(organization, now)
        elif due <= now and changed:
            _call_after_commit(queue, changed)
    return changed


def release_batch(organization: Organization, now: datetime) -> int:
    """Let everything that waits for a full batch begin if enough is waiting; returns how many rows."""
    waiting = _without_date(organization)
    if waiting.count() < organization.batch_size:
        return 0
    released = waiting.update(due=now)
    _call_after_commit(queue_for(organization), released)
    return released


def call(queue: str, count: int = 1) -> None:
    """Send wake-up calls to the workers of a queue.

    :raises Exception: what the broker's library raises if it can't be reached.
    """
    broker = get_broker(queue)
    for _ in range(count):
        # A call that failed is not called again: the row and the sweep see to it that the work is.
        async_task(ENTRY_POINT, queue, broker=broker, ack_failure=True)


def cluster_name() -> str:
    """Return the name of the cluster this process belongs to: its host and the supervisor's mark."""
    return os.environ.get(CLUSTER_VARIABLE) or f"{socket.gethostname()}/alone"


def beat(queue: str) -> None:
    """Note that this process's cluster runs what it is given."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(cluster=cluster_name(), queue=queue, beat=timezone.now())],
        update_conflicts=True,
        unique_fields=["cluster"],
        update_fields=["queue", "beat"],
    )


def unserved(rows: QuerySet[WorkItem], now: datetime | None = None) -> list[Unserved]:
    """Return the queues in which some of these rows have been due for `UNSERVED_AFTER` while no cluster served them.

    :param rows: whose work is looked at: an organization's, or everybody's.
    """
    now = now or timezone.now()
    served = Heartbeat.objects.filter(beat__gt=now - UNSERVED_AFTER).values_list("queue", flat=True)
    late = (
        (rows & _claimable(now))
        .filter(due__lte=now - UNSERVED_AFTER)
        .exclude(queue__in=set(served))
        .order_by("queue")
        .values("queue")
        .annotate(waiting=Count("pk"), oldest=Min("due"))
    )
    return [Unserved(**row) for row in late]


def prune(now: datetime | None = None) -> int:
    """Remove expired sessions, old failures of the queue and hearts of clusters long gone; returns how many.

    Work rows stay: they tell what was done when.
    """
    now = now or timezone.now()
    return sum(
        rows.delete()[0]
        for rows in (
            Session.objects.filter(expire_date__lt=now),
            Task.objects.filter(stopped__lt=now - KEEP_FAILURES),
            Heartbeat.objects.filter(beat__lt=now - KEEP_HEARTBEATS),
        )
    )


def _unheld(now: datetime) -> QuerySet[WorkItem]:
    """Return open work that waits, or was left behind by a worker that died."""
    return WorkItem.objects.filter(
        Q(status=Status.QUEUED) | Q(status=Status.RUNNING, lease_until__lt=now),
        finished=None,  # says nothing new, but it is the condition of the index
    )


def _claimable(now: datetime) -> QuerySet[WorkItem]:
    return _unheld(now).filter(due__lte=now, attempts__lt=settings.READ_ATTEMPTS)


def _held(item: WorkItem) -> QuerySet[WorkItem]:
    return WorkItem.objects.filter(pk=item.pk, token=item.token, status=Status.RUNNING)


def _without_date(organization: Organization) -> QuerySet[WorkItem]:
    return WorkItem.objects.filter(organization=organization, status=Status.QUEUED, due=None)


def _close_decided(now: datetime) -> None:
    """Close what waits for invoices that were decided (rejected, say) before their turn: nobody needs it."""
    to_be_read = (Invoice.Status.WAITING, Invoice.Status.READING)
    WorkItem.objects.filter(status=Status.QUEUED, finished=None).exclude(
        invoice__status__in=to_be_read
    ).update(status=Status.DONE, finished=now)


def _follow_readers(now: datetime) -> None:
    """Move what waits to the queue of its organization's readers: they may have changed, or the queue come or gone."""
    unheld = _unheld(now)
    places = list(unheld.values_list("organization", "urgent", "queue").order_by().distinct())
    organizations = Organization.objects.in_bulk({pk for pk, _, _ in places})
    for pk, urgent, queue in places:
        right = queue_for(organizations[pk], urgent=urgent)
        if queue != right:
            unheld.filter(organization=pk, urgent=urgent, queue=queue).update(queue=right)


def _release_full_batches(now: datetime) -> None:
    # Two uploads at the same moment may each have missed that the other one filled the batch. A batch that
    # waits although the organization no longer collects batches is let go as well.
    waiting = (
        WorkItem.objects.filter(status=Status.QUEUED, due=None)
        .values("organization")
        .annotate(count=Count("pk"))
    )
    counts = {row["organization"]: row["count"] for row in waiting}
    for organization in Organization.objects.filter(pk__in=counts):
        if organization.reading_mode != Mode.COUNT:
            reschedule(organization, now)
        elif counts[organization.pk] >= organization.batch_size:
            release_batch(organization, now)


def _close_windows(now: datetime) -> None:
    late = WorkItem.objects.filter(
        status=Status.QUEUED,
        urgent=False,
        attempts=0,
        due__lte=now,
        organization__reading_mode=Mode.NIGHTLY,
    )
    for organization in Organization.objects.filter(pk__in=late.values("organization")):
        if not reading_times.may_begin(organization, now):
            reschedule(organization, now)


def _call_after_commit(queue: str, count: int = 1) -> None:
    def call_workers() -> None:  # not a `partial`: Django's handler of robust hooks asks it for its name
        call(queue, min(count, CALLS_PER_SWEEP))

    transaction.on_commit(call_workers, robust=True)
