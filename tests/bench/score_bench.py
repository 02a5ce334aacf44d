"""How fast rows are scored, beside other ways to serve the same fitted model: ``make bench-score``.

``python -m tests.bench.score_bench [--only cauce,fastapi] [--skip start,csv] [--rounds N] [--json FILE]``.
All servers run at the same time, idle but for the one that is asked; every round asks each in turn, so that whatever
else the machine does hits all of them alike; the median of the rounds counts. It ends with 0 whatever the figures say.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.storage.blob import BlobServiceClient
from rich.console import Console

from local.azurite import Azurite
from shared.store.azure_blobs import AzureBlobs
from shared.store.registry import Registry
from tests.bench import score_csv, score_requests, score_start
from tests.bench.score_model import fitted_model
from tests.bench.score_report import of_csv, of_requests, of_starts, show_csv, show_requests, show_starts
from tests.bench.score_requests import LOADS, WAYS
from tests.bench.score_servers import Bench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.score_report import Figure

PARTS = ("requests", "start", "csv")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="score_bench")
    parser.add_argument("--only", default=",".join(WAYS), help=f"some of {','.join(WAYS)}")
    parser.add_argument("--skip", default="", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--seconds", type=float, default=6.0, help="for each contender under each load, in all rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=7, help="fresh processes of each kind")
    parser.add_argument("--json", type=Path)
    return parser


def _unknown(chosen: argparse.Namespace) -> str:
    for given, known in ((chosen.only, WAYS), (chosen.skip, PARTS)):
        strange = set(filter(None, given.split(","))) - set(known)
        if strange:
            return f"unknown: {', '.join(sorted(strange))}; there are {', '.join(known)}"
    return ""


class Report:
    """What is printed at once, and written as JSON in the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._figures: list[Figure] = []
        self.content: dict[str, Any] = {"cores": os.cpu_count(), "load average before": os.getloadavg()}

    def add(self, part: str, found: Sequence[Any]) -> None:
        """One part's measurements."""
        show, promises = PRINTED[part]
        show(self._console, found)
        self._figures += promises(found)
        self.content[part] = [asdict(one) for one in found]

    def end(self) -> None:
        """The promises, once all is measured."""
        asked = [asdict(figure) for figure in self._figures]
        self.content |= {"load average after": os.getloadavg(), "asked": asked}
        for figure in self._figures:
            verdict = "met" if figure.met else "MISSED"
            self._console.print(
                f"{figure.what:48} asked {figure.asked:>9}   measured {figure.measured:9.3f}   {verdict}"
            )


PRINTED: dict[str, Any] = {
    "requests": (show_requests, of_requests),
    "start": (show_starts, of_starts),
    "csv": (show_csv, of_csv),
}


def main(arguments: Sequence[str]) -> int:
    """0, or 2 where the arguments make no sense."""
    chosen = _parser().parse_args(arguments)
    if complaint := _unknown(chosen):
        sys.stderr.write(f"{complaint}\n")
        return 2
    ways, parts = chosen.only.split(","), [part for part in PARTS if part not in chosen.skip.split(",")]
    report, model = Report(Console(width=120)), fitted_model()
    with tempfile.TemporaryDirectory() as folder, Azurite() as storage:
        with BlobServiceClient.from_connection_string(storage.connection_string) as service:
            model.serve(Registry(AzureBlobs(service)))
        bench = Bench(model, Path(folder), storage)
        if "start" in parts:
            report.add("start", score_start.measure(bench, chosen.starts))
        if "csv" in parts:
            report.add("csv", score_csv.measure(bench, [way for way in score_csv.WAYS if way in ways], chosen.rounds))
        if "requests" in parts:
            report.add("requests", score_requests.measure(bench, ways, LOADS, chosen.seconds, chosen.rounds))
    report.end()
    if chosen.json:
        chosen.json.write_text(json.dumps(report.content, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
