"""Cursor values: from the database, from a person, into records, and moved back by the look-back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import SourceError
from shared.export.cursor import (
    LAST_DAY,
    as_lowest,
    as_written,
    earlier,
    from_database,
    from_person,
    from_record,
    integer,
    moment_of,
    to_record,
)
from shared.store.records import CursorValue

if TYPE_CHECKING:
    from shared.catalog.spec import ColumnType
    from shared.export.cursor import Value

PLUS_FIVE = timezone(timedelta(hours=5))
MOMENT = datetime(2026, 11, 23, 2, 30, 15, 250_000)  # noqa: DTZ001  # as a database without zones gives it

UNWRITTEN = ["20261123T023015Z", "2026-11-23T02:30Z", "2026-W48-1", "2026-11-23T02", "2026-11-23x02:30:15"]
"""Times, but in forms that would not come back the same when they are moved."""


@pytest.mark.parametrize(
    ("found", "value"),
    [(7, 7), ("7", 7), ("-7", -7), (Decimal("7.00"), 7), ("9007199254740993", 2**53 + 1), (7.0, 7), ("0", 0)],
)
def test_a_whole_number_is_read_however_the_database_gives_it(found: Any, value: int) -> None:
    assert from_database(found, "integer") == integer(found) == value


@pytest.mark.parametrize("found", ["abc", "1.5", 1.5, Decimal("1.5"), "", "1e3", "NaN", "Infinity", " 7", "7\n", "٣"])
def test_what_is_not_a_whole_number_is_told(found: Any) -> None:
    with pytest.raises(SourceError, match=r"^the cursor holds .*; expected an integer$"):
        from_database(found, "integer")


@pytest.mark.parametrize("kind", ["integer", "date", "timestamp", "text", "category"])
def test_no_value_stays_none(kind: ColumnType) -> None:
    assert from_database(None, kind) is None


@pytest.mark.parametrize(
    "found",
    [
        MOMENT,
        MOMENT.date(),
        "2026-11-23",
        "2026-11-23 02:30:15",
        "2026-11-23T02:30:15.1234567Z",
        "2026-11-23 02:30:15+05",
    ],
)
def test_a_time_stays_as_the_database_gives_it(found: Value) -> None:
    assert from_database(found, "timestamp") == found


@pytest.mark.parametrize("found", ["infinity", "10000-01-01", "294276-12-31 23:59:59"])
def test_a_time_beyond_those_of_python_is_the_last_day(found: str) -> None:
    assert from_database(found, "timestamp") == LAST_DAY


@pytest.mark.parametrize(
    "found", ["rubbish", "", "2026", "-infinity", "10000-01-01 BC", "2026-13-01", 20261123, *UNWRITTEN]
)
def test_what_is_not_a_time_is_told(found: Any) -> None:
    with pytest.raises(SourceError, match=r"^the cursor holds .*; expected a date$"):
        from_database(found, "date")


@pytest.mark.parametrize("found", ["a", "", " x ", "infinity"])
def test_a_text_stays_as_it_is(found: str) -> None:
    assert from_database(found, "text") == from_database(found, "category") == found


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("-7", "integer", -7),
        ("2026-11-23", "date", date(2026, 11, 23)),
        ("2026-11-23", "timestamp", datetime(2026, 11, 23)),  # noqa: DTZ001
        ("2026-11-23T02:30:15.25", "timestamp", MOMENT),
        ("2026-11-23T02:30:15.25Z", "timestamp", MOMENT),
        ("2026-11-23T07:30:15.25+05:00", "timestamp", MOMENT),
    ],
)
def test_what_a_person_types_is_in_utc(text: str, kind: ColumnType, value: Value) -> None:
    assert from_person(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("soon", "integer", "expected an integer, got 'soon'"),
        ("soon", "date", "expected a date like 2026-11-23, got 'soon'"),
        ("2026-11-23T02:00:00", "date", "expected a date like 2026-11-23, got '2026-11-23T02:00:00'"),
        ("soon", "timestamp", "expected a timestamp like 2026-11-23T02:00:00, got 'soon'"),
        ("abc", "text", "a text cursor has no order that can be relied on here; export everything instead (--full)"),
    ],
)
def test_what_a_person_mistypes_is_told_with_what_was_expected(text: str, kind: ColumnType, told: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the whole message is compared
        from_person(text, kind)
    assert str(raised.value) == told


@given(st.integers() | st.text() | st.dates() | st.datetimes(timezones=st.none() | st.just(UTC) | st.just(PLUS_FIVE)))
@settings(deadline=None)
def test_a_value_comes_back_from_its_record_as_it_was(value: Value) -> None:
    back = from_record(to_record(value))
    assert (type(back), back) == (type(value), value)


def test_each_kind_of_value_has_a_type_in_the_record() -> None:
    values: list[Value] = [1, "1", MOMENT.date(), MOMENT]
    assert [to_record(value).type for value in values] == ["integer", "text", "date", "timestamp"]


@pytest.mark.parametrize(
    "record", [CursorValue("integer", "x"), CursorValue("date", "x"), CursorValue("timestamp", "x")]
)
def test_a_record_whose_text_is_not_of_its_type_is_no_value(record: CursorValue) -> None:
    with pytest.raises(ValueError, match="x"):
        from_record(record)


@pytest.mark.parametrize(
    ("value", "look_back", "kind", "before"),
    [
        (100, 30, "integer", 70),
        (MOMENT, 3_600, "timestamp", MOMENT - timedelta(hours=1)),
        (date(2026, 3, 1), 86_400, "date", date(2026, 2, 28)),
        (date(2026, 3, 1), 1, "date", date(2026, 2, 28)),  # a part of a day is a day
        (date(2026, 3, 1), 86_401, "date", date(2026, 2, 27)),
        ("2026-03-01", 86_400, "date", "2026-02-28"),
        ("2026-03-01", 1, "date", "2026-02-28"),
        ("2026-03-01", 86_401, "date", "2026-02-27"),
        ("2026-03-01 00:00:00", 1, "timestamp", "2026-02-28 23:59:59"),
        ("2026-03-01T00:00:00.1234567", 1, "timestamp", "2026-02-28T23:59:59.1234567"),
        ("2026-03-01T00:00:00Z", 60, "timestamp", "2026-02-28T23:59:00Z"),
        ("2026-03-01 00:00", 60, "timestamp", "2026-02-28 23:59"),
        ("2026-03-01 00:00", 61, "timestamp", "2026-02-28 23:58"),  # earlier rather than later
        ("2026-03-01 00:00:00.5+05:30", 60, "timestamp", "2026-02-28 23:59:00.5+05:30"),
    ],
)
def test_looking_back_keeps_the_form_of_the_value(
    value: Value, look_back: int, kind: ColumnType, before: Value
) -> None:
    assert earlier(value, look_back, kind) == before


@pytest.mark.parametrize("value", [7, MOMENT, MOMENT.date(), "2026-11-23", "2026-11-23 02:30", "rubbish"])
def test_without_a_look_back_nothing_moves(value: Value) -> None:
    assert earlier(value, 0, "timestamp") == value


def test_a_text_that_is_no_time_does_not_move() -> None:
    assert earlier("2026-11-23", 3_600, "text") == "2026-11-23"


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1)),  # noqa: DTZ001
    st.integers(0, 10**8),
    st.sampled_from(["", "Z", ".5", ".1234567+05:30"]),
)
@settings(deadline=None)
def test_times_as_text_move_as_times_do(moment: datetime, look_back: int, suffix: str) -> None:
    text = moment.isoformat(" ", "seconds")
    assert (
        earlier(text + suffix, look_back, "timestamp")
        == f"{earlier(moment.replace(microsecond=0), look_back, 'timestamp')}" + suffix
    )


@pytest.mark.parametrize(
    ("example", "written"),
    [
        (MOMENT, datetime(2027, 1, 2, 3, 4, 5, 600_000)),  # noqa: DTZ001
        (MOMENT.replace(tzinfo=PLUS_FIVE), datetime(2027, 1, 2, 3, 4, 5, 600_000, tzinfo=PLUS_FIVE)),
        (MOMENT.date(), date(2027, 1, 2)),
        ("2026-11-23", "2027-01-02"),
        ("2026-11-23 02:30:15", "2027-01-02 03:04:05"),
        ("2026-11-23T02:30:15.25Z", "2027-01-02T03:04:05.25Z"),
    ],
)
def test_a_moment_is_written_in_the_form_of_an_example(example: Value, written: Value) -> None:
    found = as_written(datetime(2027, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC), example)
    assert (type(found), found) == (type(written), written)


@pytest.mark.parametrize("suffix", ["", ".000", ".999", "Z", ".25Z", "+05", ".1+05:30", "-03"])
@pytest.mark.parametrize("example", ["2026-11-23 02:30:15", "2026-11-23 02:30:15.25", "2026-11-23 02:30:15.999Z"])
def test_the_lowest_form_of_a_second_compares_below_all_others(example: str, suffix: str) -> None:
    moment = datetime(2027, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)
    lowest = as_lowest(moment, example)
    assert "2027-01-02 03:04:04.999Z" < str(lowest) <= f"2027-01-02 03:04:05{suffix}"
    assert as_lowest(moment, MOMENT) == as_written(moment, MOMENT)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 11, 23, tzinfo=PLUS_FIVE),
        date(2026, 11, 23),
        "2026-11-23",
        "2026-11-23T00:00:00Z",
        "2026-11-23 00:00:00.1234567",
    ],
)
def test_times_in_every_form_compare_with_the_clock(value: Value) -> None:
    assert moment_of(value) == datetime(2026, 11, 23)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("value", "lowest"),
    [
        (datetime(1, 1, 2), datetime(1, 1, 1)),  # noqa: DTZ001  # as databases give them
        (date(1, 1, 2), date(1, 1, 1)),
        ("0001-01-02 00:00:00", "0001-01-01 00:00:00"),
        ("2026-11-23", "0001-01-01"),
    ],
)
def test_no_time_is_earlier_than_the_first(value: Any, lowest: Any) -> None:
    assert earlier(value, 10**12, "timestamp") == lowest
