"""What a reading costs follows from what it took and from the prices that were stated."""

from __future__ import annotations

from decimal import Decimal

import pytest

from extraction.costs import Price, cost, most, paid_seconds
from extraction.schema import Usage


def test_a_machine_is_paid_for_as_long_as_it_reads() -> None:
    # 5.82 s of a machine at 2.50 an hour
    assert cost(Price(hour=Decimal("2.50")), Usage(900, 300, 5.1), 5.82) == Decimal("0.004042")


def test_a_server_of_ones_own_is_paid_while_it_answers() -> None:
    price = Price(hour=Decimal("3.60"), on_server=True)
    usage = Usage(900, 300, model_seconds=2.0)
    assert paid_seconds(price, usage, 30.0) == 2.0
    assert cost(price, usage, 30.0) == Decimal("0.002000")


def test_a_service_is_paid_by_the_token() -> None:
    price = Price(input_million=Decimal("0.15"), output_million=Decimal("0.60"), on_server=True)
    assert cost(price, Usage(3000, 500, 9.0), 12.0) == Decimal("0.000750")


def test_what_is_unknown_is_not_called_nothing() -> None:
    assert cost(Price(), Usage(3000, 500, 9.0), 12.0) is None
    assert most(Price(), seconds=300, input_tokens=1, output_tokens=1) is None
    by_token = Price(input_million=Decimal("0.15"), output_million=Decimal("0.60"), on_server=True)
    assert cost(by_token, Usage(None, 500, 9.0), 12.0) is None
    assert cost(by_token, Usage(3000, None, 9.0), 12.0) is None
    # a server that counts no tokens still can be paid by the hour
    by_hour = Price(hour=Decimal("3.60"), on_server=True)
    assert cost(by_hour, Usage(None, None, 9.0), 12.0) == Decimal("0.009")


def test_a_count_that_is_missing_once_is_missing_in_the_sum() -> None:
    known, unknown = Usage(100, 10, 1.5), Usage(None, 20, 0.5)
    assert known + known == Usage(200, 20, 3.0)
    assert known + unknown == Usage(None, 30, 2.0)


@pytest.mark.parametrize("seconds", [0.1, 1.0, 5.82, 299.9])
def test_the_most_is_never_less_than_what_it_is_the_most_of(seconds: float) -> None:
    price = Price(Decimal("0.07"), Decimal("0.13"), Decimal("0.59"), on_server=True)
    real = cost(price, Usage(1234, 56, seconds), seconds)
    highest = most(price, seconds=seconds, input_tokens=1234, output_tokens=56)
    assert real is not None and highest is not None
    assert real <= highest <= real + Decimal("0.000001")
