"""Wait for what the functions do, and show how far they are."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from shared.errors import BlobMissing, StoreUnavailable
from shared.store import names, records
from shared.store.records import Manifest, RunRecord, from_json
from shared.store.scorings import Scoring

if TYPE_CHECKING:
    from msgspec import Struct

    from local.platform import Platform

console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)

POLL_SECONDS = 0.3


class TooLate(RuntimeError):
    """Something that should have happened did not; the message says where to look."""


def wait_for_export(platform: Platform, dataset: str, seconds: float = 120) -> Manifest:
    """The first manifest under ``drops/{dataset}/``, as soon as it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for info in platform.blobs.list(f"drops/{dataset}/"):
            if info.name.endswith(".json"):
                return _read(platform, info.name, Manifest)
        time.sleep(POLL_SECONDS)
    msg = f"no manifest of {dataset!r} appeared within {seconds:g} s; the host's log says why: .local/host.log"
    raise TooLate(msg)


def follow_run(platform: Platform, dataset: str, slot: str, model: str, seconds: float = 1800) -> RunRecord:
    """Show the progress of a training until its run record is there."""
    return _follow(platform, dataset, slot, model, RunRecord, seconds)


def follow_scoring(platform: Platform, slot: str, model: str, seconds: float = 1800) -> Scoring:
    """Show how far a file that was dropped to be scored is, until its record is there."""
    return _follow(platform, names.SCORE, slot, model, Scoring, seconds)


def _follow[R: Struct](platform: Platform, dataset: str, slot: str, model: str, kind: type[R], seconds: float) -> R:
    columns = (TextColumn("  {task.description:<52}"), BarColumn(), TimeElapsedColumn())
    deadline = time.monotonic() + seconds
    with Progress(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task("waiting for the event", total=None)
        while time.monotonic() < deadline:
            record = _peek(platform, names.run_record(dataset, slot, model), kind)
            if record is not None:
                return record
            step = _peek(platform, names.run_progress(dataset, slot, model), records.Progress)
            if step is not None:
                bar.update(task, description=step.step, completed=step.done, total=step.total)
            time.sleep(POLL_SECONDS)
    msg = f"no run record of {model!r}, slot {slot}, within {seconds:g} s; the host's log says why: .local/host.log"
    raise TooLate(msg)


def _peek[R: Struct](platform: Platform, name: str, kind: type[R]) -> R | None:
    try:
        return _read(platform, name, kind)
    except (BlobMissing, StoreUnavailable):
        return None


def _read[R: Struct](platform: Platform, name: str, kind: type[R]) -> R:
    blob = platform.blobs.read(name)
    if blob is None:  # only a conditional read gives None
        raise BlobMissing(name)
    return from_json(blob.data, kind, name)
