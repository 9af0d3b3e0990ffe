"""Runs parsers of hostile files outside the calling process.

Starting Python with Pillow, numpy and pdfium takes 0.15 to 0.2 s, so one warm process per caller
(the *opener*) has them loaded, has opened a document of its own (``warming``) and forks a limited child for each
document: 10 to 20 ms. The child has
its own address space, processor and wall limits, a minimal environment and no open files but its two
pipes; whatever happens to it, the caller only sees how it ended. The opener ends when the
caller does, because its control socket closes, and is started anew if it was killed.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from . import frames
from .limits import Limits
from .refusal import (
    DAMAGED,
    TOO_MUCH_MEMORY,
    TOO_SLOW,
    DocumentRefused,
    SandboxUnavailable,
)

# What the child's own alarm and processor limit may be late by before the caller ends it.
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a document cost: wall ``seconds`` and the child's ``peak_memory`` in bytes."""

    seconds: float
    peak_memory: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The frames that the child sent, each a JSON object with bytes, and what they cost."""

    frames: list[tuple[dict[str, Any], bytes]]
    usage: Usage


class _OpenerGone(Exception):
    """The opener died before it could say how its child ended."""


class _Opener:
    """The warm process of this process, if it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def submit(self, connection: socket.socket, status: int) -> None:
        """Ask the opener to fork a child that talks on ``connection`` and reports on ``status``."""
        with self._lock:
            for attempt in (1, 2):
                control = self._running()
                try:
                    socket.send_fds(control, [b"+"], [connection.fileno(), status])
                except OSError:
                    self._stop()
                    if attempt == 2:
                        raise
                else:
                    return

    def stop(self) -> None:
        """End the opener; the next document starts another."""
        with self._lock:
            self._stop()

    def forget(self) -> None:
        """Let go of an opener that belongs to the process this one was forked from."""
        self._lock = threading.Lock()
        if self._control is not None:
            self._control.close()
        self._control = None
        if self._process is not None:
            self._process.returncode = 0  # not our child: nothing to wait for
        self._process = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def _running(self) -> socket.socket:
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        self._stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(entry or "." for entry in sys.path),
            # Thread pools and arenas reserve address space per core, which the limit would count.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",
            # Memory that was given back must be cleared anew by the kernel: a child keeps it, it ends soon.
            "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
            "MALLOC_TRIM_THRESHOLD_": str(1 << 29),
        }
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "extraction.documents.opener", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,  # Ctrl-C is for the caller; the opener ends with it
                )
        except OSError as error:
            ours.close()
            raise SandboxUnavailable(
                f"The process that opens documents could not be started: {error}"
            ) from error
        self._control = ours
        return ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


_opener = _Opener()
atexit.register(_opener.stop)
os.register_at_fork(after_in_child=_opener.forget)


def opener_pid() -> int | None:
    """Return the process id of this process's warm opener, if there is one."""
    return _opener.pid


def close() -> None:
    """End this process's warm opener; the next document starts another."""
    _opener.stop()


def run(task: dict[str, Any], document: bytes, limits: Limits, *, seconds: int) -> Answer:
    """Have ``task`` done on ``document`` in a limited child process.

    :param task: JSON object that ``extraction.documents.opener`` understands.
    :param seconds: wall and processor time that the child may take.
    :raises DocumentRefused: if the child refused the document or did not survive it.
    :raises SandboxUnavailable: if no child could be started.
    """
    request = frames.pack({"task": task, "limits": asdict(limits), "seconds": seconds}, document)
    for _ in range(2):
        # Only the opener's own death is tried again; a document that kills its child is refused at once.
        with contextlib.suppress(_OpenerGone):
            return _run_once(request, limits, seconds=seconds)
    raise SandboxUnavailable("The process that opens documents was killed twice. Try again; is memory short?")


def _run_once(request: bytes, limits: Limits, *, seconds: int) -> Answer:
    started = time.monotonic()
    deadline = started + seconds + _GRACE_SECONDS
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    status_read, status_write = os.pipe()
    with ours, open(status_read, "rb", buffering=0) as status:  # noqa: PTH123 - a descriptor, not a path
        try:
            _opener.submit(theirs, status_write)
        except OSError as error:
            raise SandboxUnavailable(f"The process that opens documents does not answer: {error}") from error
        finally:
            theirs.close()
            os.close(status_write)
        pid = _read_line(status)
        if pid is None:
            raise _OpenerGone
        answered, finished, slow = [], False, False
        try:
            for message, blob in _exchange(ours, request, limits.output_bytes, deadline):
                if "done" in message:
                    finished = True
                else:
                    answered.append((message, blob))
        except TimeoutError:
            slow = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        except (frames.BrokenFrame, OSError):
            finished = False  # how the child ended says more than the bytes it left
        ending = _read_line(status)
    if ending is None and not finished:
        raise _OpenerGone
    # An opener that was killed can't say how its child ended, but the child may have had its last word.
    code, peak = (int(part) for part in ending.split()) if ending else (0, 0)
    usage = Usage(seconds=time.monotonic() - started, peak_memory=peak)
    for message, _ in answered:
        if "refused" in message:
            raise DocumentRefused(str(message["refused"]), str(message["message"]), peak_memory=peak)
    if slow or not finished or code != 0:
        raise _explain(code, slow=slow, usage=usage, limits=limits, seconds=seconds)
    return Answer(frames=answered, usage=usage)


def _exchange(
    connection: socket.socket, request: bytes, limit: int, deadline: float
) -> Iterator[tuple[dict[str, Any], bytes]]:
    def receive(count: int) -> bytes:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        return connection.recv(count)

    connection.settimeout(max(deadline - time.monotonic(), 0.001))
    connection.sendall(request)
    left = limit
    while True:
        frame = frames.read(receive, limit=left)
        if frame is None:
            return
        left -= len(frame[1])
        yield frame


def _read_line(status: Any) -> bytes | None:
    line = b""
    while not line.endswith(b"\n"):
        byte = status.read(1)
        if not byte:
            return None
        line += byte
    return line.strip()


def _explain(code: int, *, slow: bool, usage: Usage, limits: Limits, seconds: int) -> DocumentRefused:
    """Turn how the child ended (its exit status as ``os.waitstatus_to_exitcode`` gives it) into a refusal."""
    if slow or -code in (signal.SIGALRM, signal.SIGXCPU):
        return DocumentRefused(
            TOO_SLOW,
            f"Opening the file took more than {seconds} seconds, so it was stopped. "
            "Print it to a new PDF, or scan it, and upload that.",
            peak_memory=usage.peak_memory,
        )
    # pdfium and libtiff abort where memory runs out; the peak tells that from a plain crash.
    if -code == signal.SIGKILL or usage.peak_memory > limits.memory_bytes * 0.4:
        return DocumentRefused(
            TOO_MUCH_MEMORY,
            "Opening the file needs too much memory, so it was stopped. "
            "Print it to a new PDF, or scan it at 300 dpi or less, and upload that.",
            peak_memory=usage.peak_memory,
        )
    return DocumentRefused(
        DAMAGED,
        "The file is damaged and could not be opened. Save or scan it again and upload the new file.",
        peak_memory=usage.peak_memory,
    )
