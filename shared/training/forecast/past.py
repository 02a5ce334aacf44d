"""What was known on the evening before a forecast: one code for the origins that models learn from and the last one.

All numbers are in units of the series' own recent mean, its ``scale``: so one model serves series of every size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.training.forecast.days import Days

LARGEST_SALES = 5.0
"""A period counts for at most so many times the mean of those with a sale: one bulk order says little of the next."""
WINDOWS = (1, 2, 4, 8, 16)
"""Weeks (of a forecast by weeks: periods) whose means are features."""
SCALE_WEEKS = 8
PHASE_WEEKS = (2, 4, 8, 16)
"""So many of the same weekdays, whose means are features."""
MEDIAN_WEEKS = (8, 16)
RARELY = 0.02
"""The least scale: of a series that sells once in so many periods."""
AROUND_DAYS = 7
"""Before and after the same day of last year: what is taken to be the season."""


@dataclass(frozen=True)
class Seen:
    """Some series at one origin."""

    scale: NDArray[np.float32]
    """Shape (series,)."""
    still: NDArray[np.float32]
    """What is alike for the whole horizon, shape (series, STILL)."""
    moving: NDArray[np.float32]
    """What differs from period to period, shape (series, horizon, MOVING)."""


class Past:
    """The series up to ``end``, with bulk orders cut down to size by what was known then."""

    def __init__(self, sold: NDArray[np.float32], days: Days) -> None:
        """``sold`` has shape (series, end)."""
        self.days, self.end, self._sold = days, sold.shape[1], sold
        self.on_sale = np.isfinite(sold)
        positive = self.on_sale & (np.nan_to_num(sold) > 0)
        with_sales = positive.sum(axis=1)
        self.size = np.where(positive, sold, 0).sum(axis=1, dtype=np.float64) / np.maximum(with_sales, 1)
        """The mean of the periods with a sale, shape (series,)."""
        most = np.where(with_sales > 0, LARGEST_SALES * self.size, np.inf)[:, None]
        self.cut = np.where(self.on_sale, np.minimum(sold, most), 0).astype(np.float32)
        self._sum, self._there = _cumulated(self.cut, np.float64), _cumulated(self.on_sale, np.int32)
        self._positive = _cumulated(positive, np.int32)
        self._all = np.concatenate([[0.0], np.cumsum(self.cut.sum(axis=0, dtype=np.float64))])

    def mean(self, rows: NDArray[np.intp], start: int, end: int) -> NDArray[np.float64]:
        """Of the periods on sale from ``start`` to before ``end``, NaN where there are none; shape (rows,)."""
        start, end = max(start, 0), max(end, 0)
        there = self._there[rows, end] - self._there[rows, start]
        summed = self._sum[rows, end] - self._sum[rows, start]
        found: NDArray[np.float64] = np.divide(summed, there, out=np.full(len(rows), np.nan), where=there > 0)
        return found

    def scale(self, rows: NDArray[np.intp], origin: int) -> NDArray[np.float64]:
        """Of each series at an origin, shape (rows,)."""
        recent = np.nan_to_num(self.mean(rows, origin - SCALE_WEEKS * self.days.season, origin))
        least = np.where(self.size[rows] > 0, RARELY * self.size[rows], 1.0)
        return np.maximum(recent, least)

    def same_weekdays(self, rows: NDArray[np.intp], origin: int, weeks: int) -> NDArray[np.float32]:
        """The newest weeks before an origin, NaN where not on sale; shape (rows, weeks, season)."""
        season = self.days.season
        start = origin - weeks * season
        lacking = max(0, -start)
        values = np.where(
            self.on_sale[rows, start + lacking : origin], self.cut[rows, start + lacking : origin], np.nan
        )
        padded = np.pad(values, ((0, 0), (lacking, 0)), constant_values=np.nan)
        return padded.reshape(len(rows), weeks, season).astype(np.float32)

    def newest_week(self, rows: NDArray[np.intp], origin: int) -> NDArray[np.float32]:
        """As it was sold, bulk orders and all: what a naive forecast repeats. Shape (rows, season)."""
        start = max(0, origin - self.days.season)
        return np.pad(self._sold[rows, start:origin], ((0, 0), (self.days.season - origin + start, 0)))

    def seen(self, rows: NDArray[np.intp], origin: int, horizon: int) -> Seen:
        """The features of some series at an origin, which is the first period that is not known."""
        scale = self.scale(rows, origin)
        still = [self.mean(rows, origin - weeks * self.days.season, origin) / scale for weeks in WINDOWS]
        still.append(self.mean(rows, origin - self.days.year, origin) / scale)
        still += self._habits(rows, origin, scale)
        still.append(self._year_on_year(rows, origin))
        moving = [self._repeated(one, horizon) / scale[:, None] for one in self._weekdays(rows, origin)]
        moving += [self._last_year(rows, origin, horizon) / scale[:, None], self._season(len(rows), origin, horizon)]
        return Seen(
            scale.astype(np.float32),
            np.stack(still, axis=1).astype(np.float32),
            np.stack(moving, axis=2).astype(np.float32),
        )

    def _habits(self, rows: NDArray[np.intp], origin: int, scale: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """How often, how long ago, how much at once, how evenly it sells."""
        season = self.days.season
        found = []
        for weeks in (4, 16):
            start = max(0, origin - weeks * season)
            there = self._there[rows, origin] - self._there[rows, start]
            sold = self._positive[rows, origin] - self._positive[rows, start]
            found.append(np.divide(sold, there, out=np.full(len(rows), np.nan), where=there > 0))
        start = max(0, origin - 16 * season)
        newest = self.cut[rows, start:origin]
        ago = np.argmax(newest[:, ::-1] > 0, axis=1).astype(np.float64)
        found.append(np.where((newest > 0).any(axis=1), ago, origin - start))
        summed = self._sum[rows, origin] - self._sum[rows, start]
        found.append(summed / np.maximum(self._positive[rows, origin] - self._positive[rows, start], 1) / scale)
        found.append(self.cut[rows, max(0, origin - SCALE_WEEKS * season) : origin].std(axis=1) / scale)
        found.append(np.log(scale))
        return found

    def _weekdays(self, rows: NDArray[np.intp], origin: int) -> list[NDArray[np.float64]]:
        """Means and medians of the same weekdays, each of shape (rows, season)."""
        longest = self.same_weekdays(rows, origin, max(*PHASE_WEEKS, *MEDIAN_WEEKS))
        found = [mean_of(longest[:, -weeks:]) for weeks in PHASE_WEEKS]
        return found + [median_of(longest[:, -weeks:]) for weeks in MEDIAN_WEEKS]

    def _repeated(self, weekdays: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
        """From one week to the whole horizon, which begins on the same weekday."""
        return weekdays[:, np.arange(horizon) % self.days.season]

    def _year_on_year(self, rows: NDArray[np.intp], origin: int) -> NDArray[np.float64]:
        weeks, year = SCALE_WEEKS * self.days.season, self.days.year
        now, then = self.mean(rows, origin - weeks, origin), self.mean(rows, origin - year - weeks, origin - year)
        little = 0.1 * self.size[rows] + 1e-9
        found: NDArray[np.float64] = np.log((now + little) / (then + little))
        return found

    def _last_year(self, rows: NDArray[np.intp], origin: int, horizon: int) -> NDArray[np.float64]:
        """The mean around the same weekday of last year, shape (rows, horizon)."""
        around = -(-AROUND_DAYS // self.days.step)
        found = np.full((len(rows), horizon), np.nan)
        for ahead in range(horizon):
            middle = origin + ahead - self.days.year
            if middle - around >= 0:
                found[:, ahead] = self.mean(rows, middle - around, min(middle + around + 1, origin))
        return found

    def _season(self, rows: int, origin: int, horizon: int) -> NDArray[np.float64]:
        """Of all series together: last year around each period, beside the weeks before it; shape (rows, horizon)."""
        around, year, weeks = -(-AROUND_DAYS // self.days.step), self.days.year, 4 * self.days.season
        found = np.full(horizon, np.nan)
        if origin - year - weeks >= 0:
            before = (self._all[origin - year] - self._all[origin - year - weeks]) / weeks
            for ahead in range(horizon):
                start = origin + ahead - year - around
                end = min(origin + ahead - year + around + 1, origin)
                found[ahead] = (self._all[end] - self._all[start]) / (end - start) / max(before, 1e-9)
        return np.broadcast_to(found, (rows, horizon))


def mean_of(weeks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Over the second axis, NaN where there is nothing."""
    there = np.isfinite(weeks)
    count = there.sum(axis=1)
    summed = np.where(there, weeks, 0).sum(axis=1, dtype=np.float64)
    found: NDArray[np.float64] = np.divide(summed, count, out=np.full(count.shape, np.nan), where=count > 0)
    return found


def median_of(weeks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Likewise, the median; numpy's own median of what is there takes a hundred times as long."""
    ordered = np.sort(weeks, axis=1)  # NaN comes last
    count = np.isfinite(weeks).sum(axis=1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=1)[:, 0]
    high = np.take_along_axis(ordered, np.maximum(count - 1, 0) - np.maximum(count - 1, 0) // 2, axis=1)[:, 0]
    return (low.astype(np.float64) + high) / 2


def _cumulated(values: NDArray[np.generic], kind: type) -> NDArray[np.generic]:
    """Sums of the first 0, 1, ... periods, shape (series, periods + 1)."""
    found = np.zeros((values.shape[0], values.shape[1] + 1), dtype=kind)
    np.cumsum(values, axis=1, dtype=kind, out=found[:, 1:])
    return found
