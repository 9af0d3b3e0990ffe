"""What the tests of the review share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from invoiceapp.records.models import Organization
from review import services
from review.models import Item
from review.tests.factories import make_invoice, make_run

DOUBT = {"total": "71 %: written twice, 1,450 and 1,950"}


@pytest.fixture(autouse=True)
def _nothing_is_sampled(organization: Organization) -> None:
    """A test that is about the sample asks for it."""
    organization.audit_share = 0.0
    organization.save()


@pytest.fixture
def clerk(make_user: Any, organization: Organization) -> Any:
    """A colleague who checks invoices and may not approve them."""
    return make_user("dana", organization, "clerk")


@pytest.fixture
def make_item(organization: Organization, alice: Any) -> Callable[..., Item]:
    """Bring an invoice with a doubtful total into the queue."""

    def make(*, pages: int = 1, stated_total: Any = None, stated_work_order: str = "", **read: Any) -> Item:
        invoice = make_invoice(
            organization, alice, pages=pages, stated_total=stated_total, stated_work_order=stated_work_order
        )
        item = services.route(make_run(invoice, **{"doubts": DOUBT, **read}))
        assert item is not None
        return item

    return make


@pytest.fixture
def item(make_item: Callable[..., Item]) -> Item:
    return make_item()
