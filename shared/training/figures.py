"""Numbers as a person reads them, and what can be worked out from a version's record alone."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.records import Input, Version

NBSP = "\N{NO-BREAK SPACE}"
MISSING = "\N{EN DASH}"
DEVIATIONS = 1.96
"""Standard errors to either side that hold 95 %."""


def percent(share: float | None, decimals: int = 0) -> str:
    """``0.117`` is ``12 %``, with a space that does not break."""
    return MISSING if share is None else f"{100 * share:.{decimals}f}{NBSP}%"


def exact_percent(share: float) -> str:
    """``0.1`` is ``10 %`` and ``1 / 30`` is ``3.33 %``: three digits, for a threshold may be small."""
    return f"{100 * share:.3g}{NBSP}%"


def decimal(value: float | None, decimals: int = 3) -> str:
    """A figure, or a dash where the record has none."""
    return MISSING if value is None else f"{value:.{decimals}f}"


def moment(text: str) -> str:
    """``2010-11-17T00:00:00.000000`` is ``2010-11-17``; a time of day is kept to the minute."""
    day, _, clock = text.partition("T")
    return f"{day} {clock[:5]}" if clock.strip("0:.Z") else day


def bounds(item: Input) -> str:
    """What a number may be, in words."""
    if item.type == "boolean":
        return "true or false"
    low, high = (None if bound is None else f"{bound:,.15g}" for bound in (item.min, item.max))
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is None and high is None:
        return "any number"
    return f"at least {low}" if high is None else f"at most {high}"


def learned_rows(version: Version) -> int:
    """The recipe's history of the rows that are older than those that judge."""
    history, older = version.recipe.history, version.data.train_rows
    return older if history == "all" else min(history, older)


def share_found(gain: Sequence[tuple[float, float]], share: float) -> float | None:
    """Share of all positives among the ``share`` of rows with the highest scores; a line between the curve's points."""
    for (left, below), (right, above) in pairwise(gain):
        if left <= share <= right and right > left:
            return below + (above - below) * (share - left) / (right - left)
    return None


def share_acted_on(version: Version) -> float | None:
    """About how many of the newest rows reach the threshold: by whole tenths, which is all that the record keeps."""
    rows = sum(count for _, _, count in version.curves.calibration)
    threshold = version.decision.threshold
    acted_on = sum(count for predicted, _, count in version.curves.calibration if predicted >= threshold)
    return acted_on / rows if rows else None


def auc_margin(auc: float | None, base_rate: float | None, rows: int) -> float | None:
    """Half the width of the 95 % interval of an AUC, by Hanley and McNeil (Radiology 143, 1982).

    None where it says nothing: without both outcomes, or where the order is perfect.
    """
    positives = round((base_rate or 0) * rows)
    negatives = rows - positives
    if auc is None or not 0 < auc < 1 or positives < 1 or negatives < 1:
        return None
    both_positive, both_negative = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (both_positive - auc**2) + (negatives - 1) * (both_negative - auc**2)
    return DEVIATIONS * math.sqrt(max(spread, 0.0) / (positives * negatives))


def without_a_model(base_rate: float | None) -> dict[str, float | None]:
    """The figures of whoever answers the base rate to everything."""
    if base_rate is None or not 0 < base_rate < 1:
        return {"brier": None, "log_loss": None}
    other = 1 - base_rate
    return {
        "brier": base_rate * other,
        "log_loss": -base_rate * math.log(base_rate) - other * math.log(other),
    }
