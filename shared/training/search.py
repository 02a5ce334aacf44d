"""The search for the best classifier: settings are chosen on time-ordered folds, and what comes out is judged on newer
ones, each predicted by a fit on what was before it. Then the same recipe is fitted on all rows, and serves.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.errors import DropError
from shared.store.records import Candidate
from shared.training.blend import Blend, Weights, probability, weigh
from shared.training.candidates import Layout, trials
from shared.training.fits import Answer, Fits, side_by_side, workers
from shared.training.metrics import metrics
from shared.training.problem import both
from shared.training.splits import random_split

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from shared.catalog.spec import ClassificationTraining
    from shared.training.candidates import Trial
    from shared.training.problem import Problem
    from shared.training.splits import Fold

logger = logging.getLogger(__name__)

MOST_MEMBERS = 12
BLEND = "blend"
FIRST_LOOK = 0.25
"""Share of the time budget in which trials may be started."""
RANDOM_TEST = 0.2


@dataclass(frozen=True)
class Found:
    """What serves, fitted on all rows, and how it came about."""

    blend: Blend
    recipe: Candidate
    candidates: tuple[Candidate, ...]
    """The blend and its members, the heaviest first."""
    probability: NDArray[np.float64]
    """Of the holdout: each fold by the same recipe, fitted on what was before it."""
    warnings: tuple[str, ...] = ()


@dataclass(eq=False)
class Contender:
    """A trial, and what it has said of each fold so far, as log-odds."""

    trial: Trial
    said: dict[Fold, NDArray[np.float64]] = field(default_factory=dict)
    seconds: float = 0.0

    def loss(self, positive: NDArray[np.bool_]) -> float:
        """Mean log loss over the folds that it has answered; ``positive`` is of all rows."""
        truth = np.concatenate([positive[start:end] for start, end in self.said])
        odds = np.concatenate(list(self.said.values()))
        return float((np.logaddexp(0, odds) - truth * odds).mean())


def search(problem: Problem, training: ClassificationTraining, report: Callable[[str, int, int], None]) -> Found:
    """Choose, judge and fit. Raises DropError where no history has both outcomes to learn from."""
    fits = Fits(problem, Layout.of(problem.encoder.inputs), training.seed)
    return _Search(fits, training, report).run()


@dataclass
class _Search:
    """Successive halving over the settings of each family and history, then a blend of those that are best."""

    fits: Fits
    training: ClassificationTraining
    report: Callable[[str, int, int], None]
    started: float = field(default_factory=time.monotonic)
    warnings: list[str] = field(default_factory=list)
    done: int = 0
    steps: int = 1

    @property
    def problem(self) -> Problem:
        return self.fits.problem

    def run(self) -> Found:
        folds = self.problem.folds
        members = self._choose()
        self._answer([(member, fold) for fold in folds.judging for member in members], "judging")
        judged = self._judged(members)
        weights = self._weights(members, folds.every)
        kept = [place for place, weight in enumerate(weights.members) if weight > 0]
        members = [members[place] for place in kept]
        weights = Weights(weights.intercept, tuple(weights.members[place] for place in kept))
        self._tell("fitting on all rows")
        pipelines = tuple(side_by_side(self._fit, [member.trial for member in members]))
        recipe = self._recipe(members, weights, judged)
        return Found(
            blend=Blend(pipelines, weights),
            recipe=recipe,
            candidates=(recipe, *self._candidates(members, weights)),
            probability=judged,
            warnings=tuple(self.warnings),
        )

    def _fit(self, trial: Trial) -> Pipeline:
        return self.fits.before(trial, len(self.problem.rows))

    def _choose(self) -> list[Contender]:
        """One setting for each family and history, and of those the best that the budget has time for."""
        first, *others = self.problem.folds.choosing[::-1]
        contenders = self._first_look(first)
        for fold in others:
            contenders = self._halved(contenders)
            self._answer([(contender, fold) for contender in contenders], "trying")
        best = self._of_each_member(contenders, lambda _: 1)
        # Only those that have answered the same, complete folds are compared.
        return self._affordable(self._ranked(best)[:MOST_MEMBERS])

    def _first_look(self, fold: Fold) -> list[Contender]:
        tried = [trial for trial in trials(self.training, self.problem.folds.choosing[0][0]) if self._usable(trial)]
        if not tried:
            msg = "the older rows have too few of one outcome: no history before the folds holds both"
            raise DropError(msg)
        # The cheap ones first: a time budget that is too small still gets them all the way.
        tried.sort(key=lambda trial: trial.window(fold[0]).start, reverse=True)
        contenders = [Contender(trial) for trial in tried]
        self.steps = 2 * len(contenders) + 2 * self.training.folds * MOST_MEMBERS
        deadline = self.started + self.training.seconds * FIRST_LOOK
        self._answer([(contender, fold) for contender in contenders], "trying", deadline)
        looked = [contender for contender in contenders if contender.said]
        if len(looked) < len(contenders):
            self._warn(f"{len(looked)} of {len(contenders)} trials were begun")
        return looked

    def _usable(self, trial: Trial) -> bool:
        ends = [*(start for start, _ in self.problem.folds.every), len(self.problem.rows)]
        return all(both(self.problem.positive[trial.window(end)]) for end in ends)

    def _ranked(self, contenders: Sequence[Contender]) -> list[Contender]:
        return sorted(contenders, key=lambda contender: contender.loss(self.problem.positive))

    def _halved(self, contenders: Sequence[Contender]) -> list[Contender]:
        """The better half of the settings of each member."""
        return self._of_each_member(contenders, lambda rivals: (rivals + 1) // 2)

    def _of_each_member(self, contenders: Sequence[Contender], most: Callable[[int], int]) -> list[Contender]:
        rivals: dict[Hashable, list[Contender]] = {}
        for contender in self._ranked(contenders):
            rivals.setdefault(contender.trial.member, []).append(contender)
        return [contender for ranked in rivals.values() for contender in ranked[: most(len(ranked))]]

    def _affordable(self, ranked: list[Contender]) -> list[Contender]:
        """The best of them whose remaining fits have room in the time budget; one at least."""
        left = self.training.seconds - (time.monotonic() - self.started)
        kept: list[Contender] = []
        for contender in ranked:
            fits = len(self.problem.folds.judging) + 1
            costs = contender.seconds / len(contender.said) * fits / workers()
            if not kept or costs <= left:
                kept.append(contender)
                left -= costs
        if len(kept) < len(ranked):
            self._warn(f"{len(kept)} of {len(ranked)} members had time to be fitted")
        return kept

    def _warn(self, what: str) -> None:
        seconds = self.training.seconds
        self.warnings.append(f"training.seconds ({seconds:g}) cut the search short: {what}; a faster machine gets on")
        logger.warning("%s", self.warnings[-1])

    def _answer(self, work: Sequence[tuple[Contender, Fold]], doing: str, deadline: float = float("inf")) -> None:
        """Let contenders answer folds; none begins after the deadline but the first."""
        first = work[0]

        def attempt(task: tuple[Contender, Fold]) -> Answer | None:
            contender, fold = task
            late = task is not first and time.monotonic() > deadline
            return None if late else self.fits.answer(contender.trial, fold)

        for (contender, fold), answer in zip(work, side_by_side(attempt, work), strict=True):
            self._tell(f"{doing} {contender.trial.family.name}")
            if answer is not None:
                contender.said[fold] = answer.log_odds
                contender.seconds += answer.seconds

    def _tell(self, step: str) -> None:
        self.report(step, min(self.done, self.steps - 1), self.steps)
        self.done += 1

    def _judged(self, members: Sequence[Contender]) -> NDArray[np.float64]:
        """The holdout, fold by fold: each with the weights that the folds before it gave."""
        folds = self.problem.folds
        answers = []
        for place, fold in enumerate(folds.judging):
            weights = self._weights(members, (*folds.choosing, *folds.judging[:place]))
            answers.append(weights.log_odds(_said(members, fold)))
        return probability(np.concatenate(answers))

    def _weights(self, members: Sequence[Contender], folds: Sequence[Fold]) -> Weights:
        positive = self.problem.positive
        return weigh([_said(members, fold) for fold in folds], [positive[start:end] for start, end in folds])

    def _recipe(self, members: Sequence[Contender], weights: Weights, judged: NDArray[np.float64]) -> Candidate:
        choosing = self.problem.folds.choosing
        odds = np.concatenate([self._weights(members, choosing).log_odds(_said(members, fold)) for fold in choosing])
        return Candidate(
            family=BLEND,
            settings={"members": len(members), "intercept": round(weights.intercept, 4)},
            history="all",
            holdout=metrics(self.problem.positive[self.problem.holdout], judged),
            random_split_auc=self._random_split(members[int(np.argmax(weights.members))].trial),
            **self._on_folds(odds),
        )

    def _candidates(self, members: Sequence[Contender], weights: Weights) -> list[Candidate]:
        folds = self.problem.folds
        candidates = []
        for member, weight in zip(members, weights.members, strict=True):
            odds, newer = (
                np.concatenate([member.said[fold] for fold in part]) for part in (folds.choosing, folds.judging)
            )
            candidate = Candidate(
                family=member.trial.family.name,
                settings=member.trial.settings,
                history=member.trial.history,
                half_life=member.trial.half_life,
                holdout=metrics(self.problem.positive[self.problem.holdout], probability(newer)),
                weight=round(weight, 4),
                **self._on_folds(odds),
            )
            candidates.append(candidate)
        return sorted(candidates, key=lambda candidate: -(candidate.weight or 0))

    def _on_folds(self, odds: NDArray[np.float64]) -> dict[str, Any]:
        """The figures of the choosing folds, from log-odds of all their rows."""
        from sklearn.metrics import roc_auc_score

        folds = self.problem.folds
        truth = self.problem.positive[folds.choosing[0][0] : folds.cut]
        auc = float(roc_auc_score(truth, odds)) if both(truth) else 0.5
        return {"folds_auc": auc, "folds_log_loss": float((np.logaddexp(0, odds) - truth * odds).mean())}

    def _random_split(self, trial: Trial) -> float | None:
        """AUC of one member on a random fifth, for comparison only: shuffled rows have no history to choose from."""
        from sklearn.metrics import roc_auc_score

        problem = self.problem
        train, test = random_split(problem.positive, RANDOM_TEST, self.training.seed)
        if not both(problem.positive[train]) or not both(problem.positive[test]):
            return None  # one outcome is too rare to be on both sides
        most = int(min(len(train), trial.family.most_rows))
        pipeline = self.fits.on(replace(trial, history="all", half_life=None), train[:most])
        return float(roc_auc_score(problem.positive[test], pipeline.predict_proba(problem.rows[test])[:, 1]))


def _said(members: Sequence[Contender], fold: Fold) -> NDArray[np.float64]:
    """Log-odds of a fold's rows, shape (rows, members)."""
    return np.column_stack([member.said[fold] for member in members])
