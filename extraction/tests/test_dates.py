"""Dates in several languages and both orders."""

from __future__ import annotations

import pytest

from extraction.reading.dates import find_dates, order_of, parse_date


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("03/14/2025", "2025-03-14"),
        ("14/03/2025", "2025-03-14"),
        ("2025-03-14", "2025-03-14"),
        ("2025/3/14", "2025-03-14"),
        ("2025-03-14T10:00", "2025-03-14"),
        ("14.03.25", "2025-03-14"),
        ("March 14, 2025", "2025-03-14"),
        ("Mar. 14 2025", "2025-03-14"),
        ("14th March 2025", "2025-03-14"),
        ("14-MAR-2025", "2025-03-14"),
        ("14MAR2025", "2025-03-14"),
        ("14 de marzo de 2025", "2025-03-14"),
        ("marzo 14, 2025", "2025-03-14"),
        ("14. M\u00e4rz 2025", "2025-03-14"),
        ("1er f\u00e9vrier 2023", "2023-02-01"),
        ("28 nov. 2022", "2022-11-28"),
        ("14 maart 2025", "2025-03-14"),
        ("14 mar\u00e7o 2025", "2025-03-14"),
        ("14 gennaio 2025", "2025-01-14"),
        ("August 3 , 2014", "2014-08-03"),
        ("Sept 21, 2015", "2015-09-21"),
        ("Friday, Jan 5 '24", "2024-01-05"),
        ("12/25/1999", "1999-12-25"),
        ("12/25/99", "1999-12-25"),
        ("20250314", "2025-03-14"),
    ],
)
def test_dates_are_read(text: str, iso: str) -> None:
    found = parse_date(text)
    assert found is not None
    assert found.isoformat() == iso


@pytest.mark.parametrize(
    "text", ["", "31/31/2025", "555-01-4212", "1.234.567", "12.50", "Net 30", "13/14/15/16", "Feb 30, 2025"]
)
def test_what_is_no_date_is_not_read(text: str) -> None:
    assert parse_date(text) is None


def test_an_open_order_is_decided_by_the_caller_and_the_other_reading_is_kept() -> None:
    american, european = find_dates("03/04/2026", "mdy")[0], find_dates("03/04/2026", "dmy")[0]
    assert american.value.isoformat() == "2026-03-04"
    assert european.value.isoformat() == "2026-04-03"
    assert american.swapped == european.value
    assert find_dates("03/14/2026", "dmy")[0].value.isoformat() == "2026-03-14"


def test_the_order_follows_the_dates_that_can_be_read_one_way_only() -> None:
    assert order_of(["Date 03/04/2026", "Due 25/04/2026"], "mdy") == "dmy"
    assert order_of(["Date 03/04/2026", "Due 04/25/2026"], "dmy") == "mdy"
    assert order_of(["Date 03/04/2026"], "mdy") == "mdy"


def test_a_time_glued_to_the_year_does_not_hide_the_date() -> None:
    assert [d.value.isoformat() for d in find_dates("12/01/201719:33", "dmy")] == ["2017-01-12"]
    assert [d.value.isoformat() for d in find_dates("2018-03-1813:18:48", "dmy")] == ["2018-03-18"]
    assert [d.value.isoformat() for d in find_dates("14/03/20185:57:07PM", "dmy")] == ["2018-03-14"]


def test_a_period_gives_both_its_dates() -> None:
    assert [d.value.isoformat() for d in find_dates("10/14/2019 \u2013 11/14/2019")] == [
        "2019-10-14",
        "2019-11-14",
    ]
