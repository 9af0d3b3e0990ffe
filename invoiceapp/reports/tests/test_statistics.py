"""The figures say the truth about populations whose truth is known."""

from __future__ import annotations

import random

import pytest

from invoiceapp.reports.statistics import (
    Clusters,
    Scored,
    Stratum,
    calibration_bins,
    design_effect,
    estimate,
    wilson,
)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [  # published values: Newcombe, Statistics in Medicine 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(right: int, n: int, low: float, high: float) -> None:
    found = wilson(right / n, n)
    assert found == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_nothing_is_said_about_too_few_values() -> None:
    assert estimate([Stratum(100, 19, 19)]) is None
    assert estimate([]) is None
    # plenty of doubtful values checked, but next to none of the nine tenths that nobody asked about
    assert estimate([Stratum(100, 100, 40), Stratum(900, 4, 4)]) is None


def test_confident_values_count_with_their_number_not_with_how_often_they_were_checked() -> None:
    found = estimate([Stratum(200, 200, 100), Stratum(800, 40, 40)])
    assert found is not None
    assert found.share == pytest.approx(0.9)  # and not 140 / 240 = 58 %
    assert found.low < 0.9 < found.high < 1.0
    assert (found.checked, found.population) == (240, 1000)


def test_a_small_unchecked_stratum_widens_the_interval_and_hides_nothing() -> None:
    alone = estimate([Stratum(950, 100, 90)])
    with_it = estimate([Stratum(950, 100, 90), Stratum(50, 0, 0)])
    assert alone is not None
    assert with_it is not None
    assert with_it.share == pytest.approx(alone.share)
    assert with_it.low < alone.low


def test_intervals_hold_the_truth_about_as_often_as_they_promise() -> None:
    """2,000 samples as the review draws them: all doubtful values, one confident value in ten."""
    dice = random.Random(7)
    hits = 0
    for _ in range(2000):
        doubtful = sum(dice.random() < 0.6 for _ in range(100))
        confident = sum(dice.random() < 0.98 for _ in range(90))
        found = estimate([Stratum(100, 100, doubtful), Stratum(900, 90, confident)])
        assert found is not None
        hits += found.low <= 0.1 * 0.6 + 0.9 * 0.98 <= found.high
    assert 0.93 <= hits / 2000 <= 0.985


def test_values_of_one_document_that_go_together_count_less() -> None:
    # 50 documents of 4 values, all right or all wrong: each document is worth one value, not four.
    together = Clusters(50, 200, 160, 50 * 16, 40 * 16, 40 * 16)
    assert design_effect(together) == pytest.approx(4 * 50 / 49)
    # 200 documents of 1 value: nothing to correct.
    apart = Clusters(200, 200, 160, 200, 160, 160)
    assert design_effect(apart) == pytest.approx(1.0, abs=0.01)
    narrow = Stratum(200, 200, 160).interval()
    wide = Stratum(200, 200, 160, design_effect(together)).interval()
    assert wide[0] < narrow[0]
    assert wide[1] > narrow[1]


def test_clustered_intervals_hold_the_truth_where_simple_ones_do_not() -> None:
    """Blurred pages spoil all their values: 10 values a document, a tenth of the documents blurred."""
    dice = random.Random(11)
    truth = 0.9 * 0.97 + 0.1 * 0.5
    clustered = simple = 0
    for _ in range(600):
        sizes = [
            (10, sum(dice.random() < (0.5 if blurred else 0.97) for _ in range(10)))
            for blurred in (dice.random() < 0.1 for _ in range(80))
        ]
        n, r = 800, sum(right for _, right in sizes)
        effect = design_effect(
            Clusters(
                80,
                n,
                r,
                sum(k * k for k, _ in sizes),
                sum(x * x for _, x in sizes),
                sum(k * x for k, x in sizes),
            )
        )
        low, high = Stratum(n, n, r, effect).interval()
        clustered += low <= truth <= high
        low, high = Stratum(n, n, r).interval()
        simple += low <= truth <= high
    assert simple / 600 < 0.85
    assert clustered / 600 >= 0.9


def test_bins_hold_equally_many_checked_values_and_weigh_the_unchecked_ones() -> None:
    scored = [
        Scored(50 * 0.5, Stratum(50, 50, 25), Stratum(0, 0, 0)),
        Scored(50 * 0.7, Stratum(50, 50, 35), Stratum(0, 0, 0)),
        Scored(1000 * 0.99, Stratum(0, 0, 0), Stratum(1000, 50, 49)),
    ]
    bins = calibration_bins(scored, 3)
    assert [round(b.said, 2) for b in bins] == [0.5, 0.7, 0.99]
    assert [round(b.true.share, 2) for b in bins] == [0.5, 0.7, 0.98]
    assert bins[-1].true.population == 1000
    assert calibration_bins([], 10) == []


def test_no_value_falls_out_of_the_bins() -> None:
    scored = [Scored(10 * n / 100, Stratum(10, 7, 6), Stratum(0, 0, 0)) for n in range(50, 100)]
    bins = calibration_bins(scored, 10)
    assert sum(found.true.population for found in bins) == 500
    assert (bins[0].low, bins[-1].high) == (0.5, 0.99)
