"""What became of every file that somebody handed in, also of those that were refused."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from invoiceapp.records.access import VisibleQuerySet
from invoiceapp.records.models import Invoice, Organization


class Upload(models.Model):
    """One file that one person handed in, and its outcome. Rows are added, never changed.

    The browser names each file with a `key` of its own before it sends it: when an answer was lost
    and the file is sent again, the row that is already there is the answer.
    """

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        ALREADY_HERE = "already_here", "Already here"
        # The others are the codes of extraction.documents.DocumentRefused.
        EMPTY = "empty", "Empty file"
        TOO_LARGE = "too_large", "Too large"
        NOT_A_DOCUMENT = "not_a_document", "Not a document"
        XML_INVOICE = "xml_invoice", "XML file"
        ENCRYPTED = "encrypted", "Encrypted"
        DAMAGED = "damaged", "Damaged"
        NO_PAGES = "no_pages", "No pages"
        TOO_MANY_PAGES = "too_many_pages", "Too many pages"
        PAGE_TOO_LARGE = "page_too_large", "Page too large"
        TOO_SLOW = "too_slow", "Takes too long to open"
        TOO_MUCH_MEMORY = "too_much_memory", "Needs too much memory"

    REFUSED = frozenset(Outcome) - {Outcome.ACCEPTED, Outcome.ALREADY_HERE}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="uploads")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="uploads"
    )
    key = models.UUIDField(default=uuid.uuid4, help_text="What the browser calls this file.")
    filename = models.CharField(max_length=255, help_text="What the uploader called it; shown, never used.")
    size = models.PositiveBigIntegerField(help_text="In bytes.")
    sha256 = models.CharField(
        max_length=64, blank=True, help_text="Empty if the file was too large to be read."
    )
    outcome = models.CharField(max_length=20, choices=Outcome)
    message = models.CharField(max_length=500, help_text="The outcome as the uploader was told it.")
    warnings = models.JSONField(
        default=list, help_text="What speaks against the picture, in words: blurred, dark, small."
    )
    invoice = models.ForeignKey(
        Invoice,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="uploads",
        help_text="Empty if the file was refused, or is an invoice that the uploader may not see.",
    )
    created = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "uploaded_by", "key"], name="upload_once_per_key"
            ),
            models.CheckConstraint(
                condition=~Q(outcome="accepted") | Q(invoice__isnull=False),
                name="upload_accepted_has_invoice",
            ),
        ]
        indexes = [
            # the uploader's own list, and how many files they sent in the last minute
            models.Index(fields=["uploaded_by", "-created", "-id"], name="upload_own_list"),
            # reports: refused files by reason
            models.Index(fields=["organization", "outcome", "created"], name="upload_outcomes"),
        ]

    def __str__(self) -> str:
        return f"{self.filename}: {self.outcome}"

    @property
    def is_refused(self) -> bool:
        return self.outcome in self.REFUSED
