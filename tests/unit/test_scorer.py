"""Rows in, predictions out."""

from __future__ import annotations

import json
import math

import pytest

from shared.store.records import Input
from tests.phone_data import ROW as PHONE_ROW
from tests.scoring_office import Office, predictions, problem
from tests.tiny_versions import INPUTS, MODEL, ROW, UNUSABLE, phone_inputs, serve


@pytest.fixture
def office() -> Office:
    return Office()


# Predictions


def test_a_row_gets_a_probability_and_a_decision(office: Office) -> None:
    version = serve(office.registry, 40)
    answer = office.score(ROW)
    assert json.loads(answer.body) == {
        "model": MODEL,
        "version": version.version,
        "predictions": [{"probability": round(1 / (1 + math.exp(-0.4)), 6), "decision": "call"}],
    }
    assert (answer.status, answer.headers.keys()) == (200, {"x-request-id"})


def test_rows_are_answered_in_their_order_with_the_keys_that_they_brought(office: Office) -> None:
    serve(office.registry, weight=1.0, bias=-41.0)
    rows = [ROW | {"age": 42, "contact_id": 7}, ROW | {"age": 40, "contact_id": "b"}, ROW, ROW | {"contact_id": None}]
    found = predictions(office.score(rows))
    assert [row.get("contact_id", "none sent") for row in found] == [7, "b", "none sent", None]
    assert [row["probability"] for row in found] == [0.731059, 0.268941, 0.5, 0.5]


@pytest.mark.parametrize(("age", "decision"), [(40, "do not call"), (41, "call"), (42, "call")])
def test_the_decision_is_to_act_from_the_threshold_on(office: Office, age: int, decision: str) -> None:
    serve(office.registry, weight=2.0**-20, bias=-41 * 2.0**-20, threshold=0.5)
    (found,) = predictions(office.score(ROW | {"age": age}))
    assert (found["decision"], found["probability"]) == (decision, pytest.approx(0.5, abs=1e-6))


def test_a_level_that_training_did_not_see_is_scored_and_said(office: Office) -> None:
    serve(office.registry, column=3, weight=1.0, bias=0.0)
    rows = [ROW, ROW | {"class": "steerage", "job": "pilot"}, ROW | {"job": None}, ROW | {"class": ""}]
    found = predictions(office.score(rows))
    assert [row.get("warnings") for row in found] == [
        None,
        [
            "class: 'steerage' is none of the levels that the model knows",
            "job: 'pilot' is none of the levels that the model knows",
        ],
        None,
        ["class: '' is none of the levels that the model knows"],
    ]
    assert [row["probability"] for row in found] == [0.731059, 0.268941, 0.731059, 0.268941]


def test_every_input_reaches_its_own_place_in_the_graph(office: Office) -> None:
    sent = dict(zip((item.name for item in INPUTS), (0.41, -0.5, 0.93, 1, 1, 1, -0.7, 0.3, 0), strict=True))
    row = ROW | {"age": 41, "balance": -50, "cons.price.idx": 93, "key": -70, "f0": 3}
    scale = {"age": 0.01, "balance": 0.01, "cons.price.idx": 0.01, "key": 0.01, "f0": 0.1}
    for column, item in enumerate(INPUTS):
        serve(office.registry, column + 1, column=column, weight=scale.get(item.name, 1.0), bias=0.0)
        (found,) = predictions(office.score(row))
        assert found["probability"] == pytest.approx(1 / (1 + math.exp(-sent[item.name])), abs=1e-6), item.name


def test_an_empty_value_has_a_code_of_its_own(office: Office) -> None:
    serve(office.registry, column=5, weight=1.0, bias=-2.0)
    (found,) = predictions(office.score(ROW | {"job": None}))
    assert (found["probability"], found["decision"]) == (0.5, "call")


def test_the_built_in_model_takes_the_rows_of_the_documentation(office: Office) -> None:
    version = serve(office.registry, inputs=phone_inputs())
    answer = office.score(PHONE_ROW)
    assert "warnings" not in predictions(answer)[0]
    assert json.loads(answer.body)["version"] == version.version


# Refusals


def test_faults_are_told_and_nothing_is_scored(office: Office) -> None:
    serve(office.registry)
    content = problem(office.score([ROW, ROW, ROW, ROW | {"age": 12, "duration": 5}]), 422)
    assert content["title"] == "Unprocessable Content"
    assert content["detail"] == "2 values of the request cannot be used; nothing was scored"
    assert content["errors"] == [
        {"path": "$[3].duration", "expected": f"not to be sent: {UNUSABLE['duration']}", "got": "5"}
        | {"row": 3, "field": "duration"},
        {"path": "$[3].age", "expected": "an integer at least 16 and at most 120", "got": "12"}
        | {"row": 3, "field": "age"},
    ]
    assert problem(office.score(ROW | {"age": 12}), 422)["detail"].startswith("1 value of")


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'[{"age": "x"}, ', b'{"age": NaN}'])
def test_what_is_not_json_is_a_bad_request(office: Office, body: bytes) -> None:
    serve(office.registry)
    content = problem(office.score(body), 400)
    assert "is not JSON" in content["detail"]
    assert "errors" not in content


def test_an_empty_list_is_refused(office: Office) -> None:
    serve(office.registry)
    assert problem(office.score([]), 422)["detail"] == "the request has no rows; expected 1 to 10,000"


def test_ten_thousand_rows_are_answered_and_one_more_is_not(office: Office) -> None:
    serve(office.registry, inputs=(Input("x", "number"),))
    assert len(predictions(office.score([{"x": 1}] * 10_000))) == 10_000
    detail = problem(office.score([{"x": 1}] * 10_001), 413)["detail"]
    assert detail == "the request has more than 10,000 rows: send them in several requests"


def test_a_body_over_the_limit_is_refused_unread() -> None:
    office = Office(score_max_bytes=1024)
    office.blobs.down = True
    assert problem(office.score(b"x" * 1025), 413)["detail"].startswith("the body has 1,025 bytes; at most 1,024")
    assert problem(office.score(b"x" * 1024), 503)
