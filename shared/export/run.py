"""Export the catalog's datasets for one slot: what is new into parts, the parts into a manifest that announces them."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from shared.errors import CauceError
from shared.export.announce import announce_again
from shared.export.boundary import Boundary
from shared.export.ledger import Ledger
from shared.export.parts import PartWriter, quiet
from shared.export.ranges import cut
from shared.export.reach import EVERYTHING_ANEW, Order, reach_of, reads_of
from shared.export.retention import sweep
from shared.store import names
from shared.store.records import ExportRecord, Manifest, Prepared, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from shared.catalog.spec import Dataset, UseCase
    from shared.export.bands import Band
    from shared.export.ledger import Turn
    from shared.export.parts import Progress
    from shared.export.reach import Reach
    from shared.export.reading import Chunk
    from shared.export.source import Session, Source
    from shared.export.sql import Statement
    from shared.settings import Settings
    from shared.store.blobs import Blobs
    from shared.store.records import ExportState, Part

logger = logging.getLogger(__name__)

NIGHTLY = Order()


def utc_now() -> datetime:
    """The clock, as a value that tests replace."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Exporter:
    """What exports are made with."""

    source: Source
    blobs: Blobs
    settings: Settings
    progress: Progress = quiet
    now: Callable[[], datetime] = utc_now

    def export_all(self, use_cases: Sequence[UseCase], moment: datetime, order: Order = NIGHTLY) -> list[ExportRecord]:
        """Export every dataset that has a table for the slot of ``moment``, and look after what earlier exports left.

        One that fails does not keep the others from being exported; the first failure is raised when all have had
        their turn, so that the run counts as failed.
        """
        records = []
        failures: list[CauceError] = []
        for use_case in use_cases:
            try:
                if not use_case.dataset.dropped:
                    records.append(self.export(use_case.dataset, names.stamp(moment), order))
            except CauceError as error:
                logger.exception("export of %s failed", use_case.dataset.name)
                failures.append(error)
            try:
                self._tidy_up(use_case)
            except CauceError as error:
                logger.exception("what earlier exports of %s left could not be looked after", use_case.dataset.name)
                failures.append(error)
        if failures:
            raise failures[0]
        return records

    def export(self, dataset: Dataset, slot: str, order: Order = NIGHTLY) -> ExportRecord:
        """Export what is new in ``dataset``, or all of it where it has no cursor or the order says so.

        Memory does not grow with the table. Nothing is announced where anything fails, and the next run reads the
        same rows again. A slot is exported once. Raises CauceError; the record then says why.
        """
        blank = ExportRecord(dataset.name, slot, "failed", started_at=names.stamp(self.now()))
        started = time.monotonic()
        try:
            record = _Export(self, dataset, slot, order, blank).work()
        except CauceError as error:
            failed = msgspec.structs.replace(blank, reason=str(error), seconds=_seconds_since(started))
            self._keep(failed)
            raise
        record = msgspec.structs.replace(record, seconds=_seconds_since(started))
        _log(record)
        if record.outcome != "done before":
            self._keep(record)
        return record

    def foresee(self, dataset: Dataset, order: Order = NIGHTLY) -> tuple[Reach, list[Statement]]:
        """What an export would reach for now, and the statements that it would read with. Writes nothing."""
        state = Ledger(self.blobs, dataset.name).peek()
        blank = ExportRecord(dataset.name, "", "failed")
        with self.source.open(dataset) as session:
            reach = reach_of(dataset, state, session, order, self.now())
            work = _Export(self, dataset, "", order, blank)
            pieces = [piece for band in reach.bands for piece in work.pieces(session, band)]
            return reach, [session.statement(piece) for piece in pieces]

    def _keep(self, record: ExportRecord) -> None:
        """The record is for people: what was exported stands without it."""
        try:
            self.blobs.write(names.export_record(record.dataset, record.slot), to_json(record))
        except CauceError as error:
            logger.warning("export of %s: the record of slot %s is not kept: %s", record.dataset, record.slot, error)

    def _tidy_up(self, use_case: UseCase) -> None:
        announce_again(use_case, self.blobs, self.now(), self.settings)
        sweep(use_case, self.blobs, self.now(), self.settings.export_retention_days)


@dataclass(frozen=True)
class _Export:
    """One dataset's export in one slot."""

    by: Exporter
    dataset: Dataset
    slot: str
    order: Order
    blank: ExportRecord

    @property
    def blobs(self) -> Blobs:
        return self.by.blobs

    def work(self) -> ExportRecord:
        ledger = Ledger(self.blobs, self.dataset.name)
        turn = ledger.ready()
        if ledger.announced(self.slot):
            return msgspec.structs.replace(self.blank, outcome="done before")
        with self.by.source.open(self.dataset) as session:
            reach = reach_of(self.dataset, turn.state, session, self.order, self.by.now())
            boundary = self._boundary(turn.state, reach)
            writer = self._writer()
            parts = writer.write_all(self._streams(session, reach, boundary))
        nothing_new = self._nothing_new(turn.state, reach, parts)
        if not (parts or nothing_new):
            parts = [writer.write_header_alone()]
        record = self._measured(reach, parts, (*session.notes, *reach.notes))
        if nothing_new:
            self._remove_parts(parts)
            return msgspec.structs.replace(record, outcome="nothing new")
        prepared = self._prepared(writer.attempt, reach, boundary, parts, turn)
        blob = names.attempt_file(self.dataset.name, self.slot, writer.attempt, "prepared.json")
        self.blobs.write(blob, to_json(prepared))
        if ledger.commit(turn, prepared, blob):
            return msgspec.structs.replace(record, outcome="exported")
        if ledger.announced(self.slot):  # by another run of the same slot, whose record stands
            return msgspec.structs.replace(self.blank, outcome="done before")
        return msgspec.structs.replace(record, outcome="overtaken", reason="another run exported these rows")

    def _writer(self) -> PartWriter:
        return PartWriter(
            self.blobs,
            self.dataset.name,
            self.slot,
            secrets.token_hex(4),
            list(self.dataset.used_columns()),
            self.by.settings.export_part_bytes,
            self.by.progress,
        )

    def _boundary(self, state: ExportState, reach: Reach) -> Boundary | None:
        if not self.dataset.cursor_columns:
            return None
        columns = list(self.dataset.used_columns())
        first, second = (columns.index(name) for name in self.dataset.cursor_columns)
        known = b""
        if reach.follows is not None and state.boundary is not None:
            known = b"".join(self.blobs.chunks(state.boundary))
        return Boundary((first, second), known)

    def _streams(self, session: Session, reach: Reach, boundary: Boundary | None) -> list[Generator[Chunk]]:
        """What can be shared out is read in other processes, each into parts of its own; all the rest in this one."""
        pieces = [self.pieces(session, band) for band in reach.bands]

        def here() -> Generator[Chunk]:
            for *_, band in pieces:
                yield from session.read(band, boundary.sieve(band) if boundary else None)

        return [*(session.read_apart(band) for *apart, _ in pieces for band in apart), here()]

    def pieces(self, session: Session, band: Band) -> list[Band]:
        """The band, or its key ranges: the last one is read in this process, each other in one of its own."""
        ranges = self.by.settings.export_ranges
        if ranges == 1 or not band.divisible:
            return [band]
        bounds = session.key_bounds(band)
        return [band] if bounds is None else cut(band, self.dataset.column_with("key"), *bounds, ranges)

    def _nothing_new(self, state: ExportState, reach: Reach, parts: list[Part]) -> bool:
        if self.by.settings.export_empty_drops or self.order.full:
            return False
        if reach.follows is not None:
            return not parts
        if state.slot is None:
            return not parts
        return not self.dataset.cursor_columns and reach.why != EVERYTHING_ANEW and state.content == _content(parts)

    def _prepared(
        self, attempt: str, reach: Reach, boundary: Boundary | None, parts: list[Part], turn: Turn
    ) -> Prepared:
        columns: dict[str, str] = {name: column.type for name, column in self.dataset.used_columns().items()}
        kept = None
        if boundary is not None:
            kept = names.attempt_file(self.dataset.name, self.slot, attempt, "boundary.bin")
            self.blobs.write(kept, boundary.kept)
        manifest = Manifest(
            dataset=self.dataset.name,
            slot=self.slot,
            columns=columns,
            parts=tuple(parts),
            rows=sum(part.rows for part in parts),
            exported_at=names.stamp(self.by.now()),
            follows=reach.follows,
            above=reach.above,
            up_to=reach.up_to,
            schema_version=1 if reach.follows is None else 2,
        )
        state = msgspec.structs.replace(
            turn.state,
            slot=self.slot,
            columns=columns,
            reads=reads_of(self.dataset),
            cursor=self.dataset.cursor_columns,
            look_back=self.dataset.look_back,
            watermark=reach.up_to,
            boundary=kept,
            content=_content(parts),
            pending=None,
        )
        return Prepared(manifest, state)

    def _measured(self, reach: Reach, parts: list[Part], notes: Sequence[str]) -> ExportRecord:
        return msgspec.structs.replace(
            self.blank,
            rows=sum(part.rows for part in parts),
            size_bytes=sum(part.size_bytes for part in parts),
            parts=len(parts),
            whole=reach.follows is None,
            reason=reach.why,
            above=reach.above,
            up_to=reach.up_to,
            notes=tuple(notes),
        )

    def _remove_parts(self, parts: list[Part]) -> None:
        for part in parts:
            self.blobs.delete(part.name)


def _content(parts: list[Part]) -> str:
    """Of the rows: a header alone, which is there only where it is announced, is no content."""
    return hashlib.sha256("".join(part.sha256 for part in parts if part.rows).encode()).hexdigest()


def _seconds_since(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _log(record: ExportRecord) -> None:
    for note in record.notes:
        logger.warning("export of %s: %s", record.dataset, note)
    above, up_to = (value.text if value else "-" for value in (record.above, record.up_to))
    logger.info(
        "export of %s: %s, %d rows in %d parts, %d bytes, %.1f s, %.0f rows/s, watermark %s to %s, slot %s%s",
        record.dataset, record.outcome, record.rows, record.parts, record.size_bytes, record.seconds,
        record.rows_per_second, above, up_to, record.slot, f" ({record.reason})" if record.reason else "",
    )  # fmt: skip
