"""What a CSV request may hold: values as JSON would have brought them, lines and columns in many forms."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import TYPE_CHECKING

import pytest
from msgspec import UNSET

from shared.scoring.formats import csv_lines, csv_request
from shared.scoring.formats.csv_request import CHUNK_ROWS
from shared.scoring.rows import Fault, RequestFaulty
from tests.csv_bodies import NARROW, READER, SINGLE, columns_of, faults_of, texts, with_text
from tests.scoring_office import csv_of
from tests.tiny_versions import ROW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def value(name: str, text: str) -> Any:
    """What becomes of a text in the column ``name`` of an otherwise good row."""
    return columns_of(with_text(name, text), READER)[name][0]


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


def test_what_python_writes_is_read() -> None:
    sent: Sequence[dict[str, Any]] = [row for row in texts(16) if row["t"]]
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC):
        written = io.StringIO()
        writer = csv.DictWriter(written, ["n", "t", "contact_id"], quoting=quoting)
        writer.writeheader()
        writer.writerows(sent)
        assert columns_of(written.getvalue().encode()) == {name: [row[name] for row in sent] for name in sent[0]}


# Chunks


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
