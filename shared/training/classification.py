"""The task of classification; see ``shared.training.task``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import VersionError
from shared.store.records import Classifier
from shared.training.champion import age_days, newer_than, watch
from shared.training.policy import decide
from shared.training.problem import pose
from shared.training.promotion import Promotion
from shared.training.search import search
from shared.training.versioning import Origin, make_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from shared.catalog.spec import ClassificationCase
    from shared.store.records import Candidate, Order, Verdict, Version, Watch
    from shared.store.registry import Registry
    from shared.training.policy import Due
    from shared.training.table import Table
    from shared.training.task import Report


@dataclass(frozen=True)
class ClassificationTask:
    """The rows, posed as a problem, and what judges its solution."""

    origin: Origin
    promotion: Promotion

    @classmethod
    def of(
        cls,
        use_case: ClassificationCase,
        slot: str,
        table: Table,
        registry: Registry,
        now: Callable[[], datetime],
        *,
        ordered: bool,
    ) -> ClassificationTask:
        """Raises DropError where there is too little to learn from."""
        origin = Origin(use_case, slot, table, pose(table.frame, use_case))
        return cls(origin, Promotion(origin, registry, now, ordered=ordered))

    @property
    def version(self) -> str:
        """See Task."""
        return self.origin.version

    def watch(self, champion: Version) -> Watch:
        """See Task."""
        origin = self.origin
        return watch(_classifier(champion), origin.table.frame, origin.use_case, self.promotion.registry)

    def due(self, watched: Watch | None, champion: Version | None, newest: Version | None, order: Order | None) -> Due:
        """See Task."""
        use_case, frame = self.origin.use_case, self.origin.table.frame
        return decide(
            use_case.retraining,
            watch=watched,
            age_days=age_days(newest, self.promotion.now()) if newest else None,
            fresh_rows=newer_than(newest, frame, use_case) if newest else 0,
            expected_auc=champion.metrics.get("auc") if champion else None,
            order=order,
        )

    def make(self, report: Report) -> Version:
        """See Task."""
        found = search(self.origin.problem, self.origin.use_case.training, report)
        report("converting and checking", 1, 1)
        return make_version(self.origin, found, self.promotion.registry, self.promotion.preview)

    def decide(self, version: Version) -> Verdict:
        """See Task."""
        return self.promotion.decide(_classifier(version))

    def candidates(self, version: Version) -> tuple[Candidate, ...]:
        """See Task."""
        return _classifier(version).candidates

    def publish(self, serving: Version) -> None:
        """See Task. A classifier is asked; there is nothing to write."""


def _classifier(version: Version) -> Classifier:
    if not isinstance(version, Classifier):
        msg = f"{version.model} {version.version}: was made for another task than classification"
        raise VersionError(msg)
    return version
