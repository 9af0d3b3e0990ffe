"""The review queue and what people decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from extraction.models import FieldReading, Run
from invoiceapp.records.access import VisibleQuerySet
from invoiceapp.records.models import Invoice, Organization


class Item(models.Model):
    """An invoice that a person must look at. The claim lives in this row: the row's lock covers it."""

    class Status(models.TextChoices):
        OPEN = "open", "Waiting for a person"
        SETTLED = "settled", "Checked"
        WITHDRAWN = "withdrawn", "No longer needed"

    class Reason(models.TextChoices):
        DOUBTFUL = "doubtful", "Doubtful fields"
        CHECK = "check", "A check failed"
        MISMATCH = "mismatch", "Stated and read values differ"
        UNREADABLE = "unreadable", "Could not be read"
        SAMPLE = "sample", "Random check"
        RETURNED = "returned", "Sent back by the approver"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="review_items")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    reason = models.CharField(max_length=12, choices=Reason)
    explanation = models.CharField(
        max_length=500, blank=True, help_text="Why it could not be read, or what the approver wrote."
    )
    fields = models.JSONField(default=dict, help_text="Field to check -> why, in plain words.")
    sampled = models.JSONField(default=list, help_text="Confident fields that are checked at random.")
    checks = models.JSONField(
        default=list,
        help_text="[{rule, message, difference, fields}]: what did not fit when settled.",
    )
    urgent = models.BooleanField(default=False)
    vendor_name = models.CharField(max_length=200, blank=True, help_text="As read: the queue's filter.")
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    claimed_until = models.DateTimeField(null=True, blank=True)
    skipped_by = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    taught_at = models.DateTimeField(
        null=True, blank=True, help_text="When the vendor memory learned from it, or found nothing to learn."
    )

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invoice"], condition=Q(status="open"), name="item_one_open"),
            models.CheckConstraint(
                condition=Q(claimed_by__isnull=True) | Q(claimed_until__isnull=False),
                name="item_claim_has_end",
            ),
        ]
        indexes = [
            # services.claim_next and the queue page
            models.Index(
                fields=["organization", "-urgent", "created", "id"],
                condition=Q(status="open"),
                name="item_queue",
            ),
            models.Index(fields=["claimed_by"], condition=Q(status="open"), name="item_mine"),
            # teaching.teach
            models.Index(
                fields=["settled_at"], condition=Q(status="settled", taught_at=None), name="item_to_teach"
            ),
        ]

    def __str__(self) -> str:
        return f"review of {self.invoice_id}"

    def holder(self, now: datetime) -> Any:
        """Return the person whose claim still runs, or None."""
        return self.claimed_by if self.claimed_until is not None and self.claimed_until > now else None


class Decision(models.Model):
    """What a person decided about one field: append-only, with what they had before their eyes."""

    class Action(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        CORRECTED = "corrected", "Corrected"
        ADDED = "added", "Added"
        CLEARED = "cleared", "Not on the document"

    class Why(models.TextChoices):
        MISREAD = "misread", "The machine misread it"
        BUSINESS = "business", "The office changed it"

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="decisions")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    reading = models.ForeignKey(
        FieldReading, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions"
    )
    field = models.CharField(max_length=40)
    model_value = models.TextField(blank=True, help_text="What the reader said; empty: it found nothing.")
    shown_value = models.TextField(blank=True, help_text="What stood in the form when the person saw it.")
    value = models.TextField(blank=True, help_text="What the person chose.")
    action = models.CharField(max_length=10, choices=Action)
    why = models.CharField(max_length=10, choices=Why, default=Why.MISREAD)
    doubtful = models.BooleanField(help_text="The reader asked for it.")
    sampled = models.BooleanField(help_text="It was checked at random, though the reader was sure.")
    backend = models.CharField(max_length=40, blank=True)
    model_version = models.CharField(max_length=80, blank=True)
    vendor_name = models.CharField(max_length=200, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True, help_text="Active seconds spent on the field.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "field"], name="decision_once_per_item"),
        ]
        indexes = [
            # reports: by field and week, by backend and version
            models.Index(fields=["organization", "created"], name="decision_report"),
        ]

    def __str__(self) -> str:
        return f"{self.field} {self.action}"
