"""``python -m local export``: what it does and what it says, over SQLite."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pyodbc
import pytest

from local.company import connection_string
from local.export import export, show_statements
from local.memory_blobs import MemoryBlobs
from shared.catalog.load import Catalog, load_catalog
from shared.errors import SettingsError
from shared.export.reach import Order
from shared.settings import BUILT_IN_CATALOG, Settings
from shared.store.records import Manifest, from_json

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = Catalog(load_catalog(BUILT_IN_CATALOG).use_cases[:1])
COLUMNS = tuple(CATALOG.use_cases[0].dataset.columns)
NUMBERS = {"contact_id", "age", "balance", "day", "duration", "campaign", "pdays", "previous"}
NIGHTLY = Order()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    database = connection_string(tmp_path / "company.db")
    columns = ", ".join(f'"{name}" {"INTEGER" if name in NUMBERS else "VARCHAR(20)"}' for name in COLUMNS)
    chosen = Settings(storage_uri="unused", sql_connection_string=database)
    execute(chosen, f"CREATE TABLE contacts ({columns})")
    add_contacts(chosen, 1, 30)
    return chosen


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


def execute(settings: Settings, statement: str, *values: object) -> None:
    with closing(pyodbc.connect(str(settings.sql_connection_string), autocommit=True)) as connection:
        connection.execute(statement, *values).close()


def add_contacts(settings: Settings, first: int, last: int) -> None:
    places = ", ".join("?" * len(COLUMNS))
    for number in range(first, last + 1):
        values = [number if name == "contact_id" else 7 if name in NUMBERS else "x" for name in COLUMNS]
        execute(settings, f"INSERT INTO contacts VALUES ({places})", *values)  # noqa: S608


def manifests(blobs: MemoryBlobs) -> list[Manifest]:
    return [from_json(blobs.blobs[name], Manifest, name) for name in blobs.blobs if name.startswith("drops/")]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_it_says_what_was_exported_and_from_where_to_where(
    settings: Settings, blobs: MemoryBlobs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(CATALOG, None, NIGHTLY, settings, blobs) == 0
    told = said(capsys)
    assert "contacts: exported: 30 rows" in told
    assert "watermark - to 30 (everything, for the first time)" in told


def test_the_dry_run_prints_the_sql_and_changes_nothing(
    settings: Settings, blobs: MemoryBlobs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_statements(CATALOG, "contacts", NIGHTLY, settings, blobs) == 0
    told = said(capsys)
    assert told.startswith("-- contacts: everything, for the first time SELECT")
    assert 'FROM contacts WHERE "contact_id" < ? -- -970' in told
    assert 'FROM contacts WHERE "contact_id" IS NULL' in told
    assert blobs.blobs == {}


def test_a_dataset_that_fails_is_told_and_ends_with_1(
    settings: Settings, blobs: MemoryBlobs, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(settings, "ALTER TABLE contacts RENAME COLUMN age TO years")
    assert export(CATALOG, None, NIGHTLY, settings, blobs) == 1
    assert "contacts: failed: dataset 'contacts': the database has no column 'age'" in said(capsys)
    assert manifests(blobs) == []


def test_a_dataset_that_is_not_in_the_catalog_is_told_with_those_that_are(
    settings: Settings, blobs: MemoryBlobs
) -> None:
    with pytest.raises(SettingsError, match="no use case exports a dataset 'sales'; exported are: contacts"):
        export(CATALOG, "sales", NIGHTLY, settings, blobs)


@pytest.mark.parametrize(
    ("since", "fault"),
    [("soon", "--since soon: expected an integer, got 'soon'"), ("31", "--since 31: lies above the watermark, 30")],
)
def test_a_start_that_makes_no_sense_is_told(settings: Settings, blobs: MemoryBlobs, since: str, fault: str) -> None:
    export(CATALOG, None, NIGHTLY, settings, blobs)
    with pytest.raises(SettingsError, match=fault):
        show_statements(CATALOG, None, Order(since=since), settings, blobs)


def test_an_added_column_is_a_note(settings: Settings, blobs: MemoryBlobs, capsys: pytest.CaptureFixture[str]) -> None:
    execute(settings, "ALTER TABLE contacts ADD COLUMN shoe_size INTEGER")
    assert export(Catalog(CATALOG.use_cases), None, NIGHTLY, settings, blobs) == 0
    assert "note: column 'shoe_size' is in the database and not in the catalog: it is not exported" in said(capsys)
