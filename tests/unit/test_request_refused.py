"""What is said to a JSON request that does not fit: each fault of each row, or that it is no JSON."""

from __future__ import annotations

import json

import msgspec
import pytest

from shared.scoring.formats.json_request import RowReader
from shared.scoring.rows import MOST_FAULTS, SHOWN_CHARACTERS, Fault, RequestFaulty
from shared.store.records import Input
from tests.json_rows import faults, faults_of, literal, why_not, without
from tests.tiny_versions import ROW, make

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
        b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2 + json.dumps(ROW).encode(), json.dumps(ROW).encode()[:-1],
        json.dumps([ROW, ROW]).encode()[:-20],
        json.dumps(ROW).encode() + b"x", json.dumps(ROW).encode("utf-16"), b"1 2",
        literal("class", '"\xff"').replace(b"\xc3\xbf", b"\xff"), literal("class", '"\\ud800"'),
        literal("age", "NaN"), literal("balance", "Infinity"), literal("balance", "-Infinity"), literal("age", "041"),
        literal("balance", "1."), literal("balance", ".5"), literal("balance", "+1"), literal("age", ""),
    ],
)  # fmt: skip
def test_what_is_not_json_is_said_to_be_none(body: bytes) -> None:
    assert why_not(body)


@pytest.mark.parametrize(
    "rest",
    [
        b'{"age": NaN}]', b"{", b"", b'"\xff"]', b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000 + b"]",
        b'{"class": "\xff"}]', b'{"\xff": 1}]', b"1] 2",
    ],
)  # fmt: skip
def test_what_is_not_json_is_none_whatever_is_wrong_before_it(rest: bytes) -> None:
    assert why_not(b'[{"age": "x"}, ' + rest)


@pytest.mark.parametrize("end", [b'{"class": "\xff"}]', b'{"class": "\\x"}]', b"{}", b"NaN]", b"[" * 100_000])
def test_what_is_not_json_is_none_however_many_faults_come_before_it(end: bytes) -> None:
    assert why_not(b"[" + b'{"age": 1},' * 1000 + end)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"class":', b'{"contact_id":[', b'{"age":{"age":'])
def test_a_hundred_thousand_brackets_are_refused(opening: bytes) -> None:
    assert why_not(opening * 100_000)


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
