"""The supervisor keeps a real cluster going: killed, frozen, stopped politely or not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from invoiceapp.tests.site import Site, descendants, installed, runs_once, wait_for, workers_of

pytestmark = [pytest.mark.slow, runs_once]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path, WORKERS="1", TASK_TIMEOUT="15", WATCHDOG_SECONDS="16") as site:
        yield site


def test_a_frozen_cluster_is_started_anew_and_reads_what_was_left(site: Site) -> None:
    """An idle worker that is killed takes the queue's lock along: all processes live and nothing runs."""
    with site.worker() as supervisor:
        (idle,) = wait_for(lambda: workers_of(supervisor, state="idle"), seconds=30, what="the start")
        idle.kill()
        site.ask("fill", 1)
        wait_for(lambda: site.ask("open_work") == 0, seconds=60, what="reading after the freeze")
    said = site.said()
    assert "has done nothing for" in said, "this cluster never froze: the test shows nothing"
    assert said.count("started as process") == 2


def test_an_idle_cluster_lives_on_and_the_container_check_agrees(site: Site) -> None:
    assert site.manage("check_worker", check=False).returncode == 1
    with site.worker() as supervisor:
        wait_for(lambda: site.ask("heartbeats"), seconds=30, what="the first heartbeat")
        (before,) = site.ask("heartbeats").items()
        # Two watchdog periods without any work: its own calls keep the heart going.
        wait_for(lambda: site.ask("heartbeats")[before[0]] > before[1], seconds=20, what="a second heartbeat")
        assert site.manage("check_worker").returncode == 0
        assert supervisor.poll() is None
    assert site.said().count("started as process") == 1
    assert site.manage("check_worker", check=False).returncode == 1


def test_two_idle_clusters_of_one_queue_do_not_starve_each_other(site: Site) -> None:
    """Either may take the call that the other one's supervisor sent; none is taken for frozen because of it."""
    with site.worker(), site.worker():
        wait_for(lambda: len(site.ask("heartbeats")) == 2, seconds=40, what="the heartbeats of both")
        time.sleep(2.5 * float(site.environment["WATCHDOG_SECONDS"]))
        assert len(site.ask("heartbeats")) == 2
    assert "has done nothing" not in site.said()
    assert site.said().count("started as process") == 2


def test_a_dead_cluster_is_started_anew_without_leaving_orphans(site: Site) -> None:
    with site.worker() as supervisor:
        wait_for(lambda: workers_of(supervisor, state="idle"), seconds=30, what="the start")
        family = descendants(supervisor.pid)[1:]
        main = next(p for p in family if p.ppid() == supervisor.pid)
        main.kill()  # its sentinel and workers would live on without anybody who looks after them
        wait_for(
            lambda: site.said().count("started as process") == 2 and workers_of(supervisor, state="idle"),
            seconds=30,
            what="a new cluster",
        )
        assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_the_document_in_hand_be_finished(site: Site, number: int) -> None:
    site.ask("fill", 6)
    with site.worker() as supervisor:
        wait_for(lambda: workers_of(supervisor, state="processing"), seconds=30, what="reading")
        os.kill(supervisor.pid, number)
        assert supervisor.wait(30) == 0
    account = site.ask("account")
    assert account["work"].get("running", 0) == 0
    assert account["work"]["done"] >= 1
    assert account["runs"] == {"done": account["work"]["done"]}
    assert "is killed" not in site.said()


def test_a_cluster_whose_supervisor_is_killed_stops_by_itself(site: Site) -> None:
    with site.worker() as supervisor:
        wait_for(lambda: workers_of(supervisor, state="idle"), seconds=30, what="the start")
        family = descendants(supervisor.pid)[1:]
        supervisor.kill()
        supervisor.wait()
        _, alive = psutil.wait_procs(family, timeout=20)
        assert alive == []


def test_a_worker_keeps_its_model_from_one_document_to_the_next(site: Site) -> None:
    """Only the first document of a worker pays for loading; the reader is not loaded before the fork either."""
    site.ask("fill", 8)
    with site.worker() as supervisor:
        wait_for(lambda: site.ask("open_work") == 0, seconds=60, what="reading")
        assert len(workers_of(supervisor, state="idle")) == 1
    seconds = [
        float(line.rsplit("read in ", 1)[1].split()[0])
        for line in site.said().splitlines()
        if "read in" in line
    ]
    assert len(seconds) == 8
    assert sorted(seconds[1:])[3] < seconds[0] / 2, seconds


def test_the_gpus_worker_reads_what_the_other_one_leaves(tmp_path: Path) -> None:
    from extraction.tests.tiny_models import tiny_llama

    variables = {
        "GPU_QUEUE": "gpu",
        "LLAMA_MODEL": str(tiny_llama(tmp_path / "llama")),
        "LLAMA_DTYPE": "float32",
        "LLAMA_MAX_TOKENS": "8",
        "READ_ATTEMPTS": "1",
    }
    with installed(tmp_path, **variables) as site:
        site.ask("fill", 1)
        with site.worker():
            wait_for(
                lambda: site.ask("account")["work"] == {"done": 1}, seconds=60, what="reading by the other"
            )
            site.ask("read_by", "llama")
            site.ask("fill", 1)
            time.sleep(3)
            assert site.ask("account")["work"] == {"done": 1, "queued": 1}
            assert site.ask("served") == ["invoices"]
            with site.worker("--gpu"):
                wait_for(lambda: site.ask("open_work") == 0, seconds=90, what="reading by the GPU's worker")
                assert site.ask("served") == ["gpu", "invoices"]
        # weights of chance say nothing that could be taken: it was read, and a person gets it
        assert site.ask("account")["work"] == {"done": 1, "dead": 1}
        assert "not JSON" in site.ask("errors")[0]
    with installed(tmp_path / "without", READ_ATTEMPTS="1") as site:
        done = site.manage("worker", "--gpu", check=False)
        assert done.returncode == 1
        assert "GPU_QUEUE is not set" in done.stderr
