"""Reaching the database: what is said where it cannot be, and what is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pyodbc
import pytest

from local.memory_blobs import MemoryBlobs
from shared.catalog.spec import Column, Dataset
from shared.csv_format import read_csv
from shared.errors import PermanentError, SettingsError, SourceError, SourceUnavailable, TransientError
from shared.export.connection import Address, address_of, translated
from shared.export.dialects import OTHER, POSTGRESQL, SQLITE
from shared.export.run import Exporter
from shared.export.source import OdbcSource
from shared.store.azure_blobs import connect
from shared.store.records import Manifest, from_json
from tests.databases import BOTH, SETTINGS, SLOT, SQLiteDatabase, export, insert, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from local.azurite import Azurite
    from tests.databases import Database

SALES = Dataset(
    name="sales",
    table="sales",
    columns={"id": Column("integer", role="key"), "city": Column("category", nullable=True)},
)


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened(request.param, request, tmp_path) as made:
        made.execute("CREATE TABLE sales (id INTEGER, city VARCHAR(80))")
        insert(made, "sales", (1, "Bilbao"), (2, None), (3, ""))
        yield made


def failure(connection_string: str | None, kind: type[Exception] | tuple[type[Exception], ...]) -> str:
    """What an export says that comes to nothing."""
    blobs = MemoryBlobs()
    with pytest.raises(kind) as raised:
        Exporter(OdbcSource(connection_string), blobs, SETTINGS).export(SALES, SLOT)
    assert list(blobs.blobs) == [f"exports/sales/{SLOT}/export.json"]
    assert "hush-hush" not in f"{raised.value} {raised.value.__cause__}"
    assert b"hush-hush" not in blobs.blobs[f"exports/sales/{SLOT}/export.json"]
    return str(raised.value)


@pytest.mark.parametrize(
    "connection",
    [
        "Driver=SQLite3;Database=/does/not/exist/company.db",
        "Driver=PostgreSQL Unicode;Server=127.0.0.1;Port=1;Database=x;Uid=me;Pwd=hush-hush",
    ],
)
def test_a_database_that_cannot_be_reached_is_told_with_the_dataset_and_without_the_password(connection: str) -> None:
    message = failure(connection, (SourceError, SourceUnavailable))
    assert message.startswith("dataset 'sales': the database failed: ")


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        (None, "SQL_CONNECTION_STRING: expected an ODBC connection string, nothing is set"),
        ("no connection string at all;Pwd=hush-hush", "SQL_CONNECTION_STRING: names no driver; expected "),
        ("Driver=No Such Driver;Pwd=hush-hush", "SQL_CONNECTION_STRING: the ODBC driver 'No Such Driver' is not inst"),
    ],
)
def test_a_connection_string_that_cannot_be_used_names_the_setting(connection: str | None, told: str) -> None:
    assert failure(connection, SettingsError).startswith(told)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("08001", TransientError),  # cannot connect
        ("08S01", TransientError),  # connection broke
        ("HYT00", TransientError),  # timeout
        ("40001", TransientError),  # deadlock
        ("HY000", TransientError),  # anything
        ("28000", PermanentError),  # login refused
        ("42S02", PermanentError),  # no such table
        ("42000", PermanentError),  # syntax, or no permission
        ("22018", PermanentError),  # a cast that fails
        ("IM002", PermanentError),  # no such driver
    ],
)
def test_the_drivers_state_decides_whether_to_try_again(state: str, kind: type[Exception]) -> None:
    error = pyodbc.Error(state, f"[{state}] as the driver says it")
    told = f"dataset 'sales': the database failed: .{state}. as the driver"
    with pytest.raises(kind, match=told) as raised, translated("sales", OTHER, pyodbc):
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "raised", [ValueError("year 0"), OverflowError("huge"), UnicodeDecodeError("u", b"", 0, 1, "")]
)
def test_a_value_that_python_does_not_have_is_the_databases_fault(raised: Exception) -> None:
    told = "dataset 'sales': the database holds a value that cannot be read: "
    with pytest.raises(SourceError, match=told), translated("sales", OTHER, pyodbc):
        raise raised


def test_a_table_that_is_not_there_will_not_be_there_the_next_time(database: Database) -> None:
    with pytest.raises(SourceError, match=r"^dataset 'sales': the database failed: .*gone"):
        export(database, msgspec.structs.replace(SALES, table="gone"))


def test_the_connection_is_closed_whether_the_export_fails_or_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[pyodbc.Connection] = []
    really: Callable[..., pyodbc.Connection] = pyodbc.connect

    def watched(*args: Any, **kwargs: Any) -> pyodbc.Connection:
        made.append(really(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(pyodbc, "connect", watched)
    export(database, SALES)
    with pytest.raises(SourceError):
        export(database, msgspec.structs.replace(SALES, columns={"missing": Column("text", role="key")}))
    assert len(made) == 2
    for connection in made:
        with pytest.raises(pyodbc.ProgrammingError, match="closed"):
            connection.cursor()


def test_what_the_connection_string_says_goes_before_what_cauce_adds(tmp_path: Path) -> None:
    address = address_of("Driver={PostgreSQL Unicode};Server=x;usedeclarefetch=0", ["PostgreSQL Unicode"])
    assert address.dialect is POSTGRESQL
    assert address.text.count("eclare") == 1
    assert address_of("Driver=SQLite3;Database=x", ["SQLite3"]).dialect is SQLITE


def test_a_data_source_is_set_up_by_the_driver_that_it_names() -> None:
    sources = {"company": "PostgreSQL Unicode", "elsewhere": "No Such Driver"}
    address = address_of("DSN=company;Fetch=1", [], None, sources)
    assert address.dialect is POSTGRESQL
    assert address.text == "DSN=company;Fetch=1;UseDeclareFetch=1;BoolsAsChar=0;LFConversion=0"
    for text in ("DSN=elsewhere", "DSN=unknown", "FileDSN=/etc/company.dsn"):
        assert address_of(text, [], None, sources) == Address(text, OTHER)


def test_a_database_that_is_known_only_once_connected_is_refused(database: Database) -> None:
    """Set up as any other database, it would give some values wrong."""
    told = "^SQL_CONNECTION_STRING: leads to (SQLite|PostgreSQL) without saying so; name the driver, since only then "
    with pytest.raises(SourceError, match=told), Address(database.connection_string, OTHER).connected("sales"):
        pass


def test_the_same_goes_through_azure_storage(tmp_path: Path, azurite: Azurite) -> None:
    database = SQLiteDatabase(tmp_path)
    database.execute("CREATE TABLE sales (id INTEGER, city VARCHAR(80))")
    insert(database, "sales", (1, "Bilbao"), (2, None), (3, ""))
    database.close()
    store = connect(azurite.connection_string, None, None, patient=True)
    dataset = msgspec.structs.replace(SALES, name="odbc-sales")
    exporter = Exporter(OdbcSource(database.connection_string), store, SETTINGS)
    with store._service:
        assert exporter.export(dataset, SLOT).outcome == "exported"
        blob = store.read(f"drops/odbc-sales/{SLOT}.json")
        assert blob is not None
        (part,) = from_json(blob.data, Manifest, "m").parts
        _, rows = read_csv(store.chunks(part.name), part.name)
        assert [row for _, row in rows] == [["1", "Bilbao"], ["2", None], ["3", ""]]
        assert exporter.export(dataset, SLOT).outcome == "done before"
        assert store.info(part.name).size_bytes == part.size_bytes
