"""Rows of a dropped file that do not fit: they are put aside with reasons, so many and no more."""

from __future__ import annotations

from typing import Any

import pytest

from shared.scoring.bulk import sieve
from shared.scoring.formats.csv_request import CHUNK_ROWS
from tests.bulk_bench import Bench, people, probability
from tests.phone_data import ROW, to_csv


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.serve()
    return made


def too_young(count: int, *, of: int, **also: Any) -> list[dict[str, Any]]:
    """Rows of which the first ``count`` are of people younger than the model takes; ``also`` stands in these."""
    return [row | {"age": 7, **also} if place < count else row for place, row in enumerate(people(of))]


# What is put aside, and why


def test_bad_rows_are_put_aside_with_their_reasons_and_the_others_are_scored(bench: Bench) -> None:
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
    lines = to_csv(people(50)).decode().splitlines()
    lines[3] = lines[3] + extra if extra else lines[3].rpartition(",")[0]
    record = bench.scored(bench.drop("\n".join(lines).encode()))
    (refused,) = bench.table(record.quarantine)
    assert refused["reason"] == f"expected 16 fields, as in the header, got {found}"
    assert refused["line"] == "4"
    assert len(bench.table(record.result)) == 49


@pytest.mark.parametrize(
    ("column", "expected"), [("contact_id", "what names the row in the answers"), ("job", "a text")]
)
def test_a_row_without_its_key_or_a_value_that_the_model_needs_is_put_aside(
    bench: Bench, column: str, expected: str
) -> None:
    rows = people(50)
    rows[5][column] = ""
    record = bench.scored(bench.drop(rows))
    (refused,) = bench.table(record.quarantine)
    assert refused["reason"] == f"{column}: expected {expected}, got an empty field"
    assert len(bench.table(record.result)) == 49


def test_the_line_of_a_row_is_that_in_which_it_begins(bench: Bench) -> None:
    rows = people(50)
    rows[1]["marital"] = "one\ntwo\nthree"
    rows[2] |= {"marital": "four\nfive", "age": 7}
    record = bench.scored(bench.drop(rows))
    (refused,) = bench.table(record.quarantine)
    assert refused["line"] == "6"


def test_put_aside_rows_are_in_the_order_of_the_file_whatever_is_wrong_with_them(bench: Bench) -> None:
    lines = to_csv(people(100)).decode().splitlines()
    lines[2] = lines[2].replace("cellular", "cellular,more")
    lines[3] = lines[3].replace(lines[3].split(",")[2], "7", 1)
    lines[4] = lines[4].replace("cellular", "cellular,more")
    record = bench.scored(bench.drop("\n".join(lines).encode()))
    assert [refused["line"] for refused in bench.table(record.quarantine)] == ["3", "4", "5"]


def test_a_file_that_breaks_off_within_a_row_has_that_row_put_aside(bench: Bench) -> None:
    content = to_csv(people(100))
    record = bench.scored(bench.drop(content[: content.rindex(b"cellular")]))
    assert (record.rows, record.refused) == (100, 1)
    (refused,) = bench.table(record.quarantine)
    assert refused["line"] == "101"
    assert "fields, as in the header, got" in refused["reason"]


# How many may be


def test_with_more_bad_rows_than_the_catalog_allows_the_file_is_refused(bench: Bench) -> None:
    blob = bench.drop(too_young(6, of=100))
    record = bench.scored(blob)
    assert (record.outcome, record.result, record.rows, record.refused) == ("refused", None, 100, 6)
    assert record.reasons[0].startswith(
        f"{blob}: 6 of 100 rows cannot be scored; training.max_refused allows 5%. They are in {record.quarantine}. "
        "The first: line 2: age: expected an integer at least 16 and at most 120, got '7'; line 3: age"
    )
    assert bench.names("results/") == []
    assert len(bench.table(record.quarantine)) == 6


def test_as_many_bad_rows_as_the_catalog_allows_are_put_aside(bench: Bench) -> None:
    assert bench.scored(bench.drop(too_young(5, of=100))).outcome == "scored"


def test_a_file_of_bad_rows_alone_is_refused_even_where_all_may_be_bad(bench: Bench) -> None:
    bench.allow_bad_rows()
    rows = too_young(3, of=3)
    assert "3 of 3 rows cannot be scored" in bench.refusal(rows)
    rows[0]["age"] = 17
    assert bench.scored(bench.drop(rows)).outcome == "scored"


# What is kept of them


def test_so_many_put_aside_rows_are_kept_and_the_others_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "KEPT_ROWS", 4)
    record = bench.scored(bench.drop(too_young(10, of=200)))
    assert record.refused == 10
    assert len(bench.table(record.quarantine)) == 4


def test_put_aside_rows_are_kept_in_little_memory(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "KEPT_BYTES", 2_000)
    record = bench.scored(bench.drop(too_young(10, of=200, marital="m" * 500)))
    assert record.refused == 10
    assert 1 <= len(bench.table(record.quarantine)) <= 3


def test_of_a_row_with_endless_fields_the_first_are_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "KEPT_FIELDS", 5)
    lines = to_csv(people(50)).decode().splitlines()
    lines[3] += "," * 100_000
    record = bench.scored(bench.drop("\n".join(lines).encode()))
    assert record.quarantine is not None
    _, refused = bench.blobs.read(record.quarantine).data.decode().splitlines()
    assert refused.startswith('4,"expected 16 fields, as in the header, got 100016","3",')
    assert refused.endswith('"unknown",,,,,')
