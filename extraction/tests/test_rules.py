"""Checks in plain words."""

from __future__ import annotations

import pytest

from extraction.rules import check
from extraction.schema import Check


def outcome(rule: str, fields: dict[str, str], lines: list[dict[str, str]] | None = None) -> Check | None:
    found = {c.rule: c for c in check(fields, lines or [])}
    return found.get(rule)


def test_what_adds_up_passes() -> None:
    fields = {
        "subtotal": "100.00", "discount_total": "5.00", "freight": "12.00", "tax_amount": "8.00", "total": "115.00", "amount_paid": "15.00",
        "amount_due": "100.00", "invoice_date": "2025-03-14", "due_date": "2025-04-13", "payment_terms": "Net 30",
    }  # fmt: skip
    lines = [{"quantity": "2", "unit_price": "30.00", "amount": "60.00"}, {"amount": "40.00"}]
    checks = check(fields, lines)
    assert all(c.passed for c in checks)
    assert {
        "subtotal_plus_tax",
        "lines_equal_subtotal",
        "quantity_times_price",
        "total_less_paid",
        "due_date_fits_terms",
    } <= {c.rule for c in checks}
    assert all(not c.message for c in checks)


def test_lines_short_of_the_subtotal_are_said_in_words() -> None:
    found = outcome(
        "lines_equal_subtotal", {"subtotal": "112.40"}, [{"amount": "60.00"}, {"amount": "40.00"}]
    )
    assert found is not None
    assert not found.passed
    assert found.difference == "-12.40"
    assert found.message == "lines are 12.40 short of the subtotal"


@pytest.mark.parametrize(
    ("total", "passed"), [("108.00", True), ("108.02", True), ("108.03", False), ("107.97", False)]
)
def test_the_tolerance_is_two_cents(total: str, passed: bool) -> None:
    found = outcome("subtotal_plus_tax", {"subtotal": "100.00", "tax_amount": "8.00", "total": total})
    assert found is not None
    assert found.passed is passed


def test_a_sum_that_is_off_names_both_sides() -> None:
    found = outcome("subtotal_plus_tax", {"subtotal": "1000.00", "tax_amount": "80.00", "total": "1180.00"})
    assert found is not None
    assert found.message == "subtotal + tax is 1,080.00, 100.00 short of the total"
    assert set(found.fields) == {"subtotal", "tax_amount", "total"}


def test_tax_included_in_the_prices_is_no_error() -> None:
    found = outcome("subtotal_plus_tax", {"subtotal": "110.00", "tax_amount": "10.00", "total": "110.00"})
    assert found is not None
    assert found.passed


def test_a_unit_price_rounded_in_print_is_no_error() -> None:
    assert outcome(
        "quantity_times_price", {}, [{"quantity": "3", "unit_price": "33.33", "amount": "100.00"}]
    ).passed  # type: ignore[union-attr]
    wrong = outcome(
        "quantity_times_price",
        {},
        [{"amount": "5.00"}, {"quantity": "2", "unit_price": "10.00", "amount": "25.00"}],
    )
    assert wrong is not None
    assert wrong.message == "line 2: 2 x 10.00 is 20.00, the amount says 25.00"


def test_less_tax_than_the_rate_gives_is_fine_more_is_not() -> None:
    assert outcome("tax_rate", {"subtotal": "100.00", "tax_amount": "4.00", "tax_rate": "8"}).passed  # type: ignore[union-attr]
    assert not outcome("tax_rate", {"subtotal": "100.00", "tax_amount": "9.00", "tax_rate": "8"}).passed  # type: ignore[union-attr]


def test_amount_due_after_payments_and_a_previous_balance() -> None:
    fields = {"total": "110.00", "previous_balance": "500.00", "amount_due": "610.00"}
    assert outcome("total_less_paid", fields).passed  # type: ignore[union-attr]
    wrong = outcome("total_less_paid", {"total": "110.00", "amount_paid": "10.00", "amount_due": "90.00"})
    assert wrong is not None
    assert wrong.message == "total less payments is 100.00, 10.00 over the amount due"


def test_dates_in_order_and_in_line_with_the_terms() -> None:
    early = outcome("due_after_invoice", {"invoice_date": "2025-03-14", "due_date": "2025-03-01"})
    assert early is not None
    assert early.message == "due date 2025-03-01 is before the invoice date 2025-03-14"
    off = outcome(
        "due_date_fits_terms",
        {"invoice_date": "2025-01-01", "due_date": "2025-06-01", "payment_terms": "Net 30"},
    )
    assert off is not None
    assert off.message == "30 days after the invoice date is 2025-01-31, the due date says 2025-06-01"


@pytest.mark.parametrize("number", ["(253) 555-0142", "253-555-0142", "03/14/2025", "$45.00", "1,234.00"])
def test_a_number_that_is_something_else(number: str) -> None:
    found = outcome("invoice_number_form", {"invoice_number": number})
    assert found is not None
    assert not found.passed
    assert number in found.message


def test_iban_check_digits() -> None:
    assert outcome("iban_checksum", {"iban": "DE89370400440532013000"}).passed  # type: ignore[union-attr]
    assert not outcome("iban_checksum", {"iban": "DE89370400440532013001"}).passed  # type: ignore[union-attr]


def test_continuation_sheet_ties() -> None:
    line = {
        "item_number": "3",
        "scheduled_value": "1000.00",
        "previous_completed": "400.00",
        "this_period": "200.00",
        "total_completed": "700.00",
    }
    wrong = outcome("completed_to_date", {}, [line])
    assert wrong is not None
    assert wrong.message == "item 3: previous, this period and stored make 600.00, completed says 700.00"
    right = {**line, "materials_stored": "100.00"}
    assert outcome("completed_to_date", {}, [right]).passed  # type: ignore[union-attr]
    over = outcome("within_scheduled_value", {}, [{**right, "scheduled_value": "650.00"}])
    assert over is not None
    assert over.message == "item 3 is billed 50.00 over its scheduled value"


@pytest.mark.parametrize("nonsense", ["", "abc", "NaN", "1e999999999", "2025-13-45"])
def test_values_that_are_no_values_make_rules_inapplicable(nonsense: str) -> None:
    fields = {"subtotal": nonsense, "total": "10.00", "invoice_date": nonsense, "due_date": "2025-01-01"}
    assert not any(
        c.rule in ("subtotal_plus_tax", "due_after_invoice") for c in check(fields, [{"amount": nonsense}])
    )
