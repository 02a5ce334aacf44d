"""From a table's values to the one array that a model's graph takes; the same code for training and for scoring."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from shared.store.records import Days, Input

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
THURSDAY = 3
"""The weekday of day 0, 1970-01-01."""
UNKNOWN_LEVEL = -1.0
"""The code of a category's value that is none of its levels. An empty value has the code after the last level."""
GRAPH_INPUT = "rows"
"""What every graph takes: the array that Encoder makes."""
GRAPH_OUTPUT = "probabilities"
"""What every graph gives: shape (rows, 2), the positive outcome second."""
FORECASTS = "forecasts"
"""What the graph of a forecast gives: shape (rows, 7), as ``shared.store.forecasts.OUTPUTS`` names them."""
FEW_ROWS = 16
"""Up to so many rows, setting up an array for each column takes longer than filling it."""
LARGEST_FLOAT = 3.4e38
"""Graphs compute with 32-bit floats, in which larger numbers are infinite."""


def is_coded(item: Input) -> bool:
    """Whether the array holds codes of levels for it, and not numbers."""
    return item.type in {"category", "weekday"}


class Encoder:
    """Writes rows as 32-bit floats: numbers as they are, booleans as 0 and 1, categories by the place of their level.

    A date that counts by its weekday is such a category.

    Text never enters a graph, so a value that training did not see is found here and nowhere silently.
    """

    def __init__(self, inputs: Sequence[Input]) -> None:
        self.inputs = tuple(inputs)
        self._codes: list[dict[Any, float] | None] = [
            _codes(item.levels) if item.type == "category" else None for item in inputs
        ]
        self.category_places = [place for place, codes in enumerate(self._codes) if codes is not None]

    def encode(self, columns: Mapping[str, Any], rows: int) -> NDArray[np.float32]:
        """Array of shape (rows, inputs) from one sequence of values per input; None is empty, and in numbers NaN."""
        if rows <= FEW_ROWS:
            return self._encode_few(columns, rows)
        matrix = np.empty((rows, len(self.inputs)), dtype=np.float32)
        for place, (item, codes) in enumerate(zip(self.inputs, self._codes, strict=True)):
            values = columns[item.name]
            if item.type == "weekday":
                matrix[:, place] = _weekdays(values)
            elif codes is not None:
                matrix[:, place] = _coded(values, codes)
            elif item.days is not None:
                matrix[:, place] = _numbers(values, item.days)
            else:
                matrix[:, place] = _floats(values)
        return matrix

    def _encode_few(self, columns: Mapping[str, Any], rows: int) -> NDArray[np.float32]:
        """The same by one array: an array for each column would take longer than their values."""
        lines: list[Any] = []
        for item, codes in zip(self.inputs, self._codes, strict=True):
            values = columns[item.name]
            if item.type == "weekday":
                values = _weekdays(values)
            elif codes is not None:
                values = [codes.get(value, UNKNOWN_LEVEL) for value in values]
            elif item.days is not None:
                values = _numbers(values, item.days)
            lines.append(values)
        # Each by way of Python's float, which has 64 bits, as above; None becomes NaN.
        return np.array(list(zip(*lines, strict=True)), dtype=np.float32).reshape(rows, len(lines))

    def unknown(self, matrix: NDArray[np.float32]) -> list[tuple[int, str]]:
        """Row number and input name of every value that is none of the known levels."""
        places = self.category_places
        if len(matrix) <= FEW_ROWS:
            rows = enumerate(matrix.tolist())
            return [
                (row, self.inputs[place].name) for row, line in rows for place in places if line[place] == UNKNOWN_LEVEL
            ]
        found = np.argwhere(matrix[:, places] == UNKNOWN_LEVEL) if places else np.empty((0, 2), dtype=int)
        return [(int(row), self.inputs[places[column]].name) for row, column in found]


def _floats(values: Any) -> NDArray[np.float64]:
    if isinstance(values, list):
        return np.fromiter(values, dtype=np.float64, count=len(values))  # None becomes NaN
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        return values
    # By way of objects, which turn None into NaN.
    return np.array(values, dtype=object).astype(np.float64)


def _coded(values: Any, codes: dict[Any, float]) -> NDArray[np.float64]:
    return np.fromiter((codes.get(value, UNKNOWN_LEVEL) for value in values), dtype=np.float64, count=len(values))


def _weekdays(dates: Any) -> Any:
    """Of an array of times, or of a list of dates."""
    if isinstance(dates, list):
        return [one.weekday() for one in dates]
    days = np.asarray(dates, dtype="datetime64[D]").astype(np.int64)
    return (days + THURSDAY) % len(WEEKDAYS)


def _numbers(dates: Sequence[date], days: Days) -> list[int]:
    """Of dates that lie within: 1 for the first day, or the first week, of those that a forecast can be asked for."""
    before = date.fromisoformat(days.first).toordinal() - days.step
    return [(one.toordinal() - before) // days.step for one in dates]


def _codes(levels: Sequence[str]) -> dict[Any, float]:
    codes: dict[Any, float] = {level: float(place) for place, level in enumerate(levels)}
    codes[None] = float(len(levels))
    return codes
