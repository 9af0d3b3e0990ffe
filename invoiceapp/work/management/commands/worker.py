"""`manage.py worker`: read what waits to be read, and keep doing so."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from invoiceapp.work.supervisor import Supervisor


class Command(BaseCommand):
    help = "Runs the workers of this machine and starts them anew when they die or freeze. Stop with SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--gpu",
            action="store_true",
            help="serve the queue of the large models (GPU_QUEUE) with one process, not the queue for everything",
        )

    def handle(self, *args: Any, gpu: bool, **options: Any) -> None:
        if gpu and not settings.GPU_QUEUE:
            raise CommandError(
                "GPU_QUEUE is not set. Set it to a name such as gpu, alike for web and workers: without it the "
                "ordinary worker reads everything."
            )
        Supervisor(
            settings.GPU_QUEUE if gpu else settings.QUEUE_NAME,
            frozen_after=settings.WATCHDOG_SECONDS,
            drain=settings.DRAIN_SECONDS,
        ).run()
