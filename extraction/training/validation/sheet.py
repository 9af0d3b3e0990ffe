"""Prints the values of a case in one vendor's habits and notes what was printed: the notes are the truth."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from extraction.fields import FIELDS
from extraction.training.validation.cases import Case
from extraction.training.validation.locales import print_date, print_number, words

Pair = tuple[str, str]
"""A label and the value beside it, both as printed."""

MISSING = {
    "vendor_phone": 0.15,
    "vendor_email": 0.25,
    "vendor_tax_id": 0.2,
    "customer_address": 0.06,
    "due_date": 0.2,
    "payment_terms": 0.3,
    "ship_to_address": 0.55,
    "iban": 0.15,
    "bank_account": 0.3,
    "routing_number": 0.4,
    "invoice_number": 0.02,
    "invoice_date": 0.02,
    "tax_rate": 0.15,
}
"""How often an optional field is left off a document that has it; 0.12 for others of the references."""

OPEN = {
    "pay_application": {"total", "subtotal", "previous_balance", "invoice_number"},
    "statement": {"total", "subtotal", "amount_paid", "invoice_number"},
    "receipt": {"amount_paid", "amount_due"},
    "quote": {"work_order_number"},
    "delivery_ticket": {"work_order_number"},
}
"""Fields whose meaning on a kind of document is open (docs/generator.md): they are left out unless printed."""


class Sheet:
    """Everything one document prints goes through here.

    ``fields`` holds the values printed so far by field, ``printed`` the texts in which they stand, ``rows`` the same
    per line of the case (values, texts).
    """

    def __init__(self, case: Case, rng: Random) -> None:
        self.case, self.rng, self.locale = case, rng, case.locale
        self.fields: dict[str, Any] = {}
        self.printed: dict[str, list[str]] = {}
        self.rows: dict[int, tuple[dict[str, Any], dict[str, str]]] = {}
        self.currency_shown = False
        self.unclear: set[str] = set()
        self._labels: dict[str, str] = {}
        self.dates = rng.choice(self.locale.dates)
        self.sign = rng.choice(self.locale.signs)
        self.group = rng.choice(self.locale.groups)
        self.sign_everywhere, self.sign_sums = rng.random() < 0.25, rng.random() < 0.7
        self.colon = rng.choice(("", "", ":", " :" if self.locale.language == "fr" else ":"))
        self.capitals = rng.random() < 0.15
        self.minus = rng.random() < 0.5
        self.long_quantity = rng.random() < 0.35
        self._absent = {n for n in FIELDS if rng.random() < MISSING.get(n, 0.12)} - {
            "vendor_name",
            "customer_name",
            "total",
            "subtotal",
            "tax_amount",
            "discount_total",
            "freight",
            "amount_paid",
            "previous_balance",
            "amount_due",
            "retainage_amount",
            "document_type",
            "application_number",
        }

    def word(self, key: str) -> str:
        """Return the vendor's word for ``key``, the same one throughout the document."""
        if key not in self._labels:
            text = self.rng.choice(words(self.locale.language)[key])
            self._labels[key] = text.upper() if self.capitals and len(text) < 24 and "{" not in text else text
        return self._labels[key]

    def label(self, key: str) -> str:
        return self.word(key) + self.colon

    def any_word(self, key: str) -> str:
        """Return one of the words of ``key``, another each time."""
        return self.rng.choice(words(self.locale.language)[key])

    def note(self, name: str, value: Any, *texts: str) -> str:
        """Note that the page shows a field in these pieces, and return the first."""
        self.fields[name] = value
        self.printed.setdefault(name, []).extend(texts)
        return texts[0]

    def has(self, name: str) -> bool:
        """Whether the vendor prints this reference, date or contact."""
        case = self.case
        known = (
            name in case.ids
            or name in case.days
            or name in case.money
            or name.startswith(("vendor", "customer"))
        )
        if name == "payment_terms":
            known = bool(case.terms_days) and case.document_type in ("invoice", "credit_note", "quote")
        return (known or name == "ship_to_address") and name not in self._absent

    def number(self, value: Decimal, places: int = 2) -> str:
        return print_number(value, self.group, self.locale.decimal, places)

    def day(self, value: date) -> str:
        return print_date(value, self.dates, self.locale.language)

    def value(self, name: str) -> str:
        """Print an id, a date, the terms or a contact."""
        case = self.case
        if name in case.ids:
            return self.note(name, case.ids[name], case.ids[name])
        if name in case.days:
            return self.note(name, case.days[name].isoformat(), self.day(case.days[name]))
        if name == "payment_terms":
            text = self.word("terms_words").format(n=case.terms_days)
            return self.note(name, text, text)
        vendor = case.vendor
        text = {
            "vendor_name": vendor.name,
            "vendor_phone": vendor.phone,
            "vendor_email": vendor.email,
            "vendor_tax_id": vendor.taxid,
            "customer_name": case.customer.name,
        }[name]
        return self.note(name, text, text)

    def address(self, name: str) -> list[str]:
        """Print an address as lines; none where the vendor leaves it off."""
        case = self.case
        lines = {
            "vendor_address": case.vendor.address,
            "customer_address": case.customer.address,
            "ship_to_address": case.site,
        }[name]
        if not self.has(name):
            return []
        self.note(name, ", ".join(lines), *lines)
        return list(lines)

    def amount(self, value: Decimal, *, signed: bool | None = None) -> str:
        """Print a sum of money, with the currency's sign if the vendor sets one there."""
        text = self.number(value)
        if self.sign_everywhere if signed is None else signed:
            self.currency_shown = True
            text = self.sign.format(text).replace(" ", "\N{NO-BREAK SPACE}")
            # "$-5.00" is rarer than "-$5.00".
            if text.startswith(("$-", "£-")):
                text = f"-{text[0]}{text[2:]}"
        return text

    def money(self, name: str) -> str:
        """Print a sum of the header; a deduction shown with a minus leaves open which sign is the value's."""
        value = self.case.money[name]
        signed = self.sign_everywhere or self.sign_sums
        if name in ("discount_total", "amount_paid", "retainage_amount") and self.minus:
            self.unclear.add(name)
            text = self.amount(-value, signed=signed)
        else:
            text = self.amount(value, signed=signed)
        return self.note(name, float(value), text)

    def rate(self) -> str:
        """Print the tax rate where the document has one and the vendor shows it, else nothing."""
        rate = self.case.rate
        if rate is None or "tax_rate" in self._absent:
            return ""
        text = self.percent(rate) + self.rng.choice(("%", " %" if self.locale.language != "en" else "%"))
        return self.note("tax_rate", float(rate), text.replace(" ", "\N{NO-BREAK SPACE}"))

    def percent(self, rate: Decimal) -> str:
        """Return a rate with as many decimals as it has."""
        return self.number(rate, max(0, -int(rate.normalize().as_tuple().exponent)))

    def cell(self, index: int, column: str) -> str:
        """Print one cell of line ``index``."""
        line = self.case.lines[index]
        plain: Any
        if column == "description":
            plain = text = line.description
        elif column == "product_code":
            plain = text = line.code
        elif column == "unit":
            plain = text = line.unit
        elif column == "date":
            plain, text = line.day.isoformat(), self.day(line.day)
        elif column == "quantity":
            whole = line.quantity == line.quantity.to_integral_value()
            plain, text = (
                float(line.quantity),
                self.number(line.quantity, 0 if whole and not self.long_quantity else 2),
            )
        elif column == "tax_rate":
            plain, text = float(line.rate), f"{self.percent(line.rate)}%"
        else:
            value = line.price if column == "unit_price" else line.amount
            plain, text = float(value), self.amount(value)
        if text:
            self.row(index, column, plain, text)
        return text

    def row(self, index: int, column: str, value: Any, text: str) -> str:
        """Note a cell that a layout works out itself."""
        values, texts = self.rows.setdefault(index, ({}, {}))
        values[column], texts[column] = value, text
        return text

    def title_key(self) -> str:
        kinds = {
            "credit_note": "credit",
            "quote": "quote",
            "statement": "statement",
            "delivery_ticket": "delivery",
            "receipt": "receipt",
            "pay_application": "payapp",
        }
        return kinds.get(self.case.document_type, "invoice")

    def number_label(self) -> str:
        key = f"no_{self.title_key()}"
        return self.label(key if key in words(self.locale.language) else "no_invoice")

    def date_label(self) -> str:
        return self.label("date" if self.case.document_type == "invoice" else "date_plain")

    def references(self, *, distract: float = 0.3) -> list[Pair]:
        """Print number, dates and references of the document with their labels, among others that mislead.

        :param distract: share of the misleading pairs that are printed.
        """
        case, rng = self.case, self.rng
        head: list[Pair] = []
        if self.has("invoice_number") and case.document_type not in ("pay_application", "statement"):
            head.append((self.number_label(), self.value("invoice_number")))
        if self.has("invoice_date"):
            head.append((self.date_label(), self.value("invoice_date")))
        rng.shuffle(head)
        rest: list[Pair] = []
        keys = {
            "due_date": "due",
            "payment_terms": "terms",
            "po_number": "po",
            "job_number": "job",
            "work_order_number": "workorder",
            "contract_number": "contract",
        }
        for name, key in keys.items():
            if self.has(name) and name not in self.fields:
                rest.append((self.label(key), self.value(name)))
        for key in ("customer", "order", "salesperson", "via"):
            if rng.random() < distract:
                rest.append((self.label(key), case.extras[key]))
        for key, back in (("orderdate", 12), ("delivered", 2)):
            if rng.random() < distract * 0.6:
                rest.append((self.label(key), self.day(case.days["invoice_date"] - timedelta(days=back))))
        if case.document_type == "quote":
            rest.append((self.label("valid"), self.day(case.days["invoice_date"] + timedelta(days=30))))
        if case.document_type == "credit_note":
            rest.append((self.label("original"), case.extras["original"]))
        if "period_start" in case.days and case.document_type != "pay_application":
            both = f"{self.value('period_start')} - {self.value('period_end')}"
            rest.append((self.label("period"), both))
        rng.shuffle(rest)
        return head + rest if rng.random() < 0.75 else rest[:2] + head + rest[2:]

    def sums(self) -> list[tuple[str, str, str]]:
        """Print the sums in order: field, label, value. Several taxes get a line each and are open as one field."""
        money, case = self.case.money, self.case
        order = [
            "subtotal",
            "discount_total",
            "freight",
            "tax_amount",
            "total",
            "amount_paid",
            "previous_balance",
            "amount_due",
        ]
        keys = {
            "discount_total": "discount",
            "tax_amount": "tax",
            "amount_paid": "paid",
            "previous_balance": "balance",
            "amount_due": "duesum",
        }
        open_due = "amount_paid" in money or "previous_balance" in money
        rows: list[tuple[str, str, str]] = []
        for name in order:
            if name not in money or (name == "amount_due" and not open_due and self.rng.random() < 0.6):
                continue
            if name == "tax_amount" and len(case.taxes) > 1:
                rows += [
                    ("", f"{self.word('tax')} {self.percent(r)}%", self.amount(t)) for r, _, t in case.taxes
                ]
                self.unclear.add("tax_amount")
                continue
            label = self.label(keys.get(name, name))
            if name == "tax_amount" and (rate := self.rate()):
                label = self.rng.choice(
                    (
                        f"{self.word('tax')} {rate}",
                        f"{self.word('tax')} ({rate})",
                        f"{rate} {self.word('tax')}",
                    )
                )
            rows.append((name, label, self.money(name)))
        return rows

    def contacts(self) -> list[str]:
        """Print phone, fax, mail and tax number of the vendor, one string each."""
        case, rng = self.case, self.rng
        parts = [f"{self.label('phone')} {self.value('vendor_phone')}"] if self.has("vendor_phone") else []
        if rng.random() < 0.35:
            parts.append(f"{self.label('fax')} {case.vendor.fax}")
        if self.has("vendor_email"):
            mail = self.value("vendor_email")
            parts.append(mail if rng.random() < 0.5 else f"{self.label('email')} {mail}")
        if self.has("vendor_tax_id"):
            parts.append(f"{self.label('taxid')} {self.value('vendor_tax_id')}")
        return parts

    def bank(self) -> list[Pair]:
        """Print the bank details as pairs."""
        extras = self.case.extras
        pairs = [(self.label("bank"), extras["bank"])]
        for name, key in (("iban", "iban"), ("bank_account", "account"), ("routing_number", "routing")):
            if self.has(name):
                pairs.append((self.label(key), self.value(name)))
        if "iban" in self.fields and self.rng.random() < 0.7:
            pairs.append((self.label("bic"), extras["bic"]))
        return pairs if len(pairs) > 1 else []

    def truth(self) -> dict[str, Any]:
        """Return fields, lines and printed texts as ``truth.jsonl`` holds them: what isn't on the page is null."""
        kind = self.case.document_type
        left_out = OPEN.get(kind, set()) | self.unclear | {"currency", "amount_due"}
        if self.case.rate is None or any("tax_rate" in values for values, _ in self.rows.values()):
            left_out = left_out | {"tax_rate"}
        fields: dict[str, Any] = {"document_type": kind}
        for name in FIELDS:
            if name in self.fields and name not in self.unclear and name not in OPEN.get(kind, ()):
                fields[name] = self.fields[name]
            elif name not in left_out and name not in fields:
                fields[name] = None
        # A bare dollar sign tells the currency in the United States only.
        if self.currency_shown and (
            self.sign.replace("{}", "").strip() != "$" or self.locale.currency == "USD"
        ):
            fields["currency"] = self.locale.currency
        lines = [self.rows[i][0] | {"printed": self.rows[i][1]} for i in sorted(self.rows)]
        return {"fields": fields, "line_items": lines, "printed": self.printed}
