"""Signing in."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from conftest import PASSWORD
from invoiceapp.web.signin import ATTEMPTS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forgotten_attempts() -> None:
    cache.clear()


def sign_in(password: str, name: str = "alice") -> Any:
    return Client().post("/sign-in/", {"username": name, "password": password})


def test_right_password_opens_the_start_page(alice: Any) -> None:
    assert sign_in(PASSWORD).headers["Location"] == "/"


def test_wrong_password_says_so_without_saying_which_part(alice: Any) -> None:
    assert "don’t go together" in sign_in("wrong").text
    assert "don’t go together" in sign_in("wrong", name="nobody").text


def test_guessing_ends_in_a_pause_that_even_the_right_password_does_not_lift(alice: Any, bob: Any) -> None:
    for _ in range(ATTEMPTS):
        sign_in("wrong")
    assert "Too many wrong passwords" in sign_in(PASSWORD).text
    assert sign_in(PASSWORD, name="bob").status_code == 302, "another person is not held up"


def test_every_page_asks_for_a_sign_in() -> None:
    for address in ("/", "/invoices/", "/settings/", "/upload/"):
        assert Client().get(address).headers["Location"].startswith("/sign-in/"), address
