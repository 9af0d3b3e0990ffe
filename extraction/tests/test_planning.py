"""How many workers a volume needs follows from what was measured here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from extraction.planning import plan


def test_workers_follow_from_seconds_and_hours() -> None:
    # 10,000 invoices of 6 s are 16.7 hours of reading: in 8 hours at 70 % that takes three workers
    found = plan("llama", [4.0, 6.0, 8.0], per_day=10_000, hours=8, price_per_hour=Decimal("2.50"))
    assert found.workers == 3
    assert found.mean_seconds == 6.0
    assert found.cost_per_month == Decimal("1824.00")
    assert found.cost_per_invoice == Decimal("0.0060")
    assert plan("layout", [0.3], per_day=50).workers == 1
    assert plan("layout", [0.3], per_day=50).cost_per_month is None


@pytest.mark.parametrize(
    "wrong",
    [{"per_day": 0}, {"per_day": 5, "hours": 0}, {"per_day": 5, "hours": 25}, {"per_day": 5, "busy": 0}],
)
def test_numbers_that_make_no_plan_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a plan needs"):
        plan("layout", [1.0], **wrong)
