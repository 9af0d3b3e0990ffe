"""Settings of an organization: when it reads, its people, its jobs, its vendors."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.forms import ModelForm
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from extraction import budget, registry, routing
from extraction.backends.generative.prompts import own_prompt
from extraction.guarantee import needed
from extraction.models import Prompt
from extraction.schema import OwnPrompt, ReaderError
from extraction.services import FITTED, PromptRefused, save_prompt
from invoiceapp.records.access import OfficeRequest, require
from invoiceapp.records.models import Invoice, Job, Membership, Organization, Vendor
from invoiceapp.web.forms import (
    JobForm,
    PersonForm,
    PromptForm,
    ReadingSettingsForm,
    VendorForm,
    dearer_readers,
)
from invoiceapp.work import services as work
from review import certification

PER_PAGE = 50
# What counts as billed on a job: what was approved, whether exported yet or not.
BILLED = Q(invoices__status__in=[Invoice.Status.APPROVED, Invoice.Status.EXPORTED])


@require_http_methods(["GET", "POST"])
def reading_settings(request: OfficeRequest) -> HttpResponse:
    """Let an administrator say when invoices are read and how sure the reader must be."""
    organization = require(request.user, request.organization, "administer")
    form = ReadingSettingsForm(request.POST or None, instance=organization)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            organization = form.save()
            work.reschedule(organization)
            certification.certify(organization)
        messages.success(request, "Saved. Invoices that are waiting follow the new times.")
        return redirect("settings")
    if form.errors:
        organization.refresh_from_db()  # the frame shows what holds, not what was refused
    context = {
        "form": form,
        "section": "settings",
        "target": organization.target_accuracy,
        "certification": certification.in_force(organization),
        "documents_needed": _documents_needed(organization),
        "measured": organization.backend == FITTED,
        "notes": routing.notes(organization),
        "budget": _budget(organization),
    }
    return render(request, "web/settings.html", context)


def _budget(organization: Organization) -> dict[str, Any]:
    """Return the day's spending; empty where no reader is set up that costs, and no limit was ever set."""
    spent = budget.spent_today(organization)
    limited = organization.daily_money is not None or organization.daily_seconds is not None
    readers = dearer_readers()
    if not (readers or limited or spent.seconds):
        return {}
    seconds_left = None if organization.daily_seconds is None else organization.daily_seconds - spent.seconds
    return {
        "spent": spent,
        "currency": settings.PRICE_CURRENCY,
        "readers": [registry.TITLES[name] for name in readers],
        "without_price": [registry.TITLES[name] for name in readers if not registry.price(name).is_stated],
        # What is set aside for one page, so that nobody sets a limit under which nothing passes.
        "too_little": [
            registry.TITLES[name]
            for name in readers
            if seconds_left is not None and budget.estimate(name, 1)[1] > seconds_left
        ],
        "at_a_time": max((budget.estimate(name, 1)[1] for name in readers), default=0.0),
    }


def _documents_needed(organization: Organization) -> int | None:
    """Return about how many documents bring one field's first guarantee; None if nothing is drawn or asked for."""
    if organization.target_accuracy is None or not organization.audit_share:
        return None
    return math.ceil(needed(organization.target_accuracy) / organization.audit_share / 10) * 10


@require_http_methods(["GET", "POST"])
def prompt(request: OfficeRequest) -> HttpResponse:
    """Let an administrator see what large models are asked, look at the whole question, and write a new version."""
    organization = require(request.user, request.organization, "administer")
    versions = Prompt.objects.visible_to(request.user, organization).select_related("author")
    newest = versions.first()
    try:
        shipped, fields = registry.prompt_for(organization.backend)
        trouble = ""
    except ReaderError as error:
        shipped, fields, trouble = "", (), str(error)
    based_on = newest.version if newest else 0
    shown, opened = "", None
    if request.method == "POST" and request.POST.get("action") == "shipped":
        return _save_prompt(request, organization, "", request.POST.get("based_on", ""))
    if request.method == "POST":
        form = PromptForm(request.POST)
        if form.is_valid():
            text = form.cleaned_data["text"]
            if request.POST.get("action") == "preview":
                shown = own_prompt(OwnPrompt(based_on + 1, text), fields).text
            else:
                try:
                    saved = save_prompt(
                        organization, text, author=request.user, based_on=form.cleaned_data["based_on"]
                    )
                except PromptRefused as error:
                    form.add_error("text", str(error))
                else:
                    messages.success(
                        request, f"Version {saved.version} is in use for everything read from now on."
                    )
                    return redirect("prompt")
    else:
        if (asked := request.GET.get("version", "")).isdigit():
            opened = get_object_or_404(versions, version=int(asked[:9]))
        held = opened or newest
        text = held.text if held and held.text else shipped
        form = PromptForm(initial={"text": text, "based_on": based_on})
    context = {
        "form": form,
        "section": "prompt",
        "newest": newest,
        "opened": opened,
        "shown": shown,
        "trouble": trouble,
        "reader": registry.TITLES.get(organization.backend, organization.backend),
        "asks_a_model": registry.asks_a_model(organization.backend),
        "page": Paginator(versions, PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "web/prompt.html", context)


def _save_prompt(
    request: OfficeRequest, organization: Organization, text: str, based_on: str
) -> HttpResponse:
    try:
        saved = save_prompt(
            organization,
            text,
            author=request.user,
            based_on=int(based_on[:9]) if based_on.isdigit() else 0,
        )
    except PromptRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The shipped prompt is in use again, as version {saved.version}.")
    return redirect("prompt")


@require_http_methods(["GET", "POST"])
def people(request: OfficeRequest) -> HttpResponse:
    """List the organization's people with their roles; add, change, remove."""
    organization = require(request.user, request.organization, "administer")
    form = PersonForm()
    if request.method == "POST":
        if request.POST.get("action") == "roles":
            return _change_roles(request, organization)
        form = PersonForm(request.POST)
        if form.is_valid():
            data = form.cleaned_data
            with transaction.atomic():
                user = get_user_model().objects.create_user(
                    data["username"],
                    password=data["password"],
                    first_name=data["first_name"],
                    last_name=data["last_name"],
                )
                _set_roles(organization, user, data["roles"])
            messages.success(request, f"{user.username} can sign in now.")
            return redirect("people")
    users = (
        get_user_model()
        .objects.filter(memberships__organization=organization)
        .distinct()
        .prefetch_related("memberships")
        .order_by("username")
    )
    page = Paginator(users, PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        (user, {m.role for m in user.memberships.all() if m.organization_id == organization.pk})
        for user in page
    ]
    context = {
        "form": form,
        "page": page,
        "rows": rows,
        "roles": Membership.Role.choices,
        "section": "people",
    }
    return render(request, "web/people.html", context)


def _set_roles(organization: Organization, user: Any, roles: list[str]) -> None:
    Membership.objects.filter(organization=organization, user=user).exclude(role__in=roles).delete()
    for role in roles:
        Membership.objects.get_or_create(organization=organization, user=user, role=role)


def _change_roles(request: OfficeRequest, organization: Organization) -> HttpResponse:
    user = get_object_or_404(
        get_user_model().objects.filter(memberships__organization=organization).distinct(),
        pk=request.POST.get("user"),
    )
    chosen = [role for role in request.POST.getlist("roles") if role in Membership.Role.values]
    others = Membership.objects.filter(organization=organization, role=Membership.Role.ADMINISTRATOR).exclude(
        user=user
    )
    if Membership.Role.ADMINISTRATOR not in chosen and not others.exists():
        messages.error(request, "Somebody must stay administrator. Make another person one first.")
        return redirect("people")
    with transaction.atomic():
        _set_roles(organization, user, chosen)
    messages.success(
        request,
        f"Roles of {user.username} saved." if chosen else f"{user.username} has no access here any more.",
    )
    return redirect("people")


@require_http_methods(["GET", "POST"])
def jobs(request: OfficeRequest) -> HttpResponse:
    """List jobs with what was estimated and what was billed; add or change one."""
    require(request.user, request.organization, "administer")
    rows = (
        Job.objects.visible_to(request.user, request.organization)
        .annotate(billed=Sum("invoices__total", filter=BILLED))
        .order_by("-is_open", "number")
    )
    return _edit_list(request, rows, Job, JobForm, "jobs", "web/jobs.html", ("number", "name"))


@require_http_methods(["GET", "POST"])
def vendors(request: OfficeRequest) -> HttpResponse:
    """List vendors; add or change one."""
    require(request.user, request.organization, "administer")
    rows = (
        Vendor.objects.visible_to(request.user, request.organization)
        .annotate(invoice_count=Count("invoices"))
        .order_by("name")
    )
    return _edit_list(request, rows, Vendor, VendorForm, "vendors", "web/vendors.html", ("name",))


def _edit_list(
    request: OfficeRequest,
    rows: Any,
    model: type[Any],
    form_class: type[ModelForm],
    section: str,
    template: str,
    searched: tuple[str, ...],
) -> HttpResponse:
    """Serve a searchable list beside a form that adds a row or, with ?edit=id, changes one."""
    organization = request.organization
    edited = None
    if (edit := request.GET.get("edit", "")).isdigit():
        edited = get_object_or_404(model.objects.visible_to(request.user, organization), pk=edit)
    instance = edited or model(organization=organization)
    form = form_class(request.POST or None, instance=instance)
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, f"{saved} saved.")
        return redirect(section)
    query = request.GET.get("q", "").strip()
    if query:
        wanted = Q()
        for name in searched:
            wanted |= Q(**{f"{name}__icontains": query})
        rows = rows.filter(wanted)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request, template, {"form": form, "page": page, "edited": edited, "query": query, "section": section}
    )
