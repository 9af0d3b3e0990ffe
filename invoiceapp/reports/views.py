"""How accurate the reader is, and whether the machinery runs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from extraction import registry
from extraction import trials as reader_trials
from extraction.models import Trial
from extraction.services import FITTED
from invoiceapp import pipeline
from invoiceapp.records.access import OfficeRequest, require
from invoiceapp.records.invoices import WrongStatus
from invoiceapp.records.models import Invoice, Organization, Page
from invoiceapp.records.spreadsheet import safe_text
from invoiceapp.reports import charts, costs, operations, trials
from invoiceapp.reports.accuracy import PERIODS, Accuracy, Correction, Filters, Report, Row, label_of
from invoiceapp.reports.forms import TrialForm
from invoiceapp.reports.statistics import DECIDED_AT, MINIMUM_CHECKED, Estimate
from review import certification

DEAD_PER_PAGE = 25
CORRECTIONS_PER_PAGE = 12
VENDORS_PER_PAGE = 15
# Columns of the comparison: more than four versions side by side can't be read.
VERSIONS_SIDE_BY_SIDE = 4


@require_GET
def accuracy(request: OfficeRequest) -> HttpResponse:
    """Say how often the reader was right: by field, week, version, vendor and confidence; and what readers cost."""
    organization = require(request.user, request.organization, "reports")
    filters = Filters.from_query(request.GET)
    figures = Accuracy(request.user, organization, filters)
    report = figures.report()
    target = organization.target_accuracy or organization.accept_threshold
    axis = charts.axis([row.estimate for row in report.fields], target=target)
    vendor_page = Paginator(report.vendors, VENDORS_PER_PAGE).get_page(request.GET.get("vendors"))
    vendor_axis = charts.axis([row.estimate for row in vendor_page], target=target)
    version_axis = charts.axis([row.estimate for row in report.versions], target=target)
    bin_axis = charts.axis(
        [found.true for found in report.bins], lowest=min((found.said for found in report.bins), default=None)
    )
    context = {
        "report": report,
        "filters": filters,
        "choices": figures.choices(),
        "periods": PERIODS,
        "period_label": PERIODS[filters.days],
        "target": target,
        "guarantees": _guarantees(organization),
        "minimum": MINIMUM_CHECKED,
        "axis": axis,
        "fields": [(row, charts.mark(axis, row.estimate)) for row in report.fields],
        "curve": charts.curve(report.weeks, target=target),
        "version_axis": version_axis,
        "versions": [(row, charts.mark(version_axis, row.estimate)) for row in report.versions],
        "side_by_side": _side_by_side(report),
        "vendor_axis": vendor_axis,
        "vendor_page": vendor_page,
        "vendors": [(row, charts.mark(vendor_axis, row.estimate)) for row in vendor_page],
        "bin_axis": bin_axis,
        "bins": [
            (found, charts.mark(bin_axis, found.true), bin_axis.at(found.said)) for found in report.bins
        ],
        "costs": [] if filters.field else costs.by_reader(figures),
        "costs_elsewhere": costs.by_organization(figures),
        **_corrections(figures, request),
    }
    return render(request, "reports/accuracy.html", context)


def _guarantees(organization: Organization) -> dict[str, Any]:
    """Return the target accuracy, the fields and which of them are sure to meet it; empty without a target."""
    if organization.target_accuracy is None:
        return {}
    held = certification.in_force(organization)
    found = held.guarantees() if held else []
    return {
        "target": organization.target_accuracy,
        "meanwhile": organization.accept_threshold,
        "measured": organization.backend == FITTED,
        "met": [one for one in found if one.guarantee.threshold is not None],
        "count": len(certification.CERTIFIED_FIELDS),
    }


def _side_by_side(report: Report) -> dict[str, Any]:
    """Return the versions that read most, as columns, with the fields as rows."""
    read_most = sorted(report.versions, key=lambda row: -row.tally.population)[:VERSIONS_SIDE_BY_SIDE]
    chosen = [number for number, row in enumerate(report.versions) if row in read_most]
    if len(chosen) < 2:
        return {}
    return {
        "columns": [report.versions[number].label for number in chosen],
        "rows": [(label, [rows[number] for number in chosen]) for label, rows in report.versions_by_field],
    }


def _corrections(figures: Accuracy, request: OfficeRequest) -> dict[str, Any]:
    """Return one page of the corrections with the pieces of the pages they were read from."""
    page = Paginator(figures.corrections(), CORRECTIONS_PER_PAGE).get_page(request.GET.get("page"))
    shown = [_correction(decision) for decision in page]
    documents = {correction.decision.item.invoice.document_id for correction in shown}
    sizes: dict[tuple[Any, int | None], tuple[int, int]] = {
        (document, number): (width, height)
        for document, number, width, height in Page.objects.filter(document__in=documents).values_list(
            "document", "number", "width", "height"
        )
    }
    return {
        "correction_page": page,
        "corrections": [
            (
                correction,
                charts.snippet(
                    correction, sizes.get((correction.decision.item.invoice.document_id, correction.page))
                ),
            )
            for correction in shown
        ],
    }


def _correction(decision: Any) -> Correction:
    reading = decision.reading
    return Correction(
        decision=decision,
        label=label_of(decision.field),
        by_chance=not (decision.was_doubtful or decision.was_drawn),
        page=reading.page if reading else None,
        box=reading.box if reading else None,
    )


# --- the same figures as files -------------------------------------------------------------------

ESTIMATE_COLUMNS = ("right", "low", "high", "checked", "values", "noticed_by_chance", "changed_by_office")


@require_GET
def accuracy_csv(request: OfficeRequest, chart: str) -> HttpResponse:
    """Hand out the figures of one chart as CSV, under the same filters as the page."""
    organization = require(request.user, request.organization, "reports")
    figures = Accuracy(request.user, organization, Filters.from_query(request.GET))
    report = figures.report()
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    if chart == "fields":
        columns, rows = ("field", *ESTIMATE_COLUMNS), ([row.key, *_cells(row)] for row in report.fields)
    elif chart == "weeks":
        columns = ("week", *ESTIMATE_COLUMNS, "new_versions")
        rows = ([week.row.key, *_cells(week.row), " ".join(week.new_versions)] for week in report.weeks)
    elif chart == "versions":
        columns, rows = ("version", *ESTIMATE_COLUMNS), ([row.label, *_cells(row)] for row in report.versions)
    elif chart == "vendors":
        columns, rows = ("vendor", *ESTIMATE_COLUMNS), ([row.label, *_cells(row)] for row in report.vendors)
    elif chart == "calibration":
        columns = ("from", "to", "said", "right", "low", "high", "checked", "values")
        rows = (
            [_share(found.low), _share(found.high), _share(found.said), *_estimate_cells(found.true)]
            for found in report.bins
        )
    elif chart == "costs":
        columns = (
            "organization", "reader", "asked", "invoices", "readings", "pages", "seconds",
            "readings_without_price", "currency", "cost", "cost_per_invoice",
        )  # fmt: skip
        rows = costs.cells(costs.by_organization(figures) or costs.by_reader(figures))
    elif chart == "corrections":
        columns = ("when", "invoice", "field", "read", "corrected", "confidence", "noticed_by_chance", "by")
        rows = (
            [
                decision.created.isoformat(timespec="seconds"),
                decision.item.invoice.reference,
                decision.field,
                decision.model_value,
                decision.value,
                _share(decision.confidence),
                "no" if decision.was_doubtful or decision.was_drawn else "yes",
                decision.user.get_username(),
            ]
            for decision in figures.corrections().iterator(chunk_size=2000)
        )
    else:
        raise Http404(f"There is no chart “{chart}”.")
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="accuracy-{chart}.csv"'},
    )
    writer = csv.writer(response)
    writer.writerow(columns)
    writer.writerows([safe_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return response


def _cells(row: Row) -> list[Any]:
    if row.estimate is None:
        cells = ["", "", "", row.tally.checked, row.tally.population]
    else:
        cells = _estimate_cells(row.estimate)
    return [*cells, row.tally.by_chance, row.tally.business]


def _estimate_cells(found: Estimate) -> list[Any]:
    return [_share(found.share), _share(found.low), _share(found.high), found.checked, found.population]


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.4f}"


# --- trials of readers -----------------------------------------------------------------------------


@require_GET
def trial(request: OfficeRequest) -> HttpResponse:
    """Compare the usual reader with a challenger: the newest trial, or the one asked for."""
    organization = require(request.user, request.organization, "administer")
    return _trial_page(request, organization, TrialForm(organization=organization))


@require_POST
def start_trial(request: OfficeRequest) -> HttpResponse:
    """Begin a trial."""
    organization = require(request.user, request.organization, "administer")
    form = TrialForm(request.POST, organization=organization)
    if form.is_valid():
        try:
            begun = reader_trials.start(
                organization,
                challenger=form.cleaned_data["challenger"],
                kind=form.cleaned_data["kind"],
                share=form.cleaned_data["percent"] / 100,
                user=request.user,
            )
        except reader_trials.TrialRefused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"The trial has begun: {begun}. It is about what is read from now on.")
            return redirect("reports:trial")
    return _trial_page(request, organization, form)


@require_POST
def end_trial(request: OfficeRequest, pk: int) -> HttpResponse:
    """End a trial; what it brought stays."""
    organization = require(request.user, request.organization, "administer")
    found = get_object_or_404(Trial.objects.visible_to(request.user, organization), pk=pk)
    if reader_trials.end(found, user=request.user):
        messages.success(request, "The trial has ended. All documents go to the usual reader again.")
    else:
        messages.error(request, "The trial had ended already.")
    return redirect("reports:trial")


def _trial_page(request: OfficeRequest, organization: Organization, form: TrialForm) -> HttpResponse:
    listed = trials.listed(request.user, organization)
    wanted = request.GET.get("trial", "")
    shown = next((one for one in listed if str(one.pk) == wanted), None)
    if wanted and shown is None:
        raise Http404("There is no such trial among the newest ones.")
    shown = shown or next(iter(listed), None)
    report = trials.report(shown) if shown else None
    context: dict[str, Any] = {
        "form": form,
        "usual_reader": registry.TITLES.get(organization.backend, organization.backend),
        "listed": listed,
        "open": next((one for one in listed if one.ended is None), None),
        "report": report,
        "minimum": MINIMUM_CHECKED,
        "decided_at": DECIDED_AT,
    }
    if report:
        rows = [report.overall, *report.fields]
        axis = charts.axis([found for row in rows for found in (row.champion, row.challenger)])
        context["axis"] = axis
        context["rows"] = [
            (row, charts.mark(axis, row.champion), charts.mark(axis, row.challenger)) for row in rows
        ]
    return render(request, "reports/trial.html", context)


# --- does it run? ----------------------------------------------------------------------------------


@require_GET
def operations_page(request: OfficeRequest) -> HttpResponse:
    """Say what waits, runs and failed, how long reading takes and which clusters live.

    The figures are a fragment that the page asks for again; the list of what was given up
    stays as it is, so that no button moves away under the pointer.
    """
    organization = require(request.user, request.organization, "administer")
    context: dict[str, Any] = {
        "queue": operations.queue(request.user, organization),
        "speeds": operations.speeds(request.user, organization),
        "signs": operations.signs_of_life(),
        "unserved": operations.unserved(request.user, organization),
        "gpu_queue": settings.GPU_QUEUE,
        "refused": operations.refused(request.user, organization),
        "disk": operations.disk(request.user, organization),
    }
    if request.headers.get("HX-Request"):
        return render(request, "reports/_operations.html", context)
    page = Paginator(operations.dead(request.user, organization), DEAD_PER_PAGE).get_page(
        request.GET.get("page")
    )
    context |= {"page": page, "dead": [(item, operations.may_try_again(item.invoice)) for item in page]}
    return render(request, "reports/operations.html", context)


@require_POST
def try_again(request: OfficeRequest, pk: UUID) -> HttpResponse:
    """Send an invoice that the reader gave up on through the reader once more."""
    organization = require(request.user, request.organization, "administer")
    invoice = get_object_or_404(
        Invoice.objects.visible_to(request.user, organization).select_related("organization"), pk=pk
    )
    try:
        with transaction.atomic():
            pipeline.read_again(invoice, user=request.user)
    except WrongStatus as error:
        messages.error(request, f"{invoice} is not read again: {error}")
    else:
        messages.success(request, f"{invoice} will be read again.")
    return redirect("reports:operations")
