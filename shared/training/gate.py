"""Whether a challenger may serve. Pure: probabilities in, a verdict and its reasons out.

All arrays have shape (rows,), over the same rows in the same order. A rule that would promote asks for an interval
that shows it; so does a rule that stops: what chance alone explains neither brings a version into service nor bars it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.store.records import Verdict
from shared.training.metrics import (
    auc_difference,
    calibration_difference,
    calibration_error,
    curves,
    log_loss_difference,
)
from shared.training.segments import LEAST_OF_AN_OUTCOME_IN_A_LEVEL, levels_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from shared.catalog.spec import Gate
    from shared.training.metrics import Interval

TRIFLE = 0.01
"""AUC that is worth less than a version that knows the newest rows."""
LEAST_OF_AN_OUTCOME = 2
"""With one row of an outcome, its scores have no variance to estimate."""


@dataclass(frozen=True)
class Comparison:
    """A challenger beside the champion, on rows that neither was trained on."""

    positive: NDArray[np.bool_]
    challenger: NDArray[np.floating]
    """Its probabilities of the positive outcome."""
    champion: NDArray[np.floating]
    champion_version: str
    champion_is_old: bool
    """Older than the cadence at which versions are due."""
    segments: Mapping[str, NDArray[np.object_]]
    """Column name to the level of each row, None where it is empty."""


def judge_first(
    positive: NDArray[np.bool_],
    challenger: NDArray[np.floating],
    base_rate: NDArray[np.floating],
    gate: Gate,
    leaks: Sequence[str] = (),
) -> Verdict:
    """A first version must rank better than chance, and have no higher log loss than the base rate, by their intervals.

    ``base_rate`` is, for each row, that of the rows before it: nobody could have answered with the rate of these.
    ``leaks`` are sentences that name suspicious features: one of them is enough to stop it.
    """
    rows = len(positive)
    if leaks:
        return Verdict(promote=False, reason=f"stopped: {'; '.join(leaks)}", rows=rows)
    if _fewest(positive) < LEAST_OF_AN_OUTCOME:
        reason = (
            f"of the newest {rows:,} rows {_fewest(positive)} has one of the outcomes; to tell a model from "
            f"chance takes {LEAST_OF_AN_OUTCOME} of each: nothing to serve"
        )
        return Verdict(promote=False, reason=reason, rows=rows)
    gain = auc_difference(positive, challenger, np.zeros(rows), gate.confidence)
    # That the model knows something is shown by the AUC. What is left to find is whether its probabilities do harm, and
    # that by its interval too: where the base rate itself has just moved, any two answers to it differ by chance.
    loss = log_loss_difference(positive, challenger, base_rate, gate.confidence)
    figures = (
        f"AUC {0.5 + gain.value:.3f}, {gate.confidence:.0%} interval {0.5 + gain.low:.3f} to {0.5 + gain.high:.3f}; "
        f"log loss {_signed(loss)} against the base rate of the rows before"
    )
    if gain.low <= 0:
        reason = f"no better than chance on the newest {rows:,} rows ({figures}): nothing to serve"
    elif loss.low > 0:
        reason = f"its probabilities are worse than the base rate on the newest {rows:,} rows ({figures})"
    else:
        reason = f"first version: better than chance on the newest {rows:,} rows ({figures})"
    return Verdict(promote=gain.low > 0 and loss.low <= 0, reason=reason, rows=rows)


def judge(comparison: Comparison, gate: Gate, leaks: Sequence[str] = ()) -> Verdict:
    """A challenger must be better, or no worse than a champion that is old; and nothing may stop it.

    ``leaks`` are sentences that name suspicious features. The reason says all that counted.
    """
    positive, against = comparison.positive, comparison.champion_version
    rows = len(positive)
    if rows < gate.min_rows or _fewest(positive) < LEAST_OF_AN_OUTCOME:
        few = (
            f"{rows:,} rows are unseen by both this version and {against}; a comparison needs "
            f"{gate.min_rows:,}, with {LEAST_OF_AN_OUTCOME} of each outcome among them"
        )
        reason = f"stopped: {'; '.join(leaks)}; {few}" if leaks else few
        return Verdict(promote=False, reason=reason, against=against, rows=rows)
    auc = auc_difference(positive, comparison.challenger, comparison.champion, gate.confidence)
    loss = log_loss_difference(positive, comparison.challenger, comparison.champion, gate.confidence)
    promote, word = _ground(auc, loss, gate, is_old=comparison.champion_is_old)
    figures = (
        f"AUC {auc.value:+.3f} against {against} on {rows:,} rows unseen by both, {gate.confidence:.0%} "
        f"interval {auc.low:+.3f} to {auc.high:+.3f}; log loss {_signed(loss)}"
    )
    stops = [*leaks, *_calibration_stops(comparison, gate), *_segment_stops(comparison, gate)]
    if stops:
        return Verdict(promote=False, reason=f"stopped: {'; '.join([*stops, figures])}", against=against, rows=rows)
    return Verdict(promote=promote, reason=f"{word}: {figures}", against=against, rows=rows)


def _ground(auc: Interval, loss: Interval, gate: Gate, *, is_old: bool) -> tuple[bool, str]:
    """Whether the differences are a ground to promote, and which."""
    if auc.low > 0:
        return True, "better"
    # Beyond the margin nothing is no worse; within it, what many rows show to lose more than a trifle is.
    no_worse_auc = auc.low > -gate.margin and auc.high > -TRIFLE
    if no_worse_auc and loss.high < 0:
        return True, f"better calibrated to what came, and AUC no worse by {gate.margin:g}"
    # A higher log loss that the interval shows is worse, even where the ranking is as good.
    if is_old and no_worse_auc and loss.low <= 0:
        return True, f"no worse by {gate.margin:g} AUC, and the champion is older than its cadence"
    return False, "not shown to be better, nor to be no worse" if is_old else "not shown to be better"


def _calibration_stops(comparison: Comparison, gate: Gate) -> Iterator[str]:
    # Over few rows a calibration error is mostly noise, of the size of the bound itself. So the whole interval of the
    # paired difference must lie above the bound. A bootstrap, because the error is a sum of absolute values and has
    # no simple variance; it overstates small errors more than large ones, which errs on the side of not stopping.
    positive, ours, theirs = comparison.positive, comparison.challenger, comparison.champion
    grown = calibration_difference(positive, ours, theirs, gate.confidence)
    if grown.low > gate.calibration:
        errors = [calibration_error(curves(positive, scores)) for scores in (ours, theirs)]
        yield (
            f"calibration error {errors[0]:.3f} where {comparison.champion_version} has {errors[1]:.3f}, "
            f"{_signed(grown)}; gate.calibration allows {gate.calibration:g}"
        )


def _segment_stops(comparison: Comparison, gate: Gate) -> Iterator[str]:
    # The whole interval lies below the bound. To ask only that the loss itself exceeds the bound and that the interval
    # excludes zero would stop by chance alone one level in twenty of those with few rows, and there are many levels.
    for column, levels in comparison.segments.items():
        for level, rows in levels_of(levels):
            positive = comparison.positive[rows]
            if len(positive) < gate.min_rows or _fewest(positive) < LEAST_OF_AN_OUTCOME_IN_A_LEVEL:
                continue
            auc = auc_difference(positive, comparison.challenger[rows], comparison.champion[rows], gate.confidence)
            if auc.high < -gate.segment_loss:
                yield (
                    f"{column} {level!r}: AUC {_signed(auc)} on its {len(positive):,} rows; "
                    f"gate.segment_loss allows {-gate.segment_loss:g}"
                )


def _signed(interval: Interval) -> str:
    return f"{interval.value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def _fewest(positive: NDArray[np.bool_]) -> int:
    """The rows of the rarer outcome."""
    return int(min(positive.sum(), (~positive).sum()))
