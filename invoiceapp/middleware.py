"""Who is asking, and for which organization."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from invoiceapp.records.models import Organization
from invoiceapp.work import reading_times

SESSION_KEY = "organization"


class OrganizationMiddleware:
    """Set ``request.organization``: the one chosen in the session, else the user's first, else None.

    Times are shown in its time zone.

    Membership is asked for anew at every request, so that a person who leaves
    an organization is out at once.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.organization = None  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            mine = (
                Organization.objects.filter(memberships__user=request.user).distinct().order_by("name", "pk")
            )
            chosen = request.session.get(SESSION_KEY)
            organization = mine.filter(pk=chosen).first() if chosen else None
            request.organization = organization = organization or mine.first()  # type: ignore[attr-defined]
            if organization is not None:
                with timezone.override(reading_times.zone(organization)):
                    return self.get_response(request)
        return self.get_response(request)
