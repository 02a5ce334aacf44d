"""How good probabilities are on parts of the rows. Pure; all arrays have shape (rows,)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.store.records import Segment
from shared.training.metrics import calibration_error, curves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

MOST_LEVELS = 20
LEAST_ROWS = 50
LEAST_OF_AN_OUTCOME_IN_A_LEVEL = 10
"""With fewer rows of one outcome an AUC is a guess: its standard error is a tenth and more."""
EMPTY = "(empty)"


def segments_of(
    positive: NDArray[np.bool_], probability: NDArray[np.floating], segments: Mapping[str, NDArray[np.object_]]
) -> tuple[Segment, ...]:
    """Each column's levels, the largest first and at most MOST_LEVELS of them.

    ``segments`` is column name to the level of each row. AUC and calibration error are None where a level has fewer
    than LEAST_ROWS rows or LEAST_OF_AN_OUTCOME_IN_A_LEVEL of an outcome.
    """
    return tuple(
        _segment(column, level, positive[rows], probability[rows])
        for column, levels in segments.items()
        for level, rows in list(levels_of(levels))[:MOST_LEVELS]
    )


def levels_of(levels: NDArray[np.object_]) -> Iterator[tuple[str, NDArray[np.int_]]]:
    """Each level with the numbers of its rows: the largest first, by name where they are equal; None is EMPTY."""
    texts = np.array([EMPTY if level is None else str(level) for level in levels], dtype=np.str_)
    names, places, counts = np.unique(texts, return_inverse=True, return_counts=True)
    rows = np.split(np.argsort(places, kind="stable"), np.cumsum(counts)[:-1])
    for place in np.argsort(-counts, kind="stable"):
        yield str(names[place]), rows[place]


def _segment(column: str, level: str, positive: NDArray[np.bool_], probability: NDArray[np.floating]) -> Segment:
    from sklearn.metrics import roc_auc_score

    rows, positives = len(positive), int(positive.sum())
    enough = rows >= LEAST_ROWS and min(positives, rows - positives) >= LEAST_OF_AN_OUTCOME_IN_A_LEVEL
    return Segment(
        column=column,
        level=level,
        rows=rows,
        base_rate=positives / rows,
        auc=float(roc_auc_score(positive, probability)) if enough else None,
        calibration_error=calibration_error(curves(positive, probability)) if enough else None,
    )
