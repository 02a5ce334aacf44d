"""A table in memory that an export reads while rows come in, late ones among them, and the connection breaks."""

from __future__ import annotations

import operator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from shared.catalog.spec import Column, Dataset
from shared.csv_format import csv_rows
from shared.errors import SourceUnavailable
from shared.export.reading import Chunk
from shared.export.sql import Statement

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from shared.export.bands import Band, Bound
    from shared.export.cursor import Value
    from shared.export.reading import Sieve
    from tests.announced import Row

Kind = Literal["orders", "events"]
KINDS: tuple[Kind, ...] = ("orders", "events")
LOOK_BACK = 20
BATCH_ROWS = 7
LONG_AGO = datetime(2026, 1, 1)  # noqa: DTZ001  # databases keep times without a zone
COLUMNS = {
    "id": Column("integer", role="key"),
    "at": Column("timestamp", role="time", nullable=True),
    "body": Column("text"),
}
COMPARED = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


def dataset(kind: Kind, name: str | None = None) -> Dataset:
    """Orders have a cursor of their own for each row; events share theirs with others."""
    cursor = "id" if kind == "orders" else "at"
    return Dataset(name=name or kind, table=kind, columns=COLUMNS, cursor=cursor, look_back=LOOK_BACK)


def seeded(seed: int) -> Random:
    """Chance that comes out the same each time."""
    return Random(seed)  # noqa: S311


@dataclass
class GrowingTable:
    """Rows of ``kind``. No row comes further behind the newest cursor value than the look-back, as is declared."""

    kind: Kind
    random: Random
    grows: bool = True
    """Rows come while others are read."""
    breaks_after: int | None = None
    """So many batches; then the connection is lost."""
    rows: list[tuple[int, datetime | None, str]] = field(default_factory=list)
    _number: int = 0
    _tick: int = 0
    _held_back: list[int] = field(default_factory=list)

    def grow(self, count: int = 5) -> None:
        for _ in range(count):
            self._number += 1
            self._tick += self.random.choice([0, 0, 1, 4])
            if self.kind == "events":
                late = self.random.choice([0, 0, 0, self.random.randrange(LOOK_BACK + 1)])
                moment = LONG_AGO + timedelta(seconds=max(0, self._tick - late))
                self._add(self._number, None if self.random.random() < 0.05 else moment)
            elif self.random.random() < 0.2:
                self._held_back.append(self._number)
            else:
                self._add(self._number, None)
            for number in list(self._held_back):
                if self._number - number >= LOOK_BACK or self.random.random() < 0.1:
                    self._held_back.remove(number)
                    self._add(number, None)

    def table(self) -> list[Row]:
        """The rows as a CSV holds them."""
        return [(str(key), at.isoformat() if at else None, body) for key, at, body in self.rows]

    def _add(self, number: int, moment: datetime | None) -> None:
        self.rows.append((number, moment, f"row {number}"))

    @contextmanager
    def open(self, dataset: Dataset) -> Iterator[GrowingSession]:
        """See Source."""
        yield GrowingSession(self, list(COLUMNS).index(dataset.cursor_columns[0]))


@dataclass
class GrowingSession:
    """See Session. Each statement sees the rows that were there when it began."""

    source: GrowingTable
    place: int
    notes: tuple[str, ...] = ()

    def newest(self, *bounds: Bound) -> Value | None:
        values = [row[self.place] for row in self._within(bounds)]
        return max((value for value in values if value is not None), default=None)  # type: ignore[type-var]

    def count(self, *bounds: Bound) -> int:
        return len(self._within(bounds))

    def key_bounds(self, band: Band) -> None:
        return None

    def read(self, band: Band, sieve: Sieve | None = None) -> Generator[Chunk]:
        found = self._within(band.bounds, empty=band.empty is not None)
        for start in range(0, len(found), BATCH_ROWS):
            if self.source.breaks_after is not None:
                self.source.breaks_after -= 1
                if self.source.breaks_after < 0:
                    message = "the connection was lost"
                    raise SourceUnavailable(message)
            rows: list[Any] = found[start : start + BATCH_ROWS]
            if sieve is not None:
                rows = sieve(rows)
            if self.source.grows and self.source.random.random() < 0.3:
                self.source.grow(2)
            if rows:
                yield Chunk(len(rows), csv_rows(rows))

    def read_apart(self, band: Band) -> Generator[Chunk]:
        return self.read(band)

    def statement(self, band: Band) -> Statement:
        return Statement(str(band))

    def _within(self, bounds: tuple[Bound, ...], *, empty: bool = False) -> list[tuple[int, datetime | None, str]]:
        return [
            row
            for row in self.source.rows
            if (not empty or row[self.place] is None)
            and all(
                row[self.place] is not None and COMPARED[bound.operator](row[self.place], bound.value)
                for bound in bounds
            )
        ]
