"""Taking invoices to people and taking their decisions back.

`route` and `route_unread` bring an invoice into the queue, `claim_next` gives it
to one person, `settle` writes what the person decided. A claim is a lease in the
item's own row, taken by one conditional UPDATE: of two people who reach for the
same invoice the row lock lets one through and the other one's UPDATE finds
nothing to change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from extraction import rules
from extraction.fields import FIELDS, REQUIRED_FIELDS
from extraction.models import FieldReading, Run
from extraction.schema import Check
from invoiceapp.records import invoices, matching
from invoiceapp.records.access import require
from invoiceapp.records.invoices import InvalidValue, Origin
from invoiceapp.records.models import Invoice, InvoiceValue, LineItem, Organization
from invoiceapp.records.money import to_amount
from review import queue, sampling
from review.models import Decision, Item
from review.queue import Filters

LEASE = timedelta(minutes=15)
# How long a person may take back a save of their own; the screen offers it for the first ten seconds.
TAKE_BACK = timedelta(minutes=2)
# The table of lines, where it is spoken of beside the fields.
LINES = "line_items"
LINE_CELLS = (
    "description",
    "product_code",
    "quantity",
    "unit",
    "unit_price",
    "amount",
    "tax_rate",
    "cost_code",
    "date",
)
_NUMBERS = frozenset({"quantity", "unit_price", "amount", "tax_rate"})

Status = Invoice.Status


class ClaimLost(Exception):
    """Somebody else has the invoice, or nobody needs to check it any more; the message says which.

    ``holder`` is the person who has it now, if somebody has.
    """

    def __init__(self, message: str, holder: Any = None) -> None:
        super().__init__(message)
        self.holder = holder


class InvalidFields(ValueError):
    """Some of what a person entered does not fit; ``errors`` maps each field to what would."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person left in one field of the form.

    ``value`` is normalised (docs/fields.md), empty for "not on the document";
    ``page`` and ``box`` say where on the page it was taken from, if it was;
    ``seconds`` is the active time spent on the field; ``business`` marks a change
    that the office made and not the machine's mistake.
    """

    value: str
    page: int | None = None
    box: Sequence[float] | None = None
    seconds: float | None = None
    business: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a save: the decisions written and the checks that still fail."""

    decisions: list[Decision] = field(default_factory=list)
    failed: list[Check] = field(default_factory=list)


# --- into the queue ----------------------------------------------------------------------------


def route(run: Run) -> Item | None:
    """Let the invoice hold what a run found, and ask a person about what is doubtful or drawn.

    Every reading becomes the invoice's machine value, doubtful ones too, so that
    lists show a total as soon as there is one; `Item.fields` says which of them
    nobody may rely on yet, and only an invoice without such fields goes straight
    to approval. What a person has entered before is never overwritten.

    :returns: the item, or None if the invoice needs nobody.
    """
    invoice = Invoice.objects.select_related("organization").get(pk=run.invoice_id)
    readings = {reading.field: reading for reading in run.readings.all()}
    doubts = {name: str(why) for name, why in run.doubts.items()}
    with transaction.atomic():
        typed = _accept_readings(invoice, run, readings, doubts)
        _accept_lines(invoice, run, doubts)
        confident = [name for name in readings if name not in doubts and name not in typed]
        drawn = sampling.draw(invoice.pk, confident, run.audit_share)
        if not doubts and not drawn:
            withdraw(invoice)
            invoices.change_status(invoice, Status.TO_APPROVE)
            return None
        reason = _reason(invoice, run, readings, doubts)
        return _open_item(invoice, run=run, reason=reason, fields=doubts, sampled=drawn)


def route_unread(invoice: Invoice, reason: str) -> Item:
    """Hand an invoice that could not be read to a person, who types it in.

    :param reason: why, as a sentence; the person sees it above the form.
    """
    run = invoice.runs.order_by("-started").first()
    missing = dict.fromkeys(REQUIRED_FIELDS, "Not read: type it in.")
    with transaction.atomic():
        return _open_item(invoice, run=run, reason=Item.Reason.UNREADABLE, fields=missing, explanation=reason)


def return_to_review(invoice: Invoice, *, user: Any, reason: str) -> Item:
    """Send an invoice back from approval to be corrected.

    :raises InvalidValue: without a reason.
    :raises WrongStatus: if it is not waiting for approval or approved.
    """
    if not reason.strip():
        raise InvalidValue("Say what is wrong: the clerk will read it.")
    if invoice.status not in (Status.TO_APPROVE, Status.APPROVED):
        raise invoices.WrongStatus(f"{invoice} is “{invoice.get_status_display()}”: it can't be sent back.")
    before = invoice.review_items.order_by("-created", "-pk").first()
    with transaction.atomic():
        return _open_item(
            invoice,
            run=before.run if before else _last_reading(invoice),
            reason=Item.Reason.RETURNED,
            fields={},
            explanation=reason.strip(),
            user=user,
        )


def withdraw(invoice: Invoice) -> None:
    """Take the invoice out of the queue: it is read again, or rejected, or needs nobody."""
    Item.objects.filter(invoice=invoice, status=Item.Status.OPEN).update(
        status=Item.Status.WITHDRAWN, claimed_by=None, claimed_until=None
    )


def _accept_readings(
    invoice: Invoice, run: Run, readings: Mapping[str, FieldReading], doubts: dict[str, str]
) -> set[str]:
    """Write the machine's values, changing ``doubts`` as needed; returns the fields a person had entered."""
    origin = Origin(run_id=run.pk)
    current = invoices.current_values(invoice)
    typed = {name for name, held in current.items() if held.source == InvoiceValue.Source.PERSON}
    for name, held in current.items():
        if name in typed:
            read = readings.get(name)
            if read is None or read.value == held.value:
                doubts.pop(name, None)
            else:
                doubts[name] = f"A person entered “{held.value}”; now it was read as “{read.value}”."
        elif held.value and name not in readings and name != "document_type":
            invoices.accept_value(invoice, name, "", origin=origin)
    found: list[tuple[str, str, FieldReading | None]] = [
        (name, reading.value, reading) for name, reading in readings.items()
    ]
    if run.document_type and "document_type" not in readings:
        found.append(("document_type", run.document_type, None))
    for name, value, reading in found:
        if name in typed:
            continue
        try:
            invoices.accept_value(
                invoice,
                name,
                value,
                origin=origin,
                confidence=reading.confidence if reading else None,
                page=reading.page if reading else None,
                box=reading.box if reading else None,
            )
        except InvalidValue as error:
            doubts[name] = str(error)
    return typed


def _accept_lines(invoice: Invoice, run: Run, doubts: dict[str, str]) -> None:
    typed = invoices.current_lines(invoice)
    if any(line.source == InvoiceValue.Source.PERSON for line in typed):
        doubts.pop(LINES, None)
        return
    if not run.line_items and not typed:
        return
    try:
        invoices.replace_lines(invoice, read_lines(run), origin=Origin(run_id=run.pk))
    except InvalidValue as error:
        # The form then shows the lines as they were read (`lines_to_show`): none is lost.
        doubts[LINES] = str(error)


def _reason(
    invoice: Invoice, run: Run, readings: Mapping[str, FieldReading], doubts: Mapping[str, str]
) -> str:
    """Name the one reason that the queue shows; the weightiest wins."""
    if not doubts:
        return Item.Reason.SAMPLE
    if not readings:
        return Item.Reason.UNREADABLE
    if stated_differently(invoice, {name: reading.value for name, reading in readings.items()}):
        return Item.Reason.MISMATCH
    if any(not check["passed"] for check in run.checks):
        return Item.Reason.CHECK
    return Item.Reason.DOUBTFUL


def stated_differently(invoice: Invoice, values: Mapping[str, str]) -> set[str]:
    """Return the fields where the uploader stated something else than ``values`` say."""
    differing = set()
    read = values.get("work_order_number", "")
    if (
        invoice.stated_work_order
        and read
        and (matching.number_key(read) != matching.number_key(invoice.stated_work_order))
    ):
        differing.add("work_order_number")
    total = _amount(values.get("total", ""))
    if total is not None and invoice.stated_total not in (None, total):
        differing.add("total")
    return differing


def _amount(text: str) -> Decimal | None:
    try:
        return to_amount(text)
    except ValueError:
        return None


def _open_item(
    invoice: Invoice,
    *,
    run: Run | None,
    reason: str,
    fields: Mapping[str, str],
    sampled: Iterable[str] = (),
    explanation: str = "",
    user: Any = None,
    claimed_by: Any = None,
) -> Item:
    withdraw(invoice)
    if invoice.status != Status.REVIEW:
        invoices.change_status(invoice, Status.REVIEW, user=user, reason=explanation)
    return Item.objects.create(
        organization_id=invoice.organization_id,
        invoice=invoice,
        run=run,
        reason=reason,
        explanation=explanation[:500],
        fields=dict(fields),
        sampled=list(sampled),
        urgent=invoice.urgent,
        vendor_name=invoice.vendor_name,
        amount=invoice.total,
        claimed_by=claimed_by,
        claimed_until=timezone.now() + LEASE if claimed_by else None,
    )


def _last_reading(invoice: Invoice) -> Run | None:
    return invoice.runs.filter(status=Run.Status.DONE).order_by("-started").first()


# --- claims ------------------------------------------------------------------------------------


def claim_next(user: Any, organization: Organization, filters: Filters | None = None) -> Item | None:
    """Give the user the most pressing free item that fits the filters, under a claim of `LEASE`.

    What the user holds already comes before what is new. Two people who ask at
    once get two different items.

    :returns: the item, or None if nothing is free.
    """
    rows = queue.candidates(user, organization, filters or Filters())
    held = rows.filter(queue.held_by(user, timezone.now()))
    if connection.features.has_select_for_update_skip_locked:
        # The others step over a row that somebody is just taking instead of waiting for it.
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    while True:
        with transaction.atomic():
            item = held.first() or rows.first()
            if item is None:
                return None
            if _take(item, user):
                return item


def claim(item: Item, user: Any) -> None:
    """Give the user this item, or lengthen the claim the user has on it.

    :raises ClaimLost: if somebody else holds it, or it is no longer open.
    """
    if not _take(item, user):
        raise _lost(item, user)


def renew(item: Item, user: Any) -> None:
    """Lengthen the user's claim; also after it ran out, as long as nobody else has taken the item.

    :raises ClaimLost: if somebody else holds it, or it is no longer open.
    """
    claim(item, user)


def release(item: Item, user: Any) -> None:
    """Put the item back for everybody; does nothing if the user does not hold it."""
    Item.objects.filter(pk=item.pk, claimed_by=user, status=Item.Status.OPEN).update(
        claimed_by=None, claimed_until=None
    )


def skip(item: Item, user: Any) -> None:
    """Put the item back and do not offer it to this user again; others still get it."""
    with transaction.atomic():
        item.skipped_by.add(user)
        release(item, user)


def _take(item: Item, user: Any) -> bool:
    """Claim the item by one conditional UPDATE; says whether it worked."""
    now = timezone.now()
    taken = (
        Item.objects.filter(pk=item.pk, status=Item.Status.OPEN)
        .filter(queue.free_for(user, now))
        .update(claimed_by=user, claimed_until=now + LEASE)
    )
    if taken:
        item.claimed_by, item.claimed_until = user, now + LEASE
    return bool(taken)


def _lost(item: Item, user: Any) -> ClaimLost:
    """Say who has the item now, or what became of it."""
    now = Item.objects.select_related("claimed_by", "settled_by", "invoice").get(pk=item.pk)
    name = str(now.invoice)
    if now.status == Item.Status.SETTLED:
        who = "You have" if now.settled_by == user else f"{_name(now.settled_by)} has"
        return ClaimLost(f"{who} already saved {name}.", now.settled_by)
    if now.status == Item.Status.WITHDRAWN:
        return ClaimLost(f"{name} no longer waits for a check: it is “{now.invoice.get_status_display()}”.")
    return ClaimLost(f"{_name(now.claimed_by)} is working on {name} now.", now.claimed_by)


def _name(user: Any) -> str:
    return user.get_full_name() or user.get_username()


# --- decisions ---------------------------------------------------------------------------------


def settle(
    item: Item,
    *,
    user: Any,
    entries: Mapping[str, Entry],
    lines: Sequence[Mapping[str, Any]] | None = None,
    lines_seconds: float | None = None,
    approve: bool = False,
) -> Settled:
    """Write what a person decided about an invoice and send it on to approval.

    Fields that were doubtful, drawn at random or changed become decisions and
    values of the person; the others stay what the machine said. One short
    transaction: after an error nothing is written.

    :param entries: what the form held, by field; fields left out stay as they are.
    :param lines: the whole table, top to bottom, as for `records.invoices.replace_lines`;
        None if the form had no table.
    :param approve: also release it for payment.
    :raises ClaimLost: if somebody else holds the item or has saved it.
    :raises InvalidFields: if values do not fit; nothing is written then.
    :raises PermissionDenied: if ``approve`` is asked for without the right to.
    """
    if approve:
        require(user, item.organization, "approve")
    with transaction.atomic():
        _end_claim(item, user, Item.Status.SETTLED)
        invoice = Invoice.objects.select_related("organization").get(pk=item.invoice_id)
        if invoice.status != Status.REVIEW:
            raise ClaimLost(f"{invoice} no longer waits for a check: it is “{invoice.get_status_display()}”.")
        decisions, errors = _decide_fields(item, invoice, user, entries)
        if lines is not None:
            try:
                decisions += _decide_lines(item, invoice, user, lines, lines_seconds)
            except InvalidValue as error:
                errors[LINES] = str(error)
        if errors:
            raise InvalidFields(errors)
        Decision.objects.bulk_create(decisions)
        failed = [check for check in _check_invoice(invoice) if not check.passed]
        _keep_checks(item, failed)
        invoices.change_status(invoice, Status.TO_APPROVE, user=user)
        if approve:
            invoices.approve(invoice, user=user)
    return Settled(decisions, failed)


def _keep_checks(item: Item, failed: Iterable[Check]) -> None:
    """Note what still does not fit, so that the approver sees it."""
    kept = [
        {
            "rule": check.rule,
            "message": check.message,
            "difference": check.difference,
            "fields": list(check.fields),
        }
        for check in failed
    ]
    if kept:
        Item.objects.filter(pk=item.pk).update(checks=kept)


def take_back(item: Item, user: Any) -> Item:
    """Undo a save of the user's own a moment ago: the invoice waits for the check again, claimed by the user.

    The decisions stay, since nothing overwrites history; those of the new item
    come after them and count instead.

    :raises ClaimLost: if it is too late, or the save was somebody else's.
    """
    settled = Item.objects.select_related("invoice").get(pk=item.pk)
    fresh = settled.settled_at is not None and settled.settled_at > timezone.now() - TAKE_BACK
    newer = Item.objects.filter(invoice=settled.invoice, pk__gt=settled.pk).exists()
    if settled.status != Item.Status.SETTLED or settled.settled_by != user or not fresh or newer:
        raise ClaimLost(f"The save of {settled.invoice} can no longer be taken back.")
    try:
        with transaction.atomic():
            return _open_item(
                settled.invoice,
                run=settled.run,
                reason=settled.reason,
                fields=settled.fields,
                sampled=settled.sampled,
                explanation=settled.explanation,
                user=user,
                claimed_by=user,
            )
    except invoices.WrongStatus as error:
        raise ClaimLost(f"The save can no longer be taken back: {error}") from None


def reject(item: Item, *, user: Any, reason: str) -> None:
    """Refuse the invoice for good, from the correction screen.

    :raises ClaimLost: if somebody else holds the item or has saved it.
    :raises InvalidValue: without a reason.
    """
    with transaction.atomic():
        _end_claim(item, user, Item.Status.WITHDRAWN)
        invoices.reject(Invoice.objects.get(pk=item.invoice_id), user=user, reason=reason)


def _end_claim(item: Item, user: Any, status: str) -> None:
    """Take the item out of the queue for good. Comes first in its transaction.

    One UPDATE takes the row's lock and proves the claim in one step.

    :raises ClaimLost: if somebody else holds the item or has saved it.
    """
    now = timezone.now()
    if (
        not Item.objects.filter(pk=item.pk, status=Item.Status.OPEN)
        .filter(queue.free_for(user, now))
        .update(status=status, settled_by=user, settled_at=now, claimed_by=None, claimed_until=None)
    ):
        raise _lost(item, user)


def _decide_fields(
    item: Item, invoice: Invoice, user: Any, entries: Mapping[str, Entry]
) -> tuple[list[Decision], dict[str, str]]:
    current = invoices.current_values(invoice)
    readings = {r.field: r for r in item.run.readings.all()} if item.run else {}
    decisions: list[Decision] = []
    errors: dict[str, str] = {}
    for name, entry in entries.items():
        if name not in FIELDS:
            errors[name] = f"There is no field “{name}”."
            continue
        shown = current[name].value if name in current else ""
        value = entry.value.strip()
        doubtful, drawn = name in item.fields, name in item.sampled
        if not (doubtful or drawn or value != shown):
            continue
        reading = readings.get(name)
        place = _place(entry, value, reading)
        try:
            if name == "vendor_name" and value:
                # Before the value: accepting it then finds the vendor.
                matching.remember_vendor(invoice.organization, value)
            invoices.accept_value(invoice, name, value, origin=Origin(user=user), page=place[0], box=place[1])
        except InvalidValue as error:
            errors[name] = str(error)
            continue
        decisions.append(
            _decision(
                item,
                invoice,
                user,
                field=name,
                model_value=reading.value if reading else "",
                shown_value=shown,
                value=value,
                reading=reading,
                confidence=reading.confidence if reading else None,
                seconds=entry.seconds,
                business=entry.business,
            )
        )
    return decisions, errors


def _place(entry: Entry, value: str, reading: FieldReading | None) -> tuple[int | None, Any]:
    """Say where on the page a value stands: where the person took it from, else where it was read."""
    if entry.box is not None:
        return entry.page, entry.box
    if reading is not None and reading.value == value:
        return reading.page, reading.box
    return None, None


def _decide_lines(
    item: Item, invoice: Invoice, user: Any, lines: Sequence[Mapping[str, Any]], seconds: float | None
) -> list[Decision]:
    before = _comparable(line_cells(line) for line in invoices.current_lines(invoice))
    chosen = [
        dict(cells) for cells in lines if any(str(cells.get(name) or "").strip() for name in LINE_CELLS)
    ]
    doubtful = LINES in item.fields
    if not doubtful and _comparable(chosen) == before:
        return []
    written = invoices.replace_lines(invoice, chosen, origin=Origin(user=user))
    read = read_lines(item.run) if item.run else []
    return [
        _decision(
            item,
            invoice,
            user,
            field=LINES,
            model_value=_comparable(read),
            shown_value=before,
            value=_comparable(line_cells(line) for line in written),
            seconds=seconds,
        )
    ]


def _decision(
    item: Item,
    invoice: Invoice,
    user: Any,
    *,
    field: str,
    model_value: str,
    shown_value: str,
    value: str,
    reading: FieldReading | None = None,
    confidence: float | None = None,
    seconds: float | None = None,
    business: bool = False,
) -> Decision:
    if model_value == value:
        action = Decision.Action.CONFIRMED
    elif not model_value:
        action = Decision.Action.ADDED
    elif not value:
        action = Decision.Action.CLEARED
    else:
        action = Decision.Action.CORRECTED
    return Decision(
        item=item,
        organization_id=item.organization_id,
        reading=reading,
        field=field,
        model_value=model_value,
        shown_value=shown_value,
        value=value,
        action=action,
        why=Decision.Why.BUSINESS if business else Decision.Why.MISREAD,
        doubtful=field in item.fields,
        sampled=field in item.sampled,
        backend=item.run.backend if item.run else "",
        model_version=item.run.model_version if item.run else "",
        vendor_name=invoice.vendor_name,
        confidence=confidence,
        seconds=seconds,
        user=user,
    )


# --- what lines look like ----------------------------------------------------------------------


def read_lines(run: Run) -> list[dict[str, Any]]:
    """Return the lines a run found, each with its cells and its confidence, page and box."""
    return [
        {
            **{name: line["values"].get(name, "") for name in LINE_CELLS},
            "confidence": line.get("confidence"),
            "page": line.get("page"),
            "box": line.get("box"),
        }
        for line in run.line_items
    ]


def line_cells(line: LineItem) -> dict[str, str]:
    """Return a stored line's cells as plain text: decimals as people write them, ISO dates."""
    return {name: _plain(getattr(line, name), name) for name in LINE_CELLS}


def lines_to_show(item: Item, invoice: Invoice) -> list[dict[str, Any]]:
    """Return the table as a form shows it: what the invoice holds, else what was read."""
    held = invoices.current_lines(invoice)
    if held or item.run is None:
        return [{**line_cells(line), "page": line.page, "box": line.box} for line in held]
    return read_lines(item.run)


def _plain(cell: Any, name: str) -> str:
    """Write a cell: money with at least two places, quantities and rates without needless zeros."""
    if not isinstance(cell, Decimal):
        return "" if cell is None else str(cell)
    whole, _, places = f"{cell:f}".partition(".")
    places = places.rstrip("0")
    if name in ("amount", "unit_price"):
        places = places.ljust(2, "0")
    return f"{whole}.{places}" if places else whole


def _comparable(lines: Iterable[Mapping[str, Any]]) -> str:
    """Return the table as one text that is equal for equal tables, however the numbers are written."""
    rows = []
    for cells in lines:
        row = {}
        for name in LINE_CELLS:
            text = str(cells.get(name) or "").strip()
            if text and name in _NUMBERS:
                # What is no number is refused where the lines are written; here it just differs.
                with suppress(InvalidOperation):
                    text = _plain(Decimal(text), name)
            if text:
                row[name] = text
        rows.append(row)
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")) if rows else ""


def check_values(values: Mapping[str, str], lines: Sequence[Mapping[str, str]]) -> Sequence[Check]:
    """Apply the arithmetic and format rules to normalised values, as `settle` will."""
    return rules.check(values, lines)


def _check_invoice(invoice: Invoice) -> Sequence[Check]:
    values = {name: row.value for name, row in invoices.current_values(invoice).items() if row.value}
    return check_values(values, [line_cells(line) for line in invoices.current_lines(invoice)])
