"""Who may see and do what: the one place where tenant isolation lives.

Every query that a user's request causes starts from `visible_to`; every view
that changes something asks `require`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest

if TYPE_CHECKING:
    from invoiceapp.records.models import Organization

UPLOADER, CLERK, APPROVER, BOOKKEEPER, ADMINISTRATOR = (
    "uploader",
    "clerk",
    "approver",
    "bookkeeper",
    "administrator",
)
# Roles that see every invoice of their organization. An uploader may be a
# subcontractor: it sees its own uploads and nobody else's.
OFFICE_ROLES = frozenset({CLERK, APPROVER, BOOKKEEPER, ADMINISTRATOR})

# What each role may do; an administrator may do everything.
CAPABILITIES: dict[str, frozenset[str]] = {
    "upload": frozenset({UPLOADER, CLERK, APPROVER, BOOKKEEPER, ADMINISTRATOR}),
    "review": frozenset({CLERK, ADMINISTRATOR}),
    "approve": frozenset({APPROVER, ADMINISTRATOR}),
    "export": frozenset({BOOKKEEPER, ADMINISTRATOR}),
    "reports": frozenset({APPROVER, ADMINISTRATOR}),
    "administer": frozenset({ADMINISTRATOR}),
}


class OfficeRequest(HttpRequest):
    """A request as views get it: somebody is signed in, and works for an organization if they belong to one."""

    user: Any
    organization: Organization | None


def roles(user: Any, organization: Organization | None) -> frozenset[str]:
    """Return the roles that the user holds in the organization; empty for strangers."""
    if organization is None or not user.is_authenticated:
        return frozenset()
    cache: dict[int, frozenset[str]] = user.__dict__.setdefault("_roles", {})
    if organization.pk not in cache:
        cache[organization.pk] = frozenset(
            user.memberships.filter(organization=organization).values_list("role", flat=True)
        )
    return cache[organization.pk]


def may(user: Any, organization: Organization | None, capability: str) -> bool:
    """Say whether the user may do something (a key of `CAPABILITIES`) in the organization."""
    return bool(roles(user, organization) & CAPABILITIES[capability])


def require(user: Any, organization: Organization | None, capability: str) -> Organization:
    """Return the organization if the user may do it (a key of `CAPABILITIES`) there.

    :raises PermissionDenied: if not.
    """
    if organization is None or not may(user, organization, capability):
        raise PermissionDenied(f"Your role does not allow this ({capability}). Ask an administrator for it.")
    return organization


def organizations_where(user: Any, capability: str) -> models.QuerySet[Organization]:
    """Return the organizations in which the user may do something (a key of `CAPABILITIES`), by name."""
    from invoiceapp.records.models import Organization

    held = {"memberships__user": user, "memberships__role__in": CAPABILITIES[capability]}
    return Organization.objects.filter(**held).distinct().order_by("name", "pk")


class VisibleQuerySet(models.QuerySet[Any]):
    """A queryset that knows whose eyes it is for.

    Works for every model with `organization`; rows that have `uploaded_by` are
    narrowed to the user's own where the user is nothing but an uploader.
    """

    def visible_to(self, user: Any, organization: Organization | None) -> VisibleQuerySet:
        """Return the rows of the organization that the user may see."""
        held = roles(user, organization)
        if not held:
            return self.none()
        rows = self.filter(organization=organization)
        if held & OFFICE_ROLES:
            return rows
        names = {f.name for f in self.model._meta.get_fields()}
        return rows.filter(uploaded_by=user) if "uploaded_by" in names else rows.none()
