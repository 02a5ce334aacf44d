"""The prediction log over a store that is slow, dead or odd: what was answered stands in it, or in what it lacks."""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from local.waiting import wait_until
from shared.errors import BlobConflict, StoreUnavailable
from shared.scoring.log import day_blobs, prediction_log
from shared.scoring.log.day_blobs import DayBlobs
from shared.store import names
from shared.store.predictions import Loss, Prediction, read_line
from tests.flaky_blobs import FlakyBlobs
from tests.logged import DAY, NOON, Store, answered, hurry, log_over, logging_into, lost, predictions, written
from tests.tiny_versions import MODEL


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def test_no_offer_waits_for_a_store_that_hangs_and_what_does_not_fit_is_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(prediction_log, "MOST_ROWS", 500)
    store = Store()
    with logging_into(store) as log:
        store.open.clear()
        log.offer(answered())
        wait_until(lambda: len(store.appended) == 1)
        slowest = 0.0
        for _ in range(2_000):
            began = time.perf_counter()
            log.offer(answered())
            slowest = max(slowest, time.perf_counter() - began)
        assert slowest < 0.5
        assert log.state()["rows_waiting"] == 500
        assert log.state()["rows_lost"] == 1_500
        with caplog.at_level(logging.WARNING):
            store.open.set()
            wait_until(lambda: lost(store) == 1_500)
    assert len(predictions(store)) == 501
    assert [line.role for line in written(store) if isinstance(line, Loss)] == ["served"]
    assert "1500 rows (served) are missing in the prediction log" in caplog.text


def test_room_is_kept_for_rows_that_are_not_certain_to_be_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "MOST_ROWS", 10)
    store = Store()
    with logging_into(store) as log:
        held = [log.hold(answered(6)), log.hold(answered(6))]
        assert log.state()["rows_waiting"] == 6
        assert store.blobs == {}
        assert log.state()["rows_lost"] == 0
        for each in held:
            each()
            each() if each is held[0] else None
        wait_until(lambda: len(predictions(store)) == 6 and lost(store) == 6)


def test_room_that_was_kept_in_vain_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "MOST_ROWS", 10)
    store = Store()
    with logging_into(store) as log:
        for _ in range(5):
            held = log.hold(answered(6))
            del held
        log.offer(answered(6))
    assert len(predictions(store)) == 6
    assert lost(store) == 0
    assert log.state()["rows_lost"] == 0


def test_rows_without_room_are_not_kept_until_their_answer_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "MOST_ROWS", 3)
    store = Store()
    with logging_into(store) as log:
        room = log.hold(answered(3))
        rows = answered(2)
        kept = weakref.ref(rows.outputs)
        lose = log.hold(rows)
        del rows
        gc.collect()
        assert kept() is None
        lose()
        room()
    assert (len(predictions(store)), lost(store)) == (3, 2)


def test_one_batch_larger_than_the_queue_is_taken_while_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "MOST_ROWS", 10)
    store = Store()
    with logging_into(store) as log:
        log.offer(answered(50))
        wait_until(lambda: len(predictions(store)) == 50)
    assert lost(store) == 0


def test_a_store_that_is_dead_for_long_costs_bounded_memory_and_the_rows_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Store()
    store.down = True
    with caplog.at_level(logging.WARNING), logging_into(store, most_bytes=65_536) as log:
        for _ in range(100):
            log.offer(answered(10))
            time.sleep(0.001)
        wait_until(lambda: log.state()["rows_waiting"] == 0 and bool(log.state()["trouble"]))
        assert log._blocks.bytes <= 65_536
        told = [record for record in caplog.records if "cannot be written, and waits" in record.getMessage()]
        assert len(told) == 1
        store.down = False
        wait_until(lambda: log.state()["trouble"] == "" and not log._blocks)
        log.offer(answered(10))
    assert 0 < lost(store) < 1_000
    assert len(predictions(store)) + lost(store) == 1_010
    rows_by_place = Counter(line.row for line in predictions(store))
    assert max(rows_by_place.values()) <= 101


@pytest.mark.parametrize("seed", range(12))
def test_with_a_store_whose_calls_fail_before_or_after_they_took_effect_each_row_stands_once(seed: int) -> None:
    store = Store()
    flaky = FlakyBlobs(store, 0.4, Random(seed))  # noqa: S311 - faults, not secrets
    log = log_over(flaky)
    for number in range(60):
        log.offer(answered(at=NOON + number))
        time.sleep(0.002)
    wait_until(lambda: not log._blocks and not log._queue, seconds=20)
    log.close()
    assert flaky.faults
    assert sorted(line.at for line in predictions(store)) == [
        f"2026-11-25T12:{number // 60:02}:{number % 60:02}.123Z" for number in range(60)
    ]
    assert lost(store) == 0


def test_every_append_is_of_whole_lines_so_that_a_kill_cuts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "BLOCK_BYTES", 3_000)
    store = Store()
    with logging_into(store) as log:
        for _ in range(20):
            log.offer(answered(17))
    assert len(store.appended) > 20
    for block in store.appended:
        assert block.endswith(b"\n")
        assert all(isinstance(read_line(line, "block"), Prediction) for line in block.splitlines())


def test_a_blob_that_is_full_gives_way_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_blobs, "MOST_BLOCKS", 3)
    store = Store()
    days = DayBlobs(store, datetime(2026, 11, 25, tzinfo=UTC))
    for number in range(8):
        days.append(MODEL, DAY, b"%d\n" % number)
    assert [store.blobs[names.predictions(MODEL, DAY, days.writer, part)] for part in range(3)] == [
        b"0\n1\n2\n", b"3\n4\n5\n", b"6\n7\n",
    ]  # fmt: skip


def test_a_blob_that_is_not_as_it_was_left_is_left_alone() -> None:
    store = Store()
    days = DayBlobs(store, datetime(2026, 11, 25, tzinfo=UTC))
    days.append(MODEL, DAY, b"0\n")
    first = names.predictions(MODEL, DAY, days.writer, 0)
    store.blobs[first] += b"by somebody else\n"
    days.append(MODEL, DAY, b"1\n")
    del store.blobs[names.predictions(MODEL, DAY, days.writer, 1)]
    days.append(MODEL, DAY, b"2\n")
    assert store.blobs[first] == b"0\nby somebody else\n"
    assert store.blobs[names.predictions(MODEL, DAY, days.writer, 2)] == b"2\n"


def test_a_block_is_not_lost_where_storage_cannot_say_whether_it_arrived() -> None:
    class Mute(Store):
        def info(self, name: str) -> Any:
            raise StoreUnavailable(name)

        def append(self, name: str, data: bytes, *, at: int) -> None:
            super().append(name, data, at=at)
            raise StoreUnavailable(name)

    store = Mute()
    days = DayBlobs(store, datetime(2026, 11, 25, tzinfo=UTC))
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            days.append(MODEL, DAY, b"0\n")
    Mute.info, Mute.append = Store.info, Store.append  # type: ignore[method-assign]
    days.append(MODEL, DAY, b"0\n")
    days.append(MODEL, DAY, b"1\n")
    assert [*store.blobs.values()] == [b"0\n1\n"]


def test_two_processes_never_write_to_one_blob() -> None:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    assert len({DayBlobs(Store(), now).writer for _ in range(100)}) == 100


def test_rows_that_cannot_be_written_down_hold_up_no_others(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    with logging_into(store) as log:
        log.offer(answered(age=object()))
        log.offer(answered())
        wait_until(lambda: len(predictions(store)) == 1)
    assert "rows cannot be logged" in caplog.text


def test_a_block_that_no_store_takes_holds_up_no_others(caplog: pytest.LogCaptureFixture) -> None:
    class Picky(Store):
        def append(self, name: str, data: bytes, *, at: int) -> None:
            if b'"age":99' in data:
                message = "an error of the client library"
                raise ValueError(message)
            super().append(name, data, at=at)

    store = Picky()
    with logging_into(store) as log:
        log.offer(answered(age=99))
        wait_until(lambda: "cannot be written" in caplog.text)
        log.offer(answered())
        wait_until(lambda: len(predictions(store)) == 1 and lost(store) == 1)


def test_a_mistake_does_not_silence_the_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    with logging_into(store) as log:
        with monkeypatch.context() as patched:
            patched.setattr(log, "_flush", lambda: 1 / 0)
            log.offer(answered())
            wait_until(lambda: "made a mistake" in caplog.text)
        wait_until(lambda: len(predictions(store)) == 1)


def test_a_process_that_cannot_start_a_thread_tries_again_with_the_next_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    store = Store()
    with logging_into(store) as log:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            log.offer(answered())
        log.offer(answered())
    assert len(predictions(store)) == 2


def test_a_conflict_of_a_store_that_is_no_store_of_ours_is_waited_out() -> None:
    class Refusing(Store):
        def append(self, name: str, data: bytes, *, at: int) -> None:
            raise BlobConflict(name)

    store = Refusing()
    with logging_into(store) as log:
        log.offer(answered())
        wait_until(lambda: bool(log.state()["trouble"]))
        log.offer(answered())
    assert store.blobs == {}
