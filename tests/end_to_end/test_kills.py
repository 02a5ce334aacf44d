"""A host killed by SIGKILL at each write of a retraining; after the next start the same event makes it good."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.phone_data import contacts, to_csv

if TYPE_CHECKING:
    from tests.end_to_end.world import World

OLD_WORLD = contacts(600, sign=-1)
WRITES = 9  # progress, quarantine, graph, holdout, card, version, champion, history, run record
STEPS = [(1, "before"), *((write, "after") for write in range(1, WRITES + 1))]


@pytest.mark.parametrize(("at", "moment"), STEPS)
def test_a_killed_retraining_is_finished_by_the_same_event(world: World, at: int, moment: str) -> None:
    world.start(events=False)
    first_slot = world.drop(to_csv(OLD_WORLD), "first.csv")
    world.send_event("drops/contacts/first.csv", datetime.now(UTC))
    first = world.record(first_slot)
    assert world.host is not None
    world.host.stop()

    rows = OLD_WORLD + contacts(3000, first=601)
    rows[9]["age"] = 0  # so that there is a quarantine
    slot = world.drop(to_csv(rows), "second.csv")
    mortal = world.start_mortal(at, moment)
    world.send_event("drops/contacts/second.csv", datetime.now(UTC))
    assert mortal.wait(180) == -9

    world.start(events=False)
    world.send_event("drops/contacts/second.csv", datetime.now(UTC))
    record = world.record(slot)
    assert record.outcome == "promoted"
    assert f"against {first.version}" in record.reasons[0]
    assert [entry.version for entry in world.registry.history("phone")] == [first.version, record.version]
    assert world.answered_by(str(record.version))
    versions = {info.name.split("/")[2] for info in world.blobs.list("models/phone/2")}
    assert versions == {first.version, record.version}
