"""A file of the past as what Cauce would have been given: blocks of rows in time order, each an export of its own."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from local.memory_blobs import MemoryBlobs
from local.published import complete, read_published, to_csv
from shared.catalog.spec import Column
from shared.csv_format import csv_rows
from shared.errors import DropError, SettingsError
from shared.store import names
from shared.store.records import Manifest, Part, to_json
from shared.training.table import Table, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from local.published import Published
    from shared.catalog.spec import ClassificationCase, Dataset
    from shared.csv_format import Row
    from shared.store.blobs import Blobs

SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)
PLACE = "place in the file"
"""A column that is put beside the file's own, to find a row's texts again once the table is in time order."""
BEFORE_ALL = "20000101T000000Z"
"""The slot under which the whole file is read, before any block has one."""


@dataclass(frozen=True)
class History:
    """All rows that fit the catalog, oldest first: as training reads them, and as texts for exports."""

    use_case: ClassificationCase
    table: Table
    header: tuple[str, ...]
    texts: tuple[Row, ...]

    @property
    def times(self) -> NDArray[Any]:
        """Shape (rows,), growing."""
        return self.table.frame[self.use_case.dataset.column_with("time")].to_numpy()


@dataclass(frozen=True)
class Block:
    """Rows whose outcomes become known together. Block 0 is all that was known before the first answer."""

    number: int
    rows: slice
    moment: datetime
    """When they become known: the end of the newest row's day, and after the block before."""

    @property
    def slot(self) -> str:
        """The export that brings them."""
        return names.stamp(self.moment)

    @property
    def count(self) -> int:
        """How many rows."""
        return int(self.rows.stop - self.rows.start)


def read_history(path: Path, use_case: ClassificationCase) -> History:
    """Read a file, check its rows and put them in time order, as training does.

    Rows that do not fit are left out, since nothing could score them either; the table counts them. Raises DropError,
    SettingsError.
    """
    published = complete(read_published(path), use_case.dataset)
    table = _table(published, use_case)
    texts = tuple(_texts(published.rows[int(place)]) for place in table.frame[PLACE])
    ordered = Table(table.frame.drop(columns=PLACE), published.header, table.refused, table.refused_rows, table.notes)
    return History(use_case, ordered, tuple(published.header), texts)


def _texts(row: Sequence[str]) -> Row:
    """An empty field of a published file has no value."""
    return [field or None for field in row]


def _table(published: Published, use_case: ClassificationCase) -> Table:
    """The rows as training reads them, with their PLACE."""
    dataset, name = use_case.dataset, published.name
    numbered = msgspec.structs.replace(dataset, columns={**dataset.columns, PLACE: Column("integer")})
    content = to_csv([*published.header, PLACE], ([*row, str(place)] for place, row in enumerate(published.rows)))
    blobs = MemoryBlobs()
    blobs.write(name, content)
    table = read_table((_manifest(dataset, BEFORE_ALL, content, name, len(published.rows)),), numbered, blobs)
    _check_refused(table, use_case, name)
    return table


def _check_refused(table: Table, use_case: ClassificationCase, name: str) -> None:
    if table.refused_rows > use_case.training.max_refused * table.rows or table.frame.empty:
        first, allowed = table.refused[0], use_case.training.max_refused
        msg = (
            f"{name}: {table.refused_rows:,} of {table.rows:,} rows do not fit the catalog; training.max_refused "
            f"allows {allowed:.0%}. The first: {first.where} {first.reason}"
        )
        raise DropError(msg)


def start_of(text: str, times: NDArray[Any]) -> int:
    """The first row to be answered: after a share of the rows (80%), or from a date on. Raises SettingsError."""
    share = SHARE.fullmatch(text.strip())
    start = round(len(times) * float(share[1]) / 100) if share else int(np.searchsorted(times, _moment(text)))
    if not 0 < start < len(times):
        lacking = "before it to learn from" if start <= 0 else "after it to answer"
        first, last = (str(moment)[:10] for moment in (times[0], times[-1]))
        msg = f"--from {text}: leaves no rows {lacking}; there are {len(times):,}, from {first} to {last}"
        raise SettingsError(msg)
    return start


def start_of_days(text: str, days: Sequence[date]) -> date:
    """The first day to be forecast, of rows in the order of time. Raises SettingsError."""
    return days[start_of(text, np.array(days, dtype="datetime64[us]"))]


def _moment(text: str) -> np.datetime64:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        msg = f"--from: expected a share such as 80%, or a date such as 2026-11-23, got {text!r}"
        raise SettingsError(msg) from error
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment)


def blocks_of(history: History, start: int, every: int) -> list[Block]:
    """Block 0 with the rows before ``start``, then blocks of ``every`` rows; the last one may be shorter."""
    if every < 1:
        msg = f"--every: expected at least 1 row, got {every}"
        raise SettingsError(msg)
    times = history.times
    edges = [0, *range(start, len(times), every), len(times)]
    made: list[Block] = []
    for number, (first, end) in enumerate(pairwise(edges)):
        moment = _end_of_day(times[end - 1])
        if made:
            # Where several blocks end on one day, each is known a second after the one before.
            moment = max(moment, made[-1].moment + timedelta(seconds=1))
        made.append(Block(number, slice(first, end), moment))
    return made


def _end_of_day(time: np.datetime64) -> datetime:
    day = datetime.fromisoformat(str(time.astype("datetime64[D]"))).replace(tzinfo=UTC)
    return day + timedelta(days=1) - timedelta(seconds=1)


def announce(block: Block, before: Block | None, history: History, blobs: Blobs) -> str:
    """Write the export of a block, which follows the one ``before``; the manifest's name, which triggers."""
    dataset, rows = history.use_case.dataset, history.texts[block.rows]
    content = csv_rows([history.header]) + csv_rows(rows)
    part = names.part(dataset.name, block.slot, "replay", 0)
    blobs.write(part, content)
    manifest = _manifest(dataset, block.slot, content, part, len(rows))
    if before is not None:
        manifest = msgspec.structs.replace(manifest, follows=before.slot, schema_version=2)
    name = names.manifest(dataset.name, block.slot)
    blobs.write(name, to_json(manifest))
    return name


def _manifest(dataset: Dataset, slot: str, content: bytes, name: str, rows: int) -> Manifest:
    """Of one part, which holds ``content``."""
    part = Part(name=name, rows=rows, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    columns: dict[str, str] = {column: declared.type for column, declared in dataset.used_columns().items()}
    return Manifest(
        dataset=dataset.name, slot=slot, columns=columns, parts=(part,), rows=rows, exported_at=slot,
    )  # fmt: skip
