"""What an export promises over any ODBC database, on SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from local.memory_blobs import MemoryBlobs
from shared.catalog.spec import Classification, ClassificationCase, Column, Dataset, Decision
from shared.csv_format import FIELD_LIMIT_CHARACTERS
from shared.errors import SettingsError, SourceError
from shared.export.reading import MOST_BATCH_ROWS
from shared.export.run import Exporter
from shared.export.source import OdbcSource
from shared.store.names import parse_stamp
from tests.databases import BOTH, SETTINGS, SLOT, export, insert, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from tests.databases import Database

COLUMNS = {
    "id": Column("integer", role="key"),
    "day": Column("date", role="time"),
    "note": Column("text", role="unused", reason="free text, with names in it"),
    "amount": Column("decimal", nullable=True),
    "city": Column("category", nullable=True),
}
SALES = Dataset(name="sales", table="sales", columns=COLUMNS)
CREATE = (
    "CREATE TABLE sales (id INTEGER PRIMARY KEY, day DATE, note VARCHAR(80), amount DECIMAL(20,2), city VARCHAR(80), "
    "extra VARCHAR(9))"
)
ROW = (1, "2026-11-22", "call Ana", "12.5", "Bilbao", "x")
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened(request.param, request, tmp_path) as made:
        made.execute(CREATE)
        yield made


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


def with_columns(**changed: Column) -> Dataset:
    return msgspec.structs.replace(SALES, columns={**COLUMNS, **changed})


def refusal(database: Database, dataset: Dataset) -> str:
    """What the export says, which announces nothing."""
    blobs = MemoryBlobs()
    with pytest.raises(SourceError) as raised:
        export(database, dataset, blobs)
    assert not [name for name in blobs.blobs if name.startswith("drops/")]
    return str(raised.value)


def use_case(dataset: Dataset) -> ClassificationCase:
    decision = Decision("call", "skip", cost=1, gain=2)
    model = Classification(name=dataset.name, title="M", task="classification", positive="yes", decision=decision)
    return ClassificationCase(dataset=dataset, model=model)


def test_used_columns_come_in_the_catalogs_order_and_no_others_leave_the_database(
    database: Database, blobs: MemoryBlobs
) -> None:
    insert(database, "sales", (1, "2026-11-22", "call Ana", "12.25", "Bilbao", "x"))
    turned = msgspec.structs.replace(SALES, columns=dict(reversed(COLUMNS.items())))
    record, _ = export(database, turned, blobs)
    (part,) = [data for name, data in blobs.blobs.items() if name.endswith(".csv")]
    assert re.fullmatch(rb'"city","amount","day","id"\r\n"Bilbao",12\.25,"2026-11-22",1\r\n', part)
    assert record.notes == ("column 'extra' is in the database and not in the catalog: it is not exported",)
    assert not [name for name, data in blobs.blobs.items() if b"Ana" in data]


@pytest.mark.parametrize(
    "city",
    [
        None,
        "",
        'say "hi"',
        "a\nb",
        "a\r\nb",
        "a\rb",
        "a,b;c",
        "🙂 ñ 表",
        "\u2028",
        " spaced ",
        "NULL",
        "'; DROP TABLE x",
    ],
)
def test_text_comes_back_as_it_is_in_the_table(database: Database, city: str | None) -> None:
    insert(database, "sales", (1, "2026-11-22", "", "1.25", city, ""))
    assert export(database, SALES)[1] == [["1", "2026-11-22", "1.25", city]]


def test_an_empty_table_is_announced_with_its_header_where_that_is_wished(
    database: Database, blobs: MemoryBlobs
) -> None:
    assert export(database, SALES, blobs)[0].outcome == "nothing new"
    record, rows = export(database, SALES, blobs, export_empty_drops=True)
    assert (record.outcome, record.rows, rows) == ("exported", 0, [])
    (part,) = [data for name, data in blobs.blobs.items() if name.endswith(".csv")]
    assert part == b'"id","day","amount","city"\r\n'


def test_a_query_takes_the_place_of_a_table(database: Database) -> None:
    insert(database, "sales", ROW, (2, "2026-11-23", "", "3.25", "Vigo", ""))
    query = "SELECT id, day, amount, upper(city) AS city FROM sales WHERE id > 1"
    dataset = msgspec.structs.replace(SALES, table=None, query=query)
    assert export(database, dataset)[1] == [["2", "2026-11-23", "3.25", "VIGO"]]


def test_many_rows_are_many_parts_and_none_is_lost(database: Database) -> None:
    count = 2 * MOST_BATCH_ROWS + 1
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"  # noqa: S608
    database.execute(f"INSERT INTO sales {numbers} SELECT i, '2026-11-22', '', 1, 'x', '' FROM n")  # noqa: S608
    record, rows = export(database, SALES, export_part_bytes=1024)
    assert record.rows == count
    assert record.parts > 2
    assert sorted(int(str(row[0])) for row in rows) == list(range(1, count + 1))


@pytest.mark.parametrize("how", ["table", "query"])
def test_columns_that_are_missing_are_named_with_those_that_there_are(database: Database, how: str) -> None:
    """SQLite alone would give the text 'missing' in every row."""
    insert(database, "sales", ROW)
    relation = {"table": "sales", "query": None} if how == "table" else {"table": None, "query": "SELECT * FROM sales"}
    dataset = with_columns(missing=Column("category"), gone=Column("integer"))
    assert refusal(database, msgspec.structs.replace(dataset, **relation)) == (
        "dataset 'sales': the database has no column 'missing', 'gone'; it has 'id', 'day', 'note', 'amount', 'city', "
        "'extra'. Rename in the catalog, or declare the column's role 'unused'"
    )


def test_an_unused_column_need_not_be_there(database: Database) -> None:
    insert(database, "sales", ROW)
    assert export(database, with_columns(gone=Column("text", role="unused", reason="dropped")))[0].rows == 1


def test_a_column_that_is_renamed_between_two_nights_fails_the_second_alone(
    database: Database, blobs: MemoryBlobs
) -> None:
    insert(database, "sales", ROW)
    export(database, SALES, blobs)
    database.execute("ALTER TABLE sales RENAME COLUMN city TO town")
    with pytest.raises(SourceError, match=r"no column 'city'; it has .*'town'"):
        export(database, SALES, blobs, "20261124T020000Z")
    assert [name for name in blobs.blobs if name.startswith("drops/")] == [f"drops/sales/{SLOT}.json"]


@pytest.mark.parametrize(
    ("column", "declared", "told"),
    [
        ("id", "text", None),
        ("city", "integer", "column 'city': the catalog says integer, the database has text."),
        ("city", "number", "column 'city': the catalog says number, the database has text."),
        ("city", "boolean", "column 'city': the catalog says boolean, the database has text."),
        ("id", "date", "column 'id': the catalog says date, the database has integer."),
        ("id", "timestamp", "column 'id': the catalog says timestamp, the database has integer."),
        ("id", "boolean", None),  # flags are kept as 0 and 1 in many a database
        ("day", "integer", "column 'day': the catalog says integer, the database has date."),
        ("day", "number", "column 'day': the catalog says number, the database has date."),
        ("day", "category", None),
        ("day", "timestamp", None),
    ],
)
def test_a_column_of_another_type_than_the_catalogs_is_refused_by_name(
    database: Database, column: str, declared: Any, told: str | None
) -> None:
    insert(database, "sales", ROW)
    dataset = with_columns(**{column: msgspec.structs.replace(COLUMNS[column], type=declared)})
    if told is None:
        assert export(database, dataset)[0].rows == 1
    else:
        assert refusal(database, dataset).startswith(f"dataset 'sales': {told} Correct the type in the catalog, or ")


def test_of_many_datasets_only_those_with_a_fault_are_not_exported(database: Database, blobs: MemoryBlobs) -> None:
    insert(database, "sales", ROW)
    gone = msgspec.structs.replace(SALES, name="gone", table="gone")
    retyped = msgspec.structs.replace(with_columns(city=Column("integer")), name="retyped")
    exporter = Exporter(OdbcSource(database.connection_string), blobs, SETTINGS)
    with pytest.raises(SourceError, match=r"dataset 'gone': .*gone"):
        exporter.export_all([use_case(dataset) for dataset in (gone, retyped, SALES)], parse_stamp(SLOT))
    assert [name for name in blobs.blobs if name.startswith("drops/")] == [f"drops/sales/{SLOT}.json"]
    assert b"the catalog says integer" in blobs.blobs[f"exports/retyped/{SLOT}/export.json"]


@pytest.mark.parametrize("where", [{"table": "sales"}, {"query": "SELECT * FROM sales"}])
def test_personal_data_is_hashed_or_dropped_and_in_no_blob_as_it_is(
    database: Database, blobs: MemoryBlobs, where: dict[str, str]
) -> None:
    insert(database, "sales", ROW, (2, "2026-11-22", None, "1", None, "y"))
    columns = {
        **COLUMNS,
        "note": Column("text", role="feature", pii="drop", nullable=True),
        "city": Column("category", pii="hash", nullable=True),
    }
    dataset = Dataset(name="sales", columns=columns, cursor=("id", "city"), **where)
    _, rows = export(database, dataset, blobs, hash_key=KEY)
    hashed = hmac.digest(KEY.encode(), b"Bilbao", hashlib.sha256).hex()
    assert sorted(rows, key=str) == [["1", "2026-11-22", rows[0][2], hashed], ["2", "2026-11-22", rows[1][2], None]]
    assert not [name for name, data in blobs.blobs.items() if b"Bilbao" in data or b"Ana" in data]


def test_a_hash_is_made_of_what_the_csv_would_hold(database: Database) -> None:
    insert(database, "sales", ROW)
    columns = {name: Column("text", pii="hash") for name in ("id", "day", "amount")}
    dataset = Dataset(name="sales", table="sales", columns={"extra": Column("text", role="key"), **columns})
    plain = msgspec.structs.replace(dataset, columns={**dataset.columns, **dict.fromkeys(columns, Column("text"))})
    (in_clear,) = export(database, plain)[1]
    hashed = [hmac.digest(KEY.encode(), str(value).encode(), hashlib.sha256).hex() for value in in_clear[1:]]
    assert export(database, dataset, hash_key=KEY)[1] == [["x", *hashed]]


def test_personal_data_is_not_exported_without_a_key(database: Database, blobs: MemoryBlobs) -> None:
    with pytest.raises(SettingsError, match="PII_HASH_KEY: expected a secret key; 'sales' exports city as a keyed"):
        export(database, with_columns(city=Column("category", pii="hash")), blobs)
    assert [name for name in blobs.blobs if not name.endswith("/export.json")] == []


@pytest.mark.parametrize("character", ["x", "é", "🙂", '"'])
def test_a_text_as_long_as_a_field_may_be_comes_back_and_a_longer_one_is_refused_by_column(
    database: Database, character: str
) -> None:
    database.execute("CREATE TABLE long (k INTEGER, essay TEXT)")
    dataset = Dataset(name="long", table="long", columns={"k": Column("integer", role="key"), "essay": Column("text")})
    most = FIELD_LIMIT_CHARACTERS - 4
    insert(database, "long", (1, character * most))
    assert export(database, dataset)[1] == [["1", character * most]]
    database.execute("UPDATE long SET essay = essay || ?", character)
    message = refusal(database, dataset)
    assert message.startswith("dataset 'long': column 'essay': a value is 1,048,573 characters long, more than the ")
    assert len(message) < 300
