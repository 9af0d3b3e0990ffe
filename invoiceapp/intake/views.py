"""The upload page: a form for browsers without scripts, single files for the others, and their outcomes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from extraction.documents import SandboxUnavailable
from invoiceapp.intake import services
from invoiceapp.intake.forms import ACCEPT, FileForm, StatedForm
from invoiceapp.intake.limits import DropTooLarge
from invoiceapp.intake.models import Upload
from invoiceapp.records.access import OfficeRequest, require
from invoiceapp.records.models import Event, Invoice, Organization
from invoiceapp.work import services as work
from invoiceapp.work.models import WorkItem
from invoiceapp.work.reading_times import waiting_words

log = logging.getLogger(__name__)
PER_PAGE = 25
POLLED_ROWS = 150
# Seconds between two looks at the invoices' statuses: while some are on their way to be read, and else.
POLL_BUSY, POLL_IDLE = 3, 30
ON_THE_WAY = frozenset({Invoice.Status.WAITING, Invoice.Status.READING})
NOT_DECIDED = ON_THE_WAY | {Invoice.Status.REVIEW}
CUT_OFF = "The connection broke while the file was sent. Nothing was entered: send it again."
TOO_FAST = "Too many files in one minute."
NOT_READY = "Files can't be looked at just now. Nothing was lost: try again in a minute."


def _limits_files(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a view take files of limited size only.

    Handlers can be set only before the body is read, and the CSRF check reads it; so the check is done
    inside (docs.djangoproject.com, "Modifying upload handlers on the fly").
    """
    protected = csrf_protect(view)

    @wraps(view)
    def limited(request: OfficeRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.upload_handlers.insert(0, DropTooLarge(request))
        return protected(request, *args, **kwargs)

    return csrf_exempt(limited)


@_limits_files
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: OfficeRequest) -> HttpResponse:
    """Show the upload page; take in what its form sends when no script does."""
    organization = require(request.user, request.organization, "upload")
    if request.method == "POST" and not _is_complete(request):
        return HttpResponse(CUT_OFF, status=400, content_type="text/plain; charset=utf-8")
    form = StatedForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        files = request.FILES.getlist("files")
        if not files:
            form.add_error(None, "No file was chosen. Choose one or more, then press Upload.")
        elif form.is_valid():
            return _receive_all(request, organization, files, form)
    return _page(request, organization, form, status=422 if form.errors else 200)


def _is_complete(request: OfficeRequest) -> bool:
    """Say whether the whole body arrived: the last field of the form is there.

    When a phone loses its connection the body ends early, and what is left of a file
    would be taken for the whole of it.
    """
    return request.POST.get("complete") == "yes"


def _receive_all(
    request: OfficeRequest, organization: Organization, files: list[Any], form: StatedForm
) -> HttpResponse:
    stated = form.stated()
    if len(files) > 1 and stated["stated_total"] is not None:
        stated["stated_total"] = None
        messages.warning(
            request, "The total was not kept: with several files nobody can tell to which it belongs."
        )
    outcomes: Counter[str] = Counter()
    why, wait = "", 0
    for number, file in enumerate(files):
        if wait := services.seconds_to_wait(request.user):
            why = f"{TOO_FAST} In {wait} seconds, choose again:"
        else:
            try:
                row = services.receive(file, organization=organization, user=request.user, **stated)
            except SandboxUnavailable:
                log.exception("Uploads can't be looked at")
                why = f"{NOT_READY} Choose again:"
            else:
                outcomes["refused" if row.is_refused else row.outcome] += 1
                continue
        names = ", ".join(services.clean_filename(left.name) for left in files[number:])
        messages.error(request, f"{why} {names}")
        break
    if not outcomes:
        return _page(request, organization, form, status=429 if wait else 503, wait=wait)
    words = {"accepted": "accepted", "already_here": "already here", "refused": "refused"}
    told = ", ".join(f"{count} {words[outcome]}" for outcome, count in outcomes.items())
    level = messages.WARNING if outcomes["refused"] else messages.SUCCESS
    messages.add_message(request, level, f"{_files(outcomes.total())}: {told}.")
    return redirect("intake:upload")


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _page(
    request: OfficeRequest, organization: Organization, form: StatedForm, *, status: int, wait: int = 0
) -> HttpResponse:
    page = Paginator(_own_uploads(request.user, organization), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": _with_status(organization, page),
        "accept": ACCEPT,
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "poll_seconds": _poll_seconds(page),
    }
    response = render(request, "intake/upload.html", context, status=status)
    if wait:
        response["Retry-After"] = str(wait)
    return response


@_limits_files
@require_POST
def receive_file(request: OfficeRequest) -> HttpResponse:
    """Take in one file from upload.js and answer with its finished row.

    The header X-Upload-Outcome tells a row from whatever else might arrive (a sign-in page, a proxy's error).
    """
    organization = require(request.user, request.organization, "upload")
    if wait := services.seconds_to_wait(request.user):
        response = HttpResponse(TOO_FAST, status=429, content_type="text/plain")
        response["Retry-After"] = str(wait)
        return response
    if not _is_complete(request):
        return HttpResponse(CUT_OFF, status=400, content_type="text/plain; charset=utf-8")
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        words = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return HttpResponse(words, status=422, content_type="text/plain; charset=utf-8")
    own = _own_uploads(request.user, organization)
    try:
        row = services.receive(
            form.cleaned_data["file"],
            organization=organization,
            user=request.user,
            key=form.cleaned_data["key"],
            replaces=own.filter(pk=form.cleaned_data["replaces"], outcome=Upload.Outcome.ACCEPTED).first(),
            **form.stated(),
        )
    except SandboxUnavailable:
        log.exception("Uploads can't be looked at")
        return HttpResponse(NOT_READY, status=503, content_type="text/plain; charset=utf-8")
    rows = _with_status(organization, [own.get(pk=row.pk)])
    response = render(request, "intake/_row.html", {"row": rows[0]})
    response["X-Upload-Outcome"] = str(row.outcome)  # plain text: a choice is none for every server
    return response


@require_POST
def keep_picture(request: OfficeRequest, pk: int) -> HttpResponse:
    """Note that the uploader keeps a picture that a warning was given for; answers with its row, or the page."""
    organization = require(request.user, request.organization, "upload")
    own = _own_uploads(request.user, organization)
    upload = get_object_or_404(own, pk=pk, outcome=Upload.Outcome.ACCEPTED)
    services.keep_picture(upload, user=request.user)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("intake:upload")
    rows = _with_status(organization, [own.get(pk=pk)])
    return render(request, "intake/_row.html", {"row": rows[0]})


@require_GET
def statuses(request: OfficeRequest) -> HttpResponse:
    """Answer the page's poll: where the invoices of the rows on it stand now."""
    organization = require(request.user, request.organization, "upload")
    wanted = [int(pk) for pk in request.GET.getlist("row")[:POLLED_ROWS] if pk.isdecimal() and len(pk) < 19]
    rows = _with_status(organization, _own_uploads(request.user, organization).filter(pk__in=wanted))
    context = {"rows": rows, "poll_seconds": _poll_seconds(row["upload"] for row in rows)}
    return render(request, "intake/_statuses.html", context)


def _own_uploads(user: Any, organization: Organization) -> Any:
    """Return the user's uploads, newest first, each with its invoice if the user may (still) see it."""
    waiting = WorkItem.objects.filter(organization=organization, status=WorkItem.Status.QUEUED)
    visible = (
        Invoice.objects.visible_to(user, organization)
        .select_related("document", "organization")
        .annotate(
            picture_kept=Exists(Event.objects.filter(invoice=OuterRef("pk"), kind=Event.Kind.PICTURE_KEPT))
        )
        .prefetch_related(
            Prefetch("work", queryset=waiting.select_related("organization"), to_attr="waiting")
        )
    )
    return (
        Upload.objects.visible_to(user, organization)
        .filter(uploaded_by=user)
        .prefetch_related(Prefetch("invoice", queryset=visible))
        .order_by("-created", "-id")
    )


def _with_status(organization: Organization, uploads: Iterable[Upload]) -> list[dict[str, Any]]:
    """Put beside each upload when its invoice will be read, and whether a better picture would help."""
    now = timezone.now()
    in_batch = work.waiting_for_batch(organization)
    rows = []
    for upload in uploads:
        invoice = upload.invoice
        status = invoice.status if invoice else ""
        kept = bool(getattr(invoice, "picture_kept", False))
        items = getattr(invoice, "waiting", []) if status == Invoice.Status.WAITING else []
        rows.append(
            {
                "upload": upload,
                "when": waiting_words(items[0], now, waiting=in_batch) if items else "",
                # Beyond "Accepted as invoice 1042." there is something to say only if it replaced another.
                "replaced": upload.message.partition(". ")[2]
                if upload.outcome == Upload.Outcome.ACCEPTED
                else "",
                "kept": kept,
                "take_again": bool(upload.warnings) and not kept and status in NOT_DECIDED,
            }
        )
    return rows


def _poll_seconds(uploads: Iterable[Upload]) -> int:
    busy = any(row.invoice is not None and row.invoice.status in ON_THE_WAY for row in uploads)
    return POLL_BUSY if busy else POLL_IDLE
