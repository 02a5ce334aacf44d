"""From the lines that count to the sums of each level's series, with what is not a sale told apart from none.

A series begins with its first sale. After ENDED days without one it is off sale until it sells again: those days are not
zeros, and neither are days on which the whole company sold nothing for longer than it usually does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shared.catalog.forecast import TOTAL
from shared.errors import DropError
from shared.training.forecast.days import Days, days_of
from shared.training.forecast.lines import counted

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from shared.catalog.forecast import ForecastCase
    from shared.training.forecast.lines import Counted

ENDED_DAYS = 91
"""Without a sale for so long, a series is taken to be off sale."""
LEAST_GAP_DAYS = 4
"""Fewer days without any line are a long weekend."""
UNUSUAL = 3
"""A gap is so many times as long as the days without lines usually last."""
RANKED_DAYS = 364
"""Of the newest so many days, the series that sold most are told apart."""


@dataclass(frozen=True)
class Level:
    """The series of one level. The last row is no series: it is an average one, for those that are not known."""

    name: str
    """``total``, or the column that the series are the values of."""
    names: tuple[str, ...]
    sold: NDArray[np.float32]
    """Shape (series + 1, periods); NaN where it was not on sale."""
    rest: int
    """How many series sell too little to have a row of their own: each counts as the average one."""
    ahead: NDArray[np.float32]
    """Shape (series + 1, periods, features): what is known ahead, carried forward; NaN before it is known."""
    calendars: NDArray[np.int64]
    """Which of ``Days.countries`` each one's calendar is, shape (series + 1,)."""

    @property
    def count(self) -> int:
        """Series with a row of their own."""
        return len(self.names)

    @cached_property
    def ended(self) -> NDArray[np.bool_]:
        """Whether each one is off sale at the end, shape (series + 1,)."""
        return np.isnan(self.sold[:, -1]) if self.sold.shape[1] else np.zeros(len(self.sold), dtype=bool)


@dataclass(frozen=True)
class Sales:
    """What was sold, by level: the total first, then as ``model.by`` says."""

    days: Days
    levels: tuple[Level, ...]
    features: tuple[str, ...]
    """The names of what is known ahead."""
    lines: Counted
    gaps: tuple[tuple[date, date], ...]
    """The first and the last day of each stretch without any line."""


def sales_of(frame: pd.DataFrame, case: ForecastCase, slot_day: date) -> Sales:
    """Sum the lines of a checked table. Raises DropError where none counts."""
    lines = counted(frame, case, slot_day)
    if not len(lines.days):
        told = ", ".join(f"{count:,} {reason}" for reason, count in lines.left_out.items())
        msg = f"no line of the drop counts, so nothing can be forecast ({told or 'it has none'}); see model.lines"
        raise DropError(msg)
    days = days_of(lines.days, case.model)
    periods = days.periods_of(lines.days)
    within = periods >= 0
    lines = type(lines)(lines.frame[within], lines.days[within], lines.amounts[within], lines.left_out)
    periods = periods[within]
    gaps = _gaps(periods, days)
    total = _summed(np.zeros(len(periods), dtype=np.int64), periods, lines.amounts, 1, days.count)
    levels = [_level(TOTAL, (TOTAL,), total, 0, gaps, None, days, case)]
    features = tuple(case.dataset.features())
    for place, column in enumerate(case.model.by):
        levels.append(_by(column, lines, periods, days, gaps, case, features if place == 0 else ()))
    told_gaps = tuple((days.date(first), days.date(last)) for first, last in _stretches(gaps))
    return Sales(days, tuple(levels), features, lines, told_gaps)


def _by(
    column: str,
    lines: Counted,
    periods: NDArray[np.int64],
    days: Days,
    gaps: NDArray[np.bool_],
    case: ForecastCase,
    features: tuple[str, ...],
) -> Level:
    """The series that sold most lately, and an average of the others, or of all where there are none."""
    codes, values = pd.factorize(lines.frame[column], sort=True)
    recent = periods >= days.count - RANKED_DAYS // days.step
    size = np.bincount(codes[recent], np.abs(lines.amounts[recent]), len(values))
    order = np.argsort(-size, kind="stable")
    count = min(len(values), case.model.most_series)
    kept = np.sort(order[:count])
    place = np.full(len(values), count)
    place[kept] = np.arange(count)
    sold = _summed(place[codes], periods, lines.amounts, count + 1, days.count)
    names = tuple(str(value) for value in values[kept])
    rest = len(values) - count
    ahead = _ahead(lines.frame, place[codes], periods, case, features, (count + 1, days.count))
    return _level(column, names, sold, rest, gaps, ahead, days, case)


def _level(
    name: str,
    names: tuple[str, ...],
    sold: NDArray[np.float32],
    rest: int,
    gaps: NDArray[np.bool_],
    ahead: NDArray[np.float32] | None,
    days: Days,
    case: ForecastCase,
) -> Level:
    count = len(names)
    if name == TOTAL:
        sold = np.vstack([sold, sold])
    own = _on_sale(sold[:count], days.step)
    own[:, gaps] = np.nan
    average = sold[count] / rest if rest else _mean_of(own)
    average[gaps] = np.nan
    countries = case.model.calendar.countries
    codes = [days.countries.index(countries.get(one, case.model.calendar.country)) for one in names]
    if ahead is None:
        ahead = np.empty((count + 1, days.count, 0), dtype=np.float32)
    return Level(name, names, np.vstack([own, average[None]]), rest, ahead, np.array([*codes, 0], dtype=np.int64))


def _mean_of(sold: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the series that are on sale, period by period."""
    on_sale = np.isfinite(sold)
    summed = np.where(on_sale, sold, 0).sum(axis=0)
    mean: NDArray[np.float32] = (summed / np.maximum(on_sale.sum(axis=0), 1)).astype(np.float32)
    return mean


def _summed(
    rows: NDArray[np.int64], periods: NDArray[np.int64], amounts: NDArray[np.float64], count: int, until: int
) -> NDArray[np.float32]:
    """Shape (count, until)."""
    flat = np.bincount(rows * until + periods, amounts, count * until)
    return flat.reshape(count, until).astype(np.float32)


def _on_sale(sold: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """With NaN before the first sale, and from ENDED_DAYS without one until the next."""
    until = sold.shape[1]
    periods = np.arange(until)
    newest = np.maximum.accumulate(np.where(sold != 0, periods, -until), axis=1)
    off = (newest < 0) | (periods - newest >= ENDED_DAYS // step)
    return np.where(off, np.float32(np.nan), sold)


def _gaps(periods: NDArray[np.int64], days: Days) -> NDArray[np.bool_]:
    """Periods in a stretch without any line that is longer than such stretches usually are, shape (periods,)."""
    empty = np.bincount(periods, minlength=days.count) == 0
    found = np.zeros(days.count, dtype=bool)
    stretches = _stretches(empty)
    if not stretches:
        return found
    lengths = np.array([last - first + 1 for first, last in stretches])
    usual = np.quantile(np.repeat(lengths, lengths), 0.5)
    for (first, last), length in zip(stretches, lengths, strict=True):
        found[first : last + 1] = length * days.step >= LEAST_GAP_DAYS and length > UNUSUAL * usual
    return found


def _stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The first and the last place of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]


def _ahead(
    frame: pd.DataFrame,
    rows: NDArray[np.int64],
    periods: NDArray[np.int64],
    case: ForecastCase,
    features: tuple[str, ...],
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """The mean of each period's lines; a number stays what it last was, and what is true or false is false between."""
    table = np.full((*shape, len(features)), np.nan, dtype=np.float32)
    flat = rows * shape[1] + periods
    for place, name in enumerate(features):
        values = frame[name].to_numpy(dtype=np.float64)
        known = ~np.isnan(values)
        lines = np.bincount(flat[known], minlength=shape[0] * shape[1])
        summed = np.bincount(flat[known], values[known], shape[0] * shape[1])
        mean = np.divide(summed, lines, out=np.full(len(summed), np.nan), where=lines > 0).reshape(shape)
        if case.dataset.columns[name].type == "boolean":
            table[:, :, place] = np.nan_to_num(mean) >= 0.5  # noqa: PLR2004 - so of most lines
        else:
            table[:, :, place] = pd.DataFrame(mean.T).ffill().to_numpy().T
    return table
