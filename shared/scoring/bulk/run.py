"""One file that is dropped to be scored, from the event to its record: read, scored and written chunk by chunk.

Events come more than once and a run may die between any two writes. The version that answers is chosen once for a file,
the answers appear whole or not at all, and the record comes last: a file without one is done again from the start, by
the same version, and arrives at the same answers.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from shared.errors import BlobConflict, BlobMissing, DropError, PermanentError, VersionError
from shared.scoring.bulk.sieve import Sieve
from shared.scoring.formats.render import CsvWriter
from shared.scoring.scored import begin
from shared.scoring.serving.session import LoadedClassifier
from shared.scoring.serving.shelf import Shelf
from shared.store import names
from shared.store.progress import ProgressBlob
from shared.store.records import from_json, to_json
from shared.store.registry import Registry
from shared.store.scorings import ScoredBy, Scoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.catalog.load import Catalog
    from shared.catalog.spec import UseCase
    from shared.scoring.scored import Scored
    from shared.scoring.serving.loaded import LoadedVersion
    from shared.store.blobs import BlobInfo, Blobs
    from shared.store.names import ScoringDrop

logger = logging.getLogger(__name__)

AHEAD = 3
"""Chunks of rows that are begun before the first of them is waited for."""


def utc_now() -> datetime:
    """The clock, as a value that tests replace."""
    return datetime.now(UTC)


def score_drop(
    blob: str, catalog: Catalog, blobs: Blobs, most_bytes: int, now: Callable[[], datetime] = utc_now
) -> Scoring | None:
    """Score the file ``blob``, once, and say what came of it.

    Permanent faults are recorded and end quietly. Transient ones are raised, so that the platform tries again. None
    where the file is gone.
    """
    try:
        info = blobs.info(blob)
    except BlobMissing as error:
        logger.warning("nothing to score: %s", error)
        return None
    drop, use_case, fault = _meant(blob, catalog)
    model = use_case.model.name if use_case else names.NO_MODEL
    slot = names.upload_slot(blob, info.etag, info.modified)
    blank = Scoring(model=model, slot=slot, drop=blob, outcome="refused", started_at=names.stamp(now()))
    done = _recorded(blank, blobs)
    if done is not None:
        logger.info("%s: %s was done before: %s", model, slot, done.outcome)
        return done
    started = time.monotonic()
    if drop is None or use_case is None:
        record = msgspec.structs.replace(blank, reasons=(fault,))
    else:
        record = _attempt(_Run(drop, use_case, info, blank, blobs, now), most_bytes)
    return _finish(msgspec.structs.replace(record, seconds=round(time.monotonic() - started, 3)), blobs)


def _meant(blob: str, catalog: Catalog) -> tuple[ScoringDrop | None, UseCase | None, str]:
    """What the name says, or why it says nothing."""
    try:
        drop = names.parse_scoring_drop(blob)
    except DropError as error:
        return None, None, str(error)
    use_case = catalog.model(drop.model)
    known = ", ".join(one.model.name for one in catalog.use_cases)
    return drop, use_case, f"{blob}: there is no model {drop.model!r} in the catalog; there is: {known}"


def _attempt(run: _Run, most_bytes: int) -> Scoring:
    try:
        return run.work(most_bytes)
    except PermanentError as error:
        logger.warning("%s: %s refused: %s", run.blank.model, run.blank.slot, error)
        return msgspec.structs.replace(run.figures(), reasons=(_reason(error, run.blank),))
    except Exception as error:
        # Tried again by the platform, a few times; whoever waits should know why nothing has come of it yet.
        name = names.run_progress(names.SCORE, run.blank.slot, run.blank.model)
        ProgressBlob(run.blobs, name, run.now)(f"failed, to be tried again: {error}", 0, 1)
        raise


def _reason(error: PermanentError, blank: Scoring) -> str:
    if not isinstance(error, VersionError):
        return str(error)
    advice = f"let a whole version serve (python -m local rollback {blank.model}), then drop the file again"
    return f"{blank.drop}: {error}; {advice}"


def _recorded(blank: Scoring, blobs: Blobs) -> Scoring | None:
    name = names.run_record(names.SCORE, blank.slot, blank.model)
    try:
        blob = blobs.read(name)
    except BlobMissing:
        return None
    return from_json(blob.data, Scoring, name) if blob else None


def _finish(record: Scoring, blobs: Blobs) -> Scoring:
    """Write the done marker; where another run of the same file was first, its record stands."""
    name = names.run_record(names.SCORE, record.slot, record.model)
    try:
        blobs.write(name, to_json(record), if_absent=True)
    except BlobConflict:
        return _recorded(record, blobs) or record
    logger.info(
        "%s: %s %s: %d rows, %d refused, in %.1f s: %s",
        record.model, record.slot, record.outcome, record.rows, record.refused, record.seconds,
        "; ".join(record.reasons) or record.result,
    )  # fmt: skip
    return record


@dataclass
class _Run:
    """The work on one file."""

    drop: ScoringDrop
    use_case: UseCase
    info: BlobInfo
    blank: Scoring
    blobs: Blobs
    now: Callable[[], datetime]
    sieve: Sieve | None = None
    warned: int = 0

    def work(self, most_bytes: int) -> Scoring:
        """Raises PermanentError where the file is refused."""
        if self.info.size_bytes > most_bytes:
            msg = (
                f"{self.drop.blob}: has {self.info.size_bytes:,} bytes; at most {most_bytes:,} are taken at once "
                "(SCORE_DROP_MAX_BYTES): split it into several files, each with the header"
            )
            raise DropError(msg)
        loaded, notes = self._version()
        if not isinstance(loaded, LoadedClassifier):
            msg = (
                f"{self.drop.blob}: model {self.blank.model!r} forecasts, and each drop writes all of it to "
                f"results/{self.blank.model}/; send what-if questions over HTTPS, as JSON or CSV"
            )
            raise DropError(msg)
        self.blank = msgspec.structs.replace(self.blank, version=loaded.version.version, notes=notes)
        self.sieve = Sieve(loaded, self._chunks(), self.drop.blob)
        result = names.result(self.drop.model, self.drop.stem, self.blank.slot)
        self.blobs.upload(result, self._answers(loaded, self.sieve))
        return msgspec.structs.replace(self.figures(), outcome="scored", result=result)

    def figures(self) -> Scoring:
        """The record, as far as the file has been read."""
        if self.sieve is None:
            return self.blank
        return msgspec.structs.replace(
            self.blank, rows=self.sieve.rows, refused=self.sieve.set_aside.rows, warned=self.warned
        )

    def _version(self) -> tuple[LoadedVersion, tuple[str, ...]]:
        """The version that answers: the champion when the work was first begun; and what is to be said of it."""
        name = names.scoring_version(self.blank.slot, self.blank.model)
        shelf = Shelf(self.blank.model, Registry(self.blobs))
        chosen = self._chosen(name)
        if chosen is not None:
            return shelf.get(chosen), ()
        champion, notes = self._champion(shelf)
        scored_by = ScoredBy(champion.version.version, names.stamp(self.now()))
        try:
            self.blobs.write(name, to_json(scored_by), if_absent=True)
        except BlobConflict:  # by another run of the same file, at this very moment
            return shelf.get(self._chosen(name) or champion.version.version), ()
        return champion, notes

    def _chosen(self, name: str) -> str | None:
        try:
            blob = self.blobs.read(name)
        except BlobMissing:
            return None
        return from_json(blob.data, ScoredBy, name).version if blob else None

    def _champion(self, shelf: Shelf) -> tuple[LoadedVersion, tuple[str, ...]]:
        """As for requests: where the champion is broken, the version before it answers."""
        try:
            serving = Registry(self.blobs).serving(self.blank.model)
        except BlobMissing:
            serving = None
        if serving is None:
            msg = (
                f"{self.drop.blob}: model {self.blank.model!r} has no version yet: drop the file again when the first "
                "drop has been trained on"
            )
            raise DropError(msg)
        named = serving.champion
        try:
            return shelf.get(named.version), ()
        except VersionError as error:
            if named.previous is None:
                raise
            return shelf.get(named.previous), (f"{error}; {named.previous} answered in its place",)

    def _chunks(self) -> Iterator[bytes]:
        """The file, telling how far it has been read."""
        name = names.run_progress(names.SCORE, self.blank.slot, self.blank.model)
        report = ProgressBlob(self.blobs, name, self.now)
        done = 0
        for chunk in self.blobs.chunks(self.drop.blob):
            report(f"scoring: {self.sieve.rows if self.sieve else 0:,} rows", done, self.info.size_bytes)
            done += len(chunk)
            yield chunk

    def _answers(self, loaded: LoadedClassifier, sieve: Sieve) -> Iterator[bytes]:
        """The result's bytes. What is raised here leaves no result."""
        writer = CsvWriter(loaded.renderer)
        begun: deque[Callable[[], Scored]] = deque()
        for rows in sieve:
            begun.append(begin(loaded, rows))
            if len(begun) > AHEAD:
                yield self._written(begun.popleft()(), writer)
        while begun:
            yield self._written(begun.popleft()(), writer)
        self._put_aside(sieve)
        self._check_unchanged()

    def _written(self, scored: Scored, writer: CsvWriter) -> bytes:
        self.warned += len(scored.warnings)
        writer.add((scored,))
        return writer.taken()

    def _put_aside(self, sieve: Sieve) -> None:
        """Write the quarantine; raise DropError where there are no rows, or too many bad ones to trust the rest."""
        if not sieve.rows:
            msg = f"{self.drop.blob}: has a header but no rows"
            raise DropError(msg)
        refused = sieve.set_aside
        if not refused.rows:
            return
        name = names.quarantine(names.SCORE, self.blank.slot)
        self.blobs.write(name, refused.csv(sieve.header))
        self.blank = msgspec.structs.replace(self.blank, quarantine=name)
        allowed = self.use_case.training.max_refused
        if refused.rows > allowed * sieve.rows or refused.rows == sieve.rows:
            msg = (
                f"{self.drop.blob}: {refused.rows:,} of {sieve.rows:,} rows cannot be scored; training.max_refused "
                f"allows {allowed:.0%}. They are in {name}. The first: {'; '.join(refused.examples)}"
            )
            raise DropError(msg)

    def _check_unchanged(self) -> None:
        """Raise BlobConflict where another file was uploaded under the name meanwhile: this slot names the old one."""
        if self.blobs.info(self.drop.blob).etag != self.info.etag:
            msg = f"{self.drop.blob}: was uploaded anew while it was read"
            raise BlobConflict(msg)
