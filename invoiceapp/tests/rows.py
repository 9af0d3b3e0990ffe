"""Invoices on their way through the office, made through the same services that the pages call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone

from invoiceapp.records import invoices
from invoiceapp.records.invoices import Origin
from invoiceapp.records.models import Invoice, Organization
from review.tests import factories

Status = Invoice.Status
PATHS = {
    Status.REVIEW: (Status.REVIEW,),
    Status.TO_APPROVE: (Status.REVIEW, Status.TO_APPROVE),
    Status.REJECTED: (Status.REVIEW, Status.REJECTED),
}


def make_invoice(
    organization: Organization,
    user: Any,
    *,
    status: str = Status.TO_APPROVE,
    vendor: str = "Hernandez Drywall",
    total: str = "1450.00",
    currency: str = "USD",
    values: Mapping[str, str] | None = None,
    lines: Sequence[Mapping[str, str]] = (),
    stated_total: Decimal | None = None,
    approved_at: Any = None,
    pages: int = 0,
) -> Invoice:
    """Return an invoice with these values, entered by the user, at a status from "to check" to "exported"."""
    invoice = factories.make_invoice(
        organization, user, pages=pages, status=Status.WAITING, stated_total=stated_total
    )
    origin = Origin(user=user)
    held = {"vendor_name": vendor, "total": total, "currency": currency, **(values or {})}
    for field, value in held.items():
        invoices.accept_value(invoice, field, value, origin=origin)
    if lines:
        invoices.replace_lines(invoice, lines, origin=origin)
    for step in PATHS.get(status, PATHS[Status.TO_APPROVE]):
        invoices.change_status(invoice, step, user=user, reason="test")
    if status in (Status.APPROVED, Status.EXPORTED):
        invoices.approve(invoice, user=user)
        moment = approved_at or timezone.now()
        Invoice.objects.filter(pk=invoice.pk).update(approved_at=moment)
        invoice.approved_at = moment
    if status == Status.EXPORTED:
        invoices.change_status(invoice, Status.EXPORTED, user=user)
    return invoice
