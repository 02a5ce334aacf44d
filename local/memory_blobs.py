"""Blobs in a dictionary, for a replay and for unit tests. The contract suite holds it and Azurite to the same rules."""

from __future__ import annotations

import hashlib
import itertools
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.errors import BlobConflict, BlobMissing
from shared.store.blobs import Blob, BlobInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK_BYTES = 1024


@dataclass
class MemoryBlobs:
    """See ``shared.store.blobs.Blobs``. ``blobs`` maps names to contents."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    modified: dict[str, datetime] = field(default_factory=dict)
    _counter: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    """Held between looking and writing: a condition that holds still holds when the blob is written."""

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        data = self._get(name)
        etag = self.etags[name]
        return None if etag == unless else Blob(data, etag)

    def chunks(self, name: str) -> Iterator[bytes]:
        data = self._get(name)
        for start in range(0, len(data), CHUNK_BYTES):
            yield data[start : start + CHUNK_BYTES]

    def info(self, name: str) -> BlobInfo:
        size_bytes = len(self._get(name))
        return BlobInfo(name, self.etags[name], size_bytes, self.modified[name])

    def write(self, name: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        with self._lock:
            if if_absent and name in self.blobs:
                raise BlobConflict(name)
            if if_match is not None and self.etags.get(name) != if_match:
                raise BlobConflict(name)
            return self._put(name, data)

    def upload(self, name: str, chunks: Iterable[bytes]) -> None:
        data = b"".join(chunks)
        with self._lock:
            self._put(name, data)

    def append(self, name: str, data: bytes, *, at: int) -> None:
        with self._lock:
            before = self.blobs.get(name, b"")
            if len(before) != at:
                raise BlobConflict(name)
            self._put(name, before + data)

    def delete(self, name: str) -> None:
        with self._lock:
            for known in (self.blobs, self.etags, self.modified):
                known.pop(name, None)

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        with self._lock:
            found = [self.info(name) for name in sorted(self.blobs) if name.startswith(prefix)]
        yield from found

    def _get(self, name: str) -> bytes:
        if name not in self.blobs:
            msg = f"blob {name!r} does not exist"
            raise BlobMissing(msg)
        return self.blobs[name]

    def _put(self, name: str, data: bytes) -> str:
        self.blobs[name] = data
        digest = hashlib.sha256(data).hexdigest()[:8]
        self.etags[name] = f'"{next(self._counter)}-{digest}"'
        self.modified[name] = datetime.now(UTC)
        return self.etags[name]
