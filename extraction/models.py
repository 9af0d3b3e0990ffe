"""What the readers found, kept as they found it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from extraction.guarantee import FieldGuarantee, Guarantee
from invoiceapp.records.access import VisibleQuerySet
from invoiceapp.records.models import Invoice, Organization


class Certification(models.Model):
    """Thresholds worked out from what people checked, with the evidence. Never rewritten: a version's newest holds."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    backend = models.CharField(max_length=40)
    model_version = models.CharField(max_length=80, help_text="The reader whose readings were checked.")
    target = models.FloatField(help_text="Organization.target_accuracy when it was worked out.")
    meanwhile = models.FloatField(help_text="Threshold of the fields without a guarantee.")
    fields = models.JSONField(
        default=dict, help_text="Field -> basis and figures, as `extraction.guarantee.FieldGuarantee`."
    )
    created = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-created"], name="certification_newest"),
        ]

    def __str__(self) -> str:
        return f"thresholds for {self.target:.2%} of {self.created:%Y-%m-%d %H:%M}"

    def guarantees(self) -> list[FieldGuarantee]:
        """Return what was worked out per field, in the form's order."""
        return [
            FieldGuarantee(name, row["basis"], Guarantee(**row["guarantee"]))
            for name, row in self.fields.items()
        ]

    def thresholds(self) -> dict[str, float]:
        """Return the certified thresholds by field; the others are not in it."""
        return {
            found.field: found.guarantee.threshold
            for found in self.guarantees()
            if found.guarantee.threshold is not None
        }


class Trial(models.Model):
    """A challenger beside an organization's usual reader, from start to end (`extraction.trials`).

    Which documents are its own is a hash of the document and the trial: the same in every process, at any time.
    """

    class Kind(models.TextChoices):
        SHADOW = "shadow", "In shadow: it reads too, and nothing it says counts"
        SPLIT = "split", "Instead: it reads its share of the documents"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    champion = models.CharField(max_length=40, help_text="The usual reader when it began.")
    challenger = models.CharField(max_length=40)
    share = models.FloatField(help_text="Of the documents that the challenger reads, above 0 and up to 1.")
    started = models.DateTimeField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["-started", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization"], condition=Q(ended__isnull=True), name="trial_one_open"
            ),
            models.CheckConstraint(condition=Q(share__gt=0, share__lte=1), name="trial_share_is_a_share"),
            models.CheckConstraint(
                condition=~Q(challenger=models.F("champion")), name="trial_has_two_readers"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.challenger} against {self.champion}"


class InvoiceRuns(models.Manager.from_queryset(VisibleQuerySet)):  # type: ignore[misc]  # a class made at run time
    """The runs that speak for their invoices: all but those in shadow."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(role="primary")


class Run(models.Model):
    """One attempt of one backend at one invoice. Rows are never rewritten once finished.

    ``Run.objects`` and ``invoice.runs`` leave out what was read in shadow (`Trial`), so that nothing that lists or
    counts runs can take it for a reading of the invoice; ``Run.every`` holds all.
    """

    class Role(models.TextChoices):
        PRIMARY = "primary", "Speaks for its invoice"
        SHADOW = "shadow", "Read in shadow, for comparison only"

    class Side(models.TextChoices):
        CHAMPION = "champion", "Left to the usual reader"
        CHALLENGER = "challenger", "Given to the challenger"

    class Status(models.TextChoices):
        STARTED = "started", "Started"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        OVERTAKEN = "overtaken", "Overtaken by another run"

    FINISHED = frozenset({Status.DONE, Status.FAILED, Status.OVERTAKEN})

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="runs")
    token = models.UUIDField(help_text="The lease of the work row under which it ran.")
    attempt = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.STARTED)
    backend = models.CharField(max_length=40)
    model_version = models.CharField(max_length=80, blank=True)
    document_type = models.CharField(max_length=20, blank=True)
    pages = models.PositiveIntegerField(default=0)
    seconds_total = models.FloatField(null=True, blank=True)
    seconds_words = models.FloatField(null=True, blank=True)
    seconds_fields = models.FloatField(null=True, blank=True)
    seconds_model = models.FloatField(
        null=True, blank=True, help_text="In which a model worked or its server answered."
    )
    input_tokens = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Empty: the model server counted none."
    )
    output_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    cost = models.DecimalField(
        max_digits=16, decimal_places=6, null=True, blank=True, help_text="Empty: nobody stated the price."
    )
    cost_currency = models.CharField(max_length=3, blank=True, help_text="Of the prices when it was read.")
    line_items = models.JSONField(default=list, help_text="As read: [{values, confidence, page, box}, ...]")
    checks = models.JSONField(default=list, help_text="[{rule, passed, difference, fields, message}, ...]")
    doubts = models.JSONField(
        default=dict, help_text="The gate's verdict: field that a person must see -> why, in plain words."
    )
    certification = models.ForeignKey(
        Certification,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Where the gate's thresholds came from; empty: the organization's one threshold.",
    )
    audit_share = models.FloatField(
        default=0.0, help_text="Share of the confident values that were drawn for a check when it was read."
    )
    role = models.CharField(max_length=8, choices=Role, default=Role.PRIMARY)
    trial = models.ForeignKey(
        Trial,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The trial it was read in shadow for, or that chose its reader.",
    )
    side = models.CharField(
        max_length=10,
        choices=Side,
        blank=True,
        help_text="Where a trial chose the reader: on whose side it is.",
    )
    error = models.TextField(blank=True)
    started = models.DateTimeField()
    finished = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = InvoiceRuns()
    every: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["trial"], condition=Q(trial__isnull=False), name="run_of_trial"),
            models.Index(fields=["invoice", "-started"], name="run_of_invoice"),
            models.Index(fields=["organization", "status", "finished"], name="run_report"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["token"], name="run_once_per_lease"),
            models.CheckConstraint(
                condition=Q(status="started") | Q(finished__isnull=False), name="run_finished_has_time"
            ),
            models.CheckConstraint(
                condition=Q(role="primary") | Q(trial__isnull=False), name="run_in_shadow_has_trial"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.backend} run {self.pk} of {self.invoice_id}"


class ShadowReading(models.Model):
    """A document that waits to be read in shadow, or was: work of its own that no invoice waits for.

    The constraint lets one worker of a queue at a time read in shadow; the others stay free for invoices.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Read"
        DEAD = "dead", "Gave up"
        SKIPPED = "skipped", "Not read"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="shadows")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="+")
    primary = models.ForeignKey(
        Run,
        on_delete=models.CASCADE,
        related_name="shadows",
        help_text="The usual reader's, to compare with.",
    )
    run = models.OneToOneField(
        Run, on_delete=models.CASCADE, null=True, blank=True, related_name="+", help_text="The challenger's."
    )
    queue = models.CharField(max_length=40, help_text="Which cluster does it.")
    status = models.CharField(max_length=8, choices=Status, default=Status.WAITING)
    due = models.DateTimeField(help_text="Not before.")
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True, blank=True, help_text="Who holds the lease.")
    lease_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text="Why it was not read, as a sentence.")
    created = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trial", "invoice"], name="shadow_once_per_invoice"),
            models.UniqueConstraint(
                fields=["queue"], condition=Q(status="running"), name="shadow_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(status="running") | Q(token__isnull=False, lease_until__isnull=False),
                name="shadow_running_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "running"], finished__isnull=True)
                | Q(status__in=["done", "dead", "skipped"], finished__isnull=False),
                name="shadow_finished_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(run__isnull=False), name="shadow_done_has_run"
            ),
        ]
        indexes = [
            # trials.claim
            models.Index(
                fields=["queue", "due", "id"], condition=Q(finished__isnull=True), name="shadow_to_claim"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} shadow of {self.invoice_id}"


class Consultation(models.Model):
    """One further reader of one run: why it was asked, what became of it, what it cost. Append-only.

    It is there also where the reader could not be asked, with the reason: nobody should wonder why it had no say.
    """

    class Purpose(models.TextChoices):
        DOUBTFUL = "doubtful", "asked about doubtful fields"
        VERIFY = "verify", "asked to check every field"
        INSTEAD = "instead", "to read first"

    class Outcome(models.TextChoices):
        ANSWERED = "answered", "Answered"
        MISSING = "missing", "Not set up"
        OVER_BUDGET = "over_budget", "No budget left"
        FAILED = "failed", "Failed"
        LATE = "late", "Took too long"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="consultations")
    purpose = models.CharField(max_length=10, choices=Purpose)
    reader = models.CharField(max_length=40)
    version = models.CharField(max_length=80, blank=True)
    asked = models.JSONField(default=list, help_text="Fields in which it had a say; empty: all.")
    outcome = models.CharField(max_length=12, choices=Outcome)
    error = models.TextField(blank=True, help_text="Why it had no say, as a sentence.")
    seconds = models.FloatField(default=0.0)
    seconds_model = models.FloatField(null=True, blank=True)
    cost = models.DecimalField(
        max_digits=16, decimal_places=6, null=True, blank=True, help_text="Empty: unknown."
    )
    cost_currency = models.CharField(max_length=3, blank=True)
    input_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    output_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    agreed = models.PositiveSmallIntegerField(default=0, help_text="Fields that both read alike.")
    differed = models.PositiveSmallIntegerField(default=0)
    only_first = models.PositiveSmallIntegerField(default=0, help_text="Fields that it does not find.")
    only_second = models.PositiveSmallIntegerField(default=0, help_text="Fields that only it finds.")
    said = models.JSONField(
        default=dict,
        help_text="Field -> [first value, its confidence, second value, its confidence], before both met.",
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="answered") | ~Q(error=""), name="consultation_says_why_not"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reader} for run {self.run_id}: {self.outcome}"

    @property
    def sentence(self) -> str:
        """What became of it, for people."""
        asked = f"{self.reader} was {self.get_purpose_display()}"
        if self.outcome != self.Outcome.ANSWERED:
            return f"{asked} and had no say: {self.error}"
        counted = (
            (self.agreed, "read the same"),
            (self.differed, "differs" if self.differed == 1 else "differ"),
            (self.only_first, "not found by it"),
            (self.only_second, "found by it alone"),
        )
        met = ", ".join(f"{number} {words}" for number, words in counted if number)
        return f"{asked}: {met or 'it found none of them either'}"


class FieldReading(models.Model):
    """One field as one run read it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="readings")
    field = models.CharField(max_length=40)
    value = models.TextField(help_text="Normalised as docs/fields.md says.")
    text = models.TextField(blank=True, help_text="As printed.")
    confidence = models.FloatField(validators=[MinValueValidator(0), MaxValueValidator(1)])
    score = models.FloatField(default=0.0, help_text="The reader's raw score, before calibration.")
    page = models.PositiveIntegerField(null=True, blank=True)
    box = models.JSONField(null=True, blank=True, help_text="[x0, y0, x1, y1], page-relative.")
    alternatives = models.JSONField(
        default=list, help_text="[{value, text, confidence, page, box, reader}, ...]"
    )
    accepted = models.BooleanField(help_text="The gate let it pass without a person.")
    clearance = models.FloatField(
        null=True,
        blank=True,
        help_text="Highest threshold at which the gate lets it pass; empty: no threshold decides over it.",
    )
    reader = models.CharField(
        max_length=40, blank=True, help_text="Whose value it is, where two were asked; empty: the run's."
    )
    second = models.CharField(
        max_length=40, blank=True, help_text="The other reader that was asked about it."
    )
    agreed = models.BooleanField(
        null=True,
        blank=True,
        help_text="Whether that one reads the same; empty: it reads nothing, or wasn't asked.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "field"], name="reading_once_per_run"),
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=1), name="reading_confidence_is_probability"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.field}: {self.value}"

    @property
    def read_by(self) -> str:
        """Who read it and what the other reader says, for people; empty where one reader was asked."""
        if not self.second:
            return ""
        says = {True: "reads the same", False: "reads something else", None: "does not find it"}[self.agreed]
        return f"read by {self.reader}; {self.second} {says}"


class BudgetDay(models.Model):
    """What an organization's readers other than the embedded one took on one of its days, and may still take."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    day = models.DateField(help_text="In the organization's time zone.")
    money = models.DecimalField(
        max_digits=16,
        decimal_places=6,
        default=0,
        help_text="Spent and set aside, in the currency of the prices.",
    )
    seconds = models.DecimalField(
        max_digits=14, decimal_places=3, default=0, help_text="Spent and set aside."
    )

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "day"], name="budget_once_per_day"),
            models.CheckConstraint(condition=Q(money__gte=0, seconds__gte=0), name="budget_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.money} and {self.seconds} s"


class Reservation(models.Model):
    """The most that one reading at work may take; gone once it is known what it took (`extraction.budget`)."""

    day = models.ForeignKey(BudgetDay, on_delete=models.CASCADE, related_name="reservations")
    backend = models.CharField(max_length=40)
    money = models.DecimalField(max_digits=16, decimal_places=6)
    seconds = models.DecimalField(max_digits=14, decimal_places=3)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.backend}: {self.money} and {self.seconds} s"


class Prompt(models.Model):
    """What an organization asks large models with. A change is a new row with the next version; the newest holds."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    version = models.PositiveIntegerField(
        help_text="Counts from 1; part of the model_version of runs made with it."
    )
    text = models.TextField(blank=True, help_text="With its placeholders; empty: the shipped prompt again.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["-version"]
        constraints = [
            # Its index also serves services.own_prompt_of: one look-up per invoice.
            models.UniqueConstraint(fields=["organization", "version"], name="prompt_once_per_version"),
            models.CheckConstraint(condition=Q(version__gte=1), name="prompt_version_counts_from_one"),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"


class VendorMemory(models.Model):
    """What an organization's checked invoices taught about a vendor's layout, under one key (`extraction.memory`)."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, help_text="What the key is: tax_id, email, phone or layout.")
    key = models.CharField(max_length=100)
    phrases = models.JSONField(default=list, help_text="Hashes of the layout's label phrases.")
    fields = models.JSONField(default=dict, help_text="Field -> where and how it stood, and how often.")
    version = models.PositiveIntegerField(default=1, help_text="How many checked invoices taught it.")
    updated = models.DateTimeField(auto_now=True)

    objects: ClassVar = VisibleQuerySet.as_manager()

    class Meta:
        constraints = [
            # Its index also serves services.memories: one look-up per invoice.
            models.UniqueConstraint(fields=["organization", "kind", "key"], name="memory_once_per_key"),
        ]
        indexes = [
            # services.forget_old, nightly
            models.Index(fields=["updated"], name="memory_prune"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
