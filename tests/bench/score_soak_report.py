"""What ``score_soak`` found: tables, each promise beside its measurement, and the same as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from tests.bench.score_report import Figure

if TYPE_CHECKING:
    import argparse
    from array import array
    from collections import Counter
    from collections.abc import Iterable, Sequence

    from rich.console import Console

WARM_UP_SHARE = 0.1
"""Of the requests. Memory that is taken later is memory that is never given back."""
SETTLED_SAMPLES = 5
"""Whose median is the memory after warm-up."""
MOST_MEGABYTES = 10.0
MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Sample:
    """The host at one moment."""

    seconds: float
    requests: int
    """Answered so far."""
    megabytes: float
    """Resident."""


@dataclass(frozen=True)
class Soaked:
    """What all clients were answered."""

    times: dict[str, array[float]]
    """Seconds, by kind of request."""
    statuses: Counter[tuple[str, int]]
    """By kind."""
    rows: Counter[str]
    """Answered with 200, by kind."""
    seconds: float
    samples: list[Sample]
    moves: int
    """Of champion.json."""
    wrongs: int
    """Answers whose status was not the one that the request must get."""
    wrong: list[str]
    """The first of them."""

    @property
    def requests(self) -> int:
        """All of them."""
        return self.statuses.total()


@dataclass(frozen=True)
class Logged:
    """The prediction log, in rows."""

    lines: int
    lost: int
    """That it says it lacks."""


@dataclass(frozen=True)
class Memory:
    """The host's resident memory after warm-up, in megabytes."""

    settled: float
    """As warm-up ended."""
    highest: float
    last: float
    slope: float
    """For 100,000 requests, by least squares."""


def memory(samples: Sequence[Sample]) -> Memory:
    """Of the samples of one run; the last of them has all requests."""
    warm = [one for one in samples if one.requests >= WARM_UP_SHARE * samples[-1].requests]
    found = [one.megabytes for one in warm]
    settled = statistics.median(found[:SETTLED_SAMPLES])
    requests = [one.requests for one in warm]
    slope = statistics.linear_regression(requests, found).slope * 1e5 if len(set(requests)) > 1 else 0.0
    return Memory(settled, max(found), found[-1], slope)


def figures(soaked: Soaked, logged: Logged) -> list[Figure]:
    """What must be so, and whether it is."""
    held = memory(soaked.samples)
    rose = held.highest - held.settled
    failed = sum(count for (_, status), count in soaked.statuses.items() if status >= 500)
    unstated = soaked.rows.total() - logged.lines - logged.lost
    return [
        Figure("memory above that after warm-up: MB", f"<= {MOST_MEGABYTES:g}", rose, rose <= MOST_MEGABYTES),
        Figure("answers with 5xx", "0", failed, failed == 0),
        Figure("answers other than the request must get", "0", soaked.wrongs, soaked.wrongs == 0),
        Figure("rows missing in the log, and not stated", "0", unstated, unstated == 0),
    ]


def show(console: Console, soaked: Soaked, logged: Logged, found: Sequence[Figure]) -> None:
    """Tables, then the promises."""
    console.print(_requests_table(soaked))
    console.print(_memory_table(soaked))
    answered = soaked.rows.total()
    console.print(
        f"prediction log: {answered:,} rows were answered; {logged.lines:,} lines, {logged.lost:,} rows stated as lost"
    )
    for one in soaked.wrong:
        console.print(f"wrong: {one}", markup=False)
    for figure in found:
        verdict = "met" if figure.met else "MISSED"
        console.print(f"{figure.what:48} asked {figure.asked:>9}   measured {figure.measured:9,.1f}   {verdict}")


def write(chosen: argparse.Namespace, soaked: Soaked, logged: Logged, found: Sequence[Figure]) -> None:
    """All of it, as JSON."""
    content = {
        "cores": os.process_cpu_count(),
        "python": platform.python_version(),
        "asked for": {name: str(value) for name, value in vars(chosen).items()},
        "requests": [asdict(one) for one in by_kind(soaked)],
        "seconds": soaked.seconds,
        "moves of champion.json": soaked.moves,
        "memory": asdict(memory(soaked.samples)),
        "samples": [asdict(one) for one in soaked.samples],
        "prediction log": {"answered": soaked.rows.total(), **asdict(logged)},
        "wrong": soaked.wrong,
        "asked": [asdict(figure) for figure in found],
    }
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(content, indent=1))


@dataclass(frozen=True)
class OfKind:
    """The requests of one kind, or all; times in milliseconds."""

    kind: str
    requests: int
    rows: int
    median: float
    p99: float
    per_second: float
    statuses: dict[int, int]


def by_kind(soaked: Soaked) -> list[OfKind]:
    """Each kind, then all together."""
    found = [_of("all", soaked.times.values(), soaked, dict(_by_status(soaked)), soaked.rows.total())]
    for kind in sorted(soaked.times, key=lambda kind: -len(soaked.times[kind])):
        statuses = {status: count for (of, status), count in soaked.statuses.items() if of == kind}
        found.append(_of(kind, [soaked.times[kind]], soaked, statuses, soaked.rows[kind]))
    return [*found[1:], found[0]]


def _of(kind: str, times: Iterable[array[float]], soaked: Soaked, statuses: dict[int, int], rows: int) -> OfKind:
    together = sorted(one for part in times for one in part)
    cuts = statistics.quantiles(together, n=100, method="inclusive") if len(together) > 1 else together * 99
    per_second = len(together) / soaked.seconds
    return OfKind(
        kind, len(together), rows, cuts[49] * 1000, cuts[98] * 1000, per_second, dict(sorted(statuses.items()))
    )


def _by_status(soaked: Soaked) -> dict[int, int]:
    found: dict[int, int] = {}
    for (_, status), count in soaked.statuses.items():
        found[status] = found.get(status, 0) + count
    return found


def _requests_table(soaked: Soaked) -> Table:
    title = f"{soaked.requests:,} requests in {soaked.seconds:,.0f} s, while champion.json moved {soaked.moves} times"
    table = _table(title, "requests", "rows answered", "median ms", "p99 ms", "requests/s", "statuses")
    for one in by_kind(soaked):
        statuses = "  ".join(f"{status}: {count:,}" for status, count in one.statuses.items())
        numbers = (f"{one.median:,.3f}", f"{one.p99:,.3f}", f"{one.per_second:,.1f}")
        table.add_row(one.kind, f"{one.requests:,}", f"{one.rows:,}", *numbers, statuses)
    return table


def _memory_table(soaked: Soaked) -> Table:
    held = memory(soaked.samples)
    title = f"resident memory of the host; warm-up is the first {WARM_UP_SHARE:.0%} of the requests"
    table = _table(title, "at first MB", "after warm-up MB", "highest after it", "at last", "MB per 100,000 requests")
    megabytes: list[Any] = [soaked.samples[0].megabytes, held.settled, held.highest, held.last]
    table.add_row("", *(f"{one:,.1f}" for one in megabytes), f"{held.slope:+,.2f}")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    return table
