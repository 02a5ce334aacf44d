"""Whether a challenger may serve. Pure: scores in, a decision and its reasons out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.training.metrics import auc_difference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.catalog.spec import Gate


@dataclass(frozen=True)
class Verdict:
    """Promote or not, and why, in words for the run record and the history."""

    promote: bool
    reason: str


LEAST_OF_AN_OUTCOME = 2
"""With one row of an outcome, its scores have no variance to estimate."""


def judge_first(positive: NDArray[np.bool_], challenger: NDArray[np.floating], gate: Gate) -> Verdict:
    """The first version must rank better than chance."""
    if _fewest(positive) < LEAST_OF_AN_OUTCOME:
        return Verdict(
            False,
            f"of the newest {len(positive):,} rows {_fewest(positive)} has one of the outcomes; to tell a model from "
            f"chance takes {LEAST_OF_AN_OUTCOME} of each: nothing to serve",
        )
    gain = auc_difference(positive, challenger, np.zeros(len(positive)), gate.confidence)
    figures = (
        f"AUC {0.5 + gain.value:.3f}, {gate.confidence:.0%} interval {0.5 + gain.low:.3f} to {0.5 + gain.high:.3f}"
    )
    if gain.low > 0:
        return Verdict(True, f"first version: better than chance on the newest {len(positive):,} rows ({figures})")
    return Verdict(False, f"no better than chance on the newest {len(positive):,} rows ({figures}): nothing to serve")


def judge(
    positive: NDArray[np.bool_],
    challenger: NDArray[np.floating],
    champion: NDArray[np.floating],
    champion_version: str,
    gate: Gate,
) -> Verdict:
    """A challenger must rank better than the champion on rows that neither was trained on, by a paired interval."""
    rows = len(positive)
    if rows < gate.min_rows or _fewest(positive) < LEAST_OF_AN_OUTCOME:
        return Verdict(
            False,
            f"{rows:,} rows are unseen by both this version and {champion_version}; a comparison needs "
            f"{gate.min_rows:,}, with {LEAST_OF_AN_OUTCOME} of each outcome among them",
        )
    gain = auc_difference(positive, challenger, champion, gate.confidence)
    figures = (
        f"AUC {gain.value:+.3f} against {champion_version} on {rows:,} rows unseen by both, {gate.confidence:.0%} "
        f"interval {gain.low:+.3f} to {gain.high:+.3f}"
    )
    if gain.low > 0:
        return Verdict(True, f"better: {figures}")
    return Verdict(False, f"not shown to be better: {figures}")


def _fewest(positive: NDArray[np.bool_]) -> int:
    """The rows of the rarer outcome."""
    return int(min(positive.sum(), (~positive).sum()))
