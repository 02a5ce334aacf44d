"""What the prediction log writes of answered rows, and when."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec import UNSET

from local.memory_blobs import MemoryBlobs
from local.waiting import wait_until
from shared.scoring.log import prediction_log
from shared.scoring.log.lines import Answered, Shown
from shared.scoring.rows import Rows
from shared.store.predictions import key_hash
from tests.logged import (
    DAY,
    LOADED,
    NOON,
    Store,
    answered,
    hurry,
    log_over,
    logging_into,
    lost,
    predictions,
    rows,
    version,
)
from tests.phone_data import ROW
from tests.tiny_versions import MODEL


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


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
    assert 1 <= len(rests) < offered / 2
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
    assert [line.against_probability for line in lines] == [round(float(value), 6) for value in shown.outputs]
    assert [line.against_decision for line in lines] == [
        "call" if value >= 0.5 else "do not call" for value in shown.outputs
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
