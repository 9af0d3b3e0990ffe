"""Keeps a cluster of workers alive, from outside it.

django-q2 restarts workers that die, but an idle worker that is killed may take
the queue's lock with it: then every process lives and nothing runs. Nobody
inside the cluster notices. So a supervisor starts the cluster as a child in a
process group of its own, looks at its heartbeat, and starts it anew when it
died or froze. Work it had begun comes back through its lease.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from uuid import uuid4

from django.conf import settings
from django.db import close_old_connections
from django_q.brokers import get_broker
from django_q.tasks import async_task

from invoiceapp.work.models import Heartbeat
from invoiceapp.work.services import CLUSTER_VARIABLE

log = logging.getLogger(__name__)

BEAT = "invoiceapp.pipeline.beat"
SWEEP = "invoiceapp.pipeline.sweep"
LONGEST_PAUSE = 60.0  # seconds between two starts of a cluster that dies at once
SETTLED = 300.0  # a cluster that lived this many seconds starts again without a pause
LOOK_EVERY = 5.0
MOST_CALLS = 64  # at 10 ms each they keep one worker busy for longer than the queue's poll of 0.2 s
PR_SET_PDEATHSIG = 1  # prctl(2)


class Supervisor:
    """Runs one cluster until it is told to stop.

    :param queue: the queue whose calls the cluster answers.
    :param frozen_after: seconds without a heartbeat after which the cluster counts as frozen.
    :param drain: seconds that a stopping cluster gets to finish what it is doing.
    :param command: how a cluster is started.
    """

    def __init__(
        self, queue: str, *, frozen_after: float, drain: float, command: Sequence[str] | None = None
    ) -> None:
        self.queue = queue
        self.frozen_after = frozen_after
        self.drain = drain
        self.command = list(command or [sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster"])
        self._stops_asked = 0

    def run(self) -> None:
        """Keep a cluster running; returns after SIGTERM or SIGINT, when the cluster is gone.

        The first signal lets the cluster finish what it is doing, the second kills it.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        failures = 0
        while not self._stops_asked:
            begun = time.monotonic()
            cluster = _Cluster(self.queue, self.command)
            self._ask_for_a_sweep()
            trouble = self._watch(cluster)
            if trouble is None:
                self._drain(cluster)
                return
            cluster.kill()
            failures = 1 if time.monotonic() - begun > SETTLED else failures + 1
            pause = min(2.0 ** (failures - 1), LONGEST_PAUSE)
            log.error("Cluster %s %s; a new one starts in %.0f s.", cluster.name, trouble, pause)
            self._wait(pause)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        # Only notes it: Python's locks must not be touched in a signal handler.
        self._stops_asked += 1

    def _ask_for_a_sweep(self) -> None:
        """Calls that lay in the last cluster's hands are gone; do not wait a minute for the schedule's sweep."""
        try:
            close_old_connections()
            async_task(SWEEP, cluster=self.queue, ack_failure=True)
        except Exception as error:  # noqa: BLE001  whatever the broker suffers from; the schedule sweeps too
            log.warning("The queue can't be reached: %s", error)

    def _watch(self, cluster: _Cluster) -> str | None:
        """Wait until the cluster needs help (returns what is wrong) or a stop is asked for (None)."""
        heart = _Heart(cluster.name, self.queue, call_after=self.frozen_after / 5)
        pause = min(LOOK_EVERY, self.frozen_after / 10)
        while not self._stops_asked:
            if (code := cluster.main.poll()) is not None:
                return f"ended with code {code}"
            if (silence := heart.silence()) > self.frozen_after:
                return f"has done nothing for {silence:.0f} s"
            self._wait(pause, until=cluster.has_ended)
        return None

    def _drain(self, cluster: _Cluster) -> None:
        """Let the cluster finish; kill it when its time is up or a second stop is asked for."""
        log.info("Cluster %s finishes what it is doing.", cluster.name)
        cluster.stop()
        asked, deadline = self._stops_asked, time.monotonic() + self.drain
        while not cluster.has_ended() and time.monotonic() < deadline and self._stops_asked == asked:
            time.sleep(0.1)
        if not cluster.has_ended():
            log.warning("Cluster %s is killed; what it was doing is done again later.", cluster.name)
        cluster.kill()
        log.info("Cluster %s has stopped.", cluster.name)

    def _wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        deadline = time.monotonic() + seconds
        while not self._stops_asked and not until() and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))


class _Cluster:
    """A started cluster: its main process and the group of all its processes."""

    def __init__(self, queue: str, command: Sequence[str]) -> None:
        self.name = f"{host_prefix()}{os.getpid()}-{uuid4().hex[:8]}"
        self.main = subprocess.Popen(
            command,
            # by the second name django-q2 knows which queue's calls to take; without it those of QUEUE_NAME
            env={**os.environ, CLUSTER_VARIABLE: self.name, "Q_CLUSTER_NAME": queue},
            start_new_session=True,  # one group to kill, which Ctrl-C in a terminal does not reach
            preexec_fn=_stop_when_parent_dies(),  # noqa: PLW1509  this process has one thread
        )
        log.info("Cluster %s of queue %s started as process %d.", self.name, queue, self.main.pid)

    def has_ended(self) -> bool:
        return self.main.poll() is not None

    def stop(self) -> None:
        """Tell the main process, and only it, to finish: a signal to all of them hangs the stop."""
        if not self.has_ended():
            self.main.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Make sure that nothing of the cluster is left, workers without a guard included."""
        with suppress(ProcessLookupError):
            os.killpg(self.main.pid, signal.SIGKILL)
        self.main.wait()
        try:
            Heartbeat.objects.filter(cluster=self.name).delete()
        except Exception as error:  # noqa: BLE001  a row too many does no harm; it is pruned at night
            log.warning("The heartbeat of %s could not be removed: %s", self.name, error)


class _Heart:
    """Listens to one cluster, and calls it when it has been silent for a while, as idle clusters are.

    Counts by the monotonic clock from when it saw a beat, so that setting the computer's clock kills nobody.
    """

    def __init__(self, cluster: str, queue: str, *, call_after: float) -> None:
        self.cluster = cluster
        self.queue = queue
        self.call_after = call_after
        self._last_beat: object = None
        self._heard = time.monotonic()

    def silence(self) -> float:
        """Return for how many seconds the cluster has not shown a sign of life."""
        try:
            close_old_connections()
            beat = Heartbeat.objects.filter(cluster=self.cluster).values_list("beat", flat=True).first()
            if beat != self._last_beat:
                self._last_beat = beat
                self._heard = time.monotonic()
            else:
                self._call(int((time.monotonic() - self._heard) // self.call_after))
        except Exception as error:  # noqa: BLE001  whatever the database or the broker suffers from
            # Without them no cluster can beat: that is not the cluster's fault, and killing it helps nobody.
            log.warning("The watchdog can't reach the database or the queue: %s", error)
            self._heard = time.monotonic()
        return time.monotonic() - self._heard

    def _call(self, count: int) -> None:
        if not count:
            return
        broker = get_broker(self.queue)
        # With calls waiting it will beat when it takes one. Other clusters of the same queue may take these
        # instead, again and again if they always look a moment earlier; so the calls become more than a
        # cluster can answer before the others look, the longer this one is silent.
        if not broker.queue_size():
            for _ in range(min(4 ** (count - 1), MOST_CALLS)):
                async_task(BEAT, self.queue, broker=broker, ack_failure=True)


def host_prefix() -> str:
    """Return what the names of all clusters on this host (or in this container) begin with."""
    return f"{socket.gethostname()[:80]}/"


def _stop_when_parent_dies() -> Callable[[], None] | None:
    """Let the cluster stop by itself if its supervisor is killed, where the system can do that (Linux)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we could ask to be told
            os._exit(1)

    return arrange
