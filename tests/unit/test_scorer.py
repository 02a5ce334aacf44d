"""Requests in, answers out: routes, refusals, predictions, and what is said when nothing can be answered."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING

import msgspec
import pytest

from local.memory_blobs import MemoryBlobs
from shared.errors import StoreUnavailable
from shared.scoring.http import Call
from shared.scoring.run import Scorer
from shared.settings import Settings
from shared.store import names
from shared.store.records import Champion, Input, to_json
from shared.store.registry import GRAPH_FILE, VERSION_FILE, Registry
from tests.phone_data import ROW as PHONE_ROW
from tests.tiny_versions import INPUTS, MODEL, ROW, UNUSABLE, catalog, graph, make, phone_inputs, promote, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from shared.scoring.http import Answer
    from shared.store.blobs import Blob

SCORE = f"models/{MODEL}/score"
PROBLEM, JSON = "application/problem+json", "application/json"


class FailingBlobs(MemoryBlobs):
    """Blobs of an account that does not answer while ``down`` is set."""

    down = False

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        if self.down:
            msg = f"storage did not answer for {name!r}"
            raise StoreUnavailable(msg)
        return super().read(name, unless=unless)


class Office:
    """A scorer over blobs of its own."""

    def __init__(self, *models: str, **limits: Any) -> None:
        self.blobs = FailingBlobs()
        self.registry = Registry(self.blobs)
        self.settings = Settings(**{"model_refresh_seconds": 0.0, **limits})
        self.scorer = Scorer(catalog(*(models or (MODEL,))), self.registry, self.settings)

    def get(self, path: str) -> Answer:
        return self.scorer.answer(Call("GET", path, b""))

    def score(self, content: Any, path: str = SCORE) -> Answer:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.scorer.answer(Call("POST", path, body))

    def put(self, version: str, file: str, data: bytes) -> None:
        self.blobs.write(names.version_file(MODEL, version, file), data)

    def name_champion(self, version: str) -> None:
        self.write_champion(to_json(Champion(version=version, previous=None, since="now")))

    def write_champion(self, data: bytes) -> None:
        self.blobs.write(names.champion(MODEL), data)


@pytest.fixture
def office() -> Office:
    return Office()


def predictions(answer: Answer) -> list[dict[str, Any]]:
    assert (answer.status, answer.content_type) == (200, JSON), answer.body
    found: list[dict[str, Any]] = json.loads(answer.body)["predictions"]
    return found


def problem(answer: Answer, status: int) -> dict[str, Any]:
    """The problem's details, once they have the shape that RFC 9457 gives them."""
    content: dict[str, Any] = json.loads(answer.body)
    assert (answer.status, answer.content_type, content["status"]) == (status, PROBLEM, status)
    assert content.keys() - {"errors"} == {"type", "title", "status", "detail", "instance"}
    assert all(isinstance(content[name], str) and content[name] for name in ("type", "title", "detail"))
    assert content["instance"] == answer.headers["x-request-id"]
    for fault in content.get("errors", ()):
        assert fault.keys() >= {"path", "expected", "got", "row"}
    return content


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


# Routes


@pytest.mark.parametrize(
    "path", ["", "/", "nothing", "models/phone/score/more", "models/phone/train", "Models", "health/x"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_address_is_not_found(office: Office, method: str, path: str) -> None:
    assert repr(path) in problem(office.scorer.answer(Call(method, path, b"{}")), 404)["detail"]


@pytest.mark.parametrize(("method", "path"), [("GET", "models/nobody"), ("POST", "models/nobody/score")])
def test_an_unknown_model_is_not_found_and_those_there_are_are_named(method: str, path: str) -> None:
    content = problem(Office("phone", "sales").scorer.answer(Call(method, path, b"{}")), 404)
    assert content["detail"] == "there is no model 'nobody'; there is: phone, sales"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", SCORE, "POST"), ("PUT", SCORE, "POST"), ("POST", "models", "GET"), ("POST", "models/phone", "GET"),
        ("DELETE", "models/phone", "GET"), ("POST", "health", "GET"),
    ],
)  # fmt: skip
def test_a_method_that_is_not_answered_is_refused_with_the_one_that_is(
    office: Office, method: str, path: str, allowed: str
) -> None:
    answer = office.scorer.answer(Call(method, path, b""))
    assert answer.headers["Allow"] == allowed
    assert allowed in problem(answer, 405)["detail"]


def test_slashes_around_an_address_do_no_harm(office: Office) -> None:
    serve(office.registry)
    assert office.get("/models/").status == office.get("health/").status == office.score(ROW, f"/{SCORE}/").status


# Models and health


def test_the_list_of_models_says_what_serves() -> None:
    office = Office("phone", "sales")
    version = serve(office.registry)
    assert json.loads(office.get("models").body) == {
        "models": [
            {"model": "phone", "title": "Who to telephone", "version": version.version, "state": "serving"},
            {"model": "sales", "version": None, "state": "no version yet"},
        ]
    }


def test_a_model_tells_what_it_takes_how_it_decides_and_how_good_it_is(office: Office) -> None:
    version = serve(office.registry)
    answer = office.get(f"models/{MODEL}")
    assert (answer.status, answer.content_type) == (200, JSON)
    content = json.loads(answer.body)
    assert content.keys() == {
        "model", "title", "description", "version", "since", "positive", "decision", "metrics", "data", "key",
        "inputs", "not_to_be_sent",
    }  # fmt: skip
    assert (content["model"], content["version"], content["since"]) == (MODEL, version.version, version.slot)
    assert content["decision"] == {"threshold": 0.5, "act": "call", "skip": "do not call"}
    assert (content["metrics"], content["not_to_be_sent"]) == ({"auc": 0.75}, UNUSABLE)
    assert content["key"]["name"] == "contact_id"
    assert msgspec.convert(content["inputs"], tuple[Input, ...]) == INPUTS


def test_a_model_without_a_version_cannot_tell_yet(office: Office) -> None:
    answer = office.get(f"models/{MODEL}")
    assert answer.headers["Retry-After"] == "60"
    assert "has no version yet" in problem(answer, 503)["detail"]


def test_health_is_good_while_every_model_serves_or_waits_for_its_first_version() -> None:
    office = Office("phone", "sales")
    serve(office.registry)
    content = json.loads(office.get("health").body)
    assert content["status"] == "ok"
    assert [state["state"] for state in content["models"]] == ["serving", "no version yet"]


def test_health_is_bad_when_a_model_cannot_be_loaded() -> None:
    office = Office("phone", "sales")
    office.name_champion("20240101T000000Z-00000000")
    answer = office.get("health")
    assert answer.headers["Retry-After"] == "10"
    assert problem(answer, 503)["detail"].startswith("phone cannot be loaded: ")
    state = json.loads(office.get("models").body)["models"][0]
    assert (state["version"], state["state"][:16]) == (None, "cannot be loaded")


def test_health_is_good_while_a_loaded_version_outlives_storage(office: Office) -> None:
    version = serve(office.registry)
    assert office.get("health").status == 200
    office.blobs.down = True
    assert json.loads(office.get("health").body)["models"][0]["version"] == version.version


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
