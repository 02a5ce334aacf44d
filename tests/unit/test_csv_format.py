"""The CSV of exports and drops: what it looks like, and how a file that is none is refused."""

from __future__ import annotations

import base64
import csv
import io
import tracemalloc
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from shared.csv_format import FIELD_LIMIT_CHARACTERS, LINE_LIMIT_CHARACTERS, csv_rows, read_csv
from shared.errors import DropError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def read(*chunks: bytes) -> tuple[list[str], list[list[str | None]]]:
    header, rows = read_csv(chunks, "f.csv")
    return header, [row for _, row in rows]


def refusal(*chunks: bytes) -> str:
    with pytest.raises(DropError) as raised:
        read(*chunks)
    return str(raised.value)


# Writing


def test_a_header_is_a_row_of_texts() -> None:
    assert csv_rows([["a", 'the "b"']]) == b'"a","the ""b"""\r\n'


def test_no_rows_are_no_lines() -> None:
    assert csv_rows([]) == b""


def test_lines_stand_in_the_order_of_the_rows_and_fields_in_that_of_the_columns() -> None:
    assert csv_rows([(1, "x"), (2, "y"), (3, "z")]) == b'1,"x"\r\n2,"y"\r\n3,"z"\r\n'


def test_null_is_an_empty_field_and_an_empty_text_a_quoted_one() -> None:
    assert csv_rows([(None, "")]) == b',""\r\n'
    assert csv_rows([(None, ""), ("", None)]) == b',""\r\n"",\r\n'


def test_a_column_of_nulls_alone_is_empty_fields() -> None:
    assert csv_rows([(1, None), (2, None)]) == b"1,\r\n2,\r\n"


def test_the_null_of_a_single_column_is_an_empty_line() -> None:
    assert csv_rows([("a",), (None,), ("",), (None,)]) == b'"a"\r\n\r\n""\r\n\r\n'


EACH_VALUE = [
    (7, "7"),
    (-(2**70), "-1180591620717411303424"),
    (0.1, "0.1"),
    (1e300, "1e+300"),
    (-0.0, "-0.0"),
    (Decimal("12.3400"), "12.3400"),
    (Decimal("1E+3"), "1000"),
    (Decimal("0.00000001"), "0.00000001"),
    (Decimal("123456789012345678901234567890.12"), "123456789012345678901234567890.12"),
    (True, "true"),
    (False, "false"),
    (date(2026, 11, 23), "2026-11-23"),
    (datetime(2026, 11, 23, 2, 0, 0, 123456), "2026-11-23T02:00:00.123456"),  # noqa: DTZ001 as databases give them
    (datetime(2026, 11, 23, 2, tzinfo=UTC), "2026-11-23T02:00:00+00:00"),
    (time(2, 30), "02:30:00"),
    (b"\x00\xff", base64.b64encode(b"\x00\xff").decode()),
    (bytearray(b"ab"), "YWI="),
    (UUID("12345678-1234-5678-1234-567812345678"), "12345678-1234-5678-1234-567812345678"),
]


@pytest.mark.parametrize(("value", "text"), EACH_VALUE)
def test_a_value_is_written_as_the_format_says(value: Any, text: str) -> None:
    line = csv_rows([(1, value)]).decode()
    assert next(csv.reader([line]))[1] == text


def test_only_texts_are_quoted_and_what_is_written_as_one() -> None:
    quoted = {type(value) for value, _ in EACH_VALUE if csv_rows([(value,)]).startswith(b'"')}
    assert quoted == {bytes, bytearray, UUID}
    assert csv_rows([("7",)]) == b'"7"\r\n'


def test_each_value_of_a_column_is_written_by_its_own_type() -> None:
    """A loosely typed database may hold anything in any column; NULL stands in nearly all of them."""
    column = [None, 1, "1", 1.0, True, b"1", Decimal("1.0"), None, date(2026, 1, 2), "", 2, datetime(2026, 1, 2)]  # noqa: DTZ001
    together = csv_rows([(number, value) for number, value in enumerate(column)])
    assert together == b"".join(csv_rows([pair]) for pair in enumerate(column))
    assert together.split(b"\r\n")[:5] == [b"0,", b"1,1", b'2,"1"', b"3,1.0", b"4,true"]


def test_a_text_in_a_column_of_dates_is_written_as_it_is() -> None:
    assert csv_rows([("soon", 1), (None, 2), (date(2026, 1, 2), 3)]) == b'"soon",1\r\n,2\r\n2026-01-02,3\r\n'


def test_a_row_that_lacks_a_value_is_an_error_and_no_shifted_file() -> None:
    with pytest.raises(ValueError, match="shorter"):
        csv_rows([(1, 2), (3,)])


def test_quotes_are_doubled_and_line_ends_kept() -> None:
    assert csv_rows([('say "hi"', "a\nb\r\nc,d")]) == b'"say ""hi""","a\nb\r\nc,d"\r\n'


def test_text_is_utf_8() -> None:
    assert csv_rows([("ñ", "🙂")]) == '"ñ","🙂"\r\n'.encode()


def test_the_csv_module_writes_the_same_text() -> None:
    """Where QUOTE_STRINGS knows the type: the format is the standard library's, only quicker."""
    rows = [("a", 1, None, 0.5), ('"', -2, "", 1e-9), ("x,\r\n", 3, "None", 7.0)]
    expected = io.StringIO(newline="")
    csv.writer(expected, quoting=csv.QUOTE_STRINGS, lineterminator="\r\n").writerows(rows)
    assert csv_rows(rows).decode() == expected.getvalue()


# Reading


def test_rows_come_with_the_lines_that_they_end_on() -> None:
    _, rows = read_csv([b'a,b\r\n1,2\r\n\r\n3,"x\ny"\r\n5,6'], "f.csv")
    assert list(rows) == [(2, ["1", "2"]), (5, ["3", "x\ny"]), (6, ["5", "6"])]


def test_an_empty_field_is_null_and_a_quoted_one_is_text() -> None:
    assert read(b'a,b\r\n,""\r\n"",\r\n')[1] == [[None, ""], ["", None]]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_both_line_ends_are_taken_and_the_last_may_be_missing(end: bytes) -> None:
    assert read(b"a,b" + end + b"1,2" + end + b"3,4") == (["a", "b"], [["1", "2"], ["3", "4"]])


@pytest.mark.parametrize("blank", [b"\r\n", b"\n", b"\r\n\r\n\n"])
def test_a_blank_line_is_no_row(blank: bytes) -> None:
    assert read(blank + b"a,b\r\n" + blank + b"1,2\r\n" + blank)[1] == [["1", "2"]]


def test_a_line_of_separators_is_a_row_of_nulls() -> None:
    assert read(b"a,b\r\n,\r\n")[1] == [[None, None]]


def test_rows_of_other_lengths_are_given_as_they_are() -> None:
    assert read(b"a,b\r\n1\r\n1,2,3\r\n")[1] == [["1"], ["1", "2", "3"]]


@pytest.mark.parametrize("text", ["\u2028", "\x85", "\x0b", "\x1c", "\x00", "🙂", "\ufeff"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_characters_that_look_like_line_ends_or_nothing_are_text(text: str, quote: str) -> None:
    assert read(f"a,b\r\n{quote}x{text}y{quote},1\r\n".encode())[1] == [[f"x{text}y", "1"]]


@pytest.mark.parametrize("rest", [b'a,"b"\r\n1,2\r\n', b'"a",b\r\n1,2\r\n'])
@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4])
def test_a_byte_order_mark_is_passed_over(rest: bytes, cut: int) -> None:
    file = b"\xef\xbb\xbf" + rest
    assert read(file[:cut], file[cut:]) == (["a", "b"], [["1", "2"]])


def test_only_one_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbf\xef\xbb\xbfa,b\r\n")[0] == ["\ufeffa", "b"]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_named(separator: str) -> None:
    message = refusal(f"a{separator}b\r\n1{separator}2\r\n".encode())
    assert message == (f"f.csv: the columns are separated by {separator!r}; expected ',': save it as comma-separated")


def test_a_file_of_one_column_is_read() -> None:
    assert read(b"a\r\n1\r\n") == (["a"], [["1"]])


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_in_a_file_of_one_column_a_blank_line_is_its_null(end: bytes) -> None:
    _, rows = read_csv([end.join([b"a", b"1", b"", b'""', b"", b""])], "f.csv")
    assert list(rows) == [(2, ["1"]), (3, [None]), (4, [""]), (5, [None])]


def test_blank_lines_before_the_header_of_one_column_are_no_rows() -> None:
    assert read(b"\r\n\na\r\n1\r\n") == (["a"], [["1"]])


@pytest.mark.parametrize("chunks", [(), (b"",), (b"\xef\xbb\xbf",), (b"\r\n", b"\n")])
def test_an_empty_file_is_refused(chunks: tuple[bytes, ...]) -> None:
    assert refusal(*chunks) == "f.csv: is empty; expected a header row and data rows"


def test_a_header_alone_has_no_rows() -> None:
    assert read(b"a,b\r\n") == (["a", "b"], [])


def test_columns_that_stand_twice_are_named() -> None:
    assert refusal(b"a,b,a,c,b\r\n") == "f.csv: the header has a column more than once: 'a', 'b'"


@pytest.mark.parametrize(
    ("chunks", "byte"),
    [
        ((b"a,b\r\n1,\xe9\r\n",), 7),
        ((b"a,b\r\n1,", b"\xe9\r\n"), 7),
        ((b"a,b\r\n1,\xc3", b"x\r\n"), 7),
        ((b"a,b\r\n1,\xf0\x9f", b"\x99", b"x\r\n"), 7),
        ((b"a,b\r\n1,2\r\n\xc3",), 10),
        ((b"\xef\xbb\xbfa\xff,b\r\n",), 4),
        ((b"\xef\xbb", b"x,b\r\n"), 0),
        ((b"a,b\r\n" + b"1,2\r\n" * 1000 + b"\xff",), 5005),
    ],
)
def test_what_is_not_utf_8_is_told_with_its_byte(chunks: tuple[bytes, ...], byte: int) -> None:
    assert refusal(*chunks) == f"f.csv: byte {byte:,} is not UTF-8; expected text saved as UTF-8"


def test_a_quote_that_is_left_open_is_told_at_the_end_of_the_file() -> None:
    assert refusal(b'a,b\r\n1,"2\r\n3,4\r\n').startswith("f.csv: line 3 is not CSV: ")


def test_a_quote_that_is_left_open_does_not_swallow_a_large_file() -> None:
    chunks = (b'a,b\r\n1,"', *[b"1,2\r\n" * 100_000] * 10)
    message = refusal(*chunks)
    assert "is not CSV: a field is longer than 1,048,576 characters; is a quote left open?" in message


@pytest.mark.parametrize("line", [b'1,"2"3\r\n', b'1,"2" \r\n', b"1,2\r3\r\n"])
def test_text_after_a_quote_or_a_lone_line_end_is_told_with_its_line(line: bytes) -> None:
    assert refusal(b"a,b\r\n1,2\r\n" + line).startswith("f.csv: line 3 is not CSV: ")


def test_a_field_may_be_as_long_as_the_limit() -> None:
    row = b"1," + b"x" * FIELD_LIMIT_CHARACTERS + b"\r\n"
    assert len(read(b"a,b\r\n" + row)[1][0][1] or "") == FIELD_LIMIT_CHARACTERS


@pytest.mark.parametrize("size", [FIELD_LIMIT_CHARACTERS + 1, 10 * 1024 * 1024])
def test_a_longer_field_is_refused(size: int) -> None:
    assert "a field is longer than 1,048,576 characters" in refusal(b"a,b\r\n1,", b"x" * size, b"\r\n")


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        while True:
            given += 4 * 1024 * 1024
            yield b"x," * (2 * 1024 * 1024)

    with pytest.raises(DropError, match="a line is longer than 67,108,864 characters; is this a CSV file"):
        read_csv(endless(), "f.csv")
    assert given <= LINE_LIMIT_CHARACTERS + 2 * 4 * 1024 * 1024


def test_reading_takes_no_more_memory_for_more_rows() -> None:
    def peak(chunks: int) -> int:
        tracemalloc.start()
        _, rows = read_csv(file(chunks), "f.csv")
        assert sum(1 for _ in rows) == chunks * 100
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    def file(chunks: int) -> Iterable[bytes]:
        yield b"a,b\r\n"
        yield from (b"1,some text\r\n" * 100 for _ in range(chunks))

    assert peak(400) < 1.5 * peak(20)


def test_rows_are_read_as_they_are_asked_for() -> None:
    def broken() -> Iterator[bytes]:
        yield b"a,b\r\n1,2\r\n3,4\r\n"
        message = "the store broke off"
        raise ConnectionError(message)

    _, rows = read_csv(broken(), "f.csv")
    assert next(rows) == (2, ["1", "2"])
    with pytest.raises(ConnectionError):
        list(rows)


def test_the_name_in_a_message_is_the_blobs() -> None:
    with pytest.raises(DropError, match=r"^drops/contacts/may\.csv: "):
        read_csv([b""], "drops/contacts/may.csv")
