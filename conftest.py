"""What every test can ask for: two organizations and the people in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from invoiceapp.records.models import Membership, Organization

pytest_plugins = ["invoiceapp.tests.browser"]

PASSWORD = "correct-horse-battery"
ROLES = tuple(Membership.Role.values)


@pytest.fixture(autouse=True)
def _surroundings_of_a_test(settings: Any, tmp_path: Any) -> None:
    """Uploaded bytes of a test land in its own folder; passwords cost no second of hashing."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "files"), "base_url": None},
        },
    }


@pytest.fixture
def organization(db: None) -> Organization:
    return Organization.objects.create(
        name="Hill Street Builders", slug="hill-street", time_zone="America/Chicago"
    )


@pytest.fixture
def other_organization(db: None) -> Organization:
    return Organization.objects.create(name="Valley Works", slug="valley-works")


@pytest.fixture
def make_user(db: None) -> Callable[..., Any]:
    def make(name: str, organization: Organization, *roles: str) -> Any:
        user = get_user_model().objects.create_user(name, f"{name}@example.com", PASSWORD)
        for role in roles:
            Membership.objects.create(user=user, organization=organization, role=role)
        return user

    return make


@pytest.fixture
def alice(make_user: Any, organization: Organization) -> Any:
    """The owner of what the test is about: holds every role."""
    return make_user("alice", organization, *ROLES)


@pytest.fixture
def bob(make_user: Any, organization: Organization) -> Any:
    """A colleague in the same organization: only uploads, like a subcontractor."""
    return make_user("bob", organization, "uploader")


@pytest.fixture
def charlie(make_user: Any, other_organization: Organization) -> Any:
    """An outsider: holds every role, but in another organization."""
    return make_user("charlie", other_organization, *ROLES)


@pytest.fixture
def signed_in() -> Callable[[Any], Client]:
    def sign_in(user: Any) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database", action="store_true", help="only tests that use the database: for a run on another one"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what would only be the same again on another database."""
    if not config.getoption("--database"):
        return
    uses = [
        item
        for item in items
        if item.get_closest_marker("django_db")
        or {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(uses)])
    items[:] = uses
