"""Confidences are probabilities, fitted and versioned."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from extraction.calibration import FEATURES, HIGHEST, LOWEST, Calibration, Evidence, load_calibration
from extraction.evaluation.calibrate import Sample, cross_validate, fit, report, save
from extraction.evaluation.metrics import calibration_error


def test_the_shipped_model_believes_more_where_more_speaks_for_a_value() -> None:
    model = load_calibration()
    strong = model.probability_of(Evidence("total", 0.95, 0.6, supported=True))
    weak = model.probability_of(Evidence("total", 0.3, 0.02, contradicted=True, ocr=0.6))
    assert LOWEST <= weak < 0.7 < strong <= HIGHEST


def test_a_model_of_other_features_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"version": "x", "coefficients": {"bias": 1.0, "moon_phase": 2.0}}))
    with pytest.raises(ValueError, match="moon_phase"):
        load_calibration(path)


def samples(count: int) -> list[Sample]:
    """Values whose chance of being right is known: it follows their margin."""
    random = np.random.default_rng(7)
    made = []
    for k in range(count):
        margin = float(random.uniform(-0.5, 1.0))
        chance = 1 / (1 + np.exp(-4 * margin))
        made.append(
            Sample(
                f"d{k}",
                "invoice",
                f"v{k % 40}",
                Evidence("total", 0.5, margin),
                "1.00",
                bool(random.random() < chance),
            )
        )
    return made


def test_the_fit_recovers_known_chances_and_is_reported_on_unseen_vendors() -> None:
    made = samples(1500)
    outcomes = cross_validate(made, 5)
    assert len(outcomes) == len(made)
    assert calibration_error(outcomes) < 0.06
    assert "1500 values" in report(outcomes)


def test_saving_gives_a_version_that_follows_from_the_coefficients(tmp_path: Path) -> None:
    made = samples(300)
    weights = fit(made)
    one, other = save(weights, made, tmp_path / "a.json"), save(weights + 0.1, made, tmp_path / "b.json")
    assert one != other
    loaded = load_calibration(tmp_path / "a.json")
    assert loaded.version == one
    assert set(loaded.coefficients) == set(FEATURES)


def test_confidence_never_reaches_certainty() -> None:
    certain = Calibration("x", dict.fromkeys(FEATURES, 50.0))
    assert certain.probability_of(Evidence("total", 0.99, 1.0, supported=True)) == HIGHEST
