"""The statements of an export: names quoted, values as parameters, nothing that only one database knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
import pytest

from shared.catalog.spec import Column
from shared.export.bands import EVERYTHING, Band, Bound
from shared.export.dialects import DIALECTS, LETTERED, OTHER, POSTGRESQL, SQL_SERVER, SQLITE, dialect_for, newest_first
from shared.export.sql import Statement, Writer
from tests.fake_source import LOG

if TYPE_CHECKING:
    from shared.catalog.spec import ColumnType
    from shared.export.dialects import Dialect

TYPES: dict[str, type] = {"id": int, "changed": datetime, "city": str}
BAND = Band((Bound("changed", ">=", "2026-01-01"), Bound("id", "<", 7)), empty="city")


def writer(dialect: Dialect = OTHER, mark: str = '"') -> Writer:
    return Writer(LOG, dialect, mark)


def test_the_used_columns_of_a_band_are_selected_in_the_catalogs_order() -> None:
    found = writer().select(BAND, TYPES)
    assert found == Statement(
        'SELECT "id",\n  "changed",\n  "city"\nFROM log\nWHERE "changed" >= ? AND "id" < ? AND "city" IS NULL',
        ("2026-01-01", 7),
    )


def test_everything_has_no_condition() -> None:
    assert writer().select(EVERYTHING, TYPES) == Statement('SELECT "id",\n  "changed",\n  "city"\nFROM log')


def test_a_table_is_named_as_the_catalog_writes_it_and_a_query_is_read_from() -> None:
    schema = Writer(msgspec.structs.replace(LOG, table='dbo."my log"'), OTHER, '"')
    assert schema.count(()).text == 'SELECT COUNT(*)\nFROM dbo."my log"'
    query = Writer(msgspec.structs.replace(LOG, table=None, query="SELECT 1 AS x"), OTHER, '"')
    assert query.count(()).text == "SELECT COUNT(*)\nFROM (SELECT 1 AS x) AS source_rows"
    assert query.describe().text == "SELECT * FROM (SELECT 1 AS x) AS source_rows WHERE 1 = 0"


@pytest.mark.parametrize(
    ("mark", "name", "quoted"),
    [
        ('"', "a b", '"a b"'),
        ('"', 'a"b', '"a""b"'),
        ("`", "a`b", "`a``b`"),
        ('"', "a`b", '"a`b"'),
        (" ", "a", "a"),
        ('"', "x; DROP TABLE log--", '"x; DROP TABLE log--"'),
    ],
)
def test_names_are_quoted_as_the_database_does_it(mark: str, name: str, quoted: str) -> None:
    dataset = msgspec.structs.replace(LOG, columns={name: Column("integer", role="key")}, cursor=name)
    made = Writer(dataset, OTHER, mark)
    assert made.select(Band((Bound(name, ">", 1),)), {name: int}).text == (
        f"SELECT {quoted}\nFROM log\nWHERE {quoted} > ?"
    )
    assert made.newest(()).text == f"SELECT MAX({quoted}) AS newest_value\nFROM log"


def test_values_are_parameters_and_never_text() -> None:
    nasty = "'; DROP TABLE log; --"
    for found in (writer().newest([Bound("city", ">", nasty)]), writer().count([Bound("city", ">", nasty)])):
        assert nasty not in found.text
        assert found.parameters == (nasty,)


READS = [
    (SQLITE, {int: LETTERED, float: LETTERED, str: LETTERED, bool: LETTERED, date: LETTERED, bytearray: LETTERED}),
    (
        POSTGRESQL,
        {
            str: "{0}",
            int: "CAST({0} AS BIGINT)",
            Decimal: "{0}",
            datetime: "CAST({0} AS VARCHAR(40))",
            UUID: "CAST({0} AS VARCHAR(40))",
        },
    ),
    (SQL_SERVER, {str: "{0}", datetime: "CONVERT(VARCHAR(40), {0}, 126)", UUID: "CAST({0} AS VARCHAR(40))"}),
    (OTHER, {str: "{0}", int: "{0}", datetime: "{0}"}),
]


@pytest.mark.parametrize(("dialect", "reads"), READS, ids=[dialect.title for dialect, _ in READS])
def test_what_a_driver_distorts_is_read_as_text(dialect: Dialect, reads: dict[type, str]) -> None:
    dataset = msgspec.structs.replace(LOG, columns={"id": Column("integer", role="key")})
    for kind, template in reads.items():
        found = Writer(dataset, dialect, '"').select(EVERYTHING, {"id": kind})
        named = "" if template == "{0}" else " AS value_0"
        assert found.text == f"SELECT {template.format('"id"')}{named}\nFROM log"


@pytest.mark.parametrize(
    ("dialect", "kind", "expression"),
    [
        (SQLITE, "integer", 'CAST(MAX("changed") AS TEXT)'),
        (SQLITE, "category", 'CAST(MAX("changed") AS TEXT)'),
        (POSTGRESQL, "timestamp", 'CAST(MAX("changed") AS VARCHAR(40))'),
        (POSTGRESQL, "text", 'MAX("changed")'),
        (SQL_SERVER, "date", 'CONVERT(VARCHAR(40), MAX("changed"), 126)'),
        (SQL_SERVER, "integer", 'MAX("changed")'),
        (OTHER, "timestamp", 'MAX("changed")'),
    ],
)
def test_the_newest_value_loses_nothing(dialect: Dialect, kind: ColumnType, expression: str) -> None:
    made = replace(
        writer(dialect), dataset=msgspec.structs.replace(LOG, columns={**LOG.columns, "changed": Column(kind)})
    )
    assert made.newest([Bound("changed", ">", 1)]) == Statement(
        f'SELECT {expression} AS newest_value\nFROM log\nWHERE "changed" > ?', (1,)
    )


@pytest.mark.parametrize(
    ("dialect", "columns"),
    [
        (OTHER, 'MIN("id") AS lowest_key, MAX("id") AS highest_key'),
        (SQLITE, 'CAST(MIN("id") AS TEXT) AS lowest_key, CAST(MAX("id") AS TEXT) AS highest_key'),
        (
            POSTGRESQL,
            'CAST(MIN("id") AS VARCHAR(40)) AS lowest_key, CAST(MAX("id") AS VARCHAR(40)) AS highest_key',
        ),
    ],
)
def test_the_keys_bounds_are_those_of_the_band(dialect: Dialect, columns: str) -> None:
    found = writer(dialect).key_bounds(Band((Bound("changed", ">", 3),)))
    assert found == Statement(f'SELECT {columns}\nFROM log\nWHERE "changed" > ?', (3,))


def test_a_person_sees_the_values_behind_the_text() -> None:
    assert str(Statement("SELECT 1")) == "SELECT 1"
    assert str(Statement("SELECT ?", (7, date(2026, 1, 2), "it's"))) == """SELECT ?  -- 7, '2026-01-02', "it's\""""


@pytest.mark.parametrize(
    ("driver", "dialect"),
    [
        ("SQLite3", SQLITE),
        ("/usr/lib/odbc/libsqlite3odbc.so", SQLITE),
        ("PostgreSQL Unicode", POSTGRESQL),
        ("/usr/lib/odbc/psqlodbcw.so", POSTGRESQL),
        ("ODBC Driver 18 for SQL Server", SQL_SERVER),
        ("SQL Server", SQL_SERVER),
        ("/opt/microsoft/lib64/libmsodbcsql-18.5.so.1.1", SQL_SERVER),
        ("MySQL ODBC 9.0 Unicode Driver", OTHER),
        ("", OTHER),
    ],
)
def test_a_driver_tells_the_database(driver: str, dialect: Dialect) -> None:
    assert dialect_for(driver) is dialect


def test_the_newest_driver_comes_first_by_number_and_not_by_letter() -> None:
    drivers = [
        "ODBC Driver 9 for SQL Server",
        "SQL Server",
        "ODBC Driver 18 for SQL Server",
        "ODBC Driver 17 for SQL Server",
    ]
    assert newest_first(drivers) == [drivers[2], drivers[3], drivers[0], drivers[1]]
    assert newest_first(["PostgreSQL ANSI", "PostgreSQL Unicode"]) == ["PostgreSQL Unicode", "PostgreSQL ANSI"]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.title)
def test_each_dialect_says_what_to_install(dialect: Dialect) -> None:
    assert dialect.install
    assert dialect.driver.search(dialect.title)
