"""Versions that classify, in memory; and how a version of any task gets there."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.errors import VersionError
from shared.features import FEW_ROWS, GRAPH_OUTPUT
from shared.scoring.compared import Comparison, compared
from shared.scoring.forecasts.loaded import LoadedForecast
from shared.scoring.formats.csv_request import CsvReader
from shared.scoring.formats.render import Renderer
from shared.scoring.serving.loaded import LoadedVersion
from shared.store.forecasts import Forecaster
from shared.store.predictions import Told
from shared.store.records import Classifier
from shared.store.registry import GRAPH_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.scoring.scored import Scored
    from shared.store.registry import Registry

ROUNDING = 1e-5
"""So far from 0 or 1 the sums of 32-bit floats may end; it is put right."""


class LoadedClassifier(LoadedVersion):
    """A version that gives the probability of an outcome."""

    output = GRAPH_OUTPUT
    width = 2
    comparison = Comparison
    version: Classifier

    def __init__(self, version: Classifier, graph: bytes) -> None:
        """Raises VersionError as every version does."""
        super().__init__(version, graph)
        self._renderer = Renderer(version)

    @property
    def renderer(self) -> Renderer:
        """See LoadedVersion."""
        return self._renderer

    @cached_property
    def csv_reader(self) -> CsvReader:
        """See LoadedVersion; most processes never see a CSV."""
        return CsvReader(self.version)

    def checked(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """See LoadedVersion: probabilities of the positive outcome, shape (n,)."""
        if len(found) <= FEW_ROWS:
            if all(0.0 <= one <= 1.0 for one in found.tolist()):
                return found
        elif found.min() >= 0.0 and found.max() <= 1.0:  # NaN is neither
            return found
        near = np.clip(found, 0.0, 1.0)
        if not (np.abs(near - found) <= ROUNDING).all():
            worst = found[~(np.abs(near - found) <= ROUNDING)][0]
            msg = f"{self.version.model} {self.version.version}: {GRAPH_FILE} gave {worst} where a probability belongs"
            raise VersionError(msg)
        return near

    def told(self, outputs: NDArray[np.float32]) -> Sequence[Told]:
        """See LoadedVersion."""
        rule = self.version.decision
        return [
            Told(probability=round(probability, 6), decision=rule.act if probability >= rule.threshold else rule.skip)
            for probability in outputs.tolist()
        ]

    def about(self) -> dict[str, Any]:
        """See LoadedVersion."""
        return {"positive": self.version.positive, "decision": self.version.decision}

    def compared(self, both: Sequence[tuple[Scored, Scored]]) -> tuple[Any, list[Any]]:
        """See LoadedVersion."""
        return compared(both)

    def _taken(self, answer: NDArray[np.float32]) -> NDArray[np.float32]:
        return answer[:, 1]


def load_version(registry: Registry, model: str, version: str) -> LoadedVersion:
    """Read a version whole, checked by hash. Raises VersionError, BlobMissing, StoreUnavailable."""
    record = registry.version(model, version)
    if (record.model, record.version) != (model, version):
        msg = f"{model} {version}: version.json is that of {record.model} {record.version}"
        raise VersionError(msg)
    if isinstance(record, Classifier):
        return LoadedClassifier(record, registry.file(record, GRAPH_FILE))
    if isinstance(record, Forecaster):
        return LoadedForecast(record, registry.file(record, GRAPH_FILE))
    msg = f"{model} {version}: was made for a task that this release does not know"
    raise VersionError(msg)
