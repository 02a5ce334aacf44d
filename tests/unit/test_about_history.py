"""What is told of a model's past: its versions and its history, page by page."""

from __future__ import annotations

import msgspec
import pytest

from shared.scoring import about
from shared.scoring.http import Call
from shared.store import names
from shared.store.registry import VERSION_FILE
from tests.about_office import Office
from tests.tiny_versions import MODEL, register, serve


@pytest.fixture
def office() -> Office:
    return Office()


# Versions


def test_versions_are_told_the_newest_first_with_what_they_are(office: Office) -> None:
    first, second, third = (serve(office.registry, number) for number in (1, 2, 3))
    canary, shadow, never = (register(office.registry, number) for number in (4, 5, 6))
    office.registry.roll_back(MODEL, to=second.version, at="now", why="", who="")
    office.beside("canary", canary)
    office.beside("shadow", shadow)
    told = office.versions()
    assert (told["model"], told["next"]) == (MODEL, None)
    assert [(line["version"], line["state"]) for line in told["versions"]] == [
        (never.version, "never served"),
        (shadow.version, "shadow"),
        (canary.version, "canary"),
        (third.version, "served before"),
        (second.version, "serves"),
        (first.version, "served before"),
    ]
    assert told["versions"][-1] == {
        "version": first.version,
        "state": "served before",
        "made": "2024-01-01T00:00:01Z",
        "auc": 0.75,
        "rows": 100,
    }


def test_versions_come_page_by_page(office: Office) -> None:
    made = [register(office.registry, number).version for number in range(1, 8)]
    found: list[str] = []
    query: dict[str, str] = {"limit": "3"}
    sizes = []
    while True:
        page = office.versions(**query)
        found += [line["version"] for line in page["versions"]]
        sizes.append(len(page["versions"]))
        if page["next"] is None:
            break
        query["before"] = page["next"]
    assert (found, sizes) == (made[::-1], [3, 3, 1])


def test_a_version_is_read_once_to_be_told_of(office: Office) -> None:
    for number in range(1, 5):
        register(office.registry, number)
    office.versions()
    office.blobs.reads.clear()
    office.versions()
    assert [name for name in office.blobs.reads if name.endswith(VERSION_FILE)] == []


def test_no_more_lines_are_kept_than_they_may_be(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(about, "KEPT", 2)
    for number in range(1, 6):
        register(office.registry, number)
    assert [line["rows"] for line in office.versions()["versions"]] == [100] * 5


def test_a_version_that_cannot_be_read_is_told_as_such(office: Office) -> None:
    good, bad = register(office.registry, 1), register(office.registry, 2)
    office.spoil(bad, VERSION_FILE)
    office.blobs.write(f"models/{MODEL}/20261399T999999Z-00000000/version.json", b"a month that is none")
    lines = office.versions()["versions"]
    assert [(line["version"][-8:], line["state"]) for line in lines] == [
        ("00000000", "cannot be read"),
        (bad.version[-8:], "cannot be read"),
        (good.version[-8:], "never served"),
    ]
    assert {lines[0]["made"], lines[1]["auc"], lines[1]["rows"]} == {None}


def test_without_a_version_there_is_an_empty_page(office: Office) -> None:
    assert office.versions() == {"model": MODEL, "versions": [], "next": None}
    assert office.history() == {"model": MODEL, "history": [], "next": None}


# History


def test_history_is_told_the_newest_first(office: Office) -> None:
    first, second = serve(office.registry, 1), serve(office.registry, 2)
    office.beside("canary", register(office.registry, 3), 0.2)
    told = office.history()["history"]
    assert [(line["number"], line["action"], line["previous"]) for line in told] == [
        (3, "canary set", second.version),
        (2, "promoted", first.version),
        (1, "promoted", None),
    ]
    assert [line.get("share") for line in told] == [0.2, None, None]
    assert (told[0]["why"], told[0]["who"], told[1]["at"]) == ("a try", "marta", second.slot)


def test_history_comes_page_by_page_and_stays_so_while_lines_are_added(office: Office) -> None:
    for number in range(1, 6):
        serve(office.registry, number)
    page = office.history(limit="2")
    assert [line["number"] for line in page["history"]] == [5, 4]
    serve(office.registry, 6)
    page = office.history(limit="2", before=str(page["next"]))
    assert ([line["number"] for line in page["history"]], page["next"]) == ([3, 2], 2)
    page = office.history(limit="2", before=str(page["next"]))
    assert ([line["number"] for line in page["history"]], page["next"]) == ([1], None)


@pytest.mark.parametrize("what", ["versions", "history"])
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"limit": "0"}, "limit: expected a whole number from 1 to"),
        ({"limit": "-1"}, "limit: expected a whole number from 1 to"),
        ({"limit": "1e3"}, "limit: expected a whole number from 1 to"),
        ({"limit": "٣"}, "limit: expected a whole number from 1 to"),
        ({"limit": ""}, "limit: expected a whole number from 1 to"),
        ({"limit": "9" * 5_000}, "limit: expected a whole number from 1 to"),
        ({"before": "yesterday"}, "before: expected a "),
        ({"page": "2"}, "'page' is not asked for here; expected of before, limit"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(office: Office, what: str, query: dict[str, str], told: str) -> None:
    serve(office.registry, 1)
    refusal = office.told(f"models/{MODEL}/{what}", 400, **query)
    assert told in refusal["detail"]
    assert len(refusal["detail"]) < 300


@pytest.mark.parametrize("what", ["versions", "history"])
def test_what_storage_cannot_tell_now_may_be_asked_for_later(office: Office, what: str) -> None:
    serve(office.registry, 1)
    office.told(f"models/{MODEL}/{what}")
    office.blobs.down = True
    answer = office.scorer.answer(Call("GET", f"models/{MODEL}/{what}"))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")


def test_lines_of_a_later_release_are_no_fault_of_the_server(office: Office) -> None:
    serve(office.registry, 1)
    office.blobs.write(names.history(MODEL), b'{"schema_version":9}\n')
    assert office.told(f"models/{MODEL}/history", 503)["type"] == "urn:cauce:cannot-be-loaded"
    assert office.told(f"models/{MODEL}/versions", 503)["type"] == "urn:cauce:cannot-be-loaded"


@pytest.mark.parametrize("path", ["versions", "history"])
def test_of_an_unknown_model_nothing_is_told(office: Office, path: str) -> None:
    assert office.told(f"models/strangers/{path}", 404)["type"] == "urn:cauce:no-such-model"


def test_the_pages_can_be_described_by_their_types() -> None:
    """As the OpenAPI document does."""
    schemas, components = msgspec.json.schema_components([about.VersionPage, about.HistoryPage, about.State])
    assert len(schemas) == 3
    assert components.keys() >= {"VersionLine", "HistoryLine", "Part"}
