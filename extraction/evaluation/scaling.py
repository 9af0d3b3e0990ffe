"""Time and memory by the number of pages: ``python -m extraction.evaluation.scaling [--pdf FILE]``.

Makes documents of 1 to 100 pages out of generated ones (``manage.py generate``), born-digital and scanned, or out of
the pages of a given PDF, repeated as often as needed. Each is read in a process of its own, from the file to the
fields, as a worker would read it. Printed are, per document, wall and processor seconds and the most memory that the
process and the sandbox's child held; then, per kind, the straight line through the figures and how far they are off it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from extraction.documents import DEFAULT_LIMITS, DocumentRefused, open_pages, sandbox
from extraction.evaluation.measuring import peak_memory

SIZES = (1, 5, 10, 25, 50, 100)

MOST_MEMORY = 1144
"""MiB (1.2 GB) that a worker and the sandbox beside it may hold together at most."""

_MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
_FAMILIES = ("trade", "material", "rental", "ticket", "progress", "pay_application")
_MADE = 60  # documents to take pages from; together they have more than a hundred


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading one document took, in a process that had read nothing before.

    ``seconds`` of wall time are those of ``opening`` (in the sandbox), ``words`` and ``fields``, weights loaded on
    the way; ``processor`` are seconds of processor time with the sandbox's. ``process`` and ``child`` are the most
    memory, MiB resident, of the process and of the sandbox's largest child; ``found`` counts the fields.
    """

    pages: int
    opening: float
    words: float
    fields: float
    processor: float
    process: int
    child: int
    found: int

    @property
    def seconds(self) -> float:
        return self.opening + self.words + self.fields

    @property
    def memory(self) -> int:
        """MiB of both processes together, as if both peaks fell into one moment."""
        return self.process + self.child


@dataclass(frozen=True, slots=True)
class Line:
    """The straight line through figures by pages (least squares); ``deviation`` is the largest difference from it."""

    slope: float
    intercept: float
    deviation: float


def straight_line(pages: Sequence[int], figures: Sequence[float]) -> Line:
    """Fit ``figure = intercept + slope * pages``.

    :raises ValueError: with fewer than two different sizes.
    """
    if len(set(pages)) < 2:
        raise ValueError("A line needs documents of at least two sizes: give --pages two numbers or more.")
    slope, intercept = (float(x) for x in np.polyfit(pages, figures, 1))
    fitted = intercept + slope * np.asarray(pages, dtype=float)
    return Line(slope, intercept, float(np.abs(np.asarray(figures, dtype=float) - fitted).max()))


def read_one(path: Path) -> Cost:
    """Read a document in this process, as a worker does, and say what it cost.

    :raises extraction.documents.DocumentRefused: if the file can't be opened.
    """
    from dataclasses import replace

    from extraction.backends.layout import LayoutBackend
    from extraction.reading.words import read_words
    from extraction.schema import Hints

    begun = time.perf_counter()
    pages = open_pages(path)
    opened = time.perf_counter()
    read = [read_words(page) for page in pages]
    words_done = time.perf_counter()
    reading = LayoutBackend().read([replace(page, text_words=words) for page, words in read], Hints())
    done = time.perf_counter()
    sandbox.close()  # only a process that has ended is counted among the children
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    memory = peak_memory()
    return Cost(
        pages=len(pages),
        opening=opened - begun,
        words=words_done - opened,
        fields=done - words_done,
        processor=sum(use.ru_utime + use.ru_stime for use in used),
        process=memory["process"],
        child=memory["largest_child"],
        found=len(reading.fields),
    )


def read_apart(path: Path) -> Cost:
    """Do the same in a fresh process.

    :raises RuntimeError: if that process failed; the message holds its last words.
    """
    done = subprocess.run(
        [sys.executable, "-m", "extraction.evaluation.scaling", "--one", str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=_MANAGE.parent,
    )
    if done.returncode:
        raise RuntimeError(f"Reading {path.name} failed: {done.stderr.strip()[-500:]}")
    return Cost(**json.loads(done.stdout))


def generate_pages(folder: Path, *, scanned: bool) -> list[Path]:
    """Generate documents to take pages from; always the same ones.

    :raises RuntimeError: if the generator failed.
    """
    done = subprocess.run(
        [sys.executable, str(_MANAGE), "generate", str(folder), "--seed", "77", "--count", str(_MADE),
         "--scans", "1" if scanned else "0", "--family", *_FAMILIES],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"manage.py generate failed: {done.stderr.strip()[-500:]}")
    return sorted((folder / "files").glob("*.pdf"))


def bind(sources: Sequence[Path], pages: int, target: Path) -> None:
    """Write a PDF of so many pages: those of the sources in turn, from the first again where they don't suffice.

    :raises ValueError: if it would be larger than a document may be.
    """
    import pypdfium2

    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(contextlib.closing(pypdfium2.PdfDocument(source))) for source in sources
        ]
        bound = stack.enter_context(contextlib.closing(pypdfium2.PdfDocument.new()))
        places = [(pdf, number) for pdf in opened for number in range(len(pdf))]
        for index in range(pages):
            pdf, number = places[index % len(places)]
            bound.import_pages(pdf, [number])
        bound.save(target)
    if target.stat().st_size > DEFAULT_LIMITS.file_bytes:
        raise ValueError(
            f"{pages} pages of this PDF make a file larger than the {DEFAULT_LIMITS.file_bytes >> 20} MB that may be "
            "uploaded: give a PDF with smaller pages, or fewer --pages."
        )


def report(name: str, costs: Sequence[Cost]) -> str:
    """Return the straight lines through one kind's figures as text, and whether the memory suffices."""
    pages = [cost.pages for cost in costs]
    rows = [
        ("wall seconds", [cost.seconds for cost in costs], 3),
        ("processor seconds", [cost.processor for cost in costs], 3),
        ("of them fields, wall", [cost.fields for cost in costs], 3),
        ("memory, MiB", [float(cost.memory) for cost in costs], 1),
    ]
    text = []
    for label, figures, digits in rows:
        line = straight_line(pages, figures)
        text.append(
            f"{name}, {label}: {line.slope:.{digits}f} a page + {line.intercept:.{digits}f}, "
            f"at most {line.deviation:.{digits}f} off ({line.deviation / max(figures):.0%} of the largest)"
        )
    most = max(cost.memory for cost in costs)
    verdict = "within" if most < MOST_MEMORY else "MORE THAN"
    text.append(f"{name}: at most {most} MiB, {verdict} the {MOST_MEMORY} MiB of a worker")
    return "\n".join(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row per document and the lines per kind; 1 if a worker's memory would not suffice."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pages", type=int, nargs="+", default=SIZES, metavar="N", help=f"sizes (default: {SIZES})"
    )
    material = parser.add_mutually_exclusive_group()
    material.add_argument(
        "--kind", choices=("born-digital", "scanned"), help="only this kind of generated document"
    )
    material.add_argument("--pdf", type=Path, metavar="FILE", help="repeat this PDF's pages instead")
    parser.add_argument(
        "--one", type=Path, metavar="FILE", help="read one document here, print its cost as JSON"
    )
    options = parser.parse_args(arguments)
    if options.one:
        try:
            cost = read_one(options.one)
        except DocumentRefused as refusal:
            sys.stderr.write(f"{refusal.message}\n")
            return 1
        sys.stdout.write(json.dumps(asdict(cost)) + "\n")
        return 0
    if min(options.pages) < 1 or max(options.pages) > DEFAULT_LIMITS.pages or len(set(options.pages)) < 2:
        parser.error(f"--pages: give two or more different numbers from 1 to {DEFAULT_LIMITS.pages}")
    kinds = (
        [options.pdf.name] if options.pdf else [options.kind] if options.kind else ["born-digital", "scanned"]
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _measure(kinds, options.pdf, sorted(set(options.pages)), Path(folder))
    except (OSError, ValueError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _measure(kinds: Sequence[str], pdf: Path | None, sizes: Sequence[int], folder: Path) -> int:
    sys.stdout.write(
        f"{'kind':14} {'pages':>5} {'wall s':>7} {'proc. s':>8}  {'open':>6} {'words':>7} {'fields':>7}"
        f"  {'process':>7} + {'child':>5} MiB  fields\n"
    )
    lines, most = [], 0
    for kind in kinds:
        sources = [pdf] if pdf else generate_pages(folder / kind, scanned=kind == "scanned")
        costs = []
        for pages in sizes:
            target = folder / f"{pages}.pdf"
            bind(sources, pages, target)
            cost = read_apart(target)
            costs.append(cost)
            sys.stdout.write(
                f"{kind[:14]:14} {cost.pages:5} {cost.seconds:7.2f} {cost.processor:8.2f}  {cost.opening:6.2f} "
                f"{cost.words:7.2f} {cost.fields:7.2f}  {cost.process:7} + {cost.child:5}      {cost.found:6}\n"
            )
            sys.stdout.flush()
        lines.append(report(kind, costs))
        most = max(most, *(cost.memory for cost in costs))
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if most < MOST_MEMORY else 1


if __name__ == "__main__":
    sys.exit(main())
