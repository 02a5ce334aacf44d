"""Whether answering for a long time costs memory, or loses lines of the prediction log: ``make bench-soak``.

``python -m tests.bench.score_soak [--requests N] [--clients N] [--json FILE]``. Clients that keep their connections
send a mix of requests to the local host while champion.json moves between two versions, each of which is read anew.
The resident memory of the host, which runs the functions in its own process, is looked at every second.
It ends with 1 where memory has risen after warm-up, which is the first tenth, where an answer was not the one that the
request must get (5xx above all), or where rows are neither in the prediction log nor stated there as missing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from array import array
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from azure.storage.blob import BlobServiceClient
from rich.console import Console

from local.azurite import Azurite
from shared.store import names
from shared.store.azure_blobs import AzureBlobs
from shared.store.predictions import Loss, read_predictions
from shared.store.records import Champion, to_json
from shared.store.registry import Registry
from tests.bench.score_model import BLEND, KEPT, MEMBER, MODEL, fitted_model
from tests.bench.score_servers import Bench, Server, cauce
from tests.bench.score_soak_mix import Mix
from tests.bench.score_soak_report import MOST_EXAMPLES, Logged, Sample, Soaked, figures, show, write
from tests.keep_alive import Closed, KeepAlive

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.score_model import FittedModel
    from tests.bench.score_soak_mix import Asked

SAMPLE_SECONDS = 1.0
MOVE_SECONDS = 3.0
REFRESH_SECONDS = "1"
SILENT_SECONDS = 60.0
TWIN = "-00005047"
"""Ends the name of the second version, which is the first one under another name."""


def parser() -> argparse.ArgumentParser:
    """What can be chosen."""
    parser = argparse.ArgumentParser(prog="score_soak")
    parser.add_argument("--requests", type=int, default=500_000)
    parser.add_argument("--clients", type=int, default=4, help="five and more may be told to come back: a failure here")
    parser.add_argument("--model", choices=(BLEND, MEMBER), default=MEMBER, help="the member is the smaller")
    parser.add_argument("--json", type=Path, default=KEPT / "soak.json")
    return parser


def main(arguments: Sequence[str]) -> int:
    """0 where all was as it must be, 1 where not, 2 where the arguments make no sense."""
    chosen = parser().parse_args(arguments)
    if min(chosen.requests, chosen.clients) < 1:
        sys.stderr.write("expected at least one request and one client\n")
        return 2
    with prepared(fitted_model(chosen.model)) as bench:
        return run(chosen, bench)


@contextmanager
def prepared(model: FittedModel) -> Iterator[Bench]:
    """The model serves, in a storage account on disk: the log of a long run is larger than memory should hold."""
    with tempfile.TemporaryDirectory() as folder, Azurite(Path(folder) / "storage") as storage:
        with BlobServiceClient.from_connection_string(storage.connection_string) as service:
            model.serve(Registry(AzureBlobs(service)))
        yield Bench(model, Path(folder), storage)


def run(chosen: argparse.Namespace, bench: Bench) -> int:
    """Send all, print and write what came. 0 or 1."""
    began = time.perf_counter()
    with BlobServiceClient.from_connection_string(bench.storage.connection_string) as service:
        blobs = AzureBlobs(service)
        versions = bench.model.version.version, _twin(bench.model, blobs)
        try:
            with cauce(_Logging(bench.model, bench.folder, bench.storage)) as server:
                mix = Mix(bench.model, server.path, server.headers, versions).asked()
                soaked = _soak(chosen, bench, server, mix, Champions(blobs, versions))
                bench.progress("stopping the host")
        except (Closed, OSError) as error:
            bench.progress.clear()
            sys.stderr.write(f"the soak broke off after {time.perf_counter() - began:.0f} s: {error}\n")
            return 1
        bench.progress("counting the prediction log")
        logged = count(blobs)
    bench.progress.clear()
    found = figures(soaked, logged)
    show(Console(width=120), soaked, logged, found)
    write(chosen, soaked, logged, found)
    return 0 if all(figure.met for figure in found) else 1


class _Logging(Bench):
    """Every row is written down, whatever this machine's settings say, and champion.json is followed closely."""

    @property
    def settings(self) -> dict[str, str]:
        return {**super().settings, "PREDICTION_LOG_SAMPLE": "1", "MODEL_REFRESH_SECONDS": REFRESH_SECONDS}


def _twin(model: FittedModel, blobs: AzureBlobs) -> str:
    """Store the same version under another name, and give that."""
    version = model.version
    twin = msgspec.structs.replace(version, version=version.version.rpartition("-")[0] + TWIN)
    Registry(blobs).register(twin, {file: (model.folder / file).read_bytes() for file in twin.files})
    return twin.version


class Champions:
    """Moves champion.json from one version to the next.

    It never names the version before, which therefore is forgotten, and read anew when its turn comes.
    """

    def __init__(self, blobs: AzureBlobs, versions: Sequence[str]) -> None:
        self._blobs = blobs
        self._turns = cycle([*versions[1:], versions[0]])
        self._due = time.monotonic() + MOVE_SECONDS
        self.moves = 0

    def move_if_due(self) -> None:
        """Every few seconds."""
        if time.monotonic() < self._due:
            return
        self._due += MOVE_SECONDS
        champion = Champion(next(self._turns), previous=None, since=names.stamp(datetime.now(UTC)))
        self._blobs.write(names.champion(MODEL), to_json(champion))
        self.moves += 1


@dataclass
class Tally:
    """What one client was answered."""

    times: dict[str, array[float]] = field(default_factory=dict)
    """Seconds, by kind of request."""
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By kind."""
    rows: Counter[str] = field(default_factory=Counter)
    """Answered with 200, by kind."""
    done: int = 0
    wrong: list[str] = field(default_factory=list)
    """The first answers that were not what they must be."""
    wrongs: int = 0

    def add(self, asked: Asked, seconds: float, status: int, body: bytes) -> None:
        """One answer."""
        self.done += 1
        self.times.setdefault(asked.kind, array("d")).append(seconds)
        self.statuses[asked.kind, status] += 1
        if status == 200:
            self.rows[asked.kind] += asked.rows
        if status != asked.status:
            self.wrongs += 1
            if len(self.wrong) < MOST_EXAMPLES:
                told = body[:300].decode(errors="replace")
                self.wrong.append(f"{asked.kind}: expected {asked.status}, got {status}: {told}")


def ask(port: int, mix: Sequence[Asked], numbers: Iterator[int], stop: threading.Event, tally: Tally) -> None:
    """One client: send what ``numbers`` name, which other clients take from as well. Raises Closed, OSError."""
    with KeepAlive(port, SILENT_SECONDS) as connection:
        for number in numbers:
            asked = mix[number % len(mix)]
            began = time.perf_counter()
            status, body = connection.ask(asked.request)
            tally.add(asked, time.perf_counter() - began, status, body)
            if stop.is_set():
                return


def _soak(
    chosen: argparse.Namespace, bench: Bench, server: Server, mix: Sequence[Asked], champions: Champions
) -> Soaked:
    """All requests, the host's memory meanwhile, and champion.json on the move. Raises Closed, OSError."""
    tallies = [Tally() for _ in range(chosen.clients)]
    stop, numbers = threading.Event(), iter(range(chosen.requests))
    samples = [Sample(0.0, 0, resident_megabytes(server.pid))]
    began = time.perf_counter()
    with ThreadPoolExecutor(chosen.clients) as pool:
        clients = [pool.submit(ask, server.port, mix, numbers, stop, tally) for tally in tallies]
        try:
            while wait(clients, SAMPLE_SECONDS, FIRST_EXCEPTION).not_done:
                if any(client.done() and client.exception() for client in clients):
                    break
                champions.move_if_due()
                samples.append(_sample(server, tallies, began))
                _tell(bench, samples, chosen.requests)
        finally:
            stop.set()
        for client in clients:
            client.result()
    seconds = time.perf_counter() - began
    samples.append(_sample(server, tallies, began))
    return _added_up(tallies, seconds, samples, champions.moves)


def _sample(server: Server, tallies: Sequence[Tally], began: float) -> Sample:
    done = sum(tally.done for tally in tallies)
    return Sample(time.perf_counter() - began, done, resident_megabytes(server.pid))


def resident_megabytes(pid: int) -> float:
    """VmRSS of one process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024 / 1e6


def _tell(bench: Bench, samples: Sequence[Sample], requests: int) -> None:
    """What can be seen meanwhile; in a log, a line for every tenth of the way."""
    before, now = samples[-2:]
    per_second = (now.requests - before.requests) / max(now.seconds - before.seconds, 1e-9)
    what = f"{now.requests:,} of {requests:,} requests, {per_second:,.0f}/s, {now.megabytes:.1f} MB"
    bench.progress(f"soaking, {10 * (10 * now.requests // requests)} %", what)


def _added_up(tallies: Sequence[Tally], seconds: float, samples: list[Sample], moves: int) -> Soaked:
    times: dict[str, array[float]] = {}
    for tally in tallies:
        for kind, found in tally.times.items():
            times.setdefault(kind, array("d")).extend(found)
    return Soaked(
        times=times,
        statuses=sum((tally.statuses for tally in tallies), Counter()),
        rows=sum((tally.rows for tally in tallies), Counter()),
        seconds=seconds,
        samples=samples,
        moves=moves,
        wrongs=sum(tally.wrongs for tally in tallies),
        wrong=[one for tally in tallies for one in tally.wrong][:MOST_EXAMPLES],
    )


def count(blobs: AzureBlobs) -> Logged:
    """The rows in the prediction log, and how many it says that it lacks."""
    days = sorted({info.name.split("/")[2] for info in blobs.list(f"predictions/{MODEL}/")})
    lines = lost = 0
    for day in days:
        for line in read_predictions(blobs, MODEL, day):
            if isinstance(line, Loss):
                lost += line.rows
            else:
                lines += 1
    return Logged(lines, lost)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
