"""Storage is down, slow or silent for minutes: answers go on, and take no longer."""

from __future__ import annotations

import json
import math
import re
import statistics
import threading
import time
from array import array
from bisect import bisect
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from local.waiting import wait_until
from shared.scoring.serving.served import PATIENCE_SECONDS
from shared.store.predictions import Loss, read_predictions
from tests.end_to_end.world import KEY, World
from tests.keep_alive import KeepAlive, port_of, post
from tests.phone_data import ROW
from tests.slow import SLOW, at_length
from tests.storage_line import StorageLine
from tests.tiny_versions import MODEL, phone_inputs, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from shared.store.records import Version
    from tests.storage_line import State

BAD_SECONDS = at_length(2.5, 60.0)
GOOD_SECONDS = at_length(0.5, 30.0)
WINDOW_SECONDS = 5.0
REFRESH_SECONDS = 1.0
CLIENTS = 2
LONGEST_SECONDS = PATIENCE_SECONDS + 0.5
"""On a machine that does other things too. Whoever waited for storage would wait longer, in each of its states."""
MOST_TIMES = 1.2
"""The normal p99."""
OUTAGES: tuple[State, ...] = at_length(("down", "slow"), ("down", "slow", "silent"))
SCORE = f"/api/models/{MODEL}/score"

pytestmark = pytest.mark.timeout(at_length(120, 600))


@dataclass
class Timed:
    """One client's answers, all of them right: when each was asked for, and how long it took, in seconds."""

    began: array[float] = field(default_factory=lambda: array("d"))
    took: array[float] = field(default_factory=lambda: array("d"))

    def between(self, start: float, end: float) -> array[float]:
        """What the answers took that were asked for within a time."""
        return self.took[bisect(self.began, start) : bisect(self.began, end)]


@dataclass(frozen=True)
class Stretch:
    """A time during which the line was in one state."""

    state: State
    start: float
    end: float

    def windows(self) -> Iterator[tuple[float, float]]:
        """Equal parts of it."""
        count = max(1, int((self.end - self.start) / WINDOW_SECONDS))
        length = (self.end - self.start) / count
        for place in range(count):
            yield self.start + place * length, self.start + (place + 1) * length


@pytest.fixture
def line_and_world(tmp_path: Path) -> Iterator[tuple[StorageLine, World]]:
    settings = {
        "MODEL_REFRESH_SECONDS": str(REFRESH_SECONDS),
        "PREDICTION_LOG_SECONDS": "1",
        "AzureWebJobs.export_timer.Disabled": "true",
    }
    world = World(tmp_path, settings)
    try:
        with StorageLine(port_of(world.azurite.blob_url)) as line:
            direct = world.environment["DataStorage"]
            world.environment["DataStorage"] = re.sub(r"(BlobEndpoint=\S+?:)\d+/", rf"\g<1>{line.port}/", direct)
            world.start(events=False)
            yield line, world
            world.stop()
    finally:
        world.stop()


def ask_on(port: int, expected: dict[str, Any], stop: threading.Event) -> Timed:
    """Until ``stop`` is set. Raises AssertionError where an answer is not ``expected``."""
    timed = Timed()
    request = post(SCORE, ROW, {"x-functions-key": KEY})
    right = None
    with KeepAlive(port) as connection:
        while not stop.is_set():
            began = time.monotonic()
            status, body = connection.ask(request)
            timed.began.append(began)
            timed.took.append(time.monotonic() - began)
            if body != right:
                assert status == 200, body
                assert json.loads(body) == expected
                right = body
    return timed


def through_outages(line: StorageLine) -> Iterator[Stretch]:
    """Each between two stretches of good storage, so that what else the machine does weighs on all alike."""
    for state in ("whole", *(one for outage in OUTAGES for one in (outage, "whole"))):
        start, line.state = time.monotonic(), state
        time.sleep(GOOD_SECONDS if state == "whole" else BAD_SECONDS)
        yield Stretch(state, start, time.monotonic())


def p99(all_timed: Sequence[Timed], stretches: Sequence[Stretch], state: State) -> float:
    """The median of the windows' p99 in a state, in milliseconds."""
    windows = [window for stretch in stretches if stretch.state == state for window in stretch.windows()]
    found = [sum((timed.between(*window) for timed in all_timed), array("d")) for window in windows]
    return 1000 * statistics.median(statistics.quantiles(times, n=100)[98] for times in found)


def test_answers_go_on_while_storage_is_down_slow_or_silent(line_and_world: tuple[StorageLine, World]) -> None:
    line, world = line_and_world
    single = Asking(world)
    expected = single.until(serve(world.registry, 1, phone_inputs()))
    assert math.isclose(expected["predictions"][0]["probability"], 1 / (1 + math.exp(-0.01)), abs_tol=2e-6)
    all_timed, stretches = asked_through_outages(line, world, expected)
    assert line.spoilt.keys() == set(OUTAGES)  # or else nothing was asked of storage meanwhile
    slowest = max(max(timed.took) for timed in all_timed)
    answers = sum(len(timed.took) for timed in all_timed)
    figures = {state: round(p99(all_timed, stretches, state), 3) for state in ("whole", *OUTAGES)}
    print(f"{answers:,} answers, the slowest took {1000 * slowest:.1f} ms; p99 in ms: {figures}")
    assert slowest < LONGEST_SECONDS
    if SLOW:
        assert max(figures[state] / figures["whole"] for state in OUTAGES) <= MOST_TIMES
    single.until(serve(world.registry, 2, phone_inputs()))  # champion.json is followed again
    assert world.host is not None
    assert world.host.stop() == 0
    lines, lost = logged(world)
    print(f"{lines:,} lines in the prediction log, which says that it lacks {lost:,}")
    assert lines + lost == answers + single.answers


def asked_through_outages(
    line: StorageLine, world: World, expected: dict[str, Any]
) -> tuple[list[Timed], list[Stretch]]:
    """What each client was answered, and what the line was meanwhile."""
    assert world.host is not None
    stop, port = threading.Event(), port_of(world.host.url)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(ask_on, port, expected, stop) for _ in range(CLIENTS)]
        try:
            stretches = list(through_outages(line))
        finally:
            stop.set()
        return [client.result() for client in clients], stretches


class Asking:
    """One row at a time, counting the answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.answers = 0

    def until(self, version: Version) -> dict[str, Any]:
        """The answer, once ``version`` gives it."""
        return wait_until(lambda: self._answer_of(version.version)) or {}

    def _answer_of(self, version: str) -> dict[str, Any] | None:
        status, body = self._world.answer()
        self.answers += status == 200
        return body if status == 200 and body["version"] == version else None


def logged(world: World) -> tuple[int, int]:
    """The rows in the prediction log, and how many it says that it lacks."""
    blobs = world.blobs
    days = {info.name.split("/")[2] for info in blobs.list(f"predictions/{MODEL}/")}
    lines = [line for day in days for line in read_predictions(blobs, MODEL, day)]
    lost = [line.rows for line in lines if isinstance(line, Loss)]
    return len(lines) - len(lost), sum(lost)
