"""What ``score_bench`` found: tables, and each promise beside its measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from tests.bench.score_fresh import FLOOR, FUNCTION, WHOLE
from tests.bench.score_in_process import GRAPH_ALONE, HANDLER
from tests.bench.score_requests import Load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from tests.bench.score_csv import Streamed
    from tests.bench.score_requests import Measured
    from tests.bench.score_start import Start

CAUCE, PEER = "cauce", "fastapi"


@dataclass(frozen=True)
class Figure:
    """What was asked for, and what was measured."""

    what: str
    asked: str
    measured: float
    met: bool


def of_requests(measured: Sequence[Measured]) -> Iterator[Figure]:
    """The promises about requests."""
    by = {(one.way, one.rows, one.clients): one for one in measured}
    one, many = by.get((CAUCE, 1, 1)), by.get((CAUCE, 1, 16))
    if one:
        yield Figure("1 row, 1 client: median ms", "<= 1.0", one.median, one.median <= 1.0)
        if peer := by.get((PEER, 1, 1)):
            share = one.median / peer.median
            yield Figure("1 row, 1 client: of FastAPI's median", "<= 0.2", share, share <= 0.2)
    if many and (peer := by.get((PEER, 1, 16))):
        times = many.per_second / peer.per_second
        yield Figure("1 row, 16 clients: times FastAPI's requests/s", ">= 8", times, times >= 8)
    if large := by.get((CAUCE, 10_000, 1)):
        yield Figure("10,000 rows in JSON: median ms", "<= 150", large.median, large.median <= 150)
    if (own := by.get((HANDLER, 1, 1))) and (graph := by.get((GRAPH_ALONE, 1, 1))):
        yield Figure("the function's own time, 1 row: us", "<= 150", own.median * 1000, own.median <= 0.15)
        beyond = (own.median - graph.median) / graph.median
        yield Figure("  beyond the graph's run, in runs", "<= 3", beyond, beyond <= 3)


def of_starts(started: Sequence[Start]) -> Iterator[Figure]:
    """The promises about a fresh process."""
    by = {one.way: one for one in started}
    if not {FLOOR, FUNCTION, WHOLE} <= set(by):
        return
    floor, whole = by[FLOOR], by[WHOLE]
    share = by[FUNCTION].imports / floor.imports
    yield Figure("import score_http: of the libraries' import", "<= 1.25", share, share <= 1.25)
    share = whole.imports / floor.imports
    yield Figure("  with all that answering loads later", "<= 1.25", share, share <= 1.25)
    if whole.answer is not None:
        yield Figure("first answer after the imports: ms", "<= 300", whole.answer, whole.answer <= 300)
    yield Figure("  resident then, with a model: MB", "<= 110", whole.megabytes, whole.megabytes <= 110)


def of_csv(streamed: Sequence[Streamed]) -> Iterator[Figure]:
    """The promises about a large CSV."""
    for one in streamed:
        if one.way == CAUCE:
            yield Figure(f"{one.rows:,} rows of CSV: s", "<= 2", one.seconds, one.seconds <= 2)
            yield Figure("  the host's peak: MB", "<= 200", one.peak_megabytes, one.peak_megabytes <= 200)
        if one.way == HANDLER:
            yield Figure("  the function's own peak: MB", "<= 200", one.peak_megabytes, one.peak_megabytes <= 200)


def show_requests(console: Console, measured: Sequence[Measured]) -> None:
    """A table for each load."""
    for load in dict.fromkeys((one.rows, one.clients) for one in measured):
        rows = [one for one in measured if (one.rows, one.clients) == load]
        own = next((one for one in rows if one.way == CAUCE), None)
        table = Table(title=str(Load(*load)), title_justify="left")
        table.add_column("")
        for name in ("median ms", "p99 ms", "requests/s", "times Cauce's median", "CPU ms/request", "MB"):
            table.add_column(name, justify="right")
        for one in rows:
            table.add_row(
                one.way,
                f"{one.median:,.3f}",
                f"{one.p99:,.3f}",
                f"{one.per_second:,.1f}",
                f"{one.median / own.median:,.2f}" if own else "",
                "" if one.cpu_milliseconds is None else f"{one.cpu_milliseconds:,.3f}",
                "" if one.megabytes is None else f"{one.megabytes:,.0f}",
            )
        console.print(table)


def show_starts(console: Console, started: Sequence[Start]) -> None:
    """One table."""
    floor = next(one for one in started if one.way == FLOOR)
    table = Table(title="a fresh process", title_justify="left")
    table.add_column("")
    for name in ("imports ms", "of the libraries'", "first answer ms", "MB", "modules"):
        table.add_column(name, justify="right")
    for one in started:
        table.add_row(
            one.way,
            f"{one.imports:,.0f}",
            f"{one.imports / floor.imports:,.2f}",
            "" if one.answer is None else f"{one.answer:,.0f}",
            f"{one.megabytes:,.0f}",
            f"{one.modules:,}",
        )
    console.print(table)


def show_csv(console: Console, streamed: Sequence[Streamed]) -> None:
    """One table."""
    table = Table(title=f"{streamed[0].rows:,} rows of CSV in one request", title_justify="left")
    table.add_column("")
    for name in ("seconds", "fastest", "request MB", "answer MB", "MB at first", "peak MB"):
        table.add_column(name, justify="right")
    for one in streamed:
        sizes = (one.request_megabytes, one.answer_megabytes, one.idle_megabytes, one.peak_megabytes)
        told = ("" if size is None else f"{size:,.1f}" for size in sizes)
        table.add_row(one.way, f"{one.seconds:.2f}", f"{one.fastest:.2f}", *told)
    console.print(table)
