"""Versions that one policy's world made, for the others: the same rows and catalog make the same version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.memory_blobs import MemoryBlobs
from shared.store import names
from shared.store.registry import VERSION_FILE

if TYPE_CHECKING:
    from shared.store.blobs import Blob
    from shared.store.records import RunRecord


@dataclass(frozen=True)
class Kept:
    """A version: its blobs, and how long the drop took that made it first."""

    files: dict[str, bytes]
    seconds: float


@dataclass
class Shelf:
    """All versions that were made, by the name of their version.json."""

    versions: dict[str, Kept] = field(default_factory=dict)

    def cost(self, record: RunRecord, blobs: MemoryBlobs) -> float:
        """What a run costs where nothing can be taken over; keep the version that it made, if it was the first."""
        if not made(record) or record.version is None:
            return record.seconds
        whole = names.version_file(record.model, record.version, VERSION_FILE)
        if whole not in self.versions:
            files = {info.name: blobs.blobs[info.name] for info in blobs.list(names.folder_of(whole))}
            self.versions[whole] = Kept(files, record.seconds)
        return self.versions[whole].seconds


@dataclass
class ShelvedBlobs(MemoryBlobs):
    """A world's store, in which training finds the version that it is about to make, where another world has made it.

    Only who asks for that very version finds it: no list shows what this world has not made, or the policy would take
    it for the newest version and see nothing due.
    """

    shelf: Shelf = field(default_factory=Shelf)

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        kept = self.shelf.versions.get(name)
        if kept is not None and name not in self.blobs:
            for file, data in kept.files.items():
                self.write(file, data)
        return super().read(name, unless=unless)


def made(record: RunRecord | None) -> bool:
    """Whether the drop led to a new version, whatever the gate said of it."""
    return record is not None and record.version is not None and record.outcome in {"promoted", "kept"}
