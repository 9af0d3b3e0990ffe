"""The only writer of what an invoice says and of where it stands.

Whether a model, a clerk, the API or an e-invoice supplies a value, it comes
through here, so that history can't be bypassed. All functions must run inside
a transaction of the caller's where several of them belong together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from invoiceapp.records import matching
from invoiceapp.records.models import Document, Event, Invoice, InvoiceValue, LineItem, Organization
from invoiceapp.records.money import to_amount

Status = Invoice.Status
Source = InvoiceValue.Source


class InvalidValue(ValueError):
    """A value does not fit its field; the message says what would."""


class WrongStatus(Exception):
    """The invoice is not where it would have to be; the message says where it is."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where values come from: a run of a reader, or a person."""

    run_id: int | None = None
    user: Any = None

    @property
    def source(self) -> str:
        return Source.PERSON if self.user is not None else Source.MACHINE


def _to_date(value: str) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise InvalidValue(f"“{value}” is not a date. Write it like 2026-03-31.") from None


def _to_amount(value: str) -> Decimal | None:
    try:
        return to_amount(value)
    except ValueError as error:
        raise InvalidValue(str(error)) from None


def _text(length: int) -> Any:
    def convert(value: str) -> str:
        if len(value) > length:
            raise InvalidValue(f"That is longer than {length} characters.")
        return value

    return convert


# Fields whose value is repeated, typed, in a column of Invoice.
COLUMNS: dict[str, Any] = {
    "document_type": _text(20),
    "vendor_name": _text(200),
    "invoice_number": _text(80),
    "work_order_number": _text(80),
    "invoice_date": _to_date,
    "due_date": _to_date,
    "currency": _text(3),
    "total": _to_amount,
}


def register(
    *,
    document: Document,
    user: Any,
    stated_work_order: str = "",
    stated_total: Decimal | None = None,
    urgent: bool = False,
) -> Invoice:
    """Enter a new invoice for a stored document and give it the organization's next reference number."""
    organization = document.organization
    Organization.objects.filter(pk=organization.pk).update(last_reference=F("last_reference") + 1)
    reference = Organization.objects.values_list("last_reference", flat=True).get(pk=organization.pk)
    invoice = Invoice.objects.create(
        organization=organization,
        reference=reference,
        document=document,
        uploaded_by=user,
        status_since=timezone.now(),
        stated_work_order=stated_work_order.strip(),
        stated_total=stated_total,
        urgent=urgent,
    )
    Event.objects.create(invoice=invoice, kind=Event.Kind.UPLOADED, after=invoice.status, user=user)
    return invoice


def accept_value(
    invoice: Invoice,
    field: str,
    value: str,
    *,
    origin: Origin,
    confidence: float | None = None,
    page: int | None = None,
    box: Sequence[float] | None = None,
) -> InvoiceValue:
    """Let a field of the invoice hold a value from now on; what it held before stays in the history.

    :param value: normalised as docs/fields.md says; empty means "not on the document".
    :param box: page-relative ``[x0, y0, x1, y1]`` on page ``page`` (from 0).
    :raises InvalidValue: if the field is typed and the value does not fit.
    """
    value = value.strip()
    convert = COLUMNS.get(field)
    column = convert(value) if convert else None
    with transaction.atomic():
        # Whoever writes values of an invoice holds its row, so that two writers can't both be current.
        Invoice.objects.select_for_update().only("pk").get(pk=invoice.pk)
        InvoiceValue.objects.filter(invoice=invoice, field=field, current=True).update(current=False)
        row = InvoiceValue.objects.create(
            invoice=invoice,
            field=field,
            value=value,
            source=origin.source,
            user=origin.user,
            run_id=origin.run_id,
            confidence=confidence,
            page=page,
            box=list(box) if box is not None else None,
        )
        changes: dict[str, Any] = {}
        if convert:
            changes[field] = column
        if field == "invoice_number":
            changes["number_key"] = matching.number_key(value)
        elif field == "vendor_name":
            changes["vendor"] = matching.find_vendor(invoice.organization, value)
        elif field == "work_order_number":
            changes["job"] = matching.find_job(invoice.organization, value)
        if changes:
            for name, content in changes.items():
                setattr(invoice, name, content)
            invoice.save(update_fields=list(changes))
    return row


def current_values(invoice: Invoice) -> dict[str, InvoiceValue]:
    """Return what every field of the invoice holds now, by field name."""
    return {row.field: row for row in InvoiceValue.objects.filter(invoice=invoice, current=True)}


# Cell -> most characters; None: as long as it likes.
_LINE_TEXTS = {"description": None, "product_code": 80, "unit": 20, "cost_code": 40}
_LINE_NUMBERS = {"quantity": 4, "unit_price": 4, "amount": 2, "tax_rate": 3}


def replace_lines(invoice: Invoice, lines: Sequence[Mapping[str, Any]], *, origin: Origin) -> list[LineItem]:
    """Write the invoice's table anew; the table it had stays under its own revision.

    :param lines: per line the normalised cells (names of LineItem's columns, plain
        decimal strings and ISO dates), and optionally ``confidence``, ``page``, ``box``.
    :raises InvalidValue: naming the line and the cell that does not fit.
    """
    rows = []
    for position, cells in enumerate(lines):
        row = LineItem(
            invoice=invoice,
            position=position,
            source=origin.source,
            user=origin.user,
            run_id=origin.run_id,
            confidence=cells.get("confidence"),
            page=cells.get("page"),
            box=cells.get("box"),
        )
        for name, limit in _LINE_TEXTS.items():
            text = str(cells.get(name) or "").strip()
            if limit and len(text) > limit:
                raise InvalidValue(f"Line {position + 1}: {name} is longer than {limit} characters.")
            setattr(row, name, text)
        for name, places in _LINE_NUMBERS.items():
            setattr(row, name, _line_number(cells.get(name), name, position, places))
        try:
            row.date = _to_date(str(cells.get("date") or ""))
        except InvalidValue as error:
            raise InvalidValue(f"Line {position + 1}: {error}") from None
        rows.append(row)
    with transaction.atomic():
        locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
        invoice.lines_revision = locked.lines_revision + 1
        for row in rows:
            row.revision = invoice.lines_revision
        LineItem.objects.bulk_create(rows)
        invoice.save(update_fields=["lines_revision"])
    return rows


def _line_number(cell: Any, name: str, position: int, places: int) -> Decimal | None:
    text = str(cell or "").strip()
    if not text:
        return None
    largest = 999 if name == "tax_rate" else 9_999_999_999  # what the columns hold
    try:
        number = Decimal(text)
        if not number.is_finite() or abs(number) > largest:
            raise InvalidOperation
        return number.quantize(Decimal(1).scaleb(-places))
    except InvalidOperation:
        label = name.replace("_", " ")
        raise InvalidValue(f"Line {position + 1}: “{text}” is not a {label}. Write it like 12.50.") from None


def current_lines(invoice: Invoice) -> list[LineItem]:
    """Return the invoice's table as it holds now, top to bottom."""
    return list(LineItem.objects.filter(invoice=invoice, revision=invoice.lines_revision))


def change_status(invoice: Invoice, status: str, *, user: Any = None, reason: str = "") -> None:
    """Move the invoice along its status machine (`Invoice.NEXT`).

    :raises WrongStatus: if it is no longer where this caller believes, or may not go there from here.
    """
    before = Status(invoice.status)
    if status not in Invoice.NEXT[before]:
        raise WrongStatus(f"{invoice} is “{before.label}”; it can't become “{Status(status).label}”.")
    changes: dict[str, Any] = {
        "status": status,
        "status_since": timezone.now(),
        "status_reason": reason[:500],
    }
    if status == Status.APPROVED:
        changes |= {"approved_by": user, "approved_at": changes["status_since"]}
    elif before == Status.APPROVED and status != Status.EXPORTED:
        changes |= {"approved_by": None, "approved_at": None}
    with transaction.atomic():
        if not Invoice.objects.filter(pk=invoice.pk, status=before).update(**changes):
            now = Status(Invoice.objects.values_list("status", flat=True).get(pk=invoice.pk))
            raise WrongStatus(f"{invoice} is “{now.label}” by now: somebody else was faster.")
        Event.objects.create(
            invoice=invoice,
            kind=Event.Kind.STATUS,
            before=before,
            after=status,
            reason=reason[:500],
            user=user,
        )
    for name, content in changes.items():
        setattr(invoice, name, content)


def keep_picture(invoice: Invoice, *, user: Any) -> None:
    """Note that the uploader was told what is wrong with the picture and keeps it; saying so twice changes nothing."""
    with transaction.atomic():
        Invoice.objects.select_for_update().only("pk").get(pk=invoice.pk)
        if not invoice.events.filter(kind=Event.Kind.PICTURE_KEPT).exists():
            Event.objects.create(invoice=invoice, kind=Event.Kind.PICTURE_KEPT, user=user)


def approve(invoice: Invoice, *, user: Any) -> None:
    """Release the invoice for payment.

    :raises WrongStatus: if it is not waiting for approval.
    :raises InvalidValue: if it has no vendor or no total: it could not be paid.
    """
    missing = [
        label
        for label, present in (("vendor", invoice.vendor_name), ("total", invoice.total is not None))
        if not present
    ]
    if missing:
        raise InvalidValue(f"{invoice} has no {' and no '.join(missing)}. Send it back to be completed.")
    with transaction.atomic():
        change_status(invoice, Status.APPROVED, user=user)
        if invoice.vendor is None:
            invoice.vendor = matching.remember_vendor(invoice.organization, invoice.vendor_name)
            invoice.save(update_fields=["vendor"])


def reject(invoice: Invoice, *, user: Any, reason: str) -> None:
    """Refuse the invoice for good.

    :raises InvalidValue: without a reason.
    :raises WrongStatus: if it is approved, exported or being read.
    """
    if not reason.strip():
        raise InvalidValue("Say why it is rejected: the uploader will read it.")
    change_status(invoice, Status.REJECTED, user=user, reason=reason.strip())
