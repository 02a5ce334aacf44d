"""Addresses and methods, what is told of models, and whether all is well."""

from __future__ import annotations

import json

import msgspec
import pytest

from shared.scoring.http import Call
from shared.store.records import Input
from tests.scoring_office import JSON, SCORE, Office, problem
from tests.tiny_versions import INPUTS, MODEL, ROW, UNUSABLE, serve


@pytest.fixture
def office() -> Office:
    return Office()


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
