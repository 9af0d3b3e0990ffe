"""`manage.py prepare`: bring database, cache, schedules and static files to what this version needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from invoiceapp.work.schedules import install_schedules


class Command(BaseCommand):
    help = "Run once after every update, before web and workers start. Harmless if run again."

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=verbosity)
        call_command("createcachetable", verbosity=verbosity)
        install_schedules()
        self.check(databases=["default"])  # queue and storage answer, or say here and now what to set
        if settings.STATIC_MANIFEST:
            call_command("collectstatic", interactive=False, verbosity=0)
        self.stdout.write("Database, cache, schedules and static files are ready.")
