"""Whole readings of labelled documents, kept in a file: two readers are compared without reading again.

    python -m extraction.evaluation.recorded DIR... --reader NAME --write FILE [--track NAME]
    python -m extraction.evaluation.recorded DIR --reader layout --words CACHE [--held-out READINGS] --write FILE

The second form takes the words that ``extraction.training.scorer --cache`` kept, which is much faster but says nothing
of seconds. ``READINGS`` are held-out readings (``extraction.training.scorer --readings``): the labelled fields of the
recording are then those of a scorer, and their confidences those of a fit, that saw no document of the vendor. Fields
without a label stay as the shipped reader reads them, and the rules are not held out.

``NAME`` is a reader of the registry, or `STAND_IN`: Tesseract's words in front of our own rules. That one stands in for
a large model where there are no weights. It sees the same pictures with other eyes, but decides by the same rules as
``layout`` without what that has learned, so the two are **less independent than two different models**: both go wrong
together where the rules do. What is fitted on it is good for that pair alone.

The file holds what the documents say: keep it out of the repository. It is unpickled, so it must be your own.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from extraction import rules
from extraction.backends.layout import LayoutBackend, read_and_understand, understand
from extraction.documents import DocumentRefused, open_pages
from extraction.documents.lines import number_lines
from extraction.evaluation.calibrate import MODELS, Sample, choose_ridge, kept_readings, most_of, rows_of
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.fields import FIELDS
from extraction.reading.words import upright
from extraction.schema import (
    Backend,
    Box,
    FieldValue,
    Hints,
    PageImage,
    ReaderError,
    Reading,
    Seconds,
    Word,
)

STAND_IN: Final = "tesseract_rules"
_LEGIBLE = 1700  # pixels of width from which letters of ten points are as high as Tesseract was trained on


@dataclass(frozen=True, slots=True)
class Recording:
    """What one reader read, by `LabelledDocument.identity`. ``note`` says what it is, for reports."""

    reader: str
    version: str
    note: str
    readings: Mapping[str, Reading]


class TesseractRules:
    """The stand-in: Tesseract's words, the layout reader's rules. The protocol is `extraction.schema.Backend`."""

    def __init__(self) -> None:
        """:raises ReaderError: if Tesseract is not installed."""
        program = shutil.which("tesseract")
        if program is None:
            raise ReaderError("The stand-in needs Tesseract: apt-get install tesseract-ocr.")
        self.name = STAND_IN
        self._program = program
        asked = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        release = (asked.stdout or asked.stderr).split()[1]
        rules_of = hashlib.sha256(LayoutBackend(learned=False).version.encode()).hexdigest()[:6]
        self.version = f"{STAND_IN}-{release}-{rules_of}"

    def read(self, pages: Sequence[PageImage], hints: Hints) -> Reading:
        """Read one document; a text layer is not looked at.

        :raises ReaderError: if Tesseract fails on a page.
        """
        return read_and_understand(
            pages, hints, self._words_of, name=self.name, version=self.version, learned=False
        )

    def _words_of(self, page: PageImage) -> tuple[PageImage, tuple[Word, ...]]:
        page = upright(page)
        image = page.open_image()
        if image.width < _LEGIBLE:
            image = image.resize((_LEGIBLE, round(image.height * _LEGIBLE / image.width)))
        sent = io.BytesIO()
        image.save(sent, "PNG", compress_level=1)
        try:
            done = subprocess.run(
                [self._program, "-", "-", "-l", "eng", "tsv"],
                input=sent.getvalue(),
                capture_output=True,
                check=True,
                timeout=120,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise ReaderError(f"Tesseract failed on page {page.number + 1}: {error}") from error
        rows = csv.DictReader(io.StringIO(done.stdout.decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
        words = []
        for row in rows:
            text = (row["text"] or "").strip()
            if row["level"] != "5" or not text:
                continue
            left, top, width, height = (int(row[key]) for key in ("left", "top", "width", "height"))
            box = Box(
                left / image.width,
                top / image.height,
                (left + width) / image.width,
                (top + height) / image.height,
            )
            score = min(max(float(row["conf"]) / 100, 0.0), 1.0)
            words.append(Word(text, box, score, least=score))
        return page, number_lines(words, aspect=image.height / image.width)


def record(backend: Backend, documents: Iterable[LabelledDocument], path: Path, note: str = "") -> Recording:
    """Read documents whole and keep them in ``path`` as they come; what an earlier call kept there is not read again.

    One that can't be read is left out, with a line on stderr.

    :raises ValueError: if the file is of another reader or version.
    """
    recording = Recording(backend.name, backend.version, note, {})
    if path.exists():
        recording = kept(path)
        if recording.version != backend.version:
            raise ValueError(
                f"{path} is of {recording.version}, not of {backend.version}: name another file."
            )
    readings = dict(recording.readings)
    for number, document in enumerate(documents, start=1):
        if document.identity in readings:
            continue
        begun = time.perf_counter()
        try:
            reading = backend.read(open_pages(document.path), Hints())
        except (DocumentRefused, ReaderError) as error:
            sys.stderr.write(f"{document.name}: {error}\n")
            continue
        spent = Seconds(time.perf_counter() - begun, reading.seconds.words, reading.seconds.fields)
        # the words are most of the bytes and nobody compares them
        readings[document.identity] = replace(reading, words=(), seconds=spent)
        recording = replace(recording, readings=readings)
        if number % 20 == 0:
            keep(recording, path)
        sys.stderr.write(f"{number} {document.name}: {spent.total:.1f} s\n")
    keep(recording, path)
    return recording


def read_kept_words(
    name: str, documents: Iterable[LabelledDocument], cache: Path, held_out: Sequence[Sample] = ()
) -> Recording:
    """Let ``layout`` or ``layout_rules`` read words that were kept; documents without any are left out.

    :param cache: a folder of ``extraction.training.corpus.read_corpus``; it is unpickled, so it must be your own.
    :param held_out: readings to take in place of the labelled fields' own.
    """
    backend = LayoutBackend(learned=name == "layout")
    confidence = _held_out_confidence(held_out)
    of_document: dict[str, dict[str, tuple[Sample, float]]] = {}
    for sample, sure in zip(held_out, confidence, strict=True):
        of_document.setdefault(sample.document, {})[sample.evidence.field] = (sample, sure)
    readings = {}
    for document in documents:
        file = document.identity.partition("/")[2]
        kept_words = cache / (file.replace("/", "_") + ".pickle")
        pages = pickle.loads(kept_words.read_bytes()) if kept_words.exists() else None  # noqa: S301 - our own cache
        if pages is None:
            continue
        found = understand(pages, Hints(), learned=name == "layout")
        fields = dict(found.fields)
        for field in document.fields if held_out else ():
            mine = of_document.get(file, {}).get(field)
            shipped = fields.pop(field, None)
            if mine is not None:
                value = mine[0].value
                base = shipped if shipped and shipped.value == value else FieldValue(field, value, value, 0.0)
                fields[field] = replace(base, confidence=mine[1])
        values = {field: value.value for field, value in fields.items()}
        checks = rules.check(values, [item.values for item in found.table.items])
        readings[document.identity] = Reading(
            backend.name,
            backend.version,
            len(pages),
            found.document_type,
            {field: fields[field] for field in FIELDS if field in fields},
            found.table.items,
            checks,
        )
    note = "labelled fields cross-validated by vendor, rules not held out" if held_out else "not held out"
    return Recording(backend.name, backend.version, note, readings)


def _held_out_confidence(samples: Sequence[Sample], folds: int = 5) -> list[float]:
    """Return each sample's confidence by a fit on other vendors' documents."""
    if not samples:
        return []
    rows, right = rows_of(samples), np.array([s.right for s in samples], dtype=float)
    groups = [s.group for s in samples]
    _, confidence = choose_ridge(rows, most_of(samples), right, groups, MODELS[-1], folds, 0)
    return [round(float(p), 4) for p in confidence]


def keep(recording: Recording, path: Path) -> None:
    """Write a recording."""
    # No class of this module in it: run as a command, the module is called __main__.
    held = [recording.reader, recording.version, recording.note, dict(recording.readings)]
    path.write_bytes(pickle.dumps(held))


def kept(path: Path) -> Recording:
    """Return what `keep` wrote.

    :raises ValueError: if the file holds something else.
    """
    found = pickle.loads(path.read_bytes())  # noqa: S301 - our own file, named on the command line
    if not isinstance(found, list) or len(found) != 4:
        raise ValueError(f"{path} is no recording: write one with python -m extraction.evaluation.recorded")
    return Recording(*found)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.evaluation.recorded", description="Keep whole readings of labelled documents."
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--reader", required=True, help=f"a reader of the registry, or {STAND_IN}")
    parser.add_argument("--track", action="append", default=[])
    parser.add_argument(
        "--words", type=Path, metavar="CACHE", help="words kept by extraction.training.scorer"
    )
    parser.add_argument("--held-out", type=Path, metavar="READINGS", help="only with --words")
    parser.add_argument("--write", type=Path, required=True, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.words and options.reader not in ("layout", "layout_rules"):
        parser.error("--words is for layout and layout_rules: other readers look at the pages.")
    if options.held_out and (not options.words or options.reader != "layout"):
        parser.error("--held-out is for --reader layout --words CACHE.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invoiceapp.settings")
    from extraction import registry

    note = ""
    try:
        if options.reader == STAND_IN:
            backend: Backend = TesseractRules()
            note = "stand-in for a large model: Tesseract's words, our own rules"
        else:
            backend = registry.backend(options.reader)
    except ReaderError as error:
        parser.error(str(error))
    documents = [
        d
        for folder in options.folders
        for d in read_dataset(folder)
        if not options.track or d.track in options.track
    ]
    # by hash, so that what an interrupted call has read is a fair sample
    documents.sort(key=lambda d: hashlib.sha256(d.identity.encode()).digest())
    try:
        if options.words:
            held_out = kept_readings(options.held_out) if options.held_out else []
            recording = read_kept_words(options.reader, documents, options.words, held_out)
            keep(recording, options.write)
        else:
            recording = record(backend, documents, options.write, note)
    except ValueError as error:
        parser.error(str(error))
    sys.stdout.write(f"{len(recording.readings)} of {len(documents)} documents read by {backend.version}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
