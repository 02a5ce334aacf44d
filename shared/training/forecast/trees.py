"""One model for all series of a level: boosted trees on what was known at the origin, for every day of the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.training.candidates import settle_thresholds
from shared.training.forecast.past import median_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.training.forecast.past import Past, Seen
    from shared.training.forecast.series import Level

ROWS = 120_000
"""Learned from, about: more make the fit slower and hardly better."""
FEW_SERIES = 10
"""Up to so many, every day is an origin to learn from."""
ORIGINS = 43
DAILY_ORIGINS = 400
LEAST_WEEKS = 8
"""Before the first origin that is learned from."""
PLANNED_DAYS = 28
LEAST_EXAMPLES = 500
RIDGE = 10.0
SETTINGS: dict[str, Any] = {
    "loss": "squared_error", "learning_rate": 0.05, "max_iter": 200, "max_leaf_nodes": 31, "min_samples_leaf": 60,
    "early_stopping": False,
}  # fmt: skip


@dataclass(frozen=True)
class Design:
    """The rows that trees see."""

    level: Level
    flags: NDArray[np.float32]
    """Of each calendar and period, shape (calendars, periods, flags)."""
    horizon: int

    def rows(self, past: Past, series: NDArray[np.intp], origin: int, seen: Seen) -> NDArray[np.float32]:
        """With what came to be known ahead; shape (series, horizon, features)."""
        return self.rows_with(past, series, origin, seen, self._known(past, series, origin))

    def planned_rows(self, past: Past, series: NDArray[np.intp], origin: int, seen: Seen) -> NDArray[np.float32]:
        """As if nobody had said at the origin what is planned."""
        plan = np.broadcast_to(
            planned(self.level, series, origin)[:, None], (len(series), self.horizon, self.level.ahead.shape[2])
        )
        return self.rows_with(past, series, origin, seen, plan)

    def rows_with(
        self, past: Past, series: NDArray[np.intp], origin: int, seen: Seen, ahead: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """With what is known ahead given, shape (series, horizon, features known ahead)."""
        count = len(series)
        still = np.broadcast_to(seen.still[:, None], (count, self.horizon, seen.still.shape[1]))
        flags = self.flags[self.level.calendars[series], origin : origin + self.horizon]
        step = np.broadcast_to(np.arange(1, self.horizon + 1, dtype=np.float32)[:, None], (count, self.horizon, 1))
        relative = ahead / usual(self.level, series, min(origin, past.end))[:, None]
        return np.concatenate([still, seen.moving, flags, step, relative], axis=2)

    def _known(self, past: Past, series: NDArray[np.intp], origin: int) -> NDArray[np.float32]:
        """What was known of the horizon, where it is over; else what is planned."""
        known = self.level.ahead[series, origin : origin + self.horizon]
        lacking = self.horizon - known.shape[1]
        plan = np.repeat(planned(self.level, series, min(origin, past.end))[:, None], lacking, axis=1)
        return np.concatenate([known, plan], axis=1)


def planned(level: Level, series: NDArray[np.intp], origin: int) -> NDArray[np.float32]:
    """What is taken to be known ahead where nobody says: a number as it mostly was of late, and nothing that is true.

    Shape (series, features).
    """
    newest = level.ahead[series, max(0, origin - PLANNED_DAYS) : origin]
    middle = median_of(newest)
    found: NDArray[np.float32] = np.where(level.is_number, middle, 0).astype(np.float32)
    return found


def usual(level: Level, series: NDArray[np.intp], origin: int) -> NDArray[np.float32]:
    """What known-ahead values are divided by: the mean of the year before, of numbers. Shape (series, features)."""
    ahead = level.ahead[series, max(0, origin - 364) : origin]
    there = np.isfinite(ahead)
    mean = np.where(there, ahead, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return np.where((mean > 0) & level.is_number, mean, 1.0).astype(np.float32)


@dataclass(frozen=True)
class Examples:
    """What is learned from."""

    rows: NDArray[np.float32]
    """Shape (examples, features)."""
    targets: NDArray[np.float32]
    """In units of the series' scale, shape (examples,)."""
    weights: NDArray[np.float32]


def examples(design: Design, past: Past, seed: int) -> Examples | None:
    """Of the origins before ``past.end`` whose whole horizon lies before it; None where there are too few."""
    count, horizon = len(past.cut), design.horizon
    step, most = (1, DAILY_ORIGINS) if count <= FEW_SERIES else (past.days.season, ORIGINS)
    origins = range(past.end - horizon, LEAST_WEEKS * past.days.season, -step)[:most]
    drawn = min(count, max(1, ROWS // (horizon * max(len(origins), 1))))
    random = np.random.default_rng(seed)
    parts = []
    for origin in origins:
        series = np.arange(count) if drawn == count else np.sort(random.choice(count, drawn, replace=False))
        seen = past.seen(series, origin, horizon)
        there = past.on_sale[series, origin : origin + horizon]
        target = past.cut[series, origin : origin + horizon] / seen.scale[:, None]
        weight = np.broadcast_to(seen.scale[:, None], target.shape)
        parts.append((design.rows(past, series, origin, seen)[there], target[there], weight[there]))
    if sum(len(part[1]) for part in parts) < LEAST_EXAMPLES:
        return None
    rows, targets, weights = (np.concatenate(one) for one in zip(*parts, strict=True))
    # Trees cannot be fitted on a column that is empty throughout, as last year is in a short history.
    rows[:, np.isnan(rows).all(axis=0)] = 0
    return Examples(rows, targets.astype(np.float32), (weights / weights.mean()).astype(np.float32))


def fit(learned: Examples, seed: int) -> Any:
    """Boosted trees whose thresholds survive the way into a graph of 32-bit numbers."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingRegressor(**SETTINGS, random_state=seed)
    with threadpool_limits(limits=1):  # fits run beside each other
        model.fit(learned.rows, learned.targets, sample_weight=learned.weights)
    settle_thresholds(model)
    return model


def fit_linear(learned: Examples) -> Any:
    """Ridge regression on the same; what is not known counts as the average."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    imputed = SimpleImputer(keep_empty_features=True)
    model = make_pipeline(imputed, StandardScaler(), Ridge(alpha=RIDGE))
    return model.fit(learned.rows, learned.targets, ridge__sample_weight=learned.weights)
