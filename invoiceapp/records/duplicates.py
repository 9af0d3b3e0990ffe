"""Invoices that may be the same bill twice, told to whoever decides about the money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from invoiceapp.records.matching import name_key
from invoiceapp.records.models import Invoice, Organization

# The same amount from the same vendor within two weeks is asked about; rent and other monthly bills are not.
WINDOW = timedelta(days=14)
# An amount that hundreds of invoices share (a flat fee) says nothing; the newest are compared.
MOST_COMPARED = 500


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Another invoice that may be the same bill, and why."""

    other: Invoice
    reason: str


def suspicions(organization: Organization, shown: Sequence[Invoice]) -> dict[UUID, list[Suspicion]]:
    """Find, for each of the invoices, others of the organization that may be the same bill.

    Same vendor and number, or same vendor and amount within `WINDOW`; rejected invoices don't count.
    One query, however many are shown. The same bytes never get this far: they are refused at upload.
    """
    totals = {invoice.total for invoice in shown if invoice.total is not None}
    numbers = {invoice.number_key for invoice in shown if invoice.number_key}
    others = list(
        Invoice.objects.filter(organization=organization)
        .filter(Q(total__in=totals) | Q(number_key__in=numbers))
        .exclude(status=Invoice.Status.REJECTED)
        .order_by("-created")[:MOST_COMPARED]
    )
    return {
        invoice.pk: [
            Suspicion(other, reason)
            for other in others
            if other.pk != invoice.pk and (reason := _why_same(invoice, other))
        ]
        for invoice in shown
    }


def _why_same(invoice: Invoice, other: Invoice) -> str:
    if not _same_vendor(invoice, other):
        return ""
    if invoice.number_key and invoice.number_key == other.number_key:
        return "same vendor and number"
    if invoice.total is None or invoice.total != other.total:
        return ""
    one, two = invoice.invoice_date, other.invoice_date
    if one is None or two is None:
        return "same vendor and amount"
    if one == two:
        return "same vendor, amount and date"
    return "same vendor and amount, days apart" if abs(one - two) <= WINDOW else ""


def _same_vendor(one: Invoice, two: Invoice) -> bool:
    if one.vendor_id and one.vendor_id == two.vendor_id:
        return True
    key = name_key(one.vendor_name)
    return bool(key) and key == name_key(two.vendor_name)
