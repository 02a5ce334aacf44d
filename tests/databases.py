"""Databases of a test's own, written to without any of Cauce's code, and what an export of them gives."""

from __future__ import annotations

import base64
import sqlite3
import uuid
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyodbc

from local.memory_blobs import MemoryBlobs
from shared.csv_format import read_csv
from shared.export.reach import Order
from shared.export.run import Exporter
from shared.export.source import OdbcSource
from shared.settings import Settings
from shared.store.records import Manifest, from_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from shared.catalog.spec import Dataset
    from shared.store.records import ExportRecord

SLOT = "20261123T020000Z"
NIGHTLY = Order()
SETTINGS = Settings(storage_uri="unused")
Row = list[str | None]


class SQLiteDatabase:
    """A file, through Python's own driver."""

    def __init__(self, folder: Path) -> None:
        path = folder / "company.db"
        self.connection_string = f"Driver=SQLite3;Database={path}"
        self._connection = sqlite3.connect(path, isolation_level=None)

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        self._connection.close()


class PostgreSQLDatabase:
    """A new database on the server that the connection string names."""

    def __init__(self, server: str) -> None:
        self.name = f"db_{uuid.uuid4().hex[:12]}"
        self.server = server
        with closing(pyodbc.connect(server, autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {self.name}").close()
        self.connection_string = server.replace("Database=postgres", f"Database={self.name}")
        self._connection = self.connect(autocommit=True)

    def connect(self, *, autocommit: bool) -> pyodbc.Connection:
        """For writing: line ends are left alone."""
        return pyodbc.connect(f"{self.connection_string};LFConversion=0", autocommit=autocommit)

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(self._connection.execute(statement, *values)) as cursor:
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def close(self) -> None:
        self._connection.close()
        with closing(pyodbc.connect(self.server, autocommit=True)) as connection:
            connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)").close()


Database = SQLiteDatabase | PostgreSQLDatabase
BOTH = ("sqlite", "postgresql")


@contextmanager
def opened(title: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    """A new, empty database; ``title`` is one of BOTH."""
    if title == "sqlite":
        made: Database = SQLiteDatabase(folder)
    else:
        made = PostgreSQLDatabase(request.getfixturevalue("postgres").connection_string)
    with closing(made):
        yield made


def insert(database: Database, table: str, *rows: tuple[Any, ...]) -> None:
    for row in rows:
        database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row)  # noqa: S608


def export(
    database: Database,
    dataset: Dataset,
    blobs: MemoryBlobs | None = None,
    slot: str = SLOT,
    order: Order = NIGHTLY,
    hash_key: str | None = None,
    **settings: Any,
) -> tuple[ExportRecord, list[Row]]:
    """Export through ODBC; the record, and the rows of that slot as training reads them."""
    blobs = MemoryBlobs() if blobs is None else blobs
    source = OdbcSource(database.connection_string, hash_key)
    record = Exporter(source, blobs, replace(SETTINGS, **settings)).export(dataset, slot, order)
    name = f"drops/{dataset.name}/{slot}.json"
    if name not in blobs.blobs:
        return record, []
    manifest = from_json(blobs.blobs[name], Manifest, name)
    return record, [row for part in manifest.parts for _, row in read_csv(blobs.chunks(part.name), part.name)[1]]


def as_csv(value: Any) -> str | None:
    """How a value that SQLite stores stands in a CSV."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value + 0)  # nothing that SQLite says of -0.0 tells it from 0.0
