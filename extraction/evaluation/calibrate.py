"""Fit the confidence of the ``layout`` reader, and say what it would let pass at a target.

    python -m extraction.evaluation.calibrate --readings FILE [--target 0.99] [--seeds 3] [--silent N] [--write]
    python -m extraction.evaluation.calibrate DIR... [--track NAME]

The first form takes held-out readings of real documents, which ``extraction.training.scorer --readings FILE`` keeps:
each document read by trees that saw neither it nor another of its vendor. It compares the models of `MODELS`, says
what they would let pass at the target, and with ``--write`` ships the richest, fitted on all of them.
The second form reads documents with the shipped reader and says how well the shipped confidence fits. **That is
honest only for documents on which neither trees nor confidence were fitted**, so it never writes. Generated documents
belong in neither: confidences fitted on them say nothing about real ones.

How the figures are kept honest
-------------------------------
All documents of a vendor lie in one fold. For each outer fold the strength of the ridge and the thresholds are chosen
on the other folds alone, by cross-validating again within them; only then is the fold looked at. This is repeated with
several ways to part the vendors, because on so few errors one lucky parting makes half a point of difference. No
held-out confidence is higher than the figures were readable (`extraction.calibration.readable`), as in the product.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from extraction.calibration import (
    BASIC,
    DIRECTIONS,
    FEATURES,
    HIGHEST,
    LOWEST,
    NOBODY,
    WEIGHTS,
    Evidence,
    features_of,
    group_of,
    load_calibration,
    readable,
)
from extraction.evaluation.certainty import brier_score, risk_coverage_area
from extraction.evaluation.comparison import is_right
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.evaluation.metrics import Outcome, Share, calibration_error, share_right
from extraction.gate import WATCHED_FIELDS
from extraction.schema import Hints

_NEWTON_STEPS, _CLOSE = 25, 1e-4
TARGET: Final = 0.99
TARGETS: Final = (0.95, 0.97, 0.98, 0.99, 0.995)
"""Target accuracies for which the shipped file says from which confidence on held-out documents kept them."""


@dataclass(frozen=True, slots=True)
class Model:
    """A way to fit the confidence.

    ``features`` it sees, ``ridges`` (pulls towards zero) to choose from; ``signed`` holds features to `DIRECTIONS`;
    ``by_group`` gives each of `extraction.calibration.GROUPS` a threshold of its own instead of one to all.
    """

    name: str
    features: tuple[str, ...]
    ridges: tuple[float, ...]
    signed: bool = True
    by_group: bool = True


MODELS: Final = (
    Model("score, margin and arithmetic, one threshold", BASIC, (2.0,), signed=False, by_group=False),
    Model("score, margin and arithmetic, thresholds by group", BASIC, (2.0,), signed=False),
    Model("all witnesses, one threshold", FEATURES, (3.0, 10.0), by_group=False),
    Model("all witnesses in any direction, thresholds by group", FEATURES, (10.0, 60.0), signed=False),
    Model("all witnesses, thresholds by group", FEATURES, (3.0, 10.0)),
)
"""Compared side by side; the last one is shipped. The first is what was shipped before there were witnesses.

A ridge of 30 has a little less held-out log loss (0.191 against 0.197), but what speaks against a value is rare on
these documents, and so much of it was pulled away that a badly read total which the page's sums contradict was believed
to 75 %. Among the surer half as many values are wrong either way.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value that was read for a labelled field; ``group`` names its vendor."""

    document: str
    track: str
    group: str
    evidence: Evidence
    value: str
    right: bool
    truth: object = None


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model: ``weights`` for the bias and each of ``features``."""

    features: tuple[str, ...]
    weights: np.ndarray

    def predict(self, rows: np.ndarray, most: np.ndarray) -> np.ndarray:
        """Return probabilities (0..1), shape (values,), as the product would.

        :param rows: of `FEATURES`, shape (values, len(FEATURES)).
        :param most: how probably each value's figures were read right (`most_of`), shape (values,).
        """
        score = rows[:, _columns(self.features)] @ self.weights
        found = np.minimum(1 / (1 + np.exp(-np.clip(score, -30, 30))), most)
        return np.asarray(np.clip(found, LOWEST, HIGHEST))


# --- readings --------------------------------------------------------------------------------------


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
            right = is_right(name, truth, values[name])
            yield Sample(document.name, document.track, group, evidence[name], values[name], right, truth)


def rows_of(samples: Sequence[Sample]) -> np.ndarray:
    """Return the samples' features, shape (samples, len(FEATURES))."""
    return np.array([features_of(s.evidence) for s in samples], dtype=float).reshape(-1, len(FEATURES))


def most_of(samples: Sequence[Sample]) -> np.ndarray:
    """Return what no confidence exceeds (`extraction.calibration.readable`), shape (samples,)."""
    return np.array([readable(s.evidence) for s in samples], dtype=float)


def _columns(features: Sequence[str]) -> list[int]:
    return [FEATURES.index(name) for name in features]


# --- fitting ---------------------------------------------------------------------------------------


def fit(rows: np.ndarray, right: np.ndarray, model: Model, ridge: float) -> Fit:
    """Fit a logistic regression with a ridge whose features may only speak in their own direction.

    The ridge pulls on features in units of their own spread, so that it means the same for a flag and a margin; it
    doesn't pull on the bias. Each of Newton's steps is a quadratic problem with signs.

    :param rows: features, shape (values, len(FEATURES)); ``right`` 0 or 1 for each.
    """
    x = rows[:, _columns(model.features)]
    spread, middle = x.std(axis=0), x.mean(axis=0)
    used = np.flatnonzero(spread > 1e-9)  # a feature that never varies gets no weight
    z = np.column_stack([np.ones(len(x)), (x[:, used] - middle[used]) / spread[used]])
    names = ["", *(model.features[k] for k in used)]
    sign = np.array([DIRECTIONS.get(name, 0) if model.signed else 0 for name in names])
    penalty = np.full(len(sign), ridge)
    penalty[0] = 1e-9
    weights = np.zeros(len(sign))
    for _ in range(_NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ weights, -30, 30)))
        gradient = z.T @ (p - right) + penalty * weights
        hessian = (z * (p * (1 - p))[:, None]).T @ z + np.diag(penalty)
        step = _signed_step(hessian, gradient, weights, sign)
        weights = weights + step
        if np.abs(step).max() < _CLOSE:
            break
    own = np.zeros(len(model.features))
    own[used] = weights[1:] / spread[used]
    own[model.features.index("bias")] = weights[0] - float(own[used] @ middle[used])
    return Fit(model.features, own)


def _signed_step(
    hessian: np.ndarray, gradient: np.ndarray, weights: np.ndarray, sign: np.ndarray
) -> np.ndarray:
    """Return the step that minimises the quadratic approximation among weights of the given signs.

    An active-set method: weights that would turn their sign are held at zero, and let go again, once, where that helps.
    """
    free = (sign == 0) | (weights != 0) if weights.any() else np.ones(len(weights), dtype=bool)
    let_go = np.zeros(len(weights), dtype=bool)
    wanted = np.zeros_like(weights)
    aim = hessian @ weights - gradient
    for _ in range(2 * len(weights)):
        wanted[:] = 0.0
        wanted[free] = np.linalg.solve(hessian[np.ix_(free, free)], aim[free])
        turned = free & (sign * wanted < 0)
        if turned.any():
            free &= ~turned
            continue
        helps = ~free & ~let_go & (sign * (aim - hessian @ wanted) > _CLOSE)
        if not helps.any():
            break
        free |= helps
        let_go |= helps
    return np.asarray(wanted - weights)


def parted(groups: Sequence[str] | np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return each sample's fold, shape (samples,): all samples of a group share one."""
    names = sorted(set(groups))
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = {names[k]: int(position % folds) for position, k in enumerate(order)}
    return np.array([fold_of[g] for g in groups])


def held_out(
    rows: np.ndarray,
    most: np.ndarray,
    right: np.ndarray,
    groups: Sequence[str] | np.ndarray,
    model: Model,
    ridge: float,
    folds: int,
    seed: int,
) -> np.ndarray:
    """Return each sample's confidence by a fit that saw none of its group, shape (samples,)."""
    number = parted(groups, folds, seed)
    confidence = np.full(len(right), right.mean() if len(right) else 0.0)
    for fold in range(folds):
        held = number == fold
        if held.any() and not held.all():
            confidence[held] = fit(rows[~held], right[~held], model, ridge).predict(rows[held], most[held])
    return confidence


def choose_ridge(
    rows: np.ndarray,
    most: np.ndarray,
    right: np.ndarray,
    groups: Sequence[str] | np.ndarray,
    model: Model,
    folds: int,
    seed: int,
) -> tuple[float, np.ndarray]:
    """Return the ridge with the least held-out log loss, and the confidences held out with it."""
    found = []
    for ridge in model.ridges:
        p = held_out(rows, most, right, groups, model, ridge, folds, seed)
        found.append((float(-np.mean(np.where(right > 0, np.log(p), np.log(1 - p)))), ridge, p))
    _, ridge, confidence = min(found, key=lambda entry: entry[0])
    return ridge, confidence


# --- thresholds ------------------------------------------------------------------------------------


def loosest(confidence: np.ndarray, right: np.ndarray, target: float) -> float:
    """Return the lowest confidence from which on the share of wrong values is at most ``1 - target``; infinity if none.

    One more wrong value is assumed than was seen (the rule of succession): where few values were seen, that none of
    them was wrong proves little. So with a target of 0.99 at least 99 values must lie above a threshold.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    wrong = np.cumsum(1 - right[order]) + 1
    keeps = wrong <= (1 - target) * (np.arange(1, len(right) + 1) + 1) + 1e-12
    # equal confidences pass together or not at all
    last = np.append(ranked[1:] < ranked[:-1], True) if len(ranked) else np.zeros(0, dtype=bool)
    passing = np.flatnonzero(keeps & last)
    return float(ranked[passing[-1]]) if len(passing) else float("inf")


def thresholds_of(
    confidence: np.ndarray, right: np.ndarray, groups: np.ndarray, target: float
) -> dict[str, float]:
    """Return for each group the `loosest` threshold; where it is infinite all values of the group go to a person."""
    return {
        str(group): loosest(confidence[groups == group], right[groups == group], target)
        for group in sorted(set(groups))
    }


@dataclass(frozen=True, slots=True)
class Trial:
    """What one model did on folds it had not seen: per sample its confidence and whether it would pass."""

    model: str
    confidence: np.ndarray
    passes: np.ndarray
    ridges: tuple[float, ...]


def nested(samples: Sequence[Sample], model: Model, target: float, folds: int, seed: int) -> Trial:
    """Cross-validate a model with its ridge and its thresholds chosen within the folds that it is fitted on."""
    rows, most = rows_of(samples), most_of(samples)
    right = np.array([s.right for s in samples], dtype=float)
    vendors = np.array([s.group for s in samples])
    groups = np.array([group_of(s.evidence.field) if model.by_group else "all" for s in samples])
    number = parted(vendors, folds, seed)
    confidence, passes, ridges = np.zeros(len(samples)), np.zeros(len(samples), dtype=bool), []
    for fold in range(folds):
        held = number == fold
        if not held.any() or held.all():
            continue
        ridge, within = choose_ridge(
            rows[~held], most[~held], right[~held], vendors[~held], model, folds, seed + 1
        )
        limits = thresholds_of(within, right[~held], groups[~held], target)
        confidence[held] = fit(rows[~held], right[~held], model, ridge).predict(rows[held], most[held])
        passes[held] = confidence[held] >= np.array([limits.get(g, np.inf) for g in groups[held]])
        ridges.append(ridge)
    return Trial(model.name, confidence, passes, tuple(ridges))


# --- reports ---------------------------------------------------------------------------------------


def outcomes_of(samples: Sequence[Sample], confidence: np.ndarray) -> list[Outcome]:
    """Return the samples as outcomes with these confidences."""
    return [
        Outcome(s.document, s.track, s.evidence.field, s.truth, s.value, s.right, float(p))
        for s, p in zip(samples, confidence, strict=True)
    ]


def error_share(outcomes: Sequence[Outcome]) -> Share:
    """Return the share of wrong ones with its 95 % interval, from resampling whole documents."""
    right = share_right(outcomes)
    return Share(1 - right.value, 1 - right.high, 1 - right.low, right.count)


def describe(outcomes: Sequence[Outcome]) -> str:
    """Say in one line how well confidences fit: area under risk-coverage, calibration error, Brier score."""
    return (
        f"risk-coverage area {risk_coverage_area(outcomes):.4f}, calibration error {calibration_error(outcomes):.3f},"
        f" Brier score {brier_score(outcomes):.4f}"
    )


def report(outcomes: Sequence[Outcome]) -> str:
    """Describe held-out confidences: how well they fit, and what one threshold for all fields would let pass."""
    right = np.array([o.right for o in outcomes], dtype=float)
    confidence = np.array([o.confidence for o in outcomes])
    lines = [f"{len(outcomes)} values, {100 * right.mean():.1f} % right; {describe(outcomes)}"]
    for track in sorted({o.track for o in outcomes}):
        own = [o for o in outcomes if o.track == track]
        lines.append(f"  {track}: calibration error {calibration_error(own):.3f} over {len(own)} values")
    for threshold in (0.8, 0.9, 0.95, 0.98, 0.99):
        accepted = confidence >= threshold
        if accepted.any():
            lines.append(
                f"  from {threshold:.2f}: {100 * accepted.mean():.0f} % pass,"
                f" {100 * (1 - right[accepted].mean()):.1f} % of them wrong"
            )
    return "\n".join(lines)


def operating_point(samples: Sequence[Sample], trials: Sequence[Trial]) -> str:
    """Say what passes at the target and how much of it is wrong: by track, of what the gate watches, by group.

    :param trials: of one model, with different ways to part the vendors; counts are averaged over them.
    """
    parts: list[tuple[str, np.ndarray]] = [("all values", np.ones(len(samples), dtype=bool))]
    parts += [
        (track, np.array([s.track == track for s in samples])) for track in sorted({s.track for s in samples})
    ]
    parts.append(
        ("fields that the gate watches", np.array([s.evidence.field in WATCHED_FIELDS for s in samples]))
    )
    groups = np.array([group_of(s.evidence.field) for s in samples])
    parts += [(group, groups == group) for group in sorted(set(groups))]
    lines = []
    for title, chosen in parts:
        passed = [[s for s, p, c in zip(samples, t.passes, chosen, strict=True) if p and c] for t in trials]
        count = float(np.mean([len(some) for some in passed]))
        wrong = float(np.mean([sum(not s.right for s in some) for some in passed]))
        line = f"  {title}: {100 * count / max(chosen.sum(), 1):.0f} % of {int(chosen.sum())} pass"
        if count:
            spread = [error_share(outcomes_of(some, np.ones(len(some)))) for some in passed if some]
            low, high = (float(np.mean([getattr(s, end) for s in spread])) for end in ("low", "high"))
            line += f", {100 * wrong / count:.2f} % of them wrong [{100 * low:.2f}, {100 * high:.2f}]"
        lines.append(line)
    return "\n".join(lines)


def silent_errors(samples: Sequence[Sample], confidence: np.ndarray, count: int) -> str:
    """List the wrong values that were believed most. **Shows what documents hold**: keep it out of the repository."""
    wrong = sorted(
        ((float(p), s) for s, p in zip(samples, confidence, strict=True) if not s.right), key=lambda e: -e[0]
    )
    return "\n".join(
        f"{p:.3f} {s.track} {s.document} {s.evidence.field}: read {s.value!r}, truth {s.truth!r}\n      "
        + ", ".join(f"{k} {v:.2f}" for k, v in zip(FEATURES, features_of(s.evidence), strict=True) if v)
        for p, s in wrong[:count]
    )


# --- what is kept ----------------------------------------------------------------------------------


def keep_readings(samples: Sequence[Sample], path: Path) -> None:
    """Keep held-out readings for the fit. **They hold what documents say**: keep them out of the repository."""
    path.write_bytes(pickle.dumps(list(samples)))


def kept_readings(path: Path) -> list[Sample]:
    """Return the readings that `keep_readings` kept; the file must be your own, it is unpickled."""
    samples: list[Sample] = pickle.loads(path.read_bytes())  # noqa: S301 - our own file, named on the command line
    return samples


def limits(samples: Sequence[Sample], target: float = TARGET, folds: int = 5) -> dict[str, float]:
    """Return the thresholds per group that the shipped model's held-out confidences keep a target with."""
    right = np.array([s.right for s in samples], dtype=float)
    vendors = [s.group for s in samples]
    _, confidence = choose_ridge(rows_of(samples), most_of(samples), right, vendors, MODELS[-1], folds, 0)
    return thresholds_of(confidence, right, np.array([group_of(s.evidence.field) for s in samples]), target)


def fit_all(samples: Sequence[Sample], folds: int = 5) -> Fit:
    """Fit the shipped model on all samples, its ridge chosen by cross-validation."""
    rows = rows_of(samples)
    right = np.array([s.right for s in samples], dtype=float)
    vendors = [s.group for s in samples]
    ridge, _ = choose_ridge(rows, most_of(samples), right, vendors, MODELS[-1], folds, 0)
    return fit(rows, right, MODELS[-1], ridge)


def save(fitted: Fit, samples: Sequence[Sample], path: Path = WEIGHTS) -> str:
    """Write the model and return its version, which follows from its coefficients."""
    coefficients = {n: round(float(w), 4) for n, w in zip(fitted.features, fitted.weights, strict=True) if w}
    digest = hashlib.sha256(json.dumps(coefficients, sort_keys=True).encode()).hexdigest()[:8]
    documents, vendors = len({s.document for s in samples}), len({s.group for s in samples})
    version = f"real-{len(samples)}-{digest}"
    content = {
        "version": version,
        "command": "python -m extraction.evaluation.calibrate --readings FILE --write (docs/training.md)",
        "fitted_on": f"{len(samples)} values of {documents} real documents of {vendors} vendors",
        "coefficients": coefficients,
        "limits": {
            f"{target:g}": {
                group: NOBODY if np.isinf(limit) else round(limit, 4)
                for group, limit in limits(samples, target).items()
            }
            for target in TARGETS
        },
    }
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return version


# --- the command -----------------------------------------------------------------------------------


def compare(samples: Sequence[Sample], target: float = TARGET, folds: int = 5, seeds: int = 3) -> str:
    """Cross-validate all of `MODELS` on held-out readings and say what each would let pass at a target."""
    lines = [
        f"{len(samples)} values of {len({s.document for s in samples})} documents; target {100 * target:g} %"
    ]
    for model in MODELS:
        trials = [nested(samples, model, target, folds, seed) for seed in range(seeds)]
        every = [o for t in trials for o in outcomes_of(samples, t.confidence)]
        ridges = sorted({r for t in trials for r in t.ridges})
        lines += [
            f"{model.name} (ridges chosen: {', '.join(f'{r:g}' for r in ridges)})",
            "  " + report(every).replace("\n", "\n  "),
            "  passing at the target:",
            "  " + operating_point(samples, trials).replace("\n", "\n  "),
        ]
    lines.append("thresholds of the last model, found on all of these values:")
    lines += [
        f"  {group}: " + (f"{limit:.3f}" if limit < 1 else "none, a person looks at all of them")
        for group, limit in limits(samples, target, folds).items()
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.evaluation.calibrate",
        description="Fit the confidence of the layout reader, or measure the shipped one on new documents.",
    )
    parser.add_argument("folders", nargs="*", type=Path, metavar="DIR", help="new documents to measure on")
    parser.add_argument("--track", action="append", default=[])
    parser.add_argument("--readings", type=Path, help="held-out readings kept by extraction.training.scorer")
    parser.add_argument("--target", type=float, default=TARGET, help="share of right values wanted (0..1)")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3, help="how many ways to part the vendors")
    parser.add_argument(
        "--silent", type=int, default=0, metavar="N", help="list the N most believed wrong values"
    )
    parser.add_argument("--write", action="store_true", help="write the model that the reader loads")
    options = parser.parse_args(arguments)
    if bool(options.folders) == bool(options.readings):
        parser.error("name either folders of new documents or --readings FILE")
    if options.write and not options.readings:
        parser.error("--write needs --readings: only held-out readings may be fitted on")
    if options.readings:
        samples = kept_readings(options.readings)
        sys.stdout.write(compare(samples, options.target, options.folds, options.seeds) + "\n")
        if options.silent:
            trial = nested(samples, MODELS[-1], options.target, options.folds, 0)
            sys.stdout.write(silent_errors(samples, trial.confidence, options.silent) + "\n")
        if options.write:
            sys.stdout.write(f"wrote {save(fit_all(samples), samples)}\n")
        return 0
    documents = [
        d
        for folder in options.folders
        for d in read_dataset(folder)
        if not options.track or d.track in options.track
    ]
    samples = []
    for number, document in enumerate(documents, start=1):
        samples += collect([document])
        sys.stderr.write(f"{number}/{len(documents)} {document.name}\n")
    shipped = load_calibration()
    confidence = np.array([shipped.probability_of(s.evidence) for s in samples])
    sys.stdout.write(f"shipped confidence {shipped.version}\n{report(outcomes_of(samples, confidence))}\n")
    if options.silent:
        sys.stdout.write(silent_errors(samples, confidence, options.silent) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
