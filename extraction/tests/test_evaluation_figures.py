"""The figures of an evaluation, each worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from extraction.evaluation.certainty import accept, brier_score, certify, highest_error, risk_coverage_area
from extraction.evaluation.datasets import LabelledDocument
from extraction.evaluation.line_items import all_lines_right, cell_f1, match_lines, score_table
from extraction.evaluation.measuring import judge
from extraction.evaluation.metrics import Outcome, calibration_error, f1, share_right
from extraction.evaluation.significance import compare, mcnemar
from extraction.schema import FieldValue, LineItemValue, Reading


def outcome(
    document: str,
    truth: object,
    value: str | None,
    *,
    field: str = "total",
    confidence: float = 0.9,
    track: str = "invoice",
) -> Outcome:
    right = value is None if truth is None else value == str(truth)
    return Outcome(document, track, field, truth, value, right, confidence if value is not None else 0.0)


ONE_OF_EACH = [
    outcome("a", 1, "1"),  # true positive
    outcome("b", 1, "2"),  # false positive and false negative
    outcome("c", 1, None),  # false negative
    outcome("d", None, "2"),  # false positive
    outcome("e", None, None),  # in neither: counts for accuracy, not for F1
]


def test_f1_leaves_out_what_is_absent_and_counts_inventions() -> None:
    assert share_right(ONE_OF_EACH).value == pytest.approx(2 / 5)
    assert f1(ONE_OF_EACH).value == pytest.approx(2 * 1 / (2 * 1 + 2 + 2))
    assert f1(ONE_OF_EACH).count == 4


def test_f1_over_fields_gives_rare_fields_the_same_weight() -> None:
    both = [
        *ONE_OF_EACH,
        outcome("a", "x", "x", field="po_number"),
        outcome("b", "y", "y", field="po_number"),
    ]
    assert f1(both, by_field=True).value == pytest.approx((1 / 3 + 1) / 2)
    assert f1(both).value == pytest.approx(2 * 3 / (2 * 3 + 2 + 2))


def test_f1_of_nothing_is_no_figure() -> None:
    assert f1([outcome("a", None, None)]).count == 0
    assert str(f1([outcome("a", None, None)]).value) == "nan"


def test_intervals_treat_the_fields_of_one_document_as_one() -> None:
    names = ("total", "subtotal", "invoice_number", "invoice_date", "due_date", "po_number", "job_number")
    two = [outcome("good", 1, "1", field=n) for n in names] + [outcome("bad", 1, "2", field=n) for n in names]
    # One draw in four holds the good document twice, one in four the bad one twice.
    for share in (share_right(two), f1(two), share_right(two, by_field=True)):
        assert (share.low, share.value, share.high) == (0.0, 0.5, 1.0)


def test_risk_coverage_area_is_the_mean_error_of_the_most_confident() -> None:
    four = [
        outcome("a", 1, "1", confidence=0.9),
        outcome("b", 1, "2", confidence=0.8),
        outcome("c", 1, "1", confidence=0.7),
        outcome("d", 1, "2", confidence=0.6),
        outcome("e", 1, None),  # nothing was read: nothing to rank
    ]
    assert risk_coverage_area(four) == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    assert risk_coverage_area(four[::-1]) == pytest.approx(risk_coverage_area(four))


def test_equal_confidences_are_not_ranked_by_chance() -> None:
    one, other = outcome("a", 1, "1"), outcome("b", 1, "2")
    assert risk_coverage_area([one, other]) == risk_coverage_area([other, one]) == pytest.approx(0.5)


def test_calibration_error_and_brier_score() -> None:
    overconfident = [outcome(f"a{k}", 1, "1" if k < 10 else "2", confidence=0.8) for k in range(20)]
    honest = [outcome(f"b{k}", 1, "1" if k < 6 else "2", confidence=0.6) for k in range(10)]
    assert calibration_error([*overconfident, *honest]) == pytest.approx(20 / 30 * 0.3)
    pair = [outcome("a", 1, "1", confidence=0.9), outcome("b", 1, "2", confidence=0.8)]
    assert brier_score(pair) == pytest.approx((0.1**2 + 0.8**2) / 2)


@pytest.mark.parametrize(("wrong", "enough"), [(0, 299), (1, 473), (2, 628)])
def test_one_percent_is_certified_with_exactly_so_many_labels(wrong: int, enough: int) -> None:
    assert highest_error(wrong, enough) <= 0.01 < highest_error(wrong, enough - 1)


def test_the_loosest_certified_threshold_is_found() -> None:
    sure = [outcome(f"s{k}", 1, "1", confidence=0.99) for k in range(299)]
    wrong = [outcome(f"w{k}", 1, "2", confidence=0.7) for k in range(101)]
    found = certify([*sure, *wrong])
    assert found is not None
    assert (found.threshold, found.accepted, found.wrong) == (0.71, 299, 0)
    assert found.documents.value == pytest.approx(299 / 400)
    assert certify([*sure[1:], *wrong]) is None


def test_a_threshold_behind_one_that_failed_is_not_tried() -> None:
    strict = [outcome(f"s{k}", 1, "2" if k < 10 else "1", confidence=0.995) for k in range(300)]
    loose = [outcome(f"l{k}", 1, "1", confidence=0.9) for k in range(5000)]
    assert highest_error(10, 5300) < 0.01
    assert certify([*strict, *loose]) is None


def test_a_document_needs_no_person_only_if_all_its_watched_fields_pass() -> None:
    outcomes = [
        *(outcome(d, 1, "1", confidence=0.95) for d in ("sure", "unsure", "missing", "empty", "unwatched")),
        outcome("unsure", "7", "7", field="po_number", confidence=0.5),
        outcome("missing", "7", None, field="po_number"),
        outcome("empty", None, None, field="po_number"),
        outcome("unwatched", "1", "2", field="vendor_phone", confidence=0.1),
    ]
    taken = accept(outcomes, 0.9)
    assert (taken.accepted, taken.wrong) == (5, 0)
    assert taken.documents.value == pytest.approx(3 / 5)
    assert accept(outcomes, 0.4).documents.value == pytest.approx(4 / 5)


TRUE_LINES = [
    {"description": "Roofing", "quantity": 2, "amount": 10.0},
    {"description": "Nails", "quantity": 1, "amount": 5.0},
]


def test_line_items_are_scored_cell_by_cell() -> None:
    read = [
        {"description": "nails", "quantity": "1", "amount": "5.00"},
        {"description": "Roofing", "quantity": "3", "amount": "10.00"},
        {"description": "Freight", "unit": "ea", "amount": "7.00"},
    ]
    score = score_table(TRUE_LINES, read)
    # 5 cells right, a quantity wrong, two cells of a line that isn't there; units are not labelled.
    assert cell_f1([score]).value == pytest.approx(2 * 5 / (2 * 5 + 1 + 1 + 2))
    assert cell_f1([score], "quantity").value == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert cell_f1([score], "amount").value == pytest.approx(2 * 2 / (2 * 2 + 1))
    assert cell_f1([score]).count == 6
    assert not score.complete


def test_lines_are_paired_for_the_most_right_cells_and_not_in_their_order() -> None:
    truth = [{"quantity": 1, "amount": 5.0}, {"quantity": 2, "amount": 5.0}, {"quantity": 3, "amount": 8.0}]
    read = [{"quantity": "2", "amount": "5.00"}, {"quantity": "1", "amount": "5.00"}, {"amount": "9.99"}]
    assert sorted(match_lines(truth, read)) == [(0, 1), (1, 0)]


def test_all_lines_right_means_all_of_them_and_no_more() -> None:
    read = [
        {"description": "Roofing", "quantity": "2", "amount": "10.00", "unit": "sq"},
        {"description": "Nails", "quantity": "1", "amount": "5.00"},
    ]
    scores = [
        score_table(TRUE_LINES, read),
        score_table(TRUE_LINES, read[:1]),
        score_table(TRUE_LINES, [*read, read[0]]),
        score_table(TRUE_LINES, []),
    ]
    assert [s.complete for s in scores] == [True, False, False, False]
    assert all_lines_right(scores).value == pytest.approx(1 / 4)
    assert cell_f1(scores[3:]).value == 0.0


def test_a_cell_that_is_known_to_be_empty_must_stay_empty() -> None:
    truth = [{"description": "Roofing", "quantity": None, "page": 0, "boxes": {}}]
    assert score_table(truth, [{"description": "Roofing"}]).complete
    invented = score_table(truth, [{"description": "Roofing", "quantity": "1"}])
    assert not invented.complete
    assert cell_f1([invented]).value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"), [(0, 0, 1.0), (1, 5, 14 / 64), (5, 1, 14 / 64), (0, 10, 2 / 1024)]
)
def test_mcnemar(only_first: int, only_second: int, p: float) -> None:
    assert mcnemar(only_first, only_second) == pytest.approx(p)


def test_readers_are_compared_on_what_both_were_judged_on() -> None:
    first = [
        *(outcome(f"a{k}", 1, "1") for k in range(4)),
        outcome("b", 1, "2"),
        outcome("c", 1, "1", track="receipt"),
        outcome("relabelled", 3, "2"),
        outcome("only there", 1, "1"),
    ]
    second = [
        *(outcome(f"a{k}", 1, "2" if k < 3 else "1") for k in range(4)),
        outcome("b", 1, "1"),
        outcome("c", 1, "1", track="receipt"),
        outcome("relabelled", 2, "2"),
    ]
    invoice, receipt, together = compare(first, second)
    assert (invoice.fields, invoice.only_first, invoice.only_second) == (5, 3, 1)
    assert invoice.p == pytest.approx(2 * (1 + 4) / 16)
    assert invoice.difference.value == pytest.approx((2 - 4) / 5)
    assert (receipt.fields, receipt.only_first, receipt.only_second, receipt.p) == (1, 0, 0, 1.0)
    assert (together.track, together.fields) == ("all tracks", 6)
    assert compare(first, []) == []


def test_the_kind_of_document_is_compared_with_what_the_reading_says(tmp_path: Path) -> None:
    reading = Reading(backend="layout", model_version="1", pages=1, document_type="credit_note")
    document = LabelledDocument(tmp_path / "a.pdf", fields={"document_type": "credit_note"})
    other = LabelledDocument(tmp_path / "b.pdf", fields={"document_type": "invoice"})
    assert [o.right for o in judge(document, reading).outcomes] == [True]
    assert [o.right for o in judge(other, reading).outcomes] == [False]


def test_a_value_for_a_field_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    document = LabelledDocument(tmp_path / "a.pdf", fields={"po_number": None, "job_number": None})
    found = {"po_number": FieldValue("po_number", "7", "7", 0.8)}
    reading = Reading(backend="layout", model_version="1", pages=1, fields=found)
    assert {o.field: o.right for o in judge(document, reading).outcomes} == {
        "po_number": False,
        "job_number": True,
    }
    # A document that couldn't be read has shown nothing, also of what it doesn't have.
    assert not any(o.right for o in judge(document, None).outcomes)


def test_lines_are_judged_only_where_they_are_labelled_and_asked_for(tmp_path: Path) -> None:
    reading = Reading(
        backend="layout", model_version="1", pages=1, line_items=(LineItemValue({"amount": "5.00"}),)
    )
    labelled = LabelledDocument(tmp_path / "a.pdf", fields={"total": 5.0}, line_items=[{"amount": 5.0}])
    found = judge(labelled, reading)
    assert (found.lines_true, found.lines_read, found.lines_found) == (1, 1, 1)
    assert judge(labelled, reading, only=["total"]).lines is None
    assert judge(LabelledDocument(tmp_path / "b.pdf"), reading).lines is None
