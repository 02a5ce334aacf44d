"""What answering takes without any HTTP: the graph alone, and the function's own time.

``python -m tests.bench.score_in_process WAY``: one run, in a process of its own; job and outcome are JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from itertools import cycle
from typing import TYPE_CHECKING, Any

import msgspec

from tests.bench.score_client import Outcome, outcome_of
from tests.peak_memory import peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GRAPH_ALONE, HANDLER = "onnxruntime", "handler"
MEGABYTES = 1024 * 1024 / 1e6
"""In what ``peak_mb`` counts in."""


class Job(msgspec.Struct, frozen=True):
    """Requests as Cauce takes them, and what the process finds in its environment."""

    bodies: list[bytes]
    path: str
    settings: dict[str, str]
    seconds: float
    graph: bytes = b""
    encoded: list[bytes] = []
    """The rows of each of ``bodies`` as 32-bit floats; for the graph alone."""
    inputs: int = 0
    headers: dict[str, str] = msgspec.field(default_factory=lambda: {"content-type": "application/json"})
    warm_up_seconds: float = 0.3
    least: int = 3
    compared: int = 1
    """So many of ``bodies`` are asked once before, for their answers."""


def _graph_alone(job: Job) -> Iterator[Callable[[], Any]]:
    """The floor: rows are encoded already, and nobody asks for an answer in words."""
    import numpy as np
    import onnxruntime

    from shared.features import GRAPH_INPUT, GRAPH_OUTPUT

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(job.graph, options, providers=["CPUExecutionProvider"])
    outputs = [GRAPH_OUTPUT]
    for encoded in cycle(job.encoded):
        rows = {GRAPH_INPUT: np.frombuffer(encoded, dtype=np.float32).reshape(-1, job.inputs)}
        yield lambda given=rows: session.run(outputs, given)  # type: ignore[misc]


def _handler(job: Job) -> Iterator[Callable[[], Any]]:
    """The function as the worker library calls it: from HttpRequest to HttpResponse."""
    os.environ.update(job.settings)
    from azure.functions.http import HttpRequest

    import score_http

    headers = {"host": "127.0.0.1:7071", **job.headers, "x-functions-key": "k" * 43}
    for body in cycle(job.bodies):
        request = HttpRequest(
            "POST", f"http://127.0.0.1:7071/api/{job.path}", headers={**headers, "content-length": str(len(body))},
            params={}, route_params={"path": job.path}, body_type="bytes", body=body,
        )  # fmt: skip
        yield lambda asked=request: score_http.main(asked)  # type: ignore[misc]


def _told_by_graph(found: Any) -> bytes:
    """As the others tell it, to be compared."""
    return json.dumps({"predictions": [{"probability": float(row[1])} for row in found[0]]}).encode()


def _told_by_handler(response: Any) -> bytes:
    body: bytes = response.get_body()
    return body


WAYS = {GRAPH_ALONE: (_graph_alone, _told_by_graph), HANDLER: (_handler, _told_by_handler)}


async def _result(call: Callable[[], Any]) -> Any:
    """The worker library awaits what can be awaited, in a loop like this one."""
    found = call()
    return await found if asyncio.iscoroutine(found) else found


def _checked(found: Any) -> Any:
    """Raises RuntimeError where the function has refused."""
    if getattr(found, "status_code", 200) != 200:
        raise RuntimeError(found.get_body().decode())
    return found


async def _timed(calls: Iterator[Callable[[], Any]], seconds: float, least: int) -> list[float]:
    times: list[float] = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends or len(times) < least:
        call = next(calls)
        began = time.perf_counter()
        found = await _result(call)
        times.append(time.perf_counter() - began)
        _checked(found)
    return times


async def run(way: str, job: Job) -> Outcome:
    """Again and again until the time is over. Raises RuntimeError where an answer is not right."""
    make, tell = WAYS[way]
    calls = make(job)
    answers = [tell(_checked(await _result(next(calls)))) for _ in range(job.compared)]
    await _timed(calls, job.warm_up_seconds, 0)
    times = await _timed(calls, job.seconds, job.least)
    outcome = outcome_of(times, sum(times), len(times), answers)
    return msgspec.structs.replace(outcome, peak_megabytes=peak_mb() * MEGABYTES)


if __name__ == "__main__":
    sys.stdout.buffer.write(
        msgspec.json.encode(asyncio.run(run(sys.argv[1], msgspec.json.decode(sys.stdin.buffer.read(), type=Job))))
    )
