"""Figures over many documents: accuracy with intervals, calibration error, line items, percentiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """A share with its 95 % interval, from resampling whole documents."""

    value: float
    low: float
    high: float
    count: int


def share_right(outcomes: Sequence[Outcome], *, by_field: bool = False, seed: int = 0) -> Share:
    """Return the share of right outcomes.

    :param by_field: average the fields' own shares, so that frequent fields don't outweigh rare ones.
    """
    if not outcomes:
        return Share(float("nan"), float("nan"), float("nan"), 0)
    documents = sorted({o.document for o in outcomes})
    fields = sorted({o.field for o in outcomes})
    right = np.zeros((len(documents), len(fields)))
    seen = np.zeros((len(documents), len(fields)))
    row = {d: k for k, d in enumerate(documents)}
    column = {f: k for k, f in enumerate(fields)}
    for outcome in outcomes:
        right[row[outcome.document], column[outcome.field]] += outcome.right
        seen[row[outcome.document], column[outcome.field]] += 1
    draws = np.random.default_rng(seed).multinomial(
        len(documents), [1 / len(documents)] * len(documents), size=BOOTSTRAP_ROUNDS
    )

    def figure(weights: np.ndarray) -> np.ndarray:
        hits, counts = weights @ right, weights @ seen
        if not by_field:
            return np.asarray(hits.sum(axis=-1) / np.maximum(counts.sum(axis=-1), 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.nanmean(np.where(counts > 0, hits / counts, np.nan), axis=-1))

    low, high = np.percentile(figure(draws), [2.5, 97.5])
    return Share(float(figure(np.ones((1, len(documents))))[0]), float(low), float(high), len(outcomes))


def calibration_error(outcomes: Sequence[Outcome]) -> float:
    """Return the expected calibration error over values that were read with a confidence, in 15 bins of equal mass."""
    pairs = sorted((o.confidence, o.right) for o in outcomes if o.value is not None and o.confidence > 0)
    if not pairs:
        return float("nan")
    error = 0.0
    for part in np.array_split(np.array(pairs, dtype=float), min(ECE_BINS, len(pairs))):
        if len(part):
            error += abs(part[:, 0].mean() - part[:, 1].mean()) * len(part) / len(pairs)
    return float(error)


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
