"""How many workers a volume needs follows from what was measured here, and what they cost from a table of prices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extraction.planning import BadPrices, PriceTable, at_price, between, deploy, load_prices, plan

TABLE = """
date = 2026-11-26
currency = "EUR"
note = "made up"
site_cores = 1
[[option]]
name = "own server"
cores = 4
months = 40
kwh = [0.25, 0.50]
cpu = { bought = [800, 1600], watts = [100, 100] }
gpu = { bought = [20000, 40000], watts = [500, 500] }
source = "nobody"
[[option]]
name = "cloud"
cores = 2
cpu = { hour = [0.10, 0.20] }
gpu = { hour = [2, 4.00] }
source = "nobody either"
"""


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(TABLE)
    return path


@pytest.fixture
def table(prices: Path) -> PriceTable:
    return load_prices(prices)


def test_workers_follow_from_seconds_and_hours() -> None:
    # 10,000 invoices of 6 s are 16.7 hours of reading: in 8 hours at 70 % that takes three workers
    found = plan("llama", [4.0, 6.0, 8.0], per_day=10_000, hours=8)
    assert found.workers == 3
    assert found.mean_seconds == 6.0
    assert found.busy_hours == pytest.approx(16.67, abs=0.01)
    assert plan("layout", [0.3], per_day=50).workers == 1
    paid = at_price(found, Decimal("2.50"), per_day=10_000, hours=8)
    assert paid.month == (Decimal("1824"), Decimal("1824"))
    assert paid.invoice[0] == Decimal("0.006")


@pytest.mark.parametrize(
    "wrong",
    [{"per_day": 0}, {"per_day": 5, "hours": 0}, {"per_day": 5, "hours": 25}, {"per_day": 5, "busy": 0}],
)
def test_numbers_that_make_no_plan_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a plan needs"):
        plan("layout", [1.0], **wrong)


def test_workers_on_the_processor_share_machines_with_the_site(table: PriceTable) -> None:
    found = plan("layout", [2.0], per_day=100_000)  # four workers
    assert found.workers == 4
    own, cloud = (deploy(found, option, table, per_day=100_000, hours=24) for option in table.options)
    # five cores: two machines of four, each 800 / 40 + 0.1 kW x 729.6 h x 0.25
    assert own.month == (2 * (20 + Decimal("18.24")), 2 * (40 + Decimal("36.48")))
    # or three of two, at 0.10 to 0.20 for 729.6 h
    assert cloud.month == (Decimal("218.88"), Decimal("437.76"))
    assert "5 cores (1 for the site, 4 for workers) on 3 machines of 2" in cloud.steps[0]
    assert own.invoice[0] == own.month[0] / (100_000 * Decimal("30.4"))


def test_a_gpu_is_rented_for_the_hours_it_reads_and_owned_for_all_of_them(table: PriceTable) -> None:
    found = plan("pixtral", [1.5], per_day=30_000, hours=10)
    assert found.workers == 2
    own, cloud = (deploy(found, option, table, per_day=30_000, hours=10) for option in table.options)
    site = Decimal("72.96")
    assert cloud.month[0] == site + 2 * 2 * 10 * Decimal("30.4")
    assert cloud.steps[1] == "2 GPUs: (2 to 4.00 an hour x 10 h x 30.4 days) x 2"
    assert own.month[0] == 20 + Decimal("18.24") + 2 * (500 + Decimal("91.2"))


@pytest.mark.parametrize(
    ("amounts", "words"),
    [
        (("36.4", "75.2"), "36 to 75"),
        (("1234.5", "1278"), "1,200 to 1,300"),
        (("0.004211", "0.01"), "0.0042 to 0.010"),
        (("99.7", "99.9"), "100"),
        (("0", "3.14159"), "0 to 3.1"),
    ],
)
def test_no_more_digits_are_shown_than_are_known(amounts: tuple[str, str], words: str) -> None:
    assert between((Decimal(amounts[0]), Decimal(amounts[1]))) == words


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("date = 2026-11-26", "", "date is missing"),
        ("date = 2026-11-26", 'date = "yesterday"', "must be a day"),
        ("cores = 4", "cores = 0", "own server, cores must be a whole number"),
        ("months = 40", "", "months is missing"),
        ("hour = [0.10, 0.20]", "hour = [0.20, 0.10]", "cloud, cpu.hour must be a range"),
        ("hour = [0.10, 0.20]", "hour = 0.1", "cloud, cpu.hour must be a range"),
        ("hour = [2, 4.00]", "watts = [2, 4.00]", "either hour, or bought and watts"),
        ("hour = [2, 4.00]", "hour = [-1, 4.00]", "must be a range"),
        ("[[option]]", "[[opinion", "is no TOML"),
    ],
)
def test_a_table_that_can_not_be_used_says_what_to_correct(
    prices: Path, old: str, new: str, words: str
) -> None:
    assert old in TABLE
    prices.write_text(TABLE.replace(old, new))
    with pytest.raises(BadPrices, match=words):
        load_prices(prices)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadPrices, match=r"none\.toml can't be read"):
        load_prices(tmp_path / "none.toml")


def test_the_table_that_comes_with_the_product_is_whole_and_dated() -> None:
    table = load_prices()
    assert [option.name for option in table.options] == ["own server", "small cloud", "large cloud"]
    assert table.day > date(2026, 1, 1)
    assert all(option.source for option in table.options) and table.note
