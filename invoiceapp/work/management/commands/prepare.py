"""`manage.py prepare`: bring database, cache, schedules and static files to what this version needs."""

from __future__ import annotations

import os
from pathlib import Path
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
        if settings.STATIC_MANIFEST and _may_write(settings.STATIC_ROOT):  # an image brings them collected
            call_command("collectstatic", interactive=False, verbosity=0)
        self.stdout.write("Database, cache, schedules and static files are ready.")


def _may_write(folder: Path) -> bool:
    return os.access(folder if folder.exists() else folder.parent, os.W_OK)
