"""What people settled becomes the vendor memory of their organization."""

from __future__ import annotations

import logging

from django.db.models import Exists, OuterRef
from django.utils import timezone

import extraction.services
from extraction.memory import Confirmed
from extraction.schema import Box
from invoiceapp.records import invoices
from invoiceapp.records.models import Invoice
from review.models import Decision, Item
from review.services import TAKE_BACK

log = logging.getLogger(__name__)
# Items a call; reading a document's words and noting its values takes some 0.1 s.
BATCH = 50


def teach(limit: int = BATCH) -> int:
    """Let the memory learn from what was settled and can no longer be taken back, the oldest first.

    Each item teaches once, also with several workers. One that can't be learned from is logged and left.

    :returns: how many items taught something.
    """
    now = timezone.now()
    newer = Item.objects.filter(invoice=OuterRef("invoice"), pk__gt=OuterRef("pk"))
    settled = (
        Item.objects.filter(status=Item.Status.SETTLED, taught_at=None, settled_at__lt=now - TAKE_BACK)
        .exclude(Exists(newer))  # taken back or sent back: it counts together with what is decided then
        .select_related("invoice__document")
        .order_by("settled_at")
    )
    taught = 0
    for item in settled[:limit]:
        untaught = Item.objects.filter(invoice=item.invoice_id, status=Item.Status.SETTLED, taught_at=None)
        together = list(untaught.values_list("pk", flat=True))
        if not untaught.filter(pk=item.pk).update(taught_at=now):
            continue
        untaught.filter(pk__in=together).update(taught_at=now)
        try:
            taught += _teach(item.invoice, together)
        except Exception:  # one document whose words are gone must not keep the others from being learned
            log.exception("Nothing could be learned from the review of invoice %s", item.invoice_id)
    return taught


def _teach(invoice: Invoice, items: list[int]) -> bool:
    """Learn from the last decision about each field."""
    held = invoices.current_values(invoice)
    last = {d.field: d for d in Decision.objects.filter(item__in=items).order_by("pk")}
    confirmed = {}
    for name, decision in last.items():
        if decision.why != Decision.Why.MISREAD or not decision.value:
            continue
        row = held.get(name)
        box: list[float] | None = row.box if row is not None and row.value == decision.value else None
        confirmed[name] = (
            Confirmed(decision.value, row.page, Box(*box))
            if row is not None and row.page is not None and box
            else Confirmed(decision.value)
        )
    return bool(confirmed) and extraction.services.learn(invoice, confirmed)
