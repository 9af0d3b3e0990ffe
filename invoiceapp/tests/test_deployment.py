"""The deployment as it is described: compose's own commands against real servers, the Procfile, S3 and SQS."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import psutil
import pytest
import requests
import yaml
from django.core.management import call_command

from extraction.tests.pages import invoice_pdf
from invoiceapp.tests import servers
from invoiceapp.tests.site import ROOT, descendants, installed, runs_once, wait_for

pytestmark = runs_once
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SECRET_KEY = "the-same-in-every-process-0123456789-abcdefghijklmnopqrstuvwxyz"
AWS = {"ACCESS_KEY": "testing", "SECRET_KEY": "testing", "REGION": "us-east-1"}

DURATION = {"type": "string", "pattern": r"^(\d+(h|m|s|ms))+$"}
COMMAND = {"type": "array", "items": {"type": "string"}, "minItems": 1}
# What the compose specification says of the keys that our file uses; any other key is an error here.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["services"],
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "properties": {
        "volumes": {"type": "object", "additionalProperties": {"type": ["object", "null"]}},
        "services": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["image"],
                "additionalProperties": False,
                "properties": {
                    "image": {"type": "string"},
                    "build": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"context": {"type": "string"}, "dockerfile": {"type": "string"}},
                    },
                    "command": COMMAND,
                    "env_file": {"type": "string"},
                    "profiles": {"type": "array", "items": {"type": "string", "pattern": "^[a-zA-Z0-9]"}},
                    "deploy": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "resources": {
                                "type": "object",
                                "properties": {
                                    "reservations": {
                                        "type": "object",
                                        "additionalProperties": False,
                                        "properties": {
                                            "devices": {
                                                "type": "array",
                                                "items": {
                                                    "type": "object",
                                                    "required": ["capabilities"],
                                                    "additionalProperties": False,
                                                    "properties": {
                                                        "driver": {"type": "string"},
                                                        "count": {"type": "integer"},
                                                        "capabilities": {
                                                            "type": "array",
                                                            "items": {"type": "string"},
                                                        },
                                                    },
                                                },
                                            }
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "environment": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
                    "ports": {"type": "array", "items": {"type": "string", "pattern": r"^\d+:\d+(/udp)?$"}},
                    "volumes": {
                        "type": "array",
                        "items": {"type": "string", "pattern": r"^(\$\{[^}]+\}|[^:]+):/[^:]*(:ro)?$"},
                    },
                    "tmpfs": {"type": "array", "items": {"type": "string"}},
                    "cap_drop": {"type": "array", "items": {"type": "string"}},
                    "security_opt": {"type": "array", "items": {"type": "string"}},
                    "init": {"type": "boolean"},
                    "read_only": {"type": "boolean"},
                    "shm_size": {"type": "string", "pattern": r"^\d+(kb|mb|gb)$"},
                    "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
                    "stop_grace_period": DURATION,
                    "healthcheck": {
                        "type": "object",
                        "required": ["test"],
                        "additionalProperties": False,
                        "properties": {
                            "test": COMMAND,
                            "interval": DURATION,
                            "timeout": DURATION,
                            "retries": {"type": "integer"},
                            "start_period": DURATION,
                        },
                    },
                    "depends_on": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "required": ["condition"],
                            "additionalProperties": False,
                            "properties": {
                                "condition": {
                                    "enum": [
                                        "service_started",
                                        "service_healthy",
                                        "service_completed_successfully",
                                    ]
                                }
                            },
                        },
                    },
                },
            },
        },
    },
}


# --- docker-compose.yml ----------------------------------------------------------------------------


def test_compose_file_fits_the_specification_and_itself() -> None:
    jsonschema.validate(COMPOSE, SCHEMA)
    services = COMPOSE["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{name} waits for the health of {other}"
            if how["condition"] == "service_completed_successfully":
                assert services[other]["restart"] == "no", f"{name} waits for the end of {other}"
        for volume in service.get("volumes", []):
            if volume.startswith("${"):
                continue  # a folder that the user names
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    assert (ROOT / services["web"]["build"]["dockerfile"]).exists()


def test_only_the_proxy_can_be_reached_from_outside_and_the_site_runs_without_rights() -> None:
    services = COMPOSE["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    for name in ("web", "worker", "gpu-worker", "prepare"):
        assert services[name]["image"] == services["web"]["image"]
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["read_only"]
    assert re.search(r"^USER invoices$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)


def test_the_proxy_lets_the_largest_file_pass_and_refuses_larger_ones_by_their_length(settings: Any) -> None:
    caddyfile = (ROOT / "deploy/Caddyfile").read_text()
    (pattern,) = re.findall(r"@large header_regexp Content-Length (\S+)", caddyfile)
    (limit,) = re.findall(r"max_size (\d+)MB", caddyfile)
    form_around_it = 100_000
    assert settings.UPLOAD_MAX_BYTES + form_around_it < int(limit) * 1_000_000
    for length in (0, 17, 999_999, 9_999_999, settings.UPLOAD_MAX_BYTES + form_around_it, 26_999_999):
        assert not re.search(pattern, str(length)), length
    for length in (27_000_000, 29_999_999, 30_000_000, 99_999_999, 100_000_000, 12_345_678_901):
        assert re.search(pattern, str(length)), length


def test_a_stopping_worker_gets_the_time_it_takes(settings: Any) -> None:
    for name in ("worker", "gpu-worker"):
        grace = int(COMPOSE["services"][name]["stop_grace_period"].removesuffix("s"))
        assert grace > settings.DRAIN_SECONDS


def test_the_gpus_worker_starts_only_where_it_is_asked_for() -> None:
    profiles = {name: service.get("profiles", []) for name, service in COMPOSE["services"].items()}
    assert profiles.pop("gpu-worker") == ["gpu"]
    assert not any(profiles.values())
    assert COMPOSE["services"]["gpu-worker"]["command"][2:] == ["worker", "--gpu"]


def test_the_example_environment_names_everything_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    offered = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert asked <= offered


def test_every_variable_that_is_read_is_documented() -> None:
    read: set[str] = set()
    for name in (
        "invoiceapp/settings.py",
        "deploy/gunicorn.conf.py",
        "deploy/Procfile",
        "docker-compose.yml",
    ):
        text = (ROOT / name).read_text()
        read |= set(
            re.findall(
                r'(?:env(?:\.\w+)?|environ\.get|_number|_one_of|_price)\(\s*f?[\'"]([A-Z][A-Z0-9_]+)', text
            )
        )
        read |= set(re.findall(r"\$\{([A-Z][A-Z0-9_]+)", text))
    assert len(read) > 25, "the patterns above have lost track of how variables are read"
    manual, models = ((ROOT / "docs" / name).read_text() for name in ("operations.md", "models.md"))

    def is_documented(name: str) -> bool:
        if f"`{name}`" in manual:
            return True
        # the settings of further readers stand in docs/models.md, without their reader's prefix
        prefix = re.match("DOCTR_|MODEL_SERVER_", name)
        return prefix is not None and (f"`{name}`" in models or f"`{name[prefix.end() :]}`" in models)

    assert [name for name in sorted(read) if not is_documented(name)] == []


@pytest.mark.django_db
def test_static_files_are_collected_once_under_names_that_may_be_kept_for_ever(
    settings: Any, tmp_path: Path, client: Any
) -> None:
    """As the image does; fails if a style sheet or a page names a file that does not exist."""
    settings.STATIC_ROOT = tmp_path
    settings.STATICFILES_DIRS = [ROOT / "static"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    page = client.get("/sign-in/").content.decode()
    named = re.findall(r'(?:href|src)="/static/([^"#?]+)', page)
    assert named, "the page has no style"
    for name in named:
        assert re.search(r"\.[0-9a-f]{12}\.", name), f"{name} has no fingerprint"
        assert (tmp_path / name).is_file()


# --- compose's commands, by hand -------------------------------------------------------------------


def by_hand(service: str, **values: str) -> tuple[list[str], dict[str, str]]:
    """Return command and environment of a compose service as they are outside of a container."""

    def fill(text: str) -> str:
        return re.sub(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}", lambda m: values.get(m[1], m[3] or ""), str(text))

    described = COMPOSE["services"][service]
    variables = {name: fill(value) for name, value in described["environment"].items()}
    return [fill(word) for word in described["command"]], variables


@pytest.mark.slow
def test_an_invoice_goes_through_what_compose_starts(tmp_path: Path) -> None:
    """prepare, web and worker as compose runs them, on PostgreSQL and Valkey: upload over HTTP, then read."""
    site_url, port = "https://invoices.example.com", servers.free_port()
    with ExitStack() as stack:
        database, redis = stack.enter_context(servers.postgresql()), stack.enter_context(servers.valkey())
        variables = by_hand("worker", SITE_URL=site_url, SECRET_KEY=SECRET_KEY, POSTGRES_PASSWORD="x")[1]
        variables |= {
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "PORT": str(port),
            "WEB_HOST": "127.0.0.1",
        }
        variables.pop("VAR_DIR")
        site = stack.enter_context(installed(tmp_path, **variables))
        # Programs of the image are found as in the image; `python` is this one.
        site.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{site.environment['PATH']}"
        stack.enter_context(site.running(*by_hand("web")[0]))
        stack.enter_context(site.running(*by_hand("worker")[0]))
        here = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{here}/healthz"), seconds=30, what="the start of the site")

        browser = requests.Session()
        browser.headers.update(  # as the proxy passes requests on
            {"Host": "invoices.example.com", "X-Forwarded-Proto": "https", "Referer": f"{site_url}/"}
        )

        def keep_cookies() -> None:
            # By themselves secure cookies do not travel over the plain HTTP between proxy and site.
            browser.headers["Cookie"] = "; ".join(
                f"{cookie.name}={cookie.value}" for cookie in browser.cookies
            )

        def send(path: str, files: Any = None, **fields: str) -> None:
            page = browser.get(here + path)
            hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
            assert "csrfmiddlewaretoken" in hidden, f"{path} answered {page.status_code} without a form"
            keep_cookies()
            answer = browser.post(here + path, data={**hidden, **fields}, files=files, allow_redirects=False)
            keep_cookies()
            assert answer.status_code == 302, answer.text[:1000]

        site.ask("person", "clerk", "correct-horse-battery")
        send("/sign-in/", username="clerk", password="correct-horse-battery")
        send("/upload/", files={"files": ("invoice.pdf", invoice_pdf(), "application/pdf")})
        wait_for(lambda: site.ask("account")["work"] == {"done": 1}, seconds=60, what="reading")
        assert site.ask("total") == "2717.60"
        health = [
            word.replace("8000", str(port)) for word in COMPOSE["services"]["web"]["healthcheck"]["test"][1:]
        ]
        for check in (health, COMPOSE["services"]["worker"]["healthcheck"]["test"][1:]):
            done = subprocess.run(
                check, cwd=ROOT, env=site.environment, capture_output=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stderr


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


# --- one small box ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_procfile_starts_everything_and_one_signal_stops_everything(tmp_path: Path, number: int) -> None:
    port = servers.free_port()
    with installed(tmp_path, PORT=str(port), SITE_PYTHON=sys.executable) as site:
        honcho = [sys.executable, "-m", "honcho", "--no-prefix", "start", "-f", "deploy/Procfile"]
        with site.running(*honcho) as manager:
            wait_for(
                lambda: answers(f"http://127.0.0.1:{port}/healthz"), seconds=30, what="the start of the site"
            )
            wait_for(lambda: site.ask("heartbeats"), seconds=30, what="the start of the worker")
            family = descendants(manager.pid)
            assert len(family) > 6
            os.kill(manager.pid, number)
            manager.wait(30)
            _, alive = psutil.wait_procs(family, timeout=15)
            assert alive == []


def test_the_procfile_is_plain_shell() -> None:
    for line in (ROOT / "deploy/Procfile").read_text().splitlines():
        _, command = line.split(": ", 1)
        assert shlex.split(command)


# --- many machines: S3 and SQS ---------------------------------------------------------------------


@pytest.fixture
def endpoint() -> Iterator[str]:
    with servers.aws() as endpoint:
        yield endpoint


@pytest.mark.slow
def test_files_on_s3_and_calls_through_sqs(tmp_path: Path, endpoint: str) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=AWS["REGION"],
        aws_access_key_id=AWS["ACCESS_KEY"],
        aws_secret_access_key=AWS["SECRET_KEY"],
    )
    s3.create_bucket(Bucket="invoices")
    variables = {f"{service}_{name}": value for service in ("S3", "SQS") for name, value in AWS.items()}
    variables |= {"S3_ENDPOINT_URL": endpoint, "SQS_ENDPOINT_URL": endpoint, "S3_BUCKET": "invoices"}
    variables |= {"STORAGE": "s3", "QUEUE_BROKER": "sqs", "SECRET_KEY": SECRET_KEY, "S3_PREFIX": "site"}
    with installed(tmp_path, **variables) as site:
        site.manage("check", "--database=default")
        site.ask("fill", 2)
        with site.worker():
            wait_for(lambda: site.ask("account")["work"] == {"done": 2}, seconds=90, what="reading")
        assert site.ask("total") == "2717.60"

        objects = s3.list_objects_v2(Bucket="invoices")["Contents"]
        originals = [entry["Key"] for entry in objects if "/originals/" in entry["Key"]]
        assert len(originals) == 2
        assert all(key.startswith("site/") for key in originals)
        assert any("/pages/" in entry["Key"] for entry in objects), "the worker's page pictures are there too"
        for entry in objects:
            grants = s3.get_object_acl(Bucket="invoices", Key=entry["Key"])["Grants"]
            assert all("URI" not in grant["Grantee"] for grant in grants), "nobody but the owner may read it"
        address = site.ask("address_of_an_original")
        assert "Signature" in address and re.search(r"Expires=(300|\d{10})", address)
    assert not list((tmp_path / "var").rglob("originals")), "nothing was written beside S3"
