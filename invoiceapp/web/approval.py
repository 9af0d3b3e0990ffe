"""What waits for approval, with all that a supervisor needs to decide beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, DecimalField, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from extraction.models import Run
from invoiceapp.records import invoices
from invoiceapp.records.access import OfficeRequest, require
from invoiceapp.records.duplicates import Suspicion, suspicions
from invoiceapp.records.models import Invoice, Organization
from review import services as review
from review.models import Decision

PER_PAGE = 25
Status = Invoice.Status
# What counts as billed on a job: released for payment, whether it has gone out yet or not.
BILLED = (Status.APPROVED, Status.EXPORTED)


@dataclass(slots=True)
class Row:
    """One invoice that waits, with the job's figures, the failed checks and who worked on it."""

    invoice: Invoice
    billed_before: Decimal
    failed: Sequence[dict[str, Any]]
    checked_by: str
    duplicates: Sequence[Suspicion]

    @property
    def currency(self) -> str:
        return self.invoice.currency or self.invoice.organization.currency

    @property
    def estimate(self) -> Decimal | None:
        return self.invoice.job.estimate if self.invoice.job else None

    @property
    def remaining(self) -> Decimal | None:
        """Return what is left of the job's estimate after this invoice; negative means over."""
        if self.estimate is None or self.invoice.total is None:
            return None
        return self.estimate - self.billed_before - self.invoice.total

    @property
    def over_by(self) -> Decimal | None:
        return -self.remaining if self.remaining is not None and self.remaining < 0 else None

    @property
    def stated_difference(self) -> Decimal | None:
        """Return what the page says more than the uploader stated; None where they agree or none was stated."""
        stated, read = self.invoice.stated_total, self.invoice.total
        if stated is None or read is None or stated == read:
            return None
        return read - stated

    @property
    def seen(self) -> str:
        """Return the moment since which the invoice waits: it shows whether a page is stale."""
        return self.invoice.status_since.isoformat()


def _waiting(user: Any, organization: Organization) -> QuerySet[Invoice]:
    """Return what waits for approval, the longest waiting first, with what was billed on its job before."""
    billed = (
        Invoice.objects.visible_to(user, organization)
        .filter(job=OuterRef("job"), status__in=BILLED)
        .order_by()
        .values("job")
        .annotate(sum=Sum("total"))
        .values("sum")
    )
    return (
        Invoice.objects.visible_to(user, organization)
        .filter(status=Status.TO_APPROVE)
        .select_related("job", "vendor", "organization")
        .annotate(billed=Subquery(billed, output_field=DecimalField(max_digits=14, decimal_places=2)))
        .order_by("status_since", "pk")
    )


def _rows(shown: Sequence[Any]) -> list[Row]:
    """Add the failed checks of the last reading and the people, one query each for the whole page."""
    ids = [invoice.pk for invoice in shown]
    failed: dict[UUID, list[dict[str, Any]]] = {}
    for invoice_id, checks in (
        Run.objects.filter(invoice__in=ids, status=Run.Status.DONE)
        .order_by("started", "pk")
        .values_list("invoice", "checks")
    ):
        failed[invoice_id] = [check for check in checks if not check["passed"]]
    same = suspicions(shown[0].organization, shown) if shown else {}
    people: dict[UUID, list[str]] = {}
    for invoice_id, name, corrected in (
        Decision.objects.filter(item__invoice__in=ids)
        .order_by("item__invoice", "user__username")
        .values_list("item__invoice", "user__username")
        .annotate(corrected=Count("pk", filter=~Q(action=Decision.Action.CONFIRMED)))
    ):
        words = f"{corrected} corrected" if corrected else "nothing corrected"
        people.setdefault(invoice_id, []).append(f"{name} ({words})")
    return [
        Row(
            invoice=invoice,
            billed_before=invoice.billed or Decimal("0.00"),
            failed=failed.get(invoice.pk, []),
            checked_by=", ".join(people.get(invoice.pk, [])),
            duplicates=same.get(invoice.pk, []),
        )
        for invoice in shown
    ]


@require_GET
def to_approve(request: OfficeRequest) -> HttpResponse:
    """List what waits for approval, with price beside estimate and what was billed before."""
    organization = require(request.user, request.organization, "approve")
    page = Paginator(_waiting(request.user, organization), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "web/approval.html", {"page": page, "rows": _rows(list(page))})


class Stale(Exception):
    """The page that somebody decided on shows the invoice as it was; the message says what happened since."""


def _lock(request: OfficeRequest, organization: Organization, pk: UUID, seen: str) -> Invoice:
    """Return the invoice, locked, if it still is what the page showed. Needs a transaction.

    :raises Stale: if somebody decided or changed it since.
    """
    # The row alone is locked: relations that may be empty can't be, on PostgreSQL.
    rows = Invoice.objects.visible_to(request.user, organization).select_for_update(of=("self",))
    invoice: Invoice = get_object_or_404(rows, pk=pk)
    if invoice.status != Status.TO_APPROVE:
        last = invoice.events.select_related("user").filter(after=invoice.status).last()
        who = f" by {last.user}" if last and last.user else ""
        raise Stale(f"{invoice} is “{invoice.get_status_display()}” by now{who}: somebody was faster.")
    if seen and _moment(seen) != invoice.status_since:
        raise Stale(f"{invoice} was sent back and changed since you opened the page. Look at it again.")
    return invoice


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _approve(request: OfficeRequest, organization: Organization, pk: UUID, seen: str) -> str:
    """Approve one invoice; returns why not, or an empty string."""
    try:
        with transaction.atomic():
            invoices.approve(_lock(request, organization, pk, seen), user=request.user)
    except (Stale, invoices.WrongStatus, invoices.InvalidValue) as error:
        return str(error)
    return ""


@require_POST
def approve(request: OfficeRequest) -> HttpResponse:
    """Approve the ticked invoices, or the one whose button was pressed, and say what became of each.

    Each one is decided by itself: what can't be approved holds nothing else up.
    """
    organization = require(request.user, request.organization, "approve")
    wanted = request.POST.getlist("one") or request.POST.getlist("invoice")
    try:
        ids = [UUID(text) for text in wanted[:PER_PAGE]]
    except ValueError:
        ids = []
    if not ids:
        messages.warning(request, "Nothing was approved: tick at least one invoice first.")
        return _back(request)
    refused = []
    for pk in ids:
        if why := _approve(request, organization, pk, request.POST.get(f"seen-{pk}", "")):
            refused.append(why)
    approved = len(ids) - len(refused)
    if approved:
        messages.success(request, f"{approved} invoice{'' if approved == 1 else 's'} approved.")
    for why in refused:
        messages.error(request, f"Not approved: {why}")
    return _back(request)


@require_http_methods(["GET", "POST"])
def decline(request: OfficeRequest, pk: UUID) -> HttpResponse:
    """Send one invoice back to be corrected, or reject it for good; both need a reason."""
    organization = require(request.user, request.organization, "approve")
    if request.method == "GET":
        row = get_object_or_404(_waiting(request.user, organization), pk=pk)
        return render(request, "web/approval_decline.html", {"row": _rows([row])[0]})
    reason = request.POST.get("reason", "").strip()
    decision = request.POST.get("decision", "")
    try:
        with transaction.atomic():
            invoice = _lock(request, organization, pk, request.POST.get("seen", ""))
            if decision == "reject":
                invoices.reject(invoice, user=request.user, reason=reason)
                done = f"{invoice} is rejected."
            else:
                review.return_to_review(invoice, user=request.user, reason=reason)
                done = f"{invoice} went back to be corrected."
    except invoices.InvalidValue as error:
        row = get_object_or_404(_waiting(request.user, organization), pk=pk)
        context = {"row": _rows([row])[0], "error": str(error), "decision": decision}
        return render(request, "web/approval_decline.html", context, status=422)
    except (Stale, invoices.WrongStatus) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return _back(request)


def _back(request: OfficeRequest) -> HttpResponse:
    page = request.POST.get("page", "")
    response = redirect("approval:list")
    if page.isdigit():
        response["Location"] += f"?page={page}"
    return response
