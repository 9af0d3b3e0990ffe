"""Two readers against each other, by what people settled. What is counted, and why, stands in docs/reports.md.

In shadow both read the same documents; in a split each has its side. Which value a person is asked about depends on
the usual reader's doubts, so shares are estimated by strata as everywhere, and the decision between the two readers
looks only at values that the audit draw holds: it asks a hash and neither reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum

from extraction import cascade
from extraction.fields import FIELDS
from extraction.models import FieldReading, Run, ShadowReading, Trial
from extraction.trials import OPEN
from invoiceapp.records.models import Organization
from invoiceapp.reports.accuracy import NOT_ESTIMATED, Tally, label_of
from invoiceapp.reports.costs import Money
from invoiceapp.reports.statistics import (
    DECIDED_AT,
    Clusters,
    Estimate,
    Stratum,
    design_effect,
    e_value,
    estimate,
)
from review.models import Decision, Item
from review.sampling import is_drawn

# The kind of paper is no value that a reader lists with the others.
LEFT_OUT = (*NOT_ESTIMATED, cascade.KIND)
LISTED = 20
CHAMPION, CHALLENGER = Run.Side.CHAMPION, Run.Side.CHALLENGER


@dataclass(slots=True)
class Taken:
    """What one reader took: documents it read, of them with known seconds, versions, and money by currency."""

    reader: str
    documents: int = 0
    measured: int = 0
    seconds: float = 0.0
    unpriced: int = 0
    versions: list[str] = field(default_factory=list)
    money: list[Money] = field(default_factory=list)

    @property
    def seconds_per_document(self) -> float | None:
        return self.seconds / self.measured if self.measured else None


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field: how often each reader was right, and where just one of them was."""

    key: str
    label: str
    checked: int
    champion: Estimate | None
    challenger: Estimate | None
    wins: int
    losses: int


@dataclass(frozen=True, slots=True)
class TrialReport:
    """Everything on a trial's page. ``wins`` and ``losses`` are the challenger's, in documents."""

    trial: Trial
    champion: Taken
    challenger: Taken
    waiting: int
    oldest: Any
    unread: list[tuple[str, int]]
    stood_in: int
    with_truth: int
    checked: int
    drawn: int
    overall: FieldRow
    fields: list[FieldRow]
    wins: int
    losses: int

    @property
    def readers(self) -> tuple[Taken, Taken]:
        return self.champion, self.challenger

    @property
    def evidence(self) -> float:
        return e_value(self.wins, self.losses)

    @property
    def verdict(self) -> str:
        """Return "better" or "worse", of the challenger; "undecided" as long as chance may have done it."""
        if self.evidence < DECIDED_AT or self.wins == self.losses:
            return "undecided"
        return "better" if self.wins > self.losses else "worse"

    @property
    def documents(self) -> int:
        """How many documents are in the comparison."""
        if self.trial.kind == Trial.Kind.SHADOW:
            return self.challenger.documents
        return self.champion.documents + self.challenger.documents


@dataclass(slots=True)
class _Unit:
    """One value of one document that a person was asked about: what is true, and what was read."""

    side: str
    share: float
    doubtful: bool = False
    sampled: bool = False
    missed: bool = False
    read: str = ""
    truth: str | None = None


def listed(user: Any, organization: Organization) -> list[Trial]:
    """Return the organization's newest trials. One query."""
    rows = Trial.objects.visible_to(user, organization).select_related("started_by", "ended_by")
    return list(rows[:LISTED])


def report(trial: Trial) -> TrialReport:
    """Compare the two readers of a trial. The number of queries does not depend on how much was read."""
    shadow = trial.kind == Trial.Kind.SHADOW
    runs = Run.objects.filter(**_compared(trial))
    if shadow:
        champion = _taken(trial.champion, runs)
        challenger = _taken(trial.challenger, Run.every.filter(**_in_shadow(trial)))
    else:
        champion, challenger = (
            _taken(reader, runs.filter(side=side))
            for reader, side in ((trial.champion, CHAMPION), (trial.challenger, CHALLENGER))
        )
    waiting, oldest, unread = _unread(trial)
    units = _units(trial)
    others = _values(trial) if shadow else {}
    rows, drawn, wins, losses = _compare(shadow, units, _populations(trial), others)
    *fields, overall = rows
    return TrialReport(
        trial=trial,
        champion=champion,
        challenger=challenger,
        waiting=waiting,
        oldest=oldest,
        unread=unread,
        stood_in=0 if shadow else runs.filter(side=CHALLENGER).exclude(backend=trial.challenger).count(),
        with_truth=len({document for document, _ in units}),
        checked=len(units),
        drawn=drawn,
        overall=overall,
        fields=fields,
        wins=wins,
        losses=losses,
    )


def _compared(trial: Trial, run: str = "") -> dict[str, Any]:
    """Return which runs speak for their documents in a trial, as a filter: plain joins, which databases plan well.

    :param run: the path to the run from the filtered rows, ending in two underscores.
    """
    if trial.kind == Trial.Kind.SHADOW:
        return {f"{run}shadows__trial": trial, f"{run}shadows__status": ShadowReading.Status.DONE}
    return {f"{run}trial": trial, f"{run}role": Run.Role.PRIMARY, f"{run}status": Run.Status.DONE}


def _in_shadow(trial: Trial, run: str = "") -> dict[str, Any]:
    """Return which runs the challenger read in shadow, likewise."""
    return {f"{run}trial": trial, f"{run}role": Run.Role.SHADOW, f"{run}status": Run.Status.DONE}


def _taken(reader: str, runs: QuerySet[Any]) -> Taken:
    found = Taken(reader)
    money: dict[str, tuple[Decimal, int]] = {}
    for row in (
        runs.order_by()
        .values("model_version", "cost_currency")
        .annotate(
            documents=Count("invoice", distinct=True),
            readings=Count("pk"),
            measured=Count("seconds_total"),
            seconds=Sum("seconds_total"),
            priced=Count("cost"),
            total=Sum("cost"),
            first=Min("started"),
        )
        .order_by("first")
    ):
        found.documents += row["documents"]
        found.measured += row["measured"]
        found.seconds += row["seconds"] or 0.0
        found.unpriced += row["readings"] - row["priced"]
        if row["model_version"] and row["model_version"] not in found.versions:
            found.versions.append(row["model_version"])
        if row["priced"]:
            total, count = money.get(row["cost_currency"], (Decimal(0), 0))
            money[row["cost_currency"]] = (total + row["total"], count + row["priced"])
    found.money = [Money(currency, total, count) for currency, (total, count) in sorted(money.items())]
    return found


def _unread(trial: Trial) -> tuple[int, Any, list[tuple[str, int]]]:
    """Return how many wait and since when, and why others were not read, the most frequent reason first."""
    waiting, oldest = 0, None
    why: list[tuple[str, int]] = []
    for row in (
        trial.shadows.exclude(status=ShadowReading.Status.DONE)
        .order_by()
        .values("status", "reason")
        .annotate(count=Count("pk"), oldest=Min("created"))
    ):
        if row["status"] in OPEN:
            waiting += row["count"]
            oldest = min(filter(None, (oldest, row["oldest"])))
        else:
            why.append((row["reason"], row["count"]))
    return waiting, oldest, sorted(why, key=lambda pair: (-pair[1], pair[0]))


def _units(trial: Trial) -> dict[tuple[Any, str], _Unit]:
    """Return the values that people were asked about, in the order in which they first answered.

    The last word counts that is about the reading; a change made by the office says nothing about either reader.
    """
    units: dict[tuple[Any, str], _Unit] = {}
    for document, side, share, name, read, reading, value, doubtful, sampled, why in (
        Decision.objects.filter(**_compared(trial, "item__run__"))
        .exclude(field__in=LEFT_OUT)
        .order_by("pk")
        .values_list(
            "item__invoice", "item__run__side", "item__run__audit_share", "field", "model_value", "reading", "value",
            "doubtful", "sampled", "why",
        )
    ):  # fmt: skip
        unit = units.setdefault((document, name), _Unit(side, share))
        unit.doubtful, unit.sampled = unit.doubtful or doubtful, unit.sampled or sampled
        unit.read, unit.missed = read, reading is None
        if why != Decision.Why.BUSINESS:
            unit.truth = value
    asked = {k: unit for k, unit in units.items() if unit.doubtful or unit.sampled}
    return {k: unit for k, unit in asked.items() if unit.truth is not None}


def _populations(trial: Trial) -> dict[tuple[str, str], tuple[int, int]]:
    """Return how many values there are, doubtful and confident, by side and field; checked or not."""
    return {
        (row["run__side"], row["field"]): (row["doubtful"], row["confident"])
        for row in FieldReading.objects.filter(**_compared(trial, "run__"))
        .exclude(field__in=LEFT_OUT)
        .order_by()
        .values("run__side", "field")
        .annotate(
            doubtful=Count("pk", filter=Q(accepted=False)), confident=Count("pk", filter=Q(accepted=True))
        )
    }


def _values(trial: Trial) -> dict[tuple[Any, str], str]:
    """Return what the challenger read in shadow of the documents that people answered about."""
    answered = Item.objects.filter(invoice=OuterRef("run__invoice"), status=Item.Status.SETTLED)
    rows = (
        FieldReading.objects.filter(Exists(answered), **_in_shadow(trial, "run__"))
        .exclude(field__in=LEFT_OUT)
        .values_list("run__invoice", "field", "value")
    )
    return {(document, name): value for document, name, value in rows}


def _is_right(name: str, read: str, truth: str) -> bool:
    if not read or not truth or name not in FIELDS:
        return read == truth
    return cascade.reads_the_same(name, read, truth)


def _compare(
    shadow: bool,
    units: Mapping[tuple[Any, str], _Unit],
    populations: Mapping[tuple[str, str], tuple[int, int]],
    others: Mapping[tuple[Any, str], str],
) -> tuple[list[FieldRow], int, int, int]:
    """Return a row per field and one for all, how many values the draw holds, and the challenger's wins and losses."""
    right: dict[str, dict[tuple[Any, str], bool]] = {CHAMPION: {}, CHALLENGER: {}}
    for (document, name), unit in units.items():
        truth = unit.truth or ""
        side = CHAMPION if shadow else unit.side
        right[side][document, name] = _is_right(name, unit.read, truth)
        if shadow:
            right[CHALLENGER][document, name] = _is_right(name, others.get((document, name), ""), truth)
    drawn = [key for key, unit in units.items() if is_drawn(key[0], key[1], unit.share)]
    met = _meet_in_shadow(right, drawn) if shadow else _meet_in_pairs(right, drawn)
    names = {name for _, name in units} | {name for _, name in populations}

    def row(key: str, label: str, chosen: Iterable[str]) -> FieldRow:
        wanted = set(chosen)
        of = {side: {k: hit for k, hit in right[side].items() if k[1] in wanted} for side in right}
        estimates = {}
        for side in right:
            counts = [n for (at, name), n in populations.items() if name in wanted and (shadow or at == side)]
            estimates[side] = _estimate(of[side], units, counts)
        both = [(of[CHAMPION][k], of[CHALLENGER][k]) for k in of[CHAMPION]] if shadow else []
        return FieldRow(
            key=key,
            label=label,
            checked=len(of[CHAMPION].keys() | of[CHALLENGER].keys()),
            champion=estimates[CHAMPION],
            challenger=estimates[CHALLENGER],
            wins=both.count((False, True)),
            losses=both.count((True, False)),
        )

    rows = [row(name, label_of(name), [name]) for name in FIELDS if name in names]
    return [*rows, row("", "All fields", names)], len(drawn), met.count(1), met.count(-1)


def _estimate(
    right: Mapping[tuple[Any, str], bool],
    units: Mapping[tuple[Any, str], _Unit],
    counts: Iterable[tuple[int, int]],
) -> Estimate | None:
    """Estimate a reader's share of right values by the strata of the gate, values of one document going together."""
    tally = Tally()
    for doubtful, confident in counts:
        tally.add(Tally(doubtful=doubtful, confident=confident))
    by_document: tuple[dict[Any, list[bool]], dict[Any, list[bool]]] = ({}, {})
    for key, hit in right.items():
        unit = units[key]
        by_document[0 if unit.doubtful else 1].setdefault(key[0], []).append(hit)
        if unit.doubtful:
            tally.add(Tally(missed=unit.missed, doubtful_checked=1, doubtful_right=hit))
        else:
            tally.add(Tally(confident_checked=1, confident_right=hit))
    first, second = (_effect(documents) for documents in by_document)
    strata: tuple[Stratum, Stratum] = tally.strata((first, second))
    return estimate(strata)


def _effect(documents: Mapping[Any, list[bool]]) -> float:
    sums = [(len(hits), sum(hits)) for hits in documents.values()]
    return design_effect(
        Clusters(
            documents=len(sums),
            checked=sum(n for n, _ in sums),
            right=sum(r for _, r in sums),
            checked_squared=sum(n * n for n, _ in sums),
            right_squared=sum(r * r for _, r in sums),
            right_times_checked=sum(r * n for n, r in sums),
        )
    )


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)


def _meet_in_shadow(
    right: Mapping[str, Mapping[tuple[Any, str], bool]], drawn: Iterable[tuple[Any, str]]
) -> list[int]:
    """Return for each document who read more of its drawn values right: 1 the challenger, -1 the champion, 0 neither.

    Each document counts once, since the values of one document fail together.
    """
    leads: dict[Any, int] = {}
    for key in drawn:
        lead = int(right[CHALLENGER][key]) - int(right[CHAMPION][key])
        leads[key[0]] = leads.get(key[0], 0) + lead
    return [_sign(lead) for lead in leads.values()]


def _meet_in_pairs(
    right: Mapping[str, Mapping[tuple[Any, str], bool]], drawn: Iterable[tuple[Any, str]]
) -> list[int]:
    """Return the same where each reader has documents of its own: the n-th answered one of each side make a pair."""
    shares: dict[str, dict[Any, list[bool]]] = {CHAMPION: {}, CHALLENGER: {}}
    for key in drawn:
        side = CHALLENGER if key in right[CHALLENGER] else CHAMPION
        shares[side].setdefault(key[0], []).append(right[side][key])
    means = [[sum(hits) / len(hits) for hits in shares[side].values()] for side in (CHALLENGER, CHAMPION)]
    return [_sign(one - other) for one, other in zip(*means, strict=False)]
