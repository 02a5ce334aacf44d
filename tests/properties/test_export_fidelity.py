"""The promise: what is in the database is what training reads, or the export is refused; on two real databases."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.catalog.spec import Column, Dataset
from tests.databases import PostgreSQLDatabase, SQLiteDatabase, as_csv, export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.databases import Row

# The database is the fixture's, and is emptied by each example itself.
FEW = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

AWKWARD = st.sampled_from(
    ["", '"', '""', ",", ";", "\r", "\n", "\r\n", "\u2028", "\x85", "🙂", "\ufeff", " ", "\t", "a,b", "NULL", "é", "'"]
)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.lists(AWKWARD).map("".join)
BIG_INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 2**53 + 1, 0])

DECLARED = (
    "", "INTEGER", "BIGINT", "REAL", "DOUBLE", "NUMERIC", "DECIMAL(38,10)", "TEXT", "VARCHAR(10)", "CHAR(5)", "BLOB",
    "VARBINARY(9)", "DATE", "DATETIME", "TIMESTAMP", "TIME", "JSON",
)  # fmt: skip
LOOSE = st.one_of(
    st.none(),
    BIG_INTEGERS,
    st.floats(),
    TEXTS,
    st.binary(),
    st.dates().map(str),
    st.datetimes().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(["abc", "1.5", "12.50", " 7", "1_0", "nan", "Infinity", "-0.0", "1e400", "0x10", "true", "٣"]),
)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteDatabase]:
    made = SQLiteDatabase(tmp_path_factory.mktemp("sqlite"))
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(DECLARED))
    made.execute(f"CREATE TABLE loose (k INTEGER PRIMARY KEY, {columns})")
    made.execute("CREATE TABLE flags (k INTEGER PRIMARY KEY, flag BOOLEAN)")
    yield made
    made.close()


def texts(names: list[str], **where_from: str) -> Dataset:
    """A dataset of text columns, since these take whatever a column holds."""
    columns = {"k": Column("integer", role="key"), **{name: Column("text", nullable=True) for name in names}}
    return Dataset(name="fidelity", columns=columns, **where_from)


def by_key(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: int(row[0] or 0))


def fill(database: SQLiteDatabase, rows: list[tuple[Any, ...]]) -> None:
    database.execute("DELETE FROM loose")
    places = ", ".join("?" * (len(DECLARED) + 1))
    for key, row in enumerate(rows):
        database.execute(f"INSERT INTO loose VALUES ({places})", key, *row)  # noqa: S608


@FEW
@given(st.lists(st.tuples(*[LOOSE] * len(DECLARED)), max_size=4))
def test_any_value_in_any_column_of_sqlite_comes_as_it_is_stored(
    sqlite: SQLiteDatabase, rows: list[tuple[Any, ...]]
) -> None:
    fill(sqlite, rows)
    stored = sqlite.execute("SELECT * FROM loose ORDER BY k")
    _, exported = export(sqlite, texts([f"c{number}" for number in range(len(DECLARED))], table="loose"))
    assert by_key(exported) == [[as_csv(value) for value in row] for row in stored]


@FEW
@given(st.lists(st.tuples(*[LOOSE] * len(DECLARED)), max_size=4))
def test_what_a_query_of_sqlite_computes_comes_as_it_is_computed(
    sqlite: SQLiteDatabase, rows: list[tuple[Any, ...]]
) -> None:
    fill(sqlite, rows)
    query = (
        "SELECT k, c0 AS same, quote(c1) AS text, -c2 AS less, c3 / 3 AS third, 0.1 AS tenth, x'00ff' AS bytes, "
        "NULL AS empty, typeof(c7) AS kind, coalesce(c10, c9) AS first, "
        "(SELECT max(c7) FROM loose) AS highest FROM loose"
    )
    stored = sqlite.execute(f"SELECT * FROM ({query}) ORDER BY k")  # noqa: S608
    names = ["same", "text", "less", "third", "tenth", "bytes", "empty", "kind", "first", "highest"]
    _, exported = export(sqlite, texts(names, query=query))
    assert by_key(exported) == [[as_csv(value) for value in row] for row in stored]


@FEW
@given(st.lists(st.sampled_from([0, 1]) | LOOSE, max_size=8))
def test_a_boolean_of_sqlite_is_true_false_or_what_else_is_stored(sqlite: SQLiteDatabase, values: list[Any]) -> None:
    sqlite.execute("DELETE FROM flags")
    for key, value in enumerate(values):
        sqlite.execute("INSERT INTO flags VALUES (?, ?)", key, value)
    stored = [value for (value,) in sqlite.execute("SELECT flag FROM flags ORDER BY k")]
    _, exported = export(sqlite, texts(["flag"], table="flags"))
    told = [as_csv(bool(value) if type(value) is int and value in {0, 1} else value) for value in stored]
    assert [flag for _, flag in by_key(exported)] == told


def literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def numerics(digits: int, places: int) -> st.SearchStrategy[str]:
    most = 10**digits - 1
    return st.integers(-most, most).map(lambda number: f"{number}e-{places}")


def float_text(text: str) -> str:
    return repr(float(text))


def from_hex(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode()


BEYOND_DATES = st.sampled_from(
    ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "0001-01-01", "9999-12-31", "4714-11-24 BC"]
)
BEYOND_TIMES = BEYOND_DATES | st.sampled_from(["294276-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"])
OFFSETS = st.sampled_from(["", "+00", "-11:30", "+05:30", "+14"])
CLOCK = st.times().map(str) | st.just("24:00:00")
ARRAYS = st.lists(st.none() | TEXTS).map(
    lambda texts: "{" + ",".join("NULL" if text is None else literal(text) for text in texts) + "}"
)
DECIMALS = st.decimals(allow_nan=False).map(str) | st.just("NaN")
JSON = (TEXTS | BIG_INTEGERS | st.none() | st.lists(st.booleans())).map(json.dumps)

Written = tuple[str, st.SearchStrategy[str], str, "Callable[[str], str] | None"]
TYPES: tuple[Written, ...] = (
    ("smallint", st.integers(-(2**15), 2**15 - 1).map(str), "{0}::text", None),
    ("integer", st.integers(-(2**31), 2**31 - 1).map(str), "{0}::text", None),
    ("bigint", BIG_INTEGERS.map(str), "{0}::text", None),
    ("oid", st.integers(0, 2**32 - 1).map(str), "{0}::text", None),
    ("numeric", DECIMALS, "{0}::text", None),
    ("numeric(38,10)", numerics(38, 10), "{0}::text", None),
    ("numeric(10,2)", numerics(10, 2), "{0}::text", None),
    ("real", st.floats(width=32).map(repr), "{0}::text", float_text),
    ("double precision", st.floats().map(repr), "{0}::text", float_text),
    ("boolean", st.booleans().map(str), "{0}::text", None),
    ("text", TEXTS, "{0}::text", None),
    ("varchar(300)", TEXTS.map(lambda text: text[:300]), "{0}::text", None),
    ("char(5)", TEXTS.map(lambda text: text[:5]), "{0}::text", lambda text: text.ljust(5)),
    ("bytea", st.binary().map(lambda data: "\\x" + data.hex()), "encode({0}, 'hex')", from_hex),
    ("date", st.dates().map(str) | BEYOND_DATES, "{0}::text", None),
    ("timestamp", st.datetimes().map(str) | BEYOND_TIMES, "{0}::text", None),
    ("timestamptz", st.builds("{}{}".format, st.datetimes(), OFFSETS) | BEYOND_TIMES, "{0}::text", None),
    ("time", CLOCK, "{0}::text", None),
    ("timetz", st.builds("{}{}".format, CLOCK, OFFSETS), "{0}::text", None),
    ("interval", st.timedeltas().map(lambda span: f"{span.days} days {span.seconds}.5 seconds"), "{0}::text", None),
    ("uuid", st.uuids().map(str), "{0}::text", None),
    ("json", JSON, "{0}::text", None),
    ("jsonb", JSON, "{0}::text", None),
    ("text[]", ARRAYS, "{0}::text", None),
    ("bigint[]", st.lists(BIG_INTEGERS).map(lambda all_: str(all_).replace("[", "{").replace("]", "}")), "{0}::text",
     None),
    ("date[]", st.lists(st.dates().map(str) | BEYOND_DATES).map(lambda all_: "{" + ",".join(all_) + "}"), "{0}::text",
     None),
)  # fmt: skip


@pytest.fixture(scope="module")
def postgresql(request: pytest.FixtureRequest) -> Iterator[PostgreSQLDatabase]:
    made = PostgreSQLDatabase(request.getfixturevalue("postgres").connection_string)
    columns = ", ".join(f"c{number} {kind}" for number, (kind, *_) in enumerate(TYPES))
    made.execute(f"CREATE TABLE strict (k integer PRIMARY KEY, {columns})")
    yield made
    made.close()


@FEW
@given(st.lists(st.tuples(*[st.none() | written for _, written, *_ in TYPES]), max_size=3))
def test_any_value_of_postgresql_comes_as_postgresql_writes_it(
    postgresql: PostgreSQLDatabase, rows: list[tuple[str | None, ...]]
) -> None:
    postgresql.execute("TRUNCATE strict")
    places = ", ".join(f"?::text::{kind}" for kind, *_ in TYPES)
    for key, row in enumerate(rows):
        postgresql.execute(f"INSERT INTO strict VALUES (?, {places})", key, *row)  # noqa: S608
    told = ", ".join(template.format(f"c{number}") for number, (_, _, template, _) in enumerate(TYPES))
    postgresql.execute("SET TIME ZONE 'UTC'")
    stored = postgresql.execute(f"SELECT {told} FROM strict ORDER BY k")  # noqa: S608
    expected = [
        [
            value if value is None or in_csv is None else in_csv(value)
            for value, (*_, in_csv) in zip(row, TYPES, strict=True)
        ]
        for row in stored
    ]
    _, exported = export(postgresql, texts([f"c{number}" for number in range(len(TYPES))], table="strict"))
    assert [row[1:] for row in by_key(exported)] == expected
