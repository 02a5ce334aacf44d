"""The prediction log: what was answered stands in it, or in the count of what it lacks, whatever storage does."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from msgspec import UNSET

from local.memory_blobs import MemoryBlobs
from local.waiting import wait_until
from shared.errors import BlobConflict, StoreUnavailable
from shared.scoring.log import day_blobs, prediction_log
from shared.scoring.log.day_blobs import DayBlobs
from shared.scoring.log.lines import Answered, LineMaker, Shown
from shared.scoring.log.prediction_log import PredictionLog
from shared.scoring.rows import Rows
from shared.scoring.serving.session import LoadedVersion
from shared.store import names
from shared.store.predictions import Loss, Prediction, key_hash, read_line
from tests.flaky_blobs import FlakyBlobs
from tests.phone_data import ROW
from tests.tiny_versions import MODEL, catalog, make, phone_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.store.blobs import Blobs

PROJECT_ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 25, 12, 0, 0, 123_000, tzinfo=UTC).timestamp()
DAY = "2026-11-25"
CATALOG = catalog(MODEL)
CALLED_ON = date.fromisoformat(ROW["contacted_on"])


class Store(MemoryBlobs):
    """Blobs that note each append, and fail or hang while they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.appended: list[bytes] = []
        self.down = False
        self.open = threading.Event()
        self.open.set()

    def append(self, name: str, data: bytes, *, at: int) -> None:
        self.appended.append(data)
        assert self.open.wait(20)
        if self.down:
            raise StoreUnavailable(name)
        super().append(name, data, at=at)


def version(number: int = 40) -> LoadedVersion:
    made, files = make(number, phone_inputs())
    return LoadedVersion(made, files["model.onnx"])


LOADED = version()


def rows(count: int, **changed: Any) -> Rows:
    row = {item.name: ROW[item.name] for item in LOADED.version.inputs} | {"contacted_on": CALLED_ON} | changed
    return Rows(count, {name: [value] * count for name, value in row.items()}, [*range(count)])


def answered(count: int = 1, at: float = NOON, **changed: Any) -> Answered:
    probabilities = np.linspace(0.2, 0.8, count, dtype=np.float32)
    return Answered(at, "r-1", "served", LOADED, rows(count, **changed), range(count), probabilities)


def log_over(
    blobs: Blobs, *, seconds: float = 0.0, most_bytes: int = 2**23, secret: str | None = None
) -> PredictionLog:
    days = DayBlobs(blobs, datetime(2026, 11, 25, 9, tzinfo=UTC))
    return PredictionLog(LineMaker(CATALOG, secret), days, seconds, most_bytes, lambda: NOON)


@contextmanager
def logging_into(blobs: Blobs, **how: Any) -> Iterator[PredictionLog]:
    """A log that is written to its end with the block."""
    log = log_over(blobs, **how)
    try:
        yield log
    finally:
        log.close()
        assert not [thread for thread in threading.enumerate() if thread is log._thread]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that looks at its queue a hundred times as often, and does not rest."""
    monkeypatch.setattr(prediction_log, "TICK_SECONDS", 0.002)
    monkeypatch.setattr(prediction_log, "REST", 0.0)


def written(blobs: MemoryBlobs) -> list[Prediction | Loss]:
    """All lines, in the order of their blobs' names."""
    found = []
    for name in sorted(blobs.blobs):
        assert blobs.blobs[name].endswith(b"\n")
        found += [read_line(line, name) for line in blobs.blobs[name].splitlines()]
    return found


def predictions(blobs: MemoryBlobs) -> list[Prediction]:
    return [line for line in written(blobs) if isinstance(line, Prediction)]


def lost(blobs: MemoryBlobs) -> int:
    return sum(line.rows for line in written(blobs) if isinstance(line, Loss))


# What is written


def test_a_row_is_written_with_what_monitoring_needs() -> None:
    store = Store()
    with logging_into(store) as log:
        log.offer(Answered(NOON, "r-7", "served", LOADED, rows(1), [3], np.array([0.25], dtype=np.float32)))
    (name,) = store.blobs
    assert name.startswith(f"predictions/{MODEL}/{DAY}/20261125T090000Z-")
    assert name.endswith("-00000.jsonl")
    (line,) = predictions(store)
    assert json.loads(store.blobs[name]) == {
        "kind": "prediction",
        "at": "2026-11-25T12:00:00.123Z",
        "request": "r-7",
        "row": 3,
        "model": MODEL,
        "version": LOADED.version.version,
        "role": "served",
        "probability": 0.25,
        "decision": "do not call",
        "key_hash": key_hash(0, None),
        "features": {item.name: ROW[item.name] for item in LOADED.version.inputs},
        "schema_version": 1,
    }
    assert line.against is UNSET


def test_rests_are_three_times_as_long_as_the_work_and_not_after_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    clock = SimpleNamespace(monotonic=time.monotonic, time=time.time, sleep=rests.append)
    monkeypatch.setattr(prediction_log, "time", clock)
    monkeypatch.setattr(prediction_log, "REST", 3.0)
    log, offered = log_over(MemoryBlobs()), 400
    log._queue.extend(answered() for _ in range(offered))
    began = time.monotonic()
    log._turn_into_lines()
    worked = time.monotonic() - began
    assert 1 <= len(rests) < offered / 4
    assert min(rests) >= prediction_log.LEAST_REST_SECONDS
    assert worked < sum(rests) <= 3 * worked


def test_rows_are_written_in_their_order_across_slices() -> None:
    store, count = Store(), 3 * prediction_log.SLICE_ROWS + 1
    with logging_into(store) as log:
        log.offer(answered(count))
    lines = predictions(store)
    assert [line.row for line in lines] == [*range(count)]
    assert [line.key_hash for line in lines] == [key_hash(key, None) for key in range(count)]
    assert [line.probability for line in lines] == [
        round(float(value), 6) for value in np.linspace(0.2, 0.8, count, dtype=np.float32)
    ]
    assert {line.decision for line in lines} == {"call", "do not call"}


def test_a_shadow_scores_when_its_rows_are_written_and_stands_beside_what_was_shown() -> None:
    store, shadow, count = Store(), version(-80), prediction_log.SLICE_ROWS + 5
    shown = Shown(LOADED, np.linspace(0.2, 0.8, count, dtype=np.float32))
    with logging_into(store) as log:
        log.offer(Answered(NOON, "r", "shadow", shadow, rows(count), range(count), None, shown))
    lines = predictions(store)
    assert [line.row for line in lines] == [*range(count)]
    assert {(line.role, line.version, line.probability, line.decision) for line in lines} == {
        ("shadow", shadow.version.version, round(1 / (1 + np.exp(0.8)), 6), "do not call")
    }
    assert {line.against for line in lines} == {LOADED.version.version}
    assert [line.against_probability for line in lines] == [round(float(value), 6) for value in shown.probabilities]
    assert [line.against_decision for line in lines] == [
        "call" if value >= 0.5 else "do not call" for value in shown.probabilities
    ]


def test_values_of_arrays_and_empty_ones_are_written_as_json_knows_them() -> None:
    store = Store()
    columns: dict[str, Any] = dict(rows(2).columns)
    columns["age"] = np.array([41, 42])
    columns["balance"] = np.array([900.5, np.nan])
    columns["job"] = np.array(["cook", None], dtype=object)
    columns["contacted_on"] = np.array(["2026-11-25", "2026-11-26"], dtype="datetime64[D]")
    with logging_into(store) as log:
        log.offer(Answered(NOON, "", "served", LOADED, Rows(2, columns, [UNSET, None]), range(2), np.zeros(2)))
    first, second = predictions(store)
    assert [first.features[name] for name in ("age", "balance", "job", "contacted_on")] == [
        41, 900.5, "cook", "2026-11-25",
    ]  # fmt: skip
    assert [second.features[name] for name in ("age", "balance", "job", "contacted_on")] == [
        42, None, None, "2026-11-26",
    ]  # fmt: skip
    assert first.key_hash is second.key_hash is None


def test_a_long_text_is_cut() -> None:
    store = Store()
    with logging_into(store) as log:
        log.offer(answered(job="x" * 10_000))
    assert predictions(store)[0].features["job"] == "x" * 200 + "..."


def test_each_utc_day_has_its_own_blob() -> None:
    store = Store()
    midnight = datetime(2026, 11, 26, tzinfo=UTC).timestamp()
    with logging_into(store) as log:
        for at in (midnight - 0.001, midnight, midnight + 1):
            log.offer(answered(at=at))
    days = Counter(name.split("/")[2] for name in store.blobs for _ in store.blobs[name].splitlines())
    assert days == {"2026-11-25": 1, "2026-11-26": 2}


# When it is written


def test_no_thread_runs_before_the_first_row() -> None:
    before = threading.active_count()
    log = log_over(Store())
    assert threading.active_count() == before
    assert log.state() == {"rows_waiting": 0, "rows_lost": 0, "trouble": ""}
    log.close()


def test_a_log_that_was_idle_wakes_up_for_the_next_row() -> None:
    store = Store()
    with logging_into(store) as log:
        for number in range(1, 6):
            log.offer(answered())
            wait_until(lambda expected=number: len(predictions(store)) == expected)
            wait_until(lambda: log._asleep)
        assert log._thread is not None
        appends = len(store.appended)
        time.sleep(0.05)
        assert len(store.appended) == appends == 5


def test_rows_are_gathered_for_some_seconds_into_one_append() -> None:
    store = Store()
    with logging_into(store, seconds=0.3) as log:
        log.offer(answered())
        wait_until(lambda: len(store.appended) == 1)
        for _ in range(50):
            log.offer(answered())
            time.sleep(0.001)
        assert len(store.appended) == 1
        wait_until(lambda: len(store.appended) == 2)
        assert len(predictions(store)) == 51


def test_a_full_block_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "BLOCK_BYTES", 10_000)
    store = Store()
    with logging_into(store, seconds=60.0, most_bytes=40_000) as log:
        log.offer(answered())
        wait_until(lambda: len(store.appended) == 1)
        for _ in range(5):
            log.offer(answered(100))
        wait_until(lambda: len(predictions(store)) > 450)
    assert len(predictions(store)) == 501
    assert lost(store) == 0
    assert all(len(block) <= 40_000 for block in store.appended)


# A store that is slow, dead or odd


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


# The end


def test_at_the_end_everything_is_written_at_once() -> None:
    store = Store()
    log = log_over(store, seconds=60.0)
    log.offer(answered())
    wait_until(lambda: len(store.appended) == 1)
    for _ in range(30):
        log.offer(answered(10))
    log.close()
    assert len(predictions(store)) == 301


def test_what_comes_after_the_end_is_dropped() -> None:
    store = Store()
    log = log_over(store)
    log.close()
    log.offer(answered())
    assert store.blobs == {}
    assert log.state()["rows_lost"] == 1


def test_the_end_does_not_wait_for_ever_for_a_store_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    log = log_over(store)
    store.open.clear()
    log.offer(answered())
    wait_until(lambda: len(store.appended) == 1)
    began = time.monotonic()
    log.close(0.2)
    assert 0.2 <= time.monotonic() - began < 2
    assert "the prediction log ends before all is written" in caplog.text
    store.open.set()
    assert log._thread is not None
    log._thread.join(20)


ENDING = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path

from tests.unit.test_prediction_log import *

class Folder(Store):
    def append(self, name, data, *, at):
        with (Path(sys.argv[1]) / "log.jsonl").open("ab") as file:
            file.write(data)

log = log_over(Folder(), seconds=60.0)
log.offer(answered())
time.sleep(0.6)
for _ in range(200):
    log.offer(answered(3))
if sys.argv[2] == "stop":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.kill(os.getpid(), signal.SIGTERM)
elif sys.argv[2] == "fail":
    raise RuntimeError("as any program may")
"""


@pytest.mark.parametrize("how", ["end", "fail", "stop"])
def test_a_process_that_ends_in_an_orderly_way_writes_all_it_has(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-c", ENDING, str(tmp_path), how]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, check=False, timeout=60)
    assert done.returncode == (1 if how == "fail" else 0), done.stderr.decode()
    assert len((tmp_path / "log.jsonl").read_bytes().splitlines()) == 601


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
