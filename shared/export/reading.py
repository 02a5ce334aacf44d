"""From a statement to CSV: rows come in batches, are prepared, and leave as bytes. In this process or in another."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.csv_format import FIELD_LIMIT_CHARACTERS, csv_rows
from shared.errors import SourceError
from shared.export.connection import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import pyodbc

    from shared.export.dialects import Dialect
    from shared.export.sql import Statement

    Row = Sequence[Any]
    Sieve = Callable[[list[Row]], list[Row]]

FIRST_BATCH_ROWS = 20
MOST_BATCH_ROWS = 500
BATCH_BYTES = 512 * 1024
"""Rows may be of any width: the number that is fetched at once follows from what the last batch came to. Larger batches
are slower: some thousand values fit the processor's cache, some ten thousand do not."""


@dataclass(frozen=True)
class Chunk:
    """Whole lines of CSV, without a header."""

    rows: int
    data: bytes


@dataclass(frozen=True)
class Layout:
    """The columns of an export, and what is done to their values on the way."""

    dataset: str
    columns: tuple[str, ...]
    lettered: bool = False
    """Values come as the text that ``from_letter`` reads."""
    booleans: tuple[int, ...] = ()
    """Places of lettered columns where 0 and 1 mean false and true."""
    hashed: tuple[int, ...] = ()
    """Places of the columns that leave as a keyed hash."""
    hash_key: str = ""

    def prepare(self, rows: list[Row]) -> list[Row]:
        """Values as the CSV shall hold them."""
        if not self.hashed and not self.lettered:
            return rows
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        if self.lettered:
            columns = [[from_letter(value) for value in column] for column in columns]
        for place in self.booleans:
            columns[place] = [_boolean(value) for value in columns[place]]
        for place in self.hashed:
            columns[place] = [keyed_hash(value, self.hash_key) for value in columns[place]]
        return list(zip(*columns, strict=True))

    def lines(self, rows: list[Row]) -> bytes:
        """CSV of prepared rows. Raises SourceError for what the CSV cannot hold."""
        data = csv_rows(rows)
        if b"\0" in data or len(data) > FIELD_LIMIT_CHARACTERS:
            self._refuse(rows)
        return data

    def _refuse(self, rows: list[Row]) -> None:
        for row in rows:
            for name, value in zip(self.columns, row, strict=True):
                fault = _fault(value)
                if fault:
                    msg = f"dataset {self.dataset!r}: column {name!r}: {fault}; the row begins {str(tuple(row))[:80]}"
                    raise SourceError(msg)


def chunks(
    connection: pyodbc.Connection, statement: Statement, layout: Layout, dialect: Dialect, sieve: Sieve | None = None
) -> Generator[Chunk]:
    """Run ``statement`` and give its rows as CSV, as they come. Raises SourceError, SourceUnavailable."""
    import pyodbc

    with translated(layout.dataset, dialect, pyodbc):
        cursor = connection.cursor()
    try:
        with translated(layout.dataset, dialect, pyodbc):
            cursor.execute(statement.text, *statement.parameters)
        size = FIRST_BATCH_ROWS
        while True:
            with translated(layout.dataset, dialect, pyodbc):
                fetched: list[Row] = cursor.fetchmany(size)
                if not fetched:
                    return
                prepared = layout.prepare(fetched)
                rows = prepared if sieve is None else sieve(prepared)
                data = layout.lines(rows)
            if rows:
                yield Chunk(len(rows), data)
                size = min(MOST_BATCH_ROWS, max(1, BATCH_BYTES * len(rows) // len(data)), 4 * size)
    finally:
        with suppress(pyodbc.Error):  # where the database is gone, that has been told
            cursor.close()


def keyed_hash(value: Any, key: str) -> str | None:
    """HMAC-SHA256, in hexadecimal, of a value's text in the CSV. NULL stays NULL."""
    if value is None:
        return None
    text = value if isinstance(value, str) else csv_rows([[value]]).decode().strip('"\r\n')
    return hmac.digest(key.encode(), text.encode(), hashlib.sha256).hex()


def from_letter(text: str | None) -> Any:
    """A value from its type's letter and its text, as ``dialects.LETTERED`` writes them."""
    if text is None:
        return None
    letter, rest = text[0], text[1:]
    if letter == "t":
        return rest
    if letter == "i":
        return int(rest)
    if letter == "r":
        return float(rest)
    return bytes.fromhex(rest) if letter == "x" else "\0"  # "z" stands for a text with a NUL, which is refused


def _boolean(value: Any) -> Any:
    return bool(value) if type(value) is int and value in {0, 1} else value


def _fault(value: Any) -> str | None:
    if isinstance(value, str) and "\0" in value:
        return "a text holds a NUL character, which a CSV file cannot"
    length = (
        len(value) if isinstance(value, str) else len(value) * 4 // 3 if isinstance(value, bytes | bytearray) else 0
    )
    if length > FIELD_LIMIT_CHARACTERS - 4:
        return f"a value is {length:,} characters long, more than the {FIELD_LIMIT_CHARACTERS:,} of a CSV field here"
    return None
