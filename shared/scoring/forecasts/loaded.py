"""Versions that forecast, in memory."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.errors import VersionError
from shared.features import FORECASTS
from shared.scoring.forecasts.compare import ForecastComparison, compared
from shared.scoring.forecasts.expand import DATE, Expander, asked, days_of
from shared.scoring.forecasts.read import JsonReader, SeriesCsvReader
from shared.scoring.forecasts.render import ForecastRenderer, rounded
from shared.scoring.serving.loaded import LoadedVersion
from shared.store.forecasts import COVERAGES, OUTPUTS, Forecaster
from shared.store.predictions import Told
from shared.store.registry import GRAPH_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.scoring.rows import Rows
    from shared.scoring.scored import Scored
    from shared.scoring.seams import Reader
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
    comparison = ForecastComparison
    answer_bytes = 512
    version: Forecaster
    unknown = "; answered as an average one"

    def __init__(self, version: Forecaster, graph: bytes) -> None:
        """Raises VersionError as every version does."""
        self._asked = asked(version)
        super().__init__(version, graph)
        self._renderer = ForecastRenderer(version)
        self.days = days_of(version)
        self.at_once_bytes //= version.horizon
        self._taken_at = [place for place, item in enumerate(version.inputs) if item.name != DATE]

    @property
    def renderer(self) -> ForecastRenderer:
        """See LoadedVersion."""
        return self._renderer

    @property
    def asked(self) -> Version:
        """See LoadedVersion."""
        return self._asked

    @cached_property
    def csv_reader(self) -> SeriesCsvReader:
        """See LoadedVersion."""
        return SeriesCsvReader(self.version, self._expander)

    def checked(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """See LoadedVersion: shape (n, OUTPUTS), all finite, and no end of an interval lies beyond that of a wider one.

        Where two ends that meet have crossed in the last digits, it is put right.
        """
        finite = np.isfinite(found).all(axis=1)
        if not finite.all():
            raise self._no_forecast(found[~finite][0])
        ends = found[:, INWARDS].astype(np.float64)
        gaps = np.diff(ends, axis=1)
        if gaps.min() >= 0.0:
            return found
        crossed = (gaps < -ROUNDING * np.maximum(np.abs(ends[:, 1:]), 1.0)).any(axis=1)
        if crossed.any():
            raise self._no_forecast(found[crossed][0])
        near = found.copy()
        near[:, INWARDS] = np.maximum.accumulate(found[:, INWARDS], axis=1)
        return near

    def _no_forecast(self, row: NDArray[np.float32]) -> VersionError:
        told = ", ".join(f"{name} {value:g}" for name, value in zip(OUTPUTS, row.tolist(), strict=True))
        return VersionError(f"{self.version.model} {self.version.version}: {GRAPH_FILE} gave {told}: no forecast")

    def told(self, outputs: NDArray[np.float32]) -> Sequence[Told]:
        """See LoadedVersion."""
        columns = [OUTPUTS.index(name) for name in LOGGED]
        numbers = rounded(outputs[:, columns]).tolist()
        return [Told(forecast=dict(zip(LOGGED, row, strict=True))) for row in numbers]

    def about(self) -> dict[str, Any]:
        """See LoadedVersion."""
        version = self.version
        return {
            "measure": version.measure,
            "frequency": version.frequency,
            "horizon": version.horizon,
            "origin": version.origin,
            "days": self.days,
            "levels": version.levels,
        }

    def compared(self, both: Sequence[tuple[Scored, Scored]]) -> tuple[Any, list[Any]]:
        """See LoadedVersion."""
        return compared(both)

    def takes(self, rows: Rows) -> Sequence[bool] | None:
        """See LoadedVersion: the rows of its days, which are not those of a version with another origin."""
        first, last = self._expander.first, self._expander.last
        return [first <= day <= last for day in rows.columns[DATE]]

    def contents(self, rows: Rows) -> NDArray[np.float32]:
        """See LoadedVersion: without the day, so that the days of a series stay together."""
        return self.encoder.encode(rows.columns, rows.count)[:, self._taken_at]

    def _reader(self) -> Reader:
        self._expander = Expander(self.version)
        return JsonReader(self.version, self._expander)
