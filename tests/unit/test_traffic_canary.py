"""Which rows a canary answers: its share of them, the same ones however they come, and none on demand."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.scoring.rows import Rows
from shared.scoring.serving.session import LoadedClassifier
from shared.scoring.serving.traffic import positions
from shared.store.records import Input
from tests.tiny_versions import MODEL, ROW, make, promote, register, serve
from tests.traffic_office import Office, keyed, probability, quick_office

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.scoring.serving.loaded import LoadedVersion


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    yield from quick_office(monkeypatch)


def loaded(number: int) -> LoadedVersion:
    version, files = make(number)
    return LoadedClassifier(version, files["model.onnx"])


LOADED = [loaded(10), loaded(20)]


def rows_of(keys: list[Any]) -> Rows:
    return Rows(len(keys), {name: [value] * len(keys) for name, value in ROW.items()}, keys)


def test_the_canary_answers_its_share_and_every_row_is_answered_right_for_the_version_that_it_names(
    office: Office,
) -> None:
    champion, canary = serve(office.registry, 10), register(office.registry, 20)
    office.beside("canary", canary, 0.2)
    answer = office.answered(keyed(4_000))
    assert answer["version"] == champion.version
    rows = answer["predictions"]
    assert [row["contact_id"] for row in rows] == [*range(4_000)]
    by_version = Counter(row.get("version", champion.version) for row in rows)
    assert by_version.keys() == {champion.version, canary.version}
    # Four standard deviations of a share of 4,000.
    assert abs(by_version[canary.version] / 4_000 - 0.2) < 4 * math.sqrt(0.2 * 0.8 / 4_000)
    right = {champion.version: probability(10), canary.version: probability(20)}
    assert all(row["probability"] == right[row.get("version", champion.version)] for row in rows)


def test_a_key_is_answered_by_the_same_version_alone_and_among_others_as_number_and_as_text(office: Office) -> None:
    champion, canary = serve(office.registry, 10), register(office.registry, 20)
    office.beside("canary", canary)
    together = [row["probability"] for row in office.answered(keyed(60))["predictions"]]
    alone = [office.answered(row)["predictions"][0]["probability"] for row in keyed(60, age=20)]
    as_text = office.answered([row | {"contact_id": str(row["contact_id"])} for row in keyed(60)])["predictions"]
    assert together == alone == [row["probability"] for row in as_text]
    assert {*together} == {probability(10), probability(20)}
    assert champion.version != canary.version


def test_a_request_that_the_canary_answers_alone_names_it_in_each_row(office: Office) -> None:
    serve(office.registry, 10)
    canary = register(office.registry, 20)
    office.beside("canary", canary, 1.0)
    rows = office.answered(keyed(3))["predictions"]
    assert [(row["version"], row["probability"]) for row in rows] == [(canary.version, probability(20))] * 3


def test_rows_that_nothing_names_are_known_by_what_they_hold(office: Office) -> None:
    serve(office.registry, 10)
    office.beside("canary", register(office.registry, 20))
    rows = [ROW | {"balance": balance + 0.5} for balance in range(200)]
    first = [row["probability"] for row in office.answered(rows)["predictions"]]
    assert Counter(first).keys() == {probability(10), probability(20)}
    assert 60 < Counter(first)[probability(20)] < 140
    again = [office.answered(row)["predictions"][0]["probability"] for row in reversed(rows)]
    assert again[::-1] == first
    null_keys = office.answered([row | {"contact_id": None} for row in rows])["predictions"]
    assert [row["probability"] for row in null_keys] == first
    columns = {name: [row[name] for row in rows] for name in ROW}
    assert [row["probability"] for row in office.answered({"columns": columns})["predictions"]] == first


@given(number=st.integers(1, 500), share=st.sampled_from([0.01, 0.1, 0.5, 0.9]))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shares_are_right_for_every_canary_and_nested_in_larger_ones(number: int, share: float) -> None:
    champion, canary = LOADED[0], msgspec.structs.replace(LOADED[1].version, version=f"20240101T000000Z-{number:08x}")
    other = type("Named", (), {"version": canary})()
    found = [*positions(champion, other, rows_of([*range(3_000)]))]
    assert all(0 <= position < 1 for position in found)
    taken = sum(position < share for position in found)
    assert abs(taken - 3_000 * share) < 5 * math.sqrt(3_000 * share * (1 - share))


def test_with_another_canary_other_keys_come_first() -> None:
    keys = [f"client {number}" for number in range(2_000)]
    first, second = ([*positions(LOADED[0], canary, rows_of(keys))] for canary in (LOADED[0], LOADED[1]))
    both = sum(one < 0.2 and other < 0.2 for one, other in zip(first, second, strict=True))
    assert 40 < both < 125  # 80 by chance, 400 were they the same


def test_a_request_for_a_version_is_not_split(office: Office) -> None:
    champion = serve(office.registry, 10)
    office.beside("canary", register(office.registry, 20), 1.0)
    answer = office.answered(keyed(5), {"version": champion.version})
    assert {row["probability"] for row in answer["predictions"]} == {probability(10)}


def test_a_canary_with_fewer_inputs_answers_rows_that_the_champion_reads(office: Office) -> None:
    serve(office.registry, 10)
    fewer = (Input("job", "category", nullable=True, levels=("cook",)), Input("age", "integer"))
    canary = register(office.registry, 20, fewer, column=1, weight=0.01, bias=0.0)
    office.beside("canary", canary, 1.0)
    (row,) = office.answered(ROW | {"job": "clerk"})["predictions"]
    assert (row["version"], row["probability"]) == (canary.version, probability(41))
    assert row["warnings"] == ["job: 'clerk' is none of the levels that the model knows"]


def test_the_champion_answers_all_rows_while_the_canary_cannot_be_loaded(office: Office) -> None:
    champion, canary = serve(office.registry, 10), register(office.registry, 20)
    office.beside("canary", canary, 1.0)
    office.blobs.write(f"models/{MODEL}/{canary.version}/model.onnx", b"no graph")
    answer = office.answered(keyed(50))
    assert answer["version"] == champion.version
    assert {(row["probability"], "version" in row) for row in answer["predictions"]} == {(probability(10), False)}
    office.blobs.write(f"models/{MODEL}/{canary.version}/model.onnx", make(20)[1]["model.onnx"])
    assert {row["probability"] for row in office.answered(keyed(50))["predictions"]} == {probability(20)}


def test_a_promotion_of_the_canary_ends_the_split(office: Office) -> None:
    serve(office.registry, 10)
    canary = register(office.registry, 20)
    office.beside("canary", canary)
    promote(office.registry, canary)
    answer = office.answered(keyed(50))
    assert answer["version"] == canary.version
    assert {(row["probability"], "version" in row) for row in answer["predictions"]} == {(probability(20), False)}
