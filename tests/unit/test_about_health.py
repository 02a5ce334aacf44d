"""Whether all is well: what takes part, what is broken, and what serves in its place."""

from __future__ import annotations

import pytest

from tests.about_office import Office
from tests.tiny_versions import MODEL, promote, register, serve


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_model_says_what_takes_part(office: Office) -> None:
    serve(office.registry, 1)
    assert office.told(f"models/{MODEL}").keys() & {"canary", "shadow"} == set()
    canary, shadow = register(office.registry, 2), register(office.registry, 3)
    office.beside("canary", canary, 0.2)
    office.beside("shadow", shadow, 1.0)
    told = office.told(f"models/{MODEL}")
    assert told["canary"] == {"version": canary.version, "share": 0.2}
    assert told["shadow"] == {"version": shadow.version, "share": 1.0}
    (state,) = office.told("models")["models"]
    assert (state["canary"], state["shadow"]) == (told["canary"], told["shadow"])


def test_health_names_a_broken_champion_and_what_serves_in_its_place(office: Office) -> None:
    old = serve(office.registry, 1)
    assert office.told("health")["status"] == "ok"
    broken = register(office.registry, 2)
    office.spoil(broken)
    promote(office.registry, broken)
    told = office.told("health")
    (state,) = told["models"]
    assert (told["status"], state["version"], state["state"]) == ("degraded", old.version, "serving")
    assert broken.version in state["problems"][0]
    assert f"{old.version} serves in its place" in state["problems"][0]
    serve(office.registry, 3)
    assert office.told("health")["status"] == "ok"


def test_health_names_a_canary_that_cannot_take_part(office: Office) -> None:
    champion, canary = serve(office.registry, 1), register(office.registry, 2)
    office.beside("canary", canary)
    office.spoil(canary)
    told = office.told("health")
    assert (told["status"], told["models"][0]["version"]) == ("degraded", champion.version)
    assert told["models"][0]["problems"][0].startswith("the canary takes no part: ")


def test_health_says_that_storage_cannot_be_followed_while_answers_go_on(office: Office) -> None:
    version = serve(office.registry, 1)
    office.told("health")
    office.blobs.down = True
    told = office.told("health")
    assert (told["status"], told["models"][0]["version"]) == ("degraded", version.version)
    assert told["models"][0]["problems"][0].startswith("champion.json cannot be followed: ")
    office.blobs.down = False
    office.told("health")
    assert office.told("health")["status"] == "ok"


def test_what_takes_no_query_refuses_one(office: Office) -> None:
    serve(office.registry, 1)
    for path in ("health", "models", f"models/{MODEL}"):
        assert office.told(path, code="key", clientId="default")
        assert "'verbose' is not asked for here; nothing is" in office.told(path, 400, verbose="1")["detail"]
