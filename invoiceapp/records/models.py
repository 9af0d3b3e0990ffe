"""Organizations, people's roles, vendors, jobs, documents and invoices.

Values of invoices are written by `invoiceapp.records.invoices` only; who may
see a row is decided in `invoiceapp.records.access` only.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from invoiceapp.records.access import VisibleQuerySet


class Organization(models.Model):
    """A firm that receives invoices. Nothing is ever shared between two of them."""

    class ReadingMode(models.TextChoices):
        IMMEDIATE = "immediate", "At once"
        NIGHTLY = "nightly", "In a nightly window"
        TIMES = "times", "At fixed times of the day"
        COUNT = "count", "When enough are waiting"

    class ReadingPolicy(models.TextChoices):
        ALONE = "alone", "One reader alone"
        DOUBTFUL = "doubtful", "A second reader for doubtful fields"
        VERIFY = "verify", "A second reader checks every field"

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    country = models.CharField(max_length=2, default="US", help_text="Decides how 03/04/2026 is read.")
    currency = models.CharField(max_length=3, default="USD")

    reading_mode = models.CharField(max_length=10, choices=ReadingMode, default=ReadingMode.IMMEDIATE)
    night_start = models.TimeField(default="23:00")
    night_end = models.TimeField(default="06:00")
    reading_times = models.JSONField(default=list, blank=True, help_text='Local times, ["07:00", "12:30"].')
    batch_size = models.PositiveIntegerField(default=10, validators=[MinValueValidator(1)])

    backend = models.CharField(max_length=40, default="layout")
    reading_policy = models.CharField(
        max_length=10,
        choices=ReadingPolicy,
        default=ReadingPolicy.ALONE,
        help_text="When second_backend is asked beside backend.",
    )
    second_backend = models.CharField(max_length=40, blank=True)
    urgent_backend = models.CharField(
        max_length=40, blank=True, help_text="Reads urgent documents in backend's place; empty: none does."
    )
    accept_threshold = models.FloatField(
        default=0.95, validators=[MinValueValidator(0.5), MaxValueValidator(0.9999)]
    )
    target_accuracy = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.5), MaxValueValidator(0.9999)],
        help_text="Share of right values wanted among those that nobody checks; empty: accept_threshold decides.",
    )
    audit_share = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Share of confident values that a person checks all the same.",
    )
    daily_money = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="What readers other than the embedded one may cost a day, in the currency of their prices; empty: "
        "no limit.",
    )
    daily_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Seconds a day that readers other than the embedded one may take; empty: no limit.",
    )
    last_reference = models.PositiveIntegerField(default=1000)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(target_accuracy__isnull=True)
                | Q(target_accuracy__gte=0.5, target_accuracy__lt=1),
                name="organization_target_can_be_met",
            ),
            models.CheckConstraint(
                condition=Q(reading_policy="alone") | ~Q(second_backend=""),
                name="organization_second_reader_named",
            ),
            models.CheckConstraint(
                condition=Q(daily_money__isnull=True) | Q(daily_money__gte=0),
                name="organization_budget_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def readers(self, *, urgent: bool = False) -> list[str]:
        """Return the readers that may be asked about one of its documents, the usual one first."""
        second = self.second_backend if self.reading_policy != self.ReadingPolicy.ALONE else ""
        return [name for name in (self.backend, second, self.urgent_backend if urgent else "") if name]


class Membership(models.Model):
    """One role of one person in one organization; a person may hold several."""

    class Role(models.TextChoices):
        UPLOADER = "uploader", "Uploader"
        CLERK = "clerk", "Clerk"
        APPROVER = "approver", "Approver"
        BOOKKEEPER = "bookkeeper", "Bookkeeper"
        ADMINISTRATOR = "administrator", "Administrator"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "organization", "role"], name="membership_once_per_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} at {self.organization}"


class Vendor(models.Model):
    """Someone who wants to be paid by the organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="vendors")
    name = models.CharField(max_length=200)
    name_key = models.CharField(
        max_length=200,
        help_text="Lower case, without punctuation and legal suffixes: how names are compared.",
    )
    address = models.TextField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)
    tax_id = models.CharField(max_length=40, blank=True)
    accounting_id = models.CharField(max_length=80, blank=True, help_text="Its id in the accounting system.")

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name_key"], name="vendor_once_per_organization"),
        ]

    def __str__(self) -> str:
        return self.name


class Job(models.Model):
    """A job site or work order that invoices are charged to."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="jobs")
    number = models.CharField(max_length=60, help_text="Work-order number as the office writes it.")
    number_key = models.CharField(max_length=60, help_text="Upper case without separators.")
    name = models.CharField(max_length=200, blank=True)
    estimate = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    is_open = models.BooleanField(default=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "number_key"], name="job_once_per_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}".strip()


def original_path(document: Document, filename: str) -> str:
    """Originals lie under a random name: what people call their files never reaches the file system."""
    return f"{document.organization_id}/originals/{document.pk}"


class Document(models.Model):
    """A file as it came in. The bytes are kept as they are."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="documents")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="documents"
    )
    filename = models.CharField(max_length=255, help_text="What the uploader called it; shown, never used.")
    media_type = models.CharField(max_length=60)
    size = models.PositiveBigIntegerField(help_text="In bytes.")
    sha256 = models.CharField(max_length=64)
    page_count = models.PositiveIntegerField()
    file = models.FileField(upload_to=original_path, max_length=200)
    picture_score = models.FloatField(
        null=True,
        blank=True,
        help_text="How well the picture can be read, 0 to 1, below 0.5 badly: its worst measure. Empty for PDF.",
    )
    picture_measures = models.JSONField(
        default=list,
        blank=True,
        help_text='[{"name", "score", "advice"}, ...]; advice is empty where it is good.',
    )
    created = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(picture_score__isnull=True) | Q(picture_score__gte=0, picture_score__lte=1),
                name="document_picture_score_is_a_share",
            ),
            # The same bytes are one document; the second upload is told where the first one is.
            models.UniqueConstraint(fields=["organization", "sha256"], name="document_bytes_once"),
            models.CheckConstraint(condition=Q(page_count__gte=1), name="document_has_pages"),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def picture_advice(self) -> list[str]:
        """What speaks against the picture and what to do about it, the worst first."""
        worst_first = sorted(self.picture_measures, key=lambda measure: measure["score"])
        return [measure["advice"] for measure in worst_first if measure["advice"]]


def page_path(page: Page, filename: str) -> str:
    return f"{page.document.organization_id}/pages/{page.document_id}/{page.number}-{filename}"


class Page(models.Model):
    """One page, upright, as people see it and as the reader read it."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField(help_text="Counts from 0.")
    width = models.PositiveIntegerField(help_text="In pixels of the picture.")
    height = models.PositiveIntegerField(help_text="In pixels of the picture.")
    rotation = models.PositiveSmallIntegerField(default=0, help_text="Degrees clockwise, already applied.")
    picture = models.FileField(upload_to=page_path, max_length=200)
    words = models.FileField(
        upload_to=page_path,
        max_length=200,
        blank=True,
        help_text="JSON: [[text, x0, y0, x1, y1, line, confidence], ...]",
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="page_once_per_document"),
        ]

    def __str__(self) -> str:
        return f"page {self.number + 1} of {self.document}"


class Invoice(models.Model):
    """A document on its way from upload to the accounting system.

    The columns repeat what `InvoiceValue` holds now, typed, for lists and sums;
    `invoiceapp.records.invoices` keeps the two in step.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting to be read"
        READING = "reading", "Being read"
        REVIEW = "review", "To check"
        TO_APPROVE = "to_approve", "To approve"
        APPROVED = "approved", "Approved"
        EXPORTED = "exported", "Exported"
        REJECTED = "rejected", "Rejected"

    TERMINAL = frozenset({Status.EXPORTED, Status.REJECTED})
    # Which status may follow which; a rejected or exported invoice stays what it is.
    NEXT = {
        Status.WAITING: {Status.READING, Status.REVIEW, Status.REJECTED},
        Status.READING: {Status.WAITING, Status.REVIEW, Status.TO_APPROVE},
        Status.REVIEW: {Status.TO_APPROVE, Status.REJECTED, Status.WAITING},
        Status.TO_APPROVE: {Status.APPROVED, Status.REVIEW, Status.REJECTED, Status.WAITING},
        Status.APPROVED: {Status.EXPORTED, Status.REVIEW},
        Status.EXPORTED: set(),
        Status.REJECTED: set(),
    }

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invoices")
    reference = models.PositiveIntegerField(help_text="The number people in the organization use for it.")
    document = models.OneToOneField(Document, on_delete=models.PROTECT, related_name="invoice")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="invoices"
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    status_since = models.DateTimeField()
    status_reason = models.CharField(max_length=500, blank=True, help_text="Why it was rejected or not read.")
    urgent = models.BooleanField(default=False)
    stated_work_order = models.CharField(max_length=60, blank=True, help_text="What the uploader stated.")
    stated_total = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)

    document_type = models.CharField(max_length=20, blank=True)
    vendor = models.ForeignKey(
        Vendor, on_delete=models.SET_NULL, null=True, blank=True, related_name="invoices"
    )
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="invoices")
    vendor_name = models.CharField(max_length=200, blank=True)
    invoice_number = models.CharField(max_length=80, blank=True)
    number_key = models.CharField(
        max_length=60, blank=True, help_text="The vendor's number, upper case without separators."
    )
    work_order_number = models.CharField(max_length=80, blank=True)
    invoice_date = models.DateField(null=True, blank=True)
    due_date = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    total = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    lines_revision = models.PositiveIntegerField(
        default=0, help_text="Which revision of the lines holds now."
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "reference"], name="invoice_reference_once"),
            models.CheckConstraint(
                condition=~Q(status="approved") | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="invoice_approved_by_someone",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "status", "-created"], name="invoice_list"),
            models.Index(fields=["organization", "-created"], name="invoice_list_all"),
            models.Index(fields=["uploaded_by", "-created"], name="invoice_own_uploads"),
            # exports.services pulls what is approved
            models.Index(
                fields=["organization", "approved_at"],
                condition=Q(status="approved"),
                name="invoice_ready_for_export",
            ),
            # duplicates.suspicions
            models.Index(fields=["organization", "total"], name="invoice_same_amount"),
            models.Index(
                fields=["organization", "number_key"],
                condition=~Q(number_key=""),
                name="invoice_same_number",
            ),
        ]

    def __str__(self) -> str:
        return f"Invoice {self.reference}"


class InvoiceValue(models.Model):
    """One value that a field of an invoice holds or once held: rows are added, never changed or removed.

    `current` marks the one that holds now; clearing the mark is the only update.
    """

    class Source(models.TextChoices):
        MACHINE = "machine", "Read by the machine"
        PERSON = "person", "Entered or confirmed by a person"

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="values")
    field = models.CharField(max_length=40)
    value = models.TextField(blank=True, help_text="Normalised (docs/fields.md); empty: not on the document.")
    source = models.CharField(max_length=10, choices=Source)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    run_id = models.BigIntegerField(
        null=True, blank=True, help_text="extraction.Run; a plain number, since records is the ground floor."
    )
    confidence = models.FloatField(null=True, blank=True)
    page = models.PositiveIntegerField(null=True, blank=True)
    box = models.JSONField(null=True, blank=True, help_text="[x0, y0, x1, y1], page-relative.")
    current = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "field"], condition=Q(current=True), name="value_one_current"
            ),
            models.CheckConstraint(
                condition=Q(source="person", user__isnull=False) | Q(source="machine", run_id__isnull=False),
                name="value_has_origin",
            ),
        ]
        indexes = [models.Index(fields=["invoice", "field", "created"], name="value_history")]

    def __str__(self) -> str:
        return f"{self.field} = {self.value}"


class LineItem(models.Model):
    """One line of an invoice's table, in one revision of the whole table.

    A correction writes all lines anew under the next revision, so that the
    earlier table stays as it was; `Invoice.lines_revision` says which holds.
    """

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    revision = models.PositiveIntegerField()
    position = models.PositiveIntegerField(help_text="Counts from 0, top to bottom.")
    description = models.TextField(blank=True)
    product_code = models.CharField(max_length=80, blank=True)
    quantity = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    unit = models.CharField(max_length=20, blank=True)
    unit_price = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    tax_rate = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    cost_code = models.CharField(max_length=40, blank=True)
    date = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=10, choices=InvoiceValue.Source)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    run_id = models.BigIntegerField(null=True, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    page = models.PositiveIntegerField(null=True, blank=True)
    box = models.JSONField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "revision", "position"], name="line_once"),
            models.CheckConstraint(
                condition=Q(source="person", user__isnull=False) | Q(source="machine", run_id__isnull=False),
                name="line_has_origin",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position + 1}. {self.description}"


class Event(models.Model):
    """What happened to an invoice beside its values: append-only."""

    class Kind(models.TextChoices):
        UPLOADED = "uploaded", "Uploaded"
        STATUS = "status", "Status changed"
        URGENT = "urgent", "Marked urgent"
        EXPORTED = "exported", "Exported"
        PICTURE_KEPT = "picture_kept", "Picture kept as it is"

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=12, choices=Kind)
    before = models.CharField(max_length=40, blank=True)
    after = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created", "id"]
        indexes = [models.Index(fields=["invoice", "created"], name="event_history")]

    def __str__(self) -> str:
        return f"{self.invoice}: {self.kind} {self.after}".strip()

    @property
    def after_label(self) -> str:
        """The status that followed, as people read it."""
        return str(Invoice.Status(self.after).label) if self.after in Invoice.Status.values else self.after


# Newest first with a stable tie-break: what every list of invoices is ordered by.
NEWEST_FIRST = (F("created").desc(), F("id").desc())
