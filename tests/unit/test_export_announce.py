"""An event may be lost: a manifest that nobody took up is announced again, and at last reported."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from local.memory_blobs import MemoryBlobs
from shared.errors import VersionError
from shared.export.announce import announce_again
from shared.settings import Settings
from shared.store import names
from shared.store.records import ExportState, Manifest, Part, from_json, to_json
from tests.fake_source import use_case_of

if TYPE_CHECKING:
    from shared.store.blobs import Blob

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
AFTER = 3600
SETTINGS = Settings(storage_uri="unused", export_announce_after_seconds=AFTER, export_announcements=3)
ONCE, TWICE = b'"announcements": 1', b'"announcements": 2'
FIRST, SECOND = "20261122T020000Z", "20261123T020000Z"


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


def put(blobs: MemoryBlobs, name: str, data: bytes = b"{}", *, age: float = 9 * AFTER) -> str:
    blobs.write(name, data)
    blobs.modified[name] = NOW - timedelta(seconds=age)
    return name


def announce(blobs: MemoryBlobs, slot: str, *, age: float = 9 * AFTER, times: int = 1) -> str:
    parts = (Part(names.part("log", slot, "a1", 0), 1, 1, "x"),)
    manifest = Manifest("log", slot, {"id": "integer"}, parts, 1, slot, announcements=times)
    return put(blobs, names.manifest("log", slot), to_json(manifest), age=age)


def newest(blobs: MemoryBlobs, slot: str) -> None:
    put(blobs, names.export_state("log"), to_json(ExportState("log", slot)))


def times_of(blobs: MemoryBlobs, slot: str) -> int:
    name = names.manifest("log", slot)
    return from_json(blobs.blobs[name], Manifest, name).announcements


def again(blobs: MemoryBlobs, now: datetime = NOW) -> list[str]:
    return announce_again(use_case_of(), blobs, now, SETTINGS)


def test_a_manifest_that_nobody_took_up_is_written_once_more(
    blobs: MemoryBlobs, caplog: pytest.LogCaptureFixture
) -> None:
    name = announce(blobs, FIRST)
    before = from_json(blobs.blobs[name], Manifest, name)
    etag = blobs.etags[name]
    assert again(blobs) == []
    assert blobs.etags[name] != etag  # an event comes of that
    assert times_of(blobs, FIRST) == 2
    assert from_json(blobs.blobs[name].replace(TWICE, ONCE), Manifest, name) == before
    assert f"{name}: has no run record; announced again (2 of 3)" in caplog.text


@pytest.mark.parametrize(("age", "times"), [(AFTER - 1, 1), (AFTER, 2)])
def test_each_announcement_is_given_its_time(blobs: MemoryBlobs, age: float, times: int) -> None:
    announce(blobs, FIRST, age=age)
    again(blobs)
    assert times_of(blobs, FIRST) == times


def test_a_manifest_that_was_just_announced_again_waits_anew(blobs: MemoryBlobs) -> None:
    name = announce(blobs, FIRST)
    again(blobs)
    blobs.modified[name] = NOW
    again(blobs, NOW + timedelta(seconds=AFTER - 1))
    assert times_of(blobs, FIRST) == 2
    again(blobs, NOW + timedelta(seconds=AFTER))
    assert times_of(blobs, FIRST) == 3


def test_what_was_announced_often_enough_is_only_reported(blobs: MemoryBlobs, caplog: pytest.LogCaptureFixture) -> None:
    announce(blobs, FIRST, times=3)
    announce(blobs, SECOND, times=2)
    before = blobs.etags[names.manifest("log", FIRST)]
    assert again(blobs) == [FIRST]
    assert blobs.etags[names.manifest("log", FIRST)] == before
    (error,) = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert error == (
        f"export of log: 1 manifests have no run record after 3 announcements each: {FIRST}. Does Event Grid reach "
        "train_blob_trigger, and what lies in its poison queue?"
    )


@pytest.mark.parametrize(
    ("record", "times"),
    [
        (names.run_record("log", FIRST, "phone"), 1),
        (names.run_record("log", FIRST, "another"), 1),
        (names.run_progress("log", FIRST, "phone"), 2),
        (names.run_record("log", SECOND, "phone"), 2),
        (names.run_record("log-2", FIRST, "phone"), 2),
    ],
)
def test_a_run_record_says_that_it_was_taken_up_and_progress_does_not(
    blobs: MemoryBlobs, record: str, times: int
) -> None:
    announce(blobs, FIRST)
    newest(blobs, SECOND)
    put(blobs, record)
    again(blobs)
    assert times_of(blobs, FIRST) == times


@pytest.mark.parametrize(("model", "times"), [("phone", 1), ("another", 2)])
def test_a_model_that_is_new_in_the_catalog_learns_from_the_newest_export(
    blobs: MemoryBlobs, model: str, times: int
) -> None:
    announce(blobs, FIRST)
    newest(blobs, FIRST)
    put(blobs, names.run_record("log", FIRST, model))
    again(blobs)
    assert times_of(blobs, FIRST) == times


def test_files_that_people_dropped_are_left_alone(blobs: MemoryBlobs) -> None:
    for name in ("log/mine.csv", "log/MINE.CSV", f"log-2/{FIRST}.json", f"log/{FIRST}.json.bak"):
        put(blobs, f"drops/{name}")
    before = {**blobs.etags}
    assert again(blobs) == []
    assert blobs.etags == before


def test_what_is_no_manifest_is_told_and_keeps_no_other_back(
    blobs: MemoryBlobs, caplog: pytest.LogCaptureFixture
) -> None:
    put(blobs, names.manifest("log", FIRST), b"{")
    announce(blobs, SECOND)
    assert again(blobs) == []
    assert times_of(blobs, SECOND) == 2
    assert f"not announced again: drops/log/{FIRST}.json: is not a Manifest record" in caplog.text


@pytest.mark.parametrize("gone", [False, True], ids=["announced again", "deleted"])
def test_a_manifest_that_another_run_looks_after_meanwhile_is_left_to_it(blobs: MemoryBlobs, gone: bool) -> None:
    name = announce(blobs, FIRST)
    by_the_other: list[str] = []

    class Raced(MemoryBlobs):
        def read(self, name: str, *, unless: str | None = None) -> Blob | None:
            if gone and name.startswith("drops/"):
                blobs.delete(name)
            found = super().read(name, unless=unless)
            if found and name.startswith("drops/"):
                by_the_other.append(blobs.write(name, found.data.replace(ONCE, TWICE)))
            return found

    raced = Raced(blobs.blobs, blobs.etags, blobs.modified)
    newest(blobs, SECOND)
    assert again(raced) == []
    assert (name in blobs.blobs) == (not gone)
    assert by_the_other == ([] if gone else [blobs.etags[name]])


def test_a_state_that_cannot_be_read_is_told(blobs: MemoryBlobs) -> None:
    put(blobs, names.export_state("log"), b"{")
    with pytest.raises(VersionError, match=r"^exports/log/state\.json: "):
        again(blobs)
