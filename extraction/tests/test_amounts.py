"""Amounts as they are printed around the world."""

from __future__ import annotations

from decimal import Decimal

import pytest

from extraction.reading.amounts import (
    currency_of,
    decimal_mark_of,
    find_amounts,
    find_currencies,
    parse_money,
    parse_percent,
    parse_quantity,
    plain,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1\u00a0234,56", "1234.56"),
        ("1'234.56", "1234.56"),
        ("1\u2019234.56", "1234.56"),
        ("12,34,567.00", "1234567.00"),
        ("6,54,321.00", "654321.00"),
        ("1,450.00-", "-1450.00"),
        ("(1,450.00)", "-1450.00"),
        ("($1,450.00)", "-1450.00"),
        ("-$5.00", "-5.00"),
        ("$-5.00", "-5.00"),
        ("120.00 CR", "-120.00"),
        ("680 00/100", "680"),
        ("680 50/100", "680.50"),
        ("680 xx/100", "680"),
        ("$ 475", "475"),
        ("2,350-", "2350"),
        ("2350.\u2014", "2350"),
        ("500/-", "500"),
        ("1, 234 .56", "1234.56"),
        ("1.450.00", "1450.00"),
        ("USD 1,234.50", "1234.50"),
        ("45,00 \u20ac", "45.00"),
        ("RM12.30", "12.30"),
        (".50", "0.50"),
        ("1,440", "1440"),
        ("0.00", "0.00"),
        ("* 93.50 *", "93.50"),
    ],
)
def test_money_is_read_exactly(text: str, value: str) -> None:
    assert parse_money(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "INV-100",
        "12/25/2020",
        "7.00%",
        "",
        "abc",
        "1.2.3",
        "12,3,4",
        "555-0142",
        "10:45",
        "2x",
        "1,23,4.5.6",
        "12 apples",
    ],
)
def test_what_is_not_money_is_not_read(text: str) -> None:
    assert parse_money(text) is None


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("1.234", "", "1234"),
        ("1.234", ".", "1.234"),
        ("1.234", ",", "1234"),
        ("1,234", "", "1234"),
        ("1,234", ",", "1.234"),
        ("1,234", ".", "1234"),
        ("0.125", "", "0.125"),
        ("1234.5", "", "1234.5"),
    ],
)
def test_three_digits_after_a_mark_are_decided_by_the_document(text: str, mark: str, value: str) -> None:
    assert parse_money(text, mark) == Decimal(value)  # type: ignore[arg-type]


def test_decimal_mark_follows_the_unambiguous_amounts() -> None:
    assert decimal_mark_of(["12,50", "Summe 1.234,00"]) == ","
    assert decimal_mark_of(["12.50 and 1,234.00"]) == "."
    assert decimal_mark_of(["1.234.567"]) == ","
    assert decimal_mark_of(["1.234", "3,456"], ".") == "."
    assert decimal_mark_of(["03.04.2026", "19 %"]) == ""


def test_amounts_in_a_sentence_are_found_and_numbers_of_other_kinds_are_not() -> None:
    text = "Inv INV-2044 of 03/14/2025, ref 12-44: pay $1,200.50 or 15% less, i.e. 1020.43 USD"
    assert [a.value for a in find_amounts(text)] == [Decimal("1200.50"), Decimal("1020.43")]
    assert [a.currency for a in find_amounts(text)] == ["USD", "USD"]


def test_a_bracket_that_opens_before_and_closes_later_is_no_minus() -> None:
    assert [a.value for a in find_amounts("(2 x 4.50 each)")] == [Decimal("2"), Decimal("4.50")] or [
        a.value for a in find_amounts("(2 x 4.50 each)")
    ] == [Decimal("4.50")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", "2"),
        ("1.00 kg", "1.00"),
        ("3,5 Std", "3.5"),
        ("2x", "2"),
        ("-1", "-1"),
        ("12 pcs.", "12"),
        ("3 m\u00b2", "3"),
    ],
)
def test_quantities_may_carry_their_unit(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


def test_percentages() -> None:
    assert parse_percent("8.5%") == Decimal("8.5")
    assert parse_percent("MwSt 19,00 %") == Decimal("19.00")
    assert parse_percent("20") == Decimal("20")
    assert parse_percent("no tax") is None


def test_plain_writes_no_exponent_and_keeps_cents() -> None:
    assert plain(Decimal("1E+3"), places=2) == "1000.00"
    assert plain(Decimal("4.2500")) == "4.25"
    assert plain(Decimal("1200"), places=2) == "1200.00"
    assert plain(Decimal("-0.00"), places=2) == "0.00"


def test_currencies_by_symbol_code_and_name() -> None:
    assert currency_of("\u00a3") == "GBP"
    assert currency_of("usd") == "USD"
    assert currency_of("C$") == "CAD"
    assert currency_of("bananas") is None


def test_words_that_look_like_a_currency_are_not_one() -> None:
    assert find_currencies("Open Mo.-Fr. 8 to 17, one PEN each, total 12.00") == []
    assert find_currencies("Total RM 12.50, CHF 3.00, Rs. 40") == ["MYR", "CHF", "INR"]
