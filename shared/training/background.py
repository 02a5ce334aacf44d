"""The rows that answers are compared with when they are explained: few, and like the newest that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.features import is_coded
from shared.store.background import Background

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.store.records import Input
    from shared.training.problem import Problem

NEWEST = 2_000
"""Rows that the background stands for; further back the world was another."""
ROWS = 32
"""The time that explaining takes grows with them."""
DRAWINGS = 1_000
SEED = 7


def background(problem: Problem, probability: NDArray[np.floating]) -> Background:
    """Choose it; ``probability`` is what the version's graph answers to ``newest(problem)``, shape (rows,)."""
    rows, inputs = newest(problem), problem.encoder.inputs
    times = problem.times[-len(rows) :]
    return Background(
        inputs=tuple(item.name for item in inputs),
        rows=tuple(tuple(_plain(value) for value in row) for row in rows[representative(rows, probability, inputs)]),
        chosen_from=len(rows),
        first=str(np.datetime_as_string(times[0])),
        last=str(np.datetime_as_string(times[-1])),
    )


def newest(problem: Problem) -> NDArray[np.float32]:
    """The rows to choose from, oldest first, shape (rows, inputs)."""
    return problem.rows[-NEWEST:]


def representative(
    rows: NDArray[np.float32], probability: NDArray[np.floating], inputs: Sequence[Input]
) -> NDArray[np.intp]:
    """The places of ROWS rows, in order; of all, where there are no more.

    One comes from each of ROWS equally large classes by probability, so that the average answer is that of all. Of many
    such drawings that one is taken whose columns are most like those of all rows: the mean rank of numbers, the
    share of each level and of empty values.
    """
    if len(rows) <= ROWS:
        return np.arange(len(rows))
    classes = np.array_split(np.argsort(probability, kind="stable"), ROWS)
    random = np.random.default_rng(SEED)
    drawings = np.stack([random.choice(members, DRAWINGS) for members in classes], axis=1)
    profiles = _profiles(rows, probability, inputs)
    wanted = profiles.mean(axis=0)
    distances = [((profiles[drawing].mean(axis=0) - wanted) ** 2).sum() for drawing in drawings]
    return np.sort(drawings[int(np.argmin(distances))])


def _profiles(
    rows: NDArray[np.float32], probability: NDArray[np.floating], inputs: Sequence[Input]
) -> NDArray[np.float64]:
    """Numbers of about the same spread whose means say what the rows are like, shape (rows, numbers)."""
    numbers = [_ranks(np.asarray(probability, dtype=np.float64))]
    for column, item in zip(rows.T, inputs, strict=True):
        if is_coded(item):
            numbers += [column == code for code in np.unique(column)]
        else:
            numbers += [_ranks(column.astype(np.float64)), np.isnan(column)]
    return np.column_stack(numbers).astype(np.float64)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 to 1, the same for the same values; an empty one is in the middle."""
    known = np.sort(values[~np.isnan(values)])
    between = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2
    return np.where(np.isnan(values), 0.5, between / max(len(known), 1))


def _plain(value: np.float32) -> float | None:
    return None if np.isnan(value) else float(value)
