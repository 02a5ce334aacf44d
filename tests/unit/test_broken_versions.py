"""What is answered when there is nothing to answer with, or what there is is broken."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from onnx import TensorProto, helper

from shared.scoring.http import Call
from shared.store import names
from shared.store.records import Beside, to_json
from shared.store.registry import GRAPH_FILE, VERSION_FILE
from tests.explaining import serve_explained
from tests.scoring_office import Office, csv_of, predictions, problem
from tests.tiny_versions import INPUTS, MODEL, ROW, graph, make, promote, register, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


@pytest.fixture
def office() -> Office:
    return Office()


# Nothing to answer with


def test_without_a_champion_the_caller_is_told_to_come_back(office: Office) -> None:
    answer = office.score(ROW)
    assert answer.headers["Retry-After"] == "60"
    assert problem(answer, 503)["detail"].startswith("model 'phone' has no version yet")
    serve(office.registry)
    assert predictions(office.score(ROW))


def test_without_storage_the_caller_is_told_to_come_back(office: Office) -> None:
    serve(office.registry)
    office.blobs.down = True
    answer = office.score(ROW)
    assert answer.headers["Retry-After"] == "10"
    assert "storage did not answer" in problem(answer, 503)["detail"]


def spoil_graph(office: Office, version: str, data: bytes) -> None:
    """Store ``data`` as the graph, with the hash that makes it look right."""
    record = msgspec.structs.replace(
        office.registry.version(MODEL, version), files={GRAPH_FILE: hashlib.sha256(data).hexdigest()}
    )
    office.put(version, GRAPH_FILE, data)
    office.put(version, VERSION_FILE, to_json(record))


def spoil_record(office: Office, stored: str, **fields: Any) -> None:
    office.put(stored, VERSION_FILE, to_json(msgspec.structs.replace(office.registry.version(MODEL, stored), **fields)))


def remove(office: Office, version: str, file: str) -> None:
    del office.blobs.blobs[names.version_file(MODEL, version, file)]


WHOLE = make()[1][GRAPH_FILE]
SPOILERS: Mapping[str, tuple[Callable[[Office, str], None], str]] = {
    "no version.json": (lambda office, version: remove(office, version, VERSION_FILE), "not whole"),
    "no graph": (lambda office, version: remove(office, version, GRAPH_FILE), "not whole"),
    "another graph": (lambda office, version: office.put(version, GRAPH_FILE, graph(9)), "the sha256 differs"),
    "no hash": (lambda office, version: spoil_record(office, version, files={}), "the sha256 differs"),
    "a truncated graph": (lambda office, version: spoil_graph(office, version, WHOLE[:-40]), "is not a graph"),
    "an empty graph": (lambda office, version: spoil_graph(office, version, b""), "is not a graph"),
    "a graph with more inputs": (lambda office, version: spoil_graph(office, version, graph(10)), "takes 9 inputs"),
    "a graph with another input": (
        lambda office, version: spoil_graph(office, version, graph(9, taken="columns")),
        "as 'rows'",
    ),
    "a graph with another output": (
        lambda office, version: spoil_graph(office, version, graph(9, given="label")),
        "gives 'probabilities'",
    ),
    "a graph with three classes": (
        lambda office, version: spoil_graph(office, version, graph(9, classes=3)),
        "of shape (2, 2) for two rows, got (2, 3)",
    ),
    "a record of another release": (
        lambda office, version: office.put(
            version, VERSION_FILE, to_json(make()[0]).replace(b'_version": 1', b'_version": 2')
        ),
        "schema_version",
    ),
    "a record that is cut": (
        lambda office, version: office.put(version, VERSION_FILE, to_json(make()[0])[:-50]),
        "is not a Version record",
    ),
    "the record of another version": (
        lambda office, version: spoil_record(office, version, version="20240101T000009Z-00000000"),
        "is that of phone 20240101T000009Z-00000000",
    ),
    "two inputs of one name": (
        lambda office, version: spoil_record(office, version, inputs=(*INPUTS[:-1], INPUTS[0])),
        "no request can be read",
    ),
    "champion.json that is cut": (
        lambda office, _: office.write_champion(b'{"version": '),
        "is not a Champion record",
    ),
    "champion.json of another release": (
        lambda office, _: office.write_champion(b'{"version": "", "previous": null, "since": "", "schema_version": 2}'),
        "schema_version",
    ),
}


@pytest.mark.parametrize("spoiled", SPOILERS)
def test_a_version_that_is_not_right_never_serves(office: Office, spoiled: str) -> None:
    spoil, told = SPOILERS[spoiled]
    spoil(office, serve(office.registry).version)
    answer = office.score(ROW)
    assert answer.headers["Retry-After"] == "10"
    assert told in problem(answer, 503)["detail"]


@pytest.mark.parametrize("spoiled", SPOILERS)
def test_the_version_before_one_that_is_not_right_serves_on(office: Office, spoiled: str) -> None:
    good = serve(office.registry, 1)
    assert predictions(office.score(ROW))
    bad, files = make(2)
    office.registry.register(bad, files)
    promote(office.registry, bad)
    SPOILERS[spoiled][0](office, bad.version)
    for _ in range(2):
        answer = json.loads(office.score(ROW).body)
        assert (answer["version"], answer["predictions"][0]["probability"]) == (good.version, 0.5025)
    best = make(3)[0]
    office.registry.register(*make(3))
    office.name_champion(best.version)
    assert json.loads(office.score(ROW).body)["version"] == best.version


# A version that loads and cannot answer

BY_BALANCE = {"column": 1, "weight": 1.0, "bias": 0.0}
EMPTY = ROW | {"balance": None}
"""Such a graph makes NaN of it: no graph of training does."""


def refused(answer: Any) -> str:
    assert answer.headers["Retry-After"] == "60"
    content = problem(answer, 503)
    assert content["type"] == "urn:cauce:version-broken"
    detail: str = content["detail"]
    assert detail.endswith("; retrain the model, or let another version serve")
    return detail


@pytest.mark.parametrize("rows", [EMPTY, [ROW, EMPTY], [ROW] * 40 + [EMPTY], [ROW] * 5_000 + [EMPTY]])
def test_what_is_no_probability_is_never_answered(office: Office, rows: Any) -> None:
    version = serve(office.registry, **BY_BALANCE)
    assert f"{version.version}: model.onnx gave nan where a probability belongs" in refused(office.score(rows))
    assert predictions(office.score(ROW))


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_what_is_no_probability_is_not_answered_to_a_csv_either(office: Office, accept: str) -> None:
    serve(office.registry, **BY_BALANCE)
    refused(office.ask(csv_of([ROW, EMPTY]), content_type="text/csv", accept=accept))


def test_what_is_no_probability_is_told_to_who_names_the_version_compares_or_wants_reasons(office: Office) -> None:
    version = serve_explained(office.registry, **BY_BALANCE)
    refused(office.ask(EMPTY, {"version": version.version}))
    refused(office.ask(EMPTY, {"explain": "true"}))
    body, query = json.dumps(EMPTY).encode(), {"version": version.version}
    refused(office.scorer.answer(Call("POST", f"models/{MODEL}/compare", body, query)))


def test_a_graph_that_always_gives_nan_never_serves(office: Office) -> None:
    good = serve(office.registry, 1)
    assert predictions(office.score(ROW))
    serve(office.registry, 2, bias=float("nan"))
    assert json.loads(office.score(ROW).body)["version"] == good.version


def by_place(*answers: float) -> bytes:
    """A graph that looks ``class`` up in a list, which fails where it is too short."""
    body = helper.make_graph(
        [
            helper.make_node("Gather", ["rows", "column"], ["code"], axis=1),
            helper.make_node("Cast", ["code"], ["place"], to=TensorProto.INT64),
            helper.make_node("Gather", ["list", "place"], ["yes"], axis=0),
            helper.make_node("Concat", ["yes", "yes"], ["probabilities"], axis=1),
        ],
        "by place",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, len(INPUTS)])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])],
        [
            helper.make_tensor("column", TensorProto.INT64, [1], [3]),
            helper.make_tensor("list", TensorProto.FLOAT, [len(answers)], answers),
        ],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(model.SerializeToString())


def test_a_graph_that_fails_on_some_rows_is_told(office: Office) -> None:
    serve(office.registry, content=by_place(0.5, 0.5))
    assert predictions(office.score(ROW))[0]["probability"] == 0.5
    for rows in (ROW | {"class": "tourist"}, [ROW | {"class": "tourist"}] * 300):
        assert "model.onnx fails on rows of its schema: " in refused(office.score(rows))


@pytest.mark.parametrize("rows", [1, 100])
def test_what_rounding_leaves_beyond_a_probability_is_put_right_and_no_more_than_that(
    office: Office, rows: int
) -> None:
    serve(office.registry, content=by_place(1.000001, -0.000001, 1.0001))
    sent = [ROW | {"class": "first"}, ROW | {"class": "second"}] * rows
    assert [row["probability"] for row in predictions(office.score(sent))] == [1.0, 0.0] * rows
    assert "gave 1.00010" in refused(office.score([*sent, ROW | {"class": "tourist"}]))


@pytest.mark.parametrize("rows", [2, 300])
def test_the_champion_answers_what_a_canary_cannot(office: Office, rows: int, caplog: pytest.LogCaptureFixture) -> None:
    champion = serve(office.registry, 10)
    canary = register(office.registry, 20, **BY_BALANCE)
    office.registry.set_beside(MODEL, "canary", Beside(canary.version, 0.5, "then"), why="a test", who="a test")
    sent = [EMPTY | {"contact_id": key} for key in range(rows)]
    answer = office.score(sent)
    assert {row["probability"] for row in predictions(answer)} == {0.524979}
    assert [row["contact_id"] for row in predictions(answer)] == list(range(rows))
    assert json.loads(answer.body)["version"] == champion.version
    assert not any("version" in row for row in predictions(answer))
    assert f"{champion.version} answers in its place" in caplog.text
