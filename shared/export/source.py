"""Reading a dataset out of the SQL database, through ODBC."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from shared.errors import SettingsError, SourceError
from shared.export.apart import Job, read_apart
from shared.export.connection import Address, address_of, translated
from shared.export.contract import check_columns
from shared.export.cursor import Value, from_database, integer
from shared.export.reading import Layout, chunks
from shared.export.sql import Statement, Writer
from shared.settings import PII_HASH_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import pyodbc

    from shared.catalog.spec import Dataset
    from shared.export.bands import Band, Bound
    from shared.export.reading import Chunk, Sieve


class Session(Protocol):
    """An open dataset. All methods raise SourceError and SourceUnavailable."""

    @property
    def notes(self) -> Sequence[str]:
        """What is in the database and not exported."""

    def newest(self, *bounds: Bound) -> Value | None:
        """The highest cursor value within ``bounds``; None where there is no row with one."""

    def count(self, *bounds: Bound) -> int:
        """The number of rows within ``bounds``."""

    def key_bounds(self, band: Band) -> tuple[int, int] | None:
        """The lowest and the highest key within a band, where keys are integers and there are any."""

    def read(self, band: Band, sieve: Sieve | None = None) -> Generator[Chunk]:
        """The rows of a band; of each batch only those that ``sieve`` gives back."""

    def read_apart(self, band: Band) -> Generator[Chunk]:
        """The rows of a band, read in a process of its own over a connection of its own."""

    def statement(self, band: Band) -> Statement:
        """What ``read`` sends to the database."""


class Source(Protocol):
    """Where datasets come from."""

    def open(self, dataset: Dataset) -> AbstractContextManager[Session]:
        """Connect, and hold the columns against the catalog. Raises SettingsError, SourceError, SourceUnavailable."""


class OdbcSource:
    """Any database with an ODBC driver."""

    def __init__(
        self, connection_string: str | None, hash_key: str | None = None, token: Callable[[], str] | None = None
    ) -> None:
        """``token`` is asked for an access token where a connection to SQL Server names no way to log in."""
        self._connection_string = connection_string
        self._hash_key = hash_key
        self._token = token

    @contextmanager
    def open(self, dataset: Dataset) -> Iterator[Session]:
        """See Source. The connection lives as long as the block."""
        import pyodbc

        address = address_of(self._connection_string, pyodbc.drivers(), self._token, pyodbc.dataSources())
        hash_key = self._key_for(dataset)
        with address.connected(dataset.name) as connection:
            with translated(dataset.name, address.dialect, pyodbc):
                session = _opened(dataset, address, connection, hash_key)
            yield session

    def _key_for(self, dataset: Dataset) -> str:
        hashed = [name for name, column in dataset.used_columns().items() if column.pii == "hash"]
        if hashed and self._hash_key is None:
            msg = f"{PII_HASH_KEY}: expected a secret key; {dataset.name!r} exports {', '.join(hashed)} as a keyed hash"
            raise SettingsError(msg)
        return self._hash_key or ""


@dataclass(frozen=True)
class _OdbcSession:
    """See Session."""

    dataset: Dataset
    address: Address
    connection: pyodbc.Connection
    writer: Writer
    types: dict[str, type]
    layout: Layout
    notes: list[str] = field(default_factory=list)

    def newest(self, *bounds: Bound) -> Value | None:
        kind = self.dataset.columns[self.dataset.cursor_columns[0]].type
        try:
            return from_database(self._row(self.writer.newest(bounds))[0], kind)
        except SourceError as error:
            msg = f"dataset {self.dataset.name!r}: {error}"
            raise SourceError(msg) from error

    def count(self, *bounds: Bound) -> int:
        return int(self._row(self.writer.count(bounds))[0])

    def key_bounds(self, band: Band) -> tuple[int, int] | None:
        key = self.dataset.column_with("key")
        if self.types[key] not in {int, Decimal}:
            return None
        lowest, highest = self._row(self.writer.key_bounds(band))
        try:
            return None if lowest is None else (integer(lowest), integer(highest))
        except ValueError:  # a text or a fraction among the keys
            return None

    def read(self, band: Band, sieve: Sieve | None = None) -> Generator[Chunk]:
        return chunks(self.connection, self.statement(band), self.layout, self.address.dialect, sieve)

    def read_apart(self, band: Band) -> Generator[Chunk]:
        return read_apart(Job(self.address, self.statement(band), self.layout))

    def statement(self, band: Band) -> Statement:
        return self.writer.select(band, self.types)

    def _row(self, statement: Statement) -> Any:
        import pyodbc

        with (
            translated(self.dataset.name, self.address.dialect, pyodbc),
            closing(self.connection.execute(statement.text, *statement.parameters)) as cursor,
        ):
            return cursor.fetchone()


def _opened(dataset: Dataset, address: Address, connection: pyodbc.Connection, hash_key: str) -> _OdbcSession:
    import pyodbc

    writer = Writer(dataset, address.dialect, connection.getinfo(pyodbc.SQL_IDENTIFIER_QUOTE_CHAR))
    # Ask for no rows first: some databases take a quoted name that is no column for a text constant.
    with closing(connection.execute(writer.describe().text)) as cursor:
        announced: list[tuple[str, type]] = [(column[0], column[1]) for column in cursor.description]
    loosely = address.dialect.loosely_typed
    types = dict(announced)
    known: Mapping[str, type | None] = types
    if loosely:
        types, known = _declared(dataset, connection, announced)
    notes = check_columns(dataset, known, loosely_typed=loosely)
    columns = dataset.used_columns()
    layout = Layout(
        dataset.name,
        tuple(columns),
        loosely,
        tuple(place for place, name in enumerate(columns) if loosely and types[name] is bool),
        tuple(place for place, column in enumerate(columns.values()) if column.pii == "hash"),
        hash_key,
    )
    return _OdbcSession(dataset, address, connection, writer, types, layout, notes)


def _declared(
    dataset: Dataset, connection: pyodbc.Connection, announced: Sequence[tuple[str, type]]
) -> tuple[dict[str, type], dict[str, type | None]]:
    """The types with the columns' real names, and without those of columns that are declared without one, or computed.

    Both are announced as text. SQLite's driver cuts names at a dot, and ODBC's manager spoils those beyond ASCII.
    """
    found: list[Any] = []
    if dataset.table is not None:
        listing = "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1"
        with closing(connection.execute(listing, _bare(dataset.table))) as cursor:
            found = cursor.fetchall()
    if len(found) != len(announced):
        found = [(_repaired(name), "") for name, _ in announced]
    types = {name: kind for (name, _), (_, kind) in zip(found, announced, strict=True)}
    return types, {name: types[name] if types[name] is not str or declared else None for name, declared in found}


def _bare(table: str) -> str:
    """The table's name alone, as text: neither its schema nor quotes."""
    quoted = re.search(r"\"((?:[^\"]|\"\")+)\"\Z", table)
    if quoted is None:
        return table.rpartition(".")[2].strip("`[]")
    return quoted[1].replace('""', '"')


def _repaired(name: str) -> str:
    """Of a UTF-8 name, ODBC's manager gives the characters with NULs and rubbish behind, or its bytes one by one."""
    name = name.partition("\0")[0]
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name
