"""What a JSON request may send: rows, keys, and numbers however they are written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from msgspec import UNSET

from tests.json_rows import READER, faults_of, literal, read, without
from tests.tiny_versions import ROW

if TYPE_CHECKING:
    from typing import Any


def test_a_row_comes_back_by_column() -> None:
    rows = read(ROW)
    assert (rows.count, rows.keys) == (1, [UNSET])
    assert rows.columns == {name: [value] for name, value in ROW.items()}


def test_a_list_comes_back_in_its_order() -> None:
    rows = read([ROW | {"age": age} for age in (50, 20, 35)])
    assert (rows.count, rows.columns["age"]) == (3, [50, 20, 35])


def test_a_list_of_one_is_what_its_row_is() -> None:
    assert read([ROW]) == read(ROW)


def test_an_empty_list_has_no_rows() -> None:
    rows = read([])
    assert (rows.count, rows.keys, rows.columns["age"]) == (0, [], [])


def test_a_byte_order_mark_is_passed_over() -> None:
    for content in (ROW, [ROW, ROW], {"columns": {name: [value] for name, value in ROW.items()}}):
        assert READER.read(b"\xef\xbb\xbf" + json.dumps(content).encode()) == READER.read(json.dumps(content).encode())


def test_the_order_of_names_is_free() -> None:
    assert read(dict(reversed(ROW.items()))) == read(ROW)


@pytest.mark.parametrize("name", ["balance", "job", "f0", "owns car"])
def test_what_may_be_empty_may_be_null_or_absent(name: str) -> None:
    assert read(without(name)) == read(ROW | {name: None})
    assert read(without(name)).columns[name] == [None]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", 16), ("age", 120), ("key", 2**53), ("key", -(2**53)), ("f0", 1), ("f0", 9),
        ("balance", -12), ("balance", 3.4e38), ("balance", -3.4e38), ("balance", 1e-320), ("balance", 2**70),
        ("cons.price.idx", 90.5), ("cons.price.idx", 99.5), ("cons.price.idx", 93),
        ("class", "never seen"), ("class", ""), ("class", "ñ\u0000\U0001f600"), ("member", False), ("job", "1"),
    ],
)  # fmt: skip
def test_everything_up_to_the_bounds_is_taken(name: str, value: Any) -> None:
    assert read(ROW | {name: value}).columns[name] == [value]


def test_of_a_name_that_stands_twice_the_last_value_counts() -> None:
    assert READER.read(b'{"age": 20, ' + json.dumps(ROW).encode()[1:]).columns["age"] == [41]


def test_of_a_name_that_stands_twice_the_first_value_must_fit_too() -> None:
    (fault,) = faults_of(b'{"age": "x", ' + json.dumps(ROW).encode()[1:])
    assert "$.age" in fault.expected
    assert (fault.got, fault.field) == ("'age' twice", "age")


@pytest.mark.parametrize("other", ["41.0", '"x"'])
def test_beside_an_integer_written_as_41_0_no_name_may_stand_twice(other: str) -> None:
    """The decoder stops at the first of them, and nobody would look at the first value of the other."""
    body = f'{{"age": {other}, "key": 5.0, {json.dumps(ROW)[1:]}'.encode()
    columns = {"columns": {name: [value] for name, value in ROW.items()}}
    in_columns = json.dumps(columns).replace('{"age"', f'{{"key": [5.0], "age": [{other}], "age"').encode()
    for sent in (body, b"[" + body + b"]", in_columns):
        (fault,) = faults_of(sent)
        assert fault.got in {"'age' twice", "'key' twice"}


def test_columns_are_known_however_their_name_is_written() -> None:
    columns = json.dumps({"columns": {name: [value] for name, value in ROW.items()}})
    assert READER.read(columns.replace("columns", "c\\u006Flumn\\u0073", 1).encode()) == read(ROW)


@pytest.mark.parametrize("sent", ["41.0", "4.1e1", "410e-1", "41.000"])
def test_an_integer_may_be_written_as_a_number_with_nothing_behind_its_point(sent: str) -> None:
    body = literal("age", sent)
    listed = b"[" + json.dumps(ROW | {"contact_id": 7}).encode() + b"," + body[:-1] + b', "contact_id": 7.0}]'
    assert [type(value) for value in READER.read(body).columns["age"]] == [int]
    assert READER.read(body) == read(ROW)
    assert READER.read(listed) == read([ROW | {"contact_id": 7}] * 2)
    columns = {"columns": {name: [value, value] for name, value in ROW.items()}}
    written = json.dumps(columns).replace('"age": [41, 41]', f'"age": [41, {sent}]').encode()
    assert READER.read(written) == read(columns)


def test_what_else_is_wrong_is_told_beside_such_an_integer() -> None:
    assert [fault.field for fault in faults_of(literal("age", "41.0")[:-1] + b', "f0": 0}')] == ["f0"]


# The key


@pytest.mark.parametrize("key", [7, 0, -1, 2**70, "7", "", "a-b", None])
def test_the_key_comes_back_as_it_was_sent(key: Any) -> None:
    assert read(ROW | {"contact_id": key}).keys == [key]
    assert type(read([ROW | {"contact_id": key}]).keys[0]) is type(key)


def test_rows_with_and_without_a_key_may_come_together() -> None:
    assert read([ROW | {"contact_id": 1}, ROW, ROW | {"contact_id": "b"}]).keys == [1, UNSET, "b"]


@pytest.mark.parametrize("key", ["7.5", "9007199254740994.0", "1e300", "true", "[1]", "{}", "1e400", "9" * 5000])
def test_a_key_of_another_kind_is_refused(key: str) -> None:
    (fault,) = faults_of(literal("contact_id", key))
    assert (fault.path, fault.expected) == ("$.contact_id", "an integer, a text or null")
