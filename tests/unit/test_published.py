"""Tables as somebody published them: how they are read, and what is added where they have no key and no date."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.published import SEPARATORS, Published, complete, derived_dates, read_published, ready, to_csv
from shared.catalog.spec import Column, Dataset
from shared.csv_format import read_csv
from shared.errors import DropError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = [["1", "a,b"], ["2", ""], ["3", 'say "x"\nand more']]
HEADER = ["number", "text"]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
AWKWARD = st.sampled_from([",", ";", "\t", "|", '"', '""', "\r\n", "\n", " ", "a;b,c", "é", "\u2028", "1,5"])
NAMES = st.lists(st.from_regex(r"[a-z][a-z .-]{0,8}", fullmatch=True), min_size=2, max_size=5, unique=True)


def written(header: list[str], rows: list[list[str]], separator: str = ",", quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=quoting).writerows([header, *rows])  # type: ignore[arg-type]
    return text.getvalue().encode()


def read(folder: Path, data: bytes, name: str = "table.csv") -> Published:
    path = folder / name
    path.write_bytes(data)
    return read_published(path)


def dataset(**columns: Column) -> Dataset:
    standing = {"id": Column("integer", role="key"), "on": Column("date", role="time")}
    return Dataset(name="one", table="one", columns={**standing, **columns, "y": Column("boolean", role="target")})


def dated(header: list[str], *rows: list[str]) -> list[str]:
    return [day.isoformat() for day in derived_dates(Published("t.csv", header, [*rows]))]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_any_usual_separator_and_a_byte_order_mark_are_read(tmp_path: Path, separator: str, begin: bytes) -> None:
    found = read(tmp_path, begin + written(HEADER, ROWS, separator))
    assert (found.header, found.rows) == (HEADER, ROWS)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.txt.xz", "t"])
def test_a_file_is_unpacked_by_what_it_begins_with(tmp_path: Path, pack: Callable[[bytes], bytes], name: str) -> None:
    assert read(tmp_path, pack(written(HEADER, ROWS, ";")), name).rows == ROWS


def test_a_separator_within_quotes_is_none(tmp_path: Path) -> None:
    data = b'"a;b;c","d;e;f"\n"1;2;3","4;5;6"\n'
    assert read(tmp_path, data).rows == [["1;2;3", "4;5;6"]]


def test_decimal_commas_do_not_hide_the_separator(tmp_path: Path) -> None:
    assert read(tmp_path, b"a;b\n1,5;2,5\n1;2\n").rows == [["1,5", "2,5"], ["1", "2"]]


def test_a_head_that_ends_within_a_field_does_not_matter(tmp_path: Path) -> None:
    rows = [["1", "x" * 200_000], ["2", "y\n;" * 60_000], ["3", "z"]]
    assert read(tmp_path, written(HEADER, rows, "|")).rows == rows


def test_a_table_of_one_column_is_one(tmp_path: Path) -> None:
    assert read(tmp_path, b"only\nx\ny\n").rows == [["x"], ["y"]]


@settings(deadline=None)
@given(NAMES, st.data(), st.sampled_from(SEPARATORS), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_is_published_is_read(header: list[str], data: st.DataObject, separator: str, quoting: int) -> None:
    values = st.one_of(TEXT, st.lists(AWKWARD, max_size=4).map("".join))
    rows = data.draw(st.lists(st.lists(values, min_size=len(header), max_size=len(header)), min_size=1, max_size=30))
    pack = data.draw(st.sampled_from([bytes, gzip.compress, lzma.compress]))
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), pack(written(header, rows, separator, quoting)))
    assert (found.header, found.rows) == (header, rows)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty; expected a header and rows"),
        (b"\n\n", "is empty; expected a header and rows"),
        (b"a,b\n", "has a header and no rows"),
        (b"a,b\n1,2\n3\n", "line 3: expected 2 fields as in the header, got 1"),
        (b'a,b\n"1\n2",3\n4,5,6\n', "line 4: expected 2 fields as in the header, got 3"),
        (b'a,b\n"1"x,3\n', "line 2 is not CSV"),
        (b'a,b\n"1,3\n', "is not CSV"),
        (b"a,a\n1,2\n", "the header has a column more than once: 'a'"),
        (b"\xff\xfea\0,\0b\0", "is not UTF-8 text"),
        (b"a,b\n1,\xe9\n", "is not UTF-8 text"),
        (b"a\0b,c\n1,2\n", "is not text"),
        (b"PK\x03\x04 and more", "is an archive or an Excel workbook"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], "is damaged and cannot be unpacked"),
        (lzma.compress(b"a,b\n1,2\n")[:-6], "is damaged and cannot be unpacked"),
        (b"\xfd7zXZ\x00rubbish and rubbish", "is damaged and cannot be unpacked"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_one_line(tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(DropError) as caught:
        read(tmp_path, data)
    assert told in str(caught.value)
    assert str(caught.value).startswith("table.csv: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.csv: cannot be read: No such file"):
        read_published(tmp_path / "none.csv")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        read_published(tmp_path)


def test_a_year_begins_where_a_month_is_earlier() -> None:
    found = dated(["day", "month"], ["5", "nov"], ["31", "Dec"], ["01", "January"], ["29", "12"], ["1", "02"])
    assert found == ["2008-11-05", "2008-12-31", "2009-01-01", "2009-12-29", "2010-02-01"]


def test_a_weekday_that_changes_moves_the_date_on() -> None:
    header = ["month", "day_of_week"]
    rows = [["may", day] for day in ("mon", "mon", "tue", "Friday", "mon", "mon", "wed", "tue")]
    assert dated(header, *rows) == [
        "2008-05-05", "2008-05-05", "2008-05-06", "2008-05-09", "2008-05-12", "2008-05-12", "2008-05-14", "2008-05-20",
    ]  # fmt: skip


def test_dates_from_weekdays_end_with_their_month() -> None:
    days = [["jun", day] for day in ("mon", "fri") * 20]
    found = dated(["month", "day_of_week"], *days, ["jul", "tue"], ["feb", "fri"])
    assert found == sorted(found)
    assert (found[0], found[39:]) == ("2008-06-02", ["2008-06-30", "2008-07-01", "2009-02-06"])


@pytest.mark.parametrize(
    ("header", "rows", "told"),
    [
        (["a"], [["1"]], "has no column 'date', and no 'month' with 'day' or 'day_of_week'"),
        (["month"], [["may"]], "add a column with the date of each row"),
        (
            ["month", "day"],
            [["may", "3"], ["vendémiaire", "4"]],
            "row 2: month: expected jan to dec, or 1 to 12, got 'v",
        ),
        (["month", "day"], [["may", ""]], "row 1: day: expected 1 to 31, got ''"),
        (["month", "day"], [["feb", "30"]], "row 1: month 2 of 2008 has no day 30"),
        (["month", "day_of_week"], [["feb", "1"]], "row 1: day_of_week: expected mon to sun, got '1'"),
        (["month", "day"], [["feb", "1"], ["jan", "1"]] * 100, "the month falls back 100 times"),
    ],
)
def test_where_no_date_follows_that_is_told(header: list[str], rows: list[list[str]], told: str) -> None:
    with pytest.raises(DropError) as caught:
        derived_dates(Published("t.csv", header, rows))
    assert told in str(caught.value)


def test_a_table_is_completed_with_what_the_catalog_wants() -> None:
    table = Published("t.csv", ["y", "month", "day_of_week", "x"], [["1", "may", "mon", "7"], ["0", "may", "tue", ""]])
    found = complete(table, dataset(x=Column("integer"), month=Column("category")))
    assert found.header == ["id", "on", "x", "month", "y"]
    assert found.rows == [["1", "2008-05-05", "7", "may", "1"], ["2", "2008-05-06", "", "may", "0"]]


def test_what_the_file_has_is_not_derived() -> None:
    table = Published("t.csv", ["y", "on", "id"], [["1", "2026-01-02", "17"]])
    assert complete(table, dataset()).rows == [["17", "2026-01-02", "1"]]


def test_unused_columns_stay_out() -> None:
    table = Published("t.csv", ["y", "on", "id", "mail"], [["1", "2026-01-02", "17", "a@b.c"]])
    assert "mail" not in complete(table, dataset(mail=Column("text", role="unused", reason="personal"))).header


def test_a_wanted_column_that_is_missing_is_told() -> None:
    table = Published("t.csv", ["y", "on"], [["1", "2026-01-02"]])
    with pytest.raises(DropError, match="has no column 'x', 'z'; it has 'y', 'on'"):
        complete(table, dataset(x=Column("integer"), z=Column("integer")))
    with pytest.raises(DropError, match="has no column 'id'; an integer key would be numbered from 1"):
        complete(table, dataset(id=Column("text", role="key")))
    with pytest.raises(DropError, match=r"t\.csv: has no column 'on', and no 'month'"):
        complete(Published("t.csv", ["y"], [["1"]]), dataset())


def test_a_drop_is_made_of_a_published_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.xz"
    path.write_bytes(lzma.compress(b'month;day;y;x\nmay;5;1;"a,b"\njun;6;0;\n'))
    header, rows = read_csv([ready(path, dataset(x=Column("category", nullable=True)))], "t.csv")
    assert header == ["id", "on", "x", "y"]
    assert [row for _, row in rows] == [["1", "2008-05-05", "a,b", "1"], ["2", "2008-06-06", None, "0"]]


def test_rows_are_handed_on_as_comma_separated() -> None:
    assert to_csv(["a", "b"], [["1", 'x"y'], ["", "z"]]) == b'"a","b"\r\n"1","x""y"\r\n,"z"\r\n'
    assert to_csv(["a"], []) == b'"a"\r\n'


def test_many_rows_are_written_in_batches() -> None:
    rows = [[str(number), "x"] for number in range(25_000)]
    _, found = read_csv([to_csv(["a", "b"], rows)], "t.csv")
    assert [row for _, row in found] == rows


def test_dates_are_dates() -> None:
    assert derived_dates(Published("t", ["MONTH", "Day"], [["5", "9"]])) == [date(2008, 5, 9)]
