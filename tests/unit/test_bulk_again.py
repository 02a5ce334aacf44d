"""A file's event that comes twice, a run that is killed, a champion that moves meanwhile, a store that fails."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import BlobConflict, BlobMissing, StoreUnavailable, TransientError
from shared.store import names
from shared.store.registry import GRAPH_FILE
from tests.bulk_bench import Bench, people
from tests.flaky_blobs import FlakyBlobs
from tests.mortal_blobs import Killed, MortalBlobs, die, fail
from tests.phone_data import to_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.store.scorings import Scoring

WRITES = 5  # the version, the result, and while it is read progress and quarantine, then the record


@pytest.fixture
def bench() -> Bench:
    return Bench()


def with_a_bad_row() -> bytes:
    rows = people(100)
    rows[9]["age"] = 0
    return to_csv(rows)


def whole(bench: Bench, record: Scoring) -> None:
    """The record is true: there is one result, by the version that it names, and the refused row is in quarantine."""
    assert bench.stored_record(record) == record
    assert (record.outcome, record.rows, record.refused) == ("scored", 100, 1)
    answers = bench.table(record.result)
    assert len(answers) == 99
    assert {answer["version"] for answer in answers} == {record.version}
    assert len(bench.table(record.quarantine)) == 1
    assert bench.names("results/") == [record.result]


def test_the_same_event_again_does_nothing(bench: Bench) -> None:
    first = bench.serve(1)
    blob = bench.drop(with_a_bad_row())
    record = bench.scored(blob)
    bench.serve(2)
    etags = dict(bench.blobs.etags)
    assert bench.scored(blob) == record
    assert bench.blobs.etags == etags
    assert record.version == first.version


def test_a_refused_file_is_not_looked_at_again(bench: Bench) -> None:
    bench.serve()
    blob = bench.drop(b"")
    record = bench.scored(blob)
    etags = dict(bench.blobs.etags)
    assert bench.scored(blob) == record
    assert bench.blobs.etags == etags


def test_a_new_upload_under_the_old_name_is_new_work_and_the_old_answers_stay(bench: Bench) -> None:
    bench.serve()
    first = bench.scored(bench.drop(people(10)))
    second = bench.scored(bench.drop(people(20)))
    assert first.slot != second.slot
    assert len(bench.table(first.result)) == 10
    assert len(bench.table(second.result)) == 20


def test_the_same_bytes_uploaded_again_are_new_work(bench: Bench) -> None:
    bench.serve(1)
    first = bench.scored(bench.drop(people(10)))
    version = bench.serve(2)
    second = bench.scored(bench.drop(people(10)))
    assert first.slot != second.slot
    assert second.version == version.version


def test_files_of_one_name_for_two_models_are_two_works(bench: Bench) -> None:
    bench.serve()
    blob = bench.drop(people(3))
    other = bench.drop(people(3), model="sales")
    info = bench.blobs.info(blob)
    assert names.upload_slot(blob, info.etag, info.modified) != names.upload_slot(other, info.etag, info.modified)


def test_a_run_makes_so_many_writes(bench: Bench) -> None:
    bench.serve()
    counting = MortalBlobs(bench.blobs, die, at=0)
    bench.scored(bench.drop(with_a_bad_row()), counting)
    # Progress is written once a second, so a slow run writes it more often.
    assert counting.writes >= WRITES


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_a_death_at_any_write_is_made_good_by_the_same_event(bench: Bench, at: int, after: bool) -> None:
    """Also where another version has come to serve meanwhile: the file's was chosen before."""
    first = bench.serve(1)
    blob = bench.drop(with_a_bad_row())
    with pytest.raises(Killed):
        bench.scored(blob, MortalBlobs(bench.blobs, die, at=at, after=after))
    second = bench.serve(2)
    record = bench.scored(blob)
    whole(bench, record)
    assert record.version == (second if (at, after) == (1, False) else first).version


@pytest.mark.parametrize("at", [1, 2, 4, 5])
def test_storage_that_fails_is_raised_so_that_the_platform_tries_again(bench: Bench, at: int) -> None:
    bench.serve()
    blob = bench.drop(with_a_bad_row())
    with pytest.raises(StoreUnavailable):
        bench.scored(blob, MortalBlobs(bench.blobs, fail, at=at))
    whole(bench, bench.scored(blob))


def test_progress_that_cannot_be_written_does_not_stop_the_work(bench: Bench) -> None:
    bench.serve()
    whole(bench, bench.scored(bench.drop(with_a_bad_row()), MortalBlobs(bench.blobs, fail, at=3)))


@pytest.mark.parametrize("seed", range(30))
def test_over_a_store_that_fails_now_and_then_the_same_event_arrives_in_the_end(bench: Bench, seed: int) -> None:
    bench.serve()
    blob = bench.drop(with_a_bad_row())
    flaky = FlakyBlobs(bench.blobs, 0.2, random.Random(seed))  # noqa: S311 - faults, not secrets
    for _ in range(60):
        try:
            record = bench.scored(blob, flaky)
            break
        except TransientError:
            assert not [name for name in bench.names("results/") if len(bench.table(name)) != 99]
    whole(bench, record)


def test_events_at_the_same_time_arrive_at_one_record(bench: Bench) -> None:
    bench.serve()
    blob = bench.drop(with_a_bad_row())
    with ThreadPoolExecutor(8) as pool:
        records = list(pool.map(lambda _: bench.scored(blob), range(8)))
    assert len({record.slot for record in records}) == 1
    whole(bench, records[0])


class During:
    """A store in which something else happens before the first call of ``method`` for a name with ``part`` in it."""

    def __init__(self, bench: Bench, method: str, part: str, act: Any) -> None:
        self._blobs, self._method, self._part, self._act = bench.blobs, method, part, act

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._blobs, name)
        if name != self._method:
            return method

        def call(blob: str, *arguments: Any, **named: Any) -> Any:
            if self._part in blob and self._act is not None:
                act, self._act = self._act, None
                act()
            return method(blob, *arguments, **named)

        return call


@pytest.mark.parametrize(
    ("method", "part"),
    [("read", ".version.json"), ("write", ".version.json"), ("write", "quarantine/"), ("upload", "results/"),
     ("write", "phone.json")],
)  # fmt: skip
def test_of_two_runs_with_a_new_champion_in_between_the_record_names_the_version_that_answered(
    bench: Bench, method: str, part: str
) -> None:
    bench.serve(1)
    blob = bench.drop(with_a_bad_row())

    def another_run() -> None:
        bench.serve(2)
        bench.scored(blob)

    record = bench.scored(blob, During(bench, method, part, another_run))  # type: ignore[arg-type]
    whole(bench, record)


def test_a_file_that_is_uploaded_anew_while_it_is_read_is_tried_again_as_the_new_one(bench: Bench) -> None:
    bench.serve()
    blob = bench.drop(with_a_bad_row())
    with pytest.raises(BlobConflict, match="was uploaded anew while it was read"):
        bench.scored(blob, During(bench, "chunks", "may.csv", lambda: bench.drop(people(7))))  # type: ignore[arg-type]
    assert bench.names("results/") == []
    record = bench.scored(blob)
    assert (record.outcome, record.rows) == ("scored", 7)
    assert bench.names("results/") == [record.result]


def test_a_file_that_is_deleted_while_it_is_read_is_refused(bench: Bench) -> None:
    bench.serve()
    blob = bench.drop(with_a_bad_row())

    def act() -> None:
        bench.blobs.delete(blob)

    with pytest.raises(BlobMissing):
        bench.blobs.info("drops/score/phone/none.csv")
    record = bench.scored(blob, During(bench, "chunks", "may.csv", act))  # type: ignore[arg-type]
    assert record.outcome == "refused"
    assert "does not exist" in record.reasons[0]
    assert bench.names("results/") == []


# Versions that are broken


def broken(bench: Bench, number: int) -> str:
    version = bench.serve(number)
    bench.blobs.write(names.version_file("phone", version.version, GRAPH_FILE), b"not a graph")
    return version.version


def test_where_the_champion_is_broken_the_version_before_it_answers_and_it_is_said(bench: Bench) -> None:
    good = bench.serve(1)
    bad = broken(bench, 2)
    record = bench.scored(bench.drop(people(3)))
    assert (record.outcome, record.version) == ("scored", good.version)
    (note,) = record.notes
    assert bad in note
    assert note.endswith(f"; {good.version} answered in its place")


def test_where_nothing_is_whole_the_file_is_refused_with_what_to_do(bench: Bench) -> None:
    bad = broken(bench, 1)
    reason = bench.refusal(people(3))
    assert reason.startswith("drops/score/phone/may.csv: models/phone/")
    assert bad in reason
    assert reason.endswith("let a whole version serve (python -m local rollback phone), then drop the file again")


def test_a_champion_file_that_cannot_be_read_refuses_the_file(bench: Bench) -> None:
    bench.serve()
    bench.blobs.write(names.champion("phone"), b"{")
    assert "models/phone/champion.json: is not a Champion record" in bench.refusal(people(3))


def test_a_version_that_breaks_between_two_attempts_refuses_the_file(bench: Bench) -> None:
    first = bench.serve(1)
    blob = bench.drop(people(3))
    with pytest.raises(Killed):
        bench.scored(blob, MortalBlobs(bench.blobs, die, at=2))
    bench.blobs.delete(names.version_file("phone", first.version, GRAPH_FILE))
    bench.serve(2)
    record = bench.scored(blob)
    assert record.outcome == "refused"
    assert first.version in record.reasons[0]


def pieces(data: bytes) -> Iterator[bytes]:
    yield from (data[start : start + 7] for start in range(0, len(data), 7))


def test_wherever_chunks_are_cut_the_answers_are_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.serve()
    rows = people(60)
    rows[7]["marital"] = "soltera «ñ» 🙂\nde 2"
    content = b"\xef\xbb\xbf" + to_csv(rows)
    answers = bench.blobs.read(bench.scored(bench.drop(content)).result).data
    monkeypatch.setattr(bench.blobs, "chunks", lambda name: pieces(bench.blobs.read(name).data))
    assert bench.blobs.read(bench.scored(bench.drop(content)).result).data == answers
