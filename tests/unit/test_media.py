"""What a body may be said to be, and what form of answer a caller gets who says what it takes."""

from __future__ import annotations

import json
from itertools import product

import pytest

from shared.scoring.answers import Kind, Refusal
from shared.scoring.formats.media import format_of, takes_gzip, wanted
from shared.scoring.http import CSV, JSON
from tests.scoring_office import Office, csv_of, predictions, problem
from tests.tiny_versions import ROW, serve


def refused_type(content_type: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        format_of(content_type)
    return caught.value


def refused_accept(accept: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        wanted(accept)
    return caught.value


# Content-Type


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json", "Application/JSON", " application/json ", "application/json;", "text/json",
        "application/json; charset=utf-8", 'application/json;charset="UTF-8"', "application/json; Charset = UTF8",
        "application/json; charset=us-ascii", "application/json; version=1", "application/vnd.api+json",
        "application/ld+json; charset=utf-8", "application/x-ndjson+json",
        "", " ", "; charset=utf-8", "application/x-www-form-urlencoded", "application/octet-stream",
    ],
)  # fmt: skip
def test_json_is_known_by_all_its_names_and_where_nothing_is_said(content_type: str) -> None:
    assert format_of(content_type) == JSON


@pytest.mark.parametrize(
    "content_type",
    [
        "text/csv", "TEXT/CSV", "text/csv; charset=utf-8", "text/csv; header=present", "text/csv;header=Present",
        'text/csv; header="present"; charset="utf-8"', "application/csv", "text/x-csv;charset=US-ASCII",
    ],
)  # fmt: skip
def test_csv_is_known_by_all_its_names(content_type: str) -> None:
    assert format_of(content_type) == CSV


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain", "text/html", "application/xml", "multipart/form-data; boundary=x", "application/x-ndjson",
        "application/jsonl", "application/json2", "xapplication/json", "application/+json", "application/a b+json",
        "text/csv+json", "image/png+json", "json", "csv", "*/*", "text/*", "application/json, text/csv", "/", "\0",
        "application/vnd.apache.arrow.stream", "application/problem+jsonx",
    ],
)  # fmt: skip
def test_another_type_is_refused_with_those_that_are_taken(content_type: str) -> None:
    refusal = refused_type(content_type)
    assert (refusal.kind, refusal.headers) == (Kind.MEDIA_TYPE, {"Accept": "application/json, text/csv"})
    kind = content_type.partition(";")[0]
    assert refusal.detail == f"the body's content type is {kind!r}; expected application/json or text/csv"


@pytest.mark.parametrize("kind", ["application/json", "text/csv", ""])
@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "UTF-8-SIG", "", '"', "x" * 1000])
def test_another_charset_is_refused(kind: str, charset: str) -> None:
    refusal = refused_type(f"{kind}; charset={charset}")
    assert refusal.kind is Kind.MEDIA_TYPE
    assert refusal.detail.endswith("expected utf-8")
    assert len(refusal.detail) < 100


def test_a_csv_that_has_no_header_by_its_own_word_is_refused() -> None:
    assert "expected the columns' names in the first line" in refused_type("text/csv; header=absent").detail
    assert format_of("application/json; header=absent") == JSON


def test_what_is_refused_is_shown_cut() -> None:
    assert len(refused_type("x" * 10_000).detail) < 200
    assert len(refused_accept("x/y," * 10_000).detail) < 200


# Accept


@pytest.mark.parametrize(
    "accept",
    [
        "", "*/*", "application/json", "application/*", "APPLICATION/JSON", "application/json, text/csv",
        "text/csv, application/json", "text/csv;q=0.5, */*", "*/*;q=0.1", "text/csv;q=0, */*",
        "text/*;q=0.4, */*;q=0.5",
        "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", "application/json;q=0.001",
        "application/json; charset=utf-8", "application/json ; q=1.000 , text/csv;Q=0.999", "application/problem+json",
        "application/problem+json, text/plain", "application/json;q=0.3, application/json;q=0.9, text/csv;q=0.5",
        "text/csv;q=0, application/problem+json",
    ],
)  # fmt: skip
def test_json_is_answered_where_it_is_as_welcome_as_csv(accept: str) -> None:
    assert wanted(accept) == JSON


@pytest.mark.parametrize(
    "accept",
    [
        "text/csv", "text/*", "Text/Csv;q=0.1", "text/csv, */*;q=0.9", "application/json;q=0.9, text/csv",
        "application/json;q=0, */*", "application/json;q=0,text/csv", "*/*;q=0.5, text/csv;q=0.6",
        "text/csv; header=present",
        "application/*;q=0.2, text/*;q=0.3", "application/problem+json, text/csv",
        "application/json;q=0.5;v=1, text/csv",
        "text/csv;q=0.5, application/json;q=nonsense",
    ],
)  # fmt: skip
def test_csv_is_answered_where_it_is_more_welcome(accept: str) -> None:
    assert wanted(accept) == CSV


@pytest.mark.parametrize(
    "accept",
    [
        "text/html", "application/xml, image/*", "application/json;q=0", "*/*;q=0", "text/csv;q=0, application/*;q=0.0",
        "application/json;q=0, text/csv;q=0.000, application/xml", "json", "csv", "application", "*", "text/csvx",
        "application/problem+xml", "application/problem+json;q=0",
    ],
)  # fmt: skip
def test_who_takes_neither_is_told_what_there_is(accept: str) -> None:
    refusal = refused_accept(accept)
    assert refusal.kind is Kind.NOT_ACCEPTABLE
    assert refusal.detail == (
        f"the answer can be application/json or text/csv; the request's Accept takes neither: {accept[:80]!r}"
    )


@pytest.mark.parametrize("quality", ["2", "-1", "0.5555", ".5", "1.1", "one", "", "1e0", "NaN", "inf"])
def test_a_quality_that_is_none_leaves_its_range_out(quality: str) -> None:
    assert wanted(f"text/csv;q={quality}") == JSON
    assert wanted(f"application/json;q={quality}, text/csv;q=0.1") == CSV


@pytest.mark.parametrize("accept", [",", ";", ",,;q=1,", "\0;q=x", "q=1;q=x"])
def test_an_accept_that_says_nothing_takes_everything(accept: str) -> None:
    assert wanted(accept) == JSON


def test_the_most_exact_range_counts() -> None:
    """By every choice of three qualities, against the rule as RFC 9110 words it."""
    for exact, part, every in product(("0", "0.3", "0.7"), repeat=3):
        csv = wanted(f"*/*;q={every}, text/*;q={part}, text/csv;q={exact}, application/json;q=0.5") == CSV
        assert csv == (float(exact) > 0.5)
        csv = wanted(f"text/*;q={part}, application/json;q=0.5, */*;q={every}") == CSV
        assert csv == (float(part) > 0.5)


# Accept-Encoding


@pytest.mark.parametrize(
    ("header", "welcome"),
    [
        ("gzip", True), ("GZip", True), ("x-gzip", True), ("*", True), ("br, gzip;q=0.001", True),
        ("*;q=0.5, br", True),
        ("gzip, *;q=0", True), ("", False), ("identity", False), ("gzip;q=0", False), ("gzip;q=0.000, *", False),
        ("*;q=0", False), ("x-gzip;q=0, *", False), ("gzip;q=0, x-gzip", False), ("gzipped", False), ("gzip/*", False),
    ],
)  # fmt: skip
def test_whether_gzip_is_welcome(header: str, welcome: bool) -> None:
    assert takes_gzip(header) is welcome


# In the scorer


@pytest.fixture(scope="module")
def office() -> Office:
    made = Office()
    serve(made.registry)
    return made


@pytest.mark.parametrize("sent", [JSON, CSV])
@pytest.mark.parametrize("accept", [JSON, CSV])
def test_either_form_is_answered_in_either(office: Office, sent: str, accept: str) -> None:
    body = csv_of([ROW]) if sent == CSV else json.dumps(ROW).encode()
    answer = office.ask(body, content_type=sent, accept=accept)
    assert (answer.status, answer.content_type) == (200, accept)
    assert b"0.5025" in answer.body


def test_a_body_of_another_type_is_refused_whatever_is_in_it(office: Office) -> None:
    answer = office.ask(ROW, content_type="text/plain")
    assert answer.headers["Accept"] == "application/json, text/csv"
    assert "'text/plain'" in problem(answer, 415)["detail"]
    assert "charset is 'latin-1'" in problem(office.ask(ROW, content_type="text/csv; charset=latin-1"), 415)["detail"]


def test_a_caller_who_takes_neither_form_is_told_so_before_anything_is_scored(office: Office) -> None:
    content = problem(office.ask(b"not read", accept="application/xml"), 406)
    assert content["type"] == "urn:cauce:not-acceptable"
    assert len(predictions(office.ask(ROW, accept="application/xml, */*;q=0.1"))) == 1


def test_errors_are_problems_in_json_for_who_wants_csv_too(office: Office) -> None:
    content = problem(office.ask(b"age\nx\n", content_type=CSV, accept=CSV), 422)
    assert content["errors"][0]["path"].startswith("header, column")


def test_each_form_is_refused_in_its_own_words(office: Office) -> None:
    as_json, as_csv = (problem(office.ask(b'"', content_type=kind), 400)["detail"] for kind in (JSON, CSV))
    assert as_json.startswith("the body is not JSON (")
    assert as_json.endswith("or CSV, as content type text/csv")
    assert as_csv == (
        "the body is not CSV (line 1: a quote is opened in this row and never closed); "
        "expected a header with the inputs' names and a line for each row"
    )
