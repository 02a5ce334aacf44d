"""Whether a new forecast is due. Pure: what was measured in, a decision and its reasons out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.training.policy import Due, ordered, since

if TYPE_CHECKING:
    from shared.catalog.spec import Retraining
    from shared.store.records import Order, Watch

LEAST_DAYS = 7
"""Fewer do not tell an error from a bad week."""
GROWN = 1.25
"""So many times the error of the card is more than chance."""
HELD = 0.75
"""Of days within the intervals of 90 %: fewer, and they no longer say what they promise."""
DAYS, WAPE, COVERAGE = "days", "wape", "coverage_90"
"""What ``watch`` measures."""


@dataclass(frozen=True)
class Standing:
    """The version that was made last."""

    age_days: float
    left: int
    """Periods of its horizon that are still to come, beyond the drop's newest one."""
    horizon: int
    expected_wape: float | None
    """That of its card."""


def decide(policy: Retraining, watch: Watch | None, standing: Standing | None, order: Order | None) -> Due:
    """``watch`` measured the champion on the days since its origin; None, as ``standing``, where there is none."""
    reasons = [] if order is None else [ordered(order)]
    if watch is None or standing is None:
        return Due(True, (*reasons, "there is no version yet"))
    if watch.rows == 0 and not reasons:
        return Due(False, (f"not due: no line of a day since {watch.champion} was made",))
    age_days, left, horizon = standing.age_days, standing.left, standing.horizon
    expected_wape = standing.expected_wape
    if age_days >= policy.every_days:
        reasons.append(f"{since(age_days, policy)}, {watch.rows:,} new lines")
    if left <= horizon / 2:
        reasons.append(f"of the {horizon} periods that {watch.champion} forecast, {max(left, 0)} are still to come")
    days, wape, held = (watch.metrics.get(name) for name in (DAYS, WAPE, COVERAGE))
    if days is not None and days >= LEAST_DAYS:
        if wape is not None and expected_wape is not None and wape > GROWN * expected_wape:
            reasons.append(f"error {wape:.3g} over {days:g} days against {expected_wape:.3g} expected")
        if held is not None and held < HELD:
            reasons.append(f"the intervals of 90 % held {held:.0%} of what came over {days:g} days")
    if reasons:
        return Due(True, tuple(reasons))
    measured = "nothing could be measured" if wape is None else f"error {wape:.3g} over {days:g} days"
    if wape is not None and expected_wape is not None:
        measured += f" against {expected_wape:.3g} expected"
    return Due(False, (f"not due: {since(age_days, policy)}, {watch.rows:,} new lines: {measured}",))
