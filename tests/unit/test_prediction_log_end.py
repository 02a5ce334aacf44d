"""The end of a process: the prediction log is written to its end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.waiting import wait_until
from tests.logged import Store, answered, hurry, log_over, predictions

PROJECT_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def test_at_the_end_everything_is_written_at_once() -> None:
    store = Store()
    log = log_over(store, seconds=60.0)
    log.offer(answered())
    wait_until(lambda: len(store.appended) == 1)
    for _ in range(30):
        log.offer(answered(10))
    log.close()
    assert len(predictions(store)) == 301
    assert len(store.appended) == 2  # a slow store has no time for one after each request


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
import os, signal, sys, time
from pathlib import Path

from tests.logged import *

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
