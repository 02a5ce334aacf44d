"""From the lines that count to the sums of each level's series, with what is not a sale told apart from none.

A series begins with its first sale. After ENDED_DAYS without one it is off sale until it sells again: those days are
not zeros, and neither are days on which the whole company sold nothing for longer than it usually does.
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
from shared.training.forecast.lines import Counted, counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from numpy.typing import NDArray

    from shared.catalog.forecast import ForecastCase

ENDED_DAYS = 91
"""Without a sale for so long, a series is taken to be off sale."""
LEAST_GAP_DAYS = 4
"""Fewer days without any line are a long weekend."""
MOSTLY = 0.5
"""Of a period's lines, so that it is true."""
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
    is_number: NDArray[np.bool_]
    """Of what is known ahead, whether it is a number, or true or false; shape (features,)."""
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
    within = days.periods_of(lines.days) >= 0
    lines = Counted(lines.frame[within], lines.days[within], lines.amounts[within], lines.left_out)
    summer = _Summer(case, lines, days)
    gaps = tuple((days.date_of(first), days.date_of(last)) for first, last in _stretches(summer.gaps))
    return Sales(days, tuple(summer.levels()), tuple(case.dataset.features()), lines, gaps)


@dataclass(frozen=True)
class _Summer:
    """Sums lines by one column after another."""

    case: ForecastCase
    lines: Counted
    days: Days

    @cached_property
    def periods(self) -> NDArray[np.int64]:
        """Of each line."""
        return self.days.periods_of(self.lines.days)

    @cached_property
    def gaps(self) -> NDArray[np.bool_]:
        """Periods in a stretch without any line that is longer than such stretches usually are, shape (periods,)."""
        empty = np.bincount(self.periods, minlength=self.days.count) == 0
        found = np.zeros(self.days.count, dtype=bool)
        stretches = _stretches(empty)
        if not stretches:
            return found
        lengths = np.array([last - first + 1 for first, last in stretches])
        usual = np.quantile(np.repeat(lengths, lengths), 0.5)
        for (first, last), length in zip(stretches, lengths, strict=True):
            found[first : last + 1] = length * self.days.step >= LEAST_GAP_DAYS and length > UNUSUAL * usual
        return found

    def levels(self) -> Iterator[Level]:
        """The total, then each column's."""
        everything = np.zeros(len(self.periods), dtype=np.int64)
        yield self._level(TOTAL, (TOTAL,), self._summed(everything, 1)[[0, 0]], 0, self._nothing_ahead(2))
        for place, column in enumerate(self.case.model.by):
            yield self._by(column, finest=place == 0)

    def _by(self, column: str, *, finest: bool) -> Level:
        """The series that sold most lately, and an average of the others, or of all where there are none."""
        codes, values = pd.factorize(self.lines.frame[column], sort=True)
        recent = self.periods >= self.days.count - RANKED_DAYS // self.days.step
        size = np.bincount(codes[recent], np.abs(self.lines.amounts[recent]), len(values))
        count = min(len(values), self.case.model.most_series)
        kept = np.sort(np.argsort(-size, kind="stable")[:count])
        place = np.full(len(values), count)
        place[kept] = np.arange(count)
        rows = place[codes]
        ahead = self._ahead(rows, count + 1) if finest else self._nothing_ahead(count + 1)
        names = tuple(str(value) for value in values[kept])
        return self._level(column, names, self._summed(rows, count + 1), len(values) - count, ahead)

    def _level(
        self, name: str, names: tuple[str, ...], sold: NDArray[np.float32], rest: int, ahead: NDArray[np.float32]
    ) -> Level:
        """``sold`` has a last row, the sum of those that have no row of their own."""
        count = len(names)
        own = on_sale(sold[:count], self.days.step)
        own[:, self.gaps] = np.nan
        average = sold[count] / rest if rest else average_of(own)
        average[self.gaps] = np.nan
        calendar = self.case.model.calendar
        codes = [self.days.countries.index(calendar.countries.get(one, calendar.country)) for one in names]
        types = [column.type for column in self.case.dataset.features().values()][: ahead.shape[2]]
        return Level(
            name=name,
            names=names,
            sold=np.vstack([own, average[None]]),
            rest=rest,
            ahead=ahead,
            is_number=np.array([kind != "boolean" for kind in types], dtype=bool),
            calendars=np.array([*codes, 0], dtype=np.int64),
        )

    def _summed(self, rows: NDArray[np.int64], count: int) -> NDArray[np.float32]:
        """Shape (count, periods)."""
        until = self.days.count
        flat = np.bincount(rows * until + self.periods, self.lines.amounts, count * until)
        return flat.reshape(count, until).astype(np.float32)

    def _nothing_ahead(self, count: int) -> NDArray[np.float32]:
        return np.empty((count, self.days.count, 0), dtype=np.float32)

    def _ahead(self, rows: NDArray[np.int64], count: int) -> NDArray[np.float32]:
        """The mean of each period's lines; between, a number stays what it was, and what is true or false is false."""
        columns, shape = self.case.dataset.features(), (count, self.days.count)
        table = np.full((*shape, len(columns)), np.nan, dtype=np.float32)
        flat = rows * self.days.count + self.periods
        for place, (name, column) in enumerate(columns.items()):
            values = self.lines.frame[name].to_numpy(dtype=np.float64)
            known = ~np.isnan(values)
            lines = np.bincount(flat[known], minlength=count * self.days.count)
            summed = np.bincount(flat[known], values[known], count * self.days.count)
            mean = np.divide(summed, lines, out=np.full(len(summed), np.nan), where=lines > 0).reshape(shape)
            if column.type == "boolean":
                table[:, :, place] = np.nan_to_num(mean) >= MOSTLY
            else:
                table[:, :, place] = pd.DataFrame(mean.T).ffill().to_numpy().T
        return table


def average_of(sold: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the series that are on sale, period by period."""
    on_sale = np.isfinite(sold)
    summed = np.where(on_sale, sold, 0).sum(axis=0)
    mean: NDArray[np.float32] = (summed / np.maximum(on_sale.sum(axis=0), 1)).astype(np.float32)
    return mean


def on_sale(sold: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """With NaN before the first sale, and from ENDED_DAYS without one until the next."""
    until = sold.shape[1]
    periods = np.arange(until)
    newest = np.maximum.accumulate(np.where(sold != 0, periods, -until), axis=1)
    off = (newest < 0) | (periods - newest >= ENDED_DAYS // step)
    return np.where(off, np.float32(np.nan), sold)


def _stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The first and the last place of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]
