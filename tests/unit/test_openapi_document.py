"""The API as it describes itself: typed by what serves, there whatever is broken, made once and kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.scoring.http import Call
from shared.store import names
from shared.store.records import Input
from shared.store.registry import GRAPH_FILE
from tests.describing import NONE_YET, SCORE, Described, Office
from tests.tiny_versions import MODEL, serve

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def office() -> Office:
    return Office().open()


@pytest.fixture
def described(office: Office) -> Described:
    return Described(office.document())


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
