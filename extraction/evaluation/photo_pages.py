"""What laying photographs flat earns: ``python -m extraction.evaluation.photo_pages DIR [DIR ...] [--limit N]``.

Every picture is read twice, as it was taken and with its sheet laid flat, in turns, so that whatever else the
machine does meets both alike. A value counts as *in the words* if a text with which it is printed stands somewhere
among the words of the pages, and as *right* if the embedded reader chose it. ``--compare-only`` reads nothing and
says how many documents come out byte for byte the same either way: all that are no photographs of a sheet on
something else should. Ctrl-C prints what was measured so far.
``--times`` prints the processor seconds of each step on one core, for pictures of ten megapixels and more.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path

from extraction.backends.layout import LayoutBackend
from extraction.documents import DocumentRefused, open_pages
from extraction.documents.pictures import READING_PIXELS
from extraction.documents.quality import measure_quality
from extraction.documents.sheet import clean, find_sheet, lay_flat
from extraction.evaluation.comparison import is_right
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.evaluation.significance import mcnemar
from extraction.schema import Hints, PageImage, Word

WATCHED = ("work_order_number", "total", "invoice_date")


@dataclass(slots=True)
class Way:
    """One way of opening a document: how many words it gave, which values were in them and which were read right."""

    seconds: float = 0.0
    words: int = 0
    present: dict[str, bool] = field(default_factory=dict)
    right: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pair:
    """One document both ways. ``flat`` says that a sheet was found in it."""

    document: LabelledDocument
    flat: bool
    taken: Way
    straightened: Way


def measure(documents: Iterable[LabelledDocument]) -> Iterable[Pair]:
    """Yield what both ways find in each document.

    :raises ReaderError: if the recogniser's weights are not installed.
    """
    backend = LayoutBackend()
    for number, document in enumerate(documents):
        ways: dict[bool, Way] = {}
        flat = False
        for as_taken in (True, False) if number % 2 else (False, True):
            begun = time.perf_counter()
            pages = open_pages(document.path, as_taken=as_taken)
            way = _read(document, pages, backend)
            way.seconds = time.perf_counter() - begun
            ways[as_taken] = way
            flat = flat or any(page.outline for page in pages)
        yield Pair(document, flat, ways[True], ways[False])


def _read(document: LabelledDocument, pages: Sequence[PageImage], backend: LayoutBackend) -> Way:
    reading = backend.read(pages, Hints())
    way = Way(words=sum(len(words) for words in reading.words))
    lines = _lines(word for words in reading.words for word in words)
    for name, truth in document.fields.items():
        if truth is None or name in ("document_type", "currency"):
            continue
        value = reading.fields.get(name)
        way.right[name] = is_right(name, truth, value.value if value else None)
        if texts := document.printed.get(name):
            way.present[name] = any(all(_plain(part) in lines for part in text.split("\n")) for text in texts)
    return way


def _lines(words: Iterable[Word]) -> str:
    return " ".join(_plain("".join(w.text for w in line)) for _, line in groupby(words, key=lambda w: w.line))


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def _print(title: str, pairs: Sequence[Pair]) -> None:
    flat = sum(pair.flat for pair in pairs)
    sys.stdout.write(f"\n{title}: {len(pairs)} pictures, {flat} laid flat\n")
    if not pairs:
        return
    sys.stdout.write(f"{'':34} {'values':>6} {'as taken':>9} {'flat':>9}   only taken / only flat    p\n")
    for what in ("present", "right"):
        for name in (*WATCHED, "all fields"):
            both = [
                (getattr(pair.taken, what)[f], getattr(pair.straightened, what)[f])
                for pair in pairs
                for f in getattr(pair.taken, what)
                if name in (f, "all fields")
            ]
            if not both:
                continue
            taken, straight = (100 * sum(side) / len(both) for side in zip(*both, strict=True))
            lost, won = sum(a and not b for a, b in both), sum(b and not a for a, b in both)
            label = f"{name} {'in the words' if what == 'present' else 'read right'}"
            sys.stdout.write(
                f"{label:34} {len(both):6} {taken:7.1f} % {straight:7.1f} %   {lost:10} / {won:<9} "
                f"{mcnemar(lost, won):.3f}\n"
            )
    for label, unit, values in (
        ("words a picture, median", "", [(p.taken.words, p.straightened.words) for p in pairs]),
        ("seconds a picture, median", " s", [(p.taken.seconds, p.straightened.seconds) for p in pairs]),
    ):
        taken, straight = (statistics.median(side) for side in zip(*values, strict=True))
        sys.stdout.write(f"{label:34} {'':6} {taken:7.2f}{unit:2} {straight:7.2f}{unit}\n")


def _compare_only(documents: Sequence[LabelledDocument]) -> None:
    """Print which documents are changed at all, and how many are not."""
    changed = same = 0
    for document in documents:
        try:
            pages, taken = open_pages(document.path), open_pages(document.path, as_taken=True)
        except DocumentRefused as refusal:
            sys.stderr.write(f"{document.name}: {refusal.message}\n")
            continue
        except KeyboardInterrupt:
            break
        if [page.picture for page in pages] == [page.picture for page in taken]:
            same += 1
        else:
            changed += 1
            sys.stdout.write(f"laid flat: {document.name} ({document.track})\n")
    sys.stdout.write(f"{same} of {same + changed} documents byte for byte the same either way\n")


def _times(documents: Sequence[LabelledDocument]) -> None:
    """Print the processor seconds of finding, laying flat and judging; files are decoded here, so only trusted ones."""
    import cv2
    import numpy as np
    from PIL import Image

    cv2.setNumThreads(0)
    spent: dict[str, list[float]] = {"find the sheet": [], "lay it flat": [], "clean it": [], "judge it": []}
    for document in documents:
        if document.path.suffix.lower() == ".pdf":
            continue
        image = Image.open(document.path).convert("RGB")
        if image.width * image.height < 10_000_000:
            continue
        pixels = np.asarray(image)
        marks = [time.process_time()]
        sheet = find_sheet(pixels)
        marks.append(time.process_time())
        if sheet is None or sheet.cut:
            continue
        flat = lay_flat(pixels, sheet, READING_PIXELS)
        marks.append(time.process_time())
        clean(flat)
        marks.append(time.process_time())
        measure_quality(Image.fromarray(flat), width=image.width, height=image.height)
        marks.append(time.process_time())
        for step, (begun, ended) in zip(spent, pairwise(marks), strict=True):
            spent[step].append(ended - begun)
    for step, seconds in spent.items():
        if seconds:
            sys.stdout.write(
                f"{step:16} median {statistics.median(seconds):.3f} s, longest {max(seconds):.3f} s "
                f"({len(seconds)} pictures)\n"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures for each folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument(
        "--tag", action="append", default=[], help="only documents with this tag (repeatable)"
    )
    parser.add_argument("--limit", type=int, help="at most this many documents of each folder")
    parser.add_argument("--compare-only", action="store_true", help="compare the pages' bytes, read nothing")
    parser.add_argument("--times", action="store_true", help="time the steps alone, read nothing")
    options = parser.parse_args(arguments)
    for folder in options.folders:
        chosen = [d for d in read_dataset(folder) if not options.tag or set(options.tag) & set(d.tags)]
        chosen = chosen[: options.limit]
        if options.compare_only or options.times:
            (_compare_only if options.compare_only else _times)(chosen)
            continue
        pairs = []
        try:
            for number, pair in enumerate(measure(chosen), start=1):
                pairs.append(pair)
                sys.stderr.write(
                    f"{number}/{len(chosen)} {pair.document.name}{' flat' if pair.flat else ''}\n"
                )
        except KeyboardInterrupt:
            sys.stdout.write("Stopped.\n")
        _print(folder.name, pairs)
        if phones := [pair for pair in pairs if "phone" in pair.document.tags]:
            _print(f"{folder.name}, phones alone", phones)
    return 0


if __name__ == "__main__":
    sys.exit(main())
