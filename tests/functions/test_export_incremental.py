"""Night after night, every change of a row goes out once, whatever the cursor is made of."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from local.memory_blobs import MemoryBlobs
from shared.catalog.spec import Column, Dataset
from shared.errors import SourceError
from shared.store.names import stamp
from tests.databases import PostgreSQLDatabase, export, insert, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shared.catalog.spec import ColumnType
    from shared.store.records import ExportRecord
    from tests.databases import Database

WINDOW = 2
"""How many steps of the cursor a row may come late."""
WORDS = sorted({f"{first}{second}" for first in "aBbÄäzZ" for second in ("", " x", "-", "é", "1", "_", "🙂")})


def day(step: int) -> str:
    return str(date(2026, 1, 1) + timedelta(days=step))


def moment(step: int) -> str:
    """Half hours across the one that clocks in New York show twice; every other one with a fraction."""
    return str(datetime(2026, 11, 1, 4, 0, 0, 250_000 * (step % 2)) + timedelta(minutes=30 * step))  # noqa: DTZ001


@dataclass(frozen=True)
class Kind:
    """A type of cursor in one database."""

    database: str
    declared: str
    type: ColumnType
    at: Callable[[int], object]
    look_back: int = 0

    def __str__(self) -> str:
        return f"{self.database} {self.declared}"


KINDS = (
    Kind("sqlite", "INTEGER", "integer", lambda step: 10 * step, 10 * WINDOW),
    Kind("sqlite", "BIGINT", "integer", lambda step: 2**53 + 10 * step, 10 * WINDOW),
    Kind("sqlite", "DATE", "date", day, 86_400 * WINDOW),
    Kind("sqlite", "TIMESTAMP", "timestamp", moment, 1_800 * WINDOW),
    Kind("sqlite", "DATETIME", "timestamp", lambda step: moment(step).replace(" ", "T") + "Z", 1_800 * WINDOW),
    Kind("sqlite", "TEXT", "text", WORDS.__getitem__),
    Kind("sqlite", "VARCHAR(9) COLLATE NOCASE", "category", WORDS.__getitem__),
    Kind("postgresql", "integer", "integer", lambda step: 10 * step, 10 * WINDOW),
    Kind("postgresql", "bigint", "integer", lambda step: 2**53 + 10 * step, 10 * WINDOW),
    Kind("postgresql", "oid", "integer", lambda step: 2**31 - 150 + 10 * step, 10 * WINDOW),
    Kind("postgresql", "numeric(20,2)", "integer", lambda step: 10 * step, 10 * WINDOW),
    Kind("postgresql", "date", "date", day, 86_400 * WINDOW),
    Kind("postgresql", "timestamp", "timestamp", moment, 1_800 * WINDOW),
    Kind("postgresql", "timestamptz", "timestamp", lambda step: moment(step) + "+00", 1_800 * WINDOW),
    Kind("postgresql", 'text COLLATE "C"', "text", WORDS.__getitem__),
    Kind("postgresql", 'text COLLATE "en-x-icu"', "text", WORDS.__getitem__),
    Kind("postgresql", 'varchar(9) COLLATE "und-x-icu"', "category", WORDS.__getitem__),
    Kind("postgresql", "char(9)", "category", WORDS.__getitem__),
)


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def database(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened(kind.database, request, tmp_path) as made:
        if isinstance(made, PostgreSQLDatabase):
            made.execute(f"ALTER DATABASE {made.name} SET timezone TO 'America/New_York'")
        made.execute(f"CREATE TABLE log (k INTEGER, c {kind.declared}, t VARCHAR(9))")
        yield made


class Nights:
    """A table that changes, and its exports, one a night."""

    def __init__(self, database: Database, kind: Kind, pair: bool = False) -> None:
        self.database, self.kind = database, kind
        columns = {
            "k": Column("integer", role="key"),
            "c": Column(kind.type, nullable=True),
            "t": Column("category", nullable=True),
        }
        self.dataset = Dataset(
            name="log", table="log", columns=columns, cursor=("c", "t") if pair else "c", look_back=kind.look_back
        )
        self.blobs = MemoryBlobs()
        self.places: dict[int, int | None] = {}
        """By key: the place of the row's cursor among all that there may be, in the database's order."""
        self.passed = 0
        self.order = self._in_order()
        self.went_out: Counter[tuple[str | None, ...]] = Counter()
        self.was_there: set[tuple[str | None, ...]] = set()
        self._number = 0

    def _in_order(self) -> list[int]:
        for step in range(len(WORDS)):
            self._insert(step, step)
        rows = self.database.execute("SELECT k FROM log ORDER BY c, k")
        self.database.execute("DELETE FROM log")
        return [step for (step,) in rows]

    def _insert(self, key: int, step: int | None) -> None:
        value = None if step is None else self.kind.at(step)
        insert_one(self.database, self.kind, key, value)

    def write(self, key: int, place: int | None) -> None:
        """Insert the row, or change its cursor."""
        self.delete(key)
        self.places[key] = place
        self._insert(key, None if place is None else self.order[place])

    def delete(self, key: int) -> None:
        self.places.pop(key, None)
        self.database.execute("DELETE FROM log WHERE k = ?", key)

    @property
    def earliest(self) -> int:
        """The lowest place that a row may still come at."""
        return max(0, self.passed - WINDOW if self.kind.look_back else self.passed)

    def export(self) -> ExportRecord:
        self._number += 1
        slot = stamp(datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=self._number))
        record, rows = export(self.database, self.dataset, self.blobs, slot)
        assert record.rows == len(rows)
        self.went_out.update(tuple(row) for row in rows)
        whole = Dataset(name="whole", table="log", columns=self.dataset.columns)
        self.was_there.update(tuple(row) for row in export(self.database, whole)[1])
        self.passed = max([self.passed, *(place for place in self.places.values() if place is not None)])
        return record

    def check(self) -> None:
        """All that was ever there has gone out, once."""
        assert set(self.went_out) == self.was_there
        assert set(self.went_out.values()) <= {1}


def insert_one(database: Database, kind: Kind, key: int, value: object) -> None:
    if kind.database == "sqlite":
        insert(database, "log", (key, value, f"t{key}"))
        return
    cast = f"?::text::{kind.declared.partition(' ')[0]}"
    text = None if value is None else str(value)
    database.execute(f"INSERT INTO log VALUES (?, {cast}, ?)", key, text, f"t{key}")  # noqa: S608


@pytest.mark.parametrize("pair", [False, True], ids=["key", "pair"])
def test_each_change_of_a_row_goes_out_once(database: Database, kind: Kind, pair: bool) -> None:
    nights = Nights(database, kind, pair)
    random = Random(7)  # noqa: S311
    newest = key = 0
    for _ in range(10):
        for _ in range(random.randrange(7)):
            newest = min(newest + random.choice([0, 0, 1, 2]), len(WORDS) - 1)
            action = random.choice(["insert", "insert", "insert", "empty", "change", "delete"])
            if action in {"insert", "empty"} or not nights.places:
                key += 1
                nights.write(key, None if action == "empty" else random.randint(nights.earliest, newest))
            elif action == "change":
                nights.write(random.choice(list(nights.places)), newest)
            else:
                nights.delete(random.choice(list(nights.places)))
        nights.export()
        nights.check()
    assert len(nights.went_out) > 20


def test_a_night_without_changes_announces_nothing(database: Database, kind: Kind) -> None:
    nights = Nights(database, kind)
    for key, place in enumerate([3, 4, 4, None]):
        nights.write(key, place)
    assert [nights.export().outcome for _ in range(3)] == ["exported", "nothing new", "nothing new"]
    nights.write(9, 4)  # the very value that the watermark has
    record = nights.export()
    assert (record.outcome, record.rows, record.whole) == ("exported", 1, False)
    nights.check()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.database == "postgresql" and kind.look_back], ids=str)
def test_a_row_that_is_committed_late_goes_out_when_it_is_there(database: Database, kind: Kind) -> None:
    """It was written first, and its transaction ends after a later row has gone out."""
    assert isinstance(database, PostgreSQLDatabase)
    nights = Nights(database, kind)
    nights.write(1, 10)
    with closing(database.connect(autocommit=False)) as slow:
        slow.execute(
            f"INSERT INTO log VALUES (2, ?::text::{kind.declared}, 't2')",  # noqa: S608
            str(kind.at(nights.order[11])),
        ).close()
        nights.write(3, 12)
        assert nights.export().rows == 2
        assert nights.export().outcome == "nothing new"
        slow.commit()
    assert nights.export().rows == 1
    assert nights.export().outcome == "nothing new"
    nights.check()


FAR_FUTURE = [
    (kind, far)
    for kind in (
        Kind("postgresql", "timestamp", "timestamp", moment),
        Kind("postgresql", "timestamptz", "timestamp", moment),
        Kind("postgresql", "date", "date", day),
        Kind("sqlite", "TIMESTAMP", "timestamp", moment),
    )
    for far in ("infinity", "9999-12-31", "10000-01-01")
    if kind.database == "postgresql" or far != "10000-01-01"  # SQLite compares times as text
]


@pytest.mark.parametrize(("kind", "far"), FAR_FUTURE, ids=str)
def test_a_row_of_the_far_future_waits_and_holds_up_no_other(database: Database, kind: Kind, far: str) -> None:
    nights = Nights(database, kind)
    nights.write(1, 1)
    insert_one(database, kind, 2, far)
    record = nights.export()
    assert record.rows == 1
    (note,) = record.notes
    assert note.startswith("1 rows have a 'c' more than a day ahead (9999-12-31")
    nights.write(3, 2)
    assert nights.export().rows == 1


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind("sqlite", "INTEGER", "integer", int), "abc"),
        (Kind("sqlite", "INTEGER", "integer", int), 1.5),
        (Kind("sqlite", "TIMESTAMP", "timestamp", moment), "rubbish"),
        (Kind("postgresql", "numeric", "integer", int), "1.5"),
        (Kind("postgresql", "numeric", "integer", int), "NaN"),
        (Kind("postgresql", "numeric", "integer", int), "Infinity"),
        (Kind("postgresql", "timestamp", "timestamp", moment), "-infinity"),
        (Kind("postgresql", "date", "date", day), "-infinity"),
    ],
    ids=str,
)
def test_a_cursor_that_cannot_be_a_watermark_is_told(database: Database, kind: Kind, value: object) -> None:
    insert_one(database, kind, 1, value)
    columns = {"k": Column("integer", role="key"), "c": Column(kind.type)}
    with pytest.raises(SourceError, match=f"^dataset 'log': the cursor holds '{value}.*'; expected an? {kind.type}$"):
        export(database, Dataset(name="log", table="log", columns=columns, cursor="c"))
