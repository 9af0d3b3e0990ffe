"""The demonstration: what `make run` shows to somebody who has never seen the site."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from extraction.documents import inspect, open_pages
from invoiceapp.intake import demonstration, samples
from invoiceapp.intake.models import Upload
from invoiceapp.records import matching
from invoiceapp.records.models import Invoice, Job, Organization, Vendor
from invoiceapp.work.models import WorkItem

WRONG = {"2026-233"}


def demonstrate(*arguments: str) -> str:
    out = StringIO()
    call_command("demonstrate", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_it_enters_people_and_invoices_once() -> None:
    told = demonstrate()
    organization = Organization.objects.get()
    assert organization.name == "Hill Street Builders (demonstration)"
    for person in demonstration.PEOPLE:
        assert person.username in told
        assert person.password in told
        assert Client().login(username=person.username, password=person.password)
    assert set(Upload.objects.values_list("outcome", flat=True)) == {"accepted"}
    assert Invoice.objects.count() == WorkItem.objects.count() == len(demonstration.SAMPLES) == 12
    assert Vendor.objects.count() == len(demonstration.FIRMS)
    assert Job.objects.filter(estimate__gt=0).count() == len(demonstration.JOBS)
    before = list(Upload.objects.values_list("pk", flat=True))
    again = demonstrate()
    assert "Accepted" not in again
    assert demonstration.PEOPLE[0].password in again
    assert list(Upload.objects.values_list("pk", flat=True)) == before
    assert Vendor.objects.count() == len(demonstration.FIRMS)


@pytest.mark.django_db
def test_a_password_that_was_changed_stays_changed(django_user_model: Any) -> None:
    demonstrate("--without-invoices")
    clerk = django_user_model.objects.get(username="clerk")
    clerk.set_password("another-long-password")
    clerk.save()
    demonstrate("--without-invoices")
    clerk.refresh_from_db()
    assert clerk.check_password("another-long-password")
    assert not Upload.objects.exists()


def test_it_stays_out_of_a_database_that_belongs_to_somebody(organization: Any) -> None:
    with pytest.raises(CommandError, match="holds other organizations"):
        demonstrate()
    assert list(Organization.objects.all()) == [organization]
    demonstrate("--force", "--without-invoices")
    assert Organization.objects.count() == 2


@pytest.mark.parametrize("sample", demonstration.SAMPLES, ids=lambda sample: sample.filename)
def test_its_papers_add_up_except_the_one_that_is_wrong_on_purpose(sample: demonstration.Sample) -> None:
    paper = sample.paper
    adds_up = paper.total == paper.subtotal + paper.tax
    assert adds_up is (paper.number not in WRONG)
    assert paper.work_order in {number for number, *_ in demonstration.JOBS}
    assert paper.vendor in {firm.name for firm in demonstration.FIRMS}


def test_two_of_its_papers_ask_for_the_same_money() -> None:
    asked = [(s.paper.vendor, s.paper.day, s.paper.total) for s in demonstration.SAMPLES]
    assert len(asked) - len(set(asked)) == 1


def test_its_names_are_found_again(organization: Any) -> None:
    demonstration.prepare(force=True)
    theirs = Organization.objects.get(slug=demonstration.SLUG)
    for sample in demonstration.SAMPLES:
        assert matching.find_vendor(theirs, sample.paper.vendor).name == sample.paper.vendor
        assert matching.find_job(theirs, sample.paper.work_order).number == sample.paper.work_order


def test_a_typed_invoice_has_its_words_and_its_total_on_the_last_page() -> None:
    paper = samples.a_paper(lines=40)
    pages = open_pages(samples.invoice_pdf(paper, lines_per_page=24))
    texts = [[word.text for word in page.text_words or ()] for page in pages]
    assert len(pages) == 2
    assert f"${paper.total:,.2f}" in texts[1]
    assert f"${paper.total:,.2f}" not in texts[0]
    assert paper.number in texts[0]


def test_a_scan_has_no_words_and_a_photo_is_sharp_enough() -> None:
    paper = samples.a_paper()
    (page,) = open_pages(samples.scan_of(samples.invoice_pdf(paper)))
    assert page.text_words is None
    for hand in samples.HANDS:
        photo = inspect(samples.photo_of(samples.handwritten_form(paper, hand=hand)))
        assert photo.quality is not None
        assert photo.quality.warnings == ()


def test_the_same_paper_is_drawn_with_the_same_bytes() -> None:
    paper = samples.a_paper()

    def drawn() -> list[bytes]:
        pdf = samples.invoice_pdf(paper)
        return [pdf, samples.scan_of(pdf), samples.photo_of(samples.handwritten_form(paper))]

    assert drawn() == drawn()


def test_amounts_are_rounded_as_the_books_do() -> None:
    paper = samples.Paper(
        vendor="A",
        number="1",
        day=demonstration.SAMPLES[0].paper.day,
        lines=[samples.line("Work", "0.5", "hr", "33.33")],
        tax_rate=Decimal("8.25"),
    )
    assert (paper.subtotal, paper.tax, paper.total) == (Decimal("16.67"), Decimal("1.38"), Decimal("18.05"))
