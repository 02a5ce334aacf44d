"""Time-ordered splits. Rows stand oldest first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.catalog.spec import ClassificationTraining

LEAST_OUTCOMES = 50
"""Rows of the rarer outcome that a fold should have, to tell one model from another."""
MOST_JUDGED = 0.5
"""Share of the rows that all folds together may take: the rest is what the first of them is predicted from."""

Fold = tuple[int, int]


@dataclass(frozen=True)
class Folds:
    """The newest rows in folds (start, end): each is predicted by fits on rows before its start alone."""

    choosing: tuple[Fold, ...]
    """The older ones, by which settings and members are chosen."""
    judging: tuple[Fold, ...]
    """The newest ones, which judge what was chosen: together, the holdout."""

    @property
    def every(self) -> tuple[Fold, ...]:
        """All folds, oldest first."""
        return (*self.choosing, *self.judging)

    @property
    def cut(self) -> int:
        """Where the holdout begins."""
        return self.judging[0][0]


def time_folds(times: NDArray[Any], positive: NDArray[np.bool_], training: ClassificationTraining) -> Folds:
    """Folds as short as they can be and still tell models apart, so that they show the answers of a fresh model.

    A border is moved back to the first row of its instant (a day, where the time is a date), so that no row is judged
    by a fit on rows as old as itself; unless the fold before would lose half of its rows by that.
    """
    size = _fold_rows(positive, training)
    edges = [len(times) - size * left for left in range(2 * training.folds, -1, -1)]
    for place, edge in enumerate(edges[:-1]):
        aligned = int(np.searchsorted(times, times[edge], side="left"))
        if edge - aligned <= size / 2:
            edges[place] = aligned
    folds = tuple(pairwise(edges))
    return Folds(folds[: training.folds], folds[training.folds :])


def _fold_rows(positive: NDArray[np.bool_], training: ClassificationTraining) -> int:
    newer = positive[len(positive) // 2 :]
    rarer = min(newer.mean(), 1 - newer.mean())
    wanted = training.fold_rows if rarer == 0 else max(training.fold_rows, math.ceil(LEAST_OUTCOMES / rarer))
    return max(1, min(wanted, int(len(positive) * MOST_JUDGED) // (2 * training.folds)))


def random_split(positive: NDArray[np.bool_], share: float, seed: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Train and test rows of a stratified random split: what many reports quote, for comparison only."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(np.arange(len(positive)), test_size=share, stratify=positive, random_state=seed)
    return train, test
