"""However the same rows are sent, they are answered alike: as a list, as columns, as CSV, compressed, one by one."""

from __future__ import annotations

import gzip
import json
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from shared.features import GRAPH_INPUT, GRAPH_OUTPUT, WEEKDAYS
from shared.scoring.formats import csv_request, json_request
from shared.scoring.http import CSV, JSON, Answer, Call
from shared.store.records import Input
from tests.scoring_office import SCORE, Office, csv_of, predictions, problem
from tests.slow import at_length
from tests.tiny_versions import INPUTS, serve

if TYPE_CHECKING:
    from typing import Any

    type Row = dict[str, Any]

ALL_INPUTS = (*INPUTS, Input("visited on", "weekday", levels=WEEKDAYS))
COMMON = settings(deadline=None, max_examples=at_length(60, 2_000))
FORMS = ("list", "columns", "csv")
TOLERANCE = 1e-6 + 1e-9
"""Of what is rounded to six digits."""


def mixing_graph() -> bytes:
    """Every input counts, and otherwise than every other one; so does that it is empty."""
    count = len(ALL_INPUTS)
    weights = [0.31 * (-1) ** place / (place + 1) for place in range(count)]
    body = helper.make_graph(
        [
            helper.make_node("IsNaN", [GRAPH_INPUT], ["empty"]),
            helper.make_node("Where", ["empty", "instead", GRAPH_INPUT], ["filled"]),
            helper.make_node("Clip", ["filled", "low", "high"], ["bounded"]),
            helper.make_node("MatMul", ["bounded", "weights"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["yes"]),
            helper.make_node("Sub", ["one", "yes"], ["no"]),
            helper.make_node("Concat", ["no", "yes"], [GRAPH_OUTPUT], axis=1),
        ],
        "mixing",
        [helper.make_tensor_value_info(GRAPH_INPUT, TensorProto.FLOAT, [None, count])],
        [helper.make_tensor_value_info(GRAPH_OUTPUT, TensorProto.FLOAT, [None, 2])],
        [
            helper.make_tensor("instead", TensorProto.FLOAT, [1], [2.5]),
            helper.make_tensor("low", TensorProto.FLOAT, [], [-20.0]),
            helper.make_tensor("high", TensorProto.FLOAT, [], [20.0]),
            helper.make_tensor("weights", TensorProto.FLOAT, [count, 1], weights),
            helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
        ],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def office() -> Office:
    made = Office(model_refresh_seconds=600.0)
    serve(made.registry, inputs=ALL_INPUTS, content=mixing_graph())
    return made


# Rows

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
"""Zero bytes are no CSV."""
KEYS = st.integers(-(10**30), 10**30) | st.text("ab-_ \n\",;é'", max_size=4) | st.none()


def values(item: Input) -> st.SearchStrategy[Any]:
    low, high = item.min, item.max
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(-(2**53) if low is None else int(low), 2**53 if high is None else int(high)),
        "boolean": st.booleans(),
        "category": st.sampled_from(item.levels or ("",)) | TEXTS,
        "weekday": st.dates().map(date.isoformat),
    }
    numbers = st.floats(-3.4e38 if low is None else low, 3.4e38 if high is None else high) | st.integers(91, 99)
    kind = kinds.get(item.type, numbers)
    return kind | st.none() if item.nullable else kind


ROW = st.fixed_dictionaries({item.name: values(item) for item in ALL_INPUTS})
TABLES = st.builds(
    lambda rows, times, keys, named: [
        row | ({"contact_id": key} if named else {})
        for row, key in zip(rows * times, (keys * len(rows) * times), strict=False)
    ],
    st.lists(ROW, min_size=1, max_size=6),
    st.sampled_from([1, 1, 2, 5]),
    st.lists(KEYS, min_size=1, max_size=5),
    st.booleans(),
)
"""Up to thirty rows; all of them have a key, or none."""


# Questions


def sent(rows: list[Row], form: str) -> tuple[bytes, str]:
    if form == "csv":
        return csv_of(rows), CSV
    content: Any = {"columns": {name: [row[name] for row in rows] for name in rows[0]}} if form == "columns" else rows
    return json.dumps(content).encode(), JSON


def ask(office: Office, body: bytes, kind: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return office.scorer.answer(Call("POST", SCORE, body, {}, {"content-type": kind, **named}))


def asked(office: Office, rows: list[Row], form: str, accept: str = JSON) -> Answer:
    body, kind = sent(rows, form)
    return ask(office, body, kind, accept=accept)


@COMMON
@given(TABLES)
def test_a_list_columns_and_csv_are_answered_byte_for_byte_alike(office: Office, rows: list[Row]) -> None:
    for accept in (JSON, CSV):
        answers = [asked(office, rows, form, accept) for form in FORMS]
        assert [answer.status for answer in answers] == [200] * 3, answers
        assert len({answer.body for answer in answers}) == 1


@COMMON
@given(TABLES, st.integers(1, 7), st.integers(1, 7))
def test_in_whatever_chunks_rows_are_read_they_are_answered_alike(
    office: Office, rows: list[Row], of_csv: int, of_json: int
) -> None:
    whole = [asked(office, rows, form, accept).body for form in FORMS for accept in (JSON, CSV)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_request, "CHUNK_ROWS", of_csv)
        patch.setattr(json_request, "CHUNK_ROWS", of_json)
        parts = [asked(office, rows, form, accept).body for form in FORMS for accept in (JSON, CSV)]
    for one, other in zip(whole, parts, strict=True):
        assert alike(one, other)


def alike(one: bytes, other: bytes) -> bool:
    """To the last byte, or but for the rounding of sums that were made in another order."""
    if one == other:
        return True
    mine, theirs = (json.loads(body)["predictions"] for body in (one, other))
    near = all(abs(a["probability"] - b["probability"]) <= TOLERANCE for a, b in zip(mine, theirs, strict=True))
    return near and [rest(row) for row in mine] == [rest(row) for row in theirs]


def rest(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in {"probability", "decision"}}


@COMMON
@given(TABLES)
def test_row_by_row_is_answered_as_all_at_once(office: Office, rows: list[Row]) -> None:
    together = predictions(asked(office, rows, "list"))
    for row, in_batch in zip(rows, together, strict=True):
        (alone,) = predictions(ask(office, json.dumps(row).encode(), JSON))
        assert abs(alone["probability"] - in_batch["probability"]) <= TOLERANCE
        assert rest(alone) == rest(in_batch)


@COMMON
@given(TABLES, st.sampled_from(FORMS), st.sampled_from([JSON, CSV]), st.integers(1, 9))
def test_compressed_is_answered_as_plain(office: Office, rows: list[Row], form: str, accept: str, level: int) -> None:
    body, kind = sent(rows, form)
    plain = ask(office, body, kind, accept=accept)
    packed = ask(office, gzip.compress(body, level), kind, accept=accept, content_encoding="gzip")
    both = ask(office, gzip.compress(body, level), kind, accept=accept, content_encoding="gzip", accept_encoding="gzip")
    assert packed.body == plain.body
    assert (gzip.decompress(both.body) if "content-encoding" in both.headers else both.body) == plain.body


BAD = {
    "age": [15, 121, None, "x", 41.5, True], "balance": ["x", "1e39", True, "NaN"], "cons.price.idx": [90.4, None, "x"],
    "class": [None], "member": [None, "maybe", 2], "key": [2**53 + 1, 0.5, None], "f0": [0, 10, "x"],
    "owns car": ["maybe", 0.5], "visited on": ["23.11.2026", "2026-02-30", 7, "x", None],
}  # fmt: skip
"""What fits in no form."""


@COMMON
@given(
    TABLES,
    st.lists(st.tuples(st.integers(0, 29), st.sampled_from([*BAD]), st.integers(0, 5)), min_size=1, max_size=6),
)
def test_what_does_not_fit_is_told_of_the_same_rows_and_fields(
    office: Office, rows: list[Row], spoiled: list[tuple[int, str, int]]
) -> None:
    rows = [*map(dict, rows)]
    places = set()
    for row, name, choice in spoiled:
        rows[row % len(rows)][name] = BAD[name][choice % len(BAD[name])]
        places.add((row % len(rows), name))
    for form in FORMS:
        errors = problem(asked(office, rows, form), 422)["errors"]
        assert {(error["row"], error["field"]) for error in errors} == places
        assert len(errors) == len(places)


def test_ten_thousand_rows_are_answered_alike_in_every_form(office: Office) -> None:
    random = np.random.default_rng(7)
    picked = {
        "age": random.integers(16, 121, 10_000), "balance": random.normal(0, 8, 10_000),
        "cons.price.idx": random.uniform(90.5, 99.5, 10_000),
        "class": random.choice(["first", "second", "tourist", "new", ""], 10_000),
        "member": random.random(10_000) < 0.5,
        "job": random.choice(["clerk", "cook"], 10_000), "key": random.integers(-9, 9, 10_000),
        "f0": random.integers(1, 10, 10_000), "owns car": random.random(10_000) < 0.5,
        "visited on": np.datetime64("2026-01-01") + random.integers(0, 999, 10_000), "contact_id": np.arange(10_000),
    }  # fmt: skip
    columns = {name: [*map(str, found)] if name == "visited on" else found.tolist() for name, found in picked.items()}
    columns["balance"][::7] = [None] * len(columns["balance"][::7])
    rows = [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]
    answers = [predictions(asked(office, rows, form)) for form in FORMS]
    assert [row["contact_id"] for row in answers[0]] == [*range(10_000)]
    probabilities = np.array([[row["probability"] for row in answer] for answer in answers])
    assert np.abs(probabilities - probabilities[0]).max() <= TOLERANCE
    assert len(np.unique(probabilities[0])) > 2_000  # they are rounded, and most are near one
    for answer in answers[1:]:
        assert [*map(rest, answer)] == [*map(rest, answers[0])]
