"""Streams of CSV into parts: their size, what is known of them, and how failures end them."""

from __future__ import annotations

import hashlib
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from local.memory_blobs import MemoryBlobs
from shared.csv_format import csv_rows, read_csv
from shared.errors import SourceError, SourceUnavailable, StoreUnavailable
from shared.export.parts import PartWriter
from shared.export.reading import Chunk
from shared.store.records import Part

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

FOLDER = "exports/log/20261123T020000Z/a1b2c3d4"
HEADER = b'"id","city"\r\n'
LONG = 10
"""Seconds that no test waits for where all is well."""


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


def writer(blobs: MemoryBlobs, part_bytes: int = 1024, **how: Any) -> PartWriter:
    return PartWriter(blobs, "log", "20261123T020000Z", "a1b2c3d4", ["id", "city"], part_bytes, **how)


class Stream:
    """Chunks of ten rows of 16 bytes each; it knows whether it was closed."""

    def __init__(self, count: int, first: int = 10_000, breaks: Exception | None = None) -> None:
        self.count, self.first, self.breaks = count, first, breaks
        self.ended = False

    def __call__(self) -> Generator[Chunk]:
        try:
            for number in range(self.count):
                start = self.first + 10 * number
                yield Chunk(10, csv_rows([(key, "Bilbao") for key in range(start, start + 10)]))
            if self.breaks is not None:
                raise self.breaks
        finally:
            self.ended = True


def keys_in(blobs: MemoryBlobs, parts: Iterable[Part]) -> list[int]:
    return [int(row[0] or 0) for part in parts for _, row in read_csv(blobs.chunks(part.name), part.name)[1]]


def test_what_comes_in_is_in_the_parts_in_its_order(blobs: MemoryBlobs) -> None:
    parts = writer(blobs).write_all([Stream(30)()])
    assert keys_in(blobs, parts) == list(range(10_000, 10_300))
    assert [part.name for part in parts] == [f"{FOLDER}/part-{number:05d}.csv" for number in range(len(parts))]
    assert sorted(blobs.blobs) == [part.name for part in parts]


def test_what_is_said_of_a_part_is_true(blobs: MemoryBlobs) -> None:
    parts = writer(blobs).write_all([Stream(30)()])
    assert len(parts) > 1
    for part in parts:
        data = blobs.blobs[part.name]
        assert part == Part(part.name, len(keys_in(blobs, [part])), len(data), hashlib.sha256(data).hexdigest())


def test_every_part_begins_with_the_header(blobs: MemoryBlobs) -> None:
    writer(blobs).write_all([Stream(30)(), Stream(30)()])
    assert all(data.startswith(HEADER) and data.count(HEADER) == 1 for data in blobs.blobs.values())


def test_a_part_is_full_when_it_has_the_bytes_that_were_asked_for(blobs: MemoryBlobs) -> None:
    sizes = [part.size_bytes for part in writer(blobs, 1024).write_all([Stream(30)()])]
    assert all(1024 <= size < 1024 + 160 for size in sizes[:-1])  # a chunk more at the most
    assert sizes[-1] > len(HEADER)


def test_rows_that_fill_a_part_to_the_byte_make_no_empty_one(blobs: MemoryBlobs) -> None:
    exactly = len(HEADER) + 320
    assert [part.rows for part in writer(blobs, exactly).write_all([Stream(4)()])] == [20, 20]
    assert [part.rows for part in writer(blobs, exactly + 1).write_all([Stream(4)()])] == [30, 10]


@pytest.mark.parametrize("part_bytes", [1, len(HEADER), len(HEADER) + 1])
def test_a_header_as_long_as_a_part_may_be_leaves_room_for_rows(blobs: MemoryBlobs, part_bytes: int) -> None:
    assert [part.rows for part in writer(blobs, part_bytes).write_all([Stream(4)()])] == [10, 10, 10, 10]


@pytest.mark.parametrize("streams", [1, 3])
def test_streams_that_give_nothing_make_no_part(blobs: MemoryBlobs, streams: int) -> None:
    assert writer(blobs).write_all([Stream(0)() for _ in range(streams)]) == []
    assert not blobs.blobs


def test_a_header_alone_is_a_part_without_rows(blobs: MemoryBlobs) -> None:
    made = writer(blobs)
    assert made.write_all([Stream(0)()]) == []
    name = f"{FOLDER}/part-00000.csv"
    assert made.write_header_alone() == Part(name, 0, len(HEADER), hashlib.sha256(HEADER).hexdigest())
    assert blobs.blobs == {name: HEADER}


def test_all_that_is_written_is_reported(blobs: MemoryBlobs) -> None:
    told: list[tuple[str, int, int]] = []
    parts = writer(blobs, progress=lambda *heard: told.append(heard)).write_all([Stream(30)(), Stream(5)()])
    assert {dataset for dataset, *_ in told} == {"log"}
    assert sum(rows for _, rows, _ in told) == sum(part.rows for part in parts) == 350
    assert sum(size for *_, size in told) == sum(map(len, blobs.blobs.values()))


# Several streams


def test_streams_are_written_at_once_each_into_parts_of_its_own(blobs: MemoryBlobs) -> None:
    all_are_there = threading.Barrier(3)

    def waiting(stream: Stream) -> Generator[Chunk]:
        all_are_there.wait(LONG)
        yield from stream()

    streams = [waiting(Stream(20, first)) for first in (10_000, 20_000, 30_000)]
    parts = writer(blobs).write_all(streams)
    assert keys_in(blobs, parts) == [key for first in (10_000, 20_000, 30_000) for key in range(first, first + 200)]
    assert len({part.name for part in parts}) == len(parts) == len(blobs.blobs)
    assert all(len({key // 10_000 for key in keys_in(blobs, [part])}) == 1 for part in parts)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_first_failure_ends_all_streams_and_is_the_one_that_is_raised(blobs: MemoryBlobs, place: int) -> None:
    failure = SourceError("no such column")
    ended: list[int] = []

    def endless(number: int) -> Generator[Chunk]:
        try:
            while True:
                yield Chunk(1, b'1,"Bilbao"\r\n')
        finally:
            ended.append(number)

    streams = [endless(0), endless(1)]
    streams.insert(place, Stream(3, breaks=failure)())
    with pytest.raises(SourceError) as raised:
        writer(blobs).write_all(streams)
    assert raised.value is failure
    assert sorted(ended) == [0, 1]


def test_a_stream_that_is_stopped_leaves_no_part_that_looks_whole(blobs: MemoryBlobs) -> None:
    """What it was writing is given up in the middle, as an upload that breaks off."""
    running = threading.Event()

    def endless() -> Generator[Chunk]:
        while True:
            yield Chunk(1, b'1,"Bilbao"\r\n')
            running.set()

    def failing() -> Generator[Chunk]:
        running.wait(LONG)
        message = "gone"
        raise SourceUnavailable(message)
        yield

    with pytest.raises(SourceUnavailable, match=r"^gone$"):
        writer(blobs, 10**12).write_all([endless(), failing()])
    assert not blobs.blobs


@pytest.mark.parametrize("breaks", [None, SourceUnavailable("gone")])
@pytest.mark.parametrize("count", [1, 3])
def test_streams_are_ended_whether_they_break_or_not(blobs: MemoryBlobs, breaks: Exception | None, count: int) -> None:
    streams = [Stream(20, breaks=breaks) for _ in range(count)]
    made = writer(blobs)
    if breaks is None:
        made.write_all([stream() for stream in streams])
    else:
        with pytest.raises(SourceUnavailable, match="gone"):
            made.write_all([stream() for stream in streams])
    assert all(stream.ended for stream in streams)


@pytest.mark.parametrize("count", [1, 2])
def test_a_store_that_fails_closes_the_streams(count: int) -> None:
    class Full(MemoryBlobs):
        def upload(self, name: str, chunks: Iterable[bytes]) -> None:
            next(iter(chunks))
            message = "the store broke off"
            raise StoreUnavailable(message)

    streams = [Stream(20) for _ in range(count)]
    with pytest.raises(StoreUnavailable, match="broke off"):
        writer(Full()).write_all([stream() for stream in streams])
    assert all(stream.ended for stream in streams)


@pytest.mark.parametrize("count", [1, 2])
def test_memory_does_not_grow_with_the_table(count: int) -> None:
    class Forgetful(MemoryBlobs):
        def upload(self, name: str, chunks: Iterable[bytes]) -> None:
            written.extend(map(len, chunks))

    def wide(chunks: int) -> Generator[Chunk]:
        for number in range(chunks):
            yield Chunk(100, csv_rows([(number, "x" * 200)] * 100))

    def peak(chunks: int) -> int:
        tracemalloc.start()
        writer(Forgetful(), 1_000_000).write_all([wide(chunks) for _ in range(count)])
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    written: list[int] = []
    peak(20)
    small = peak(20)
    written.clear()
    assert peak(400) < 1.5 * small + 50_000
    assert sum(written) > 8_000_000 * count
    assert small < 1_000_000
