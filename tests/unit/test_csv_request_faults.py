"""What is said of a CSV request that does not fit the model, by line, row and column."""

from __future__ import annotations

import time

import pytest

from shared.scoring.formats.csv_request import CHUNK_ROWS
from shared.scoring.rows import MOST_FAULTS, Fault
from tests.csv_bodies import HEADER, LINE, READER, SINGLE, faults_of, with_text
from tests.tiny_versions import UNUSABLE

BOUNDED, FEW = "an integer at least 16 and at most 120", "an integer at least 1 and at most 9, or an empty field"
NUMBER = "a number, or an empty field"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("age", "", BOUNDED), ("age", "15", BOUNDED),
        ("age", "41.5", BOUNDED), ("age", "121.0", BOUNDED),
        ("age", "x", BOUNDED), ("age", "٤١", BOUNDED),
        ("age", "4_1", BOUNDED), ("age", '"4,1"', BOUNDED),
        ("age", "true", BOUNDED), ("age", '""', BOUNDED),
        ("age", "0x29", BOUNDED), ("age", "[41]", BOUNDED),
        ("key", "9007199254740993", "an integer"), ("key", "1e400", "an integer"), ("key", "9" * 5000, "an integer"),
        ("f0", "10", FEW),
        ("f0", "null", FEW),
        ("balance", "1e39", NUMBER), ("balance", "NaN", NUMBER),
        ("balance", "inf", NUMBER), ("balance", "-1e400", NUMBER),
        ("balance", "null", NUMBER), ("balance", '"1,5"', NUMBER),
        ("balance", "€5", NUMBER), ("balance", '""', NUMBER),
        ("cons.price.idx", "99.51", "a number at least 90.5 and at most 99.5"),
        ("class", "", "a text"), ("member", "", "true or false"), ("member", "yes", "true or false"),
        ("member", "1.0", "true or false"), ("owns car", "null", "true or false, or an empty field"),
        ("visited on", "23.11.2026", "a date like 2026-11-23, or an empty field"),
    ],
)  # fmt: skip
def test_a_text_that_does_not_fit_is_told_with_what_was_expected_and_what_came(
    name: str, text: str, expected: str
) -> None:
    (fault,) = faults_of(with_text(name, text), READER)
    unquoted = text[1:-1] if text.startswith('"') else text
    shown = repr(unquoted) if text else "an empty field"
    assert fault.got == (shown if len(shown) <= 40 else f"{shown[:40]}...")
    assert fault == Fault(f"line 2, column {name}", expected, fault.got, 0, name)


# The header


def test_all_that_is_wrong_with_the_header_is_told_at_once() -> None:
    header = HEADER.replace("age,", "Age,,").replace("class", "duration") + ",job,job,contact_id,contact_id"
    assert faults_of(f"{header}\n".encode(), READER) == [
        Fault("header, column Age", "not to be sent: the model has no such input", "a column", None, "Age"),
        Fault("header, column ''", "not to be sent: the model has no such input", "a column", None, ""),
        Fault("header, column duration", f"not to be sent: {UNUSABLE['duration']}", "a column", None, "duration"),
        Fault("header, column job", "one column of this name", "3 columns", None, "job"),
        Fault("header, column contact_id", "one column of this name", "2 columns", None, "contact_id"),
        Fault(
            "header, column age", "a column, each an integer at least 16 and at most 120", "nothing", None, "age"
        ),
        Fault("header, column class", "a column, each a text", "nothing", None, "class"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["N", " n", "n ", '"n\n"', "\u200bn", "'n'"])
def test_a_name_that_is_nearly_one_of_the_model_is_none(name: str) -> None:
    fields = [fault.field for fault in faults_of(f"{name},t\n1,a\n".encode())]
    assert fields == [name.strip('"'), "n"]


def test_what_is_wrong_with_the_rows_is_told_beside_what_is_wrong_with_the_header() -> None:
    found = faults_of(b"n,duration,t\nx,3,a\n1,3,b\n-1,4,c\n1\n")
    assert [fault.path for fault in found] == [
        "header, column duration", "line 2, column n", "line 4, column n", "line 5",
    ]  # fmt: skip


def test_a_long_name_is_cut() -> None:
    (fault,) = faults_of(b"n," + b"x" * 100_000 + b"\n1,2\n")
    assert (len(fault.path), len(str(fault.field))) == (len("header, column ") + 43, 43)


def test_of_countless_columns_a_hundred_are_told() -> None:
    names = ",".join(map(str, range(150_000)))
    found = faults_of(f"{names}\n{names}\n".encode())
    assert [fault.field for fault in found] == [*map(str, range(MOST_FAULTS))]


# Rows


def test_all_faults_of_all_rows_are_told_at_once_with_their_lines_rows_and_columns() -> None:
    body = (
        f"{HEADER}\n{LINE}\n\n"
        + LINE.replace("second", '"two\nlines"')
        + "\r\n"
        + LINE.replace("41", "12", 1).replace("true", "maybe")
        + f"\n1,2\n{LINE},\n"
        + LINE.replace("93.2", "")
    )
    assert [(one.path, one.got, one.row, one.field) for one in faults_of(body.encode(), READER)] == [
        ("line 6, column age", "'12'", 2, "age"),
        ("line 6, column member", "'maybe'", 2, "member"),
        ("line 7", "2 fields", 3, None),
        ("line 8", "10 fields", 4, None),
        ("line 9, column cons.price.idx", "an empty field", 5, "cons.price.idx"),
    ]


@pytest.mark.parametrize(("line", "fields"), [("1", 1), ("1,a,", 3), ("1,a,b,c", 4), (",,", 3), ('"1,a"', 1)])
def test_a_row_that_is_longer_or_shorter_than_the_header_is_told(line: str, fields: int) -> None:
    (fault,) = faults_of(f"n,t\n1,a\n{line}\n2,b\n".encode())
    assert fault == Fault("line 3", "2 fields, as in the header", f"{fields} fields", 1)


def test_a_row_of_many_fields_where_there_is_one_column_is_told() -> None:
    assert [fault.got for fault in faults_of(b"n\n1\n\n1,2\n", SINGLE)] == ["2 fields"]


def test_where_every_row_is_of_another_length_that_is_told_of_each() -> None:
    assert [fault.path for fault in faults_of(b"n,t\n1\n2\n3\n")] == ["line 2", "line 3", "line 4"]


def test_at_most_a_hundred_faults_are_told_the_first_ones_first() -> None:
    body = b"n,t\n" + b"x,a\n1\n" * CHUNK_ROWS
    found = faults_of(body)
    assert [fault.row for fault in found] == [*range(MOST_FAULTS)]
    assert {fault.field for fault in found} == {"n", None}


def test_faults_at_the_end_of_a_chunk_are_found_as_fast_as_any() -> None:
    wide = b"," * 20_000 + b"\n"
    body = b"n,t\n" + b"1,a\n" * (CHUNK_ROWS - 100) + wide * 100
    began = time.process_time()
    assert faults_of(body)[-1].path == f"line {CHUNK_ROWS + 1}"
    assert time.process_time() - began < 2
