"""Checked values in numbers: rows as gate, draw and clerk leave them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from extraction.models import FieldReading, Run
from invoiceapp.records.models import Document, Invoice, Organization
from review.models import Decision, Item
from review.sampling import is_drawn


def checked(
    organization: Organization,
    user: Any,
    values: Sequence[tuple[str, float, bool]],
    *,
    share: float = 1.0,
    threshold: float = 0.95,
    version: str = "layout-1",
) -> list[Decision]:
    """Enter one settled invoice per (field, confidence, right), as gate, draw and clerk leave it.

    Written straight into the tables: three hundred invoices through the services take a minute.
    """
    organization.refresh_from_db()
    now = timezone.now()
    rows: dict[type, list[Any]] = {
        model: [] for model in (Document, Invoice, Run, FieldReading, Item, Decision)
    }
    for field, confidence, right in values:
        organization.last_reference += 1
        owner = {"organization": organization, "uploaded_by": user}
        document = Document(
            **owner, filename="a.jpg", media_type="image/jpeg", size=1, page_count=1, file="a"
        )
        document.sha256 = uuid.uuid4().hex * 2
        invoice = Invoice(**owner, document=document, reference=organization.last_reference, status_since=now)
        run = Run(
            organization=organization,
            invoice=invoice,
            token=uuid.uuid4(),
            attempt=1,
            status=Run.Status.DONE,
            backend="layout",
            model_version=version,
            audit_share=share,
            started=now,
            finished=now,
        )
        accepted = confidence >= threshold
        reading = FieldReading(
            run=run, field=field, value="a", confidence=confidence, clearance=confidence, accepted=accepted
        )
        for row in (document, invoice, run, reading):
            rows[type(row)].append(row)
        sampled = accepted and is_drawn(invoice.pk, field, share)
        if accepted and not sampled:
            continue
        item = Item(organization=organization, invoice=invoice, run=run, status=Item.Status.SETTLED)
        rows[Item].append(item)
        rows[Decision].append(
            Decision(
                item=item,
                organization=organization,
                reading=reading,
                field=field,
                model_value="a",
                value="a" if right else "b",
                action=Decision.Action.CONFIRMED if right else Decision.Action.CORRECTED,
                doubtful=not accepted,
                sampled=sampled,
                backend="layout",
                model_version=version,
                confidence=confidence,
                user=user,
            )
        )
    for model, made in rows.items():
        model.objects.bulk_create(made)
    organization.save(update_fields=["last_reference"])
    return rows[Decision]
