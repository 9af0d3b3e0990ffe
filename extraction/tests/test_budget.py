"""Readers that cost money never take more of it, or of time, than an organization allows for a day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from extraction import budget
from extraction.models import BudgetDay, Reservation
from invoiceapp.records.models import Organization

EURO = Decimal(1)


def limit(organization: Organization, money: str | None = None, seconds: int | None = None) -> Organization:
    organization.daily_money = None if money is None else Decimal(money)
    organization.daily_seconds = seconds
    organization.save()
    return organization


@contextmanager
def at(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let it be another moment."""
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: moment)
        yield


def prices(settings: Any, reader: str, **price: Any) -> None:
    settings.PRICES = {**settings.PRICES, reader: price}


# --- what is let through -------------------------------------------------------------------------------


def test_what_would_pass_the_limit_is_refused_and_the_rest_can_still_be_used(organization: Any) -> None:
    limit(organization, "1.00")
    assert budget.reserve(organization, "llama", money=Decimal("0.70"), seconds=5) is not None
    assert budget.reserve(organization, "llama", money=Decimal("0.31"), seconds=5) is None
    assert budget.reserve(organization, "pixtral", money=Decimal("0.30"), seconds=5) is not None
    assert budget.spent_today(organization).money == EURO
    assert budget.reserve(organization, "pixtral", money=Decimal("0.000001"), seconds=0) is None


def test_seconds_are_limited_like_money(organization: Any) -> None:
    limit(organization, seconds=10)
    assert budget.reserve(organization, "llama", money=EURO * 900, seconds=9.5) is not None
    assert budget.reserve(organization, "llama", money=Decimal(0), seconds=0.501) is None
    assert budget.reserve(organization, "llama", money=Decimal(0), seconds=0.5) is not None


def test_without_limits_everything_passes_and_is_counted(organization: Any) -> None:
    for _ in range(3):
        taken = budget.reserve(organization, "llama", money=EURO * 1000, seconds=300)
        assert taken is not None
        budget.settle(taken, money=EURO, seconds=6)
    spent = budget.spent_today(organization)
    assert (spent.money, spent.seconds, spent.at_work) == (3, 18, 0)


def test_a_limit_of_nothing_lets_nothing_through(organization: Any) -> None:
    limit(organization, seconds=0)
    assert budget.reserve(organization, "llama", money=None, seconds=0.001) is None


def test_a_reader_whose_price_is_unknown_passes_no_limit_in_money(organization: Any) -> None:
    limit(organization, "1000")
    assert budget.reserve(organization, "llama", money=None, seconds=1) is None
    limit(organization, None, 100)
    assert budget.reserve(organization, "llama", money=None, seconds=1) is not None


def test_the_embedded_reader_is_never_refused_nor_counted(organization: Any) -> None:
    limit(organization, "0", 0)
    for reader in ("layout", "layout_rules"):
        taken = budget.reserve(organization, reader, money=EURO, seconds=100)
        assert taken is not None
        budget.settle(taken, money=EURO, seconds=100)
        budget.release(taken)
    assert not BudgetDay.objects.exists()
    assert not Reservation.objects.exists()


def test_another_organization_has_a_budget_of_its_own(organization: Any, other_organization: Any) -> None:
    limit(organization, "1")
    limit(other_organization, "1")
    assert budget.reserve(organization, "llama", money=EURO, seconds=1) is not None
    assert budget.reserve(other_organization, "llama", money=EURO, seconds=1) is not None
    assert budget.reserve(organization, "llama", money=EURO, seconds=1) is None
    assert budget.spent_today(other_organization).money == 1


def test_the_limit_that_holds_now_counts_not_the_one_the_worker_knows(organization: Any) -> None:
    limit(organization, "5")
    as_a_worker_knows_it = Organization.objects.get(pk=organization.pk)
    limit(organization, "1")
    assert budget.reserve(as_a_worker_knows_it, "llama", money=EURO * 2, seconds=1) is None


# --- what becomes of it ----------------------------------------------------------------------------------


def test_what_a_reading_really_took_takes_the_place_of_its_estimate(organization: Any) -> None:
    limit(organization, "1.00", 100)
    taken = budget.reserve(organization, "llama", money=EURO, seconds=100)
    assert taken is not None
    assert budget.reserve(organization, "llama", money=EURO / 2, seconds=1) is None
    budget.settle(taken, money=Decimal("0.0123456"), seconds=5.82)
    spent = budget.spent_today(organization)
    assert (spent.money, spent.seconds) == (Decimal("0.012346"), Decimal("5.820"))
    budget.settle(taken, money=EURO, seconds=100)  # a task that ran twice
    budget.release(taken)
    assert budget.spent_today(organization) == spent


def test_what_did_not_begin_is_given_back_whole(organization: Any) -> None:
    limit(organization, "1.00")
    taken = budget.reserve(organization, "llama", money=EURO, seconds=100)
    assert taken is not None
    budget.release(taken)
    assert budget.spent_today(organization).money == 0
    assert budget.reserve(organization, "llama", money=EURO, seconds=100) is not None


def test_a_failure_of_unknown_cost_counts_as_the_whole_estimate(organization: Any) -> None:
    taken = budget.reserve(organization, "openai_server", money=EURO, seconds=100)
    assert taken is not None
    budget.settle(taken, money=None, seconds=7)
    assert (budget.spent_today(organization).money, budget.spent_today(organization).seconds) == (1, 7)


def test_a_worker_that_died_has_spent_what_it_set_aside_until_the_next_day(
    organization: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(organization, "1.00")
    # 1 July, 22:00 in Chicago
    evening = datetime(2026, 7, 2, 3, 0, tzinfo=UTC)
    with at(evening, monkeypatch):
        assert budget.reserve(organization, "llama", money=EURO, seconds=300) is not None  # and never again
    with at(evening + timedelta(hours=1, minutes=59), monkeypatch):
        assert budget.reserve(organization, "llama", money=EURO, seconds=300) is None
        spent = budget.spent_today(organization)
        assert (spent.day.isoformat(), spent.at_work, spent.money_set_aside) == ("2026-07-01", 1, EURO)
    with at(evening + timedelta(hours=2), monkeypatch):
        assert budget.reserve(organization, "llama", money=EURO, seconds=300) is not None
        assert budget.spent_today(organization).day.isoformat() == "2026-07-02"
    with at(evening + timedelta(days=60), monkeypatch):
        assert budget.forget_old() == 2
    assert not Reservation.objects.exists()
    assert BudgetDay.objects.filter(money=EURO).count() == 2, "what the days took is kept"


def test_a_reading_past_midnight_belongs_to_the_day_it_began(
    organization: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = datetime(2026, 7, 2, 4, 59, tzinfo=UTC)  # 23:59 in Chicago
    with at(before, monkeypatch):
        taken = budget.reserve(organization, "llama", money=EURO, seconds=300)
    assert taken is not None
    with at(before + timedelta(minutes=3), monkeypatch):
        budget.settle(taken, money=EURO / 4, seconds=120)
        assert budget.spent_today(organization).seconds == 0
    with at(before, monkeypatch):
        assert budget.spent_today(organization).seconds == 120


def test_an_estimate_that_was_no_upper_bound_is_told_to_whoever_runs_the_site(
    organization: Any, caplog: pytest.LogCaptureFixture
) -> None:
    taken = budget.reserve(organization, "openai_server", money=EURO, seconds=100)
    assert taken is not None
    budget.settle(taken, money=EURO * 2, seconds=100)
    assert "MODEL_SERVER_MAX_INPUT" in caplog.text
    assert budget.spent_today(organization).money == 2, "what was spent is spent"


@pytest.mark.parametrize(
    ("money", "seconds"), [(-EURO, 1), (EURO, -1), (Decimal("NaN"), 1), (EURO, float("inf"))]
)
def test_what_is_no_amount_is_refused(organization: Any, money: Decimal, seconds: float) -> None:
    with pytest.raises(ValueError, match="can't be spent"):
        budget.reserve(organization, "llama", money=money, seconds=seconds)
    taken = budget.reserve(organization, "llama", money=EURO, seconds=1)
    assert taken is not None
    with pytest.raises(ValueError, match="can't be spent"):
        budget.settle(taken, money=money, seconds=seconds)


# --- the most a reading can take -----------------------------------------------------------------------


def test_a_model_here_is_stopped_by_the_queue_at_the_latest(settings: Any) -> None:
    settings.TASK_TIMEOUT = 295
    prices(settings, "llama", hour=Decimal("1.20"))
    assert budget.estimate("llama", pages=40) == (Decimal("0.100000"), 300.0)


def test_a_server_is_bound_by_its_questions_and_its_tokens(settings: Any) -> None:
    settings.TASK_TIMEOUT = 300
    settings.MODEL_SERVER_MAX_INPUT = 10_000
    server = {**settings.READERS["openai_server"], "pages_together": 2, "seconds": 20, "max_tokens": 1000}
    settings.READERS = {**settings.READERS, "openai_server": server}
    prices(
        settings,
        "openai_server",
        input_million=Decimal("0.15"),
        output_million=Decimal("0.60"),
        on_server=True,
    )
    # three pages are two questions: 20,000 tokens in, 2,000 out, 42 seconds
    assert budget.estimate("openai_server", pages=3) == (Decimal("0.004200"), 42.0)
    assert budget.estimate("openai_server", pages=100)[1] == 305.0
    prices(settings, "openai_server", hour=Decimal("3.60"), on_server=True)
    assert budget.estimate("openai_server", pages=3)[0] == Decimal("0.042000")


def test_nothing_can_be_said_of_a_price_nobody_stated(settings: Any) -> None:
    prices(settings, "pixtral", hour=Decimal(0))
    assert budget.estimate("pixtral", pages=1)[0] is None
    assert budget.estimate("layout", pages=1) == (0, 0.0)


# --- many at once ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_never_exceed_the_budget(organization: Any) -> None:
    """Sixteen threads reserve, settle, release and die; after every step no more than the limits is taken."""
    limit(organization, "2.00", 600)
    count, each = 16, 12
    start = Barrier(count, timeout=60)
    sums: list[tuple[Decimal, Decimal]] = []

    def work(number: int) -> tuple[int, int]:
        draw = random.Random(number)
        own = Organization.objects.get(pk=organization.pk)
        passed = refused = 0
        try:
            start.wait()
            for _ in range(each):
                money, seconds = Decimal(draw.randint(1, 300_000)) / 1_000_000, draw.uniform(1, 60)
                taken = budget.reserve(own, "llama", money=money, seconds=seconds)
                if taken is None:
                    refused += 1
                else:
                    passed += 1
                    fate = draw.random()
                    if fate < 0.6:
                        budget.settle(taken, money=money / 7, seconds=seconds / 7)
                    elif fate < 0.9:
                        budget.release(taken)
                spent = budget.spent_today(own)
                sums.append((spent.money, spent.seconds))
        finally:
            connections.close_all()
        return passed, refused

    with ThreadPoolExecutor(count) as pool:
        outcomes = list(pool.map(work, range(count)))
    assert sum(passed for passed, _ in outcomes) > 20
    assert sum(refused for _, refused in outcomes) > 20, "the limits were never reached"
    assert len(sums) == count * each
    assert max(money for money, _ in sums) <= 2
    assert max(seconds for _, seconds in sums) <= 600
    assert BudgetDay.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_last_bit_goes_to_one_of_many(organization: Any) -> None:
    """All ask for the same last euro at the same moment, on a day that has no row yet."""
    limit(organization, "1.00")
    count = 12
    start = Barrier(count, timeout=60)

    def ask(number: int) -> bool:
        own = Organization.objects.get(pk=organization.pk)
        try:
            start.wait()
            return budget.reserve(own, "llama", money=EURO, seconds=1) is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        assert sum(pool.map(ask, range(count))) == 1


@pytest.mark.django_db(transaction=True)
def test_a_reservation_inside_a_transaction_that_could_undo_it_is_refused(organization: Any) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        budget.reserve(organization, "llama", money=EURO, seconds=1)
