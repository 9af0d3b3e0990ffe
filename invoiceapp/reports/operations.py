"""Whether the machinery runs: what waits, what failed, how long it takes, who shows signs of life."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from extraction.models import Run
from invoiceapp.intake.models import Upload
from invoiceapp.records.models import Document, Invoice, Organization
from invoiceapp.work import services as work
from invoiceapp.work.models import Heartbeat, WorkItem

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
# The watchdog restarts a cluster whose heartbeat is older (docs/operations.md).
SILENT_AFTER = work.UNSERVED_AFTER
# Durations are taken from this many of the newest runs: enough for a p95 that is steady to a few per cent.
NEWEST_RUNS = 2000


@dataclass(frozen=True, slots=True)
class Queue:
    """The work of one organization now; ages and durations in seconds."""

    due_now: int
    later: int
    next_due: datetime | None
    running: int
    oldest_wait: float | None
    done_today: int
    dead_today: int
    tries_failed_today: int


@dataclass(frozen=True, slots=True)
class Duration:
    """Median and 95th percentile in seconds."""

    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Speed:
    """How long one backend took for a document, by part."""

    backend: str
    documents: int
    words: Duration | None
    fields: Duration | None
    total: Duration | None


@dataclass(frozen=True, slots=True)
class Sign:
    """When a cluster last showed that it lives."""

    cluster: str
    queue: str
    beat: datetime
    seconds_ago: float
    silent: bool


@dataclass(frozen=True, slots=True)
class Disk:
    """Room where the files lie, in bytes; None for a store that has no end, such as S3."""

    originals: int
    documents: int
    free: int | None
    size: int | None

    @property
    def used_share(self) -> float | None:
        return 1 - self.free / self.size if self.free is not None and self.size else None


def queue(user: Any, organization: Organization) -> Queue:
    """Return what waits, runs, and was done or given up in the last 24 hours."""
    now = timezone.now()
    rows = WorkItem.objects.visible_to(user, organization)
    queued, recent = Q(status=WorkItem.Status.QUEUED), Q(finished__gt=now - DAY)
    is_due = queued & Q(due__lte=now)
    found = rows.filter(Q(status__in=WorkItem.OPEN) | recent).aggregate(
        due_now=Count("pk", filter=is_due),
        later=Count("pk", filter=queued & ~Q(due__lte=now)),
        next_due=Min("due", filter=queued & Q(due__gt=now)),
        running=Count("pk", filter=Q(status=WorkItem.Status.RUNNING)),
        oldest=Min("due", filter=is_due),
        done_today=Count("pk", filter=Q(status=WorkItem.Status.DONE) & recent),
        dead_today=Count("pk", filter=Q(status=WorkItem.Status.DEAD) & recent),
    )
    oldest = found.pop("oldest")
    failed = (
        Run.objects.visible_to(user, organization)
        .filter(status=Run.Status.FAILED, finished__gt=now - DAY)
        .count()
    )
    return Queue(
        **found,
        oldest_wait=(now - oldest).total_seconds() if oldest else None,
        tries_failed_today=failed,
    )


def dead(user: Any, organization: Organization) -> QuerySet[WorkItem]:
    """Return the work of the last week that was given up and not tried again since, newest first."""
    later = WorkItem.objects.filter(invoice=OuterRef("invoice"), pk__gt=OuterRef("pk"))
    return (
        WorkItem.objects.visible_to(user, organization)
        .filter(~Exists(later), status=WorkItem.Status.DEAD, finished__gt=timezone.now() - WEEK)
        .select_related("invoice__document")
        .order_by("-finished", "-pk")
    )


def may_try_again(invoice: Invoice) -> bool:
    """Say whether the invoice is at a place from which it can be read once more."""
    return Invoice.Status.WAITING in Invoice.NEXT[Invoice.Status(invoice.status)]


def speeds(user: Any, organization: Organization) -> list[Speed]:
    """Return by backend how long the newest documents of the last 24 hours took."""
    rows = (
        Run.objects.visible_to(user, organization)
        .filter(status=Run.Status.DONE, finished__gt=timezone.now() - DAY)
        .order_by("-finished")
        .values_list("backend", "seconds_words", "seconds_fields", "seconds_total")[:NEWEST_RUNS]
    )
    by_backend: dict[str, list[Sequence[float | None]]] = {}
    for backend, *durations in rows:
        by_backend.setdefault(backend, []).append(durations)
    return [
        Speed(backend, len(found), *(_duration(column) for column in zip(*found, strict=True)))
        for backend, found in sorted(by_backend.items())
    ]


def _duration(column: Iterable[float | None]) -> Duration | None:
    known = [seconds for seconds in column if seconds is not None]
    if not known:
        return None
    if len(known) == 1:
        return Duration(known[0], known[0])
    cuts = quantiles(known, n=20, method="inclusive")
    return Duration(cuts[9], cuts[18])


def signs_of_life() -> list[Sign]:
    """Return the clusters that showed themselves in the last week, the most recent first.

    Clusters serve all organizations of the site, so this is the one figure that is not per organization.
    """
    now = timezone.now()
    return [
        Sign(
            row.cluster, row.queue, row.beat, (now - row.beat).total_seconds(), now - row.beat > SILENT_AFTER
        )
        for row in Heartbeat.objects.filter(beat__gt=now - WEEK).order_by("-beat")[:20]
    ]


def unserved(user: Any, organization: Organization) -> list[work.Unserved]:
    """Return the queues in which invoices of the organization wait and which no running worker serves."""
    return work.unserved(WorkItem.objects.visible_to(user, organization))


def refused(user: Any, organization: Organization) -> list[dict[str, Any]]:
    """Return how many uploads of the last week were refused, by reason, the most frequent first."""
    rows = (
        Upload.objects.visible_to(user, organization)
        .filter(outcome__in=Upload.REFUSED, created__gt=timezone.now() - WEEK)
        .order_by()
        .values("outcome")
        .annotate(count=Count("pk"), last=Max("created"))
        .order_by("-count", "outcome")
    )
    return [{**row, "label": Upload.Outcome(row["outcome"]).label} for row in rows]


def disk(user: Any, organization: Organization) -> Disk:
    """Return what the organization's originals take and what room is left where files are stored."""
    found = Document.objects.visible_to(user, organization).aggregate(bytes=Sum("size"), count=Count("pk"))
    free = size = None
    if settings.STORAGE == "local":
        folder = Path(default_storage.path(""))
        while not folder.exists():  # before the first upload
            folder = folder.parent
        usage = shutil.disk_usage(folder)
        free, size = usage.free, usage.total
    return Disk(originals=found["bytes"] or 0, documents=found["count"], free=free, size=size)
