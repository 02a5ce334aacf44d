"""How fast rows are scored, beside other ways to serve the same fitted model: ``make bench-score``.

``python -m tests.bench.score_bench [--only cauce,fastapi] [--skip start,csv] [--rounds N] [--json FILE]``.
All servers run at the same time, idle but for the one that is asked; every round asks each in turn, so that whatever
else the machine does hits all of them alike; the median of the rounds counts. It ends with 0 whatever the figures say.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.storage.blob import BlobServiceClient
from rich.console import Console

from local.azurite import Azurite
from shared.store.azure_blobs import AzureBlobs
from shared.store.registry import Registry
from tests.bench import score_csv, score_requests, score_start
from tests.bench.score_model import BLEND, KEPT, MEMBER, fitted_model
from tests.bench.score_report import of_csv, of_requests, of_starts, show_csv, show_requests, show_starts
from tests.bench.score_requests import LOADS, WAYS
from tests.bench.score_servers import REQUIREMENTS, Bench

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.score_model import FittedModel
    from tests.bench.score_report import Figure
    from tests.bench.score_requests import Load

PARTS = ("start", "csv", "requests")


def parser() -> argparse.ArgumentParser:
    """What can be chosen."""
    parser = argparse.ArgumentParser(prog="score_bench")
    parser.add_argument("--only", default=",".join(WAYS), help=f"some of {','.join(WAYS)}")
    parser.add_argument("--skip", default="", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--model", choices=(BLEND, MEMBER), default=BLEND, help="the member is the smaller")
    parser.add_argument("--seconds", type=float, default=6.0, help="for each contender under each load, in all rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=7, help="fresh processes of each kind")
    parser.add_argument("--json", type=Path, default=KEPT / "score.json")
    return parser


def _unknown(chosen: argparse.Namespace) -> str:
    for given, known in ((chosen.only, WAYS), (chosen.skip, PARTS)):
        strange = set(filter(None, given.split(","))) - set(known)
        if strange:
            return f"unknown: {', '.join(sorted(strange))}; there are {', '.join(known)}"
    return ""


class Report:
    """What is printed, and written as JSON, as soon as it is known."""

    def __init__(self, console: Console, file: Path, chosen: argparse.Namespace) -> None:
        self._console = console
        self._file = file
        self._figures: list[Figure] = []
        self._content: dict[str, Any] = {
            "cores": os.process_cpu_count(),
            "python": platform.python_version(),
            "compared with": [line for line in REQUIREMENTS.read_text().splitlines() if "==" in line],
            "asked for": {name: str(value) for name, value in vars(chosen).items()},
            "load average before": os.getloadavg(),
        }

    def add(self, part: str, found: Sequence[Any]) -> None:
        """One part's measurements."""
        show, promises = PRINTED[part]
        show(self._console, found)
        self._figures += promises(found)
        self._content |= {
            part: [asdict(one) for one in found],
            "load average after": os.getloadavg(),
            "asked": [asdict(figure) for figure in self._figures],
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._content, indent=1))

    def end(self) -> None:
        """The promises, once all is measured."""
        for figure in self._figures:
            verdict = "met" if figure.met else "MISSED"
            self._console.print(
                f"{figure.what:48} asked {figure.asked:>9}   measured {figure.measured:9.3f}   {verdict}"
            )
        self._console.print(f"written to {self._file}")


PRINTED: dict[str, Any] = {
    "requests": (show_requests, of_requests),
    "start": (show_starts, of_starts),
    "csv": (show_csv, of_csv),
}


def main(arguments: Sequence[str]) -> int:
    """0, or 2 where the arguments make no sense."""
    chosen = parser().parse_args(arguments)
    if complaint := _unknown(chosen):
        sys.stderr.write(f"{complaint}\n")
        return 2
    with prepared(fitted_model(chosen.model)) as bench:
        run(chosen, bench)
    return 0


@contextmanager
def prepared(model: FittedModel) -> Iterator[Bench]:
    """The model serves, in a storage account that ends with the bench."""
    with tempfile.TemporaryDirectory() as folder, Azurite() as storage:
        with BlobServiceClient.from_connection_string(storage.connection_string) as service:
            model.serve(Registry(AzureBlobs(service)))
        yield Bench(model, Path(folder), storage)


def run(chosen: argparse.Namespace, bench: Bench, loads: Sequence[Load] = LOADS) -> None:
    """All parts that were not skipped. Raises WrongAnswer."""
    ways = chosen.only.split(",")
    streaming = [way for way in score_csv.WAYS if way in ways]
    measures = {
        "start": lambda: score_start.measure(bench, chosen.starts),
        "csv": lambda: score_csv.measure(bench, streaming, chosen.rounds),
        "requests": lambda: score_requests.measure(bench, ways, loads, chosen.seconds, chosen.rounds),
    }
    report = Report(Console(width=120), chosen.json, chosen)
    for part in PARTS:
        if part not in chosen.skip.split(","):
            found = measures[part]()
            bench.progress.clear()
            report.add(part, found)
    report.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
