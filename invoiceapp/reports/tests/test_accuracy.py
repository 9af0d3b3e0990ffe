"""The report says what people's decisions say, counts the right things, and lets only the right people look."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from extraction.models import FieldReading, Run
from invoiceapp.records.models import Invoice
from invoiceapp.reports.accuracy import Accuracy, Filters
from invoiceapp.reports.tests.rows import fill
from review import services as review
from review.models import Decision, Item
from review.services import Entry
from review.tests import factories

READ = factories.READ


@pytest.fixture
def check(organization: Any, alice: Any) -> Any:
    """Let alice settle an invoice: what was doubtful, what was drawn, and what she enters."""

    def settle(
        *,
        doubts: tuple[str, ...] = (),
        drawn: tuple[str, ...] = (),
        entered: dict[str, str] | None = None,
        business: tuple[str, ...] = (),
        version: str = "layout-1",
    ) -> Item:
        invoice = factories.make_invoice(organization, alice, pages=0)
        run = factories.make_run(invoice, doubts=dict.fromkeys(doubts, "doubtful"), lines=())
        Run.objects.filter(pk=run.pk).update(model_version=version)
        run.refresh_from_db()
        item = review._open_item(
            invoice, run=run, reason=Item.Reason.DOUBTFUL, fields=dict(run.doubts), sampled=drawn
        )
        review._accept_readings(invoice, run, {r.field: r for r in run.readings.all()}, dict(run.doubts))
        values = {**READ, **(entered or {})}
        entries = {name: Entry(value, business=name in business) for name, value in values.items()}
        review.settle(item, user=alice, entries=entries)
        return item

    return settle


def tally(alice: Any, organization: Any, field: str = "", **filters: Any) -> Any:
    return Accuracy(alice, organization, Filters(field=field, **filters)).report().overall.tally


def test_doubtful_and_drawn_values_are_counted_apart(check: Any, alice: Any, organization: Any) -> None:
    check(doubts=("total",), entered={"total": "1950.00"})
    check(doubts=("total",))
    check(drawn=("total",))
    check()  # nobody looked at this total
    found = tally(alice, organization, "total")
    assert (found.doubtful, found.doubtful_checked, found.doubtful_right) == (2, 2, 1)
    assert (found.confident, found.confident_checked, found.confident_right) == (2, 1, 1)


def test_a_business_change_is_no_misreading(check: Any, alice: Any, organization: Any) -> None:
    check(doubts=("total",), entered={"total": "1400.00"}, business=("total",))
    found = tally(alice, organization, "total")
    assert (found.doubtful_checked, found.doubtful_right, found.business) == (1, 1, 1)


def test_a_mistake_noticed_by_chance_is_listed_and_not_estimated_from(
    check: Any, alice: Any, organization: Any
) -> None:
    check(entered={"total": "1950.00"})
    found = tally(alice, organization, "total")
    assert (found.confident_checked, found.doubtful_checked, found.by_chance) == (0, 0, 1)
    (correction,) = Accuracy(alice, organization, Filters()).corrections()
    assert (correction.model_value, correction.value) == ("1450.00", "1950.00")
    assert not (correction.was_doubtful or correction.was_drawn)


def test_a_required_field_that_was_not_found_counts_as_a_doubtful_value(
    check: Any, alice: Any, organization: Any
) -> None:
    check(doubts=("due_date",), entered={"due_date": "2026-04-12"})
    check(doubts=("due_date",), entered={"due_date": ""})  # not on the document: the reader was right
    found = tally(alice, organization, "due_date")
    assert (found.missed, found.doubtful_checked, found.doubtful_right) == (2, 2, 1)
    assert found.strata()[0].population == 2


def test_after_a_save_was_taken_back_the_second_one_counts(check: Any, alice: Any, organization: Any) -> None:
    item = check(doubts=("total",), entered={"total": "1950.00"})
    again = review.take_back(item, alice)
    review.settle(again, user=alice, entries={"total": Entry("1450.00")})
    assert Decision.objects.filter(field="total").count() == 2
    found = tally(alice, organization, "total")
    assert (found.doubtful_checked, found.doubtful_right) == (1, 1)


def test_what_the_approver_sent_back_keeps_its_stratum_and_takes_the_new_verdict(
    check: Any, alice: Any, organization: Any
) -> None:
    item = check(drawn=("total",))  # confirmed, though it was wrong
    invoice = Invoice.objects.get(pk=item.invoice_id)
    returned = review.return_to_review(invoice, user=alice, reason="The total is 1,950")
    review.settle(returned, user=alice, entries={"total": Entry("1950.00")})
    found = tally(alice, organization, "total")
    assert (found.confident_checked, found.confident_right, found.by_chance) == (1, 0, 0)


def test_figures_follow_the_truth_that_the_rows_were_made_from(alice: Any, organization: Any) -> None:
    fill(organization, alice, invoices=600)
    report = Accuracy(alice, organization, Filters()).report()
    true = (
        1
        - FieldReading.objects.filter(
            value__in=(
                "Hemandez Drywall",
                "Z041",
                "31871",
                "2026-12-03",
                "2026-04-13",
                "1950.00",
                "14.50",
                "Hill Sreet Builders",
                "12 Elm Strect",
                "312 555 0147",
                "P0-118",
                "CAD",
                "net 80",
            )
        ).count()
        / FieldReading.objects.count()
    )
    assert report.overall.estimate is not None
    assert report.overall.estimate.low <= true <= report.overall.estimate.high
    assert report.overall.estimate.population == 600 * 14
    checked_right = report.overall.tally.doubtful_right + report.overall.tally.confident_right
    assert checked_right / report.overall.tally.checked < true - 0.1  # what plain counting would have said
    assert [row.label for row in report.versions] == ["layout-1", "layout-2"]
    assert report.vendors[0].label == "O'Neill Glass"
    assert sum(week.row.tally.checked for week in report.weeks) == report.overall.tally.checked
    assert [week.new_versions for week in report.weeks if week.new_versions] == [("layout-2",)]
    assert 5 <= len(report.bins) <= 10


def test_filters_narrow_every_figure(alice: Any, organization: Any) -> None:
    fill(organization, alice, invoices=200)
    vendor = Accuracy(alice, organization, Filters()).report().vendors[0]
    only = Accuracy(
        alice, organization, Filters(vendor=int(vendor.key), version="layout-2", field="total")
    ).report()
    assert [row.key for row in only.fields] == ["total"]
    assert [row.label for row in only.versions] == ["layout-2"]
    assert [row.key for row in only.vendors] == [vendor.key]
    short = Accuracy(alice, organization, Filters(days=30)).report()
    assert 0 < short.overall.tally.population < 200 * 14


def test_weeks_begin_on_monday_where_the_organization_is(alice: Any, organization: Any) -> None:
    figures = Accuracy(alice, organization, Filters())
    monday = figures.week_starts[2]  # local midnight
    fill(organization, alice, invoices=2)
    before, after = Run.objects.order_by("pk")
    Run.objects.filter(pk=before.pk).update(finished=monday - timedelta(minutes=1))
    Run.objects.filter(pk=after.pk).update(finished=monday)
    weeks = Accuracy(alice, organization, Filters()).report().weeks
    assert [week.row.tally.population for week in weeks][:4] == [0, 14, 14, 0]
    assert weeks[2].start == monday.date()


def test_the_page_takes_the_same_number_of_queries_for_few_rows_and_many(
    alice: Any, organization: Any, signed_in: Any, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(alice)

    def count() -> int:
        with django_assert_max_num_queries(30) as seen:
            assert client.get(reverse("reports:accuracy")).status_code == 200
        return len(seen)

    fill(organization, alice, invoices=40)
    few = count()
    fill(organization, alice, invoices=200, seed=2)
    assert count() == few


def test_the_sentence_says_the_figure_or_that_it_is_too_early(
    alice: Any, organization: Any, signed_in: Any
) -> None:
    client = signed_in(alice)
    assert b"Nothing was read in this period" in client.get(reverse("reports:accuracy")).content
    fill(organization, alice, invoices=3)
    assert b"Too few values have been checked yet" in client.get(reverse("reports:accuracy")).content
    fill(organization, alice, invoices=300, seed=2)
    page = client.get(reverse("reports:accuracy")).content.decode()
    assert "values were read right" in page
    assert "the total was right in" in page


@pytest.mark.parametrize("chart", ["fields", "weeks", "versions", "vendors", "calibration", "corrections"])
def test_every_chart_can_be_had_as_csv(alice: Any, organization: Any, signed_in: Any, chart: str) -> None:
    fill(organization, alice, invoices=400)
    answer = signed_in(alice).get(reverse("reports:accuracy_csv", args=[chart]))
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert rows
    assert None not in rows[0].values()
    if chart == "fields":
        total = next(row for row in rows if row["field"] == "total")
        assert float(total["low"]) <= float(total["right"]) <= float(total["high"])


def test_only_the_office_of_the_organization_sees_figures(
    alice: Any, bob: Any, charlie: Any, organization: Any, signed_in: Any
) -> None:
    fill(organization, alice, invoices=60)
    for address in (reverse("reports:accuracy"), reverse("reports:accuracy_csv", args=["corrections"])):
        assert signed_in(alice).get(address).status_code == 200
        assert signed_in(bob).get(address).status_code == 403
        other = signed_in(charlie).get(address)
        assert other.status_code == 200
        assert b"Hernandez" not in other.content
    outside = Accuracy(charlie, organization, Filters()).report()
    assert outside.overall.tally.population == 0


def test_snippets_show_the_place_that_was_misread(alice: Any, organization: Any, signed_in: Any) -> None:
    invoice = factories.make_invoice(organization, alice, pages=1)
    organization.refresh_from_db()
    fill(organization, alice, invoices=60, picture=invoice.document.pages.get().picture.name)
    page = signed_in(alice).get(reverse("reports:accuracy"), {"field": "total"}).content.decode()
    assert 'class="snippet__picture"' in page
    assert "/pages/0.jpg" in page
    assert "1950.00" in page


def test_old_readings_are_left_out(alice: Any, organization: Any) -> None:
    fill(organization, alice, invoices=10)
    Run.objects.update(finished=timezone.now() - timedelta(days=400))
    assert Accuracy(alice, organization, Filters(days=365)).report().overall.tally.population == 0
