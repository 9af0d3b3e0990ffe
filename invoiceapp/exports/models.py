"""What went out: batches, their invoices, and the very files."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from invoiceapp.records.access import VisibleQuerySet
from invoiceapp.records.models import Invoice, Organization


class Ledger(models.Model):
    """The last batch number an organization gave. Whoever exports holds this row: batches queue up."""

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    last_number = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.organization}: batch {self.last_number}"


class Batch(models.Model):
    """One export: a number, the invoices in it, and the files as they were handed out."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(help_text="Counts from 1 within the organization, without gaps.")
    repeats = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="repeated_by",
        help_text="The batch that was exported again on purpose; empty for a first export.",
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why it was exported again.")
    invoice_count = models.PositiveIntegerField()
    line_count = models.PositiveIntegerField()
    sums = models.JSONField(help_text='Currency -> sum of the totals as a plain decimal: {"USD": "1450.00"}.')
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="batch_number_once"),
            models.CheckConstraint(
                condition=Q(repeats__isnull=True) | ~Q(reason=""), name="batch_repeat_has_reason"
            ),
        ]
        # the history page goes through (organization, -number): the unique constraint's index serves it

    def __str__(self) -> str:
        return f"Batch {self.number}"


class BatchLine(models.Model):
    """One invoice in one batch, with what it came to then."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="lines")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="batch_lines")
    position = models.PositiveIntegerField(help_text="Counts from 0, in the files' order.")
    first = models.BooleanField(help_text="False in a batch that repeats another one.")
    vendor_name = models.CharField(max_length=200)
    pay_period = models.DateField(
        help_text="Monday of the week of the approval, in the organization's time zone."
    )
    currency = models.CharField(max_length=3)
    total = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        ordering = ["position"]
        constraints = [
            # The guard against paying twice: the database itself refuses a second first export.
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(first=True), name="invoice_exported_once"
            ),
            models.UniqueConstraint(fields=["batch", "invoice"], name="batch_line_once"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} in {self.batch}"


def batch_path(batch_file: BatchFile, filename: str) -> str:
    """Files lie under the batch's number: see `services._store` for what that is good for."""
    batch = batch_file.batch
    return f"{batch.organization_id}/exports/{batch.number}/{filename}"


class BatchFile(models.Model):
    """One file of a batch, kept so that it can be had again byte for byte."""

    class Kind(models.TextChoices):
        INVOICES = "invoices", "Invoices (CSV)"
        LINES = "lines", "Lines (CSV)"
        JSON = "json", "Everything (JSON)"

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="files")
    kind = models.CharField(max_length=10, choices=Kind)
    file = models.FileField(upload_to=batch_path, max_length=200)
    size = models.PositiveIntegerField(help_text="In bytes.")
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["batch", "kind"], name="batch_file_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.batch}"
