"""Times the reading of scanned documents beside stock rapidocr: ``python -m extraction.evaluation.ocr_speed DIR...``.

Documents with a page that has a sound text layer are left out, it needs no recognition. Ours is the whole of it: the
sandbox opens the file, the pages are set upright and read, the fields are found. Stock rapidocr, with its default
settings, gets the decoded pictures of the same pages. The two take turns document by document, so that whatever else
the machine does meets both alike. Needs rapidocr (requirements-dev.txt).

With ``--accuracy`` no times are compared but fields: each document is read as it always is, by the fast network with
the doubtful lines read again, and once more with every line read by the full-size network, all else being equal. That
needs folders with ``truth.jsonl``.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from extraction.backends.layout import LayoutBackend
from extraction.documents import DocumentRefused, open_pages
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.evaluation.measuring import Result, judge
from extraction.reading.ocr import ocr_version
from extraction.reading.words import read_words
from extraction.schema import Hints, PageImage, Reading

Found = TypeVar("Found")

SUFFIXES = frozenset((".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".heic"))


@dataclass(frozen=True, slots=True)
class Timing:
    """What each engine took for one document, in seconds a page, and the characters it found (without white space).

    ``ours`` is wall time; ``opening``, ``words`` and ``fields`` are its parts. ``processor`` is processor time, opening
    counted by its wall time because it happens in another process; so is ``stock_processor``. Both depend less
    on what else the machine does, but don't show how well an engine uses two cores.
    """

    document: str
    pages: int
    opening: float
    words: float
    fields: float
    processor: float
    stock: float
    stock_processor: float
    characters: int
    stock_characters: int

    @property
    def ours(self) -> float:
        return self.opening + self.words + self.fields


@dataclass(frozen=True, slots=True)
class Compared:
    """A labelled document read with the fast network and with the full-size one: results, seconds for the words."""

    document: LabelledDocument
    fast: Result
    full: Result
    fast_seconds: float
    full_seconds: float

    @property
    def gained(self) -> int:
        """Fields that only the fast reading has right, less those that only the full-size one has."""
        return sum(o.right for o in self.fast.outcomes) - sum(o.right for o in self.full.outcomes)


def compare_times(files: Sequence[Path], *, most: int) -> Iterator[Timing]:
    """Yield the timings of up to ``most`` documents that need recognition."""
    import numpy as np
    from rapidocr import RapidOCR

    logging.disable(logging.WARNING)  # it logs its settings on every start
    stock: Any = RapidOCR()
    backend = LayoutBackend()
    warm = False
    for file in files:
        if most <= 0:
            return
        begun = time.perf_counter()
        pages = _opened(file)
        opening = time.perf_counter() - begun
        if not pages or any(page.text_words is not None for page in pages):
            continue
        if not warm:  # neither is charged for loading its weights, nor ours for starting the sandbox
            backend.read(pages, Hints())
            stock(np.asarray(pages[0].open_image())[:, :, ::-1])
            warm = True
            begun = time.perf_counter()
            open_pages(file)
            opening = time.perf_counter() - begun
        processor = time.process_time()
        reading = backend.read(pages, Hints())
        processor = time.process_time() - processor
        pictures = [np.asarray(page.open_image())[:, :, ::-1] for page in pages]
        begun, used = time.perf_counter(), time.process_time()
        texts = [text for picture in pictures for text in stock(picture).txts or ()]
        stock_seconds, stock_processor = time.perf_counter() - begun, time.process_time() - used
        count = len(pages)
        most -= 1
        yield Timing(
            document=file.name,
            pages=count,
            opening=opening / count,
            words=reading.seconds.words / count,
            fields=(reading.seconds.total - reading.seconds.words) / count,
            processor=(opening + processor) / count,
            stock=stock_seconds / count,
            stock_processor=stock_processor / count,
            characters=sum(len(word.text) for words in reading.words for word in words),
            stock_characters=sum(len("".join(text.split())) for text in texts),
        )


def compare_accuracy(documents: Sequence[LabelledDocument], *, most: int) -> Iterator[Compared]:
    """Yield up to ``most`` labelled documents with a page that needs recognition, read both ways."""
    backend = LayoutBackend()
    for document in documents:
        if most <= 0:
            return
        pages = _opened(document.path)
        if all(page.text_words is not None for page in pages):
            continue
        most -= 1
        fast, fast_seconds = _read(backend, pages, careful=False)
        full, full_seconds = _read(backend, pages, careful=True)
        yield Compared(document, judge(document, fast), judge(document, full), fast_seconds, full_seconds)


def _read(backend: LayoutBackend, pages: Sequence[PageImage], *, careful: bool) -> tuple[Reading, float]:
    begun = time.perf_counter()
    read = [read_words(page, careful=careful) for page in pages]
    seconds = time.perf_counter() - begun
    return backend.read(
        [replace(page, text_words=words, unread=()) for page, words in read], Hints()
    ), seconds


def _opened(file: Path) -> list[PageImage]:
    try:
        return open_pages(file)
    except DocumentRefused as refusal:
        sys.stderr.write(f"{file.name}: {refusal.message}\n")
        return []


def _spread(found: Sequence[Any], most: int) -> Sequence[Any]:
    """Take a few from all over a folder; twice as many as wanted, for not all of them need recognition."""
    return found[:: max(len(found) // (most * 2), 1)]


def _until_stopped(found: Iterator[Found]) -> Iterator[Found]:
    """Pass on what is found; Ctrl-C ends it like the last document, so that what was measured is reported."""
    with contextlib.suppress(KeyboardInterrupt):
        yield from found


def _report_times(folders: Sequence[tuple[Sequence[Path], int]]) -> int:
    sys.stdout.write(
        f"{ocr_version()}, whole reading, beside stock rapidocr; seconds a page\n"
        f"{'document':40} {'pages':>5} {'open':>5} {'words':>6} {'fields':>6} {'ours':>6} {'stock':>6} {'ratio':>6}"
        f" {'(proc.)':>7}  characters\n"
    )
    timings = []
    for t in _until_stopped(
        t for files, most in folders for t in compare_times(_spread(files, most), most=most)
    ):
        timings.append(t)
        sys.stdout.write(
            f"{t.document[-40:]:40} {t.pages:5} {t.opening:5.2f} {t.words:6.2f} {t.fields:6.2f} {t.ours:6.2f}"
            f" {t.stock:6.2f} {t.ours / t.stock:6.2f} {t.processor / t.stock_processor:7.2f}"
            f"  {t.characters} / {t.stock_characters}\n"
        )
        sys.stdout.flush()
    if not timings:
        sys.stderr.write("No document there needs recognition.\n")
        return 1
    for label, ours, stock in (
        ("wall", [t.ours for t in timings], [t.stock for t in timings]),
        ("processor", [t.processor for t in timings], [t.stock_processor for t in timings]),
    ):
        ratios = sorted(a / b for a, b in zip(ours, stock, strict=True))
        sys.stdout.write(
            f"{label} time of {len(timings)} documents, median: ours {statistics.median(ours):.2f} s a page, "
            f"stock {statistics.median(stock):.2f} s; ratio {statistics.median(ratios):.2f}, "
            f"nine in ten below {ratios[max(-(-len(ratios) * 9 // 10) - 1, 0)]:.2f}, worst {ratios[-1]:.2f}\n"
        )
    return 0


def _report_accuracy(folders: Sequence[tuple[Sequence[LabelledDocument], int]]) -> int:
    sys.stdout.write(
        f"{ocr_version()}: fields right, fast and full-size recognition; documents that differ\n"
    )
    compared = []
    for one in _until_stopped(
        c for labelled, most in folders for c in compare_accuracy(_spread(labelled, most), most=most)
    ):
        compared.append(one)
        if one.gained:
            fields = [
                f"{'+' if a.right else '-'}{a.field}"
                for a, b in zip(one.fast.outcomes, one.full.outcomes, strict=True)
                if a.right != b.right
            ]
            sys.stdout.write(f"{one.gained:+3} {one.document.name[-44:]:44} {' '.join(fields)}\n")
            sys.stdout.flush()
    if not compared:
        sys.stderr.write("No labelled document there needs recognition.\n")
        return 1
    for track in [*sorted({one.document.track for one in compared}), ""]:
        some = [one for one in compared if track in ("", one.document.track)]
        fast = sum(o.right for one in some for o in one.fast.outcomes)
        full = sum(o.right for one in some for o in one.full.outcomes)
        sys.stdout.write(
            f"{track or 'all':16} {len(some):4} documents: {fast} fields right, full-size {full}, "
            f"of {sum(len(one.fast.outcomes) for one in some)}; fast better on {sum(one.gained > 0 for one in some)}, "
            f"worse on {sum(one.gained < 0 for one in some)}; words in {sum(one.fast_seconds for one in some):.0f} s, "
            f"full-size {sum(one.full_seconds for one in some):.0f} s\n"
        )
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per document, then the medians and ratios, or the fields that are right."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", help="folders with documents, or documents")
    parser.add_argument(
        "--documents",
        type=int,
        metavar="N",
        help="most documents of each folder (default: 20; with --accuracy all)",
    )
    parser.add_argument(
        "--accuracy",
        action="store_true",
        help="compare the fields with those that full-size recognition finds",
    )
    options = parser.parse_args(arguments)
    if options.documents is not None and options.documents < 1:
        parser.error("--documents: give a number from 1 up")
    if options.accuracy:
        try:
            labelled = [list(read_dataset(folder)) for folder in options.folders]
        except (OSError, ValueError) as error:
            parser.error(str(error))
        return _report_accuracy([(some, options.documents or len(some)) for some in labelled])
    most = options.documents or 20
    return _report_times([(_files(folder), most) for folder in options.folders])


def _files(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    return [file for file in found if file.suffix.lower() in SUFFIXES]


if __name__ == "__main__":
    sys.exit(main())
