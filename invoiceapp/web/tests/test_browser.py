"""The frame, the lists and the settings in a real browser: accessible, in both themes, on a phone."""

from __future__ import annotations

from typing import Any

import pytest

from invoiceapp.tests.browser import axe_violations
from review.certification import certify
from review.tests.rows import checked

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = (
    "/",
    "/invoices/",
    "/settings/",
    "/settings/prompt/",
    "/settings/people/",
    "/settings/jobs/",
    "/settings/vendors/",
)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible_and_fit(
    alice: Any, make_invoice: Any, open_page: Any, dark: bool, width: int
) -> None:
    invoice = make_invoice(alice, vendor_name="Acme Concrete & Paving of Springfield", total="1450.00")
    page = open_page(alice, "/", width=width, dark=dark)
    for address in (*PAGES, f"/invoices/{invoice.pk}/", "/nowhere/"):
        page.goto(address)
        assert axe_violations(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{address} scrolls sideways"
        )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_guarantees_are_accessible_and_fit(
    alice: Any, organization: Any, open_page: Any, dark: bool, width: int
) -> None:
    organization.target_accuracy, organization.audit_share = 0.98, 1.0
    organization.save()
    checked(
        organization, alice, [("total", 0.91, True)] * 150 + [("due_date", 0.97, n > 1) for n in range(40)]
    )
    certify(organization)
    page = open_page(alice, "/settings/", width=width, dark=dark)
    assert page.get_by_text("at least 98").count() == 1
    assert page.get_by_text("no guarantee: 95").count() == 1
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_prompt_is_written_looked_at_and_kept(alice: Any, open_page: Any, dark: bool, width: int) -> None:
    page = open_page(alice, "/settings/prompt/", width=width, dark=dark)
    text = page.get_by_label("Text")
    text.fill(text.input_value().replace("$lines", ""))
    page.get_by_role("button", name="Save as a new version").click()
    assert page.get_by_text("$lines is missing").is_visible()
    assert axe_violations(page) == []
    text.fill(text.input_value() + "\n\n$lines\n\nOur painters write totals as 1,200-.")
    page.get_by_role("button", name="Show the whole question").click()
    assert "- invoice_number: " in page.locator("pre").inner_text()
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Save as a new version").click()
    assert page.get_by_text("Version 1 is in use for everything read from now on.").is_visible()
    page.get_by_role("link", name="1", exact=True).click()
    assert "Our painters" in page.get_by_label("Text").input_value()
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Go back to the shipped prompt").click()
    assert "Our painters" not in page.get_by_label("Text").input_value()


def test_sign_in_page_is_accessible(open_page: Any) -> None:
    assert axe_violations(open_page(None, "/sign-in/")) == []


def test_theme_stays_as_chosen(alice: Any, open_page: Any) -> None:
    page = open_page(alice)
    page.get_by_text("alice", exact=True).click()
    page.get_by_role("button", name="Light or dark").click()
    page.goto("/invoices/")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_reading_settings_show_what_belongs_to_the_choice(alice: Any, open_page: Any) -> None:
    page = open_page(alice, "/settings/")
    assert not page.get_by_role("textbox", name="Times of the day").is_visible()
    page.get_by_label("At fixed times of the day").check()
    page.get_by_role("textbox", name="Times of the day").fill("25:00")
    page.get_by_role("button", name="Save").click()
    assert page.get_by_text("“25:00” is not a time").is_visible()
    page.get_by_role("textbox", name="Times of the day").fill("17:00, 07:30")
    page.get_by_role("button", name="Save").click()
    assert page.get_by_text("follow the new times").is_visible()
    assert page.get_by_role("textbox", name="Times of the day").input_value() == "07:30, 17:00"
