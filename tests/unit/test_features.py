"""From values to the array that a graph takes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from shared.features import FEW_ROWS, UNKNOWN_LEVEL, WEEKDAYS, Encoder, is_coded
from shared.store.records import Input

INPUTS = (
    Input("age", "integer"),
    Input("job", "category", levels=("clerk", "cook", "pilot")),
    Input("price", "decimal", nullable=True),
    Input("member", "boolean"),
    Input("city", "category", nullable=True, levels=("Bilbao",)),
)
COLUMNS: dict[str, list[Any]] = {
    "age": [41, 18, 99],
    "job": ["cook", "clerk", "pilot"],
    "price": [1.5, None, -2.0],
    "member": [True, False, True],
    "city": ["Bilbao", None, "Bilbao"],
}


def encode(item: Input, *values: Any) -> list[float]:
    """One column, encoded."""
    return Encoder([item]).encode({item.name: values}, len(values))[:, 0].tolist()


def test_rows_become_32_bit_floats_one_column_per_input_in_order() -> None:
    matrix = Encoder(INPUTS).encode(COLUMNS, 3)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, [[41, 1, 1.5, 1, 0], [18, 0, np.nan, 0, 1], [99, 2, -2, 1, 0]])


def test_the_order_of_the_columns_given_makes_no_difference() -> None:
    encoder = Encoder(INPUTS)
    turned = dict(reversed(COLUMNS.items()))
    np.testing.assert_array_equal(encoder.encode(turned, 3), encoder.encode(COLUMNS, 3))


def test_row_by_row_is_the_same_as_all_at_once() -> None:
    encoder = Encoder(INPUTS)
    one_by_one = [encoder.encode({name: [values[row]] for name, values in COLUMNS.items()}, 1)[0] for row in range(3)]
    np.testing.assert_array_equal(encoder.encode(COLUMNS, 3), one_by_one)


def test_many_rows_are_encoded_as_few_are() -> None:
    inputs = (*INPUTS, WEEKDAY)
    encoder = Encoder(inputs)
    days = [MONDAY + timedelta(days=day) for day in (0, 3, 6)]
    few = {**COLUMNS, "job": ["cook", "diver", "pilot"], "on": days}
    times = 2 * FEW_ROWS
    many = {name: values * times for name, values in few.items()}
    expected = np.tile(encoder.encode(few, 3), (times, 1))
    matrix = encoder.encode(many, 3 * times)
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    np.testing.assert_array_equal(matrix, expected)
    assert encoder.unknown(matrix) == [(3 * row + 1, "job") for row in range(times)]
    assert encoder.unknown(matrix[:3]) == [(1, "job")]


def test_a_level_is_coded_by_its_place_and_a_strange_one_as_unknown() -> None:
    item = Input("job", "category", levels=("clerk", "cook"))
    assert encode(item, "clerk", "cook", "pilot", "Cook", "") == [0, 1, UNKNOWN_LEVEL, UNKNOWN_LEVEL, UNKNOWN_LEVEL]


def test_an_empty_category_has_a_code_of_its_own() -> None:
    item = Input("job", "category", nullable=True, levels=("clerk", "cook"))
    assert encode(item, None) == [2]


def test_the_empty_text_is_a_level_like_any_other_and_no_empty_value() -> None:
    item = Input("job", "category", nullable=True, levels=("", "cook"))
    assert encode(item, "", None) == [0, 2]


def test_a_category_without_levels_knows_only_the_empty_value() -> None:
    assert encode(Input("job", "category"), None, "cook") == [0, UNKNOWN_LEVEL]


@pytest.mark.parametrize("kind", ["integer", "number", "decimal"])
def test_an_empty_number_is_nan(kind: Any) -> None:
    assert np.isnan(encode(Input("n", kind, nullable=True), None, float("nan"))).all()


def test_booleans_are_one_and_zero_and_may_be_empty() -> None:
    assert encode(Input("b", "boolean"), True, False) == [1, 0]
    assert np.isnan(encode(Input("b", "boolean", nullable=True), None)[0])


def test_numbers_are_taken_from_lists_and_from_arrays_alike() -> None:
    item = Input("n", "number")
    for values in (
        [1, 2.5],
        np.array([1, 2.5]),
        np.array([1, 2.5], dtype=object),
        np.array([1, 2.5], dtype=np.float32),
    ):
        assert encode(item, *values) == Encoder([item]).encode({"n": values}, 2)[:, 0].tolist() == [1, 2.5]


WEEKDAY = Input("on", "weekday", levels=WEEKDAYS)
MONDAY = date(2024, 1, 1)


def test_a_date_counts_by_its_weekday_and_monday_is_0() -> None:
    assert encode(WEEKDAY, *(MONDAY + timedelta(days=day) for day in range(8))) == [0, 1, 2, 3, 4, 5, 6, 0]


@pytest.mark.parametrize("unit", ["D", "s", "ms", "us", "ns"])
def test_times_of_every_precision_count_by_their_day(unit: str) -> None:
    times = np.array(["2024-01-01T00:00:00", "2024-01-01T23:59:59", "2024-01-07T12:00:00"]).astype(
        f"datetime64[{unit}]"
    )
    assert Encoder([WEEKDAY]).encode({"on": times}, 3)[:, 0].tolist() == [0, 0, 6]


def test_times_with_a_clock_count_by_their_day() -> None:
    assert encode(WEEKDAY, datetime(2024, 1, 7, 23, 59, 59, 999999), datetime(2024, 1, 8)) == [6, 0]  # noqa: DTZ001


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(1969, 12, 31), date(1970, 1, 1), date(2000, 2, 29)])
def test_weekdays_are_those_of_the_calendar(day: date) -> None:
    moment = np.datetime64(datetime(day.year, day.month, day.day, 18, tzinfo=UTC).replace(tzinfo=None))
    assert encode(WEEKDAY, day) == [day.weekday()]
    assert Encoder([WEEKDAY]).encode({"on": np.array([moment])}, 1)[0, 0] == day.weekday()


def test_a_weekday_is_coded_and_is_never_an_unknown_level() -> None:
    encoder = Encoder([*INPUTS, WEEKDAY])
    columns = {**COLUMNS, "on": [MONDAY] * 3}
    assert is_coded(WEEKDAY)
    assert encoder.category_places == [1, 4]
    assert encoder.unknown(encoder.encode(columns, 3)) == []


def test_no_dates_make_an_empty_column() -> None:
    assert Encoder([WEEKDAY]).encode({"on": []}, 0).shape == (0, 1)


def test_a_number_that_is_an_unknown_level_elsewhere_is_a_number_here() -> None:
    encoder = Encoder(INPUTS)
    columns = {**COLUMNS, "age": [-1, -1, -1], "price": [-1, -1, -1]}
    assert encoder.unknown(encoder.encode(columns, 3)) == []


def test_unknown_levels_are_told_by_row_and_name() -> None:
    encoder = Encoder(INPUTS)
    columns = {**COLUMNS, "job": ["cook", "diver", "pilot"], "city": ["Lugo", "Vigo", None]}
    assert encoder.unknown(encoder.encode(columns, 3)) == [(0, "city"), (1, "job"), (1, "city")]


def test_without_categories_nothing_is_unknown() -> None:
    encoder = Encoder([Input("n", "number")])
    assert encoder.unknown(encoder.encode({"n": [-1.0]}, 1)) == []


def test_no_rows_make_an_empty_array() -> None:
    matrix = Encoder(INPUTS).encode({item.name: [] for item in INPUTS}, 0)
    assert matrix.shape == (0, len(INPUTS))


def test_where_the_categories_are_is_known() -> None:
    assert Encoder(INPUTS).category_places == [1, 4]
