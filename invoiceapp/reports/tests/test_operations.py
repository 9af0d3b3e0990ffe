"""The page of operations says what is the matter, and "try again" tries again."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from extraction.models import Run
from invoiceapp.intake.models import Upload
from invoiceapp.records.models import Invoice
from invoiceapp.reports import operations
from invoiceapp.tests.rows import make_invoice
from invoiceapp.work import services as work
from invoiceapp.work.models import Heartbeat, WorkItem
from review.tests import factories

Status = Invoice.Status
PAGE = "reports:operations"


def given_up(organization: Any, user: Any, error: str = "The page is blank") -> WorkItem:
    invoice = make_invoice(organization, user, status=Status.REVIEW)
    return WorkItem.objects.create(
        organization=organization,
        invoice=invoice,
        queue="invoices",
        status=WorkItem.Status.DEAD,
        attempts=3,
        last_error=error,
        finished=timezone.now(),
    )


def test_what_waits_runs_and_was_done_is_counted(alice: Any, organization: Any) -> None:
    now = timezone.now()
    for status, due, finished in (
        ("queued", now - timedelta(minutes=9), None),
        ("queued", now - timedelta(minutes=2), None),
        ("queued", now + timedelta(hours=3), None),
        ("queued", None, None),  # waits until enough others do
        ("done", now, now),
        ("done", now, now - timedelta(hours=25)),
        ("dead", now, now),
    ):
        WorkItem.objects.create(
            organization=organization,
            invoice=factories.make_invoice(organization, alice, pages=0),
            queue="invoices",
            status=status,
            due=due,
            finished=finished,
        )
    found = operations.queue(alice, organization)
    assert (found.due_now, found.later, found.running, found.done_today, found.dead_today) == (2, 2, 0, 1, 1)
    assert found.oldest_wait == pytest.approx(540, abs=5)
    assert found.next_due == now + timedelta(hours=3)


def test_what_was_given_up_can_be_tried_again_once(alice: Any, organization: Any, signed_in: Any) -> None:
    item = given_up(organization, alice)
    client = signed_in(alice)
    page = client.get(reverse(PAGE)).content.decode()
    assert "The page is blank" in page
    again = reverse("reports:try_again", args=[item.invoice_id])
    assert "will be read again" in client.post(again, follow=True).content.decode()
    assert Invoice.objects.get(pk=item.invoice_id).status == Status.WAITING
    assert WorkItem.objects.filter(invoice=item.invoice_id, status=WorkItem.Status.QUEUED).count() == 1
    assert "The page is blank" not in client.get(reverse(PAGE)).content.decode()
    assert "is not read again" in client.post(again, follow=True).content.decode()


def test_seconds_are_said_by_part_and_backend(alice: Any, organization: Any) -> None:
    now = timezone.now()
    invoice = factories.make_invoice(organization, alice, pages=0)
    for number in range(1, 102):
        Run.objects.create(
            organization=organization,
            invoice=invoice,
            token=uuid.uuid4(),
            attempt=1,
            status=Run.Status.DONE,
            backend="layout" if number < 101 else "llama",
            seconds_words=number / 100,
            seconds_fields=None if number == 1 else 0.1,
            seconds_total=number / 50,
            started=now,
            finished=now,
        )
    layout, llama = operations.speeds(alice, organization)
    assert layout.words == operations.Duration(pytest.approx(0.505), pytest.approx(0.9505))
    assert layout.total == operations.Duration(pytest.approx(1.01), pytest.approx(1.901))
    assert layout.fields == operations.Duration(pytest.approx(0.1), pytest.approx(0.1))
    assert llama.documents == 1


def test_a_silent_cluster_is_named(alice: Any, organization: Any, signed_in: Any) -> None:
    work.beat("invoices")
    Heartbeat.objects.create(cluster="old-host", queue="invoices", beat=timezone.now() - timedelta(minutes=6))
    assert [sign.silent for sign in operations.signs_of_life()] == [False, True]
    page = signed_in(alice).get(reverse(PAGE)).content.decode()
    assert "silent for 6\u00a0min" in page


def test_work_that_no_worker_takes_is_named_to_those_whose_it_is(
    alice: Any, charlie: Any, bob: Any, organization: Any, signed_in: Any, settings: Any
) -> None:
    settings.GPU_QUEUE = "gpu"
    WorkItem.objects.create(
        organization=organization,
        invoice=factories.make_invoice(organization, alice, pages=0),
        queue="gpu",
        due=timezone.now() - timedelta(minutes=6),
    )
    work.beat("invoices")
    told = "1 invoice waits in the queue “gpu”, which no worker serves."
    page = signed_in(alice).get(reverse(PAGE)).text
    assert told in page
    assert "worker --gpu" in page
    assert told not in signed_in(charlie).get(reverse(PAGE)).text
    assert signed_in(bob).get(reverse(PAGE)).status_code == 403
    work.beat("gpu")
    assert told not in signed_in(alice).get(reverse(PAGE)).text


def test_refused_uploads_are_counted_by_reason(
    alice: Any, charlie: Any, organization: Any, other_organization: Any
) -> None:
    for owner, home, outcome in (
        (alice, organization, "encrypted"),
        (alice, organization, "damaged"),
        (alice, organization, "damaged"),
        (alice, organization, "already_here"),
        (charlie, other_organization, "encrypted"),
    ):
        Upload.objects.create(
            organization=home, uploaded_by=owner, filename="a.pdf", size=1, outcome=outcome, message="told"
        )
    assert [(row["label"], row["count"]) for row in operations.refused(alice, organization)] == [
        ("Damaged", 2),
        ("Encrypted", 1),
    ]


def test_the_fragment_holds_the_figures_and_no_buttons(alice: Any, organization: Any, signed_in: Any) -> None:
    given_up(organization, alice)
    fragment = signed_in(alice).get(reverse(PAGE), headers={"HX-Request": "true"}).content.decode()
    assert "Seconds per document" in fragment
    assert "<html" not in fragment
    assert "Try again" not in fragment


def test_the_page_takes_the_same_number_of_queries_for_one_and_many(
    alice: Any, organization: Any, signed_in: Any, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(alice)

    def count() -> int:
        with django_assert_max_num_queries(25) as found:
            client.get(reverse(PAGE))
        return len(found)

    given_up(organization, alice)
    few = count()
    for _ in range(4):
        given_up(organization, alice)
    assert count() == few


def test_only_administrators_of_the_organization_look_and_try_again(
    alice: Any, bob: Any, charlie: Any, organization: Any, signed_in: Any
) -> None:
    item = given_up(organization, alice, error="Blank page of ours")
    again = reverse("reports:try_again", args=[item.invoice_id])
    assert signed_in(bob).get(reverse(PAGE)).status_code == 403
    assert signed_in(bob).post(again).status_code == 403
    assert b"Blank page of ours" not in signed_in(charlie).get(reverse(PAGE)).content
    assert signed_in(charlie).post(again).status_code == 404
    assert Invoice.objects.get(pk=item.invoice_id).status == Status.REVIEW
    assert signed_in(alice).get(reverse(PAGE)).status_code == 200
