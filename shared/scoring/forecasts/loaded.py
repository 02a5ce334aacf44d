"""Versions that forecast, in memory."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.errors import VersionError
from shared.features import FORECASTS
from shared.scoring.forecasts.expand import Expander, JsonReader, LinesReader, asked
from shared.scoring.forecasts.render import DIGITS, ForecastRenderer
from shared.scoring.formats.csv_request import CsvReader
from shared.scoring.formats.json_request import RowReader
from shared.scoring.serving.loaded import LoadedVersion
from shared.store.forecasts import COVERAGES, OUTPUTS, Forecaster
from shared.store.predictions import Told
from shared.store.registry import GRAPH_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.scoring.seams import Reader, Renders
    from shared.store.records import Version

ROUNDING = 1e-4
"""Relative: so far the ends of two intervals that meet may seem to cross in 32-bit floats."""
INWARDS = [
    *(OUTPUTS.index(f"low_{percent}") for percent in reversed(COVERAGES)),
    *(OUTPUTS.index(f"high_{percent}") for percent in COVERAGES),
]
"""The outputs that grow, from the lowest end to the highest."""
LOGGED = ("forecast", "low_90", "high_90")


class LoadedForecast(LoadedVersion):
    """A version that says what will be sold."""

    output = FORECASTS
    width = len(OUTPUTS)
    version: Forecaster
    unknown = "; answered as an average one"

    def __init__(self, version: Forecaster, graph: bytes) -> None:
        """Raises VersionError as every version does."""
        self._asked = asked(version)
        super().__init__(version, graph)
        self._renderer = ForecastRenderer(version)

    @property
    def renderer(self) -> Renders:
        """See LoadedVersion."""
        return self._renderer

    @property
    def asked(self) -> Version:
        """See LoadedVersion."""
        return self._asked

    @cached_property
    def csv_reader(self) -> LinesReader:
        """See LoadedVersion."""
        return LinesReader(CsvReader(self._asked), Expander(self.version))

    def checked(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """See LoadedVersion: shape (n, OUTPUTS), all finite, and no interval crosses another."""
        ends = found[:, INWARDS]
        allowed = ROUNDING * np.maximum(np.abs(ends[:, 1:]), 1.0)
        wrong = ~(np.isfinite(found).all(axis=1) & (np.diff(ends, axis=1) >= -allowed).all(axis=1))
        if wrong.any():
            told = ", ".join(f"{name} {value:g}" for name, value in zip(OUTPUTS, found[wrong][0].tolist(), strict=True))
            msg = f"{self.version.model} {self.version.version}: {GRAPH_FILE} gave {told}, which is no forecast"
            raise VersionError(msg)
        return found

    def told(self, outputs: NDArray[np.float32]) -> Sequence[Told]:
        """See LoadedVersion."""
        columns = [OUTPUTS.index(name) for name in LOGGED]
        numbers = np.round(outputs[:, columns].astype(np.float64), DIGITS).tolist()
        return [Told(forecast=dict(zip(LOGGED, row, strict=True))) for row in numbers]

    def about(self) -> dict[str, Any]:
        """See LoadedVersion."""
        version = self.version
        return {
            "measure": version.measure,
            "frequency": version.frequency,
            "horizon": version.horizon,
            "origin": version.origin,
            "levels": version.levels,
        }

    def _reader(self) -> Reader:
        return JsonReader(RowReader(self._asked), Expander(self.version))
