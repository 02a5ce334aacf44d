"""What acting on probabilities is worth. Pure; all arrays have shape (rows,)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.store.records import Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.catalog.spec import Decision

PER_ROWS = 1_000
STEPS = 50
"""Of the curves, from none of the rows to all of them."""


def value_of(positive: NDArray[np.bool_], probability: NDArray[np.floating], decision: Decision) -> Value:
    """The profit of acting on the rows with the highest probabilities: gain for each positive, less cost for each.

    In the decision's currency, per PER_ROWS rows. At least one row; without a positive one there is no lift to draw.
    """
    rows = len(positive)
    found = _found(positive, probability)

    def profit(acted_on: NDArray[np.floating]) -> NDArray[np.float64]:
        earned: NDArray[np.float64] = decision.gain * _at(found, acted_on) - decision.cost * acted_on
        return earned * PER_ROWS / rows

    shares = np.arange(STEPS + 1) / STEPS
    every = profit(np.arange(rows + 1.0))
    best = int(every.argmax())
    acted = probability.astype(np.float64) >= decision.threshold  # as an answer compares them
    earned_by_rule = decision.gain * int(positive[acted].sum()) - decision.cost * int(acted.sum())
    return Value(
        share=best / rows,
        profit=float(every[best]),
        profit_of_rule=earned_by_rule * PER_ROWS / rows,
        share_of_rule=float(acted.mean()),
        profit_of_all=float(every[-1]),
        curve=_points(shares, profit(shares * rows)),
        lift=_points(shares[1:], _at(found, shares[1:] * rows) / (shares[1:] * positive.sum())) if found[-1] else (),
    )


def _found(positive: NDArray[np.bool_], probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Positives among the k rows with the highest probabilities, k from 0 to all; shape (rows + 1,).

    Rows of equal probability come in no order of their own: each counts as much as the others of its group, so that
    the order of the table earns nothing.
    """
    order = np.argsort(-probability, kind="stable")
    counted = np.concatenate([[0], np.cumsum(positive[order])])
    ends = np.concatenate([[0], np.flatnonzero(np.diff(probability[order])) + 1, [len(positive)]])
    found: NDArray[np.float64] = np.interp(np.arange(len(positive) + 1), ends, counted[ends])
    return found


def _at(found: NDArray[np.float64], acted_on: NDArray[np.floating]) -> NDArray[np.float64]:
    positives: NDArray[np.float64] = np.interp(acted_on, np.arange(len(found)), found)
    return positives


def _points(shares: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    return tuple((float(share), float(value)) for share, value in zip(shares, values, strict=True))
