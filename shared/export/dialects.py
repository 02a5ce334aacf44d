"""What differs between databases, in one table: how their ODBC drivers are named and set up, and what they distort.

Each ``reads`` entry is there because the driver alone gives something else than what is stored:

- SQLite's driver rounds numbers to 15 digits, makes NULL of a text in a numeric column, bytes of a text in a binary
  one, and cuts text at a NUL. So every value comes as text written by SQLite itself, its type in front as a letter.
- PostgreSQL's driver makes today of ``infinity``, drops "BC" and the time zone, and writes UUIDs in capitals: these
  come as PostgreSQL writes them.
- SQL Server's times are finer than Python's, and pyodbc knows no ``datetimeoffset``: they come as ISO 8601 text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

AS_TEXT = "CAST({0} AS VARCHAR(40))"
ISO_8601 = "CONVERT(VARCHAR(40), {0}, 126)"
LETTERED = (
    "CASE typeof({0}) WHEN 'integer' THEN 'i' || {0} WHEN 'real' THEN 'r' || printf('%!.20g', {0}) "
    "WHEN 'blob' THEN 'x' || hex({0}) WHEN 'text' THEN CASE WHEN instr({0}, char(0)) THEN 'z' ELSE 't' || {0} END END"
)
"""Read back by ``reading.from_letter``. Fewer than 20 digits do not always give the same number again."""
SQL_SERVER_DATETIMEOFFSET = -155


@dataclass(frozen=True)
class Dialect:
    """One kind of database."""

    title: str
    driver: re.Pattern[str]
    """Matches the names, and the library files, of its ODBC drivers."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Connection settings that the connection string may overrule."""
    session: tuple[str, ...] = ()
    """Statements that begin a connection."""
    reads: Mapping[type, str] = field(default_factory=dict)
    """By the Python type that the driver announces: the expression in place of the column ``{0}``."""
    newest: Mapping[str, str] = field(default_factory=dict)
    """By catalog type: the expression in place of ``MAX({0})``, where that would lose something."""
    loosely_typed: bool = False
    """A column may hold any type, and what is computed has none that is known beforehand."""
    utf8: bool = False
    """Texts go and come as UTF-8: what the driver makes of wide characters loses some."""
    permanent: tuple[str, ...] = ()
    """Messages that trying again cannot change, whatever their SQLSTATE says."""
    install: str = ""


SQLITE = Dialect(
    title="SQLite",
    driver=re.compile(r"sqlite", re.IGNORECASE),
    # Rows come one by one, not as a whole result in memory, and integers have 64 bits.
    options={"StepAPI": "1", "BigInt": "1"},
    reads=dict.fromkeys((int, float, str, bool, Decimal, date, datetime, time, bytearray), LETTERED),
    newest=dict.fromkeys(("integer", "date", "timestamp", "text", "category"), "CAST(MAX({0}) AS TEXT)"),
    loosely_typed=True,
    utf8=True,
    permanent=("no such table", "no such column", "syntax error", "file is not a database"),
    install="Debian: libsqliteodbc",
)
POSTGRESQL = Dialect(
    title="PostgreSQL",
    driver=re.compile(r"postgres|psqlodbc", re.IGNORECASE),
    # Without a declared cursor the driver holds the whole result in memory.
    options={"UseDeclareFetch": "1", "Fetch": "2000", "BoolsAsChar": "0", "LFConversion": "0"},
    session=("SET TIME ZONE 'UTC'",),
    # int: an "oid" above 2,147,483,647 comes as a negative number otherwise.
    reads={**dict.fromkeys((date, datetime, time, UUID), AS_TEXT), int: "CAST({0} AS BIGINT)"},
    newest=dict.fromkeys(("integer", "date", "timestamp"), AS_TEXT.format("MAX({0})")),
    install="Debian: odbc-postgresql",
)
SQL_SERVER = Dialect(
    title="SQL Server",
    driver=re.compile(r"sql server|msodbcsql", re.IGNORECASE),
    options={"Encrypt": "yes", "ApplicationIntent": "ReadOnly"},
    reads={**dict.fromkeys((date, datetime), ISO_8601), **dict.fromkeys((time, UUID), AS_TEXT)},
    newest=dict.fromkeys(("date", "timestamp"), "CONVERT(VARCHAR(40), MAX({0}), 126)"),
    permanent=("Invalid value specified for connection string attribute",),
    install="Microsoft: msodbcsql18",
)
OTHER = Dialect(title="this database", driver=re.compile(r"(?!)"))
DIALECTS = (SQLITE, POSTGRESQL, SQL_SERVER)


def dialect_for(driver: str) -> Dialect:
    """The dialect of a driver's name or library file; OTHER where it is none of those that are known."""
    return next((dialect for dialect in DIALECTS if dialect.driver.search(driver)), OTHER)


def newest_first(drivers: list[str]) -> list[str]:
    """By the numbers in their names, then Unicode before ANSI."""
    return sorted(drivers, key=lambda name: ([int(digits) for digits in re.findall(r"\d+", name)], name), reverse=True)
