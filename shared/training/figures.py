"""Numbers as a person reads them, and what can be worked out from a version's record alone."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from shared.training.candidates import FORGOTTEN
from shared.training.metrics import TENTHS
from shared.training.value import PER_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.records import Candidate, Classifier, Input

NBSP = "\N{NO-BREAK SPACE}"
MISSING = "\N{EN DASH}"
DEVIATIONS = 1.96
"""Standard errors to either side that hold 95 %."""
LEAST_TOLD = 1e-6
"""A profit of fewer gains than this, per row, tells nothing of the gain."""


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


def amount(value: float) -> str:
    """Money, to the whole from a hundred on, else to three digits; what is nothing has no sign."""
    text = f"{abs(value):,.0f}" if abs(value) >= 99.5 else f"{abs(value):.3g}"
    return text if value >= 0 or not text.strip("0.") else f"\N{MINUS SIGN}{text}"


def members(version: Classifier) -> tuple[Candidate, ...]:
    """Of a blend; none where one family alone serves."""
    return tuple(candidate for candidate in version.candidates if candidate.weight is not None)


def history(candidate: Candidate, every: str) -> str:
    """The rows that it learns from, in words; ``every`` is what all of them are called."""
    if candidate.history != "all":
        return f"newest {candidate.history:,} rows"
    return every if candidate.half_life is None else f"all, every {candidate.half_life:,} rows back counting half"


def learned_rows(version: Classifier) -> int:
    """The newest rows that the longest history holds, of those that the version was fitted on."""
    fitted_on = version.data.train_rows
    return max(_reach(candidate, fitted_on) for candidate in members(version) or (version.recipe,))


def _reach(candidate: Candidate, rows: int) -> int:
    if candidate.half_life is not None:
        return min(FORGOTTEN * candidate.half_life, rows)
    return rows if candidate.history == "all" else min(candidate.history, rows)


def cost_and_gain(version: Classifier) -> tuple[float, float] | None:
    """Of acting once, and of acting on a positive: worked out from the profits, since the record holds their ratio.

    None where the profits do not tell it, or contradict each other.
    """
    value, base_rate, threshold = version.value, version.metrics.get("base_rate"), version.decision.threshold
    if value is None or base_rate is None:
        return None
    lifts = dict(value.lift)
    # Acting on a share of the rows earns share * (lift * base rate * gain - cost), and cost is threshold * gain.
    told = [
        (share * (lifts[share] * base_rate - threshold), profit / PER_ROWS)
        for share, profit in (*value.curve, (1.0, value.profit_of_all))
        if share in lifts
    ]
    in_gains, profit = max(told, key=lambda one: abs(one[0]), default=(0.0, 0.0))
    gain = profit / in_gains if abs(in_gains) > LEAST_TOLD else 0.0
    if not 0 < gain < math.inf:
        return None
    agree = all(math.isclose(gain * others, earned, rel_tol=1e-6, abs_tol=1e-6 * gain) for others, earned in told)
    return (threshold * gain, gain) if agree else None


def share_found(gain: Sequence[tuple[float, float]], share: float) -> float | None:
    """Share of all positives among the ``share`` of rows with the highest scores; a line between the curve's points."""
    for (left, below), (right, above) in pairwise(gain):
        if left <= share <= right and right > left:
            return below + (above - below) * (share - left) / (right - left)
    return None


def share_acted_on(version: Classifier) -> float | None:
    """About how many of the newest rows reach the threshold.

    By whole tenths where the record keeps no more.
    """
    if version.value is not None:
        return version.value.share_of_rule
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


def calibration_noise(base_rate: float, rows: int) -> float:
    """The calibration error that 97.5 % of samples of so many rows stay below, where every probability is right.

    The error is a mean of ten distances, each that of a normal deviate from zero. Probabilities near the base rate
    spread most, so that this is a bound.
    """
    tenth = math.sqrt(TENTHS * base_rate * (1 - base_rate) / rows) if rows else 0.0
    mean, deviation = math.sqrt(2 / math.pi), math.sqrt((1 - 2 / math.pi) / TENTHS)
    return tenth * (mean + DEVIATIONS * deviation)


def without_a_model(base_rate: float | None) -> dict[str, float | None]:
    """The figures of whoever answers the base rate to everything."""
    if base_rate is None or not 0 < base_rate < 1:
        return {"brier": None, "log_loss": None}
    other = 1 - base_rate
    return {
        "brier": base_rate * other,
        "log_loss": -base_rate * math.log(base_rate) - other * math.log(other),
    }
