"""One model in storage that is watched, fails or hangs at will, and what serves of it; a clock is moved by hand."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.memory_blobs import MemoryBlobs
from local.waiting import wait_until
from shared.errors import StoreUnavailable
from shared.scoring.serving.served import Served
from shared.store import names
from shared.store.registry import GRAPH_FILE, Registry
from tests.tiny_versions import MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.store.blobs import Blob, BlobInfo
    from shared.store.records import Version

REFRESH = 30.0
CHAMPION = names.champion(MODEL)


class WatchedBlobs(MemoryBlobs):
    """Blobs that note what is read, and fail or hang while they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[str, str | None]] = []
        self.down = False
        self.fails: set[str] = set()
        self._open = threading.Event()
        self._open.set()
        self.hanging = 0

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        self.reads.append((name, unless))
        if not self._open.is_set():
            self.hanging += 1
            assert self._open.wait(20)
            self.hanging -= 1
        if self.down or name.rpartition("/")[2] in self.fails:
            raise StoreUnavailable(name)
        return super().read(name, unless=unless)

    def info(self, name: str) -> BlobInfo:
        if self.down:
            raise StoreUnavailable(name)
        return super().info(name)

    @contextmanager
    def hang(self) -> Iterator[None]:
        """Until the end of the block, who reads waits; what waits fails or not as ``down`` then says."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()
            wait_until(lambda: self.hanging == 0)

    def looked_up(self) -> int:
        """How often a champion that is known was asked for again."""
        return sum(unless is not None for _, unless in self.reads)

    def counts(self) -> Counter[str]:
        """Reads since the last time, by file name."""
        counted = Counter(name.rpartition("/")[2] for name, _ in self.reads)
        self.reads.clear()
        return counted


class World:
    """One model, its storage, and a clock that stands still unless it is moved."""

    def __init__(self, refresh_seconds: float = REFRESH) -> None:
        self.now = 1000.0
        self.blobs = WatchedBlobs()
        self.registry = Registry(self.blobs)
        self.served = Served(MODEL, self.registry, refresh_seconds, clock=lambda: self.now)

    def current(self) -> str:
        return self.served.current().version.version

    def put_graph(self, version: Version, data: bytes | None) -> None:
        """Past the registry, which would not: ``data`` as the graph of a version, or no graph."""
        name = names.version_file(MODEL, version.version, GRAPH_FILE)
        if data is None:
            del self.blobs.blobs[name]
        else:
            self.blobs.write(name, data)

    def after(self, seconds: float) -> str:
        self.now += seconds
        return self.current()

    def in_the_background(self, seconds: float) -> str:
        """Ask after ``seconds``, and wait for what the look-up beside the request finds."""
        self.after(seconds)
        join_lookups()
        return self.current()


def lookups() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"champion-of-{MODEL}"]


def join_lookups() -> None:
    for thread in lookups():
        thread.join(20)


def watched() -> Iterator[World]:
    """A world for a test, in which nothing is looked up any more at the end."""
    made = World()
    yield made
    join_lookups()


def taking_part(world: World) -> tuple[str | None, str | None]:
    """The canary and the shadow that are in memory."""
    live = world.served.live()
    return tuple(part and part.loaded.version.version for part in (live.canary, live.shadow))  # type: ignore[return-value]


def ask_together[T](ask: Callable[[], T], threads: int = 8) -> list[T | Exception]:
    """What ``ask`` gives or raises in threads that start at one moment."""
    start = threading.Barrier(threads)

    def one(_: int) -> T | Exception:
        start.wait(20)
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - handed back
            return error

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(threads)))
