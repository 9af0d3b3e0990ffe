"""When an organization's invoices are read, on clocks that jump twice a year.

Pure functions: they look at an organization's settings and at a given instant,
never at the database or at the computer's clock.

A local time that the spring change skips stands for the instant of the jump; a
local time that the autumn change repeats stands for its first occurrence. So
every planned reading takes place exactly once on every day of the year.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from invoiceapp.records.models import Organization
from invoiceapp.work.models import WorkItem

log = logging.getLogger(__name__)
Mode = Organization.ReadingMode
Status = WorkItem.Status

EVENING = time(18)  # from here on people say "tonight"


def zone(organization: Organization) -> tzinfo:
    """Return the organization's time zone; UTC where its name means nothing to this computer.

    A wrong name is reported by `manage.py check`; it must not stop an upload.
    """
    try:
        return ZoneInfo(organization.time_zone)
    except (KeyError, ValueError, OSError):  # unknown, malformed ("../x"), or a folder ("America")
        log.warning("%s has the unknown time zone %r; UTC is used.", organization, organization.time_zone)
        return UTC


def clock(value: time | str) -> time:
    """Return a local time of day from a column's value or from words like "07:00".

    :raises ValueError: if the words are no time of day.
    """
    return value if isinstance(value, time) else time.fromisoformat(value)


def due_at(policy: Organization, now: datetime) -> datetime | None:
    """Return when something that arrives at `now` is to be read.

    :param policy: the organization whose reading settings count.
    :param now: timezone-aware.
    :return: an instant at or after `now` in UTC; `now` itself where reading may begin at once;
        None where it begins as soon as enough others wait too (`ReadingMode.COUNT`).
    """
    match policy.reading_mode:
        case Mode.COUNT:
            return None
        case Mode.NIGHTLY:
            return _in_window(policy, now)
        case Mode.TIMES:
            return _at_times(policy, now)
        case _:
            return now


def may_begin(policy: Organization, now: datetime) -> bool:
    """Say whether the organization's settings let work that is due begin at `now`.

    False only outside a nightly window: what the night did not manage waits for
    the next one, so that the computer is free by day.
    """
    return policy.reading_mode != Mode.NIGHTLY or due_at(policy, now) == now


def _in_window(policy: Organization, now: datetime) -> datetime:
    start, end = clock(policy.night_start), clock(policy.night_end)
    if start == end:  # all day long
        return now
    local = zone(policy)
    for day_start, day_end in _days_around(now, local, start, end):
        # A window wholly inside the hour that the spring change skips opens for its length all the same.
        closes = day_end if day_end > day_start else day_start + _length(start, end)
        if now < closes:
            return max(now, day_start)
    raise AssertionError("a window opens every day")


def _days_around(now: datetime, local: tzinfo, start: time, end: time) -> Iterator[tuple[datetime, datetime]]:
    """Yield the instants at which the window opens and closes, from yesterday's on."""
    today = now.astimezone(local).date()
    for offset in range(-1, 4):
        opens_on = today + timedelta(days=offset)
        closes_on = opens_on if start < end else opens_on + timedelta(days=1)
        yield (
            _instant(datetime.combine(opens_on, start), local),
            _instant(datetime.combine(closes_on, end), local),
        )


def _length(start: time, end: time) -> timedelta:
    """Return how long the window is on an ordinary day."""
    minutes = (end.hour - start.hour) * 60 + end.minute - start.minute
    return timedelta(minutes=minutes % (24 * 60))


def _at_times(policy: Organization, now: datetime) -> datetime:
    clocks = sorted({clock(value) for value in policy.reading_times})
    if not clocks:  # nobody has named a time yet: waiting for ever would be losing it
        return now
    local = zone(policy)
    today = now.astimezone(local).date()
    instants = (
        _instant(datetime.combine(today + timedelta(days=offset), at), local)
        for offset in range(-1, 4)
        for at in clocks
    )
    return next(instant for instant in instants if instant >= now)


def _instant(wall: datetime, local: tzinfo) -> datetime:
    """Return the one instant, in UTC, that a local wall-clock time stands for."""
    instant = wall.replace(tzinfo=local, fold=0).astimezone(UTC)
    if instant.astimezone(local).replace(tzinfo=None) == wall:
        return instant
    # The clock jumps over it. Between a day before and a day after lies exactly that jump.
    earlier, later = instant - timedelta(days=1), instant + timedelta(days=1)
    before = earlier.astimezone(local).utcoffset()
    while later - earlier > timedelta(seconds=1):
        middle = earlier + (later - earlier) / 2
        if middle.astimezone(local).utcoffset() == before:
            earlier = middle
        else:
            later = middle
    return later.replace(microsecond=0)


def waiting_words(item: WorkItem, now: datetime, *, waiting: int = 0) -> str:
    """Say when an invoice will be read, in the words of its organization's clock.

    :param item: with its organization loaded.
    :param waiting: how many invoices of the organization wait for a batch (`services.waiting_for_batch`).
    :return: what completes "The invoice ...", such as "will be read at 23:00 tonight".
    """
    match item.status:
        case Status.RUNNING:
            return "is being read"
        case Status.DONE:
            return "has been read"
        case Status.DEAD:
            return "could not be read"
    if item.due is None:
        missing = max(item.organization.batch_size - waiting, 0)
        if not missing:
            return "is next in line"
        return f"will be read when {missing} more {'is' if missing == 1 else 'are'} waiting"
    if item.due <= now:
        return "is next in line"
    local = zone(item.organization)
    words = _day_and_time(item.due.astimezone(local), now.astimezone(local))
    return f"will be tried again {words}" if item.attempts else f"will be read {words}"


def _day_and_time(at: datetime, now: datetime) -> str:
    clock_time = f"{at:%H:%M}"
    days = (at.date() - now.date()).days
    if days == 0:
        return f"at {clock_time} tonight" if at.time() >= EVENING else f"at {clock_time} today"
    if days == 1:
        return f"at {clock_time} tomorrow"
    if days < 7:
        return f"on {at:%A} at {clock_time}"
    return f"on {at.day} {at:%B} at {clock_time}"
