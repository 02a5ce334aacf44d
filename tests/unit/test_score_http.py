"""The function itself: what it answers at once, between two other requests, and what gets a thread."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

import azure.functions as func
import pytest

import score_http
from shared import wiring
from shared.scoring.serving.loaded import SHORT_BYTES
from tests.scoring_office import SCORE, Office
from tests.tiny_versions import MODEL, ROW, serve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shared.scoring.http import Answer, Call

REFRESH = 60.0
ONE = json.dumps(ROW).encode()
MANY = json.dumps([ROW] * 100).encode()
INVOCATION: ContextVar[str] = ContextVar("INVOCATION")
"""As the worker names what runs, for the log."""


class Watched:
    """A scorer, and in which thread and for which invocation it was asked."""

    def __init__(self, office: Office) -> None:
        self._scorer = office.scorer
        self.answers_at_once = office.scorer.answers_at_once
        self.seen: list[tuple[threading.Thread, str]] = []

    def answer(self, call: Call) -> Answer:
        self.seen.append((threading.current_thread(), INVOCATION.get()))
        return self._scorer.answer(call)


@pytest.fixture
def office() -> Office:
    made = Office(model_refresh_seconds=REFRESH)
    serve(made.registry)
    return made


@pytest.fixture
def watched(office: Office, monkeypatch: pytest.MonkeyPatch) -> Watched:
    made = Watched(office)
    monkeypatch.setattr(wiring, "scorer", lambda: made)
    monkeypatch.setattr(wiring, "scorer_at_hand", lambda: made)
    return made


def request(
    body: bytes = ONE, path: str = SCORE, query: Mapping[str, str] | None = None, method: str = "POST", **headers: str
) -> func.HttpRequest:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest(
        method, f"http://localhost/api/{path}", headers=sent, params=query, route_params={"path": path}, body=body
    )


async def invoked(asked: func.HttpRequest, name: str = "one") -> func.HttpResponse:
    INVOCATION.set(name)
    return await score_http.main(asked)


def is_at_once(watched: Watched, asked: func.HttpRequest) -> bool:
    async def main() -> bool:
        answer = await invoked(asked)
        assert answer.status_code < 500
        thread, invocation = watched.seen[-1]
        assert invocation == "one"
        return thread is threading.current_thread()

    return asyncio.run(main())


def test_a_few_rows_are_answered_at_once_when_the_version_is_in_memory(watched: Watched) -> None:
    assert not is_at_once(watched, request())
    assert is_at_once(watched, request())
    assert is_at_once(watched, request(b"age,job\n41,cook\n", Content_Type="text/csv"))
    assert is_at_once(watched, request(b"{"))
    assert is_at_once(watched, request(ONE + b" " * (SHORT_BYTES - len(ONE))))
    assert not is_at_once(watched, request(ONE + b" " * (SHORT_BYTES + 1 - len(ONE))))


@pytest.mark.parametrize(
    "asked",
    [
        request(MANY),
        request(gzip.compress(ONE), content_encoding="gzip"),
        request(query={"explain": "true"}),
        request(query={"version": "20240101T000001Z-00000000"}),
        request(path="models/other/score"),
        request(path=f"models/{MODEL}/compare"),
        request(method="GET", path="models"),
        request(method="GET"),
    ],
)
def test_what_takes_time_or_may_have_to_wait_gets_a_thread(watched: Watched, asked: func.HttpRequest) -> None:
    is_at_once(watched, request())
    assert not is_at_once(watched, asked)


def test_a_look_up_that_is_due_is_waited_for_in_a_thread(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.score(ROW)
    served = office.scorer._pipeline._versions.served(MODEL)
    asked = score_http.Call("POST", SCORE, ONE)
    assert office.scorer.answers_at_once(asked)
    monkeypatch.setattr(served, "_looked_up_at", served._looked_up_at - REFRESH)
    assert not office.scorer.answers_at_once(asked)
    monkeypatch.setattr(served, "_is_slow", True)  # so nobody waits for it
    assert office.scorer.answers_at_once(asked)


def test_a_request_that_takes_long_holds_up_no_other(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    answer = watched.answer

    def slow(call: Call) -> Any:
        if len(call.body) > SHORT_BYTES:
            assert release.wait(20)
        return answer(call)

    monkeypatch.setattr(watched, "answer", slow)

    async def main() -> list[int]:
        await invoked(request())
        long = [asyncio.create_task(invoked(request(MANY), "long")) for _ in range(3)]
        await asyncio.sleep(0)
        short = await invoked(request())
        assert not any(task.done() for task in long)
        release.set()
        return [short.status_code, *[(await task).status_code for task in long]]

    assert asyncio.run(main()) == [200] * 4
    assert sorted(name for _, name in watched.seen) == ["long", "long", "long", "one", "one"]


def test_an_app_that_is_not_set_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "settings", lambda: wiring.Settings.from_env({"SCORE_MAX_ROWS": "many"}))
    wiring.catalog.cache_clear()
    wiring.scorer.cache_clear()
    assert wiring.scorer_at_hand() is None
    answer = asyncio.run(invoked(request()))
    assert answer.status_code == 503
    assert b"SCORE_MAX_ROWS" in answer.get_body()
