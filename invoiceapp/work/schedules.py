"""What happens by itself, and when. Rows come from here only: one bad row would stop all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django_q.models import Schedule


@dataclass(frozen=True, slots=True)
class Plan:
    """One schedule: every so many minutes, or at the times of a cron line in the server's time zone."""

    name: str
    func: str
    minutes: int | None = None
    cron: str | None = None
    args: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        """Return what the row in the database says."""
        return {
            "func": self.func,
            "args": repr(self.args) if self.args else None,
            "schedule_type": Schedule.CRON if self.cron else Schedule.MINUTES,
            "minutes": self.minutes,
            "cron": self.cron,
            "repeats": -1,
            "cluster": None,
        }


def plans() -> tuple[Plan, ...]:
    """Return every schedule there is to be.

    Cron lines stay out of 02 to 03 h: there croniter runs twice or not at all when clocks change.
    """
    return (
        Plan("sweep", "invoiceapp.pipeline.sweep", minutes=1),
        Plan("learn", "invoiceapp.pipeline.learn", minutes=1),
        Plan("heartbeat", "invoiceapp.pipeline.beat", minutes=1, args=(settings.QUEUE_NAME,)),
        Plan("certify", "invoiceapp.pipeline.certify", cron="47 4 * * *"),
        Plan("prune", "invoiceapp.pipeline.prune", cron="17 4 * * *"),
    )


def install_schedules() -> None:
    """Make the rows in the database what `plans` says; harmless as often as you like."""
    wanted = plans()
    with transaction.atomic():
        Schedule.objects.filter(func__startswith="invoiceapp.").exclude(
            name__in=[plan.name for plan in wanted]
        ).delete()
        for plan in wanted:
            rows = Schedule.objects.filter(name=plan.name)
            row = rows.order_by("pk").first() or Schedule(name=plan.name)
            at_another_time = plan.cron is not None and (row.pk is None or row.cron != plan.cron)
            for column, value in plan.columns().items():
                setattr(row, column, value)
            if at_another_time:
                row.next_run = row.calculate_next_run()
            row.full_clean()
            row.save()
            rows.exclude(pk=row.pk).delete()
