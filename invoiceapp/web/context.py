"""What every page needs for its frame: who is signed in, and where they may go."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from invoiceapp.records.access import CAPABILITIES, may

# Label, url name, the capability it needs ("" for everybody), in the order in which an invoice passes them.
LINKS = (
    ("Upload", "intake:upload", "upload"),
    ("Invoices", "invoices", ""),
    ("Check", "review:queue", "review"),
    ("Approve", "approval:list", "approve"),
    ("Export", "exports:ready", "export"),
    ("Accuracy", "reports:accuracy", "reports"),
    ("Operations", "reports:operations", "administer"),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Give templates `organization`, `may` (capability -> bool) and `navigation`, the links of the frame."""
    organization = getattr(request, "organization", None)
    if organization is None:
        return {"organization": None, "may": {}, "navigation": []}
    allowed = {capability: may(request.user, organization, capability) for capability in CAPABILITIES}

    def links() -> list[dict[str, Any]]:
        found = []
        for label, name, capability in LINKS:
            if not capability or allowed[capability]:
                url = reverse(name)
                found.append({"label": label, "url": url, "current": request.path.startswith(url)})
        return found

    return {
        "organization": organization,
        "may": allowed,
        "navigation": SimpleLazyObject(links),
    }
