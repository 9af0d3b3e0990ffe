"""The process that opens documents: ``python -m extraction.documents.opener FD``.

Started by ``extraction.documents.sandbox``. It waits on a control socket; for each request it forks a child
that limits itself, reads the document from its connection, answers in frames and ends.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import socket
import sys
from typing import Any

from . import frames
from .limits import Limits
from .refusal import TOO_MUCH_MEMORY, DocumentRefused


def main() -> None:
    """Serve until the control socket closes."""
    # Loads the parsers and uses them before the fork, so that no child pays for it.
    import cv2

    from .warming import warm_up

    cv2.setNumThreads(0)  # threads do not survive a fork, and would each reserve address space
    warm_up()

    control = socket.socket(fileno=int(sys.argv[1]))
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, int] = {}  # process id -> descriptor that its end is reported on
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is control:
                    _, descriptors, _, _ = socket.recv_fds(control, 1, 2)
                    if len(descriptors) != 2:
                        return  # the caller has gone
                    connection, status = descriptors
                    pid = _fork_child(connection)
                    os.close(connection)
                    children[pid] = status
                    _report(status, f"{pid}\n")
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake_read, 4096)
            _reap(children)


def _reap(children: dict[int, int]) -> None:
    while children:
        try:
            pid, ending, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        status = children.pop(pid)
        peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        _report(status, f"{os.waitstatus_to_exitcode(ending)} {peak}\n")
        os.close(status)


def _report(status: int, line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # the caller stopped listening
        os.write(status, line.encode())


def _fork_child(connection: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGALRM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(connection, 3)
        os.closerange(4, 4096)
        _serve(socket.socket(fileno=3))
        code = 0
    finally:
        os._exit(code)


def _serve(connection: socket.socket) -> None:
    request = frames.read(connection.recv, limit=1 << 31)
    if request is None:
        return
    message, document = request
    limits = Limits(**message["limits"])
    _limit_process(limits, seconds=int(message["seconds"]))

    def answer(message: dict[str, Any], blob: bytes = b"") -> None:
        connection.sendall(frames.pack(message, blob))

    from .tasks import perform

    try:
        perform(message["task"], document, limits, answer)
    except DocumentRefused as refusal:
        answer({"refused": refusal.code, "message": refusal.message})
    except MemoryError:
        answer(
            {
                "refused": TOO_MUCH_MEMORY,
                "message": "Opening the file needs too much memory, so it was stopped. "
                "Print it to a new PDF, or scan it at 300 dpi or less, and upload that.",
            }
        )
    answer({"done": True})


def _limit_process(limits: Limits, *, seconds: int) -> None:
    """Bound what this process may use; a limit that is passed ends it, which the caller then reports."""
    for kind, bound in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        hard = resource.getrlimit(kind)[1]
        value = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        # A second of room between the soft and the hard processor limit keeps SIGXCPU apart from SIGKILL.
        resource.setrlimit(kind, (value, value + 1 if kind == resource.RLIMIT_CPU else value))
    signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
