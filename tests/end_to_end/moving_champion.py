"""champion.json moves between versions, whole ones and broken ones; who may answer meanwhile is known beforehand."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import TYPE_CHECKING

import msgspec

from shared.store import names
from shared.store.records import Beside, Champion, Input, to_json
from shared.store.registry import GRAPH_FILE, VERSION_FILE, Registry
from tests import tiny_versions
from tests.tiny_versions import MODEL, graph, phone_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.store.blobs import Blobs
    from shared.store.records import Version

WEIGHT = 0.02
"""Of the age; each version adds another bias, so that any two give every age another answer."""
PLAN = ("whole", "broken", "whole", "back", "whole", "broken", "broken", "whole")
"""What champion.json names from move to move, again and again; ``back`` is the whole version before the last."""


def bias(number: int) -> float:
    """Of version ``number``; no age has the log-odds 0 with it, at which a decision would hang on rounding."""
    return number % 1000 / 200 - 1.999


def schema(number: int) -> tuple[Input, ...]:
    """Every second version takes its inputs in another order, and one more, which may be empty."""
    inputs = phone_inputs()
    return inputs if number % 2 else (Input("since then", "number", nullable=True), *inputs[::-1])


def content(number: int, inputs: int | None = None) -> bytes:
    """The graph of version ``number``, or one that takes another number of inputs."""
    taken = schema(number)
    place = [item.name for item in taken].index("age")
    return graph(inputs or len(taken), column=place, weight=WEIGHT, bias=bias(number))


def made(number: int, spoiled: bytes = b"") -> tuple[Version, dict[str, bytes]]:
    """Version ``number``, not yet stored; ``spoiled`` takes the place of its graph."""
    return tiny_versions.make(number, schema(number), content=spoiled or content(number))


# Ways to be broken


def _without_graph(blobs: Blobs, number: int) -> str:
    return Registry(blobs).register(made(number)[0]).version


def _without_record(blobs: Blobs, number: int) -> str:
    version, files = made(number)
    blobs.write(names.version_file(MODEL, version.version, GRAPH_FILE), files[GRAPH_FILE])
    return version.version


def _with_another_graph(blobs: Blobs, number: int) -> str:
    """One that would answer, and wrongly; the hash tells."""
    version = Registry(blobs).register(*made(number)).version
    blobs.write(names.version_file(MODEL, version, GRAPH_FILE), content(number + 200))
    return version


def _with_half_a_graph(blobs: Blobs, number: int) -> str:
    whole = content(number)
    return Registry(blobs).register(*made(number, whole[: len(whole) // 2])).version


def _with_the_graph_of_another_schema(blobs: Blobs, number: int) -> str:
    return Registry(blobs).register(*made(number, content(number, inputs=len(schema(number)) + 3))).version


def _of_a_release_to_come(blobs: Blobs, number: int) -> str:
    version, files = made(number)
    Registry(blobs).register(version, files)
    record = to_json(version).replace(b'"schema_version": 1', b'"schema_version": 99')
    assert record != to_json(version)
    blobs.write(names.version_file(MODEL, version.version, VERSION_FILE), record)
    return version.version


WAYS: dict[str, Callable[[Blobs, int], str]] = {
    "no graph": _without_graph,
    "no record": _without_record,
    "wrong hash": _with_another_graph,
    "truncated graph": _with_half_a_graph,
    "other schema": _with_the_graph_of_another_schema,
    "later release": _of_a_release_to_come,
}
GONE, GARBLED = "champion.json is gone", "champion.json is cut off"


# What happens


@dataclass
class Move:
    """What champion.json is from one moment on."""

    kind: str
    """``whole``, or what is broken."""
    written: bytes
    """Empty: the blob is deleted."""
    named: str = ""
    shows: frozenset[str] = frozenset()
    """The versions that may answer; none where nothing of it can be loaded: then it stays with what was before."""
    since: float = math.inf
    """When the write began, by time.monotonic."""


@dataclass
class Story:
    """All moves, and what each whole version answers."""

    moves: list[Move] = field(default_factory=list)
    biases: dict[str, float] = field(default_factory=dict)
    shadows: set[str] = field(default_factory=set)
    """Versions that may never be shown."""

    def expected(self, version: str, age: int) -> float:
        """The probability, known before anything runs; NaN of a version that may never answer."""
        return 1 / (1 + math.exp(-(WEIGHT * age + self.biases.get(version, math.nan))))


def tell(blobs: Blobs, moves: int, first: int, *, beside: bool = False) -> Story:
    """Store the versions of ``moves`` moves, numbered from ``first`` on; the first move is to a whole one.

    With ``beside``, whole champions have a canary and a shadow next to them, some of which are broken.
    """
    story = Story()
    numbers = iter(range(first, first + 4 * moves))
    ways, seen = cycle([*WAYS, GONE, GARBLED]), []

    def whole() -> tuple[int, str]:
        number = next(numbers)
        version = Registry(blobs).register(*made(number)).version
        story.biases[version] = bias(number)
        return number, version

    for place, step in enumerate(islice(cycle(PLAN), moves)):
        previous = seen[-1][1] if seen else None
        if step == "broken":
            story.moves.append(_broken(blobs, next(ways), numbers, previous))
            continue
        number, version = seen[-2] if step == "back" else whole()
        seen.append((number, version))
        champion = Champion(version, previous, since=f"move {place}")
        move = Move("whole", to_json(champion), version, frozenset({version}))
        story.moves.append(_accompanied(story, blobs, champion, number, place, numbers) if beside else move)
    return story


def _broken(blobs: Blobs, way: str, numbers: Iterator[int], previous: str | None) -> Move:
    if way == GONE:
        return Move(way, b"")
    if way == GARBLED:
        return Move(way, to_json(Champion("20240101T000000Z-00000000", previous, since="now"))[:-20])
    version = WAYS[way](blobs, next(numbers))
    return Move(way, to_json(Champion(version, previous, since="now")), version)


def _accompanied(
    story: Story, blobs: Blobs, champion: Champion, number: int, place: int, numbers: Iterator[int]
) -> Move:
    """With a canary of the champion's schema, or one that is broken or takes no part, and a shadow."""
    canary, shadow = next(numbers), next(numbers)
    if (canary - number) % 2:
        canary, shadow = shadow, canary
    shown = {champion.version}
    if place % 3 == 2:
        canary_version = _with_half_a_graph(blobs, canary)
    else:
        canary_version = Registry(blobs).register(*made(canary)).version
        story.biases[canary_version] = bias(canary)
        shown.add(canary_version)
    shadow_version = Registry(blobs).register(*made(shadow)).version
    story.shadows.add(shadow_version)
    set_beside = msgspec.structs.replace(
        champion,
        canary=Beside(canary_version, 0.4, since="now"),
        shadow=Beside(shadow_version, 1.0, since="now"),
    )
    return Move("whole", to_json(set_beside), champion.version, frozenset(shown))


def make(blobs: Blobs, move: Move) -> None:
    """Write champion.json, or delete it."""
    move.since = time.monotonic()
    if move.written:
        blobs.write(names.champion(MODEL), move.written)
    else:
        blobs.delete(names.champion(MODEL))


def make_all(blobs: Blobs, moves: Sequence[Move], every_seconds: float) -> None:
    """One move after the other, as evenly as storage lets."""
    due = time.monotonic()
    for move in moves:
        due += every_seconds
        time.sleep(max(0.0, due - time.monotonic()))
        make(blobs, move)
