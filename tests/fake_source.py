"""A database in memory: the fake of the export's unit tests. Bands are evaluated in Python, with SQL's idea of NULL."""

from __future__ import annotations

import operator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

import msgspec

from local.memory_blobs import MemoryBlobs
from shared.catalog.spec import Classification, ClassificationCase, Column, Dataset, Decision
from shared.csv_format import csv_rows, read_csv
from shared.export.dialects import OTHER
from shared.export.reading import Chunk
from shared.export.run import NIGHTLY, Exporter
from shared.export.sql import Statement, Writer
from shared.settings import Settings
from shared.store import names
from shared.store.records import Manifest, from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from shared.export.bands import Band, Bound
    from shared.export.reach import Order
    from shared.export.reading import Sieve
    from shared.store.records import ExportRecord

SLOT = "20261123T020000Z"
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
LOG = Dataset(
    name="log",
    table="log",
    columns={
        "id": Column("integer", role="key"),
        "note": Column("text", role="unused", reason="free text"),
        "changed": Column("integer", nullable=True),
        "city": Column("category"),
    },
    cursor="changed",
)
"""What ``row`` makes rows of. Its look-back is 0."""
WHOLE = msgspec.structs.replace(LOG, cursor=None)
LATE = msgspec.structs.replace(LOG, look_back=3)
NOW = datetime(2026, 11, 23, 2, 0, 1, tzinfo=UTC)
SETTINGS = Settings(storage_uri="unused")


def row(key: int | None, changed: Any = None, city: str = "Bilbao") -> dict[str, Any]:
    return {"id": key, "note": "n", "changed": changed, "city": city}


def holds(bound: Bound, found: dict[str, Any]) -> bool:
    """A comparison with NULL is never true."""
    value = found[bound.column]
    return value is not None and OPERATORS[bound.operator](value, bound.value)


def within(band: Band, found: dict[str, Any]) -> bool:
    return all(holds(bound, found) for bound in band.bounds) and (band.empty is None or found[band.empty] is None)


def use_case_of(dataset: Dataset = LOG, model: str = "phone") -> ClassificationCase:
    decision = Decision(act="call", skip="leave", cost=1, gain=2)
    named = Classification(name=model, title=model, task="classification", positive="yes", decision=decision)
    return ClassificationCase(dataset=dataset, model=named)


def manifest_in(blobs: MemoryBlobs, slot: str = SLOT, dataset: str = "log") -> Manifest:
    name = names.manifest(dataset, slot)
    return from_json(blobs.blobs[name], Manifest, name)


def rows_in(blobs: MemoryBlobs, slot: str = SLOT, dataset: str = "log") -> list[list[str | None]]:
    """The rows of one export, as training reads them."""
    parts = manifest_in(blobs, slot, dataset).parts
    return [found for part in parts for _, found in read_csv(blobs.chunks(part.name), part.name)[1]]


@dataclass
class FakeSource:
    """See ``shared.export.source.Source``. ``tables`` maps each dataset to its rows."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)
    """By dataset: what connecting raises."""
    notes: tuple[str, ...] = ()
    before_read: Callable[[Band], None] = lambda _band: None
    """Is told of each band before its first row: it may change the table, or raise."""
    batch_rows: int = 10
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    apart: list[Band] = field(default_factory=list)
    """What was read in a process of its own."""
    reading: int = 0
    """Streams that are neither used up nor closed."""

    @contextmanager
    def open(self, dataset: Dataset) -> Iterator[FakeSession]:
        if dataset.name in self.failures:
            raise self.failures[dataset.name]
        self.opened.append(dataset.name)
        try:
            yield FakeSession(self, dataset)
        finally:
            self.closed.append(dataset.name)


@dataclass
class FakeSession:
    """See ``shared.export.source.Session``."""

    source: FakeSource
    dataset: Dataset

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.source.tables.setdefault(self.dataset.name, [])

    @property
    def notes(self) -> tuple[str, ...]:
        return self.source.notes

    def newest(self, *bounds: Bound) -> Any:
        column = self.dataset.cursor_columns[0]
        found = [one[column] for one in self.rows if all(holds(bound, one) for bound in bounds)]
        return max((value for value in found if value is not None), default=None)

    def count(self, *bounds: Bound) -> int:
        return sum(all(holds(bound, one) for bound in bounds) for one in self.rows)

    def key_bounds(self, band: Band) -> tuple[int, int] | None:
        key = self.dataset.column_with("key")
        keys = [one[key] for one in self.rows if within(band, one) and one[key] is not None]
        return (min(keys), max(keys)) if keys else None

    def read(self, band: Band, sieve: Sieve | None = None) -> Generator[Chunk]:
        self.source.reading += 1
        try:
            self.source.before_read(band)
            found = [tuple(one[name] for name in self.dataset.used_columns()) for one in self.rows if within(band, one)]
            for batch in batched(found, self.source.batch_rows, strict=False):
                rows = list(batch) if sieve is None else sieve(list(batch))
                if rows:
                    yield Chunk(len(rows), csv_rows(rows))
        finally:
            self.source.reading -= 1

    def read_apart(self, band: Band) -> Generator[Chunk]:
        self.source.apart.append(band)
        return self.read(band)

    def statement(self, band: Band) -> Statement:
        return Writer(self.dataset, OTHER, '"').select(band, dict.fromkeys(self.dataset.columns, str))


class Nights:
    """A table and its exports, one slot after the other."""

    def __init__(self, dataset: Dataset = LOG, **settings: Any) -> None:
        self.dataset, self.blobs, self.source = dataset, MemoryBlobs(), FakeSource()
        self.settings = replace(SETTINGS, **settings)
        self.slot = ""
        self._day = 22

    def write(self, *rows: dict[str, Any]) -> None:
        self.source.tables.setdefault("log", []).extend(rows)

    def export(self, order: Order = NIGHTLY) -> ExportRecord:
        self._day += 1
        self.slot = f"202611{self._day}T020000Z"
        return self.exporter.export(self.dataset, self.slot, order)

    @property
    def exporter(self) -> Exporter:
        return Exporter(self.source, self.blobs, self.settings, now=lambda: NOW)

    def keys(self) -> list[int]:
        """Those that the newest export gave."""
        return sorted(int(found[0] or 0) for found in rows_in(self.blobs, self.slot))

    def outcome(self, order: Order = NIGHTLY) -> tuple[str, list[int]]:
        done = self.export(order)
        return done.outcome, (self.keys() if f"drops/log/{self.slot}.json" in self.blobs.blobs else [])


def first_three() -> Nights:
    """Three rows to begin with, the last one without a cursor value."""
    made = Nights()
    made.write(row(1, 5), row(2, 9, "Vigo"), row(3, None))
    return made
