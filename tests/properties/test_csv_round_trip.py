"""What the export writes, training reads, whatever the values are and however the bytes come."""

from __future__ import annotations

import base64
import csv
import io
import itertools
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.csv_format import csv_rows, read_csv

AWKWARD = st.sampled_from(
    ["", '"', '""', ",", "\r", "\n", "\r\n", "\u2028", "\x85", "\x00", "🙂", "\ufeff", " ", "a,b", "NULL", "é"]
)
TEXT = st.one_of(st.text(), st.lists(AWKWARD, max_size=5).map("".join))
ROWS = st.lists(st.tuples(*[st.none() | TEXT] * 3), max_size=20)
HEADER = ["first", "with space", 'with "quotes", and a comma']


def write(rows: list[Any], header: list[str]) -> bytes:
    return csv_rows([header]) + csv_rows(rows)


def read(chunks: list[bytes]) -> tuple[list[str], list[list[str | None]]]:
    header, rows = read_csv(chunks, "f.csv")
    return header, [row for _, row in rows]


def read_elsewhere(data: bytes) -> list[list[str | None]]:
    """All lines, as Python's csv module alone reads them."""
    reader: Any = csv.reader(io.StringIO(data.decode(), newline=""), quoting=csv.QUOTE_NOTNULL, strict=True)
    return list(reader)


def field(value: Any) -> str:
    """The text that comes back of one value."""
    _, ((_, text),) = read([write([(1, value)], ["a", "b"])])
    assert text is not None
    return text


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """``data`` cut at these places, some of which may be the same."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(ROWS)
def test_text_and_null_come_back_as_they_were(rows: list[tuple[str | None, ...]]) -> None:
    assert read([write(rows, HEADER)]) == (HEADER, [list(row) for row in rows])


@given(ROWS, st.lists(st.integers(min_value=0), max_size=20))
def test_the_chunks_make_no_difference(rows: list[tuple[str | None, ...]], cuts: list[int]) -> None:
    data = write(rows, HEADER)
    assert read(pieces(data, cuts)) == read([data])


@given(ROWS)
def test_one_byte_at_a_time_makes_no_difference(rows: list[tuple[str | None, ...]]) -> None:
    data = write(rows, HEADER)
    assert read([bytes([byte]) for byte in data]) == read([data])


@given(ROWS)
def test_another_reader_reads_the_same(rows: list[tuple[str | None, ...]]) -> None:
    assert read_elsewhere(write(rows, HEADER)) == [HEADER, *(list(row) for row in rows)]


@given(st.lists(st.none() | TEXT, max_size=20))
def test_a_single_column_comes_back_with_its_nulls(column: list[str | None]) -> None:
    data = write([(value,) for value in column], ["first"])
    assert read([data]) == (["first"], [[value] for value in column])
    # An empty line has no field for the csv module.
    assert read_elsewhere(data) == [["first"], *([] if value is None else [value] for value in column)]


@given(ROWS, ROWS)
def test_batches_written_one_after_the_other_are_one_file(first: list[Any], second: list[Any]) -> None:
    assert csv_rows(first) + csv_rows(second) == csv_rows(first + second)


MIXED = st.one_of(
    st.none(), TEXT, st.integers(), st.floats(allow_nan=False), st.booleans(), st.dates(), st.datetimes(), st.times(),
    st.binary(), st.decimals(allow_nan=False, allow_infinity=False), st.uuids(),
)  # fmt: skip


@given(st.lists(st.tuples(MIXED, MIXED), max_size=20))
def test_types_that_mix_in_a_column_do_not_touch_each_other(rows: list[tuple[Any, Any]]) -> None:
    data = csv_rows(rows)
    assert data == b"".join(csv_rows([row]) for row in rows)
    assert read_elsewhere(data) == [[None if value is None else field(value) for value in row] for row in rows]
    assert read([write(rows, ["a", "b"])])[1] == read_elsewhere(data)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_keep_their_value_and_have_no_exponent(value: Decimal) -> None:
    text = field(value)
    assert Decimal(text) == value
    assert "E" not in text


@given(st.decimals(places=4, min_value=-(10**12), max_value=10**12))
def test_decimals_keep_their_digits(value: Decimal) -> None:
    assert field(value) == str(value) or "E" in str(value)
    assert len(field(value).partition(".")[2]) == 4


@given(st.floats(allow_nan=False))
def test_numbers_lose_nothing(value: float) -> None:
    assert float(field(value)) == value


@given(st.integers())
def test_integers_lose_nothing(value: int) -> None:
    assert int(field(value)) == value


@given(st.datetimes(timezones=st.none() | st.just(UTC)))
def test_timestamps_are_iso_8601(value: datetime) -> None:
    assert datetime.fromisoformat(field(value)) == value


@given(st.dates(), st.times())
def test_dates_and_times_are_iso_8601(day: date, hour: time) -> None:
    assert date.fromisoformat(field(day)) == day
    assert time.fromisoformat(field(hour)) == hour


@given(st.binary())
def test_bytes_are_base64(value: bytes) -> None:
    assert base64.b64decode(field(value), validate=True) == value


@given(st.booleans())
def test_booleans_are_true_or_false(value: bool) -> None:
    assert field(value) == str(value).lower()
