"""Requests of ``score_bench``: every contender under every load, in turn, round after round."""

from __future__ import annotations

import json
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
    from collections.abc import Iterator, Sequence

WAYS = (*SERVERS, HANDLER, GRAPH_ALONE)
DISTINCT_BODIES = {1: 500, 100: 20}
"""By rows of each; else one. All contenders are sent the same, in the same order."""
COMPARED_BODIES = 20
WARM_UP_SECONDS = 0.3
LONG_ROWS = 1000
"""Requests of so many rows are not warmed up with more than one."""
LARGEST_DIFFERENCE = 1e-4
"""Between the answers of two contenders to the same row: a graph computes with 32-bit floats."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Load:
    """What is asked: rows of a request, and clients beside each other."""

    rows: int
    clients: int

    def __str__(self) -> str:
        counted = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"{counted}, {self.clients} client{'s' * (self.clients > 1)}"


LOADS = tuple(Load(rows, clients) for rows in (1, 100, 10_000) for clients in (1, 16))


@dataclass(frozen=True)
class _Round:
    """What each contender is asked in one round."""

    load: Load
    batches: list[list[Row]]
    seconds: float
    warm_up_seconds: float
    compared: int


@dataclass(frozen=True)
class Measured:
    """One contender under one load; times in milliseconds, each the median of the rounds."""

    way: str
    rows: int
    clients: int
    requests: int
    """Of all rounds."""
    median: float
    p99: float
    per_second: float
    cpu_milliseconds: float | None
    """Of the server, for each request; None in process."""
    megabytes: float | None
    rounds: tuple[float, ...]
    """The median of each."""


class WrongAnswer(Exception):
    """A contender fails, or answers something else than the others: it is not the same work."""


type Runs = list[tuple[Outcome, float]]
"""The rounds of one contender under one load, each with the server's CPU milliseconds for each request."""


def measure(bench: Bench, ways: Sequence[str], loads: Sequence[Load], seconds: float, rounds: int) -> list[Measured]:
    """Every way under every load, in turn, ``rounds`` times. Raises WrongAnswer."""
    rows = bench.model.rows(max(load.rows + DISTINCT_BODIES.get(load.rows, 1) for load in loads))
    found: list[Measured] = []
    with ExitStack() as running:
        servers: dict[str, Server] = {}
        for way in ways:
            if way in SERVERS:
                bench.progress("starting the servers", way)
                servers[way] = running.enter_context(SERVERS[way](bench))
        for load in loads:
            # In process nobody else is there to be asked beside.
            runs: dict[str, Runs] = {way: [] for way in ways if way in servers or load.clients == 1}
            if not runs:
                continue
            for number in range(rounds):
                asked = _round(load, rows, seconds / rounds, first=number == 0)
                for way in _turned([*runs], number):
                    bench.progress(f"{load}, round {number + 1} of {rounds}", way)
                    server = servers.get(way)
                    runs[way].append(_over_http(server, asked) if server else _in_process(bench, way, asked))
                refuse_differences({way: done[-1][0].answers for way, done in runs.items()}, str(load))
            found += [_median(way, load, done, servers.get(way)) for way, done in runs.items()]
    return found


def _turned(ways: list[str], number: int) -> list[str]:
    """Each round begins with another, so that nobody always comes after the same one."""
    first = number % len(ways)
    return ways[first:] + ways[:first]


def _round(load: Load, rows: list[Row], seconds: float, *, first: bool) -> _Round:
    bodies = DISTINCT_BODIES.get(load.rows, 1)
    return _Round(
        load=load,
        batches=[rows[start : start + load.rows] for start in range(bodies)],
        seconds=seconds,
        warm_up_seconds=min(WARM_UP_SECONDS, seconds) if load.rows < LONG_ROWS else 0,
        compared=min(bodies, COMPARED_BODIES if first else 1),
    )


def _over_http(server: Server, asked: _Round) -> tuple[Outcome, float]:
    """One round, and what the server's CPU time was for each request."""
    job = score_client.Job(
        port=server.port,
        path=server.path,
        headers=server.headers,
        bodies=[server.body(batch) for batch in asked.batches],
        clients=asked.load.clients,
        seconds=asked.seconds,
        warm_up_seconds=asked.warm_up_seconds,
        least=3,
        compared=asked.compared,
    )
    before = server.cpu_seconds()
    outcome = in_child(server.name, asked.load, "tests.bench.score_client", job)
    return outcome, (server.cpu_seconds() - before) / outcome.sent * 1000


def _in_process(bench: Bench, way: str, asked: _Round) -> tuple[Outcome, float]:
    version = bench.model.version
    job = score_in_process.Job(
        bodies=[json.dumps(batch[0] if len(batch) == 1 else batch).encode() for batch in asked.batches],
        path=f"models/{MODEL}/score",
        settings=bench.settings,
        seconds=asked.seconds,
        graph=(bench.model.folder / "model.onnx").read_bytes(),
        encoded=[_encoded(version, batch).tobytes() for batch in asked.batches] if way == GRAPH_ALONE else [],
        inputs=len(version.inputs),
        warm_up_seconds=asked.warm_up_seconds,
        compared=asked.compared,
    )
    return in_child(way, asked.load, "tests.bench.score_in_process", job, way), 0.0


def _encoded(version: Any, batch: list[Row]) -> Any:
    return encoded(version, {item.name: [row[item.name] for row in batch] for item in version.inputs}, len(batch))


def in_child(way: str, load: object, module: str, job: msgspec.Struct, *arguments: str) -> Outcome:
    """Run the client, or the function, in a process of its own. Raises WrongAnswer where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=msgspec.json.encode(job),
        check=False,
        capture_output=True,  # the prediction log tells what it leaves out, at the end of every process
        cwd=ROOT,
    )
    if done.returncode:
        msg = f"{way}, {load}: {done.stderr.decode()[-4000:]}"
        raise WrongAnswer(msg)
    return msgspec.json.decode(done.stdout, type=Outcome)


def refuse_differences(answers: dict[str, list[bytes]], load: str) -> None:
    """All must have answered the same to the same bodies. Raises WrongAnswer."""
    told = {way: [*_probabilities(bodies)] for way, bodies in answers.items()}
    first = next(iter(told), "")
    for way, theirs in told.items():
        if len(theirs) != len(told[first]) or not theirs:
            msg = f"{load}: {way} answers {len(theirs):,} rows and {first} {len(told[first]):,}"
            raise WrongAnswer(msg)
        furthest = max(abs(one - other) for one, other in zip(told[first], theirs, strict=True))
        if furthest > LARGEST_DIFFERENCE:
            msg = f"{load}: {way} and {first} differ by {furthest:.2g} on the same rows"
            raise WrongAnswer(msg)


def _probabilities(answers: Sequence[bytes]) -> Iterator[float]:
    for answer in answers:
        yield from probabilities(answer)


def _median(way: str, load: Load, runs: Runs, server: Server | None) -> Measured:
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
