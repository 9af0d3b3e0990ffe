"""Amounts of money: always Decimal, written with a point, shown as people write them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from babel.numbers import format_currency, format_decimal

CENT = Decimal("0.01")
LARGEST = Decimal("999999999999.99")  # what a column of 14 digits holds


def to_amount(text: str) -> Decimal | None:
    """Turn a normalised amount ("1234.50", "-12", "") into a Decimal of two places; empty gives None.

    :raises ValueError: if it is no plain decimal or too large for the books.
    """
    if not text.strip():
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"“{text}” is not an amount. Write it like 1234.50.") from None
    if not amount.is_finite() or abs(amount) > LARGEST:
        raise ValueError(f"“{text}” is too large to be an amount.")
    return amount.quantize(CENT, ROUND_HALF_UP)


def show_amount(amount: Decimal | None, currency: str = "") -> str:
    """Return the amount as people read it: $1,450.00, or 1,450.00 without a currency, or an empty string."""
    if amount is None:
        return ""
    if currency:
        return format_currency(amount, currency, locale="en_US")
    return format_decimal(amount, format="#,##0.00", locale="en_US")
