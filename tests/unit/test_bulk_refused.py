"""Dropped files that cannot be scored at all: by their content, their name, or for want of a version."""

from __future__ import annotations

import pytest

from shared.scoring.bulk.run import score_drop
from shared.scoring.formats.csv_request import CHUNK_ROWS
from shared.store import names
from tests.bulk_bench import MOST_BYTES, Bench, people
from tests.phone_data import to_csv
from tests.tiny_versions import MODEL, catalog


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The header


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


# The content


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


# The name


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


# The version


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
