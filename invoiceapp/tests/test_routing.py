"""A second reader beside the first: what it may change, what it may not, and that nothing is lost without it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError
from django.utils.html import escape

from extraction import cascade, registry
from extraction.models import BudgetDay, Certification, Consultation, Reservation
from extraction.services import certification_for, save_prompt
from extraction.tests.pages import INVOICE_LINES, invoice_pdf
from extraction.tests.scripted_server import ScriptedServer, answers, completion, hangs_up, scripted, sleeps
from extraction.tests.test_generative_reading import RIGHT
from invoiceapp import pipeline
from invoiceapp.intake.services import receive
from invoiceapp.records.models import Invoice, Organization
from invoiceapp.work.models import WorkItem
from invoiceapp.work.services import queue_for, wake
from review.models import Item

pytestmark = pytest.mark.django_db
Policy = Organization.ReadingPolicy
# A second name right under the vendor's, without a word of whose it is, leaves layout 90 % sure of either; of the total
# it is 98 % sure, of the numbers 99 %.
SURE = 0.95
PAGE = invoice_pdf(lines=(INVOICE_LINES[0], "Hernandez Builders Inc", *INVOICE_LINES[1:]))
SAME = {**RIGHT, "customer_name": "Hernandez Builders Inc"}


@pytest.fixture
def server(settings: Any, organization: Organization) -> Iterator[ScriptedServer]:
    registry.backend.cache_clear()
    organization.accept_threshold = SURE
    organization.audit_share = 0.0
    organization.reading_policy = Policy.DOUBTFUL
    organization.second_backend = "openai_server"
    organization.save()
    with scripted(answers(completion(json.dumps(SAME), logprob=-0.001))) as running:
        settings.READERS = {
            **settings.READERS,
            "openai_server": {
                **settings.READERS["openai_server"], "url": running.url, "model": "m", "attempts": 1,
            },
        }  # fmt: skip
        yield running
    registry.backend.cache_clear()


@pytest.fixture
def read(organization: Organization, alice: Any, settings: Any) -> Callable[..., Invoice]:
    def read(*, urgent: bool = False, content: bytes | None = None) -> Invoice:
        file = SimpleUploadedFile("invoice.pdf", content or PAGE)
        row = receive(file, organization=organization, user=alice, urgent=urgent)
        assert row.invoice is not None, row.message
        pipeline.process_next(settings.QUEUE_NAME)
        row.invoice.refresh_from_db()
        return row.invoice

    return read


def says(server: ScriptedServer, **changes: Any) -> None:
    answer = {name: value for name, value in {**SAME, **changes}.items() if value is not None}
    server.script[:] = [answers(completion(json.dumps(answer), logprob=-0.001))]


def measured(folder: Path, organization: Organization, **curves: cascade.Curve) -> None:
    """Write what was measured for layout and the server, as extraction.evaluation.agreement does."""
    first, second = (registry.backend(name).version for name in ("layout", "openai_server"))
    found = cascade.Agreement("test-1", cascade.pair_name(first), cascade.pair_name(second), curves)
    folder.joinpath("pair.json").write_text(json.dumps(cascade.as_json(found)))


def values_of(invoice: Invoice) -> dict[str, tuple[str, float]]:
    return {r.field: (r.value, r.confidence) for r in invoice.runs.get().readings.all()}


class TestDoubtfulFields:
    def test_the_second_reader_has_a_say_in_doubtful_fields_alone(
        self, server: ScriptedServer, read: Any, organization: Organization
    ) -> None:
        says(server, total="2,495.50", work_order_number="11111")
        invoice = read()
        run = invoice.runs.get()
        asked = run.consultations.get()
        assert asked.outcome == Consultation.Outcome.ANSWERED
        assert {"vendor_name", "customer_name"} <= set(asked.asked)
        assert not {"total", "work_order_number"} & set(asked.asked)
        assert (asked.reader, asked.purpose) == ("openai_server", "doubtful")
        assert asked.version.startswith("openai_server-")
        assert asked.seconds > 0
        assert asked.agreed >= 2 and asked.differed == 0
        total = run.readings.get(field="total")
        assert (total.value, total.second, total.accepted) == ("2717.60", "", True)

    def test_nobody_is_asked_where_nothing_is_doubtful(
        self, server: ScriptedServer, read: Any, organization: Organization
    ) -> None:
        organization.accept_threshold = 0.5
        organization.save()
        invoice = read()
        assert server.requests == []
        assert not invoice.runs.get().consultations.exists()
        assert invoice.status == Invoice.Status.TO_APPROVE
        assert "&doubtful-openai_server-" in invoice.runs.get().model_version

    def test_where_nothing_was_measured_agreement_lets_nothing_pass(
        self, server: ScriptedServer, read: Any, signed_in: Any, alice: Any, bob: Any, charlie: Any
    ) -> None:
        invoice = read()
        vendor = invoice.runs.get().readings.get(field="vendor_name")
        assert (vendor.reader, vendor.second, vendor.agreed) == ("layout", "openai_server", True)
        assert vendor.confidence < SURE and not vendor.accepted
        item = Item.objects.get(invoice=invoice)
        page = signed_in(alice).get(f"/review/{item.pk}/").text
        assert "openai_server reads the same" in page
        assert signed_in(bob).get(f"/review/{item.pk}/").status_code == 403
        assert signed_in(charlie).get(f"/review/{item.pk}/").status_code == 404

    def test_agreement_that_was_measured_lets_a_value_pass(
        self,
        server: ScriptedServer,
        read: Any,
        organization: Organization,
        settings: Any,
        tmp_path: Path,
        signed_in: Any,
        alice: Any,
    ) -> None:
        settings.AGREEMENTS_DIR = tmp_path
        measured(tmp_path, organization, agree=cascade.Curve(4.5, 0.1, 0.1))
        invoice = read()
        vendor = invoice.runs.get().readings.get(field="vendor_name")
        assert vendor.agreed and vendor.accepted and vendor.confidence >= SURE
        assert vendor.clearance == vendor.confidence
        assert invoice.status == Invoice.Status.TO_APPROVE
        assert not Item.objects.filter(invoice=invoice).exists()
        detail = signed_in(alice).get(f"/invoices/{invoice.pk}/").text
        assert "read by layout; openai_server reads the same" in detail

    def test_what_was_measured_for_another_pair_is_not_used(
        self, server: ScriptedServer, read: Any, organization: Organization, settings: Any, tmp_path: Path
    ) -> None:
        settings.AGREEMENTS_DIR = tmp_path
        settings.READERS["openai_server"]["model"] = "another"
        measured(tmp_path, organization, agree=cascade.Curve(4.5, 0.1, 0.1))
        registry.backend.cache_clear()
        settings.READERS["openai_server"]["model"] = "m"
        assert not read().runs.get().readings.get(field="vendor_name").accepted

    def test_where_they_differ_a_person_sees_both(
        self, server: ScriptedServer, read: Any, signed_in: Any, alice: Any, charlie: Any
    ) -> None:
        says(server, customer_name="Miller & Sons Roofing LLC")
        invoice = read()
        customer = invoice.runs.get().readings.get(field="customer_name")
        assert (customer.value, customer.agreed, customer.accepted) == (
            "Hernandez Builders Inc",
            False,
            False,
        )
        assert customer.alternatives[0]["value"] == "Miller & Sons Roofing LLC"
        assert customer.alternatives[0]["reader"] == "openai_server"
        assert customer.clearance is None  # no threshold decides over it, so it certifies none
        item = Item.objects.get(invoice=invoice)
        assert (
            "layout reads Hernandez Builders Inc, openai_server reads Miller & Sons Roofing LLC"
            in (item.fields["customer_name"])
        )
        page = signed_in(alice).get(f"/review/{item.pk}/").text
        assert "openai_server, " in page
        detail = signed_in(alice).get(f"/invoices/{invoice.pk}/").text
        assert "openai_server was asked about doubtful fields" in detail
        assert "1 differs" in detail
        assert signed_in(charlie).get(f"/invoices/{invoice.pk}/").status_code == 404

    def test_what_is_not_on_the_page_is_never_taken_for_agreement(
        self, server: ScriptedServer, read: Any, organization: Organization, settings: Any, tmp_path: Path
    ) -> None:
        settings.AGREEMENTS_DIR = tmp_path
        measured(tmp_path, organization, agree=cascade.Curve(9.0), differ_second=cascade.Curve(9.0))
        says(server, customer_name="Nobody & Daughters")
        customer = read().runs.get().readings.get(field="customer_name")
        assert not customer.accepted


class TestVerifying:
    @pytest.fixture(autouse=True)
    def verify(self, organization: Organization, server: ScriptedServer) -> None:
        organization.reading_policy = Policy.VERIFY
        organization.accept_threshold = 0.5
        organization.save()

    def test_a_sure_value_that_the_second_reads_differently_goes_to_a_person(
        self, server: ScriptedServer, read: Any, signed_in: Any, alice: Any
    ) -> None:
        says(server, total="2,495.50")
        invoice = read()
        run = invoice.runs.get()
        page = signed_in(alice).get(f"/review/{Item.objects.get(invoice=invoice).pk}/").text
        assert 'title="Read by layout; openai_server reads the same"' in page
        total = run.readings.get(field="total")
        assert (total.value, total.agreed, total.accepted) == ("2717.60", False, False)
        assert total.alternatives[0]["value"] == "2495.50"
        item = Item.objects.get(invoice=invoice)
        assert "layout reads 2,717.60, openai_server reads 2,495.50" in item.fields["total"]
        assert run.readings.get(field="invoice_number").agreed
        asked = run.consultations.get()
        assert asked.differed == 1
        assert asked.said["total"][0] == "2717.60" and asked.said["total"][2] == "2495.50"

    def test_the_likelier_value_is_shown_first_but_never_passes(
        self, server: ScriptedServer, read: Any, organization: Organization, settings: Any, tmp_path: Path
    ) -> None:
        settings.AGREEMENTS_DIR = tmp_path
        measured(
            tmp_path, organization, differ_first=cascade.Curve(-2.0), differ_second=cascade.Curve(2.0)
        )  # fmt: skip
        says(server, customer_name="Miller & Sons Roofing LLC")
        customer = read().runs.get().readings.get(field="customer_name")
        assert (customer.value, customer.reader) == ("Miller & Sons Roofing LLC", "openai_server")
        assert customer.alternatives[0]["reader"] == "layout"
        assert not customer.accepted

    def test_a_likelier_value_that_breaks_the_sums_is_only_offered(
        self, server: ScriptedServer, read: Any, organization: Organization, settings: Any, tmp_path: Path
    ) -> None:
        settings.AGREEMENTS_DIR = tmp_path
        measured(
            tmp_path, organization, differ_first=cascade.Curve(-2.0), differ_second=cascade.Curve(2.0)
        )  # fmt: skip
        says(server, total="2,495.50")
        run = read().runs.get()
        assert run.readings.get(field="total").value == "2717.60"
        assert all(check["passed"] for check in run.checks)

    def test_a_value_that_only_the_second_finds_waits_for_a_person(
        self, server: ScriptedServer, read: Any
    ) -> None:
        says(server, due_date="03/14/2025")
        invoice = read()
        due = invoice.runs.get().readings.get(field="due_date")
        assert (due.value, due.reader, due.second, due.agreed) == (
            "2025-03-14",
            "openai_server",
            "layout",
            None,
        )
        assert not due.accepted
        assert "only openai_server finds it" in Item.objects.get(invoice=invoice).fields["due_date"]

    def test_a_value_that_the_second_does_not_find_is_not_verified(
        self, server: ScriptedServer, read: Any
    ) -> None:
        says(server, invoice_number=None)
        invoice = read()
        number = invoice.runs.get().readings.get(field="invoice_number")
        assert (number.value, number.agreed, number.accepted) == ("MR-20417", None, False)
        assert "openai_server does not find it" in Item.objects.get(invoice=invoice).fields["invoice_number"]

    def test_silence_about_what_the_prompt_leaves_out_says_nothing(
        self, server: ScriptedServer, read: Any, settings: Any
    ) -> None:
        settings.READERS["openai_server"]["fields"] = ("total",)
        server.script[:] = [answers(completion(json.dumps({"total": "2,717.60"}), logprob=-0.001))]
        run = read().runs.get()
        assert run.consultations.get().asked == ["document_type", "total"]
        number = run.readings.get(field="invoice_number")
        assert (number.second, number.accepted) == ("", True)

    def test_a_document_that_the_second_takes_for_a_statement_is_not_paid_unseen(
        self, server: ScriptedServer, read: Any
    ) -> None:
        says(server, document_type="statement")
        invoice = read()
        assert invoice.document_type == "statement"
        assert "statement" in Item.objects.get(invoice=invoice).fields["document_type"]


def _truncated(server: ScriptedServer) -> None:
    server.script[:] = [answers(completion(json.dumps(SAME)[:90]))]


FAILURES = {
    "hangs up": (lambda s: s.script.__setitem__(slice(None), [hangs_up]), "failed", "model server 127.0.0.1"),
    "too many requests": (
        lambda s: s.script.__setitem__(slice(None), [answers({"error": "slow down"}, 429)]),
        "failed",
        "status 429",
    ),
    "internal error": (
        lambda s: s.script.__setitem__(slice(None), [answers({"error": "oops"}, 500)]),
        "failed",
        "status 500",
    ),
    "chatter": (
        lambda s: s.script.__setitem__(slice(None), [answers(completion("I can't read that, sorry."))]),
        "failed",
        "JSON",
    ),
    "cut off": (_truncated, "failed", ""),
    "no completion": (
        lambda s: s.script.__setitem__(slice(None), [answers(b"\xff\x00 not json")]),
        "failed",
        "",
    ),
}


class TestWithoutTheSecondReader:
    @pytest.fixture
    def alone(
        self, server: ScriptedServer, read: Any, organization: Organization
    ) -> dict[str, tuple[str, float]]:
        """What layout reads by itself. Another document of the same words: the same bytes are one document."""
        Organization.objects.filter(pk=organization.pk).update(reading_policy=Policy.ALONE)
        values = values_of(read(content=PAGE + b"\n"))
        Organization.objects.filter(pk=organization.pk).update(reading_policy=Policy.VERIFY)
        return values

    @pytest.mark.parametrize("name", FAILURES)
    def test_the_first_readers_result_stands_as_it_is_with_the_reason(
        self,
        name: str,
        server: ScriptedServer,
        alone: dict[str, tuple[str, float]],
        read: Any,
        signed_in: Any,
        alice: Any,
    ) -> None:
        fail, outcome, words = FAILURES[name]
        fail(server)
        invoice = read()
        run = invoice.runs.get()
        assert values_of(invoice) == alone
        assert run.status == "done"
        assert run.model_version == registry.backend("layout").version
        asked = run.consultations.get()
        assert (asked.outcome, asked.purpose) == (outcome, "verify")
        assert asked.error and words in asked.error
        assert not run.readings.exclude(second="").exists()
        assert WorkItem.objects.get(invoice=invoice).attempts == 1
        assert not Reservation.objects.exists()
        assert escape(asked.error.split(":")[0]) in signed_in(alice).get(f"/invoices/{invoice.pk}/").text

    def test_one_that_is_not_set_up_is_named(
        self, server: ScriptedServer, alone: dict[str, tuple[str, float]], read: Any, settings: Any
    ) -> None:
        settings.READERS["openai_server"]["url"] = ""
        registry.backend.cache_clear()
        invoice = read()
        asked = invoice.runs.get().consultations.get()
        assert asked.outcome == Consultation.Outcome.MISSING
        assert "MODEL_SERVER_URL is not set" in asked.error
        assert values_of(invoice) == alone

    def test_without_a_budget_it_is_not_asked(
        self,
        server: ScriptedServer,
        alone: dict[str, tuple[str, float]],
        read: Any,
        organization: Organization,
    ) -> None:
        Organization.objects.filter(pk=organization.pk).update(daily_seconds=10)
        invoice = read()
        asked = invoice.runs.get().consultations.get()
        assert (asked.outcome, asked.seconds) == (Consultation.Outcome.OVER_BUDGET, 0.0)
        assert "budget" in asked.error
        assert server.requests == []
        assert values_of(invoice) == alone

    def test_a_budget_in_money_without_a_price_lets_nothing_be_asked(
        self,
        server: ScriptedServer,
        alone: dict[str, tuple[str, float]],
        read: Any,
        organization: Organization,
    ) -> None:
        Organization.objects.filter(pk=organization.pk).update(daily_money=Decimal(10))
        asked = read().runs.get().consultations.get()
        assert "nobody stated what openai_server costs" in asked.error
        assert server.requests == []

    def test_one_that_would_take_all_the_time_is_stopped_in_time(
        self, server: ScriptedServer, alone: dict[str, tuple[str, float]], read: Any
    ) -> None:
        """The queue ends a task by an alarm; the second reader must be gone before."""
        server.script[:] = [sleeps(20)]
        before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("the queue's alarm went off"))
        signal.setitimer(signal.ITIMER_REAL, 30)
        try:
            invoice = read()
            assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] < 30
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        asked = invoice.runs.get().consultations.get()
        assert asked.outcome == Consultation.Outcome.LATE
        assert "stopped after" in asked.error
        assert values_of(invoice) == alone

    def test_a_broken_file_of_measurements_is_named(
        self,
        server: ScriptedServer,
        alone: dict[str, tuple[str, float]],
        read: Any,
        settings: Any,
        tmp_path: Path,
    ) -> None:
        settings.AGREEMENTS_DIR = tmp_path
        tmp_path.joinpath("pair.json").write_text('{"version": 1}')
        asked = read().runs.get().consultations.get()
        assert "pair.json" in asked.error and "extraction.evaluation.agreement" in asked.error


class TestUrgent:
    @pytest.fixture(autouse=True)
    def best(self, organization: Organization, server: ScriptedServer) -> None:
        organization.urgent_backend = "openai_server"
        organization.reading_policy = Policy.ALONE
        organization.second_backend = ""
        organization.save()

    def test_an_urgent_document_goes_straight_to_the_reader_named(
        self, server: ScriptedServer, read: Any
    ) -> None:
        run = read(urgent=True).runs.get()
        assert (run.backend, run.status) == ("openai_server", "done")
        assert run.model_version == registry.backend("openai_server").version
        assert len(server.requests) == 1

    def test_the_others_do_not(self, server: ScriptedServer, read: Any) -> None:
        assert read().runs.get().backend == "layout"
        assert server.requests == []

    def test_where_it_is_down_the_usual_reader_reads_at_once(
        self, server: ScriptedServer, read: Any, organization: Organization
    ) -> None:
        organization.reading_policy = Policy.DOUBTFUL
        organization.second_backend = "openai_server"
        organization.save()
        server.script[:] = [answers({"error": "down"}, 503)]
        invoice = read(urgent=True)
        run = invoice.runs.get()
        assert (run.backend, run.status) == ("layout", "done")
        assert str(invoice.total) == "2717.60"
        asked = run.consultations.get()  # and it is not tried a second time for the doubtful fields
        assert (asked.purpose, asked.outcome) == ("instead", "failed")
        assert WorkItem.objects.get(invoice=invoice).attempts == 1
        assert len(server.requests) == 1

    def test_a_usual_reader_without_a_budget_is_replaced_by_the_embedded_one(
        self, server: ScriptedServer, read: Any, organization: Organization
    ) -> None:
        organization.backend, organization.urgent_backend = "openai_server", ""
        organization.daily_seconds = 0
        organization.save()
        run = read().runs.get()
        assert (run.backend, run.status) == ("layout", "done")
        assert run.consultations.get().outcome == Consultation.Outcome.OVER_BUDGET


class TestBooks:
    def test_what_the_second_reader_costs_counts_for_the_run_and_the_budget(
        self, server: ScriptedServer, read: Any, organization: Organization, settings: Any
    ) -> None:
        settings.PRICES = {
            **settings.PRICES,
            "layout": {"hour": Decimal(36)},
            "openai_server": {
                "input_million": Decimal(1), "output_million": Decimal(2), "on_server": True,
            },
        }  # fmt: skip
        counted = {**completion(json.dumps(SAME)), "usage": {"prompt_tokens": 3000, "completion_tokens": 500}}
        server.script[:] = [answers(counted)]
        run = read().runs.get()
        asked = run.consultations.get()
        assert (asked.input_tokens, asked.output_tokens, asked.cost) == (3000, 500, Decimal("0.004"))
        assert (run.input_tokens, run.output_tokens) == (3000, 500)
        own = Decimal(str(run.seconds_total - asked.seconds)) * 36 / 3600
        assert run.cost == pytest.approx(own + asked.cost, abs=Decimal("0.0001"))
        day = BudgetDay.objects.get(organization=organization)
        assert day.money == asked.cost
        # a server is paid while it answers, not while the pages are prepared for it
        assert float(day.seconds) == pytest.approx(asked.seconds_model, abs=0.001)

    def test_a_server_by_the_hour_that_is_down_costs_the_time_it_was_waited_for(
        self, server: ScriptedServer, read: Any, organization: Organization, settings: Any
    ) -> None:
        settings.PRICES = {**settings.PRICES, "openai_server": {"hour": Decimal(36), "on_server": True}}
        server.script[:] = [answers({"error": "down"}, 503)]
        asked = read().runs.get().consultations.get()
        assert asked.outcome == Consultation.Outcome.FAILED
        day = BudgetDay.objects.get(organization=organization)
        assert 0 < day.seconds < 30
        assert day.money == pytest.approx(day.seconds / 100, abs=Decimal("0.0001"))
        assert not Reservation.objects.exists()

    def test_thresholds_of_a_combination_serve_no_reader_alone(
        self, server: ScriptedServer, read: Any, organization: Organization
    ) -> None:
        organization.target_accuracy = 0.9
        organization.save()
        together = read().runs.get()
        server.script[:] = [answers({"error": "down"}, 503)]
        alone = read(content=PAGE + b"\n").runs.get()
        assert together.model_version != alone.model_version
        assert together.backend == alone.backend == "layout"
        rows = [
            Certification.objects.create(
                organization=organization, backend="layout", model_version=run.model_version, target=0.9,
                meanwhile=0.9,
            )
            for run in (together, alone)
        ]  # fmt: skip
        for run, row in zip((together, alone), rows, strict=True):
            assert certification_for(organization, "layout", run.model_version) == row
        Organization.objects.filter(pk=organization.pk).update(reading_policy=Policy.VERIFY)
        server.script[:] = [answers(completion(json.dumps(SAME)))]
        other = read(content=PAGE + b"\n\n").runs.get()
        assert certification_for(organization, "layout", other.model_version) is None

    def test_a_consultation_without_a_say_needs_a_reason(self, server: ScriptedServer, read: Any) -> None:
        run = read().runs.get()
        with pytest.raises(IntegrityError, match="consultation_says_why_not"):
            Consultation.objects.create(run=run, purpose="verify", reader="llama", outcome="failed")


class TestTogether:
    def test_documents_that_one_model_read_together_each_get_their_second_reader(
        self, server: ScriptedServer, organization: Organization, alice: Any, settings: Any
    ) -> None:
        settings.READERS["openai_server"]["concurrent"] = 3
        organization.backend, organization.second_backend = "openai_server", "layout"
        organization.reading_policy = Policy.VERIFY
        organization.save()
        says(server, total="2,495.50")
        for more in (b"", b"\n"):
            file = SimpleUploadedFile("invoice.pdf", PAGE + more)
            receive(file, organization=organization, user=alice, urgent=False)
        assert pipeline.process_next(settings.QUEUE_NAME).count("read in") == 2
        for invoice in Invoice.objects.all():
            run = invoice.runs.get()
            asked = run.consultations.get()
            assert (run.backend, asked.reader, asked.differed) == ("openai_server", "layout", 1)
            assert run.readings.get(field="total").alternatives[0]["value"] == "2717.60"
            assert 0 < asked.seconds < run.seconds_total

    def test_an_organizations_own_prompt_makes_another_pair(
        self, server: ScriptedServer, read: Any, organization: Organization, alice: Any
    ) -> None:
        before = read().runs.get()
        save_prompt(organization, "Read $fields and $lines as $schema, please.", author=alice, based_on=0)
        after = read(content=PAGE + b"\n").runs.get()
        assert before.consultations.get().version != after.consultations.get().version
        assert before.model_version != after.model_version

    def test_one_worker_reads_a_document_with_all_its_readers(
        self, server: ScriptedServer, organization: Organization, settings: Any
    ) -> None:
        settings.READER_QUEUES = {"llama": "gpu"}
        assert queue_for(organization) == settings.QUEUE_NAME
        organization.urgent_backend = "llama"
        assert queue_for(organization) == settings.QUEUE_NAME
        assert queue_for(organization, urgent=True) == "gpu"
        organization.second_backend, organization.urgent_backend = "llama", ""
        assert queue_for(organization) == "gpu"
        organization.reading_policy = Policy.ALONE
        assert queue_for(organization) == settings.QUEUE_NAME

    def test_what_waits_follows_the_second_reader_and_what_is_urgent_its_own(
        self, server: ScriptedServer, organization: Organization, alice: Any, settings: Any
    ) -> None:
        settings.READER_QUEUES = {"llama": "gpu"}
        for more, urgent in ((b"", False), (b"\n", True)):
            file = SimpleUploadedFile("invoice.pdf", PAGE + more)
            receive(file, organization=organization, user=alice, urgent=urgent)

        def queues(**changes: str) -> dict[bool, str]:
            Organization.objects.filter(pk=organization.pk).update(**changes)
            wake()
            return dict(WorkItem.objects.values_list("urgent", "queue"))

        usual = settings.QUEUE_NAME
        assert queues() == {False: usual, True: usual}
        assert queues(urgent_backend="llama") == {False: usual, True: "gpu"}
        assert queues(urgent_backend="", second_backend="llama") == {False: "gpu", True: "gpu"}
        assert queues(reading_policy=Policy.ALONE) == {False: usual, True: usual}
