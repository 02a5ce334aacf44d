"""``?version=``: the version that a request names answers it, or it is said why it does not."""

from __future__ import annotations

import json
import math

import msgspec
import pytest

from shared.scoring.http import CSV, Answer, Call
from shared.store.records import Input, to_json
from shared.store.registry import GRAPH_FILE, VERSION_FILE
from tests.scoring_office import Office, csv_of, predictions, problem
from tests.tiny_versions import INPUTS, MODEL, ROW, make, promote, register, serve


@pytest.fixture
def office() -> Office:
    return Office()


def probability(answer: Answer) -> float:
    found: float = predictions(answer)[0]["probability"]
    return found


def version_of(answer: Answer) -> str:
    found: str = json.loads(answer.body)["version"]
    return found


def sigmoid(value: float) -> float:
    return round(1 / (1 + math.exp(-value)), 6)


def test_the_version_that_is_named_answers_whichever_serves(office: Office) -> None:
    made = [register(office.registry, number) for number in (10, 20, 30)]
    promote(office.registry, made[1])
    for number, version in zip((10, 20, 30), made, strict=True):
        answer = office.ask(ROW, {"version": version.version})
        assert (version_of(answer), probability(answer)) == (version.version, sigmoid(number / 100))
    assert version_of(office.ask(ROW)) == made[1].version


def test_a_named_version_reads_rows_by_its_own_schema(office: Office) -> None:
    serve(office.registry, 1)
    other = register(office.registry, 2, (Input("wind", "number"),))
    query = {"version": other.version}
    assert probability(office.ask({"wind": 3}, query)) == sigmoid(0.02)
    assert {error["field"] for error in problem(office.ask(ROW, query), 422)["errors"]} >= {"wind", "age"}
    assert "wind" in {error["field"] for error in problem(office.ask({"wind": 3}), 422)["errors"]}


@pytest.mark.parametrize("accept", ["application/json", CSV])
def test_in_every_form_the_answer_names_the_version(office: Office, accept: str) -> None:
    serve(office.registry, 1)
    other = register(office.registry, 2)
    answer = office.ask(csv_of([ROW]), {"version": other.version}, content_type=CSV, accept=accept)
    assert (answer.status, other.version.encode() in answer.body) == (200, True)


def test_a_version_can_be_named_before_any_serves(office: Office) -> None:
    version = register(office.registry, 1)
    assert version_of(office.ask(ROW, {"version": version.version})) == version.version
    problem(office.ask(ROW), 503)


@pytest.mark.parametrize(
    "asked",
    [
        "", " ", "newest", "champion", "1", "20240101T000001Z", "20240101T000001Z-0000000",
        "20240101T000001Z-000000000",
        "20240101T000001Z-0000000G", "20240101T000001Z-00000000\n", " 20240101T000001Z-00000000", "../phone", "%2e%2e",
        "20240101T000001Z-00000000/version.json", "\0", "2024010\u0661T000001Z-00000000", "x" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_versions_name_is_not_looked_for(
    office: Office, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    serve(office.registry)
    assert predictions(office.ask(ROW))
    monkeypatch.setattr(office.blobs, "read", lambda *_, **__: pytest.fail("storage was asked"))
    content = problem(office.ask(ROW, {"version": asked}), 404)
    assert content["type"] == "urn:cauce:no-such-version"
    assert content["detail"] == (
        f"model 'phone' has no version {asked[:40]!r}; without ?version= the one that serves answers"
    )


def test_a_version_that_is_not_there_is_not_found(office: Office) -> None:
    serve(office.registry)
    content = problem(office.ask(ROW, {"version": "20240101T000009Z-00000000"}), 404)
    assert "has no version '20240101T000009Z-00000000'" in content["detail"]


def test_the_version_of_another_model_is_not_found() -> None:
    office = Office(MODEL, "sales")
    version = serve(office.registry)
    sales = msgspec.structs.replace(version, model="sales")
    call = Call("POST", "models/sales/score", json.dumps(ROW).encode(), {"version": version.version})
    assert "model 'sales' has no version" in problem(office.scorer.answer(call), 404)["detail"]
    office.registry.register(sales, make()[1])
    assert json.loads(office.scorer.answer(call).body)["model"] == "sales"
    nobody = Call("POST", "models/nobody/score", call.body, call.query)
    assert problem(office.scorer.answer(nobody), 404)["type"] == "urn:cauce:no-such-model"


def test_a_broken_version_is_told_as_long_as_it_is_and_the_champion_answers_on(office: Office) -> None:
    champion, broken = serve(office.registry, 1), register(office.registry, 2)
    whole = office.registry.file(broken, GRAPH_FILE)
    query = {"version": broken.version}
    office.put(broken.version, GRAPH_FILE, whole[:-9])
    answer = office.ask(ROW, query)
    assert answer.headers["Retry-After"] == "10"
    content = problem(answer, 503)
    assert content["type"] == "urn:cauce:cannot-be-loaded"
    assert content["detail"].startswith(f"version '{broken.version}' of model 'phone' cannot be loaded: ")
    assert version_of(office.ask(ROW)) == champion.version
    office.put(broken.version, GRAPH_FILE, whole)
    assert version_of(office.ask(ROW, query)) == broken.version


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"schema_version": 9}'])
def test_a_version_whose_record_cannot_be_read_is_told(office: Office, record: bytes) -> None:
    serve(office.registry, 1)
    broken = register(office.registry, 2)
    office.put(broken.version, VERSION_FILE, record)
    assert problem(office.ask(ROW, {"version": broken.version}), 503)["type"] == "urn:cauce:cannot-be-loaded"


def test_a_record_under_the_name_of_another_version_is_told(office: Office) -> None:
    serve(office.registry, 1)
    one, other = register(office.registry, 2), register(office.registry, 3)
    office.put(one.version, VERSION_FILE, to_json(other))
    detail = problem(office.ask(ROW, {"version": one.version}), 503)["detail"]
    assert f"version.json is that of phone {other.version}" in detail


def test_a_version_that_is_in_memory_needs_no_storage(office: Office) -> None:
    champion, other, cold = serve(office.registry, 1), register(office.registry, 2), register(office.registry, 3)
    for version in (champion, other):
        assert office.ask(ROW, {"version": version.version}).status == 200
    office.blobs.down = True
    for version in (champion, other):
        assert version_of(office.ask(ROW, {"version": version.version})) == version.version
    answer = office.ask(ROW, {"version": cold.version})
    assert answer.headers["Retry-After"] == "10"
    assert "storage did not answer" in problem(answer, 503)["detail"]


def test_few_versions_stay_in_memory_those_that_were_asked_for_last(office: Office) -> None:
    serve(office.registry, 9)
    made = [register(office.registry, number) for number in range(1, 6)]
    for version in (*made[:4], made[0], made[4]):
        assert office.ask(ROW, {"version": version.version}).status == 200
    office.blobs.down = True
    assert [office.ask(ROW, {"version": version.version}).status for version in made] == [200, 503, 200, 200, 200]


@pytest.mark.parametrize("query", [{"verson": "x"}, {"Version": "x"}, {"version ": "x"}, {"": ""}, {"x" * 1_000: "y"}])
def test_a_query_that_is_spelt_wrong_is_refused_and_not_passed_over(office: Office, query: dict[str, str]) -> None:
    serve(office.registry)
    content = problem(office.ask(ROW, query), 400)
    assert content["type"] == "urn:cauce:bad-query"
    assert content["detail"].endswith("is not asked for here; expected of explain, top, version")
    assert len(content["detail"]) < 150


def test_the_platforms_own_key_may_stand_in_the_query(office: Office) -> None:
    version = serve(office.registry, inputs=INPUTS[:2])
    query = {"code": "secret", "clientId": "default", "version": version.version}
    assert office.ask({"age": 41, "balance": 1}, query).status == 200
