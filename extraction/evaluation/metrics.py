"""Figures over many documents: accuracy and F1 with intervals, calibration error, percentiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

BOOTSTRAP_ROUNDS = 1000
ECE_BINS = 15


@dataclass(frozen=True, slots=True)
class Outcome:
    """One field of one document: ``truth`` as labelled, ``value`` as read (``None`` if nothing was)."""

    document: str
    track: str
    field: str
    truth: object
    value: str | None
    right: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class Share:
    """A share (0..1) or a difference of shares with its 95 % interval, from resampling whole documents.

    ``count`` is how many values it rests on; with none of them the figures are NaN.
    """

    value: float
    low: float
    high: float
    count: int


def share_right(outcomes: Sequence[Outcome], *, by_field: bool = False, seed: int = 0) -> Share:
    """Return the share of right outcomes.

    :param by_field: average the fields' own shares, so that frequent fields don't outweigh rare ones.
    """
    return _over_outcomes(outcomes, lambda o: (float(o.right), 1.0), by_field, seed)


def f1(outcomes: Sequence[Outcome], *, by_field: bool = False, seed: int = 0) -> Share:
    """Return F1 = 2 TP / (2 TP + FP + FN).

    A right value is a true positive; a wrong one both a false positive and a false negative; a missing
    one a false negative; a value where the truth is ``None`` a false positive. What is absent from
    truth and reading alike is left out, so that empty fields make no reader look better.

    :param by_field: average the fields' own F1 (macro) instead of counting all values together (micro).
    """
    return _over_outcomes(outcomes, _f1_parts, by_field, seed)


def _f1_parts(outcome: Outcome) -> tuple[float, float]:
    if outcome.truth is not None and outcome.right:
        return 2.0, 2.0
    false_positive = outcome.value is not None
    false_negative = outcome.truth is not None
    return 0.0, float(false_positive + false_negative)


def ratio(numerators: np.ndarray, denominators: np.ndarray, *, count: int, seed: int = 0) -> Share:
    """Return a ratio of sums with the interval that resampling rows gives (percentile bootstrap).

    :param numerators: (documents, groups); so is ``denominators``. The ratios of the groups are averaged,
        those without a denominator left out.
    """
    if not len(numerators) or not denominators.sum():
        return Share(float("nan"), float("nan"), float("nan"), 0)
    documents = len(numerators)
    draws = np.random.default_rng(seed).multinomial(
        documents, [1 / documents] * documents, size=BOOTSTRAP_ROUNDS
    )

    def figure(weights: np.ndarray) -> np.ndarray:
        above, below = weights @ numerators, weights @ denominators
        known = below > 0
        ratios = np.divide(above, below, out=np.zeros_like(above, dtype=float), where=known)
        groups = known.sum(axis=-1)
        return np.asarray(
            np.divide(ratios.sum(axis=-1), groups, out=np.full(len(ratios), np.nan), where=groups > 0)
        )

    low, high = np.nanpercentile(figure(draws), [2.5, 97.5])
    return Share(float(figure(np.ones((1, documents)))[0]), float(low), float(high), count)


def _over_outcomes(
    outcomes: Sequence[Outcome], parts: Callable[[Outcome], tuple[float, float]], by_field: bool, seed: int
) -> Share:
    row = {d: k for k, d in enumerate(sorted({o.document for o in outcomes}))}
    column = {f: k for k, f in enumerate(sorted({o.field for o in outcomes}))}
    numerators = np.zeros((len(row), len(column) if by_field else 1))
    denominators = np.zeros_like(numerators)
    count = 0
    for outcome in outcomes:
        place = row[outcome.document], column[outcome.field] if by_field else 0
        above, below = parts(outcome)
        numerators[place] += above
        denominators[place] += below
        count += below > 0
    return ratio(numerators, denominators, count=count, seed=seed)


def share_of_documents(yes: Sequence[bool], *, seed: int = 0) -> Share:
    """Return the share of documents of which something holds."""
    column = np.array(yes, dtype=float).reshape(-1, 1)
    return ratio(column, np.ones_like(column), count=len(yes), seed=seed)


def by_confidence(outcomes: Sequence[Outcome]) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidences (highest first) of the values that were read with one, and how right they are.

    Equal confidences can't be told apart: each of them gets their mean, so that no figure
    depends on the order in which documents were read.
    """
    chosen = [o for o in outcomes if o.value is not None and o.confidence > 0]
    confidence = np.array([o.confidence for o in chosen], dtype=float)
    right = np.array([o.right for o in chosen], dtype=float)
    _, group = np.unique(confidence, return_inverse=True)
    if chosen:
        right = (np.bincount(group, right) / np.bincount(group))[group]
    order = np.argsort(-confidence, kind="stable")
    return confidence[order], right[order]


def calibration_error(outcomes: Sequence[Outcome]) -> float:
    """Return the expected calibration error over values that were read with a confidence, in 15 bins of equal mass."""
    confidence, right = by_confidence(outcomes)
    if not len(confidence):
        return float("nan")
    bins = np.array_split(np.arange(len(confidence)), min(ECE_BINS, len(confidence)))
    return float(sum(abs((confidence[b] - right[b]).sum()) for b in bins) / len(confidence))


def match_amounts(truth: Sequence[Decimal], found: Sequence[Decimal]) -> int:
    """Return how many true line amounts can be paired with an equal amount read (each used once).

    Equality to the cent makes this a counting of multisets; greedy pairing is the best one.
    """
    left = [round(x, 2) for x in found]
    matched = 0
    for amount in truth:
        if round(amount, 2) in left:
            left.remove(round(amount, 2))
            matched += 1
    return matched


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return median and 95th percentile."""
    if not values:
        return {"median": float("nan"), "p95": float("nan")}
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95))}


def all_right(outcomes: Sequence[Outcome]) -> Mapping[str, bool]:
    """Return, per document, whether every labelled field was right."""
    result: dict[str, bool] = {}
    for outcome in outcomes:
        result[outcome.document] = result.get(outcome.document, True) and outcome.right
    return result
