"""Time-ordered splits. Rows stand oldest first; a split is the number of rows on its older side."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_FOLD = 0.625
"""The folds judge the newest three eighths of the training rows, each on everything older than itself."""


def holdout_start(times: NDArray[Any], share: float) -> int:
    """Where the newest ``share`` of the rows begins, moved back to the start of its instant.

    So no row of the holdout is as old as a training row; unless that would leave less than half of what was asked
    for to train on, as where all rows have one time.
    """
    cut = round(len(times) * (1 - share))
    aligned = int(np.searchsorted(times, times[cut], side="left"))
    return aligned if aligned >= cut / 2 else cut


def time_folds(rows: int, folds: int) -> list[tuple[int, int]]:
    """``folds`` pairs (start, end) of validation rows at the newer end of ``rows``; training is all before start."""
    edges = [round(rows * edge) for edge in np.linspace(FIRST_FOLD, 1.0, folds + 1)]
    return list(pairwise(edges))


def random_split(positive: NDArray[np.bool_], share: float, seed: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Train and test rows of a stratified random split: what many reports quote, for comparison only."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(np.arange(len(positive)), test_size=share, stratify=positive, random_state=seed)
    return train, test
