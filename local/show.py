"""What the commands print, for people."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from msgspec import UnsetType
from rich.table import Table

from local.follow import console
from shared.store import names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.platform import Platform
    from shared.catalog.spec import UseCase
    from shared.store.records import Candidate, HistoryEntry, Manifest, RunRecord
    from shared.store.scorings import Scoring


def show_step(text: str) -> None:
    """A line that says what happens now."""
    console.print(f"[bold]{text}[/bold]")


def show_export(manifest: Manifest, seconds: float | None = None) -> None:
    """What an export wrote."""
    took = "" if seconds is None else f", in {seconds:.1f} s"
    size_mb = sum(part.size_bytes for part in manifest.parts) / 1e6
    console.print(
        f"  {manifest.rows:,} rows of {manifest.dataset!r}, {len(manifest.columns)} columns, {size_mb:.1f} MB in "
        f"{len(manifest.parts)} part(s), slot {manifest.slot}{took}"
    )


def show_run(record: RunRecord) -> None:
    """What a drop led to."""
    colour = {"promoted": "green", "refused": "red"}.get(record.outcome, "yellow")
    console.print(f"  [bold {colour}]{record.outcome}[/bold {colour}] after {record.seconds:.1f} s", end="")
    console.print(f": version {record.version}" if record.version else "", markup=False)
    for reason in record.reasons:
        console.print(f"  {reason}", markup=False)
    if record.rows:
        where = f": {names.quarantine(record.dataset, record.slot)}" if record.refused else ""
        console.print(f"  {record.rows:,} rows read, {record.refused:,} refused{where}", markup=False)
    for reason in record.due if record.outcome != "not due" else ():
        console.print(f"  due: {reason}", markup=False)
    for note in record.notes:
        console.print(f"  note: {note}", markup=False)
    if record.candidates:
        console.print(_candidates(record.candidates))


def show_scoring(record: Scoring, out: Path) -> None:
    """What became of a file that was dropped to be scored; ``out`` is where its answers were put."""
    colour = "green" if record.outcome == "scored" else "red"
    console.print(f"  [bold {colour}]{record.outcome}[/bold {colour}] after {record.seconds:.1f} s", end="")
    console.print(f" by version {record.version}" if record.version else "", markup=False)
    for reason in record.reasons:
        console.print(f"  {reason}", markup=False, soft_wrap=True)
    if record.rows:
        scored = record.rows - record.refused if record.result else 0
        where = f": {record.quarantine}" if record.quarantine else ""
        console.print(
            f"  {scored:,} of {record.rows:,} rows scored, {record.refused:,} refused{where}",
            markup=False,
            soft_wrap=True,
        )
    if record.quarantine:
        console.print(
            f"  read them: python -m local get {shlex.quote(record.quarantine)} refused.csv",
            markup=False,
            soft_wrap=True,
        )
    if record.warned:
        console.print(f"  {record.warned:,} answers with a warning", markup=False)
    for note in record.notes:
        console.print(f"  note: {note}", markup=False, soft_wrap=True)
    if record.result:
        console.print(f"  answers: {out} (from {record.result})", markup=False, soft_wrap=True)


def _candidates(candidates: Sequence[Candidate]) -> Table:
    table = Table(title="The blend that serves, and its members (AUC, in time order)", title_justify="left")
    for column in ("family", "settings", "rows learned from"):
        table.add_column(column)
    for column in ("weight", "older folds", "newest rows"):
        table.add_column(column, justify="right")
    for place, candidate in enumerate(candidates):
        settings = ", ".join(f"{name}={value}" for name, value in candidate.settings.items())
        holdout = (candidate.holdout or {}).get("auc", float("nan"))
        weight = "" if candidate.weight is None else f"{candidate.weight:.2f}"
        table.add_row(
            candidate.family, settings, _history(candidate), weight, f"{candidate.folds_auc:.3f}", f"{holdout:.3f}",
            style="bold" if place == 0 else "",
        )  # fmt: skip
    flattering = candidates[0].random_split_auc
    if flattering is not None:
        table.caption = f"On a random split, which flatters, its heaviest member shows {flattering:.3f}."
        table.caption_justify = "left"
    return table


def _history(candidate: Candidate) -> str:
    if candidate.half_life is not None:
        return f"all, every {candidate.half_life:,} back counting half"
    return "all" if candidate.history == "all" else f"the newest {candidate.history:,}"


def show_quality(about: dict[str, Any]) -> None:
    """How good the version that serves is."""
    metrics = about["metrics"]
    console.print(
        f"  {about['version']} serves. On the newest {about['data']['holdout_rows']:,} rows, before it saw them: "
        f"AUC {metrics['auc']:.3f}; the tenth of the rows with the highest scores holds "
        f"{metrics['lift_at_10_percent']:.1f} times as many {about['positive']!r} as the average.",
        markup=False,
    )


def show_answers(rows: Sequence[dict[str, Any]], answer: dict[str, Any]) -> None:
    """Requests and what came back, side by side."""
    table = Table(title=f"Scored over HTTP by {answer['version']}", title_justify="left")
    for column in ("customer", "known before the call", "probability", "decision"):
        table.add_column(column)
    for row, prediction in zip(rows, answer["predictions"], strict=True):
        known = ", ".join(f"{name} {row[name]}" for name in ("age", "job", "balance", "month", "poutcome"))
        table.add_row(str(row["contact_id"]), known, f"{prediction['probability']:.3f}", prediction["decision"])
    console.print(table)


def show_addresses(platform: Platform, use_case: UseCase, row: dict[str, Any]) -> None:
    """Where to go on, with lines to copy."""
    model = use_case.model.name
    header = f" -H 'x-functions-key: {platform.function_key}'" if platform.function_key else ""
    base = f"{platform.url}/api/models"
    body = json.dumps(row).replace("'", "'\\''")
    console.print("Go on with:")
    for line in (
        f"curl -s{header} {base}",
        f"curl -s{header} {base}/{model}",
        f"curl -s{header} {base}/{model}/score -d '{body}'",
        f".venv/bin/python -m local drop FILE.csv --dataset {use_case.dataset.name}",
        f".venv/bin/python -m local score FILE.csv --model {model}",
        f".venv/bin/python -m local history {model}",
        f".venv/bin/python -m local get models/{model}/history.jsonl",
    ):
        console.print(f"  {line}", markup=False, soft_wrap=True)


def show_history(model: str, entries: Sequence[HistoryEntry], serving: str | None) -> None:
    """Every promotion and rollback, and what was set beside a champion, the newest last."""
    table = Table(title=f"What served as {model!r}", title_justify="left")
    for column in ("when (UTC)", "what", "version", "who", "why"):
        table.add_column(column, no_wrap=column == "version")
    for entry in entries:
        share = "" if isinstance(entry.share, UnsetType) else f" to {entry.share:.4g}"
        table.add_row(entry.at, f"{entry.action}{share}", entry.version, entry.who, entry.why)
    console.print(table)
    console.print(f"Serving now: {serving or 'no version yet'}")


def show_running(platform: Platform, use_cases: Sequence[UseCase]) -> None:
    """The addresses of a platform that has just started."""
    show_step(f"Up at {platform.url}/api until Ctrl-C (log: .local/host.log)")
    if platform.function_key:
        console.print(f"  header for every request:  x-functions-key: {platform.function_key}", markup=False)
    console.print(f"  export now:    curl -X POST {platform.url}/admin/functions/export_timer -d '{{}}'", markup=False)
    for use_case in use_cases:
        dataset, model = use_case.dataset.name, use_case.model.name
        console.print(f"  drop a CSV:    .venv/bin/python -m local drop FILE.csv --dataset {dataset}", markup=False)
        if use_case.model.task != "forecast":
            console.print(f"  score a CSV:   .venv/bin/python -m local score FILE.csv --model {model}", markup=False)
        console.print(f"  what serves:   .venv/bin/python -m local history {model}", markup=False)
