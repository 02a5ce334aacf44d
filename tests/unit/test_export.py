"""One dataset out of a database and into blobs: parts first, one manifest last."""

from __future__ import annotations

import hashlib
import tracemalloc
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest
from azure.functions.timer import TimerRequest

from export_timer import EARLY, scheduled
from shared.catalog.spec import Column, Dataset
from shared.csv_format import read_csv
from shared.errors import SourceError, SourceUnavailable, StoreUnavailable
from shared.export.run import Exported, export_all, export_dataset
from shared.export.source import Rows
from shared.store.records import Manifest, from_json
from tests.memory_blobs import MemoryBlobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SLOT = "20261123T020000Z"
MOMENT = datetime(2026, 11, 23, 2, tzinfo=UTC)
ORDERS = Dataset(
    name="orders",
    table="orders",
    columns={
        "id": Column("integer", role="key"),
        "note": Column("text", role="unused", reason="free text"),
        "city": Column("category"),
    },
)


@dataclass
class FakeSource:
    """Gives batches of rows, and breaks after the last one where it is told to."""

    batches: Iterable[list[Sequence[Any]]]
    breaks: Exception | None = None
    opened: list[str] = field(default_factory=list)
    closed: int = 0

    @contextmanager
    def open(self, dataset: Dataset) -> Iterator[Rows]:
        self.opened.append(dataset.name)
        try:
            yield Rows(list(dataset.used_columns()), [int, str], self._batches())
        finally:
            self.closed += 1

    def _batches(self) -> Iterator[list[Sequence[Any]]]:
        yield from self.batches
        if self.breaks is not None:
            raise self.breaks


def batches(count: int, rows: int = 10) -> list[list[Sequence[Any]]]:
    """Rows of 16 bytes each."""
    numbers = iter(range(10_000, 10_000 + count * rows))
    return [[(next(numbers), "Bilbao") for _ in range(rows)] for _ in range(count)]


def export(source: FakeSource, blobs: MemoryBlobs, part_bytes: int = 1024) -> Exported:
    return export_dataset(ORDERS, source, blobs, SLOT, part_bytes)


def manifest_in(blobs: MemoryBlobs, dataset: str = "orders") -> Manifest:
    name = f"drops/{dataset}/{SLOT}.json"
    return from_json(blobs.blobs[name], Manifest, name)


def rows_in(blobs: MemoryBlobs, manifest: Manifest) -> list[list[str | None]]:
    return [row for part in manifest.parts for _, row in read_csv(blobs.chunks(part.name), part.name)[1]]


def parts_in(blobs: MemoryBlobs) -> list[str]:
    return [name for name in blobs.blobs if name.startswith("exports/")]


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


def test_what_was_in_the_table_is_in_the_parts(blobs: MemoryBlobs) -> None:
    done = export(FakeSource(batches(12)), blobs)
    assert done == Exported("orders", SLOT, manifest_in(blobs))
    assert rows_in(blobs, manifest_in(blobs)) == [[str(number), "Bilbao"] for number in range(10_000, 10_120)]


def test_the_manifest_tells_the_truth_about_its_parts(blobs: MemoryBlobs) -> None:
    export(FakeSource(batches(30)), blobs)
    manifest = manifest_in(blobs)
    assert len(manifest.parts) > 1
    for part in manifest.parts:
        data = blobs.blobs[part.name]
        assert part.size_bytes == len(data)
        assert part.sha256 == hashlib.sha256(data).hexdigest()
        assert part.rows == len(list(read_csv([data], part.name)[1]))
    assert manifest.rows == sum(part.rows for part in manifest.parts) == 300
    assert (manifest.dataset, manifest.slot) == ("orders", SLOT)
    assert manifest.columns == {"id": "integer", "city": "category"}


def test_every_part_begins_with_the_header(blobs: MemoryBlobs) -> None:
    export(FakeSource(batches(30)), blobs)
    assert {blobs.blobs[name].split(b"\r\n")[0] for name in parts_in(blobs)} == {b'"id","city"'}


def test_a_part_is_full_when_it_has_the_bytes_that_were_asked_for(blobs: MemoryBlobs) -> None:
    export(FakeSource(batches(30)), blobs, part_bytes=1024)
    sizes = [part.size_bytes for part in manifest_in(blobs).parts]
    assert all(1024 <= size < 1024 + 10 * 16 for size in sizes[:-1])  # a batch more at the most
    assert sizes[-1] > len(b'"id","city"\r\n')


def test_a_small_table_is_one_part(blobs: MemoryBlobs) -> None:
    export(FakeSource(batches(3)), blobs, part_bytes=1024 * 1024)
    assert len(manifest_in(blobs).parts) == 1


def test_rows_that_fill_the_last_part_make_no_empty_one(blobs: MemoryBlobs) -> None:
    export(FakeSource(batches(4)), blobs, part_bytes=1)
    assert [part.rows for part in manifest_in(blobs).parts] == [10, 10, 10, 10]


@pytest.mark.parametrize("empty", [[], [[]]])
def test_an_empty_table_is_one_part_with_the_header_alone(blobs: MemoryBlobs, empty: list[Any]) -> None:
    export(FakeSource(empty), blobs)
    (part,) = manifest_in(blobs).parts
    assert blobs.blobs[part.name] == b'"id","city"\r\n'
    assert (part.rows, manifest_in(blobs).rows) == (0, 0)


def test_the_manifest_comes_when_all_parts_are_there(blobs: MemoryBlobs) -> None:
    export(FakeSource(batches(30)), blobs)
    assert list(blobs.blobs)[-1] == f"drops/orders/{SLOT}.json"
    assert len(blobs.blobs) == len(manifest_in(blobs).parts) + 1


def test_the_same_slot_is_exported_once(blobs: MemoryBlobs) -> None:
    source = FakeSource(batches(3))
    export(source, blobs)
    before = dict(blobs.etags)
    assert export(source, blobs) == Exported("orders", SLOT, None)
    assert source.opened == ["orders"]
    assert blobs.etags == before


def test_a_slot_that_only_begins_alike_is_another(blobs: MemoryBlobs) -> None:
    blobs.write(f"drops/orders/{SLOT}.json.bak", b"")
    blobs.write(f"drops/orders/{SLOT}.csv", b"")
    assert export(FakeSource(batches(1)), blobs).manifest is not None


def test_two_exports_of_a_slot_at_once_make_one_manifest_whose_parts_are_whole(blobs: MemoryBlobs) -> None:
    both_are_reading = Barrier(2)
    done: list[Exported] = []

    def run(city: str) -> None:
        def slow() -> Iterator[list[Sequence[Any]]]:
            for batch in range(20):
                if batch == 1:
                    both_are_reading.wait(10)
                yield [(batch, city)] * 10

        done.append(export(FakeSource(slow()), blobs, part_bytes=64))

    threads = [Thread(target=run, args=(city,)) for city in ("Bilbao", "Vigo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.manifest is not None for one in done) == 1
    manifest = manifest_in(blobs)
    assert all(hashlib.sha256(blobs.blobs[part.name]).hexdigest() == part.sha256 for part in manifest.parts)
    cities = [row[1] for row in rows_in(blobs, manifest)]
    assert len(cities) == 200
    assert len(set(cities)) == 1


@pytest.mark.parametrize("after", [0, 1, 25])
def test_a_failure_on_the_way_announces_nothing_and_the_next_run_is_clean(blobs: MemoryBlobs, after: int) -> None:
    source = FakeSource(batches(after), breaks=SourceUnavailable("broke off"))
    with pytest.raises(SourceUnavailable):
        export(source, blobs)
    assert source.closed == 1
    assert not [name for name in blobs.blobs if name.startswith("drops/")]
    export(FakeSource(batches(30)), blobs)
    assert len(rows_in(blobs, manifest_in(blobs))) == 300


def test_a_store_that_fails_closes_the_database(blobs: MemoryBlobs) -> None:
    class Full(MemoryBlobs):
        def upload(self, name: str, chunks: Iterable[bytes]) -> None:
            next(iter(chunks))
            message = "the store broke off"
            raise StoreUnavailable(message)

    source = FakeSource(batches(30))
    full = Full()
    with pytest.raises(StoreUnavailable):
        export(source, full)
    assert source.closed == 1
    assert not full.blobs


def test_memory_does_not_grow_with_the_table(blobs: MemoryBlobs) -> None:
    class Forgetful(MemoryBlobs):
        def upload(self, name: str, chunks: Iterable[bytes]) -> None:
            written.extend(map(len, chunks))

    def peak(count: int) -> int:
        endless = ([(number, "x" * 100)] * 1000 for number in range(count))
        tracemalloc.start()
        export(FakeSource(endless), Forgetful(), part_bytes=1_000_000)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    written: list[int] = []
    small = peak(20)
    written.clear()
    assert peak(200) < 1.5 * small
    assert sum(written) > 20_000_000
    assert small < 2_000_000


# All datasets


def datasets(*names: str) -> list[Dataset]:
    return [Dataset(name=name, table=name, columns=ORDERS.columns) for name in names]


class PartlyBroken(FakeSource):
    """Fails for some datasets."""

    def __init__(self, **failures: Exception) -> None:
        super().__init__(batches(1))
        self._failures = failures

    @contextmanager
    def open(self, dataset: Dataset) -> Iterator[Rows]:
        if dataset.name in self._failures:
            raise self._failures[dataset.name]
        with super().open(dataset) as rows:
            yield rows


def test_all_datasets_are_exported_for_the_slot_of_the_moment(blobs: MemoryBlobs) -> None:
    moment = datetime(2026, 11, 23, 3, tzinfo=timezone(timedelta(hours=1)))
    done = export_all(datasets("one", "two"), FakeSource(batches(1)), blobs, moment, 1024)
    assert [(one.dataset, one.slot) for one in done] == [("one", SLOT), ("two", SLOT)]
    assert [name for name in blobs.blobs if name.startswith("drops/")] == [
        f"drops/one/{SLOT}.json",
        f"drops/two/{SLOT}.json",
    ]


def test_one_that_fails_does_not_stop_the_others_and_the_run_counts_as_failed(blobs: MemoryBlobs) -> None:
    first, second = SourceError("no such table"), SourceUnavailable("gone")
    source = PartlyBroken(one=first, three=second)
    with pytest.raises(SourceError) as raised:
        export_all(datasets("one", "two", "three", "four"), source, blobs, MOMENT, 1024)
    assert raised.value is first
    assert source.opened == ["two", "four"]
    assert manifest_in(blobs, "two").rows == manifest_in(blobs, "four").rows == 10


def test_after_a_failure_the_same_slot_does_only_what_is_left(blobs: MemoryBlobs) -> None:
    with pytest.raises(SourceUnavailable):
        export_all(datasets("one", "two"), PartlyBroken(one=SourceUnavailable("gone")), blobs, MOMENT, 1024)
    source = FakeSource(batches(1))
    done = export_all(datasets("one", "two"), source, blobs, MOMENT, 1024)
    assert source.opened == ["one"]
    assert [one.manifest is None for one in done] == [False, True]


# The slot of a timer


NOW = datetime(2026, 11, 23, 2, 0, 3, tzinfo=UTC)


def timer(following: str | None, *, past_due: bool = False) -> TimerRequest:
    """What the worker makes of the host's message, ``following`` being its ``Next``."""
    if following is None:
        return TimerRequest(past_due=past_due)
    status = {"Last": "2026-11-22T02:00:00.0005+00:00", "Next": following, "LastUpdated": "2026-11-22T02:00:00+00:00"}
    return TimerRequest(past_due=past_due, schedule_status=status)


@pytest.mark.parametrize(
    "following",
    [
        "2026-11-23T02:00:00+00:00",
        "2026-11-23T02:00:00Z",
        "2026-11-23T02:00:00.0000000Z",
        "2026-11-23T03:00:00+01:00",
        "2026-11-23T02:00:00",
    ],
)
def test_the_slot_is_the_occurrence_that_fired_however_it_is_written(following: str) -> None:
    assert scheduled(timer(following), NOW) == MOMENT


@pytest.mark.parametrize("late", [timedelta(minutes=4), timedelta(hours=9), timedelta(days=3)])
def test_a_timer_that_is_past_due_exports_the_slot_that_it_missed(late: timedelta) -> None:
    assert scheduled(timer("2026-11-23T02:00:00+00:00", past_due=True), MOMENT + late) == MOMENT


def test_a_timer_may_fire_a_moment_early() -> None:
    assert scheduled(timer("2026-11-23T02:00:00+00:00"), MOMENT - EARLY) == MOMENT
    assert scheduled(timer("2026-11-23T02:00:00+00:00"), MOMENT - timedelta(milliseconds=1)) == MOMENT


@pytest.mark.parametrize("following", ["2026-11-24T02:00:00+00:00", "2026-11-24T02:00:00", "2026-11-23T02:00:09+00:00"])
def test_a_start_by_hand_has_a_slot_of_its_own(following: str) -> None:
    assert scheduled(timer(following), NOW) == NOW


@pytest.mark.parametrize(
    "following", [None, "0001-01-01T00:00:00", "0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00Z"]
)
def test_a_timer_that_never_fired_has_the_slot_of_now(following: str | None) -> None:
    assert scheduled(timer(following), NOW) == NOW


def test_a_status_without_a_next_has_the_slot_of_now() -> None:
    assert scheduled(TimerRequest(schedule_status={"Last": "2026-11-22T02:00:00+00:00"}), NOW) == NOW
    assert scheduled(TimerRequest(schedule_status={}), NOW) == NOW
