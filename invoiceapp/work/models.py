"""The rows that make sure no piece of work is lost (docs/operations.md, "The work row")."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from invoiceapp.records.access import VisibleQuerySet
from invoiceapp.records.models import Invoice, Organization


class WorkItem(models.Model):
    """One piece of work on one invoice, from the moment it is due to be done until it is done or dead.

    The broker only carries wake-up calls: a worker that gets one claims the most
    pressing row. A lost call delays work, a doubled one finds nothing to do, and
    an urgent invoice goes first on every broker.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        DEAD = "dead", "Gave up"

    OPEN = (Status.QUEUED, Status.RUNNING)

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="work")
    queue = models.CharField(max_length=40, help_text="Which cluster does it.")
    status = models.CharField(max_length=8, choices=Status, default=Status.QUEUED)
    urgent = models.BooleanField(default=False)
    due = models.DateTimeField(
        null=True, blank=True, help_text="Not before; empty: waits until enough others wait too."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True, blank=True, help_text="Who holds the lease.")
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(status__in=["queued", "running"]), name="work_one_open"
            ),
            models.CheckConstraint(
                condition=~Q(status="running") | Q(token__isnull=False, lease_until__isnull=False),
                name="work_running_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running"], finished__isnull=True)
                | Q(status__in=["done", "dead"], finished__isnull=False),
                name="work_finished_has_time",
            ),
        ]
        indexes = [
            # services.claim takes the most pressing row: one that waits, or one whose lease ran out
            models.Index(
                fields=["queue", "-urgent", "due", "id"],
                condition=Q(finished__isnull=True),  # without a parameter, or SQLite does not use it
                name="work_to_claim",
            ),
            models.Index(fields=["organization", "status", "finished"], name="work_report"),
        ]

    def __str__(self) -> str:
        return f"{self.status} work on {self.invoice_id}"


class Heartbeat(models.Model):
    """When each cluster last ran anything; the watchdog outside the cluster looks at it."""

    cluster = models.CharField(max_length=120, primary_key=True, help_text="Host and supervisor.")
    queue = models.CharField(max_length=40)
    beat = models.DateTimeField()

    def __str__(self) -> str:
        return self.cluster
