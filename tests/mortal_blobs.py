"""A store in front of which the process dies at a chosen write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shared.store.blobs import Blob, BlobInfo, Blobs


class Killed(BaseException):
    """The process is gone. No handler catches it, as none catches SIGKILL."""


def die() -> None:
    """End the process."""
    raise Killed


def fail() -> None:
    """Let the process live and the call fail."""
    msg = "storage did not answer"
    raise StoreUnavailable(msg)


class MortalBlobs:
    """Passes everything on to ``blobs``; at the ``at``-th write calls ``die`` instead, or ``after`` it."""

    def __init__(self, blobs: Blobs, die: Callable[[], None], *, at: int, after: bool = False) -> None:
        self.blobs, self.die, self.at, self.after = blobs, die, at, after
        self.writes = 0

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        return self.blobs.read(name, unless=unless)

    def chunks(self, name: str) -> Iterator[bytes]:
        return self.blobs.chunks(name)

    def info(self, name: str) -> BlobInfo:
        return self.blobs.info(name)

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        return self.blobs.list(prefix)

    def write(self, name: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        return str(self._step(lambda: self.blobs.write(name, data, if_absent=if_absent, if_match=if_match)))

    def upload(self, name: str, chunks: Iterable[bytes]) -> None:
        self._step(lambda: self.blobs.upload(name, chunks))

    def delete(self, name: str) -> None:
        self._step(lambda: self.blobs.delete(name))

    def append(self, name: str, data: bytes, *, at: int) -> None:
        self._step(lambda: self.blobs.append(name, data, at=at))

    def _step(self, write: Callable[[], Any]) -> Any:
        self.writes += 1
        number = self.writes  # what an upload is fed by may write itself
        if number == self.at and not self.after:
            self.die()
        result = write()
        if number == self.at and self.after:
            self.die()
        return result
