"""One model for all series of a level: boosted trees on what was known at the origin, for every day of the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.training.candidates import settle_thresholds

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
        """Shape (series, horizon, features)."""
        count = len(series)
        still = np.broadcast_to(seen.still[:, None], (count, self.horizon, seen.still.shape[1]))
        flags = self.flags[self.level.calendars[series], origin : origin + self.horizon]
        ahead = np.broadcast_to(np.arange(1, self.horizon + 1, dtype=np.float32)[:, None], (count, self.horizon, 1))
        return np.concatenate([still, seen.moving, flags, ahead, self.known_ahead(past, series, origin)], axis=2)

    def known_ahead(self, past: Past, series: NDArray[np.intp], origin: int) -> NDArray[np.float32]:
        """What is planned, beside what is usual for the series: where the plan is not known, it stays as it was."""
        ahead = self.level.ahead[series]
        known = ahead[:, origin : origin + self.horizon]
        planned = np.concatenate([known, np.repeat(ahead[:, -1:], self.horizon - known.shape[1], axis=1)], axis=1)
        return planned / usual(self.level, series, min(origin, past.end))[:, None]


def usual(level: Level, series: NDArray[np.intp], origin: int) -> NDArray[np.float32]:
    """The mean of what was known ahead in the year before; 1 for what is true or false. Shape (series, features)."""
    ahead = level.ahead[series, max(0, origin - 364) : origin]
    there = np.isfinite(ahead)
    mean = np.where(there, ahead, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return np.where(mean > 0, mean, 1.0).astype(np.float32)


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
    return Examples(rows, targets, weights / weights.mean())


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
