"""Exponential smoothing of all series at once, in error-correction form (Hyndman et al., 2008): ETS(A,N,A).

    error = sold - (level + season[weekday]);  level += alpha * error;  season[weekday] += gamma * error

Each series has the smoothing that would have forecast it best so far. The theta method (Assimakopoulos and
Nikolopoulos, 2000) adds half of the slope of the line through its past.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.training.forecast.past import Past

SMOOTHINGS = ((0.02, 0.05), (0.05, 0.05), (0.1, 0.05), (0.1, 0.15), (0.3, 0.1))
"""Pairs of alpha and gamma that are tried."""
SLOPE_WEEKS = 52


@dataclass(frozen=True)
class Smoothed:
    """The state of each series at one origin."""

    level: NDArray[np.float64]
    """Shape (series,)."""
    season: NDArray[np.float64]
    """Shape (series, season), beginning with the origin's own weekday."""
    slope: NDArray[np.float64]
    """Per period, shape (series,)."""

    def forecast(self, horizon: int, *, drift: float = 0.0) -> NDArray[np.float64]:
        """Shape (series, horizon); never below zero."""
        ahead = np.arange(horizon)
        weekdays = self.season[:, ahead % self.season.shape[1]]
        trend = drift * self.slope[:, None] * (ahead + 1)
        found: NDArray[np.float64] = np.maximum(self.level[:, None] + weekdays + trend, 0)
        return found


def smoothed(past: Past, origins: Sequence[int]) -> dict[int, Smoothed]:
    """The states at each of the origins, by one pass over the past."""
    count, season = len(past.cut), past.days.season
    alphas, gammas = (np.array(one)[:, None] for one in zip(*SMOOTHINGS, strict=True))
    level = np.zeros((len(SMOOTHINGS), count))
    seasons = np.zeros((len(SMOOTHINGS), count, season))
    squared = np.zeros((len(SMOOTHINGS), count))
    begun = np.zeros(count, dtype=bool)
    found: dict[int, Smoothed] = {}
    wanted = set(origins)
    for period in range(past.end + 1):
        if period in wanted:
            found[period] = _best(past, period, level, seasons, squared)
        if period == past.end:
            break
        sold, on_sale = past.cut[:, period].astype(np.float64), past.on_sale[:, period]
        first = on_sale & ~begun
        level[:, first] = sold[first]
        begun |= on_sale
        weekday = period % season
        error = np.where(on_sale, sold - level - seasons[:, :, weekday], 0.0)
        squared = 0.99 * squared + error**2
        level += alphas * error
        seasons[:, :, weekday] += gammas * error
    return found


def _best(
    past: Past,
    origin: int,
    level: NDArray[np.float64],
    seasons: NDArray[np.float64],
    squared: NDArray[np.float64],
) -> Smoothed:
    best = squared.argmin(axis=0)
    rows = np.arange(level.shape[1])
    season = np.roll(seasons[best, rows], -(origin % past.days.season), axis=1)
    weeks = SLOPE_WEEKS * past.days.season
    newer, older = past.mean(rows, origin - weeks // 2, origin), past.mean(rows, origin - weeks, origin - weeks // 2)
    slope = np.nan_to_num((newer - older) / (weeks / 2))
    return Smoothed(level[best, rows].copy(), season, slope)
