"""However rows are sent, they are forecast alike; and whatever is sent, no fault of the app comes back."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.scoring.forecasts import expand
from shared.scoring.formats import csv_request, json_request
from shared.store.forecasts import OUTPUTS
from tests.scoring_office import csv_of, predictions
from tests.slow import at_length
from tests.tiny_forecasts import LEVELS, ORIGIN, Expected, Office, day, places, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from shared.scoring.http import Answer

    type Row = dict[str, Any]

COMMON = settings(deadline=None, max_examples=at_length(60, 2_000))
NAMES = ("id", "product", "country", "date", "horizon", "price", "promotion")
VALUES: list[Any] = [
    None, "", "P-1", "France", 0, 1, 28, 29, -3, 2.5, True, "2026-11-23", "2026-12-20", "2026-12-21", "2026-11-22",
    "2028-02-29", "2027-02-29", "10000-01-01", "2026-11-23T00:00:00Z", "null", [], {}, [None], {"date": 1}, 2**70,
    1e308, "\x00", "ñ\u2028", "=1+1", 'a,"b"\r\nc',
]  # fmt: skip


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """Chunks and pieces are so small that requests of a few rows have several."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csv_request, "CHUNK_ROWS", 3)
        patched.setattr(json_request, "CHUNK_ROWS", 3)
        patched.setattr(expand, "PIECE_ROWS", 40)
        made = Office()
        serve(made.registry)
        yield made


def series() -> st.SearchStrategy[Row]:
    texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
    plan = st.fixed_dictionaries(
        {},
        optional={"price": st.none() | st.floats(0, 1e6, width=32), "promotion": st.none() | st.booleans()},
    )
    product = st.builds(lambda name, more: {"product": name} | more, st.sampled_from(LEVELS["product"]) | texts, plan)
    country = st.builds(lambda name: {"country": name}, st.sampled_from(LEVELS["country"]) | texts)
    return st.just({}) | product | country


def when() -> st.SearchStrategy[Row]:
    dates = st.integers(1, 28).map(lambda ahead: {"date": day(ahead)})
    return st.just({}) | dates | st.integers(1, 28).map(lambda ahead: {"horizon": ahead})


def rows() -> st.SearchStrategy[list[Row]]:
    named = st.fixed_dictionaries({}, optional={"id": st.none() | st.text("ab1,\"' ", min_size=1, max_size=4)})
    return st.lists(
        st.builds(lambda one, other, key: one | other | key, series(), when(), named), min_size=1, max_size=9
    )


def filled(sent: Sequence[Row]) -> list[Row]:
    """With every name in every row, as columns and CSV have it."""
    return [{name: row.get(name) for name in NAMES} for row in sent]


def bodies(answers: Sequence[Answer]) -> set[tuple[int, bytes]]:
    return {(answer.status, answer.body) for answer in answers}


@COMMON
@given(rows())
def test_rows_are_answered_byte_for_byte_alike_however_they_are_sent(office: Office, sent: list[Row]) -> None:
    whole = filled(sent)
    columns = {"columns": {name: [row[name] for row in whole] for name in NAMES}}
    listed = json.dumps(whole).encode()
    for accept in ("application/json", "text/csv"):
        answers = [
            office.ask(listed, accept=accept),
            office.ask(columns, accept=accept),
            office.ask(csv_of(whole), content_type="text/csv", accept=accept),
            office.ask(gzip.compress(listed), content_encoding="gzip", accept=accept),
        ]
        assert len(bodies(answers)) == 1
        assert answers[0].status == 200


@COMMON
@given(rows())
def test_every_day_that_is_asked_for_is_answered_once_in_order_with_its_own_numbers(
    office: Office, sent: list[Row]
) -> None:
    numbered = places()
    expected = []
    for row in sent:
        name = next((name for name in LEVELS if name in row), None)
        value = row[name] if name else None
        place = numbered.get((name, value), numbered.get((name, None), 0)) if name else 0
        days = [row["date"]] if "date" in row else [day(ahead) for ahead in range(1, row.get("horizon", 28) + 1)]
        for one in days:
            ahead = next(ahead for ahead in range(1, 29) if day(ahead) == one)
            outputs = Expected(place, ahead, promoted=bool(row.get("promotion"))).outputs
            named = {key: row[key] for key in ("id", "product", "country") if key in row}
            expected.append({**named, "date": one, **outputs})
    found = [
        {name: value for name, value in one.items() if name != "warnings"} for one in predictions(office.ask(sent))
    ]
    assert found == expected


@COMMON
@given(rows())
def test_the_ends_of_wider_intervals_are_never_within_narrower_ones(office: Office, sent: list[Row]) -> None:
    for one in predictions(office.ask(sent)):
        ends = [one[name] for name in ("low_90", "low_80", "low_50", "high_50", "high_80", "high_90")]
        assert ends == sorted(ends)
        assert set(OUTPUTS) < one.keys()


@COMMON
@given(st.lists(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), st.sampled_from(VALUES)), max_size=5))
def test_no_row_is_a_fault_of_the_app_and_each_fault_stands_in_a_row(office: Office, sent: list[Row]) -> None:
    names = sorted({name for row in sent for name in row})
    columns = {"columns": {name: [row.get(name) for row in sent] for name in names}}
    texts = [{name: _text(row.get(name)) for name in names} for row in sent]
    asked: list[tuple[Any, dict[str, str]]] = [(sent, {}), (columns, {})]
    asked += [(row, {}) for row in sent[:1]]
    if texts and names:
        asked.append((csv_of(texts), {"content_type": "text/csv"}))
    for body, headers in asked:
        answer = office.ask(body, **headers)
        assert answer.status in {200, 400, 422}, answer.body
        for fault in json.loads(answer.body).get("errors", ()):
            assert fault.get("row", 0) in range(max(len(sent), 1))
            assert fault["expected"]
            assert fault["got"] is not None


@COMMON
@given(st.binary(max_size=40) | st.text('[]{}":,0123456789.-+eE columnsdatehorizonull', max_size=60).map(str.encode))
def test_no_bytes_are_a_fault_of_the_app(office: Office, body: bytes) -> None:
    for headers in ({}, {"content_type": "text/csv"}, {"content_encoding": "gzip"}):
        assert office.ask(body, **headers).status in {200, 400, 413, 422}


@COMMON
@given(st.dates())
def test_a_day_is_answered_within_and_refused_beyond(office: Office, one: Any) -> None:
    answer = office.ask({"date": str(one)})
    assert answer.status == (200 if ORIGIN < one <= ORIGIN + timedelta(days=28) else 422)


def _text(value: Any) -> str | None:
    return None if value is None else str(value).replace("\0", "")
