"""The forecast as a table for people: every series and day, with its intervals."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from shared.csv_format import csv_rows, read_csv
from shared.errors import VersionError
from shared.store.forecasts import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shared.training.forecast.solution import Solution

FORECAST_FILE = "forecast.csv"
HEADER = ("level", "series", "date", *OUTPUTS)
DIGITS = 4
REST = "(each other)"
"""The series that stands for each of those without a forecast of their own."""


def written(solution: Solution) -> bytes:
    """All levels, as CSV."""
    world = solution.world
    dates = [world.sales.days.date_of(world.sales.days.count + ahead) for ahead in range(world.horizon)]
    parts = [csv_rows([HEADER])]
    for rolled, said, intervals in zip(world.levels, solution.said, solution.intervals, strict=True):
        level = rolled.level
        numbers = np.concatenate([said[:, :, None], intervals], axis=2).round(DIGITS)
        names = [*level.names, *([REST] if level.rest else [])]
        for name, rows in zip(names, numbers, strict=False):  # the average series is not told where it is none
            parts.append(
                csv_rows([(level.name, name, day, *row) for day, row in zip(dates, rows.tolist(), strict=True)])
            )
    return b"".join(parts)


def after(data: bytes, day: date) -> bytes:
    """The lines of a table that are of days after ``day``. Raises VersionError."""
    header, rows = _read(data)
    kept: list[tuple[object, ...]] = []
    for level, series, text, *numbers in rows:
        of = date.fromisoformat(str(text))
        if of > day:
            kept.append((level, series, of, *(float(number or "nan") for number in numbers)))
    return csv_rows([header]) + csv_rows(kept)


def forecasts_of(data: bytes) -> dict[tuple[str, str], dict[date, NDArray[np.float64]]]:
    """By level and series, then by day: the numbers, as OUTPUTS names them. Raises VersionError."""
    found: dict[tuple[str, str], dict[date, NDArray[np.float64]]] = {}
    for level, series, day, *numbers in _read(data)[1]:
        by_day = found.setdefault((str(level), str(series)), {})
        by_day[date.fromisoformat(str(day))] = np.array(numbers, dtype=np.float64)
    return found


def _read(data: bytes) -> tuple[list[str], Iterator[list[str | None]]]:
    header, rows = read_csv([data], FORECAST_FILE)
    if tuple(header) != HEADER:
        msg = f"{FORECAST_FILE}: expected the columns {', '.join(HEADER)}, got {', '.join(header)}"
        raise VersionError(msg)
    return header, (list(fields) for _, fields in rows)
