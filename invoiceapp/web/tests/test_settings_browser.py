"""The settings page as an administrator uses it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from invoiceapp.records.models import Organization
from invoiceapp.tests.browser import axe_violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_second_reader_is_chosen_and_its_notes_are_read(
    width: int, height: int, open_page: Any, alice: Any, organization: Organization, settings: Any
) -> None:
    settings.READERS = {
        **settings.READERS,
        "openai_server": {**settings.READERS["openai_server"], "url": "http://127.0.0.1:9/v1", "model": "m"},
    }
    page = open_page(alice, "/settings/", width=width, height=height)
    second = page.get_by_label("Second reader")
    expect(second).to_be_hidden()  # nobody is asked yet
    page.get_by_label("Checks every value").check()
    second.select_option("A model on another server")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("No daily budget is set")).to_be_visible()
    expect(page.get_by_label("Second reader")).to_have_value("openai_server")
    page.goto("/settings/")  # without the message about saving
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    organization.refresh_from_db()
    assert organization.reading_policy == Organization.ReadingPolicy.VERIFY
