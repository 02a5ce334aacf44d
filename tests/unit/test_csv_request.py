"""What a CSV request may hold, and what is said of one that holds something else, by line, row and column."""

from __future__ import annotations

import csv
import io
import time
from datetime import date
from typing import TYPE_CHECKING

import pytest
from msgspec import UNSET

from shared.features import WEEKDAYS
from shared.scoring.formats import csv_lines, csv_request
from shared.scoring.formats.csv_lines import LONGEST_ROW
from shared.scoring.formats.csv_request import CHUNK_ROWS, CsvReader
from shared.scoring.rows import MOST_FAULTS, Fault, NotRead, RequestFaulty
from shared.store.records import Input
from tests.scoring_office import csv_of
from tests.tiny_versions import INPUTS, ROW, UNUSABLE, make

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

READER = CsvReader(make(inputs=(*INPUTS, Input("visited on", "weekday", nullable=True, levels=WEEKDAYS)))[0])
NARROW = CsvReader(make(inputs=(Input("n", "integer", min=0), Input("t", "category", nullable=True)))[0])
SINGLE = CsvReader(make(inputs=(Input("n", "number", nullable=True),))[0])
HEADER = ",".join(ROW)
BOUNDED, FEW = "an integer at least 16 and at most 120", "an integer at least 1 and at most 9, or an empty field"
NUMBER = "a number, or an empty field"
LINE = "41,900.5,93.2,second,true,cook,-7,3,false"


def columns_of(body: bytes, reader: CsvReader = NARROW) -> dict[str, list[Any]]:
    """All that is read, by column, the key among them."""
    columns: dict[str, list[Any]] = {}
    count = 0
    for rows in reader.chunks(body):
        assert rows.first == count
        count += rows.count
        for name, values in (*rows.columns.items(), ("contact_id", rows.keys)):
            assert len(values) == rows.count
            columns.setdefault(name, []).extend(values)
    return columns


def faults_of(body: bytes, reader: CsvReader = NARROW) -> list[Fault]:
    with pytest.raises(RequestFaulty) as caught:
        list(reader.chunks(body))
    return caught.value.faults


def why_not(body: bytes, reader: CsvReader = NARROW) -> str:
    with pytest.raises(NotRead) as caught:
        list(reader.chunks(body))
    return str(caught.value)


def value(name: str, text: str) -> Any:
    """What becomes of a text in the column ``name`` of an otherwise good row."""
    return columns_of(with_text(name, text), READER)[name][0]


def with_text(name: str, text: str) -> bytes:
    line = dict(zip(ROW, LINE.split(","), strict=True)) | {name: text}
    return f"{','.join(line)}\n{','.join(line.values())}\n".encode()


# What is taken


def test_every_row_that_json_takes_is_taken_as_the_export_writes_it() -> None:
    rows = [ROW | {"contact_id": key} for key in (7, 8)]
    found = columns_of(csv_of(rows), READER)
    assert found == {name: [row.get(name) for row in rows] for name in [*ROW, "contact_id", "visited on"]}
    assert [type(found[name][0]) for name in ROW] == [type(value) for value in ROW.values()]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("age", "16", 16), ("age", "120", 120), ("age", "+41", 41), ("age", " 41 ", 41), ("age", "041", 41),
        ("age", "41.0", 41), ("age", "4.1e1", 41), ("age", '"41"', 41), ("key", str(2**53), 2**53),
        ("balance", "-12", -12.0), ("balance", ".5", 0.5), ("balance", "5.", 5.0), ("balance", "3.4e38", 3.4e38),
        ("balance", "1E-400", 0.0), ("balance", "", None), ("cons.price.idx", "93", 93.0),
        ("class", "never seen", "never seen"), ("class", '""', ""), ("class", '"a,""b""\nc"', 'a,"b"\nc'),
        ("class", "null", "null"), ("class", " x ", " x "), ("class", "41", "41"),
        ("class", "ñ\u2028\x85", "ñ\u2028\x85"),
        ("class", 'a"b', 'a"b'), ("class", "=1+1", "=1+1"), ("job", "", None), ("job", '""', ""),
        ("member", "true", True), ("member", "FALSE", False), ("member", "1", True), ("member", "0", False),
        ("member", " True ", True), ("owns car", "", None), ("f0", "", None), ("f0", "9", 9),
        ("visited on", "2026-11-23", date(2026, 11, 23)), ("visited on", "", None),
        ("visited on", "2026-11-23 10:00:00", date(2026, 11, 23)),
        ("contact_id", "7", 7), ("contact_id", "a-b", "a-b"), ("contact_id", "", None), ("contact_id", '""', ""),
    ],
)  # fmt: skip
def test_a_text_becomes_the_value_that_json_would_have_brought(name: str, text: str, expected: Any) -> None:
    found = value(name, text)
    assert (found, type(found)) == (expected, type(expected))


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


def test_columns_may_stand_in_any_order_and_those_that_may_be_empty_may_be_absent() -> None:
    assert columns_of(b"t,n\na,1\n") == columns_of(b"n,t\n1,a\n") == {"n": [1], "t": ["a"], "contact_id": [UNSET]}
    assert columns_of(b"n\n1\n2\n") == {"n": [1, 2], "t": [None, None], "contact_id": [UNSET, UNSET]}


@pytest.mark.parametrize(
    "body",
    [
        "n,t\n1,a\n2,b\n", "n,t\n1,a\n2,b", "n,t\r\n1,a\r\n2,b\r\n", "n,t\r\n1,a\n2,b\r\n",
        "n,t\r\r\n1,a\r\r\n2,b\r\r\n",
        "\ufeffn,t\n1,a\n2,b\n", '"n","t"\n"1","a"\n"2","b"\n', '\ufeff"n","t"\r\n1,"a"\r\n2,"b"',
        "\n\nn,t\n\n1,a\n\n\n2,b\n\n\n", "\r\nn,t\r\n\r\n1,a\r\n2,b\r\n\r\n",
    ],
)  # fmt: skip
def test_line_ends_quotes_blank_lines_and_a_byte_order_mark_make_no_difference(body: str) -> None:
    assert columns_of(body.encode()) == {"n": [1, 2], "t": ["a", "b"], "contact_id": [UNSET, UNSET]}


def test_a_header_alone_has_no_rows() -> None:
    for body in (b"n,t", b"n,t\n", b"n,t\r\n\r\n", b"n\n"):
        assert list(NARROW.chunks(body)) == []


def test_a_blank_line_is_a_row_only_where_there_is_a_single_column() -> None:
    assert columns_of(b"n\n1\n\n2\n\n", SINGLE)["n"] == [1, None, 2, None]
    assert columns_of(b"n,contact_id\n1,a\n\n2,b\n\n", SINGLE)["n"] == [1, 2]
    assert [fault.path for fault in faults_of(b"n\n1\n\n2\n")] == ["line 3, column n"]


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


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_named(separator: str) -> None:
    body = f"n{separator}t\n1{separator}a\n".encode()
    assert why_not(body) == f"the columns are separated by {separator!r}; expected ','"


@pytest.mark.parametrize("body", [b"", b"\n\r\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_what_is_empty_is_said_to_be(body: bytes) -> None:
    assert why_not(body) == "it is empty; expected a header and a line for each row"


# Faults of rows


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


# Chunks


def texts(count: int) -> list[dict[str, Any]]:
    """Rows whose texts go over several lines, hold quotes, are empty or NULL."""
    odd = ["a\nb", 'say "no"', "", None, "x,y", "\r\n", "ñ", "\n\n\n"]
    return [{"n": number, "t": odd[number % len(odd)], "contact_id": number} for number in range(count)]


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8])
def test_wherever_a_chunk_ends_the_same_rows_are_read(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    sent = texts(40)
    monkeypatch.setattr(csv_request, "CHUNK_ROWS", rows)
    chunks = list(NARROW.chunks(csv_of(sent)))
    assert [chunk.count for chunk in chunks] == [rows] * (40 // rows) + [40 % rows] * (40 % rows > 0)
    assert columns_of(csv_of(sent)) == {name: [row[name] for row in sent] for name in sent[0]}
    faulty = csv_of([row | {"n": -1 if row["n"] % 5 == 4 else 1} for row in sent])
    told = faults_of(faulty)
    monkeypatch.undo()
    assert told == faults_of(faulty)
    assert [fault.row for fault in told] == [4, 9, 14, 19, 24, 29, 34, 39]


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8])
def test_lines_are_counted_through_all_chunks(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(csv_request, "CHUNK_ROWS", rows)
    body = csv_of([*texts(40), {"n": "x", "t": "last", "contact_id": None}])
    (fault,) = faults_of(body)
    line = body[: body.index(b'"x"')].count(b"\n") + 1
    assert fault == Fault(f"line {line}, column n", "an integer at least 0", "'x'", 40, "n")


def test_a_chunk_of_long_rows_ends_before_it_has_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_lines, "CHUNK_CHARACTERS", 1000)
    sent = [{"n": number, "t": "x\n" * 150} for number in range(10)]
    assert [chunk.count for chunk in NARROW.chunks(csv_of(sent))] == [4, 4, 2]
    assert columns_of(csv_of(sent))["n"] == [*range(10)]


def test_before_a_faulty_row_whole_chunks_come_and_none_behind_it() -> None:
    body = b"n,t\n" + b"1,a\n" * (2 * CHUNK_ROWS) + b"x,a\n" + b"1,a\n" * (2 * CHUNK_ROWS) + b"y,b\n"
    chunks = NARROW.chunks(body)
    assert [next(chunks).count, next(chunks).count] == [CHUNK_ROWS, CHUNK_ROWS]
    with pytest.raises(RequestFaulty) as caught:
        next(chunks)
    assert [fault.row for fault in caught.value.faults] == [2 * CHUNK_ROWS, 4 * CHUNK_ROWS + 1]


# What is no CSV


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


def test_what_python_writes_is_read() -> None:
    sent: Sequence[dict[str, Any]] = [row for row in texts(16) if row["t"]]
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC):
        written = io.StringIO()
        writer = csv.DictWriter(written, ["n", "t", "contact_id"], quoting=quoting)
        writer.writeheader()
        writer.writerows(sent)
        assert columns_of(written.getvalue().encode()) == {name: [row[name] for row in sent] for name in sent[0]}
