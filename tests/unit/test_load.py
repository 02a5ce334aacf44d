"""A CSV into a database, its columns named by a map."""

from __future__ import annotations

import gzip
import lzma
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.__main__ import main
from local.load import Map, Source, load, read_map
from shared.catalog.load import parse_use_case
from shared.csv_format import csv_rows
from shared.errors import CauceError, DropError, SettingsError

MAPS = Path(__file__).parents[2] / "local" / "maps"
MAP = """
table = "order_lines"
[columns]
line_id = { row_number = true }
ordered_at = { column = "When", type = "timestamp" }
product = { column = "Code" }
customer = { column = "Who", empty = true }
quantity = { column = "Pieces", type = "integer" }
unit_price = { column = "Price", type = "number" }
cancelled = { column = "Invoice", starts_with = "C" }
promotion = { value = false }
"""
HEADER = "Invoice,When,Code,Who,Pieces,Price\n"
GOOD = HEADER + "1,2026-11-23 08:30:00,A,7,2,1.5\nC2,2026-11-23 09:00:00,B,,-1,0\n"


def put(folder: Path, text: str = GOOD, by: str = MAP, *, replace: bool = False, name: str = "lines.csv") -> Any:
    file = folder / name
    file.write_text(text)
    (folder / "map.toml").write_text(by)
    return load(file, read_map(folder / "map.toml"), folder / "company.db", replace, lambda _: None)


def table(folder: Path, name: str = "order_lines") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "company.db")) as connection:
        return connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608


def test_each_column_has_its_values_and_its_type(tmp_path: Path) -> None:
    assert put(tmp_path).rows == 2
    assert table(tmp_path) == [
        (1, "2026-11-23 08:30:00", "A", "7", 2, 1.5, 0, 0),
        (2, "2026-11-23 09:00:00", "B", None, -1, 0.0, 1, 0),
    ]


@pytest.mark.parametrize(("name", "pack"), [("lines.csv.gz", gzip.compress), ("lines.csv.xz", lzma.compress)])
def test_a_packed_file_is_unpacked(tmp_path: Path, name: str, pack: Any) -> None:
    (tmp_path / name).write_bytes(pack(GOOD.encode()))
    (tmp_path / "map.toml").write_text(MAP)
    assert load(tmp_path / name, read_map(tmp_path / "map.toml"), tmp_path / "company.db", False, print).rows == 2


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("3,yesterday,A,7,2,1.5", "row 3, column 'When': expected a time like 2026-11-23 08:30:00, for 'ordered_at'"),
        ("3,2026-11-23 08:30:00,A,7,two,1.5", "row 3, column 'Pieces': expected an integer, for 'quantity'; got 'two'"),
        ("3,2026-11-23 08:30:00,A,7,2,inf", "row 3, column 'Price': expected a number, for 'unit_price'; got 'inf'"),
        ("3,2026-11-23 08:30:00,,7,2,1.5", "row 3, column 'Code': expected a text, for 'product'; got ''"),
        (f"3,2026-11-23 08:30:00,A,7,{2**63},1.5", "row 3, column 'Pieces': expected an integer"),
    ],
)
def test_a_row_that_does_not_fit_is_left_out_and_told(tmp_path: Path, line: str, told: str) -> None:
    loaded = put(tmp_path, GOOD + line + "\n")
    assert (loaded.rows, loaded.left_out) == (2, 1)
    assert loaded.examples[0].startswith(told)
    assert [row[0] for row in table(tmp_path)] == [1, 2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        (HEADER, "none of its 0 rows fits"),
        (HEADER + "1,x,A,7,2,1\n", "none of its 1 rows fits the map; the first: row 1, column 'When'"),
        ("Invoice,When\n1,2\n", "has no column 'Code', 'Who', 'Pieces', 'Price'; it has 'Invoice', 'When'"),
        (GOOD + "1,2\n", "fields"),
    ],
)
def test_a_file_that_is_not_of_the_map_leaves_no_table(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DropError, match=told):
        put(tmp_path, text)
    with closing(sqlite3.connect(tmp_path / "company.db")) as connection:
        assert not connection.execute("SELECT * FROM sqlite_master").fetchall()


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ("table = ", "is not a map"),
        ('table = "x"', "missing required field `columns`"),
        ('table = "x; DROP"\n[columns]\na = { value = 1 }', "'x; DROP' is no name that SQL takes"),
        (
            'table = "x"\n[columns]\na = { column = "A", value = 1 }',
            "columns.a: expected one of column, row_number, value",
        ),
        ('table = "x"\n[columns]\na = { colum = "A" }', "unknown field `colum`"),
    ],
)
def test_a_map_that_means_nothing_is_told(tmp_path: Path, by: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        put(tmp_path, by=by)
    assert told in str(caught.value)


def test_a_table_that_is_there_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    put(tmp_path)
    one_row = HEADER + "9,2026-11-24 08:30:00,Z,7,2,1.5\n"
    with pytest.raises(SettingsError, match="--replace puts the file in its place"):
        put(tmp_path, one_row)
    assert len(table(tmp_path)) == 2
    with pytest.raises(CauceError):
        put(tmp_path, "", replace=True)
    assert len(table(tmp_path)) == 2
    put(tmp_path, one_row, replace=True)
    assert [row[2] for row in table(tmp_path)] == ["Z"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(2**53), 2**53), st.text("abc é\"',;\n", min_size=1).filter(str.strip)), min_size=1)
)
def test_what_is_in_the_file_is_in_the_table(tmp_path: Path, rows: list[tuple[int, str]]) -> None:
    file = tmp_path / "any.csv"
    file.write_bytes(csv_rows([("number", "words")]) + csv_rows(rows))
    by = Map({"number": Source(column="number", type="integer"), "words": Source(column="words")}, "anything")
    load(file, by, tmp_path / "company.db", True, lambda _: None)
    assert table(tmp_path, "anything") == rows


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lines.csv").write_text(GOOD + "1,never,A,7,2,1\n")
    (tmp_path / "map.toml").write_text(MAP)
    named = ["--csv", str(tmp_path / "lines.csv"), "--map", str(tmp_path / "map.toml")]
    assert main(["load", *named, "--database", str(tmp_path / "company.db")]) == 0
    told = capsys.readouterr().out
    assert "2 rows in table 'order_lines'" in told
    assert "1 rows were left out" in told
    assert main(["load", *named, "--database", str(tmp_path / "company.db")]) == 1


def test_the_maps_that_come_along_are_maps_and_their_use_cases_have_no_faults() -> None:
    faults: list[str] = []
    case = parse_use_case((MAPS / "online_retail" / "sales.toml").read_bytes(), "sales.toml", faults)
    assert not faults
    assert case is not None
    assert read_map(MAPS / "online_retail.toml").columns.keys() == case.dataset.used_columns().keys()
