"""Whether confidences can be trusted, and how much work they save: risk-coverage, Brier, STP at a certified error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from extraction.evaluation.metrics import Outcome, Share, by_confidence, share_of_documents
from extraction.gate import WATCHED_FIELDS
from extraction.guarantee import error_bounds, needed

TARGET_ERROR = 0.01
LEVEL = 0.95
# Fixed before any document is seen, from strict to loose.
GRID = (0.999, 0.998, 0.995, *(round(0.99 - 0.01 * step, 2) for step in range(50)))
# What a reader says about these stands beside the fields and carries no confidence.
_WITHOUT_CONFIDENCE = frozenset({"document_type"})


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What would happen if watched values with at least ``threshold`` were taken without a person.

    ``accepted`` values, ``wrong`` of them; ``bound`` is the highest error rate (0..1) that they leave
    possible at 95 %; ``documents`` is the share of documents that would need no person.
    """

    threshold: float
    accepted: int
    wrong: int
    bound: float
    documents: Share


def risk_coverage_area(outcomes: Sequence[Outcome]) -> float:
    """Return the area under the risk-coverage curve (AURC): the mean, over every k, of the share of wrong
    ones among the k most confident values (Geifman, Uziel and El-Yaniv, 2019). 0 is best.

    Values that were read only; NaN if there are none.
    """
    _, right = by_confidence(outcomes)
    if not len(right):
        return float("nan")
    return float(np.mean(np.cumsum(1 - right) / np.arange(1, len(right) + 1)))


def brier_score(outcomes: Sequence[Outcome]) -> float:
    """Return the mean squared difference of confidence and rightness over values that were read; NaN if none."""
    pairs = [(o.confidence, o.right) for o in outcomes if o.value is not None and o.confidence > 0]
    return float(np.mean([(c - r) ** 2 for c, r in pairs])) if pairs else float("nan")


def highest_error(wrong: int, accepted: int, level: float = LEVEL) -> float:
    """Return the one-sided Clopper-Pearson upper bound of an error rate: 299 accepted, none wrong: 0.00997."""
    return error_bounds(wrong, accepted, level)[1]


def fewest_labels(target: float = TARGET_ERROR, level: float = LEVEL) -> int:
    """Return how many accepted values, none of them wrong, certify a target error: 299 for 1 % at 95 %."""
    return needed(1 - target, level=level)


def accept(outcomes: Sequence[Outcome], threshold: float) -> Acceptance:
    """Say what a threshold (0..1) for all watched fields would let pass.

    A document needs no person if every watched field that truth or reading have was read with at least that
    confidence. A field that is there and wasn't found is typed by a person. Fields that are not
    labelled can't be judged and don't count.
    """
    watched = [o for o in outcomes if o.field in WATCHED_FIELDS - _WITHOUT_CONFIDENCE]
    passes: dict[str, bool] = {}
    accepted = wrong = 0
    for outcome in watched:
        passes.setdefault(outcome.document, True)
        if outcome.value is None:
            passes[outcome.document] &= outcome.truth is None
        elif outcome.confidence >= threshold:
            accepted += 1
            wrong += not outcome.right
        else:
            passes[outcome.document] = False
    return Acceptance(
        threshold,
        accepted,
        wrong,
        highest_error(wrong, accepted) if accepted else 1.0,
        share_of_documents(list(passes.values())),
    )


def certify(outcomes: Sequence[Outcome], target: float = TARGET_ERROR) -> Acceptance | None:
    """Return the loosest threshold whose error is certified at 95 % to be at most ``target``; ``None``: no guarantee.

    Fixed-sequence testing: thresholds of :data:`GRID` are tried from strict to loose and the first that
    can't be certified ends it, so that trying many costs nothing of the 95 %. It begins where enough values
    are accepted for a certificate at all, which depends on confidences only, never on what is right.
    The bound takes values for independent, those of one document are not quite.
    """
    certified = None
    for threshold in GRID:
        step = accept(outcomes, threshold)
        if step.accepted < fewest_labels(target):
            continue
        if step.bound > target:
            break
        certified = step
    return certified
