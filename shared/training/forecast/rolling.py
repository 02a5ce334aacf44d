"""Rolling origins: every family forecasts each of the newest horizons from what was known before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.errors import DropError
from shared.training.fits import side_by_side
from shared.training.forecast.members import Forecasts, forecasts
from shared.training.forecast.trees import LEAST_WEEKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shared.catalog.forecast import ForecastCase
    from shared.training.forecast.past import Seen
    from shared.training.forecast.series import Level, Sales

LEAST_JUDGED = 2
"""Origins: one to choose by, and one to judge what was chosen."""


@dataclass(frozen=True)
class Rolled:
    """One level at the origins that were tried, oldest first, and at the last one, which serves."""

    level: Level
    members: tuple[NDArray[np.float32], ...]
    """By origin: what each family said, shape (FAMILIES, series + 1, horizon); nothing on days that are closed."""
    scales: tuple[NDArray[np.float32], ...]
    """By origin: of each series, shape (series + 1,)."""
    came: tuple[NDArray[np.float32], ...]
    """What was sold then, shape (series + 1, horizon); NaN where it was not on sale. The average one is no series,
    unless it stands for those that have no row."""
    last: Forecasts

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Families that could be fitted at every origin, shape (FAMILIES,)."""
        everywhere = [*self.members, self.last.members]
        return np.all([np.isfinite(found).all(axis=(1, 2)) for found in everywhere], axis=0)

    @property
    def last_seen(self) -> Seen:
        """The features at the origin that serves."""
        return self.last.seen


@dataclass(frozen=True)
class World:
    """All levels, and the origins they share."""

    sales: Sales
    horizon: int
    origins: tuple[int, ...]
    """The first period that is forecast, of each origin that was tried; the last one is ``sales.days.count``."""
    choosing: int
    """So many of them, the oldest, are only chosen by."""
    levels: tuple[Rolled, ...]
    flags: NDArray[np.float32]
    """Shape (calendars, periods + horizon, flags)."""
    opened: NDArray[np.bool_]
    """Whether anything can be sold, shape (periods + horizon,)."""

    def opened_from(self, origin: int) -> NDArray[np.bool_]:
        """Of the horizon after an origin."""
        return self.opened[origin : origin + self.horizon]


def roll(sales: Sales, case: ForecastCase, report: Callable[[str, int, int], None]) -> World:
    """Forecast every level from every origin. Raises DropError where the history is too short."""
    horizon, days = case.model.horizon, sales.days
    origins = origins_of(days.count, days.season, case)
    until = days.count + horizon
    flags = np.stack([days.flags(until, country) for country in days.countries])
    opened = days.open(until)
    tasks = [(level, origin) for origin in (*origins, days.count) for level in sales.levels]

    def forecast(task: tuple[Level, int]) -> Forecasts:
        level, origin = task
        return forecasts(level, days, flags, horizon, origin, case.training.seed)

    found: dict[tuple[str, int], Forecasts] = {}
    for done, ((level, origin), said) in enumerate(zip(tasks, side_by_side(forecast, tasks), strict=True)):
        report("forecasting from earlier days", done + 1, len(tasks))
        found[level.name, origin] = said
    rolled = tuple(_rolled(level, origins, found, opened, horizon, days.count) for level in sales.levels)
    choosing = max(1, len(origins) - case.training.judging)
    return World(sales, horizon, origins, choosing, rolled, flags, opened)


def origins_of(count: int, season: int, case: ForecastCase) -> tuple[int, ...]:
    """One horizon apart, as many as the history allows: before the first there must be something to learn from."""
    horizon = case.model.horizon
    wanted = case.training.choosing + case.training.judging
    least = LEAST_WEEKS * season
    origins = [count - horizon * back for back in range(wanted, 0, -1)]
    origins = [origin for origin in origins if origin >= least]
    if len(origins) < LEAST_JUDGED:
        needed = least + LEAST_JUDGED * horizon
        msg = (
            f"sales of {count:,} {case.model.frequency}s are too few: {needed:,} are needed to forecast {horizon} "
            f"ahead and to judge it; wait for more, or set model.horizon lower"
        )
        raise DropError(msg)
    return tuple(origins)


def _rolled(
    level: Level,
    origins: tuple[int, ...],
    found: dict[tuple[str, int], Forecasts],
    opened: NDArray[np.bool_],
    horizon: int,
    last: int,
) -> Rolled:
    said = [found[level.name, origin] for origin in origins]
    return Rolled(
        level=level,
        members=tuple(
            one.members * opened[origin : origin + horizon] for one, origin in zip(said, origins, strict=True)
        ),
        scales=tuple(one.seen.scale for one in said),
        came=tuple(_came(level, origin, horizon) for origin in origins),
        last=Forecasts(
            found[level.name, last].members * opened[last : last + horizon],
            found[level.name, last].seen,
            found[level.name, last].trees,
        ),
    )


def _came(level: Level, origin: int, horizon: int) -> NDArray[np.float32]:
    came = level.sold[:, origin : origin + horizon].copy()
    if not level.rest:
        came[-1] = np.nan
    return came
