"""What readers cost is counted once, per reader, and shown to those who may see it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from extraction.models import Consultation, Run
from invoiceapp.records.models import Membership
from invoiceapp.reports import costs
from invoiceapp.reports.accuracy import Accuracy, Filters
from invoiceapp.reports.templatetags.figures import small_money
from invoiceapp.reports.tests.rows import fill
from review.tests import factories

pytestmark = pytest.mark.django_db


def run_of(
    organization: Any,
    user: Any,
    cost: str | None,
    *,
    invoice: Any = None,
    reader: str = "pixtral",
    **more: Any,
) -> Run:
    """Enter a reading of two pages that took three seconds."""
    invoice = invoice or factories.make_invoice(organization, user, pages=0)
    run = factories.make_run(invoice, lines=())
    columns = {"backend": reader, "pages": 2, "seconds_total": 3.0, "cost_currency": "USD", **more}
    Run.objects.filter(pk=run.pk).update(cost=None if cost is None else Decimal(cost), **columns)
    run.refresh_from_db()
    return run


def ask(run: Run, cost: str | None, *, reader: str = "llama", outcome: str = "answered", **more: Any) -> None:
    Consultation.objects.create(
        run=run,
        purpose="doubtful",
        reader=reader,
        outcome=outcome,
        error="" if outcome == "answered" else "It did not answer.",
        cost=None if cost is None else Decimal(cost),
        cost_currency="USD",
        **more,
    )


def lines(user: Any, organization: Any, **filters: Any) -> dict[str, costs.Cost]:
    return {c.label: c for c in costs.by_reader(Accuracy(user, organization, Filters(**filters)))}


def test_each_reader_has_its_invoices_pages_seconds_and_money(alice: Any, organization: Any) -> None:
    run_of(organization, alice, "0.004")
    first = run_of(organization, alice, "0.006")
    run_of(organization, alice, "0.002", invoice=first.invoice, attempt=2)  # read again
    run_of(organization, alice, "0.0001", reader="layout")
    found = lines(alice, organization)
    assert list(found) == ["pixtral", "layout"], "the dearest stands first"
    pixtral = found["pixtral"]
    assert (pixtral.invoices, pixtral.readings, pixtral.pages, pixtral.seconds) == (2, 3, 6, 9.0)
    assert pixtral.seconds_per_reading == 3.0
    (money,) = pixtral.money
    assert (money.currency, money.total, money.per_invoice) == ("USD", Decimal("0.012"), Decimal("0.006"))


def test_what_was_asked_beside_is_taken_out_of_the_first_readers_sums(alice: Any, organization: Any) -> None:
    ask(run_of(organization, alice, "0.0101", reader="layout"), "0.0100", seconds=2.5)
    run_of(organization, alice, "0.0001", reader="layout")
    ask(run_of(organization, alice, "0.0001", reader="layout"), None, outcome="over_budget")
    ask(run_of(organization, alice, "0.0001", reader="layout"), None, outcome="late", seconds=1.5)
    found = lines(alice, organization)
    layout, llama = found["layout"], found["llama, asked beside another"]
    assert (layout.invoices, layout.seconds) == (4, pytest.approx(12 - 2.5 - 1.5))
    assert layout.money[0].total == Decimal("0.0004")
    # what was not asked cost nothing and counts nowhere; what came late counts with its time
    assert (llama.invoices, llama.readings, llama.seconds, llama.unpriced) == (2, 2, pytest.approx(4.0), 1)
    assert (llama.money[0].total, llama.money[0].invoices) == (Decimal("0.01"), 1)
    # a first reader without a price hides nothing of a second one that has one
    Run.objects.update(cost=None)
    found = lines(alice, organization)
    assert found["layout"].money == []
    assert found["llama, asked beside another"].money[0].total == Decimal("0.01")


def test_failed_and_late_attempts_cost_too(alice: Any, organization: Any) -> None:
    invoice = run_of(organization, alice, "0.01", status="failed", seconds_total=None).invoice
    run_of(organization, alice, "0.01", invoice=invoice, status="overtaken", seconds_total=None)
    run_of(organization, alice, "0.02", invoice=invoice)
    found = lines(alice, organization)["pixtral"]
    assert (found.invoices, found.readings, found.seconds_per_reading) == (1, 3, 3.0)
    assert found.money[0].per_invoice == Decimal("0.04")


def test_prices_in_another_currency_are_not_added_up(alice: Any, organization: Any) -> None:
    run_of(organization, alice, "0.01")
    run_of(organization, alice, "0.02", cost_currency="EUR")
    run_of(organization, alice, None)
    found = lines(alice, organization)["pixtral"]
    assert [(m.currency, m.total, m.invoices) for m in found.money] == [
        ("EUR", Decimal("0.02"), 1),
        ("USD", Decimal("0.01"), 1),
    ]
    assert (found.invoices, found.unpriced) == (3, 1)


def test_period_and_filters_hold_for_costs_too(alice: Any, organization: Any) -> None:
    run_of(organization, alice, "0.01")
    run_of(organization, alice, "0.02", reader="layout")
    old = run_of(organization, alice, "0.04")
    Run.objects.filter(pk=old.pk).update(finished=timezone.now() - timedelta(days=200))
    assert lines(alice, organization)["pixtral"].invoices == 1
    assert list(lines(alice, organization, backend="layout")) == ["layout"]
    assert lines(alice, organization, days=365)["pixtral"].invoices == 2


def test_the_page_says_what_an_invoice_cost_or_that_nobody_stated_a_price(
    alice: Any, bob: Any, charlie: Any, organization: Any, signed_in: Any
) -> None:
    fill(organization, alice, invoices=40)
    page = signed_in(alice).get(reverse("reports:accuracy")).text
    assert "price not stated" in page
    run_of(organization, alice, "0.00404")
    page = signed_in(alice).get(reverse("reports:accuracy")).text
    assert "<b>$0.0040</b>" in page
    assert "price not stated" in page, "the embedded reader's still is not"
    assert small_money(Decimal("12.345"), "EUR") == "€12.35"
    assert small_money(Decimal("0.09949"), "USD") == "$0.099"
    assert small_money(Decimal("0.000013"), "USD") == "under $0.0001"
    assert small_money(Decimal(0), "USD") == "$0.00"
    assert signed_in(bob).get(reverse("reports:accuracy")).status_code == 403
    assert signed_in(bob).get(reverse("reports:accuracy_csv", args=["costs"])).status_code == 403
    assert "pixtral" not in signed_in(charlie).get(reverse("reports:accuracy")).text
    assert "pixtral" not in signed_in(charlie).get(reverse("reports:accuracy_csv", args=["costs"])).text
    (row,) = (
        row
        for row in csv.DictReader(
            io.StringIO(signed_in(alice).get(reverse("reports:accuracy_csv", args=["costs"])).text)
        )
        if row["reader"] == "pixtral"
    )
    assert (row["cost"], row["cost_per_invoice"], row["currency"]) == ("0.004040", "0.004040", "USD")


def test_who_works_for_several_organizations_sees_them_side_by_side(
    alice: Any, bob: Any, charlie: Any, organization: Any, other_organization: Any, signed_in: Any
) -> None:
    fill(organization, alice, invoices=20)
    run_of(organization, alice, "0.01")
    run_of(other_organization, charlie, "0.08")
    address = reverse("reports:accuracy")
    assert "All your organizations" not in signed_in(alice).get(address).text
    # a role without reports in the other one opens nothing of it
    mine = Membership.objects.create(user=alice, organization=other_organization, role="clerk")
    page = signed_in(alice).get(address).text
    assert "All your organizations" not in page and "$0.080" not in page
    mine.role = "approver"
    mine.save()
    page = signed_in(alice).get(address).text
    assert "All your organizations" in page
    assert "Valley Works" in page and "$0.080" in page
    assert "Hill Street Builders" not in signed_in(charlie).get(address).text
    assert signed_in(bob).get(address).status_code == 403
    answer = signed_in(alice).get(reverse("reports:accuracy_csv", args=["costs"])).text
    assert {row["organization"] for row in csv.DictReader(io.StringIO(answer))} == {
        "Hill Street Builders",
        "Valley Works",
    }
