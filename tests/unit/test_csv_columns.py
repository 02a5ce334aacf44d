"""A column of a CSV's texts into values: what databases and people write, and nothing that can merely be parsed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from shared.features import WEEKDAYS
from shared.scoring.formats.csv_columns import Refused, column_of
from shared.scoring.formats.values import values_of
from shared.store.records import Input
from tests.tiny_versions import make

if TYPE_CHECKING:
    from shared.scoring.formats.csv_columns import Column

VALUES = values_of(make(inputs=(Input("visited on", "weekday", nullable=True, levels=WEEKDAYS),))[0])
DATES, KEYS = column_of(VALUES["visited on"], "integer"), column_of(VALUES["contact_id"], "integer")
LONGEST, TOO_LONG = "1" * 40, "1" * 41


def parsed(column: Column, *texts: str | None) -> list[object]:
    return ["refused" if isinstance(value, Refused) else value for value in column.parse(list(texts))]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23", " 2026-11-23 ", "20261123", "2026-11-23T10:00", "2026-11-23 10:00:59",
        "2026-11-23 23:59:59.9999999",
        "2026-11-23T10:00Z", "2026-11-24 01:30:00 +02:00", "2026-11-22T23:00-0500", "2026-11-24T00:30+01",
    ],
)  # fmt: skip
def test_a_time_stands_for_the_date_that_it_is_in_utc(text: str) -> None:
    assert parsed(DATES, text, None, "2026-11-24") == [date(2026, 11, 23), None, date(2026, 11, 24)]


@pytest.mark.parametrize(
    "text",
    [
        "", "1" * 40, "1" * 400, "2026-11-23x10:00", "2026-11-01-01-01", "2026-W48-1", "2026-327", "2026-1-1",
        "2026-11-23T10",
        "2026-02-30", "2026-11-23T25:00", "0001-01-01T00:00+01:00", "२०२६-११-२३", "23.11.2026", "null", "1763856000",
    ],
)  # fmt: skip
def test_what_python_or_nobody_would_take_for_a_date_is_refused(text: str) -> None:
    assert parsed(DATES, text, "2026-11-24") == ["refused", date(2026, 11, 24)]


@pytest.mark.parametrize("beside", ["7", "a-b", "-0", None])
def test_whether_a_key_is_a_number_does_not_depend_on_the_rows_beside_it(beside: str | None) -> None:
    for text, value in [("12", 12), ("-1", -1), ("007", "007"), ("1.0", "1.0"), (LONGEST, int(LONGEST))]:
        assert parsed(KEYS, text, beside)[0] == parsed(KEYS, text)[0] == value
    assert parsed(KEYS, TOO_LONG, beside)[0] == parsed(KEYS, TOO_LONG)[0] == TOO_LONG
