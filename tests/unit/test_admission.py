"""How much is worked on at once, and what is said to those who come beyond it."""

from __future__ import annotations

import gzip
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from shared.scoring.admission import Admission
from shared.scoring.answers import Kind, Refusal
from shared.scoring.http import Call
from tests.explaining import serve_explained
from tests.scoring_office import Office, csv_of, predictions, problem
from tests.tiny_versions import MODEL, ROW, serve

if TYPE_CHECKING:
    from typing import Any

    from shared.scoring.run import Scorer


def refused(admission: Admission, size_bytes: int = 1, *, heavy: bool = False) -> Refusal:
    with pytest.raises(Refusal) as caught, admission(size_bytes, heavy=heavy):
        pass
    return caught.value


def free(admission: Admission, requests: int) -> bool:
    """Whether there is room for exactly so many."""
    with ExitStack() as stack:
        for _ in range(requests):
            stack.enter_context(admission(1))
        refused(admission)
    return True


def test_so_many_requests_come_in_and_the_next_one_is_told_to_come_back() -> None:
    refusal = None
    admission = Admission(3, 1000)
    with admission(1), admission(1), admission(1):
        refusal = refused(admission)
    assert (refusal.kind, refusal.headers) == (Kind.BUSY, {"Retry-After": "1"})
    assert refusal.detail == "3 requests are being answered, as many as there is room for; try again"
    assert free(admission, 3)


def test_what_is_done_makes_room_however_it_ended() -> None:
    admission = Admission(2, 1000)
    for error in (ValueError, Refusal(Kind.FAULTY, "no"), KeyboardInterrupt, MemoryError):
        for _ in range(3):
            with pytest.raises(type(error) if isinstance(error, Refusal) else error), admission(900):
                raise error
    for _ in range(3):
        with admission(1), admission(1):
            refused(admission)
    assert free(admission, 2)


def test_bytes_are_counted_to_the_last_one() -> None:
    admission = Admission(64, 1000)
    with admission(600):
        with admission(400):
            refused(admission)
        with admission(399), admission(1):
            refused(admission)
        refused(admission, 401)


def test_a_request_that_is_alone_always_comes_in() -> None:
    admission = Admission(1, 10)
    with admission(10**12):
        refused(admission)
    with admission(10**12, heavy=True):
        refused(admission, heavy=True)


def test_a_request_that_grows_takes_room_or_is_refused() -> None:
    admission = Admission(64, 1000)
    with admission(100) as one:
        one.grow(10**6)  # alone: there is nobody to wait for
        assert one.size_bytes == 10**6
        refused(admission)
    with admission(100) as one, admission(100) as other:
        one.grow(900)
        one.grow(50)  # what was counted stays
        assert one.size_bytes == 900
        with pytest.raises(Refusal, match="1 requests are being answered"):
            other.grow(101)
        assert other.size_bytes == 100
    with admission(1000):
        refused(admission)
    with admission(999), admission(1):
        refused(admission)


def test_heavy_requests_hold_an_eighth_each_and_never_more_than_half() -> None:
    admission = Admission(64, 1000)
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(admission(1, heavy=True))
        refused(admission, heavy=True)
        for _ in range(32):
            stack.enter_context(admission(1))
        refused(admission)
    assert free(admission, 64)


def test_heavy_requests_give_way_to_the_others() -> None:
    admission = Admission(64, 1000)
    with ExitStack() as stack:
        for _ in range(24):
            stack.enter_context(admission(1))
        with admission(1, heavy=True):
            refused(admission, heavy=True)
        stack.enter_context(admission(1))
        refused(admission, heavy=True)


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_with_few_places_heavy_requests_come_in_at_least_alone(most: int) -> None:
    admission = Admission(most, 1000)
    with admission(1, heavy=True):
        assert most == 1 or not refused_by(admission)
    assert free(admission, most)


def refused_by(admission: Admission) -> bool:
    try:
        with admission(1):
            return False
    except Refusal:
        return True


# In the scorer


def admission_of(scorer: Scorer) -> Admission:
    """That of the one pipeline."""
    return scorer._pipeline._admission


@pytest.fixture
def office() -> Office:
    made = Office(score_max_requests=2, score_memory_bytes=10_000)
    serve_explained(made.registry)
    return made


def test_a_request_beyond_the_limit_gets_503_and_when_to_come_back(office: Office) -> None:
    admission = admission_of(office.scorer)
    with admission(1), admission(1):
        answer = office.score(ROW)
        assert answer.headers["Retry-After"] == "1"
        assert problem(answer, 503)["type"] == "urn:cauce:busy"
        assert office.get("health").status == 200
    assert predictions(office.score(ROW))


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400), (ROW | {"age": 1}, {}, 422), ([], {}, 422), (b"x", {"content_encoding": "gzip"}, 400),
        (ROW, {"content_encoding": "br"}, 415), (ROW, {"content_type": "image/png"}, 415),
        (ROW, {"accept": "a/b"}, 406),
        (b"a\n1", {"content_type": "text/csv"}, 422), (b"\xff", {"content_type": "text/csv"}, 400),
    ],
)  # fmt: skip
def test_a_request_that_is_refused_leaves_its_place(
    office: Office, body: Any, headers: dict[str, str], status: int
) -> None:
    for _ in range(5):
        problem(office.ask(body, **headers), status)
    assert free(admission_of(office.scorer), 2)


def test_a_request_whose_scoring_crashes_leaves_its_place(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.scoring.pipeline.begin", lambda *_: 1 / 0)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            office.score(ROW)
    assert free(admission_of(office.scorer), 2)


def test_bodies_count_with_the_memory_that_they_take(office: Office) -> None:
    admission = admission_of(office.scorer)
    body = json.dumps(ROW).encode()
    with admission(10_000 - 8 * len(body)):
        assert office.score(body).status == 200
    with admission(10_000 - 8 * len(body) + 1):
        problem(office.score(body), 503)
    body = csv_of([ROW])
    with admission(10_000 - 2 * len(body)):
        assert office.ask(body, content_type="text/csv").status == 200
    with admission(10_000 - 2 * len(body) + 1):
        problem(office.ask(body, content_type="text/csv"), 503)


def test_a_compressed_body_counts_as_what_it_holds_whatever_it_says_itself(office: Office) -> None:
    admission = admission_of(office.scorer)
    body = json.dumps([ROW]).encode() + b" " * 1_000
    packed = gzip.compress(body)
    lying = gzip.compress(body[:-10]) + gzip.compress(body[-10:])  # its last bytes tell of the last ten alone
    for sent in (packed, lying):
        assert len(sent) * 8 + 1_000 < 10_000 < len(body) * 8 + 1_000
        with admission(1_000):
            problem(office.ask(sent, content_encoding="gzip"), 503)
        assert office.ask(sent, content_encoding="gzip").status == 200
    assert free(admission, 2)


def test_requests_for_reasons_find_room_only_while_few_others_are_there() -> None:
    office = Office(score_max_requests=16)
    serve_explained(office.registry)
    admission = admission_of(office.scorer)
    with ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(admission(1))
        assert office.ask(ROW, {"explain": "true"}).status == 200
        stack.enter_context(admission(1))
        problem(office.ask(ROW, {"explain": "true"}), 503)
        assert office.ask(ROW, {"explain": "false"}).status == 200


def test_comparing_takes_a_place_too(office: Office) -> None:
    version = serve(office.registry, 7)
    admission = admission_of(office.scorer)
    call = Call("POST", f"models/{MODEL}/compare", json.dumps(ROW).encode(), {"version": version.version})
    with admission(1), admission(1):
        problem(office.scorer.answer(call), 503)
    assert office.scorer.answer(call).status == 200
