"""The search for the best classifier: settings are chosen on time-ordered folds inside the older rows, and what comes
out is measured on the newest ones, once."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.errors import DropError
from shared.features import Encoder
from shared.store.records import Candidate, Input
from shared.training.candidates import FAMILIES, Layout
from shared.training.metrics import metrics
from shared.training.splits import holdout_start, random_split, time_folds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from shared.catalog.spec import History, Training, UseCase
    from shared.training.candidates import Family

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """Encoded rows, oldest first, and where the holdout begins."""

    encoder: Encoder
    rows: NDArray[np.float32]
    positive: NDArray[np.bool_]
    cut: int

    @property
    def holdout(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The newest rows and their outcomes."""
        return self.rows[self.cut :], self.positive[self.cut :]


@dataclass(frozen=True)
class Trial:
    """One family with one of its settings on one length of history."""

    family: Family
    settings: dict[str, Any]
    history: History

    def window(self, end: int) -> NDArray[np.int_]:
        """The rows to learn from when everything from ``end`` on is still to come."""
        return np.arange(0 if self.history == "all" else max(0, end - int(self.history)), end)

    def fit(self, problem: Problem, rows: NDArray[np.int_], seed: int) -> Pipeline:
        """A pipeline fitted on these rows."""
        layout = Layout.of(problem.encoder.inputs)
        return self.family.fit(self.settings, layout, seed, problem.rows[rows], problem.positive[rows])


@dataclass(frozen=True)
class Found:
    """The winner, fitted on the rows before the holdout, and who it won against."""

    pipeline: Pipeline
    recipe: Candidate
    candidates: tuple[Candidate, ...]
    probability: NDArray[np.float64]
    """Of the winner, on the holdout."""


def pose(frame: pd.DataFrame, use_case: UseCase) -> Problem:
    """Encode a checked table. Raises DropError where there is too little to learn from."""
    training = use_case.training
    if len(frame) < training.min_rows:
        msg = f"{len(frame):,} rows fit the catalog; training.min_rows asks for {training.min_rows:,}"
        raise DropError(msg)
    positive = _positive(frame, use_case)
    cut = holdout_start(frame[use_case.dataset.column_with("time")].to_numpy(), training.holdout)
    for part, name in ((positive[:cut], "older rows, which train"), (positive[cut:], "newest rows, which judge")):
        if not _both(part):
            target = use_case.dataset.column_with("target")
            msg = f"{target}: the {name}, have one outcome only ({part.sum():,} of {len(part):,} are positive)"
            raise DropError(msg)
    encoder = Encoder(model_inputs(use_case, frame[:cut]))
    columns = {item.name: frame[item.name].to_numpy() for item in encoder.inputs}
    return Problem(encoder, encoder.encode(columns, len(frame)), positive, cut)


def _positive(frame: pd.DataFrame, use_case: UseCase) -> NDArray[np.bool_]:
    target = use_case.dataset.column_with("target")
    wanted: object = use_case.model.positive
    if use_case.dataset.columns[target].type == "boolean":
        wanted = float(use_case.model.positive == "true")
    outcome: NDArray[np.bool_] = (frame[target] == wanted).to_numpy(dtype=bool)
    return outcome


def model_inputs(use_case: UseCase, seen: pd.DataFrame) -> tuple[Input, ...]:
    """What the model takes: the catalog's features, with the levels that the catalog declares or training saw."""
    return tuple(
        Input(
            name=name,
            type=column.type,  # type: ignore[arg-type]  # the catalog admits feature types only
            nullable=column.nullable,
            min=column.min,
            max=column.max,
            levels=_levels(column.levels, seen[name]) if column.type == "category" else (),
            description=column.description,
        )
        for name, column in use_case.dataset.features().items()
    )


def _levels(declared: tuple[str, ...] | None, values: pd.Series[Any]) -> tuple[str, ...]:
    return declared if declared is not None else tuple(sorted(values.dropna().unique()))


def search(problem: Problem, training: Training, report: Callable[[str, int, int], None]) -> Found:
    """Try every family, setting and length of history; the best on the folds wins."""
    from threadpoolctl import threadpool_limits

    # OpenMP's threads wait for each other by spinning: on a busy machine boosted trees take 20 times as long with two
    # threads as with one, and on an idle one three quarters. Forests run on threads of their own.
    with threadpool_limits(limits=1):
        return _search(problem, training, report)


def _search(problem: Problem, training: Training, report: Callable[[str, int, int], None]) -> Found:
    trials = list(_trials(training, problem.cut))
    deadline = time.monotonic() + training.seconds
    steps = len(trials) + len(FAMILIES)
    scored: list[tuple[float, Trial]] = []
    for index, trial in enumerate(trials):
        if scored and time.monotonic() > deadline:
            logger.warning("training.seconds (%g) is over: %d of %d trials made", training.seconds, index, len(trials))
            break
        report(f"trying {trial.family.name}", index, steps)
        folds_auc = _folds_auc(trial, problem, training)
        if folds_auc is not None:
            scored.append((folds_auc, trial))
    finalists = _best_of_each_family(scored)
    finished = []
    for index, (folds_auc, trial) in enumerate(finalists):
        report(f"measuring {trial.family.name} on the newest rows", len(trials) + index, steps)
        finished.append(_measure(trial, folds_auc, problem, training))
    pipeline, recipe, probability = finished[0]
    return Found(pipeline, recipe, tuple(candidate for _, candidate, _ in finished), probability)


def _trials(training: Training, rows: int) -> Iterator[Trial]:
    """Cheap families first, so that a time budget that is too small still gets them all the way."""
    lengths: list[History] = [length for length in training.history if length == "all" or int(length) < rows]
    for family in FAMILIES:
        for settings in family.settings:
            for length in lengths or ["all"]:
                yield Trial(family, settings, length)


def _folds_auc(trial: Trial, problem: Problem, training: Training) -> float | None:
    """Mean AUC over the folds that have both outcomes, in them and before them; None where no fold has."""
    from sklearn.metrics import roc_auc_score

    scores = []
    for start, end in time_folds(problem.cut, training.folds):
        rows, judged = trial.window(start), problem.positive[start:end]
        if _both(problem.positive[rows]) and _both(judged):
            pipeline = trial.fit(problem, rows, training.seed)
            scores.append(roc_auc_score(judged, pipeline.predict_proba(problem.rows[start:end])[:, 1]))
    usable = scores and _both(problem.positive[trial.window(problem.cut)])
    return float(np.mean(scores)) if usable else None


def _both(positive: NDArray[np.bool_]) -> bool:
    return bool(positive.any() and not positive.all())


def _best_of_each_family(scored: list[tuple[float, Trial]]) -> list[tuple[float, Trial]]:
    """One trial per family, the best first. Raises DropError where none could be judged."""
    best: dict[str, tuple[float, Trial]] = {}
    for folds_auc, trial in scored:
        if trial.family.name not in best or folds_auc > best[trial.family.name][0]:
            best[trial.family.name] = (folds_auc, trial)
    if not best:
        msg = "the older rows have too few of one outcome: no time-ordered fold holds both"
        raise DropError(msg)
    return sorted(best.values(), key=lambda pair: -pair[0])


def _measure(
    trial: Trial, folds_auc: float, problem: Problem, training: Training
) -> tuple[Pipeline, Candidate, NDArray[np.float64]]:
    """Fit on the rows before the holdout and judge on it; beside it, the random split that flatters."""
    from sklearn.metrics import roc_auc_score

    pipeline = trial.fit(problem, trial.window(problem.cut), training.seed)
    rows, positive = problem.holdout
    probability = pipeline.predict_proba(rows)[:, 1]
    train, test = random_split(problem.positive, training.holdout, training.seed)
    shuffled = None  # where one outcome is too rare to be on both sides
    if _both(problem.positive[train]) and _both(problem.positive[test]):
        guessed = trial.fit(problem, train, training.seed).predict_proba(problem.rows[test])[:, 1]
        shuffled = float(roc_auc_score(problem.positive[test], guessed))
    candidate = Candidate(
        family=trial.family.name,
        settings=trial.settings,
        history=trial.history,
        folds_auc=folds_auc,
        holdout=metrics(positive, probability),
        random_split_auc=shuffled,
    )
    return pipeline, candidate, probability
