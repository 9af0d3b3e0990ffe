"""How forms filled in by hand are read from photographs: ``python -m extraction.evaluation.hand_forms DIR``.

DIR holds what ``manage.py generate DIR --generator validation --family fieldform`` made (docs/generator.md), or any
documents whose truth has a ``work_order_number`` and a ``total``. Each photograph goes through the default reader as in
the product: the sandbox opens it, the sheet is laid flat, the fields are found, the gate decides what passes at a
target of 99 %. With ``--office`` the reader is also told what the truth line says an office would know. A field that is
not on the page counts as right if nothing was found. Beside all photographs the report has those whose uploader would
have been asked for another picture, and the rest.

``--times N`` reads N photographs of twelve megapixels and more beside stock rapidocr with its default settings, which
gets the file as it was taken and finds no fields; the two take turns, each in a process of its own. Needs rapidocr
(requirements-dev.txt).

``--seen FILE`` says how hard the photographs are by a measure that is none of ours: whether the right number and total
stand anywhere in stock rapidocr's text, kept in FILE. On the real photographs of the user's study they do in 94 and 96
of 100 cases; the report then adds what would be right if they did as often on these (post-stratification).

``--resume FILE`` keeps every reading in FILE, and another run with it goes on from there. Ctrl-C prints what was
measured so far.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from extraction import registry
from extraction.calibration import load_calibration
from extraction.documents import DocumentRefused, inspect, open_pages, sandbox
from extraction.evaluation.datasets import LabelledDocument, describe, read_dataset
from extraction.evaluation.measuring import judge, peak_memory
from extraction.gate import doubtful
from extraction.guarantee import error_bounds
from extraction.office import KnownVendor, Office, number_key
from extraction.schema import Backend, Hints, Reading

WATCHED: Final = ("work_order_number", "total", "invoice_date")
TARGET: Final = 0.99
OFFICES_OWN: Final = 0.95
"""The threshold that an organization has unless it is changed (``Organization.accept_threshold``); the target's own
threshold never goes below it (``extraction.services``)."""
WARNED: Final = "warned"
"""Tag of a photograph whose uploader would have been asked for another one."""
TWELVE_MEGAPIXELS: Final = 12_000_000
SEEN_ON_REAL_ONES: Final = {"work_order_number": 0.94, "total": 0.96}
"""How often stock rapidocr's text holds the right value on the 47 real photographs of the user's study."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one field: whether its value is ``right``, and whether it ``passes`` without a person."""

    right: bool
    found: bool
    passes: bool


@dataclass(frozen=True, slots=True)
class Read:
    """One photograph: its judged fields by name, and wall ``seconds`` from file to fields.

    ``tags`` are the truth's, and `WARNED`.
    """

    file: str
    tags: tuple[str, ...]
    fields: Mapping[str, Judged]
    seconds: float


def office_of(document: LabelledDocument) -> Office | None:
    """Return what the truth says an office would know; None if it says nothing."""
    said = document.office
    if not said:
        return None
    stated = {"total": said.get("stated_total", ""), "work_order_number": said.get("stated_work_order", "")}
    return Office(
        work_orders={number_key(number): number for number in said.get("work_orders", ())},
        vendors=tuple(KnownVendor(v["name"], v.get("phone", "")) for v in said.get("vendors", ())),
        stated={name: value for name, value in stated.items() if value},
    )


def passing(reading: Reading, office: Office | None) -> set[str]:
    """Return the fields that the gate lets pass at the target, with the thresholds that kept it on real documents."""
    limits = {name: max(OFFICES_OWN, load_calibration().limit_of(name, TARGET)) for name in WATCHED}
    known: set[str] = set()
    flagged: dict[str, str] = {}
    number = reading.fields.get("work_order_number")
    if office and office.work_orders and number:
        if number_key(number.value) in office.work_orders:
            known.add("work_order_number")
        else:
            flagged["work_order_number"] = "no such work order is open"
    doubts = doubtful(reading, limits, stated=office.stated if office else None, known=known, flagged=flagged)
    return {name for name in WATCHED if name in reading.fields and name not in doubts}


def read_one(document: LabelledDocument, backend: Backend, *, with_office: bool) -> Read:
    """Read a photograph and judge it; one that can't be read has everything wrong."""
    office = office_of(document) if with_office else None
    begun = time.perf_counter()
    tags = tuple(document.tags)
    reading: Reading | None = None
    try:
        reading = backend.read(open_pages(document.path), Hints(office=office))
    except Exception as error:  # noqa: BLE001 - one bad photograph must not end the evaluation
        sys.stderr.write(f"{document.name}: {type(error).__name__}: {error}\n")
    seconds = time.perf_counter() - begun
    with contextlib.suppress(DocumentRefused):
        quality = inspect(document.path).quality
        tags += (WARNED,) if quality and quality.warnings else ()
    passes = passing(reading, office) if reading else set()
    judged = {
        o.field: Judged(o.right, o.value is not None, o.field in passes)
        for o in judge(document, reading, WATCHED).outcomes
    }
    return Read(document.identity, tags, judged, seconds)


def measure(
    documents: Sequence[LabelledDocument], backend: Backend, *, with_office: bool, done: Mapping[str, Read]
) -> Iterator[tuple[Read, bool]]:
    """Yield what was read of each document, and whether it is new; what is ``done`` is not read again."""
    for document in documents:
        if document.identity in done:
            yield done[document.identity], False
        else:
            yield read_one(document, backend, with_office=with_office), True


# What is kept between runs ----------------------------------------------------------------------------


def kept(path: Path, run: Mapping[str, Any]) -> dict[str, Read]:
    """Return the readings that a file holds; a new file begins with what the run is about.

    :raises ValueError: if the file holds readings of other data, another reader, or with other knowledge.
    """
    if not path.exists():
        path.write_text(json.dumps(run) + "\n", "utf-8")
        return {}
    first, *rows = path.read_text("utf-8").splitlines() or ["{}"]
    if json.loads(first) != run:
        raise ValueError(f"{path} holds another run's readings ({first}): give another file to --resume.")
    found = {}
    for row in rows:
        with contextlib.suppress(json.JSONDecodeError):  # the last line of a run that was cut off
            entry = json.loads(row)
            fields = {name: Judged(**judged) for name, judged in entry["fields"].items()}
            found[entry["file"]] = Read(entry["file"], tuple(entry["tags"]), fields, entry["seconds"])
    return found


# The report -------------------------------------------------------------------------------------------

GROUPS: Final[tuple[tuple[str, Callable[[Sequence[str]], bool]], ...]] = (
    ("all", lambda tags: True),
    ("real digits", lambda tags: "hand:real" in tags),
    ("font's digits", lambda tags: "hand:font" in tags),
    ("hard to read", lambda tags: "hard" in tags),
    ("the others", lambda tags: "hard" not in tags),
    ("the upload asks for another picture", lambda tags: WARNED in tags),
    ("the upload takes them as they are", lambda tags: WARNED not in tags),
)


def share(count: int, whole: int) -> str:
    """Return a share with its 95 % interval (Clopper-Pearson): ``12 of 20   60.0 % [36.1, 80.9]``."""
    if not whole:
        return f"{count:4} of {whole:<4}"
    low, high = error_bounds(count, whole, 0.975)
    return f"{count:4} of {whole:<4} {100 * count / whole:5.1f} % [{100 * low:5.1f}, {100 * high:5.1f}]"


def report(rows: Sequence[Read]) -> str:
    """Return the figures: what is right, what passes at the target and how much of that is wrong, seconds."""
    lines = []
    for title, belongs in GROUPS:
        some = [row for row in rows if belongs(row.tags)]
        if not some:
            continue
        lines.append(f"\n{title}: {len(some)} photographs")
        for name in (*WATCHED, "number and total"):
            pair = WATCHED[:2] if name == "number and total" else (name,)
            judged = [[row.fields[n] for n in pair] for row in some if all(n in row.fields for n in pair)]
            right = sum(all(j.right for j in several) for several in judged)
            passed = [several for several in judged if all(j.found and j.passes for j in several)]
            wrong = sum(not all(j.right for j in several) for several in passed)
            lines.append(
                f"  {name:18} right {share(right, len(judged))}"
                f"   pass at {TARGET:.0%} {share(len(passed), len(judged))}"
                f"   of these wrong {share(wrong, len(passed))}"
            )
    seconds = sorted(row.seconds for row in rows)
    late = seconds[max(-(-len(seconds) * 95 // 100) - 1, 0)]
    lines.append(
        f"\nseconds a photograph: median {statistics.median(seconds):.2f}, 95th percentile {late:.2f}"
    )
    return "\n".join(lines) + "\n"


def weighted(rows: Sequence[Read], seen: Mapping[str, Mapping[str, bool]]) -> str:
    """Return what would be right if stock OCR saw the right values as often as on the study's real photographs.

    Each stratum (seen, not seen) counts by its share there: p = w a + (1 - w) b with a and b the shares right, and the
    interval is p +- 1.96 sqrt(w^2 a(1-a)/n + (1-w)^2 b(1-b)/m) (Cochran, Sampling Techniques, 5A.9).

    :param seen: by document and field, whether the right value stands in stock OCR's text.
    """
    lines = ["\nweighted by how often stock rapidocr sees the right value on the study's real photographs"]
    for name, weight in SEEN_ON_REAL_ONES.items():
        strata = [
            [row.fields[name].right for row in rows if name in row.fields and seen[row.file][name] is saw]
            for saw in (True, False)
        ]
        if not all(strata):
            lines.append(f"  {name:18} too few photographs to weigh")
            continue
        shares = [sum(some) / len(some) for some in strata]
        weights = (weight, 1 - weight)
        found = sum(w * p for w, p in zip(weights, shares, strict=True))
        variance = sum(
            w * w * p * (1 - p) / len(some) for w, p, some in zip(weights, shares, strata, strict=True)
        )
        reach = 1.96 * math.sqrt(variance)
        low, high = max(found - reach, 0), min(found + reach, 1)
        sees, misses = (share(sum(some), len(some)) for some in strata)
        lines.append(
            f"  {name:18} right {100 * found:.1f} % [{100 * low:.1f}, {100 * high:.1f}]: "
            f"where it sees it {sees}, elsewhere {misses}"
        )
    return "\n".join(lines) + "\n"


# Beside stock rapidocr --------------------------------------------------------------------------------


def stands_in(texts: Sequence[str], field: str, value: str) -> bool:
    """Say whether a value stands in one of the texts, whatever its marks are; a sum's cents may be lost if none."""

    def plain(text: str) -> str:
        return re.sub(r"[\W_]", "", text.casefold())

    forms = {plain(value)}
    if field == "total":
        cents = f"{Decimal(value):.2f}"
        forms = {plain(cents)} | ({plain(cents[:-3])} if cents.endswith(".00") else set())
    return any(form in plain(text) for form in forms for text in texts)


def seen_by_stock(documents: Sequence[LabelledDocument], kept_in: Path) -> dict[str, dict[str, bool]]:
    """Return by document and field whether the right value stands in stock rapidocr's text; what is kept stays."""
    seen: dict[str, dict[str, bool]] = {}
    if kept_in.exists():
        with contextlib.suppress(json.JSONDecodeError):  # the last line of a run that was cut off
            for line in kept_in.read_text("utf-8").splitlines():
                seen |= json.loads(line)
    waiting = [d for d in documents if d.identity not in seen]
    if not waiting:
        return seen
    connection, process = _start_stock()
    with kept_in.open("a", encoding="utf-8") as file:
        for number, document in enumerate(waiting):
            connection.send(str(document.path))
            _, texts = connection.recv()
            row = {n: stands_in(texts, n, str(document.fields[n])) for n in SEEN_ON_REAL_ONES}
            seen[document.identity] = row
            file.write(json.dumps({document.identity: row}) + "\n")
            file.flush()
            sys.stderr.write(f"stock rapidocr: {number + 1}/{len(waiting)} {document.name}\n")
    connection.send("")
    process.join(5)
    return seen


def _start_stock() -> tuple[Connection, multiprocessing.process.BaseProcess]:
    ours, others = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_stock, args=(others,), daemon=True)
    process.start()
    return ours, process


def _stock(connection: Connection) -> None:
    """Read with stock rapidocr every file that is named; answer with seconds and texts, until an empty name comes."""
    import logging

    from rapidocr import RapidOCR

    logging.disable(logging.WARNING)  # it logs its settings on every start
    engine: Any = RapidOCR()
    while name := connection.recv():
        begun = time.perf_counter()
        found = engine(name)
        connection.send((time.perf_counter() - begun, tuple(found.txts or ())))


def _compare_times(documents: Sequence[LabelledDocument], backend: Backend, most: int) -> int:
    large = [d for d in documents if _pixels(d.path) >= TWELVE_MEGAPIXELS]
    if not large:
        sys.stderr.write("No photograph there has twelve megapixels.\n")
        return 1
    chosen = large[:: max(len(large) // most, 1)][:most]
    ours_end, other = _start_stock()

    def ours(document: LabelledDocument) -> float:
        return read_one(document, backend, with_office=False).seconds

    def stock(document: LabelledDocument) -> float:
        ours_end.send(str(document.path))
        return float(ours_end.recv()[0])

    timed: list[tuple[float, float]] = []
    ours(chosen[0]), stock(chosen[0])  # neither is charged for loading its weights
    sys.stdout.write(f"{'photograph':40} {'ours':>6} {'stock':>6} {'ratio':>6}   whole time, seconds\n")
    with contextlib.suppress(KeyboardInterrupt):
        for number, document in enumerate(chosen):
            if number % 2:
                second = stock(document)
                first = ours(document)
            else:
                first = ours(document)
                second = stock(document)
            timed.append((first, second))
            sys.stdout.write(f"{document.name[-40:]:40} {first:6.2f} {second:6.2f} {first / second:6.2f}\n")
            sys.stdout.flush()
    sandbox.close()  # its peak is known once it has ended; stock rapidocr's process still runs and isn't counted
    memory = peak_memory()
    if timed:
        ratios = [first / second for first, second in timed]
        sys.stdout.write(
            f"{len(timed)} photographs, median: ours {statistics.median(t[0] for t in timed):.2f} s, stock "
            f"{statistics.median(t[1] for t in timed):.2f} s; ratio median {statistics.median(ratios):.2f}, "
            f"worst {max(ratios):.2f}\n"
        )
    sys.stdout.write(
        f"peak memory: our process {memory['process']} MiB, its sandbox {memory['largest_child']} MiB\n"
    )
    with contextlib.suppress(OSError):
        ours_end.send("")
    other.join(5)
    return 0


def _pixels(path: Path) -> int:
    from PIL import Image

    with Image.open(path, formats=["JPEG", "PNG"]) as image:
        return image.width * image.height


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; exit with 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="extraction.evaluation.hand_forms",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with truth.jsonl")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N photographs")
    parser.add_argument(
        "--office", action="store_true", help="tell the reader what the office would know beforehand"
    )
    parser.add_argument("--times", type=int, metavar="N", help="compare times with stock rapidocr instead")
    parser.add_argument(
        "--seen", type=Path, metavar="FILE", help="weigh by what stock rapidocr sees, which is kept there"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="keep every reading there and go on from it"
    )
    options = parser.parse_args(arguments)
    for name in ("limit", "times"):
        if (number := getattr(options, name)) is not None and number < 1:
            parser.error(f"--{name}: give a number from 1 up")
    try:
        documents = [
            d
            for d in read_dataset(options.folder)
            if d.fields.get("work_order_number") is not None and d.fields.get("total") is not None
        ][: options.limit]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if not documents:
        parser.error(f"{options.folder} holds no document whose truth has a work_order_number and a total.")
    if options.office and not any(d.office for d in documents):
        parser.error(f"--office: the truth in {options.folder} doesn't say what an office would know.")
    backend = registry.backend(registry.DEFAULT)
    if options.times:
        return _compare_times(documents, backend, options.times)
    run = {"data": asdict(describe(options.folder)), "reader": backend.version, "office": options.office}
    try:
        done = kept(options.resume, run) if options.resume else {}
    except (OSError, ValueError) as error:
        parser.error(str(error))
    rows: list[Read] = []
    stopped = False
    begun = time.monotonic()
    fresh = 0
    try:
        for row, new in measure(documents, backend, with_office=options.office, done=done):
            rows.append(row)
            if not new:
                continue
            fresh += 1
            if options.resume:
                with options.resume.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
            left = (time.monotonic() - begun) / fresh * (len(documents) - len(rows))
            marks = " ".join(f"{name}{'+' if j.right else '-'}" for name, j in row.fields.items())
            sys.stderr.write(
                f"{len(rows)}/{len(documents)} {Path(row.file).name} {row.seconds:.1f} s {marks}; {left:.0f} s left\n"
            )
    except KeyboardInterrupt:
        stopped = True
        sys.stdout.write(f"Stopped after {len(rows)} of {len(documents)} photographs.\n")
    if rows:
        sys.stdout.write(
            f"{backend.name} {backend.version}, {options.folder.resolve().name}"
            f"{', with what the office knows' if options.office else ''}\n{report(rows)}"
        )
        if options.seen and not stopped:
            sys.stdout.write(weighted(rows, seen_by_stock(documents, options.seen)))
    return 130 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
