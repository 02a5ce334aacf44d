"""Read a drop into one checked table in time order, and set aside what does not fit the catalog."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import batched
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shared.csv_format import read_csv
from shared.errors import DropError
from shared.training.values import parse_column, shown

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from shared.catalog.spec import Column, Dataset
    from shared.csv_format import Row
    from shared.store.blobs import Blobs
    from shared.store.records import Manifest, Part

BATCH_ROWS = 20_000
QUARANTINE_ROWS = 10_000
"""So many refused rows are kept; the rest are counted."""


@dataclass(frozen=True)
class Refused:
    """A row that training does not see."""

    where: str
    reason: str
    fields: Row


@dataclass
class Table:
    """The rows that fit, oldest first, and what did not."""

    frame: pd.DataFrame
    header: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    refused_rows: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """All rows that came, refused ones included."""
        return len(self.frame) + self.refused_rows

    @cached_property
    def sha256(self) -> str:
        """Of the rows that fit, whatever files they came in; asked for when all are read."""
        hashes = pd.util.hash_pandas_object(self.frame, index=False).to_numpy()
        return hashlib.sha256(hashes.tobytes()).hexdigest()


def read_table(manifests: Sequence[Manifest], dataset: Dataset, blobs: Blobs) -> Table:
    """Read every part of a drop and of the exports that it continues, oldest first: a row gives way to a later one.

    Raises DropError where a part is not the file that the manifest names, is not CSV, or lacks a column; BlobMissing
    where a part is gone. Rows that do not fit are in the result, as refused.
    """
    table = Table(pd.DataFrame())
    exports = [frame for manifest in manifests for frame in _read_export(manifest, dataset, blobs, table)]
    if not exports:
        msg = f"drop {manifests[-1].slot}: has a header but no rows"
        raise DropError(msg)
    frame = _newest_of_each(pd.concat(exports, ignore_index=True), dataset, table)
    table.frame = _in_time_order(frame, dataset)
    return table


def _read_export(manifest: Manifest, dataset: Dataset, blobs: Blobs, table: Table) -> Iterator[pd.DataFrame]:
    frames = [frame for part in manifest.parts for frame in _read_part(part, dataset, blobs, table)]
    if frames:
        yield _without_repeats(pd.concat(frames, ignore_index=True), dataset, table)


def _read_part(part: Part, dataset: Dataset, blobs: Blobs, table: Table) -> Iterator[pd.DataFrame]:
    checked = _Checked(blobs.chunks(part.name), part)
    header, rows = read_csv(checked, part.name)
    places = _places(header, dataset, part.name)
    table.header = header
    table.notes += [note for note in _notes(header, dataset) if note not in table.notes]
    for batch in batched(rows, BATCH_ROWS, strict=False):
        yield _frame(batch, places, dataset, table, part.name)
    checked.finish()


@dataclass
class _Checked:
    """Passes a part's bytes on and, at the end, holds them against the manifest."""

    chunks: Iterable[bytes]
    part: Part
    _size: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self._size += len(chunk)
            self._digest.update(chunk)
            yield chunk

    def finish(self) -> None:
        """Raise DropError where the bytes were not those that the manifest announces."""
        found = (self._size, self._digest.hexdigest())
        if found != (self.part.size_bytes, self.part.sha256):
            msg = (
                f"{self.part.name}: is not the file that the manifest names: expected {self.part.size_bytes:,} bytes "
                f"with sha256 {self.part.sha256[:12]}, got {found[0]:,} bytes with {found[1][:12]}"
            )
            raise DropError(msg)


def _places(header: list[str], dataset: Dataset, name: str) -> dict[str, int]:
    """Where each used column stands in the file. Raises DropError naming those that are missing."""
    wanted = dataset.used_columns()
    missing = [column for column in wanted if column not in header]
    if missing:
        strangers = [column for column in header if column not in dataset.columns]
        msg = f"{name}: has no column {', '.join(_with_hint(column, strangers) for column in missing)}"
        raise DropError(msg)
    return {column: header.index(column) for column in wanted}


def _with_hint(column: str, strangers: Sequence[str]) -> str:
    by_folded = {stranger.strip().casefold(): stranger for stranger in strangers}
    close = difflib.get_close_matches(column.casefold(), list(by_folded), n=1)
    return f"{column!r} (was it renamed to {by_folded[close[0]]!r}?)" if close else repr(column)


def _notes(header: list[str], dataset: Dataset) -> Iterator[str]:
    for column, reason in dataset.unusable().items():
        if column in header:
            yield f"column {column!r} is in the file and was not read: {reason}"
    for column in header:
        if column not in dataset.columns:
            yield f"column {column!r} is in the file but not in the catalog, and was not read"


def _frame(
    batch: Sequence[tuple[int, Row]], places: dict[str, int], dataset: Dataset, table: Table, name: str
) -> pd.DataFrame:
    width = len(table.header)
    whole = []
    for line, row in batch:
        if len(row) == width:
            whole.append((line, row))
        else:
            _refuse(table, Refused(f"{name}:{line}", f"expected {width} fields, got {len(row)}", row))
    columns = dataset.columns
    values: dict[str, Any] = {}
    reasons: dict[int, list[str]] = {}
    for column, place in places.items():
        texts = np.array([row[place] for _, row in whole], dtype=object)
        values[column], wrong = parse_column(texts, columns[column])
        if columns[column].role == "key":
            values[column] = _keys(texts, columns[column], wrong)
        for index, reason in wrong.items():
            reasons.setdefault(index, []).append(f"{column}: {reason}")
    for index in sorted(reasons):
        line, row = whole[index]
        _refuse(table, Refused(f"{name}:{line}", "; ".join(reasons[index]), row))
    frame = pd.DataFrame({column: pd.Series(array, dtype=array.dtype) for column, array in values.items()})
    return frame.drop(index=list(reasons))


def _keys(texts: NDArray[np.object_], column: Column, wrong: Container[int]) -> NDArray[np.object_]:
    """Keys stay text, since a large integer would lose digits as a float; an integer is written one way, ``7``."""
    if column.type != "integer":
        return texts
    plain = [text if row in wrong else str(int(Decimal(text))) for row, text in enumerate(texts)]
    return np.array(plain, dtype=object)


def _refuse(table: Table, refused: Refused) -> None:
    table.refused_rows += 1
    if len(table.refused) < QUARANTINE_ROWS:
        table.refused.append(refused)


def _without_repeats(frame: pd.DataFrame, dataset: Dataset, table: Table) -> pd.DataFrame:
    key = dataset.column_with("key")
    repeated = frame[key].duplicated(keep="first")
    before: Row = [None] * table.header.index(key)
    for value in frame.loc[repeated, key]:
        reason = f"{key}: {shown(value)} stands in an earlier row; the key names one row"
        _refuse(table, Refused("", reason, [*before, value]))
    return frame[~repeated]


def _newest_of_each(frame: pd.DataFrame, dataset: Dataset, table: Table) -> pd.DataFrame:
    """A row that was exported again, since it had changed, in place of the older one."""
    outdated = frame[dataset.column_with("key")].duplicated(keep="last")
    if outdated.any():
        table.notes.append(f"{int(outdated.sum()):,} row(s) were exported again later and are read as they are now")
    return frame[~outdated]


def _in_time_order(frame: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Oldest first; rows of the same time by their key, so that the order of the file does not matter."""
    key = frame[dataset.column_with("key")]
    if dataset.columns[dataset.column_with("key")].type == "integer":
        key = key.map(int)
    order = np.lexsort((pd.factorize(key, sort=True)[0], frame[dataset.column_with("time")].to_numpy()))
    return frame.iloc[order].reset_index(drop=True)
