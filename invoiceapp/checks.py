"""System checks: settings that start but would not work, each with a hint that says what to set.

`manage.py check` looks at the settings; `manage.py check --deploy --database default`
also knocks at the broker and the storage.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connections
from django_q.brokers import get_broker

from extraction import registry
from invoiceapp.records.models import Organization
from invoiceapp.work import services as work
from invoiceapp.work.models import WorkItem

# SQLite lets one process write at a time; with five readers they wait for each other (docs/operations.md).
MOST_WORKERS_ON_SQLITE = 4
Apps = Sequence[AppConfig] | None
Messages = list[CheckMessage]


@register()
def check_queue_times(app_configs: Apps, **kwargs: Any) -> Messages:
    """Slowest task < timeout < retry, and a stuck task must be killed."""
    queue = settings.Q_CLUSTER
    timeout, retry, cycle = queue["timeout"], queue["retry"], queue["guard_cycle"]
    found: Messages = []
    if timeout < 10:
        found.append(
            checks.Error(
                f"TASK_TIMEOUT is {timeout} seconds; a scanned document may take longer.",
                hint="Set TASK_TIMEOUT to 300, or at least to twice what your slowest document takes.",
                id="invoiceapp.E001",
            )
        )
    if timeout >= retry:
        found.append(
            checks.Error(
                f"The queue calls again after {retry} s, but a task may run for {timeout} s: work would be repeated.",
                hint="Let Q_CLUSTER['retry'] be timeout x (2 + queue_limit / workers) + 60.",
                id="invoiceapp.E002",
            )
        )
    if (timeout + 3) % cycle:
        found.append(
            checks.Error(
                f"TASK_TIMEOUT + 3 ({timeout + 3} s) is no multiple of guard_cycle ({cycle} s): "
                "a stuck task would never be stopped.",
                hint="Use whole seconds for TASK_TIMEOUT and 0.5 for Q_CLUSTER['guard_cycle'].",
                id="invoiceapp.E003",
            )
        )
    if timeout >= settings.WATCHDOG_SECONDS:
        found.append(
            checks.Error(
                f"WATCHDOG_SECONDS is {settings.WATCHDOG_SECONDS}, not more than TASK_TIMEOUT ({timeout}): workers "
                "busy with a long document would be killed.",
                hint=f"Set WATCHDOG_SECONDS to {max(300, timeout + 60)} or leave it out.",
                id="invoiceapp.E004",
            )
        )
    if settings.READ_ATTEMPTS < 1:
        found.append(
            checks.Error(
                f"READ_ATTEMPTS is {settings.READ_ATTEMPTS}: no document would ever be read.",
                hint="Set READ_ATTEMPTS to 3 or leave it out.",
                id="invoiceapp.E005",
            )
        )
    return found


@register()
def check_workers(app_configs: Apps, **kwargs: Any) -> Messages:
    """As many workers as the database and the memory stand."""
    if settings.WORKERS < 1:
        return [
            checks.Error(
                f"WORKERS is {settings.WORKERS}; somebody has to read.",
                hint="Set WORKERS to 1, or to the number of cores that reading may use.",
                id="invoiceapp.E006",
            )
        ]
    if settings.ON_SQLITE and settings.WORKERS > MOST_WORKERS_ON_SQLITE:
        return [
            checks.Warning(
                f"{settings.WORKERS} workers share one SQLite file; they will wait for each other to write.",
                hint="Set WORKERS to 4 or less, or use PostgreSQL: DATABASE_URL=postgresql://user:password@host/name",
                id="invoiceapp.W001",
            )
        ]
    return []


@register()
def check_several_machines(app_configs: Apps, **kwargs: Any) -> Messages:
    """What several machines must share."""
    found: Messages = []
    alone = settings.ON_SQLITE and settings.QUEUE_BROKER == "orm"
    if not alone and not settings.SECRET_KEY_IS_SHARED:
        found.append(
            checks.Error(
                "This looks like several machines, but each would make a SECRET_KEY of its own: workers could not "
                "read the queue's messages and people would be signed out at random.",
                hint="Set SECRET_KEY to the same long random text on every machine.",
                id="invoiceapp.E007",
            )
        )
    if settings.ON_SQLITE and settings.QUEUE_BROKER != "orm":
        found.append(
            checks.Warning(
                f"QUEUE_BROKER is {settings.QUEUE_BROKER}, but the database is a SQLite file, which other machines "
                "can't share.",
                hint="Set DATABASE_URL to a PostgreSQL server, or QUEUE_BROKER to orm.",
                id="invoiceapp.W002",
            )
        )
    return found


@register()
def check_time_zone(app_configs: Apps, **kwargs: Any) -> Messages:
    """The server's own time zone exists; nightly schedules run by it."""
    if _is_time_zone(settings.TIME_ZONE):
        return []
    return [
        checks.Error(
            f"TIME_ZONE is {settings.TIME_ZONE!r}, which this computer does not know.",
            hint="Name it like America/Chicago or Europe/Berlin; the package tzdata brings the list.",
            id="invoiceapp.E008",
        )
    ]


@register()
def check_model_server(app_configs: Apps, **kwargs: Any) -> Messages:
    """A model server's answer must come before the task is interrupted, and its token must not travel in the open."""
    server = settings.READERS["openai_server"]
    found: Messages = []
    if not server["url"]:
        return found
    if server["seconds"] >= settings.TASK_TIMEOUT:
        found.append(
            checks.Warning(
                f"MODEL_SERVER_SECONDS is {server['seconds']}, not less than TASK_TIMEOUT ({settings.TASK_TIMEOUT}): "
                "a slow server's documents would be interrupted without its name in the reason.",
                hint="Set MODEL_SERVER_SECONDS to a third of TASK_TIMEOUT, or raise TASK_TIMEOUT.",
                id="invoiceapp.W005",
            )
        )
    address = urlsplit(server["url"])
    if server["token"] and address.scheme == "http" and _is_public(address.hostname or ""):
        found.append(
            checks.Warning(
                f"MODEL_SERVER_TOKEN and the documents would travel to {address.hostname} unencrypted.",
                hint="Use an https address for MODEL_SERVER_URL.",
                id="invoiceapp.W006",
            )
        )
    return found


@register()
def check_prices(app_configs: Apps, **kwargs: Any) -> Messages:
    """Prices are amounts of one currency, and a model server is paid in one way."""
    found: Messages = []
    if not re.fullmatch("[A-Z]{3}", settings.PRICE_CURRENCY):
        found.append(
            checks.Error(
                f"PRICE_CURRENCY is {settings.PRICE_CURRENCY!r}, which is no currency.",
                hint="Give its three letters, like USD or EUR.",
                id="invoiceapp.E012",
            )
        )
    for variable, price in _stated_prices().items():
        if price < 0:
            found.append(
                checks.Error(
                    f"{variable} is {price}; a price can't be less than nothing.",
                    hint=f"Set {variable} to what it costs, or leave it out: costs are then shown as not stated.",
                    id="invoiceapp.E013",
                )
            )
    server = settings.PRICES["openai_server"]
    tokens = [server["input_million"] > 0, server["output_million"] > 0]
    if server["hour"] > 0 and any(tokens):
        found.append(
            checks.Error(
                "The model server is paid by the hour and by the token: each reading would be counted twice.",
                hint="Set MODEL_SERVER_PRICE_HOUR for a machine of your own, or MODEL_SERVER_PRICE_INPUT and "
                "MODEL_SERVER_PRICE_OUTPUT for a service.",
                id="invoiceapp.E014",
            )
        )
    elif any(tokens) and not all(tokens):
        found.append(
            checks.Warning(
                "Only one of MODEL_SERVER_PRICE_INPUT and MODEL_SERVER_PRICE_OUTPUT is stated: the other tokens would "
                "count as free.",
                hint="State both, each for a million tokens.",
                id="invoiceapp.W010",
            )
        )
    if settings.MODEL_SERVER_MAX_INPUT < 1:
        found.append(
            checks.Error(
                f"MODEL_SERVER_MAX_INPUT is {settings.MODEL_SERVER_MAX_INPUT}: a budget would be kept for questions "
                "that hold nothing.",
                hint="Set it to the most tokens that one question can have, or leave it out (16384).",
                id="invoiceapp.E015",
            )
        )
    return found


def _stated_prices() -> dict[str, Decimal]:
    """Return the prices of the settings by the variables that state them."""
    prices = settings.PRICES
    return {
        "WORKER_PRICE_HOUR": prices["layout"]["hour"],
        "LLAMA_PRICE_HOUR": prices["llama"]["hour"],
        "PIXTRAL_PRICE_HOUR": prices["pixtral"]["hour"],
        "MODEL_SERVER_PRICE_HOUR": prices["openai_server"]["hour"],
        "MODEL_SERVER_PRICE_INPUT": prices["openai_server"]["input_million"],
        "MODEL_SERVER_PRICE_OUTPUT": prices["openai_server"]["output_million"],
    }


@register(Tags.database)
def check_organizations(app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any) -> Messages:
    """Every organization's time zone and reader exist. Warnings: an error would stop the update that brings them."""
    if not databases:
        return []
    try:
        if Organization._meta.db_table not in connections["default"].introspection.table_names():
            return []  # before the first migration
        rows = list(
            Organization.objects.values_list(
                "name", "time_zone", "backend", "reading_policy", "second_backend", "urgent_backend"
            )
        )
    except DatabaseError as error:
        return [
            checks.Error(
                f"The database does not answer: {error}", hint="Look at DATABASE_URL.", id="invoiceapp.E009"
            )
        ]
    found: Messages = []
    for name, time_zone, backend, policy, second, urgent in rows:
        further = {urgent} | ({second} if policy != Organization.ReadingPolicy.ALONE else set())
        found += [
            checks.Warning(
                f"{name} wants {reader!r} to be asked too, which is not set up here: its invoices are read without it.",
                hint="`manage.py models list` says what is missing; or choose another reader on the settings page.",
                id="invoiceapp.W009",
            )
            for reader in sorted(further - {""})
            if reader not in registry.configured()
        ]
        if not _is_time_zone(time_zone):
            found.append(
                checks.Warning(
                    f"{name} has the time zone {time_zone!r}, which this computer does not know.",
                    hint="Correct it on the organization's settings page; until then its clock shows UTC.",
                    id="invoiceapp.W003",
                )
            )
        if backend not in registry.names():
            found.append(
                checks.Warning(
                    f"{name} wants to be read by {backend!r}, which is not one of {', '.join(registry.names())}.",
                    hint="Choose another reader on the organization's settings page.",
                    id="invoiceapp.W004",
                )
            )
        elif backend not in registry.configured():
            found.append(
                checks.Warning(
                    f"{name} wants to be read by {backend!r}, which is not set up here: its invoices would go to "
                    "people unread.",
                    hint="`manage.py models list` says what is missing; or choose another reader on the settings page.",
                    id="invoiceapp.W007",
                )
            )
    return found


@register(Tags.database)
def check_queues_are_served(
    app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any
) -> Messages:
    """Somebody takes what waits. A warning: workers start after this check."""
    if not databases:
        return []
    try:
        if WorkItem._meta.db_table not in connections["default"].introspection.table_names():
            return []  # before the first migration
        queues = work.unserved(WorkItem.objects.all())
    except DatabaseError:
        return []  # check_organizations says so
    return [
        checks.Warning(
            f"{found.waiting} documents wait in the queue {found.queue!r}, the oldest since "
            f"{found.oldest:%Y-%m-%d %H:%M} UTC, and no worker serves it.",
            hint=(
                "Start `manage.py worker --gpu` (compose: --profile gpu) where the GPU is, or take GPU_QUEUE away: the "
                "ordinary workers then read everything."
                if found.queue == settings.GPU_QUEUE
                else "Start `manage.py worker`."
            ),
            id="invoiceapp.W008",
        )
        for found in queues
    ]


@register(Tags.database)
def check_broker(app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any) -> Messages:
    """The broker answers."""
    if not databases or settings.QUEUE_BROKER == "orm":
        return []
    try:
        get_broker(settings.QUEUE_NAME).queue_size()
    except Exception as error:  # noqa: BLE001  each broker's library has errors of its own
        variables = {
            "redis": "REDIS_URL (redis://host:6379/0)",
            "sqs": "SQS_REGION, SQS_ACCESS_KEY, SQS_SECRET_KEY (or the machine's role) and SQS_ENDPOINT_URL",
        }
        return [
            checks.Error(
                f"The queue ({settings.QUEUE_BROKER}) does not answer: {error}",
                hint=f"Look at {variables[settings.QUEUE_BROKER]} and whether this machine can reach it.",
                id="invoiceapp.E010",
            )
        ]
    return []


@register(Tags.database)
def check_storage(app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any) -> Messages:
    """Files can be written, read back and removed."""
    if not databases:
        return []
    content = uuid.uuid4().hex.encode()
    try:
        name = default_storage.save(f"checks/{uuid.uuid4()}", ContentFile(content))
        try:
            with default_storage.open(name) as file:
                same = file.read() == content
        finally:
            default_storage.delete(name)
    except Exception as error:  # noqa: BLE001  each storage's library has errors of its own
        same, reason = False, str(error)
    else:
        reason = "what was written is not what is read back"
    if same:
        return []
    return [
        checks.Error(
            f"Files can't be stored: {reason}",
            hint=(
                "Look at S3_BUCKET, S3_REGION, S3_ENDPOINT_URL, S3_ACCESS_KEY and S3_SECRET_KEY."
                if settings.STORAGE == "s3"
                else "Let the site's user write in FILES_DIR (or in VAR_DIR/files)."
            ),
            id="invoiceapp.E011",
        )
    ]


def _is_public(host: str) -> bool:
    """Whether a host may be beyond one's own network: a public number, or a name with a point that is no local one."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".lan", ".localhost"))


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
