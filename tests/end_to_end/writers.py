"""Databases that somebody writes to while they are exported: rows come, share their cursor, and are committed late."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol

import pyodbc

from tests.growing_table import LOOK_BACK, Kind, seeded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.announced import Row

FIRST_ROWS = 600
LONG_AGO = "2026-01-01"
TEXT = "one of the many words that make a part of it " * 2
AT_ONCE = 3


class Shop(Protocol):
    """A database with one table that grows."""

    kind: Kind
    connection_string: str

    def step(self) -> None:
        """Something happens: rows are inserted or committed."""

    def settle(self) -> None:
        """All that is open is committed."""

    def table(self) -> list[Row]:
        """What is committed, as a CSV holds it."""


class Orders:
    """SQLite, one writer. The cursor is the key: no row comes behind another."""

    kind: Kind = "orders"

    def __init__(self, folder: Path, seed: int) -> None:
        path = folder / "shop.db"
        self.connection_string = f"Driver=SQLite3;Database={path}"
        self._random = seeded(seed)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous = OFF")  # the machine does not lose power here
        self._connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, at TIMESTAMP, body VARCHAR(200))")
        self._insert(FIRST_ROWS)

    def _insert(self, rows: int) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO orders (body) VALUES (?)", [(TEXT,)] * rows)
        self._connection.execute("COMMIT")

    def step(self) -> None:
        self._insert(self._random.randrange(1, 8))

    def settle(self) -> None:
        """Nothing is ever open."""

    def table(self) -> list[Row]:
        return [(str(key), at, body) for key, at, body in self._connection.execute("SELECT id, at, body FROM orders")]

    def close(self) -> None:
        self._connection.close()


class Events:
    """PostgreSQL, several writers. The cursor is a time that rows share, and that may be committed late.

    Time is counted in steps, not read from a clock, so that no pause makes a row later than the look-back.
    """

    kind: Kind = "events"

    def __init__(self, connection_string: str, seed: int) -> None:
        self.connection_string = connection_string
        self._random = seeded(seed)
        self._writers = [pyodbc.connect(connection_string) for _ in range(AT_ONCE)]
        self._open: dict[int, int] = {}
        """By writer: the time that its transaction began at."""
        self._now = 0
        with closing(pyodbc.connect(connection_string, autocommit=True)) as connection:
            connection.execute("CREATE TABLE events (id serial PRIMARY KEY, at timestamp, body text)").close()
            connection.execute("CREATE INDEX ON events (at)").close()
        for _ in range(FIRST_ROWS // 4):
            self._insert(0)
        self._writers[0].commit()

    def _insert(self, writer: int) -> None:
        self._now += self._random.choice([0, 1, 2])
        rows = self._random.randrange(1, 8)
        moment = f"timestamp '{LONG_AGO}' + {self._now} * interval '1 second'"
        self._writers[writer].execute(
            f"INSERT INTO events (at, body) SELECT {moment}, ? FROM generate_series(1, {rows})",  # noqa: S608
            TEXT,
        ).close()
        if self._random.random() < 0.02:
            self._writers[writer].execute("INSERT INTO events (body) VALUES (?)", "at no time").close()

    def step(self) -> None:
        writer = self._random.randrange(AT_ONCE)
        for number, began in list(self._open.items()):
            if number == writer or self._now - began >= LOOK_BACK - 2:
                self._writers[number].commit()
                del self._open[number]
        self._open[writer] = self._now
        self._insert(writer)

    def settle(self) -> None:
        for writer in self._writers:
            writer.commit()
        self._open.clear()

    def table(self) -> list[Row]:
        with closing(pyodbc.connect(self.connection_string, autocommit=True)) as connection:
            rows: list[Any] = connection.execute("SELECT id, CAST(at AS varchar), body FROM events").fetchall()
        return [(str(key), at, body) for key, at, body in rows]

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


@contextmanager
def busy(shop: Shop, pause_seconds: float = 0.01) -> Iterator[Lock]:
    """Steps go on in the background; while the lock is held there are none."""
    stopped, quiet = Event(), Lock()

    def work() -> None:
        while not stopped.is_set():
            with quiet:
                shop.step()
            time.sleep(pause_seconds)

    writer = Thread(target=work)
    writer.start()
    try:
        yield quiet
    finally:
        stopped.set()
        writer.join()
        shop.settle()
