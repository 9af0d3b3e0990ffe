"""Times our recognition beside stock rapidocr on the same pages: ``python -m extraction.evaluation.ocr_speed DIR``.

Pages with a sound text layer are left out, they need no recognition. The two take turns page by page, so that
whatever else the machine does meets both alike. Needs rapidocr (requirements-dev.txt).
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extraction.documents import DocumentRefused, open_pages
from extraction.reading.ocr import ocr_version
from extraction.reading.words import read_words
from extraction.schema import PageImage

SUFFIXES = frozenset((".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".heic"))


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that each engine took for one page, and the characters it found (without white space)."""

    page: str
    ours: float
    stock: float
    our_characters: int
    stock_characters: int


def compare(files: Sequence[Path], *, most_pages: int) -> Iterator[Timing]:
    """Yield the timings of up to ``most_pages`` pages, spread over the files.

    Ours includes decoding the picture, finding which way is up, reading and turning the page; stock
    rapidocr gets the decoded picture and its default settings.
    """
    import numpy as np
    from rapidocr import RapidOCR

    logging.disable(logging.WARNING)  # it logs its settings on every start
    stock: Any = RapidOCR()
    pages = list(_pages_without_text(files, most_pages))
    if pages:  # neither is charged for loading its weights
        read_words(pages[0][1])
        stock(np.asarray(pages[0][1].open_image())[:, :, ::-1])
    for name, page in pages:
        started = time.perf_counter()
        _, words = read_words(page)
        ours = time.perf_counter() - started
        pixels = np.asarray(page.open_image())[:, :, ::-1]
        started = time.perf_counter()
        found = stock(pixels)
        theirs = time.perf_counter() - started
        yield Timing(
            page=name,
            ours=ours,
            stock=theirs,
            our_characters=sum(len(word.text) for word in words),
            stock_characters=sum(len("".join(text.split())) for text in found.txts or ()),
        )


def _pages_without_text(files: Sequence[Path], most_pages: int) -> Iterator[tuple[str, PageImage]]:
    left = most_pages
    for file in files:
        try:
            pages = open_pages(file)
        except DocumentRefused as refusal:
            sys.stderr.write(f"{file.name}: {refusal.message}\n")
            continue
        for page in pages:
            if page.text_words is None:
                yield f"{file.name}#{page.number + 1}", page
                left -= 1
                if not left:
                    return


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per page, then the medians and the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a folder with documents, or one document")
    parser.add_argument("--pages", type=int, default=20, help="most pages to time (default: 20)")
    options = parser.parse_args(arguments)
    found = sorted(options.folder.rglob("*")) if options.folder.is_dir() else [options.folder]
    files = [file for file in found if file.suffix.lower() in SUFFIXES]
    step = max(len(files) // (options.pages * 2), 1)
    timings = []
    sys.stdout.write(
        f"{ocr_version()} beside stock rapidocr\n{'page':44} {'ours s':>7} {'stock s':>8} {'ratio':>6}  characters\n"
    )
    for timing in compare(files[::step], most_pages=options.pages):
        timings.append(timing)
        sys.stdout.write(
            f"{timing.page[-44:]:44} {timing.ours:7.2f} {timing.stock:8.2f} {timing.ours / timing.stock:6.2f}"
            f"  {timing.our_characters} / {timing.stock_characters}\n"
        )
        sys.stdout.flush()
    if not timings:
        sys.stderr.write("No page there needs recognition.\n")
        return 1
    sys.stdout.write(
        f"median of {len(timings)} pages: ours {statistics.median(t.ours for t in timings):.2f} s, "
        f"stock {statistics.median(t.stock for t in timings):.2f} s, "
        f"ratio {statistics.median(t.ours / t.stock for t in timings):.2f} "
        f"(worst {max(t.ours / t.stock for t in timings):.2f})\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
