"""Who answers which row, and what is written down of it: the canary, the shadow, the prediction log."""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.memory_blobs import MemoryBlobs
from shared.catalog.load import Catalog
from shared.catalog.spec import Column
from shared.errors import StoreUnavailable
from shared.scoring.http import Call
from shared.scoring.log import prediction_log
from shared.scoring.log.day_blobs import DayBlobs
from shared.scoring.log.lines import LineMaker
from shared.scoring.log.prediction_log import PredictionLog
from shared.scoring.rows import Rows
from shared.scoring.run import Scorer
from shared.scoring.serving.session import LoadedVersion
from shared.scoring.serving.traffic import positions
from shared.settings import Settings
from shared.store.predictions import Loss, Prediction, key_hash, read_line
from shared.store.records import Beside, Input
from shared.store.registry import Registry
from tests.tiny_versions import INPUTS, MODEL, ROW, catalog, make, promote, register, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.catalog.spec import UseCase
    from shared.scoring.http import Answer
    from shared.store.records import Version
    from shared.store.registry import Role

SCORE = f"models/{MODEL}/score"
HASH_KEY = "more than thirty-two characters, as asked"


def tiny_use_case(**changed: Column) -> UseCase:
    """The built-in model over the columns of INPUTS, so that they may be written down."""
    use_case = catalog(MODEL).use_cases[0]
    types = {"weekday": "date"}
    columns = {item.name: Column(type=types.get(item.type, item.type)) for item in INPUTS}  # type: ignore[arg-type]
    key = use_case.dataset.columns["contact_id"]
    dataset = msgspec.structs.replace(use_case.dataset, columns={"contact_id": key, **columns, **changed})
    return msgspec.structs.replace(use_case, dataset=dataset)


class Office:
    """A scorer with a prediction log, over blobs of its own."""

    def __init__(self, use_case: UseCase | None = None, secret: str | None = HASH_KEY, **chosen: Any) -> None:
        self.blobs, self.logged = MemoryBlobs(), MemoryBlobs()
        self.registry = Registry(self.blobs)
        cases = Catalog((use_case or tiny_use_case(),))
        days = DayBlobs(self.logged, datetime.now(UTC))
        self.log = PredictionLog(LineMaker(cases, secret), days, 0.0, 2**26)
        self.scorer = Scorer(cases, self.registry, Settings(model_refresh_seconds=0.0, **chosen), self.log)

    def score(self, content: Any = ROW, query: dict[str, str] | None = None, **headers: str) -> Any:
        return json.loads(self.ask(content, query, **headers).body)

    def ask(self, content: Any = ROW, query: dict[str, str] | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.scorer.answer(Call("POST", SCORE, json.dumps(content).encode(), query or {}, named))
        assert answer.status == 200, answer.body
        return answer

    def beside(self, role: Role, version: Version, share: float = 0.5) -> None:
        self.registry.set_beside(MODEL, role, Beside(version.version, share, "then"), why="a test", who="a test")

    def lines(self) -> list[Prediction | Loss]:
        """All that was logged; the log is at its end then."""
        self.log.close(20)
        return [read_line(line, name) for name, data in self.logged.blobs.items() for line in data.splitlines()]

    def predictions(self, role: str | None = None) -> list[Prediction]:
        found = [line for line in self.lines() if isinstance(line, Prediction)]
        return [line for line in found if role in {None, line.role}]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "TICK_SECONDS", 0.002)
    monkeypatch.setattr(prediction_log, "REST", 0.0)


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.log.close(20)


def keyed(count: int, **changed: Any) -> list[dict[str, Any]]:
    return [ROW | {"contact_id": key} | changed for key in range(count)]


def probability(number: int) -> float:
    return round(1 / (1 + math.exp(-number / 100)), 6)


def loaded(number: int) -> LoadedVersion:
    version, files = make(number)
    return LoadedVersion(version, files["model.onnx"])


LOADED = [loaded(10), loaded(20)]


def rows_of(keys: list[Any]) -> Rows:
    return Rows(len(keys), {name: [value] * len(keys) for name, value in ROW.items()}, keys)


# The canary


def test_the_canary_answers_its_share_and_every_row_is_answered_right_for_the_version_that_it_names(
    office: Office,
) -> None:
    champion, canary = serve(office.registry, 10), register(office.registry, 20)
    office.beside("canary", canary, 0.2)
    answer = office.score(keyed(4_000))
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
    together = [row["probability"] for row in office.score(keyed(60))["predictions"]]
    alone = [office.score(row)["predictions"][0]["probability"] for row in keyed(60, age=20)]
    as_text = office.score([row | {"contact_id": str(row["contact_id"])} for row in keyed(60)])["predictions"]
    assert together == alone == [row["probability"] for row in as_text]
    assert {*together} == {probability(10), probability(20)}
    assert champion.version != canary.version


def test_a_request_that_the_canary_answers_alone_names_it_in_each_row(office: Office) -> None:
    serve(office.registry, 10)
    canary = register(office.registry, 20)
    office.beside("canary", canary, 1.0)
    rows = office.score(keyed(3))["predictions"]
    assert [(row["version"], row["probability"]) for row in rows] == [(canary.version, probability(20))] * 3


def test_rows_that_nothing_names_are_known_by_what_they_hold(office: Office) -> None:
    serve(office.registry, 10)
    office.beside("canary", register(office.registry, 20))
    rows = [ROW | {"balance": balance + 0.5} for balance in range(200)]
    first = [row["probability"] for row in office.score(rows)["predictions"]]
    assert Counter(first).keys() == {probability(10), probability(20)}
    assert 60 < Counter(first)[probability(20)] < 140
    again = [office.score(row)["predictions"][0]["probability"] for row in reversed(rows)]
    assert again[::-1] == first
    null_keys = office.score([row | {"contact_id": None} for row in rows])["predictions"]
    assert [row["probability"] for row in null_keys] == first
    columns = {name: [row[name] for row in rows] for name in ROW}
    assert [row["probability"] for row in office.score({"columns": columns})["predictions"]] == first


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
    answer = office.score(keyed(5), {"version": champion.version})
    assert {row["probability"] for row in answer["predictions"]} == {probability(10)}


def test_a_canary_with_fewer_inputs_answers_rows_that_the_champion_reads(office: Office) -> None:
    serve(office.registry, 10)
    fewer = (Input("job", "category", nullable=True, levels=("cook",)), Input("age", "integer"))
    canary = register(office.registry, 20, fewer, column=1, weight=0.01, bias=0.0)
    office.beside("canary", canary, 1.0)
    (row,) = office.score(ROW | {"job": "clerk"})["predictions"]
    assert (row["version"], row["probability"]) == (canary.version, probability(41))
    assert row["warnings"] == ["job: 'clerk' is none of the levels that the model knows"]


def test_the_champion_answers_all_rows_while_the_canary_cannot_be_loaded(office: Office) -> None:
    champion, canary = serve(office.registry, 10), register(office.registry, 20)
    office.beside("canary", canary, 1.0)
    office.blobs.write(f"models/{MODEL}/{canary.version}/model.onnx", b"no graph")
    answer = office.score(keyed(50))
    assert answer["version"] == champion.version
    assert {(row["probability"], "version" in row) for row in answer["predictions"]} == {(probability(10), False)}
    office.blobs.write(f"models/{MODEL}/{canary.version}/model.onnx", make(20)[1]["model.onnx"])
    assert {row["probability"] for row in office.score(keyed(50))["predictions"]} == {probability(20)}


def test_a_promotion_of_the_canary_ends_the_split(office: Office) -> None:
    serve(office.registry, 10)
    canary = register(office.registry, 20)
    office.beside("canary", canary)
    promote(office.registry, canary)
    answer = office.score(keyed(50))
    assert answer["version"] == canary.version
    assert {(row["probability"], "version" in row) for row in answer["predictions"]} == {(probability(20), False)}


# The shadow


def test_a_shadow_is_never_shown_and_stands_in_the_log_beside_what_was(office: Office) -> None:
    champion = serve(office.registry, 10)
    without = office.ask(keyed(30)).body
    shadow = register(office.registry, -30)
    office.beside("shadow", shadow, 1.0)
    assert office.ask(keyed(30)).body == without
    assert shadow.version.encode() not in without
    lines = office.predictions("shadow")
    assert [line.row for line in lines] == [*range(30)]
    assert {(line.version, line.probability, line.decision) for line in lines} == {
        (shadow.version, probability(-30), "do not call")
    }
    assert {(line.against, line.against_probability, line.against_decision) for line in lines} == {
        (champion.version, probability(10), "call")
    }
    assert len(office.predictions("served")) == 60


def test_a_shadow_sees_its_share_of_the_rows(office: Office) -> None:
    serve(office.registry, 10)
    office.beside("shadow", register(office.registry, 20), 0.25)
    office.score(keyed(2_000))
    for row in keyed(200):
        office.score(row)
    found = office.predictions("shadow")
    assert 400 < len(found) < 700
    assert {line.key_hash for line in found} <= {key_hash(key, HASH_KEY) for key in range(2_000)}
    by_row = {line.row: line.key_hash for line in found if line.row}
    assert by_row == {row: key_hash(row, HASH_KEY) for row in by_row}


def test_a_shadow_beside_a_canary_is_compared_with_whichever_answered(office: Office) -> None:
    champion, canary, shadow = serve(office.registry, 10), register(office.registry, 20), register(office.registry, 30)
    office.beside("canary", canary)
    office.beside("shadow", shadow, 1.0)
    office.score(keyed(100))
    lines = office.predictions("shadow")
    assert {(line.against, line.against_probability) for line in lines} == {
        (champion.version, probability(10)),
        (canary.version, probability(20)),
    }
    served = {line.row: line.version for line in office.predictions() if line.role in {"served", "canary"}}
    assert {line.row: line.against for line in lines} == served
    assert len(served) == 100


def test_a_request_for_a_version_is_no_business_of_the_shadow(office: Office) -> None:
    champion = serve(office.registry, 10)
    office.beside("shadow", register(office.registry, 20), 1.0)
    office.score(keyed(3), {"version": champion.version})
    assert Counter(line.role for line in office.predictions()) == {"named": 3}


def test_a_shadow_whose_graph_fails_fails_no_answer(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    serve(office.registry, 10)
    office.beside("shadow", register(office.registry, 20), 1.0)
    monkeypatch.setattr(LoadedVersion, "probabilities", lambda *_: 1 / 0)
    for _ in range(3):
        assert office.score()["predictions"][0]["probability"] == probability(10)
    losses = [line for line in office.lines() if isinstance(line, Loss)]
    assert ({line.role for line in losses}, sum(line.rows for line in losses)) == ({"shadow"}, 3)
    assert len(office.predictions("served")) == 3
    assert "rows cannot be logged" in caplog.text


# The log


def test_an_answer_stands_in_the_log_with_the_requests_id(office: Office) -> None:
    champion = serve(office.registry, 10)
    office.score(keyed(2), x_request_id="order-66")
    lines = office.predictions()
    assert [(line.request, line.row, line.role, line.version) for line in lines] == [
        ("order-66", 0, "served", champion.version),
        ("order-66", 1, "served", champion.version),
    ]
    assert [line.key_hash for line in lines] == [key_hash(key, HASH_KEY) for key in (0, 1)]
    assert lines[0].features == ROW
    assert {(line.probability, line.decision) for line in lines} == {(probability(10), "call")}


def test_what_the_canary_answered_is_its_own_role(office: Office) -> None:
    champion, canary = serve(office.registry, 10), register(office.registry, 20)
    office.beside("canary", canary)
    office.score(keyed(100))
    assert {(line.role, line.version) for line in office.predictions()} == {
        ("served", champion.version),
        ("canary", canary.version),
    }
    assert sorted(line.row for line in office.predictions()) == [*range(100)]


@pytest.mark.parametrize(("sample", "least", "most"), [(1.0, 1_200, 1_200), (0.25, 180, 430), (0.0, 0, 0)])
def test_a_share_of_the_rows_is_written(sample: float, least: int, most: int) -> None:
    office = Office(prediction_log_sample=sample)
    serve(office.registry, 10)
    office.score(keyed(1_000))
    for row in keyed(200):
        office.score(row)
    assert least <= len(office.predictions()) <= most


def test_a_request_that_is_refused_half_way_leaves_nothing_in_the_log(office: Office) -> None:
    serve(office.registry, 10)
    header = ",".join(ROW)
    line = ",".join("true" if value is True else "false" if value is False else str(value) for value in ROW.values())
    good, bad = [line] * 30_000, line.replace("41", "999", 1)
    for lines, status in (([*good, bad], 422), (good[:10], 200)):
        body = "\n".join([header, *lines]).encode()
        answer = office.scorer.answer(Call("POST", SCORE, body, {}, {"content-type": "text/csv"}))
        assert answer.status == status
    assert len(office.predictions()) == 10
    assert [line for line in office.lines() if isinstance(line, Loss)] == []
    assert office.log.state()["rows_lost"] == 0


def test_a_long_csv_holds_no_more_rows_for_the_log_than_it_has_room_for(office: Office) -> None:
    serve(office.registry, 10)
    header = ",".join(ROW)
    line = ",".join("true" if value is True else "false" if value is False else str(value) for value in ROW.values())
    count = 3 * prediction_log.MOST_ROWS
    body = "\n".join([header, *[line] * count]).encode()
    answer = office.scorer.answer(Call("POST", SCORE, body, {}, {"content-type": "text/csv", "accept": "text/csv"}))
    assert answer.status == 200
    lost = sum(line.rows for line in office.lines() if isinstance(line, Loss))
    written = office.predictions()
    assert lost > 0
    assert len(written) + lost == count
    assert len({line.row for line in written}) == len(written)


def test_answers_go_on_with_a_log_whose_storage_is_dead() -> None:
    class Dead(MemoryBlobs):
        def append(self, name: str, data: bytes, *, at: int) -> None:
            raise StoreUnavailable(name)

    office = Office()
    office.log._blobs = DayBlobs(Dead(), datetime.now(UTC))
    serve(office.registry, 10)
    for _ in range(200):
        assert office.score()["predictions"][0]["probability"] == probability(10)
    health = json.loads(office.scorer.answer(Call("GET", "health")).body)
    assert health["prediction_log"].keys() == {"rows_waiting", "rows_lost", "trouble"}
    office.log.close(20)


def test_a_scorer_without_a_log_starts_no_thread() -> None:
    blobs = MemoryBlobs()
    registry = Registry(blobs)
    serve(registry, 10)
    before = threading.active_count()
    scorer = Scorer(Catalog((tiny_use_case(),)), registry, Settings())
    assert scorer.answer(Call("POST", SCORE, json.dumps(ROW).encode())).status == 200
    assert threading.active_count() == before


# What is personal

FEATURES = [item.name for item in INPUTS]
MARK = "zq"
"""Begins every text and key that is personal, and stands in nothing else."""


@given(
    personal=st.sets(st.sampled_from(FEATURES)),
    unknown=st.sets(st.sampled_from(FEATURES)),
    flag=st.sampled_from([True, "hash", "drop"]),
    key_is_personal=st.booleans(),
    secret=st.sampled_from([None, HASH_KEY]),
    role=st.sampled_from(["served", "canary", "shadow", "named"]),
    values=st.lists(st.tuples(st.text(max_size=30), st.integers(10**8, 10**9)), min_size=1, max_size=5),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_personal_and_no_key_ever_stands_in_the_log(  # noqa: PLR0917 - one for each thing that varies
    personal: set[str],
    unknown: set[str],
    flag: Any,
    key_is_personal: bool,
    secret: str | None,
    role: str,
    values: list[tuple[str, int]],
) -> None:
    """Whatever the catalog calls personal since the version was made, or does not know any more."""
    key = Column(type="text", role="key", pii="hash" if key_is_personal else False)
    changed = {name: Column(type="category", pii=flag) for name in personal}
    use_case = tiny_use_case(contact_id=key, **changed)
    columns = {name: column for name, column in use_case.dataset.columns.items() if name not in unknown}
    use_case = msgspec.structs.replace(use_case, dataset=msgspec.structs.replace(use_case.dataset, columns=columns))
    office = Office(use_case, secret)
    inputs = tuple(Input(name, "category") for name in FEATURES)
    champion, other = serve(office.registry, 10, inputs), register(office.registry, 20, inputs)
    if role in {"canary", "shadow"}:
        office.beside(role, other, 1.0)  # type: ignore[arg-type]
    hidden = personal | unknown
    rows = [
        {name: f"{MARK if name in hidden else ''}{text}" for name in FEATURES} | {"contact_id": f"{MARK}{number}"}
        for text, number in values
    ]
    office.score(rows, {"version": champion.version} if role == "named" else None)
    lines = office.predictions(role)
    assert len(lines) == len(rows)
    written = b"".join(office.logged.blobs.values())
    shown = [json.loads(line) for line in written.splitlines()]
    for line in shown:
        assert line["features"].keys() == set(FEATURES) - hidden
    without_features = [{**line, "features": {}} for line in shown]
    assert MARK not in json.dumps(without_features)
    for _, number in values:
        assert str(number).encode() not in written
    for line, (_, number) in zip(lines, values, strict=True):
        is_left_out = "contact_id" in unknown or (secret is None and key_is_personal)
        assert line.key_hash == (None if is_left_out else key_hash(f"{MARK}{number}", secret))
