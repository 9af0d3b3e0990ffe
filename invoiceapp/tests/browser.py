"""A real Chromium for the tests that look at pages as people do (marker `browser`)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

HOW_TO_GET_ONE = (
    "Install one (Debian: apt-get install chromium) or name it: CHROMIUM=/path/to/chromium make test"
)


def find_chromium() -> str | None:
    """Return the path of a Chromium on this machine; CHROMIUM in the environment wins."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running Chromium; tests that ask for it are skipped, loudly, where there is none."""
    path = find_chromium()
    if path is None:
        pytest.skip(f"No Chromium was found. {HOW_TO_GET_ONE}")
    from playwright.sync_api import sync_playwright

    # Playwright's event loop makes Django think that the test itself is asynchronous; it is not.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, live_server: Any) -> Iterator[Callable[..., Any]]:
    """Open a page of the site: ``open_page(user, "/upload/", width=390, height=844, dark=False, javascript=True)``.

    What the page complained about (errors, blocked scripts) is checked at the end of the test.
    """
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_as(
        user: Any,
        path: str = "/",
        *,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        javascript: bool = True,
        address: str | None = None,
        **options: Any,
    ) -> Any:
        base = address or live_server.url
        context = chromium.new_context(
            base_url=base,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            java_script_enabled=javascript,
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        if user is not None:
            client = Client()
            client.force_login(user)
            value = client.cookies[django_settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": value, "url": base}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: (
                complaints.append(f"console: {message.text}")
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )
        page.goto(path)
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert complaints == []


def axe_violations(page: Any) -> list[str]:
    """Return what axe finds wrong with the page (WCAG 2 A and AA, best practices), one line per element."""
    import axe_core_python

    # Evaluated from outside, so the site's content security policy stays in force.
    page.evaluate((Path(axe_core_python.__file__).parent / "axe.min.js").read_text())
    result = page.evaluate("async () => await axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say loudly that pages were not looked at."""
    if find_chromium() is None:
        terminalreporter.section("BROWSER TESTS DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(f"No Chromium was found. {HOW_TO_GET_ONE}")
