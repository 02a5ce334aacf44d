"""The version in memory: how it follows champion.json, and what it does while storage fails, hangs or lies."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from local.memory_blobs import MemoryBlobs
from local.waiting import wait_until
from shared.errors import StoreUnavailable, VersionError
from shared.scoring.serving.served import FAILURE_SECONDS, PATIENCE_SECONDS, NoChampion, Served
from shared.store import names
from shared.store.records import Beside, Champion, Input, to_json
from shared.store.registry import GRAPH_FILE, VERSION_FILE, Registry
from tests.tiny_versions import INPUTS, MODEL, ROW, make, promote, register, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.scoring.serving.session import LoadedVersion
    from shared.store.blobs import Blob, BlobInfo
    from shared.store.records import Version
    from shared.store.registry import Role

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


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    join_lookups()


def probability(loaded: LoadedVersion) -> float:
    rows = loaded.reader.read(json.dumps(ROW).encode())
    return float(loaded.probabilities(loaded.encoder.encode(rows.columns, rows.count))[0])


# Following


def test_nothing_is_read_before_the_first_request(world: World) -> None:
    serve(world.registry)
    world.blobs.reads.clear()
    Served(MODEL, world.registry, REFRESH)
    assert not world.blobs.reads


def test_the_first_request_loads_the_champion_whole(world: World) -> None:
    version = serve(world.registry)
    world.blobs.reads.clear()
    assert world.current() == version.version
    assert world.served.since == version.slot
    assert world.blobs.counts() == {"champion.json": 1, VERSION_FILE: 1, GRAPH_FILE: 1}


def test_requests_within_half_the_interval_read_nothing(world: World) -> None:
    serve(world.registry)
    world.current()
    world.blobs.reads.clear()
    for _ in range(100):
        world.after(REFRESH / 2 / 101)
    assert (world.blobs.reads, lookups()) == ([], [])


def test_from_half_the_interval_on_the_champion_is_looked_up_beside_the_request(world: World) -> None:
    old, new = serve(world.registry, 1), register(world.registry, 2)
    world.current()
    promote(world.registry, new)
    with world.blobs.hang():
        assert world.after(REFRESH / 2) == old.version
        wait_until(lambda: world.blobs.hanging == 1)
    join_lookups()
    assert (world.current(), world.served.since) == (new.version, new.slot)


def test_after_a_pause_the_request_itself_finds_the_new_champion(world: World) -> None:
    serve(world.registry, 1)
    world.current()
    new = serve(world.registry, 2)
    assert world.after(REFRESH) == new.version
    assert not lookups()


def test_a_champion_that_stays_costs_one_conditional_read_per_interval(world: World) -> None:
    serve(world.registry)
    world.current()
    etag = world.blobs.etags[CHAMPION]
    world.blobs.reads.clear()
    for _ in range(10):
        for _ in range(5):
            world.after(REFRESH / 2 / 5)
            join_lookups()
    assert world.blobs.reads == [(CHAMPION, etag)] * 10
    world.blobs.reads.clear()
    for _ in range(3):
        world.after(REFRESH * 10)
        world.current()
    assert world.blobs.reads == [(CHAMPION, etag)] * 3


def test_a_champion_that_is_named_again_is_not_downloaded_again(world: World) -> None:
    version = serve(world.registry)
    before = world.served.current()
    world.blobs.write(CHAMPION, to_json(Champion(version=version.version, previous=None, since="later")))
    world.blobs.reads.clear()
    world.after(REFRESH)
    assert world.served.current() is before
    assert world.served.since == "later"
    assert world.blobs.counts() == {"champion.json": 1}


def test_a_rollback_is_followed_like_any_change(world: World) -> None:
    old, new = serve(world.registry, 1), serve(world.registry, 2)
    assert world.current() == new.version
    world.registry.roll_back(MODEL, to=None, at="now", why="a test", who="a test")
    assert world.after(REFRESH) == old.version


def test_many_requests_at_the_due_moment_look_up_once(world: World) -> None:
    serve(world.registry)
    for pause in (0.0, REFRESH / 2, REFRESH * 3):
        world.now += pause
        world.blobs.reads.clear()
        ask_together(world.current)
        join_lookups()
        assert world.blobs.counts()["champion.json"] == 1


@pytest.mark.parametrize("due", [REFRESH, REFRESH / 2])
def test_a_request_that_comes_just_after_a_look_up_of_another_does_not_repeat_it(world: World, due: float) -> None:
    serve(world.registry)
    world.current()
    world.now += due
    world.blobs.reads.clear()
    for _ in range(3):
        world.served._look_up_beside(due, wait=True)
    assert world.blobs.counts() == {"champion.json": 1}


def test_an_interval_of_zero_looks_up_for_every_request() -> None:
    world = World(0.0)
    for number in range(1, 5):
        version = serve(world.registry, number)
        assert world.current() == version.version


# The first load


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


def test_requests_that_come_first_together_load_once(world: World) -> None:
    version = serve(world.registry)
    world.blobs.reads.clear()
    assert ask_together(world.current) == [version.version] * 8
    assert world.blobs.counts() == {"champion.json": 1, VERSION_FILE: 1, GRAPH_FILE: 1}


def test_that_there_is_no_champion_is_known_for_a_moment_without_looking_again(world: World) -> None:
    for _ in range(20):
        with pytest.raises(NoChampion):
            world.current()
    assert world.blobs.counts() == {"champion.json": 1}
    version = serve(world.registry)
    with pytest.raises(NoChampion):
        world.after(FAILURE_SECONDS * 0.9)
    assert world.after(FAILURE_SECONDS * 0.1) == version.version


def test_an_interval_of_zero_finds_the_first_champion_at_once() -> None:
    world = World(0.0)
    with pytest.raises(NoChampion):
        world.current()
    version = serve(world.registry)
    assert world.current() == version.version


def test_requests_that_wait_for_a_storage_that_fails_share_the_failure(world: World) -> None:
    serve(world.registry)
    world.blobs.reads.clear()
    world.blobs.down = True
    with ThreadPoolExecutor(1) as pool, world.blobs.hang():
        answers = pool.submit(ask_together, world.current)
        wait_until(lambda: world.blobs.hanging == 1)
        threading.Event().wait(0.05)
        assert world.blobs.hanging == 1
        world.blobs._open.set()
        assert [type(answer) for answer in answers.result(20)] == [StoreUnavailable] * 8
    assert len(world.blobs.reads) == 1


def test_a_failure_of_the_first_load_stands_for_a_moment_only(world: World) -> None:
    version = serve(world.registry)
    world.blobs.down = True
    with pytest.raises(StoreUnavailable):
        world.current()
    world.blobs.down = False
    with pytest.raises(StoreUnavailable):
        world.after(FAILURE_SECONDS * 0.9)
    assert world.after(FAILURE_SECONDS * 0.1) == version.version
    assert world.served._failure is None


def test_a_version_that_is_not_whole_is_not_downloaded_by_every_request(world: World) -> None:
    version = serve(world.registry)
    world.put_graph(version, None)
    world.blobs.reads.clear()
    for _ in range(20):
        with pytest.raises(VersionError, match="it is not whole"):
            world.current()
    assert world.blobs.counts() == {"champion.json": 1, VERSION_FILE: 1, GRAPH_FILE: 1}
    world.put_graph(version, make()[1][GRAPH_FILE])
    assert world.after(FAILURE_SECONDS) == version.version


# Failures while a version serves


def test_storage_that_fails_leaves_the_last_version_serving(world: World, caplog: pytest.LogCaptureFixture) -> None:
    version = serve(world.registry)
    world.current()
    world.blobs.down = True
    with caplog.at_level(logging.WARNING):
        assert world.after(REFRESH) == world.in_the_background(REFRESH / 2) == version.version
        assert world.after(REFRESH * 1000) == version.version
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
    world.blobs.down = False
    assert world.after(REFRESH) == version.version
    assert world.after(REFRESH) == world.current() != serve(world.registry, 2).version


def test_storage_that_fails_is_asked_once_per_interval(world: World) -> None:
    serve(world.registry)
    world.current()
    world.blobs.down = True
    world.blobs.reads.clear()
    for _ in range(50):
        world.after(REFRESH / 10)
        join_lookups()
    assert len(world.blobs.reads) == 10


def test_no_request_waits_for_a_storage_that_hangs_beside_it(world: World) -> None:
    old = serve(world.registry, 1)
    world.current()
    with world.blobs.hang():
        world.after(REFRESH / 2)
        wait_until(lambda: world.blobs.hanging == 1)
        for pause in (0.0, REFRESH / 4, REFRESH / 2, REFRESH * 10):
            assert world.after(pause) == old.version
        assert set(ask_together(world.current)) == {old.version}
        assert (world.blobs.hanging, len(lookups())) == (1, 1)


def test_a_look_up_that_took_long_to_fail_is_not_made_up_for_by_a_request(world: World) -> None:
    version = serve(world.registry)
    world.current()
    world.blobs.down = True
    with world.blobs.hang():
        world.after(REFRESH / 2)
        wait_until(lambda: world.blobs.hanging == 1)
        world.now += REFRESH * 10
    join_lookups()
    world.blobs.reads.clear()
    assert world.current() == version.version
    assert (world.blobs.reads, lookups()) == ([], [])


def test_after_a_pause_one_request_waits_a_moment_for_a_storage_that_hangs_and_no_other(world: World) -> None:
    old, new = serve(world.registry, 1), register(world.registry, 2)
    world.current()
    promote(world.registry, new)
    with world.blobs.hang():
        began = time.monotonic()
        assert world.after(REFRESH * 2) == old.version
        assert PATIENCE_SECONDS <= time.monotonic() - began < PATIENCE_SECONDS + 2
        began = time.monotonic()
        assert set(ask_together(world.current)) == {old.version}
        for _ in range(5):
            assert world.after(REFRESH * 2) == old.version
        assert time.monotonic() - began < PATIENCE_SECONDS
        assert (world.blobs.hanging, len(lookups())) == (1, 1)
    join_lookups()
    assert world.current() == new.version


def test_a_storage_that_was_slow_is_waited_for_again_when_it_has_been_quick(world: World) -> None:
    serve(world.registry, 1)
    world.current()
    with world.blobs.hang():
        world.after(REFRESH * 2)
        threading.Event().wait(0.1)
    join_lookups()
    second = serve(world.registry, 2)
    with world.blobs.hang():
        assert world.after(REFRESH * 2) != second.version  # not waited for, and quick enough
    join_lookups()
    third = serve(world.registry, 3)
    assert world.after(REFRESH * 2) == third.version


def test_a_process_that_cannot_start_a_thread_answers_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    old = serve(world.registry, 1)
    world.current()
    new = serve(world.registry, 2)

    def refuse(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert world.after(REFRESH) == old.version
    assert world.after(REFRESH) == new.version


def test_a_champion_json_that_is_gone_leaves_the_last_version_serving(world: World) -> None:
    version = serve(world.registry)
    world.current()
    del world.blobs.blobs[CHAMPION]
    assert world.after(REFRESH) == version.version


def test_a_broken_version_is_passed_over_and_the_next_good_one_taken(world: World) -> None:
    old, broken = serve(world.registry, 1), register(world.registry, 2)
    loaded, since = world.served.current(), world.served.since
    world.put_graph(broken, None)
    promote(world.registry, broken)
    for pause in (REFRESH, REFRESH, REFRESH / 2):
        world.in_the_background(pause)
        assert (world.served.current(), world.served.since) == (loaded, since)
    new = serve(world.registry, 3)
    assert world.after(REFRESH) == new.version != old.version


def test_a_broken_version_is_taken_when_it_has_been_mended(world: World) -> None:
    serve(world.registry, 1)
    world.current()
    late = serve(world.registry, 2)
    world.put_graph(late, None)
    assert world.after(REFRESH) != late.version
    world.put_graph(late, make(2)[1][GRAPH_FILE])
    assert world.after(REFRESH) == late.version


def test_a_broken_version_is_not_downloaded_again_by_every_look_up(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    old, broken = serve(world.registry, 1), register(world.registry, 2)
    world.current()
    world.put_graph(broken, b"no graph")
    promote(world.registry, broken)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):  # files may have changed while they were read: the second try knows their marks
            world.after(REFRESH)
        world.blobs.reads.clear()
        for _ in range(10):
            assert world.after(REFRESH) == old.version
    assert world.blobs.reads == [(CHAMPION, world.blobs.etags[CHAMPION])] * 10
    assert len(caplog.records) == 1
    assert f"version {broken.version} cannot be loaded" in caplog.records[0].getMessage()
    (problem,) = world.served.live().problems
    assert broken.version in problem
    assert f"{old.version} serves in its place" in problem
    world.put_graph(broken, make(2)[1][GRAPH_FILE])
    assert world.after(REFRESH) == broken.version
    assert world.served.live().problems == ()


def test_a_broken_version_that_storage_cannot_tell_of_is_tried_again(world: World) -> None:
    old, late = serve(world.registry, 1), register(world.registry, 2)
    world.current()
    world.put_graph(late, b"no graph")
    promote(world.registry, late)
    world.after(REFRESH)
    world.blobs.down = True
    assert world.after(REFRESH) == old.version
    assert world.served.trouble
    world.blobs.down = False
    world.put_graph(late, make(2)[1][GRAPH_FILE])
    assert world.after(REFRESH) == late.version
    assert not world.served.trouble


def test_storage_that_fails_half_way_through_a_new_version_is_asked_again(world: World) -> None:
    """champion.json was read, what it names was not: that it has not changed since says nothing."""
    old, new = serve(world.registry, 1), register(world.registry, 2)
    world.current()
    promote(world.registry, new)
    world.blobs.fails = {GRAPH_FILE}
    assert world.after(REFRESH) == world.after(REFRESH) == old.version
    world.blobs.fails = set()
    assert world.after(REFRESH) == new.version


def test_a_process_that_starts_beside_a_broken_champion_serves_the_one_before_it(world: World) -> None:
    old, broken = serve(world.registry, 1), serve(world.registry, 2)
    world.put_graph(broken, None)
    assert world.current() == old.version
    assert world.served.since == ""
    assert f"{old.version} serves in its place" in world.served.live().problems[0]
    world.put_graph(broken, make(2)[1][GRAPH_FILE])
    assert (world.after(REFRESH), world.served.since) == (broken.version, broken.slot)


def test_a_version_that_served_just_before_is_not_downloaded_to_serve_again(world: World) -> None:
    first, second = serve(world.registry, 1), serve(world.registry, 2)
    assert world.current() == second.version
    world.registry.roll_back(MODEL, to=None, at="now", why="a test", who="a test")
    assert world.after(REFRESH) == first.version
    promote(world.registry, second)
    world.blobs.reads.clear()
    assert world.after(REFRESH) == second.version
    assert world.blobs.counts() == {"champion.json": 1, VERSION_FILE: 1, GRAPH_FILE: 1}
    world.registry.roll_back(MODEL, to=first.version, at="later", why="a test", who="a test")
    world.blobs.reads.clear()
    assert world.after(REFRESH) == first.version
    assert world.blobs.counts() == {"champion.json": 1}


# Beside the champion


def put_beside(world: World, role: Role, version: Version, share: float = 0.5) -> None:
    world.registry.set_beside(MODEL, role, Beside(version.version, share, "then"), why="a test", who="a test")


def taking_part(world: World) -> tuple[str | None, str | None]:
    """The canary and the shadow that are in memory."""
    live = world.served.live()
    return tuple(part and part.loaded.version.version for part in (live.canary, live.shadow))  # type: ignore[return-value]


def test_a_canary_and_a_shadow_are_followed_without_loading_the_champion_again(world: World) -> None:
    champion, second, third = serve(world.registry, 1), register(world.registry, 2), register(world.registry, 3)
    loaded = world.served.current()
    assert taking_part(world) == (None, None)
    put_beside(world, "canary", second, 0.2)
    put_beside(world, "shadow", third, 1.0)
    world.blobs.reads.clear()
    assert world.after(REFRESH) == champion.version
    assert taking_part(world) == (second.version, third.version)
    assert world.blobs.counts() == {"champion.json": 1, VERSION_FILE: 2, GRAPH_FILE: 2}
    live = world.served.live()
    assert live.champion is loaded
    assert [part.share for part in (live.canary, live.shadow) if part] == [0.2, 1.0]
    world.registry.end_beside(MODEL, "canary", at="", why="", who="")
    world.after(REFRESH)
    assert taking_part(world) == (None, third.version)


def test_a_promotion_ends_what_took_part(world: World) -> None:
    serve(world.registry, 1)
    second, third = register(world.registry, 2), register(world.registry, 3)
    put_beside(world, "canary", second)
    put_beside(world, "shadow", third)
    world.current()
    promote(world.registry, second)
    world.blobs.reads.clear()
    assert world.after(REFRESH) == second.version
    assert taking_part(world) == (None, None)
    assert world.blobs.counts() == {"champion.json": 1}


@pytest.mark.parametrize("role", ["canary", "shadow"])
def test_the_champion_answers_where_what_is_beside_it_cannot_be_loaded(world: World, role: Role) -> None:
    champion, other = serve(world.registry, 1), register(world.registry, 2)
    put_beside(world, role, other)
    world.put_graph(other, b"no graph")
    assert world.current() == champion.version
    assert taking_part(world) == (None, None)
    (problem,) = world.served.live().problems
    assert problem.startswith(f"the {role} takes no part: ")
    world.after(REFRESH)
    world.blobs.reads.clear()
    assert world.after(REFRESH) == champion.version
    assert world.blobs.counts() == {"champion.json": 1}
    world.put_graph(other, make(2)[1][GRAPH_FILE])
    world.after(REFRESH)
    assert other.version in taking_part(world)
    assert world.served.live().problems == ()


OTHER_INPUTS = {
    "it needs 'wind', which no request brings": (*INPUTS, Input("wind", "number")),
    "it takes 'age' as number, not as integer": (Input("age", "number", min=16, max=120), *INPUTS[1:]),
    "it takes no empty 'balance'": (INPUTS[0], Input("balance", "number"), *INPUTS[2:]),
    "it takes 'age' from 18 to 120 alone": (Input("age", "integer", min=18, max=120), *INPUTS[1:]),
    "it takes 'age' from 16 to 99 alone": (Input("age", "integer", min=16, max=99), *INPUTS[1:]),
}


@pytest.mark.parametrize("reason", OTHER_INPUTS)
def test_a_version_that_cannot_take_every_row_of_the_champion_takes_no_part(world: World, reason: str) -> None:
    champion = serve(world.registry, 1)
    put_beside(world, "canary", register(world.registry, 2, OTHER_INPUTS[reason]))
    assert world.current() == champion.version
    assert taking_part(world) == (None, None)
    assert reason in world.served.live().problems[0]


def test_a_version_that_takes_less_or_more_widely_may_take_part(world: World) -> None:
    serve(world.registry, 1)
    wider = (Input("age", "integer", nullable=True), *INPUTS[2:5], Input("job", "category", nullable=True))
    other = register(world.registry, 2, wider)
    put_beside(world, "canary", other)
    world.current()
    assert taking_part(world) == (other.version, None)


# All of it at once


def test_every_answer_is_right_for_the_version_it_names_while_champions_change() -> None:
    """8 threads ask, 200 times the champion becomes another: whole, of another hash, cut, or not there."""
    world = World()
    world.served = Served(MODEL, world.registry, 0.004)
    made = {number: make(number, bias=number / 50) for number in range(1, 201)}
    right = {made[number][0].version: 1 / (1 + math.exp(-number / 50)) for number in made}
    good = {made[number][0].version for number in made if number % 4 == 1}
    world.registry.register(*made[1])
    promote(world.registry, made[1][0])
    world.current()
    done = threading.Event()
    order = {made[number][0].version: number for number in made}

    def ask() -> list[tuple[str, float]]:
        """The versions that one client saw, each with its answer."""
        seen: list[tuple[str, float]] = []
        while not done.is_set():
            loaded = world.served.current()
            seen.append((loaded.version.version, probability(loaded)))
        return seen

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask) for _ in range(8)]
        try:
            for number in range(2, 201):
                version, files = made[number]
                whole = files[GRAPH_FILE]
                world.registry.register(version, files)
                world.put_graph(version, {1: whole, 2: None, 3: whole[:-9], 0: made[1][1][GRAPH_FILE]}[number % 4])
                promote(world.registry, version)
                looked_up = world.blobs.looked_up()
                wait_until(lambda before=looked_up: world.blobs.looked_up() > before, poll_seconds=0.001)
        finally:
            done.set()
        seen = [one.result(20) for one in asking]
    for client in seen:
        assert client
        numbers = [order[version] for version, _ in client]
        assert numbers == sorted(numbers)
    wrong = [(version, found) for client in seen for version, found in client if abs(found - right[version]) > 1e-6]
    answered = {version for client in seen for version, _ in client}
    assert not wrong
    assert answered == good
