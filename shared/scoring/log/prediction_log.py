"""The prediction log: answered rows go into a queue, and a thread behind the answers writes them into blobs.

No answer waits for it or fails with it. What does not fit into memory is dropped and counted, and the log says how many
rows it lacks. The thread begins with the first row that is to be written.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING

from shared.errors import CauceError
from shared.scoring.log.lines import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.scoring.log.day_blobs import DayBlobs
    from shared.scoring.log.lines import Answered, LineMaker
    from shared.store.predictions import PredictionRole

logger = logging.getLogger(__name__)

MOST_ROWS = 20_000
"""Rows that wait to be turned into lines; one larger batch is taken when none waits."""
BLOCK_BYTES = 1024 * 1024
TICK_SECONDS = 0.25
"""So often the queue is looked at while rows come."""
SLICE_ROWS = 64
REST = 3.0
"""The thread rests so many times as long as it worked: Python runs one thread at a time."""
LEAST_REST_SECONDS = 0.0015
"""Shorter rests are added up: each makes the answers wait twice, when it begins and when it ends."""
MOST_REST_SECONDS = 0.1
"""A write that waited for storage is no work: after it, the thread would sleep through the end of the process."""
CLOSE_SECONDS = 5.0
"""At the end of the process, for what has not been written yet."""
DAY = slice(0, 10)

type _Day = tuple[str, str]
"""A model and a UTC day."""


class PredictionLog:
    """One per process. ``offer`` may be called from any thread."""

    def __init__(
        self,
        lines: LineMaker,
        blobs: DayBlobs,
        seconds: float,
        most_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._make = lines
        self._blobs = blobs
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._news = threading.Event()
        self._closing = threading.Event()
        self._asleep = True
        self._queue: deque[Answered] = deque()
        self._rows_waiting = 0
        self._released: deque[int] = deque()
        self._lost: Counter[tuple[str, PredictionRole]] = Counter()
        self._blocks = Blocks(most_bytes)
        self._flushed_at = float("-inf")
        """By the clock that is never set."""
        self.rows_lost = 0
        """Since the process began."""
        self.trouble = ""
        """Why nothing can be written now; empty where it can."""

    def offer(self, answered: Answered) -> None:
        """Take rows to be written, or drop and count them. Returns at once, and never raises."""
        self.hold(answered)()

    def hold(self, answered: Answered) -> Callable[[], None]:
        """Keep room for rows that will perhaps be answered; what comes back does what ``offer`` does.

        Where it is not called, the room is free again as soon as nobody has it any more.
        """
        count = answered.rows.count
        with self._lock:
            while self._released:
                self._rows_waiting -= self._released.popleft()
            if self._rows_waiting > 0 and self._rows_waiting + count > MOST_ROWS:
                # Without the rows: a long CSV ends long after its first rows.
                return partial(self._lose, answered.loaded.version.model, answered.role, count)
            self._rows_waiting += count
        return _Held(self, answered)

    def enter(self, answered: Answered) -> None:
        """Take rows for which there is room."""
        if self._closing.is_set():
            self._lose(answered.loaded.version.model, answered.role, answered.rows.count)
            return
        with self._lock:
            self._queue.append(answered)
            wakes, self._asleep = self._asleep, False
        if wakes:
            self._wake()

    def release(self, rows: int) -> None:
        """Give room back. Without the lock, which the thread may hold in which memory is being collected."""
        self._released.append(rows)

    def state(self) -> dict[str, str | int]:
        """For whoever asks how the process is."""
        return {"rows_waiting": self._rows_waiting, "rows_lost": self.rows_lost, "trouble": self.trouble}

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what there is, for so long at most, and take no more."""
        atexit.unregister(self.close)
        self._closing.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(seconds)
        if self._blocks or self._queue:
            logger.warning("the prediction log ends before all is written: %s", self.trouble or "there was no time")

    def _wake(self) -> None:
        if self._thread is not None:
            self._news.set()
            return
        thread = threading.Thread(target=self._work, name="prediction-log", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the process is short of memory: the next row tries again
            logger.warning("the prediction log cannot start: %s", error)
            self._asleep = True
            return
        self._thread = thread
        atexit.register(self.close)

    def _work(self) -> None:
        while not self._closing.is_set():
            self._closing.wait(TICK_SECONDS)
            self._step()
            self._sleep_if_idle()
        self._step()

    def _step(self) -> None:
        try:
            self._turn_into_lines()
            if self._closing.is_set():
                self._flush()
            else:
                self._flush_if_due()
        except Exception:
            # A mistake here must not end the thread: the log would fall silent for as long as the process lives.
            logger.exception("the prediction log made a mistake")

    def _sleep_if_idle(self) -> None:
        """Until there is news. Whoever brings it sees that nobody is awake."""
        with self._lock:
            if self._queue or self._blocks or self._lost or self._closing.is_set():
                return
            self._asleep = True
            self._news.clear()
        self._news.wait()

    def _turn_into_lines(self) -> None:
        owed = 0.0
        while self._queue:
            with self._lock:
                answered = self._queue.popleft()
                count = answered.rows.count
                self._rows_waiting -= count
            for start in range(0, count, SLICE_ROWS):
                began = time.monotonic()
                try:
                    self._take(answered, start, min(start + SLICE_ROWS, count))
                except Exception:
                    # Whatever is wrong with these rows, those that follow are written.
                    logger.exception("%s: rows cannot be logged", answered.loaded.version.version)
                    self._lose(answered.loaded.version.model, answered.role, count - start)
                    break
                self._flush_if_due()
                owed += REST * (time.monotonic() - began)
                if owed >= LEAST_REST_SECONDS and not self._closing.is_set():
                    time.sleep(min(owed, MOST_REST_SECONDS))
                    owed = 0.0

    def _take(self, answered: Answered, start: int, stop: int) -> None:
        day = answered.loaded.version.model, instant(answered.at)[DAY]
        lines = list(self._make.lines(answered, start, stop))
        lost = sum(not self._blocks.add(day, line) for line in lines)
        if lost:
            self._lose(day[0], answered.role, lost)

    def _flush_if_due(self) -> None:
        """After so many seconds; sooner where there is a whole block."""
        is_full = self._blocks.bytes >= BLOCK_BYTES and not self.trouble
        if is_full or time.monotonic() - self._flushed_at >= self._seconds:
            self._flush()

    def _flush(self) -> None:
        """Write all lines, and when that went well, how many are missing."""
        try:
            self._write()
            with self._lock:
                lost, self._lost = self._lost, Counter()
            for (model, role), rows in lost.items():
                logger.warning("%s: %d rows (%s) are missing in the prediction log", model, rows, role)
                now = self._clock()
                self._blocks.add((model, instant(now)[DAY]), self._make.loss(model, role, rows, now), whatever=True)
            self._write()
        except CauceError as error:
            if not self.trouble:
                logger.warning("the prediction log cannot be written, and waits: %s", error)
            self.trouble = str(error)
        else:
            self.trouble = ""
        self._flushed_at = time.monotonic()

    def _write(self) -> None:
        for (model, day), block in self._blocks.take():
            try:
                self._blobs.append(model, day, block)
            except CauceError:
                raise
            except Exception:
                # Not an error of storage: it would come again with this block, and hold up all others.
                logger.exception("%s: a block of the prediction log cannot be written", model)
                with self._lock:
                    self._lost[model, "served"] += block.count(b"\n")

    def _lose(self, model: str, role: PredictionRole, rows: int) -> None:
        with self._lock:
            self._lost[model, role] += rows
            self.rows_lost += rows


class _Held:
    """Room in the queue for rows that are not certain to be answered."""

    __slots__ = ("_answered", "_log")

    def __init__(self, log: PredictionLog, answered: Answered) -> None:
        self._log = log
        self._answered: Answered | None = answered

    def __call__(self) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            self._log.enter(answered)

    def __del__(self) -> None:
        if self._answered is not None:
            self._log.release(self._answered.rows.count)


class Blocks:
    """Lines in memory by model and day, as the blocks that they will be written in. Used by one thread."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.bytes = 0
        self._open: dict[_Day, list[bytes]] = {}
        self._closed: deque[tuple[_Day, bytes]] = deque()

    def __bool__(self) -> bool:
        return self.bytes > 0

    def add(self, day: _Day, line: bytes, *, whatever: bool = False) -> bool:
        """Keep a line; False where there is no room for it."""
        if self.bytes + len(line) > self._most_bytes and not whatever:
            return False
        self._open.setdefault(day, []).append(line)
        self.bytes += len(line)
        return True

    def take(self) -> Iterator[tuple[_Day, bytes]]:
        """The blocks, oldest first. Each is gone when the next is asked for; until then it stays as it is."""
        for day, lines in self._open.items():
            self._closed.extend((day, block) for block in _joined(lines))
        self._open.clear()
        while self._closed:
            yield self._closed[0]
            self.bytes -= len(self._closed.popleft()[1])


def _joined(lines: list[bytes]) -> Iterator[bytes]:
    """Whole lines, in blocks of about BLOCK_BYTES at most."""
    block: list[bytes] = []
    size = 0
    for line in lines:
        if block and size + len(line) > BLOCK_BYTES:
            yield b"".join(block)
            block, size = [], 0
        block.append(line)
        size += len(line)
    if block:
        yield b"".join(block)
