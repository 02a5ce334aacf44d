"""What is told of models: versions, history, comparisons, and whether all is well."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from local.memory_blobs import MemoryBlobs
from shared.errors import StoreUnavailable
from shared.scoring import about
from shared.scoring.http import Call
from shared.scoring.run import Scorer
from shared.settings import Settings
from shared.store import names
from shared.store.records import Beside, Input
from shared.store.registry import GRAPH_FILE, VERSION_FILE, Registry
from tests.tiny_versions import INPUTS, MODEL, ROW, catalog, promote, register, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.scoring.http import Answer
    from shared.store.blobs import Blob, BlobInfo
    from shared.store.records import Version
    from shared.store.registry import Role


class CountingBlobs(MemoryBlobs):
    """Blobs that count what is read of them, and fail while they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []
        self.down = False

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        self._fail(name)
        self.reads.append(name)
        return super().read(name, unless=unless)

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        self._fail(prefix)
        return super().list(prefix)

    def _fail(self, name: str) -> None:
        if self.down:
            raise StoreUnavailable(name)


class Office:
    """A scorer over blobs of its own."""

    def __init__(self, **limits: Any) -> None:
        self.blobs = CountingBlobs()
        self.registry = Registry(self.blobs)
        self.scorer = Scorer(catalog(MODEL), self.registry, Settings(**{"model_refresh_seconds": 0.0, **limits}))

    def get(self, path: str, status: int = 200, **query: str) -> dict[str, Any]:
        return content(self.scorer.answer(Call("GET", path, b"", query)), status)

    def compare(self, rows: Any = ROW, status: int = 200, **query: str) -> dict[str, Any]:
        call = Call("POST", f"models/{MODEL}/compare", json.dumps(rows).encode(), query)
        return content(self.scorer.answer(call), status)

    def versions(self, **query: str) -> dict[str, Any]:
        return self.get(f"models/{MODEL}/versions", **query)

    def history(self, **query: str) -> dict[str, Any]:
        return self.get(f"models/{MODEL}/history", **query)

    def beside(self, role: Role, version: Version, share: float = 0.5) -> None:
        self.registry.set_beside(MODEL, role, Beside(version.version, share, "then"), why="a try", who="marta")

    def spoil(self, version: Version, file: str = GRAPH_FILE) -> None:
        self.blobs.write(names.version_file(MODEL, version.version, file), b"spoilt")


def content(answer: Answer, status: int) -> dict[str, Any]:
    assert answer.status == status, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


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
    refusal = office.get(f"models/{MODEL}/{what}", 400, **query)
    assert told in refusal["detail"]
    assert len(refusal["detail"]) < 300


@pytest.mark.parametrize("what", ["versions", "history"])
def test_what_storage_cannot_tell_now_may_be_asked_for_later(office: Office, what: str) -> None:
    serve(office.registry, 1)
    office.get(f"models/{MODEL}/{what}")
    office.blobs.down = True
    answer = office.scorer.answer(Call("GET", f"models/{MODEL}/{what}"))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")


def test_lines_of_a_later_release_are_no_fault_of_the_server(office: Office) -> None:
    serve(office.registry, 1)
    office.blobs.write(names.history(MODEL), b'{"schema_version":9}\n')
    assert office.get(f"models/{MODEL}/history", 503)["type"] == "urn:cauce:cannot-be-loaded"
    assert office.get(f"models/{MODEL}/versions", 503)["type"] == "urn:cauce:cannot-be-loaded"


@pytest.mark.parametrize("path", ["versions", "history"])
def test_of_an_unknown_model_nothing_is_told(office: Office, path: str) -> None:
    assert office.get(f"models/strangers/{path}", 404)["type"] == "urn:cauce:no-such-model"


# Comparing


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


# Whether all is well


def test_a_model_says_what_takes_part(office: Office) -> None:
    serve(office.registry, 1)
    assert office.get(f"models/{MODEL}").keys() & {"canary", "shadow"} == set()
    canary, shadow = register(office.registry, 2), register(office.registry, 3)
    office.beside("canary", canary, 0.2)
    office.beside("shadow", shadow, 1.0)
    told = office.get(f"models/{MODEL}")
    assert told["canary"] == {"version": canary.version, "share": 0.2}
    assert told["shadow"] == {"version": shadow.version, "share": 1.0}
    (state,) = office.get("models")["models"]
    assert (state["canary"], state["shadow"]) == (told["canary"], told["shadow"])


def test_health_names_a_broken_champion_and_what_serves_in_its_place(office: Office) -> None:
    old = serve(office.registry, 1)
    assert office.get("health")["status"] == "ok"
    broken = register(office.registry, 2)
    office.spoil(broken)
    promote(office.registry, broken)
    told = office.get("health")
    (state,) = told["models"]
    assert (told["status"], state["version"], state["state"]) == ("degraded", old.version, "serving")
    assert broken.version in state["problems"][0]
    assert f"{old.version} serves in its place" in state["problems"][0]
    serve(office.registry, 3)
    assert office.get("health")["status"] == "ok"


def test_health_names_a_canary_that_cannot_take_part(office: Office) -> None:
    champion, canary = serve(office.registry, 1), register(office.registry, 2)
    office.beside("canary", canary)
    office.spoil(canary)
    told = office.get("health")
    assert (told["status"], told["models"][0]["version"]) == ("degraded", champion.version)
    assert told["models"][0]["problems"][0].startswith("the canary takes no part: ")


def test_health_says_that_storage_cannot_be_followed_while_answers_go_on(office: Office) -> None:
    version = serve(office.registry, 1)
    office.get("health")
    office.blobs.down = True
    told = office.get("health")
    assert (told["status"], told["models"][0]["version"]) == ("degraded", version.version)
    assert told["models"][0]["problems"][0].startswith("champion.json cannot be followed: ")
    office.blobs.down = False
    office.get("health")
    assert office.get("health")["status"] == "ok"


def test_what_takes_no_query_refuses_one(office: Office) -> None:
    serve(office.registry, 1)
    for path in ("health", "models", f"models/{MODEL}"):
        assert office.get(path, code="key", clientId="default")
        assert "'verbose' is not asked for here; nothing is" in office.get(path, 400, verbose="1")["detail"]


def test_the_pages_can_be_described_by_their_types() -> None:
    """As the OpenAPI document does."""
    schemas, components = msgspec.json.schema_components([about.VersionPage, about.HistoryPage, about.State])
    assert len(schemas) == 3
    assert components.keys() >= {"VersionLine", "HistoryLine", "Part"}
