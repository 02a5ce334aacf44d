"""How the champion and the world have fared on the rows that came since it was trained."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from shared.store.records import Watch
from shared.training.drift import psi, separability
from shared.training.gate import LEAST_OF_AN_OUTCOME
from shared.training.metrics import auc_difference, metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.store.records import Input

MOST_FEATURES = 20
"""So many indices are kept, the largest."""
DIGITS = 4


@dataclass(frozen=True)
class Rows:
    """The rows that the champion was trained on and those that came since, as its encoder writes them."""

    inputs: tuple[Input, ...]
    old: NDArray[np.float32]
    """Shape (old rows, inputs)."""
    new: NDArray[np.float32]
    """Shape (new rows, inputs)."""
    positive: NDArray[np.bool_]
    """Outcomes of the new rows."""
    probability: NDArray[np.floating] | None
    """What the champion says of the new rows; None where it cannot answer."""
    base_rate_before: float
    """The share of positives among the old rows."""


def measure(champion: str, rows: Rows, confidence: float, seed: int) -> Watch:
    """The champion's figures on the new rows, with an interval of its AUC, and the drift of the rows themselves.

    ``confidence`` is that of the two-sided interval. What cannot be measured (new rows of one outcome, a champion that
    does not answer, few rows) is left empty.
    """
    began = time.perf_counter()
    low, high = _auc_interval(rows, confidence)
    return Watch(
        champion=champion,
        rows=len(rows.positive),
        metrics=_metrics(rows),
        auc_low=low,
        auc_high=high,
        base_rate_before=rows.base_rate_before,
        base_rate=float(rows.positive.mean()) if len(rows.positive) else None,
        psi=_largest_psi(rows),
        drift_auc=_rounded(separability(rows.old, rows.new, seed)),
        seconds=round(time.perf_counter() - began, 3),
    )


def _metrics(rows: Rows) -> dict[str, float]:
    if rows.probability is None or _rarer(rows.positive) == 0:
        return {}
    return metrics(rows.positive, rows.probability)


def _auc_interval(rows: Rows, confidence: float) -> tuple[float | None, float | None]:
    if rows.probability is None or _rarer(rows.positive) < LEAST_OF_AN_OUTCOME:
        return None, None
    above_chance = auc_difference(rows.positive, rows.probability, np.zeros(len(rows.positive)), confidence)
    return max(0.0, 0.5 + above_chance.low), min(1.0, 0.5 + above_chance.high)


def _largest_psi(rows: Rows) -> dict[str, float]:
    largest = islice(psi(rows.old, rows.new, rows.inputs).items(), MOST_FEATURES)
    return {name: round(index, DIGITS) for name, index in largest}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _rarer(positive: NDArray[np.bool_]) -> int:
    """The rows of the rarer outcome."""
    return int(min(positive.sum(), (~positive).sum()))
