"""The page of a trial: two readers compared by what people settled, and who may begin and end one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import factorial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from extraction.models import FieldReading, Run, ShadowReading, Trial
from invoiceapp.records.models import Invoice, Organization
from invoiceapp.reports import trials
from invoiceapp.reports.statistics import DECIDED_AT, e_value
from invoiceapp.tests.browser import axe_violations
from review.models import Decision, Item
from review.tests import factories

TRUE = {"total": "1450.00", "invoice_number": "2041"}


def make_trial(organization: Organization, user: Any, *, kind: str = "shadow", **more: Any) -> Trial:
    return Trial.objects.create(
        organization=organization,
        kind=kind,
        champion="layout",
        challenger="layout_rules",
        share=1.0,
        started=timezone.now() - timedelta(days=1),
        started_by=user,
        **more,
    )


def read(
    trial: Trial,
    user: Any,
    *,
    champion: Mapping[str, str] = TRUE,
    challenger: Mapping[str, str] | None = None,
    doubtful: tuple[str, ...] = (),
    truth: Mapping[str, str] | None = TRUE,
    side: str = "",
    why: str = Decision.Why.MISREAD,
    audit_share: float = 1.0,
) -> Item:
    """Enter a document as the pipeline and a clerk leave it.

    :param challenger: what it read in shadow; None if the document has a side instead.
    :param truth: what a person answered; None if nobody has yet.
    """
    invoice = factories.make_invoice(trial.organization, user, pages=0, status=Invoice.Status.TO_APPROVE)
    run = factories.make_run(invoice, read=champion, doubts=dict.fromkeys(doubtful, "unsure"), lines=())
    Run.objects.filter(pk=run.pk).update(
        seconds_total=2.0,
        cost=Decimal("0.001"),
        cost_currency="USD",
        audit_share=audit_share,
        trial=trial if side else None,
        side=side,
        backend=trial.challenger if side == "challenger" else "layout",
    )
    if challenger is not None:
        shadow = Run.every.create(
            organization=trial.organization,
            invoice=invoice,
            token=uuid.uuid4(),
            attempt=1,
            status="done",
            backend=trial.challenger,
            model_version="rules-1",
            role="shadow",
            trial=trial,
            seconds_total=0.5,
            started=timezone.now(),
            finished=timezone.now(),
        )
        FieldReading.objects.bulk_create(
            FieldReading(run=shadow, field=name, value=value, confidence=0.9, accepted=True)
            for name, value in challenger.items()
        )
        ShadowReading.objects.create(
            organization=trial.organization,
            trial=trial,
            invoice=invoice,
            primary=run,
            run=shadow,
            queue="invoices",
            status="done",
            due=timezone.now(),
            finished=timezone.now(),
        )
    item = Item.objects.create(
        organization=trial.organization, invoice=invoice, run=run, status="settled", reason="doubtful"
    )
    readings = {reading.field: reading for reading in run.readings.all()}
    for name, value in (truth or {}).items():
        said = champion.get(name, "")
        Decision.objects.create(
            item=item,
            organization=trial.organization,
            reading=readings.get(name),
            field=name,
            model_value=said,
            value=value,
            action="confirmed" if said == value else "corrected",
            why=why,
            doubtful=name in doubtful,
            sampled=name not in doubtful,
            user=user,
        )
    return item


class TestEvidence:
    @pytest.mark.parametrize(("wins", "losses"), [(0, 0), (7, 0), (8, 0), (12, 3), (3, 12), (60, 40)])
    def test_it_is_the_formula(self, wins: int, losses: int) -> None:
        total = wins + losses
        exact = Fraction(2**total * factorial(wins) * factorial(losses), factorial(total + 1))
        assert e_value(wins, losses) == pytest.approx(float(exact))

    def test_eight_wins_in_a_row_decide_and_seven_do_not(self) -> None:
        assert e_value(7, 0) < DECIDED_AT <= e_value(8, 0)

    def test_a_thousand_in_a_row_are_no_overflow(self) -> None:
        assert e_value(5000, 0) == float("inf")
        assert e_value(5000, 5000) < 1

    def test_equally_good_readers_are_rarely_decided_however_often_one_looks(self) -> None:
        import random

        dice, decided = random.Random(5), 0
        for _ in range(1000):
            wins = losses = 0
            for _ in range(300):
                if dice.random() < 0.5:
                    wins += 1
                else:
                    losses += 1
                if e_value(wins, losses) >= DECIDED_AT:
                    decided += 1
                    break
        assert decided <= 50


@pytest.mark.django_db
class TestFigures:
    def test_both_are_held_to_the_same_truth(self, organization: Organization, alice: Any) -> None:
        trial = make_trial(organization, alice)
        wrong = {**TRUE, "total": "1950.00"}
        read(trial, alice, champion=wrong, challenger=TRUE, doubtful=("total",))
        read(trial, alice, champion=TRUE, challenger=wrong)
        # to the cent, not to the letter; and what it does not find is wrong where there is something
        read(trial, alice, champion=TRUE, challenger={"total": "1450.0"})
        found = trials.report(trial)
        rows = {row.key: row for row in found.fields}
        assert (rows["total"].wins, rows["total"].losses, rows["total"].checked) == (1, 1, 3)
        assert (rows["invoice_number"].wins, rows["invoice_number"].losses) == (0, 1)
        assert (found.documents, found.with_truth, found.checked) == (3, 3, 6)
        assert (found.wins, found.losses, found.verdict) == (1, 2, "undecided")

    def test_a_document_counts_once_however_many_of_its_fields_differ(
        self, organization: Organization, alice: Any
    ) -> None:
        trial = make_trial(organization, alice)
        read(trial, alice, champion={"total": "1.00", "invoice_number": "9"}, challenger=TRUE)
        read(trial, alice, champion={**TRUE, "total": "1.00"}, challenger={**TRUE, "invoice_number": "9"})
        found = trials.report(trial)
        assert (found.overall.wins, found.overall.losses) == (3, 1)
        assert (found.wins, found.losses) == (1, 0)

    @pytest.mark.parametrize(("better", "verdict"), [("challenger", "better"), ("champion", "worse")])
    def test_eight_documents_without_a_loss_decide(
        self, better: str, verdict: str, organization: Organization, alice: Any
    ) -> None:
        trial = make_trial(organization, alice)
        for number in range(8):
            assert trials.report(trial).verdict == "undecided", number
            wrong = {**TRUE, "total": "1.00"}
            said = {"champion": wrong, "challenger": wrong, better: TRUE}
            read(trial, alice, champion=said["champion"], challenger=said["challenger"])
        assert trials.report(trial).verdict == verdict

    def test_what_was_not_drawn_at_random_decides_nothing(
        self, organization: Organization, alice: Any
    ) -> None:
        trial = make_trial(organization, alice)
        wrong = {**TRUE, "total": "1.00"}
        for _ in range(30):
            read(trial, alice, champion=wrong, challenger=TRUE, doubtful=("total",), audit_share=0.0)
        found = trials.report(trial)
        assert found.overall.wins == 30
        assert (found.drawn, found.wins, found.verdict) == (0, 0, "undecided")

    def test_what_nobody_was_asked_about_or_the_office_changed_is_no_truth(
        self, organization: Organization, alice: Any
    ) -> None:
        trial = make_trial(organization, alice)
        read(trial, alice, challenger=TRUE, truth=None)
        read(trial, alice, challenger=TRUE, truth={"total": "2.00"}, why=Decision.Why.BUSINESS)
        noticed = read(trial, alice, champion={"total": "3.00"}, challenger=TRUE)
        Decision.objects.filter(item=noticed).update(sampled=False)
        found = trials.report(trial)
        assert (found.documents, found.with_truth, found.checked) == (3, 0, 0)

    def test_the_last_word_counts(self, organization: Organization, alice: Any) -> None:
        trial = make_trial(organization, alice)
        item = read(trial, alice, challenger={"total": "2.00"}, truth={"total": "1450.00"})
        again = Item.objects.create(
            organization=organization, invoice=item.invoice, run=item.run, status="settled", reason="returned"
        )
        Decision.objects.create(
            item=again, organization=organization, field="total", model_value="1450.00", value="2.00",
            action="corrected", doubtful=False, sampled=False, user=alice,
            reading=item.run.readings.get(field="total"),
        )  # fmt: skip
        found = trials.report(trial)
        assert (found.overall.wins, found.overall.losses, found.wins) == (1, 0, 1)

    def test_time_and_cost_of_each(self, organization: Organization, alice: Any) -> None:
        trial = make_trial(organization, alice)
        for _ in range(2):
            read(trial, alice, challenger=TRUE)
        found = trials.report(trial)
        assert (found.champion.documents, found.champion.seconds_per_document) == (2, 2.0)
        assert found.champion.money[0].total == Decimal("0.002")
        assert (found.challenger.documents, found.challenger.seconds_per_document) == (2, 0.5)
        assert (found.challenger.money, found.challenger.unpriced) == ([], 2)
        assert found.challenger.versions == ["rules-1"]

    def test_shares_weigh_doubtful_and_confident_values_by_how_many_there_are(
        self, organization: Organization, alice: Any
    ) -> None:
        trial = make_trial(organization, alice)
        wrong = {"total": "1.00"}
        for _ in range(20):
            read(
                trial, alice, champion=wrong, challenger=TRUE, doubtful=("total",), truth={"total": "1450.00"}
            )
        for _ in range(20):
            read(trial, alice, champion={"total": "1450.00"}, challenger=wrong, truth={"total": "1450.00"})
        for _ in range(160):
            read(trial, alice, champion={"total": "1450.00"}, challenger=wrong, truth=None)
        (total,) = [row for row in trials.report(trial).fields if row.key == "total"]
        assert total.champion is not None and total.challenger is not None
        assert total.champion.share == pytest.approx(0.9) and total.challenger.share == pytest.approx(0.1)
        assert total.champion.low < 0.9 < total.champion.high

    def test_in_a_split_each_is_held_to_its_own_documents_and_they_meet_in_pairs(
        self, organization: Organization, alice: Any
    ) -> None:
        trial = make_trial(organization, alice, kind="split")
        wrong = {**TRUE, "total": "1.00"}
        for _ in range(25):
            read(trial, alice, champion=wrong, side="champion")
        for _ in range(22):
            read(trial, alice, champion=TRUE, side="challenger")
        found = trials.report(trial)
        assert (found.champion.documents, found.challenger.documents, found.documents) == (25, 22, 47)
        total = next(row for row in found.fields if row.key == "total")
        assert total.champion is not None and total.challenger is not None
        assert (total.champion.share, total.challenger.share) == (0.0, 1.0)
        assert (found.wins, found.losses, found.verdict) == (22, 0, "better")

    def test_where_the_usual_reader_stood_in_it_counts_for_the_challengers_side(
        self, organization: Organization, alice: Any
    ) -> None:
        trial = make_trial(organization, alice, kind="split")
        item = read(trial, alice, side="challenger")
        Run.objects.filter(pk=item.run_id).update(backend="layout")
        found = trials.report(trial)
        assert (found.stood_in, found.challenger.documents) == (1, 1)

    @pytest.mark.parametrize("kind", ["shadow", "split"])
    def test_the_number_of_queries_does_not_grow(
        self, kind: str, organization: Organization, alice: Any, signed_in: Any
    ) -> None:
        client = signed_in(alice)
        trial = make_trial(organization, alice, kind=kind)

        def add(count: int) -> None:
            for number in range(count):
                if kind == "shadow":
                    read(trial, alice, challenger=TRUE)
                else:
                    read(trial, alice, side=("champion", "challenger")[number % 2])

        counts = []
        for _ in range(2):
            add(12)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get("/reports/trials/").status_code == 200
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 20


@pytest.mark.django_db
class TestWhoMay:
    def test_only_administrators_of_the_organization_see_begin_and_end_one(
        self,
        organization: Organization,
        alice: Any,
        charlie: Any,
        make_user: Any,
        signed_in: Any,
    ) -> None:
        approver = make_user("anna", organization, "approver", "clerk")  # sees reports, administers nothing
        begin = {"challenger": "layout_rules", "kind": "shadow", "percent": "25"}
        for method, path in (("get", "/reports/trials/"), ("post", "/reports/trials/start/")):
            assert getattr(signed_in(approver), method)(path, begin).status_code == 403
        assert not Trial.objects.exists()
        client = signed_in(alice)
        assert client.post("/reports/trials/start/", begin).status_code == 302
        trial = Trial.objects.get()
        assert (trial.organization, trial.challenger, trial.share) == (organization, "layout_rules", 0.25)
        assert trial.started_by == alice

        assert signed_in(approver).post(f"/reports/trials/{trial.pk}/end/").status_code == 403
        other = signed_in(charlie)
        assert other.post(f"/reports/trials/{trial.pk}/end/").status_code == 404
        assert other.get(f"/reports/trials/?trial={trial.pk}").status_code == 404
        assert "layout_rules against layout" not in other.get("/reports/trials/").text
        trial.refresh_from_db()
        assert trial.ended is None

        assert client.get(f"/reports/trials/{trial.pk}/end/").status_code == 405
        client.post(f"/reports/trials/{trial.pk}/end/")
        trial.refresh_from_db()
        assert (trial.ended is not None, trial.ended_by) == (True, alice)
        assert "had ended already" in client.post(f"/reports/trials/{trial.pk}/end/", follow=True).text

    def test_a_colleague_who_only_uploads_sees_nothing(
        self, organization: Organization, alice: Any, bob: Any, signed_in: Any
    ) -> None:
        make_trial(organization, alice)
        assert signed_in(bob).get("/reports/trials/").status_code == 403
        assert "/reports/trials/" not in signed_in(bob).get("/").text

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"percent": "0"}, "At least 0.1 percent."),
            ({"percent": "nan"}, "A number of percent"),
            ({"percent": "101"}, "At most 100 percent."),
            ({"challenger": "layout"}, "not one of the available choices"),
            ({"kind": "both"}, "not one of the available choices"),
        ],
    )
    def test_what_is_no_trial_is_refused_in_place(
        self, organization: Organization, alice: Any, signed_in: Any, changes: dict[str, str], said: str
    ) -> None:
        form = {"challenger": "layout_rules", "kind": "shadow", "percent": "25", **changes}
        page = signed_in(alice).post("/reports/trials/start/", form).text
        assert said in page and "No trial has begun" in page
        assert not Trial.objects.exists()

    def test_the_page_says_when_the_usual_reader_has_changed(
        self, organization: Organization, alice: Any, signed_in: Any
    ) -> None:
        make_trial(organization, alice)
        assert "nothing more is compared" not in signed_in(alice).get("/reports/trials/").text
        Organization.objects.update(backend="doctr")
        assert "nothing more is compared" in signed_in(alice).get("/reports/trials/").text

    def test_a_second_one_at_a_time_is_refused_with_the_reason(
        self, organization: Organization, alice: Any, signed_in: Any
    ) -> None:
        make_trial(organization, alice)
        form = {"challenger": "layout_rules", "kind": "shadow", "percent": "25"}
        signed_in(alice).post("/reports/trials/start/", form)
        assert Trial.objects.count() == 1


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_trial_from_its_beginning_to_its_end(
    width: int, height: int, open_page: Any, alice: Any, organization: Organization, tmp_path: Any
) -> None:
    def looks_right(name: str) -> None:
        page.screenshot(path=str(tmp_path / f"{name}-{width}.png"), full_page=True)
        assert axe_violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name

    page = open_page(alice, "/reports/trials/", width=width, height=height)
    looks_right("empty")
    # by keyboard alone
    page.get_by_label("Challenger").focus()
    for key in ("Tab", "Control+a", "5", "0", "Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**/reports/trials/")
    page.get_by_text("The trial has begun").wait_for()
    trial = Trial.objects.get()
    assert (trial.challenger, trial.kind, trial.share) == ("layout_rules", "shadow", 0.5)
    page.goto("/reports/trials/")
    looks_right("begun")
    wrong = {**TRUE, "total": "1.00"}
    for number in range(24):
        read(
            trial,
            alice,
            champion=wrong if number % 4 == 0 else TRUE,
            challenger=wrong if number % 7 == 3 else TRUE,
            doubtful=("total",) if number % 4 == 0 else (),
        )
    page.goto("/reports/trials/")
    page.get_by_text("Not yet decided").wait_for()
    looks_right("running")
    page.get_by_role("button", name="End the trial").press("Enter")
    page.get_by_text("The trial has ended").wait_for()
    page.goto("/reports/trials/")
    looks_right("ended")
