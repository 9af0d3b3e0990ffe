"""Fit the confidence of a reader that asks a model (or reads with docTR) on labelled real documents.

    python -m extraction.evaluation.calibrate_scores --backend NAME DIR... [--track NAME] [--write FILE]

Reads every document with the reader as the settings describe it, compares each labelled field and fits two
numbers from the raw score to "right" (`extraction.backends.generative.certainty.fit_certainty`). What it reports is
cross-validated with all documents of a vendor in one fold; what it writes is fitted on all of them and
named in the reader's setting (``LLAMA_CALIBRATION`` and so on). Values that are not on the page are left out: no
score lets them pass. Generated documents don't belong here.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from extraction.backends.generative.certainty import Certainty, fit_certainty
from extraction.documents import DocumentRefused, open_pages
from extraction.evaluation.calibrate import report
from extraction.evaluation.comparison import is_right
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.evaluation.metrics import Outcome
from extraction.schema import Backend, Hints, ReaderError

LEAST = 60
"""Fewer labelled values than this give a curve that the next ten would bend."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One value that was read for a labelled field; ``group`` names its vendor."""

    document: str
    track: str
    group: str
    field: str
    value: str
    score: float
    right: bool


def collect(backend: Backend, documents: Iterable[LabelledDocument]) -> Iterator[Scored]:
    """Read documents and yield one sample per labelled field that a value on the page was read for."""
    for document in documents:
        try:
            reading = backend.read(open_pages(document.path), Hints())
        except (DocumentRefused, ReaderError) as error:
            sys.stderr.write(f"{document.name}: {error}\n")
            continue
        group = re.sub(r"\W", "", str(document.fields.get("vendor_name") or document.name).lower())
        for name, truth in document.fields.items():
            found = reading.fields.get(name)
            if found is not None and found.grounded and truth is not None:
                yield Scored(
                    document.name,
                    document.track,
                    group,
                    name,
                    found.value,
                    found.score,
                    is_right(name, truth, found.value),
                )


def cross_validate(samples: Sequence[Scored], folds: int) -> list[Outcome]:
    """Return each sample with the confidence given by a fit that saw none of its vendor's documents."""
    groups = sorted({s.group for s in samples})
    order = np.random.default_rng(0).permutation(len(groups))
    fold_of = {groups[k]: position % folds for position, k in enumerate(order.tolist())}
    outcomes: list[Outcome] = []
    for fold in range(folds):
        held = [s for s in samples if fold_of[s.group] == fold]
        rest = [s for s in samples if fold_of[s.group] != fold]
        if not held or len({s.right for s in rest}) < 2:
            continue
        fitted = Certainty("held-out", *fit_certainty([s.score for s in rest], [s.right for s in rest]))
        outcomes += [
            Outcome(
                s.document,
                s.track,
                s.field,
                None,
                s.value,
                s.right,
                fitted.confidence_of(s.score, grounded=True),
            )
            for s in held
        ]
    return outcomes


def save(samples: Sequence[Scored], reader: str, path: Path) -> str:
    """Write the fit for a reader and return its version.

    :param reader: the reader's version without its code and its calibration.
    :raises ValueError: if there are too few values, or none of one kind.
    """
    if len(samples) < LEAST:
        raise ValueError(f"{len(samples)} labelled values were read; at least {LEAST} are needed for a fit.")
    intercept, slope = fit_certainty([s.score for s in samples], [s.right for s in samples])
    digest = hashlib.sha256(f"{intercept:.6f}/{slope:.6f}".encode()).hexdigest()[:6]
    version = f"real-{len(samples)}-{digest}"
    documents, vendors = len({s.document for s in samples}), len({s.group for s in samples})
    content = {
        "version": version,
        "reader": reader,
        "fitted_on": f"{len(samples)} values of {documents} real documents of {vendors} vendors",
        "intercept": round(intercept, 6),
        "slope": round(slope, 6),
    }
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return version


def reader_of(version: str) -> str:
    """Return the part of a reader's version that its calibration is bound to: all but code and calibration."""
    return version.rsplit("+", 2)[0]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.evaluation.calibrate_scores",
        description="Fit the confidence of a reader that asks a model on labelled real documents.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--backend", required=True)
    parser.add_argument("--track", action="append", default=[])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invoiceapp.settings")
    from extraction import registry

    try:
        backend = registry.backend(options.backend)
    except ReaderError as error:
        parser.error(str(error))
    documents = [
        d
        for folder in options.folders
        for d in read_dataset(folder)
        if not options.track or d.track in options.track
    ]
    samples = list(collect(backend, documents))
    outcomes = cross_validate(samples, options.folds)
    sys.stdout.write(
        (report(outcomes) if outcomes else "nothing can be held out: one vendor, or all right or all wrong")
        + "\n"
    )
    if options.write:
        try:
            version = save(samples, reader_of(backend.version), options.write)
        except ValueError as error:
            parser.error(str(error))
        sys.stdout.write(f"wrote {options.write}: {version}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
