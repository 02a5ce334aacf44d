"""What a request for a forecast may ask, and each way in which it may not."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from shared.scoring.forecasts.expand import PIECE_ROWS
from shared.scoring.http import Call
from shared.scoring.rows import MOST_FAULTS
from tests.scoring_office import csv_of, predictions, problem
from tests.tiny_forecasts import Expected, Office, day, graph, serve

if TYPE_CHECKING:
    from typing import Any

ALL = range(1, 29)
BOUNDS = "a date from 2026-11-23 to 2026-12-20"
HORIZONS = "an integer at least 1 and at most 28"
ONE_SERIES = "nothing beside 'product': one of product, country, or none of them for the total"
PLANNED = "nothing without 'product': what is planned is planned for one of those"
ONE_OF_BOTH = "nothing beside a date: one of both, or neither for all days"


@pytest.fixture
def office() -> Office:
    made = Office()
    serve(made.registry)
    return made


def days_of(found: list[dict[str, Any]]) -> list[str]:
    return [one["date"] for one in found]


# What is taken


@pytest.mark.parametrize(
    ("row", "series"),
    [
        ({}, 0),
        ({"product": None, "country": None, "date": None, "horizon": None}, 0),
        ({"product": "P-1"}, 1),
        ({"product": "P-3", "country": None}, 3),
        ({"country": "United Kingdom"}, 6),
    ],
)
def test_a_row_is_answered_for_each_day_of_its_series(office: Office, row: dict[str, Any], series: int) -> None:
    found = predictions(office.ask(row))
    named = {name: value for name, value in row.items() if value is not None}
    assert found == [{**named, "date": day(ahead), **Expected(series, ahead).outputs} for ahead in ALL]


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        ({"date": "2026-11-23"}, [1]),
        ({"date": "2026-12-20"}, [28]),
        ({"date": "2026-12-01", "horizon": None}, [9]),
        ({"horizon": 1}, [1]),
        ({"horizon": 3}, [1, 2, 3]),
        ({"horizon": 3.0}, [1, 2, 3]),
        ({"horizon": 28}, list(ALL)),
    ],
)
def test_a_date_is_one_day_and_a_horizon_the_first_so_many(
    office: Office, asked: dict[str, Any], days: list[int]
) -> None:
    assert days_of(predictions(office.ask({"product": "P-2"} | asked))) == [day(ahead) for ahead in days]


def test_rows_are_answered_one_after_the_other_with_the_names_that_they_brought(office: Office) -> None:
    rows = [{"id": 7, "horizon": 2}, {"id": "b", "product": "P-1", "date": day(5)}, {"id": None, "horizon": 1}, {}]
    found = predictions(office.ask(rows))
    assert [one.get("id", "none") for one in found] == [7, 7, "b", None, *["none"] * 28]
    assert days_of(found)[:4] == [day(1), day(2), day(5), day(1)]


def test_a_plan_for_a_product_is_taken_and_an_empty_one_is_what_was_planned(office: Office) -> None:
    row = {"product": "P-1", "date": day(1)}
    plans = [{"promotion": True}, {"promotion": False, "price": 2}, {"promotion": None}, {}]
    found = predictions(office.ask([row | plan for plan in plans]))
    said = [Expected(1, 1, promoted=bool(plan.get("promotion"))).outputs["forecast"] for plan in plans]
    assert [one["forecast"] for one in found] == said


def test_a_series_that_training_did_not_see_is_answered_as_an_average_one_and_that_is_said(office: Office) -> None:
    found = predictions(office.ask([{"product": "P-9", "horizon": 2}, {"country": "", "horizon": 1}, {"horizon": 1}]))
    assert [one["forecast"] for one in found] == [
        Expected(4, 1).outputs["forecast"], Expected(4, 2).outputs["forecast"], Expected(7, 1).outputs["forecast"],
        Expected(0, 1).outputs["forecast"],
    ]  # fmt: skip
    words = "is none of the levels that the model knows; answered as an average one"
    assert [one.get("warnings") for one in found] == [
        [f"product: 'P-9' {words}"], [f"product: 'P-9' {words}"], [f"country: '' {words}"], None
    ]  # fmt: skip


def test_a_week_is_named_by_any_of_its_days(office: Office) -> None:
    serve(office.registry, 2, horizon=4, step=7)
    found = predictions(office.ask([{"date": "2026-11-23"}, {"date": "2026-11-29"}, {"date": "2026-11-30"}, {}]))
    numbers = [Expected(0, ahead, 2).outputs["forecast"] for ahead in (1, 1, 2, 1, 2, 3, 4)]
    assert [one["forecast"] for one in found] == numbers
    assert days_of(found)[3:] == ["2026-11-23", "2026-11-30", "2026-12-07", "2026-12-14"]
    refused = problem(office.ask({"date": "2026-12-21"}), 422)["errors"]
    assert refused[0]["expected"] == "a date from 2026-11-23 to 2026-12-20"


# Faults

FAULTS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "yesterday": ({"date": "2026-11-20"}, "date", BOUNDS, "2026-11-20, which is past"),
    "the origin": ({"date": "2026-11-22"}, "date", BOUNDS, "2026-11-22, which is past"),
    "long ago": ({"date": "0001-01-01"}, "date", BOUNDS, "0001-01-01, which is past"),
    "the day after the last": (
        {"date": "2026-12-21"}, "date", BOUNDS, "2026-12-21, which is further ahead than is forecast",
    ),
    "the end of time": ({"date": "9999-12-31"}, "date", BOUNDS, "9999-12-31, which is further ahead than is forecast"),
    "a day that is none": ({"date": "2027-02-29"}, "date", f"{BOUNDS}, or null", '"2027-02-29"'),
    "the year 10000": ({"date": "10000-01-01"}, "date", f"{BOUNDS}, or null", '"10000-01-01"'),
    "a date as a number": ({"date": 20261123}, "date", f"{BOUNDS}, or null", "20261123"),
    "an empty text": ({"date": ""}, "date", f"{BOUNDS}, or null", '""'),
    "no day at all": ({"horizon": 0}, "horizon", f"{HORIZONS}, or null", "0"),
    "a day too many": ({"horizon": 29}, "horizon", f"{HORIZONS}, or null", "29"),
    "days before": ({"horizon": -1}, "horizon", f"{HORIZONS}, or null", "-1"),
    "half a day": ({"horizon": 1.5}, "horizon", f"{HORIZONS}, or null", "1.5"),
    "a horizon in words": ({"horizon": "7"}, "horizon", f"{HORIZONS}, or null", '"7"'),
    "both": ({"date": "2026-11-23", "horizon": 1}, "horizon", ONE_OF_BOTH, "1"),
    "two series": ({"product": "P-1", "country": "France"}, "country", ONE_SERIES, '"France"'),
    "a plan for the total": ({"price": 2.5}, "price", PLANNED, "2.5"),
    "a plan for a country": ({"country": "France", "promotion": True}, "promotion", PLANNED, "true"),
    "what is not known ahead": (
        {"quantity": 5}, "quantity", "not to be sent: it is known once an order has come", "5",
    ),
    "what is known of no model": ({"shop": 5}, "shop", "not to be sent: the model has no such input", "5"),
    "a series that is no text": ({"product": 7}, "product", "a text, or null", "7"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_names_its_field_its_bounds_and_what_came(office: Office, name: str) -> None:
    row, field, expected, got = FAULTS[name]
    fault = {"expected": expected, "got": got, "field": field}
    assert problem(office.ask(row), 422)["errors"] == [{"path": f"$.{field}", "row": 0, **fault}]
    listed = problem(office.ask([{}, row]), 422)["errors"]
    assert listed == [{"path": f"$[1].{field}", "row": 1, **fault}]


@pytest.mark.parametrize("name", [name for name, (row, *_) in FAULTS.items() if not row.keys() & {"quantity", "shop"}])
def test_columns_have_the_same_faults(office: Office, name: str) -> None:
    row, field, expected, got = FAULTS[name]
    sent = {"columns": {name: [None, value] for name, value in row.items()}}
    (fault,) = problem(office.ask(sent), 422)["errors"]
    assert fault == {"path": f"$.columns.{field}[1]", "expected": expected, "got": got, "row": 1, "field": field}


def test_a_csv_tells_the_line_of_a_fault(office: Office) -> None:
    body = b'id,product,country,date\n1,"a\nb",,\n2,P-1\n3,P-1,France,\n4,P-1,,2026-11-20\n5,P-1,,soon\n'
    errors = problem(office.ask(body, content_type="text/csv"), 422)["errors"]
    assert [(one["path"], one["row"], one["got"]) for one in errors] == [
        ("line 4", 1, "2 fields"),
        ("line 5, column country", 2, '"France"'),
        ("line 6, column date", 3, "2026-11-20, which is past"),
        ("line 7, column date", 4, "'soon'"),
    ]


def test_all_faults_of_all_rows_are_told_at_once_whatever_their_kind(office: Office) -> None:
    rows = [
        {"product": "P-1", "country": "France", "horizon": 40},
        {"date": "2026-11-20", "price": "cheap"},
        {},
        {"date": "soon", "horizon": 3},
        {"country": "France", "price": 2, "shop": 1},
    ]
    errors = problem(office.ask(rows), 422)["errors"]
    assert [(one["row"], one["field"]) for one in errors] == [
        (0, "horizon"), (0, "country"), (1, "price"), (1, "price"), (1, "date"), (3, "date"), (3, "horizon"),
        (4, "shop"), (4, "price"),
    ]  # fmt: skip
    names = sorted({name for row in rows for name in row} - {"shop"})
    columns = {"columns": {name: [row.get(name) for row in rows] for name in names}}
    assert len(problem(office.ask(columns), 422)["errors"]) == len(errors) - 1


def test_faults_of_rows_far_apart_are_told_with_their_own_numbers(office: Office) -> None:
    rows: list[dict[str, Any]] = [{"horizon": 1}] * 5_000
    rows[10], rows[4_900] = {"date": "2026-11-20"}, {"product": "P-1", "country": "France"}
    errors = problem(office.ask(rows), 422)["errors"]
    assert [(one["path"], one["row"]) for one in errors] == [("$[10].date", 10), ("$[4900].country", 4_900)]
    text = "product,country\n" + "P-1,\n" * 4_500 + "P-1,France\n"
    (fault,) = problem(office.ask(text.encode(), content_type="text/csv"), 422)["errors"]
    assert (fault["path"], fault["row"]) == ("line 4502, column country", 4_500)


def test_so_many_faults_are_told_and_no_more(office: Office) -> None:
    content = problem(office.ask([{"date": "2026-11-20", "price": 1}] * 300), 422)
    assert len(content["errors"]) == MOST_FAULTS
    assert content["detail"].startswith(f"at least {MOST_FAULTS} values")


# Limits


def test_days_are_numbered_through_all_chunks_of_a_request(office: Office) -> None:
    version = office.scorer._pipeline._versions.choose("sales", None)
    rows = [{"id": "a"}] * 5_000
    for chunks in (version.reader.chunks(json.dumps(rows).encode()), version.csv_reader.chunks(csv_of(rows))):
        count, pieces = 0, 0
        for piece in chunks:
            assert (piece.first, len(piece.keys), len(piece.columns["date"])) == (count, piece.count, piece.count)
            count, pieces = count + piece.count, pieces + 1
        assert count == 5_000 * 28
        assert pieces >= count / PIECE_ROWS


def test_days_count_and_not_rows() -> None:
    office = Office(score_max_rows=100)
    serve(office.registry)
    assert len(predictions(office.ask([{}] * 3 + [{"horizon": 16}]))) == 100
    detail = problem(office.ask([{}] * 3 + [{"horizon": 17}]), 413)["detail"]
    assert detail == "the request has more than 100 rows: send them in several requests"
    assert problem(office.ask([]), 422)["detail"] == "the request has no rows; expected 1 to 100"


def test_a_short_request_for_far_too_many_days_is_refused_before_they_are_laid_out(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    reader = office.scorer._pipeline._versions.choose("sales", None).reader
    whole = reader._expander._piece  # type: ignore[attr-defined]

    def counted(*args: Any) -> Any:
        piece = whole(*args)
        made.append(piece.count)
        return piece

    monkeypatch.setattr(reader._expander, "_piece", counted)  # type: ignore[attr-defined]
    problem(office.ask({"columns": {"id": [1] * 100_000}}), 413)
    assert max(made) <= PIECE_ROWS
    assert sum(made) <= 10_000 + PIECE_ROWS


def test_memory_for_long_answers_to_short_requests_is_kept() -> None:
    office = Office(score_memory_bytes=2**20)
    serve(office.registry)
    pipeline = office.scorer._pipeline
    held = pipeline._admission(100)
    with held:
        assert office.ask([{}] * 10).status == 200
        problem(office.ask([{}] * 300), 503)
    assert office.ask([{}] * 300).status == 200  # alone, it comes in
    assert pipeline._admission._bytes == 0


def test_only_a_request_for_few_days_is_answered_at_once(office: Office) -> None:
    def at_once(body: bytes) -> bool:
        return office.scorer.answers_at_once(Call("POST", "models/sales/score", body))

    office.ask({})
    office.scorer._pipeline._versions.served("sales")._refresh_seconds = 60.0
    office.ask({})
    assert at_once(b'{"product": "P-0007"}')
    assert not at_once(b"[" + b"{}," * 100 + b"{}]")


# Formats


def test_what_goes_in_as_csv_comes_out_as_csv(office: Office) -> None:
    body = b"product,horizon\nP-1,2\n,1\n"
    answer = office.ask(body, content_type="text/csv", accept="text/csv")
    header, *lines = answer.body.decode().splitlines()
    assert header == (
        '"product","country","date","forecast","low_50","high_50","low_80","high_80","low_90","high_90",'
        '"version","warnings"'
    )
    version = json.loads(office.ask({}).body)["version"]
    assert [line.split(",") for line in lines] == [
        [product, "", day(ahead), *map(str, Expected(series, ahead).outputs.values()), f'"{version}"', ""]
        for product, series, ahead in (('"P-1"', 1, 1), ('"P-1"', 1, 2), ("", 0, 1))
    ]


@pytest.mark.parametrize("number", [-0.0, -1e-6, 1e-6])
def test_nothing_is_written_without_a_sign(number: float) -> None:
    office = Office()
    serve(office.registry, content=graph(numbers=np.full((8, 28, 7), number, dtype=np.float32)))
    answers = office.ask({"horizon": 1}), office.ask({"horizon": 1}, accept="text/csv")
    assert b'"forecast":0.0,' in answers[0].body
    assert not [answer for answer in answers if b"-0" in answer.body.replace(b"-01-", b"").split(b"2026-11-23")[1]]


def test_a_name_that_comes_late_gives_all_rows_of_a_csv_a_field_for_it(office: Office) -> None:
    rows: list[dict[str, Any]] = [{"horizon": 1, "product": 'odd\r\n,"one"'}] * 3_000 + [{"horizon": 1, "id": "late"}]
    lines = office.ask(rows, accept="text/csv").body.decode().split("\r\n")
    assert lines[0].startswith('"id","product"')
    assert lines[1] == ',"odd'
    assert lines[-2].startswith('"late",,,2026-11-23')


def test_a_compressed_request_is_read_as_any_other(office: Office) -> None:
    plain = office.ask({"product": "P-1"})
    packed = office.ask(gzip.compress(b'{"product": "P-1"}'), content_encoding="gzip")
    assert packed.body == plain.body
    marked = office.ask(b'\xef\xbb\xbf{"columns":{"product":["P-1"]}}')
    assert marked.body == plain.body
    (fault,) = problem(office.ask(b'\xef\xbb\xbf[{"date":"2026-11-20"}]'), 422)["errors"]
    assert fault["path"] == "$[0].date"
