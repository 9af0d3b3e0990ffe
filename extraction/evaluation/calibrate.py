"""Fit the calibration of the ``layout`` reader on labelled real documents.

    python -m extraction.evaluation.calibrate DIR... [--track NAME] [--folds 5] [--write]

Reads every document, compares each labelled field and fits one pooled logistic model from the
evidence (``extraction.calibration.FEATURES``) to "right". What it reports is cross-validated with all
documents of a vendor in one fold; what it writes is fitted on all of them. Generated documents don't
belong here: confidences fitted on them say nothing about real ones.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from extraction.calibration import FEATURES, HIGHEST, LOWEST, WEIGHTS, Evidence, features_of
from extraction.evaluation.comparison import is_right
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.evaluation.metrics import Outcome, calibration_error
from extraction.schema import Hints

# Strength of the pull towards zero: about what a handful of documents weigh.
RIDGE = 2.0
_NEWTON_STEPS = 40


@dataclass(frozen=True, slots=True)
class Sample:
    """One value that was read for a labelled field; ``group`` names its vendor."""

    document: str
    track: str
    group: str
    evidence: Evidence
    value: str
    right: bool


def collect(documents: Iterable[LabelledDocument]) -> Iterator[Sample]:
    """Read documents and yield one sample per labelled field that a value was read for."""
    from extraction.backends.layout import understand
    from extraction.documents import open_pages
    from extraction.reading.words import read_words

    for document in documents:
        pages = [read_words(page) for page in open_pages(document.path)]
        result = understand(pages, Hints())
        yield from samples_of(document, {n: v.value for n, v in result.fields.items()}, result.evidence)


def samples_of(
    document: LabelledDocument, values: Mapping[str, str], evidence: Mapping[str, Evidence]
) -> Iterator[Sample]:
    """Compare the values read on one document with its truth."""
    group = re.sub(r"\W", "", str(document.fields.get("vendor_name") or document.name).lower())
    for name, truth in document.fields.items():
        if name in values and name in evidence and truth is not None:
            yield Sample(
                document.name,
                document.track,
                group,
                evidence[name],
                values[name],
                is_right(name, truth, values[name]),
            )


def fit(samples: Sequence[Sample]) -> np.ndarray:
    """Return the coefficients of a logistic regression with a ridge (not on the bias), by Newton's method."""
    x = np.array([features_of(s.evidence) for s in samples], dtype=float)
    y = np.array([s.right for s in samples], dtype=float)
    penalty = np.full(x.shape[1], RIDGE)
    penalty[0] = 0.0
    weights = np.zeros(x.shape[1])
    for _ in range(_NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (p - y) + penalty * weights
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def predict(weights: np.ndarray, samples: Sequence[Sample]) -> np.ndarray:
    x = np.array([features_of(s.evidence) for s in samples], dtype=float)
    return np.asarray(np.clip(1 / (1 + np.exp(-np.clip(x @ weights, -30, 30))), LOWEST, HIGHEST))


def cross_validate(samples: Sequence[Sample], folds: int) -> list[Outcome]:
    """Return each sample with the confidence given by a model that saw none of its vendor's documents."""
    groups = sorted({s.group for s in samples})
    order = np.random.default_rng(0).permutation(len(groups))
    fold_of = {groups[k]: int(position % folds) for position, k in enumerate(order)}
    outcomes: list[Outcome] = []
    for fold in range(folds):
        held = [s for s in samples if fold_of[s.group] == fold]
        rest = [s for s in samples if fold_of[s.group] != fold]
        if not held or not rest:
            continue
        outcomes += [
            Outcome(s.document, s.track, s.evidence.field, None, s.value, s.right, float(confidence))
            for s, confidence in zip(held, predict(fit(rest), held), strict=True)
        ]
    return outcomes


def report(outcomes: Sequence[Outcome]) -> str:
    """Describe the cross-validated confidences: error of calibration, Brier score, what would be accepted."""
    right = np.array([o.right for o in outcomes], dtype=float)
    confidence = np.array([o.confidence for o in outcomes])
    lines = [
        f"{len(outcomes)} values, {100 * right.mean():.1f} % right",
        f"calibration error {calibration_error(outcomes):.3f}, Brier score {((confidence - right) ** 2).mean():.3f}"
        f" ({right.mean() * (1 - right.mean()):.3f} for a constant)",
    ]
    for track in sorted({o.track for o in outcomes}):
        own = [o for o in outcomes if o.track == track]
        lines.append(f"  {track}: calibration error {calibration_error(own):.3f} over {len(own)} values")
    for threshold in (0.8, 0.9, 0.95, 0.98):
        accepted = confidence >= threshold
        if accepted.any():
            lines.append(
                f"  at {threshold:.2f}: {100 * accepted.mean():.0f} % accepted,"
                f" {100 * (1 - right[accepted].mean()):.1f} % of them wrong"
            )
    return "\n".join(lines)


def save(weights: np.ndarray, samples: Sequence[Sample], path: Path = WEIGHTS) -> str:
    """Write the model and return its version, which follows from its coefficients."""
    coefficients = {name: round(float(w), 4) for name, w in zip(FEATURES, weights, strict=True)}
    digest = hashlib.sha256(json.dumps(coefficients, sort_keys=True).encode()).hexdigest()[:8]
    documents, vendors = len({s.document for s in samples}), len({s.group for s in samples})
    version = f"real-{len(samples)}-{digest}"
    content = {
        "version": version,
        "fitted_on": f"{len(samples)} values of {documents} real documents of {vendors} vendors",
        "coefficients": coefficients,
    }
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return version


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.evaluation.calibrate",
        description="Fit the calibration of the layout reader on labelled real documents.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--track", action="append", default=[])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write the model that the reader loads")
    options = parser.parse_args(arguments)
    documents = [
        d
        for folder in options.folders
        for d in read_dataset(folder)
        if not options.track or d.track in options.track
    ]
    samples: list[Sample] = []
    for number, document in enumerate(documents, start=1):
        samples += collect([document])
        sys.stderr.write(f"{number}/{len(documents)} {document.name}\n")
    sys.stdout.write(report(cross_validate(samples, options.folds)) + "\n")
    if options.write:
        sys.stdout.write(f"wrote {save(fit(samples), samples)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
