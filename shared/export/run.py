"""Export one dataset: parts first, then the one manifest that announces them."""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

from shared.csv_format import CsvWriter
from shared.errors import BlobConflict, CauceError
from shared.store import names
from shared.store.records import Manifest, Part, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from shared.catalog.spec import Dataset
    from shared.export.source import Rows, Source
    from shared.store.blobs import Blobs

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exported:
    """What one dataset's export came to. ``manifest`` is None when the slot had been exported before."""

    dataset: str
    slot: str
    manifest: Manifest | None


def export_all(
    datasets: Sequence[Dataset], source: Source, blobs: Blobs, moment: datetime, part_bytes: int
) -> list[Exported]:
    """Export every dataset for the slot of ``moment``.

    One that fails does not keep the others from being exported; the first failure is raised when all have had their
    turn, so that the run counts as failed.
    """
    done: list[Exported] = []
    failures: list[CauceError] = []
    for dataset in datasets:
        try:
            done.append(export_dataset(dataset, source, blobs, names.stamp(moment), part_bytes))
        except CauceError as error:
            logger.exception("export of %s failed", dataset.name)
            failures.append(error)
    if failures:
        raise failures[0]
    return done


def export_dataset(dataset: Dataset, source: Source, blobs: Blobs, slot: str, part_bytes: int) -> Exported:
    """Stream ``dataset`` into parts of about ``part_bytes`` and announce them; a slot is exported once.

    Memory does not grow with the table. Nothing is announced where anything fails: parts without a manifest are
    never read.
    """
    name = names.manifest(dataset.name, slot)
    if any(info.name == name for info in blobs.list(name)):
        logger.info("export of %s: slot %s was exported before", dataset.name, slot)
        return Exported(dataset.name, slot, None)
    with source.open(dataset) as rows:
        parts = list(_write_parts(dataset.name, slot, rows, blobs, part_bytes))
    manifest = _manifest(dataset, slot, parts)
    try:
        blobs.write(name, to_json(manifest), if_absent=True)
    except BlobConflict:
        logger.info("export of %s: another run announced slot %s first", dataset.name, slot)
        return Exported(dataset.name, slot, None)
    logger.info("export of %s: %d rows in %d parts, slot %s", dataset.name, manifest.rows, len(parts), slot)
    return Exported(dataset.name, slot, manifest)


def _write_parts(dataset: str, slot: str, rows: Rows, blobs: Blobs, part_bytes: int) -> Iterator[Part]:
    """One part after the other until the rows are used up. An empty table makes one part, with the header alone."""
    attempt = secrets.token_hex(4)
    batch: list[Sequence[Any]] | None = next(rows.batches, [])
    for index in count():
        if batch is None:
            return
        tally = _Tally()
        name = names.part(dataset, slot, attempt, index)
        blobs.upload(name, _part_chunks(rows, batch, part_bytes, tally))
        logger.info("export of %s: %s, %d rows, %d bytes", dataset, name, tally.rows, tally.size_bytes)
        yield Part(name=name, rows=tally.rows, size_bytes=tally.size_bytes, sha256=tally.digest.hexdigest())
        batch = next(rows.batches, None)


@dataclass
class _Tally:
    """What has gone into a part."""

    rows: int = 0
    size_bytes: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, chunk: bytes, rows: int) -> None:
        self.rows += rows
        self.size_bytes += len(chunk)
        self.digest.update(chunk)


def _part_chunks(rows: Rows, batch: list[Sequence[Any]], part_bytes: int, tally: _Tally) -> Iterator[bytes]:
    """CSV of ``batch`` and the batches after it, until the part is full."""
    writer = CsvWriter(rows.columns, rows.types)
    current: list[Sequence[Any]] | None = batch
    while current is not None:
        writer.write(current)
        chunk = writer.take()
        tally.add(chunk, len(current))
        yield chunk
        current = next(rows.batches, None) if tally.size_bytes < part_bytes else None


def _manifest(dataset: Dataset, slot: str, parts: list[Part]) -> Manifest:
    return Manifest(
        dataset=dataset.name,
        slot=slot,
        columns={name: column.type for name, column in dataset.used_columns().items()},
        parts=tuple(parts),
        rows=sum(part.rows for part in parts),
        exported_at=names.stamp(datetime.now(UTC)),
    )
