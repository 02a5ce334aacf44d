"""Models change all the time, and half of the changes are broken: every request is answered, and answered right."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from local.waiting import wait_until
from shared.store.predictions import Prediction, read_predictions
from tests.end_to_end.moving_champion import Move, Story, make, make_all, tell
from tests.end_to_end.world import KEY, World
from tests.keep_alive import KeepAlive, port_of, post
from tests.phone_data import ROW
from tests.slow import at_length
from tests.tiny_versions import MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS = at_length(4.0, 60.0)
EVERY_SECONDS = 0.2
REFRESH_SECONDS = 0.1
CLIENTS = 4
AGES = range(16, 121, 3)
ROUNDING = 2e-6
"""Answers have six digits, graphs 32-bit floats."""
SCORE = f"/api/models/{MODEL}/score"

pytestmark = pytest.mark.timeout(at_length(120, 300))


@dataclass
class Seen:
    """What one client was answered."""

    count: Counter[str] = field(default_factory=Counter)
    """By version."""
    changes: list[tuple[float, str]] = field(default_factory=list)
    """Each time another version answered: when, and which."""
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0


class Client:
    """Sends row after row over one connection, and holds every answer against what it must be."""

    def __init__(self, world: World, story: Story, first: int) -> None:
        assert world.host is not None
        self._port, self._story = port_of(world.host.url), story
        # Each client begins elsewhere, with keys of its own: a canary answers other rows of each.
        ages = [*AGES[first:], *AGES[:first]]
        rows = [ROW | {"contact_id": 1000 * first + age, "age": age} for age in ages]
        self._asked = [(row, post(SCORE, row, {"x-functions-key": KEY})) for row in rows]
        self._known: dict[tuple[int, bytes], str] = {}

    def run(self, stop: threading.Event) -> Seen:
        """Until ``stop`` is set, or an answer is wrong."""
        seen, last = Seen(), ""
        with KeepAlive(self._port) as connection:
            while not stop.is_set() and not seen.wrong:
                for place, (_, request) in enumerate(self._asked):
                    began = time.monotonic()
                    status, body = connection.ask(request)
                    now = time.monotonic()
                    seen.slowest = max(seen.slowest, now - began)
                    version = self._known.get((place, body)) or self._judged(place, status, body, seen)
                    seen.count[version] += 1
                    if version != last:
                        seen.changes.append((now, version))
                        last = version
        return seen

    def _judged(self, place: int, status: int, body: bytes, seen: Seen) -> str:
        """The version that gave the answer; one that is right is known from then on."""
        row = self._asked[place][0]
        if status != 200:
            seen.wrong.append(f"{status}: {body.decode()}")
            return ""
        content = json.loads(body)
        (prediction,) = content["predictions"]
        version: str = prediction.get("version", content["version"])
        probability = self._story.expected(version, row["age"])
        right = {"contact_id": row["contact_id"], "decision": "call" if probability >= 0.5 else "do not call"}
        is_right = math.isclose(prediction["probability"], probability, rel_tol=0, abs_tol=ROUNDING)
        if not is_right or not right.items() <= prediction.items() or "warnings" in prediction:
            seen.wrong.append(f"expected {probability} of {version}: {body.decode()}")
        self._known[place, body] = version
        return version


def out_of_order(changes: Sequence[tuple[float, str]], moves: Sequence[Move]) -> str | None:
    """Why one client cannot have seen these versions, had they moved only as champion.json did; None where it can.

    A move may pass unseen. Each answer is taken for that of the earliest move that it can be of, never of one before
    that of the answer before, and never of one that began after the answer had come.
    """
    place = 0
    for at, version in changes:
        while place < len(moves) and version not in moves[place].shows:
            place += 1
        if place == len(moves):
            return f"{version} answered, and no move to it was left"
        if moves[place].since > at:
            return f"{version} answered {moves[place].since - at:.3f} s before move {place} named it"
    return None


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = {
        "MODEL_REFRESH_SECONDS": str(REFRESH_SECONDS),
        "PREDICTION_LOG_SECONDS": "1",
        "AzureWebJobs.export_timer.Disabled": "true",
    }
    world = World(tmp_path_factory.mktemp("moving"), settings)
    try:
        world.start(events=False)
        yield world
    finally:
        world.stop()


def asked_while_it_moves(world: World, story: Story) -> list[Seen]:
    """What each client saw, from the first move until after the last."""
    stop, blobs = threading.Event(), world.blobs
    make(blobs, story.moves[0])
    wait_until(lambda: is_answered_by(world, story.moves[0].shows))
    clients = [Client(world, story, first) for first in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        waiting = [pool.submit(client.run, stop) for client in clients]
        try:
            make_all(blobs, story.moves[1:], EVERY_SECONDS)
            wait_until(lambda: is_answered_by(world, story.moves[-1].shows))
        finally:
            stop.set()
        return [one.result() for one in waiting]


def is_answered_by(world: World, versions: frozenset[str]) -> bool:
    status, body = world.answer()
    return status == 200 and body["version"] in versions


def told(all_seen: Sequence[Seen], story: Story) -> str:
    """The figures, for whoever runs it at length."""
    seen = sum((one.count for one in all_seen), Counter())
    return (
        f"{seen.total():,} answers by {len(seen)} versions while champion.json moved {len(story.moves)} times, "
        f"{sum(not move.shows for move in story.moves)} of them to something broken; the slowest took "
        f"{1000 * max(one.slowest for one in all_seen):.1f} ms"
    )


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "with a canary and a shadow"])
def test_no_request_fails_while_champions_move_and_each_answer_is_that_of_the_version_it_names(
    running: World, beside: bool
) -> None:
    story = tell(running.blobs, round(SECONDS / EVERY_SECONDS), 1000 * beside, beside=beside)
    all_seen = asked_while_it_moves(running, story)
    print(told(all_seen, story))
    assert [wrong for seen in all_seen for wrong in seen.wrong] == []
    assert [reason for seen in all_seen if (reason := out_of_order(seen.changes, story.moves))] == []
    was_followed(story, set().union(*(seen.count for seen in all_seen)))
    brokenness_was_met(running, story)
    if beside:
        wait_until(lambda: len(shadows_logged(running) & story.shadows) > len(story.shadows) / 4)


def was_followed(story: Story, versions: set[str]) -> None:
    """Most versions answered while they were named."""
    champions = {move.named for move in story.moves if move.shows}
    canaries = set().union(*(move.shows for move in story.moves)) - champions
    assert len(versions & champions) > len(champions) / 2
    assert len(versions & canaries) >= len(canaries) / 2


def brokenness_was_met(world: World, story: Story) -> None:
    """The host tried to load versions that were broken in most of the ways."""
    assert world.host is not None
    log = world.host.output.read_text()
    broken = {move.named: move.kind for move in story.moves if not move.shows and move.named}
    met = {kind for version, kind in broken.items() if f"version {version} cannot be loaded" in log}
    assert len(met) > len(set(broken.values())) / 2


def shadows_logged(world: World) -> set[str]:
    """The versions that are in the prediction log as shadows."""
    days = {info.name.split("/")[2] for info in world.blobs.list(f"predictions/{MODEL}/")}
    lines = [line for day in days for line in read_predictions(world.blobs, MODEL, day)]
    return {line.version for line in lines if isinstance(line, Prediction) and line.role == "shadow"}


def test_what_a_client_cannot_have_seen_is_found() -> None:
    """The judge itself."""

    def move(since: float, *shows: str) -> Move:
        return Move("whole", b"", shows=frozenset(shows), since=since)

    moves = [move(0, "a"), move(1, "b"), move(2), move(3, "a"), move(4, "c", "d")]
    assert out_of_order([(0.5, "a"), (1.5, "b"), (3.5, "a"), (4.1, "d"), (4.2, "c"), (9, "d")], moves) is None
    assert out_of_order([(0.5, "a"), (9, "c")], moves) is None
    assert out_of_order([(0.5, "a"), (0.9, "b")], moves) == "b answered 0.100 s before move 1 named it"
    assert out_of_order([(1.5, "b"), (2.5, "a")], moves) == "a answered 0.500 s before move 3 named it"
    assert out_of_order([(4.1, "c"), (4.2, "a")], moves) == "a answered, and no move to it was left"
    assert out_of_order([(1.5, "b"), (3.5, "a"), (3.6, "b")], moves) == "b answered, and no move to it was left"
