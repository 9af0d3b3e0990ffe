"""Approved invoices go out in numbered batches, each invoice once.

A batch is one transaction: its number, its rows, the invoices' new status and
its files come into being together or not at all (docs/exports.md, "What can't
happen").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import transaction
from django.utils import timezone

from invoiceapp.exports import formats
from invoiceapp.exports.models import Batch, BatchFile, BatchLine, Ledger
from invoiceapp.records import invoices as records
from invoiceapp.records.models import Event, Invoice, InvoiceValue, LineItem, Organization

# One batch holds the rows it exports for as long as it takes to write them (about 3 ms each); what is
# left over makes the next batch.
LARGEST_BATCH = 1000
# Read from pages, so never a source for payments: they stay out of every file.
BANK_FIELDS = frozenset({"iban", "bank_account", "routing_number"})


class NothingToExport(Exception):
    """None of the invoices asked for is approved and unexported; the message says what happened."""


class InvalidRequest(ValueError):
    """The request can't be carried out; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Group:
    """What one vendor is to be paid for one pay period, in one currency."""

    pay_period: date
    vendor_id: int | None
    vendor_name: str
    currency: str
    count: int
    total: Decimal
    invoice_ids: tuple[UUID, ...]

    @property
    def key(self) -> str:
        """Return what a form sends for this group; `invoices_of` turns it back."""
        return f"{self.pay_period.isoformat()}:{self.vendor_id or ''}:{self.currency}"


def pay_period(moment: datetime, organization: Organization) -> date:
    """Return the Monday of the week, in the organization's time zone, in which the moment falls."""
    day = moment.astimezone(ZoneInfo(organization.time_zone)).date()
    return day - timedelta(days=day.weekday())


def ready(user: Any, organization: Organization) -> Any:
    """Return the approved invoices that wait for export, oldest approval first."""
    return (
        Invoice.objects.visible_to(user, organization)
        .filter(status=Invoice.Status.APPROVED)
        .order_by("approved_at", "pk")
    )


def groups(user: Any, organization: Organization, *, until: datetime | None = None) -> list[Group]:
    """Return what is ready, grouped by pay period (oldest first), vendor and currency; one query.

    :param until: leave out what was approved after this moment, so that what is
        exported is what the bookkeeper saw.
    """
    rows = ready(user, organization)
    if until is not None:
        rows = rows.filter(approved_at__lte=until)
    found: dict[tuple[date, str, int | None, str], list[tuple[UUID, Decimal]]] = {}
    for pk, vendor_id, known_name, read_name, currency, total, approved_at in rows.values_list(
        "pk", "vendor_id", "vendor__name", "vendor_name", "currency", "total", "approved_at"
    ):
        key = (
            pay_period(approved_at, organization),
            known_name or read_name,
            vendor_id,
            currency or organization.currency,
        )
        found.setdefault(key, []).append((pk, total if total is not None else Decimal("0.00")))
    return [
        Group(
            pay_period=period,
            vendor_id=vendor_id,
            vendor_name=name,
            currency=currency,
            count=len(members),
            total=sum((total for _, total in members), Decimal("0.00")),
            invoice_ids=tuple(pk for pk, _ in members),
        )
        for (period, name, vendor_id, currency), members in sorted(
            found.items(), key=lambda item: (item[0][0], item[0][1].casefold(), item[0][2] or 0, item[0][3])
        )
    ]


def sums(found: Iterable[Group]) -> dict[str, Decimal]:
    """Return the sum per currency over some groups."""
    result: dict[str, Decimal] = {}
    for group in found:
        result[group.currency] = result.get(group.currency, Decimal("0.00")) + group.total
    return dict(sorted(result.items()))


def export_ready(
    organization: Organization,
    *,
    user: Any,
    only: Sequence[UUID] | None = None,
) -> Batch:
    """Export approved invoices as the organization's next batch and mark them exported.

    :param only: ids of the invoices to take; those that are not approved (any more) are left
        out. Without it everything approved is taken, at most `LARGEST_BATCH`.
    :raises NothingToExport: if there is none: someone else was faster, or nothing is approved.
    """
    with transaction.atomic():
        number = _next_number(organization)
        rows = ready(user, organization).select_for_update(of=("self",))
        if only is not None:
            rows = rows.filter(pk__in=only[:LARGEST_BATCH])
        # Locked before their values are read: a correction made meanwhile is in the file or not possible.
        taken = list(rows[:LARGEST_BATCH])
        if not taken:
            raise NothingToExport(
                "Nothing was exported: these invoices have been exported or sent back meanwhile."
                if only is not None
                else "Nothing was exported: no approved invoice is waiting."
            )
        batch = _record(organization, number, taken, user=user)
        for invoice in taken:
            records.change_status(invoice, Invoice.Status.EXPORTED, user=user, reason=str(batch))
        return batch


def export_again(batch: Batch, *, user: Any, reason: str, only: Sequence[UUID] | None = None) -> Batch:
    """Export invoices of an earlier batch again, on purpose, as a new batch that is marked as a repeat.

    The invoices' status stays; their values are written as they are now.

    :param only: ids of the batch's invoices to repeat; all of them without it.
    :raises InvalidRequest: without a reason, or if none of the ids is in the batch.
    """
    if not reason.strip():
        raise InvalidRequest("Say why it is exported again: the reason stands in the file and the history.")
    with transaction.atomic():
        number = _next_number(batch.organization)
        rows = Invoice.objects.visible_to(user, batch.organization).filter(batch_lines__batch=batch)
        if only is not None:
            rows = rows.filter(pk__in=only)
        taken = list(rows.select_for_update(of=("self",)).order_by("batch_lines__position"))
        if not taken:
            raise InvalidRequest(f"{batch} does not hold any of these invoices.")
        return _record(
            batch.organization, number, taken, user=user, repeats=batch, reason=reason.strip()[:500]
        )


def _next_number(organization: Organization) -> int:
    """Take the organization's next batch number and hold its ledger until the transaction ends."""
    Ledger.objects.get_or_create(organization=organization)
    ledger = Ledger.objects.select_for_update().get(organization=organization)
    ledger.last_number += 1
    ledger.save(update_fields=["last_number"])
    return ledger.last_number


def _record(
    organization: Organization,
    number: int,
    taken: Sequence[Invoice],
    *,
    user: Any,
    repeats: Batch | None = None,
    reason: str = "",
) -> Batch:
    created = timezone.now()
    outgoing = formats.OutgoingBatch(
        number=number,
        organization=organization.name,
        created=created,
        created_by=user.get_username(),
        repeats=repeats.number if repeats else None,
        reason=reason,
        invoices=_outgoing(organization, taken),
    )
    batch = Batch.objects.create(
        organization=organization,
        number=number,
        repeats=repeats,
        reason=reason,
        invoice_count=len(outgoing.invoices),
        line_count=sum(len(invoice.lines) for invoice in outgoing.invoices),
        sums={currency: formats.plain(amount) for currency, amount in outgoing.sums().items()},
        created_by=user,
    )
    BatchLine.objects.bulk_create(
        BatchLine(
            batch=batch,
            invoice_id=UUID(invoice.id),
            position=position,
            first=repeats is None,
            vendor_name=invoice.vendor_name,
            pay_period=invoice.pay_period,
            currency=invoice.currency,
            total=invoice.total,
        )
        for position, invoice in enumerate(outgoing.invoices)
    )
    Event.objects.bulk_create(
        Event(invoice=invoice, kind=Event.Kind.EXPORTED, after=str(batch), reason=reason, user=user)
        for invoice in taken
    )
    _store(batch, outgoing)
    return batch


def _store(batch: Batch, outgoing: formats.OutgoingBatch) -> None:
    """Write the batch's files and their rows.

    If anything fails up to the commit, the rows vanish and the number is free again. Bytes
    can be left behind by a process that was killed: they lie under that number, no row points
    to them, and the next export, which gets the same number, clears them away first.
    """
    contents = {
        BatchFile.Kind.INVOICES: (f"invoices-{batch.number:06d}.csv", formats.invoices_csv(outgoing)),
        BatchFile.Kind.LINES: (f"lines-{batch.number:06d}.csv", formats.lines_csv(outgoing)),
        BatchFile.Kind.JSON: (f"batch-{batch.number:06d}.json", formats.batch_json(outgoing)),
    }
    for kind, (name, content) in contents.items():
        row = BatchFile(batch=batch, kind=kind, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        storage: Storage = row.file.storage
        left_over = row.file.field.generate_filename(row, name)
        if storage.exists(left_over):
            storage.delete(left_over)
        row.file.save(name, ContentFile(content), save=False)
        row.save()


def _outgoing(organization: Organization, taken: Sequence[Invoice]) -> list[formats.OutgoingInvoice]:
    """Gather what the invoices say now, in three queries however many they are."""
    ids = [invoice.pk for invoice in taken]
    values: dict[UUID, dict[str, Mapping[str, Any]]] = {pk: {} for pk in ids}
    for row in (
        InvoiceValue.objects.filter(invoice__in=ids, current=True)
        .exclude(field__in=BANK_FIELDS)
        .select_related("user")
        .order_by("field")
    ):
        values[row.invoice_id][row.field] = {
            "value": row.value,
            "source": row.source,
            "by": row.user.get_username() if row.user else None,
        }
    revisions = {invoice.pk: invoice.lines_revision for invoice in taken}
    lines: dict[UUID, list[formats.OutgoingLine]] = {pk: [] for pk in ids}
    for line in LineItem.objects.filter(invoice__in=ids).order_by("position"):
        if line.revision == revisions[line.invoice_id]:
            lines[line.invoice_id].append(
                formats.OutgoingLine(
                    description=line.description,
                    product_code=line.product_code,
                    quantity=line.quantity,
                    unit=line.unit,
                    unit_price=line.unit_price,
                    amount=line.amount,
                    tax_rate=line.tax_rate,
                    cost_code=line.cost_code,
                    date=line.date,
                )
            )
    related = Invoice.objects.select_related("vendor", "job", "document", "approved_by").in_bulk(ids)
    return [_outgoing_invoice(organization, related[pk], values[pk], lines[pk]) for pk in ids]


def _outgoing_invoice(
    organization: Organization,
    invoice: Invoice,
    values: Mapping[str, Mapping[str, Any]],
    lines: Sequence[formats.OutgoingLine],
) -> formats.OutgoingInvoice:
    if invoice.total is None or invoice.approved_at is None or invoice.approved_by is None:
        raise InvalidRequest(f"{invoice} has no total or was never approved; send it back to be completed.")
    return formats.OutgoingInvoice(
        id=str(invoice.pk),
        reference=invoice.reference,
        document_type=invoice.document_type,
        vendor_name=invoice.vendor.name if invoice.vendor else invoice.vendor_name,
        vendor_accounting_id=invoice.vendor.accounting_id if invoice.vendor else "",
        invoice_number=invoice.invoice_number,
        invoice_date=invoice.invoice_date,
        due_date=invoice.due_date,
        pay_period=pay_period(invoice.approved_at, organization),
        work_order_number=invoice.work_order_number,
        job_name=invoice.job.name if invoice.job else "",
        currency=invoice.currency or organization.currency,
        total=invoice.total,
        approved_by=invoice.approved_by.get_username(),
        approved_at=invoice.approved_at,
        file_name=invoice.document.filename,
        file_sha256=invoice.document.sha256,
        values=values,
        lines=tuple(lines),
    )


def content(batch_file: BatchFile) -> bytes:
    """Return a file of a batch as it was handed out the first time.

    :raises FileNotFoundError: if the store lost it; the message says which.
    """
    with batch_file.file.open("rb") as file:
        return bytes(file.read())
