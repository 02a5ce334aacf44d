"""100,000 rows as one CSV, answered as one CSV: how long that takes, and what memory the server has held meanwhile."""

from __future__ import annotations

import http.client
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.csv_format import csv_rows
from tests.bench.score_servers import SERVERS

if TYPE_CHECKING:
    from tests.bench.score_servers import Bench, Server

ROWS = 100_000
WAYS = ("cauce", "mlflow")
"""Those that take a CSV without code of one's own."""
MOST_SECONDS = 300.0


@dataclass(frozen=True)
class Streamed:
    """One contender; seconds are the median of ``times``."""

    way: str
    rows: int
    seconds: float
    times: tuple[float, ...]
    request_megabytes: float
    answer_megabytes: float
    idle_megabytes: float
    """Resident, when the server had started."""
    peak_megabytes: float
    """The most that it has held, of all its processes."""


def measure(bench: Bench, ways: list[str], times: int) -> list[Streamed]:
    """Each in a server of its own that has answered nothing yet."""
    sent = bench.model.rows(ROWS)
    body = csv_rows([list(sent[0]), *([*row.values()] for row in sent)])
    return [_measured(bench, way, body, times) for way in ways]


def _measured(bench: Bench, way: str, body: bytes, times: int) -> Streamed:
    with SERVERS[way](bench) as server:
        idle = server.megabytes()
        runs = [_once(server, body) for _ in range(times)]
        return Streamed(
            way=way,
            rows=ROWS,
            seconds=statistics.median(seconds for seconds, _ in runs),
            times=tuple(seconds for seconds, _ in runs),
            request_megabytes=len(body) / 1e6,
            answer_megabytes=runs[0][1] / 1e6,
            idle_megabytes=idle,
            peak_megabytes=server.peak_megabytes(),
        )


def _once(server: Server, body: bytes) -> tuple[float, int]:
    """Seconds from before the request is sent until the answer is whole, and the answer's bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=MOST_SECONDS)
    headers = {**server.headers, "Content-Type": "text/csv", "Accept": "text/csv, application/json;q=0.5"}
    began = time.perf_counter()
    connection.request("POST", server.path, body, headers)
    response = connection.getresponse()
    answer = response.read()
    seconds = time.perf_counter() - began
    connection.close()
    if response.status != 200 or answer.count(b"call") < ROWS:
        msg = f"{server.name}: {response.status}, {answer[:300]!r}"
        raise RuntimeError(msg)
    return seconds, len(answer)
