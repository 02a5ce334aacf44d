"""The chain of exports: one at a time, each announced once, wherever a process dies."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from local.memory_blobs import MemoryBlobs
from shared.errors import BlobConflict, StoreUnavailable, VersionError
from shared.export.ledger import TRIES, Ledger, Turn
from shared.store import names
from shared.store.records import CursorValue, ExportState, Manifest, Part, Prepared, from_json, to_json
from tests.mortal_blobs import Killed, MortalBlobs, die, fail

if TYPE_CHECKING:
    from shared.store.blobs import Blob, Blobs

FIRST, SECOND, THIRD = "20261122T020000Z", "20261123T020000Z", "20261124T020000Z"
STATE = "exports/log/state.json"


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


def prepare(blobs: MemoryBlobs, slot: str, turn: Turn, attempt: str = "a1") -> tuple[Prepared, str]:
    """An export that begins from ``turn``, with all of its blobs there, ready to be committed."""
    part = names.part("log", slot, attempt, 0)
    blobs.write(part, attempt.encode())
    parts = (Part(part, 1, len(attempt), attempt),)
    manifest = Manifest("log", slot, {"id": "integer"}, parts, 1, slot, follows=turn.state.slot)
    state = ExportState("log", slot, {"id": "integer"}, watermark=CursorValue("text", f"{slot} {attempt}"))
    blob = names.attempt_file("log", slot, attempt, "prepared.json")
    prepared = Prepared(manifest, state)
    blobs.write(blob, to_json(prepared))
    return prepared, blob


def export(blobs: MemoryBlobs, slot: str, attempt: str = "a1", through: Blobs | None = None) -> Prepared:
    """One whole export; its ledger writes ``through`` a store of its own."""
    ledger = Ledger(through or blobs, "log")
    turn = ledger.ready()
    prepared, blob = prepare(blobs, slot, turn, attempt)
    assert ledger.commit(turn, prepared, blob)
    return prepared


def manifests(blobs: MemoryBlobs) -> dict[str, Manifest]:
    found = [info.name for info in blobs.list("drops/log/")]
    return {name[10:-5]: from_json(blobs.blobs[name], Manifest, name) for name in found}


def test_a_dataset_that_was_never_exported_begins_from_nothing(blobs: MemoryBlobs) -> None:
    ledger = Ledger(blobs, "log")
    assert ledger.ready() == Turn(ExportState("log"), None)
    assert ledger.peek() == ExportState("log")
    assert not ledger.announced(FIRST)
    assert not blobs.blobs


def test_a_commit_announces_and_moves_the_state_on(blobs: MemoryBlobs) -> None:
    prepared = export(blobs, FIRST)
    ledger = Ledger(blobs, "log")
    assert ledger.peek() == ledger.ready().state == prepared.state
    assert ledger.announced(FIRST)
    assert not ledger.announced(SECOND)
    assert manifests(blobs) == {FIRST: prepared.manifest}


def test_each_export_continues_the_one_before(blobs: MemoryBlobs) -> None:
    for slot in (FIRST, SECOND, THIRD):
        export(blobs, slot)
    assert {slot: one.follows for slot, one in manifests(blobs).items()} == {FIRST: None, SECOND: FIRST, THIRD: SECOND}


def test_looking_finishes_nothing(blobs: MemoryBlobs) -> None:
    state = ExportState("log", pending="exports/log/S/a1/prepared.json")
    blobs.write(STATE, to_json(state))
    assert Ledger(blobs, "log").peek() == state
    assert list(blobs.blobs) == [STATE]


def test_the_manifest_comes_when_the_turn_is_taken_and_before_the_state_moves_on(blobs: MemoryBlobs) -> None:
    written: list[tuple[str, str | None]] = []

    class Watched(MemoryBlobs):
        def write(self, name: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
            pending = from_json(data, ExportState, name).pending if name == STATE else None
            written.append((name, pending))
            assert if_absent or if_match  # nothing that counts is written without a condition
            return super().write(name, data, if_absent=if_absent, if_match=if_match)

    watched = Watched(blobs.blobs, blobs.etags, blobs.modified)
    export(blobs, FIRST, through=watched)
    export(blobs, SECOND, through=watched)
    assert written == [
        entry
        for slot in (FIRST, SECOND)
        for entry in [(STATE, f"exports/log/{slot}/a1/prepared.json"), (f"drops/log/{slot}.json", None), (STATE, None)]
    ]


# Death between the writes


@pytest.mark.parametrize("begun", [False, True], ids=["the first export", "a later export"])
@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_wherever_an_export_dies_the_next_one_finds_each_row_in_one_manifest(
    blobs: MemoryBlobs, begun: bool, at: int, after: bool
) -> None:
    before = export(blobs, FIRST) if begun else None
    ledger = Ledger(MortalBlobs(blobs, die, at=at, after=after), "log")
    turn = ledger.ready()
    prepared, blob = prepare(blobs, SECOND, turn)
    with pytest.raises(Killed):
        ledger.commit(turn, prepared, blob)

    next_turn = Ledger(blobs, "log").ready()
    has_its_turn = (at, after) != (1, False)
    assert Ledger(blobs, "log").announced(SECOND) == has_its_turn
    assert next_turn.state == (prepared.state if has_its_turn else before.state if before else ExportState("log"))
    assert len(manifests(blobs)) == begun + has_its_turn
    export(blobs, THIRD)
    assert manifests(blobs)[THIRD].follows == next_turn.state.slot


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_finishes_for_another_says_so_and_may_die_too(
    blobs: MemoryBlobs, at: int, after: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    turn = Ledger(blobs, "log").ready()
    prepared, blob = prepare(blobs, FIRST, turn)
    with pytest.raises(Killed):
        Ledger(MortalBlobs(blobs, die, at=1, after=True), "log").commit(turn, prepared, blob)
    with pytest.raises(Killed):
        Ledger(MortalBlobs(blobs, die, at=at, after=after), "log").ready()
    assert f"export of log: {blob} is announced, as an earlier run could not" in caplog.text
    assert Ledger(blobs, "log").ready().state == prepared.state
    assert manifests(blobs) == {FIRST: prepared.manifest}


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_write_may_arrive_although_its_answer_is_an_error(blobs: MemoryBlobs, at: int) -> None:
    ledger = Ledger(MortalBlobs(blobs, fail, at=at, after=True), "log")
    turn = ledger.ready()
    prepared, blob = prepare(blobs, FIRST, turn)
    with pytest.raises(StoreUnavailable):
        ledger.commit(turn, prepared, blob)
    assert Ledger(blobs, "log").ready().state == prepared.state
    assert manifests(blobs) == {FIRST: prepared.manifest}


class Repeating(MemoryBlobs):
    """Loses the first answer of each write: the client writes again, and its condition no longer holds."""

    def write(self, name: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        super().write(name, data, if_absent=if_absent, if_match=if_match)
        return super().write(name, data, if_absent=if_absent, if_match=if_match)


def test_a_write_that_is_repeated_by_the_client_is_no_loss(blobs: MemoryBlobs) -> None:
    for slot in (FIRST, SECOND):
        prepared = export(blobs, slot, through=Repeating(blobs.blobs, blobs.etags, blobs.modified))
        assert Ledger(blobs, "log").ready().state == prepared.state
    assert len(manifests(blobs)) == 2


# Two at once


@pytest.mark.parametrize("slots", [(SECOND, SECOND), (SECOND, THIRD), (THIRD, SECOND)])
@pytest.mark.parametrize("begun", [False, True], ids=["the first export", "a later export"])
def test_of_two_that_began_from_one_state_one_counts(blobs: MemoryBlobs, begun: bool, slots: tuple[str, str]) -> None:
    if begun:
        export(blobs, FIRST)
    turns = [Ledger(blobs, "log").ready() for _ in slots]
    work = [prepare(blobs, slot, turn, f"a{n}") for n, (slot, turn) in enumerate(zip(slots, turns, strict=True))]
    done = [Ledger(blobs, "log").commit(turn, *one) for turn, one in zip(turns, work, strict=True)]
    assert done == [True, False]
    winner = work[0][0]
    assert Ledger(blobs, "log").ready().state == winner.state
    assert manifests(blobs) == {**({FIRST: manifests(blobs)[FIRST]} if begun else {}), slots[0]: winner.manifest}


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whatever_the_other_does_in_between_the_chain_is_whole(blobs: MemoryBlobs, at: int, after: bool) -> None:
    """The other one makes a whole export of its own at each point of a commit."""
    export(blobs, FIRST)
    interrupted = MortalBlobs(blobs, lambda: export(blobs, THIRD, "other"), at=at, after=after)  # type: ignore[arg-type]
    ledger = Ledger(interrupted, "log")
    turn = ledger.ready()
    prepared, blob = prepare(blobs, SECOND, turn)
    counted = ledger.commit(turn, prepared, blob)
    assert interrupted.writes >= at
    overtaken = (at, after) == (1, False)
    assert counted == (not overtaken)
    chain = {slot: one.follows for slot, one in manifests(blobs).items()}
    between = {} if overtaken else {SECOND: FIRST}
    assert chain == {FIRST: None, **between, THIRD: FIRST if overtaken else SECOND}
    assert Ledger(blobs, "log").ready().state.slot == THIRD


def test_a_state_that_never_comes_to_rest_is_told(blobs: MemoryBlobs) -> None:
    class Restless(MemoryBlobs):
        reads = 0

        def read(self, name: str, *, unless: str | None = None) -> Blob | None:
            if name == STATE:
                Restless.reads += 1
                self.write(STATE, to_json(ExportState("log", pending="exports/log/S/gone/prepared.json")))
            return super().read(name, unless=unless)

        def write(self, name: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
            if if_match is not None:
                raise BlobConflict(name)
            return super().write(name, data)

    with pytest.raises(BlobConflict, match=r"^exports/log/state\.json: changes all the time; is more than one export"):
        Ledger(Restless(), "log").ready()
    assert Restless.reads == TRIES


# What others left


def test_a_slot_that_is_taken_by_a_foreign_manifest_is_left_alone_and_the_rows_come_next(
    blobs: MemoryBlobs, caplog: pytest.LogCaptureFixture
) -> None:
    before = export(blobs, FIRST)
    foreign = Manifest("log", SECOND, {"id": "integer"}, (Part("exports/log/elsewhere.csv", 1, 1, "x"),), 1, SECOND)
    blobs.write(f"drops/log/{SECOND}.json", to_json(foreign))
    ledger = Ledger(blobs, "log")
    turn = ledger.ready()
    assert not ledger.commit(turn, *prepare(blobs, SECOND, turn))
    assert ledger.ready().state == before.state
    assert manifests(blobs)[SECOND] == foreign
    assert f"export of log: slot {SECOND} is taken by another export" in caplog.text


def test_a_manifest_that_was_announced_again_is_still_ones_own(blobs: MemoryBlobs) -> None:
    ledger = Ledger(MortalBlobs(blobs, die, at=2, after=True), "log")
    turn = ledger.ready()
    prepared, blob = prepare(blobs, FIRST, turn)
    with pytest.raises(Killed):
        ledger.commit(turn, prepared, blob)
    name = f"drops/log/{FIRST}.json"
    blobs.write(name, blobs.blobs[name].replace(b'"announcements": 1', b'"announcements": 2'))
    assert manifests(blobs)[FIRST] != prepared.manifest
    assert Ledger(blobs, "log").ready().state == prepared.state


def test_where_the_prepared_export_is_gone_its_rows_are_read_again(
    blobs: MemoryBlobs, caplog: pytest.LogCaptureFixture
) -> None:
    before = export(blobs, FIRST)
    ledger = Ledger(MortalBlobs(blobs, die, at=1, after=True), "log")
    turn = ledger.ready()
    prepared, blob = prepare(blobs, SECOND, turn)
    with pytest.raises(Killed):
        ledger.commit(turn, prepared, blob)
    blobs.delete(blob)
    assert Ledger(blobs, "log").ready().state == before.state
    assert not Ledger(blobs, "log").announced(SECOND)
    assert f"export of log: {blob} is gone; its rows are read again" in caplog.text


@pytest.mark.parametrize("name", [STATE, f"drops/log/{FIRST}.json"])
def test_what_cannot_be_read_is_told_by_name(blobs: MemoryBlobs, name: str) -> None:
    export(blobs, FIRST)
    blobs.write(name, b"{")
    ledger = Ledger(blobs, "log")
    with pytest.raises(VersionError, match=f"^{name}: "):
        (ledger.ready() if name == STATE else ledger.announced(FIRST))


def test_two_datasets_have_chains_of_their_own(blobs: MemoryBlobs) -> None:
    export(blobs, FIRST)
    assert Ledger(blobs, "log-2").ready().state == ExportState("log-2")
    assert not Ledger(blobs, "lo").announced(FIRST)
