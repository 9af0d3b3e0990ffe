"""What templates need to show money, icons and states the same way everywhere."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_symbol
from django import template
from django.core.paginator import Page
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from invoiceapp.records.models import Invoice
from invoiceapp.records.money import show_amount

register = template.Library()

STATUS_ICONS = {
    Invoice.Status.WAITING: "clock",
    Invoice.Status.READING: "reading",
    Invoice.Status.REVIEW: "eye",
    Invoice.Status.TO_APPROVE: "stamp",
    Invoice.Status.APPROVED: "tick",
    Invoice.Status.EXPORTED: "out",
    Invoice.Status.REJECTED: "cross",
}


NOTHING = SafeString('<span class="faint">–</span>')


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw one icon of static/icons.svg; it is decoration: the word stands beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name
    )


@register.simple_tag
def money(amount: Decimal | None, currency: str = "") -> SafeString:
    """Show an amount with its currency small before it; an en dash where there is none."""
    if amount is None:
        return NOTHING
    symbol = get_currency_symbol(currency, locale="en_US") if currency else ""
    if not symbol:
        return format_html('<span class="nowrap">{}</span>', show_amount(amount))
    return format_html(
        '<span class="nowrap"><span class="currency">{}</span>{}</span>', symbol, show_amount(amount)
    )


@register.simple_tag
def status(invoice: Invoice) -> SafeString:
    """Show where an invoice stands: colour, icon and word."""
    return format_html(
        '<span class="state state--{}">{} {}</span>',
        invoice.status,
        icon(STATUS_ICONS[Invoice.Status(invoice.status)]),
        invoice.get_status_display(),
    )


@register.inclusion_tag("partials/pagination.html", takes_context=True)
def pagination(context: dict[str, Any], page: Page[Any], noun: str = "invoice") -> dict[str, Any]:
    """Show where the reader is in a long list, keeping the filters of the address."""
    return {"page": page, "noun": noun, "request": context["request"]}
