"""Whatever is in a file: a row is scored where a request with it alone is answered, with the same answer, and put aside
where that is refused.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.csv_format import csv_rows
from shared.features import WEEKDAYS
from shared.scoring.http import CSV, Call
from shared.scoring.run import Scorer
from shared.settings import Settings
from shared.store.records import Input
from tests.bulk_bench import Bench
from tests.tiny_versions import INPUTS, MODEL, serve

DATED = (*INPUTS, Input("seen", "weekday", levels=WEEKDAYS))
KEY = "contact_id"
ODD = st.sampled_from([None, "", " ", "null", "NaN", "inf", "1e3", "0x1f", "1,2", "41.0", "41.5", "-0", "TRUE", "ü\n"])
TEXT = st.characters(codec="utf-8", exclude_characters="\0")
GOOD: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(1, 120),
    "number": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "decimal": st.decimals(90, 100, places=2),
    "category": st.sampled_from(["first", "cook", "clerk", "neither"]) | st.text(TEXT, max_size=8),
    "boolean": st.booleans(),
    "weekday": st.dates(date(2000, 1, 1), date(2030, 1, 1)),
}


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(*[good] * 7, ODD)


ROWS = st.tuples(
    mostly(st.integers(0, 10**12)), *(mostly(GOOD[item.type]) for item in DATED)
)  # the key, then the inputs
GOOD_ROW = (7, 41, 900.5, 93.2, "first", True, "cook", -7, 3, False, date(2026, 11, 23))


def bench() -> Bench:
    """With a version that looks at the age, and a catalog that lets any share of rows be bad."""
    made = Bench()
    serve(made.registry, 1, DATED, weight=0.01, bias=-0.3)
    made.allow_bad_rows()
    return made


BENCH = bench()
SCORER = Scorer(BENCH.catalog, BENCH.registry, Settings())
HEADER = [KEY, *(item.name for item in DATED)]


def answered(row: tuple[Any, ...]) -> dict[str, str] | None:
    """The answer to a request with this row alone; None where it is refused."""
    headers = {"content-type": CSV, "accept": CSV}
    answer = SCORER.answer(Call("POST", f"models/{MODEL}/score", csv_rows([HEADER]) + csv_rows([row]), headers=headers))
    assert answer.status in {200, 422}
    return table(answer.body)[0] if answer.status == 200 else None


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=30))
def test_a_row_of_a_file_is_answered_as_alone_or_put_aside(rows: list[tuple[Any, ...]]) -> None:
    record = BENCH.scored(BENCH.drop(b"".join(csv_rows([row]) for row in [HEADER, *rows])))
    alone = [None if row[0] is None else answered(row) for row in rows]
    expected = [answer for answer in alone if answer is not None]
    assert (record.rows, record.refused) == (len(rows), len(rows) - len(expected))
    if expected:
        assert record.outcome == "scored"
        assert BENCH.table(record.result) == expected
    else:
        assert record.outcome == "refused"
    if record.quarantine is not None:
        kept = BENCH.table(record.quarantine)
        refused = [row for row, answer in zip(rows, alone, strict=True) if answer is None]
        assert [list(line.values())[2:] for line in kept] == [table_line(row) for row in refused]


def table_line(row: tuple[Any, ...]) -> list[str]:
    """The row as it is read from a CSV: what was put aside comes back as it came."""
    return next(csv.reader(io.StringIO(csv_rows([row]).decode(), newline="")))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(TEXT, max_size=400).map(str.encode))
def test_whatever_bytes_are_dropped_there_is_a_record_and_nothing_else(content: bytes) -> None:
    record = BENCH.scored(BENCH.drop(content))
    assert record.outcome == "refused"
    assert record.reasons
    assert record.reasons[0].startswith("drops/score/phone/may.csv: ")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_good_file_with_some_bytes_changed_is_scored_or_refused_and_never_half(data: st.DataObject) -> None:
    content = bytearray(csv_rows([HEADER, *[GOOD_ROW] * 9]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    before = set(BENCH.names("results/"))
    record = BENCH.scored(BENCH.drop(bytes(content)))
    if record.outcome == "scored":
        assert len(BENCH.table(record.result)) == record.rows - record.refused
    else:
        assert set(BENCH.names("results/")) == before
