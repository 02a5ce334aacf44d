"""What serves in the place of a version that cannot be loaded, and when that version is tried again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from shared.errors import VersionError
from shared.scoring.serving.served import FAILURE_SECONDS
from shared.store.registry import GRAPH_FILE, VERSION_FILE
from tests.serving_world import CHAMPION, REFRESH, World, watched
from tests.tiny_versions import make, promote, register, serve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world() -> Iterator[World]:
    yield from watched()


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


def test_a_process_that_starts_beside_a_broken_champion_serves_the_one_before_it(world: World) -> None:
    old, broken = serve(world.registry, 1), serve(world.registry, 2)
    world.put_graph(broken, None)
    assert world.current() == old.version
    assert world.served.since == ""
    assert f"{old.version} serves in its place" in world.served.live().problems[0]
    world.put_graph(broken, make(2)[1][GRAPH_FILE])
    assert (world.after(REFRESH), world.served.since) == (broken.version, broken.slot)


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
