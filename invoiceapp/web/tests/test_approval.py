"""A supervisor sees what an invoice means for its job and decides, once, with a reason where it is refused."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from extraction.models import Run
from invoiceapp.records.matching import number_key
from invoiceapp.records.models import Invoice, Job
from invoiceapp.tests.rows import make_invoice
from review import services as review
from review.models import Item
from review.services import Entry
from review.tests import factories

Status = Invoice.Status
LIST = "approval:list"


@pytest.fixture
def job(organization: Any) -> Job:
    return Job.objects.create(
        organization=organization,
        number="31877",
        number_key=number_key("31877"),
        name="Elm Street 12",
        estimate=Decimal("5000.00"),
    )


def seen(invoice: Invoice) -> dict[str, str]:
    invoice.refresh_from_db()
    return {f"seen-{invoice.pk}": invoice.status_since.isoformat()}


def status_of(invoice: Invoice) -> str:
    return Invoice.objects.values_list("status", flat=True).get(pk=invoice.pk)


def test_the_price_stands_beside_the_estimate_and_what_was_billed_before(
    alice: Any, organization: Any, job: Job, signed_in: Any
) -> None:
    on_job = {"work_order_number": "31877"}
    make_invoice(organization, alice, status=Status.APPROVED, total="3000.00", values=on_job)
    make_invoice(organization, alice, status=Status.EXPORTED, total="1000.00", values=on_job)
    make_invoice(organization, alice, status=Status.REJECTED, total="700.00", values=on_job)
    make_invoice(organization, alice, total="1450.00", values=on_job, stated_total=Decimal("1400.00"))
    (row,) = signed_in(alice).get(reverse(LIST)).context["rows"]
    assert row.estimate == Decimal("5000.00")
    assert row.billed_before == Decimal("4000.00")
    assert row.over_by == Decimal("450.00")
    assert row.stated_difference == Decimal("50.00")


def test_failed_checks_and_who_corrected_are_shown(alice: Any, organization: Any, signed_in: Any) -> None:
    invoice = factories.make_invoice(organization, alice, pages=0)
    run = factories.make_run(
        invoice,
        doubts={"total": "written twice"},
        lines=(),
        checks=[
            {
                "rule": "lines",
                "passed": False,
                "difference": "12.40",
                "fields": ["total"],
                "message": "lines are 12.40 short",
            },
            {"rule": "tax", "passed": True, "difference": "0.00", "fields": [], "message": "tax is right"},
        ],
    )
    item = review.route(run)
    assert item is not None
    review.settle(item, user=alice, entries={"total": Entry("1950.00")})
    page = signed_in(alice).get(reverse(LIST)).content.decode()
    assert "lines are 12.40 short" in page
    assert "tax is right" not in page
    assert "alice (1 corrected)" in page


def test_the_list_takes_the_same_number_of_queries_for_one_row_and_many(
    alice: Any, organization: Any, job: Job, signed_in: Any, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(alice)

    def count() -> int:
        with django_assert_max_num_queries(25) as found:
            client.get(reverse(LIST))
        return len(found)

    make_invoice(organization, alice, values={"work_order_number": "31877"})
    few = count()
    for _ in range(6):
        make_invoice(organization, alice, values={"work_order_number": "31877"})
    assert count() == few


def test_ticked_invoices_are_approved_and_the_others_say_why_not(
    alice: Any, organization: Any, signed_in: Any
) -> None:
    good = make_invoice(organization, alice)
    without_vendor = make_invoice(organization, alice, vendor="")
    untouched = make_invoice(organization, alice)
    answer = signed_in(alice).post(
        reverse("approval:approve"),
        {"invoice": [good.pk, without_vendor.pk], **seen(good), **seen(without_vendor)},
        follow=True,
    )
    words = answer.content.decode()
    assert "1 invoice approved." in words
    assert "has no vendor" in words
    assert status_of(good) == Status.APPROVED
    assert status_of(without_vendor) == status_of(untouched) == Status.TO_APPROVE


def test_whoever_comes_second_reads_who_was_faster(
    alice: Any, make_user: Any, organization: Any, signed_in: Any
) -> None:
    dana = make_user("dana", organization, "approver")
    invoice = make_invoice(organization, alice)
    stale = {"one": invoice.pk, **seen(invoice)}
    signed_in(dana).post(reverse("approval:approve"), stale)
    answer = signed_in(alice).post(reverse("approval:approve"), stale, follow=True)
    assert "“Approved” by now by dana: somebody was faster" in answer.content.decode()
    invoice.refresh_from_db()
    assert invoice.approved_by == dana


def test_a_price_that_changed_since_the_page_was_opened_is_not_approved(
    alice: Any, organization: Any, signed_in: Any
) -> None:
    invoice = make_invoice(organization, alice)
    stale = {"one": invoice.pk, **seen(invoice)}
    item = review.return_to_review(invoice, user=alice, reason="Look again")
    review.settle(item, user=alice, entries={"total": Entry("9999.00")})
    answer = signed_in(alice).post(reverse("approval:approve"), stale, follow=True)
    assert "changed since you opened the page" in answer.content.decode()
    assert status_of(invoice) == Status.TO_APPROVE


def test_declining_needs_a_reason_and_keeps_the_page(alice: Any, organization: Any, signed_in: Any) -> None:
    invoice = make_invoice(organization, alice)
    answer = signed_in(alice).post(
        reverse("approval:decline", args=[invoice.pk]), {"decision": "reject", "reason": " "}
    )
    assert answer.status_code == 422
    assert "Say why it is rejected" in answer.content.decode()
    assert status_of(invoice) == Status.TO_APPROVE


def test_sent_back_it_waits_for_a_clerk_with_the_reason(
    alice: Any, organization: Any, signed_in: Any
) -> None:
    invoice = make_invoice(organization, alice)
    signed_in(alice).post(
        reverse("approval:decline", args=[invoice.pk]), {"decision": "return", "reason": "Wrong job"}
    )
    item = Item.objects.get(invoice=invoice, status=Item.Status.OPEN)
    assert (item.reason, item.explanation) == (Item.Reason.RETURNED, "Wrong job")
    assert status_of(invoice) == Status.REVIEW


def test_rejected_it_is_over_and_says_why(alice: Any, organization: Any, signed_in: Any) -> None:
    invoice = make_invoice(organization, alice)
    signed_in(alice).post(
        reverse("approval:decline", args=[invoice.pk]), {"decision": "reject", "reason": "Paid already"}
    )
    invoice.refresh_from_db()
    assert (invoice.status, invoice.status_reason) == (Status.REJECTED, "Paid already")


def test_only_approvers_of_the_organization_decide(
    alice: Any, bob: Any, charlie: Any, organization: Any, signed_in: Any
) -> None:
    invoice = make_invoice(organization, alice)
    one = {"one": invoice.pk, **seen(invoice)}
    decline = reverse("approval:decline", args=[invoice.pk])
    assert signed_in(bob).get(reverse(LIST)).status_code == 403
    assert signed_in(bob).post(reverse("approval:approve"), one).status_code == 403
    assert signed_in(bob).post(decline, {"decision": "reject", "reason": "x"}).status_code == 403
    assert signed_in(charlie).get(reverse(LIST)).context["rows"] == []
    assert signed_in(charlie).post(reverse("approval:approve"), one).status_code == 404
    assert signed_in(charlie).post(decline, {"decision": "reject", "reason": "x"}).status_code == 404
    assert status_of(invoice) == Status.TO_APPROVE
    assert signed_in(alice).post(reverse("approval:approve"), one).status_code == 302
    assert status_of(invoice) == Status.APPROVED


def test_an_empty_list_says_what_to_do(alice: Any, organization: Any, signed_in: Any) -> None:
    page = signed_in(alice).get(reverse(LIST)).content.decode()
    assert "Nothing waits for approval" in page
    assert (
        signed_in(alice).post(reverse("approval:approve"), {"invoice": "no-id"}, follow=True).status_code
        == 200
    )
    assert signed_in(alice).get(reverse("approval:decline", args=[uuid.uuid4()])).status_code == 404
    assert not Run.objects.exists()
