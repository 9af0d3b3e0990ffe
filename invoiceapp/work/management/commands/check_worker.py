"""`manage.py check_worker`: do the workers of this machine (or container) still do what they are given?"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from invoiceapp.work.models import Heartbeat
from invoiceapp.work.supervisor import host_prefix


class Command(BaseCommand):
    requires_system_checks = ()  # asked for every minute; the settings were checked at the start
    help = "Ends with 0 if the workers of this machine have shown a sign of life lately, else with 1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--seconds", type=int, default=settings.WATCHDOG_SECONDS, help="How old a sign of life may be."
        )

    def handle(self, *args: Any, seconds: int, **options: Any) -> None:
        beats = Heartbeat.objects.filter(cluster__startswith=host_prefix()).order_by("-beat")
        newest = beats.values_list("beat", flat=True).first()
        if newest is None:
            raise CommandError(
                "No worker of this machine has shown a sign of life. Is `manage.py worker` running?"
            )
        age = timezone.now() - newest
        if age > timedelta(seconds=seconds):
            raise CommandError(f"The workers' last sign of life is {age.total_seconds():.0f} s old.")
        self.stdout.write(f"alive {age.total_seconds():.0f} s ago")
