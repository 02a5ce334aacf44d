"""What scoring writes into the prediction log: which answers, in whose role, and nothing personal."""

from __future__ import annotations

import json
import threading
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
from shared.scoring.run import Scorer
from shared.settings import Settings
from shared.store.predictions import Loss, key_hash
from shared.store.records import Input
from shared.store.registry import Registry
from tests.logged import hurry
from tests.scoring_office import SCORE, csv_of
from tests.tiny_versions import INPUTS, ROW, register, serve
from tests.traffic_office import HASH_KEY, Office, keyed, probability, quick_office, tiny_use_case

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    yield from quick_office(monkeypatch)


def alike(count: int) -> bytes:
    """A CSV of so many times the same row."""
    header, line = csv_of([ROW]).splitlines(keepends=True)
    return header + line * count


def test_an_answer_stands_in_the_log_with_the_requests_id(office: Office) -> None:
    champion = serve(office.registry, 10)
    office.answered(keyed(2), x_request_id="order-66")
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
    office.answered(keyed(100))
    assert {(line.role, line.version) for line in office.predictions()} == {
        ("served", champion.version),
        ("canary", canary.version),
    }
    assert sorted(line.row for line in office.predictions()) == [*range(100)]


@pytest.mark.parametrize(("sample", "least", "most"), [(1.0, 1_200, 1_200), (0.25, 180, 430), (0.0, 0, 0)])
def test_a_share_of_the_rows_is_written(sample: float, least: int, most: int) -> None:
    office = Office(prediction_log_sample=sample)
    serve(office.registry, 10)
    office.answered(keyed(1_000))
    for row in keyed(200):
        office.answered(row)
    assert least <= len(office.predictions()) <= most


def test_a_request_that_is_refused_half_way_leaves_nothing_in_the_log(office: Office) -> None:
    serve(office.registry, 10)
    _, bad = csv_of([ROW | {"age": 999}]).splitlines()
    for body, status in ((alike(30_000) + bad, 422), (alike(10), 200)):
        assert office.ask(body, content_type="text/csv").status == status
    assert len(office.predictions()) == 10
    assert [line for line in office.lines() if isinstance(line, Loss)] == []
    assert office.log.state()["rows_lost"] == 0


def test_a_long_csv_holds_no_more_rows_for_the_log_than_it_has_room_for(office: Office) -> None:
    serve(office.registry, 10)
    count = 3 * prediction_log.MOST_ROWS
    assert office.ask(alike(count), content_type="text/csv", accept="text/csv").status == 200
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
        assert office.answered()["predictions"][0]["probability"] == probability(10)
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
    office.answered(rows, {"version": champion.version} if role == "named" else None)
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
