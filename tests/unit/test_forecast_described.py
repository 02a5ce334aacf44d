"""The API of a model that forecasts, as it describes itself: examples that work, and answers as they are foreseen."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.scoring.http import Call
from tests.describing import Described
from tests.scoring_office import content, predictions
from tests.tiny_forecasts import MODEL, ORIGIN, Office, day, inputs_of, register, serve

if TYPE_CHECKING:
    from shared.scoring.http import Answer

SCORE, COMPARE = f"/models/{MODEL}/score", f"/models/{MODEL}/compare"


@pytest.fixture
def office() -> Office:
    made = Office()
    serve(made.registry)
    return made


@pytest.fixture
def described(office: Office) -> Described:
    found = content(office.get("openapi.json"))
    assert [str(error) for error in OpenAPIV31SpecValidator(found).iter_errors()] == []
    return Described(found)


def post(office: Office, path: str, body: Any, content_type: str = "application/json", **query: str) -> Answer:
    sent = body if isinstance(body, str) else json.dumps(body)
    return office.scorer.answer(Call("POST", path[1:], sent.encode(), query, {"content-type": content_type}))


def test_every_example_is_answered_as_it_is_said(office: Office, described: Described) -> None:
    operation = described.document["paths"][SCORE]["post"]
    asked = operation["requestBody"]["content"]
    examples = {name: one["value"] for name, one in asked["application/json"]["examples"].items()}
    answers = {name: post(office, SCORE, value) for name, value in examples.items()}
    answers["csv"] = post(office, SCORE, asked["text/csv"]["example"], "text/csv")
    for name, answer in answers.items():
        described.check(SCORE, "post", answer)
        assert answer.status == 200, name
    for value in examples.values():
        assert described.faults(asked["application/json"]["schema"], value) == []
    row, rows, columns, lines = (predictions(answers[name]) for name in ("row", "rows", "columns", "csv"))
    assert rows == columns == lines
    assert rows[: len(row)] == row
    assert {one["id"] for one in rows} == {"row 1", "row 2"}
    assert not [one for one in rows if "warnings" in one]
    told = described.resolved(operation["responses"]["200"])["content"]
    assert json.loads(answers["row"].body) == told["application/json"]["example"]


def test_answers_of_every_address_are_as_they_are_described(office: Office, described: Described) -> None:
    other = register(office.registry, 2, origin=date(2026, 11, 29))
    for query in ({}, {"version": other.version}):
        described.check(SCORE, "post", post(office, SCORE, [{"product": "new"}, {"date": day(9)}], **query))
    for bad in ([{"date": day(0)}], [{"horizon": 29}, {"price": 1}], [], "{"):
        described.check(SCORE, "post", post(office, SCORE, bad))
    described.check(SCORE, "post", post(office, SCORE, {}, explain="true"))
    answer = post(office, COMPARE, {"product": "P-1"}, version=other.version)
    assert answer.status == 200
    described.check(COMPARE, "post", answer)
    described.check(COMPARE, "post", post(office, COMPARE, {"horizon": 1}, version=other.version))
    for path in ("/models", "/health", "/docs", "/openapi.json"):
        described.check(path, "get", office.get(path[1:]))
    described.check("/models/{model}", "get", office.get(f"models/{MODEL}"))
    described.check("/models/{model}/versions", "get", office.get(f"models/{MODEL}/versions"))


def test_what_may_be_sent_is_described_with_its_bounds(described: Described) -> None:
    row = described.resolved({"$ref": f"#/components/schemas/{MODEL}.row"})
    assert list(row["properties"]) == ["product", "country", "date", "price", "promotion", "horizon", "id"]
    assert "required" not in row
    assert (row["properties"]["date"]["type"], row["properties"]["date"]["format"]) == (["string", "null"], "date")
    assert "From 2026-11-23 to 2026-12-20." in row["properties"]["date"]["description"]
    horizon = row["properties"]["horizon"]
    assert (horizon["minimum"], horizon["maximum"]) == (1, 28)
    text = described.document["paths"][SCORE]["post"]["description"]
    assert "How many units will be sold, day by day, up to 28 ahead of 2026-11-22" in text
    assert "one of `product`, `country`, or none for the total" in text
    answered = described.resolved({"$ref": f"#/components/schemas/{MODEL}.prediction"})
    assert {"date", "forecast", "low_90", "high_90"} <= {*answered["required"]}
    assert "probability" not in answered["properties"]


def test_the_page_shows_it(office: Office) -> None:
    page = office.get("docs").body.decode()
    assert "How many units will be sold" in page
    assert "low_90" in page


@pytest.mark.parametrize(
    "how",
    [
        {"horizon": 1},
        {"horizon": 4, "step": 7},
        {"by": (), "inputs": inputs_of()[2:3], "content": None},
        {"by": ("product",), "inputs": (inputs_of()[0], inputs_of()[2]), "content": None},
    ],
)
def test_the_examples_of_any_version_work(how: dict[str, Any]) -> None:
    office = Office()
    if "content" in how:
        how = {**how, "content": constant(len(how["inputs"]))}
    serve(office.registry, 2, **how)
    found = Described(content(office.get("openapi.json")))
    asked = found.document["paths"][SCORE]["post"]["requestBody"]["content"]["application/json"]
    for one in asked["examples"].values():
        answer = post(office, SCORE, one["value"])
        assert answer.status == 200, answer.body
        found.check(SCORE, "post", answer)
    assert json.loads(post(office, SCORE, {}).body)["origin"] == str(ORIGIN)


def constant(inputs: int) -> bytes:
    """A graph that forecasts nothing, of whatever it is asked."""
    from onnx import TensorProto, helper

    from shared.features import FORECASTS, GRAPH_INPUT

    body = helper.make_graph(
        [
            helper.make_node("Gather", [GRAPH_INPUT, "columns"], ["some"], axis=1),
            helper.make_node("IsNaN", ["some"], ["empty"]),
            helper.make_node("Where", ["empty", "zero", "zero"], [FORECASTS]),
        ],
        "constant",
        [helper.make_tensor_value_info(GRAPH_INPUT, TensorProto.FLOAT, [None, inputs])],
        [helper.make_tensor_value_info(FORECASTS, TensorProto.FLOAT, [None, 7])],
        [
            helper.make_tensor("columns", TensorProto.INT64, [7], [0] * 7),
            helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        ],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(model.SerializeToString())
