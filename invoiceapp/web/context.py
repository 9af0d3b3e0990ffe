"""What every page needs for its frame: who is signed in, and where they may go."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from invoiceapp.records.access import CAPABILITIES, may


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Give templates `organization` and `may`, a mapping capability -> bool for the person signed in."""
    organization = getattr(request, "organization", None)
    if organization is None:
        return {"organization": None, "may": {}}
    return {
        "organization": organization,
        "may": {capability: may(request.user, organization, capability) for capability in CAPABILITIES},
    }
