"""A made-up organization with people, jobs, vendors and invoices, to see the whole path with.

The invoices are drawn (`invoiceapp.intake.samples`) and handed in like everybody else's, so that the
worker reads them while one watches. Nothing in it is real; the passwords are public.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from invoiceapp.intake import samples
from invoiceapp.intake.models import Upload
from invoiceapp.intake.samples import Paper, line
from invoiceapp.intake.services import receive
from invoiceapp.records.matching import name_key, number_key
from invoiceapp.records.models import Job, Membership, Organization, Vendor

NAME = "Hill Street Builders (demonstration)"
SLUG = "demonstration"
Role = Membership.Role


class OtherOrganizations(Exception):
    """The database belongs to somebody; people with public passwords have no business in it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in to the demonstration."""

    username: str
    first_name: str
    last_name: str
    role: Membership.Role

    @property
    def password(self) -> str:
        return f"hill-street-{self.username}"


PEOPLE = (
    Person("uploader", "Rosa", "Hernandez", Role.UPLOADER),
    Person("clerk", "Carl", "Bishop", Role.CLERK),
    Person("approver", "Ana", "Whitfield", Role.APPROVER),
    Person("bookkeeper", "Ben", "Okafor", Role.BOOKKEEPER),
    Person("administrator", "Ada", "Lindqvist", Role.ADMINISTRATOR),
)

JOBS = (
    ("31877", "Elm Street 12, kitchen and hall", "18500.00"),
    ("31902", "Oak Avenue 400, new roof", "42750.00"),
    ("31915", "Harbor School, gymnasium", "126000.00"),
    ("31920", "Main Street 7, two bathrooms", "27300.00"),
    ("31933", "Mill Road 55, foundation", "9800.00"),
)


@dataclass(frozen=True, slots=True)
class Firm:
    """A vendor of the demonstration."""

    name: str
    address: tuple[str, str]
    phone: str


KEYSTONE = Firm(
    "Keystone Building Supply", ("1200 Industrial Way", "Springfield, IL 62701"), "(217) 555-0134"
)
LAKESIDE = Firm("Lakeside Lumber & Millwork", ("77 Harbor Road", "Decatur, IL 62521"), "(217) 555-0161")
TRICOUNTY = Firm("Tri-County Equipment Rental", ("4501 State Route 29", "Pekin, IL 61554"), "(309) 555-0117")
MENDOZA = Firm("Pintura Mendoza LLC", ("918 S 11th Street", "Springfield, IL 62703"), "(217) 555-0188")
NORTHSIDE = Firm("Northside Electrical Wholesale", ("3300 N Grand Ave", "Peoria, IL 61603"), "(309) 555-0143")
HERNANDEZ = Firm("Hernandez Drywall", ("2216 E Cook Street", "Springfield, IL 62703"), "(217) 555-0109")
RAMIREZ = Firm("Ramirez Tile & Stone", ("640 Cedar Street", "Springfield, IL 62704"), "(217) 555-0172")
DELGADO = Firm("Delgado Plumbing", ("15 Water Street", "Chatham, IL 62629"), "(217) 555-0126")
SUMMIT = Firm(
    "Summit Roofing Contractors Inc.", ("800 Ridge Parkway", "Bloomington, IL 61701"), "(309) 555-0195"
)
VALLEY = Firm("Valley Ready-Mix Concrete", ("1 Quarry Lane", "Lincoln, IL 62656"), "(217) 555-0150")
FIRMS = (KEYSTONE, LAKESIDE, TRICOUNTY, MENDOZA, NORTHSIDE, HERNANDEZ, RAMIREZ, DELGADO, SUMMIT, VALLEY)


@dataclass(frozen=True, slots=True)
class Sample:
    """One file to hand in, what the uploader states with it, and how to draw it."""

    filename: str
    paper: Paper
    draw: Callable[[Paper], bytes]
    stated_work_order: str = ""
    stated_total: Decimal | None = None
    urgent: bool = False

    @property
    def key(self) -> uuid.UUID:
        """What this file is called at every run, so that it is handed in once."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"demonstration/{self.filename}")


def _paper(firm: Firm, number: str, day: date, *lines: samples.Line, **more: Any) -> Paper:
    return Paper(
        vendor=firm.name, address=firm.address, phone=firm.phone, number=number, day=day, lines=lines, **more
    )


_SALES_TAX = Decimal("8.25")

_MATERIALS = _paper(
    KEYSTONE,
    "K-10045",
    date(2026, 11, 2),
    line("Drywall 1/2 in 4x8", "46", "ea", "14.85"),
    line("Joint compound, 5 gal", "6", "ea", "21.40"),
    line("Corner bead, 8 ft", "24", "ea", "3.15"),
    line("Drywall screws 1-5/8 in, 5 lb", "8", "box", "27.90"),
    work_order="31877",
    due=date(2026, 12, 2),
    tax_rate=_SALES_TAX,
)
_TIMBER = _paper(
    LAKESIDE,
    "LM 88213",
    date(2026, 10, 28),
    *(
        line(f"{name}, {length} ft", str(count), "ea", price)
        for name, price in (
            ("SPF stud 2x4", "4.12"),
            ("SPF joist 2x10", "18.75"),
            ("Treated post 6x6", "41.30"),
            ("OSB sheathing 7/16", "16.90"),
            ("Glulam beam 3-1/2 x 11-7/8", "212.40"),
        )
        for length, count in ((8, 40), (10, 24), (12, 18), (14, 12), (16, 9), (20, 4), (24, 2))
    ),
    work_order="31902",
    due=date(2026, 11, 27),
    tax_rate=_SALES_TAX,
)
_RENTAL = _paper(
    TRICOUNTY,
    "R-55120-2",
    date(2026, 11, 4),
    line("Mini excavator 3.5 t, 10/19 to 11/01", "2", "week", "1185.00"),
    line("Plate compactor, 10/26 to 10/30", "5", "day", "64.50"),
    line("Delivery and pick-up", "1", "ls", "150.00"),
    line("Environmental fee", "1", "ls", "23.70"),
    work_order="31933",
    tax_rate=Decimal("6.25"),
    note="Equipment remains property of Tri-County Equipment Rental. Net 15 days.",
)
_BILINGUAL = _paper(
    MENDOZA,
    "0317",
    date(2026, 11, 6),
    line("Pintar sala y pasillo / Paint living room and hall", "1", "ls", "1280.00"),
    line("Resanar paredes / Patch walls", "14", "hr", "38.00"),
    line("Pintura y material / Paint and material", "1", "ls", "342.75"),
    work_order="31877",
    language="both",
    due=date(2026, 11, 20),
)
_SCANNED = _paper(
    NORTHSIDE,
    "NEW-204417",
    date(2026, 10, 30),
    line("Romex 12/2 w/ ground, 250 ft", "7", "roll", "118.60"),
    line("LED high bay 150 W", "16", "ea", "94.25"),
    line("Breaker 20 A, 2-pole", "10", "ea", "19.85"),
    line("EMT conduit 3/4 in, 10 ft", "60", "ea", "8.42"),
    line("Junction box 4 in square", "45", "ea", "2.36"),
    work_order="31915",
    due=date(2026, 11, 29),
    tax_rate=_SALES_TAX,
)
_DRYWALL = _paper(
    HERNANDEZ,
    "000412",
    date(2026, 11, 5),
    line("Hang drywall, hall", "1", "ls", "850.00"),
    line("Tape and finish", "1", "ls", "425.00"),
    line("Clean up, haul away", "1", "ls", "175.00"),
    work_order="31877",
    site="12 Elm Street",
)
_TILE = _paper(
    RAMIREZ,
    "118",
    date(2026, 11, 7),
    line("Azulejo baño, 96 sq ft", "1", "ls", "1152.00"),
    line("Quitar azulejo viejo", "1", "ls", "380.00"),
    line("Lechada y sellador", "1", "ls", "96.50"),
    work_order="31920",
    site="7 Main Street",
)
_CREDIT = _paper(
    KEYSTONE,
    "K-CM-0871",
    date(2026, 11, 9),
    line("Drywall 1/2 in 4x8, returned", "-6", "ea", "14.85"),
    line("Corner bead, 8 ft, returned", "-4", "ea", "3.15"),
    work_order="31877",
    tax_rate=_SALES_TAX,
    kind="credit_note",
    note="Refers to invoice K-10045.",
)
_WRONG_SUM = _paper(
    DELGADO,
    "2026-233",
    date(2026, 11, 10),
    line("Rough-in, two bathrooms", "1", "ls", "3150.00"),
    line("Water heater 50 gal, installed", "1", "ea", "1486.00"),
    line("Additional labor", "6.5", "hr", "92.00"),
    work_order="31920",
    due=date(2026, 12, 10),
    # The lines come to 5,234.00: two digits have changed places.
    printed_total=Decimal("5324.00"),
)
_ROOF = _paper(
    SUMMIT,
    "SR-7781",
    date(2026, 11, 3),
    line("Tear-off existing shingles", "34", "sq", "92.00"),
    line("Ice and water shield", "8", "roll", "118.00"),
    line("Architectural shingles, installed", "34", "sq", "385.00"),
    line("Ridge vent", "62", "ft", "9.75"),
    line("Permit, City of Springfield", "1", "ea", "275.00"),
    work_order="31902",
    due=date(2026, 12, 3),
    note="Payment terms: net 30. 1.5 % per month on overdue balances.",
)
_CONCRETE = _paper(
    VALLEY,
    "VRM 30951",
    date(2026, 10, 27),
    line("Concrete 4000 psi", "22.5", "cy", "164.00"),
    line("Fuel surcharge", "3", "load", "28.00"),
    line("Wait time over 30 min", "1.25", "hr", "120.00"),
    work_order="31933",
    due=date(2026, 11, 26),
    tax_rate=_SALES_TAX,
)
# The same goods on the same day for the same sum under another number: paid twice, if nobody asks.
_SAME_AMOUNT = _paper(
    KEYSTONE,
    "K-10052",
    _MATERIALS.day,
    *_MATERIALS.lines,
    work_order="31877",
    due=date(2026, 12, 2),
    tax_rate=_SALES_TAX,
)


def _typed(look: samples.Look, lines_per_page: int = 24) -> Callable[[Paper], bytes]:
    return lambda paper: samples.invoice_pdf(paper, look=look, lines_per_page=lines_per_page)


SAMPLES = (
    Sample("Keystone K-10045.pdf", _MATERIALS, _typed("classic"), "31877", _MATERIALS.total),
    Sample("Lakeside lumber, two pages.pdf", _TIMBER, _typed("banner"), "31902"),
    Sample("Tri-County rental.pdf", _RENTAL, _typed("typewriter"), "31933", _RENTAL.total),
    Sample("Factura Mendoza 0317.pdf", _BILINGUAL, _typed("boxed"), "31877", _BILINGUAL.total),
    Sample(
        "Scan 2026-11-03 Northside.pdf", _SCANNED, lambda p: samples.scan_of(samples.invoice_pdf(p), seed=5)
    ),
    Sample(
        "IMG_2041 Hernandez.jpg",
        _DRYWALL,
        lambda p: samples.photo_of(samples.handwritten_form(p, hand="kalam", seed=8), seed=2),
        "31877",
        _DRYWALL.total,
        urgent=True,
    ),
    Sample(
        "IMG_2057 Ramirez.jpg",
        _TILE,
        lambda p: samples.photo_of(samples.handwritten_form(p, hand="caveat", seed=4), seed=7),
        "31920",
        # What was typed into the form is not what the paper says.
        Decimal("1682.50"),
    ),
    Sample("Keystone credit K-CM-0871.pdf", _CREDIT, _typed("classic")),
    Sample("Delgado 2026-233.pdf", _WRONG_SUM, _typed("boxed"), "31920"),
    Sample("Summit Roofing SR-7781.pdf", _ROOF, _typed("banner"), "31902", _ROOF.total),
    Sample(
        "Valley concrete.png",
        _CONCRETE,
        lambda p: samples.as_png(
            samples.scanned(
                samples.picture_of(samples.invoice_pdf(p, look="typewriter")), seed=9, degrees=-0.5
            )
        ),
    ),
    Sample("Keystone K-10052.pdf", _SAME_AMOUNT, _typed("classic"), "31877", _SAME_AMOUNT.total),
)


def prepare(*, force: bool = False) -> Organization:
    """Enter the organization with its people, jobs and vendors, as far as they are not there yet.

    :param force: also where other organizations are in the database.
    :raises OtherOrganizations: if there are and it isn't forced.
    """
    if not force and Organization.objects.exclude(slug=SLUG).exists():
        raise OtherOrganizations(
            "This database holds other organizations. The demonstration's passwords are public, so it "
            "belongs in a database of its own (set DATABASE_URL); --force adds it all the same."
        )
    with transaction.atomic():
        organization, _ = Organization.objects.get_or_create(
            slug=SLUG, defaults={"name": NAME, "time_zone": "America/Chicago"}
        )
        users = get_user_model().objects
        for person in PEOPLE:
            user, created = users.get_or_create(
                username=person.username,
                defaults={
                    "first_name": person.first_name,
                    "last_name": person.last_name,
                    "email": f"{person.username}@demonstration.invalid",
                },
            )
            if created:
                user.set_password(person.password)
                user.save(update_fields=["password"])
            Membership.objects.get_or_create(user=user, organization=organization, role=person.role)
        for number, name, estimate in JOBS:
            Job.objects.get_or_create(
                organization=organization,
                number_key=number_key(number),
                defaults={"number": number, "name": name, "estimate": Decimal(estimate)},
            )
        for firm in FIRMS:
            Vendor.objects.get_or_create(
                organization=organization,
                name_key=name_key(firm.name),
                defaults={"name": firm.name, "address": "\n".join(firm.address), "phone": firm.phone},
            )
    return organization


def hand_in(organization: Organization) -> Iterator[Upload]:
    """Draw and hand in the invoices that were not handed in by an earlier run, one after another."""
    uploader = get_user_model().objects.get(username=PEOPLE[0].username)
    known = set(
        Upload.objects.filter(organization=organization, uploaded_by=uploader).values_list("key", flat=True)
    )
    for sample in SAMPLES:
        if sample.key not in known:
            yield receive(
                SimpleUploadedFile(sample.filename, sample.draw(sample.paper)),
                organization=organization,
                user=uploader,
                stated_work_order=sample.stated_work_order,
                stated_total=sample.stated_total,
                urgent=sample.urgent,
                key=sample.key,
            )
