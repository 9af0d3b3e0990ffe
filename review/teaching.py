"""What people settled becomes the vendor memory of their organization."""

from __future__ import annotations

import logging

from django.utils import timezone

import extraction.services
from extraction.memory import Confirmed
from extraction.schema import Box
from invoiceapp.records import invoices
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
    settled = Item.objects.filter(
        status=Item.Status.SETTLED, taught_at=None, settled_at__lt=now - TAKE_BACK
    ).select_related("invoice__document")
    taught = 0
    for item in settled.order_by("settled_at")[:limit]:
        if not Item.objects.filter(pk=item.pk, taught_at=None).update(taught_at=now):
            continue
        try:
            taught += _teach(item)
        except Exception:  # one document whose words are gone must not keep the others from being learned
            log.exception("Nothing could be learned from the review of invoice %s", item.invoice_id)
    return taught


def _teach(item: Item) -> bool:
    if Item.objects.filter(invoice=item.invoice_id, pk__gt=item.pk).exists():
        return False  # taken back or sent back: what is decided then counts
    held = invoices.current_values(item.invoice)
    confirmed = {}
    for decision in item.decisions.filter(why=Decision.Why.MISREAD).exclude(value=""):
        value = held.get(decision.field)
        placed = value is not None and value.value == decision.value and value.page is not None and value.box
        confirmed[decision.field] = (
            Confirmed(decision.value, value.page, Box(*value.box))
            if value is not None and placed
            else Confirmed(decision.value)
        )
    return bool(confirmed) and extraction.services.learn(item.invoice, confirmed)
