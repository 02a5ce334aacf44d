"""The seam over blob storage. Names are ``container/path``; see ``shared.store.names``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


@dataclass(frozen=True)
class Blob:
    """A small blob, read whole."""

    data: bytes
    etag: str


@dataclass(frozen=True)
class BlobInfo:
    """What storage knows of a blob without reading it."""

    name: str
    etag: str
    size_bytes: int
    modified: datetime


class Blobs(Protocol):
    """What Cauce needs of a blob store.

    Every method may raise StoreUnavailable; the rest is said with each.
    """

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        """The whole blob, or None when its ETag is still ``unless``. Raises BlobMissing."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """The blob's bytes in order, a few megabytes at a time; a log may grow meanwhile.

        Raises BlobMissing, and BlobConflict where another blob has taken its place.
        """

    def info(self, name: str) -> BlobInfo:
        """ETag, size and time of the last change. Raises BlobMissing."""

    def write(self, name: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        """Write a small blob and return its ETag. Raises BlobConflict where the condition does not hold."""

    def upload(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a blob of any size, block by block; it appears whole when all are there, or not at all.

        Of several writers of one blob at once, each that ends leaves its own blob, whole, or raises BlobConflict.
        """

    def append(self, name: str, data: bytes, *, at: int) -> None:
        """Append to a log that is ``at`` bytes long, making it at 0. Raises BlobConflict where it is not."""

    def delete(self, name: str) -> None:
        """Take a blob away; one that is not there is no error."""

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        """The blobs under ``container/path-prefix``, by name."""
