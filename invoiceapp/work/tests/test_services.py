"""Work is neither lost nor done twice, and the most pressing goes first."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf

from invoiceapp.records import invoices
from invoiceapp.records.models import Document, Event, Invoice, Organization
from invoiceapp.work import services as work
from invoiceapp.work.models import Heartbeat, WorkItem

Status = WorkItem.Status
Make = Callable[..., Invoice]
QUEUE = django_settings.QUEUE_NAME
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def collect_batches(organization: Organization, size: int) -> None:
    organization.reading_mode, organization.batch_size = Organization.ReadingMode.COUNT, size
    organization.save()


def read_at_night(organization: Organization, start: time, end: time) -> None:
    organization.reading_mode = Organization.ReadingMode.NIGHTLY
    organization.night_start, organization.night_end = start, end
    organization.save()


# --- submit ----------------------------------------------------------------------------------------


def test_an_upload_is_due_at_once_and_calls_one_worker_after_the_commit(
    make_invoice: Make, calls: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        item = work.submit(make_invoice())
        assert calls() == 0
    assert item.status == Status.QUEUED
    assert item.due is not None and item.due <= timezone.now()
    assert calls() == 1


def test_submitting_again_while_it_waits_changes_nothing(make_invoice: Make) -> None:
    invoice = make_invoice()
    first = work.submit(invoice)
    assert work.submit(invoice).pk == first.pk
    assert WorkItem.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_does_not_answer_breaks_no_upload(make_invoice: Make, monkeypatch: Any) -> None:
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(Conf, "REDIS", "redis://127.0.0.1:1/0?retry_on_timeout=false")
    with transaction.atomic():
        item = work.submit(make_invoice())
    monkeypatch.undo()
    # The row is there, and the next sweep calls for it.
    assert WorkItem.objects.get(pk=item.pk).status == Status.QUEUED
    assert work.wake() == 1


def test_a_batch_begins_when_enough_are_waiting(organization: Organization, make_invoice: Make) -> None:
    collect_batches(organization, 3)
    for expected in (1, 2):
        assert work.submit(make_invoice()).due is None
        assert work.waiting_for_batch(organization) == expected
        assert work.claim(QUEUE) is None
    assert work.submit(make_invoice()).due is not None
    assert [bool(work.claim(QUEUE)) for _ in range(4)] == [True, True, True, False]


def test_a_sweep_lets_a_batch_go_that_two_uploads_filled_without_seeing_each_other(
    organization: Organization, make_invoice: Make
) -> None:
    collect_batches(organization, 2)
    work.submit(make_invoice())
    second = make_invoice()
    WorkItem.objects.create(organization=organization, invoice=second, queue=QUEUE)  # not seen by the first
    work.wake()
    assert WorkItem.objects.filter(due__isnull=True).count() == 0


def test_batches_of_two_organizations_are_counted_apart(
    organization: Organization, other_organization: Organization, make_invoice: Make
) -> None:
    for each in (organization, other_organization):
        collect_batches(each, 2)
        work.submit(make_invoice(organization=each))
    work.wake()
    assert work.claim(QUEUE) is None


# --- claim -----------------------------------------------------------------------------------------


def test_urgent_goes_first_then_what_was_due_first(make_invoice: Make) -> None:
    late, early, urgent, future = (make_invoice() for _ in range(4))
    now = timezone.now()
    for invoice, due in ((late, now - MINUTE), (early, now - 5 * MINUTE), (future, now + MINUTE)):
        WorkItem.objects.filter(pk=work.submit(invoice).pk).update(due=due)
    work.submit(make_invoice(urgent=True))
    claimed = [work.claim(QUEUE) for _ in range(4)]
    assert claimed[0] is not None and claimed[0].urgent
    assert [item.invoice_id for item in claimed[1:3] if item] == [early.pk, late.pk]
    assert claimed[3] is None
    assert work.claim("another queue") is None
    assert not WorkItem.objects.filter(invoice=urgent).exists()


def test_a_claim_counts_the_attempt_before_the_work_and_outlives_the_timeout(make_invoice: Make) -> None:
    work.submit(make_invoice())
    item = work.claim(QUEUE)
    assert item is not None
    stored = WorkItem.objects.get(pk=item.pk)
    assert (stored.status, stored.attempts, stored.token) == (Status.RUNNING, 1, item.token)
    assert stored.lease_until is not None and stored.started is not None
    assert stored.lease_until - stored.started > timedelta(seconds=django_settings.TASK_TIMEOUT + 3)


def test_work_of_a_worker_that_died_is_taken_over_once_its_lease_ran_out(make_invoice: Make) -> None:
    work.submit(make_invoice())
    dead = work.claim(QUEUE)
    assert dead is not None and dead.lease_until is not None
    assert work.claim(QUEUE, now=dead.lease_until) is None
    heir = work.claim(QUEUE, now=dead.lease_until + MINUTE)
    assert heir is not None
    assert (heir.pk, heir.attempts) == (dead.pk, 2)
    # The dead worker was only slow: what it brings is discarded, the heir's is kept.
    assert not work.finish(dead)
    assert work.give_back(dead, error="late") is None
    assert work.finish(heir)
    assert not work.finish(heir)
    assert WorkItem.objects.get(pk=heir.pk).status == Status.DONE


def test_a_claim_walks_its_index_and_sorts_nothing(make_invoice: Make) -> None:
    """The table of everything ever read must not be looked through for each claim."""
    rows = work._claimable(timezone.now()).filter(queue=QUEUE).order_by(*work.MOST_PRESSING)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # an empty table is always looked through
    plan = rows.explain()
    assert "work_to_claim" in plan
    assert "sort" not in plan.lower() and "TEMP B-TREE" not in plan


# --- failures --------------------------------------------------------------------------------------


def test_failed_work_is_tried_again_later_and_given_up_in_the_end(make_invoice: Make, settings: Any) -> None:
    settings.READ_ATTEMPTS = 3
    work.submit(make_invoice())
    now = timezone.now()
    waits = []
    for attempt in (1, 2, 3):
        item = work.claim(QUEUE, now=now)
        assert item is not None and item.attempts == attempt
        outcome = work.give_back(item, error=f"reason {attempt}")
        stored = WorkItem.objects.get(pk=item.pk)
        assert stored.last_error == f"reason {attempt}"
        if attempt < 3:
            assert outcome == Status.QUEUED
            assert stored.due is not None
            waits.append(stored.due - timezone.now())
            now = stored.due
    assert outcome == Status.DEAD
    assert waits[0] < waits[1]
    assert work.claim(QUEUE, now=now + timedelta(days=1)) is None


def test_what_can_never_succeed_is_given_up_at_once(make_invoice: Make) -> None:
    work.submit(make_invoice())
    item = work.claim(QUEUE)
    assert item is not None
    assert work.give_back(item, error="The file is encrypted.", final=True) == Status.DEAD


def test_a_document_that_kills_every_worker_is_found_and_buried_once(
    make_invoice: Make, settings: Any
) -> None:
    settings.READ_ATTEMPTS = 2
    work.submit(make_invoice())
    now = timezone.now()
    for _ in range(2):
        item = work.claim(QUEUE, now=now)
        assert item is not None and item.lease_until is not None
        assert work.exhausted(now=now) == []
        now = item.lease_until + MINUTE
    assert work.claim(QUEUE, now=now) is None
    (found,) = work.exhausted(now=now)
    assert work.bury(found, error="It killed two workers.")
    assert not work.bury(found, error="again")
    assert work.exhausted(now=now) == []
    assert WorkItem.objects.get(pk=found.pk).last_error == "It killed two workers."


def test_lowering_the_number_of_attempts_strands_nothing(make_invoice: Make, settings: Any) -> None:
    settings.READ_ATTEMPTS = 3
    work.submit(make_invoice())
    item = work.claim(QUEUE)
    assert item is not None
    work.give_back(item, error="no luck")
    settings.READ_ATTEMPTS = 1
    assert [row.pk for row in work.exhausted()] == [item.pk]


# --- wake ------------------------------------------------------------------------------------------


def test_a_sweep_sends_as_many_calls_as_there_is_due_work(make_invoice: Make, calls: Any) -> None:
    for _ in range(3):
        work.submit(make_invoice())  # their own calls are lost: nothing commits in this test
    assert calls() == 0
    assert work.wake() == 3
    assert calls() == 3
    assert work.wake() == 0  # doubled sweeps add nothing


def test_a_sweep_calls_for_abandoned_work_too_and_never_without_end(
    make_invoice: Make, monkeypatch: Any
) -> None:
    for _ in range(4):
        work.submit(make_invoice())
    item = work.claim(QUEUE)
    assert item is not None and item.lease_until is not None
    monkeypatch.setattr(work, "CALLS_PER_SWEEP", 3)
    assert work.wake(now=item.lease_until + MINUTE) == 3
    assert work.wake(now=item.lease_until + MINUTE) == 1


def test_what_the_night_did_not_manage_waits_for_the_next_one(
    organization: Organization, make_invoice: Make, calls: Any
) -> None:
    work.submit(make_invoice())
    urgent = work.submit(make_invoice(urgent=True))
    now = timezone.now()
    local = now.astimezone(ZoneInfo(organization.time_zone))
    opens = (local + timedelta(hours=2)).time().replace(second=0, microsecond=0)
    closes = (local + timedelta(hours=4)).time().replace(second=0, microsecond=0)
    read_at_night(organization, opens, closes)
    assert work.wake() == 1
    assert [item.pk for item in iter(lambda: work.claim(QUEUE), None) if item] == [urgent.pk]
    assert WorkItem.objects.get(status=Status.QUEUED).due > now + timedelta(minutes=100)


# --- people change their mind ----------------------------------------------------------------------


def test_urgent_brings_a_waiting_invoice_forward_and_says_who_asked(
    organization: Organization,
    make_invoice: Make,
    alice: Any,
    calls: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    collect_batches(organization, 10)
    invoice = make_invoice()
    work.submit(invoice)
    with django_capture_on_commit_callbacks(execute=True):
        work.make_urgent(invoice, alice)
    item = work.claim(QUEUE)
    assert item is not None and item.invoice_id == invoice.pk
    assert Invoice.objects.get(pk=invoice.pk).urgent
    assert Event.objects.get(invoice=invoice, kind=Event.Kind.URGENT).user == alice
    assert calls() == 1
    with pytest.raises(invoices.WrongStatus, match="no longer waits"):
        work.make_urgent(invoice, alice)


def test_changing_the_settings_moves_what_is_waiting(
    organization: Organization, make_invoice: Make, django_capture_on_commit_callbacks: Any, calls: Any
) -> None:
    collect_batches(organization, 10)
    for _ in range(2):
        work.submit(make_invoice())
    assert work.claim(QUEUE) is None

    organization.reading_mode = Organization.ReadingMode.TIMES
    organization.reading_times = [(timezone.now() + timedelta(hours=3)).strftime("%H:%M")]
    organization.time_zone = "UTC"
    organization.save()
    assert work.reschedule(organization) == 2
    assert {item.due == work.next_reading(organization) for item in WorkItem.objects.all()} == {True}

    organization.reading_mode = Organization.ReadingMode.IMMEDIATE
    organization.save()
    with django_capture_on_commit_callbacks(execute=True):
        work.reschedule(organization)
    assert calls() == 2
    assert work.claim(QUEUE) is not None


def test_a_smaller_batch_begins_at_once(organization: Organization, make_invoice: Make) -> None:
    collect_batches(organization, 10)
    for _ in range(2):
        work.submit(make_invoice())
    collect_batches(organization, 2)
    work.reschedule(organization)
    assert work.claim(QUEUE) is not None


def test_withdrawn_work_is_not_done(make_invoice: Make) -> None:
    invoice = make_invoice()
    work.submit(invoice)
    work.withdraw(invoice)
    assert work.claim(QUEUE) is None
    work.submit(invoice)  # and may be asked for again
    assert work.claim(QUEUE) is not None


def test_what_is_rejected_while_it_waits_counts_for_no_batch(
    organization: Organization, make_invoice: Make, alice: Any
) -> None:
    collect_batches(organization, 2)
    rejected = make_invoice()
    work.submit(rejected)
    invoices.reject(rejected, user=alice, reason="Not for us.")
    work.wake()
    assert work.waiting_for_batch(organization) == 0
    assert work.submit(make_invoice()).due is None


# --- the heart -------------------------------------------------------------------------------------


def test_each_cluster_has_one_heart(monkeypatch: Any) -> None:
    monkeypatch.setenv(work.CLUSTER_VARIABLE, f"box/{uuid4().hex}")
    work.beat(QUEUE)
    first = Heartbeat.objects.get()
    work.beat(QUEUE)
    assert Heartbeat.objects.get().beat > first.beat
    monkeypatch.delenv(work.CLUSTER_VARIABLE)
    work.beat(QUEUE)
    assert Heartbeat.objects.count() == 2


# --- several at once -------------------------------------------------------------------------------


def at_once(count: int, function: Callable[[], Any]) -> list[Any]:
    """Run a function in so many threads that begin together, each with a database connection of its own."""
    barrier = Barrier(count)

    def run() -> Any:
        barrier.wait()
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(count)]]


@pytest.mark.django_db(transaction=True)
def test_without_the_conditional_update_two_workers_take_the_same_row(make_invoice: Make) -> None:
    """The race is real: who looks first and writes later gets a row that somebody else got too."""
    work.submit(make_invoice())
    together = Barrier(4)

    def look_then_write() -> int:
        item = WorkItem.objects.get(status=Status.QUEUED)
        together.wait()
        item.status, item.token, item.lease_until = Status.RUNNING, uuid4(), timezone.now()
        item.save()
        return item.pk

    assert len(set(at_once(4, look_then_write))) == 1, "all four believe that it is theirs"


@pytest.mark.django_db(transaction=True)
def test_six_workers_share_the_work_and_none_is_done_twice(make_invoice: Make) -> None:
    expected = {work.submit(make_invoice()).pk for _ in range(24)}

    def claim_all() -> list[int]:
        return [item.pk for item in iter(lambda: work.claim(QUEUE), None) if item]

    claimed = [pk for taken in at_once(6, claim_all) for pk in taken]
    assert sorted(claimed) == sorted(expected)


@pytest.mark.django_db(transaction=True)
def test_of_two_heirs_of_the_same_dead_worker_one_gets_its_work(make_invoice: Make) -> None:
    work.submit(make_invoice())
    dead = work.claim(QUEUE)
    assert dead is not None and dead.lease_until is not None
    later = dead.lease_until + MINUTE
    heirs = [item for item in at_once(4, lambda: work.claim(QUEUE, now=later)) if item]
    assert len(heirs) == 1
    assert WorkItem.objects.get(pk=dead.pk).attempts == 2


# --- two queues and work that is done together -------------------------------------------------------


@pytest.fixture
def gpu_queue(settings: Any) -> str:
    settings.GPU_QUEUE, settings.READER_QUEUES = "gpu", {"llama": "gpu", "pixtral": "gpu"}
    return "gpu"


def read_by(organization: Organization, backend: str) -> None:
    organization.backend = backend
    organization.save()


def called(queue: str) -> int:
    return get_broker(queue).queue_size()


def test_a_large_model_has_a_queue_of_its_own_where_one_is_named(
    organization: Organization,
    make_invoice: Make,
    gpu_queue: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    read_by(organization, "llama")
    invoice = make_invoice()
    with django_capture_on_commit_callbacks(execute=True):
        item = work.submit(invoice)
    assert item.queue == gpu_queue
    assert (called(gpu_queue), called(QUEUE)) == (1, 0)
    with django_capture_on_commit_callbacks(execute=True):
        work.make_urgent(invoice, None)
    assert (called(gpu_queue), called(QUEUE)) == (2, 0)
    assert work.claim(QUEUE) is None
    claimed = work.claim(gpu_queue)
    assert claimed is not None and claimed.pk == item.pk


def test_without_that_queue_the_one_worker_takes_everything(
    organization: Organization, make_invoice: Make
) -> None:
    read_by(organization, "llama")
    assert work.submit(make_invoice()).queue == QUEUE
    assert work.claim(QUEUE) is not None


def test_what_waits_follows_its_reader_to_another_queue(
    organization: Organization,
    make_invoice: Make,
    settings: Any,
    gpu_queue: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    items = [work.submit(make_invoice(urgent=urgent)) for urgent in (False, True)]
    read_by(organization, "pixtral")
    with django_capture_on_commit_callbacks(execute=True):
        work.reschedule(organization)
    assert set(WorkItem.objects.values_list("queue", flat=True)) == {gpu_queue}
    assert called(gpu_queue) == 1
    # the administrator of the server takes the queue away while something waits in it, and was left in it
    assert work.claim(gpu_queue) is not None
    WorkItem.objects.filter(status=Status.RUNNING).update(lease_until=timezone.now() - MINUTE)
    settings.GPU_QUEUE, settings.READER_QUEUES = "", {}
    work.wake()
    assert {item.pk for item in (work.claim(QUEUE), work.claim(QUEUE)) if item} == {i.pk for i in items}


def test_what_is_done_together_has_one_reader_fits_and_keeps_its_own_lease(
    organization: Organization, other_organization: Organization, make_invoice: Make
) -> None:
    for one in (organization, other_organization):
        read_by(one, "llama")
    items = [
        work.submit(make_invoice(organization=home))
        for home in (organization, other_organization, organization, organization, organization)
    ]
    Document.objects.filter(invoice=items[2].invoice_id).update(page_count=9)
    first = work.claim(QUEUE)
    assert first is not None
    mates = work.claim_mates(first, pages=2)
    # of two organizations, without the one that is too long, and no more than fit
    assert [mate.pk for mate in mates] == [items[1].pk, items[3].pk]
    assert len({item.token for item in (first, *mates)}) == 3
    assert all(item.attempts == 1 and item.lease_until for item in mates)
    assert work.finish(mates[0])
    assert work.give_back(mates[1], error="The page is blank") == Status.QUEUED
    statuses = WorkItem.objects.order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["running", "done", "queued", "queued", "queued"]


def test_only_fresh_work_of_the_same_reader_and_urgency_goes_along(
    organization: Organization, other_organization: Organization, make_invoice: Make, settings: Any
) -> None:
    read_by(organization, "llama")
    tried, urgent, foreign, first = (
        work.submit(make_invoice(organization=home, urgent=is_urgent))
        for home, is_urgent in (
            (organization, False),
            (organization, True),
            (other_organization, False),
            (organization, False),
        )
    )
    WorkItem.objects.filter(pk=tried.pk).update(attempts=1)
    WorkItem.objects.filter(pk=urgent.pk).update(due=timezone.now() + MINUTE)
    WorkItem.objects.filter(pk__in=(tried.pk, foreign.pk)).update(due=timezone.now() - MINUTE / 2)
    WorkItem.objects.filter(pk=first.pk).update(due=timezone.now() - MINUTE)
    claimed = work.claim(QUEUE)
    assert claimed is not None and claimed.pk == first.pk
    WorkItem.objects.filter(pk=urgent.pk).update(due=timezone.now() - MINUTE)
    assert work.claim_mates(claimed, pages=9) == []
    # and a second try takes nobody along; nor where there would be no second one for those
    WorkItem.objects.filter(pk=urgent.pk).update(status=Status.DONE, finished=timezone.now())
    again = work.claim(QUEUE)
    assert again is not None and (again.pk, again.attempts) == (tried.pk, 2)
    fresh = work.submit(make_invoice())
    assert work.claim_mates(again, pages=9) == []
    settings.READ_ATTEMPTS = 1
    assert work.claim_mates(claimed, pages=9) == []
    settings.READ_ATTEMPTS = 3
    assert [mate.pk for mate in work.claim_mates(claimed, pages=9)] == [fresh.pk]


@pytest.mark.django_db(transaction=True)
def test_workers_that_take_mates_at_the_same_moment_share_nothing(
    organization: Organization, make_invoice: Make
) -> None:
    for _ in range(8):
        work.submit(make_invoice())
    heads = [item for item in (work.claim(QUEUE), work.claim(QUEUE)) if item]
    taken = at_once(2, lambda: [mate.pk for mate in work.claim_mates(heads.pop(), pages=6)])
    assert sorted(pk for some in taken for pk in some) == sorted(
        WorkItem.objects.filter(status=Status.RUNNING).order_by("pk").values_list("pk", flat=True)[2:]
    )
    assert len({pk for some in taken for pk in some}) == 6
