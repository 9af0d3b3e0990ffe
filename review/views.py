"""The review queue and the correction screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from extraction.fields import FIELDS
from invoiceapp.records import invoices
from invoiceapp.records.access import OfficeRequest, may, require
from invoiceapp.records.invoices import InvalidValue, WrongStatus
from invoiceapp.records.models import Page
from review import queue, screen, services
from review.forms import Correction, FilterForm, ReasonForm, normalised, read_correction
from review.models import Item
from review.queue import Filters
from review.services import LINE_CELLS, LINES, ClaimLost, InvalidFields

PER_PAGE = 50
MORE_LINES = 6
# How far ahead of a person the browser fetches pictures, in pages of the next invoice.
PAGES_AHEAD = 2


@require_GET
def waiting(request: OfficeRequest) -> HttpResponse:
    """List what waits for a person, with filters and order in the address."""
    require(request.user, request.organization, "review")
    form = FilterForm(request.GET)
    filters = form.filters()
    rows = queue.filtered(request.user, request.organization, filters)
    page = Paginator(
        rows.select_related("invoice__organization", "invoice__document", "claimed_by"), PER_PAGE
    ).get_page(request.GET.get("page"))
    now = timezone.now()
    everything = queue.waiting(request.user, request.organization)
    counts = everything.aggregate(
        all=Count("pk"),
        mine=Count("pk", filter=queue.held_by(request.user, now)),
        others=Count("pk", filter=Q(claimed_until__gt=now) & ~Q(claimed_by=request.user)),
    )
    skipped = set(
        Item.skipped_by.through.objects.filter(
            user_id=request.user.pk or 0, item__in=[item.pk for item in page]
        ).values_list("item_id", flat=True)
    )
    context = {
        "form": form,
        "heads": _heads(request, filters),
        "rows": [_queue_row(item, request, now, skipped) for item in page],
        "filters": filters,
        "is_filtered": bool(_filters_of(request)),
        "page": page,
        "counts": counts,
        "query": _query(request),
        "saved": _just_saved(request),
    }
    return render(request, "review/queue.html", context)


# Column -> the keys of `queue.ORDERS` for up and down.
_HEADS = (
    ("Vendor", "vendor", "-vendor", False),
    ("Amount", "amount", "-amount", True),
    ("Reason", "reason", "-reason", False),
    ("Waiting", "oldest", "newest", False),
)


def _heads(request: OfficeRequest, filters: Filters) -> list[dict[str, Any]]:
    """Return the sortable columns with the address that sorts by each."""
    heads = []
    for label, up, down, numeric in _HEADS:
        query = {**_filters_of(request), "sort": down if filters.sort == up else up}
        heads.append(
            {
                "label": label,
                "url": f"?{urlencode(query)}",
                "numeric": numeric,
                "sorted": {up: "ascending", down: "descending"}.get(filters.sort, "none"),
            }
        )
    return heads


def _queue_row(item: Item, request: OfficeRequest, now: datetime, skipped: set[int]) -> dict[str, Any]:
    holder = item.holder(now)
    labels = [FIELDS[name].label if name in FIELDS else "Lines" for name in item.fields]
    return {
        "item": item,
        "currency": item.invoice.currency or item.invoice.organization.currency,
        "why": item.explanation
        or ", ".join(labels)
        or ", ".join(FIELDS[name].label for name in item.sampled),
        "mine": holder == request.user,
        "holder": (holder.get_full_name() or holder.get_username()) if holder else "",
        "skipped": item.pk in skipped,
    }


@require_POST
def start(request: OfficeRequest) -> HttpResponse:
    """Give the user the next free invoice that fits the filters."""
    require(request.user, request.organization, "review")
    return _to_next(request)


@require_POST
def claim(request: OfficeRequest, pk: int) -> HttpResponse:
    """Give the user this invoice, if nobody else has it."""
    item = _item(request, pk)
    try:
        services.claim(item, request.user)
    except ClaimLost as error:
        messages.warning(request, str(error))
        return redirect(_with_query(request, "review:queue"))
    return redirect(_with_query(request, "review:correct", pk))


@require_http_methods(["GET", "POST"])
def correct(request: OfficeRequest, pk: int) -> HttpResponse:
    """Show the page beside the form, and take what the person decided."""
    item = _item(request, pk)
    if request.method == "POST":
        return _save(request, item)
    if item.status != Item.Status.OPEN:
        messages.info(request, f"{item.invoice} no longer waits for a check.")
        return redirect("invoice", pk=item.invoice_id)
    return _screen(request, item)


def _save(request: OfficeRequest, item: Item) -> HttpResponse:
    posted = read_correction(request.POST)
    action = request.POST.get("action", "save")
    if action == "more_lines":
        return _screen(request, item, posted=posted, blank=MORE_LINES)
    if not posted.is_valid:
        return _screen(request, item, posted=posted, status=422)
    try:
        settled = services.settle(
            item,
            user=request.user,
            entries=posted.entries,
            lines=posted.lines if posted.has_table else None,
            lines_seconds=posted.lines_seconds,
            approve=action == "approve",
        )
    except InvalidFields as error:
        posted.errors |= error.errors
        return _screen(request, item, posted=posted, status=422)
    except (InvalidValue, WrongStatus) as error:
        return _screen(request, item, posted=posted, problem=str(error), status=422)
    except ClaimLost as error:
        return _screen(request, item, posted=posted, lost=error, status=409)
    for check in settled.failed:
        messages.warning(request, f"{item.invoice}: {check.message}")
    return _to_next(request, saved=item)


@require_POST
def check(request: OfficeRequest, pk: int) -> HttpResponse:
    """Say which rules what was typed so far breaks, and how each value is understood; writes nothing."""
    item = _item(request, pk)
    posted = read_correction(request.POST)
    values = {}
    for name, text in posted.texts.items():
        value, error = normalised(name, text)
        values[name] = {"shown": screen.shown(name, value), "value": value, "error": error}
    hints = {
        "vendor_name": screen.vendor_hint(posted.texts.get("vendor_name", ""), item.invoice),
        "work_order_number": screen.job_hint(posted.texts.get("work_order_number", ""), item.invoice),
    }
    context = {
        "checks": _checks(posted),
        "understood": {
            "fields": values,
            "hints": hints,
            "cells": [[row, name, error] for (row, name), error in posted.cell_errors.items()],
            "lines": [
                {
                    name: screen.shown(name, text, of_line=True)
                    for name, text in line.items()
                    if name in LINE_CELLS
                }
                for line in posted.lines
            ],
        },
    }
    return render(request, "review/_check.html", context)


def _checks(posted: Correction) -> list[Any]:
    lines = [{k: v for k, v in line.items() if k in LINE_CELLS and v} for line in posted.lines]
    return list(services.check_values(posted.values, lines))


@require_POST
def renew(request: OfficeRequest, pk: int) -> JsonResponse:
    """Lengthen the claim while the person works; 409 with the reason once it is lost."""
    item = _item(request, pk)
    try:
        services.renew(item, request.user)
    except ClaimLost as error:
        return JsonResponse({"message": str(error)}, status=409)
    return JsonResponse({"seconds": int(services.LEASE.total_seconds())})


@require_POST
def release(request: OfficeRequest, pk: int) -> HttpResponse:
    """Put the invoice back for everybody."""
    item = _item(request, pk)
    services.release(item, request.user)
    messages.info(request, f"{item.invoice} is back in the queue.")
    return redirect(_with_query(request, "review:queue"))


@require_POST
def skip(request: OfficeRequest, pk: int) -> HttpResponse:
    """Leave the invoice to somebody else and go on with the next."""
    item = _item(request, pk)
    services.skip(item, request.user)
    messages.info(request, f"{item.invoice} skipped: it stays in the queue for others.")
    return _to_next(request)


@require_http_methods(["GET", "POST"])
def reject(request: OfficeRequest, pk: int) -> HttpResponse:
    """Refuse the invoice for good, with a reason."""
    item = _item(request, pk)
    form = ReasonForm(request.POST or None)
    if not form.is_valid():
        context = {"item": item, "form": form, "query": _query(request)}
        return render(request, "review/reject.html", context, status=422 if form.is_bound else 200)
    try:
        services.reject(item, user=request.user, reason=form.cleaned_data["reason"])
    except (ClaimLost, WrongStatus) as error:
        messages.warning(request, str(error))
        return redirect(_with_query(request, "review:queue"))
    messages.success(request, f"{item.invoice} is rejected. The uploader sees why.")
    return _to_next(request)


@require_POST
def take_back(request: OfficeRequest, pk: int) -> HttpResponse:
    """Undo the user's own save of a moment ago."""
    item = _item(request, pk)
    try:
        again = services.take_back(item, request.user)
    except ClaimLost as error:
        messages.warning(request, str(error))
        return redirect(_with_query(request, "review:queue"))
    return redirect(_with_query(request, "review:correct", again.pk))


@require_GET
def words(request: OfficeRequest, pk: int, number: int) -> HttpResponse:
    """Return the words of a page as JSON: ``[[text, x0, y0, x1, y1, line, confidence], ...]``, page-relative."""
    item = _item(request, pk)
    page = get_object_or_404(Page, document_id=item.invoice.document_id, number=number)
    content = b"[]"
    if page.words:
        try:
            with default_storage.open(str(page.words.name), "rb") as file:
                content = file.read()
        except FileNotFoundError:
            raise Http404("The words of this page are not in the storage.") from None
    response = HttpResponse(content, content_type="application/json")
    response["Cache-Control"] = "private, max-age=300"  # fetched ahead, and again when the page is opened
    return response


@require_GET
def ahead(request: OfficeRequest, pk: int) -> JsonResponse:
    """Name what the browser will need for the next invoice, without claiming it."""
    item = _item(request, pk)
    rows = queue.candidates(request.user, request.organization, FilterForm(request.GET).filters())
    following = rows.exclude(pk=item.pk).select_related("invoice").first()
    if following is None:
        return JsonResponse({"urls": []})
    document = following.invoice.document_id
    urls = []
    for number in Page.objects.filter(document_id=document).values_list("number", flat=True)[:PAGES_AHEAD]:
        urls.append(reverse("intake:page", kwargs={"pk": document, "number": number}))
        urls.append(reverse("review:words", args=[following.pk, number]))
    return JsonResponse({"urls": urls})


def _item(request: OfficeRequest, pk: int) -> Item:
    require(request.user, request.organization, "review")
    return get_object_or_404(
        Item.objects.visible_to(request.user, request.organization).select_related(
            "organization", "invoice__organization", "invoice__document", "run", "claimed_by"
        ),
        pk=pk,
    )


def _screen(
    request: OfficeRequest,
    item: Item,
    *,
    posted: Correction | None = None,
    lost: ClaimLost | None = None,
    problem: str = "",
    blank: int = 1,
    status: int = 200,
) -> HttpResponse:
    invoice = item.invoice
    now = timezone.now()
    held = invoices.current_values(invoice)
    fields = screen.field_rows(item, invoice, held, posted)
    columns, lines = screen.line_rows(item, invoice, posted, blank=blank)
    holder = item.holder(now)
    mine = holder == request.user
    to_check = [row for row in fields if row.to_check]
    lines_reason = item.fields.get(LINES, "")
    context = {
        "item": item,
        "invoice": invoice,
        "fields": fields,
        "columns": columns,
        "lines": lines,
        "lines_reason": lines_reason,
        "lines_error": posted.errors.get(LINES, "") if posted else "",
        "sums": screen.sums(fields, lines),
        "pages": screen.pictures(item, invoice, fields),
        "checks": _checks(posted) if posted else _checks_held(fields, lines),
        "to_check": len(to_check) + bool(lines_reason),
        "errors": [row for row in fields if row.error],
        "posted": posted is not None,
        "mine": mine,
        "holder": None if mine else holder,
        "seconds_left": int((item.claimed_until - now).total_seconds()) if item.claimed_until else 0,
        "lost": lost,
        "problem": problem,
        "may_approve": may(request.user, request.organization, "approve"),
        "query": _query(request),
        "saved": _just_saved(request),
    }
    return render(request, "review/correct.html", context, status=status)


def _checks_held(fields: list[screen.FieldRow], lines: list[screen.LineRow]) -> list[Any]:
    values = {row.name: normalised(row.name, row.text)[0] for row in fields if row.text}
    cells = [
        {
            cell.column.name: normalised(cell.column.name, cell.text, of_line=True)[0]
            for cell in line.cells
            if cell.text
        }
        for line in lines
    ]
    return list(services.check_values({k: v for k, v in values.items() if v}, [c for c in cells if c]))


def _to_next(request: OfficeRequest, *, saved: Item | None = None) -> HttpResponse:
    extra = {"saved": saved.pk} if saved else {}
    organization = require(request.user, request.organization, "review")
    item = services.claim_next(request.user, organization, FilterForm(request.GET).filters())
    if item is not None:
        return redirect(_with_query(request, "review:correct", item.pk, **extra))
    return redirect(_with_query(request, "review:queue", **extra))


def _just_saved(request: OfficeRequest) -> Item | None:
    """Return the item the user has just saved and may still take back."""
    pk = request.GET.get("saved", "")
    if not pk.isdigit() or len(pk) > 18:
        return None
    return (
        Item.objects.visible_to(request.user, request.organization)
        .filter(pk=pk, settled_by=request.user, settled_at__gt=timezone.now() - services.TAKE_BACK)
        .select_related("invoice")
        .first()
    )


def _filters_of(request: OfficeRequest) -> Mapping[str, str]:
    return {name: request.GET[name] for name in FilterForm.base_fields if request.GET.get(name)}


def _query(request: OfficeRequest, **extra: Any) -> str:
    """Return the filters as a query string with its question mark, or nothing."""
    asked = {**_filters_of(request), **extra}
    return f"?{urlencode(asked)}" if asked else ""


def _with_query(request: OfficeRequest, name: str, *args: Any, **extra: Any) -> str:
    return reverse(name, args=args) + _query(request, **extra)
