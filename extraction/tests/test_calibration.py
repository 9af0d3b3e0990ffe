"""Confidences are probabilities, fitted and versioned; what would pass at a target is measured on unseen vendors."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from extraction.calibration import (
    DIRECTIONS,
    FEATURES,
    HIGHEST,
    LOWEST,
    NOBODY,
    WITNESSES,
    Calibration,
    Evidence,
    load_calibration,
    readable,
)
from extraction.evaluation.calibrate import (
    MODELS,
    Sample,
    compare,
    fit,
    fit_all,
    held_out,
    keep_readings,
    kept_readings,
    loosest,
    main,
    most_of,
    nested,
    outcomes_of,
    report,
    rows_of,
    save,
    silent_errors,
)
from extraction.evaluation.metrics import calibration_error

SHIPPED = MODELS[-1]
PLAIN = MODELS[0]


def test_the_shipped_model_believes_more_where_more_speaks_for_a_value() -> None:
    model = load_calibration()
    strong = model.probability_of(Evidence("total", 0.95, 0.6, supported=True))
    weak = model.probability_of(Evidence("total", 0.3, 0.02, contradicted=True, ocr=0.6))
    assert LOWEST <= weak < 0.7 < strong <= HIGHEST


def test_the_shipped_model_never_believes_a_witness_the_wrong_way_round() -> None:
    for name, weight in load_calibration().coefficients.items():
        assert weight * DIRECTIONS.get(name, 0) >= 0, name
    value = Evidence("total", 0.9, 0.5, supported=True, witnesses={"rule": 0.9, "trees": 0.9, "encoder": 0.9})
    sure = load_calibration().probability_of(value)
    for name, direction in WITNESSES.items():
        if direction < 0:
            doubted = replace(value, witnesses={**value.witnesses, name: 1.0})
            assert load_calibration().probability_of(doubted) <= sure, name


def test_the_shipped_model_believes_readers_that_agree() -> None:
    alike = {"rule": 0.9, "trees": 0.9, "encoder": 0.9, "encoder_least": 0.9}
    other = {"rule": 0.9, "trees": 0.6, "encoder": 0.0, "encoder_margin": -0.9, "encoder_nothing": 0.9}
    model = load_calibration()
    for name in ("total", "invoice_number", "vendor_name"):
        agreed, alone = (model.probability_of(Evidence(name, 0.8, 0.5, witnesses=w)) for w in (alike, other))
        assert agreed > alone + 0.02, name


def test_a_model_of_other_features_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"version": "x", "coefficients": {"bias": 1.0, "moon_phase": 2.0}}))
    with pytest.raises(ValueError, match="moon_phase"):
        load_calibration(path)


def samples(count: int) -> list[Sample]:
    """Totals whose chance of being right follows their margin, and names that are right by the toss of a coin."""
    random = np.random.default_rng(7)
    made = []
    for k in range(count):
        margin = float(random.uniform(-0.5, 1.0))
        chance = 1 / (1 + np.exp(-9 * margin))
        for field, share in (("total", chance), ("vendor_name", 0.5)):
            made.append(
                Sample(
                    f"d{k}",
                    "invoice",
                    f"v{k % 40}",
                    Evidence(field, 0.5, margin if field == "total" else 0.3),
                    "1.00",
                    bool(random.random() < share),
                    2.0,
                )
            )
    return made


def test_the_fit_recovers_known_chances_and_is_measured_on_unseen_vendors() -> None:
    made = [s for s in samples(1500) if s.evidence.field == "total"]
    right = np.array([s.right for s in made], dtype=float)
    confidence = held_out(rows_of(made), most_of(made), right, [s.group for s in made], PLAIN, 2.0, 5, 0)
    outcomes = outcomes_of(made, confidence)
    assert len(outcomes) == len(made)
    assert calibration_error(outcomes) < 0.06
    assert "1500 values" in report(outcomes)


def test_a_witness_that_misleads_by_chance_is_left_out_instead_of_believed() -> None:
    random = np.random.default_rng(3)
    made = []
    for k in range(400):
        right = bool(random.random() < 0.8)
        # by accident of this sample nearly all right values are disputed, and few wrong ones
        disputed = float(random.random() < (0.8 if right else 0.2))
        evidence = Evidence("total", 0.7, 0.5, witnesses={"disputed": disputed})
        made.append(Sample(f"d{k}", "invoice", f"v{k}", evidence, "1", right))
    rows, truth = rows_of(made), np.array([s.right for s in made], dtype=float)
    place = SHIPPED.features.index("disputed")
    assert fit(rows, truth, SHIPPED, 10.0).weights[place] == 0
    assert fit(rows, truth, replace(SHIPPED, signed=False), 10.0).weights[place] > 0.5


def test_a_threshold_needs_enough_values_and_keeps_the_target() -> None:
    sure = np.linspace(0.9, 0.99, 98)
    assert loosest(sure, np.ones(98), 0.99) == float("inf"), "98 right ones don't prove one in a hundred"
    sure = np.linspace(0.8, 0.99, 400)
    right = np.ones(400)
    assert loosest(sure, right, 0.99) == pytest.approx(0.8)
    right[:5] = 0  # the five least sure are wrong: from the fourth on 2 of 397 are
    assert loosest(sure, right, 0.99) == pytest.approx(sure[3])
    assert loosest(np.full(400, 0.95), right, 0.99) == float("inf"), (
        "equal confidences stand or fall together"
    )


def test_what_passes_at_a_target_was_decided_on_other_vendors() -> None:
    made = samples(1200)
    trial = nested(made, SHIPPED, 0.95, 5, 0)
    passed = [s for s, passes in zip(made, trial.passes, strict=True) if passes]
    assert {s.evidence.field for s in passed} == {"total"}, "names right half of the time never pass"
    assert len(passed) > 0.3 * 1200
    assert sum(not s.right for s in passed) / len(passed) < 0.07


def test_held_out_confidences_are_no_surer_than_the_figures_were_readable() -> None:
    made = samples(400)
    doubted = [replace(s, evidence=replace(s.evidence, reading=0.5)) for s in made]
    highest = readable(doubted[0].evidence)
    trial = nested(doubted, SHIPPED, 0.95, 5, 0)
    assert trial.confidence.max() <= highest < nested(made, SHIPPED, 0.95, 5, 0).confidence.max()
    shipped = Calibration("x", dict.fromkeys(FEATURES, 50.0))
    assert shipped.probability_of(doubted[0].evidence) == pytest.approx(highest, abs=1e-4)


def test_the_report_compares_all_models_and_says_what_would_pass() -> None:
    text = compare(samples(150), 0.9, folds=3, seeds=1)
    for model in MODELS:
        assert model.name in text
    assert "names and texts: 0 % of 150 pass" in text
    assert "% of them wrong [" in text
    assert "names and texts: none, a person looks at all of them" in text


def test_held_out_readings_are_kept_fitted_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = samples(150)
    keep_readings(made, tmp_path / "readings")
    assert kept_readings(tmp_path / "readings") == made
    assert (
        main(["--readings", str(tmp_path / "readings"), "--folds", "3", "--seeds", "1", "--silent", "3"]) == 0
    )
    said = capsys.readouterr().out
    assert "read '1.00', truth 2.0" in said
    assert "wrote" not in said


def test_nothing_is_fitted_on_documents_that_the_reader_may_have_learned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--write"])
    assert "only held-out readings may be fitted on" in capsys.readouterr().err


def test_the_most_believed_errors_are_listed_first() -> None:
    made = samples(20)
    text = silent_errors(made, np.linspace(0, 1, len(made)), 2)
    wrong = [s.document for s in made if not s.right]
    assert text.splitlines()[0].split()[2] == wrong[-1]


def test_saving_gives_a_version_that_follows_from_the_coefficients(tmp_path: Path) -> None:
    made = samples(150)
    fitted = fit_all(made, folds=3)
    other = replace(fitted, weights=fitted.weights + 0.1)
    one, two = save(fitted, made, tmp_path / "a.json"), save(other, made, tmp_path / "b.json")
    assert one != two
    loaded = load_calibration(tmp_path / "a.json")
    assert loaded.version == one
    assert set(loaded.coefficients) <= set(FEATURES)
    for sample, confidence in zip(
        made[:9], fitted.predict(rows_of(made[:9]), most_of(made[:9])), strict=True
    ):
        assert loaded.probability_of(sample.evidence) == pytest.approx(confidence, abs=0.002)


def test_confidence_never_reaches_certainty() -> None:
    certain = Calibration("x", dict.fromkeys(FEATURES, 50.0))
    assert certain.probability_of(Evidence("total", 0.99, 1.0, supported=True)) == HIGHEST


def test_a_target_takes_the_thresholds_of_the_next_stricter_one_that_was_measured() -> None:
    calibration = Calibration(
        "x", {}, {0.98: {"amounts": 0.9}, 0.99: {"amounts": 0.95, "names and texts": 1.0}}
    )
    assert calibration.limit_of("total", 0.98) == 0.9
    assert calibration.limit_of("total", 0.985) == 0.95
    assert calibration.limit_of("vendor_name", 0.99) == NOBODY
    assert calibration.limit_of("total", 0.995) == NOBODY, "nothing was measured so strict"
    assert calibration.limit_of("invoice_date", 0.98) == NOBODY, "nor for this group"


def test_the_shipped_thresholds_are_stricter_for_stricter_targets() -> None:
    limits = load_calibration().limits
    assert set(limits) == {0.95, 0.97, 0.98, 0.99, 0.995}
    for name in ("total", "invoice_date", "vendor_name"):
        found = [load_calibration().limit_of(name, target) for target in sorted(limits)]
        assert found == sorted(found)
        assert found[-1] > 0.9
