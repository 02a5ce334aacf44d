"""How fast the export is, and how much memory it takes, beside pandas and beside reading alone: ``make bench-export``.

``python -m tests.bench.export_bench [--rows N] [--large N] [--rounds N] [--json FILE]``. A private PostgreSQL and
Azurite on disk; every run in a fresh process, the ways in turn, the best of all rounds counts. Other work on the
machine makes all of them slower: the ratios are what to look at. It ends with 0 whatever the figures say.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from local.azurite import Azurite
from shared.store.azure_blobs import connect
from tests.bench.contenders import BARE, ONE_RANGE, PANDAS, TWO_RANGES, WAYS, Job, Outcome
from tests.bench.sales import check, fill
from tests.bench.watching import watch
from tests.postgres import PostgreSQL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
MEGABYTE = 1_000_000
TIMES_PANDAS = {TWO_RANGES: 2.0, ONE_RANGE: 1.25}
MOST_MEGABYTES = 120.0


@dataclass(frozen=True)
class Run:
    """One way, once; memory in megabytes of a million bytes."""

    way: str
    rows: int
    seconds: float
    cpu_seconds: float
    own_megabytes: float
    all_megabytes: float
    """Of the process and its children, what they share counted once."""
    all_megabytes_simply: float
    """What they share counted in each."""

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds


@dataclass(frozen=True)
class Figure:
    """What was asked for, and what was measured."""

    what: str
    asked: str
    measured: float
    met: bool

    def __str__(self) -> str:
        return (
            f"{self.what:44} asked {self.asked:>9}   measured {self.measured:7.2f}   {'met' if self.met else 'MISSED'}"
        )


class WrongRows(Exception):
    """What lies in storage is not what the table holds."""


@dataclass(frozen=True)
class Table:
    """A filled table, and what must come of it."""

    sql: str
    expected: tuple[int, int]
    """Rows and checksum."""

    def run(self, way: str, *, checked: bool) -> Run:
        """One way in a process of its own, into a store of its own. Raises WrongRows."""
        with tempfile.TemporaryDirectory() as folder, Azurite(Path(folder)) as azurite:
            job = msgspec.json.encode(Job(self.sql, azurite.connection_string))
            watched = watch([sys.executable, "-m", "tests.bench.contenders", way], job, ROOT)
            outcome = msgspec.json.decode(watched.output, type=Outcome)
            found = (outcome.rows, self.expected[1])
            if checked and outcome.blobs:
                found = check(connect(azurite.connection_string, None, None, patient=True), outcome.blobs)
        if found != self.expected:
            msg = f"{way}: {found[0]:,} rows, checksum {found[1]}; expected {self.expected[0]:,}, {self.expected[1]}"
            raise WrongRows(msg)
        megabytes = (size / MEGABYTE for size in (watched.own_peak, watched.peak, watched.simple_peak))
        return Run(way, outcome.rows, outcome.seconds, outcome.cpu_seconds, *megabytes)


def rounds(table: Table, ways: Sequence[str], times: int) -> Iterator[Run]:
    """All ways in turn, and again; the first round also looks at every row that arrived."""
    for number in range(times):
        for way in ways:
            run = table.run(way, checked=number == 0)
            print(f"  round {number + 1}: {way}: {run.seconds:.2f} s, {run.all_megabytes:.0f} MB", flush=True)
            yield run


def best(runs: Sequence[Run]) -> list[Run]:
    """Of each way the fastest, with the most memory that any of its runs took."""
    ways = {run.way: [other for other in runs if other.way == run.way] for run in runs}
    chosen = []
    for same in ways.values():
        fastest = min(same, key=lambda run: run.seconds)
        most = {name: max(getattr(run, name) for run in same) for name in asdict(fastest) if "megabytes" in name}
        chosen.append(Run(**{**asdict(fastest), **most}))
    return chosen


def figures(small: Sequence[Run], large: Sequence[Run]) -> list[Figure]:
    """The promises, each beside its measurement."""
    by_way = {run.way: run for run in small}
    peer = min(by_way[way].seconds for way in PANDAS)
    found = []
    for way, times in TIMES_PANDAS.items():
        measured = peer / by_way[way].seconds
        found.append(Figure(f"{way}: times as fast as pandas", f">= {times:.2f}", measured, measured >= times))
    for run in (*(by_way[way] for way in (ONE_RANGE, TWO_RANGES)), *large):
        met = run.all_megabytes < MOST_MEGABYTES
        what = f"{run.way}: MB for {run.rows:,} rows"
        found.append(Figure(what, f"< {MOST_MEGABYTES:.0f}", run.all_megabytes, met))
    return found


def table_of(runs: Sequence[Run]) -> str:
    """For a person, and for docs/export.md."""
    peer = min((run for run in runs if run.way in PANDAS), key=lambda run: run.seconds)
    lines = [
        "| way | rows | seconds | rows/s | times pandas | CPU seconds | MB, own process | MB, with children |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for run in runs:
        times = f"{peer.seconds / run.seconds:.2f}" if run.rows == peer.rows else ""
        lines.append(
            f"| {run.way} | {run.rows:,} | {run.seconds:.2f} | {run.rows_per_second:,.0f} | {times} "
            f"| {run.cpu_seconds:.2f} | {run.own_megabytes:.0f} | {run.all_megabytes:.0f} |"
        )
    return "\n".join(lines)


def measure(server: PostgreSQL, rows: int, ways: Sequence[str], times: int) -> list[Run]:
    """The best runs over a new table."""
    with server.new_database() as sql:
        print(f"{rows:,} rows:", flush=True)
        table = Table(sql, fill(sql, rows))
        return best(list(rounds(table, ways, times)))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="export_bench")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--large", type=int, default=4_000_000, help="rows of a larger table, for memory alone; 0: none"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    with PostgreSQL() as server:
        small = measure(server, chosen.rows, list(WAYS), chosen.rounds)
        large = measure(server, chosen.large, [ONE_RANGE, TWO_RANGES], 1) if chosen.large else []
    asked = figures(small, large)
    print("", table_of([*small, *large]), "", *asked, "", sep="\n")
    print(f"{os.cpu_count()} cores; the floor is {BARE!r}: with one connection no export can be faster.")
    if chosen.json:
        report = {"cores": os.cpu_count(), "runs": [asdict(run) for run in (*small, *large)]}
        chosen.json.write_text(json.dumps({**report, "asked": [asdict(figure) for figure in asked]}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
