"""Many clients ask while one champion after another is named: each answer is right for the version it names."""

from __future__ import annotations

import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from local.waiting import wait_until
from shared.scoring.serving.served import Served
from shared.store.registry import GRAPH_FILE
from tests.serving_world import World
from tests.tiny_versions import MODEL, ROW, make, promote

if TYPE_CHECKING:
    from shared.scoring.serving.loaded import LoadedVersion


def probability(loaded: LoadedVersion) -> float:
    rows = loaded.reader.read(json.dumps(ROW).encode())
    return float(loaded.outputs(loaded.encoder.encode(rows.columns, rows.count))[0])


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
