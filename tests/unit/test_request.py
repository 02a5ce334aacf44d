"""What a request may send, and what is said to one that sends something else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from shared.scoring.formats.json_request import RowReader
from shared.scoring.rows import MOST_FAULTS, SHOWN_CHARACTERS, Fault, NotRead, RequestFaulty
from shared.scoring.serving.session import LoadedVersion
from shared.store.records import Input
from shared.store.registry import GRAPH_FILE
from tests.tiny_versions import INPUTS, ROW, make

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from shared.scoring.rows import Rows

VERSION, FILES = make(column=0, weight=0.05, bias=-2.0)
LOADED = LoadedVersion(VERSION, FILES[GRAPH_FILE])
READER = LOADED.reader
QUICK = settings(deadline=None, max_examples=100)


def read(content: Any) -> Rows:
    return READER.read(json.dumps(content).encode())


def faults_of(body: bytes) -> list[Fault]:
    with pytest.raises(RequestFaulty) as caught:
        READER.read(body)
    return caught.value.faults


def faults(content: Any) -> list[Fault]:
    return faults_of(json.dumps(content).encode())


def literal(name: str, value: str) -> bytes:
    """ROW as JSON, with ``value`` as it stands in the place of ``name``."""
    return json.dumps(ROW | {name: "here"}).replace('"here"', value).encode()


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in ROW.items() if name not in names}


# What is taken


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


# What is refused

INTEGER, BOUNDED = "an integer", "an integer at least 16 and at most 120"
NUMBER, PRICE = "a number, or null", "a number at least 90.5 and at most 99.5"
TEXT, FLAG = "a text", "true or false"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("age", "15", BOUNDED), ("age", "121", BOUNDED), ("age", "true", BOUNDED), ("age", "null", BOUNDED),
        ("age", "15.0", BOUNDED), ("age", "41.5", BOUNDED), ("age", "1.21e2", BOUNDED), ("age", '"41"', BOUNDED),
        ("key", "9007199254740994.0", INTEGER), ("key", "-1e16", INTEGER),
        ("age", "[41]", BOUNDED), ("age", '{"age": 41}', BOUNDED), ("age", "1e400", BOUNDED),
        ("key", str(2**53 + 1), INTEGER), ("key", str(-(2**53) - 1), INTEGER), ("key", str(2**70), INTEGER),
        ("key", "1e39", INTEGER), ("key", "1e400", INTEGER), ("key", "9" * 5000, INTEGER),
        ("f0", "0", "an integer at least 1 and at most 9, or null"),
        ("balance", '"900"', NUMBER), ("balance", "true", NUMBER), ("balance", "1e39", NUMBER),
        ("balance", "-1e39", NUMBER), ("balance", "1e400", NUMBER), ("balance", "-1e400", NUMBER),
        ("balance", "9" * 5000, NUMBER), ("balance", "[]", NUMBER), ("balance", '"NaN"', NUMBER),
        ("cons.price.idx", "90.4999", PRICE), ("cons.price.idx", "99.51", PRICE), ("cons.price.idx", "null", PRICE),
        ("class", "1", TEXT), ("class", "1.5", TEXT), ("class", "true", TEXT), ("class", "null", TEXT),
        ("class", '["first"]', TEXT), ("job", "1", "a text, or null"),
        ("member", "1", FLAG), ("member", '"true"', FLAG), ("member", "null", FLAG),
        ("owns car", "0", "true or false, or null"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_told_with_what_was_expected_and_what_came(
    name: str, value: str, expected: str
) -> None:
    shown = value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "..."
    assert faults_of(literal(name, value)) == [Fault(f"$.{name}", expected, shown, 0, name)]


@pytest.mark.parametrize("name", ["age", "cons.price.idx", "class", "member", "key"])
def test_a_missing_value_is_told(name: str) -> None:
    (fault,) = faults(without(name))
    assert (fault.path, fault.got) == (f"$.{name}", "nothing")


def test_a_column_that_is_known_too_late_is_refused_with_its_reason() -> None:
    (fault,) = faults(ROW | {"duration": 300})
    assert fault == Fault(
        "$.duration", "not to be sent: the length of the call is known when it has ended", "300", 0, "duration"
    )


@pytest.mark.parametrize("name", ["Age", "age ", "f1", "unknown", "", "$", "version"])
def test_a_name_that_the_model_does_not_have_is_refused(name: str) -> None:
    assert faults(ROW | {name: [1, 2]}) == [
        Fault(f"$.{name}", "not to be sent: the model has no such input", "[1, 2]", 0, name)
    ]


def test_all_faults_of_all_rows_are_told_at_once() -> None:
    found = faults(
        [
            ROW,
            ROW | {"age": 12, "member": "yes"},
            "a text",
            without("age", "class") | {"duration": 1, "contact_id": 1.5},
        ]
    )
    assert [(fault.path, fault.got) for fault in found] == [
        ("$[1].age", "12"),
        ("$[1].member", '"yes"'),
        ("$[2]", '"a text"'),
        ("$[3].duration", "1"),
        ("$[3].age", "nothing"),
        ("$[3].class", "nothing"),
        ("$[3].contact_id", "1.5"),
    ]


@pytest.mark.parametrize("body", [b'"a row"', b"1", b"1e400", b"null", b"true"])
def test_what_is_neither_an_object_nor_a_list_is_told(body: bytes) -> None:
    assert faults_of(body) == [Fault("$", "an object with the model's inputs", body.decode(), 0)]


@pytest.mark.parametrize("row", ["null", "3", '"x"', "[]", "[{}]", "1e400"])
def test_a_row_that_is_no_object_is_told(row: str) -> None:
    assert faults_of(f"[{row}]".encode()) == [Fault("$[0]", "an object with the model's inputs", row, 0)]


def test_at_most_a_hundred_faults_are_told() -> None:
    assert len(faults([{"age": 1}] * 10_000)) == MOST_FAULTS == 100
    assert len(faults({str(number): number for number in range(10_000)})) == MOST_FAULTS


def test_what_came_is_cut_where_it_is_long() -> None:
    for fault in faults(ROW | {"class": ["x" * 1000], "y" * 1000: "é" * 1000}):
        assert max(len(fault.path), len(fault.got)) < 60


# What is not JSON


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"[", b"nonsense", b"age=41", b"<xml/>", b"{'age': 41}", b"[1,]", b"\x00", b"\xff\xfe",
        b"\xef\xbb\xbf{}", json.dumps(ROW).encode()[:-1], json.dumps([ROW, ROW]).encode()[:-20],
        json.dumps(ROW).encode() + b"x", json.dumps(ROW).encode("utf-16"), b"1 2",
        literal("class", '"\xff"').replace(b"\xc3\xbf", b"\xff"), literal("class", '"\\ud800"'),
        literal("age", "NaN"), literal("balance", "Infinity"), literal("balance", "-Infinity"), literal("age", "041"),
        literal("balance", "1."), literal("balance", ".5"), literal("balance", "+1"), literal("age", ""),
    ],
)  # fmt: skip
def test_what_is_not_json_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NotRead) as caught:
        READER.read(body)
    assert str(caught.value)


@pytest.mark.parametrize(
    "rest",
    [
        b'{"age": NaN}]', b"{", b"", b'"\xff"]', b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000 + b"]",
        b'{"class": "\xff"}]', b'{"\xff": 1}]', b"1] 2",
    ],
)  # fmt: skip
def test_what_is_not_json_is_none_whatever_is_wrong_before_it(rest: bytes) -> None:
    with pytest.raises(NotRead):
        READER.read(b'[{"age": "x"}, ' + rest)


@pytest.mark.parametrize("end", [b'{"class": "\xff"}]', b'{"class": "\\x"}]', b"{}", b"NaN]", b"[" * 100_000])
def test_what_is_not_json_is_none_however_many_faults_come_before_it(end: bytes) -> None:
    with pytest.raises(NotRead):
        READER.read(b"[" + b'{"age": 1},' * 1000 + end)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"class":', b'{"contact_id":[', b'{"age":{"age":'])
def test_a_hundred_thousand_brackets_are_refused(opening: bytes) -> None:
    with pytest.raises(NotRead):
        READER.read(opening * 100_000)


# Bounds of the schema


def test_bounds_beyond_what_can_be_computed_with_are_taken_as_those() -> None:
    inputs = (Input("count", "integer", min=-1e300, max=1e300), Input("amount", "number", min=-1e300, max=1e300))
    reader = RowReader(make(inputs=inputs)[0])
    assert reader.read(b'{"count": 9007199254740992, "amount": -3.4e38}').count == 1
    for body in (b'{"count": 9007199254740993, "amount": 1}', b'{"count": 1, "amount": 1e39}'):
        with pytest.raises(RequestFaulty):
            reader.read(body)


def test_bounds_between_integers_are_rounded_inwards() -> None:
    reader = RowReader(make(inputs=(Input("count", "integer", min=0.5, max=2.5),))[0])
    assert reader.read(b'[{"count": 1}, {"count": 2}]').count == 2
    for count in (0, 3):
        with pytest.raises(RequestFaulty):
            reader.read(json.dumps({"count": count}).encode())


def test_bounds_are_told_to_the_last_digit() -> None:
    reader = RowReader(make(inputs=(Input("count", "integer", min=-1_234_567, max=10_000_000),))[0])
    with pytest.raises(RequestFaulty) as caught:
        reader.read(b'{"count": 10000001}')
    assert caught.value.faults[0].expected == "an integer at least -1,234,567 and at most 10,000,000"


def test_a_version_without_unusable_columns_or_categories_reads_rows() -> None:
    version = msgspec.structs.replace(make(inputs=(Input("x", "number"),))[0], unusable={})
    assert RowReader(version).read(b'{"x": 1}').columns == {"x": [1.0]}


# Properties

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*ROW, "z"]) | st.text(), inner),
    max_leaves=20,
)


def values(item: Input) -> st.SearchStrategy[Any]:
    kinds = {
        "integer": st.integers(int(item.min or -(2**53)), int(item.max or 2**53)),
        "boolean": st.booleans(),
        "category": st.sampled_from(item.levels or ("",)) | st.text(),
    }
    numbers = st.floats(item.min or -3.4e38, item.max or 3.4e38)
    kind = kinds.get(item.type, numbers)
    return kind | st.none() if item.nullable else kind


ROWS = st.fixed_dictionaries(
    {item.name: values(item) for item in INPUTS if not item.nullable},
    optional={
        **{item.name: values(item) for item in INPUTS if item.nullable},
        "contact_id": st.integers() | st.text() | st.none(),
    },
)


def outcome(body: bytes) -> Rows | list[Fault] | None:
    """The rows, what is wrong with them, or None where they are not JSON."""
    try:
        return READER.read(body)
    except NotRead:
        return None
    except RequestFaulty as error:
        return error.faults


def read_or_refused(body: bytes) -> None:
    found = outcome(body)
    assert not isinstance(found, list) or 0 < len(found) <= MOST_FAULTS


@QUICK
@given(ANY_JSON)
def test_any_json_is_read_or_refused_for_a_reason(content: Any) -> None:
    read_or_refused(json.dumps(content).encode())
    read_or_refused(json.dumps(content, ensure_ascii=False).encode(errors="surrogatepass"))


@QUICK
@given(st.binary())
def test_any_bytes_are_read_or_refused_for_a_reason(body: bytes) -> None:
    read_or_refused(body)


@QUICK
@given(ROWS, st.dictionaries(st.sampled_from([*ROW, "duration", "z", "contact_id"]), ANY_JSON), st.data())
def test_rows_spoiled_and_cut_are_read_or_refused_for_a_reason(
    row: dict[str, Any], spoiled: dict[str, Any], data: st.DataObject
) -> None:
    body = json.dumps([row | spoiled, row]).encode()
    read_or_refused(body)
    read_or_refused(body[: data.draw(st.integers(0, len(body)))])


@QUICK
@given(ROWS, st.sampled_from(INPUTS), ANY_JSON)
def test_faults_name_the_values_that_do_not_fit_and_no_others(row: dict[str, Any], item: Input, value: Any) -> None:
    found = outcome(json.dumps([ROW, row | {item.name: value}]).encode())
    if isinstance(found, list):
        assert [fault.path for fault in found] == [f"$[1].{item.name}"]
    elif found is not None:
        assert found.columns[item.name] == [ROW[item.name], value]


@QUICK
@given(st.lists(ROWS, max_size=5))
def test_rows_within_the_schema_come_back_as_they_were_sent(rows: list[dict[str, Any]]) -> None:
    taken = read(rows)
    assert taken.count == len(rows)
    assert taken.columns == {item.name: [row.get(item.name) for row in rows] for item in INPUTS}
    assert taken.keys == [row.get("contact_id", UNSET) for row in rows]


def probabilities(rows: Sequence[dict[str, Any]]) -> list[float]:
    taken = read(rows)
    return list(LOADED.probabilities(LOADED.encoder.encode(taken.columns, taken.count)).tolist())


@QUICK
@given(st.lists(ROWS, min_size=1, max_size=8))
def test_row_by_row_is_scored_as_the_whole_list_is(rows: list[dict[str, Any]]) -> None:
    one_by_one = [probability for row in rows for probability in probabilities([row])]
    np.testing.assert_allclose(probabilities(rows), one_by_one, rtol=0, atol=1e-6)
    expected = [1 / (1 + np.exp(2.0 - 0.05 * row["age"])) for row in rows]
    np.testing.assert_allclose(one_by_one, expected, rtol=0, atol=1e-6)
