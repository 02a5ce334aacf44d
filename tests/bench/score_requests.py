"""Requests of ``score_bench``: every contender under every load, in turn, round after round."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tests.bench import score_client, score_in_process
from tests.bench.score_client import Outcome
from tests.bench.score_in_process import GRAPH_ALONE, HANDLER
from tests.bench.score_model import MODEL, ROOT
from tests.bench.score_rival import encoded
from tests.bench.score_servers import SERVERS, Bench, Server, probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

WAYS = (*SERVERS, HANDLER, GRAPH_ALONE)
DISTINCT_ROWS = 500
LARGEST_DIFFERENCE = 1e-4
"""Between the answers of two contenders to the same row: a graph computes with 32-bit floats."""


@dataclass(frozen=True)
class Load:
    """What is asked: rows of a request, and clients beside each other."""

    rows: int
    clients: int

    def __str__(self) -> str:
        counted = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"{counted}, {self.clients} client{'s' * (self.clients > 1)}"


LOADS = (Load(1, 1), Load(1, 16), Load(100, 1), Load(10_000, 1))


@dataclass(frozen=True)
class Measured:
    """One contender under one load; times in milliseconds, each the median of the rounds."""

    way: str
    rows: int
    clients: int
    requests: int
    median: float
    p99: float
    per_second: float
    cpu_milliseconds: float | None
    """Of the server, for each request; None in process."""
    megabytes: float | None
    rounds: tuple[float, ...]
    """The median of each."""


class WrongAnswer(Exception):
    """A contender answers something else than the others: it is not the same work."""


def measure(bench: Bench, ways: Sequence[str], loads: Sequence[Load], seconds: float, rounds: int) -> list[Measured]:
    """Every way under every load, in turn, ``rounds`` times."""
    with ExitStack() as running:
        servers = {way: running.enter_context(SERVERS[way](bench)) for way in ways if way in SERVERS}
        rows = bench.model.rows(max(load.rows for load in loads) + DISTINCT_ROWS)
        found = []
        for load in loads:
            runs: dict[str, list[tuple[Outcome, float]]] = {way: [] for way in ways}
            for _ in range(rounds):
                for way in ways:
                    runs[way].append(_once(bench, servers.get(way), way, load, rows, seconds / rounds))
            _all_alike(runs)
            found += [_median(way, load, runs[way], servers.get(way)) for way in ways]
            print(f"  {load}: done, load average {os.getloadavg()[0]:.1f}", flush=True)
        return found


def _once(
    bench: Bench, server: Server | None, way: str, load: Load, rows: list[dict[str, Any]], seconds: float
) -> tuple[Outcome, float]:
    """One round, and what the server's CPU time was for each request."""
    batches = [rows[start : start + load.rows] for start in range(DISTINCT_ROWS if load.rows == 1 else 1)]
    if server is None:
        return _in_process(bench, way, batches, seconds), 0.0
    job = score_client.Job(
        port=server.port,
        path=server.path,
        headers=server.headers,
        bodies=[server.body(batch) for batch in batches],
        clients=load.clients,
        seconds=seconds,
        warm_up_seconds=min(0.3, seconds),
        least=3,
    )
    before = server.cpu_seconds()
    outcome = _child("tests.bench.score_client", job)
    return outcome, (server.cpu_seconds() - before) / outcome.sent * 1000


def _in_process(bench: Bench, way: str, batches: list[list[dict[str, Any]]], seconds: float) -> Outcome:
    version = bench.model.version
    bodies = [json.dumps(batch[0] if len(batch) == 1 else batch).encode() for batch in batches]
    columns = {item.name: [row[item.name] for row in batches[0]] for item in version.inputs}
    job = score_in_process.Job(
        bodies=bodies,
        path=f"models/{MODEL}/score",
        settings={"DataStorage": bench.storage.connection_string},
        graph=(bench.model.folder / "model.onnx").read_bytes(),
        encoded=encoded(version, columns, len(batches[0])).tobytes(),
        inputs=len(version.inputs),
        seconds=seconds,
    )
    return _child("tests.bench.score_in_process", job, way)


def _child(module: str, job: msgspec.Struct, *arguments: str) -> Outcome:
    """Raises CalledProcessError where an answer was not right; the child says why."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=msgspec.json.encode(job),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Outcome)


def _all_alike(runs: dict[str, list[tuple[Outcome, float]]]) -> None:
    """Raises WrongAnswer."""
    answered = {way: probabilities(found[0][0].first_answer) for way, found in runs.items() if found[0][0].first_answer}
    first = next(iter(answered), "")
    for way, theirs in answered.items():
        pairs = zip(answered[first], theirs, strict=True)
        if any(abs(one - other) > LARGEST_DIFFERENCE for one, other in pairs):
            msg = f"{way} and {first} differ by more than {LARGEST_DIFFERENCE:g} on the same rows"
            raise WrongAnswer(msg)


def _median(way: str, load: Load, runs: list[tuple[Outcome, float]], server: Server | None) -> Measured:
    outcomes = [outcome for outcome, _ in runs]
    return Measured(
        way=way,
        rows=load.rows,
        clients=load.clients,
        requests=sum(outcome.requests for outcome in outcomes),
        median=statistics.median(outcome.median for outcome in outcomes),
        p99=statistics.median(outcome.p99 for outcome in outcomes),
        per_second=statistics.median(outcome.per_second for outcome in outcomes),
        cpu_milliseconds=statistics.median(cpu for _, cpu in runs) if server else None,
        megabytes=server.megabytes() if server else None,
        rounds=tuple(outcome.median for outcome in outcomes),
    )
