"""Twenty tables that nobody thought of: any number of columns of any type and name, exported and read back equal."""

from __future__ import annotations

import base64
import string
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from shared.catalog.spec import Column, Dataset
from shared.export import ranges
from tests.databases import BOTH, export, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.catalog.spec import ColumnType
    from tests.databases import Database, Row

CHARACTERS = string.printable + "áñßЖ表🙂\u2028\x85\ufeff" + '"",,;;\r\n'
WORDS = [
    "select",
    "from",
    "order",
    "table",
    "group",
    "user",
    "null",
    "Größe",
    "表",
    "naïve",
    "🙂",
    'a "b"',
    "two words",
]
KEY_NAMES = ["id", "the key", "primary", 'k"y', "número"]


def text(random: Random, most: int = 30) -> str:
    return "".join(random.choices(CHARACTERS, k=random.randrange(most + 1)))


def integer(bits: int) -> Callable[[Random], str]:
    half = 1 << (bits - 1)
    return lambda random: str(random.choice([-half, half - 1, 0, random.randrange(-half, half), random.randrange(100)]))


def number(random: Random) -> str:
    return repr(random.choice([random.random(), random.uniform(-1e300, 1e300), 5e-324, 1e16, 1 / 3, 3.0]))


def decimal(random: Random) -> str:
    return f"{random.choice(['', '-'])}{random.randrange(1, 10**28)}.{random.randrange(10**10):010d}"


def day(random: Random) -> str:
    return f"{random.randrange(1, 10_000):04d}-{random.randrange(1, 13):02d}-{random.randrange(1, 29):02d}"


def clock(random: Random) -> str:
    fraction = random.choice(["", ".5", f".{random.randrange(10**5):05d}1"])
    return f"{random.randrange(24):02d}:{random.randrange(60):02d}:{random.randrange(60):02d}{fraction}"


def moment(random: Random) -> str:
    return f"{day(random)} {clock(random)}"


def boolean(random: Random) -> str:
    return random.choice(["false", "true"])


def binary(random: Random) -> str:
    return base64.b64encode(random.randbytes(random.randrange(20))).decode()


@dataclass(frozen=True)
class Kind:
    """A column type of each database; ``field`` makes what the CSV shall hold."""

    sqlite: str
    postgresql: str
    type: ColumnType
    field: Callable[[Random], str]


KINDS = (
    Kind("SMALLINT", "smallint", "integer", integer(16)),
    Kind("INTEGER", "integer", "integer", integer(32)),
    Kind("BIGINT", "bigint", "integer", integer(64)),
    Kind("DOUBLE", "double precision", "number", number),
    Kind("VARCHAR(60)", "numeric(38,10)", "decimal", decimal),
    Kind("VARCHAR(60)", "varchar(60)", "category", text),
    Kind("TEXT", "text", "text", lambda random: text(random, 300)),
    Kind("DATE", "date", "date", day),
    Kind("TIMESTAMP", "timestamp", "timestamp", moment),
    Kind("TIME", "time", "text", clock),
    Kind("BOOLEAN", "boolean", "boolean", boolean),
    Kind("BLOB", "bytea", "text", binary),
)


@dataclass(frozen=True)
class Table:
    """A table as it was made up, with the fields that an export of it shall have."""

    name: str
    kinds: dict[str, Kind]
    rows: list[Row]

    @property
    def dataset(self) -> Dataset:
        key = next(iter(self.kinds))
        columns = {
            name: Column(kind.type, role="key" if name == key else "feature", nullable=name != key)
            for name, kind in self.kinds.items()
        }
        return Dataset(name="generated", table=quoted(self.name), columns=columns)


def generated(seed: int) -> Table:
    random = Random(seed)  # noqa: S311
    numbered = seed % 2 == 0
    kinds = {random.choice(KEY_NAMES): Kind("INTEGER", "bigint", "integer", str) if numbered else KINDS[5]}
    for place in range(random.randint(0 if seed else 49, 49)):
        kinds[f"{random.choice(WORDS)} {place}" if place > 2 else WORDS[place]] = random.choice(KINDS)
    rows: list[Row] = []
    for key in random.sample(range(-1000, 1000), random.randint(1, 60)):
        others = [None if random.random() < 0.2 else kind.field(random) for kind in [*kinds.values()][1:]]
        rows.append([str(key) if numbered else f"{key} {text(random)}", *others])
    return Table(f"{random.choice(WORDS)} {seed}", kinds, rows)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def stored(field: str | None, kind: Kind, title: str) -> Any:
    """What is written into the database so that ``field`` comes out."""
    if field is None:
        return None
    if kind.field is binary:
        data = base64.b64decode(field)
        return data if title == "sqlite" else "\\x" + data.hex()
    if title == "sqlite" and kind.field is boolean:
        return int(field == "true")
    if title == "sqlite" and kind.field is number:
        return float(field)
    return field


def create(database: Database, table: Table, title: str) -> None:
    columns = ", ".join(f"{quoted(name)} {getattr(kind, title)}" for name, kind in table.kinds.items())
    database.execute(f"CREATE TABLE {quoted(table.name)} ({columns})")
    casts = ["?" if title == "sqlite" else f"?::text::{kind.postgresql}" for kind in table.kinds.values()]
    for row in table.rows:
        values = [stored(field, kind, title) for field, kind in zip(row, table.kinds.values(), strict=True)]
        database.execute(f"INSERT INTO {quoted(table.name)} VALUES ({', '.join(casts)})", *values)  # noqa: S608


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("title", BOTH)
def test_a_generated_table_comes_back_equal(
    title: str, seed: int, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "LEAST_WIDTH", 1)
    table = generated(seed)
    with opened(title, request, tmp_path) as database:
        create(database, table, title)
        for count in (1, 2):
            record, rows = export(database, table.dataset, export_ranges=count)
            assert (record.parts > 1) == (count == 2 and seed % 2 == 0 and len(table.rows) > 1)
            assert sorted(rows, key=str) == sorted(table.rows, key=str)
