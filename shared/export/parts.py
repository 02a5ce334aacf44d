"""Chunks of CSV into parts: blobs of about the same size, uploaded while the database is being read."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from shared.csv_format import csv_rows
from shared.errors import SourceUnavailable
from shared.store import names
from shared.store.records import Part

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from shared.export.reading import Chunk
    from shared.store.blobs import Blobs

logger = logging.getLogger(__name__)


Progress = Callable[[str, int, int], None]
"""Is told, from several threads, of so many more rows of a dataset, in so many more bytes."""


def quiet(_dataset: str, _rows: int, _size_bytes: int) -> None:
    """Progress that nobody looks at."""


@dataclass
class PartWriter:
    """Writes the parts of one attempt to export one dataset."""

    blobs: Blobs
    dataset: str
    slot: str
    attempt: str
    columns: Sequence[str]
    part_bytes: int
    progress: Progress = quiet
    _numbers: Iterator[int] = field(default_factory=count)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def write_all(self, streams: Sequence[Generator[Chunk]]) -> list[Part]:
        """Every stream into parts of its own, all at once; the first failure ends them all and is raised."""
        if len(streams) == 1:
            return self.write(streams[0])
        with ThreadPoolExecutor(len(streams), "export") as pool:
            running = [pool.submit(self.write, stream) for stream in streams]
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
            failures = [one.exception() for one in running if one in done and one.exception() is not None]
            if failures:
                self._stopped.set()
        for failure in failures:
            raise failure  # type: ignore[misc]  # None is not among them
        return [part for one in running for part in one.result()]

    def write(self, stream: Generator[Chunk]) -> list[Part]:
        """One part after the other until the stream is used up; none where it gives nothing."""
        parts = []
        with closing(stream):
            chunk = next(stream, None)
            while chunk is not None:
                part, chunk = self._write_part(chunk, stream)
                parts.append(part)
        return parts

    def write_header_alone(self) -> Part:
        """A part without rows."""
        return self._write_part(None, iter(()))[0]

    def _write_part(self, first: Chunk | None, stream: Iterator[Chunk]) -> tuple[Part, Chunk | None]:
        """The part, and the chunk that comes after it."""
        filling = _Filling(csv_rows([self.columns]), self.part_bytes, first)
        name = names.part(self.dataset, self.slot, self.attempt, next(self._numbers))
        self.blobs.upload(name, self._counted(filling.chunks(stream)))
        logger.info("export of %s: %s, %d rows, %d bytes", self.dataset, name, filling.rows, filling.size_bytes)
        return Part(name, filling.rows, filling.size_bytes, filling.digest.hexdigest()), filling.following

    def _counted(self, chunks: Iterator[tuple[bytes, int]]) -> Iterator[bytes]:
        for data, rows in chunks:
            if self._stopped.is_set():
                msg = f"dataset {self.dataset!r}: stopped, since reading another range failed"
                raise SourceUnavailable(msg)
            yield data
            self.progress(self.dataset, rows, len(data))


@dataclass
class _Filling:
    """A part that is being written."""

    header: bytes
    part_bytes: int
    following: Chunk | None
    rows: int = 0
    size_bytes: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def chunks(self, stream: Iterator[Chunk]) -> Iterator[tuple[bytes, int]]:
        """Bytes with the rows in them, until the part is full; ``following`` is then what comes after it.

        A part holds rows even where its header alone is as long as a part may be.
        """
        yield self._added(self.header, 0)
        while self.following is not None and (self.size_bytes < self.part_bytes or not self.rows):
            yield self._added(self.following.data, self.following.rows)
            self.following = next(stream, None)

    def _added(self, data: bytes, rows: int) -> tuple[bytes, int]:
        self.rows += rows
        self.size_bytes += len(data)
        self.digest.update(data)
        return data, rows
