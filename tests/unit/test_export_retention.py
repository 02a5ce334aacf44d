"""Old exports go, and attempts that came to nothing; what is needed stays, whatever its age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.memory_blobs import MemoryBlobs
from shared.export.retention import ABANDONED, chains, sweep
from shared.store import names
from shared.store.records import Champion, ExportRecord, ExportState, Manifest, Part, from_json, to_json
from shared.store.registry import VERSION_FILE
from tests.fake_source import use_case_of
from tests.mortal_blobs import Killed, MortalBlobs, die
from tests.tiny_versions import make

if TYPE_CHECKING:
    from shared.store.blobs import Blobs

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAYS = 90.0


class Shelf:
    """Blobs of given ages. Slots are named by letters here."""

    def __init__(self) -> None:
        self.blobs = MemoryBlobs()

    def put(self, name: str, data: bytes = b"x", *, days: float = 0) -> str:
        self.blobs.write(name, data)
        self.blobs.modified[name] = NOW - timedelta(days=days)
        return name

    def attempt(self, slot: str, attempt: str = "a1", *, days: float = 0) -> list[str]:
        """What an attempt writes until it is announced."""
        files = ("part-00000.csv", "part-00001.csv", "boundary.bin", "prepared.json")
        return [self.put(names.attempt_file("log", slot, attempt, file), days=days) for file in files]

    def record(self, slot: str, *, days: float = 0) -> str:
        name = names.export_record("log", slot)
        return self.put(name, to_json(ExportRecord("log", slot, "nothing new")), days=days)

    def export(self, slot: str, *, follows: str | None = None, days: float = 0) -> set[str]:
        """An announced export; the names of all its blobs."""
        files = self.attempt(slot, days=days)
        parts = tuple(Part(name, 1, 1, "x") for name in files[:2])
        manifest = Manifest("log", slot, {}, parts, 2, slot, follows)
        name = self.put(names.manifest("log", slot), to_json(manifest), days=days)
        return {*files, self.record(slot, days=days), name}

    def state(self, slot: str | None, pending: str | None = None, boundary: str | None = None) -> None:
        self.put(names.export_state("log"), to_json(ExportState("log", slot, pending=pending, boundary=boundary)))

    def serve(self, *slots: str) -> None:
        """The champion is made from the first slot, the version before it from the second."""
        versions = []
        for number, slot in enumerate(slots):
            version = msgspec.structs.replace(make(number, content=b"graph")[0], slot=slot)
            versions.append(version.version)
            self.put(names.version_file("phone", version.version, VERSION_FILE), to_json(version))
        champion = Champion(versions[0], versions[1] if len(versions) > 1 else None, "20260101T000000Z")
        self.put(names.champion("phone"), to_json(champion))

    def sweep(self, through: Blobs | None = None, days: float = DAYS) -> int:
        return sweep(use_case_of(), through or self.blobs, NOW, days)

    def left(self) -> set[str]:
        """All that belongs to slots."""
        found = {name for name in self.blobs.blobs if name.startswith(("exports/", "drops/"))}
        return found - {names.export_state("log")}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_what_is_older_than_the_retention_goes_and_all_else_stays(shelf: Shelf) -> None:
    old = shelf.export("a", days=DAYS + 1) | shelf.export("b", days=DAYS)
    young = shelf.export("c", days=DAYS - 1) | shelf.export("d")
    shelf.state("d")
    assert shelf.sweep() == len(old)
    assert shelf.left() == young
    assert shelf.sweep() == 0


def test_the_chain_of_the_newest_export_stays_whatever_its_age(shelf: Shelf) -> None:
    before = shelf.export("a", days=900) | shelf.export("b", follows="a", days=899)
    chain = shelf.export("c", days=800) | shelf.export("d", follows="c", days=700) | shelf.export("e", follows="d")
    shelf.state("e")
    assert shelf.sweep() == len(before)
    assert shelf.left() == chain


@pytest.mark.parametrize("serving", [("d",), ("d", "b"), ("gone", "d"), ("b", "gone")])
def test_what_the_champion_and_the_version_before_it_were_made_from_stays(
    shelf: Shelf, serving: tuple[str, ...]
) -> None:
    slots = {"a": shelf.export("a", days=900), "b": shelf.export("b", follows="a", days=890)}
    slots |= {"c": shelf.export("c", days=800), "d": shelf.export("d", follows="c", days=790)}
    shelf.export("z", days=700)
    newest = shelf.export("e")
    shelf.state("e")
    shelf.serve(*serving)
    shelf.sweep()
    kept = {"a", "b"} if "b" in serving else set()
    kept |= {"c", "d"} if "d" in serving else set()
    assert shelf.left() == newest.union(*(slots[slot] for slot in kept))


@pytest.mark.parametrize("spoilt", [None, b"{"])
def test_a_version_that_cannot_be_read_keeps_nothing_and_is_told(
    shelf: Shelf, spoilt: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.export("a", days=900)
    newest = shelf.export("e")
    shelf.state("e")
    shelf.serve("a")
    name = next(name for name in shelf.blobs.blobs if name.endswith(VERSION_FILE))
    if spoilt is None:
        shelf.blobs.delete(name)
    else:
        shelf.put(name, spoilt)
    shelf.sweep()
    assert shelf.left() == newest
    assert "phone: what version 20240101T000000Z-" in caplog.text


def test_a_manifest_that_cannot_be_read_stops_it_before_anything_is_deleted(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.export("a", days=900)
    shelf.put(names.manifest("log", "b"), b"{")
    before = shelf.left()
    with caplog.at_level("WARNING"):
        shelf.sweep()
    assert shelf.left() == before


# Attempts


@pytest.mark.parametrize(("age", "goes"), [(ABANDONED, True), (ABANDONED - timedelta(seconds=1), False)])
def test_an_attempt_that_came_to_nothing_goes_when_no_export_runs_as_long(
    shelf: Shelf, age: timedelta, goes: bool
) -> None:
    announced = shelf.export("a", days=3)
    shelf.state("a")
    abandoned = set(shelf.attempt("a", "overtaken", days=age / timedelta(days=1)))
    shelf.sweep()
    assert shelf.left() == announced | (set() if goes else abandoned)


def test_an_attempt_that_still_writes_stays_however_long_ago_it_began(shelf: Shelf) -> None:
    running = set(shelf.attempt("a", days=5))
    running.add(shelf.put(names.part("log", "a", "a1", 2), days=0.9))
    shelf.attempt("b", days=5)
    assert shelf.sweep() == 4
    assert shelf.left() == running


def test_what_is_pending_and_what_the_next_export_looks_up_stay(shelf: Shelf) -> None:
    pending, boundary = shelf.attempt("b", days=5), shelf.attempt("a", days=5)
    shelf.attempt("c", days=5)
    shelf.state(None, pending[-1], boundary[2])
    shelf.sweep()
    assert shelf.left() == {*pending, *boundary}


def test_the_state_stays_however_long_nothing_was_new(shelf: Shelf) -> None:
    chain = shelf.export("a", days=900)
    shelf.state("a")
    shelf.blobs.modified[names.export_state("log")] = NOW - timedelta(days=900)
    assert shelf.sweep() == 0
    assert set(shelf.blobs.blobs) == {*chain, names.export_state("log")}


def test_records_of_nights_without_news_go_with_the_retention(shelf: Shelf) -> None:
    shelf.record("a", days=DAYS)
    young = shelf.record("b", days=DAYS - 1)
    assert shelf.sweep() == 1
    assert shelf.left() == {young}


def test_a_retention_shorter_than_a_day_leaves_what_is_running(shelf: Shelf) -> None:
    shelf.export("a", days=0.5)
    newest = shelf.export("b", days=0.1)
    running = set(shelf.attempt("c", days=0.2))
    shelf.state("b")
    shelf.sweep(days=0.4)
    parts_of_a = set(shelf.left()) - newest - running
    assert names.manifest("log", "a") not in parts_of_a  # its parts go when they are a day old
    assert newest | running <= shelf.left()


def test_what_people_dropped_and_what_is_another_datasets_stays(shelf: Shelf) -> None:
    others = {
        shelf.put(name, days=900)
        for name in ("drops/log/mine.csv", "drops/log-2/S.json", "exports/log-2/S/a1/part-00000.csv", "drops/log/x.txt")
    }
    shelf.attempt("a", days=900)
    shelf.sweep()
    assert shelf.left() == others


def test_where_everything_is_young_nothing_is_even_looked_at(shelf: Shelf) -> None:
    shelf.export("a", days=0.5)
    shelf.put(names.manifest("log", "b"), b"{")
    assert shelf.sweep() == 0


# Death in between


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 17))
def test_wherever_it_dies_what_is_needed_is_there_and_the_next_one_goes_on(shelf: Shelf, at: int, after: bool) -> None:
    for slot, follows in (("a", None), ("b", "a")):
        shelf.export(slot, follows=follows, days=900)
    shelf.attempt("c", "overtaken", days=900)
    kept = shelf.export("c", days=800) | shelf.export("d", follows="c")
    shelf.state("d")
    with pytest.raises(Killed):
        shelf.sweep(MortalBlobs(shelf.blobs, die, at=at, after=after))
    assert kept <= shelf.left()
    for name in shelf.left():
        if not name.startswith("drops/"):
            continue
        manifest = from_json(shelf.blobs.blobs[name], Manifest, name)
        assert {part.name for part in manifest.parts} <= shelf.left()  # no manifest is left whose parts are gone
    shelf.sweep()
    assert shelf.left() == kept


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.none() | st.sampled_from("abcdef")),
    st.sets(st.sampled_from("abcdef")),
)
@settings(deadline=None)
def test_a_chain_is_a_slot_and_all_that_it_continues(follows: dict[str, str | None], ends: set[str]) -> None:
    """Where manifests are missing, or continue each other in a circle, it comes to an end all the same."""
    manifests = {slot: Manifest("log", slot, {}, (), 0, slot, before) for slot, before in follows.items()}
    found = chains([None, *ends], manifests)
    assert ends <= found
    assert all(follows.get(slot) in {None, *found} for slot in found)
    assert all(slot in ends or slot in {follows.get(other) for other in found} for slot in found)


def test_what_a_younger_export_continues_stays(shelf: Shelf) -> None:
    """Its training may be under way, or be done again, although a later export began anew."""
    base = shelf.export("a", days=200)
    young = shelf.export("b", follows="a", days=10)
    newest = shelf.export("c", days=1)
    shelf.state("c")
    shelf.sweep()
    assert set(shelf.blobs.blobs) == {*base, *young, *newest, names.export_state("log")}


@pytest.mark.parametrize("name", ["drops/log/2026/x.csv", "drops/log/2026/y.json", "drops/log/odd.csv"])
def test_what_is_no_manifest_is_passed_over_and_stays(shelf: Shelf, name: str) -> None:
    shelf.export("a", days=200)
    newest = shelf.export("b", days=1)
    shelf.put(name, b"not a manifest", days=300)
    shelf.state("b")
    shelf.sweep()
    assert set(shelf.blobs.blobs) == {*newest, name, names.export_state("log")}
