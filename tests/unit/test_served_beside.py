"""The canary and the shadow in memory beside the champion: how they are followed, and what keeps them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.store.records import Input
from shared.store.registry import GRAPH_FILE, VERSION_FILE
from tests.serving_world import REFRESH, World, taking_part, watched
from tests.tiny_versions import INPUTS, MODEL, make, promote, put_beside, register, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.store.registry import Role


@pytest.fixture
def world() -> Iterator[World]:
    yield from watched()


def test_a_canary_and_a_shadow_are_followed_without_loading_the_champion_again(world: World) -> None:
    champion, second, third = serve(world.registry, 1), register(world.registry, 2), register(world.registry, 3)
    loaded = world.served.current()
    assert taking_part(world) == (None, None)
    put_beside(world.registry, "canary", second, 0.2)
    put_beside(world.registry, "shadow", third, 1.0)
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
    put_beside(world.registry, "canary", second)
    put_beside(world.registry, "shadow", third)
    world.current()
    promote(world.registry, second)
    world.blobs.reads.clear()
    assert world.after(REFRESH) == second.version
    assert taking_part(world) == (None, None)
    assert world.blobs.counts() == {"champion.json": 1}


@pytest.mark.parametrize("role", ["canary", "shadow"])
def test_the_champion_answers_where_what_is_beside_it_cannot_be_loaded(world: World, role: Role) -> None:
    champion, other = serve(world.registry, 1), register(world.registry, 2)
    put_beside(world.registry, role, other)
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
    put_beside(world.registry, "canary", register(world.registry, 2, OTHER_INPUTS[reason]))
    assert world.current() == champion.version
    assert taking_part(world) == (None, None)
    assert reason in world.served.live().problems[0]


def test_a_version_that_takes_less_or_more_widely_may_take_part(world: World) -> None:
    serve(world.registry, 1)
    wider = (Input("age", "integer", nullable=True), *INPUTS[2:5], Input("job", "category", nullable=True))
    other = register(world.registry, 2, wider)
    put_beside(world.registry, "canary", other)
    world.current()
    assert taking_part(world) == (other.version, None)
