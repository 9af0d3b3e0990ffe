"""`manage.py worker`: read what waits to be read, and keep doing so."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from invoiceapp.work.supervisor import Supervisor


class Command(BaseCommand):
    help = "Runs the workers of this machine and starts them anew when they die or freeze. Stop with SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        Supervisor(
            settings.QUEUE_NAME, frozen_after=settings.WATCHDOG_SECONDS, drain=settings.DRAIN_SECONDS
        ).run()
