"""The API as it describes itself: typed by what serves, true of what is answered, and there whatever is broken."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.scoring.answers import Kind
from shared.scoring.formats.json_request import RowReader
from shared.scoring.http import Call
from shared.scoring.openapi import paths as openapi_paths
from shared.scoring.openapi.document import PREFIX
from shared.scoring.openapi.errors import DETAILS, KINDS
from shared.scoring.openapi.rows import example_csv, example_row, row
from shared.scoring.pipeline import QUERY
from shared.scoring.query import PLATFORM
from shared.scoring.rows import NotRead, RequestFaulty
from shared.store import names
from shared.store.records import Input
from shared.store.registry import GRAPH_FILE
from tests.describing import NONE_YET, OTHER, Described, Office
from tests.tiny_versions import INPUTS, MODEL, ROW, UNUSABLE, make, register, serve

ROOT = Path(__file__).resolve().parent.parent.parent
SCORE, COMPARE = f"/models/{MODEL}/score", f"/models/{MODEL}/compare"


@pytest.fixture
def office() -> Office:
    made = Office()
    made.open()
    return made


@pytest.fixture
def described(office: Office) -> Described:
    return Described(office.document())


def row_schema(inputs: tuple[Input, ...]) -> dict[str, Any]:
    return row(make(1, inputs)[0])


# Types


def test_each_input_has_its_type_and_bounds() -> None:
    schema = row_schema(INPUTS)
    told = {
        name: {key: one.get(key) for key in ("type", "minimum", "maximum")}
        for name, one in schema["properties"].items()
    }
    far, large = 2**53, 3.4e38
    assert told == {
        "age": {"type": "integer", "minimum": 16, "maximum": 120},
        "balance": {"type": ["number", "null"], "minimum": -large, "maximum": large},
        "cons.price.idx": {"type": "number", "minimum": 90.5, "maximum": 99.5},
        "class": {"type": "string", "minimum": None, "maximum": None},
        "member": {"type": "boolean", "minimum": None, "maximum": None},
        "job": {"type": ["string", "null"], "minimum": None, "maximum": None},
        "key": {"type": "integer", "minimum": -far, "maximum": far},
        "f0": {"type": ["integer", "null"], "minimum": 1, "maximum": 9},
        "owns car": {"type": ["boolean", "null"], "minimum": None, "maximum": None},
        "contact_id": {"type": ["integer", "string", "null"], "minimum": None, "maximum": None},
    }
    assert set(schema["required"]) == {"age", "cons.price.idx", "class", "member", "key"}
    assert schema["additionalProperties"] is False


def test_a_date_is_a_date() -> None:
    told = row_schema((Input("on", "weekday"),))["properties"]["on"]
    assert (told["type"], told["format"]) == ("string", "date")


def test_known_levels_are_named_and_others_are_no_fault() -> None:
    told = row_schema(INPUTS)["properties"]["class"]
    assert told["examples"] == ["first", "second", "tourist"]
    assert "`first`, `second`, `tourist`; any other is answered with a warning" in told["description"]
    assert "enum" not in told


def test_of_many_levels_some_are_named() -> None:
    item = Input("town", "category", levels=tuple(f"town {number}" for number in range(60)), description="Where.")
    told = row_schema((item,))["properties"]["town"]
    assert len(told["examples"]) == 50
    assert told["description"].startswith("Where. Known levels: `town 0`,")
    assert "`town 49`, and 10 more; any other" in told["description"]


def test_what_may_not_be_sent_is_named_with_its_reason(described: Described) -> None:
    assert described.document["components"]["schemas"][f"{MODEL}.row"]["x-not-to-be-sent"] == UNUSABLE


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 130),
    st.sampled_from([2**53, 2**53 + 1, -(2**53), -(2**53) - 1, 2**70, 3.4e38, 3.5e38, -3.5e38, 0.5, 90.5, 99.6, -0.25]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-5, 130).map(float),
    st.text(max_size=3).filter(str.isprintable),
    st.sampled_from(["", "first", "2026-11-23", "2026-02-30", "2026-11-23T00:00:00", "0000-01-01", "9999-12-31"]),
    st.dates().map(date.isoformat),
    st.sampled_from([[], {}, [1], {"a": 1}]),
)
EVERY = (*INPUTS, Input("on", "weekday", nullable=True))
WHOLE = {**ROW, "on": "2026-11-23"}


@given(
    st.dictionaries(st.sampled_from([*WHOLE, "contact_id", "duration"]), VALUES, max_size=3),
    st.sets(st.sampled_from([*WHOLE]), max_size=1),
)
@settings(max_examples=600, deadline=None)
def test_the_schema_allows_what_is_taken_and_nothing_else(changes: dict[str, Any], left_out: set[str]) -> None:
    """Apart from integers beyond 2^53 that are written with a point: which one is meant is not known."""
    version = make(1, EVERY)[0]
    large = {name for name, value in changes.items() if isinstance(value, float) and abs(value) >= 2**53}
    assume(not large & {"age", "key", "f0", "contact_id"})
    sent = {name: value for name, value in {**WHOLE, **changes}.items() if name not in left_out}
    faults = Described({"components": {}}).faults(row(version), sent)
    try:
        RowReader(version).read(json.dumps(sent).encode())
        taken = True
    except (RequestFaulty, NotRead):
        taken = False
    assert taken is not bool(faults), (sent, faults)


# Examples


def requests(described: Described, model: str) -> dict[str, tuple[str, str]]:
    """Each example of a scoring request: its content type and body."""
    content = described.document["paths"][f"/models/{model}/score"]["post"]["requestBody"]["content"]
    found = {
        name: ("application/json", json.dumps(one["value"]))
        for name, one in content["application/json"]["examples"].items()
    }
    return {**found, "csv": ("text/csv", content["text/csv"]["example"])}


@pytest.mark.parametrize("model", [MODEL, OTHER])
def test_every_example_is_answered_and_all_forms_alike(office: Office, described: Described, model: str) -> None:
    answers = {
        name: office.post(f"models/{model}/score", body, content_type)
        for name, (content_type, body) in requests(described, model).items()
    }
    assert {answer.status for answer in answers.values()} == {200}
    row, rows, columns, lines = (
        json.loads(answers[name].body)["predictions"] for name in ("row", "rows", "columns", "csv")
    )
    assert len(rows) == 2
    assert not [one for one in rows if "warnings" in one]
    assert rows == columns == lines
    assert row == rows[:1]


@pytest.mark.parametrize(
    "item",
    [
        Input("x", "integer"), Input("x", "integer", min=-5), Input("x", "integer", max=-5),
        Input("x", "integer", min=16.5, max=17.2),
        Input("x", "number", min=0.2, max=0.3), Input("x", "decimal", min=1e30), Input("x", "number", max=-0.5),
        Input("x", "category"), Input("x", "category", levels=("",)), Input("x", "boolean"), Input("x", "weekday"),
        Input("x", "integer", min=7, max=7), Input("x", "number", nullable=True, min=-1e40, max=1e40),
    ],
)  # fmt: skip
def test_the_example_of_any_input_is_taken(item: Input) -> None:
    version = make(1, (item,))[0]
    for second in (False, True):
        body = json.dumps(example_row(version, second=second)).encode()
        assert RowReader(version).read(body).count == 1
    assert len(example_csv(version).splitlines()) == 3


def test_the_example_of_an_answer_is_the_answer(office: Office, described: Described) -> None:
    content_type, body = requests(described, MODEL)["row"]
    told = described.document["paths"][SCORE]["post"]["responses"]["200"]["content"]
    answer = office.post(SCORE, body, content_type)
    assert told["application/json"]["example"] == json.loads(answer.body)
    assert answer.content_type == "application/json"
    assert told["text/csv"]["example"].splitlines()[1].startswith("1,")


def test_the_example_of_a_fault_is_the_models_own(described: Described) -> None:
    told = described.document["paths"][SCORE]["post"]["responses"]["422"]
    (example,) = told["content"]["application/problem+json"]["examples"].values()
    assert example["value"]["errors"][0]["field"] == "age"
    assert example["value"]["errors"][0]["expected"] == "an integer at least 16 and at most 120"


# Errors


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
    assert {*json.loads(office.get("models/phone").body)} == set(told["required"])


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


# What serves


def test_a_model_without_a_version_appears_with_its_503(described: Described) -> None:
    operation = described.document["paths"][f"/models/{NONE_YET}/score"]["post"]
    assert "has no version yet" in operation["description"]
    assert "503" in operation["responses"]
    assert "200" not in operation["responses"]
    assert f"{NONE_YET}.row" not in described.document["components"]["schemas"]


def test_a_broken_version_leaves_the_others_described(office: Office) -> None:
    version = office.serve(NONE_YET, 3)
    office.blobs.write(names.version_file(NONE_YET, version.version, GRAPH_FILE), b"no graph")
    described = Described(office.document())
    operation = described.document["paths"][f"/models/{NONE_YET}/score"]["post"]
    assert "cannot be loaded" in operation["description"]
    assert "200" in described.document["paths"][SCORE]["post"]["responses"]


def test_without_storage_the_document_is_there(office: Office) -> None:
    before = office.document()["paths"][SCORE]
    office.blobs.down = True
    assert office.document()["paths"][SCORE] == before
    fresh = Office()
    fresh.blobs.down = True
    assert "200" not in fresh.document()["paths"][SCORE]["post"]["responses"]


def test_without_any_model_the_document_is_valid() -> None:
    assert "/models" in Office(()).document()["paths"]


def test_a_new_version_is_described_as_soon_as_it_serves(office: Office) -> None:
    before = Described(office.document())
    version = serve(office.registry, 9, (Input("height", "number"),))
    after = Described(office.document())
    assert "age" in before.document["components"]["schemas"][f"{MODEL}.row"]["properties"]
    assert {*after.document["components"]["schemas"][f"{MODEL}.row"]["properties"]} == {"height", "contact_id"}
    assert version.version in after.document["paths"][SCORE]["post"]["description"]


def test_an_example_that_the_graph_cannot_answer_is_left_out(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        msg = "no graph likes this row"
        raise RuntimeError(msg)

    monkeypatch.setattr(openapi_paths, "score", fail)
    content = office.document()["paths"][SCORE]["post"]["responses"]["200"]["content"]
    assert "example" not in content["application/json"]


# Kept


def test_the_same_versions_are_described_once(office: Office) -> None:
    first, second = office.get("openapi.json"), office.get("openapi.json")
    assert first.body is second.body
    assert office.get("docs").body is office.get("docs").body


@pytest.mark.parametrize("path", ["openapi.json", "docs"])
def test_who_has_it_is_told_so_until_it_changes(office: Office, path: str) -> None:
    etag = office.get(path).headers["ETag"]
    for known in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        answer = office.get(path, **{"if-none-match": known})
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
    assert office.get(path, **{"if-none-match": '"other"'}).status == 200
    serve(office.registry, 9)
    changed = office.get(path, **{"if-none-match": etag})
    assert changed.status == 200
    assert changed.headers["ETag"] != etag


def test_nothing_is_asked_for_by_name(office: Office) -> None:
    assert office.scorer.answer(Call("GET", "openapi.json", query={"code": "k", "clientId": "default"})).status == 200
    assert office.scorer.answer(Call("GET", "openapi.json", query={"format": "yaml"})).status == 400


def test_scoring_loads_nothing_of_it() -> None:
    code = (
        "import sys, shared.scoring.run\nprint(*(one for one in sys.modules if 'openapi_' in one or 'markup' in one))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == ""
