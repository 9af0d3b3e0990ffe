"""An administrator sets how the organization works."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from extraction import budget
from extraction.calibration import load_calibration
from invoiceapp.records.models import Job, Membership, Organization, Vendor
from invoiceapp.web.forms import ReadingSettingsForm
from review.certification import CERTIFIED_FIELDS
from review.tests.rows import checked

pytestmark = pytest.mark.django_db

PAGES = ("/settings/", "/settings/people/", "/settings/jobs/", "/settings/vendors/")


def reading_form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Hill Street Builders",
        "time_zone": "America/Chicago",
        "country": "US",
        "currency": "USD",
        "reading_mode": "immediate",
        "night_start": "23:00",
        "night_end": "06:00",
        "reading_times": "",
        "batch_size": "10",
        "backend": "layout",
        "accept_percent": "95",
        "audit_percent": "5",
        **changes,
    }


def test_only_an_administrator_gets_in(
    alice: Any, bob: Any, charlie: Any, organization: Any, signed_in: Any
) -> None:
    for page in PAGES:
        assert signed_in(alice).get(page).status_code == 200, page
        assert signed_in(bob).get(page).status_code == 403, page
        # Charlie administers another organization and sees that one.
        assert organization.name not in signed_in(charlie).get(page).text, page


def test_reading_times_are_saved_in_order(alice: Any, organization: Any, signed_in: Any) -> None:
    answer = signed_in(alice).post(
        "/settings/", reading_form(reading_mode="times", reading_times="17:00, 7:30; 12:00")
    )
    assert answer.status_code == 302
    organization.refresh_from_db()
    assert organization.reading_times == ["07:30", "12:00", "17:00"]
    assert organization.reading_mode == Organization.ReadingMode.TIMES


def test_a_reader_can_be_chosen_once_it_is_set_up(
    alice: Any,
    bob: Any,
    charlie: Any,
    organization: Any,
    other_organization: Any,
    signed_in: Any,
    settings: Any,
) -> None:
    page = signed_in(alice).get("/settings/").text
    assert "Embedded reader" in page
    assert "Pixtral" not in page
    refused = signed_in(alice).post("/settings/", reading_form(backend="pixtral"))
    assert "not one of the available choices" in refused.text
    settings.READERS = {
        **settings.READERS,
        "pixtral": {**settings.READERS["pixtral"], "model": "/srv/pixtral"},
    }
    assert "Pixtral on this server" in signed_in(alice).get("/settings/").text
    assert signed_in(alice).post("/settings/", reading_form(backend="pixtral")).status_code == 302
    organization.refresh_from_db()
    assert organization.backend == "pixtral"
    # a colleague may not, and an outsider only chooses for the own organization
    assert signed_in(bob).post("/settings/", reading_form()).status_code == 403
    signed_in(charlie).post("/settings/", reading_form(name="Valley Works"))
    organization.refresh_from_db()
    assert organization.backend == "pixtral"
    # set up no longer: it stays chosen, so that saving something else changes nothing by accident
    settings.READERS = {**settings.READERS, "pixtral": {**settings.READERS["pixtral"], "model": ""}}
    assert signed_in(alice).post("/settings/", reading_form(backend="pixtral")).status_code == 302


@pytest.fixture
def server_set_up(settings: Any) -> None:
    settings.READERS = {
        **settings.READERS,
        "openai_server": {**settings.READERS["openai_server"], "url": "http://127.0.0.1:9/v1", "model": "m"},
    }


class TestSecondReader:
    def test_an_administrator_chooses_among_the_readers_that_are_set_up(
        self, alice: Any, organization: Any, signed_in: Any, server_set_up: None
    ) -> None:
        client = signed_in(alice)
        page = client.get("/settings/").text
        assert "A model on another server" in page and "Llama" not in page
        refused = client.post("/settings/", reading_form(reading_policy="verify", second_backend="llama"))
        assert "not one of the available choices" in refused.text
        form = reading_form(
            reading_policy="verify", second_backend="openai_server", urgent_backend="openai_server"
        )
        assert client.post("/settings/", form).status_code == 302
        organization.refresh_from_db()
        assert (organization.reading_policy, organization.second_backend) == ("verify", "openai_server")
        assert organization.urgent_backend == "openai_server"

    def test_the_page_says_what_is_missing(
        self, alice: Any, organization: Any, signed_in: Any, server_set_up: None, settings: Any
    ) -> None:
        client = signed_in(alice)
        client.post("/settings/", reading_form(reading_policy="doubtful", second_backend="openai_server"))
        page = client.get("/settings/").text
        assert "Nobody has stated what “A model on another server” costs" in page
        assert "No daily budget is set" in page
        assert "their agreement lets no value pass by itself" in page
        settings.READERS["openai_server"]["url"] = ""
        assert "openai_server is not set up here" in client.get("/settings/").text
        Organization.objects.filter(pk=organization.pk).update(daily_seconds=600)
        settings.PRICES = {**settings.PRICES, "openai_server": {"hour": Decimal(2), "on_server": True}}
        page = client.get("/settings/").text
        assert "Nobody has stated" not in page and "No daily budget" not in page

    def test_one_reader_alone_needs_no_notes(self, alice: Any, organization: Any, signed_in: Any) -> None:
        page = signed_in(alice).get("/settings/").text
        assert "Nobody has stated" not in page and "No daily budget" not in page

    def test_colleagues_and_outsiders_change_nothing(
        self,
        alice: Any,
        bob: Any,
        charlie: Any,
        organization: Any,
        other_organization: Any,
        signed_in: Any,
        server_set_up: None,
    ) -> None:
        form = reading_form(reading_policy="verify", second_backend="openai_server")
        assert signed_in(bob).post("/settings/", form).status_code == 403
        signed_in(charlie).post("/settings/", {**form, "name": "Valley Works"})
        organization.refresh_from_db()
        other_organization.refresh_from_db()
        assert organization.reading_policy == "alone"
        assert other_organization.reading_policy == "verify"

    def test_the_database_refuses_a_policy_without_its_reader(self, organization: Any) -> None:
        organization.reading_policy = "verify"
        with pytest.raises(IntegrityError, match="organization_second_reader_named"):
            organization.save()


@pytest.fixture
def pixtral(settings: Any) -> None:
    """Let a reader that costs be set up, at 2.50 an hour."""
    settings.READERS = {
        **settings.READERS,
        "pixtral": {**settings.READERS["pixtral"], "model": "/srv/pixtral"},
    }
    settings.PRICES = {**settings.PRICES, "pixtral": {"hour": Decimal("2.50")}}


def test_where_no_reader_costs_nothing_is_asked_about_a_budget(
    alice: Any, organization: Any, signed_in: Any, settings: Any
) -> None:
    assert "daily_money" not in signed_in(alice).get("/settings/").text
    settings.READERS = {**settings.READERS, "pixtral": {**settings.READERS["pixtral"], "model": "/srv"}}
    assert "daily_money" in signed_in(alice).get("/settings/").text
    # a limit that was set stays in sight when the reader is gone
    settings.READERS = {**settings.READERS, "pixtral": {**settings.READERS["pixtral"], "model": ""}}
    Organization.objects.filter(pk=organization.pk).update(daily_seconds=60)
    assert "daily_money" in signed_in(alice).get("/settings/").text


def test_an_administrator_limits_what_other_readers_may_take(
    alice: Any, bob: Any, charlie: Any, organization: Any, signed_in: Any, pixtral: None
) -> None:
    answer = signed_in(alice).post("/settings/", reading_form(daily_money="4.50", daily_minutes="90.5"))
    assert answer.status_code == 302
    organization.refresh_from_db()
    assert (organization.daily_money, organization.daily_seconds) == (Decimal("4.50"), 5430)
    page = signed_in(alice).get("/settings/").text
    assert 'name="daily_money" value="4.50"' in page
    assert 'name="daily_minutes" value="90.5"' in page
    Organization.objects.filter(pk=organization.pk).update(daily_seconds=3600)
    assert 'name="daily_minutes" value="60"' in signed_in(alice).get("/settings/").text
    # neither a colleague nor somebody else's administrator changes it
    assert signed_in(bob).post("/settings/", reading_form(daily_money="900")).status_code == 403
    signed_in(charlie).post("/settings/", reading_form(name="Valley Works", daily_money="900"))
    organization.refresh_from_db()
    assert (organization.name, organization.daily_money) == ("Hill Street Builders", Decimal("4.50"))
    # emptied, there is no limit any more
    signed_in(alice).post("/settings/", reading_form(daily_money="", daily_minutes=""))
    organization.refresh_from_db()
    assert (organization.daily_money, organization.daily_seconds) == (None, None)


def test_todays_spending_stands_beside_its_limits_and_only_ones_own(
    alice: Any,
    bob: Any,
    charlie: Any,
    organization: Any,
    other_organization: Any,
    signed_in: Any,
    pixtral: None,
) -> None:
    for office, money, seconds in ((organization, "0.4213", 95), (other_organization, "7.77", 1000)):
        taken = budget.reserve(office, "pixtral", money=Decimal(money), seconds=seconds)
        assert taken is not None
        budget.settle(taken, money=Decimal(money), seconds=seconds)
    assert budget.reserve(organization, "pixtral", money=Decimal("0.20"), seconds=300) is not None
    Organization.objects.filter(pk=organization.pk).update(daily_money=Decimal(5), daily_seconds=3600)
    page = signed_in(alice).get("/settings/").text
    assert "<b>$0.62</b> of $5.00, $0.20 of it set aside" in page
    assert "<b>7\xa0min</b> of 60\xa0min, 5\xa0min of it set aside" in page
    assert "1 reading, or stopped half-way" in page
    assert "Too little time is left" not in page
    assert "$7.77" in signed_in(charlie).get("/settings/").text
    assert "$0.62" not in signed_in(charlie).get("/settings/").text
    assert signed_in(bob).get("/settings/").status_code == 403
    Organization.objects.filter(pk=organization.pk).update(daily_seconds=600)
    assert "Too little time is left today" in signed_in(alice).get("/settings/").text


def test_a_price_that_nobody_stated_is_said_beside_the_limit(
    alice: Any, organization: Any, signed_in: Any, pixtral: None, settings: Any
) -> None:
    assert "Nobody has stated" not in signed_in(alice).get("/settings/").text
    settings.PRICES = {**settings.PRICES, "pixtral": {"hour": Decimal(0)}}
    page = signed_in(alice).get("/settings/").text
    assert "Nobody has stated what “Pixtral on this server” costs." in page
    assert "price not stated" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reading_policy": "verify"}, "Choose the second reader"),
        ({"reading_policy": "doubtful", "second_backend": "layout"}, "agree with itself"),
        ({"reading_mode": "times"}, "at least one time"),
        ({"reading_mode": "times", "reading_times": "25:00"}, "is not a time"),
        ({"reading_mode": "nightly", "night_end": "23:00"}, "window is empty"),
        ({"country": "U1"}, "Two letters"),
        ({"accept_percent": "20"}, "greater than or equal to 50"),
        ({"target_percent": "100"}, "less than or equal to 99.9"),
        ({"daily_money": "-1"}, "greater than or equal to 0"),
        ({"daily_money": "a lot"}, "Enter a number"),
        ({"daily_minutes": "-0.5"}, "greater than or equal to 0"),
    ],
)
def test_what_does_not_fit_is_said_beside_the_field(
    alice: Any, organization: Any, signed_in: Any, pixtral: None, changes: dict[str, str], words: str
) -> None:
    answer = signed_in(alice).post("/settings/", reading_form(**changes))
    assert answer.status_code == 200
    assert words in answer.text
    organization.refresh_from_db()
    assert organization.reading_mode == Organization.ReadingMode.IMMEDIATE


def test_a_new_person_can_sign_in_and_has_the_roles(alice: Any, organization: Any, signed_in: Any) -> None:
    form = {
        "username": "dora",
        "first_name": "Dora",
        "password": "long-enough-words",
        "roles": ["clerk", "approver"],
    }
    signed_in(alice).post("/settings/people/", form)
    dora = get_user_model().objects.get(username="dora")
    assert dora.check_password("long-enough-words")
    assert set(dora.memberships.values_list("role", flat=True)) == {"clerk", "approver"}
    assert dora.memberships.first().organization == organization


def test_a_name_that_is_taken_is_not_given_away(alice: Any, charlie: Any, signed_in: Any) -> None:
    form = {"username": "CHARLIE", "password": "long-enough-words", "roles": ["clerk"]}
    assert "taken" in signed_in(alice).post("/settings/people/", form).text
    assert not Membership.objects.filter(user=charlie, organization__slug="hill-street").exists()


def test_roles_change_and_leaving_ends_access_at_once(
    alice: Any, bob: Any, organization: Any, signed_in: Any
) -> None:
    client, bobs = signed_in(alice), signed_in(bob)
    assert bobs.get("/invoices/").status_code == 200
    client.post("/settings/people/", {"action": "roles", "user": bob.pk, "roles": []})
    assert bobs.get("/").status_code == 403


def test_the_last_administrator_stays(alice: Any, bob: Any, organization: Any, signed_in: Any) -> None:
    answer = signed_in(alice).post(
        "/settings/people/", {"action": "roles", "user": alice.pk, "roles": ["clerk"]}, follow=True
    )
    assert "Somebody must stay administrator" in answer.text
    assert alice.memberships.filter(role="administrator").exists()


def test_an_outsiders_roles_are_out_of_reach(
    alice: Any, charlie: Any, organization: Any, signed_in: Any
) -> None:
    form = {"action": "roles", "user": charlie.pk, "roles": ["administrator"]}
    assert signed_in(alice).post("/settings/people/", form).status_code == 404


def test_job_numbers_are_compared_without_separators(alice: Any, organization: Any, signed_in: Any) -> None:
    client = signed_in(alice)
    client.post(
        "/settings/jobs/", {"number": "31-007", "name": "Elm Street", "estimate": "1200.50", "is_open": "on"}
    )
    job = Job.objects.get()
    assert (job.number_key, job.estimate, job.organization) == ("31007", Decimal("1200.50"), organization)
    assert "already" in client.post("/settings/jobs/", {"number": "31 007"}).text
    client.post(
        f"/settings/jobs/?edit={job.pk}", {"number": "31-007", "name": "Elm Street 12", "is_open": ""}
    )
    job.refresh_from_db()
    assert (job.name, job.is_open) == ("Elm Street 12", False)


def test_rows_of_another_organization_can_not_be_edited(
    alice: Any, charlie: Any, organization: Any, signed_in: Any
) -> None:
    vendor = Vendor.objects.create(organization=organization, name="Acme, Inc.", name_key="acme")
    assert signed_in(alice).get(f"/settings/vendors/?edit={vendor.pk}").status_code == 200
    assert signed_in(charlie).get(f"/settings/vendors/?edit={vendor.pk}").status_code == 404
    assert "There is a vendor" in signed_in(alice).post("/settings/vendors/", {"name": "ACME LLC"}).text


def test_lists_ask_the_same_number_of_questions_however_long(
    alice: Any, organization: Any, signed_in: Any
) -> None:
    client = signed_in(alice)

    def questions(page: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page).status_code == 200
        return len(captured)

    Job.objects.create(organization=organization, number="first", number_key="FIRST")
    Vendor.objects.create(organization=organization, name="First", name_key="first")
    before = {page: questions(page) for page in ("/settings/jobs/", "/settings/vendors/")}
    for i in range(30):
        Job.objects.create(organization=organization, number=str(i), number_key=str(i))
        Vendor.objects.create(organization=organization, name=f"V{i}", name_key=f"v{i}")
    assert {page: questions(page) for page in before} == before


def test_saving_settings_never_counts_reference_numbers_back(organization: Any) -> None:
    stale = Organization.objects.get(pk=organization.pk)
    Organization.objects.filter(pk=organization.pk).update(last_reference=1042)
    form = ReadingSettingsForm(reading_form(name="New name"), instance=stale)
    assert form.is_valid()
    form.save()
    organization.refresh_from_db()
    assert (organization.name, organization.last_reference) == ("New name", 1042)


class TestTargetAccuracy:
    def wanted(self, client: Any, percent: str, **more: str) -> str:
        answer = client.post("/settings/", reading_form(target_percent=percent, **more), follow=True)
        assert "Saved" in answer.text
        return str(answer.text)

    def test_the_guarantee_is_shown_field_by_field(
        self, alice: Any, organization: Any, signed_in: Any
    ) -> None:
        checked(organization, alice, [("total", 0.91, True)] * 150 + [("due_date", 1.0, True)] * 40)
        page = self.wanted(signed_in(alice), "98", audit_percent="100")
        organization.refresh_from_db()
        assert organization.target_accuracy == 0.98
        total, due = row(page, "Total"), row(page, "Due date")
        assert "at least 98\u00a0% right" in total
        assert "150" in total
        assert "90.0\u00a0%" in total
        assert "no guarantee yet: 40 of 149 checked values" in due
        held = max(organization.accept_threshold, load_calibration().limit_of("due_date", 0.98))
        assert f"{100 * held:.1f}\u00a0%" in due, "what kept the target on real documents holds meanwhile"
        assert "about 150 documents" in page

        report = signed_in(alice).get("/reports/accuracy/").text
        assert "1 of 13 fields" in report
        assert "Total from 90.0\u00a0%" in report

    def test_without_a_target_the_plain_threshold_holds_as_before(
        self, alice: Any, organization: Any, signed_in: Any
    ) -> None:
        client = signed_in(alice)
        assert 'id="guarantees"' in self.wanted(client, "98")
        page = self.wanted(client, "")
        organization.refresh_from_db()
        assert organization.target_accuracy is None
        assert 'id="guarantees"' not in page

    def test_nobody_is_promised_anything_before_something_was_read(self, alice: Any, signed_in: Any) -> None:
        assert "nothing has been read" in self.wanted(signed_in(alice), "99")
        assert "no guarantee can ever be given" in self.wanted(signed_in(alice), "99", audit_percent="0")

    def test_only_an_administrator_of_the_organization_sets_it(
        self, alice: Any, bob: Any, charlie: Any, organization: Any, other_organization: Any, signed_in: Any
    ) -> None:
        checked(organization, alice, [("total", 0.97, True)] * 150)
        assert signed_in(bob).post("/settings/", reading_form(target_percent="98")).status_code == 403
        assert "nothing has been read" in self.wanted(signed_in(charlie), "97", name="Valley Works")
        organization.refresh_from_db()
        other_organization.refresh_from_db()
        assert (organization.target_accuracy, other_organization.target_accuracy) == (None, 0.97)

    def test_the_database_refuses_a_target_nobody_can_meet(self, organization: Any) -> None:
        organization.target_accuracy = 1.0
        with pytest.raises(IntegrityError, match="organization_target_can_be_met"):
            organization.save()

    def test_the_page_asks_the_same_number_of_questions_however_much_was_checked(
        self, alice: Any, organization: Any, signed_in: Any
    ) -> None:
        client = signed_in(alice)

        def questions() -> int:
            self.wanted(client, "98")
            with CaptureQueriesContext(connection) as captured:
                assert client.get("/settings/").status_code == 200
            return len(captured)

        checked(organization, alice, [("total", 0.97, True)])
        few = questions()
        checked(organization, alice, [(name, 0.97, True) for name in CERTIFIED_FIELDS] * 20)
        assert questions() == few


def row(page: str, label: str) -> str:
    """Return the row of the table of guarantees that starts with a field's label."""
    return next(part for part in page.split("<tr>") if f'<th scope="row">{label}</th>' in part)
