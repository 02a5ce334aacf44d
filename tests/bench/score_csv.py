"""100,000 rows as one CSV, answered as one CSV: how long that takes, and what memory the server has held meanwhile."""

from __future__ import annotations

import http.client
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.csv_format import csv_rows
from tests.bench.score_in_process import HANDLER, Job
from tests.bench.score_model import MODEL
from tests.bench.score_requests import in_child, refuse_differences
from tests.bench.score_servers import SERVERS

if TYPE_CHECKING:
    from tests.bench.score_servers import Bench, Server

ROWS = 100_000
WAYS = ("cauce", HANDLER, "mlflow")
"""Those that take a CSV without code of one's own."""
MOST_SECONDS = 300.0
HEADERS = {"Content-Type": "text/csv", "Accept": "text/csv, application/json;q=0.5"}


@dataclass(frozen=True)
class Streamed:
    """One contender in a process that has answered nothing before."""

    way: str
    rows: int
    seconds: float
    """The median."""
    fastest: float
    request_megabytes: float
    answer_megabytes: float
    idle_megabytes: float | None
    """Resident, when the server had started; None in process."""
    peak_megabytes: float
    """The most that it has held, of all its processes."""


def measure(bench: Bench, ways: list[str], times: int, rows: int = ROWS) -> list[Streamed]:
    """One after the other, each ``times`` times. Raises WrongAnswer."""
    sent = bench.model.rows(rows)
    body = csv_rows([list(sent[0]), *([*row.values()] for row in sent)])
    found, answers = [], {}
    for way in ways:
        bench.progress(f"{rows:,} rows of CSV", way)
        ask = _in_process if way == HANDLER else _over_http
        seconds, answer, idle, peak = ask(bench, way, body, times)
        answers[way] = [answer]
        sizes = (len(body) / 1e6, len(answer) / 1e6)
        found.append(Streamed(way, rows, statistics.median(seconds), min(seconds), *sizes, idle, peak))
    refuse_differences(answers, f"{rows:,} rows of CSV")
    return found


type Found = tuple[list[float], bytes, float | None, float]
"""Seconds, an answer, resident megabytes before and at most."""


def _over_http(bench: Bench, way: str, body: bytes, times: int) -> Found:
    with SERVERS[way](bench) as server:
        idle = server.megabytes()
        runs = [_once(server, body) for _ in range(times)]
        return [seconds for seconds, _ in runs], runs[0][1], idle, server.peak_megabytes()


def _in_process(bench: Bench, way: str, body: bytes, times: int) -> Found:
    headers = {name.lower(): value for name, value in HEADERS.items()}
    job = Job([body], f"models/{MODEL}/score", bench.settings, 0, headers=headers, warm_up_seconds=0, least=times)
    outcome = in_child(way, "CSV", "tests.bench.score_in_process", job, way)
    return [outcome.median / 1000, outcome.fastest / 1000], outcome.answers[0], None, outcome.peak_megabytes


def _once(server: Server, body: bytes) -> tuple[float, bytes]:
    """Seconds from before the request is sent until the answer is whole, and the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=MOST_SECONDS)
    began = time.perf_counter()
    connection.request("POST", server.path, body, {**server.headers, **HEADERS})
    response = connection.getresponse()
    answer = response.read()
    seconds = time.perf_counter() - began
    connection.close()
    if response.status != 200:
        msg = f"{server.name}: {response.status}, {answer[:300]!r}"
        raise RuntimeError(msg)
    return seconds, answer
