"""What so many invoices a day need and cost a month, from how long documents took on this installation."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from extraction.models import Run
from extraction.planning import (
    BUSY,
    LEAST_RUNS,
    ON_GPU,
    PRICES,
    STUDY,
    BadPrices,
    Deployment,
    Plan,
    PriceTable,
    at_price,
    between,
    deploy,
    load_prices,
    plan,
)

_MOST_RUNS = 5000


class Command(BaseCommand):
    help = (
        "Says how many workers of which kind a volume needs and what that costs a month on a server of your own, in a "
        "small cloud and in a large one, from how long the newest documents took here."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--per-day", type=int, required=True, metavar="N", help="invoices a day")
        parser.add_argument(
            "--hours", type=float, default=24.0, help="of the day in which they are read (24)"
        )
        parser.add_argument(
            "--busy", type=float, default=BUSY, help=f"share of its time a worker reads ({BUSY})"
        )
        parser.add_argument(
            "--price-hour",
            metavar="P",
            help="of one worker's machine, an hour: counts with it instead of the table",
        )
        parser.add_argument(
            "--gpu-price-hour", metavar="P", help="the same of a machine with a GPU, for llama and pixtral"
        )
        parser.add_argument(
            "--prices", type=Path, default=PRICES, metavar="FILE", help="a table like extraction/prices.toml"
        )
        parser.add_argument("--days", type=int, default=30, help="how far back documents count (30)")
        parser.add_argument("--backend", help="one reader only")

    def handle(self, *args: Any, **options: Any) -> None:
        own = {name: _price(options, name) for name in ("price_hour", "gpu_price_hour")}
        try:
            table = load_prices(options["prices"])
        except BadPrices as error:
            raise CommandError(str(error)) from error
        per_day, hours = options["per_day"], options["hours"]
        seconds = _measured(options["days"], options["backend"])
        wanted = sorted(
            seconds.keys() | ({options["backend"]} & STUDY.keys() if options["backend"] else STUDY)
        )
        if not wanted:
            raise CommandError(
                f"No document was read here by {options['backend']} in the last {options['days']} days, so nothing is "
                "known about how long one takes. Let a few dozen be read, or give more --days."
            )
        self.stdout.write(
            f"{per_day:,} invoice{'s' if per_day > 1 else ''} a day, read in {hours:g} hours of it; a worker reads "
            f"{options['busy']:.0%} of its time, so that documents need not wait long for one."
        )
        if not seconds:
            self.stdout.write(
                f"Nothing was read here in the last {options['days']} days: only the study is known."
            )
        by_table = False
        for backend in wanted:
            try:
                found = plan(
                    backend,
                    seconds.get(backend) or [STUDY[backend]],
                    per_day=per_day,
                    hours=hours,
                    busy=options["busy"],
                )
            except ValueError as error:
                raise CommandError(f"{error}.") from error
            self._say(found, options, is_measured=backend in seconds)
            price = own["gpu_price_hour" if backend in ON_GPU else "price_hour"]
            if price is not None:
                deployments = [at_price(found, price, per_day=per_day, hours=hours)]
            else:
                by_table = True
                deployments = [
                    deploy(found, one, table, per_day=per_day, hours=hours) for one in table.options
                ]
            self._say_costs(deployments)
        if by_table:
            self._say_where_from(table, options["prices"])

    def _say(self, found: Plan, options: dict[str, Any], *, is_measured: bool) -> None:
        kind = "GPU worker" if found.backend in ON_GPU else "worker"
        if not is_measured:
            source = (
                f"not measured here; {found.mean_seconds:g} s a photograph on one H100 in the study, "
                "for two fields"
            )
        else:
            p95 = "" if found.p95_seconds is None else f", 95 % within {found.p95_seconds:.2f} s"
            source = f"mean {found.mean_seconds:.2f} s{p95}, of {found.documents:,} documents"
        self.stdout.write(
            f"\n{found.backend}: {found.workers:,} {kind}{'s' if found.workers > 1 else ''} ({source})"
        )
        self.stdout.write(
            f"  {options['per_day']:,} x {found.mean_seconds:.2f} s = {found.busy_hours:.2f} hours of reading a day; "
            f"/ ({options['hours']:g} h x {options['busy']:g}) = "
            f"{found.busy_hours / (options['hours'] * options['busy']):.2f}, so {found.workers:,}"
        )
        if is_measured and found.documents < LEAST_RUNS:
            self.stdout.write(f"  {found.documents} documents are few: take this for a first guess.")
        if found.backend == "openai_server":
            self.stdout.write(
                "  What the model server itself costs comes on top; the accuracy report shows it."
            )

    def _say_costs(self, deployments: Iterable[Deployment]) -> None:
        for found in deployments:
            self.stdout.write(
                f"  {found.option}: {between(found.month)} a month, {between(found.invoice)} an invoice"
            )
            for step in found.steps:
                self.stdout.write(f"    {step}")

    def _say_where_from(self, table: PriceTable, path: Path) -> None:
        day = f"{table.day.day} {table.day:%B %Y}"
        self.stdout.write(
            f"\nIn {table.currency}, by the table of {day} ({path.name}): {table.note}. From the cheapest to the "
            "dearest, with two digits, since no more is known. Each reader stands for itself, with the site's own "
            "machine. Not in it: people, backups, storage, traffic, a spare machine, taxes."
        )
        for option in table.options:
            self.stdout.write(f"  {option.name}: {option.source}")


def _measured(days: int, backend: str | None) -> dict[str, list[float]]:
    """Return the seconds of the newest documents, by reader."""
    runs = Run.objects.filter(
        status=Run.Status.DONE,
        seconds_total__isnull=False,
        finished__gt=timezone.now() - timedelta(days=days),
    )
    if backend:
        runs = runs.filter(backend=backend)
    seconds: dict[str, list[float]] = defaultdict(list)
    for name, took in runs.order_by("-finished").values_list("backend", "seconds_total")[:_MOST_RUNS]:
        if took is not None:
            seconds[name].append(took)
    return dict(seconds)


def _price(options: dict[str, Any], name: str) -> Decimal | None:
    """Return a price from the command line.

    :raises CommandError: if it is no amount.
    """
    text = options[name]
    if text is None:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price < 0:
        raise CommandError(f"--{name.replace('_', '-')} {text} is no price; write it like 0.85.")
    return price
