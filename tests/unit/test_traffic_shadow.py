"""The shadow answers beside whoever is shown: it stands in the log, and in no answer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from shared.scoring.serving.loaded import LoadedVersion
from shared.store.predictions import Loss, key_hash
from tests.tiny_versions import register, serve
from tests.traffic_office import HASH_KEY, Office, keyed, probability, quick_office

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    yield from quick_office(monkeypatch)


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
    office.answered(keyed(2_000))
    for row in keyed(200):
        office.answered(row)
    found = office.predictions("shadow")
    assert 400 < len(found) < 700
    assert {line.key_hash for line in found} <= {key_hash(key, HASH_KEY) for key in range(2_000)}
    by_row = {line.row: line.key_hash for line in found if line.row}
    assert by_row == {row: key_hash(row, HASH_KEY) for row in by_row}


def test_a_shadow_beside_a_canary_is_compared_with_whichever_answered(office: Office) -> None:
    champion, canary, shadow = serve(office.registry, 10), register(office.registry, 20), register(office.registry, 30)
    office.beside("canary", canary)
    office.beside("shadow", shadow, 1.0)
    office.answered(keyed(100))
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
    office.answered(keyed(3), {"version": champion.version})
    assert Counter(line.role for line in office.predictions()) == {"named": 3}


def test_a_shadow_whose_graph_fails_fails_no_answer(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    serve(office.registry, 10)
    office.beside("shadow", register(office.registry, 20), 1.0)
    monkeypatch.setattr(LoadedVersion, "outputs", lambda *_: 1 / 0)
    for _ in range(3):
        assert office.answered()["predictions"][0]["probability"] == probability(10)
    losses = [line for line in office.lines() if isinstance(line, Loss)]
    assert ({line.role for line in losses}, sum(line.rows for line in losses)) == ({"shadow"}, 3)
    assert len(office.predictions("served")) == 3
    assert "rows cannot be logged" in caplog.text
