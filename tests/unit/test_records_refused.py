"""Stored records that do not fit are refused by name: the blob, the kind, the field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import PermanentError, VersionError
from shared.store.records import (
    Champion,
    Classifier,
    ExportRecord,
    ExportState,
    RunRecord,
    from_json,
)
from tests.golden_records import EACH_RECORD, RECORDS, golden, refusal

if TYPE_CHECKING:
    from msgspec import Struct


def required(kind: type[Struct]) -> list[str]:
    return [name for name in kind.__struct_fields__ if name not in _optional(kind)]


def _optional(kind: type[Struct]) -> tuple[str, ...]:
    return kind.__struct_fields__[len(kind.__struct_fields__) - len(kind.__struct_defaults__) :]


@EACH_RECORD
@pytest.mark.parametrize("schema_version", [0, 3, 99, "1", None])
def test_an_unknown_schema_version_is_refused(file: str, kind: type[Struct], schema_version: Any) -> None:
    message = refusal({**golden(file), "schema_version": schema_version}, kind)
    assert message.startswith(f"models/phone/some.json: is not a {kind.__name__} record that this release reads: ")
    assert "schema_version" in message


@EACH_RECORD
def test_each_missing_field_is_named(file: str, kind: type[Struct]) -> None:
    content = golden(file)
    for name in required(kind):
        message = refusal({key: value for key, value in content.items() if key != name}, kind)
        assert f"missing required field `{name}`" in message


@EACH_RECORD
def test_each_field_of_a_wrong_type_is_named(file: str, kind: type[Struct]) -> None:
    for name in kind.__struct_fields__:
        message = refusal({**golden(file), name: [[["wrong"]]]}, kind)
        assert message.startswith("models/phone/some.json: ")
        assert f"$.{name}" in message


@pytest.mark.parametrize(
    ("file", "path", "value", "told"),
    [
        ("manifest.json", ("parts", 0, "rows"), "many", "$.parts["),
        ("manifest.json", ("parts", 1, "sha256"), None, "$.parts["),
        ("manifest.json", ("columns", "age"), 3, "$.columns["),
        ("prepared.json", ("manifest", "parts", 0, "sha256"), None, "$.manifest.parts"),
        ("prepared.json", ("manifest", "schema_version"), 3, "$.manifest.schema_version"),
        ("prepared.json", ("manifest", "up_to", "type"), "number", "$.manifest.up_to"),
        ("prepared.json", ("state", "watermark", "text"), 45_211, "$.state.watermark"),
        ("prepared.json", ("state", "schema_version"), 2, "$.state.schema_version"),
        ("prepared.json", ("state", "cursor", 1), None, "$.state.cursor"),
    ],
)
def test_a_wrong_type_inside_is_named_with_its_path(file: str, path: tuple[Any, ...], value: Any, told: str) -> None:
    content = golden(file)
    inner = content
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert told in refusal(content, RECORDS[file])


@pytest.mark.parametrize("kind", ["integer", "text", "date", "timestamp"])
def test_a_watermark_says_of_which_type_it_is(kind: str) -> None:
    content = {**golden("state.json"), "watermark": {"type": kind, "text": ""}}
    state = from_json(json.dumps(content).encode(), ExportState, "s")
    assert state.watermark is not None
    assert state.watermark.type == kind
    assert "$.watermark.type" in refusal({**content, "watermark": {"type": kind.upper(), "text": ""}}, ExportState)


@pytest.mark.parametrize("outcome", ["exported", "nothing new", "done before", "overtaken", "failed"])
def test_an_export_ends_in_one_of_the_ways_that_are_known(outcome: str) -> None:
    content = {**golden("export.json"), "outcome": outcome}
    assert from_json(json.dumps(content).encode(), ExportRecord, "e").outcome == outcome


@pytest.mark.parametrize("share", [0, -0.1, 1.001, "0.2", None])
def test_a_share_is_more_than_nothing_and_no_more_than_all(share: Any) -> None:
    content = golden("champion-with-canary-and-shadow.json")
    content["canary"]["share"] = share
    assert "$.canary.share" in refusal(content, Champion)


def test_an_outcome_or_a_task_is_one_of_those_known() -> None:
    assert "$.outcome" in refusal({**golden("run.json"), "outcome": "maybe"}, RunRecord)
    assert "$.outcome" in refusal({**golden("export.json"), "outcome": "maybe"}, ExportRecord)
    assert "$.task" in refusal({**golden("version.json"), "task": "guessing"}, Classifier)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"version": "\xff", "previous": null, "since": ""}',
        b'{"version": "a", "previous": null, "since": ""} and more',
    ],
)
def test_what_is_no_json_of_this_kind_is_refused(data: bytes) -> None:
    assert refusal(data, Champion).startswith("models/phone/some.json: is not a Champion record")


def test_a_version_error_is_permanent() -> None:
    assert issubclass(VersionError, PermanentError)
