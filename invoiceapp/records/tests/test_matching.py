"""Finding the vendor and the job that a document speaks of."""

from __future__ import annotations

from typing import Any

import pytest

from invoiceapp.records import matching
from invoiceapp.records.models import Job, Vendor

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ACME, Inc.", "acme"),
        ("Acme LLC", "acme"),
        ("O'Brien & Sons, Ltd", "obrien sons"),
        ("Müller Bau GmbH", "muller bau"),
        ("The Company", "the"),
        ("Co", "co"),
        ("!?", ""),
    ],
)
def test_names_are_compared_without_case_accents_and_legal_form(name: str, key: str) -> None:
    assert matching.name_key(name) == key


def test_a_vendor_is_found_despite_small_differences_but_not_by_another_organization(
    organization: Any, other_organization: Any
) -> None:
    vendor = Vendor.objects.create(
        organization=organization, name="Hernandez Drywall LLC", name_key="hernandez drywall"
    )
    for name in ("HERNANDEZ DRYWALL", "Hernández Drywall, L.L.C.", "Hernandez Drywal"):
        assert matching.find_vendor(organization, name) == vendor, name
    assert matching.find_vendor(organization, "Fernando Painting") is None
    assert matching.find_vendor(other_organization, "Hernandez Drywall") is None
    assert matching.is_vendor(organization, "Hernandez Drywall, Inc.")
    assert not matching.is_vendor(organization, "Hernandez Drywal"), "only the very name counts as known"
    assert not matching.is_vendor(organization, "")


def test_a_vendor_is_entered_once(organization: Any) -> None:
    first = matching.remember_vendor(organization, "Bay Rental, Inc.")
    assert matching.remember_vendor(organization, "BAY RENTAL LLC") == first
    assert matching.remember_vendor(organization, " - ") is None
    assert Vendor.objects.count() == 1


def test_a_job_is_found_by_its_number_without_separators(organization: Any, other_organization: Any) -> None:
    job = Job.objects.create(organization=organization, number="31-007", number_key="31007")
    assert matching.find_job(organization, "31 007") == job
    assert matching.find_job(organization, "") is None
    assert matching.find_job(other_organization, "31007") is None


def test_the_customer_on_the_page_is_the_organization() -> None:
    assert matching.is_same_name("Hill Street Builders (demonstration)", "HILL STREET BUILDERS, INC.")
    assert not matching.is_same_name("Hill Street Builders", "Valley Works")
    assert not matching.is_same_name("Hill Street Builders", "")
