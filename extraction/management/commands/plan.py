"""How many workers so many invoices a day need, from how long documents took on this installation."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from extraction.models import Run
from extraction.planning import BUSY, LEAST_RUNS, plan

_MOST_RUNS = 5000


class Command(BaseCommand):
    help = "Says how many workers a volume needs, from how long the newest documents took here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--per-day", type=int, required=True, metavar="N", help="invoices a day")
        parser.add_argument(
            "--hours", type=float, default=24.0, help="of the day in which they are read (24)"
        )
        parser.add_argument(
            "--busy", type=float, default=BUSY, help=f"share of its time a worker reads ({BUSY})"
        )
        parser.add_argument(
            "--price", metavar="P", help="of one worker's machine, an hour; adds what it costs"
        )
        parser.add_argument("--days", type=int, default=30, help="how far back documents count (30)")
        parser.add_argument("--backend", help="one reader only")

    def handle(self, *args: Any, **options: Any) -> None:
        price = None
        if options["price"] is not None:
            try:
                price = Decimal(options["price"])
            except InvalidOperation:
                raise CommandError(f"--price {options['price']} is no number; write it like 0.85.") from None
        runs = Run.objects.filter(
            status=Run.Status.DONE,
            seconds_total__isnull=False,
            finished__gt=timezone.now() - timedelta(days=options["days"]),
        )
        if options["backend"]:
            runs = runs.filter(backend=options["backend"])
        seconds: dict[str, list[float]] = defaultdict(list)
        for backend, took in runs.order_by("-finished").values_list("backend", "seconds_total")[:_MOST_RUNS]:
            if took is not None:
                seconds[backend].append(took)
        if not seconds:
            raise CommandError(
                f"No document was read here in the last {options['days']} days, so nothing is known about how long one "
                "takes. Let a few dozen be read, or give more --days."
            )
        for backend, took_all in sorted(seconds.items()):
            try:
                found = plan(
                    backend,
                    took_all,
                    per_day=options["per_day"],
                    hours=options["hours"],
                    busy=options["busy"],
                    price_per_hour=price,
                )
            except ValueError as error:
                raise CommandError(f"{error}.") from error
            cost = ""
            if found.cost_per_month is not None:
                cost = f"; {found.cost_per_month} a month, {found.cost_per_invoice} an invoice"
            workers = f"{found.workers} worker{'s' if found.workers > 1 else ''}"
            self.stdout.write(
                f"{backend}: {workers} for {options['per_day']} invoices in "
                f"{options['hours']:g} hours{cost} (mean {found.mean_seconds:.2f} s, 95 % within "
                f"{found.p95_seconds:.2f} s, of {found.documents} documents)"
            )
            if found.documents < LEAST_RUNS:
                self.stdout.write(f"  {found.documents} documents are few: take this for a first guess.")
