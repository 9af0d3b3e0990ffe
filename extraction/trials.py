"""A challenger beside the usual reader: which documents are its own, and the work of reading them in shadow.

    shadow:  invoice read and stored -> enter -> [no invoice waits in the queue] -> claim -> read -> finish
    split:   the challenger reads its share of the documents in the usual reader's place (`extraction.routing`)

A row of `ShadowReading` is work of its own with a lease, as `invoiceapp.work` has it for invoices: a worker that dies
leaves it behind, another one takes it up, and after READ_ATTEMPTS it is given up. Nothing of it is a reading of its
invoice: the run stands in no list but the trial's report and the costs (`Run.every`).
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django_q.brokers import get_broker

from extraction import registry
from extraction.models import Run, ShadowReading, Trial
from invoiceapp.records.models import Invoice, InvoiceValue, Organization
from invoiceapp.work import reading_times
from invoiceapp.work import services as work

log = logging.getLogger(__name__)
Kind = Trial.Kind
Status = ShadowReading.Status
OPEN: Final = (Status.WAITING, Status.RUNNING)

SHADOW_SHARE: Final = Decimal("0.5")
"""Of a day's budget that shadow readings may use where the organization's own readers draw on it too."""
ENDED: Final = "The trial ended before its turn."
_RANGE: Final = 2**64


class TrialRefused(Exception):
    """A trial can't begin; the message says why, and what to do."""


def open_trial(organization: Organization) -> Trial | None:
    """Return the organization's trial that has not ended. One query."""
    return Trial.objects.filter(organization=organization, ended__isnull=True).first()


def start(organization: Organization, *, challenger: str, kind: str, share: float, user: Any) -> Trial:
    """Begin a trial of a challenger against the organization's usual reader.

    :param kind: of `Trial.Kind`.
    :param share: of the documents that the challenger reads (above 0, up to 1).
    :raises TrialRefused: if another one runs, the challenger is the usual reader or not set up, or something else is
        no trial.
    """
    if challenger not in registry.configured():
        raise TrialRefused(
            f"“{challenger}” is not set up here. Choose one of: {', '.join(registry.configured())}."
        )
    if challenger == organization.backend:
        raise TrialRefused(
            f"“{challenger}” is the usual reader already. Choose another one to compare it with."
        )
    if kind not in Kind.values:
        raise TrialRefused("Choose whether the challenger reads in shadow or instead of the usual reader.")
    if not 0 < share <= 1:
        raise TrialRefused("The share of documents must be more than 0 and at most 100 %.")
    if kind == Kind.SPLIT and queue_of(challenger) != work.queue_for(organization):
        raise TrialRefused(
            f"“{challenger}” reads in the queue “{queue_of(challenger)}”, your documents wait in "
            f"“{work.queue_for(organization)}”. Let it read in shadow instead."
        )
    try:
        with transaction.atomic():
            return Trial.objects.create(
                organization=organization,
                kind=kind,
                champion=organization.backend,
                challenger=challenger,
                share=share,
                started=timezone.now(),
                started_by=user,
            )
    except IntegrityError:
        raise TrialRefused("A trial is running already. End it before you begin another one.") from None


def end(trial: Trial, *, user: Any) -> bool:
    """End a trial: what still waits is not read any more. False if somebody had ended it already."""
    now = timezone.now()
    with transaction.atomic():
        ended = Trial.objects.filter(pk=trial.pk, ended__isnull=True).update(ended=now, ended_by=user)
        trial.shadows.filter(status=Status.WAITING).update(status=Status.SKIPPED, finished=now, reason=ENDED)
    return bool(ended)


def is_challengers(trial: Trial, sha256: str) -> bool:
    """Say whether a document is of the challenger's share: by its bytes and the trial, so always the same.

    :param sha256: of the document's bytes, in hex.
    """
    digest = hashlib.blake2b(sha256.encode(), key=f"trial {trial.pk}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) < trial.share * _RANGE


def queue_of(reader: str) -> str:
    """Return the queue whose workers have a reader."""
    return settings.READER_QUEUES.get(reader) or settings.QUEUE_NAME


# --- readings in shadow ------------------------------------------------------------------------------


def enter(run: Run) -> ShadowReading | None:
    """Let a document that was read just now wait for the challenger too, if it is of its share.

    Belongs in the transaction that keeps the run. Once per invoice and trial: read again, the first reading counts.
    """
    trial = open_trial(run.invoice.organization)
    if trial is None or trial.kind != Kind.SHADOW or run.backend != trial.champion:
        return None
    if not is_challengers(trial, run.invoice.document.sha256):
        return None
    shadow, created = ShadowReading.objects.get_or_create(
        trial=trial,
        invoice_id=run.invoice_id,
        defaults={
            "organization_id": run.organization_id,
            "primary": run,
            "queue": queue_of(trial.challenger),
            "due": timezone.now(),
        },
    )
    if not created:
        return None
    _call_after_commit(shadow.queue)
    return shadow


def claim(queue: str, now: datetime | None = None) -> ShadowReading | None:
    """Take the shadow reading of a queue that has waited longest. Only where no invoice was found to be due.

    What a dead worker left behind comes first. A document that a person has answered meanwhile is left out: what the
    office knows of it now would help the challenger.

    :returns: the row, running, with a token and lease of its own; None if there is none, or one is being read.
    """
    now = now or timezone.now()
    _give_up_exhausted(now)
    while True:
        shadow = _next(queue, now)
        if shadow is None:
            return None
        organization = shadow.organization
        if not reading_times.may_begin(organization, now):
            later = reading_times.due_at(organization, now)
            ShadowReading.objects.filter(pk=shadow.pk, status=Status.WAITING).update(due=later)
            continue
        if why := _needless(shadow):
            _unheld(now).filter(pk=shadow.pk).update(
                status=Status.SKIPPED, finished=now, lease_until=None, reason=why
            )
            continue
        try:
            with transaction.atomic():
                taken = (
                    _unheld(now)
                    .filter(pk=shadow.pk)
                    .update(
                        status=Status.RUNNING,
                        token=(token := uuid4()),
                        lease_until=now + timedelta(seconds=settings.TASK_TIMEOUT) + work.LEASE_MARGIN,
                        attempts=F("attempts") + 1,
                    )
                )
        except IntegrityError:  # another worker of the queue reads in shadow
            return None
        if taken:
            return ShadowReading.objects.select_related(
                "trial", "invoice__organization", "invoice__document", "primary"
            ).get(pk=shadow.pk, token=token)


def finish(shadow: ShadowReading, run: Run) -> bool:
    """Mark it as read; belongs in the transaction that keeps the result. False if the lease went to somebody else."""
    return bool(
        _held(shadow).update(
            status=Status.DONE, run=run, finished=timezone.now(), lease_until=None, reason=""
        )
    )


def skip(shadow: ShadowReading, *, reason: str) -> bool:
    """Leave it unread for good, with the reason as a sentence. False if the lease went to somebody else."""
    return bool(
        _held(shadow).update(status=Status.SKIPPED, finished=timezone.now(), lease_until=None, reason=reason)
    )


def give_back(shadow: ShadowReading, *, reason: str) -> None:
    """Return one that failed: tried again later, or given up when its attempts are used up or its trial has ended."""
    now = timezone.now()
    ended = Trial.objects.filter(pk=shadow.trial_id, ended__isnull=False).exists()
    if ended or shadow.attempts >= settings.READ_ATTEMPTS:
        changes: dict[str, Any] = {"status": Status.DEAD, "finished": now}
    else:
        changes = {"status": Status.WAITING, "due": now + work.BACKOFF * shadow.attempts**2, "token": None}
    _held(shadow).update(**changes, lease_until=None, reason=reason)


def call_for_more(queue: str) -> None:
    """Send one wake-up call if more of a queue is due: a chain that ends by itself. The sweep knots it again."""
    if _next(queue, timezone.now()) is not None:
        try:
            work.call(queue)
        except Exception:  # whatever the broker's library raises: what was read is kept
            log.exception("The queue %s could not be called", queue)


def wake() -> int:
    """Call workers for what was forgotten, and move what waits in another queue than its reader's; part of a sweep.

    :returns: how many calls were sent: one a queue, where nothing calls already.
    """
    now = timezone.now()
    _give_up_exhausted(now)
    unheld = _unheld(now)
    for pk, challenger, queue in set(unheld.values_list("trial", "trial__challenger", "queue")):
        if queue != (right := queue_of(challenger)):
            unheld.filter(trial=pk, queue=queue, status=Status.WAITING).update(queue=right)
    calls = 0
    for queue in set(unheld.filter(due__lte=now).values_list("queue", flat=True)):
        if not get_broker(queue).queue_size():
            work.call(queue)
            calls += 1
    return calls


def budget_share(organization: Organization) -> Decimal:
    """Return up to which share of the day's budget a shadow reading may go: its own readers must not go short."""
    dear = set(organization.readers(urgent=True)) - registry.EMBEDDED
    return SHADOW_SHARE if dear else Decimal(1)


def _unheld(now: datetime) -> QuerySet[Any]:
    return ShadowReading.objects.filter(finished=None).exclude(status=Status.RUNNING, lease_until__gte=now)


def _held(shadow: ShadowReading) -> QuerySet[Any]:
    return ShadowReading.objects.filter(pk=shadow.pk, token=shadow.token, status=Status.RUNNING)


def _next(queue: str, now: datetime) -> ShadowReading | None:
    """Return what may be taken next; None also while a worker of the queue reads in shadow."""
    rows = ShadowReading.objects.filter(queue=queue, finished=None)
    if rows.filter(status=Status.RUNNING, lease_until__gte=now).exists():
        return None
    left_behind = rows.filter(status=Status.RUNNING)
    waiting = rows.filter(status=Status.WAITING, due__lte=now).order_by("due", "pk")
    found: ShadowReading | None = (
        left_behind.select_related("organization", "invoice", "trial").first()
        or waiting.select_related("organization", "invoice", "trial").first()
    )
    return found


def _needless(shadow: ShadowReading) -> str:
    """Say why a document need not be read any more; empty if it must."""
    if shadow.trial.ended is not None:  # it was entered at that very moment, or its worker died after it
        return ENDED
    if shadow.invoice.status == Invoice.Status.REJECTED:
        return "The invoice was rejected before its turn."
    by_person = InvoiceValue.objects.filter(
        invoice=shadow.invoice_id, current=True, source=InvoiceValue.Source.PERSON
    )
    return "A person answered before its turn." if by_person.exists() else ""


def _give_up_exhausted(now: datetime) -> None:
    """Give up what killed its worker in the last attempt it had, and close the runs of dead workers."""
    reason = "The worker stopped every time it tried to read this document."
    left_behind = ShadowReading.objects.filter(status=Status.RUNNING, lease_until__lt=now)
    lost = [token for token in left_behind.values_list("token", flat=True) if token is not None]
    if not lost:
        return
    left_behind.filter(attempts__gte=settings.READ_ATTEMPTS).update(
        status=Status.DEAD, finished=now, lease_until=None, reason=reason
    )
    Run.every.filter(token__in=lost, status=Run.Status.STARTED).update(
        status=Run.Status.FAILED, error="The worker stopped while reading.", finished=now
    )


def _call_after_commit(queue: str) -> None:
    def call_workers() -> None:
        work.call(queue)

    transaction.on_commit(call_workers, robust=True)
