"""One drop, from the event to the run record: read, check, measure; where a new version is due, make and judge it.

Events come more than once and a run may die between any two writes. Every write here is conditional or the same each
time, and the run record comes last: a drop without one is done again from the start and arrives at the same versions.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from shared.csv_format import csv_rows
from shared.errors import BlobConflict, BlobMissing, DropError, PermanentError, VersionError
from shared.store import names
from shared.store.progress import ProgressBlob
from shared.store.records import RunRecord, from_json, to_json
from shared.store.registry import GRAPH_FILE, Registry
from shared.training.drop import manifests_of, ordered_by, slot_of
from shared.training.naming import catalog_sha256
from shared.training.policy import Due
from shared.training.table import read_table
from shared.training.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.catalog.load import Catalog
    from shared.catalog.spec import UseCase
    from shared.store.blobs import Blobs
    from shared.store.names import Drop
    from shared.store.records import Order, Version, Watch
    from shared.training.table import Table
    from shared.training.task import Task

logger = logging.getLogger(__name__)

EXAMPLES = 3


def utc_now() -> datetime:
    """The clock, as a value that tests replace."""
    return datetime.now(UTC)


def train(blob: str, catalog: Catalog, blobs: Blobs, now: Callable[[], datetime] = utc_now) -> RunRecord | None:
    """Do what the drop ``blob`` asks for, once, and say what came of it.

    Permanent faults are recorded and end quietly. Transient ones are raised, so that the platform tries again. None
    where there is nothing to record: the blob is not a drop, or it is gone.
    """
    try:
        drop = names.parse_drop(blob)
        slot = slot_of(drop, blobs)
    except (DropError, BlobMissing) as error:
        logger.warning("nothing to train on: %s", error)
        return None
    use_case = catalog.trained_on(drop.dataset)
    model = use_case.model.name if use_case else names.NO_MODEL
    done = _recorded(drop.dataset, slot, model, blobs)
    if done is not None:
        logger.info("%s: slot %s was done before: %s", model, slot, done.outcome)
        return done
    blank = RunRecord(
        dataset=drop.dataset, slot=slot, model=model, drop=blob, outcome="refused", reasons=(),
        started_at=names.stamp(now()),
    )  # fmt: skip
    started = time.monotonic()
    record = _attempt(drop, use_case, blank, blobs, now)
    return _finish(msgspec.structs.replace(record, seconds=round(time.monotonic() - started, 3)), blobs)


def _attempt(
    drop: Drop, use_case: UseCase | None, blank: RunRecord, blobs: Blobs, now: Callable[[], datetime]
) -> RunRecord:
    try:
        if use_case is None:
            msg = f"no use case in the catalog has a dataset named {drop.dataset!r}"
            raise DropError(msg)  # noqa: TRY301  # recorded like every other permanent fault of a drop
        return _Run(drop, use_case, blank, blobs, now).work()
    except PermanentError as error:
        logger.warning("%s: slot %s refused: %s", blank.model, blank.slot, error)
        return msgspec.structs.replace(blank, reasons=(str(error),))
    except Exception as error:
        # Tried again by the platform, a few times; whoever waits should know why nothing has come of it yet.
        name = names.run_progress(blank.dataset, blank.slot, blank.model)
        ProgressBlob(blobs, name, now)(f"failed, to be tried again: {error}", 0, 1)
        raise


def _recorded(dataset: str, slot: str, model: str, blobs: Blobs) -> RunRecord | None:
    name = names.run_record(dataset, slot, model)
    try:
        blob = blobs.read(name)
    except BlobMissing:
        return None
    return from_json(blob.data, RunRecord, name) if blob else None


def _finish(record: RunRecord, blobs: Blobs) -> RunRecord:
    """Write the done marker; where another run of the same slot was first, its record stands."""
    name = names.run_record(record.dataset, record.slot, record.model)
    try:
        blobs.write(name, to_json(record), if_absent=True)
    except BlobConflict:
        return _recorded(record.dataset, record.slot, record.model, blobs) or record
    if record.due:
        logger.info("%s: slot %s was due: %s", record.model, record.slot, "; ".join(record.due))
    logger.info("%s: slot %s %s: %s", record.model, record.slot, record.outcome, "; ".join(record.reasons))
    return record


@dataclass(frozen=True)
class _Run:
    """The work on one drop for one use case."""

    drop: Drop
    use_case: UseCase
    blank: RunRecord
    blobs: Blobs
    now: Callable[[], datetime]

    @property
    def slot(self) -> str:
        return self.blank.slot

    @property
    def registry(self) -> Registry:
        return Registry(self.blobs)

    def work(self) -> RunRecord:
        dataset = self.use_case.dataset
        report = ProgressBlob(self.blobs, names.run_progress(dataset.name, self.slot, self.blank.model), self.now)
        report("reading and checking the rows", 0, 1)
        order, drop = ordered_by(self.drop, self.blobs)
        table = read_table(manifests_of(drop, self.slot, dataset, self.blobs), dataset, self.blobs)
        self._set_aside(table)
        record = msgspec.structs.replace(
            self.blank, rows=table.rows, refused=table.refused_rows, notes=tuple(table.notes)
        )
        unchanged = self._unchanged(table)
        if unchanged is not None:
            reason = f"the rows and the catalog are those that {unchanged} was made from"
            return msgspec.structs.replace(record, outcome="unchanged", reasons=(reason,), version=unchanged)
        task = task_of(self.use_case, self.slot, table, self.registry, self.now, ordered=order is not None)
        report("measuring the champion on the new rows", 0, 1)
        watched, due = self._measure(task, order)
        record = msgspec.structs.replace(record, watch=watched, due=due.reasons)
        if due.retrain:
            record = self._retrain(task, record, report)
        else:
            record = msgspec.structs.replace(record, outcome="not due", reasons=due.reasons)
        self._publish(task)
        return record

    def _publish(self, task: Task) -> None:
        """What people take from the version that serves, whether it is new or not."""
        serving = self.registry.champion(self.blank.model)
        version = self.registry.readable(self.blank.model, serving.champion.version) if serving else None
        if version is None:
            return
        try:
            task.publish(version)
        except (BlobMissing, VersionError) as error:
            logger.warning("%s: nothing to take from %s: %s", version.model, version.version, error)

    def _measure(self, task: Task, order: Order | None) -> tuple[Watch | None, Due]:
        """How the champion has fared on the rows that came since it was trained, and whether a new version is due."""
        serving = self.registry.champion(self.blank.model)
        champion = self.registry.readable(self.blank.model, serving.champion.version) if serving else None
        if champion is None or champion.slot == self.slot:
            # None serves, or the one that a run of this slot promoted before it died.
            return None, task.due(None, None, None, order)
        try:
            watched = task.watch(champion)
        except (BlobMissing, VersionError) as error:
            return None, Due(True, (f"{champion.version} cannot answer: {error}",))
        newest = self._newest_but_this() or champion
        if newest.catalog_sha256 != catalog_sha256(self.use_case):
            return watched, Due(True, (f"the catalog has changed since {newest.version} was made",))
        return watched, task.due(watched, champion, newest, order)

    def _newest_but_this(self) -> Version | None:
        """The version that was made last by another slot, promoted or not."""
        made = [self.registry.readable(self.blank.model, name) for name in self.registry.versions(self.blank.model)]
        return next((version for version in reversed(made) if version and version.slot != self.slot), None)

    def _retrain(self, task: Task, record: RunRecord, report: ProgressBlob) -> RunRecord:
        """Make the version of this slot, or find it whole where an earlier run died after making it; and judge it."""
        version = self.registry.readable(self.blank.model, task.version) or task.make(report)
        verdict = task.decide(version)
        return msgspec.structs.replace(
            record,
            outcome="promoted" if verdict.promote else "kept",
            reasons=(verdict.reason,),
            version=version.version,
            candidates=task.candidates(version),
            metrics=version.metrics,
            notes=(*record.notes, *version.warnings),
        )

    def _set_aside(self, table: Table) -> None:
        """Put refused rows into quarantine; raise DropError where there are too many to trust the rest."""
        if not table.refused_rows:
            return
        name = names.quarantine(self.use_case.dataset.name, self.slot)
        header = ["where", "reason", *table.header]
        rows = [[refused.where, refused.reason, *refused.fields] for refused in table.refused]
        self.blobs.write(name, csv_rows([header]) + b"".join(csv_rows([row]) for row in rows))
        allowed = self.use_case.training.max_refused
        if table.refused_rows > allowed * table.rows:
            examples = "; ".join(f"{refused.where} {refused.reason}".strip() for refused in table.refused[:EXAMPLES])
            msg = (
                f"{table.refused_rows:,} of {table.rows:,} rows do not fit the catalog; training.max_refused allows "
                f"{allowed:.0%}. They are in {name}. The first: {examples}"
            )
            raise DropError(msg)

    def _unchanged(self, table: Table) -> str | None:
        """The champion's name, where another slot made it from these very rows and this catalog, and it can answer."""
        serving = self.registry.champion(self.blank.model)
        champion = self.registry.readable(self.blank.model, serving.champion.version) if serving else None
        if champion is None or champion.slot == self.slot:
            return None
        same = (champion.data.sha256, champion.catalog_sha256) == (table.sha256, catalog_sha256(self.use_case))
        return champion.version if same and self._answers(champion) else None

    def _answers(self, version: Version) -> bool:
        try:
            self.registry.file(version, GRAPH_FILE)
        except (BlobMissing, VersionError) as error:
            logger.warning("%s: version %s is made anew: %s", version.model, version.version, error)
            return False
        return True
