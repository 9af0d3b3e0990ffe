"""kill -9 of workers, of whole clusters and of their supervisors: nothing is lost and nothing is done twice."""

from __future__ import annotations

import json
import random
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from extraction.tests.scripted_server import answers, completion, scripted, sleeps
from extraction.tests.test_generative_reading import RIGHT
from invoiceapp.tests import servers
from invoiceapp.tests.site import Site, descendants, installed, kill, runs_once, wait_for, workers_of

pytestmark = [pytest.mark.slow, runs_once]

TIMES = {"TASK_TIMEOUT": "15", "WATCHDOG_SECONDS": "16", "READ_ATTEMPTS": "6", "WORKERS": "2"}


def test_two_hundred_documents_on_sqlite(tmp_path: Path) -> None:
    with installed(tmp_path, **TIMES) as site:
        rage(site, documents=200, kills=6)


def test_forty_documents_on_postgresql_and_redis(tmp_path: Path) -> None:
    """Redis forgets what a killed worker held; the rows do not."""
    with servers.postgresql() as database, servers.valkey() as redis:
        variables = {"DATABASE_URL": database, "REDIS_URL": redis, "QUEUE_BROKER": "redis"}
        with installed(tmp_path, SECRET_KEY="chaos" * 12, **variables, **TIMES) as site:
            rage(site, documents=40, kills=3)


def test_redis_goes_away_and_comes_back_empty(tmp_path: Path) -> None:
    """Uploads go on without a broker, the watchdog blames no cluster for it, and a sweep calls for everything."""
    port = servers.free_port()
    redis = {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "QUEUE_BROKER": "redis", "SECRET_KEY": "chaos" * 12}
    with ExitStack() as stack:
        first = ExitStack()
        first.enter_context(servers.valkey(port))
        site = stack.enter_context(installed(tmp_path, **redis, **TIMES))
        stack.enter_context(site.worker())
        wait_for(lambda: site.ask("heartbeats"), seconds=40, what="the start")
        first.close()
        assert site.ask("fill", 2) == 2
        # Longer than the watchdog's patience with a cluster that does nothing.
        wait_for(lambda: "can't reach" in site.said(), seconds=40, what="the watchdog's complaint")
        time.sleep(float(TIMES["WATCHDOG_SECONDS"]))
        assert site.ask("open_work") == 2
        stack.enter_context(servers.valkey(port))
        wait_for(lambda: site.ask("open_work") == 0, seconds=120, what="reading", every=2)
        assert "has done nothing" not in site.said()
        assert site.ask("account")["work"] == {"done": 2}


def test_a_worker_killed_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    """Every document of the batch comes back by its lease, is read alone, and none is read twice."""
    good = answers(completion(json.dumps(RIGHT), logprob=-0.01))
    with scripted(sleeps(300)) as server:
        variables = {"MODEL_SERVER_URL": server.url, "MODEL_SERVER_MODEL": "m", "MODEL_SERVER_ATTEMPTS": "1"}
        with installed(tmp_path, **{**TIMES, "WORKERS": "1"}, **variables) as site:
            site.ask("read_by", "openai_server")
            assert site.ask("fill", 5) == 5
            with site.worker() as supervisor:
                wait_for(lambda: len(server.requests) == 4, seconds=60, what="a batch of four at the server")
                for process in descendants(supervisor.pid):
                    kill(process, wait=False)
                supervisor.wait()
            assert site.ask("account")["work"] == {"running": 4, "queued": 1}
            server.script[:] = [good]
            with site.worker():
                wait_for(
                    lambda: site.ask("sweep") and site.ask("open_work") == 0,
                    seconds=180,
                    what="the end of the work",
                    every=5,
                )
            account = site.ask("account")
            assert account["work"] == {"done": 5}
            assert account["runs"] == {"done": 5, "failed": 4}
            assert account["attempts"] == {"1": 1, "2": 4}
            assert account["read_twice"] == account["items_twice"] == account["written_twice"] == 0


def rage(site: Site, *, documents: int, kills: int) -> None:
    """Fill the site, kill workers at work and twice everything, let it finish, and take stock."""
    dice = random.Random(20260601)
    assert site.ask("fill", documents) == documents
    for round_number in range(2):
        with site.worker() as supervisor:
            for _ in range(kills):
                time.sleep(dice.uniform(0, 2))  # so that it hits them anywhere in their work
                busy = wait_for(
                    lambda: workers_of(supervisor, state="processing"),
                    seconds=60,
                    what="reading in the chaos",
                )
                kill(dice.choice(busy))
            # The whole tree at once, as a power cut or the kernel's memory killer would.
            for process in descendants(supervisor.pid):
                kill(process, wait=False)
            supervisor.wait()
        assert site.ask("open_work") > 0, f"round {round_number}: nothing was left to lose"
    with site.worker():
        # The schedule sweeps every minute; here somebody sweeps more often, so that the test ends sooner.
        wait_for(
            lambda: site.ask("sweep") and site.ask("open_work") == 0,
            seconds=240,
            what="the end of the work",
            every=5,
        )
    account = site.ask("account")
    assert sum(account["work"].values()) == documents, account
    assert set(account["work"]) <= {"done", "dead"}, account
    assert account["dead_without_reason"] == 0, account
    assert set(account["invoices"]) <= {"review", "to_approve"}, account
    for twice in ("read_twice", "written_twice", "items_twice", "without_item"):
        assert account[twice] == 0, account
    assert account["runs"]["done"] == account["work"]["done"], account
    assert account["runs"].get("failed", 0) > 0, "nobody was killed at work: the test shows nothing"
    print(account)  # noqa: T201  shown with -s, for docs/operations.md
