"""Thresholds follow from what people decided: from the audit draw alone, and for the reader in use alone."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from extraction import services as reading_services
from extraction.calibration import NOBODY, load_calibration
from extraction.models import Certification, FieldReading, Run
from extraction.schema import FieldValue, Reading, Seconds
from invoiceapp.records.models import Organization
from review import certification, services
from review.models import Decision, Item
from review.services import Entry
from review.tests.factories import READ, make_invoice, make_run
from review.tests.rows import checked

pytestmark = pytest.mark.django_db
TARGET = 0.98


@pytest.fixture
def office(organization: Organization) -> Organization:
    """An organization that wants 98 % (149 checked values with none wrong) and checks all at random."""
    organization.target_accuracy, organization.audit_share = TARGET, 1.0
    organization.save()
    return organization


def guarantee(row: Certification | None, field: str) -> Any:
    assert row is not None
    return next(found for found in row.guarantees() if found.field == field).guarantee


def a_reading(confidence: float, version: str = "layout-1", **more: Any) -> Reading:
    fields = {
        name: FieldValue(name=name, value=value, text=value, confidence=confidence)
        for name, value in READ.items()
    }
    return Reading(
        backend="layout",
        model_version=version,
        pages=1,
        document_type="invoice",
        fields=fields,
        line_items=(),
        checks=(),
        words=(),
        seconds=Seconds(total=0.1, words=0.05, fields=0.05),
        **more,
    )


def store(organization: Organization, user: Any, reading: Reading) -> Run:
    invoice = make_invoice(organization, user, pages=0)
    run = reading_services.start_run(invoice, token=uuid.uuid4(), attempt=1)
    reading_services.store(run, reading)
    return run


def test_the_certified_threshold_decides_what_passes(office: Organization, alice: Any) -> None:
    checked(office, alice, [("total", 0.91, True)] * 160)
    certification.certify(office)

    run = store(office, alice, a_reading(0.91))

    assert set(run.doubts) == set(READ) - {"total"}
    assert run.certification is not None
    assert run.certification.thresholds()["total"] <= 0.91
    total = run.readings.get(field="total")
    assert (total.accepted, total.clearance) == (True, 0.91)
    # A value that passes and is drawn is shown to people all the same.
    item = services.route(run)
    assert item is not None
    assert "total" in item.sampled


@pytest.mark.parametrize(
    ("change", "version"),
    [({}, "layout-2"), ({"target_accuracy": 0.99}, "layout-1"), ({"target_accuracy": None}, "layout-1")],
    ids=["another reader", "another target", "no target"],
)
def test_thresholds_that_promise_nothing_any_more_are_not_used(
    office: Organization, alice: Any, change: dict[str, Any], version: str
) -> None:
    checked(office, alice, [("total", 0.91, True)] * 160)
    certification.certify(office)
    for name, value in change.items():
        setattr(office, name, value)
    office.save()

    run = store(office, alice, a_reading(0.91, version))

    assert run.certification is None
    assert set(run.doubts) == set(READ)


def test_too_few_checked_values_promise_nothing(office: Organization, alice: Any) -> None:
    checked(office, alice, [("total", 1.0, True)] * 120)
    found = guarantee(certification.certify(office), "total")
    measured = load_calibration().limit_of("total", TARGET)
    assert (found.threshold, found.at) == (None, max(office.accept_threshold, measured))
    assert found.sentence == "no guarantee yet: 120 of 149 checked values"


def test_without_a_guarantee_a_target_holds_back_what_missed_it_on_real_documents(
    office: Organization, alice: Any
) -> None:
    office.accept_threshold = 0.5
    office.save()
    limit = load_calibration().limit_of("total", TARGET)
    assert 0.5 < limit < 0.99, "or the readings below say nothing"

    below, above = (store(office, alice, a_reading(limit + step)) for step in (-0.005, 0.005))
    assert "total" in below.doubts
    assert "total" not in above.doubts

    office.target_accuracy = None
    office.save(update_fields=["target_accuracy"])
    assert not store(office, alice, a_reading(limit - 0.005)).doubts, "the office's own threshold alone"


def test_names_of_a_demanding_office_go_to_a_person(office: Organization, alice: Any) -> None:
    office.target_accuracy, office.accept_threshold = 0.999, 0.5
    office.save()
    assert load_calibration().limit_of("vendor_name", 0.999) == NOBODY
    assert set(store(office, alice, a_reading(0.99)).doubts) == set(READ)


def test_another_reader_s_confidence_was_measured_on_nothing_here(office: Organization, alice: Any) -> None:
    office.accept_threshold, office.backend = 0.5, "openai_server"
    office.save()
    assert not store(office, alice, replace(a_reading(0.6), backend="openai_server")).doubts


def test_of_the_doubtful_values_only_the_drawn_ones_count(office: Organization, alice: Any) -> None:
    """All doubtful values are checked, but one in four confident ones: counted whole they would outweigh them."""
    dice = random.Random(4)
    values = [("total", dice.uniform(0.5, 1), dice.random() < 0.9) for _ in range(1200)]
    checked(office, alice, values, share=0.25)

    found = certification.labels(office, "layout-1")

    below = sum(label.clearance < 0.95 for label in found)
    assert 0.19 * 1200 < len(found) < 0.31 * 1200
    assert Decision.objects.filter(doubtful=True).count() > 1000
    # The gate's threshold has left no trace: nine tenths of all values lie below it, and of the labels too.
    assert 0.84 < below / len(found) < 0.96


def test_what_nobody_asked_about_is_no_label(office: Organization, alice: Any) -> None:
    decisions = checked(office, alice, [("total", 0.97, False)] * 3)
    Decision.objects.filter(pk=decisions[0].pk).update(sampled=False)  # noticed by chance
    Run.objects.filter(pk=decisions[1].item.run_id).update(audit_share=0)  # read before there was a draw
    FieldReading.objects.filter(pk=decisions[2].reading_id).update(clearance=None)  # held back by a check
    assert certification.labels(office, "layout-1") == []


def test_other_versions_and_other_organizations_do_not_count(
    office: Organization, other_organization: Organization, alice: Any, charlie: Any
) -> None:
    checked(office, alice, [("total", 0.97, True)] * 2, version="layout-0")
    checked(other_organization, charlie, [("total", 0.97, True)] * 5)
    checked(office, alice, [("total", 0.97, True)] * 3)
    assert len(certification.labels(office, "layout-1")) == 3


class TestOneValueDecidedTwice:
    @pytest.fixture
    def item(self, office: Organization, alice: Any) -> Item:
        item = services.route(make_run(make_invoice(office, alice, pages=0)))
        assert item is not None
        return item

    def settle(self, item: Item, user: Any, total: str, *, business: bool = False) -> None:
        values = {**READ, "total": total}
        entries = {
            name: Entry(value, business=business and name == "total") for name, value in values.items()
        }
        services.settle(item, user=user, entries=entries)

    def right(self, office: Organization) -> list[bool]:
        return [label.right for label in certification.labels(office, "layout-1") if label.field == "total"]

    def test_the_last_word_counts(self, office: Organization, item: Item, alice: Any) -> None:
        self.settle(item, alice, "1950.00")
        assert self.right(office) == [False]
        self.settle(services.take_back(item, alice), alice, READ["total"])
        assert self.right(office) == [True]

    def test_a_mistake_found_by_the_approver_counts(
        self, office: Organization, item: Item, alice: Any
    ) -> None:
        self.settle(item, alice, READ["total"])
        item.invoice.refresh_from_db()
        again = services.return_to_review(item.invoice, user=alice, reason="The total is wrong.")
        self.settle(again, alice, "1950.00")
        assert self.right(office) == [False]

    def test_the_offices_own_change_leaves_the_reading_as_it_was(
        self, office: Organization, item: Item, alice: Any
    ) -> None:
        self.settle(item, alice, "1950.00")
        item.invoice.refresh_from_db()
        again = services.return_to_review(item.invoice, user=alice, reason="We agreed on less.")
        self.settle(again, alice, "1400.00", business=True)
        assert self.right(office) == [False]

    def test_a_change_by_the_office_is_no_misreading(
        self, office: Organization, item: Item, alice: Any
    ) -> None:
        self.settle(item, alice, "1400.00", business=True)
        assert self.right(office) == [True]


def test_history_says_which_thresholds_held_when(office: Organization, alice: Any) -> None:
    checked(office, alice, [("total", 0.97, True)] * 150)
    first = certification.certify(office)
    assert certification.certify(office) == first, "nothing changed, so nothing is written"
    before = store(office, alice, a_reading(0.97))
    checked(office, alice, [("total", 0.97, True)] * 5)

    assert certification.certify_all() == 1

    second = Certification.objects.latest("pk")
    assert second.pk != first.pk
    assert guarantee(second, "total").checked == 155
    before.refresh_from_db()
    assert before.certification == first
    assert store(office, alice, a_reading(0.97)).certification == second


def test_a_new_reader_starts_without_a_guarantee(office: Organization, alice: Any) -> None:
    checked(office, alice, [("total", 0.97, True)] * 160)
    assert guarantee(certification.certify(office), "total").threshold is not None
    Run.objects.update(finished=timezone.now() - timedelta(hours=1))
    checked(office, alice, [("total", 0.97, True)], version="layout-2")

    assert certification.in_force(office) is None
    assert guarantee(certification.certify(office), "total").checked == 1


def test_the_number_of_questions_does_not_grow(office: Organization, alice: Any) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as captured:
            certification.certify(office)
        return len(captured)

    checked(office, alice, [("total", 0.97, True)])
    few = questions()
    checked(office, alice, [(name, 0.97, True) for name in certification.CERTIFIED_FIELDS] * 20)
    assert questions() == few
