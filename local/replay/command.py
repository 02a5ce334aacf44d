"""``python -m local replay``: how good would the answers have been, had Cauce been running?"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Shown

from local.chosen import local_settings, use_case_of
from local.follow import console
from local.platform import LOCAL
from shared.catalog.forecast import ForecastCase
from shared.catalog.spec import ClassificationCase
from shared.errors import SettingsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from local.replay.figures import Replay
    from local.replay.history import Block, History
    from local.replay.world import Policy, World

EVERY_ROWS, EVERY_DAYS = 250, 7
HEADINGS = ("AUC", "avg. prec.", "Brier", "log loss", "ECE", "lift 10%", "lift 50%")
"""Of the figures, in the order of ``report.FIGURES``."""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the sub-command."""
    replay = commands.add_parser("replay", help="walk through a past file: how good would the answers have been?")
    replay.add_argument("model", help="as the catalog names it")
    replay.add_argument("--csv", type=Path, required=True, metavar="FILE", help="as published: .csv, .csv.gz, .csv.xz")
    replay.add_argument(
        "--from", dest="start", default="80%", metavar="SHARE|DATE", help="the first row to answer (default: 80%%)"
    )
    replay.add_argument("--every", type=int, metavar="ROWS", help="of a block (default: 250); of a forecast: days (7)")
    replay.add_argument(
        "--policy", choices=["automatic", "every", "never", "all"], default="all",
        help="when to retrain: as the catalog says, with every block, never; or compare all three (default)",
    )  # fmt: skip
    replay.add_argument("--json", action="store_true", help="the result for programs, on stdout")
    replay.add_argument("--report", type=Path, metavar="FILE", help="HTML (default: .local/replay-MODEL.html)")
    replay.add_argument("--catalog", type=Path, metavar="DIR", help="of use cases (default: the one in use)")
    replay.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Do what the command line asks."""
    # Loading what trains takes seconds, which the other commands need not pay.
    from local.replay.history import blocks_of, read_history, start_of
    from local.replay.world import POLICIES

    use_case = _use_case(parsed)
    if not parsed.csv.is_file():
        msg = f"{parsed.csv}: no such file"
        raise SettingsError(msg)
    if isinstance(use_case, ForecastCase):
        return _forecasts(parsed, use_case)
    history = read_history(parsed.csv, use_case)
    blocks = blocks_of(history, start_of(parsed.start, history.times), _every(parsed))
    policies = POLICIES if parsed.policy == "all" else (parsed.policy,)
    with _progress(len(blocks)) as report:
        worlds, random_split = _walk(history, blocks, policies, report)
    _tell(parsed, worlds, random_split)
    return 0


def _every(parsed: argparse.Namespace) -> int:
    return EVERY_ROWS if parsed.every is None else int(parsed.every)


def _use_case(parsed: argparse.Namespace) -> ClassificationCase | ForecastCase:
    from shared.catalog.load import load_catalog

    use_case = use_case_of(parsed.model, load_catalog(parsed.catalog or local_settings().catalog_dir))
    if not isinstance(use_case, ClassificationCase | ForecastCase):
        msg = f"{parsed.model}: its task is {use_case.model.task!r}, which cannot be replayed"
        raise SettingsError(msg)
    return use_case


def _forecasts(parsed: argparse.Namespace, case: ForecastCase) -> int:
    """Order lines, drop by drop, as the catalog retrains."""
    from local.replay.forecasts import read_past, show, walk

    every = EVERY_DAYS if parsed.every is None else int(parsed.every)
    if every < 1:
        msg = f"--every: expected at least 1 day, got {every}"
        raise SettingsError(msg)
    if parsed.policy not in {"all", "automatic"} or parsed.report is not None:
        msg = (
            "a forecast is replayed as the catalog retrains, and shown here or by --json: without --policy and --report"
        )
        raise SettingsError(msg)
    with _progress(2) as report:
        found = walk(
            read_past(parsed.csv, case),
            parsed.start,
            every,
            lambda step, done, of: report(f"{step} ({done + 1} of {of})", 0),
        )
    if parsed.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        show(found)
    return 0


def _walk(
    history: History, blocks: Sequence[Block], policies: Sequence[Policy], report: Callable[[str, int], None]
) -> tuple[list[World], dict[str, float]]:
    """All worlds side by side, block by block: whatever one of them has trained the next one finds."""
    from local.replay.figures import so_far
    from local.replay.shelf import Shelf
    from local.replay.world import World
    from shared.training.shuffled import random_split_metrics

    shelf = Shelf()
    worlds = [World(policy, history, shelf) for policy in policies]
    report("first training", 0)
    for world in worlds:
        world.begin(blocks[0])
    report("random split, for comparison", 0)
    random_split = random_split_metrics(history.table, history.use_case)
    for block in blocks[1:]:
        report(so_far(worlds), block.number - 1)
        for world in worlds:
            world.live(block)
    return worlds, random_split


@contextmanager
def _progress(blocks: int) -> Iterator[Callable[[str, int], None]]:
    """Where stderr is a terminal: blocks done, the AUC so far, and the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("block"), MofNCompleteColumn())
    # The time left goes by all blocks so far: the trainings among them are few and long.
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True, highlight=False), transient=True,
        disable=not sys.stderr.isatty(), speed_estimate_period=24 * 3600,
    ) as bar:  # fmt: skip
        task = bar.add_task("reading", total=blocks - 1)

        def report(step: str, done: int) -> None:
            if done == 0:
                bar.reset(task, description=step)
            else:
                bar.update(task, description=step, completed=done)

        yield report


def _tell(parsed: argparse.Namespace, worlds: list[World], random_split: dict[str, float]) -> None:
    from local.replay.figures import Asked, of_replay
    from local.replay.report import render

    asked = Asked(model=parsed.model, file=str(parsed.csv), start=parsed.start, every=_every(parsed))
    replay = of_replay(asked, worlds, random_split)
    file = parsed.report or LOCAL / f"replay-{parsed.model}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(render(replay))
    if parsed.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(replay), indent=2).decode() + "\n")
    else:
        _show(replay)
        console.print(f"report: {file}", markup=False, soft_wrap=True)


def _show(replay: Replay) -> None:
    from local.replay.report import LABELS, shown_figures

    blocks = len(replay.policies[0].blocks)
    table = Shown(
        title=f"{replay.title}: {replay.rows:,} rows answered in {blocks} blocks, base rate {replay.base_rate:.1%}",
        title_justify="left",
    )
    table.add_column("retraining", no_wrap=True)
    for name in (*HEADINGS, "retrained", "promoted", "seconds"):
        table.add_column(name, justify="right", min_width=max(map(len, name.split())))
    for policy in replay.policies:
        figures = map(str, shown_figures(policy.figures).values())
        counts = (str(policy.retrainings), str(policy.promotions), f"{policy.seconds:.1f}")
        table.add_row(LABELS[policy.policy], *figures, *counts)
    table.add_row("random split*", *map(str, shown_figures(replay.random_split).values()), style="yellow")
    rate = replay.random_split.get("base_rate")
    of = "" if rate is None else f" Of all rows, base rate {rate:.1%}."
    table.caption = f"* flatters: it lets a model learn from the days that judge it. For comparison only.{of}"
    table.caption_justify = "left"
    console.print(table)
    if replay.refused:
        console.print(f"{replay.refused:,} rows do not fit the catalog and were left out")
