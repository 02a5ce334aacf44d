"""The ways to forecast a level of series, each at any origin; those whose answers a table holds, and the trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.training.forecast import trees
from shared.training.forecast.past import Past, mean_of
from shared.training.forecast.smoothing import smoothed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shared.training.forecast.days import Days
    from shared.training.forecast.past import Seen
    from shared.training.forecast.series import Level

NAIVE, TREES = "seasonal naive", "trees"
MEANS = {"mean of 8 same weekdays": 8, "mean of 26 same weekdays": 26}
TABLED = (NAIVE, *MEANS, "smoothing", "theta", "linear")
"""Their answers do not depend on what a request brings."""
FAMILIES = (*TABLED, TREES)
SETTINGS: dict[str, dict[str, Any]] = {
    NAIVE: {},
    **{name: {"weeks": weeks} for name, weeks in MEANS.items()},
    "smoothing": {"model": "ETS(A,N,A)"},
    "theta": {"model": "ETS(A,N,A)", "drift": 0.5},
    "linear": {"alpha": trees.RIDGE},
    TREES: {name: value for name, value in trees.SETTINGS.items() if name != "early_stopping"},
}
THETA_DRIFT = 0.5
LARGEST_EFFECT = 10.0
LEAST_EXPECTED = 1e-3


@dataclass(frozen=True)
class Forecasts:
    """What each family says at one origin."""

    members: NDArray[np.float32]
    """Shape (FAMILIES, series + 1, horizon); NaN throughout for a family that could not be fitted."""
    seen: Seen
    trees: Any = None
    """The fitted trees; None where there was too little to learn from."""


def forecasts(level: Level, days: Days, flags: NDArray[np.float32], horizon: int, origin: int, seed: int) -> Forecasts:
    """Forecast the periods from ``origin`` on, from those before it alone."""
    past = Past(level.sold[:, :origin], days)
    design = trees.Design(level, flags, horizon)
    everyone = np.arange(len(level.sold))
    seen = past.seen(everyone, origin, horizon)
    members = np.full((len(FAMILIES), len(everyone), horizon), np.nan, dtype=np.float32)
    for family, found in _tabled(past, origin, horizon):
        members[FAMILIES.index(family)] = found
    examples = trees.examples(design, past, seed)
    if examples is None:
        return Forecasts(members, seen)
    fitted, linear = trees.fit(examples, seed), trees.fit_linear(examples)
    scale = seen.scale[:, None]
    plan = design.planned_rows(past, everyone, origin, seen)
    members[FAMILIES.index("linear")] = said(linear, plan) * scale
    known, expected = said(fitted, design.rows(past, everyone, origin, seen)), said(fitted, plan)
    members[: len(TABLED)] *= effect(known, expected)
    members[FAMILIES.index(TREES)] = known * scale
    return Forecasts(members, seen, fitted)


def effect(known: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float32]:
    """How many times as much the trees forecast with what is known ahead as without: what the other families, which do
    not see it, are multiplied by."""
    ratio = known / np.maximum(expected, LEAST_EXPECTED)
    bounded = np.clip(ratio, 1 / LARGEST_EFFECT, LARGEST_EFFECT)
    return np.where(expected > LEAST_EXPECTED, bounded, 1).astype(np.float32)


def said(model: Any, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """In units of the scale, shape (series, horizon)."""
    found = model.predict(rows.reshape(-1, rows.shape[2])).reshape(rows.shape[:2])
    positive: NDArray[np.float32] = np.maximum(found, 0).astype(np.float32)
    return positive


def _tabled(past: Past, origin: int, horizon: int) -> Iterator[tuple[str, NDArray[np.float64]]]:
    everyone = np.arange(len(past.cut))
    repeated = np.arange(horizon) % past.days.season
    eight = np.nan_to_num(mean_of(past.same_weekdays(everyone, origin, 8)))
    for family, weeks in MEANS.items():
        found = mean_of(past.same_weekdays(everyone, origin, weeks))
        yield family, np.where(np.isnan(found), eight, found)[:, repeated]
    newest = past.newest_week(everyone, origin)
    yield NAIVE, np.where(np.isnan(newest), eight, newest)[:, repeated]
    state = smoothed(past, [origin])[origin]
    yield "smoothing", state.forecast(horizon)
    yield "theta", state.forecast(horizon, drift=THETA_DRIFT)
