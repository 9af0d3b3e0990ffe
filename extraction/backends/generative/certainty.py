"""From a model's token probabilities and a value's place on the page to the probability that it is right.

A model's own probabilities are no probabilities of being right: a fluent model is sure of what it invents. Until
somebody has fitted them on labelled documents (``python -m extraction.evaluation.calibrate_scores``), the
confidence is therefore only an order of values, kept below every threshold at which the product lets values
pass by default, so that a person sees all of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from extraction.backends.generative.grounding import Place
from extraction.calibration import HIGHEST, LOWEST
from extraction.fields import FIELDS
from extraction.schema import ReaderError

CEILING: Final = 0.85
"""Highest confidence of a reader that nobody has calibrated: below ``gate.DEFAULT_THRESHOLD`` (0.9)."""
UNGROUNDED_CEILING: Final = 0.3
"""Highest confidence of a value that is not on the page; the gate sends it to a person whatever the threshold."""
UNKNOWN_TOKENS: Final = 0.6
"""What stands for the token probabilities where a server reports none: neither sure nor unlikely."""
_UNLABELLED = 0.85  # a number, date or amount without its label beside it
_AT_ANOTHER_LABEL = 0.5  # times the strength of the other field's label


@dataclass(frozen=True, slots=True)
class TokenScore:
    """One token of an answer: the characters it stands for, and its log-probability (natural, at most 0)."""

    start: int
    end: int
    logprob: float


@dataclass(frozen=True, slots=True)
class Sureness:
    """How sure the model was of a value: lowest and mean log-probability over the value's tokens."""

    lowest: float
    mean: float


def sureness(tokens: Sequence[TokenScore], start: int, end: int) -> Sureness | None:
    """Return how sure the model was of the characters ``start`` to ``end`` of its answer; None if that is not known."""
    own = [
        min(t.logprob, 0.0) for t in tokens if t.start < end and t.end > start and math.isfinite(t.logprob)
    ]
    return Sureness(min(own), sum(own) / len(own)) if own else None


def raw_score(name: str, said: Sureness | None, place: Place | None) -> float:
    """Return the reader's raw score (0..1) for a header field's value.

    The geometric mean of the least likely and of the average token's probability (one doubtful digit spoils
    a number however sure the other nine are), times what its place on the page is worth: the likeness of
    what stands there, the recognition confidence of its words, 0.85 where a number, date or amount has no
    label of its field beside it, and less the more another field's label claims it. A value that is nowhere on
    the page keeps three tenths. The factors are set by hand, not fitted.
    """
    tokens = token_score(said)
    if place is None:
        return round(UNGROUNDED_CEILING * tokens, 4)
    worth = place.likeness * (0.5 + 0.5 * place.ocr)
    if FIELDS[name].kind in ("money", "date", "id"):
        worth *= _UNLABELLED if place.label < 0.3 else 1.0
        worth *= 1.0 - _AT_ANOTHER_LABEL * min(place.rival, 1.0)
    return round(tokens * worth, 4)


def token_score(said: Sureness | None) -> float:
    """Return the raw score (0..1) of a value by its tokens alone, which is all that a cell of a line is judged by."""
    return UNKNOWN_TOKENS if said is None else round(math.exp((said.lowest + said.mean) / 2), 4)


@dataclass(frozen=True, slots=True)
class Certainty:
    """Raw score to confidence: sigmoid(``intercept`` + ``slope`` x log-odds of the score), or only an order.

    ``version`` names the fit; it is part of the reader's version, so that no report mixes two of them.
    """

    version: str = "uncalibrated"
    intercept: float = 0.0
    slope: float = 1.0

    @property
    def is_fitted(self) -> bool:
        return self.version != "uncalibrated"

    def confidence_of(self, score: float, *, grounded: bool) -> float:
        """Return the confidence (0..1) of a value with this raw score."""
        if not self.is_fitted:
            confidence = CEILING * min(max(score, 0.0), 1.0)
        else:
            odds = self.intercept + self.slope * _log_odds(score)
            confidence = 1 / (1 + math.exp(-max(min(odds, 30.0), -30.0)))
        highest = HIGHEST if grounded else UNGROUNDED_CEILING
        return round(min(max(confidence, LOWEST), highest), 4)


def load_certainty(path: Path | None, reader: str) -> Certainty:
    """Load a fit that `extraction.evaluation.calibrate_scores` wrote; without a path the uncalibrated order.

    :param reader: the reader's version without its calibration; a fit of another one says nothing about it.
    :raises ReaderError: if the file can't be used.
    """
    if path is None:
        return Certainty()
    try:
        content = json.loads(path.read_text("utf-8"))
        fitted = Certainty(str(content["version"]), float(content["intercept"]), float(content["slope"]))
        fitted_for = str(content["reader"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReaderError(
            f"The calibration {path} can't be used ({type(error).__name__}: {error}). Fit it again with "
            "python -m extraction.evaluation.calibrate_scores, or take the setting away."
        ) from error
    if fitted_for != reader or not fitted.is_fitted:
        raise ReaderError(
            f"The calibration {path} was fitted for {fitted_for}, not for {reader}. Fit it again with "
            "python -m extraction.evaluation.calibrate_scores, or take the setting away."
        )
    return fitted


def fit_certainty(scores: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """Fit (intercept, slope) by Platt's method: logistic regression of being right on the score's log-odds.

    The targets are Platt's (n + 1) / (n + 2) and 1 / (m + 2) rather than 1 and 0, which keeps few labels from
    giving certainty (Platt 1999, Probabilistic Outputs for Support Vector Machines).

    :raises ValueError: if not both right and wrong values are among them.
    """
    positive = sum(right)
    negative = len(right) - positive
    if not positive or not negative or len(scores) != len(right):
        raise ValueError("both right and wrong values are needed to fit a calibration")
    high, low = (positive + 1) / (positive + 2), 1 / (negative + 2)
    odds = [_log_odds(score) for score in scores]
    targets = [high if good else low for good in right]
    intercept, slope = math.log(positive / negative), 1.0
    for _ in range(100):
        gradient_a = gradient_b = 0.0
        aa = ab = bb = 1e-9
        for x, y in zip(odds, targets, strict=True):
            p = 1 / (1 + math.exp(-max(min(intercept + slope * x, 30.0), -30.0)))
            weight = max(p * (1 - p), 1e-9)
            gradient_a += p - y
            gradient_b += (p - y) * x
            aa += weight
            ab += weight * x
            bb += weight * x * x
        determinant = aa * bb - ab * ab
        if abs(determinant) < 1e-12:
            break
        step_a = (bb * gradient_a - ab * gradient_b) / determinant
        step_b = (aa * gradient_b - ab * gradient_a) / determinant
        # Newton's steps overshoot where nearly all values are right
        intercept -= max(min(step_a, 1.0), -1.0)
        slope -= max(min(step_b, 1.0), -1.0)
        if abs(step_a) + abs(step_b) < 1e-9:
            break
    return intercept, slope


def _log_odds(score: float) -> float:
    bounded = min(max(score, 0.001), 0.999)
    return math.log(bounded / (1 - bounded))
