"""Several fitted pipelines that answer as one: the weighted sum of their log-odds, which is calibrated by its weights.

Stacking (Wolpert, Neural Networks 5, 1992) by a logistic regression on the log-odds that each member gave rows that
it had not seen. What a fit on a short history knows of today and one on a long history of the rare cases add up, and
the intercept and the sum of the weights are a sigmoid calibration (Platt, 1999), which ONNX computes exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

SUREST = 1e-3
"""No member is taken for surer than this: its log-odds would outvote the others, and 32-bit floats blur beyond."""
SHRINKAGE = 8.0
"""How strongly weights are drawn to equal ones, in rows' worth of evidence for each member: folds are few and members
alike, and a free choice among them would mostly follow chance."""
HALF_LIFE_FOLDS = 4.0
"""So many folds back, a row counts half: calibration must follow the world."""
LEAST_WEIGHT = 1e-3


@dataclass(frozen=True)
class Weights:
    """How members are added up."""

    intercept: float
    members: tuple[float, ...]

    def log_odds(self, members: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the blend, shape (rows,), from those of the members, shape (rows, members)."""
        summed: NDArray[np.float64] = members @ np.array(self.members) + self.intercept
        return summed


@dataclass(frozen=True)
class Blend:
    """What serves: fitted members and their weights."""

    pipelines: tuple[Pipeline, ...]
    weights: Weights

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """The probability of the positive outcome, shape (rows,)."""
        members = np.column_stack([log_odds(pipeline, rows) for pipeline in self.pipelines])
        return probability(self.weights.log_odds(members))


def log_odds(pipeline: Pipeline, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """What one member says, shape (rows,), no surer than SUREST."""
    likely = np.clip(pipeline.predict_proba(rows)[:, 1].astype(np.float64), SUREST, 1 - SUREST)
    return np.asarray(np.log(likely / (1 - likely)))


def probability(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """From log-odds."""
    from scipy.special import expit

    likely: NDArray[np.float64] = expit(odds)
    return likely


def weigh(folds: Sequence[NDArray[np.float64]], positive: Sequence[NDArray[np.bool_]]) -> Weights:
    """The weights that fit best what the members said of each fold, oldest first; arrays of shape (rows, members).

    None is negative, for a member that is wrong is left out and not believed the other way round.
    """
    from scipy.optimize import minimize

    said, truth = np.concatenate(folds), np.concatenate(positive).astype(np.float64)
    counts = [len(fold) for fold in folds]
    importance = np.repeat(np.exp2(-np.arange(len(folds))[::-1] / HALF_LIFE_FOLDS), counts)
    members = said.shape[1]
    equal = np.full(members, 1 / members)

    def loss(chosen: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        intercept, pull = chosen[0], chosen[1:] - equal
        odds = said @ chosen[1:] + intercept
        wrong = importance * (probability(odds) - truth)
        value = (importance * (np.logaddexp(0, odds) - truth * odds)).sum()
        value += (intercept**2 + SHRINKAGE * members * pull @ pull) / 2
        return value, np.concatenate([[wrong.sum() + intercept], said.T @ wrong + SHRINKAGE * members * pull])

    bounds = [(None, None), *[(0.0, None)] * members]
    found = minimize(loss, np.concatenate([[0.0], equal]), jac=True, bounds=bounds, method="L-BFGS-B").x
    kept = np.where(found[1:] < LEAST_WEIGHT, 0.0, found[1:])
    if not kept.any():  # all are wrong, but somebody has to answer; the intercept was found for a world without them
        return Weights(0.0, tuple(float(weight) for weight in equal))
    return Weights(float(found[0]), tuple(float(weight) for weight in kept))
