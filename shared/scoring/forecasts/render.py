"""The text of a forecast's answers: JSON or CSV, one row for each day."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from shared.csv_format import csv_rows
from shared.scoring.forecasts.expand import DATE
from shared.scoring.formats.render import in_order
from shared.scoring.http import CSV, JSON
from shared.store.forecasts import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.scoring.formats.render import Writer
    from shared.scoring.scored import Scored
    from shared.store.forecasts import Forecaster

DIGITS = 4
TOLD = ("version", "warnings")
"""What an answer holds beside the row's name, its series and day, and the numbers."""


class ForecastRenderer:
    """Writes the answers of requests that one version reads."""

    def __init__(self, version: Forecaster) -> None:
        self.version = version
        self.key = version.key.name
        self.by = version.by
        fields: list[Any] = [("key", Any, UNSET)]
        fields += [(f"by_{place}", Any, UNSET) for place in range(len(self.by))]
        fields += [(name, Any, UNSET) for name in (DATE, *OUTPUTS)]
        fields += [("version", str | UnsetType, UNSET), ("warnings", list[str] | UnsetType, UNSET)]
        named = {"key": self.key, **{f"by_{place}": name for place, name in enumerate(self.by)}}
        self.prediction = msgspec.defstruct("Prediction", fields, rename=named, gc=False)
        told = {"model": version.model, "version": version.version, "origin": version.origin}
        head = msgspec.json.encode({**told, "measure": version.measure})
        self.begin, self.end = head[:-1] + b',"predictions":', b"}"

    def writer(self, content_type: str) -> Writer:
        """For one answer."""
        return _CsvWriter(self) if content_type == CSV else _JsonWriter(self)

    def columns(self, scored: Scored, absent: Any) -> list[Any]:
        """Name, series, day and numbers of each row, by column."""
        columns = scored.rows.columns
        series = [[absent if value is None else value for value in columns[name]] for name in self.by]
        numbers = np.round(scored.outputs.astype(np.float64), DIGITS) + 0.0  # -0 is 0
        return [*series, columns[DATE], *numbers.T.tolist()]


class _JsonWriter:
    content_type = JSON

    def __init__(self, renderer: ForecastRenderer) -> None:
        self._renderer = renderer
        self._parts: list[bytes] = []

    def add(self, shares: Sequence[Scored]) -> None:
        predictions = in_order(shares, [self._predictions(scored) for scored in shares])
        self._parts.append(msgspec.json.encode(predictions))

    def body(self) -> bytes:
        inner = b",".join(part[1:-1] for part in self._parts)
        return b"".join((self._renderer.begin, b"[", inner, b"]", self._renderer.end))

    def _predictions(self, scored: Scored) -> list[Any]:
        columns = [scored.rows.keys, *self._renderer.columns(scored, UNSET)]
        predictions: list[Any] = list(map(self._renderer.prediction, *columns))
        if scored.loaded.version.version != self._renderer.version.version:
            for prediction in predictions:
                prediction.version = scored.loaded.version.version
        for row, warnings in scored.warnings.items():
            predictions[row].warnings = warnings
        return predictions


class _CsvWriter:
    content_type = CSV

    def __init__(self, renderer: ForecastRenderer) -> None:
        self._renderer = renderer
        self._lines: list[tuple[Any, ...]] = []

    def add(self, shares: Sequence[Scored]) -> None:
        self._lines += in_order(shares, [self._told(scored) for scored in shares])

    def body(self) -> bytes:
        """With the column of names where any row has one."""
        header = [self._renderer.key, *self._renderer.by, DATE, *OUTPUTS, *TOLD]
        if any(line[0] is not UNSET for line in self._lines):
            return csv_rows([header]) + csv_rows(
                [(None if line[0] is UNSET else line[0], *line[1:]) for line in self._lines]
            )
        return csv_rows([header[1:]]) + csv_rows([line[1:] for line in self._lines])

    def _told(self, scored: Scored) -> list[tuple[Any, ...]]:
        warnings: list[str | None] = [None] * scored.rows.count
        for row, told in scored.warnings.items():
            warnings[row] = "; ".join(told)
        columns = [scored.rows.keys, *self._renderer.columns(scored, None)]
        return list(zip(*columns, repeat(scored.loaded.version.version), warnings, strict=False))
