"""The text of a forecast's answers: JSON or CSV, one row for each day."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from shared.scoring.forecasts.expand import DATE
from shared.scoring.formats.render import AnswerRenderer, joined
from shared.store.forecasts import OUTPUTS

if TYPE_CHECKING:
    from shared.scoring.scored import Scored
    from shared.store.forecasts import Forecaster

DIGITS = 4
RESERVED = (DATE, *OUTPUTS, "version", "warnings")
"""What a prediction holds beside the row's name and its series."""


class ForecastRenderer(AnswerRenderer):
    """Writes the answers of requests that one version reads."""

    def __init__(self, version: Forecaster) -> None:
        self.by = version.by
        called = [*map(answer_name, version.by)]
        places = [f"by_{place}" for place in range(len(self.by))]
        numbers: list[Any] = [(name, Any, UNSET) for name in (*places, DATE, *OUTPUTS)]
        told = [("version", str | UnsetType, UNSET), ("warnings", list[str] | UnsetType, UNSET)]
        key = answer_name(version.key.name)
        prediction = msgspec.defstruct(
            "Prediction",
            [("key", Any, UNSET), *numbers, *told],
            rename={"key": key, **dict(zip(places, called, strict=True))},
            gc=False,
        )
        super().__init__(version, key, prediction, {"origin": version.origin, "measure": version.measure})
        self.csv_columns = (*called, *RESERVED)

    def predictions(self, scored: Scored) -> list[Any]:
        """See AnswerRenderer."""
        return list(map(self.prediction, scored.rows.keys, *self._columns(scored, UNSET)))

    def lines(self, scored: Scored) -> list[tuple[Any, ...]]:
        """See AnswerRenderer."""
        version = repeat(scored.loaded.version.version)
        return list(zip(scored.rows.keys, *self._columns(scored, None), version, joined(scored), strict=False))

    def _columns(self, scored: Scored, absent: Any) -> list[Any]:
        """Series, day and numbers of each row, by column."""
        columns = scored.rows.columns
        series = [[absent if value is None else value for value in columns[name]] for name in self.by]
        return [*series, columns[DATE], *rounded(scored.outputs).T.tolist()]


def answer_name(name: str) -> str:
    """What an answer calls a column, or the row's name: not as what is in every answer."""
    return f"{name}_" if name in RESERVED else name


def rounded(numbers: Any) -> Any:
    """As answers write them."""
    return np.round(np.asarray(numbers, dtype=np.float64), DIGITS) + 0.0  # -0 is 0
