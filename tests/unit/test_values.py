"""Texts of a CSV into values; what does not fit is told by row, with what was expected and what came."""

import numpy as np
import pytest

from shared.catalog.spec import Column
from shared.training.values import parse_column


def parse(column: Column, *texts: str | None) -> tuple[list, dict[int, str]]:
    values, wrong = parse_column(np.array(texts, dtype=object), column)
    return list(values), wrong


@pytest.mark.parametrize("text", ["0", "-3", "+7", "41", "1e3", "41.0", " 5 "])
def test_integers_are_taken(text: str) -> None:
    values, wrong = parse(Column("integer"), text)
    assert not wrong
    assert values == [float(text)]


@pytest.mark.parametrize("text", ["4.5", "x", "", "0x1f", "1_000", "nan", "inf", "1,5", "٣", "1e400", "--1", "true"])
def test_what_is_no_integer_is_refused(text: str) -> None:
    _, wrong = parse(Column("integer"), text)
    assert wrong == {0: f"expected an integer, got {text!r}"}


def test_bounds_are_inclusive_and_named() -> None:
    _, wrong = parse(Column("integer", min=16, max=120), "16", "120", "15", "121")
    assert wrong == {
        2: "expected an integer at least 16 and at most 120, got '15'",
        3: "expected an integer at least 16 and at most 120, got '121'",
    }


@pytest.mark.parametrize("text", ["1.5", ".5", "5.", "-1e-3", "0"])
def test_numbers_are_taken(text: str) -> None:
    values, wrong = parse(Column("number"), text)
    assert not wrong
    assert values == [float(text)]


@pytest.mark.parametrize("text", ["1e39", "-3.5e38"])
def test_a_number_that_a_graph_cannot_hold_is_refused(text: str) -> None:
    assert parse(Column("number"), text)[1] == {0: f"expected a number, got '{text}'"}


@pytest.mark.parametrize(("text", "value"), [("true", 1), ("FALSE", 0), ("1", 1), ("0", 0)])
def test_booleans_are_taken(text: str, value: float) -> None:
    assert parse(Column("boolean"), text) == ([value], {})


def test_another_word_is_no_boolean() -> None:
    assert parse(Column("boolean"), "yes")[1] == {0: "expected true or false, got 'yes'"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23T02:00:00", "2026-11-23T02:00"),
        ("2026-11-23T02:00:00.000001", "2026-11-23T02:00:00.000001"),
        ("2026-11-23T02:00:00+02:00", "2026-11-23T00:00"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31"),
    ],
)
def test_times_are_read_as_utc(text: str, value: str) -> None:
    values, wrong = parse(Column("timestamp"), text)
    assert not wrong
    assert values == [np.datetime64(value, "us")]


@pytest.mark.parametrize("text", ["23.11.2026", "yesterday", "2026-13-01", "2026-02-30", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    assert parse(Column("date"), text)[1] == {0: f"expected a date like 2026-11-23, got {text!r}"}


def test_declared_levels_are_the_only_ones() -> None:
    assert parse(Column("category", levels=("a", "b")), "a", "c")[1] == {1: "expected one of a, b, got 'c'"}


def test_a_category_takes_any_text_and_the_empty_text_is_one() -> None:
    assert parse(Column("category"), "x", "")[1] == {}


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "category", "date", "timestamp"])
def test_an_empty_field_is_refused_unless_the_column_may_be_empty(kind: str) -> None:
    assert parse(Column(kind), None)[1][0].startswith("is empty; expected ")
    assert parse(Column(kind, nullable=True), None)[1] == {}


def test_a_long_value_is_cut_in_the_message() -> None:
    _, wrong = parse(Column("integer"), "x" * 10_000_000)
    assert len(wrong[0]) < 100
