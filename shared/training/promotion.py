"""A registered challenger before the gate: scored beside the champion on rows that neither has seen."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.errors import BlobConflict, BlobMissing, VersionError
from shared.features import Encoder
from shared.store import names
from shared.store.records import HistoryEntry
from shared.store.registry import GRAPH_FILE
from shared.training import gate, to_onnx

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from numpy.typing import NDArray

    from shared.catalog.spec import UseCase
    from shared.store.records import Version
    from shared.store.registry import Registry
    from shared.training.classification import Problem
    from shared.training.table import Table

logger = logging.getLogger(__name__)

ATTEMPTS = 5


@dataclass(frozen=True)
class Promotion:
    """Everything that the decision rests on."""

    use_case: UseCase
    registry: Registry
    challenger: Version
    table: Table
    problem: Problem
    now: Callable[[], datetime]

    def decide(self) -> gate.Verdict:
        """Judge, and promote where the verdict says so; judge again where the champion changed meanwhile."""
        model = self.challenger.model
        for _ in range(ATTEMPTS):
            serving = self.registry.champion(model)
            champion = serving.champion if serving else None
            # A run that died after promoting finds its own version as champion, and judges it as it was judged then.
            promoted = champion is not None and champion.version == self.challenger.version
            rival = (champion.previous if promoted else champion.version) if champion else None
            verdict = self._judge(rival)
            if not verdict.promote and not promoted:
                return verdict
            try:
                self.registry.promote(model, self._entry(rival, verdict), serving)
            except BlobConflict:
                logger.info("%s: the champion changed while %s was judged", model, self.challenger.version)
                continue
            return gate.Verdict(True, verdict.reason)
        msg = f"{model}: the champion changed {ATTEMPTS} times while {self.challenger.version} was judged"
        raise BlobConflict(msg)

    def _entry(self, rival: str | None, verdict: gate.Verdict) -> HistoryEntry:
        return HistoryEntry(
            at=names.stamp(self.now()),
            action="promoted",
            version=self.challenger.version,
            previous=rival,
            why=verdict.reason,
            who="train_blob_trigger",
        )

    def _judge(self, rival: str | None) -> gate.Verdict:
        _, positive = self.problem.holdout
        everything = np.ones(len(positive), dtype=bool)
        ours = self._scores_of(self.challenger, everything)
        if rival is None:
            return gate.judge_first(positive, ours, self.use_case.gate)
        try:
            version = self.registry.version(self.challenger.model, rival)
            unseen = self._unseen_by(version)
            theirs = self._scores_of(version, unseen)
        except (BlobMissing, VersionError) as error:
            # A champion that cannot answer is no champion: its successor is judged as a first version is.
            first = gate.judge_first(positive, ours, self.use_case.gate)
            return gate.Verdict(first.promote, f"{rival} cannot score these rows ({error}); {first.reason}")
        return gate.judge(positive[unseen], ours[unseen], theirs, rival, self.use_case.gate)

    def _unseen_by(self, version: Version) -> NDArray[np.bool_]:
        """Of the holdout, the rows newer than everything that ``version`` was trained on; shape (holdout,)."""
        times = self.table.frame[self.use_case.dataset.column_with("time")].to_numpy()[self.problem.cut :]
        newer: NDArray[np.bool_] = times > np.datetime64(version.data.trained_to)
        return newer

    def _scores_of(self, version: Version, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
        """What a version's stored graph answers for the ``chosen`` rows of the holdout."""
        rows = self.table.frame.iloc[self.problem.cut :][chosen]
        columns = self.use_case.dataset.features()
        changed = [
            item.name
            for item in version.inputs
            if item.name not in columns or (item.type == "category") != (columns[item.name].type == "category")
        ]
        if changed:
            msg = f"the catalog no longer has its columns {', '.join(changed)}, or has them with another type"
            raise VersionError(msg)
        encoder = Encoder(version.inputs)
        encoded = encoder.encode({item.name: rows[item.name].to_numpy() for item in version.inputs}, len(rows))
        return to_onnx.probabilities(self.registry.file(version, GRAPH_FILE), encoded)
