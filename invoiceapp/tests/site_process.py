"""The site as a process of its own, for tests that must be able to kill it."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings


class Site:
    """The site as its own process on a database file of its own, so that it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.database = folder / "invoices.sqlite3"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
            "DATABASE_URL": f"sqlite:///{self.database}",
            "VAR_DIR": str(folder),
            "SITE_URL": self.url,
            "QUEUE_BROKER": "orm",
            "STORAGE": "local",
            "REDIS_URL": "",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> None:
        """Run a management command to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the web process and wait until it answers."""
        log = (self.folder / "web.log").open("ab")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "invoiceapp.wsgi"),
                *("--bind", f"127.0.0.1:{self.port}", "--workers", "1", "--threads", "6"),
            ],
            cwd=settings.BASE_DIR,
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AssertionError(f"The site did not start: {(self.folder / 'web.log').read_text()[-2000:]}")

    def kill(self) -> None:
        """End the web process and its workers at once, in the middle of whatever they do."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read the site's database."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def sign_in(self, page: Any, username: str) -> None:
        """Sign in as one of the demonstration's people."""
        page.goto(f"{self.url}/sign-in/")
        page.fill("[name=username]", username)
        page.fill("[name=password]", f"hill-street-{username}")
        page.press("[name=password]", "Enter")
        page.wait_for_url(re.compile(rf"^{re.escape(self.url)}/(?!sign-in)"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: Any) -> Iterator[Site]:
    """A running site with the demonstration's people, jobs and vendors, and no invoices."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.manage("migrate", "--verbosity", "0")
    site.manage("createcachetable")
    site.manage("demonstrate", "--without-invoices")
    site.start()
    yield site
    site.kill()
