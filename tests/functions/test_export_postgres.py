"""What is particular to PostgreSQL: types that Python does not have, and settings of a server that must not matter."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from shared.catalog.spec import Column, Dataset
from shared.errors import SourceError
from tests.databases import PostgreSQLDatabase, export, insert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.catalog.spec import ColumnType


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[PostgreSQLDatabase]:
    with closing(PostgreSQLDatabase(request.getfixturevalue("postgres").connection_string)) as made:
        yield made


def of(kind: ColumnType, table: str = "one") -> Dataset:
    columns = {"k": Column("integer", role="key"), "v": Column(kind, nullable=True)}
    return Dataset(name="one", table=table, columns=columns)


def exported(database: PostgreSQLDatabase, declared: str, text: str, kind: ColumnType = "text") -> str | None:
    """The field of a literal in a column of that type."""
    database.execute(f"CREATE TABLE one (k integer, v {declared})")
    database.execute(f"INSERT INTO one VALUES (1, ?::text::{declared})", text)  # noqa: S608
    ((_, field),) = export(database, of(kind))[1]
    return field


@pytest.mark.parametrize(
    ("declared", "kind", "text", "field"),
    [
        ("boolean", "boolean", "t", "true"),
        ("oid", "integer", "4294967295", "4294967295"),
        ("numeric", "decimal", "1e-30", "0.000000000000000000000000000001"),
        ("numeric", "decimal", "NaN", "NaN"),
        ("numeric(38,10)", "decimal", "1234567890123456789012345678.5", "1234567890123456789012345678.5000000000"),
        ("real", "number", "0.1", "0.1"),
        ("double precision", "number", "-0", "-0.0"),
        ("double precision", "number", "Infinity", "inf"),
        ("money", "number", "1234.56", "1234.56"),
        ("char(5)", "category", "ab", "ab   "),
        ("text", "text", "a\r\nb\nc\rd", "a\r\nb\nc\rd"),
        ("date", "date", "infinity", "infinity"),
        ("date", "date", "0044-03-15 BC", "0044-03-15 BC"),
        ("date", "date", "10000-01-01", "10000-01-01"),
        ("timestamp", "timestamp", "2026-11-22 03:04:05.123456", "2026-11-22 03:04:05.123456"),
        ("timestamp", "timestamp", "infinity", "infinity"),
        ("timestamptz", "timestamp", "2026-11-22 03:04:05+05:30", "2026-11-21 21:34:05+00"),
        ("time", "text", "24:00:00", "24:00:00"),
        ("uuid", "text", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("bytea", "text", "\\x00ff", "AP8="),
        ("integer[]", "text", "{1,NULL,3}", "{1,NULL,3}"),
        ("jsonb", "text", '{"a":  [1]}', '{"a": [1]}'),
    ],
)
def test_a_value_is_exported_as_postgresql_writes_it(
    database: PostgreSQLDatabase, declared: str, kind: ColumnType, text: str, field: str
) -> None:
    assert exported(database, declared, text, kind) == field


def test_the_settings_of_a_server_make_no_difference(database: PostgreSQLDatabase) -> None:
    database.execute("CREATE TABLE one (k integer, v timestamptz, f float8, b bytea, d date)")
    database.execute(r"INSERT INTO one VALUES (1, '2026-11-22 03:04:05+00', 0.1::float8 + 0.2, '\x00ff', '2026-11-22')")
    columns = {"k": Column("integer", role="key"), **{name: Column("text") for name in "vfbd"}}
    dataset = Dataset(name="one", table="one", columns=columns)
    before = export(database, dataset)[1]
    assert before == [["1", "2026-11-22 03:04:05+00", "0.30000000000000004", "AP8=", "2026-11-22"]]
    for setting in (
        "timezone TO 'Asia/Tokyo'",
        "datestyle TO 'German, DMY'",
        "extra_float_digits TO -5",
        "bytea_output TO 'escape'",
        "standard_conforming_strings TO off",
    ):
        database.execute(f"ALTER DATABASE {database.name} SET {setting}")
    assert export(database, dataset)[1] == before


@pytest.mark.parametrize(
    ("declared", "retyped", "told"),
    [
        ("integer", "text", "the catalog says integer, the database has text"),
        ("integer", "double precision", "the catalog says integer, the database has floating point"),
        ("date", "text", "the catalog says date, the database has text"),
        ("timestamp", "uuid", "the catalog says timestamp, the database has UUID"),
        ("number", "bytea", "the catalog says number, the database has binary"),
        ("decimal", "time", "the catalog says decimal, the database has time of day"),
        ("boolean", "numeric", "the catalog says boolean, the database has decimal"),
    ],
)
def test_a_column_that_is_retyped_is_refused(
    database: PostgreSQLDatabase, declared: ColumnType, retyped: str, told: str
) -> None:
    database.execute(f"CREATE TABLE one (k integer, v {retyped})")
    with pytest.raises(SourceError, match=f"dataset 'one': column 'v': {told}"):
        export(database, of(declared))


def test_names_are_those_of_the_database(database: PostgreSQLDatabase) -> None:
    names = ["select", "two words", 'a "quoted" one', "a.b", "élan", "表", "naïve 🙂", "é" * 31, "?", "%s", "{x}"]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    database.execute('CREATE SCHEMA "söme"')
    database.execute(f'CREATE TABLE "söme"."tábla 🙂" ({", ".join(f"{name} text" for name in quoted)})')
    insert(database, '"söme"."tábla 🙂"', tuple(names))
    dataset = Dataset(name="odd", table='"söme"."tábla 🙂"', columns={name: Column("text") for name in names})
    assert export(database, dataset)[1] == [names]


def test_a_fraction_or_a_text_among_integers_of_a_cursor_is_told(database: PostgreSQLDatabase) -> None:
    database.execute("CREATE TABLE one (k integer, v numeric)")
    database.execute("INSERT INTO one VALUES (1, 1), (2, 1.5)")
    dataset = Dataset(
        name="one", table="one", columns={"k": Column("integer", role="key"), "v": Column("integer")}, cursor="v"
    )
    with pytest.raises(SourceError, match=r"dataset 'one': the cursor holds '1\.5'; expected an integer"):
        export(database, dataset)


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_a_key_that_is_no_number_is_read_in_one_piece(database: PostgreSQLDatabase, value: str) -> None:
    database.execute("CREATE TABLE one (k numeric, v text)")
    database.execute("INSERT INTO one VALUES (1, 'a'), (?::text::numeric, 'b')", value)
    assert len(export(database, of("text"), export_ranges=2)[1]) == 2
