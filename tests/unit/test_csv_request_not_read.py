"""What is said of a request that is no CSV, or not as it is written here: with the line where it stops being one."""

from __future__ import annotations

import csv

import pytest

from shared.scoring.formats import csv_lines
from shared.scoring.formats.csv_lines import LONGEST_ROW
from shared.scoring.formats.csv_request import CHUNK_ROWS
from tests.csv_bodies import columns_of, why_not


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_named(separator: str) -> None:
    body = f"n{separator}t\n1{separator}a\n".encode()
    assert why_not(body) == f"the columns are separated by {separator!r}; expected ','"


@pytest.mark.parametrize("body", [b"", b"\n\r\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_what_is_empty_is_said_to_be(body: bytes) -> None:
    assert why_not(body) == "it is empty; expected a header and a line for each row"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"n,t\n1,\xff\n", "line 2, byte 6 is not UTF-8; expected text saved as UTF-8"),
        (b"n,\xe9t\xe9\n1,a\n", "line 1, byte 2 is not UTF-8; expected text saved as UTF-8"),
        (b"n,t\n1,a\n2,\xf0\x9f\x98", "line 3, byte 10 is not UTF-8; expected text saved as UTF-8"),
        ("n,t\n1,a\n".encode("utf-16"), "line 1, byte 0 is not UTF-8; expected text saved as UTF-8"),
        ("n,t\n1,a\n".encode("utf-16-le"), "line 1 holds a zero byte; expected text saved as UTF-8"),
        (b"n,t\n1,a\n2,\0b\n", "line 3 holds a zero byte; expected text saved as UTF-8"),
        (b'n,t\n1,"a\n2,b\n', "line 2: a quote is opened in this row and never closed"),
        (b'n,t\n1,a\n\n2,"a\nb\nc', "line 4: a quote is opened in this row and never closed"),
        (b'\n\n"n,t\n1,a\n', "line 3: a quote is opened in this row and never closed"),
        (b'n,t\n1,"a"b\n', "line 2: ',' expected after '\"'"),
        (b'n,t\n1,"a" \n', "line 2: ',' expected after '\"'"),
        (b"n,t\r1,a\r", r"line 1: a carriage return stands alone; lines end with \n or \r\n"),
        (b"n,t\n1,a\n2,b\rc\n", r"line 3: a carriage return stands alone; lines end with \n or \r\n"),
    ],
)  # fmt: skip
def test_what_is_no_csv_is_told_with_the_line_where_it_stops_being_one(body: bytes, why: str) -> None:
    if body.startswith(b"\xff\xfe"):
        why = "line 1 holds a zero byte; expected text saved as UTF-8"  # looked for first
    assert why_not(body) == why


@pytest.mark.parametrize("good", [CHUNK_ROWS, CHUNK_ROWS + 1])
def test_what_is_no_csv_is_told_with_its_line_in_later_chunks_too(good: int) -> None:
    body = b"n,t\n" + b'1,"\n"\n' * good
    assert why_not(body + b'2,"') == f"line {2 * good + 2}: a quote is opened in this row and never closed"
    assert why_not(body + b"2,\xff").startswith(f"line {2 * good + 2}, byte {len(body) + 2:,} is not UTF-8")


def test_what_is_no_csv_is_none_whatever_is_wrong_before_it() -> None:
    assert "never closed" in why_not(b'n,t,duration\nx,1\n2,"b')


def test_a_row_that_is_too_long_is_refused_and_one_that_is_not_is_taken() -> None:
    longest = "x" * (LONGEST_ROW - len('1,""\n'))
    assert columns_of(f'n,t\n1,"{longest}"\n2,b\n'.encode())["t"] == [longest, "b"]
    for row in (f'1,"{longest}x"', f"1{',' * LONGEST_ROW}", '1,"' + "\n" * LONGEST_ROW):
        told = f"line 3: the row has more than {LONGEST_ROW:,} characters; is a quote left open?"
        assert why_not(f"n,t\n1,a\n{row}\n".encode()) == told
    assert "line 1: the row has more" in why_not(b"x," * LONGEST_ROW)


def test_how_long_a_field_may_be_does_not_depend_on_what_the_process_has_read_before() -> None:
    before = csv.field_size_limit(100)
    try:
        assert columns_of(b"n,t\n1," + b"x" * 200_000)["t"] == ["x" * 200_000]
    finally:
        csv.field_size_limit(before)


def test_many_blank_lines_are_not_one_long_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_lines, "LONGEST_ROW", 1000)
    blank = b"\n" * 1010
    assert columns_of(blank + b"n,t\n1,a\n" + blank + b"2,b\n")["n"] == [1, 2]
