"""A challenger before the gate: held against the champion on rows that neither has seen."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from shared.errors import BlobMissing, VersionError
from shared.training import gate
from shared.training.champion import age_days, scores_of
from shared.training.promote import promote, rival_of
from shared.training.versioning import holdout_probability

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from numpy.typing import NDArray

    from shared.store.records import Classifier, Verdict, Version
    from shared.store.registry import Registry
    from shared.training.versioning import Origin


@dataclass(frozen=True)
class Promotion:
    """Everything that the decision rests on."""

    origin: Origin
    registry: Registry
    now: Callable[[], datetime]
    ordered: bool = False
    """A person asked for a new version: no worse than the champion is enough, as when one is due."""

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.origin.use_case.model.name

    def preview(self, challenger: Classifier, predicted: NDArray[np.float64]) -> Verdict:
        """What the gate says as things stand; ``predicted`` are the challenger's answers to the holdout."""
        return self._judge(challenger, predicted, rival_of(challenger, self.registry.champion(self.model)))

    def decide(self, challenger: Classifier) -> Verdict:
        """Judge, and promote where the verdict says so."""
        problem = self.origin.problem
        predicted = holdout_probability(challenger, self.registry, len(problem.rows) - problem.folds.cut)
        return promote(challenger, self.registry, self.now, lambda rival: self._judge(challenger, predicted, rival))

    def _judge(self, challenger: Classifier, predicted: NDArray[np.float64], rival: str | None) -> Verdict:
        problem, bounds = self.origin.problem, self.origin.use_case.gate
        positive = problem.positive[problem.holdout]
        if rival is None:
            return self._judge_first(challenger, predicted)
        try:
            champion = self.registry.version(self.model, rival)
            unseen = problem.times[problem.holdout] > np.datetime64(champion.data.trained_to)
            rows = problem.kept[problem.holdout][unseen]
            theirs = scores_of(champion, self.origin.table.frame.iloc[rows], self.origin.use_case, self.registry)
        except (BlobMissing, VersionError) as error:
            # A champion that cannot answer is no champion: its successor is judged as a first version is.
            first = self._judge_first(challenger, predicted)
            reason = f"{rival} cannot score these rows ({error}); {first.reason}"
            return msgspec.structs.replace(first, reason=reason, against=rival)
        comparison = gate.Comparison(
            positive=positive[unseen],
            challenger=predicted[unseen],
            champion=theirs,
            champion_version=rival,
            champion_is_old=self._is_old(champion),
            segments=self.origin.segments(rows),
        )
        return gate.judge(comparison, bounds, challenger.leaks)

    def _judge_first(self, challenger: Classifier, predicted: NDArray[np.float64]) -> Verdict:
        problem = self.origin.problem
        # Of the fold before, as a calibration that follows the world would have it.
        folds = [problem.folds.choosing[-1], *problem.folds.judging]
        rates = [
            np.full(judged[1] - judged[0], problem.positive[before[0] : before[1]].mean())
            for before, judged in pairwise(folds)
        ]
        positive, bounds = problem.positive[problem.holdout], self.origin.use_case.gate
        return gate.judge_first(positive, predicted, np.concatenate(rates), bounds, challenger.leaks)

    def _is_old(self, champion: Version) -> bool:
        return self.ordered or age_days(champion, self.now()) >= self.origin.use_case.retraining.every_days
