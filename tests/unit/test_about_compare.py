"""Two versions compared on the rows of a request: row by row, in sum, and why they cannot be."""

from __future__ import annotations

import math

import pytest

from shared.scoring.http import Call
from shared.store.records import Input
from tests.about_office import Office
from tests.scoring_office import content
from tests.tiny_versions import INPUTS, MODEL, ROW, register, serve


@pytest.fixture
def office() -> Office:
    return Office()


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_two_versions_are_compared_on_the_same_rows(office: Office) -> None:
    one = serve(office.registry, 1, weight=0.1, bias=-4.0)
    other = register(office.registry, 2, weight=-0.1, bias=4.1)
    rows = [ROW | {"age": age} for age in (30, 40, 45)] + [ROW | {"age": 50, "contact_id": "b"}]
    told = office.compare(rows, version=one.version, against=other.version)
    assert (told["model"], told["version"], told["against"]) == (MODEL, one.version, other.version)
    pairs = [(sigmoid(age / 10 - 4), sigmoid(4.1 - age / 10)) for age in (30, 40, 45, 50)]
    assert [row["key"] for row in told["rows"]] == [None, None, None, "b"]
    for row, (mine, theirs) in zip(told["rows"], pairs, strict=True):
        assert row["probability"] == pytest.approx(mine, abs=2e-6)
        assert row["probability_against"] == pytest.approx(theirs, abs=2e-6)
        assert row["difference"] == pytest.approx(mine - theirs, abs=2e-6)
    assert [(row["decision"], row["decision_against"]) for row in told["rows"]] == [
        ("do not call", "call"), ("call", "call"), ("call", "do not call"), ("call", "do not call"),
    ]  # fmt: skip
    differences = [mine - theirs for mine, theirs in pairs]
    assert told["summary"] == {
        "rows": 4,
        "mean": pytest.approx(sum(mine for mine, _ in pairs) / 4, abs=2e-6),
        "mean_against": pytest.approx(sum(theirs for _, theirs in pairs) / 4, abs=2e-6),
        "mean_difference": pytest.approx(sum(differences) / 4, abs=2e-6),
        "mean_absolute_difference": pytest.approx(sum(map(abs, differences)) / 4, abs=2e-6),
        "largest_difference": pytest.approx(min(differences), abs=2e-6),
        "decisions_changed": 3,
        "decided": {"call": 3, "do not call": 1},
        "decided_against": {"call": 2, "do not call": 2},
    }


def test_without_another_it_is_compared_with_the_champion(office: Office) -> None:
    champion, other = serve(office.registry, 1), register(office.registry, 2)
    told = office.compare(version=other.version)
    assert (told["version"], told["against"], told["summary"]["rows"]) == (other.version, champion.version, 1)
    same = office.compare(version=champion.version)["summary"]
    assert (same["largest_difference"], same["decisions_changed"]) == (0.0, 0)


def test_many_rows_and_a_csv_are_compared_as_they_are_scored(office: Office) -> None:
    champion, other = serve(office.registry, 1), register(office.registry, 2)
    line = "41,900.5,93.2,second,true,cook,-7,3,false"
    body = "\n".join([",".join(ROW), *[line] * 3_000]).encode()
    call = Call("POST", f"models/{MODEL}/compare", body, {"version": other.version}, {"content-type": "text/csv"})
    told = content(office.scorer.answer(call), 200)
    assert told["summary"]["rows"] == len(told["rows"]) == 3_000
    by_json = office.compare([ROW] * 3_000, version=other.version)
    assert by_json == told
    assert told["against"] == champion.version


def test_rows_that_one_of_them_takes_and_the_other_as_well_are_enough(office: Office) -> None:
    serve(office.registry, 1, INPUTS[:2])
    wide = register(office.registry, 2)
    for query in ({"version": wide.version}, {"version": office.versions()["versions"][1]["version"]}):
        query["against"] = wide.version
        assert office.compare(ROW, **query)["summary"]["rows"] == 1
        refusal = office.compare({"age": 41, "balance": 1}, 422, **query)
        assert {fault["field"] for fault in refusal["errors"]} == {
            item.name for item in INPUTS[2:] if not item.nullable
        }


def test_versions_of_which_each_takes_what_the_other_does_not_cannot_be_compared(office: Office) -> None:
    serve(office.registry, 1, INPUTS[:2])
    other = register(office.registry, 2, (Input("wind", "number"),))
    refusal = office.compare(ROW, 409, version=other.version)
    assert refusal["type"] == "urn:cauce:cannot-be-compared"
    assert "no request suits both versions" in refusal["detail"]


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ({}, 400, "version: expected the version to compare"),
        ({"against": "20240101T000001Z-00000000"}, 400, "version: expected the version to compare"),
        ({"version": "newest"}, 404, "has no version 'newest'"),
        ({"version": "20240101T000001Z-00000000"}, 404, "has no version"),
        ({"version": "20240101T000001Z-00000000", "vs": "x"}, 400, "'vs' is not asked for here"),
    ],
)
def test_what_cannot_be_compared_is_told(office: Office, query: dict[str, str], status: int, told: str) -> None:
    serve(office.registry, 1)
    assert told in office.compare(ROW, status, **query)["detail"]


def test_comparing_keeps_to_the_limits_of_scoring() -> None:
    office = Office(score_max_rows=3, score_max_bytes=2048)
    version = serve(office.registry, 1).version
    assert office.compare([ROW] * 3, version=version)["summary"]["rows"] == 3
    office.compare([ROW] * 4, 413, version=version)
    office.compare([], 422, version=version)
    office.compare(ROW | {"age": 7}, 422, version=version)
    office.compare([ROW] * 40, 413, version=version)
