"""Invoices come to people, one person each, and what they decide is kept."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from invoiceapp.records import invoices
from invoiceapp.records.models import Event, Invoice, LineItem, Vendor
from review import queue, services
from review.models import Decision, Item
from review.queue import Filters
from review.services import ClaimLost, Entry, InvalidFields
from review.tests.factories import LINE, READ, make_invoice, make_run

Status = Invoice.Status


def entries(**changed: str) -> dict[str, Entry]:
    return {name: Entry(value) for name, value in {**READ, **changed}.items()}


def lapse(item: Item) -> None:
    Item.objects.filter(pk=item.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))


class TestRoute:
    def test_an_invoice_without_doubts_goes_straight_to_approval(self, organization: Any, alice: Any) -> None:
        invoice = make_invoice(organization, alice)

        assert services.route(make_run(invoice)) is None

        invoice.refresh_from_db()
        assert invoice.status == Status.TO_APPROVE
        assert (invoice.total, invoice.invoice_number) == (Decimal("1450.00"), "2041")
        assert [line.amount for line in invoices.current_lines(invoice)] == [Decimal("1450.00")]

    def test_a_doubtful_value_is_shown_at_once_but_waits_for_a_person(self, item: Item) -> None:
        assert item.fields == {"total": "71 %: written twice, 1,450 and 1,950"}
        assert (item.reason, item.vendor_name, item.amount) == ("doubtful", "Hernandez Drywall", 1450)
        assert item.invoice.status == Status.REVIEW
        assert item.invoice.total == 1450

    def test_a_value_that_does_not_fit_its_field_is_asked_for_instead(self, make_item: Any) -> None:
        item = make_item(read={**READ, "invoice_date": "2026-02-30"}, doubts={})

        assert item.fields == {"invoice_date": "“2026-02-30” is not a date. Write it like 2026-03-31."}
        assert item.invoice.invoice_date is None

    def test_the_weightiest_reason_names_the_item(self, make_item: Any) -> None:
        failed = {"rule": "sum", "passed": False, "difference": "1.00", "fields": ["total"], "message": "no"}

        assert make_item(checks=[failed]).reason == Item.Reason.CHECK
        assert make_item(checks=[failed], stated_total=Decimal(1950)).reason == Item.Reason.MISMATCH
        assert make_item(read={}, lines=()).reason == Item.Reason.UNREADABLE

    def test_what_a_person_entered_survives_a_second_reading(self, item: Item, alice: Any) -> None:
        services.claim(item, alice)
        services.settle(
            item, user=alice, entries=entries(total="1950.00"), lines=[{**LINE, "amount": "1950.00"}]
        )
        invoice = Invoice.objects.get(pk=item.invoice_id)
        Invoice.objects.filter(pk=invoice.pk).update(status=Status.READING)

        again = services.route(make_run(invoice))

        assert again is not None
        assert again.fields == {"total": "A person entered “1950.00”; now it was read as “1450.00”."}
        assert invoices.current_values(invoice)["total"].value == "1950.00"
        assert [line.amount for line in invoices.current_lines(invoice)] == [Decimal("1950.00")]

    def test_what_a_second_reading_no_longer_finds_is_gone(self, organization: Any, alice: Any) -> None:
        invoice = make_invoice(organization, alice)
        services.route(make_run(invoice))
        Invoice.objects.filter(pk=invoice.pk).update(status=Status.READING)

        services.route(make_run(invoice, read={k: v for k, v in READ.items() if k != "invoice_number"}))

        assert Invoice.objects.get(pk=invoice.pk).invoice_number == ""

    def test_lines_that_do_not_fit_are_shown_as_they_were_read(self, make_item: Any) -> None:
        item = make_item(doubts={}, lines=[{**LINE, "product_code": "x" * 90}])

        assert "product_code is longer than 80" in item.fields["line_items"]
        assert services.lines_to_show(item, item.invoice)[0]["product_code"] == "x" * 90

    def test_what_cannot_be_read_comes_to_a_person_with_the_reason(
        self, organization: Any, alice: Any
    ) -> None:
        invoice = make_invoice(organization, alice, status=Status.WAITING)

        item = services.route_unread(invoice, reason="The worker stopped every time.")

        assert (item.reason, item.explanation) == ("unreadable", "The worker stopped every time.")
        assert set(item.fields) == {"vendor_name", "invoice_number", "invoice_date", "total"}
        assert Invoice.objects.get(pk=invoice.pk).status_reason == "The worker stopped every time."

    def test_a_long_reason_is_cut_to_what_the_column_holds(self, organization: Any, alice: Any) -> None:
        invoice = make_invoice(organization, alice, status=Status.WAITING)

        assert len(services.route_unread(invoice, reason="x" * 3000).explanation) == 500


class TestClaims:
    def test_two_people_get_two_invoices(
        self, make_item: Any, alice: Any, clerk: Any, organization: Any
    ) -> None:
        first, second = make_item(), make_item()

        assert services.claim_next(alice, organization) == first
        assert services.claim_next(clerk, organization) == second
        assert services.claim_next(clerk, organization) == second  # what one holds comes first
        services.release(second, clerk)
        assert services.claim_next(alice, organization) == first

    def test_urgent_comes_first(self, make_item: Any, alice: Any, organization: Any) -> None:
        make_item()
        pressing = make_item()
        Item.objects.filter(pk=pressing.pk).update(urgent=True)

        assert services.claim_next(alice, organization) == pressing

    def test_the_filters_hold_for_the_next_one_too(
        self, make_item: Any, alice: Any, organization: Any
    ) -> None:
        make_item()
        other = make_item(read={**READ, "vendor_name": "Acme Tools", "total": "20.00"})

        assert services.claim_next(alice, organization, Filters(vendor="acme")) == other
        assert services.claim_next(alice, organization, Filters(most=Decimal(5))) is None

    def test_a_skipped_invoice_is_not_offered_again_to_the_same_person(
        self, item: Item, alice: Any, clerk: Any, organization: Any
    ) -> None:
        services.claim(item, alice)
        services.skip(item, alice)

        assert services.claim_next(alice, organization) is None
        assert services.claim_next(clerk, organization) == item

    def test_a_claim_that_ran_out_is_free(
        self, item: Item, alice: Any, clerk: Any, organization: Any
    ) -> None:
        services.claim(item, alice)
        with pytest.raises(ClaimLost, match="alice is working on Invoice 1001 now") as lost:
            services.claim(item, clerk)
        assert lost.value.holder == alice

        lapse(item)

        assert services.claim_next(clerk, organization) == item
        with pytest.raises(ClaimLost, match="dana is working on"):
            services.renew(item, alice)

    def test_renewing_lengthens_the_lease(self, item: Item, alice: Any) -> None:
        services.claim(item, alice)
        lapse(item)

        services.renew(item, alice)

        assert Item.objects.get(pk=item.pk).claimed_until > timezone.now() + timedelta(minutes=14)

    def test_another_organization_is_never_offered_it(
        self, item: Item, charlie: Any, bob: Any, organization: Any, other_organization: Any
    ) -> None:
        assert services.claim_next(charlie, other_organization) is None
        assert services.claim_next(charlie, organization) is None
        assert services.claim_next(bob, organization) is None  # an uploader sees no queue

    def test_releasing_somebody_elses_claim_does_nothing(self, item: Item, alice: Any, clerk: Any) -> None:
        services.claim(item, alice)

        services.release(item, clerk)

        assert Item.objects.get(pk=item.pk).claimed_by == alice


def take_without_guard(user: Any, organization: Any, read: threading.Barrier) -> Item:
    """What claiming would be without the conditional UPDATE: look, then write."""
    item = queue.candidates(user, organization, Filters()).first()
    read.wait(timeout=10)
    item.claimed_by, item.claimed_until = user, timezone.now() + services.LEASE
    item.save()
    return item


def in_threads(*calls: Any) -> list[Any]:
    """Run the calls at once, each on a database connection of its own; returns what they returned."""
    results: list[Any] = [None] * len(calls)

    def run(at: int, call: Any) -> None:
        try:
            results[at] = call()
        except Exception as error:  # handed to the test, which says what it expects
            results[at] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_without_the_guard_two_clerks_get_the_same_invoice(
        self, item: Item, alice: Any, clerk: Any, organization: Any
    ) -> None:
        both_have_read = threading.Barrier(2)

        got = in_threads(
            lambda: take_without_guard(alice, organization, both_have_read),
            lambda: take_without_guard(clerk, organization, both_have_read),
        )

        assert got == [item, item]

    def test_the_claim_lets_one_through(self, item: Item, alice: Any, clerk: Any, organization: Any) -> None:
        both_have_read = threading.Barrier(2)

        def take(user: Any) -> bool:
            found = queue.candidates(user, organization, Filters()).first()
            both_have_read.wait(timeout=10)
            return services._take(found, user)

        got = in_threads(lambda: take(alice), lambda: take(clerk))

        assert sorted(got) == [False, True]

    def test_many_clerks_and_few_invoices(self, make_item: Any, make_user: Any, organization: Any) -> None:
        made = {make_item().pk for _ in range(4)}
        clerks = [make_user(f"clerk{n}", organization, "clerk") for n in range(6)]
        start = threading.Barrier(6)

        def next_for(user: Any) -> int | None:
            start.wait(timeout=10)
            item = services.claim_next(user, organization)
            return item.pk if item else None

        got = in_threads(*[lambda user=user: next_for(user) for user in clerks])

        assert not [outcome for outcome in got if isinstance(outcome, Exception)]
        taken = [pk for pk in got if pk is not None]
        assert len(taken) == len(set(taken)) == 4
        assert set(taken) == made

    def test_of_two_saves_one_counts(self, item: Item, alice: Any, clerk: Any) -> None:
        lapse(item)
        start = threading.Barrier(2)

        def save(user: Any, total: str) -> services.Settled:
            start.wait(timeout=10)
            return services.settle(item, user=user, entries=entries(total=total))

        got = in_threads(lambda: save(alice, "1450.00"), lambda: save(clerk, "1950.00"))

        assert sorted(type(outcome).__name__ for outcome in got) == ["ClaimLost", "Settled"]
        assert Decision.objects.filter(field="total").count() == 1


class TestSettle:
    def test_a_decision_keeps_what_was_said_shown_and_chosen(self, item: Item, alice: Any) -> None:
        services.claim(item, alice)

        services.settle(
            item,
            user=alice,
            entries={**entries(), "total": Entry("1950.00", page=0, box=[0.1, 0.2, 0.3, 0.4], seconds=3.5)},
        )

        decision = Decision.objects.get()
        assert (decision.field, decision.model_value, decision.shown_value, decision.value) == (
            "total",
            "1450.00",
            "1450.00",
            "1950.00",
        )
        assert (decision.action, decision.doubtful, decision.sampled) == ("corrected", True, False)
        assert (decision.confidence, decision.seconds, decision.user) == (0.71, 3.5, alice)
        assert (decision.backend, decision.model_version) == ("layout", "layout-1")
        held = invoices.current_values(item.invoice)["total"]
        assert (held.value, held.source, held.box) == ("1950.00", "person", [0.1, 0.2, 0.3, 0.4])
        invoice = Invoice.objects.get(pk=item.invoice_id)
        assert (invoice.status, invoice.total) == (Status.TO_APPROVE, Decimal(1950))
        item.refresh_from_db()
        assert (item.status, item.settled_by, item.claimed_by) == ("settled", alice, None)

    def test_confirming_makes_the_value_a_persons(self, item: Item, alice: Any) -> None:
        services.settle(item, user=alice, entries=entries())

        assert Decision.objects.get().action == "confirmed"
        held = invoices.current_values(item.invoice)["total"]
        assert (held.source, held.page) == ("person", 0)
        assert invoices.current_values(item.invoice)["invoice_number"].source == "machine"

    def test_changed_added_and_cleared_fields_become_decisions_too(self, item: Item, alice: Any) -> None:
        services.settle(
            item,
            user=alice,
            entries={
                **entries(invoice_number="", work_order_number="31878"),
                "po_number": Entry("77", business=True),
            },
        )

        actions = {row.field: (row.action, row.why) for row in Decision.objects.all()}
        assert actions == {
            "total": ("confirmed", "misread"),
            "invoice_number": ("cleared", "misread"),
            "work_order_number": ("corrected", "misread"),
            "po_number": ("added", "business"),
        }

    def test_sampled_fields_become_decisions(self, organization: Any, make_item: Any, alice: Any) -> None:
        organization.audit_share = 1.0
        organization.save()
        item = make_item(doubts={})
        assert item.reason == Item.Reason.SAMPLE

        services.settle(item, user=alice, entries=entries())

        assert set(
            Decision.objects.filter(sampled=True, doubtful=False).values_list("field", flat=True)
        ) == set(READ)

    def test_unchanged_lines_stay_the_machines(self, item: Item, alice: Any) -> None:
        services.settle(
            item, user=alice, entries=entries(), lines=[{**LINE, "amount": "1450", "quantity": "1.00"}]
        )

        assert LineItem.objects.filter(invoice=item.invoice).count() == 1
        assert not Decision.objects.filter(field="line_items").exists()

    def test_changed_lines_are_a_new_table_and_a_decision(self, item: Item, alice: Any) -> None:
        services.settle(
            item,
            user=alice,
            entries=entries(),
            lines=[LINE, {"description": "Paint", "amount": "5"}, {"description": " "}],
        )

        invoice = Invoice.objects.get(pk=item.invoice_id)
        assert [line.description for line in invoices.current_lines(invoice)] == [
            "Drywall repair, hall",
            "Paint",
        ]
        assert LineItem.objects.filter(invoice=invoice).count() == 3
        decision = Decision.objects.get(field="line_items")
        assert decision.action == "corrected"
        assert "Paint" in decision.value
        assert "Paint" not in decision.model_value

    def test_the_vendor_is_remembered(self, make_item: Any, alice: Any) -> None:
        item = make_item(doubts={"vendor_name": "unknown vendor"})

        services.settle(item, user=alice, entries=entries(vendor_name="Hernández Drywall LLC"))

        assert Vendor.objects.get().name == "Hernández Drywall LLC"
        assert Invoice.objects.get(pk=item.invoice_id).vendor == Vendor.objects.get()

    def test_a_save_after_the_claim_ran_out_counts_while_nobody_took_it(self, item: Item, alice: Any) -> None:
        services.claim(item, alice)
        lapse(item)

        services.settle(item, user=alice, entries=entries())

        assert Invoice.objects.get(pk=item.invoice_id).status == Status.TO_APPROVE

    def test_a_late_save_says_who_has_it_and_writes_nothing(self, item: Item, alice: Any, clerk: Any) -> None:
        services.claim(item, alice)
        lapse(item)
        services.claim(item, clerk)

        with pytest.raises(ClaimLost, match="dana is working on Invoice 1001 now") as lost:
            services.settle(item, user=alice, entries=entries(total="1.00"))

        assert lost.value.holder == clerk
        assert not Decision.objects.exists()
        assert invoices.current_values(item.invoice)["total"].value == "1450.00"

    def test_a_save_after_somebody_elses_save_says_so(self, item: Item, alice: Any, clerk: Any) -> None:
        services.settle(item, user=clerk, entries=entries())

        with pytest.raises(ClaimLost, match="dana has already saved Invoice 1001"):
            services.settle(item, user=alice, entries=entries(total="1.00"))

    def test_a_save_while_it_is_read_again_says_so(self, item: Item, alice: Any) -> None:
        services.claim(item, alice)
        services.withdraw(item.invoice)
        invoices.change_status(item.invoice, Status.WAITING, user=alice)

        with pytest.raises(ClaimLost, match="Waiting to be read"):
            services.settle(item, user=alice, entries=entries())

    def test_wrong_values_are_named_and_nothing_is_written(self, item: Item, alice: Any) -> None:
        services.claim(item, alice)

        with pytest.raises(InvalidFields) as invalid:
            services.settle(
                item,
                user=alice,
                entries=entries(total="a lot", invoice_number="2042"),
                lines=[{"description": "x", "amount": "twelve"}],
            )

        assert set(invalid.value.errors) == {"total", "line_items"}
        assert "Line 1" in invalid.value.errors["line_items"]
        assert not Decision.objects.exists()
        item.refresh_from_db()
        assert (item.status, item.claimed_by) == ("open", alice)
        assert invoices.current_values(item.invoice)["invoice_number"].value == "2041"

    def test_approving_at_once_needs_the_right_to(self, make_item: Any, alice: Any, clerk: Any) -> None:
        with pytest.raises(PermissionDenied):
            services.settle(make_item(), user=clerk, entries=entries(), approve=True)
        item = make_item()

        services.settle(item, user=alice, entries=entries(), approve=True)

        invoice = Invoice.objects.get(pk=item.invoice_id)
        assert (invoice.status, invoice.approved_by) == (Status.APPROVED, alice)


class TestBack:
    def test_a_save_can_be_taken_back_by_the_same_person(self, item: Item, alice: Any, clerk: Any) -> None:
        services.settle(item, user=alice, entries=entries(total="1950.00"))
        with pytest.raises(ClaimLost):
            services.take_back(item, clerk)

        again = services.take_back(item, alice)

        assert (again.claimed_by, again.fields) == (alice, item.fields)
        assert Invoice.objects.get(pk=item.invoice_id).status == Status.REVIEW
        assert invoices.current_values(item.invoice)["total"].value == "1950.00"
        with pytest.raises(ClaimLost, match="can no longer be taken back"):
            services.take_back(again, alice)

    def test_it_is_too_late_after_a_while(self, item: Item, alice: Any) -> None:
        services.settle(item, user=alice, entries=entries())
        Item.objects.filter(pk=item.pk).update(settled_at=timezone.now() - services.TAKE_BACK)

        with pytest.raises(ClaimLost, match="can no longer be taken back"):
            services.take_back(item, alice)

    def test_the_approver_sends_it_back_with_a_reason(self, item: Item, alice: Any) -> None:
        services.settle(item, user=alice, entries=entries())
        invoice = Invoice.objects.get(pk=item.invoice_id)
        with pytest.raises(invoices.InvalidValue):
            services.return_to_review(invoice, user=alice, reason=" ")

        again = services.return_to_review(invoice, user=alice, reason="The price is not the agreed one.")

        assert (again.reason, again.explanation) == ("returned", "The price is not the agreed one.")
        assert again.run == item.run
        services.claim(again, alice)
        with pytest.raises(invoices.WrongStatus, match="can't be sent back"):
            services.return_to_review(invoice, user=alice, reason="Once more.")
        assert Item.objects.get(pk=again.pk).claimed_by == alice
        assert Invoice.objects.get(pk=invoice.pk).status == Status.REVIEW

    def test_rejecting_needs_a_reason_and_ends_it(self, item: Item, alice: Any) -> None:
        with pytest.raises(invoices.InvalidValue, match="Say why"):
            services.reject(item, user=alice, reason="")
        assert Item.objects.get(pk=item.pk).status == "open"

        services.reject(item, user=alice, reason="Not for us.")

        invoice = Invoice.objects.get(pk=item.invoice_id)
        assert (invoice.status, invoice.status_reason) == (Status.REJECTED, "Not for us.")
        assert Event.objects.filter(invoice=invoice, after="rejected", user=alice).exists()
        with pytest.raises(ClaimLost):
            services.settle(item, user=alice, entries=entries())
