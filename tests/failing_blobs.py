"""Blobs of an account that may be down, which note what is read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.memory_blobs import MemoryBlobs
from shared.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.store.blobs import Blob, BlobInfo


class FailingBlobs(MemoryBlobs):
    """Reading and listing fail while ``down`` is set; ``reads`` are the names that were asked for, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.reads: list[str] = []

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        self.reads.append(name)
        self._fail(name)
        return super().read(name, unless=unless)

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        self._fail(prefix)
        return super().list(prefix)

    def _fail(self, name: str) -> None:
        if self.down:
            msg = f"storage did not answer for {name!r}"
            raise StoreUnavailable(msg)
