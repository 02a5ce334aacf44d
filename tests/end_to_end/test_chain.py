"""The chain over Microsoft's worker library and Azurite: drop, retrain, answer; with events and storage as they are."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from local.company import connection_string, found_company
from local.waiting import wait_until
from shared.store import names
from shared.store.records import Manifest, from_json
from tests.end_to_end.world import World
from tests.phone_data import contacts, to_csv

if TYPE_CHECKING:
    from pathlib import Path

OLD_WORLD = contacts(600, sign=-1)
NEW_WORLD = OLD_WORLD + contacts(3000, first=601)


def test_a_drop_becomes_a_version_and_the_answers_change(world: World) -> None:
    world.start()
    assert world.answer()[0] == 503
    first = world.record(world.drop(to_csv(OLD_WORLD), "first.csv"))
    before = world.answered_by(str(first.version))
    second = world.record(world.drop(to_csv(NEW_WORLD), "second.csv"))
    after = world.answered_by(str(second.version))
    assert (first.outcome, second.outcome) == ("promoted", "promoted")
    assert before["predictions"][0]["probability"] < 0.1
    assert after["predictions"][0]["probability"] > 0.9
    assert before["predictions"][0]["decision"] == "do not call"
    assert after["predictions"][0]["decision"] == "call"


def test_a_rollback_changes_the_answers_back(world: World) -> None:
    world.start()
    first = world.record(world.drop(to_csv(OLD_WORLD), "first.csv"))
    second = world.record(world.drop(to_csv(NEW_WORLD), "second.csv"))
    world.answered_by(str(second.version))
    world.registry.roll_back("phone", to=None, at="20261123T120000Z", why="it calls everybody", who="a person")
    world.answered_by(str(first.version))
    assert [entry.action for entry in world.registry.history("phone")] == ["promoted", "promoted", "rolled back"]


def test_the_same_event_ten_times_makes_one_version(world: World) -> None:
    world.environment["AzureFunctionsJobHost__extensions__blobs__maxDegreeOfParallelism"] = "10"
    world.start(events=False)
    slot = world.drop(to_csv(OLD_WORLD))
    world.send_events("drops/contacts/contacts.csv", datetime.now(UTC), 10)
    record = world.record(slot)
    assert world.host is not None
    wait_until(
        lambda: world.host.output.read_text().count("Executed 'Functions.train_blob_trigger' (Succeeded") == 10, 60
    )
    versions = {info.name.split("/")[2] for info in world.blobs.list("models/phone/2")}
    assert versions == {record.version}
    assert len(world.registry.history("phone")) == 1


def test_two_drops_at_once_both_get_their_record(world: World) -> None:
    world.environment["AzureFunctionsJobHost__extensions__blobs__maxDegreeOfParallelism"] = "2"
    world.start()
    with ThreadPoolExecutor(2) as pool:
        slots = list(pool.map(world.drop, [to_csv(OLD_WORLD), to_csv(NEW_WORLD)], ["a.csv", "b.csv"]))
    records = [world.record(slot) for slot in slots]
    champion = world.registry.champion("phone")
    assert champion is not None
    assert champion.champion.version in {record.version for record in records}
    history = world.registry.history("phone")
    assert history[-1].version == champion.champion.version
    assert len(history) == sum(record.outcome == "promoted" for record in records)


def test_an_event_whose_blob_is_gone_leaves_nothing_behind(world: World) -> None:
    world.start(events=False)
    world.drop(to_csv(OLD_WORLD), "gone.csv")
    world.drop(to_csv(OLD_WORLD), "here.csv")
    gone = world.blobs._client("drops/contacts/gone.csv")
    when = datetime.now(UTC)
    info = world.blobs.info("drops/contacts/gone.csv")
    gone.delete_blob()
    world.blobs.write("drops/contacts/gone.csv", b"")
    world.send_event("drops/contacts/gone.csv", when)
    gone.delete_blob()
    assert info.size_bytes
    slot = world.drop(to_csv(OLD_WORLD), "here.csv")
    world.send_event("drops/contacts/here.csv", when)
    assert world.record(slot).outcome == "promoted"
    assert len([info for info in world.blobs.list("runs/contacts/") if "progress" not in info.name]) == 1


def test_an_event_of_another_container_leaves_nothing_behind(world: World) -> None:
    """The webhook passes on every event that it gets; the subscription's filter may be set wrongly."""
    world.start(events=False)
    world.blobs.write("exports/contacts/contacts.csv", to_csv(OLD_WORLD))
    world.send_event("exports/contacts/contacts.csv", datetime.now(UTC))
    assert world.host is not None
    log = world.host.output
    wait_until(lambda: "Executed 'Functions.train_blob_trigger' (Succeeded" in log.read_text(), 120)
    assert "is not a drop" in log.read_text()
    assert list(world.blobs.list("runs/")) == []
    assert list(world.blobs.list("models/")) == []


def test_a_champion_answers_on_while_storage_is_away(world: World) -> None:
    world.start()
    record = world.record(world.drop(to_csv(OLD_WORLD)))
    world.answered_by(str(record.version))
    world.azurite.stop()
    slowest = 0.0
    for _ in range(60):
        started = time.monotonic()
        status, body = world.answer()
        slowest = max(slowest, time.monotonic() - started)
        assert status == 200
        assert body["version"] == record.version
        time.sleep(0.05)
    assert slowest < 1.0
    world.azurite.start()
    second = world.record(world.drop(to_csv(NEW_WORLD), "second.csv"))
    world.answered_by(str(second.version))


@pytest.fixture
def company(tmp_path: Path) -> World:
    """A world with the demo company's database, exported in parts so small that an export takes a while."""
    database = tmp_path / "company.db"
    found_company(database)
    settings = {"SQL_CONNECTION_STRING": connection_string(database), "EXPORT_PART_BYTES": "1024"}
    return World(tmp_path, settings)


def manifests(world: World) -> list[str]:
    return [info.name for info in world.blobs.list("drops/contacts/")]


def test_storage_that_goes_away_during_an_export_leaves_no_manifest_and_the_next_run_is_clean(company: World) -> None:
    try:
        company.start(events=False)
        assert company.call("/admin/functions/export_timer", {"input": ""})[0] == 202
        wait_until(lambda: len(list(company.blobs.list("exports/contacts/"))) >= 2, 30)
        company.azurite.stop()
        assert company.host is not None
        log = company.host.output
        wait_until(lambda: "Executed 'Functions.export_timer' (Failed" in log.read_text(), 120)
        company.azurite.start()
        assert manifests(company) == []
        assert company.call("/admin/functions/export_timer", {"input": ""})[0] == 202
        (name,) = wait_until(lambda: manifests(company), 120)
        blob = company.blobs.read(name)
        assert blob is not None
        manifest = from_json(blob.data, Manifest, name)
        assert manifest.rows == 45_211 == sum(part.rows for part in manifest.parts)
        assert all(company.blobs.info(part.name).size_bytes == part.size_bytes for part in manifest.parts)
        assert names.parse_stamp(manifest.slot)
    finally:
        company.stop()
