"""Checks that any invoice can be put to: arithmetic, dates, and the form of numbers.

Works on plain dictionaries of normalised strings, so that the same checks run on what a
reader found and on what a person typed. Values that are missing or not of their kind make a
rule inapplicable; they never make it fail. All arithmetic is ``Decimal``.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from stdnum import iban as stdnum_iban
from stdnum.exceptions import ValidationError

from extraction.schema import Check

TOLERANCE = Decimal("0.02")
"""Sums may differ by two cents: rounding per line or per rate (EN 16931 practice)."""
PRODUCT_TOLERANCE = Decimal("0.005")
"""Quantity x unit price may differ from the amount by half a per cent: unit prices are printed rounded."""
TERM_DAYS_TOLERANCE = 3
"""A due date may be a few days off the terms: weekends and month ends."""


def check(fields: Mapping[str, str], line_items: Sequence[Mapping[str, str]] = ()) -> tuple[Check, ...]:
    """Run every rule that the values at hand allow.

    :param fields: normalised values by field name (money as plain decimals, dates ISO 8601).
    :param line_items: normalised values by column name, one mapping per line.
    :returns: one :class:`Check` per rule that could be applied, failed ones with a message in plain words.
    """
    money = {name: number for name, text in fields.items() if (number := _decimal(text)) is not None}
    days = {name: day for name, text in fields.items() if (day := _date(text)) is not None}
    checks: list[Check] = []
    checks += _lines(line_items)
    checks += _lines_total(money, line_items)
    checks += _net_and_tax(money)
    checks += _tax_rate(money)
    checks += _due(money)
    checks += _dates(fields, days)
    checks += _numbers(fields)
    checks += _pay_application_lines(line_items)
    return tuple(checks)


def _decimal(text: str | None) -> Decimal | None:
    # Plain decimals only: 1e999 is no amount, and sums of it would overflow.
    return Decimal(text) if text and re.fullmatch(r"-?\d{1,15}(?:\.\d{1,8})?", text) else None


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text and len(text) == 10 else None
    except ValueError:
        return None


def money_text(value: Decimal) -> str:
    """Write an amount for a person: 1,234.50."""
    return f"{value:,.2f}"


def _outcome(
    rule: str, difference: Decimal, fields: tuple[str, ...], message: str, tolerance: Decimal = TOLERANCE
) -> Check:
    passed = abs(difference) <= tolerance
    return Check(rule, passed, f"{difference:.2f}", fields, "" if passed else message)


def _direction(difference: Decimal) -> str:
    return f"{money_text(abs(difference))} {'over' if difference > 0 else 'short of'}"


def _lines(line_items: Sequence[Mapping[str, str]]) -> Iterator[Check]:
    wrong: list[tuple[int, Decimal, Decimal, Decimal, Decimal]] = []
    applied = 0
    for number, line in enumerate(line_items, start=1):
        quantity, price, amount = (_decimal(line.get(k)) for k in ("quantity", "unit_price", "amount"))
        if quantity is None or price is None or amount is None:
            continue
        applied += 1
        difference = quantity * price - amount
        if abs(difference) > max(abs(amount) * PRODUCT_TOLERANCE, TOLERANCE):
            wrong.append((number, quantity, price, amount, difference))
    if not applied:
        return
    message = "; ".join(
        f"line {n}: {q.normalize():f} x {money_text(p)} is {money_text(q * p)}, the amount says {money_text(a)}"
        for n, q, p, a, _ in wrong[:3]
    )
    if len(wrong) > 3:
        message += f"; and {len(wrong) - 3} more lines"
    total = sum((d for *_, d in wrong), Decimal(0))
    yield Check("quantity_times_price", not wrong, f"{total:.2f}", ("line_items",), message)


def _lines_total(money: Mapping[str, Decimal], line_items: Sequence[Mapping[str, str]]) -> Iterator[Check]:
    numbers = [_decimal(line.get("amount")) for line in line_items]
    known = [n for n in numbers if n is not None]
    if not known or len(known) != len(numbers):
        return
    lines = sum(known, Decimal(0))
    zero = Decimal(0)
    if "subtotal" in money:
        subtotal = money["subtotal"]
        # Discounts may be taken, and freight added, before the subtotal; and line amounts may include the tax.
        allowed = {
            lines, lines - money.get("discount_total", zero), lines + money.get("freight", zero),
            lines - money.get("tax_amount", zero),
        }  # fmt: skip
        difference = min((a - subtotal for a in allowed), key=abs)
        shown = lines - subtotal if abs(difference) > TOLERANCE else difference
        yield _outcome(
            "lines_equal_subtotal",
            shown,
            ("line_items", "subtotal"),
            f"lines are {_direction(shown)} the subtotal",
        )
    elif "total" in money:
        total = money["total"]
        extra = money.get("tax_amount", zero) + money.get("freight", zero) - money.get("discount_total", zero)
        difference = min((lines - total, lines + extra - total), key=abs)
        yield _outcome(
            "lines_equal_total",
            difference,
            ("line_items", "total"),
            f"lines are {_direction(difference)} the total",
        )


def _net_and_tax(money: Mapping[str, Decimal]) -> Iterator[Check]:
    if "subtotal" not in money or "total" not in money:
        return
    net, total = money["subtotal"], money["total"]
    zero = Decimal(0)
    tax, freight, discount = (
        money.get("tax_amount", zero),
        money.get("freight", zero),
        abs(money.get("discount_total", zero)),
    )
    # Discount and freight stand before or after the subtotal; the tax may be included in the prices.
    sums = [net + tax + freight - discount, net + tax, net + tax + freight, net + tax - discount]
    if "tax_amount" in money:
        sums.append(net if abs(net - total) <= TOLERANCE else sums[0])
    difference = min((s - total for s in sums), key=abs)
    if abs(difference) > TOLERANCE:
        difference = sums[0] - total
    named = " + ".join(["subtotal", *(["tax"] if tax else []), *(["freight"] if freight else [])]) + (
        " - discount" if discount else ""
    )
    fields = ("subtotal", *(k for k in ("tax_amount", "freight", "discount_total") if k in money), "total")
    yield _outcome(
        "subtotal_plus_tax",
        difference,
        fields,
        f"{named} is {money_text(sums[0])}, {_direction(difference)} the total",
    )


def _tax_rate(money: Mapping[str, Decimal]) -> Iterator[Check]:
    if not {"tax_rate", "tax_amount", "subtotal"} <= money.keys() or not money["tax_rate"]:
        return
    rate, tax, net = money["tax_rate"] / 100, money["tax_amount"], money["subtotal"]
    discount, freight = abs(money.get("discount_total", Decimal(0))), money.get("freight", Decimal(0))
    # Not every line need be taxable, so that less tax than the rate gives is no error.
    most = max(abs(b) for b in (net, net - discount, net + freight, net - discount + freight)) * abs(rate)
    difference = max(abs(tax) - most, Decimal(0))
    yield _outcome(
        "tax_rate", difference, ("tax_rate", "tax_amount", "subtotal"),
        f"tax is {money_text(difference)} more than {money['tax_rate'].normalize():f} % of the subtotal",
        max(TOLERANCE, most * PRODUCT_TOLERANCE),
    )  # fmt: skip


def _due(money: Mapping[str, Decimal]) -> Iterator[Check]:
    if "total" not in money or "amount_due" not in money:
        return
    zero = Decimal(0)
    total, due = money["total"], money["amount_due"]
    paid, before, held = (
        abs(money.get("amount_paid", zero)),
        money.get("previous_balance", zero),
        abs(money.get("retainage_amount", zero)),
    )
    expected = total - paid + before - held
    # Retainage is often deducted before the total already, and a previous balance shown for information only.
    difference = min(
        (e - due for e in (expected, total - paid + before, total - paid, total - held)), key=abs
    )
    if abs(difference) > TOLERANCE:
        difference = expected - due
    fields = (
        "total",
        *(k for k in ("amount_paid", "previous_balance", "retainage_amount") if k in money),
        "amount_due",
    )
    yield _outcome(
        "total_less_paid",
        difference,
        fields,
        f"total less payments is {money_text(expected)}, {_direction(difference)} the amount due",
    )


def _dates(fields: Mapping[str, str], days: Mapping[str, date]) -> Iterator[Check]:
    start, due = days.get("invoice_date"), days.get("due_date")
    if start and due:
        passed = due >= start
        message = (
            "" if passed else f"due date {due.isoformat()} is before the invoice date {start.isoformat()}"
        )
        yield Check("due_after_invoice", passed, "", ("invoice_date", "due_date"), message)
        net = re.search(
            r"(?i)\bnet\s?(\d{1,3})\b|\b(\d{1,3})\s?(?:days|tage|jours|d[ií]as|dagen)\b",
            fields.get("payment_terms", ""),
        )
        if net and passed:
            term = int(net[1] or net[2])
            expected = start + timedelta(days=term)
            month_end = date(
                expected.year, expected.month, calendar.monthrange(expected.year, expected.month)[1]
            )
            passed = min(abs((due - expected).days), abs((due - month_end).days)) <= TERM_DAYS_TOLERANCE
            message = (
                ""
                if passed
                else f"{term} days after the invoice date is {expected.isoformat()},"
                f" the due date says {due.isoformat()}"
            )
            yield Check(
                "due_date_fits_terms", passed, "", ("invoice_date", "due_date", "payment_terms"), message
            )
    first, last = days.get("period_start"), days.get("period_end")
    if first and last:
        passed = last >= first
        yield Check(
            "period_in_order",
            passed,
            "",
            ("period_start", "period_end"),
            "" if passed else "the period ends before it begins",
        )


def _numbers(fields: Mapping[str, str]) -> Iterator[Check]:
    for name, what in (
        ("invoice_number", "invoice number"),
        ("work_order_number", "work order number"),
        ("po_number", "PO number"),
    ):
        value = fields.get(name, "")
        if not value:
            continue
        problem = ""
        if re.fullmatch(r"\(?\+?\d{0,3}\)?[ .-]?\(?\d{3}\)?[ .-]\d{3}[.-]\d{4}", value):
            problem = "a telephone number"
        elif re.fullmatch(r"\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|(?:19|20)\d{2}-\d{2}-\d{2}", value):
            problem = "a date"
        elif re.fullmatch(r"[$£€]\s?[\d.,]+|\d{1,3}(?:,\d{3})*\.\d{2}", value):
            problem = "an amount of money"
        message = f"{what} {value} looks like {problem}" if problem else ""
        yield Check(f"{name}_form", not problem, "", (name,), message)
    iban = fields.get("iban")
    if iban:
        try:
            stdnum_iban.validate(iban)
            yield Check("iban_checksum", True, "", ("iban",))
        except ValidationError:
            yield Check(
                "iban_checksum",
                False,
                "",
                ("iban",),
                "the IBAN's check digits don't fit: one of its characters is wrong",
            )


def _pay_application_lines(line_items: Sequence[Mapping[str, str]]) -> Iterator[Check]:
    """Ties of a continuation sheet: previous + this period + stored = completed, within the scheduled value."""
    wrong_sum: list[str] = []
    over: list[str] = []
    applied = 0
    worst = Decimal(0)
    for number, line in enumerate(line_items, start=1):
        name = line.get("item_number") or str(number)
        previous, period, stored, completed, scheduled = (
            _decimal(line.get(k))
            for k in (
                "previous_completed",
                "this_period",
                "materials_stored",
                "total_completed",
                "scheduled_value",
            )
        )
        if completed is None or (previous is None and period is None):
            continue
        applied += 1
        difference = (previous or Decimal(0)) + (period or Decimal(0)) + (stored or Decimal(0)) - completed
        if abs(difference) > TOLERANCE:
            worst += difference
            wrong_sum.append(
                f"item {name}: previous, this period and stored make {money_text(completed + difference)},"
                f" completed says {money_text(completed)}"
            )
        if scheduled is not None and completed > scheduled + TOLERANCE:
            over.append(f"item {name} is billed {money_text(completed - scheduled)} over its scheduled value")
    if applied:
        fields = ("line_items",)
        yield Check("completed_to_date", not wrong_sum, f"{worst:.2f}", fields, "; ".join(wrong_sum[:3]))
        yield Check("within_scheduled_value", not over, "", fields, "; ".join(over[:3]))
