"""What serves follows champion.json: what is loaded, what is looked up, when, and what is read for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.waiting import wait_until
from shared.scoring.serving.served import FAILURE_SECONDS, NoChampion, Served
from shared.store.records import Champion, to_json
from shared.store.registry import GRAPH_FILE, VERSION_FILE
from tests.serving_world import CHAMPION, REFRESH, World, ask_together, join_lookups, lookups, watched
from tests.tiny_versions import MODEL, promote, register, serve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world() -> Iterator[World]:
    yield from watched()


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


# The first load


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
