"""``python -m local load``: put a CSV into a database, column by column as a map says.

A map is a TOML file: the table, and for each of its columns where the values come from (``local/maps``).

    table = "order_lines"
    [columns]
    line_id = { row_number = true }
    ordered_at = { column = "InvoiceDate", type = "timestamp" }
    cancelled = { column = "InvoiceNo", starts_with = "C" }
    promotion = { value = false }
"""

from __future__ import annotations

import re
import sqlite3
import tomllib
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from local.follow import console
from local.platform import LOCAL
from local.published import published_rows
from shared.errors import DropError, SettingsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
SQL_TYPES = {
    "integer": "INTEGER", "number": "DOUBLE", "text": "TEXT", "boolean": "BOOLEAN", "date": "DATE",
    "timestamp": "TIMESTAMP",
}  # fmt: skip
BOOLEANS = {"true": 1, "1": 1, "yes": 1, "false": 0, "0": 0, "no": 0}
BATCH_ROWS = 5_000
EXAMPLES = 5
SHOWN_CHARACTERS = 40
LARGEST_INTEGER = 2**63


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the values of one column come from: a column of the CSV, the number of the row, or one value for all."""

    column: str | None = None
    type: Literal["integer", "number", "text", "boolean", "date", "timestamp"] = "text"
    format: str | None = None
    """Of a date or a time, as Python's strptime spells it; left out: ISO 8601."""
    starts_with: str | None = None
    """True where the CSV's text begins so; the type is then boolean."""
    empty: bool = False
    """Whether an empty field is NULL; else its row is left out."""
    row_number: bool = False
    value: str | int | float | bool | None = None


class Map(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A map file."""

    columns: dict[str, Source]
    table: str


@dataclass
class Loaded:
    """What came of a file."""

    table: str
    rows: int = 0
    left_out: int = 0
    examples: tuple[str, ...] = ()
    """Of rows that were left out: where, and why."""

    def leave_out(self, where: str) -> None:
        """Count a row that does not fit."""
        self.left_out += 1
        if len(self.examples) < EXAMPLES:
            self.examples = (*self.examples, where)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place on the command line."""
    load = commands.add_parser("load", help="put a CSV into a database, its columns named by a map")
    load.add_argument("--csv", type=Path, required=True, metavar="FILE", help="also .gz, .xz and .zip")
    load.add_argument("--map", type=Path, required=True, metavar="MAP.toml", help="see local/maps")
    default = LOCAL / "company.db"
    load.add_argument("--database", type=Path, default=default, help="SQLite (default: that of the demo company)")
    load.add_argument("--replace", action="store_true", help="take the place of a table that is there")
    load.set_defaults(run=_run)


def _run(parsed: argparse.Namespace) -> int:
    columns = (
        SpinnerColumn(),
        TextColumn("  {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("rows", total=None)
        loaded = load(
            parsed.csv,
            read_map(parsed.map),
            parsed.database,
            parsed.replace,
            lambda rows: bar.update(task, completed=rows),
        )
    console.print(
        f"  {loaded.rows:,} rows in table {loaded.table!r} of {parsed.database}", markup=False, soft_wrap=True
    )
    if loaded.left_out:
        console.print(f"  {loaded.left_out:,} rows were left out, since they do not fit the map:", style="yellow")
        for example in loaded.examples:
            console.print(f"    {example}", markup=False, soft_wrap=True)
    return 0


def read_map(path: Path) -> Map:
    """A map file. Raises SettingsError with what is wrong in it."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Map)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        msg = f"{path}: is not a map: {error}"
        raise SettingsError(msg) from error
    faults = [f"{name!r} is no name that SQL takes" for name in (found.table, *found.columns) if not NAME.match(name)]
    for name, source in found.columns.items():
        ways = [source.column is not None, source.row_number, source.value is not None]
        if sum(ways) != 1:
            faults.append(f"columns.{name}: expected one of column, row_number, value; got {sum(ways)} of them")
    if faults:
        msg = f"{path}: {'; '.join(faults)}"
        raise SettingsError(msg)
    return found


def load(csv: Path, by: Map, database: Path, replace: bool, report: Callable[[int], object]) -> Loaded:
    """Put the rows into the table: all of them, or, where anything fails, none.

    Raises SettingsError, DropError. Rows that do not fit are counted, with where and why for the first of them.
    """
    loaded = Loaded(by.table)
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (by.table,)).fetchone()
        if there and not replace:
            msg = f"{database}: has a table {by.table!r} already; --replace puts the file in its place"
            raise SettingsError(msg)
        connection.execute(f'DROP TABLE IF EXISTS "{by.table}"')
        columns = ", ".join(f'"{name}" {_sql_type(source)}' for name, source in by.columns.items())
        connection.execute(f'CREATE TABLE "{by.table}" ({columns})')
        places = ", ".join("?" * len(by.columns))
        with published_rows(csv) as (header, rows):
            for batch in batched(_values(header, rows, by, loaded, csv.name), BATCH_ROWS, strict=False):
                connection.executemany(f'INSERT INTO "{by.table}" VALUES ({places})', batch)  # noqa: S608
                loaded.rows += len(batch)
                report(loaded.rows + loaded.left_out)
        if not loaded.rows:
            first = f"; the first: {loaded.examples[0]}" if loaded.examples else ""
            msg = f"{csv.name}: none of its {loaded.left_out:,} rows fits the map{first}"
            raise DropError(msg)
        connection.execute("COMMIT")
    return loaded


def _values(
    header: list[str], rows: Iterator[list[str]], by: Map, loaded: Loaded, file: str
) -> Iterator[tuple[Any, ...]]:
    missing = [source.column for source in by.columns.values() if source.column and source.column not in header]
    if missing:
        msg = f"{file}: has no column {', '.join(map(repr, missing))}; it has {', '.join(map(repr, header))}"
        raise DropError(msg)
    parsers = [
        (name, header.index(source.column) if source.column else -1, _parser(source))
        for name, source in by.columns.items()
    ]
    for number, row in enumerate(rows, start=1):
        try:
            yield tuple([parse(row[place] if place >= 0 else "", number) for _, place, parse in parsers])
        except ValueError:
            loaded.leave_out(_why(row, number, parsers, header))


def _why(row: list[str], number: int, parsers: list[tuple[str, int, Parse]], header: list[str]) -> str:
    for name, place, parse in parsers:
        text = row[place] if place >= 0 else ""
        try:
            parse(text, number)
        except ValueError as error:
            shown = repr(text) if len(text) <= SHOWN_CHARACTERS else repr(text[:SHOWN_CHARACTERS]) + "..."
            return f"row {number:,}, column {header[place]!r}: expected {error}, for {name!r}; got {shown}"
    return f"row {number:,}"  # pragma: no cover - one of them has just failed


type Parse = Callable[[str, int], Any]
"""From a text and the number of its row to a value. Raises ValueError saying what was expected."""


def _parser(source: Source) -> Parse:
    if source.row_number:
        return lambda _, number: number
    if source.value is not None:
        value = int(source.value) if isinstance(source.value, bool) else source.value
        return lambda *_: value
    if source.starts_with is not None:
        begin = source.starts_with
        return lambda text, _: int(text.startswith(begin))
    convert, words = _converter(source)

    def parse(text: str, _: int) -> Any:
        if not text.strip():
            if source.empty:
                return None
            raise ValueError(words)
        try:
            return convert(text)
        except (ValueError, KeyError, OverflowError):
            raise ValueError(words) from None

    return parse


def _converter(source: Source) -> tuple[Callable[[str], Any], str]:
    form = source.format
    match source.type:
        case "integer":
            return _integer, "an integer"
        case "number":
            return _number, "a number"
        case "boolean":
            return lambda text: BOOLEANS[text.strip().lower()], "true or false"
        case "date":
            words = f"a date like {form or '2026-11-23'}"
            return (lambda text: str(datetime.strptime(text, form).date() if form else date.fromisoformat(text))), words  # noqa: DTZ007
        case "timestamp":
            words = f"a time like {form or '2026-11-23 08:30:00'}"
            return (lambda text: str(datetime.strptime(text, form) if form else datetime.fromisoformat(text))), words  # noqa: DTZ007
    return str, "a text"


def _integer(text: str) -> int:
    number = int(text)
    if not -LARGEST_INTEGER <= number < LARGEST_INTEGER:
        raise OverflowError
    return number


def _number(text: str) -> float:
    number = float(text)
    if not abs(number) < float("inf"):
        raise ValueError
    return number


def _sql_type(source: Source) -> str:
    if source.row_number:
        return "INTEGER PRIMARY KEY"
    if source.starts_with is not None or isinstance(source.value, bool):
        return "BOOLEAN NOT NULL"
    if source.value is not None:
        kinds = {int: "INTEGER", float: "DOUBLE", str: "TEXT"}
        return f"{kinds[type(source.value)]} NOT NULL"
    return SQL_TYPES[source.type] + ("" if source.empty else " NOT NULL")
