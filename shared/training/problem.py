"""A checked table as the arrays that a search works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.errors import DropError
from shared.features import WEEKDAYS, Encoder
from shared.store.records import Input
from shared.training.fits import workers
from shared.training.splits import Folds, time_folds

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from shared.catalog.spec import ClassificationCase, Column

LEAST_LEVEL_ROWS = 5
MOST_LEVELS = 100
"""Levels that are rarer, or beyond so many, are unknown to the model: a guess from so few rows would be noise."""
BASE_MB = 450
"""What the process holds before the first fit: libraries, the encoded rows, the graph."""
COPIES = 4
"""Of a row as 64-bit floats, one number for each level, that each of the fits beside each other holds."""


@dataclass(frozen=True)
class Problem:
    """Encoded rows, oldest first, and the folds that they are judged by."""

    encoder: Encoder
    rows: NDArray[np.float32]
    """Shape (rows, inputs)."""
    positive: NDArray[np.bool_]
    times: NDArray[Any]
    folds: Folds
    kept: NDArray[np.int_]
    """Which rows of the table these are."""
    table_rows: int

    @property
    def holdout(self) -> slice:
        """The rows of the judging folds."""
        return slice(self.folds.cut, len(self.rows))

    @property
    def sampled_from(self) -> int | None:
        """The rows of the table, where memory held fewer."""
        return self.table_rows if len(self.rows) < self.table_rows else None


def pose(frame: pd.DataFrame, use_case: ClassificationCase) -> Problem:
    """Encode a checked table. Raises DropError where there is too little to learn from."""
    training, dataset = use_case.training, use_case.dataset
    if len(frame) < training.min_rows:
        msg = f"{len(frame):,} rows fit the catalog; training.min_rows asks for {training.min_rows:,}"
        raise DropError(msg)
    encoder = Encoder(model_inputs(use_case, frame))
    kept = newest_and_sample(len(frame), rows_in_memory(encoder, training.memory_mb), training.seed)
    frame_kept = frame if len(kept) == len(frame) else frame.iloc[kept]
    positive = outcomes(frame_kept, use_case)
    times = frame_kept[dataset.column_with("time")].to_numpy()
    folds = time_folds(times, positive, training)
    cut = folds.cut
    for part, name in ((positive[:cut], "older rows, which train"), (positive[cut:], "newest rows, which judge")):
        if not both(part):
            target = dataset.column_with("target")
            msg = f"{target}: the {name}, have one outcome only ({part.sum():,} of {len(part):,} are positive)"
            raise DropError(msg)
    return Problem(encoder, encoded(encoder, frame_kept), positive, times, folds, kept, len(frame))


def encoded(encoder: Encoder, frame: pd.DataFrame) -> NDArray[np.float32]:
    """Rows of a checked table as a version's inputs; shape (rows, inputs)."""
    return encoder.encode({item.name: frame[item.name].to_numpy() for item in encoder.inputs}, len(frame))


def outcomes(frame: pd.DataFrame, use_case: ClassificationCase) -> NDArray[np.bool_]:
    """Which rows had the outcome that the model predicts; shape (rows,)."""
    target = use_case.dataset.column_with("target")
    wanted: object = use_case.model.positive
    if use_case.dataset.columns[target].type == "boolean":
        wanted = float(use_case.model.positive == "true")
    outcome: NDArray[np.bool_] = (frame[target] == wanted).to_numpy(dtype=bool)
    return outcome


def both(positive: NDArray[np.bool_]) -> bool:
    """Whether the rows have both outcomes."""
    return bool(positive.any() and not positive.all())


def model_inputs(use_case: ClassificationCase, seen: pd.DataFrame) -> tuple[Input, ...]:
    """What the model takes: the catalog's features, with the levels that the catalog declares or training saw."""
    return tuple(
        Input(
            name=name,
            type=column.calendar or column.type,  # type: ignore[arg-type]  # the catalog admits feature types only
            nullable=column.nullable,
            min=column.min,
            max=column.max,
            levels=_levels(column, seen[name]),
            description=column.description,
        )
        for name, column in use_case.dataset.features().items()
    )


def _levels(column: Column, values: pd.Series[Any]) -> tuple[str, ...]:
    if column.calendar:
        return WEEKDAYS
    if column.type != "category":
        return ()
    if column.levels is not None:
        return column.levels
    counts = values.value_counts()
    common = counts[counts >= LEAST_LEVEL_ROWS].index if len(counts) > 2 else counts.index
    return tuple(sorted(common[:MOST_LEVELS]))


def rows_in_memory(encoder: Encoder, memory_mb: int) -> int:
    """How many rows the fits may hold at once."""
    width = sum(len(item.levels) + 1 if item.levels else 1 for item in encoder.inputs)
    return max(1_000, (memory_mb - BASE_MB) * 1_000_000 // (8 * COPIES * width * workers()))


def newest_and_sample(rows: int, most: int, seed: int) -> NDArray[np.int_]:
    """Which rows to keep: all, or the newest half of ``most`` and a random sample of the older ones, in order."""
    if rows <= most:
        return np.arange(rows)
    newest = np.arange(rows - most // 2, rows)
    older = np.random.default_rng(seed).choice(rows - len(newest), most - len(newest), replace=False)
    return np.concatenate([np.sort(older), newest])
