"""A replay of forecasts: walk through past order lines, drop by drop, and hold each forecast against what came.

Every drop goes through the code that trains in Azure, with all lines up to its day and none after it. The days until
the next drop are judged by what serves then, so that late retraining shows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from rich.table import Table as Shown

from local.follow import console
from local.memory_blobs import MemoryBlobs
from local.published import complete, read_published, to_csv
from local.replay.history import start_of_days
from shared.catalog.load import Catalog
from shared.errors import DropError
from shared.store import names
from shared.store.forecasts import OUTPUTS
from shared.store.records import Manifest, Part, to_json
from shared.store.registry import Registry
from shared.training.forecast import errors
from shared.training.forecast.series import sales_of
from shared.training.forecast.table import FORECAST_FILE, forecasts_of
from shared.training.run import train
from shared.training.table import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from local.published import Published
    from shared.catalog.forecast import ForecastCase
    from shared.store.records import RunRecord
    from shared.training.forecast.series import Level, Sales

LOW, HIGH = OUTPUTS.index("low_90"), OUTPUTS.index("high_90")
NIGHT = time(2, tzinfo=UTC)
"""Drops come in the night after the day."""


class Judged(msgspec.Struct, frozen=True):
    """The series of one level, over the days that a drop's forecast covered until the next drop."""

    level: str
    wape: float
    naive_wape: float
    """Of the same weekday of the newest week that was known."""
    coverage_90: float


class Step(msgspec.Struct, frozen=True):
    """One drop, and what came after it."""

    last_day: str
    """The newest day in the drop."""
    outcome: str
    version: str
    """That served until the next drop."""
    levels: list[Judged]
    seconds: float


class Walk(msgspec.Struct, frozen=True):
    """A replay."""

    model: str
    file: str
    every_days: int
    steps: list[Step]
    means: list[Judged]
    """Over the steps."""
    retrainings: int


@dataclass(frozen=True)
class Past:
    """All lines, and what they add up to."""

    case: ForecastCase
    published: Published
    days: list[date]
    """Of each row, in the order of time."""
    sales: Sales


def read_past(path: Path, case: ForecastCase) -> Past:
    """Read a file. Raises DropError, SettingsError."""
    published = complete(read_published(path), case.dataset)
    place = published.header.index(case.dataset.column_with("time"))
    published.rows.sort(key=lambda row: row[place])
    blobs = MemoryBlobs()
    content = to_csv(published.header, published.rows)
    blobs.write(published.name, content)
    table = read_table(
        (_manifest(case, "20000101T000000Z", content, published.name, len(published.rows)),), case.dataset, blobs
    )
    if table.frame.empty:
        msg = (
            f"{published.name}: none of its {table.rows:,} rows fits the catalog; the first: {table.refused[0].reason}"
        )
        raise DropError(msg)
    days = [date.fromisoformat(row[place][:10]) for row in published.rows]
    return Past(case, published, days, sales_of(table.frame, case, date.max))


def walk(past: Past, start: str, every: int, report: Callable[[str, int, int], None]) -> Walk:
    """Drop what was known every so many days, from ``start`` on. Raises DropError where nothing serves at first."""
    first = start_of_days(start, past.days)
    last = past.days[-1]
    cuts = [first + timedelta(days=every * number) for number in range((last - first).days // every + 1)]
    cuts = [cut for cut in cuts if cut <= last]
    blobs, steps = MemoryBlobs(), []
    for number, cut in enumerate(cuts):
        report(f"the drop of {cut}", number, len(cuts))
        record = _drop(past, cut, blobs)
        registry = Registry(blobs)
        serving = registry.champion(past.case.model.name)
        if serving is None:
            msg = f"nothing serves, so there is nothing to replay: the drop of {cut}: {'; '.join(record.reasons)}"
            raise DropError(msg)
        version = registry.version(past.case.model.name, serving.champion.version)
        told = forecasts_of(registry.file(version, FORECAST_FILE))
        until = min(cut + timedelta(days=every - 1), last)
        judged = [found for level in past.sales.levels if (found := _judged(level, past, told, cut, until))]
        steps.append(Step(str(cut - timedelta(days=1)), record.outcome, version.version, judged, record.seconds))
    made = sum(step.outcome in {"promoted", "kept"} for step in steps)
    means = [_mean(level.name, steps) for level in past.sales.levels]
    return Walk(past.case.model.name, past.published.name, every, steps, means, made)


def show(found: Walk) -> None:
    """For people."""
    drops = f"{len(found.steps)} drops, {found.every_days} days apart"
    table = Shown(title=f"{found.model}: {drops}, {found.retrainings} retrainings", title_justify="left")
    for name in ("newest day", "outcome", "serves"):
        table.add_column(name, no_wrap=True)
    for level in found.means:
        table.add_column(f"{level.level}: error (naive)", justify="right")
        table.add_column("90 % held", justify="right")
    for step in found.steps:
        by_level = {judged.level: judged for judged in step.levels}
        table.add_row(
            step.last_day, step.outcome, step.version, *_figures([by_level.get(one.level) for one in found.means])
        )
    table.add_row("mean", "", "", *_figures(found.means), style="bold")
    console.print(table)


def _figures(levels: Sequence[Judged | None]) -> Iterator[str]:
    for level in levels:
        yield "" if level is None else f"{level.wape:.3f} ({level.naive_wape:.3f})"
        yield "" if level is None else f"{level.coverage_90:.0%}"


def _drop(past: Past, cut: date, blobs: MemoryBlobs) -> RunRecord:
    """All lines of the days before ``cut``, in the night that follows them."""
    count = int(np.searchsorted(np.array(past.days, dtype="datetime64[D]"), np.datetime64(cut)))
    moment = datetime.combine(cut, NIGHT)
    slot, dataset = names.stamp(moment), past.case.dataset.name
    content = to_csv(past.published.header, past.published.rows[:count])
    part = names.part(dataset, slot, "replay", 0)
    blobs.write(part, content)
    blob = names.manifest(dataset, slot)
    blobs.write(blob, to_json(_manifest(past.case, slot, content, part, count)))
    record = train(blob, Catalog((past.case,)), blobs, lambda: moment)
    if record is None:  # a blob that is there and named as a manifest is work
        msg = f"{blob}: training found nothing to do"
        raise DropError(msg)
    return record


def _manifest(case: ForecastCase, slot: str, content: bytes, name: str, rows: int) -> Manifest:
    part = Part(name, rows, len(content), hashlib.sha256(content).hexdigest())
    columns: dict[str, str] = {column: one.type for column, one in case.dataset.used_columns().items()}
    return Manifest(case.dataset.name, slot, columns, (part,), rows, "")


def _judged(
    level: Level, past: Past, told: dict[tuple[str, str], dict[date, np.ndarray]], cut: date, until: date
) -> Judged | None:
    """What came from ``cut`` to ``until`` beside what was forecast of it; None where nothing was."""
    days = past.sales.days
    periods = range(max(0, days.period_of(cut)), min(days.count, days.period_of(until) + 1))
    known = [(row, told[level.name, name]) for row, name in enumerate(level.names) if (level.name, name) in told]
    came = np.full((len(known), len(periods)), np.nan)
    said = np.full((len(known), len(periods), len(OUTPUTS)), np.nan)
    for row, (place, by_day) in enumerate(known):
        for column, period in enumerate(periods):
            numbers = by_day.get(days.date_of(period))
            if numbers is not None:
                came[row, column], said[row, column] = level.sold[place, period], numbers
    there = np.isfinite(came)
    if not there.any():
        return None
    week = level.sold[[place for place, _ in known]][:, [period - _back(period, cut, past) for period in periods]]
    held = (came >= said[:, :, LOW] - 1e-3) & (came <= said[:, :, HIGH] + 1e-3)
    naive = np.nan_to_num(week)
    open_days = there & (said[:, :, HIGH] > 0)
    coverage = float(held[open_days].mean()) if open_days.any() else 1.0
    return Judged(level.name, errors.wape(came, said[:, :, 0]), errors.wape(came, naive), coverage)


def _back(period: int, cut: date, past: Past) -> int:
    """How far back the newest same weekday lies that was known before ``cut``."""
    season = past.sales.days.season
    ahead = period - past.sales.days.period_of(cut)
    return season * (ahead // season + 1)


def _mean(level: str, steps: Sequence[Step]) -> Judged:
    found = [judged for step in steps for judged in step.levels if judged.level == level]
    figures = [float(np.mean([getattr(one, name) for one in found])) for name in ("wape", "naive_wape", "coverage_90")]
    return Judged(level, *figures)
