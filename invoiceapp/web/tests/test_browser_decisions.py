"""Reports, approval and exports in a real browser: accessible in every dress, and by keyboard alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from invoiceapp.exports import services as exports
from invoiceapp.records.models import Invoice
from invoiceapp.reports.tests.rows import fill
from invoiceapp.tests.browser import axe_violations
from invoiceapp.tests.rows import make_invoice
from invoiceapp.work.models import WorkItem
from review.models import Item
from review.tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Status = Invoice.Status
PAGES = ("/reports/accuracy/", "/reports/operations/", "/approve/", "/exports/", "/exports/batches/")


def statuses() -> list[str]:
    return list(Invoice.objects.order_by("reference").values_list("status", flat=True))


@pytest.fixture
def busy_office(alice: Any, organization: Any) -> None:
    """Something on every page."""
    pictured = factories.make_invoice(organization, alice, pages=1)
    fill(organization, alice, invoices=150, picture=pictured.document.pages.get().picture.name)
    make_invoice(organization, alice, stated_total=Decimal("1400.00"))
    make_invoice(organization, alice, status=Status.APPROVED)
    batch = exports.export_ready(organization, user=alice)
    exports.export_again(batch, user=alice, reason="Disk died")
    make_invoice(organization, alice, status=Status.APPROVED)
    WorkItem.objects.create(
        organization=organization,
        invoice=make_invoice(organization, alice, status=Status.REVIEW),
        queue="invoices",
        status=WorkItem.Status.DEAD,
        last_error="The file is damaged.",
        finished=pictured.created,
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_full_pages_are_accessible_and_fit(
    alice: Any, busy_office: None, open_page: Any, dark: bool, width: int
) -> None:
    page = open_page(alice, "/", width=width, dark=dark)
    decline = f"/approve/{Invoice.objects.filter(status=Status.TO_APPROVE).last().pk}/decline/"
    for address in (*PAGES, "/exports/batches/2/", decline):
        page.goto(address)
        assert axe_violations(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{address} scrolls sideways"
        )


def test_empty_pages_are_accessible(alice: Any, open_page: Any) -> None:
    page = open_page(alice, "/")
    for address in PAGES:
        page.goto(address)
        assert axe_violations(page) == [], address


def test_approving_and_sending_back_without_the_mouse(alice: Any, organization: Any, open_page: Any) -> None:
    for _ in range(3):
        make_invoice(organization, alice)
    page = open_page(alice, "/approve/")
    page.keyboard.press("j")
    page.keyboard.press("a")
    page.get_by_text("1 invoice approved.").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.keyboard.type("Wrong job, ask again")
    page.keyboard.press("Tab")  # Cancel
    page.keyboard.press("Tab")  # Reject for good
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("went back to be corrected.").wait_for()
    assert statuses() == [Status.APPROVED, Status.TO_APPROVE, Status.REVIEW]
    assert Item.objects.get().explanation == "Wrong job, ask again"
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/invoices/**")


def test_ticking_with_x_and_approving_together(alice: Any, organization: Any, open_page: Any) -> None:
    for _ in range(3):
        make_invoice(organization, alice)
    page = open_page(alice, "/approve/")
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    assert page.get_by_text("2 ticked").is_visible()
    page.get_by_role("button", name="Approve the ticked").press("Enter")
    page.get_by_text("2 invoices approved.").wait_for()
    assert statuses() == [Status.APPROVED, Status.APPROVED, Status.TO_APPROVE]


def test_without_javascript_everything_can_be_decided(alice: Any, organization: Any, open_page: Any) -> None:
    for _ in range(2):
        make_invoice(organization, alice)
    page = open_page(alice, "/approve/", javascript=False)
    page.get_by_role("button", name="Approve invoice 1001").click()
    page.get_by_text("1 invoice approved.").wait_for()
    page.get_by_role("link", name="Decline… invoice 1002").click()
    page.get_by_label("What is wrong?").fill("Paid already")
    page.get_by_role("button", name="Reject for good").click()
    page.get_by_text("is rejected.").wait_for()
    page.goto("/exports/")
    page.get_by_role("button", name="Export all 1").click()
    page.get_by_text("Batch 1 is ready").wait_for()
    assert statuses() == [Status.EXPORTED, Status.REJECTED]


def test_a_filter_of_the_report_stands_in_the_address(alice: Any, busy_office: None, open_page: Any) -> None:
    page = open_page(alice, "/reports/accuracy/")
    page.get_by_label("Field", exact=True).select_option("total")
    page.wait_for_url("**field=total**")
    assert page.get_by_role("heading", name="By week").is_visible()
    assert not page.get_by_role("heading", name="By field").is_visible()
