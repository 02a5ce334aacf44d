"""The export through a real ODBC driver: SQLite, in a file of the test's own."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pyodbc
import pytest

from local.company import connection_string
from shared.catalog.spec import Column, Dataset
from shared.csv_format import read_csv
from shared.errors import PermanentError, SettingsError, SourceError, SourceUnavailable, TransientError
from shared.export import source
from shared.export.run import export_all, export_dataset
from shared.export.source import BATCH_ROWS, OdbcSource
from shared.store.azure_blobs import connect
from shared.store.names import parse_stamp
from shared.store.records import Manifest, from_json
from tests.memory_blobs import MemoryBlobs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from local.azurite import Azurite
    from shared.store.blobs import Blobs

SLOT = "20261123T020000Z"
COLUMNS = {
    "id": Column("integer", role="key"),
    "day": Column("date", role="time"),
    "note": Column("text", role="unused", reason="free text, with names in it"),
    "amount": Column("decimal", nullable=True),
    "city": Column("category", nullable=True),
}
SALES = Dataset(name="sales", table="sales", columns=COLUMNS)
CREATE = (
    'CREATE TABLE sales ("id" INTEGER PRIMARY KEY, "day" DATE, "note" TEXT, "amount" VARCHAR(20), "city" VARCHAR(80), '
    '"extra" TEXT)'
)
ROW = (1, "2026-11-22", "call Ana", "12.50", "Bilbao", "")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "company.db"


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


def run(database: Path, statement: str, *rows: tuple[Any, ...]) -> None:
    with closing(pyodbc.connect(connection_string(database))) as connection, closing(connection.cursor()) as cursor:
        if rows:
            cursor.executemany(statement, rows)
        else:
            cursor.execute(statement)
        connection.commit()


def fill(database: Path, *rows: tuple[Any, ...]) -> None:
    run(database, CREATE)
    if rows:
        run(database, "INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?)", *rows)


def export(database: Path, blobs: Blobs, dataset: Dataset = SALES, part_bytes: int = 1 << 20) -> Manifest:
    done = export_dataset(dataset, OdbcSource(connection_string(database)), blobs, SLOT, part_bytes)
    assert done.manifest is not None
    return done.manifest


def exported(blobs: Blobs, manifest: Manifest) -> list[list[str | None]]:
    return [row for part in manifest.parts for _, row in read_csv(blobs.chunks(part.name), part.name)[1]]


def refusal(database: Path, dataset: Dataset) -> str:
    with pytest.raises(SourceError) as raised:
        export(database, MemoryBlobs(), dataset)
    return str(raised.value)


def test_used_columns_come_in_the_catalogs_order_and_no_others_leave_the_database(
    database: Path, blobs: MemoryBlobs
) -> None:
    fill(database, ROW)
    turned = msgspec.structs.replace(SALES, columns=dict(reversed(COLUMNS.items())))
    manifest = export(database, blobs, turned)
    (part,) = manifest.parts
    assert blobs.blobs[part.name] == b'"city","amount","day","id"\r\n"Bilbao","12.50","2026-11-22",1\r\n'
    assert list(manifest.columns) == ["city", "amount", "day", "id"]
    assert not [name for name, data in blobs.blobs.items() if b"note" in data or b"Ana" in data or b"extra" in data]


@pytest.mark.parametrize(
    "city",
    [None, "", 'say "hi"', "a\nb", "a\r\nb", "a,b;c", "🙂 ñ 表", "\u2028", " spaced ", "NULL", "'; DROP TABLE sales"],
)
def test_text_comes_back_as_it_is_in_the_table(database: Path, blobs: MemoryBlobs, city: str | None) -> None:
    fill(database, (1, "2026-11-22", "", "1", city, ""))
    assert exported(blobs, export(database, blobs)) == [["1", "2026-11-22", "1", city]]


@pytest.mark.parametrize("amount", ["12.50", "0.00000001", "123456789012345.67", "-7", None])
def test_decimals_that_are_stored_as_text_keep_their_digits(
    database: Path, blobs: MemoryBlobs, amount: str | None
) -> None:
    fill(database, (1, "2026-11-22", "", amount, "x", ""))
    assert exported(blobs, export(database, blobs))[0][2] == amount


def test_values_are_written_by_their_types(database: Path, blobs: MemoryBlobs) -> None:
    run(database, "CREATE TABLE kinds (i BIGINT, f DOUBLE, t TIMESTAMP, b BOOLEAN, x BLOB)")
    values = (2**40, 0.1, "2026-11-22 03:04:05", 1, b"\x00\xff")
    run(database, "INSERT INTO kinds VALUES (?, ?, ?, ?, ?)", values, (None,) * 5)
    columns = {name: Column("text") for name in "iftbx"}
    manifest = export(database, blobs, Dataset(name="kinds", table="kinds", columns=columns))
    assert exported(blobs, manifest) == [
        ["1099511627776", "0.1", "2026-11-22T03:04:05", "true", "AP8="],
        [None] * 5,
    ]


def test_an_empty_table_is_announced_with_its_header(database: Path, blobs: MemoryBlobs) -> None:
    fill(database)
    manifest = export(database, blobs)
    assert manifest.rows == 0
    assert blobs.blobs[manifest.parts[0].name] == b'"id","day","amount","city"\r\n'


def test_a_query_takes_the_place_of_a_table(database: Path, blobs: MemoryBlobs) -> None:
    fill(database, ROW, (2, "2026-11-23", "", "3", "Vigo", ""))
    query = "SELECT id, day, amount, upper(city) AS city FROM sales WHERE id > 1"
    manifest = export(database, blobs, msgspec.structs.replace(SALES, table=None, query=query))
    assert exported(blobs, manifest) == [["2", "2026-11-23", "3", "VIGO"]]


def test_names_that_are_words_of_sql_or_hold_quotes_are_columns(database: Path, blobs: MemoryBlobs) -> None:
    run(database, 'CREATE TABLE odd ("select" INTEGER, "two words" TEXT, "a ""quoted"" one" TEXT)')
    run(database, "INSERT INTO odd VALUES (?, ?, ?)", (1, "x", "y"))
    columns = {name: Column("text") for name in ("two words", 'a "quoted" one', "select")}
    manifest = export(database, blobs, Dataset(name="odd", table="odd", columns=columns))
    assert exported(blobs, manifest) == [["x", "y", "1"]]


def test_many_rows_are_many_parts_and_none_is_lost(database: Path, blobs: MemoryBlobs) -> None:
    count = 2 * BATCH_ROWS + 1
    fill(database, ROW)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    run(database, f"INSERT INTO sales {numbers} SELECT i, '2026-11-22', '', '1', 'x', '' FROM n", (count,))  # noqa: S608
    manifest = export(database, blobs, part_bytes=1024)
    assert [part.rows for part in manifest.parts] == [BATCH_ROWS, BATCH_ROWS, 1]
    assert {row[0] for row in exported(blobs, manifest)} == {str(number) for number in range(1, count + 1)}


@pytest.mark.parametrize("how", ["table", "query"])
def test_columns_that_are_missing_are_named_with_those_that_there_are(database: Path, how: str) -> None:
    """SQLite alone would give the text 'missing' in every row."""
    fill(database, ROW)
    columns = {**COLUMNS, "missing": Column("category"), "gone": Column("integer")}
    relation = {"table": "sales", "query": None} if how == "table" else {"table": None, "query": "SELECT * FROM sales"}
    message = refusal(database, msgspec.structs.replace(SALES, columns=columns, **relation))
    assert message == (
        "dataset 'sales': the database has no column 'missing', 'gone'; it has 'id', 'day', 'note', 'amount', 'city', "
        "'extra'. Rename in the catalog, or declare the column's role 'unused'"
    )


def test_an_unused_column_need_not_be_there(database: Path, blobs: MemoryBlobs) -> None:
    fill(database, ROW)
    columns = {**COLUMNS, "gone": Column("text", role="unused", reason="dropped last year")}
    assert export(database, blobs, msgspec.structs.replace(SALES, columns=columns)).rows == 1


def test_a_value_that_cannot_be_read_is_told_with_its_dataset_and_nothing_is_announced(
    database: Path, blobs: MemoryBlobs
) -> None:
    fill(database, ROW)
    run(database, "INSERT INTO sales VALUES (2, '2026-11-22', '', '1', CAST(x'EDA080' AS TEXT), '')")
    with pytest.raises(SourceError, match="dataset 'sales': the database holds a value that cannot be read"):
        export(database, blobs)
    assert not [name for name in blobs.blobs if name.startswith("drops/")]


def test_a_table_that_is_missing_is_told_and_the_others_are_exported(database: Path, blobs: MemoryBlobs) -> None:
    fill(database, ROW)
    gone = msgspec.structs.replace(SALES, name="gone", table="gone")
    with pytest.raises((SourceError, SourceUnavailable), match=r"dataset 'gone': .*no such table: gone"):
        export_all([gone, SALES], OdbcSource(connection_string(database)), blobs, parse_stamp(SLOT), 1024)
    assert [name for name in blobs.blobs if name.startswith("drops/")] == [f"drops/sales/{SLOT}.json"]


@pytest.mark.parametrize(
    "connection",
    [
        "Driver=SQLite3;Database=/does/not/exist/company.db",
        "Driver=No Such Driver;Server=nowhere",
        "Driver=PostgreSQL Unicode;Server=127.0.0.1;Port=1;Database=x",
        "no connection string at all",
    ],
)
def test_a_database_that_cannot_be_reached_is_told_with_the_dataset(connection: str, blobs: MemoryBlobs) -> None:
    with pytest.raises((SourceError, SourceUnavailable), match="dataset 'sales': the database failed: "):
        export_dataset(SALES, OdbcSource(connection), blobs, SLOT, 1024)
    assert not blobs.blobs


def test_a_password_is_in_no_message() -> None:
    connection = "Driver=PostgreSQL Unicode;Server=127.0.0.1;Port=1;Database=x;Uid=me;Pwd=hush-hush"
    with pytest.raises(SourceUnavailable) as raised:
        export_dataset(SALES, OdbcSource(connection), MemoryBlobs(), SLOT, 1024)
    assert "hush-hush" not in f"{raised.value} {raised.value.__cause__}"


def test_no_connection_string_names_the_setting(blobs: MemoryBlobs) -> None:
    with pytest.raises(SettingsError, match=r"^SQL_CONNECTION_STRING: expected an ODBC connection string"):
        export_dataset(SALES, OdbcSource(None), blobs, SLOT, 1024)


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
    with pytest.raises(kind, match=told) as raised, source._translated("sales", pyodbc):
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "raised", [ValueError("year 0"), OverflowError("huge"), UnicodeDecodeError("u", b"", 0, 1, "")]
)
def test_a_value_that_python_does_not_have_is_the_databases_fault(raised: Exception) -> None:
    told = "dataset 'sales': the database holds a value"
    with pytest.raises(SourceError, match=told), source._translated("sales", pyodbc):
        raise raised


def test_the_connection_is_closed_whether_the_export_fails_or_not(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[pyodbc.Connection] = []
    really: Callable[..., pyodbc.Connection] = pyodbc.connect

    def watched(*args: Any, **kwargs: Any) -> pyodbc.Connection:
        opened.append(really(*args, **kwargs))
        return opened[-1]

    fill(database, ROW)
    monkeypatch.setattr(pyodbc, "connect", watched)
    export(database, MemoryBlobs())
    refusal(database, msgspec.structs.replace(SALES, columns={"missing": Column("text")}))
    assert len(opened) == 2
    for connection in opened:
        with pytest.raises(pyodbc.ProgrammingError, match="closed"):
            connection.cursor()


def test_the_same_goes_through_azure_storage(database: Path, azurite: Azurite) -> None:
    fill(database, ROW, (2, "2026-11-23", "", None, "", ""))
    store = connect(azurite.connection_string, None, None, patient=True)
    dataset = msgspec.structs.replace(SALES, name="odbc-sales")
    with store._service:
        manifest = export(database, store, dataset, part_bytes=1024)
        blob = store.read(f"drops/odbc-sales/{SLOT}.json")
        assert blob is not None
        assert from_json(blob.data, Manifest, "m") == manifest
        assert exported(store, manifest) == [["1", "2026-11-22", "12.50", "Bilbao"], ["2", "2026-11-23", None, ""]]
        again = export_dataset(dataset, OdbcSource(connection_string(database)), store, SLOT, 1024)
        assert again.manifest is None
        assert store.info(manifest.parts[0].name).size_bytes == manifest.parts[0].size_bytes


@pytest.mark.parametrize(
    ("mark", "name", "quoted"), [('"', 'a"b', '"a""b"'), ("`", "a`b", "`a``b`"), (" ", "a", "a"), ("", "a", "a")]
)
def test_names_are_quoted_as_the_database_quotes_them(mark: str, name: str, quoted: str) -> None:
    assert source._quoted(name, mark) == quoted
