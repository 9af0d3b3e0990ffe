"""A budget per organization and day for the readers other than the embedded one, in money and in seconds.

Before such a reader is asked, the most that it may take is set aside (`estimate`, `reserve`); afterwards that is
replaced by what it took (`settle`) or given back (`release`). What is spent and what is set aside never exceed the
limits together, so the budget holds however many workers read at once.

A reservation whose worker died stays: it counts as spent. Nobody knows how far the reader had come, a server charges
for an answer that nobody waited for, and giving the amount back after some time could exceed the budget. It can't
leak for ever, since the next day begins with nothing spent. A reading that goes past midnight belongs to the day on
which it began.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_UP, Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from extraction import registry
from extraction.costs import PLACES, most
from extraction.models import BudgetDay, Reservation
from invoiceapp.records.models import Organization
from invoiceapp.work import reading_times

log = logging.getLogger(__name__)

KILLED_AFTER = 5
"""Seconds after TASK_TIMEOUT when the queue has killed a worker that did not stop by itself: django-q2's three
seconds of grace, a guard cycle, and what the clock of a busy machine is late by."""
KEPT = timedelta(days=30)
_MILLISECOND = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Spending:
    """What the readers other than the embedded one took today; ``money`` and ``seconds`` hold what is set aside too.

    ``at_work`` is how many reservations are not settled: readings at work, and those whose worker died.
    """

    day: date
    money: Decimal = Decimal(0)
    seconds: Decimal = Decimal(0)
    money_set_aside: Decimal = Decimal(0)
    seconds_set_aside: Decimal = Decimal(0)
    at_work: int = 0


def today_of(organization: Organization) -> date:
    """Return the day it is in the organization's time zone."""
    return timezone.now().astimezone(reading_times.zone(organization)).date()


def estimate(reader: str, pages: int) -> tuple[Decimal | None, float]:
    """Return the most money and seconds that a reader can take for a document; nothing for the embedded one.

    Seconds end with the queue's TASK_TIMEOUT, at a model server also with its time limit for each question. Tokens
    end with MODEL_SERVER_MAX_TOKENS for an answer and MODEL_SERVER_MAX_INPUT for a question.

    :param pages: of the document.
    :returns: money is None where nobody stated the reader's price.
    """
    if reader in registry.EMBEDDED:
        return Decimal(0), 0.0
    seconds = float(settings.TASK_TIMEOUT + KILLED_AFTER)
    price = registry.price(reader)
    if not price.on_server:
        return most(price, seconds=seconds, input_tokens=0, output_tokens=0), seconds
    server = settings.READERS[reader]
    questions = math.ceil(max(pages, 1) / max(server["pages_together"], 1))
    # A second each for the way there and back, beside the time limit.
    seconds = min(seconds, questions * (server["seconds"] + 1.0))
    money = most(
        price,
        seconds=seconds,
        input_tokens=questions * settings.MODEL_SERVER_MAX_INPUT,
        output_tokens=questions * server["max_tokens"],
    )
    return money, seconds


def reserve(
    organization: Organization,
    reader: str,
    *,
    money: Decimal | None,
    seconds: float,
    share: Decimal = Decimal(1),
) -> Reservation | None:
    """Set aside the most that a reading may take. Belongs before the reading, in no other transaction.

    :param money: None if the price is unknown; then nothing is let through where the organization limits money.
    :param share: of the day's budget (0 to 1) up to which it may be used; the rest is kept for others.
    :returns: None if the day's budget does not have that much left. For the embedded reader a reservation of nothing,
        which is in no table.
    :raises ValueError: if money or seconds are negative or no number.
    :raises RuntimeError: inside a transaction, whose end could undo it while the reader is already at work.
    """
    wanted_money, wanted_seconds = _checked(money or Decimal(0), seconds)
    if reader in registry.EMBEDDED:
        return Reservation(backend=reader, money=Decimal(0), seconds=Decimal(0))
    with transaction.atomic(durable=True):
        day = _day_to_change(organization)
        most_money, most_seconds = Organization.objects.values_list("daily_money", "daily_seconds").get(
            pk=organization.pk
        )
        if most_money is not None and (money is None or day.money + wanted_money > most_money * share):
            return None
        if most_seconds is not None and day.seconds + wanted_seconds > most_seconds * share:
            return None
        _add(day, wanted_money, wanted_seconds)
        return Reservation.objects.create(day=day, backend=reader, money=wanted_money, seconds=wanted_seconds)


def settle(reservation: Reservation, *, money: Decimal | None, seconds: float | None) -> None:
    """Replace what was set aside by what the reading took. Doing it twice changes nothing.

    :param money: None if that is unknown, for example after a failure: the estimate stays. ``seconds`` likewise.
    :raises ValueError: if money or seconds are negative or no number.
    """
    took_money, took_seconds = _checked(
        reservation.money if money is None else money, reservation.seconds if seconds is None else seconds
    )
    if reservation.pk is None:
        return
    if took_money > reservation.money or took_seconds > reservation.seconds:
        log.warning(
            "%s took %s and %s s, more than the %s and %s s that were set aside: MODEL_SERVER_MAX_INPUT (or the "
            "reader's own limit) is too low for its documents.",
            reservation.backend, took_money, took_seconds, reservation.money, reservation.seconds,
        )  # fmt: skip
    _replace(reservation, took_money, took_seconds)


def release(reservation: Reservation) -> None:
    """Give back what was set aside, for a reading that did not begin."""
    if reservation.pk is not None:
        _replace(reservation, Decimal(0), Decimal(0))


def spent_today(organization: Organization) -> Spending:
    """Return what was spent and set aside on the organization's day so far. Two queries."""
    today = today_of(organization)
    day = BudgetDay.objects.filter(organization=organization, day=today).first()
    if day is None:
        return Spending(today)
    aside = day.reservations.aggregate(money=Sum("money"), seconds=Sum("seconds"), count=Count("pk"))
    return Spending(
        today,
        day.money,
        day.seconds,
        aside["money"] or Decimal(0),
        aside["seconds"] or Decimal(0),
        aside["count"],
    )


def forget_old() -> int:
    """Remove reservations that nobody will settle any more; what their days took stays. Returns how many."""
    return Reservation.objects.filter(created__lt=timezone.now() - KEPT).delete()[0]


def _checked(money: Decimal, seconds: float | Decimal) -> tuple[Decimal, Decimal]:
    exact = Decimal(str(seconds))
    if not (money.is_finite() and exact.is_finite() and money >= 0 and exact >= 0):
        raise ValueError(f"{money} and {seconds} seconds can't be spent: give numbers from 0 on.")
    # Rounded up, so that many small ones are no more together than what was counted.
    return money.quantize(PLACES, rounding=ROUND_UP), exact.quantize(_MILLISECOND, rounding=ROUND_UP)


def _day_to_change(organization: Organization) -> BudgetDay:
    """Return the row of today, which nobody else changes until the transaction ends (on SQLite: writes anything)."""
    today = today_of(organization)
    days = BudgetDay.objects.select_for_update().filter(organization=organization, day=today)
    found = days.first()
    if found is None:
        BudgetDay.objects.bulk_create(
            [BudgetDay(organization=organization, day=today)], ignore_conflicts=True
        )
        found = days.get()
    return found


def _add(day: BudgetDay, money: Decimal, seconds: Decimal) -> None:
    day.money += money
    day.seconds += seconds
    day.save(update_fields=["money", "seconds"])


def _replace(reservation: Reservation, money: Decimal, seconds: Decimal) -> None:
    with transaction.atomic():
        day = BudgetDay.objects.select_for_update().get(pk=reservation.day_id)
        # Whoever removes the row settles it; a second one finds nothing left to replace.
        if Reservation.objects.filter(pk=reservation.pk).delete()[0]:
            _add(day, money - reservation.money, seconds - reservation.seconds)
