"""The site as real processes: its own database, files and queue, commands and workers started by hand.

Run as a program (`python -m invoiceapp.tests.site COMMAND`) it does inside
the site what a test asks for; the test process itself never touches that database.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest

from invoiceapp.tests.servers import environment

# These tests bring database and queue of their own: a second run of all tests on PostgreSQL shows nothing new.
runs_once = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="brings a database of its own")
ROOT = Path(__file__).resolve().parents[2]


class Site:
    """One installation in a folder of its own.

    :param variables: environment variables that configure it, as docs/operations.md lists them.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.environment = environment(
            VAR_DIR=str(folder / "var"), PYTHONUNBUFFERED="1", PYTHONDONTWRITEBYTECODE="1", **variables
        )
        self.log = folder / "site.log"

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def ask(self, command: str, *arguments: object) -> Any:
        """Let a function of this module run inside the site; returns what it returns."""
        done = subprocess.run(
            [sys.executable, "-m", "invoiceapp.tests.site", command, *map(str, arguments)],
            cwd=ROOT,
            env=self.environment | {"DJANGO_SETTINGS_MODULE": "invoiceapp.settings", "LOG_LEVEL": "WARNING"},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{command} failed:\n{done.stdout}\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    @contextmanager
    def running(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program of the site; at the end it is stopped, and killed with all it started if it does not."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process
        finally:
            family = descendants(process.pid)
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
            for member in family:
                kill(member, wait=False)

    def worker(self, *options: str) -> Any:
        """Run `manage.py worker`."""
        return self.running(sys.executable, "manage.py", "worker", *options)

    def said(self) -> str:
        """Return everything that its processes have logged."""
        return self.log.read_text(errors="replace")


def descendants(pid: int) -> list[psutil.Process]:
    """Return the process and everything it started, as far as it is still known."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(process: psutil.Process, *, wait: bool = True) -> None:
    """Kill a process with -9, if it is still there; until it is gone it would still look like one at work."""
    with suppress(psutil.NoSuchProcess):
        process.kill()
        while wait and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.05)


def workers_of(supervisor: subprocess.Popen[bytes], *, state: str) -> list[psutil.Process]:
    """Return the cluster's workers that are idle, or that are processing something (django-q2 names them so)."""
    found = []
    for process in descendants(supervisor.pid):
        try:
            title = " ".join(process.cmdline())
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if title.startswith("qcluster") and f" {state}" in title:
            found.append(process)
    return found


@contextmanager
def installed(folder: Path, **variables: str) -> Iterator[Site]:
    """Prepare a site; at the end no process of it may be left."""
    site = Site(folder, **variables)
    if "DATABASE_URL" not in variables:
        shutil.copytree(_prepared(), folder / "var")
    if variables.keys() & {"DATABASE_URL", "QUEUE_BROKER", "STORAGE"}:
        site.manage("prepare")
    try:
        yield site
    finally:
        left = [process for process in psutil.process_iter() if _belongs_to(site, process)]
        for process in left:
            kill(process, wait=False)
    assert left == [], "some processes of the site outlived their test"


@cache
def _prepared() -> Path:
    """Return the folder of a prepared SQLite site: the migrations of all sites of one test run take place once."""
    folder = Path(tempfile.mkdtemp(prefix="site-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Site(folder).manage("prepare")
    return folder / "var"


def _belongs_to(site: Site, process: psutil.Process) -> bool:
    try:
        return process.environ().get("VAR_DIR") == site.environment["VAR_DIR"]
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False


def wait_for(condition: Callable[[], Any], *, seconds: float, what: str, every: float = 0.2) -> Any:
    """Wait until the condition gives something true; returns it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(every)
    raise AssertionError(f"{what} did not happen within {seconds:.0f} s")


# --- inside the site -------------------------------------------------------------------------------


def fill(count: str) -> int:
    """Upload so many invoices, each a page with its own number and total, the way the upload page does."""
    from django.contrib.auth import get_user_model
    from django.core.files.uploadedfile import SimpleUploadedFile

    from extraction.tests.pages import INVOICE_LINES, invoice_pdf
    from invoiceapp.intake.services import receive
    from invoiceapp.records.models import Membership, Organization

    organization, _ = Organization.objects.get_or_create(slug="chaos", defaults={"name": "Chaos Builders"})
    user, created = get_user_model().objects.get_or_create(username="clerk")
    if created:
        Membership.objects.create(user=user, organization=organization, role="administrator")
    before = organization.invoices.count()
    for number in range(before, before + int(count)):
        lines = [line.replace("MR-20417", f"MR-{30000 + number}") for line in INVOICE_LINES]
        file = SimpleUploadedFile(f"{number}.pdf", invoice_pdf(lines=tuple(lines)))
        upload = receive(file, organization=organization, user=user)
        if upload.outcome != upload.Outcome.ACCEPTED:
            raise AssertionError(upload.message)
    return organization.invoices.count()


def person(name: str, password: str) -> str:
    """Let somebody sign in who may do everything in an organization."""
    from django.contrib.auth import get_user_model

    from invoiceapp.records.models import Membership, Organization

    organization = Organization.objects.create(slug="office", name="Office Builders")
    user = get_user_model().objects.create_user(name, f"{name}@example.com", password)
    Membership.objects.create(user=user, organization=organization, role="administrator")
    return user.get_username()


def total() -> str:
    """Return the total that all invoices show, which must be the same on each."""
    from invoiceapp.records.models import Invoice

    (total,) = set(Invoice.objects.values_list("total", flat=True))
    return str(total)


def address_of_an_original() -> str:
    """Return the address that the storage gives out for an original file."""
    from invoiceapp.records.models import Document

    document = Document.objects.first()
    assert document is not None
    with document.file.open() as file:
        assert file.read(4) == b"%PDF"
    return document.file.url


def open_work() -> int:
    """Return how many pieces of work are neither done nor dead."""
    from invoiceapp.work.models import WorkItem

    return WorkItem.objects.filter(status__in=WorkItem.OPEN).count()


def sweep() -> str:
    """Sweep once by hand."""
    from invoiceapp import pipeline

    return pipeline.sweep()


def account() -> dict[str, Any]:
    """Return what became of every invoice, and whatever happened twice."""
    from django.db.models import Count, Q

    from extraction.models import Run
    from invoiceapp.records.models import Invoice, InvoiceValue
    from invoiceapp.work.models import WorkItem
    from review.models import Item

    done = Q(runs__status=Run.Status.DONE)
    values = InvoiceValue.objects.values("invoice", "field").annotate(n=Count("pk")).filter(n__gt=1)
    return {
        "work": dict(WorkItem.objects.values_list("status").annotate(Count("pk"))),
        "invoices": dict(Invoice.objects.values_list("status").annotate(Count("pk"))),
        "dead_without_reason": WorkItem.objects.filter(status=WorkItem.Status.DEAD, last_error="").count(),
        "read_twice": Invoice.objects.annotate(n=Count("runs", filter=done)).filter(n__gt=1).count(),
        "written_twice": values.count(),
        "items_twice": Item.objects.values("invoice").annotate(n=Count("pk")).filter(n__gt=1).count(),
        "without_item": Invoice.objects.filter(status=Invoice.Status.REVIEW, review_items=None).count(),
        "runs": dict(Run.objects.values_list("status").annotate(Count("pk"))),
        "attempts": dict(WorkItem.objects.values_list("attempts").annotate(Count("pk"))),
    }


def read_by(backend: str) -> str:
    """Let the organization that `fill` uploads for choose a reader."""
    from invoiceapp.records.models import Organization

    organization, _ = Organization.objects.get_or_create(slug="chaos", defaults={"name": "Chaos Builders"})
    organization.backend = backend
    organization.save()
    return organization.backend


def errors() -> list[str]:
    """Return why work was given up or has to be tried again."""
    from invoiceapp.work.models import WorkItem

    return list(WorkItem.objects.exclude(last_error="").values_list("last_error", flat=True))


def served() -> list[str]:
    """Return the queues whose clusters beat."""
    from invoiceapp.work.models import Heartbeat

    return sorted(set(Heartbeat.objects.values_list("queue", flat=True)))


def heartbeats() -> dict[str, str]:
    """Return every cluster's last beat."""
    from invoiceapp.work.models import Heartbeat

    return {row.cluster: row.beat.isoformat() for row in Heartbeat.objects.all()}


COMMANDS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        fill,
        person,
        total,
        address_of_an_original,
        open_work,
        sweep,
        account,
        read_by,
        errors,
        served,
        heartbeats,
    )
}

if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invoiceapp.settings")
    django.setup()
    sys.stdout.write("\n" + json.dumps(COMMANDS[sys.argv[1]](*sys.argv[2:])) + "\n")
