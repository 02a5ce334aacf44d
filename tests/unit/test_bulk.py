"""A file that is dropped to be scored: its answers, its record, and what is done with rows that do not fit."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from shared.errors import StoreUnavailable
from shared.scoring.bulk import sieve
from shared.scoring.bulk.run import score_drop
from shared.scoring.formats.csv_request import CHUNK_ROWS
from shared.scoring.http import CSV, Call
from shared.scoring.run import Scorer
from shared.scoring.serving.session import load_version
from shared.settings import Settings
from shared.store import names
from shared.store.records import Progress, from_json
from tests.bulk_bench import MOST_BYTES, NOW, Bench, people
from tests.phone_data import ROW, to_csv
from tests.tiny_versions import MODEL, catalog, phone_inputs, serve

UNKNOWN_JOB = "job: 'astronaut' is none of the levels that the model knows"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def probability(age: int) -> float:
    return 1 / (1 + math.exp(2.0 - 0.05 * age))


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


# Rows that do not fit


def test_bad_rows_are_put_aside_with_their_reasons_and_the_others_are_scored(bench: Bench) -> None:
    bench.serve()
    rows = people(100)
    rows[10]["age"] = "forty"
    rows[20] |= {"age": 7, "contacted_on": "yesterday"}
    record = bench.scored(bench.drop(rows))
    assert (record.outcome, record.rows, record.refused) == ("scored", 100, 2)
    keys = {answer["contact_id"] for answer in bench.table(record.result)}
    assert keys == {str(row["contact_id"]) for row in rows} - {"11", "21"}
    assert record.quarantine == f"quarantine/score/{record.slot}/rows.csv"
    first, second = bench.table(record.quarantine)
    assert first["line"] == "12"
    assert first["reason"] == "age: expected an integer at least 16 and at most 120, got 'forty'"
    assert (first["contact_id"], first["age"], first["marital"]) == ("11", "forty", ROW["marital"])
    assert second["line"] == "22"
    assert [reason.partition(":")[0] for reason in second["reason"].split("; ")] == ["contacted_on", "age"]


def test_a_bad_row_in_each_chunk_leaves_the_answers_of_the_others_where_they_belong(bench: Bench) -> None:
    bench.serve()
    rows = people(3 * CHUNK_ROWS)
    for place in (0, CHUNK_ROWS, 3 * CHUNK_ROWS - 1):
        rows[place]["age"] = 7
    record = bench.scored(bench.drop(rows))
    assert (record.rows, record.refused) == (3 * CHUNK_ROWS, 3)
    answers = {answer["contact_id"]: float(answer["probability"]) for answer in bench.table(record.result)}
    assert len(answers) == 3 * CHUNK_ROWS - 3
    for row in rows[1:CHUNK_ROWS] + rows[-50:-1]:
        assert answers[str(row["contact_id"])] == pytest.approx(probability(row["age"]), abs=1e-6)


@pytest.mark.parametrize(("extra", "found"), [(",more", 17), ("", 15)])
def test_a_row_with_too_many_or_too_few_fields_is_put_aside(bench: Bench, extra: str, found: int) -> None:
    bench.serve()
    lines = to_csv(people(50)).decode().splitlines()
    lines[3] = lines[3] + extra if extra else lines[3].rpartition(",")[0]
    record = bench.scored(bench.drop("\n".join(lines).encode()))
    (refused,) = bench.table(record.quarantine)
    assert refused["reason"] == f"expected 16 fields, as in the header, got {found}"
    assert refused["line"] == "4"
    assert len(bench.table(record.result)) == 49


def test_a_row_without_its_key_is_put_aside_since_no_answer_could_be_joined_to_it(bench: Bench) -> None:
    bench.serve()
    rows = people(50)
    rows[5]["contact_id"] = ""
    record = bench.scored(bench.drop(rows))
    (refused,) = bench.table(record.quarantine)
    assert refused["reason"] == "contact_id: expected what names the row in the answers, got an empty field"
    assert len(bench.table(record.result)) == 49


def test_an_empty_value_where_the_model_takes_none_is_put_aside(bench: Bench) -> None:
    bench.serve()
    rows = people(50)
    rows[5]["job"] = ""
    record = bench.scored(bench.drop(rows))
    (refused,) = bench.table(record.quarantine)
    assert refused["reason"] == "job: expected a text, got an empty field"


def test_the_line_of_a_row_is_that_in_which_it_begins(bench: Bench) -> None:
    bench.serve()
    rows = people(50)
    rows[1]["marital"] = "one\ntwo\nthree"
    rows[2] |= {"marital": "four\nfive", "age": 7}
    record = bench.scored(bench.drop(rows))
    (refused,) = bench.table(record.quarantine)
    assert refused["line"] == "6"


def test_put_aside_rows_are_in_the_order_of_the_file_whatever_is_wrong_with_them(bench: Bench) -> None:
    bench.serve()
    lines = to_csv(people(100)).decode().splitlines()
    lines[2] = lines[2].replace("cellular", "cellular,more")
    lines[3] = lines[3].replace(lines[3].split(",")[2], "7", 1)
    lines[4] = lines[4].replace("cellular", "cellular,more")
    record = bench.scored(bench.drop("\n".join(lines).encode()))
    assert [refused["line"] for refused in bench.table(record.quarantine)] == ["3", "4", "5"]


def test_with_more_bad_rows_than_the_catalog_allows_the_file_is_refused(bench: Bench) -> None:
    bench.serve()
    rows = people(100)
    for row in rows[:6]:
        row["age"] = 7
    blob = bench.drop(rows)
    record = bench.scored(blob)
    assert (record.outcome, record.result, record.rows, record.refused) == ("refused", None, 100, 6)
    assert record.reasons[0].startswith(
        f"{blob}: 6 of 100 rows cannot be scored; training.max_refused allows 5%. They are in {record.quarantine}. "
        "The first: line 2: age: expected an integer at least 16 and at most 120, got '7'; line 3: age"
    )
    assert bench.names("results/") == []
    assert len(bench.table(record.quarantine)) == 6


def test_as_many_bad_rows_as_the_catalog_allows_are_put_aside(bench: Bench) -> None:
    bench.serve()
    rows = people(100)
    for row in rows[:5]:
        row["age"] = 7
    assert bench.scored(bench.drop(rows)).outcome == "scored"


def test_a_file_of_bad_rows_alone_is_refused_even_where_all_may_be_bad(bench: Bench) -> None:
    use_case = bench.catalog.use_cases[0]
    training = msgspec.structs.replace(use_case.training, max_refused=1.0)
    bench.catalog = type(bench.catalog)((msgspec.structs.replace(use_case, training=training),))
    bench.serve()
    rows = people(3)
    for row in rows:
        row["age"] = 7
    assert "3 of 3 rows cannot be scored" in bench.refusal(rows)
    rows[0]["age"] = 17
    assert bench.scored(bench.drop(rows)).outcome == "scored"


def test_so_many_put_aside_rows_are_kept_and_the_others_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "KEPT_ROWS", 4)
    bench.serve()
    rows = people(200)
    for row in rows[:10]:
        row["age"] = 7
    record = bench.scored(bench.drop(rows))
    assert record.refused == 10
    assert len(bench.table(record.quarantine)) == 4


def test_put_aside_rows_are_kept_in_little_memory(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "KEPT_BYTES", 2_000)
    bench.serve()
    rows = people(200)
    for row in rows[:10]:
        row |= {"age": 7, "marital": "m" * 500}
    record = bench.scored(bench.drop(rows))
    assert record.refused == 10
    assert 1 <= len(bench.table(record.quarantine)) <= 3


def test_of_a_row_with_endless_fields_the_first_are_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "KEPT_FIELDS", 5)
    bench.serve()
    lines = to_csv(people(50)).decode().splitlines()
    lines[3] += "," * 100_000
    record = bench.scored(bench.drop("\n".join(lines).encode()))
    assert record.quarantine is not None
    _, refused = bench.blobs.read(record.quarantine).data.decode().splitlines()
    assert refused.startswith('4,"expected 16 fields, as in the header, got 100016","3",')
    assert refused.endswith('"unknown",,,,,')


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


# Files that do not fit


@pytest.mark.parametrize("column", ["age", "contacted_on", "job"])
def test_a_missing_column_is_named(bench: Bench, column: str) -> None:
    bench.serve()
    rows = people(5)
    for row in rows:
        del row[column]
    assert f"header, column {column}: expected a column, each " in bench.refusal(rows)


def test_a_file_without_the_key_is_refused(bench: Bench) -> None:
    bench.serve()
    rows = people(5)
    for row in rows:
        del row["contact_id"]
    reason = bench.refusal(rows)
    assert "header, column contact_id: expected a column that names each row in the answers, got none" in reason


def test_all_faults_of_a_header_are_told_at_once(bench: Bench) -> None:
    bench.serve()
    rows = [{"age": row["age"], "shoe_size": 43} for row in people(5)]
    reason = bench.refusal(rows)
    for column in ("job", "balance", "contact_id", "shoe_size"):
        assert f"header, column {column}: " in reason


def test_a_column_that_is_known_too_late_is_refused_with_the_reason(bench: Bench) -> None:
    bench.serve()
    reason = bench.refusal([{**row, "duration": 200} for row in people(5)])
    assert "header, column duration: expected not to be sent: the length of the call is known when it" in reason


FILES = {
    "empty": (b"", "is empty; expected a header row and data rows"),
    "blank lines": (b"\n\n\n", "is empty; expected a header row and data rows"),
    "a header alone": (to_csv(people(1)).splitlines(keepends=True)[0], "has a header but no rows"),
    "another separator": (to_csv(people(3), separator=";"), "the columns are separated by ';'; expected ','"),
    "a workbook": (b"PK\x03\x04\x14\x00\x06\x00", "byte 5 is a zero byte; expected text saved as UTF-8"),
    "UTF-16": (to_csv(people(3)).decode().encode("utf-16"), "is a zero byte; expected text saved as UTF-8"),
    "Latin-1": (to_csv(people(3)).replace(b"single", b"se\xf1or"), "is not UTF-8; expected text saved as UTF-8"),
    "a text": (b"Dear all,\nplease find attached", "header, column Dear all: expected not to be sent"),
    "JSON": (b'[{"age": 41}]', 'header, column [{"age": 41}]: expected not to be sent'),
    "a column twice": (b"age,age\n1,2\n", "the header has a column more than once: 'age'"),
    "a million commas": (b"," * 1_000_000, "the header has a column more than once: ''"),
    "many columns twice": (b"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v," * 2, "'t' and 2 more"),
    "cut off inside quotes": (to_csv(people(3)) + b'4,2024-01-01,"4', "is not CSV: unexpected end of data"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_such_csv_is_refused_with_what_was_expected(
    bench: Bench, content: bytes, reason: str
) -> None:
    bench.serve()
    assert reason in bench.refusal(content)


def test_a_fault_far_behind_the_first_answers_leaves_no_result(bench: Bench) -> None:
    bench.serve()
    record = bench.scored(bench.drop(to_csv(people(6 * CHUNK_ROWS)) + b'4,2024-01-01,"4'))
    assert record.outcome == "refused"
    assert record.rows == 6 * CHUNK_ROWS
    assert bench.names("results/") == []


def test_a_file_that_breaks_off_within_a_row_has_that_row_put_aside(bench: Bench) -> None:
    bench.serve()
    content = to_csv(people(100))
    record = bench.scored(bench.drop(content[: content.rindex(b"cellular")]))
    assert (record.rows, record.refused) == (100, 1)
    (refused,) = bench.table(record.quarantine)
    assert refused["line"] == "101"
    assert "fields, as in the header, got" in refused["reason"]


def test_a_file_that_is_too_large_is_refused_before_it_is_read(bench: Bench) -> None:
    bench.serve()
    content = to_csv(people(100))
    blob = bench.drop(content)
    record = bench.scored(blob, most_bytes=len(content) - 1)
    (reason,) = record.reasons
    assert reason == (
        f"{blob}: has {len(content):,} bytes; at most {len(content) - 1:,} are taken at once (SCORE_DROP_MAX_BYTES): "
        "split it into several files, each with the header"
    )
    assert (record.outcome, record.rows, bench.names("results/")) == ("refused", 0, [])
    assert bench.scored(bench.drop(content), most_bytes=len(content)).outcome == "scored"


# What the name says


def test_a_model_that_is_not_in_the_catalog_is_named_beside_those_that_are(bench: Bench) -> None:
    bench.catalog = catalog(MODEL, "churn")
    reason = bench.refusal(people(3), model="sales")
    assert reason == "drops/score/sales/may.csv: there is no model 'sales' in the catalog; there is: phone, churn"
    assert len(bench.names("runs/score/")) == 1
    assert bench.names("runs/score/")[0].endswith("/none.json")


@pytest.mark.parametrize(
    "blob",
    [
        "drops/score/may.csv",
        "drops/score/phone/2026/may.csv",
        "drops/score/phone/may.xlsx",
        "drops/score/phone/may",
        "drops/score/phone/20261123T020000Z.json",
        "drops/score/phone/20261123T020000Z.order",
        "drops/score//may.csv",
    ],
)
def test_another_name_is_refused_with_what_a_file_is_called(bench: Bench, blob: str) -> None:
    bench.serve()
    bench.blobs.write(blob, to_csv(people(3)))
    record = bench.scored(blob)
    assert record.reasons == (f"{blob!r} is not a file to be scored: expected drops/score/<model>/<name>.csv",)
    assert (record.outcome, record.model) == ("refused", names.NO_MODEL)
    assert bench.stored_record(record) == record


def test_a_file_that_is_gone_leaves_nothing_behind(bench: Bench) -> None:
    bench.serve()
    assert score_drop("drops/score/phone/may.csv", bench.catalog, bench.blobs, MOST_BYTES) is None
    assert bench.names("runs/") == []


@pytest.mark.parametrize("content", [to_csv(people(3)), b""])
def test_a_model_without_a_version_is_said_to_have_none_and_what_to_do(bench: Bench, content: bytes) -> None:
    assert bench.refusal(content) == (
        "drops/score/phone/may.csv: model 'phone' has no version yet: drop the file again when the first drop has been "
        "trained on"
    )


def test_a_file_dropped_again_when_the_first_version_serves_is_scored(bench: Bench) -> None:
    refused = bench.scored(bench.drop(people(3)))
    bench.serve()
    assert bench.scored(refused.drop) == refused
    assert bench.scored(bench.drop(people(3))).outcome == "scored"


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
