"""The text of an answer: what stands in it for each row, in JSON and in CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from msgspec import UNSET

from shared.features import FEW_ROWS
from shared.scoring.formats import csv_request, json_request
from shared.scoring.formats.render import RESERVED, CsvWriter, Renderer, said
from shared.scoring.http import CSV, JSON
from shared.scoring.rows import Rows
from shared.scoring.scored import Scored
from shared.scoring.serving.session import LoadedClassifier
from shared.store.registry import GRAPH_FILE
from tests.scoring_office import Office, csv_of, predictions
from tests.tiny_versions import MODEL, ROW, make, serve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from shared.scoring.serving.loaded import LoadedVersion

CHAMPION, CANARY = (LoadedClassifier(version, files[GRAPH_FILE]) for version, files in (make(1), make(2)))
NAMES = (CHAMPION.version.version, CANARY.version.version)
ODD_KEYS = [7, "7", "", None, 2**70, -1, 'a,"b"\r\nc', "ñ\u2028", "null", " x ", "=1+1"]


def scored(
    keys: Sequence[Any],
    probabilities: Sequence[float] | None = None,
    loaded: LoadedVersion = CHAMPION,
    warnings: Mapping[int, list[str]] | None = None,
    **more: Any,
) -> Scored:
    """What one version says of rows with these keys."""
    found = np.array([0.25] * len(keys) if probabilities is None else probabilities, dtype=np.float32)
    rows = Rows(len(keys), {}, keys)
    return Scored(loaded, rows, np.empty((len(keys), 0), np.float32), found, warnings or {}, **more)


def written(*adds: Sequence[Scored], form: str = JSON, renderer: Renderer = CHAMPION.renderer) -> bytes:
    writer = renderer.writer(form)
    for shares in adds:
        writer.add(shares)
    assert writer.content_type == form
    return writer.body()


def in_json(*adds: Sequence[Scored], **how: Any) -> list[dict[str, Any]]:
    content = json.loads(written(*adds, **how))
    assert (content["model"], content["version"], len(content)) == (MODEL, NAMES[0], 3)
    found: list[dict[str, Any]] = content["predictions"]
    return found


def in_csv(*adds: Sequence[Scored], **how: Any) -> tuple[list[str], list[list[str | None]]]:
    """The header, and the lines; None is an empty field."""
    return table(written(*adds, form=CSV, **how))


def table(body: bytes) -> tuple[list[str], list[list[str | None]]]:
    reader: Any = csv.reader(io.StringIO(body.decode(), newline=""), quoting=csv.QUOTE_NOTNULL, strict=True)
    header, *lines = reader
    return header, lines


# Keys


def test_in_json_keys_come_back_as_they_were_and_not_where_there_was_none() -> None:
    keys = [*ODD_KEYS, UNSET]
    found = in_json([scored(keys)])
    assert [row.get("contact_id", UNSET) for row in found] == keys
    assert [list(row) for row in found[-2:]] == [["contact_id", "probability", "decision"], ["probability", "decision"]]


def test_in_csv_the_key_is_the_first_column_and_text_is_told_from_null() -> None:
    header, lines = in_csv([scored([*ODD_KEYS, UNSET])])
    assert header == ["contact_id", "probability", "decision", "version", "warnings"]
    assert [line[0] for line in lines] == [None if key is None else str(key) for key in [*ODD_KEYS, None]]


def test_without_keys_there_is_no_column_of_them() -> None:
    for adds in ([[scored([UNSET, UNSET])]], [[scored([UNSET])], [scored([UNSET])]]):
        header, lines = in_csv(*adds)
        assert header == ["probability", "decision", "version", "warnings"]
        assert lines == [["0.25", "do not call", NAMES[0], None]] * 2


@pytest.mark.parametrize("first", [[UNSET, UNSET], [UNSET, "a"], ["a", UNSET]])
def test_a_key_that_comes_late_has_a_column_and_so_have_the_rows_before_it(first: list[Any]) -> None:
    header, lines = in_csv([scored(first)], [scored([UNSET])], [scored([UNSET, 7])], [scored([UNSET])])
    assert header[0] == "contact_id"
    assert [line[0] for line in lines] == [None if key is UNSET else key for key in first] + [None, None, "7", None]
    assert {len(line) for line in lines} == {5}


@pytest.mark.parametrize("name", RESERVED)
def test_a_key_that_is_named_like_a_part_of_the_answer_gets_another_name(name: str) -> None:
    version = msgspec.structs.replace(CHAMPION.version, key=msgspec.structs.replace(CHAMPION.version.key, name=name))
    renderer = Renderer(version)
    (row,) = in_json([scored([7])], renderer=renderer)
    assert (row[f"{name}_"], row["probability"], row["decision"]) == (7, 0.25, "do not call")
    assert in_csv([scored([7])], renderer=renderer)[0][0] == f"{name}_"


# Numbers


@pytest.mark.parametrize("rows", [1, FEW_ROWS, FEW_ROWS + 1, 100])
def test_probabilities_are_rounded_to_six_digits_in_one_way_however_many_come(rows: int) -> None:
    exact = [0.0, 1.0, 1e-7, 4.9e-7, 5.1e-7, 1e-6, 0.1, 1 / 3, 0.5, 0.9999994, 0.9999996, 0.123456789, 1 - 2**-24, -0.0]
    expected = [0.0, 1.0, 0.0, 0.0, 1e-6, 1e-6, 0.1, 0.333333, 0.5, 0.999999, 1.0, 0.123457, 1.0, 0.0]
    for one, rounded in zip(exact, expected, strict=True):
        share = scored([UNSET] * rows, [one] * rows)
        assert said(share)[0] == [rounded] * rows
        assert [row["probability"] for row in in_json([share])] == [rounded] * rows
        _, lines = in_csv([share])
        assert [float(str(line[0])) for line in lines] == [rounded] * rows


@pytest.mark.parametrize("rows", [1, FEW_ROWS + 1])
def test_the_decision_is_made_before_rounding(rows: int) -> None:
    below, at = np.nextafter(np.float32(0.5), np.float32(0)), 0.5
    assert said(scored([1] * rows, [float(below)] * rows)) == ([0.5] * rows, ["do not call"] * rows)
    assert said(scored([1] * rows, [at] * rows)) == ([0.5] * rows, ["call"] * rows)


def test_a_number_is_the_same_in_both_forms() -> None:
    share = scored([UNSET] * 1000, np.random.default_rng(1).random(1000).tolist())
    assert [float(str(line[0])) for line in in_csv([share])[1]] == [row["probability"] for row in in_json([share])]


# Versions, warnings and reasons


def test_in_json_a_row_names_its_version_where_it_is_not_the_requests_own() -> None:
    shares = [scored([1, 3], places=[0, 2]), scored([2], [0.75], CANARY, places=[1])]
    assert in_json(shares) == [
        {"contact_id": 1, "probability": 0.25, "decision": "do not call"},
        {"contact_id": 2, "probability": 0.75, "decision": "call", "version": NAMES[1]},
        {"contact_id": 3, "probability": 0.25, "decision": "do not call"},
    ]


def test_in_csv_every_row_names_its_version() -> None:
    shares = [scored([2], [0.75], CANARY, places=[1]), scored([1, 3], places=[0, 2])]
    _, lines = in_csv(shares)
    assert [(line[0], line[1], line[3]) for line in lines] == [
        ("1", "0.25", NAMES[0]), ("2", "0.75", NAMES[1]), ("3", "0.25", NAMES[0]),
    ]  # fmt: skip


def test_warnings_stand_at_their_rows() -> None:
    warnings = {1: ["a: 'x' is new", 'b: "y", is new'], 3: ["c\n"]}
    share = scored([1, 2, 3, 4], warnings=warnings)
    assert [row.get("warnings") for row in in_json([share])] == [None, warnings[1], None, warnings[3]]
    assert [line[4] for line in in_csv([share])[1]] == [None, "a: 'x' is new; b: \"y\", is new", None, "c\n"]


def test_reasons_stand_at_their_rows_and_have_a_column_of_their_own() -> None:
    reasons = [[{"feature": "age", "by": 0.1}], [{"feature": 'a "b", c', "by": -1.0}]]
    adds = [[scored([1, 2], reasons=reasons)], [scored([3, 4], reasons=reasons)]]
    assert [row["reasons"] for row in in_json(*adds)] == reasons * 2
    header, lines = in_csv(*adds)
    assert header[-1] == "reasons"
    assert [json.loads(str(line[-1])) for line in lines] == reasons * 2


@pytest.mark.parametrize("form", [JSON, CSV])
def test_however_an_answer_is_added_together_it_is_the_same(form: str) -> None:
    keys = list(range(20))
    whole = written([scored(keys)], form=form)
    for at in (1, 7, 19):
        assert written([scored(keys[:at])], [scored(keys[at:])], form=form) == whole
    odd, even = keys[1::2], keys[::2]
    assert written([scored(odd, places=odd), scored(even, places=even)], form=form) == whole


def test_a_long_answer_can_be_taken_as_it_is_written() -> None:
    writer = CsvWriter(CHAMPION.renderer)
    taken = []
    for number in range(3):
        writer.add([scored([number])])
        taken.append(writer.taken())
    assert all(taken)
    assert (writer.taken(), writer.body()) == (b"", b"")
    assert b"".join(taken) == written([scored([0, 1, 2])], form=CSV)


# In the scorer


@pytest.fixture(scope="module")
def office() -> Office:
    made = Office()
    serve(made.registry, weight=0.05, bias=-2.0)
    return made


def test_the_answers_of_a_csv_are_joined_to_its_keys(office: Office) -> None:
    rows = [ROW | {"age": 20 + number, "contact_id": f"c{number}"} for number in range(50)]
    header, lines = table(office.ask(csv_of(rows), content_type=CSV, accept=CSV).body)
    as_json = predictions(office.ask(rows))
    assert [dict(zip(header[:3], line, strict=False)) for line in lines] == [
        {name: str(value) for name, value in row.items()} for row in as_json
    ]


@pytest.mark.parametrize("accept", [JSON, CSV])
@pytest.mark.parametrize("keyed", [[], [0], [4], [0, 1, 2, 3, 4]])
def test_in_chunks_the_answer_is_what_it_is_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch, accept: str, keyed: list[int]
) -> None:
    rows = [ROW | {"age": 40 + number} | ({"contact_id": number} if number in keyed else {}) for number in range(5)]
    whole = office.ask(rows, accept=accept)
    monkeypatch.setattr(json_request, "CHUNK_ROWS", 2)
    monkeypatch.setattr(csv_request, "CHUNK_ROWS", 3)
    assert (whole.status, whole.body) == (200, office.ask(rows, accept=accept).body)
    in_one_form = csv_of([{"contact_id": None, **row} for row in rows])
    as_csv = office.ask(in_one_form, content_type=CSV, accept=CSV)
    assert table(as_csv.body)[1] == [
        [str(number) if number in keyed else None, *line[-4:]]
        for number, line in enumerate(table(office.ask(rows, accept=CSV).body)[1])
    ]
