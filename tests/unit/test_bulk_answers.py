"""A file that is dropped to be scored: its answers, how they are named and joined, and its record."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.errors import StoreUnavailable
from shared.scoring.bulk import sieve
from shared.scoring.formats.csv_request import CHUNK_ROWS
from shared.scoring.http import CSV, Call
from shared.scoring.run import Scorer
from shared.scoring.serving.session import load_version
from shared.settings import Settings
from shared.store import names
from shared.store.records import Progress, from_json
from tests.bulk_bench import NOW, Bench, people, probability
from tests.phone_data import to_csv
from tests.tiny_versions import MODEL, phone_inputs, serve

UNKNOWN_JOB = "job: 'astronaut' is none of the levels that the model knows"


@pytest.fixture
def bench() -> Bench:
    return Bench()


# What is answered


def test_a_file_is_scored_by_the_champion_and_the_answers_are_joined_to_the_key(bench: Bench) -> None:
    version = bench.serve()
    rows = people(50)
    record = bench.scored(bench.drop(rows))
    assert (record.outcome, record.version, record.rows, record.refused) == ("scored", version.version, 50, 0)
    answers = bench.table(record.result)
    assert list(answers[0]) == ["contact_id", "probability", "decision", "version", "warnings"]
    assert [answer["contact_id"] for answer in answers] == [str(row["contact_id"]) for row in rows]
    for row, answer in zip(rows, answers, strict=True):
        assert float(answer["probability"]) == pytest.approx(probability(row["age"]), abs=1e-6)
        assert answer["decision"] == ("call" if probability(row["age"]) >= 0.5 else "do not call")
        assert (answer["version"], answer["warnings"]) == (version.version, "")


def test_the_result_is_what_a_csv_request_with_the_same_rows_is_answered(bench: Bench) -> None:
    bench.serve()
    rows = people(CHUNK_ROWS + 10)
    rows[3]["job"] = rows[-1]["job"] = "astronaut"
    rows[4]["marital"] = 'said "maybe",\nlater'
    record = bench.scored(bench.drop(rows))
    scorer = Scorer(bench.catalog, bench.registry, Settings())
    headers = {"content-type": CSV, "accept": CSV}
    answer = scorer.answer(Call("POST", f"models/{MODEL}/score", to_csv(rows), headers=headers))
    assert answer.status == 200
    assert bench.blobs.read(record.result).data == answer.body
    assert record.warned == 3


def test_a_value_that_the_model_does_not_know_is_a_warning(bench: Bench) -> None:
    bench.serve()
    rows = people(3)
    rows[1]["job"] = "astronaut"
    record = bench.scored(bench.drop(rows))
    assert [answer["warnings"] for answer in bench.table(record.result)] == ["", UNKNOWN_JOB, ""]
    assert (record.warned, record.refused) == (1, 0)


def test_the_answers_of_many_chunks_are_in_the_order_of_the_file(bench: Bench) -> None:
    bench.serve()
    rows = people(5 * CHUNK_ROWS + 1)
    record = bench.scored(bench.drop(rows))
    assert record.rows == len(rows)
    answers = bench.table(record.result)
    assert [answer["contact_id"] for answer in answers] == [str(row["contact_id"]) for row in rows]
    last = rows[-1]["age"]
    assert float(answers[-1]["probability"]) == pytest.approx(probability(last), abs=1e-6)


def test_the_result_lies_under_the_model_and_is_named_after_the_file_and_the_slot(bench: Bench) -> None:
    bench.serve()
    record = bench.scored(bench.drop(people(3), "llamadas de mayo.csv"))
    assert record.result == f"results/phone/llamadas de mayo-{record.slot}.csv"
    assert bench.names("results/") == [record.result]


def test_a_file_of_one_row_is_scored(bench: Bench) -> None:
    bench.serve()
    assert bench.scored(bench.drop(people(1))).rows == 1


def test_a_file_whose_suffix_is_in_capitals_is_scored(bench: Bench) -> None:
    bench.serve()
    record = bench.scored(bench.drop(people(3), "MAY.CSV"))
    assert record.result == f"results/phone/MAY-{record.slot}.csv"


def test_a_very_long_name_is_cut_in_that_of_the_result(bench: Bench) -> None:
    bench.serve()
    record = bench.scored(bench.drop(people(3), f"{'m' * 900}.csv"))
    assert record.result == f"results/phone/{'m' * 200}-{record.slot}.csv"


def test_a_column_that_may_be_empty_may_be_missing(bench: Bench) -> None:
    optional = [msgspec.structs.replace(item, nullable=item.name == "balance") for item in phone_inputs()]
    serve(bench.registry, 1, optional)
    rows = people(3)
    for row in rows:
        del row["balance"]
    assert bench.scored(bench.drop(rows)).outcome == "scored"


def test_long_rows_are_taken_in_small_batches(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is in memory does not grow with the length of a row."""
    version = bench.serve()
    rows = people(200)
    for row in rows:
        row["marital"] = "m" * 1000
    monkeypatch.setattr(sieve, "BATCH_BYTES", 20_000)
    loaded = load_version(bench.registry, MODEL, version.version)
    counts = [batch.count for batch in sieve.Sieve(loaded, bench.blobs.chunks(bench.drop(rows)), "may.csv")]
    assert sum(counts) == 200
    assert max(counts) <= 21
    record = bench.scored(bench.drop(rows))
    answers = bench.table(record.result)
    assert [answer["contact_id"] for answer in answers] == [str(row["contact_id"]) for row in rows]


# What is recorded


def test_the_record_says_what_was_done(bench: Bench) -> None:
    version = bench.serve()
    blob = bench.drop(people(120))
    record = bench.scored(blob)
    assert bench.stored_record(record) == record
    info = bench.blobs.info(blob)
    assert record.slot == names.upload_slot(blob, info.etag, info.modified)
    assert (record.model, record.drop, record.version) == (MODEL, blob, version.version)
    assert (record.started_at, record.reasons, record.notes) == (names.stamp(NOW), (), ())
    assert record.quarantine is None
    assert record.seconds > 0
    assert names.run_record(names.SCORE, record.slot, MODEL) == f"runs/score/{record.slot}/phone.json"


def test_progress_is_told_while_the_file_is_read(bench: Bench) -> None:
    bench.serve()
    record = bench.scored(bench.drop(people(100)))
    name = f"runs/score/{record.slot}/phone.progress.json"
    progress = from_json(bench.blobs.read(name).data, Progress, name)
    assert progress.step == "scoring: 0 rows"
    assert progress.total == bench.blobs.info(record.drop).size_bytes


def test_storage_that_fails_is_raised_and_told_to_whoever_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.serve()
    blob = bench.drop(people(3))

    def fails(*_: Any) -> None:
        msg = "storage did not answer"
        raise StoreUnavailable(msg)

    with monkeypatch.context() as patched:
        patched.setattr(bench.blobs, "upload", fails)
        with pytest.raises(StoreUnavailable):
            bench.scored(blob)
    (name,) = [name for name in bench.names("runs/score/") if "progress" in name]
    progress = from_json(bench.blobs.read(name).data, Progress, name)
    assert progress.step == "failed, to be tried again: storage did not answer"
    assert not [name for name in bench.names("runs/score/") if name.endswith("phone.json")]
    assert bench.scored(blob).outcome == "scored"
