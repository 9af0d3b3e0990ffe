"""What happens by itself comes from the code, whatever the database held before."""

from __future__ import annotations

from datetime import timedelta
from pydoc import locate
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone
from django_q.models import Schedule, Task

from invoiceapp.work import services as work
from invoiceapp.work.models import Heartbeat
from invoiceapp.work.schedules import install_schedules, plans

pytestmark = pytest.mark.django_db


def rows() -> list[tuple[Any, ...]]:
    return list(Schedule.objects.order_by("name").values_list("name", "func", "minutes", "cron", "args"))


def test_every_schedule_calls_something_that_exists() -> None:
    for plan in plans():
        assert callable(locate(plan.func)), plan.func


def test_preparing_twice_is_the_same_as_once(settings: Any) -> None:
    settings.SECRET_KEY_IS_SHARED = True  # which is asked for as soon as the database is a server
    call_command("prepare", verbosity=0)
    before = rows()
    assert [row[0] for row in before] == ["certify", "heartbeat", "learn", "prune", "sweep"]
    next_runs = dict(Schedule.objects.values_list("name", "next_run"))
    call_command("prepare", verbosity=0)
    assert rows() == before
    assert dict(Schedule.objects.values_list("name", "next_run")) == next_runs


def test_rows_that_somebody_changed_doubled_or_left_over_are_put_right() -> None:
    install_schedules()
    before = rows()
    Schedule.objects.filter(name="sweep").update(minutes=1440, repeats=0, args="not python(")
    Schedule.objects.create(name="prune", func="invoiceapp.pipeline.prune", schedule_type="D")
    Schedule.objects.create(name="of an old version", func="invoiceapp.gone.away", schedule_type="D")
    Schedule.objects.create(name="not ours", func="somebody.else", schedule_type="D")
    install_schedules()
    assert [row for row in rows() if row[0] != "not ours"] == before
    assert Schedule.objects.get(name="sweep").repeats == -1
    assert Schedule.objects.filter(name="not ours").exists()


def test_nightly_work_stays_out_of_the_hours_in_which_clocks_change() -> None:
    for plan in plans():
        if plan.cron:
            hour = int(plan.cron.split()[1])
            assert hour not in (1, 2, 3), plan.cron


def test_pruning_removes_only_what_has_served_its_purpose() -> None:
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now - timedelta(days=1))
    Session.objects.create(session_key="new", session_data="", expire_date=now + timedelta(days=1))
    for name, age in (("old", 31), ("new", 29)):
        stopped = now - timedelta(days=age)
        Task.objects.create(id=name, name=name, func="f", started=stopped, stopped=stopped, success=False)
    Heartbeat.objects.create(cluster="box/old", queue="invoices", beat=now - timedelta(days=2))
    Heartbeat.objects.create(cluster="box/new", queue="invoices", beat=now)
    assert work.prune() == 3
    assert [Session.objects.get().pk, Task.objects.get().pk, Heartbeat.objects.get().pk] == [
        "new",
        "new",
        "box/new",
    ]
