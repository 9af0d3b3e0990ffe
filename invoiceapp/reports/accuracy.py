"""How often the reader was right, from what people decided.

Counting happens in the database, grouped as far as a chart needs; the shares
and their intervals come from `statistics`. What is counted, and why the
figures can be trusted, stands in docs/reports.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Avg,
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast
from django.utils import timezone

from extraction.fields import FIELDS
from extraction.models import Run
from invoiceapp.records.models import Organization, Vendor
from invoiceapp.reports.statistics import (
    Bin,
    Clusters,
    Estimate,
    Scored,
    Stratum,
    calibration_bins,
    design_effect,
    estimate,
)
from review.models import Decision, Item

PERIODS = {30: "30 days", 90: "90 days", 180: "6 months", 365: "a year"}
DEFAULT_PERIOD = 90
CALIBRATION_BINS = 10
# Confidences are counted in steps of a thousandth before they are cut into bins.
CONFIDENCE_STEPS = 1000
# The table of lines has no sample of its own (review.sampling draws fields), so nothing can be estimated for it.
NOT_ESTIMATED = ("line_items",)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for; empty means all."""

    days: int = DEFAULT_PERIOD
    field: str = ""
    backend: str = ""
    version: str = ""
    vendor: int | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Filters:
        """Read the filters from an address; what makes no sense is left out."""
        days, vendor = query.get("period", ""), query.get("vendor", "")
        return cls(
            days=int(days) if days.isdigit() and int(days) in PERIODS else DEFAULT_PERIOD,
            field=query.get("field", "") if query.get("field", "") in FIELDS else "",
            backend=query.get("backend", "")[:40],
            version=query.get("version", "")[:80],
            vendor=int(vendor) if vendor.isdigit() and len(vendor) < 18 else None,
        )


@dataclass(slots=True)
class Tally:
    """Counts of one slice: per stratum how many values there are, were checked, and were right.

    ``missed`` are doubtful fields for which the reader found nothing; ``by_chance`` are mistakes
    that somebody noticed in confident values nobody had asked about: listed, never estimated from.
    """

    doubtful: int = 0
    confident: int = 0
    missed: int = 0
    doubtful_checked: int = 0
    doubtful_right: int = 0
    confident_checked: int = 0
    confident_right: int = 0
    by_chance: int = 0
    business: int = 0

    def add(self, other: Tally) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def strata(self, effects: tuple[float, float] = (1.0, 1.0)) -> tuple[Stratum, Stratum]:
        """Return the doubtful and the confident values, with the design effect of each."""
        return (
            Stratum(
                max(self.doubtful + self.missed, self.doubtful_checked),
                self.doubtful_checked,
                self.doubtful_right,
                effects[0],
            ),
            Stratum(
                max(self.confident, self.confident_checked),
                self.confident_checked,
                self.confident_right,
                effects[1],
            ),
        )

    def estimate(self, effects: tuple[float, float] = (1.0, 1.0)) -> Estimate | None:
        """Estimate the share of right values; None if too few were checked."""
        return estimate(self.strata(effects))

    @property
    def checked(self) -> int:
        return self.doubtful_checked + self.confident_checked

    @property
    def population(self) -> int:
        return sum(stratum.population for stratum in self.strata())


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a chart and of its table."""

    key: str
    label: str
    tally: Tally
    estimate: Estimate | None


@dataclass(frozen=True, slots=True)
class Week:
    """One week of documents, by the day they were read, and the model versions first seen in it."""

    start: date
    row: Row
    new_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Correction:
    """A mistake as a person corrected it, and where it stands on the page."""

    decision: Decision
    label: str
    by_chance: bool
    page: int | None
    box: list[float] | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything on the accuracy page but the list of corrections."""

    filters: Filters
    start: datetime
    end: datetime
    overall: Row
    total: Row | None
    fields: list[Row]
    weeks: list[Week]
    versions: list[Row]
    versions_by_field: list[tuple[str, list[Row | None]]]
    vendors: list[Row]
    bins: list[Bin]
    documents: int
    corrected: list[tuple[str, str, int]] = field(default_factory=list)


class Accuracy:
    """The values of one organization in one period, seen with the eyes of one user.

    Built per request; each method is one query whose size follows from the number of groups, not of rows.
    """

    def __init__(self, user: Any, organization: Organization, filters: Filters) -> None:
        self.user = user
        self.organization = organization
        self.filters = filters
        zone = ZoneInfo(organization.time_zone)
        today = timezone.now().astimezone(zone).date()
        first = today - timedelta(days=filters.days - 1)
        self.first_week = first - timedelta(days=first.weekday())
        # Whole weeks, so that the first point of the curve is not a stump.
        self.start = datetime.combine(self.first_week, time.min, zone)
        self.end = datetime.combine(today + timedelta(days=1), time.min, zone)
        self.week_starts = [
            datetime.combine(self.first_week + timedelta(weeks=n), time.min, zone)
            for n in range((today - self.first_week).days // 7 + 1)
        ]

    # --- what is counted ---------------------------------------------------------------------

    def runs(self) -> QuerySet[Any]:
        """Return the runs of the period that brought a reading and that the filters let through."""
        return self.attempts().filter(status=Run.Status.DONE)

    def attempts(self, role: str = Run.Role.PRIMARY) -> QuerySet[Any]:
        """Return the same runs, and those that failed or came too late: they cost something too.

        :param role: of `Run.Role`; what was read in shadow is no reading of an invoice, but cost something too.
        """
        rows = Run.every.visible_to(self.user, self.organization).filter(
            role=role, status__in=Run.FINISHED, finished__gte=self.start, finished__lt=self.end
        )
        if self.filters.backend:
            rows = rows.filter(backend=self.filters.backend)
        if self.filters.version:
            rows = rows.filter(model_version=self.filters.version)
        if self.filters.vendor:
            rows = rows.filter(invoice__vendor=self.filters.vendor)
        return rows

    def decisions(self) -> QuerySet[Any]:
        """Return what people decided last about each value that those runs read.

        A value can be decided twice: a save was taken back, or the approver sent the invoice
        back. The last word counts; whether the value was doubtful or drawn at random stays as it was.
        """
        same_value = Decision.objects.filter(item__run=OuterRef("item__run"), field=OuterRef("field"))
        earlier = same_value.filter(pk__lt=OuterRef("pk"))
        # Few runs were decided twice. Naming them first spares the others the search for a later decision;
        # as one half of an OR it also keeps PostgreSQL from joining all decisions with all others.
        decided_twice = (
            Item.objects.visible_to(self.user, self.organization)
            .filter(created__gte=self.start, run__isnull=False)
            .order_by()
            .values("run")
            .annotate(count=Count("pk"))
            .filter(count__gt=1)
            .values("run")
        )
        last = ~Q(item__run__in=decided_twice) | ~Exists(same_value.filter(pk__gt=OuterRef("pk")))
        returned = Q(item__reason=Item.Reason.RETURNED)
        rows = (
            Decision.objects.visible_to(self.user, self.organization)
            .filter(
                created__gte=self.start,
                item__run__status=Run.Status.DONE,
                item__run__finished__gte=self.start,
                item__run__finished__lt=self.end,
            )
            .filter(last)
            .annotate(
                was_doubtful=Case(
                    When(doubtful=True, then=Value(1)),
                    When(returned & Exists(earlier.filter(doubtful=True)), then=Value(1)),
                    default=Value(0),
                    output_field=IntegerField(),
                ),
                was_drawn=Case(
                    When(sampled=True, then=Value(1)),
                    When(returned & Exists(earlier.filter(sampled=True)), then=Value(1)),
                    default=Value(0),
                    output_field=IntegerField(),
                ),
                wrong=Case(
                    When(~Q(action=Decision.Action.CONFIRMED) & Q(why=Decision.Why.MISREAD), then=Value(1)),
                    default=Value(0),
                    output_field=IntegerField(),
                ),
            )
        )
        if self.filters.field:
            rows = rows.filter(field=self.filters.field)
        if self.filters.backend:
            rows = rows.filter(backend=self.filters.backend)
        if self.filters.version:
            rows = rows.filter(model_version=self.filters.version)
        if self.filters.vendor:
            rows = rows.filter(item__invoice__vendor=self.filters.vendor)
        return rows

    def _readings(self) -> QuerySet[Any]:
        # One filter, hence one join: a second one would count every reading once per field.
        if self.filters.field:
            return self.runs().filter(readings__field=self.filters.field)
        return self.runs().filter(readings__isnull=False)

    def _week(self, column: str) -> Any:
        """Return the number of the week a moment falls into, counted from the first one, as an expression.

        The boundaries are local midnights, so weeks are right across changes of the clock; the
        nested comparisons take log2(weeks) steps and run on every database.
        """

        def search(low: int, high: int) -> Any:
            if low == high:
                return Value(low)
            middle = (low + high + 1) // 2
            return Case(
                When(**{f"{column}__lt": self.week_starts[middle]}, then=search(low, middle - 1)),
                default=search(middle, high),
                output_field=IntegerField(),
            )

        return search(0, len(self.week_starts) - 1)

    def _counted(self, decisions: dict[str, Any], readings: dict[str, Any]) -> dict[tuple[Any, ...], Tally]:
        """Count decisions and readings, both grouped by expressions of the same names."""
        tallies: dict[tuple[Any, ...], Tally] = {}
        doubtful = Q(was_doubtful=1)
        drawn = Q(was_doubtful=0, was_drawn=1)
        for row in (
            self.decisions()
            .exclude(field__in=NOT_ESTIMATED)
            .order_by()
            .values(**decisions)
            .annotate(
                missed=Count("pk", filter=doubtful & Q(reading__isnull=True)),
                doubtful_checked=Count("pk", filter=doubtful),
                doubtful_right=Count("pk", filter=doubtful & Q(wrong=0)),
                confident_checked=Count("pk", filter=drawn),
                confident_right=Count("pk", filter=drawn & Q(wrong=0)),
                by_chance=Count("pk", filter=Q(was_doubtful=0, was_drawn=0, wrong=1)),
                business=Count("pk", filter=Q(why=Decision.Why.BUSINESS)),
            )
        ):
            key = tuple(row.pop(name) for name in decisions)
            tallies.setdefault(key, Tally()).add(Tally(**row))
        for row in (
            self._readings()
            .order_by()
            .values(**readings)
            .annotate(
                confident=Count("readings", filter=Q(readings__accepted=True)),
                doubtful=Count("readings", filter=Q(readings__accepted=False)),
            )
        ):
            key = tuple(row.pop(name) for name in readings)
            tallies.setdefault(key, Tally()).add(Tally(**row))
        return tallies

    def by_field_version_week(self) -> dict[tuple[Any, ...], Tally]:
        """Count by (field, backend, version, number of the week)."""
        return self._counted(
            {
                "of_field": F("field"),
                "of_backend": F("backend"),
                "of_version": F("model_version"),
                "of_week": self._week("item__run__finished"),
            },
            {
                "of_field": F("readings__field"),
                "of_backend": F("backend"),
                "of_version": F("model_version"),
                "of_week": self._week("finished"),
            },
        )

    def by_vendor(self) -> dict[tuple[Any, ...], Tally]:
        """Count by vendor as the office knows it now; None is an invoice without one."""
        return self._counted({"of_vendor": F("item__invoice__vendor")}, {"of_vendor": F("invoice__vendor")})

    def effects(self) -> tuple[float, float]:
        """Return the design effects of the doubtful and the drawn values over all fields together."""
        found = []
        for stratum in (Q(was_doubtful=1), Q(was_doubtful=0, was_drawn=1)):
            sums = (
                self.decisions()
                .exclude(field__in=NOT_ESTIMATED)
                .filter(stratum)
                .order_by()
                .values("item__run")
                .annotate(n=Count("pk"), r=Count("pk", filter=Q(wrong=0)))
                .aggregate(
                    documents=Count("n"),
                    checked=Sum("n"),
                    right=Sum("r"),
                    checked_squared=Sum(F("n") * F("n")),
                    right_squared=Sum(F("r") * F("r")),
                    right_times_checked=Sum(F("r") * F("n")),
                )
            )
            found.append(design_effect(Clusters(**{name: int(value or 0) for name, value in sums.items()})))
        return found[0], found[1]

    def bins(self) -> list[Bin]:
        """Return what was said against what was true, in bins of equally many checked values."""

        def step(column: str) -> Any:
            # Whether a cast cuts or rounds depends on the database; the same on both sides is enough.
            return Cast(F(column) * CONFIDENCE_STEPS, IntegerField())

        checked: dict[int, dict[str, int]] = {}
        for row in (
            self.decisions()
            .filter(reading__isnull=False)
            .exclude(field__in=NOT_ESTIMATED)
            .order_by()
            .values(step=step("reading__confidence"))
            .annotate(
                doubtful=Count("pk", filter=Q(was_doubtful=1)),
                doubtful_right=Count("pk", filter=Q(was_doubtful=1, wrong=0)),
                drawn=Count("pk", filter=Q(was_doubtful=0, was_drawn=1)),
                drawn_right=Count("pk", filter=Q(was_doubtful=0, was_drawn=1, wrong=0)),
            )
        ):
            checked[row.pop("step")] = row
        scored = []
        for row in (
            self._readings()
            .order_by()
            .values(step=step("readings__confidence"))
            .annotate(
                mean=Avg("readings__confidence"),
                doubtful=Count("readings", filter=Q(readings__accepted=False)),
                confident=Count("readings", filter=Q(readings__accepted=True)),
            )
            .order_by("step")
        ):
            seen = checked.get(row["step"], {})
            scored.append(
                Scored(
                    confidence_sum=row["mean"] * (row["doubtful"] + row["confident"]),
                    doubtful=Stratum(row["doubtful"], seen.get("doubtful", 0), seen.get("doubtful_right", 0)),
                    confident=Stratum(row["confident"], seen.get("drawn", 0), seen.get("drawn_right", 0)),
                )
            )
        return calibration_bins(scored, CALIBRATION_BINS)

    def corrections(self) -> QuerySet[Any]:
        """Return the mistakes that people corrected, newest first, with `was_doubtful` and `was_drawn`."""
        return (
            self.decisions()
            .filter(wrong=1)
            .select_related("reading", "item__invoice", "user")
            .order_by("-created", "-pk")
        )

    # --- the page ----------------------------------------------------------------------------

    def report(self) -> Report:
        """Gather everything the page shows above the list of corrections, in a fixed number of queries."""
        cells = self.by_field_version_week()
        effects = (1.0, 1.0) if self.filters.field else self.effects()
        overall = Row("", "All fields", everything := _sum(cells.values()), everything.estimate(effects))
        fields = self._field_rows(cells)
        versions = _rows(cells, lambda key: (key[1], key[2]), _version_label, effects)
        return Report(
            filters=self.filters,
            start=self.start,
            end=self.end,
            overall=overall,
            total=next((row for row in fields if row.key == "total"), None),
            fields=fields,
            weeks=self._weeks(cells, effects),
            versions=versions,
            versions_by_field=_versions_by_field(cells, [row.key for row in fields], versions),
            vendors=self._vendor_rows(effects),
            bins=self.bins(),
            documents=self.runs().count(),
            corrected=self._corrected(),
        )

    def _field_rows(self, cells: Mapping[tuple[Any, ...], Tally]) -> list[Row]:
        rows = _rows(cells, lambda key: key[0], label_of, (1.0, 1.0))
        order = {name: place for place, name in enumerate(FIELDS)}
        return sorted(rows, key=lambda row: order.get(row.key, len(order)))

    def _weeks(self, cells: Mapping[tuple[Any, ...], Tally], effects: tuple[float, float]) -> list[Week]:
        tallies = _grouped(cells, lambda key: key[3])
        versions: dict[str, int] = {}
        for _, backend, version, week in cells:
            name = _version_label((backend, version))
            versions[name] = min(week, versions.get(name, week))
        first = min(versions.values(), default=0)
        weeks = []
        for number in range(len(self.week_starts)):
            tally = tallies.get(number, Tally())
            start = self.first_week + timedelta(weeks=number)
            row = Row(start.isoformat(), f"{start:%b} {start.day}", tally, tally.estimate(effects))
            new = sorted(name for name, week in versions.items() if week == number and week > first)
            weeks.append(Week(start, row, tuple(new)))
        return weeks

    def _vendor_rows(self, effects: tuple[float, float]) -> list[Row]:
        """Return the vendors, those that are surely bad first: ordered by the upper end of the interval."""
        tallies = {key[0]: tally for key, tally in self.by_vendor().items()}
        names = dict(
            Vendor.objects.visible_to(self.user, self.organization)
            .filter(pk__in=[pk for pk in tallies if pk is not None])
            .values_list("pk", "name")
        )
        rows = [
            Row(str(pk or ""), names.get(pk, "No vendor known yet"), tally, tally.estimate(effects))
            for pk, tally in tallies.items()
        ]
        return sorted(
            rows,
            key=lambda row: (
                row.estimate is None,
                row.estimate.high if row.estimate else 0.0,
                -row.tally.checked,
                row.label,
            ),
        )

    def _corrected(self) -> list[tuple[str, str, int]]:
        """Return (field, label, how often it was corrected), the most corrected first."""
        found = self.decisions().filter(wrong=1).order_by().values_list("field").annotate(Count("pk"))
        return sorted(
            ((name, label_of(name), count) for name, count in found), key=lambda row: (-row[2], row[1])
        )

    def choices(self) -> dict[str, list[Any]]:
        """Return what the filters offer: fields, backends, versions, vendors (the 200 with most invoices)."""
        used = (
            Run.objects.visible_to(self.user, self.organization)
            .filter(status=Run.Status.DONE, finished__gte=self.start)
            .order_by()
            .values_list("backend", "model_version")
            .distinct()
        )
        pairs = sorted(used)
        vendors = (
            Vendor.objects.visible_to(self.user, self.organization)
            .annotate(count=Count("invoices"))
            .filter(count__gt=0)
            .order_by("-count", "pk")
            .values_list("pk", "name")[:200]
        )
        return {
            "fields": [(name, spec.label) for name, spec in FIELDS.items()],
            "backends": sorted({backend for backend, _ in pairs}),
            "versions": sorted({version for _, version in pairs if version}),
            "vendors": sorted(vendors, key=lambda row: row[1].casefold()),
        }


def label_of(name: str) -> str:
    """Return what people call a field."""
    if name in FIELDS:
        return FIELDS[name].label
    return "Line items" if name == "line_items" else name.replace("_", " ").capitalize()


def _version_label(key: tuple[str, str]) -> str:
    backend, version = key
    return version if version.startswith(backend) else f"{backend} {version}".strip()


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


def _grouped(
    cells: Mapping[tuple[Any, ...], Tally], group: Callable[[tuple[Any, ...]], Any]
) -> dict[Any, Tally]:
    found: dict[Any, Tally] = {}
    for key, tally in cells.items():
        found.setdefault(group(key), Tally()).add(tally)
    return found


def _rows(
    cells: Mapping[tuple[Any, ...], Tally],
    group: Callable[[tuple[Any, ...]], Any],
    label: Callable[[Any], str],
    effects: tuple[float, float],
) -> list[Row]:
    return [
        Row(" ".join(key) if isinstance(key, tuple) else key, label(key), tally, tally.estimate(effects))
        for key, tally in sorted(_grouped(cells, group).items())
    ]


def _versions_by_field(
    cells: Mapping[tuple[Any, ...], Tally], fields: Sequence[str], versions: Sequence[Row]
) -> list[tuple[str, list[Row | None]]]:
    """Return per field one row per version, so that versions stand side by side."""
    tallies = _grouped(cells, lambda key: (key[0], f"{key[1]} {key[2]}"))
    table: list[tuple[str, list[Row | None]]] = []
    for name in fields:
        rows: list[Row | None] = []
        for version in versions:
            tally = tallies.get((name, version.key))
            rows.append(Row(name, version.label, tally, tally.estimate()) if tally else None)
        if any(row is not None and row.estimate is not None for row in rows):
            table.append((label_of(name), rows))
    return table
