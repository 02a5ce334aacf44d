"""What is particular to SQLite: it checks no types, and its driver alone loses much of what is stored."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from shared.catalog.spec import Column, Dataset
from shared.errors import SourceError
from tests.databases import SQLiteDatabase, export, insert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.catalog.spec import ColumnType


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SQLiteDatabase]:
    with closing(SQLiteDatabase(tmp_path)) as made:
        yield made


def of(kind: ColumnType, **where: str) -> Dataset:
    columns = {"k": Column("integer", role="key"), "v": Column(kind, nullable=True)}
    return Dataset(name="one", columns=columns, **(where or {"table": "one"}))


def exported(database: SQLiteDatabase, declared: str, value: Any, kind: ColumnType = "text") -> str | None:
    """The field of ``value`` in a column that is declared so."""
    database.execute(f"CREATE TABLE one (k INTEGER PRIMARY KEY, v {declared})")
    insert(database, "one", (1, value))
    ((_, field),) = export(database, of(kind))[1]
    return field


@pytest.mark.parametrize(
    ("declared", "kind", "value", "field"),
    [
        ("INTEGER", "integer", "abc", "abc"),
        ("INTEGER", "integer", 1.5, "1.5"),
        ("INTEGER", "integer", "", ""),
        ("BIGINT", "integer", -(2**63), "-9223372036854775808"),
        ("REAL", "number", "1_0", "1_0"),
        ("REAL", "number", "nan", "nan"),
        ("REAL", "number", 0.1, "0.1"),
        ("REAL", "number", 5e-324, "5e-324"),
        ("REAL", "number", float("-inf"), "-inf"),
        ("REAL", "number", float("nan"), None),  # SQLite itself keeps NaN as NULL
        ("NUMERIC", "number", 2**53 + 1, "9007199254740993"),
        ("DECIMAL(10,2)", "decimal", "12.50", "12.5"),  # SQLite itself keeps this as a number
        ("VARCHAR(10)", "decimal", "12.50", "12.50"),
        ("VARCHAR(60)", "decimal", f"{10**37}.0123456789", f"{10**37}.0123456789"),
        ("TIMESTAMP", "timestamp", "rubbish", "rubbish"),
        ("TIMESTAMP", "timestamp", "2026-11-22 03:04:05.123456", "2026-11-22 03:04:05.123456"),
        ("DATE", "date", "0001-01-01", "0001-01-01"),
        ("DATE", "date", 1_700_000_000, "1700000000"),
        ("BOOLEAN", "boolean", 1, "true"),
        ("BOOLEAN", "boolean", 0, "false"),
        ("BOOLEAN", "boolean", 2, "2"),
        ("BOOLEAN", "boolean", "yes", "yes"),
        ("BLOB", "text", b"\x00\xff", "AP8="),
        ("BLOB", "text", "abc", "abc"),
        ("TEXT", "text", b"\x00\xff", "AP8="),
        ("TEXT", "text", "caf\u00e9 \U0001f642", "caf\u00e9 \U0001f642"),
        ("", "text", 0.1, "0.1"),
        ("", "integer", 7, "7"),
        ("", "integer", "7 ", "7 "),
    ],
)  # fmt: skip
def test_a_value_is_exported_as_it_is_stored_whatever_the_column_says(
    database: SQLiteDatabase, declared: str, kind: ColumnType, value: Any, field: str | None
) -> None:
    assert exported(database, declared, value, kind) == field


def test_a_text_with_a_nul_character_is_refused_by_column(database: SQLiteDatabase) -> None:
    with pytest.raises(SourceError, match="dataset 'one': column 'v': a text holds a NUL character, which a CSV file"):
        exported(database, "TEXT", "before\0after")


@pytest.mark.parametrize("data", ["ff", "636166e9", "eda080", "c080", "f4908080"])
def test_a_text_that_is_not_utf8_is_refused(database: SQLiteDatabase, data: str) -> None:
    database.execute("CREATE TABLE one (k INTEGER, v TEXT)")
    database.execute(f"INSERT INTO one VALUES (1, CAST(x'{data}' AS TEXT))")  # noqa: S608
    with pytest.raises(SourceError, match="dataset 'one': the database holds a value that cannot be read: a text that"):
        export(database, of("text"))


@pytest.mark.parametrize("kind", ["integer", "number", "decimal", "date", "timestamp", "boolean", "category", "text"])
def test_a_column_without_a_declared_type_is_of_any_type(database: SQLiteDatabase, kind: ColumnType) -> None:
    assert exported(database, "", "anything", kind) == "anything"


@pytest.mark.parametrize("kind", ["integer", "number", "decimal", "date", "timestamp", "boolean", "category", "text"])
def test_a_computed_column_is_of_any_type(database: SQLiteDatabase, kind: ColumnType) -> None:
    database.execute("CREATE TABLE one (k INTEGER, v TEXT)")
    insert(database, "one", (1, "anything"))
    database.execute("CREATE VIEW seen AS SELECT k, v || '!' AS v FROM one")
    assert export(database, of(kind, query="SELECT k, v || '!' AS v FROM one"))[1] == [["1", "anything!"]]
    assert export(database, of(kind, table="seen"))[1] == [["1", "anything!"]]


# SQLite's driver counts a name's bytes for its letters, so that what lies behind it in memory is read too, and may be
# no text: the more letters beyond ASCII, the more of it.
NAMES = ["select", "two words", 'a "quoted" one', "a.b", "c.b", "élan", "表", "Ã¯", "naïve 🙂", "é" * 6, "[x]", "`y`"]


def test_columns_may_have_any_name(database: SQLiteDatabase) -> None:
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    database.execute(f"CREATE TABLE {quoted('tábla "🙂"')} ({', '.join(f'{quoted(name)} TEXT' for name in NAMES)})")
    insert(database, quoted('tábla "🙂"'), tuple(NAMES))
    columns = {name: Column("text") for name in reversed(NAMES)}
    dataset = Dataset(name="odd", table=quoted('tábla "🙂"'), columns=columns)
    assert export(database, dataset)[1] == [NAMES[::-1]]


def test_a_querys_columns_may_have_any_name_without_a_dot(database: SQLiteDatabase) -> None:
    """SQLite's driver takes what stands before a dot for a table's name."""
    names = [name for name in NAMES if name not in {"a.b", "c.b", "Ã¯"}]
    query = "SELECT " + ", ".join(f'{number} AS "{name.replace('"', '""')}"' for number, name in enumerate(names))
    dataset = Dataset(name="odd", query=query, columns={name: Column("text") for name in names})
    assert export(database, dataset)[1] == [[str(number) for number in range(len(names))]]
