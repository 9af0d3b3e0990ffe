"""Months of reading and checking, made at once: rows as the pipeline and the review leave them.

Written straight into the tables, since 50,000 decisions through the services would take an hour.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from extraction.models import FieldReading, Run
from invoiceapp.records.matching import name_key
from invoiceapp.records.models import Document, Invoice, Organization, Page, Vendor
from review.models import Decision, Item
from review.tests.factories import word_box

# Field -> (share that is doubtful, right if doubtful, right if confident, a value, a misreading of it)
FIELDS = {
    "vendor_name": (0.20, 0.80, 0.99, "Hernandez Drywall", "Hemandez Drywall"),
    "invoice_number": (0.25, 0.70, 0.985, "2041", "Z041"),
    "work_order_number": (0.35, 0.66, 0.97, "31877", "31871"),
    "invoice_date": (0.15, 0.75, 0.99, "2026-03-12", "2026-12-03"),
    "due_date": (0.10, 0.80, 0.99, "2026-04-12", "2026-04-13"),
    "subtotal": (0.20, 0.85, 0.99, "1450.00", "1950.00"),
    "tax_amount": (0.20, 0.80, 0.985, "0.00", "14.50"),
    "total": (0.15, 0.82, 0.995, "1450.00", "1950.00"),
    "customer_name": (0.15, 0.80, 0.98, "Hill Street Builders", "Hill Sreet Builders"),
    "vendor_address": (0.25, 0.70, 0.95, "12 Elm Street", "12 Elm Strect"),
    "vendor_phone": (0.10, 0.85, 0.98, "312 555 0142", "312 555 0147"),
    "po_number": (0.30, 0.60, 0.95, "PO-118", "P0-118"),
    "currency": (0.02, 0.90, 0.999, "USD", "CAD"),
    "payment_terms": (0.10, 0.80, 0.97, "net 30", "net 80"),
}
WORDS = {
    "vendor_name": "Hernandez",
    "invoice_number": "2041",
    "work_order_number": "31877",
    "invoice_date": "2026-03-12",
    "total": "$1,450.00",
    "subtotal": "1,450.00",
}
VENDORS = (
    "Hernandez Drywall",
    "Ruiz Painting",
    "Lakeside Plumbing",
    "Peña Roofing",
    "Northside Electric",
    "A-1 Rentals",
    "Kowalski Masonry",
    "Cedar Supply",
    "Two Rivers Concrete",
    "O'Neill Glass",
)
AUDIT_SHARE = 0.05


def fill(
    organization: Organization,
    user: Any,
    *,
    invoices: int,
    days: int = 88,
    seed: int = 1,
    picture: str = "",
    versions: Sequence[str] = ("layout-1", "layout-2"),
    vendors: Sequence[str] = VENDORS,
    now: datetime | None = None,
) -> None:
    """Add read and checked invoices, spread evenly over the last days.

    The second version reads better than the first; the last vendor is read worst.

    :param picture: stored name of a page picture (850 x 1100, as `review.tests.factories.make_page`
        draws it) that all documents show; without it they have no pages.
    """
    dice = random.Random(seed)
    now = now or timezone.now()
    known = [
        Vendor.objects.get_or_create(
            organization=organization, name_key=name_key(name), defaults={"name": name}
        )[0]
        for name in vendors
    ]
    reference = Organization.objects.values_list("last_reference", flat=True).get(pk=organization.pk)
    rows: dict[type, list[Any]] = {
        model: [] for model in (Document, Page, Invoice, Run, FieldReading, Item, Decision)
    }
    for number in range(invoices):
        finished = now - timedelta(days=days * (1 - (number + 1) / invoices), hours=1)
        vendor_place = dice.randrange(len(known))
        reference += 1
        document = Document(
            organization=organization,
            uploaded_by=user,
            filename=f"photo {reference}.jpg",
            media_type="image/jpeg",
            size=100_000,
            sha256=uuid.UUID(int=dice.getrandbits(128)).hex * 2,
            page_count=1,
            file="none",
            created=finished,
        )
        invoice = Invoice(
            organization=organization,
            reference=reference,
            document=document,
            uploaded_by=user,
            status=Invoice.Status.TO_APPROVE,
            status_since=finished,
            vendor=known[vendor_place],
            vendor_name=known[vendor_place].name,
            total=Decimal("1450.00"),
            currency="USD",
            created=finished,
        )
        version = versions[min(number * len(versions) // invoices, len(versions) - 1)]
        seconds = dice.lognormvariate(-0.6, 0.5)
        run = Run(
            organization=organization,
            invoice=invoice,
            token=uuid.UUID(int=dice.getrandbits(128)),
            attempt=1,
            status=Run.Status.DONE,
            backend="layout",
            model_version=version,
            pages=1,
            seconds_total=seconds,
            seconds_words=seconds * 0.7,
            seconds_fields=seconds * 0.2,
            started=finished - timedelta(seconds=1),
            finished=finished,
        )
        item = Item(
            organization=organization,
            invoice=invoice,
            run=run,
            status=Item.Status.SETTLED,
            reason=Item.Reason.DOUBTFUL,
            settled_by=user,
            settled_at=finished + timedelta(minutes=20),
        )
        rows[Document].append(document)
        rows[Invoice].append(invoice)
        rows[Run].append(run)
        rows[Item].append(item)
        if picture:
            rows[Page].append(Page(document=document, number=0, width=850, height=1100, picture=picture))
        # Fields of a document go together: a bad picture spoils several.
        handicap = 0.25 if dice.random() < 0.08 + 0.15 * (vendor_place == len(known) - 1) else 0.0
        better = 0.04 * versions.index(version)
        drawn = dice.random() < AUDIT_SHARE * 3
        for field, (share, right_doubtful, right_sure, value, misread) in FIELDS.items():
            doubtful = dice.random() < share + handicap - better
            chance = (
                (right_doubtful if doubtful else right_sure)
                - handicap * (1 if doubtful else 0.15)
                + better * doubtful
            )
            right = dice.random() < chance
            box = word_box(WORDS[field]) if field in WORDS else None
            reading = FieldReading(
                run=run,
                field=field,
                value=value if right else misread,
                text=value if right else misread,
                confidence=min(0.949, max(0.2, dice.gauss(0.72, 0.14)))
                if doubtful
                else dice.uniform(0.95, 0.999),
                page=0 if box else None,
                box=box,
                accepted=not doubtful,
            )
            rows[FieldReading].append(reading)
            sampled = not doubtful and drawn and dice.random() < 1 / 3
            noticed = not doubtful and not sampled and not right and dice.random() < 0.2
            if not (doubtful or sampled or noticed):
                continue
            business = right and dice.random() < 0.01
            rows[Decision].append(
                Decision(
                    item=item,
                    organization=organization,
                    reading=reading,
                    field=field,
                    model_value=reading.value,
                    shown_value=reading.value,
                    value="changed" if business else value,
                    action=Decision.Action.CONFIRMED if right and not business else Decision.Action.CORRECTED,
                    why=Decision.Why.BUSINESS if business else Decision.Why.MISREAD,
                    doubtful=doubtful,
                    sampled=sampled,
                    backend=run.backend,
                    model_version=run.model_version,
                    vendor_name=invoice.vendor_name,
                    confidence=reading.confidence,
                    seconds=3.0,
                    user=user,
                    created=finished,
                )
            )
    for model, made in rows.items():
        model.objects.bulk_create(made, batch_size=2000)
    # auto_now_add stamps the moment of the insert; the rows are from earlier.
    settled = Item.objects.filter(pk=OuterRef("item")).values("settled_at")
    Decision.objects.filter(organization=organization).update(created=Subquery(settled))
    with connection.cursor() as cursor:
        # After so many rows at once a server's autovacuum would do the same.
        cursor.execute("ANALYZE")
    Organization.objects.filter(pk=organization.pk).update(last_reference=reference)
