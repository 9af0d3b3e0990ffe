"""Settings that would start and then not work are named before the start, with what to set instead."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from invoiceapp import checks
from invoiceapp.records.models import Organization
from invoiceapp.tests.servers import environment, free_port
from invoiceapp.work import services as work
from invoiceapp.work.models import WorkItem
from review.tests import factories

ROOT = Path(__file__).resolve().parents[2]


def ids(messages: list[Any]) -> list[str]:
    assert all(message.hint for message in messages), "every complaint says what to do"
    return [message.id.removeprefix("invoiceapp.") for message in messages]


def manage(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py as somebody would who has set just these variables."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(VAR_DIR=str(tmp_path / "var"), **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_defaults_are_sound(settings: Any) -> None:
    settings.SECRET_KEY_IS_SHARED = True  # which is asked for as soon as the database is a server
    for check in (
        checks.check_queue_times,
        checks.check_workers,
        checks.check_several_machines,
        checks.check_time_zone,
        checks.check_model_server,
        checks.check_prices,
    ):
        assert check(None) == []


@pytest.mark.parametrize(
    ("server", "complaints"),
    [
        ({}, []),
        ({"url": "http://vllm:8000/v1", "token": "t"}, []),
        ({"url": "http://192.168.1.7:8000/v1", "token": "t"}, []),
        ({"url": "https://models.example.com/v1", "token": "t"}, []),
        ({"url": "http://models.example.com/v1", "token": "t"}, ["W006"]),
        ({"url": "http://8.8.8.8/v1", "token": "t"}, ["W006"]),
        ({"url": "http://localhost:8000/v1", "seconds": 300}, ["W005"]),
    ],
)
def test_a_model_server_is_waited_for_in_time_and_gets_its_token_in_private(
    settings: Any, server: dict[str, Any], complaints: list[str]
) -> None:
    settings.READERS = {**settings.READERS, "openai_server": {**settings.READERS["openai_server"], **server}}
    assert ids(checks.check_model_server(None)) == complaints


@pytest.mark.parametrize(
    ("reader", "price", "complaints"),
    [
        ("layout", {"hour": "-0.10"}, ["E013"]),
        ("llama", {"hour": "2.50"}, []),
        ("openai_server", {"hour": "2.50"}, []),
        ("openai_server", {"input_million": "0.15", "output_million": "0.60"}, []),
        ("openai_server", {"hour": "2.50", "input_million": "0.15", "output_million": "0.60"}, ["E014"]),
        ("openai_server", {"output_million": "0.60"}, ["W010"]),
        ("openai_server", {"input_million": "-1", "output_million": "0.60"}, ["E013", "W010"]),
    ],
)
def test_prices_are_amounts_and_a_server_is_paid_in_one_way(
    settings: Any, reader: str, price: dict[str, str], complaints: list[str]
) -> None:
    stated = {**settings.PRICES[reader], **{name: Decimal(text) for name, text in price.items()}}
    settings.PRICES = {**settings.PRICES, reader: stated}
    assert ids(checks.check_prices(None)) == complaints


def test_the_currency_of_prices_and_the_length_of_a_question_make_sense(settings: Any) -> None:
    assert checks.check_prices(None) == []
    settings.PRICE_CURRENCY, settings.MODEL_SERVER_MAX_INPUT = "dollars", 0
    assert ids(checks.check_prices(None)) == ["E012", "E015"]


@pytest.mark.parametrize("price", ["a lot", "1,20", "NaN"])
def test_a_price_that_is_no_number_stops_the_start_with_its_name(tmp_path: Path, price: str) -> None:
    done = manage(tmp_path, "check", LLAMA_PRICE_HOUR=price)
    assert done.returncode != 0
    assert f"LLAMA_PRICE_HOUR is {price!r}; it must be a number with a point, like 2.50." in done.stderr


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"timeout": 5}, "E001"),
        ({"retry": 300}, "E002"),
        ({"guard_cycle": 0.7}, "E003"),
    ],
)
def test_times_of_the_queue_that_repeat_or_never_stop_work(
    settings: Any, changes: dict[str, Any], complaint: str
) -> None:
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, **changes}
    assert ids(checks.check_queue_times(None)) == [complaint]


@pytest.mark.parametrize(
    ("check", "name", "value", "complaint"),
    [
        (checks.check_queue_times, "WATCHDOG_SECONDS", 300, "E004"),
        (checks.check_queue_times, "READ_ATTEMPTS", 0, "E005"),
        (checks.check_workers, "WORKERS", 0, "E006"),
        (checks.check_time_zone, "TIME_ZONE", "Mars/Olympus", "E008"),
        (checks.check_time_zone, "TIME_ZONE", "../zoneinfo", "E008"),
    ],
)
def test_values_that_make_no_sense(settings: Any, check: Any, name: str, value: Any, complaint: str) -> None:
    setattr(settings, name, value)
    assert ids(check(None)) == [complaint]


def test_many_workers_on_one_file_and_machines_without_a_common_secret(settings: Any) -> None:
    settings.ON_SQLITE, settings.QUEUE_BROKER, settings.SECRET_KEY_IS_SHARED = True, "orm", False
    settings.WORKERS = 5
    assert ids(checks.check_workers(None)) == ["W001"]
    settings.QUEUE_BROKER = "redis"
    assert ids(checks.check_several_machines(None)) == ["E007", "W002"]
    settings.ON_SQLITE, settings.SECRET_KEY_IS_SHARED = False, True
    assert checks.check_several_machines(None) == checks.check_workers(None) == []


@pytest.mark.django_db
def test_organizations_with_an_unknown_clock_or_reader_are_named(organization: Organization) -> None:
    assert checks.check_organizations(None, databases=["default"]) == []
    organization.time_zone, organization.backend = "US/Nowhere", "crystal-ball"
    organization.save()
    found = checks.check_organizations(None, databases=["default"])
    assert ids(found) == ["W003", "W004"]
    assert organization.name in found[0].msg
    organization.time_zone, organization.backend = "UTC", "pixtral"  # known, but nobody has set it up
    organization.save()
    assert ids(checks.check_organizations(None, databases=["default"])) == ["W007"]
    organization.backend, organization.second_backend, organization.urgent_backend = (
        "layout",
        "llama",
        "pixtral",
    )
    organization.save()  # no policy asks the second one
    (found,) = checks.check_organizations(None, databases=["default"])
    assert (found.id, "'pixtral'" in found.msg) == ("invoiceapp.W009", True)


@pytest.mark.django_db
def test_a_queue_that_nobody_serves_is_named(organization: Organization, alice: Any, settings: Any) -> None:
    settings.GPU_QUEUE = "gpu"
    now = timezone.now()
    for queue, minutes in (("gpu", 9), ("gpu", 7), ("gpu", 1), ("invoices", 9)):
        WorkItem.objects.create(
            organization=organization,
            invoice=factories.make_invoice(organization, alice, pages=0),
            queue=queue,
            due=now - timedelta(minutes=minutes),
        )
    work.beat("invoices")
    (found,) = checks.check_queues_are_served(None, databases=["default"])
    assert ids([found]) == ["W008"]
    assert "2 documents wait in the queue 'gpu'" in found.msg
    assert "worker --gpu" in found.hint
    work.beat("gpu")
    assert [row.queue for row in work.unserved(WorkItem.objects.all(), now)] == ["invoices"], (
        "one cluster, one queue"
    )


def test_a_storage_that_takes_nothing(settings: Any, tmp_path: Path) -> None:
    assert checks.check_storage(None, databases=["default"]) == []
    assert default_storage.listdir("checks") == ([], []), "the check leaves nothing behind"
    blocked = tmp_path / "a file"
    blocked.write_text("where a folder should be")
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(blocked)},
        },
    }
    assert ids(checks.check_storage(None, databases=["default"])) == ["E011"]


def test_a_broker_that_does_not_answer_stops_the_start_with_the_variable_to_look_at(tmp_path: Path) -> None:
    done = manage(
        tmp_path,
        "prepare",
        QUEUE_BROKER="redis",
        REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
        SECRET_KEY="the-same-on-every-machine-0123456789-abcdefghijklmnop",
    )
    assert done.returncode == 1
    assert "E010" in done.stderr
    assert "REDIS_URL" in done.stderr


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"QUEUE_BROKER": "rabbitmq"}, "QUEUE_BROKER"),
        ({"QUEUE_BROKER": "redis"}, "REDIS_URL"),
        ({"QUEUE_BROKER": "sqs"}, "SQS_REGION"),
        ({"STORAGE": "s3"}, "S3_BUCKET"),
        ({"SITE_URL": "invoices.example.com"}, "SITE_URL"),
        ({"WORKERS": "many"}, "WORKERS"),
        ({"GPU_QUEUE": "invoices"}, "GPU_QUEUE"),
    ],
)
def test_what_is_missing_or_malformed_is_named(tmp_path: Path, variables: dict[str, str], named: str) -> None:
    done = manage(tmp_path, "check", **variables)
    assert done.returncode != 0
    assert named in done.stderr.splitlines()[-1]


def test_a_public_site_passes_the_deployment_checks(tmp_path: Path) -> None:
    done = manage(
        tmp_path,
        "check",
        "--deploy",
        "--fail-level=WARNING",
        SITE_URL="https://invoices.example.com",
        SECRET_KEY="x7Gq" * 16 + "unlike-any-other-0123456789",
        BEHIND_PROXY="true",
    )
    assert done.returncode == 0, done.stderr
