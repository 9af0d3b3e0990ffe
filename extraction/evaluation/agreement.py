"""Measure what the agreement of two readers is worth, on labelled documents that both have read.

    python -m extraction.evaluation.agreement DIR... --first FILE --second FILE [--folds 5] [--write FILE]

``FILE`` are recordings (``extraction.evaluation.recorded``); of layout they must be held out where it was fitted on the
documents. For each labelled field in which a second reader would have a say the readers agree, differ, or one is silent
(`extraction.cascade.CASES`); each case has a logistic curve from both confidences and the group of field to "right".
What is reported is cross-validated with all documents of a vendor in one fold; what ``--write`` keeps is fitted on all
of them, in the form that `AGREEMENTS_DIR` holds, for this pair of readers alone.

**The documents must be new to both readers**: where a reader was fitted on them its confidence is too good, and so is
what is fitted on it. Cases with fewer than `LEAST` values are left out; the product then lets nothing of that
kind pass.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from extraction.calibration import GROUPS, group_of
from extraction.cascade import CASES, COMPARED, Agreement, Curve, as_json, log_odds, pair_name, reads_the_same
from extraction.evaluation.calibrate import parted
from extraction.evaluation.certainty import brier_score
from extraction.evaluation.comparison import is_right
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.evaluation.metrics import Outcome, calibration_error, share_right
from extraction.evaluation.recorded import Recording, kept

LEAST: Final = 40
"""Fewer values of a case than this give a curve that the next ten would bend."""
_RIDGE = 1.0
_OFFSETS = tuple(sorted(set(GROUPS.values())))


@dataclass(frozen=True, slots=True)
class Seen:
    """One labelled field of one document as both readers read it; ``group`` names the vendor.

    ``right`` says by case of `extraction.cascade.CASES` whether the value that the case is about is right; two
    of them where the readers differ.
    """

    document: str
    track: str
    group: str
    field: str
    first: float | None
    second: float | None
    right: dict[str, bool]


def vendor_of(document: LabelledDocument) -> str:
    """Return what all documents of one vendor have in common, to keep them in one fold."""
    return re.sub(r"\W", "", str(document.fields.get("vendor_name") or document.name).lower())[:12]


def observe(documents: Iterable[LabelledDocument], first: Recording, second: Recording) -> list[Seen]:
    """Compare two recordings with the truth, field by field; documents that either lacks are left out."""
    seen = []
    for document in documents:
        readings = [recording.readings.get(document.identity) for recording in (first, second)]
        if readings[0] is None or readings[1] is None:
            continue
        for name in sorted(COMPARED & set(document.fields)):
            truth = document.fields[name]
            one, other = (reading.fields.get(name) if reading else None for reading in readings)
            right = [
                value is not None and truth is not None and is_right(name, truth, value.value)
                for value in (one, other)
            ]
            if one is not None and other is not None and reads_the_same(name, one.value, other.value):
                cases = {"agree": right[0]}
            elif one is not None and other is not None:
                cases = {"differ_first": right[0], "differ_second": right[1]}
            elif one is not None:
                cases = {"only_first": right[0]}
            elif other is not None:
                cases = {"only_second": right[1]}
            else:
                continue
            seen.append(
                Seen(
                    document.identity,
                    document.track,
                    vendor_of(document),
                    name,
                    one.confidence if one else None,
                    other.confidence if other else None,
                    cases,
                )
            )
    return seen


def fit_curve(case: str, seen: Sequence[Seen]) -> Curve | None:
    """Fit one case's curve; None if it was seen fewer than `LEAST` times.

    Logistic regression with a ridge on all but the intercept and Platt's targets (n + 1) / (n + 2), 1 / (m + 2), so
    that a case in which nothing was wrong yet gives no certainty. A reader's own confidence never speaks against its
    value.
    """
    own = [s for s in seen if case in s.right]
    if len(own) < LEAST:
        return None
    right = np.array([s.right[case] for s in own], dtype=float)
    high, low = (right.sum() + 1) / (right.sum() + 2), 1 / (len(right) - right.sum() + 2)
    targets = np.where(right > 0, high, low)
    columns = [np.ones(len(own))]
    columns += [
        np.array([0.0 if c is None else log_odds(c) for c in confidences])
        for confidences in ([s.first for s in own], [s.second for s in own])
    ]
    columns += [np.array([float(group_of(s.field) == group) for s in own]) for group in _OFFSETS]
    x = np.column_stack(columns)
    # Where two values differ, the one reader's confidence speaks against the other one's value.
    sign = {"differ_first": (1, -1), "differ_second": (-1, 1)}.get(case, (1, 1))
    used = [k for k in range(x.shape[1]) if k == 0 or x[:, k].std() > 1e-9]
    weights = _fit(x, targets, used)
    while turned := [k for k in (1, 2) if k in used and weights[k] * sign[k - 1] < 0]:
        used.remove(turned[0])
        weights = _fit(x, targets, used)
    return Curve(
        round(float(weights[0]), 4),
        round(float(weights[1]), 4),
        round(float(weights[2]), 4),
        {group: round(float(weights[3 + k]), 4) for k, group in enumerate(_OFFSETS) if weights[3 + k]},
        len(own),
    )


def _fit(x: np.ndarray, targets: np.ndarray, used: Sequence[int]) -> np.ndarray:
    """Return the weights, shape (columns,), of a logistic regression on the columns ``used``; the others are nought."""
    z = x[:, list(used)]
    penalty = np.array([1e-6 if k == 0 else _RIDGE for k in used])
    weights = np.zeros(len(used))
    weights[0] = np.log(targets.mean() / (1 - targets.mean()))
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(z @ weights, -30, 30)))
        gradient = z.T @ (p - targets) + penalty * weights
        hessian = (z * np.maximum(p * (1 - p), 1e-6)[:, None]).T @ z + np.diag(penalty)
        # Newton's steps overshoot where nearly all values are right
        step = np.clip(np.linalg.solve(hessian, gradient), -1.0, 1.0)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    whole = np.zeros(x.shape[1])
    whole[list(used)] = weights
    return whole


def fit(seen: Sequence[Seen], first: str, second: str) -> Agreement:
    """Fit all cases of a pair of readers, named by their versions."""
    curves = {case: curve for case in CASES if (curve := fit_curve(case, seen)) is not None}
    digest = hashlib.sha256(repr(sorted((k, v) for k, v in curves.items())).encode()).hexdigest()[:8]
    return Agreement(f"pair-{len(seen)}-{digest}", pair_name(first), pair_name(second), curves)


def by_vendor(
    documents: Sequence[LabelledDocument], first: Recording, second: Recording, folds: int, seed: int = 0
) -> dict[str, Agreement]:
    """Return for each document's identity the agreement fitted on other vendors' documents."""
    vendors = [vendor_of(d) for d in documents]
    number = parted(vendors, folds, seed)
    found: dict[str, Agreement] = {}
    for fold in range(folds):
        rest = [d for d, n in zip(documents, number, strict=True) if n != fold]
        fitted = fit(observe(rest, first, second), first.version, second.version)
        found |= {d.identity: fitted for d, n in zip(documents, number, strict=True) if n == fold}
    return found


def report(seen: Sequence[Seen], held_out: dict[str, Agreement]) -> str:
    """Say how often each case's value is right, and how well the held-out probabilities fit."""
    lines = [f"{len(seen)} fields of {len({s.document for s in seen})} documents, cross-validated by vendor"]
    for case in CASES:
        own = [s for s in seen if case in s.right]
        if not own:
            lines.append(f"{case}: never seen")
            continue
        outcomes, before = [], []
        for s in own:
            p = held_out[s.document].probability(case, s.field, s.first, s.second)
            confidence = s.second if case in ("differ_second", "only_second") else s.first
            outcomes.append(Outcome(s.document, s.track, s.field, None, "", s.right[case], p or 0.0))
            before.append(Outcome(s.document, s.track, s.field, None, "", s.right[case], confidence or 0.0))
        share = share_right(outcomes)
        line = f"{case}: {len(own)}, {100 * share.value:.1f} % right [{100 * share.low:.1f}, {100 * share.high:.1f}]"
        if len(own) < LEAST or any(o.confidence == 0.0 for o in outcomes):
            lines.append(f"{line}; too few for a curve in every fold")
            continue
        lines.append(
            f"{line}; Brier score {brier_score(outcomes):.4f}, calibration error {calibration_error(outcomes):.3f}"
            f" (the reader's own confidence: {brier_score(before):.4f}, {calibration_error(before):.3f})"
        )
        for group in _OFFSETS:
            some = [o for o in outcomes if group_of(o.field) == group]
            if some:
                part = share_right(some)
                lines.append(
                    f"  {group}: {len(some)}, {100 * part.value:.1f} % right"
                    f" [{100 * part.low:.1f}, {100 * part.high:.1f}]"
                )
    return "\n".join(lines)


def recordings(first: Path, second: Path) -> tuple[Recording, Recording]:
    """Return two recordings.

    :raises ValueError, OSError: if a file is none, or both are of one reader.
    """
    one, other = kept(first), kept(second)
    if one.version == other.version:
        raise ValueError(
            f"{first} and {second} are of the same reader: its agreement with itself says nothing."
        )
    return one, other


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.evaluation.agreement", description="Measure what two readers' agreement is worth."
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--first", type=Path, required=True, metavar="FILE")
    parser.add_argument("--second", type=Path, required=True, metavar="FILE")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        first, second = recordings(options.first, options.second)
        documents = [d for folder in options.folders for d in read_dataset(folder)]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    seen = observe(documents, first, second)
    if len({s.group for s in seen}) < options.folds:
        parser.error("Both recordings share documents of too few vendors to hold some out.")
    for recording in (first, second):
        sys.stdout.write(f"{recording.version}: {recording.note or 'as it reads'}\n")
    held_out = by_vendor(documents, first, second, options.folds)
    sys.stdout.write(report(seen, held_out) + "\n")
    if options.write:
        fitted = fit(seen, first.version, second.version)
        content = {
            **as_json(fitted),
            "fitted_on": f"{len(seen)} fields of {len({s.document for s in seen})} documents of "
            f"{len({s.group for s in seen})} vendors",
            "notes": [first.note, second.note],
            "command": "python -m extraction.evaluation.agreement (docs/models.md)",
        }
        options.write.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
        sys.stdout.write(f"wrote {options.write}: {fitted.version}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
