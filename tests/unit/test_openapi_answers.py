"""The API as it describes itself: every answer is documented, errors too, to the last name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.scoring.answers import Kind
from shared.scoring.openapi.document import PREFIX
from shared.scoring.openapi.errors import DETAILS, KINDS
from shared.scoring.pipeline import QUERY
from shared.scoring.query import PLATFORM
from shared.store.records import Input
from tests.describing import COMPARE, NONE_YET, SCORE, Described, Office
from tests.tiny_versions import MODEL, ROW, UNUSABLE, register

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def office() -> Office:
    return Office().open()


@pytest.fixture
def described(office: Office) -> Described:
    return Described(office.document())


def test_every_kind_of_error_has_its_status_and_an_example(described: Described) -> None:
    found = {}
    for name, response in described.document["components"]["responses"].items():
        for content in response.get("content", {}).values():
            for slug, example in content["examples"].items():
                assert described.faults(content["schema"], example["value"]) == []
                assert name.endswith(f"-{example['value']['status']}")
                found[slug] = example["value"]
    assert {slug: (one["type"], one["status"]) for slug, one in found.items()} == {
        kind.slug: (kind.type, kind.status) for kind in Kind
    }
    assert set(DETAILS) == set(Kind)


@pytest.mark.parametrize("where", KINDS)
def test_every_address_may_lack_a_key_or_a_set_up(where: str) -> None:
    assert {Kind.NOT_SET_UP, Kind.BAD_QUERY, Kind.METHOD} <= set(KINDS[where])


def test_all_answers_are_as_documented(office: Office, described: Described) -> None:
    old = register(office.registry, 7)
    other = register(office.registry, 8, (Input("x", "integer"),))
    cases: list[tuple[str, Any, dict[str, str], int]] = [
        (SCORE, ROW, {}, 200),
        (SCORE, [ROW, ROW | {"job": "pilot", "contact_id": 7}], {"explain": "true", "top": "2"}, 200),
        (SCORE, {"columns": {name: [value] for name, value in ROW.items()}}, {"version": old.version}, 200),
        (SCORE, ROW, {"verson": "x"}, 400), (SCORE, b"{", {}, 400), (SCORE, ROW, {"version": "x"}, 404),
        (SCORE, ROW, {"version": old.version, "explain": "true"}, 409), (SCORE, [ROW] * 51, {}, 413),
        (SCORE, [ROW, ROW | {"age": 7}], {}, 422), (SCORE, [], {}, 422),
        (COMPARE, [ROW] * 2, {"version": old.version}, 200), (COMPARE, ROW, {}, 400),
        (COMPARE, ROW, {"version": old.version, "against": "x"}, 404),
        (COMPARE, {"x": 1}, {"version": other.version}, 409), (COMPARE, {}, {"version": old.version}, 422),
        (f"/models/{NONE_YET}/score", {}, {}, 503), (f"/models/{NONE_YET}/compare", {}, {"version": old.version}, 404),
    ]  # fmt: skip
    for path, body, query, status in cases:
        answer = office.post(path, body, **query)
        assert answer.status == status, (path, query, answer)
        described.check(path, "post", answer)
    described.check(SCORE, "post", office.post(SCORE, ROW, "image/png"))
    answers = office.get("models/phone"), office.get("models/fax"), office.get("models/nobody")
    assert [answer.status for answer in answers] == [200, 503, 404]
    for answer in answers:
        described.check("/models/{model}", "get", answer)
    for path in ("/models/{model}/versions", "/models/{model}/history"):
        described.check(path, "get", office.get(path.replace("{model}", MODEL)))
    for path in ("/models", "/health", "/openapi.json", "/docs"):
        described.check(path, "get", office.get(path))


def test_what_is_told_of_a_model_is_documented_to_the_last_name(office: Office, described: Described) -> None:
    told = described.document["components"]["schemas"]["Model"]
    by_task = {"positive", "decision"}
    assert {*json.loads(office.get("models/phone").body)} == {*told["required"], *by_task} <= {*told["properties"]}


def test_the_query_is_documented_to_the_last_name(described: Described) -> None:
    parameters = [described.resolved(one) for one in described.document["paths"][SCORE]["post"]["parameters"]]
    assert {one["name"] for one in parameters if one["in"] == "query"} == QUERY - PLATFORM


def test_names_of_operations_are_unique_and_links_lead_to_them(described: Described) -> None:
    operations = [operation for _, _, operation in described.operations()]
    identities = [operation["operationId"] for operation in operations]
    assert len(set(identities)) == len(identities)
    responses = [described.resolved(one) for operation in operations for one in operation["responses"].values()]
    links = [link for response in responses for link in response.get("links", {}).values()]
    assert len(links) == 9
    assert {link["operationId"] for link in links} <= set(identities)


def test_the_address_is_that_of_the_host() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    assert f"/{host['extensions']['http']['routePrefix']}" == PREFIX


def test_what_may_not_be_sent_is_named_with_its_reason(described: Described) -> None:
    assert described.document["components"]["schemas"][f"{MODEL}.row"]["x-not-to-be-sent"] == UNUSABLE
