"""A store whose calls fail at random: before they took effect, or after, like a time-out whose write arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from random import Random

    from shared.store.blobs import Blob, BlobInfo, Blobs


class FlakyBlobs:
    """Passes everything on to ``blobs``, but each call fails with ``probability``, at a moment that chance picks."""

    def __init__(self, blobs: Blobs, probability: float, random: Random) -> None:
        self.blobs, self.probability, self.random = blobs, probability, random
        self.faults = 0

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        return self._call(lambda: self.blobs.read(name, unless=unless), name)

    def chunks(self, name: str) -> Iterator[bytes]:
        return self._broken_off(lambda: self.blobs.chunks(name), name)

    def info(self, name: str) -> BlobInfo:
        return self._call(lambda: self.blobs.info(name), name)

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        return self._broken_off(lambda: self.blobs.list(prefix), prefix)

    def write(self, name: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        def act() -> str:
            return self.blobs.write(name, data, if_absent=if_absent, if_match=if_match)

        if self._chance() and self.random.random() < 0.3:
            act()  # its answer is lost, and the client tries again: a condition has then ceased to hold
        return self._call(act, name)

    def upload(self, name: str, chunks: Iterable[bytes]) -> None:
        if self._chance() and self.random.random() < 0.3:
            next(iter(chunks), None)  # some of it was on its way
            self._fail(name)
        self._call(lambda: self.blobs.upload(name, chunks), name)

    def delete(self, name: str) -> None:
        self._call(lambda: self.blobs.delete(name), name)

    def append(self, name: str, data: bytes, *, at: int) -> None:
        self._call(lambda: self.blobs.append(name, data, at=at), name)

    def _call[T](self, act: Callable[[], T], name: str) -> T:
        fails = self._chance()
        if fails and self.random.random() < 0.5:
            self._fail(name)
        result = act()
        if fails:
            self._fail(name)
        return result

    def _broken_off[T](self, act: Callable[[], Iterator[T]], name: str) -> Iterator[T]:
        """The whole stream, or the beginning of it: nothing, some, or all but the end."""
        length = self.random.randrange(4) if self._chance() else None
        for number, item in enumerate(act()):
            if number == length:
                break
            yield item
        if length is not None:
            self._fail(name)

    def _chance(self) -> bool:
        return self.random.random() < self.probability

    def _fail(self, name: str) -> None:
        self.faults += 1
        msg = f"the store broke off at {name!r}"
        raise StoreUnavailable(msg)
