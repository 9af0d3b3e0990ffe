"""An organization that lets a model on a server read: what it says, what it makes up, and what happens when it is down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from extraction import registry
from extraction.tests.pages import invoice_pdf
from extraction.tests.scripted_server import ScriptedServer, answers, completion, scripted
from extraction.tests.test_generative_reading import RIGHT
from invoiceapp import pipeline
from invoiceapp.intake.services import receive
from invoiceapp.records.models import Invoice, Organization
from invoiceapp.work.models import WorkItem
from review.models import Item

pytestmark = pytest.mark.django_db
MADE_UP = {
    **RIGHT,
    "iban": "DE89 3704 0044 0532 0130 00",
    "vendor_phone": "253 555 0100",
    "po_number": "9981",
}


@pytest.fixture
def server(settings: Any, organization: Organization) -> Iterator[ScriptedServer]:
    registry.backend.cache_clear()
    organization.backend = "openai_server"
    organization.accept_threshold = 0.5  # as low as an administrator may go
    organization.save()
    with scripted(answers(completion(json.dumps(MADE_UP), logprob=-0.001))) as running:
        settings.READERS = {
            **settings.READERS,
            "openai_server": {
                **settings.READERS["openai_server"],
                "url": running.url,
                "model": "m",
                "attempts": 1,
                "token": "sk-not-to-be-seen",
            },
        }
        yield running
    registry.backend.cache_clear()


@pytest.fixture
def invoice(organization: Organization, alice: Any) -> Invoice:
    file = SimpleUploadedFile("invoice.pdf", invoice_pdf())
    row = receive(file, organization=organization, user=alice, urgent=False)
    assert row.invoice is not None
    return row.invoice


def test_what_is_on_the_page_may_pass_and_what_is_made_up_never_does(
    server: ScriptedServer, invoice: Invoice, settings: Any, alice: Any, charlie: Any, signed_in: Any
) -> None:
    pipeline.process_next(settings.QUEUE_NAME)
    run = invoice.runs.get()
    assert run.status == "done"
    assert (run.backend, run.model_version.split("-")[0]) == ("openai_server", "openai_server")
    accepted = dict(run.readings.values_list("field", "accepted"))
    assert accepted["total"] and accepted["invoice_number"]
    made_up = {"iban", "vendor_phone", "po_number"}
    assert not any(accepted[name] for name in made_up)
    assert not run.readings.filter(field__in=made_up, clearance__isnull=False).exists()
    item = Item.objects.get(invoice=invoice)
    assert made_up <= item.fields.keys()
    # also a field that the form does not show otherwise is put before the clerk, with the reason
    page = signed_in(alice).get(f"/review/{item.pk}/").text
    assert "DE89 3704 0044 0532 0130 00" in page
    assert "not among the words recognised on the page" in page
    assert signed_in(charlie).get(f"/review/{item.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ({"input_million": Decimal("0.15"), "output_million": Decimal("0.60")}, Decimal("0.000750")),
        ({"input_million": Decimal(0), "output_million": Decimal(0)}, None),
    ],
)
def test_what_a_reading_took_and_cost_is_kept_with_it(
    server: ScriptedServer, invoice: Invoice, settings: Any, price: dict[str, Any], expected: Decimal | None
) -> None:
    settings.PRICES = {
        **settings.PRICES,
        "openai_server": {"hour": Decimal(0), "on_server": True, **price},
    }
    settings.PRICE_CURRENCY = "EUR"
    usage = {"prompt_tokens": 3000, "completion_tokens": 500}
    server.script[:] = [answers(completion(json.dumps(RIGHT), usage=usage))]
    pipeline.process_next(settings.QUEUE_NAME)
    run = invoice.runs.get()
    assert (run.input_tokens, run.output_tokens) == (3000, 500)
    assert run.seconds_model is not None and run.seconds_total is not None
    assert 0 < run.seconds_model < run.seconds_total
    assert (run.cost, run.cost_currency) == (expected, "EUR")


def test_the_embedded_reader_costs_its_workers_time(
    invoice: Invoice, organization: Organization, settings: Any
) -> None:
    assert organization.backend == "layout"
    settings.PRICES = {**settings.PRICES, "layout": {"hour": Decimal("3600")}}
    pipeline.process_next(settings.QUEUE_NAME)
    run = invoice.runs.get()
    assert run.seconds_total is not None
    assert run.cost == Decimal(str(run.seconds_total)).quantize(Decimal("0.000001"))
    assert (run.input_tokens, run.output_tokens, run.seconds_model) == (0, 0, 0)


def test_a_server_that_is_down_is_tried_again_and_then_a_person_gets_the_reason(
    server: ScriptedServer, invoice: Invoice, settings: Any
) -> None:
    server.script[:] = [answers({"error": "overloaded, sk-not-to-be-seen"}, 503)]
    settings.READ_ATTEMPTS = 2
    pipeline.process_next(settings.QUEUE_NAME)
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.WAITING
    WorkItem.objects.filter(invoice=invoice).update(due=timezone.now())
    pipeline.process_next(settings.QUEUE_NAME)
    item = Item.objects.get(invoice=invoice)
    assert item.reason == Item.Reason.UNREADABLE
    assert "The model server 127.0.0.1" in item.explanation
    assert "status 503: overloaded, ***" in item.explanation


def test_a_reader_that_is_set_up_no_longer_says_which_setting_is_missing(
    server: ScriptedServer, invoice: Invoice, settings: Any
) -> None:
    settings.READERS["openai_server"]["url"] = ""
    settings.READ_ATTEMPTS = 1
    pipeline.process_next(settings.QUEUE_NAME)
    assert "MODEL_SERVER_URL is not set" in Item.objects.get(invoice=invoice).explanation
