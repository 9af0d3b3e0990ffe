"""What is ready to go out, the batches that went, and their files."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from invoiceapp.exports import formats, services
from invoiceapp.exports.models import Batch, BatchFile
from invoiceapp.records import invoices
from invoiceapp.records.access import OfficeRequest, require

GROUPS_PER_PAGE = 50
BATCHES_PER_PAGE = 25
LINES_PER_PAGE = 100

MEDIA_TYPES = {
    BatchFile.Kind.INVOICES: "text/csv; charset=utf-8",
    BatchFile.Kind.LINES: "text/csv; charset=utf-8",
    BatchFile.Kind.JSON: "application/json",
}


@require_GET
def ready(request: OfficeRequest) -> HttpResponse:
    """Show what is approved and not exported, by pay period and vendor, with sums."""
    organization = require(request.user, request.organization, "export")
    seen_at = timezone.now()
    everything = services.groups(request.user, organization, until=seen_at)
    period = _period(request.GET.get("period", ""))
    shown = [group for group in everything if period in (None, group.pay_period)]
    periods: dict[date, int] = {}
    for group in everything:
        periods[group.pay_period] = periods.get(group.pay_period, 0) + group.count
    page = Paginator(shown, GROUPS_PER_PAGE).get_page(request.GET.get("page"))
    last = Batch.objects.visible_to(request.user, organization).order_by("-number").first()
    context = {
        "page": page,
        "period": period,
        "periods": periods,
        "all_count": sum(group.count for group in everything),
        "count": sum(group.count for group in shown),
        "sums": services.sums(shown),
        "seen_at": seen_at.isoformat(),
        "last": last,
        "largest": services.LARGEST_BATCH,
    }
    return render(request, "exports/ready.html", context)


def _period(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@require_POST
def export(request: OfficeRequest) -> HttpResponse:
    """Export what the bookkeeper saw: the groups ticked, or everything shown."""
    organization = require(request.user, request.organization, "export")
    until = _moment(request.POST.get("seen_at", ""))
    found = services.groups(request.user, organization, until=until)
    if request.POST.get("which") == "selected":
        keys = set(request.POST.getlist("group"))
        if not keys:
            messages.warning(request, "Nothing was exported: tick at least one row first.")
            return redirect("exports:ready")
        found = [group for group in found if group.key in keys]
    elif (period := _period(request.POST.get("period", ""))) is not None:
        found = [group for group in found if group.pay_period == period]
    wanted = [pk for group in found for pk in group.invoice_ids]
    try:
        batch = services.export_ready(organization, user=request.user, only=wanted)
    except (services.NothingToExport, services.InvalidRequest, invoices.WrongStatus) as error:
        messages.error(request, str(error))
        return redirect("exports:ready")
    message = f"{batch} is ready: {batch.invoice_count} invoice{'' if batch.invoice_count == 1 else 's'}."
    if len(wanted) > batch.invoice_count:
        message += f" {len(wanted) - batch.invoice_count} of those you saw are not in it."
    messages.success(request, message)
    return redirect("exports:batch", number=batch.number)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if timezone.is_aware(moment) else None


def _batches(request: OfficeRequest) -> QuerySet[Batch]:
    organization = require(request.user, request.organization, "export")
    return Batch.objects.visible_to(request.user, organization).select_related(
        "created_by", "repeats", "organization"
    )


@require_GET
def history(request: OfficeRequest) -> HttpResponse:
    """List the batches, newest first."""
    rows = _batches(request).prefetch_related("files").order_by("-number")
    page = Paginator(rows, BATCHES_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "exports/history.html", {"page": page})


@require_GET
def batch(request: OfficeRequest, number: int) -> HttpResponse:
    """Show one batch: its files, its invoices, and what was exported again."""
    found = get_object_or_404(_batches(request), number=number)
    page = Paginator(found.lines.select_related("invoice"), LINES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "batch": found,
        "files": list(found.files.all()),
        "page": page,
        "repeated_by": list(found.repeated_by.order_by("number")),
    }
    return render(request, "exports/batch.html", context)


@require_GET
def download(request: OfficeRequest, number: int, kind: str) -> HttpResponse:
    """Hand out a file of a batch, the same bytes every time; ``?bom=1`` puts Excel's mark before CSV."""
    found = get_object_or_404(_batches(request), number=number)
    file = get_object_or_404(found.files, kind=kind)
    return file_response(file, with_mark=bool(request.GET.get("bom")))


def file_response(file: BatchFile, *, with_mark: bool) -> HttpResponse:
    """Return a file of a batch as a download, with Excel's byte order mark before CSV if asked for."""
    try:
        content = services.content(file)
    except FileNotFoundError:
        raise Http404(
            f"The file store has lost {file}. Restore it from a backup, or export the batch again."
        ) from None
    if with_mark and file.kind != BatchFile.Kind.JSON:
        content = formats.BYTE_ORDER_MARK + content
    name = str(file.file.name).rsplit("/", 1)[-1]
    return HttpResponse(
        content,
        content_type=MEDIA_TYPES[BatchFile.Kind(file.kind)],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_POST
def again(request: OfficeRequest, number: int) -> HttpResponse:
    """Export a batch, or some of its invoices, once more, on purpose."""
    found = get_object_or_404(_batches(request), number=number)
    only: list[UUID] | None = None
    if request.POST.get("which") == "selected":
        try:
            only = [UUID(text) for text in request.POST.getlist("invoice")]
        except ValueError:
            only = []
        if not only:
            messages.warning(request, "Nothing was exported: tick at least one invoice first.")
            return redirect("exports:batch", number=number)
    try:
        repeat = services.export_again(
            found, user=request.user, reason=request.POST.get("reason", ""), only=only
        )
    except services.InvalidRequest as error:
        messages.error(request, str(error))
        return redirect("exports:batch", number=number)
    messages.success(request, f"{repeat} repeats {repeat.invoice_count} of the invoices of {found}.")
    return redirect("exports:batch", number=repeat.number)
