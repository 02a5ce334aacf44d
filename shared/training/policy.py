"""Whether a new version is due. Pure: what was measured in, a decision and its reasons out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.catalog.spec import Retraining
    from shared.store.records import Order, Watch

CHANCE = NormalDist().inv_cdf(0.995)
"""Standard errors that chance does not explain: two-sided, at 99 %."""
NAMED = 3
"""So many features are named as having drifted, the worst; the others are counted."""


@dataclass(frozen=True)
class Due:
    """Retrain or not, and why, in words for the run record."""

    retrain: bool
    reasons: tuple[str, ...]


def decide(
    policy: Retraining,
    *,
    watch: Watch | None,
    age_days: float | None,
    fresh_rows: int,
    expected_auc: float | None,
    order: Order | None,
) -> Due:
    """Whether a new version is due, with every trigger that holds; or what was measured, and when it will be due.

    ``watch`` measured the champion on the rows since it was trained; None where there is no champion. ``age_days`` and
    ``fresh_rows`` count from the newest version, whether it was promoted or not: a challenger that the gate refused is
    not made again before there are as many rows again as there were for it. ``expected_auc`` is that of the champion's
    card, None where it is not known.
    """
    reasons = [] if order is None else [ordered(order)]
    if watch is None or age_days is None:
        return Due(True, (*reasons, "there is no version yet"))
    if age_days >= policy.every_days and fresh_rows > 0:
        reasons.append(f"{since(age_days, policy)}, {_new_rows(fresh_rows, watch)}")
    enough = max(policy.min_rows, watch.rows - fresh_rows)
    if fresh_rows >= enough:
        reasons += [*_drift(policy, watch), *_performance(policy, watch, expected_auc)]
    if reasons:
        return Due(True, tuple(reasons))
    measured = ", ".join(_measured(watch, expected_auc)) or "nothing could be measured"
    return Due(
        False,
        (
            f"not due: {since(age_days, policy)}, {_new_rows(fresh_rows, watch)}: {measured}",
            _outlook(policy, age_days, fresh_rows, enough),
        ),
    )


def _drift(policy: Retraining, watch: Watch) -> Iterator[str]:
    moved = {name: index for name, index in watch.psi.items() if index > policy.drift_psi}
    if moved:
        worst = sorted(moved.items(), key=lambda pair: -pair[1])[:NAMED]
        named = ", ".join(f"{name} {index:.3g}" for name, index in worst)
        others = f" and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
        yield f"features have drifted: PSI of {named}{others}, above {policy.drift_psi:g}"
    if watch.drift_auc is not None and watch.drift_auc > policy.drift_auc:
        yield f"old rows and new are told apart with AUC {watch.drift_auc:.3g}, above {policy.drift_auc:g}"


def _performance(policy: Retraining, watch: Watch, expected_auc: float | None) -> Iterator[str]:
    before, now = watch.base_rate_before, watch.base_rate
    if before is not None and now is not None:
        # The record does not say how many rows the rate before comes from. They are taken to be no more than the new
        # ones, which makes chance explain rather too much than too little.
        error = _standard_error(before, now, watch.rows, watch.rows)
        if abs(now - before) > max(policy.base_rate_shift, CHANCE * error):
            yield (
                f"base rate {now:.3g} against {before:.3g} before: moved by more than {policy.base_rate_shift:g}, and "
                f"beyond chance on {watch.rows:,} rows"
            )
    auc = watch.metrics.get("auc")
    if auc is None or watch.auc_high is None or expected_auc is None:
        return
    if auc < expected_auc - policy.auc_drop and watch.auc_high < expected_auc:
        yield (
            f"AUC {auc:.3g} against {expected_auc:.3g} expected: fallen by more than {policy.auc_drop:g}, and beyond "
            f"chance on {watch.rows:,} rows (interval up to {watch.auc_high:.3g})"
        )


def _standard_error(before: float, now: float, rows_before: int, rows_now: int) -> float:
    """Of the difference of two rates where there is none: both are estimates of the one that they share."""
    shared = (before * rows_before + now * rows_now) / (rows_before + rows_now)
    return math.sqrt(shared * (1 - shared) * (1 / rows_before + 1 / rows_now))


def _measured(watch: Watch, expected_auc: float | None) -> Iterator[str]:
    if "auc" in watch.metrics:
        expected = "" if expected_auc is None else f" against {expected_auc:.3g} expected"
        yield f"AUC {watch.metrics['auc']:.3g}{expected}"
    if watch.psi:
        name, index = max(watch.psi.items(), key=lambda pair: pair[1])
        yield f"largest PSI {index:.3g} ({name})"
    if watch.drift_auc is not None:
        yield f"old rows and new told apart with AUC {watch.drift_auc:.3g}"
    if watch.base_rate is not None:
        before = "" if watch.base_rate_before is None else f" against {watch.base_rate_before:.3g}"
        yield f"base rate {watch.base_rate:.3g}{before}"


def _outlook(policy: Retraining, age_days: float, fresh_rows: int, enough: int) -> str:
    if age_days >= policy.every_days:
        return "due with the next new rows"
    # Rounded up, as the age is rounded down: 29.96 days are not 30.
    left = math.ceil((policy.every_days - age_days) * 10) / 10
    when = f"due in {_days(left)}" + ("" if fresh_rows else ", once there are new rows")
    if fresh_rows < enough:
        return f"{when}; sooner by drift or performance, which are judged by {enough:,} new rows"
    return f"{when}; sooner by drift or performance"


def ordered(order: Order) -> str:
    """That a person asked for it."""
    return f"ordered by {order.who}: {order.why}" if order.who else f"ordered: {order.why}"


def since(age_days: float, policy: Retraining) -> str:
    """How old the newest version is, rounded down."""
    return f"{_days(math.floor(age_days * 10) / 10)} since the last version (cadence {policy.every_days:g})"


def _days(days: float) -> str:
    return f"{days:,.10g} day" + ("" if days == 1 else "s")


def _new_rows(fresh_rows: int, watch: Watch) -> str:
    rows = f"{fresh_rows:,} new row" + ("" if fresh_rows == 1 else "s")
    # After a version that was not promoted the champion is measured on more rows than are new.
    return rows if fresh_rows == watch.rows else f"{rows} ({watch.rows:,} since {watch.champion} was trained)"
