"""Which export of a dataset comes next: one at a time, in a chain, each announced once.

Three writes, each conditional, make an export count:

1. state.json says that the prepared export has its turn. Of two that began from one state, one gets it.
2. The manifest is announced, under drops/, where nothing lies under that name yet.
3. state.json becomes the state that the prepared export names, with the watermark moved.

Whoever finds state.json after a crash between 1 and 3 does 2 and 3 first: all that they need lies in storage.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from shared.errors import BlobConflict, BlobMissing
from shared.store import names
from shared.store.records import ExportState, Manifest, Prepared, from_json, to_json

if TYPE_CHECKING:
    from shared.store.blobs import Blobs

logger = logging.getLogger(__name__)

TRIES = 10


@dataclass(frozen=True)
class Turn:
    """The state that an export begins from, and its ETag: None where there is no state yet."""

    state: ExportState
    etag: str | None


@dataclass(frozen=True)
class Ledger:
    """The chain of one dataset's exports."""

    blobs: Blobs
    dataset: str

    def ready(self) -> Turn:
        """The state to begin from, once what an earlier run had prepared is announced."""
        for _ in range(TRIES):
            turn = self._read()
            if turn.state.pending is None:
                return turn
            logger.info("export of %s: %s is announced, as an earlier run could not", self.dataset, turn.state.pending)
            self._finish(turn)
        msg = f"{self._name}: changes all the time; is more than one export of {self.dataset!r} running?"
        raise BlobConflict(msg)

    def peek(self) -> ExportState:
        """The state as it lies there, for looking at."""
        return self._read().state

    def announced(self, slot: str) -> bool:
        """Whether the slot has been exported."""
        return self._manifest(slot) is not None

    def commit(self, turn: Turn, prepared: Prepared, blob: str) -> bool:
        """Make a prepared export, stored as ``blob``, count. False where another one came first."""
        claimed = msgspec.structs.replace(turn.state, pending=blob)
        try:
            self._finish(Turn(claimed, self._write(claimed, turn.etag)))
        except BlobConflict:
            # Lost, unless to this very claim: a write may arrive although its answer does not.
            found = self._read()
            if found.state.pending == blob:
                self._finish(found)
        return self._is_announced(prepared.manifest)

    def _finish(self, turn: Turn) -> None:
        """Announce what is pending and move the state on. Done twice, or by two at once, it is done once."""
        if turn.state.pending is None:
            return
        after = msgspec.structs.replace(turn.state, pending=None)
        prepared = self._prepared(turn.state.pending)
        if prepared is not None and self._announce(prepared.manifest):
            after = prepared.state
        try:
            self._write(after, turn.etag)
        except BlobConflict:
            logger.info("export of %s: another run has moved the state on", self.dataset)

    def _announce(self, manifest: Manifest) -> bool:
        """Write the manifest. False where the slot's name is taken by another export."""
        try:
            self.blobs.write(names.manifest(self.dataset, manifest.slot), to_json(manifest), if_absent=True)
        except BlobConflict:
            if not self._is_announced(manifest):
                logger.exception(
                    "export of %s: slot %s is taken by another export; these rows come with the next one",
                    self.dataset,
                    manifest.slot,
                )
                return False
        return True

    def _is_announced(self, manifest: Manifest) -> bool:
        found = self._manifest(manifest.slot)
        return found is not None and found.parts == manifest.parts

    def _manifest(self, slot: str) -> Manifest | None:
        name = names.manifest(self.dataset, slot)
        try:
            blob = self.blobs.read(name)
        except BlobMissing:
            return None
        return from_json(blob.data, Manifest, name) if blob else None

    def _prepared(self, blob: str) -> Prepared | None:
        try:
            found = self.blobs.read(blob)
        except BlobMissing:
            logger.exception("export of %s: %s is gone; its rows are read again", self.dataset, blob)
            return None
        return from_json(found.data, Prepared, blob) if found else None

    @property
    def _name(self) -> str:
        return names.export_state(self.dataset)

    def _read(self) -> Turn:
        try:
            blob = self.blobs.read(self._name)
        except BlobMissing:
            return Turn(ExportState(self.dataset), None)
        if blob is None:  # only a conditional read gives None
            raise BlobMissing(self._name)
        return Turn(from_json(blob.data, ExportState, self._name), blob.etag)

    def _write(self, state: ExportState, etag: str | None) -> str:
        return self.blobs.write(self._name, to_json(state), if_absent=etag is None, if_match=etag)
