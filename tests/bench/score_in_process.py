"""What answering takes without any HTTP: the graph alone, and the function's own time.

``python -m tests.bench.score_in_process WAY``: one run, in a process of its own; job and outcome are JSON.
"""

from __future__ import annotations

import os
import sys
import time
from itertools import cycle
from typing import TYPE_CHECKING

import msgspec

from tests.bench.score_client import Outcome, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GRAPH_ALONE, HANDLER = "onnxruntime", "handler"


class Job(msgspec.Struct, frozen=True):
    """Requests as Cauce takes them, and what the process finds in its environment."""

    bodies: list[bytes]
    path: str
    settings: dict[str, str]
    graph: bytes
    encoded: bytes
    """The rows of the first body as 32-bit floats."""
    inputs: int
    seconds: float
    warm_up_seconds: float = 0.3
    least: int = 3


def _graph_alone(job: Job) -> Iterator[Callable[[], bytes]]:
    """The floor: rows are encoded already, and nobody asks for an answer in words."""
    import numpy as np
    import onnxruntime

    from shared.features import GRAPH_INPUT, GRAPH_OUTPUT

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(job.graph, options, providers=["CPUExecutionProvider"])
    rows = {GRAPH_INPUT: np.frombuffer(job.encoded, dtype=np.float32).reshape(-1, job.inputs)}
    outputs = [GRAPH_OUTPUT]

    def run() -> bytes:
        session.run(outputs, rows)
        return b""

    while True:
        yield run


def _handler(job: Job) -> Iterator[Callable[[], bytes]]:
    """The function as the worker library calls it: from HttpRequest to HttpResponse."""
    os.environ.update(job.settings)
    from azure.functions.http import HttpRequest

    import score_http

    headers = {"host": "127.0.0.1:7071", "content-type": "application/json", "x-functions-key": "k" * 43}
    for body in cycle(job.bodies):
        request = HttpRequest(
            "POST", f"http://127.0.0.1:7071/api/{job.path}", headers={**headers, "content-length": str(len(body))},
            params={}, route_params={"path": job.path}, body_type="bytes", body=body,
        )  # fmt: skip
        yield lambda asked=request: score_http.main(asked).get_body()  # type: ignore[misc]


WAYS = {GRAPH_ALONE: _graph_alone, HANDLER: _handler}


def run(way: str, job: Job) -> Outcome:
    """Again and again until the time is over."""
    calls = WAYS[way](job)
    first = next(calls)()
    for seconds, least in ((job.warm_up_seconds, 1), (job.seconds, job.least)):
        times: list[float] = []
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends or len(times) < least:
            call = next(calls)
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
    return outcome_of(times, sum(times), len(times), first)


if __name__ == "__main__":
    sys.stdout.buffer.write(
        msgspec.json.encode(run(sys.argv[1], msgspec.json.decode(sys.stdin.buffer.read(), type=Job)))
    )
