"""The figure that flatters: the same search on rows in random order, as most reports do it. For comparison only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shared.errors import DropError
from shared.training.metrics import metrics
from shared.training.problem import both, pose
from shared.training.search import RANDOM_TEST, search
from shared.training.splits import random_split, time_folds

if TYPE_CHECKING:
    from shared.catalog.spec import ClassificationCase
    from shared.training.problem import Problem
    from shared.training.table import Table


def random_split_metrics(table: Table, use_case: ClassificationCase) -> dict[str, float]:
    """Metrics on a random stratified fifth of the table, of what the factory makes of the other four.

    Settings, history and weights are chosen on those four alone. Raises DropError as ``pose`` and ``search`` do.
    """
    problem = pose(table.frame, use_case)
    train, test = random_split(problem.positive, RANDOM_TEST, use_case.training.seed)
    shuffled = _of(problem, train, use_case)
    cut = shuffled.folds.cut
    if not all(both(part) for part in (shuffled.positive[:cut], shuffled.positive[cut:], problem.positive[test])):
        msg = "one outcome is too rare to be in every part of a random split"
        raise DropError(msg)
    found = search(shuffled, use_case.training, lambda *_: None)
    return metrics(problem.positive[test], found.blend.predict(problem.rows[test]))


def _of(problem: Problem, rows: np.ndarray, use_case: ClassificationCase) -> Problem:
    """The problem of some rows in this order, in which time has no part."""
    times = np.arange(len(rows))
    positive = problem.positive[rows]
    folds = time_folds(times, positive, use_case.training)
    return replace(
        problem, rows=problem.rows[rows], positive=positive, times=times, folds=folds, kept=problem.kept[rows]
    )
