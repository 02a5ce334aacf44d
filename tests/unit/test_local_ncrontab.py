"""The six-field timer expressions, against the rules of the real host's parser."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.ncrontab import Schedule, ScheduleError

MONDAY = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def after(expression: str, moment: datetime = MONDAY, count: int = 1) -> list[str]:
    return [f"{when:%Y-%m-%d %H:%M:%S}" for when in islice(Schedule(expression).occurrences(moment), count)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 2 * * *", ["2026-11-24 02:00:00", "2026-11-25 02:00:00"]),
        ("*/20 * * * * *", ["2026-11-23 12:00:20", "2026-11-23 12:00:40"]),
        ("0 5/20 * * * *", ["2026-11-23 12:05:00", "2026-11-23 12:25:00"]),
        ("0 0 6 * * 0", ["2026-11-29 06:00:00", "2026-12-06 06:00:00"]),
        ("0 0 6 * * Mon-Fri", ["2026-11-24 06:00:00", "2026-11-25 06:00:00"]),
        ("0 0 6 * * sun,WEDNESDAY", ["2026-11-25 06:00:00", "2026-11-29 06:00:00"]),
        ("0 0 0 1 Jan *", ["2027-01-01 00:00:00", "2028-01-01 00:00:00"]),
        ("0 0 0 29 2 *", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        ("30 10-14/2 3 * * *", ["2026-11-24 03:10:30", "2026-11-24 03:12:30"]),
    ],
)
def test_occurrences(expression: str, expected: list[str]) -> None:
    """Names go by prefix, Sunday is 0, and a/n runs from a on."""
    assert after(expression, count=2) == expected


def test_day_and_weekday_must_both_hold() -> None:
    """Elsewhere a cron fires when either does; Friday the 13th is rarer here."""
    assert after("0 0 0 13 * 5", count=2) == ["2027-08-13 00:00:00", "2028-10-13 00:00:00"]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("0 2 * * *", "expected six fields"),
        ("00:05:00", "expected six fields"),
        ("60 * * * * *", "second must be 0 to 59, got 60"),
        ("0 0 2 * * 7", "day of week must be 0 to 6, got 7"),
        ("0 0 2 L * *", "'L' is neither a number nor a name"),
        ("0 0 2 ? * *", "'?' is neither a number nor a name"),
        ("0 0 2 15W * *", "'15W' is neither"),
        ("0 0 2 * * 5#2", "'5#2' is neither"),
        ("0 0 2 * Foo *", "month: 'Foo' is neither"),
        ("0 */0 * * * *", "step after '/'"),
        ("0 */x * * * *", "step after '/'"),
        ("0 30-10 * * * *", "runs backwards"),
        ("0 , * * * *", "'' is neither"),
        ("0 -5 * * * *", "'' is neither"),
        ("0 0 0 30 2 *", "no date fits it"),
    ],
)
def test_refused(expression: str, complaint: str) -> None:
    """What the real host refuses at start is refused here, with the field's name."""
    with pytest.raises(ScheduleError, match="schedule ") as refused:
        Schedule(expression)
    assert complaint in str(refused.value)


def test_next_is_strictly_later() -> None:
    """An occurrence is not its own successor, nor is a moment just before it skipped."""
    schedule = Schedule("0 0 2 * * *")
    at_two = MONDAY.replace(hour=2)
    assert schedule.next_after(at_two) == at_two + timedelta(days=1)
    assert schedule.next_after(at_two - timedelta(microseconds=1)) == at_two
    assert schedule.next_after(at_two + timedelta(microseconds=1)) == at_two + timedelta(days=1)


@pytest.mark.parametrize(
    ("expression", "frequent"), [("*/30 * * * * *", True), ("0 * * * * *", False), ("0 0 2 * * *", False)]
)
def test_frequency(expression: str, *, frequent: bool) -> None:
    """Only timers that fire several times a minute go without a stored status."""
    assert Schedule(expression).fires_within_a_minute(MONDAY) is frequent


@given(
    hours=st.sets(st.integers(0, 23), min_size=1),
    weekdays=st.sets(st.integers(0, 6), min_size=1),
    days=st.sets(st.integers(1, 28), min_size=1),
    start=st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)),  # noqa: DTZ001 - made aware below
)
def test_agrees_with_a_search_by_hand(hours: set[int], weekdays: set[int], days: set[int], start: datetime) -> None:
    """Hour by hour through the calendar, the first that fits all fields."""
    moment = start.replace(tzinfo=UTC)
    lists = (",".join(map(str, sorted(values))) for values in (hours, days, weekdays))
    expression = "0 0 {} {} * {}".format(*lists)
    candidate = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while not (candidate.hour in hours and candidate.day in days and candidate.isoweekday() % 7 in weekdays):
        candidate += timedelta(hours=1)
    assert Schedule(expression).next_after(moment) == candidate
