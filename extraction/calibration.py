"""From a reader's raw evidence to the probability that a value is right.

One pooled logistic model over a handful of features with the field's kind among them. Its
coefficients stand in ``extraction/weights/calibration.json``, fitted on real documents by
``python -m extraction.evaluation.calibrate DIR`` (cross-validated by vendor), never on generated ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from extraction.fields import FIELDS

WEIGHTS = Path(__file__).parent / "weights" / "calibration.json"
# No value read by rules is ever certain: the fit saw a few hundred documents.
HIGHEST = 0.995
LOWEST = 0.02


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one value.

    ``score`` raw score (0..1); ``margin`` score less the next candidate's; ``supported`` and
    ``contradicted`` by arithmetic; ``ocr`` the lowest recognition confidence of its words (1 for
    a text layer); ``labelled`` whether a label stands at it; ``agreed`` whether
    the rules alone would have chosen it too.
    """

    field: str
    score: float
    margin: float
    supported: bool = False
    contradicted: bool = False
    ocr: float = 1.0
    labelled: bool = True
    agreed: bool = True
    further: Mapping[str, float] = field(default_factory=dict)


FEATURES = ("bias", "score", "margin", "supported", "contradicted", "recognised", "ocr", "labelled",
            "is_money", "is_date", "is_id", "is_name", "is_address", "is_total", "is_code", "agreed")  # fmt: skip


def features_of(evidence: Evidence) -> list[float]:
    """Return the feature vector, in the order of :data:`FEATURES`."""
    known = FIELDS[evidence.field]
    score = min(max(evidence.score, 0.01), 0.99)
    return [
        1.0,
        math.log(score / (1 - score)) / 2,
        min(max(evidence.margin, -1.0), 1.0),
        float(evidence.supported),
        float(evidence.contradicted),
        float(evidence.ocr < 0.9999),
        1.0 - evidence.ocr,
        float(evidence.labelled),
        float(known.kind == "money"),
        float(known.kind == "date"),
        float(known.kind == "id"),
        float(known.name in ("vendor_name", "customer_name")),
        float(known.is_address),
        float(known.name == "total"),
        float(known.kind == "code"),
        float(evidence.agreed),
    ]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted model: ``version`` names the data and the fit."""

    version: str
    coefficients: Mapping[str, float]

    def probability_of(self, evidence: Evidence) -> float:
        """Return the probability (0..1) that the value is right."""
        score = sum(
            self.coefficients.get(name, 0.0) * value
            for name, value in zip(FEATURES, features_of(evidence), strict=True)
        )
        return round(min(max(1 / (1 + math.exp(-max(min(score, 30.0), -30.0))), LOWEST), HIGHEST), 4)


@lru_cache(maxsize=4)
def load_calibration(path: Path = WEIGHTS) -> Calibration:
    """Load the shipped model.

    :raises ValueError: if the file is not a calibration of this version's features.
    """
    content = json.loads(path.read_text("utf-8"))
    unknown = set(content["coefficients"]) - set(FEATURES)
    if unknown:
        raise ValueError(
            f"{path.name} was fitted with features this version doesn't have: {', '.join(sorted(unknown))};"
            " fit it again"
        )
    return Calibration(content["version"], content["coefficients"])
