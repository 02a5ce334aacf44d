"""What becomes of an export: failures, two runs at once, and what is said of it afterwards."""

from __future__ import annotations

import logging
from datetime import UTC
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from local.memory_blobs import MemoryBlobs
from shared.errors import SourceUnavailable, StoreUnavailable
from shared.export.ledger import Ledger
from shared.export.ranges import LEAST_WIDTH
from shared.export.run import utc_now
from shared.store.records import CursorValue, ExportRecord, from_json
from tests.fake_source import LATE, LOG, SLOT, WHOLE, Nights, first_three, manifest_in, row, rows_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.export.bands import Band


@pytest.fixture
def nights() -> Nights:
    return first_three()


def record_in(blobs: MemoryBlobs, slot: str = SLOT, dataset: str = "log") -> ExportRecord:
    name = f"exports/{dataset}/{slot}/export.json"
    return from_json(blobs.blobs[name], ExportRecord, name)


# Reading in several processes


def test_what_neither_was_read_nor_comes_again_is_shared_out_by_key() -> None:
    """A part for each range, and one for all the rest, which this process reads; the next night goes on from there."""
    nights = Nights(LATE, export_ranges=3)
    nights.write(row(None, 1), row(7, None), *[row(key * LEAST_WIDTH, key) for key in range(1, 9)])
    nights.export()
    rows = rows_in(nights.blobs, nights.slot)
    assert len(rows) == 10
    assert sorted(int(key) for key, *_ in rows if key) == [7, *(key * LEAST_WIDTH for key in range(1, 9))]
    assert [band.divisible for band in nights.source.apart] == [True, True, True]
    assert len(manifest_in(nights.blobs).parts) == 4
    assert nights.outcome() == ("nothing new", [])
    assert nights.source.reading == 0


def test_a_range_that_fails_fails_the_export_and_the_next_one_is_whole() -> None:
    nights = Nights(WHOLE, export_ranges=3)
    nights.write(*[row(key * LEAST_WIDTH) for key in range(1, 9)])
    failure = SourceUnavailable("gone")

    def fail_apart(band: Band) -> None:
        if band.bounds and band.bounds[0].operator == ">=":
            raise failure

    nights.source.before_read = fail_apart
    with pytest.raises(SourceUnavailable) as raised:
        nights.export()
    assert raised.value is failure
    assert not [name for name in nights.blobs.blobs if name.startswith("drops/")]
    assert nights.source.reading == 0
    nights.source.before_read = lambda _band: None
    assert nights.export().rows == 8


# Failures


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_failure_on_the_way_announces_nothing_and_the_next_run_reads_the_same(nights: Nights, after: int) -> None:
    nights.write(*[row(key, 7) for key in range(10, 40)])
    bands: list[Band] = []

    def fail(band: Band) -> None:
        bands.append(band)
        if len(bands) > after:
            message = "broke off"
            raise SourceUnavailable(message)

    nights.source.before_read = fail
    with pytest.raises(SourceUnavailable):
        nights.export()
    assert nights.source.closed == ["log"]
    assert not [name for name in nights.blobs.blobs if name.startswith("drops/")]
    assert Ledger(nights.blobs, "log").peek().slot is None
    nights.source.before_read = lambda _band: None
    assert nights.export().rows == 33


def test_a_store_that_fails_closes_the_database(nights: Nights) -> None:
    class Full(MemoryBlobs):
        def upload(self, name: str, chunks: Iterable[bytes]) -> None:
            next(iter(chunks))
            message = "the store broke off"
            raise StoreUnavailable(message)

    nights.blobs = Full()
    with pytest.raises(StoreUnavailable):
        nights.export()
    assert (nights.source.closed, nights.source.reading) == (["log"], 0)
    assert list(nights.blobs.blobs) == [f"exports/log/{nights.slot}/export.json"]


# Two runs


def test_a_slot_is_exported_once(nights: Nights) -> None:
    nights.export()
    before = {**nights.blobs.etags}
    nights.write(row(4, 12))
    assert nights.exporter.export(LOG, SLOT).outcome == "done before"
    assert nights.source.opened == ["log"]
    assert nights.blobs.etags == before


def test_names_that_only_begin_like_the_slots_are_others(nights: Nights) -> None:
    for name in (f"drops/log/{SLOT}.json.bak", f"drops/log/{SLOT}.csv", f"drops/log-2/{SLOT}.json"):
        nights.blobs.write(name, b"")
    assert nights.export().outcome == "exported"


@pytest.mark.parametrize(
    ("slot", "outcome", "reason"),
    [(SLOT, "done before", ""), ("20261123T020500Z", "overtaken", "another run exported these rows")],
    ids=["of one slot", "of two slots"],
)
def test_an_export_that_is_overtaken_announces_nothing(nights: Nights, slot: str, outcome: str, reason: str) -> None:
    """The other one begins and ends while this one reads; the rows that only this one saw come the next time."""
    other = Nights()
    other.blobs, other.source.tables = nights.blobs, nights.source.tables

    def overtake(_band: Band) -> None:
        nights.source.before_read = lambda _band: None
        assert other.exporter.export(LOG, slot).outcome == "exported"
        nights.write(row(4, 9))

    nights.source.before_read = overtake
    done = nights.export()
    assert (done.outcome, done.reason) == (outcome, reason)
    assert nights.blobs.blobs[f"exports/log/{slot}/export.json"].count(b'"exported"') == 1
    assert [info.name for info in nights.blobs.list("drops/")] == [f"drops/log/{slot}.json"]
    assert len(rows_in(nights.blobs, slot)) == 3
    assert nights.outcome() == ("exported", [4])


# What is said of it


def test_the_record_says_what_was_exported(nights: Nights) -> None:
    done = nights.export()
    assert done == record_in(nights.blobs)
    size = sum(part.size_bytes for part in manifest_in(nights.blobs).parts)
    nine = CursorValue("integer", "9")
    assert msgspec.structs.replace(done, seconds=0) == ExportRecord(
        "log",
        SLOT,
        "exported",
        "everything, for the first time",
        3,
        size,
        1,
        0,
        True,
        None,
        nine,
        (),
        "20261123T020001Z",
    )
    assert 0 <= done.seconds < 60
    nights.write(row(4, 12))
    nights.export()
    later = record_in(nights.blobs, nights.slot)
    assert (later.whole, later.rows, later.reason) == (False, 1, "")
    assert (later.above, later.up_to) == (nine, CursorValue("integer", "12"))
    nights.export()
    nothing = record_in(nights.blobs, nights.slot)
    assert (nothing.outcome, nothing.rows, nothing.parts, nothing.size_bytes) == ("nothing new", 0, 0, 0)


def test_a_failure_is_recorded_with_its_reason(nights: Nights) -> None:
    nights.source.failures["log"] = SourceUnavailable("the database is away")
    with pytest.raises(SourceUnavailable):
        nights.export()
    record = record_in(nights.blobs)
    assert (record.outcome, record.reason, record.rows) == ("failed", "the database is away", 0)
    nights.source.failures.clear()
    assert nights.exporter.export(LOG, SLOT).outcome == record_in(nights.blobs).outcome == "exported"


def test_a_record_that_cannot_be_kept_takes_nothing_back(nights: Nights, caplog: pytest.LogCaptureFixture) -> None:
    class Forgetful(MemoryBlobs):
        def write(self, name: str, data: bytes, **conditions: Any) -> str:
            if name.endswith("export.json"):
                message = "full"
                raise StoreUnavailable(message)
            return super().write(name, data, **conditions)

    nights.blobs = Forgetful()
    assert nights.outcome() == ("exported", [1, 2, 3])
    assert f"export of log: the record of slot {SLOT} is not kept: full" in caplog.text


def test_the_log_has_rows_bytes_seconds_speed_and_watermarks(nights: Nights, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "shared.export.run")
    nights.export()
    nights.write(row(4, 12))
    done = nights.export()
    first, second = [record.getMessage() for record in caplog.records if record.name == "shared.export.run"]
    assert "exported, 3 rows in 1 parts" in first
    assert f"watermark - to 9, slot {SLOT} (everything, for the first time)" in first
    speed = f"{done.seconds:.1f} s, {done.rows_per_second:.0f} rows/s"
    assert second == (
        f"export of log: exported, 1 rows in 1 parts, {done.size_bytes} bytes, {speed}, watermark 9 to 12, "
        f"slot {nights.slot}"
    )


def test_notes_are_in_the_record_and_in_the_log(nights: Nights, caplog: pytest.LogCaptureFixture) -> None:
    nights.source.notes = ("column 'x' is in the database and not in the catalog: it is not exported",)
    assert nights.export().notes == record_in(nights.blobs).notes == nights.source.notes
    assert f"export of log: {nights.source.notes[0]}" in caplog.text


def test_the_clock_is_in_utc() -> None:
    assert utc_now().tzinfo is UTC
