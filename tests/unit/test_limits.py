"""How much a request may hold: bytes, rows, nesting, digits. What is beyond is refused, and nothing of it is scored."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING

import pytest

from shared.scoring.formats import csv_request, json_request
from shared.scoring.http import CSV, JSON
from shared.scoring.rows import MOST_FAULTS
from shared.store.records import Input
from tests.scoring_office import Office, csv_of, predictions, problem
from tests.tiny_versions import ROW, serve

if TYPE_CHECKING:
    from typing import Any

INPUTS = (Input("n", "integer"), Input("t", "category", nullable=True))
MOST_BYTES = {JSON: 2_000, CSV: 3_000}
MOST_ROWS = {JSON: 20, CSV: 30}
KINDS = pytest.mark.parametrize("kind", [JSON, CSV])


@pytest.fixture(scope="module")
def office() -> Office:
    made = Office(
        score_max_bytes=MOST_BYTES[JSON],
        score_csv_max_bytes=MOST_BYTES[CSV],
        score_max_rows=MOST_ROWS[JSON],
        score_csv_max_rows=MOST_ROWS[CSV],
    )
    serve(made.registry, inputs=INPUTS)
    return made


@pytest.fixture(scope="module")
def wide_office() -> Office:
    made = Office()
    serve(made.registry)
    return made


def body_of(kind: str, size: int) -> bytes:
    """Two rows in so many bytes."""
    rows = [{"n": 1, "t": ""}, {"n": 2, "t": "x"}]
    least = csv_of(rows) if kind == CSV else json.dumps(rows).encode()
    return least.replace(b'"x"', b'"' + b"x" * (size - len(least) + 1) + b'"')


def rows_of(kind: str, count: int) -> bytes:
    return b"n\n" + b"1\n" * count if kind == CSV else json.dumps([{"n": 1}] * count).encode()


# Bytes


@KINDS
def test_a_body_up_to_its_forms_limit_is_taken_and_not_a_byte_more(office: Office, kind: str) -> None:
    most = MOST_BYTES[kind]
    assert len(body_of(kind, most)) == most
    assert len(predictions(office.ask(body_of(kind, most), content_type=kind))) == 2
    content = problem(office.ask(body_of(kind, most + 1), content_type=kind), 413)
    assert content["detail"] == f"the body has {most + 1:,} bytes; at most {most:,} are taken at once: send fewer rows"
    assert content["type"] == "urn:cauce:too-large"


@KINDS
def test_a_compressed_body_may_not_be_larger_inflated_than_its_form_allows(office: Office, kind: str) -> None:
    most = MOST_BYTES[kind]
    fits, over = (gzip.compress(body_of(kind, size)) for size in (most, most + 1))
    assert len(predictions(office.ask(fits, content_type=kind, content_encoding="gzip"))) == 2
    content = problem(office.ask(over, content_type=kind, content_encoding="gzip"), 413)
    assert content["detail"] == f"the body has more than {most:,} bytes when inflated: send fewer rows"


@KINDS
def test_a_body_over_the_limit_is_refused_whatever_it_holds_or_asks_for(office: Office, kind: str) -> None:
    for body in (b"x" * 3_001, b"\0" * 3_001, b"[" * 3_001):
        for more in ({}, {"content_encoding": "gzip"}, {"content_encoding": "br"}, {"accept": CSV}):
            problem(office.ask(body, content_type=kind, **more), 413)


@KINDS
def test_an_empty_body_is_not_read(office: Office, kind: str) -> None:
    for body in (b"", b" ", b"\n"):
        content = problem(office.ask(body, content_type=kind), 422 if kind == CSV and body == b" " else 400)
        assert content["type"] in {"urn:cauce:not-read", "urn:cauce:faulty-rows"}


# Rows


@pytest.mark.parametrize("chunk", [1, 7, 4096])
@KINDS
def test_so_many_rows_are_taken_and_not_one_more(
    office: Office, monkeypatch: pytest.MonkeyPatch, kind: str, chunk: int
) -> None:
    monkeypatch.setattr(json_request, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(csv_request, "CHUNK_ROWS", chunk)
    most = MOST_ROWS[kind]
    assert len(predictions(office.ask(rows_of(kind, most), content_type=kind))) == most
    content = problem(office.ask(rows_of(kind, most + 1), content_type=kind), 413)
    assert content["detail"] == f"the request has more than {most} rows: send them in several requests"


def test_columns_may_have_as_many_rows_as_a_list(office: Office) -> None:
    assert len(predictions(office.ask({"columns": {"n": [1] * 20}}))) == 20
    assert "more than 20 rows" in problem(office.ask({"columns": {"n": [1] * 21}}), 413)["detail"]


@KINDS
def test_a_request_without_rows_is_refused_with_how_many_there_may_be(office: Office, kind: str) -> None:
    content = problem(office.ask(rows_of(kind, 0), content_type=kind), 422)
    assert content["detail"] == f"the request has no rows; expected 1 to {MOST_ROWS[kind]}"
    assert "errors" not in content


def test_columns_without_values_are_no_rows(office: Office) -> None:
    for columns in ({"n": []}, {"n": [], "t": []}):
        assert "has no rows" in problem(office.ask({"columns": columns}), 422)["detail"]


def test_an_answer_may_be_asked_for_in_csv_of_no_more_rows(office: Office) -> None:
    """The limit is that of what was sent."""
    problem(office.ask(rows_of(JSON, 21), accept=CSV), 413)
    assert office.ask(rows_of(CSV, 30), content_type=CSV, accept=CSV).body.count(b"\n") == 31


# Faults


@KINDS
def test_so_many_faults_are_told_and_that_there_may_be_more(wide_office: Office, kind: str) -> None:
    rows = [ROW | {"age": number, "f0": 0} for number in range(16)] * 4
    for count, told in ((49, "98 values"), (50, "at least 100 values"), (64, "at least 100 values")):
        body = csv_of(rows[:count]) if kind == CSV else json.dumps(rows[:count]).encode()
        content = problem(wide_office.ask(body, content_type=kind), 422)
        assert content["detail"] == f"{told} of the request cannot be used; nothing was scored"
        assert len(content["errors"]) == min(2 * count, MOST_FAULTS)
        assert {(error["row"], error["field"]) for error in content["errors"]} == {
            (row, field) for row in range(min(count, 50)) for field in ("age", "f0")
        }


# Nesting and digits


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000, b"[" * 200_000 + b"]" * 200_000, b'{"a":' * 200_000, b'{"columns":' * 100_000,
        b'{"columns":{"n":' + b"[" * 200_000, b'{"class":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    ],
)  # fmt: skip
def test_deep_json_is_refused_at_once(wide_office: Office, body: bytes) -> None:
    began = time.process_time()
    assert "is not JSON" in problem(wide_office.ask(body), 400)["detail"]
    assert time.process_time() - began < 1


@pytest.mark.parametrize("depth", [1, 10, 500])
def test_a_value_that_is_nested_a_little_is_a_fault_of_its_row(wide_office: Office, depth: int) -> None:
    body = json.dumps(ROW | {"class": "here"}).replace('"here"', "[" * depth + "]" * depth).encode()
    (error,) = problem(wide_office.ask([json.loads(body), ROW]), 422)["errors"]
    assert (error["row"], error["field"], error["expected"]) == (0, "class", "a text")


@pytest.mark.parametrize("name", ["age", "key", "balance", "cons.price.idx", "f0"])
@pytest.mark.parametrize("number", ["9" * 400_000, "-1" + "0" * 400, "1e400", "-1e999999999", f"1{'0' * 310}.0"])
def test_huge_numbers_are_refused_at_once(wide_office: Office, name: str, number: str) -> None:
    began = time.process_time()
    in_json = wide_office.ask(json_with(name, number))
    in_csv = wide_office.ask(csv_with(name, number), content_type=CSV)
    assert time.process_time() - began < 1
    for answer in (in_json, in_csv):
        (error,) = problem(answer, 422)["errors"]
        assert (error["field"], error["row"], len(error["got"]) < 50) == (name, 0, True)


def test_a_huge_number_names_no_row_in_json_and_in_csv_is_a_text(wide_office: Office) -> None:
    number = "9" * 400_000
    assert problem(wide_office.ask(json_with("contact_id", number)), 422)["errors"][0]["field"] == "contact_id"
    assert predictions(wide_office.ask(csv_with("contact_id", number), content_type=CSV))[0]["contact_id"] == number


def test_a_number_of_many_digits_is_the_nearest_one_that_can_be_computed_with(wide_office: Office) -> None:
    for number in (f"0.{'0' * 400_000}1", f"900.5{'0' * 400_000}1", f"-{'0.' + '9' * 400_000}"):
        assert predictions(wide_office.ask(json_with("balance", number)))
        assert predictions(wide_office.ask(csv_with("balance", number), content_type=CSV))


def json_with(name: str, number: str) -> bytes:
    return json.dumps(ROW | {name: "here"}).replace('"here"', number).encode()


def csv_with(name: str, text: str) -> bytes:
    row: dict[str, Any] = {**ROW, name: text}
    return csv_of([row])


def test_what_is_told_of_a_large_fault_is_short(wide_office: Office) -> None:
    for content in (ROW | {"class": ["x" * 10**6]}, ROW | {"x" * 10**6: 1}, [["x" * 10**6]], "x" * 10**6):
        assert len(wide_office.ask(content).body) < 1_000
    assert len(wide_office.ask(csv_with("age", "x" * 10**6), content_type=CSV).body) < 1_000
