"""What came since a version's origin, held against what it had forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.store.forecasts import OUTPUTS
from shared.store.records import Watch
from shared.training.forecast import errors
from shared.training.forecast.policy import COVERAGE, DAYS, WAPE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray

    from shared.training.forecast.series import Level, Sales

LOW, HIGH = OUTPUTS.index("low_90"), OUTPUTS.index("high_90")


def watch(
    champion: str,
    forecasts: Mapping[tuple[str, str], Mapping[date, NDArray[np.float64]]],
    sales: Sales,
    new_lines: int,
) -> Watch:
    """The error and the coverage of the finest level on the days that were forecast and are over."""
    level = sales.levels[min(1, len(sales.levels) - 1)]
    came, said = _matched(level, forecasts, sales)
    there = np.isfinite(came)
    if not there.any():
        return Watch(champion=champion, rows=new_lines)
    held = (came >= said[:, :, LOW]) & (came <= said[:, :, HIGH])
    metrics = {
        DAYS: float(there.any(axis=0).sum()),
        WAPE: errors.wape(came, said[:, :, 0]),
        "bias": errors.bias(came, said[:, :, 0]),
        COVERAGE: float(held[there].mean()),
    }
    return Watch(champion=champion, rows=new_lines, metrics=metrics)


def _matched(
    level: Level, forecasts: Mapping[tuple[str, str], Mapping[date, NDArray[np.float64]]], sales: Sales
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What came and what was said, shape (series, periods) and (series, periods, OUTPUTS): NaN where one is missing."""
    known = [
        (place, forecasts[level.name, name])
        for place, name in enumerate(level.names)
        if (level.name, name) in forecasts
    ]
    periods = sorted(
        {
            (sales.days.period_of(day), day)
            for _, by_day in known
            for day in by_day
            if 0 <= sales.days.period_of(day) < sales.days.count
        }
    )
    came = np.full((len(known), len(periods)), np.nan)
    said = np.full((len(known), len(periods), len(OUTPUTS)), np.nan)
    for row, (place, by_day) in enumerate(known):
        for column, (period, day) in enumerate(periods):
            if day in by_day:
                came[row, column], said[row, column] = level.sold[place, period], by_day[day]
    return came, said
