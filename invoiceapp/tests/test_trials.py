"""A challenger on trial: what it reads in shadow touches nothing, and its share of the documents stays the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from extraction import registry, trials
from extraction.models import BudgetDay, Consultation, FieldReading, Run, ShadowReading, Trial, VendorMemory
from extraction.services import abandon_runs, keep_shadow, read_in_shadow, start_shadow
from extraction.tests.pages import invoice_pdf
from extraction.tests.scripted_server import ScriptedServer, answers, completion, hangs_up, scripted
from extraction.tests.test_generative_reading import RIGHT
from invoiceapp import pipeline
from invoiceapp.intake.services import receive
from invoiceapp.records import invoices
from invoiceapp.records.models import Event, Invoice, InvoiceValue, LineItem, Organization
from invoiceapp.reports import costs, operations
from invoiceapp.reports import trials as reports
from invoiceapp.reports.accuracy import Accuracy, Filters
from invoiceapp.work.models import WorkItem
from review import certification, services, teaching
from review.models import Item

pytestmark = pytest.mark.django_db
Status = ShadowReading.Status
OTHERS = {**RIGHT, "total": "999.99", "vendor_name": "Someone Else", "invoice_number": "0000"}


@pytest.fixture
def server(settings: Any, organization: Organization) -> Iterator[ScriptedServer]:
    """A model server whose answers differ from what is on the page, ready as challenger."""
    registry.backend.cache_clear()
    organization.audit_share = 0.0
    organization.save()
    with scripted(answers(completion(json.dumps(OTHERS), logprob=-0.001))) as running:
        settings.READERS = {
            **settings.READERS,
            "openai_server": {
                **settings.READERS["openai_server"], "url": running.url, "model": "m", "attempts": 1,
            },
        }  # fmt: skip
        yield running
    registry.backend.cache_clear()


@pytest.fixture
def trial(server: ScriptedServer, organization: Organization, alice: Any) -> Trial:
    return trials.start(organization, challenger="openai_server", kind="shadow", share=1.0, user=alice)


@pytest.fixture
def upload(organization: Organization, alice: Any) -> Callable[..., Invoice]:
    def upload(name: str = "0009-4521", *, urgent: bool = False) -> Invoice:
        file = SimpleUploadedFile("invoice.pdf", invoice_pdf() + f"\n% {name}".encode())
        row = receive(file, organization=organization, user=alice, urgent=urgent)
        assert row.invoice is not None, row.message
        return row.invoice

    return upload


def work_once(settings: Any) -> str:
    return pipeline.process_next(settings.QUEUE_NAME)


def everything(invoice: Invoice) -> dict[str, Any]:
    """Return all that an invoice is to people and to the machinery that learns from it."""
    tables = {
        model: list(model.objects.order_by("pk").values())
        for model in (Invoice, InvoiceValue, LineItem, Event, Item, WorkItem, VendorMemory, Run, Consultation)
    }
    pages = list(invoice.document.pages.order_by("number").values())
    files = {
        name: default_storage.open(name).read() for page in pages for name in (page["picture"], page["words"])
    }
    return {"tables": tables, "pages": pages, "files": files}


class TestInShadow:
    def test_nothing_of_it_touches_the_invoice(
        self, trial: Trial, server: ScriptedServer, upload: Any, settings: Any
    ) -> None:
        invoice = upload()
        assert "read in" in work_once(settings)
        before = everything(invoice)
        assert server.requests == []
        assert "in shadow, attempt 1: read in shadow" in work_once(settings)
        assert everything(invoice) == before
        shadow = ShadowReading.objects.get()
        assert (shadow.status, shadow.primary) == (Status.DONE, invoice.runs.get())
        assert shadow.run is not None
        assert (shadow.run.role, shadow.run.backend, shadow.run.trial) == ("shadow", "openai_server", trial)
        assert shadow.run.readings.get(field="total").value == "999.99"
        assert shadow.run.seconds_total and shadow.run.finished
        assert work_once(settings) == "nothing is waiting"

    def test_no_page_or_figure_knows_of_it(
        self,
        trial: Trial,
        organization: Organization,
        upload: Any,
        settings: Any,
        signed_in: Any,
        alice: Any,
        bob: Any,
        charlie: Any,
    ) -> None:
        organization.target_accuracy = 0.9
        organization.save()
        settings.PRICES = {"openai_server": {"hour": Decimal("3.6")}}
        invoice = upload()
        work_once(settings)

        def figures() -> list[Any]:
            seen = Accuracy(alice, organization, Filters())
            report, planned = seen.report(), StringIO()
            call_command("plan", per_day=100, stdout=planned)
            queue = operations.queue(alice, organization)
            return [
                seen.runs().count(),
                seen.attempts().count(),
                [(row.label, row.tally) for row in report.fields + report.versions],
                report.documents,
                seen.choices(),
                [(speed.backend, speed.documents) for speed in operations.speeds(alice, organization)],
                (queue.due_now, queue.running, queue.done_today, queue.tries_failed_today),
                certification.current_version(organization),
                planned.getvalue(),
                [cost for cost in costs.by_reader(seen) if not cost.shadow],
            ]

        client = signed_in(alice)
        pages = [f"/invoices/{invoice.pk}/", "/invoices/", f"/api/v1/invoices/{invoice.pk}/", "/approve/"]
        before = figures()
        assert "in shadow" in work_once(settings)
        assert Run.every.filter(role="shadow", status="done", readings__isnull=False).exists()
        for status in ("done", "failed"):
            # the newest of all runs: whoever takes it for one of the invoice's shows or counts it
            Run.every.filter(role="shadow").update(status=status, error="hidden trouble")
            assert figures() == before
            for page in pages:
                answer = client.get(page)
                assert answer.status_code == 200, page
                text = answer.content.decode()
                assert not [said for said in ("openai_server", "hidden trouble", "999.99") if said in text], (
                    page
                )
        assert signed_in(charlie).get(pages[0]).status_code == 404

    def test_its_costs_are_named_as_shadow(
        self, trial: Trial, organization: Organization, upload: Any, settings: Any, alice: Any
    ) -> None:
        settings.PRICES = {"openai_server": {"hour": Decimal("3600"), "on_server": True}}
        upload()
        work_once(settings)
        work_once(settings)
        found = {cost.label: cost for cost in costs.by_reader(Accuracy(alice, organization, Filters()))}
        assert set(found) == {"layout", "openai_server, in shadow"}
        assert found["openai_server, in shadow"].readings == 1
        assert found["openai_server, in shadow"].money[0].total > 0
        assert ["shadow" in row for row in costs.cells(found.values())].count(True) == 1

    def test_the_memory_and_the_thresholds_learn_from_the_invoices_own_reading(
        self, trial: Trial, organization: Organization, upload: Any, settings: Any, alice: Any
    ) -> None:
        organization.audit_share, organization.target_accuracy = 1.0, 0.9
        organization.save()
        invoice = upload()
        work_once(settings)
        work_once(settings)
        item = Item.objects.get(invoice=invoice)
        own = invoice.runs.get()
        assert item.run == own
        held = {name: row.value for name, row in invoices.current_values(invoice).items() if row.value}
        services.claim(item, alice)
        services.settle(item, user=alice, entries={n: services.Entry(v) for n, v in held.items()})
        Item.objects.update(settled_at=timezone.now() - timedelta(hours=1))
        assert teaching.teach() == 1
        assert all("openai" not in json.dumps(row.fields) for row in VendorMemory.objects.all())
        assert certification.current_version(organization) == own.model_version
        labels = certification.labels(organization, own.model_version)
        assert labels and all(label.right for label in labels)
        assert certification.labels(organization, Run.every.get(role="shadow").model_version) == []
        # and the trial's report holds both to what was settled
        found = reports.report(trial)
        total = next(row for row in found.fields if row.key == "total")
        assert (total.checked, total.wins, total.losses) == (1, 0, 1)
        assert (found.documents, found.wins, found.losses, found.verdict) == (1, 0, 1, "undecided")
        assert found.challenger.seconds_per_document

    def test_whoever_looks_for_the_last_run_of_an_invoice_finds_its_own(
        self, trial: Trial, upload: Any, settings: Any, alice: Any
    ) -> None:
        invoice = upload()
        work_once(settings)
        own = invoice.runs.get()
        shadow = trials.claim(settings.QUEUE_NAME)
        assert shadow is not None
        run = start_shadow(shadow)
        abandon_runs(invoice, error="The worker stopped.")
        run.refresh_from_db()
        assert run.status == Run.Status.STARTED
        assert services.route_unread(Invoice.objects.get(pk=invoice.pk), "It can't be read.").run == own
        Item.objects.all().delete()
        Run.every.filter(pk=run.pk).update(status=Run.Status.DONE, finished=timezone.now())
        Invoice.objects.filter(pk=invoice.pk).update(status=Invoice.Status.TO_APPROVE)
        sent_back = services.return_to_review(
            Invoice.objects.get(pk=invoice.pk), user=alice, reason="The vendor is wrong."
        )
        assert sent_back.run == own

    def test_invoices_always_come_first(
        self, trial: Trial, server: ScriptedServer, upload: Any, settings: Any
    ) -> None:
        upload("one")
        work_once(settings)
        upload("two")
        upload("three", urgent=True)
        assert ["in shadow" in work_once(settings) for _ in range(5)] == [False, False, True, True, True]
        assert WorkItem.objects.filter(status="done").count() == 3

    def test_only_one_worker_of_a_queue_reads_in_shadow(
        self, trial: Trial, upload: Any, settings: Any
    ) -> None:
        for name in ("one", "two"):
            upload(name)
        work_once(settings)
        work_once(settings)
        assert trials.claim(settings.QUEUE_NAME) is not None
        assert trials.claim(settings.QUEUE_NAME) is None
        waiting = ShadowReading.objects.get(status=Status.WAITING)
        with pytest.raises(IntegrityError), transaction.atomic():
            ShadowReading.objects.filter(pk=waiting.pk).update(
                status=Status.RUNNING, token=waiting.invoice_id, lease_until=timezone.now()
            )

    def test_a_worker_that_dies_is_followed_by_another_and_its_late_result_is_discarded(
        self, trial: Trial, upload: Any, settings: Any
    ) -> None:
        upload()
        work_once(settings)
        lost = trials.claim(settings.QUEUE_NAME)
        assert lost is not None
        run = start_shadow(lost)
        reading = read_in_shadow(run)
        ShadowReading.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert "attempt 2: read in shadow" in work_once(settings)
        assert not keep_shadow(lost, run, reading)
        assert Run.every.filter(role="shadow", status="done").count() == 1
        assert FieldReading.objects.filter(run=run).count() == 0

    def test_what_kills_its_worker_every_time_is_given_up(
        self, trial: Trial, upload: Any, settings: Any
    ) -> None:
        invoice = upload()
        work_once(settings)
        status = Invoice.objects.get(pk=invoice.pk).status
        for _ in range(settings.READ_ATTEMPTS):
            shadow = trials.claim(settings.QUEUE_NAME)
            assert shadow is not None
            start_shadow(shadow)
            ShadowReading.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        pipeline.sweep()
        found = ShadowReading.objects.get()
        assert (found.status, found.attempts) == (Status.DEAD, settings.READ_ATTEMPTS)
        assert "stopped every time" in found.reason
        assert set(Run.every.filter(role="shadow").values_list("status", flat=True)) == {"failed"}
        assert Invoice.objects.get(pk=invoice.pk).status == status

    def test_a_challenger_that_is_down_is_asked_again_later_then_no_more(
        self, trial: Trial, server: ScriptedServer, upload: Any, settings: Any
    ) -> None:
        server.script[:] = [hangs_up]
        invoice = upload()
        work_once(settings)
        before = everything(invoice)
        for attempt in range(1, settings.READ_ATTEMPTS + 1):
            assert f"attempt {attempt}:" in work_once(settings)
            assert work_once(settings) == "nothing is waiting"
            ShadowReading.objects.update(due=timezone.now())
        shadow = ShadowReading.objects.get()
        assert shadow.status == Status.DEAD and shadow.reason
        assert everything(invoice) == before

    def test_without_budget_it_is_not_asked(
        self, trial: Trial, server: ScriptedServer, organization: Organization, upload: Any, settings: Any
    ) -> None:
        organization.daily_seconds = 1
        organization.save()
        upload()
        work_once(settings)
        assert "does not have what it may need" in work_once(settings)
        shadow = ShadowReading.objects.get()
        assert shadow.status == Status.SKIPPED and "budget" in shadow.reason
        assert server.requests == []
        assert BudgetDay.objects.get().seconds == 0

    @pytest.mark.parametrize("own_reader_is_dear", [True, False])
    def test_half_of_the_budget_is_kept_for_readers_that_invoices_need(
        self,
        own_reader_is_dear: bool,
        trial: Trial,
        organization: Organization,
        upload: Any,
        settings: Any,
    ) -> None:
        from extraction import budget

        needed = budget.estimate("openai_server", 1)[1]
        organization.daily_seconds = int(needed * 1.5)
        organization.urgent_backend = "openai_server" if own_reader_is_dear else ""
        organization.save()
        upload()
        work_once(settings)
        work_once(settings)
        assert ShadowReading.objects.get().status == (Status.SKIPPED if own_reader_is_dear else Status.DONE)

    def test_what_a_person_has_answered_is_not_read_any_more(
        self, trial: Trial, server: ScriptedServer, upload: Any, settings: Any, alice: Any
    ) -> None:
        first, second = upload("one"), upload("two")
        work_once(settings)
        work_once(settings)
        invoices.accept_value(
            Invoice.objects.get(pk=first.pk), "total", "1.00", origin=invoices.Origin(user=alice)
        )
        Item.objects.filter(invoice=second).update(status="withdrawn")
        invoices.reject(Invoice.objects.get(pk=second.pk), user=alice, reason="Not ours.")
        assert work_once(settings) == "nothing is waiting"
        assert set(ShadowReading.objects.values_list("status", "reason")) == {
            (Status.SKIPPED, "A person answered before its turn."),
            (Status.SKIPPED, "The invoice was rejected before its turn."),
        }
        assert server.requests == []

    def test_an_office_that_reads_by_night_is_not_read_for_by_day(
        self, trial: Trial, organization: Organization, upload: Any, settings: Any
    ) -> None:
        upload(urgent=True)
        work_once(settings)
        organization.reading_mode = "nightly"
        organization.night_start = (timezone.now() + timedelta(hours=3)).time()
        organization.night_end = (timezone.now() + timedelta(hours=6)).time()
        organization.time_zone = "UTC"
        organization.save()
        assert work_once(settings) == "nothing is waiting"
        assert ShadowReading.objects.get().due > timezone.now() + timedelta(hours=2)

    def test_read_again_it_is_compared_with_its_first_reading(
        self, trial: Trial, upload: Any, settings: Any, alice: Any
    ) -> None:
        invoice = upload()
        work_once(settings)
        first = invoice.runs.get()
        Invoice.objects.filter(pk=invoice.pk).update(status="waiting")
        from invoiceapp.work.services import submit

        submit(Invoice.objects.get(pk=invoice.pk))
        work_once(settings)
        assert ShadowReading.objects.get().primary == first
        assert invoice.runs.count() == 2

    def test_a_sweep_calls_for_what_was_forgotten_and_follows_the_readers_queue(
        self, trial: Trial, upload: Any, settings: Any
    ) -> None:
        upload()
        work_once(settings)
        settings.READER_QUEUES = {"openai_server": "gpu"}
        pipeline.sweep()
        assert ShadowReading.objects.get().queue == "gpu"
        assert work_once(settings) == "nothing is waiting"
        assert "read in shadow" in pipeline.process_next("gpu")

    def test_what_still_waits_at_the_end_is_not_read(
        self, trial: Trial, server: ScriptedServer, upload: Any, settings: Any, alice: Any
    ) -> None:
        upload()
        work_once(settings)
        assert trials.end(trial, user=alice)
        assert not trials.end(trial, user=alice)
        assert work_once(settings) == "nothing is waiting"
        assert ShadowReading.objects.get().reason == "The trial ended before its turn."
        # one that was entered at that very moment is not read either
        ShadowReading.objects.update(status=Status.WAITING, finished=None, reason="")
        assert work_once(settings) == "nothing is waiting"
        assert ShadowReading.objects.get().reason == "The trial ended before its turn."
        assert server.requests == []
        upload("later")
        work_once(settings)
        assert ShadowReading.objects.count() == 1


class TestWhichDocuments:
    def test_a_share_of_them_always_the_same_and_others_in_another_trial(self) -> None:
        hashes = [f"{number:064x}" for number in range(4000)]
        one, two = (Trial(pk=pk, share=0.25) for pk in (1, 2))
        first = [sha for sha in hashes if trials.is_challengers(one, sha)]
        assert 900 < len(first) < 1100
        both = [sha for sha in first if trials.is_challengers(two, sha)]
        assert 190 < len(both) < 310
        # written down, so that a process of another version sees the same side
        assert [n for n in range(12) if trials.is_challengers(one, hashes[n])] == [5, 8, 9]
        assert all(trials.is_challengers(Trial(pk=3, share=1.0), sha) for sha in hashes)

    def test_documents_of_the_other_side_are_not_read_in_shadow(
        self, trial: Trial, server: ScriptedServer, upload: Any, settings: Any
    ) -> None:
        Trial.objects.update(share=1e-9)
        upload()
        work_once(settings)
        assert work_once(settings) == "nothing is waiting"
        assert not ShadowReading.objects.exists()


class TestInstead:
    @pytest.fixture
    def split(self, server: ScriptedServer, organization: Organization, alice: Any) -> Trial:
        return trials.start(organization, challenger="openai_server", kind="split", share=1.0, user=alice)

    def test_the_challenger_reads_its_share_and_the_gate_judges_it(
        self, split: Trial, server: ScriptedServer, upload: Any, settings: Any
    ) -> None:
        invoice = upload()
        work_once(settings)
        run = invoice.runs.get()
        assert (run.role, run.backend, run.trial, run.side) == (
            "primary",
            "openai_server",
            split,
            "challenger",
        )
        assert invoices.current_values(invoice)["total"].value == "999.99"
        # what it says and the page doesn't show goes to a person
        assert not run.readings.get(field="total").accepted
        assert "total" in Item.objects.get(invoice=invoice).fields
        assert not ShadowReading.objects.exists()

    def test_the_rest_is_left_to_the_usual_reader(
        self, split: Trial, server: ScriptedServer, upload: Any, settings: Any
    ) -> None:
        Trial.objects.update(share=1e-9)
        invoice = upload()
        work_once(settings)
        run = invoice.runs.get()
        assert (run.backend, run.trial, run.side) == ("layout", split, "champion")
        assert server.requests == []

    def test_where_it_is_down_the_usual_reader_reads_at_once(
        self, split: Trial, server: ScriptedServer, upload: Any, settings: Any
    ) -> None:
        server.script[:] = [hangs_up]
        invoice = upload()
        assert "read in" in work_once(settings)
        run = invoice.runs.get()
        assert (run.backend, run.side, run.status) == ("layout", "challenger", "done")
        assert run.consultations.get().purpose == "instead"

    def test_an_urgent_document_keeps_its_own_reader(
        self, split: Trial, organization: Organization, server: ScriptedServer, upload: Any, settings: Any
    ) -> None:
        organization.urgent_backend = "layout_rules"
        organization.save()
        invoice = upload(urgent=True)
        work_once(settings)
        run = invoice.runs.get()
        assert (run.backend, run.trial, run.side) == ("layout_rules", None, "")


class TestBeginning:
    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"challenger": "llama"}, "not set up"),
            ({"challenger": "layout"}, "usual reader already"),
            ({"kind": "both"}, "in shadow or instead"),
            ({"share": 0.0}, "more than 0"),
            ({"share": 1.5}, "at most 100"),
            ({"share": float("nan")}, "more than 0"),
        ],
    )
    def test_what_is_no_trial_is_refused(
        self,
        server: ScriptedServer,
        organization: Organization,
        alice: Any,
        changes: dict[str, Any],
        why: str,
    ) -> None:
        wanted = {"challenger": "openai_server", "kind": "shadow", "share": 0.5, **changes}
        with pytest.raises(trials.TrialRefused, match=why):
            trials.start(organization, user=alice, **wanted)
        assert not Trial.objects.exists()

    def test_there_is_one_at_a_time_in_each_organization(
        self,
        trial: Trial,
        organization: Organization,
        other_organization: Organization,
        alice: Any,
        charlie: Any,
    ) -> None:
        with pytest.raises(trials.TrialRefused, match="running already"):
            trials.start(organization, challenger="layout_rules", kind="shadow", share=1.0, user=alice)
        trials.start(other_organization, challenger="layout_rules", kind="split", share=1.0, user=charlie)
        trials.end(trial, user=alice)
        trials.start(organization, challenger="layout_rules", kind="shadow", share=1.0, user=alice)
        assert Trial.objects.count() == 3

    def test_a_challenger_that_no_worker_of_the_invoices_queue_has_can_only_read_in_shadow(
        self, server: ScriptedServer, organization: Organization, settings: Any, alice: Any
    ) -> None:
        settings.READER_QUEUES = {"openai_server": "gpu"}
        with pytest.raises(trials.TrialRefused, match="in shadow instead"):
            trials.start(organization, challenger="openai_server", kind="split", share=0.5, user=alice)
        assert trials.start(organization, challenger="openai_server", kind="shadow", share=0.5, user=alice)
