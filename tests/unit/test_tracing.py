"""What names a request: the caller's own name for it where that is sane, and its trace."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest

from shared.scoring.answers import not_set_up
from shared.scoring.tracing import trace_of
from tests.scoring_office import Office, problem
from tests.tiny_versions import ROW, serve

if TYPE_CHECKING:
    from shared.scoring.http import Answer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
MADE = re.compile(r"[0-9a-f]{32}")


@pytest.fixture(scope="module")
def office() -> Office:
    made = Office()
    serve(made.registry)
    return made


def child(parent: str) -> str | None:
    return trace_of({"traceparent": parent}).parent


# Request ids


@pytest.mark.parametrize(
    "request_id", ["7", "a-b_c.d~e", "f3b0c442-98fc-1c14", "user@host:8080/path+x==", "x" * 128, "0" * 32]
)
def test_the_callers_id_comes_back(request_id: str) -> None:
    trace = trace_of({"x-request-id": request_id})
    assert trace.request_id == request_id
    assert trace.headers() == {"x-request-id": request_id}


@pytest.mark.parametrize(
    "request_id",
    [
        "", " ", "a b", "x" * 129, "x\n", "a\r\nset-cookie: b", "\0", "ñ", '"a"', "<script>", "a,b", "a;b", "{}", "٤",
        "a\tb", "${jndi:ldap://x}", "%0a",
    ],
)  # fmt: skip
def test_an_id_that_is_missing_long_or_odd_is_made_anew(request_id: str) -> None:
    made = [trace_of({"x-request-id": request_id}).request_id for _ in range(3)]
    assert len(set(made)) == 3
    assert all(MADE.fullmatch(one) for one in made)
    assert MADE.fullmatch(trace_of({}).request_id)


def test_the_id_is_quoted_where_it_is_a_reference() -> None:
    assert trace_of({"x-request-id": "a/b:c@d+e=f~g"}).instance == "a%2Fb%3Ac%40d%2Be%3Df~g"


# Traces


def test_a_trace_goes_on_with_a_span_of_its_own() -> None:
    found = [child(f"00-{TRACE}-{SPAN}-01") for _ in range(3)]
    assert all(one and re.fullmatch(rf"00-{TRACE}-(?!0{{16}})[0-9a-f]{{16}}-01", one) for one in found)
    assert len({*found, f"00-{TRACE}-{SPAN}-01"}) == 4


@pytest.mark.parametrize(("flags", "sampled"), [("00", "00"), ("01", "01"), ("ff", "01"), ("02", "00"), ("03", "01")])
def test_of_the_flags_the_one_that_is_known_is_passed_on(flags: str, sampled: str) -> None:
    assert str(child(f"00-{TRACE}-{SPAN}-{flags}"))[-3:] == f"-{sampled}"


@pytest.mark.parametrize("parent", [f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-comes-later"])
def test_a_later_version_is_read_as_far_as_it_is_known(parent: str) -> None:
    assert str(child(parent)).startswith(f"00-{TRACE}-")


@pytest.mark.parametrize(
    "parent",
    [
        "", " ", "nonsense", TRACE, f"00-{TRACE}-{SPAN}", f"00-{TRACE}-{SPAN}-", f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-001", f"00-{TRACE}-{SPAN}-01-more", f"00-{TRACE}-{SPAN}-01-", f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01", f"00-{TRACE[:-1]}-{SPAN}-01", f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"0-{TRACE}-{SPAN}-01", f"00_{TRACE}_{SPAN}_01", f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01x", f"01-{TRACE}-{SPAN}-01x", f"00-{TRACE}-{SPAN}-01\r\nx: y",
        f"01-{TRACE}-{SPAN}-01-\nx",
        f"00-{'٤' * 32}-{SPAN}-01",
    ],
)  # fmt: skip
def test_what_is_no_traceparent_is_not_passed_on(parent: str) -> None:
    assert not child(parent)
    assert trace_of({"traceparent": parent, "x-request-id": "7"}).headers() == {"x-request-id": "7"}


# In the scorer


def named(answer: Answer, request_id: str = "order-7") -> None:
    assert answer.headers["x-request-id"] == request_id
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", answer.headers["traceparent"])


def test_every_answer_has_the_names_of_its_request(office: Office) -> None:
    headers = {"x_request_id": "order-7", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    for content, status in ((ROW, 200), ([ROW] * 100, 200), (ROW | {"age": 1}, 422), (b"{", 400), (b"", 400)):
        answer = office.ask(content, **headers)
        assert answer.status == status
        named(answer)
    named(office.ask(ROW, {"version": "none"}, **headers))
    named(office.ask(ROW, accept="text/csv", **headers))
    named(office.ask(b"age\n", content_type="text/csv", accept_encoding="gzip", **headers))


def test_an_answer_without_a_trace_has_no_traceparent(office: Office) -> None:
    for headers in ({}, {"traceparent": "nonsense"}, {"x_request_id": "two words"}):
        answer = office.ask(ROW, **headers)
        assert answer.headers.keys() == {"x-request-id"}
        assert MADE.fullmatch(answer.headers["x-request-id"])


def test_a_problem_and_the_log_name_the_request(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = office.ask(b"{", x_request_id="order-7", traceparent=f"00-{TRACE}-{SPAN}-00")
    assert problem(answer, 400)["instance"] == "order-7"
    # Which version serves may be told meanwhile, by a thread of its own.
    (message,) = [one.getMessage() for one in caplog.records if one.name == "shared.scoring.run"]
    assert message.startswith(f"request order-7 ({answer.headers['traceparent']}): not-read: ")


def test_an_app_that_is_not_set_up_names_the_request_too() -> None:
    headers = {"x-request-id": "order-7", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    answer = not_set_up(ValueError("no catalog"), headers)
    named(answer)
    assert problem(answer, 503)["instance"] == "order-7"
