"""Lets readers read labelled documents, all of them one document after the other, and judges every field."""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from extraction.documents import open_pages
from extraction.evaluation.comparison import is_right
from extraction.evaluation.datasets import LabelledDocument
from extraction.evaluation.metrics import Outcome, match_amounts
from extraction.schema import Backend, FieldValue, Hints, PageImage, Reading, Seconds


@dataclass(slots=True)
class Result:
    """What came out for one document; ``error`` is set if it could not be read.

    ``values`` and ``lines`` are what was read: fields by name, the cells of each line (``None``: the
    document's lines are not labelled, or nobody asked for them).
    """

    document: LabelledDocument
    outcomes: list[Outcome] = field(default_factory=list)
    values: Mapping[str, FieldValue] = field(default_factory=dict)
    lines: Sequence[Mapping[str, str]] | None = None
    seconds: Seconds = field(default_factory=Seconds)
    pages: int = 0
    lines_true: int = 0
    lines_read: int = 0
    lines_found: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """One document: its pages as they were opened (none if they couldn't be) and each reader's result."""

    document: LabelledDocument
    pages: Sequence[PageImage]
    results: Mapping[str, Result]


def measure(
    documents: Sequence[LabelledDocument],
    readers: Sequence[tuple[str, Backend]],
    only: Sequence[str] = (),
) -> Iterator[Measured]:
    """Read each document with every reader and yield what came out; a crash is a result, not an end.

    The readers take turns document by document, so that whatever else the machine does meets all alike;
    whoever comes first changes from document to document. Opening is charged to each.

    :param readers: names, each once, with what they name.
    :param only: compare these fields alone.
    """
    for number, document in enumerate(documents):
        begun = time.perf_counter()
        pages: Sequence[PageImage] = ()
        error: Exception | None = None
        try:
            pages = open_pages(document.path)
        except Exception as refusal:  # noqa: BLE001 - one bad document must not end the evaluation
            error = refusal
        opening = time.perf_counter() - begun
        turn = number % len(readers)
        results = {
            name: _failed(document, error, opening, only)
            if error
            else _read(document, pages, backend, opening, only)
            for name, backend in [*readers[turn:], *readers[:turn]]
        }
        yield Measured(document, pages, {name: results[name] for name, _ in readers})


def _read(
    document: LabelledDocument,
    pages: Sequence[PageImage],
    backend: Backend,
    opening: float,
    only: Sequence[str],
) -> Result:
    begun = time.perf_counter()
    try:
        reading = backend.read(pages, Hints())
        result = judge(document, reading, only)
    except Exception as error:  # noqa: BLE001 - one bad document must not end the evaluation
        return _failed(document, error, opening + time.perf_counter() - begun, only)
    seconds = reading.seconds
    result.seconds = Seconds(seconds.total + opening, seconds.words + opening, seconds.fields)
    return result


def _failed(document: LabelledDocument, error: Exception, seconds: float, only: Sequence[str]) -> Result:
    result = judge(document, None, only)
    result.error = f"{type(error).__name__}: {error}"
    result.seconds = Seconds(total=seconds)
    return result


def judge(document: LabelledDocument, reading: Reading | None, only: Sequence[str] = ()) -> Result:
    """Compare every labelled field and the lines of one document with its reading (``None``: it failed).

    :param only: compare these fields alone, and no lines.
    """
    result = Result(document)
    if reading is not None:
        result.pages = reading.pages
        result.values = reading.fields
    for name, truth in document.fields.items():
        if only and name not in only:
            continue
        found = reading.fields.get(name) if reading else None
        value = found.value if found else None
        if name == "document_type" and reading is not None:
            value = reading.document_type  # it stands beside the fields, without a confidence
        # A document that failed has shown nothing about fields that it doesn't have.
        right = reading is not None and value is None if truth is None else is_right(name, truth, value)
        result.outcomes.append(
            Outcome(
                document.identity or document.name,
                document.track,
                name,
                truth,
                value,
                right,
                found.confidence if found else 0.0,
            )
        )
    if document.line_items and not only:
        result.lines = [item.values for item in reading.line_items] if reading else ()
        true = [Decimal(str(a)) for line in document.line_items if (a := line.get("amount")) is not None]
        # Lines whose amounts are unknown judge no amount that was read.
        labelled = any("amount" in line for line in document.line_items)
        read = [Decimal(cells["amount"]) for cells in result.lines if labelled and "amount" in cells]
        result.lines_true, result.lines_read = len(true), len(read)
        result.lines_found = match_amounts(true, read)
    return result


def peak_memory() -> dict[str, int]:
    """Return the most memory (MiB, resident) that this process and its largest child (the sandbox) ever held."""
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB on Linux
    status = Path("/proc/self/status")
    # On Linux getrusage counts what the process that started this one held at that moment; VmHWM doesn't.
    own = re.search(r"VmHWM:\s*(\d+) kB", status.read_text("ascii")) if status.is_file() else None
    return {
        "process": round(
            int(own[1]) / 1024 if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        ),
        "largest_child": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit),
    }
