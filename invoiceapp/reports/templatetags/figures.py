"""How shares and durations are written on the reports."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel.numbers import format_currency
from django import template

register = template.Library()
NBSP = "\u00a0"
SMALLEST = Decimal("0.0001")  # of a currency: a hundredth of a cent


@register.filter
def percent(share: float | None) -> str:
    """Write a share (0..1) with one decimal: 96.1 %."""
    return "–" if share is None else f"{share * 100:.1f}{NBSP}%"


@register.filter
def bare(share: float | None) -> str:
    """Write a share (0..1) without its sign, for ranges: 95.4."""
    return "–" if share is None else f"{share * 100:.1f}"


@register.filter
def seconds(duration: float | None) -> str:
    """Write seconds as people would: 0.42 s, 12 s, 3 min, 2 h, 4 days."""
    if duration is None:
        return "–"
    if duration < 10:
        return f"{duration:.2f}{NBSP}s"
    if duration < 90:
        return f"{duration:.0f}{NBSP}s"
    if duration < 90 * 60:
        return f"{duration / 60:.0f}{NBSP}min"
    if duration < 48 * 3600:
        return f"{duration / 3600:.0f}{NBSP}h"
    return f"{duration / 86400:.0f}{NBSP}days"


@register.filter
def small_money(amount: Decimal | None, currency: str) -> str:
    """Write what a reading costs: $12.30, below one with two digits that count, $0.0042, or under $0.0001."""
    if amount is None:
        return "–"
    if 0 < amount < SMALLEST:
        return f"under {small_money(SMALLEST, currency)}"
    places = min(max(2, 1 - amount.adjusted()), 4) if 0 < amount < 1 else 2
    return format_currency(
        amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP),
        currency,
        format=f"¤#,##0.{'0' * places}",
        locale="en_US",
        currency_digits=False,
    )


@register.simple_tag(takes_context=True)
def filtered(context: dict[str, Any], name: str, value: Any) -> str:
    """Return the address of this page with one more filter, from the first page of its lists on."""
    query = context["request"].GET.copy()
    for place in ("page", "vendors"):
        query.pop(place, None)
    query[name] = value
    return f"?{query.urlencode()}"
