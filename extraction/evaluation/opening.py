"""What it earns that the opener opens something before it forks: ``python -m extraction.evaluation.opening FILE...``.

Each file is opened by children of two kinds in turns: forks of a process that has only loaded the parsers, and forks of
one that has opened small documents of its own first (``extraction.documents.warming``), as in the product. Seconds are
the child's, without starting it and without the limits.
"""

from __future__ import annotations

import argparse
import os
import statistics
import struct
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from extraction.documents import DocumentRefused
from extraction.documents.formats import SNIFFED_BYTES, detect_format
from extraction.documents.limits import DEFAULT_LIMITS
from extraction.documents.tasks import perform
from extraction.documents.warming import warm_up


def seconds_to_open(document: bytes, *, warm: bool) -> float:
    """Return the seconds that a child takes to open a document.

    :param warm: fork it from a process that has opened documents of its own.
    :raises ChildProcessError: if the child ends without an answer.
    """
    kind = detect_format(document[:SNIFFED_BYTES]).kind

    def opened() -> float:
        begin = time.perf_counter()
        perform(
            {"do": "open", "kind": kind, "flat": True}, document, DEFAULT_LIMITS, lambda _message, _blob: None
        )
        return time.perf_counter() - begin

    def parent() -> float:
        if warm:
            warm_up()
        return _forked(opened)

    return _forked(parent)


def _forked(work: Callable[[], float]) -> float:
    """Do something in a fork of this process and return the number that it found."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(send, struct.pack("d", work()))
        finally:
            os._exit(0)
    os.close(send)
    with open(receive, "rb") as answer:  # noqa: PTH123 - a descriptor, not a path
        said = answer.read()
    os.waitpid(child, 0)
    if len(said) != struct.calcsize("d"):
        raise ChildProcessError("The process that was to open the document ended without an answer.")
    return float(struct.unpack("d", said)[0])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="extraction.evaluation.opening", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--times", type=int, default=7, help="how often each is opened both ways")
    options = parser.parse_args(arguments)
    import cv2

    cv2.setNumThreads(0)  # as in the opener
    both = []
    sys.stdout.write(f"{'file':40}  loaded   warm   seconds, median of {options.times}\n")
    for path in options.files:
        try:
            document = path.read_bytes()
            detect_format(document[:SNIFFED_BYTES])
        except (OSError, DocumentRefused) as error:
            parser.error(f"{path}: {error}")
        taken = [
            [seconds_to_open(document, warm=warm) for warm in (False, True)] for _ in range(options.times)
        ]
        both.append([statistics.median(column) for column in zip(*taken, strict=True)])
        sys.stdout.write(f"{path.name[-40:]:40}  {both[-1][0]:6.3f} {both[-1][1]:6.3f}\n")
    loaded, warm = (statistics.median(column) for column in zip(*both, strict=True))
    sys.stdout.write(f"{'median':40}  {loaded:6.3f} {warm:6.3f}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
