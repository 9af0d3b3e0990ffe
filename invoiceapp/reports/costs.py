"""What each reader took and cost, from what its runs recorded. What is counted stands in docs/reports.md.

A reader that was asked beside another stands in a row of its own: its seconds and its money are taken out of the
first reader's. What was read in shadow for a trial stands in rows of its own too: no invoice was read by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from extraction.models import Consultation, Run
from invoiceapp.records.access import organizations_where
from invoiceapp.reports.accuracy import Accuracy

# A consultation took something if the reader was asked; a missing one or one without budget was not.
ASKED = (Consultation.Outcome.ANSWERED, Consultation.Outcome.FAILED, Consultation.Outcome.LATE)
KNOWN = Q(cost__isnull=False)


@dataclass(frozen=True, slots=True)
class Money:
    """What readings cost whose price was stated, in one currency; ``invoices`` are those that they read."""

    currency: str
    total: Decimal
    invoices: int

    @property
    def per_invoice(self) -> Decimal:
        return self.total / self.invoices


@dataclass(slots=True)
class Cost:
    """One reader's line. ``seconds`` are those of the readings that succeeded, ``measured`` how many those are."""

    reader: str
    beside: bool
    shadow: bool = False
    organization: str = ""
    invoices: int = 0
    readings: int = 0
    measured: int = 0
    pages: int = 0
    seconds: float = 0.0
    unpriced: int = 0
    money: list[Money] = field(default_factory=list)

    @property
    def label(self) -> str:
        if self.shadow:
            return f"{self.reader}, in shadow"
        return f"{self.reader}, asked beside another" if self.beside else self.reader

    @property
    def seconds_per_reading(self) -> float | None:
        return self.seconds / self.measured if self.measured else None


def by_reader(figures: Accuracy) -> list[Cost]:
    """Return what each reader took of one organization in the report's period, dearest first. Seven queries."""
    found = _costs(figures.attempts(), Consultation.objects.filter(run__in=figures.attempts()), "")
    found += _in_shadow(figures.attempts(Run.Role.SHADOW), "")
    return sorted(found, key=_dearest_first)


def by_organization(figures: Accuracy) -> list[Cost]:
    """Return the same, of the whole period, for every organization whose reports the user may see.

    Eight queries; nothing for somebody who sees one only.
    """
    organizations = organizations_where(figures.user, "reports")
    names = dict(organizations.values_list("pk", "name"))
    if len(names) < 2:
        return []
    every = Run.every.filter(
        organization__in=names,
        status__in=Run.FINISHED,
        finished__gte=figures.start,
        finished__lt=figures.end,
    )
    attempts = every.filter(role=Run.Role.PRIMARY)
    found = _costs(attempts, Consultation.objects.filter(run__in=attempts), "organization")
    found += _in_shadow(every.filter(role=Run.Role.SHADOW), "organization")
    for cost in found:
        cost.organization = names[int(cost.organization)]
    return sorted(
        found, key=lambda cost: (cost.organization.casefold(), cost.beside, cost.shadow, cost.reader)
    )


def _in_shadow(attempts: QuerySet[Any], group: str) -> list[Cost]:
    """Count what was read in shadow, per reader: the challenger alone, nobody was asked beside it. Two queries."""
    found = _costs(attempts, Consultation.objects.none(), group)
    for cost in found:
        cost.shadow = True
    return found


def _costs(attempts: QuerySet[Any], asked: QuerySet[Any], group: str) -> list[Cost]:
    """Count per reader, and per organization if ``group`` names its column."""
    runs = {"of_reader": F("backend")} | ({"of_group": F(group)} if group else {})
    within = {"of_group": F(f"run__{group}")} if group else {}
    beside = {"of_reader": F("reader"), **within}
    asked = asked.filter(outcome__in=ASKED).order_by()
    found: dict[tuple[Any, ...], Cost] = {}

    def line(row: dict[str, Any], *, second: bool) -> Cost:
        key = (row.get("of_group", ""), row["of_reader"], second)
        organization = str(row.get("of_group", ""))
        return found.setdefault(key, Cost(row["of_reader"], second, organization=organization))

    measured = Q(seconds_total__isnull=False)
    for row in (
        attempts.order_by()
        .values(**runs)
        .annotate(
            invoices=Count("invoice", distinct=True),
            readings=Count("pk"),
            measured=Count("pk", filter=measured),
            pages=Sum("pages"),
            seconds=Sum("seconds_total"),
            unpriced=Count("pk", filter=~KNOWN),
        )
    ):
        cost = line(row, second=False)
        cost.invoices, cost.readings, cost.measured = row["invoices"], row["readings"], row["measured"]
        cost.pages, cost.seconds, cost.unpriced = row["pages"] or 0, row["seconds"] or 0.0, row["unpriced"]
    for row in asked.values(**beside).annotate(
        invoices=Count("run__invoice", distinct=True),
        readings=Count("pk"),
        pages=Sum("run__pages"),
        seconds=Sum("seconds"),
        unpriced=Count("pk", filter=~KNOWN),
    ):
        cost = line(row, second=True)
        cost.invoices, cost.readings, cost.unpriced = row["invoices"], row["readings"], row["unpriced"]
        cost.measured, cost.pages, cost.seconds = row["readings"], row["pages"] or 0, row["seconds"] or 0.0
    sums: dict[tuple[Any, ...], tuple[Decimal, int]] = {}
    for second, priced in (
        (False, attempts.filter(KNOWN).order_by().values(**runs, currency=F("cost_currency"))),
        (True, asked.filter(KNOWN).values(**beside, currency=F("cost_currency"))),
    ):
        invoice = "run__invoice" if second else "invoice"
        for row in priced.annotate(total=Sum("cost"), invoices=Count(invoice, distinct=True)):
            key = (row.get("of_group", ""), row["of_reader"], second, row["currency"])
            sums[key] = (row["total"], row["invoices"])
    # What a second reader took is within the sums of the runs.
    for row in asked.values(**within, of_reader=F("run__backend"), currency=F("cost_currency")).annotate(
        total=Sum("cost", filter=Q(run__cost__isnull=False)),
        seconds=Sum("seconds", filter=Q(run__seconds_total__isnull=False)),
    ):
        line(row, second=False).seconds -= row["seconds"] or 0.0
        if row["total"] is not None:
            key = (row.get("of_group", ""), row["of_reader"], False, row["currency"])
            total, invoices = sums[key]
            sums[key] = (total - row["total"], invoices)
    for (of, reader, second, currency), (total, invoices) in sorted(sums.items()):
        found[of, reader, second].money.append(Money(currency, total, invoices))
    return sorted(found.values(), key=_dearest_first)


def _dearest_first(cost: Cost) -> tuple[Any, ...]:
    return (
        -max((money.per_invoice for money in cost.money), default=Decimal(0)),
        cost.beside,
        cost.shadow,
        cost.reader,
    )


def cells(costs: Iterable[Cost]) -> Iterable[list[Any]]:
    """Return the lines of the CSV file: one per reader and currency, without money where no price was stated."""
    for cost in costs:
        taken = [
            cost.organization,
            cost.reader,
            "shadow" if cost.shadow else "second" if cost.beside else "first",
            cost.invoices,
            cost.readings,
            cost.pages,
            f"{cost.seconds:.2f}",
            cost.unpriced,
        ]
        for money in cost.money:
            yield [*taken, money.currency, f"{money.total:.6f}", f"{money.per_invoice:.6f}"]
        if not cost.money:
            yield [*taken, "", "", ""]
