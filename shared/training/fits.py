"""Fits beside each other, on every core that the process may use."""

from __future__ import annotations

import os
import time
import warnings
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.training.blend import log_odds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from shared.training.candidates import Layout, Trial
    from shared.training.problem import Problem
    from shared.training.splits import Fold


@dataclass(frozen=True)
class Answer:
    """What a trial says of a fold, as log-odds, and what it took."""

    log_odds: NDArray[np.float64]
    seconds: float


@dataclass(frozen=True)
class Fits:
    """Fits trials on rows of one problem."""

    problem: Problem
    layout: Layout
    seed: int

    def before(self, trial: Trial, end: int) -> Pipeline:
        """A trial fitted as if everything from row ``end`` on were still to come."""
        window = trial.window(end)
        return self.on(trial, window)

    def on(self, trial: Trial, rows: slice | NDArray[np.int_]) -> Pipeline:
        """A trial fitted on these rows."""
        from threadpoolctl import threadpool_limits

        # OpenMP's threads wait for each other by spinning: on a busy machine boosted trees take 20 times as long with
        # two threads as with one, and on an idle one three quarters. Fits run beside each other instead.
        with threadpool_limits(limits=1):
            return trial.fit(self.layout, self.seed, self.problem.rows[rows], self.problem.positive[rows])

    def answer(self, trial: Trial, fold: Fold) -> Answer:
        """What a trial, fitted on what was before a fold, says of its rows."""
        started = time.monotonic()
        start, end = fold
        said = log_odds(self.before(trial, start), self.problem.rows[start:end])
        return Answer(said, time.monotonic() - started)


def workers() -> int:
    """How many fits run at once."""
    return os.process_cpu_count() or 1


def side_by_side[T, R](function: Callable[[T], R], work: Iterable[T]) -> Iterator[R]:
    """The results in the order of the work. By joblib: threads here, or the backend that the caller configured."""
    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_limits

    stopped = False
    tasks = (delayed(function)(item) for item in work if not stopped)
    # BLAS has one limit for the whole process, which a fit that ends would lift from those beside it: with more
    # threads their sums have other last bits. Held here, there is nothing to lift.
    with threadpool_limits(limits=1), _no_false_alarm():
        results: Iterator[R] = Parallel(n_jobs=workers(), prefer="threads", return_as="generator")(tasks)
        try:
            for result in results:  # noqa: UP028  # which would close the results with this generator
                yield result
        finally:
            # Where the caller failed meanwhile, what has begun is waited for: joblib warns of results left behind.
            stopped = True
            with suppress(Exception):
                deque(results, maxlen=0)


@contextmanager
def _no_false_alarm() -> Iterator[None]:
    """Keep quiet about one warning, which is for callers of joblib that scikit-learn's forests are not.

    Each forest empties the process's warning filters for a moment, and another thread then takes itself for such a
    caller. A filter of ours would be gone in that moment too, and after it all filters may be.
    """
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(message: Warning | str, *where: Any, **how: Any) -> None:
            if "sklearn.utils.parallel.delayed" not in str(message):
                shown(message, *where, **how)

        warnings.showwarning = show
        yield
