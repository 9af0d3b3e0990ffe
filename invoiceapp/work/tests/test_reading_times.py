"""When invoices are read, most of all on the days when clocks jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from invoiceapp.records.models import Organization
from invoiceapp.work import reading_times
from invoiceapp.work.models import WorkItem

Mode = Organization.ReadingMode
# The spring and autumn change days of 2026.
CHANGES = [
    ("America/Chicago", date(2026, 3, 8), date(2026, 11, 1)),
    ("Europe/Berlin", date(2026, 3, 29), date(2026, 10, 25)),
    ("Australia/Sydney", date(2026, 10, 4), date(2026, 4, 5)),
]
ZONES = [name for name, _, _ in CHANGES]
CHANGE_DAYS = [(name, day) for name, *days in CHANGES for day in days]


def nightly(start: str, end: str, zone: str = "America/Chicago") -> Organization:
    return Organization(reading_mode=Mode.NIGHTLY, night_start=start, night_end=end, time_zone=zone)


def at_times(*times: str, zone: str = "America/Chicago") -> Organization:
    return Organization(reading_mode=Mode.TIMES, reading_times=list(times), time_zone=zone)


def local(zone: str, *when: int) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo(zone))


def test_at_once_is_now_and_a_batch_has_no_date() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert reading_times.due_at(Organization(), now) == now
    assert reading_times.due_at(Organization(reading_mode=Mode.COUNT), now) is None


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ((2026, 6, 1, 12, 0), (2026, 6, 1, 23, 0)),  # by day: tonight
        ((2026, 6, 1, 23, 0), None),  # it opens now
        ((2026, 6, 2, 5, 59), None),  # past midnight, still the same window
        ((2026, 6, 2, 6, 0), (2026, 6, 2, 23, 0)),  # just closed
    ],
)
def test_a_window_across_midnight(when: tuple[int, ...], expected: tuple[int, ...] | None) -> None:
    zone = "America/Chicago"
    now = local(zone, *when)
    due = reading_times.due_at(nightly("23:00", "06:00"), now)
    assert due == (local(zone, *expected) if expected else now)


def test_a_window_within_one_day_and_one_that_never_closes() -> None:
    zone = "America/Chicago"
    assert reading_times.due_at(nightly("01:00", "05:00"), local(zone, 2026, 6, 1, 5)) == local(
        zone, 2026, 6, 2, 1
    )
    now = local(zone, 2026, 6, 1, 12)
    assert reading_times.due_at(nightly("08:00", "08:00"), now) == now


def test_fixed_times_take_the_next_one_whatever_order_they_were_typed_in() -> None:
    zone = "America/Chicago"
    policy = at_times("12:30", "07:00")
    assert reading_times.due_at(policy, local(zone, 2026, 6, 1, 7, 0)) == local(zone, 2026, 6, 1, 7, 0)
    assert reading_times.due_at(policy, local(zone, 2026, 6, 1, 7, 1)) == local(zone, 2026, 6, 1, 12, 30)
    assert reading_times.due_at(policy, local(zone, 2026, 6, 1, 12, 31)) == local(zone, 2026, 6, 2, 7, 0)


def test_fixed_times_without_a_time_and_an_unknown_zone_do_not_lose_anything() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert reading_times.due_at(at_times(), now) == now
    for name in ("Mars/Olympus", "../etc/passwd", "America", ""):
        assert reading_times.due_at(at_times("12:30", zone=name), now) == now + timedelta(minutes=30)


@pytest.mark.parametrize(("zone", "day"), CHANGE_DAYS)
def test_every_half_hour_of_a_change_day_is_read_exactly_once(zone: str, day: date) -> None:
    """Whoever asks again and again through the day sees each planned time once: not skipped, not doubled."""
    first = datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC)
    last = datetime.combine(day + timedelta(days=1), time(0), ZoneInfo(zone)).astimezone(UTC)
    for minutes in range(0, 24 * 60, 30):
        clock = f"{minutes // 60:02}:{minutes % 60:02}"
        policy = at_times(clock, zone=zone)
        found = set()
        now = first
        while now < last:
            due = reading_times.due_at(policy, now)
            assert due is not None and due >= now
            if due < last:
                found.add(due)
            now += timedelta(minutes=19)
        assert len(found) == 1, f"{clock} on {day} in {zone}: {sorted(found)}"


@pytest.mark.parametrize(("zone", "day"), CHANGE_DAYS)
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("23:00", "06:00"),
        ("22:30", "02:30"),  # may end in the hour that is skipped or repeated
        ("02:30", "05:00"),  # may begin in it
        ("02:15", "02:45"),  # may lie wholly in it
        ("02:30", "03:10"),
        ("01:30", "02:00"),
        ("01:10", "01:40"),
        ("00:00", "03:00"),
    ],
)
def test_a_window_opens_once_a_night_through_a_change_day(zone: str, day: date, start: str, end: str) -> None:
    policy = nightly(start, end, zone)
    begin = datetime.combine(day - timedelta(days=1), time(12), ZoneInfo(zone)).astimezone(UTC)
    finish = datetime.combine(day + timedelta(days=1), time(12), ZoneInfo(zone)).astimezone(UTC)
    now, openings, was_open, opened_minutes = begin, 0, False, 0
    while now < finish:
        due = reading_times.due_at(policy, now)
        assert due is not None and due >= now
        is_open = due == now
        assert is_open == reading_times.may_begin(policy, now)
        openings += is_open and not was_open
        opened_minutes += 5 * is_open
        was_open = is_open
        # What is promised holds: at the promised instant the window is open.
        assert reading_times.may_begin(policy, due)
        now += timedelta(minutes=5)
    assert openings == 2, f"{start} to {end} opened {openings} times in two nights"
    length = reading_times._length(time.fromisoformat(start), time.fromisoformat(end)).total_seconds() / 60
    assert abs(opened_minutes - 2 * length) <= 60


@pytest.mark.parametrize(("zone", "spring", "autumn"), CHANGES)
def test_a_skipped_time_is_the_jump_and_a_repeated_one_its_first_occurrence(
    zone: str, spring: date, autumn: date
) -> None:
    midnight = datetime.combine(spring, time(0), ZoneInfo(zone))
    due = reading_times.due_at(at_times("02:30", zone=zone), midnight)
    assert due is not None
    assert due.astimezone(ZoneInfo(zone)).time() == time(3)

    repeated = "01:30" if zone == "America/Chicago" else "02:30"
    due = reading_times.due_at(
        at_times(repeated, zone=zone), datetime.combine(autumn, time(0), ZoneInfo(zone))
    )
    assert due is not None
    assert due.astimezone(ZoneInfo(zone)).fold == 0


# --- what people see -------------------------------------------------------------------------------

NOON = local("America/Chicago", 2026, 6, 1, 12)


def item(*, due: datetime | None, status: str = WorkItem.Status.QUEUED, attempts: int = 0) -> WorkItem:
    organization = Organization(time_zone="America/Chicago", batch_size=5)
    return WorkItem(organization=organization, due=due, status=status, attempts=attempts)


@pytest.mark.parametrize(
    ("due", "words"),
    [
        (local("America/Chicago", 2026, 6, 1, 23), "will be read at 23:00 tonight"),
        (local("America/Chicago", 2026, 6, 1, 14, 30), "will be read at 14:30 today"),
        (local("Europe/Berlin", 2026, 6, 2, 14), "will be read at 07:00 tomorrow"),  # in the firm's own time
        (local("America/Chicago", 2026, 6, 4, 7), "will be read on Thursday at 07:00"),
        (local("America/Chicago", 2026, 6, 20, 7), "will be read on 20 June at 07:00"),
        (NOON, "is next in line"),
    ],
)
def test_waiting_invoices_say_when_they_will_be_read(due: datetime, words: str) -> None:
    assert reading_times.waiting_words(item(due=due), NOON) == words


def test_words_for_batches_running_and_second_attempts() -> None:
    assert (
        reading_times.waiting_words(item(due=None), NOON, waiting=2) == "will be read when 3 more are waiting"
    )
    assert (
        reading_times.waiting_words(item(due=None), NOON, waiting=4) == "will be read when 1 more is waiting"
    )
    assert reading_times.waiting_words(item(due=NOON, status="running"), NOON) == "is being read"
    again = item(due=NOON + timedelta(minutes=4), attempts=2)
    assert reading_times.waiting_words(again, NOON) == "will be tried again at 12:04 today"
