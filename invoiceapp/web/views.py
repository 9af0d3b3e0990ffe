"""Pages that belong to no single part of the site."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def home(request: HttpRequest) -> HttpResponse:
    """Say what waits for the person signed in, by role."""
    return render(request, "web/home.html")


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the site and its database work; for load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
