"""How soon a fresh process can answer, and what it takes up then: Cauce's function, what it is made of, and a rival.

The files that are imported lie in the operating system's cache, as they do from the second start on.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.bench.score_fresh import FLOOR, FUNCTION, PANDAS, WHOLE
from tests.bench.score_model import MODEL, ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.score_servers import Bench

WAYS = (FLOOR, FUNCTION, WHOLE, PANDAS)


@dataclass(frozen=True)
class Start:
    """One start, or the medians of several; times in milliseconds, since the interpreter runs."""

    way: str
    imports: float
    answer: float | None
    """The first one, once all modules are imported: with building clients, reading the model, and one row."""
    megabytes: float
    """Resident, after that."""
    modules: int
    """That came."""


def measure(bench: Bench, starts: int, ways: Sequence[str] = WAYS) -> list[Start]:
    """Every way ``starts`` times, in turn.

    A start before tells which modules answering loads; these are imported before the clock of the answer begins.
    """
    job = {
        "settings": {**bench.settings, "BENCH_MODEL": str(bench.model.folder)},
        "path": f"models/{MODEL}/score",
        "row": bench.model.rows(1)[0],
    }
    bench.progress("fresh processes")
    modules = {way: _run(way, job, ())[1] for way in ways}
    runs: dict[str, list[Start]] = {way: [] for way in ways}
    for number in range(starts):
        for way in ways:
            bench.progress(f"fresh processes, {number + 1} of {starts}", way)
            runs[way].append(_run(way, job, modules[way])[0])
    return [_medians(found) for found in runs.values()]


def _medians(runs: list[Start]) -> Start:
    answers = [run.answer for run in runs if run.answer is not None]
    return replace(
        runs[0],
        imports=median(run.imports for run in runs),
        answer=median(answers) if answers else None,
        megabytes=median(run.megabytes for run in runs),
    )


def _run(way: str, job: dict[str, Any], modules: Sequence[str]) -> tuple[Start, list[str]]:
    """One start, and the modules that came."""
    command = [sys.executable, "-m", "tests.bench.score_fresh", way]
    sent = json.dumps({**job, "modules": modules}).encode()
    done = subprocess.run(command, input=sent, check=False, capture_output=True, cwd=ROOT)
    if done.returncode:
        msg = f"{way}: {done.stderr.decode()[-4000:]}"
        raise RuntimeError(msg)
    found = json.loads(done.stdout)
    loaded: list[str] = found["loaded"]
    return Start(way, found["imports"], found["answer"], found["megabytes"], len(loaded)), loaded
