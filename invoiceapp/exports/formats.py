"""The files of a batch: two CSV tables and one JSON document (docs/exports.md describes them).

Pure functions from values to bytes: the same batch always gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from invoiceapp.records.spreadsheet import safe_text

FORMAT = "invoices.batch/1"
# Written before the CSV files on request: Excel takes a file without it for the local code page.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Fields of the catalogue that have a column of their own, in the file's order. Bank details
# are left out on purpose: a payment must use what the accounting system knows, not what a page says.
TEXT_FIELDS = ("po_number", "contract_number", "application_number", "payment_terms", "job_number")
DATE_FIELDS = ("period_start", "period_end")
MONEY_FIELDS = (
    "subtotal",
    "discount_total",
    "freight",
    "tax_amount",
    "tax_rate",
    "retainage_amount",
    "amount_paid",
    "previous_balance",
    "amount_due",
)
INVOICE_COLUMNS = (
    "batch",
    "repeat",
    "reference",
    "document_type",
    "vendor_name",
    "vendor_accounting_id",
    "invoice_number",
    "invoice_date",
    "due_date",
    "pay_period",
    "work_order_number",
    "job_name",
    *TEXT_FIELDS,
    *DATE_FIELDS,
    "currency",
    *MONEY_FIELDS,
    "total",
    "line_count",
    "approved_by",
    "approved_at",
    "file_name",
)
LINE_COLUMNS = (
    "batch",
    "reference",
    "vendor_name",
    "invoice_number",
    "line",
    "description",
    "product_code",
    "quantity",
    "unit",
    "unit_price",
    "amount",
    "tax_rate",
    "cost_code",
    "date",
    "work_order_number",
)


@dataclass(frozen=True, slots=True)
class OutgoingLine:
    """One line of an invoice's table; numbers are exact or absent."""

    description: str
    product_code: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    amount: Decimal | None
    tax_rate: Decimal | None
    cost_code: str
    date: date | None


@dataclass(frozen=True, slots=True)
class OutgoingInvoice:
    """One invoice as it leaves the house. ``values`` holds every field's normalised text and its origin."""

    id: str
    reference: int
    document_type: str
    vendor_name: str
    vendor_accounting_id: str
    invoice_number: str
    invoice_date: date | None
    due_date: date | None
    pay_period: date
    work_order_number: str
    job_name: str
    currency: str
    total: Decimal
    approved_by: str
    approved_at: datetime
    file_name: str
    file_sha256: str
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lines: Sequence[OutgoingLine] = ()

    def value(self, name: str) -> str:
        """Return a field's normalised text, empty if the document does not have it."""
        return str(self.values.get(name, {}).get("value", ""))


@dataclass(frozen=True, slots=True)
class OutgoingBatch:
    """A batch before it is written."""

    number: int
    organization: str
    created: datetime
    created_by: str
    repeats: int | None
    reason: str
    invoices: Sequence[OutgoingInvoice]

    def sums(self) -> dict[str, Decimal]:
        """Return the sum of the totals per currency."""
        sums: dict[str, Decimal] = {}
        for invoice in self.invoices:
            sums[invoice.currency] = sums.get(invoice.currency, Decimal("0.00")) + invoice.total
        return dict(sorted(sums.items()))


def plain(number: Decimal | None) -> str:
    """Write a number exactly, with a point, without exponent or thousands separators; empty for None."""
    return "" if number is None else format(number, "f")


def _number_text(text: str) -> str:
    # A normalised amount may start with a minus and is a number, never a formula; anything else is text.
    try:
        return plain(Decimal(text)) if text else ""
    except ArithmeticError:
        return safe_text(text)


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().encode("utf-8")


def invoices_csv(batch: OutgoingBatch) -> bytes:
    """Write one row per invoice (`INVOICE_COLUMNS`), UTF-8, comma-separated, CRLF."""
    return _table(
        INVOICE_COLUMNS,
        (
            (
                str(batch.number),
                "yes" if batch.repeats else "no",
                str(invoice.reference),
                safe_text(invoice.document_type),
                safe_text(invoice.vendor_name),
                safe_text(invoice.vendor_accounting_id),
                safe_text(invoice.invoice_number),
                _day(invoice.invoice_date),
                _day(invoice.due_date),
                _day(invoice.pay_period),
                safe_text(invoice.work_order_number),
                safe_text(invoice.job_name),
                *(safe_text(invoice.value(name)) for name in TEXT_FIELDS),
                *(safe_text(invoice.value(name)) for name in DATE_FIELDS),
                safe_text(invoice.currency),
                *(_number_text(invoice.value(name)) for name in MONEY_FIELDS),
                plain(invoice.total),
                str(len(invoice.lines)),
                safe_text(invoice.approved_by),
                invoice.approved_at.isoformat(timespec="seconds"),
                safe_text(invoice.file_name),
            )
            for invoice in batch.invoices
        ),
    )


def lines_csv(batch: OutgoingBatch) -> bytes:
    """Write one row per line item (`LINE_COLUMNS`); ``reference`` ties it to its invoice."""
    return _table(
        LINE_COLUMNS,
        (
            (
                str(batch.number),
                str(invoice.reference),
                safe_text(invoice.vendor_name),
                safe_text(invoice.invoice_number),
                str(position),
                safe_text(line.description),
                safe_text(line.product_code),
                plain(line.quantity),
                safe_text(line.unit),
                plain(line.unit_price),
                plain(line.amount),
                plain(line.tax_rate),
                safe_text(line.cost_code),
                _day(line.date),
                safe_text(invoice.work_order_number),
            )
            for invoice in batch.invoices
            for position, line in enumerate(invoice.lines, start=1)
        ),
    )


def batch_json(batch: OutgoingBatch) -> bytes:
    """Write the whole batch as one JSON document; amounts are strings, so that no reader rounds them."""
    document = {
        "format": FORMAT,
        "batch": batch.number,
        "repeats": batch.repeats,
        "reason": batch.reason,
        "organization": batch.organization,
        "created": batch.created.isoformat(timespec="seconds"),
        "created_by": batch.created_by,
        "invoice_count": len(batch.invoices),
        "sums": {currency: plain(amount) for currency, amount in batch.sums().items()},
        "invoices": [_invoice_json(invoice) for invoice in batch.invoices],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"


def _invoice_json(invoice: OutgoingInvoice) -> dict[str, Any]:
    return {
        "id": invoice.id,
        "reference": invoice.reference,
        "document_type": invoice.document_type,
        "vendor": {"name": invoice.vendor_name, "accounting_id": invoice.vendor_accounting_id},
        "invoice_number": invoice.invoice_number,
        "invoice_date": _day(invoice.invoice_date) or None,
        "due_date": _day(invoice.due_date) or None,
        "pay_period": _day(invoice.pay_period),
        "job": {"work_order_number": invoice.work_order_number, "name": invoice.job_name},
        "currency": invoice.currency,
        "total": plain(invoice.total),
        "approved_by": invoice.approved_by,
        "approved_at": invoice.approved_at.isoformat(timespec="seconds"),
        "document": {"file_name": invoice.file_name, "sha256": invoice.file_sha256},
        "values": {name: dict(value) for name, value in sorted(invoice.values.items())},
        "lines": [
            {
                "description": line.description,
                "product_code": line.product_code,
                "quantity": plain(line.quantity) or None,
                "unit": line.unit,
                "unit_price": plain(line.unit_price) or None,
                "amount": plain(line.amount) or None,
                "tax_rate": plain(line.tax_rate) or None,
                "cost_code": line.cost_code,
                "date": _day(line.date) or None,
            }
            for line in invoice.lines
        ],
    }
