"""A certified threshold keeps its promise, and nothing is promised where too little was checked."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import comb, sqrt

import pytest

from extraction.guarantee import (
    ALONE,
    GRID,
    TOGETHER,
    Label,
    binomial_tail,
    certify,
    certify_fields,
    error_bounds,
    needed,
)

OFFICES = 400
SURE = 0.97
MEANWHILE = 0.95


def labels(right: int, wrong: int, clearance: float = SURE) -> list[tuple[float, bool]]:
    return [(clearance, True)] * right + [(clearance, False)] * wrong


@pytest.mark.parametrize(
    ("target", "counts"), [(0.99, (299, 473, 628)), (0.98, (149, 236, 313))], ids=["1 %", "2 %"]
)
def test_as_many_values_are_needed_as_the_design_says(target: float, counts: Sequence[int]) -> None:
    assert tuple(needed(target, wrong) for wrong in range(3)) == counts
    for wrong, count in enumerate(counts):
        assert certify(labels(count - wrong, wrong), target, meanwhile=MEANWHILE).threshold is not None
        assert certify(labels(count - 1 - wrong, wrong), target, meanwhile=MEANWHILE).threshold is None


def test_the_tail_is_the_binomial_sum() -> None:
    exact = sum(comb(40, k) * 0.07**k * 0.93 ** (40 - k) for k in range(4))
    assert binomial_tail(3, 40, 0.07) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(
    ("wrong", "checked", "low", "high"),
    # Published two-sided 90 % limits, which are one-sided 95 % ones: 1 - 0.05^(1/n), and 1 of 10, 5 of 20.
    [
        (0, 10, 0.0, 0.2589),
        (1, 10, 0.0051, 0.3942),
        (5, 20, 0.1041, 0.4556),
        (10, 10, 0.7411, 1.0),
        (0, 0, 0, 1),
    ],
)
def test_bounds_are_clopper_and_pearsons(wrong: int, checked: int, low: float, high: float) -> None:
    assert error_bounds(wrong, checked) == pytest.approx((low, high), abs=6e-5)


def test_the_loosest_threshold_that_keeps_the_target_is_taken() -> None:
    found = certify(
        [*labels(400, 0, 0.98), *labels(300, 0, 0.91), *labels(80, 20, 0.85)], 0.99, meanwhile=MEANWHILE
    )
    assert (found.threshold, found.checked, found.wrong, found.refused_at) == (0.9, 700, 0, 0.84)
    assert found.low >= 0.99
    assert found.sentence == "at least 99\u00a0% right"


def test_the_search_ends_at_the_first_failure() -> None:
    """Looser thresholds would pass; but trying on would promise more often than one in twenty what fails."""
    found = certify([*labels(295, 5, 0.98), *labels(299, 0, 0.91)], 0.98, meanwhile=MEANWHILE)
    assert (found.threshold, found.refused_at) == (None, 0.98)
    assert certify([*labels(299, 0, 0.98), *labels(295, 5, 0.91)], 0.98, meanwhile=MEANWHILE).threshold == 0.9


def test_without_a_guarantee_people_read_how_far_it_is() -> None:
    few = certify(labels(120, 0), 0.99, meanwhile=MEANWHILE)
    assert few.sentence == "no guarantee yet: 120 of 299 checked values"
    assert (few.at, few.checked, few.share) == (MEANWHILE, 120, 1.0)
    one_wrong = certify(labels(349, 1), 0.99, meanwhile=MEANWHILE)
    assert one_wrong.sentence == "no guarantee yet: 350 of 473 checked values"
    bad = certify(labels(380, 20), 0.99, meanwhile=MEANWHILE)
    assert bad.sentence == "no guarantee: 95\u00a0% right so far, the target is 99\u00a0%"
    refused = certify([*labels(398, 2, 0.98), *labels(800, 0, 0.96)], 0.99, meanwhile=MEANWHILE)
    assert refused.sentence == "no guarantee yet: too many were wrong from 98\u00a0% sure on"
    nothing = certify([], 0.99, meanwhile=MEANWHILE)
    assert (nothing.share, nothing.sentence) == (None, "no guarantee yet: 0 of 299 checked values")


# --- which labels a field is judged by -------------------------------------------------------------


def of_field(field: str, right: int, wrong: int = 0, start: int = 0) -> list[Label]:
    return [Label(str(start + n), field, SURE, n >= wrong) for n in range(right + wrong)]


def test_a_field_with_enough_labels_stands_alone() -> None:
    """A bad total can't hide among good subtotals, nor spoil them."""
    found = certify_fields(
        [*of_field("total", 480, 20), *of_field("subtotal", 300)],
        ["total", "subtotal"],
        0.99,
        meanwhile=MEANWHILE,
    )
    assert found["total"].guarantee.threshold is None
    assert (found["subtotal"].basis, found["subtotal"].guarantee.threshold) == (ALONE, SURE)


def test_fields_with_few_labels_are_judged_by_kind_then_together() -> None:
    dates = [*of_field("invoice_date", 200), *of_field("due_date", 200, start=200)]
    rest = [*of_field("po_number", 180, start=400), *of_field("vendor_name", 180, start=600)]
    found = certify_fields(
        [*dates, *rest], ["vendor_name", "po_number", "invoice_date", "due_date"], 0.99, meanwhile=MEANWHILE
    )
    assert [one.basis for one in found.values()] == [TOGETHER, TOGETHER, "date", "date"]
    assert found["due_date"].guarantee.checked == 400
    assert found["po_number"].guarantee.checked == 360
    assert found["due_date"].basis_label == "dates together"


def test_a_document_counts_once_in_a_group() -> None:
    """Four fields of the same hundred documents are a hundred labels, not four hundred."""
    fields = ["invoice_date", "due_date", "vendor_name", "customer_name"]
    found = certify_fields(
        [label for name in fields for label in of_field(name, 100)], fields, 0.99, meanwhile=MEANWHILE
    )
    assert {one.basis for one in found.values()} == {ALONE}
    assert {one.guarantee.sentence for one in found.values()} == {
        "no guarantee yet: 100 of 299 checked values"
    }


# --- does the promise hold? ------------------------------------------------------------------------


def share_broken(broken: Sequence[bool]) -> float:
    return sum(broken) / len(broken)


# One in twenty may break it; three standard errors of a share of 5 % over the offices are noise.
ALLOWED = 0.05 + 3 * sqrt(0.05 * 0.95 / OFFICES)


def office(dice: random.Random, count: int, slope: float) -> list[tuple[float, bool]]:
    """Return labels whose confidence is uniform on 0.5..1 and whose error is ``slope * (1 - confidence)``."""
    found = []
    for _ in range(count):
        confidence = dice.uniform(0.5, 1)
        found.append((confidence, dice.random() >= slope * (1 - confidence)))
    return found


def true_error(slope: float, threshold: float) -> float:
    return slope * (1 - threshold) / 2


def by_estimate(labels: Sequence[tuple[float, bool]], target: float) -> float | None:
    """Take the loosest threshold that looks good enough: what the bound is there to prevent."""
    for threshold in reversed(GRID):
        passed = [right for confidence, right in labels if confidence >= threshold]
        if passed and passed.count(True) / len(passed) >= target:
            return threshold
    return None


@pytest.mark.parametrize(
    ("count", "slope", "target"),
    # The last acceptable threshold lies in the middle of the grid, near its strict end, and beyond it.
    [(1500, 0.09, 0.99), (600, 0.18, 0.98), (800, 0.3, 0.99), (350, 0.021, 0.995)],
)
def test_at_most_one_office_in_twenty_gets_a_promise_that_is_not_kept(
    count: int, slope: float, target: float
) -> None:
    dice = random.Random(7)
    kept: list[bool] = []
    naive: list[bool] = []
    for _ in range(OFFICES):
        seen = office(dice, count, slope)
        found = certify(seen, target, meanwhile=MEANWHILE).threshold
        kept.append(found is not None and true_error(slope, found) > 1 - target)
        guess = by_estimate(seen, target)
        naive.append(guess is not None and true_error(slope, guess) > 1 - target)
    assert share_broken(kept) <= ALLOWED
    assert share_broken(naive) > ALLOWED, "the population is so easy that anything would do"


def test_the_promise_holds_where_fields_of_a_document_fail_together() -> None:
    """An error rate just over the allowed one; a bad page spoils all four amounts of its document."""
    fields = ["subtotal", "tax_amount", "total", "amount_due"]
    error, documents = 0.0105, 298

    def promised(dice: random.Random, certified: Callable[[list[Label]], bool]) -> bool:
        found = []
        for number in range(documents):
            right = dice.random() >= error
            found += [Label(str(number), name, SURE, right) for name in fields if dice.random() < 0.7]
        return certified(found)

    def all_labels(found: list[Label]) -> bool:
        return (
            certify([(one.clearance, one.right) for one in found], 0.99, meanwhile=MEANWHILE).threshold
            is not None
        )

    def once(found: list[Label]) -> bool:
        several = certify_fields([*found, *more(found)], fields, 0.99, meanwhile=MEANWHILE)
        return any(one.guarantee.threshold is not None for one in several.values())

    def more(found: list[Label]) -> list[Label]:
        return [Label(f"{one.document}b", one.field, one.clearance, True) for one in found[:10]]

    dice = random.Random(11)
    assert share_broken([promised(dice, once) for _ in range(OFFICES)]) <= ALLOWED
    assert share_broken([promised(dice, all_labels) for _ in range(OFFICES)]) > ALLOWED


def test_a_threshold_that_is_good_enough_is_found() -> None:
    """The bound isn't bought by never promising: with 3,000 labels most offices get a useful threshold."""
    dice = random.Random(3)
    found = [certify(office(dice, 3000, 0.02), 0.99, meanwhile=MEANWHILE).threshold for _ in range(100)]
    assert sum(threshold is not None and threshold <= 0.9 for threshold in found) >= 90
