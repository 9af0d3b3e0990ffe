"""What a hand-written sum or date may mean."""

from __future__ import annotations

from decimal import Decimal

import pytest

from extraction.reading.amounts import parse_money
from extraction.reading.written import amount_text, amounts_of, dates_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,250", "1250"),
        ("$ 475.00", "475"),
        ("2,350-", "2350"),
        ("680.-", "680"),
        ("500/-", "500"),
        ("680 00/100", "680"),
        ("680 xx/100", "680"),
        ("4,366 50", "4366.50"),  # raised cents
        ("$10.562.92", "10562.92"),  # a point taken for a comma
        ("3,09203", "3092.03"),  # the point was not seen
        ("1.234,56", "1234.56"),
        ("83,254=10,452.38", "10452.38"),  # struck out and written again
        ("12", "12"),
    ],
)
def test_the_likeliest_meaning_of_a_sum(text: str, value: str) -> None:
    assert amounts_of(text)[0][0] == Decimal(value)


def test_a_sum_without_its_point_may_be_either_and_the_longer_it_is_the_likelier_with_cents() -> None:
    short, long = dict(amounts_of("1850")), dict(amounts_of("9282558"))
    assert short[Decimal(1850)] > short[Decimal("18.50")] > 0
    assert long[Decimal("92825.58")] > long[Decimal(9282558)] > 0


@pytest.mark.parametrize("text", ["", "-", "$", "Total", "1/4 in", "12345678901", "0.125"])
def test_what_is_no_sum(text: str) -> None:
    assert amounts_of(text) == []


@pytest.mark.parametrize("value", ["1250", "3092.03", "0.50", "100000.10"])
def test_a_sum_is_written_so_that_it_is_read_as_itself(value: str) -> None:
    assert parse_money(amount_text(Decimal(value))) == Decimal(value)


def test_shares_are_probabilities() -> None:
    for text in ("1850", "9282558", "3,09203", "21,462.3", "1,250", "83,254=10,452.38"):
        assert 0 < sum(share for _, share in amounts_of(text)) <= 1


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("3/17/2019", "3/17/2019"),
        ("08-05=2024", "08/05/2024"),
        ("2025.12-04", "2025/12/04"),
        ("311712019", "3/17/2019"),  # slashes taken for ones
        ("09/3012023", "09/30/2023"),
        ("7/30122", "7/30/22"),
    ],
)
def test_the_likeliest_meaning_of_a_date(text: str, day: str) -> None:
    assert dates_of(text)[0][0] == day


@pytest.mark.parametrize("text", ["", "13/32/2024", "1/2/3/4", "2.50", "May 3", "3/17/1819"])
def test_what_is_no_date(text: str) -> None:
    assert dates_of(text) == []
