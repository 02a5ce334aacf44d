"""The calendar: which days, or weeks, there are, and what is known ahead of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shared.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.catalog.forecast import Calendar, Forecast

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
THURSDAY = 3
"""The weekday of day 0, 1970-01-01."""
FLAGS = ("weekday", "day of the year", "closed", "holiday", "eve of a holiday", "day after a holiday")
"""What is known of each period, in this order."""


@dataclass(frozen=True)
class Days:
    """Periods of one day or of seven, as whole numbers from 0; those beyond ``count`` are to come."""

    first: date
    """The first day of period 0; of weeks, the day after the origin's weekday, so that the newest week is whole."""
    count: int
    """Periods that are over."""
    step: int
    """Days in each: 1 or 7."""
    calendar: Calendar

    @property
    def season(self) -> int:
        """Periods after which the week begins anew."""
        return 7 // self.step

    @property
    def year(self) -> int:
        """Periods in 52 weeks: the same weekday of about a year before."""
        return 364 // self.step

    def date_of(self, period: int) -> date:
        """The first day of a period."""
        return date.fromordinal(self.first.toordinal() + period * self.step)

    def periods_of(self, days: NDArray[np.datetime64]) -> NDArray[np.int64]:
        """The period of each day; negative before the first."""
        since = (days - np.datetime64(self.first, "D")).astype(np.int64)
        return since // self.step

    def period_of(self, day: date) -> int:
        """The period of one day; negative before the first."""
        return (day.toordinal() - self.first.toordinal()) // self.step

    def flags(self, until: int, country: str | None) -> NDArray[np.float32]:
        """What is known of the periods from 0 to ``until``, shape (until, FLAGS). Of a week: the days that are so."""
        ordinals = np.arange(until * self.step) + (self.first - date(1970, 1, 1)).days
        dates = ordinals.astype("datetime64[D]")
        holiday = self._holidays(dates, country)
        weekday = (ordinals + THURSDAY) % 7
        of_year = (dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1
        around = [np.concatenate([holiday[1:], [False]]), np.concatenate([[False], holiday[:-1]])]
        columns = [weekday, of_year, self._closed(dates, weekday), holiday, *around]
        table = np.stack([column.astype(np.float32) for column in columns], axis=1)
        if self.step == 1:
            return table
        weeks = table.reshape(until, self.step, len(FLAGS))
        summed: NDArray[np.float32] = weeks.sum(axis=1)
        summed[:, :2] = weeks[:, 0, :2]
        return summed

    def open(self, until: int) -> NDArray[np.bool_]:
        """Whether anything can be sold in each period, shape (until,)."""
        return self.flags(until, self.calendar.country)[:, FLAGS.index("closed")] < self.step

    def _closed(self, dates: NDArray[np.datetime64], weekday: NDArray[np.int64]) -> NDArray[np.bool_]:
        closed = np.isin(weekday, [WEEKDAYS.index(name) for name in self.calendar.closed_weekdays])
        texts = np.datetime_as_string(dates)
        named = set(self.calendar.closed)
        yearly = np.array([text[5:] in named for text in texts], dtype=bool)
        found: NDArray[np.bool_] = closed | np.isin(texts, list(named)) | yearly
        return found

    def _holidays(self, dates: NDArray[np.datetime64], country: str | None) -> NDArray[np.bool_]:
        if country is None or not len(dates):
            return np.zeros(len(dates), dtype=bool)
        known = public_holidays(country, dates[0].item().year, dates[-1].item().year)
        return np.array([day in known for day in dates.tolist()], dtype=bool)

    @cached_property
    def countries(self) -> Sequence[str | None]:
        """The company's own country first, then those of the series that have their own."""
        own = self.calendar.country
        return (own, *sorted({code for code in self.calendar.countries.values() if code != own}))


def public_holidays(country: str, first: int, last: int) -> frozenset[date]:
    """Of the years ``first`` to ``last``. Raises CatalogError where nothing is known of the country."""
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, years=range(first, last + 1)))
    except NotImplementedError as error:
        msg = (
            f"model.calendar: no holidays are known of {country!r}; expected a country that the package 'holidays' has"
        )
        raise CatalogError(msg) from error


def days_of(lines: NDArray[np.datetime64], model: Forecast) -> Days:
    """From the first line's day to the last one's, which is the origin."""
    step = 7 if model.frequency == "week" else 1
    origin, first = lines.max().item(), lines.min().item()
    count = (origin.toordinal() - first.toordinal() + 1) // step or 1
    return Days(date.fromordinal(origin.toordinal() - count * step + 1), count, step, model.calendar)
