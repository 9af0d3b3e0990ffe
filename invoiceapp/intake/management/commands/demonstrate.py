"""Fill an empty database with a demonstration and say who can sign in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from invoiceapp.intake import demonstration


class Command(BaseCommand):
    help = "Enter a made-up organization with people and invoices; a second run adds nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force", action="store_true", help="also where the database holds other organizations"
        )
        parser.add_argument(
            "--without-invoices", action="store_true", help="enter people, jobs and vendors only"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = demonstration.prepare(force=options["force"])
        except demonstration.OtherOrganizations as error:
            raise CommandError(str(error)) from None
        if not options["without_invoices"]:
            for upload in demonstration.hand_in(organization):
                self.stdout.write(f"  {upload.filename}: {upload.message}")
        self.stdout.write(f"\n{organization.name}: sign in at {settings.SITE_URL} as\n\n")
        for person in demonstration.PEOPLE:
            self.stdout.write(f"  {person.username:<14} {person.password:<26} {person.role.label}")
        self.stdout.write("")
