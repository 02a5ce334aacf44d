"""A draft of a table in a database, through ODBC: it loads, and an export takes it as it is."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from local.propose.command import add_to
from local.propose.database import read_table
from shared.catalog.load import load_catalog
from shared.errors import DropError, SettingsError, SourceError
from tests.databases import SQLiteDatabase, export, insert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 300
COLUMNS = """
    "order no" INTEGER PRIMARY KEY, ordered_at TIMESTAMP NOT NULL, "net.weight" REAL, amount DECIMAL(10,2),
    region VARCHAR(20), lot VARCHAR(10), gift BOOLEAN, email VARCHAR(80), photo BLOB, returned_late INTEGER,
    paid VARCHAR(5) NOT NULL
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SQLiteDatabase]:
    with closing(SQLiteDatabase(tmp_path)) as made:
        made.execute(f"CREATE TABLE orders ({COLUMNS})")
        for number in range(1, ROWS + 1):
            day, amount = 1 + number // 20, 10 + number % 37 + 0.25
            region = ("north", "south", None)[number % 3]
            row = (number, f"2026-01-{day:02} 08:00:00", float(number % 40), amount, region, str(number % 6))
            personal = (number % 4 == 0, f"buyer{number}@example.org", b"\x00\xff", number % 5)
            insert(made, "orders", (*row, *personal, "no" if number * 7 % 11 < 3 else "yes"))
        yield made


def run(table: str, out: Path) -> None:
    parser = argparse.ArgumentParser()
    add_to(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["propose", "--table", table, "--target", "paid", "--out", str(out)])
    assert parsed.run(parsed) == 0


def test_a_draft_of_a_table_is_exported_as_it_is(
    database: SQLiteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SQL_CONNECTION_STRING", database.connection_string)
    out = tmp_path / "catalog" / "orders.toml"
    out.parent.mkdir()
    run("orders", out)

    (use_case,) = load_catalog(out.parent).use_cases
    dataset = use_case.dataset
    assert (dataset.table, use_case.model.positive) == ("orders", "no")
    assert (dataset.column_with("key"), dataset.column_with("time")) == ("order no", "ordered_at")
    kinds = {name: column.type for name, column in dataset.features().items()}
    assert kinds.pop("net.weight") in {"integer", "number"}
    assert kinds == {"amount": "decimal", "region": "category", "lot": "category", "gift": "boolean"}
    assert dataset.columns["region"].nullable
    assert dataset.columns["email"].pii == "drop"
    assert dataset.columns["returned_late"].known == "after"
    assert "photo" not in dataset.columns
    text = out.read_text()
    assert '# cursor = "order no"' in text
    assert "'photo'" in text
    told = capsys.readouterr().out
    assert "from 300 rows of the table orders" in told
    assert "python -m local export --dataset orders" in told

    record, rows = export(database, dataset)
    assert len(rows) == ROWS, record
    assert not any("example.org" in (field or "") for row in rows for field in row)


def test_no_more_rows_are_read_than_asked_for(database: SQLiteDatabase) -> None:
    table, announced = read_table(database.connection_string, "orders", rows=50)
    assert len(table.rows) == 50
    assert announced.binary == ("photo",)
    assert table.column("order no") == [str(number) for number in range(1, 51)]


def test_a_table_without_key_and_time_is_asked_for_them(
    database: SQLiteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQL_CONNECTION_STRING", database.connection_string)
    database.execute('CREATE TABLE bare AS SELECT region, "net.weight", paid FROM orders')
    run("bare", tmp_path / "bare.toml")
    text = (tmp_path / "bare.toml").read_text()
    assert "# ? the table has no column that names a row" in text
    assert "# ? the table has no date of the decision" in text


def test_what_cannot_be_read_is_told(database: SQLiteDatabase) -> None:
    with pytest.raises(SourceError, match="no such table"):
        read_table(database.connection_string, "absent")
    with pytest.raises(SettingsError, match="SQL_CONNECTION_STRING: expected"):
        read_table(None, "orders")
    database.execute("CREATE TABLE hollow (a INTEGER)")
    with pytest.raises(DropError, match="hollow: has no rows"):
        read_table(database.connection_string, "hollow")
