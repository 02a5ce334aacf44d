"""A run that dies at any write, or whose storage fails: the same event makes it good."""

from __future__ import annotations

import pytest

from shared.errors import StoreUnavailable
from shared.training import to_onnx
from tests.mortal_blobs import Killed, MortalBlobs, die, fail
from tests.phone_data import contacts, to_csv
from tests.training_bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def with_a_refused_row() -> bytes:
    """A drop that makes the run write everything that it can write, a quarantine included."""
    rows = contacts(600, sign=-1) + contacts(3000, first=601)
    rows[9]["age"] = 0
    return to_csv(rows)


WRITES = 9  # progress, quarantine, graph, holdout, card, version, champion, history, run record


def test_a_run_makes_so_many_writes(bench: Bench) -> None:
    counting = MortalBlobs(bench.blobs, die, at=0)
    bench.train(bench.drop(with_a_refused_row()), through=counting)
    # Progress is written once a second, so a slow run writes it more often.
    assert counting.writes >= WRITES


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_a_death_at_any_write_is_made_good_by_the_same_event(bench: Bench, at: int, after: bool) -> None:
    first = bench.trained(bench.drop(to_csv(contacts(600, sign=-1)), "first.csv"))
    blob = bench.drop(with_a_refused_row(), "second.csv")
    with pytest.raises(Killed):
        bench.train(blob, through=MortalBlobs(bench.blobs, die, at=at, after=after))
    record = bench.trained(blob)
    assert record.outcome == "promoted"
    assert record.version == bench.serving
    assert f"against {first.version}" in record.reasons[0]
    assert bench.versions == {first.version, record.version}
    assert [entry.version for entry in bench.registry.history("phone")] == [first.version, record.version]
    assert [entry.previous for entry in bench.registry.history("phone")] == [None, first.version]


@pytest.mark.parametrize("at", [3, 4, 5, 6, 7, 8])
def test_storage_that_fails_is_raised_so_that_the_platform_tries_again(bench: Bench, at: int) -> None:
    blob = bench.drop(with_a_refused_row())
    with pytest.raises(StoreUnavailable):
        bench.train(blob, through=MortalBlobs(bench.blobs, fail, at=at))
    assert bench.trained(blob).outcome == "promoted"
    assert len(bench.registry.history("phone")) == 1


def test_progress_that_cannot_be_written_does_not_stop_the_work(bench: Bench) -> None:
    blob = bench.drop(to_csv(contacts(600)))
    assert bench.trained(blob, through=MortalBlobs(bench.blobs, fail, at=1)).outcome == "promoted"


def test_a_failure_that_nobody_foresaw_is_raised_and_told_to_whoever_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        msg = "nobody thought of this"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr(to_onnx, "check_parity", stumble)
    blob = bench.drop(to_csv(contacts(600)))
    with pytest.raises(ZeroDivisionError):
        bench.train(blob)
    (progress,) = bench.names("runs/contacts/")
    assert b"failed, to be tried again: nobody thought of this" in bench.blobs.blobs[progress]
    monkeypatch.undo()
    assert bench.trained(blob).outcome == "promoted"
