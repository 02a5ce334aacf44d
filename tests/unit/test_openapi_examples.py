"""The API as it describes itself: every example is one, of what is sent and of what is answered."""

from __future__ import annotations

import json

import pytest

from shared.scoring.formats.json_request import RowReader
from shared.scoring.openapi import paths as openapi_paths
from shared.scoring.openapi.rows import example_csv, example_row
from shared.store.records import Input
from tests.describing import OTHER, SCORE, Described, Office
from tests.tiny_versions import MODEL, make


@pytest.fixture
def office() -> Office:
    return Office().open()


@pytest.fixture
def described(office: Office) -> Described:
    return Described(office.document())


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


def test_an_example_that_the_graph_cannot_answer_is_left_out(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        msg = "no graph likes this row"
        raise RuntimeError(msg)

    monkeypatch.setattr(openapi_paths, "score", fail)
    content = office.document()["paths"][SCORE]["post"]["responses"]["200"]["content"]
    assert "example" not in content["application/json"]
