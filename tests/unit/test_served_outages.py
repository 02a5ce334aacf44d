"""What serves while storage fails or hangs: the last version, and no request waits for what will not come."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from local.waiting import wait_until
from shared.errors import StoreUnavailable
from shared.scoring.serving.served import FAILURE_SECONDS, PATIENCE_SECONDS
from shared.store.registry import GRAPH_FILE
from tests.serving_world import CHAMPION, REFRESH, World, ask_together, join_lookups, lookups, watched
from tests.tiny_versions import promote, register, serve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world() -> Iterator[World]:
    yield from watched()


# Before anything serves


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


# Storage that fails while a version serves


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


def test_storage_that_fails_half_way_through_a_new_version_is_asked_again(world: World) -> None:
    """champion.json was read, what it names was not: that it has not changed since says nothing."""
    old, new = serve(world.registry, 1), register(world.registry, 2)
    world.current()
    promote(world.registry, new)
    world.blobs.fails = {GRAPH_FILE}
    assert world.after(REFRESH) == world.after(REFRESH) == old.version
    world.blobs.fails = set()
    assert world.after(REFRESH) == new.version


def test_a_champion_json_that_is_gone_leaves_the_last_version_serving(world: World) -> None:
    version = serve(world.registry)
    world.current()
    del world.blobs.blobs[CHAMPION]
    assert world.after(REFRESH) == version.version


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


# Storage that hangs while a version serves


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
