"""An administrator sets how the organization works."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from invoiceapp.records.models import Job, Membership, Organization, Vendor
from invoiceapp.web.forms import ReadingSettingsForm

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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reading_mode": "times"}, "at least one time"),
        ({"reading_mode": "times", "reading_times": "25:00"}, "is not a time"),
        ({"reading_mode": "nightly", "night_end": "23:00"}, "window is empty"),
        ({"country": "U1"}, "Two letters"),
        ({"accept_percent": "20"}, "greater than or equal to 50"),
    ],
)
def test_what_does_not_fit_is_said_beside_the_field(
    alice: Any, organization: Any, signed_in: Any, changes: dict[str, str], words: str
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
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

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
