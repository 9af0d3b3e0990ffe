"""What waits for whom: the rows of the queue, as a person filtered and sorted them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, OrderBy, Q, QuerySet
from django.utils import timezone

from invoiceapp.records.models import Invoice, Organization
from review.models import Item

# Columns people may sort by -> how. Urgent invoices come first only in the order that nobody chose.
ORDERS: dict[str, tuple[OrderBy, ...]] = {
    "": (F("urgent").desc(), F("created").asc(), F("id").asc()),
    "oldest": (F("created").asc(), F("id").asc()),
    "newest": (F("created").desc(), F("id").desc()),
    "amount": (F("amount").asc(nulls_last=True), F("id").asc()),
    "-amount": (F("amount").desc(nulls_last=True), F("id").asc()),
    "vendor": (F("vendor_name").asc(), F("id").asc()),
    "-vendor": (F("vendor_name").desc(), F("id").asc()),
    "reason": (F("reason").asc(), F("created").asc(), F("id").asc()),
    "-reason": (F("reason").desc(), F("created").asc(), F("id").asc()),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a person asked the queue for.

    ``mine`` leaves what the person has claimed; ``sort`` is a key of `ORDERS`;
    amounts are in the document's own currency.
    """

    mine: bool = False
    reason: str = ""
    vendor: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    sort: str = ""


def waiting(user: Any, organization: Organization | None) -> QuerySet[Item]:
    """Return the open items that the user may see, whoever has claimed them."""
    return Item.objects.visible_to(user, organization).filter(
        status=Item.Status.OPEN, invoice__status=Invoice.Status.REVIEW
    )


def filtered(user: Any, organization: Organization | None, filters: Filters) -> QuerySet[Item]:
    """Return the open items that fit the filters, in the order asked for."""
    rows = waiting(user, organization)
    if filters.mine:
        rows = rows.filter(held_by(user, timezone.now()))
    if filters.reason:
        rows = rows.filter(reason=filters.reason)
    if filters.vendor:
        rows = rows.filter(vendor_name__icontains=filters.vendor)
    if filters.least is not None:
        rows = rows.filter(amount__gte=filters.least)
    if filters.most is not None:
        rows = rows.filter(amount__lte=filters.most)
    return rows.order_by(*ORDERS.get(filters.sort, ORDERS[""]))


def held_by(user: Any, now: datetime) -> Q:
    """Match items whose claim is the user's and has not run out."""
    return Q(claimed_by=user, claimed_until__gt=now)


def free_for(user: Any, now: datetime) -> Q:
    """Match items that nobody else holds: never claimed, run out, or the user's own."""
    return Q(claimed_by__isnull=True) | Q(claimed_until__lte=now) | Q(claimed_by=user)


def candidates(user: Any, organization: Organization | None, filters: Filters) -> QuerySet[Item]:
    """Return what the user could be given next: free, and not skipped by the user before."""
    return (
        filtered(user, organization, filters).filter(free_for(user, timezone.now())).exclude(skipped_by=user)
    )
