"""Pages that belong to no single part of the site: home, the list of invoices, one invoice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from extraction.fields import DOCUMENT_TYPES, FIELDS
from extraction.models import FieldReading, Run
from invoiceapp import pipeline
from invoiceapp.middleware import SESSION_KEY
from invoiceapp.records import invoices as writer
from invoiceapp.records.access import OFFICE_ROLES, OfficeRequest, may, require, roles
from invoiceapp.records.duplicates import suspicions
from invoiceapp.records.models import NEWEST_FIRST, Event, Invoice, InvoiceValue, Organization
from invoiceapp.records.money import show_amount
from invoiceapp.work import services as work
from invoiceapp.work.models import WorkItem
from invoiceapp.work.reading_times import waiting_words
from review.models import Item

Status = Invoice.Status
PER_PAGE = 50


@require_GET
def home(request: OfficeRequest) -> HttpResponse:
    """Say what waits for the person signed in, by role."""
    organization = request.organization
    if organization is None:
        return render(request, "web/no_organization.html", status=403)
    mine = Invoice.objects.visible_to(request.user, organization)
    context: dict[str, Any] = {"own_uploads": None}
    if roles(request.user, organization) & OFFICE_ROLES:
        counts = dict(mine.order_by().values_list("status").annotate(Count("pk")))
        now = timezone.now()
        context |= {
            "waiting": counts.get(Status.WAITING, 0) + counts.get(Status.READING, 0),
            "to_approve": counts.get(Status.TO_APPROVE, 0),
            "to_export": counts.get(Status.APPROVED, 0),
            "to_check": Item.objects.visible_to(request.user, organization)
            .filter(status=Item.Status.OPEN)
            .aggregate(
                all=Count("pk"), mine=Count("pk", filter=Q(claimed_by=request.user, claimed_until__gt=now))
            ),
            "sums": mine.filter(status=Status.APPROVED)
            .order_by()
            .values("currency")
            .annotate(sum=Sum("total")),
        }
        if may(request.user, organization, "administer"):
            context["dead"] = (
                WorkItem.objects.visible_to(request.user, organization)
                .filter(status=WorkItem.Status.DEAD, finished__gt=now - timedelta(days=1))
                .count()
            )
            context["read_today"] = (
                Run.objects.visible_to(request.user, organization)
                .filter(status=Run.Status.DONE, finished__gt=now - timedelta(days=1))
                .count()
            )
    context["recent"] = (
        mine.filter(uploaded_by=request.user).select_related("document").order_by(*NEWEST_FIRST)[:8]
    )
    return render(request, "web/home.html", context)


@login_not_required
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the site and its database work; for load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")


@require_POST
def choose_organization(request: OfficeRequest) -> HttpResponse:
    """Work for another of the user's organizations from now on."""
    organization = get_object_or_404(
        Organization.objects.filter(memberships__user=request.user).distinct(), slug=request.POST.get("slug")
    )
    request.session[SESSION_KEY] = organization.pk
    return redirect("home")


@require_GET
def invoice_list(request: OfficeRequest) -> HttpResponse:
    """List the invoices that the user may see, with filters in the address."""
    everything = Invoice.objects.visible_to(request.user, request.organization)
    rows = everything
    status = request.GET.get("status", "")
    if status in Status.values:
        rows = rows.filter(status=status)
    query = request.GET.get("q", "").strip()
    if query:
        matches = (
            Q(vendor_name__icontains=query)
            | Q(invoice_number__icontains=query)
            | Q(work_order_number__icontains=query)
            | Q(document__filename__icontains=query)
        )
        if query.isdigit() and len(query) < 10:
            matches |= Q(reference=int(query))
        rows = rows.filter(matches)
    page = Paginator(
        rows.select_related("document", "organization").order_by(*NEWEST_FIRST), PER_PAGE
    ).get_page(request.GET.get("page"))
    counts = dict(everything.order_by().values_list("status").annotate(Count("pk")))
    context = {
        "page": page,
        "query": query,
        "status": status,
        "statuses": [(value, label, counts.get(value, 0)) for value, label in Status.choices],
        "all_count": sum(counts.values()),
    }
    return render(request, "web/invoice_list.html", context)


def _invoice(request: OfficeRequest, pk: Any) -> Invoice:
    return get_object_or_404(
        Invoice.objects.visible_to(request.user, request.organization).select_related(
            "document", "organization", "vendor", "job", "uploaded_by", "approved_by"
        ),
        pk=pk,
    )


@require_GET
def invoice_detail(request: OfficeRequest, pk: Any) -> HttpResponse:
    """Show one invoice: what it says, where each value comes from, and all that happened to it."""
    invoice = _invoice(request, pk)
    history = list(invoice.values.select_related("user").order_by("created", "pk"))
    current = {row.field: row for row in history if row.current}
    item = (
        WorkItem.objects.select_related("organization")
        .filter(invoice=invoice, status__in=WorkItem.OPEN)
        .first()
    )
    runs = list(invoice.runs.prefetch_related("consultations").order_by("started"))
    read_by = _read_by(current.values())
    context = {
        "invoice": invoice,
        "pages": list(invoice.document.pages.all()),
        "values": [
            (
                spec.label,
                _shown(spec.kind, current[name].value, invoice.currency),
                current[name],
                read_by.get(name, ""),
            )
            for name, spec in FIELDS.items()
            if name in current
        ],
        "lines": writer.current_lines(invoice),
        "timeline": _timeline(invoice, history, runs),
        "duplicates": suspicions(invoice.organization, [invoice])[invoice.pk]
        if may(request.user, request.organization, "approve")
        or may(request.user, request.organization, "review")
        else [],
        "failed_checks": [check for check in runs[-1].checks if not check["passed"]] if runs else [],
        "when": waiting_words(item, timezone.now(), waiting=work.waiting_for_batch(invoice.organization))
        if item
        else "",
        "picture_kept": any(event.kind == Event.Kind.PICTURE_KEPT for event in invoice.events.all()),
        "review_item": invoice.review_items.filter(status=Item.Status.OPEN).first(),
        "may_hurry": item is not None and item.status == WorkItem.Status.QUEUED and not item.urgent,
        "may_read_again": invoice.status in (Status.REVIEW, Status.TO_APPROVE)
        and may(request.user, request.organization, "review"),
    }
    return render(request, "web/invoice_detail.html", context)


def _read_by(values: Iterable[InvoiceValue]) -> dict[str, str]:
    """Say, by field, who read the machine's values where two readers were asked. One query."""
    machine = {row.field: row.run_id for row in values if row.source == InvoiceValue.Source.MACHINE}
    readings = FieldReading.objects.filter(run_id__in=set(machine.values())).exclude(second="")
    return {
        reading.field: reading.read_by for reading in readings if machine.get(reading.field) == reading.run_id
    }


def _shown(kind: str, value: str, currency: str) -> str:
    """Return a normalised value as people read it."""
    if not value:
        return ""
    if kind == "money":
        return show_amount(Decimal(value), currency)
    if kind == "percent":
        return f"{value} %"
    return DOCUMENT_TYPES.get(value, value) if kind == "choice" else value


def _timeline(invoice: Invoice, history: list[Any], runs: list[Run]) -> list[dict[str, Any]]:
    """Merge events, runs and changed values into one list, oldest first."""
    entries: list[dict[str, Any]] = [
        {"at": event.created, "kind": "event", "row": event}
        for event in invoice.events.select_related("user").all()
    ]
    entries += [{"at": run.finished or run.started, "kind": "run", "row": run} for run in runs]
    before: dict[str, str] = {}
    for row in history:
        label = FIELDS[row.field].label if row.field in FIELDS else row.field
        if row.user_id is not None:
            entries.append(
                {
                    "at": row.created,
                    "kind": "value",
                    "row": row,
                    "label": label,
                    "before": before.get(row.field),
                }
            )
        before[row.field] = row.value
    return sorted(entries, key=lambda entry: entry["at"])


@require_POST
def make_urgent(request: OfficeRequest, pk: Any) -> HttpResponse:
    """Let one invoice be read before all others, now."""
    invoice = _invoice(request, pk)
    try:
        work.make_urgent(invoice, user=request.user)
    except writer.WrongStatus as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{invoice} goes first now.")
    return redirect("invoice", pk=pk)


@require_POST
def read_again(request: OfficeRequest, pk: Any) -> HttpResponse:
    """Send an undecided invoice through the reader once more."""
    invoice = _invoice(request, pk)
    require(request.user, request.organization, "review")
    try:
        with transaction.atomic():
            pipeline.read_again(invoice, user=request.user)
    except writer.WrongStatus as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{invoice} will be read again.")
    return redirect("invoice", pk=pk)
