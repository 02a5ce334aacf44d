"""The version that serves, seen from training: what it answers to rows of today, how old it is, how it has fared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.errors import VersionError
from shared.features import Encoder
from shared.store import names
from shared.store.registry import GRAPH_FILE
from shared.training import to_onnx
from shared.training.problem import encoded, outcomes
from shared.training.watch import Rows, measure

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd
    from numpy.typing import NDArray

    from shared.catalog.spec import ClassificationCase
    from shared.store.records import Input, Version, Watch
    from shared.store.registry import Registry

REFERENCE_ROWS = 2_000
"""The newest rows that a version was trained on: what drift is measured against. Further back the world was another."""
SECONDS_PER_DAY = 86_400


def age_days(version: Version, now: datetime) -> float:
    """Since the slot that a version was made in; clocks that differ make none younger than new."""
    made = names.parse_stamp(version.version.partition("-")[0])
    return max(0.0, (now - made).total_seconds() / SECONDS_PER_DAY)


def scores_of(
    version: Version, frame: pd.DataFrame, use_case: ClassificationCase, registry: Registry
) -> NDArray[np.float32]:
    """What a version's stored graph answers to rows of a checked table; shape (rows,).

    Raises VersionError where the rows no longer have its columns, or its graph is damaged; BlobMissing.
    """
    columns = use_case.dataset.features()
    known = {name: column.calendar or column.type for name, column in columns.items()}
    coded = {"category", "weekday"}
    changed = [
        item.name
        for item in version.inputs
        if item.name not in known or ({item.type, known[item.name]} & coded and item.type != known[item.name])
    ]
    if changed:
        msg = f"the catalog no longer has its columns {', '.join(changed)}, or has them with another type"
        raise VersionError(msg)
    return to_onnx.probabilities(registry.file(version, GRAPH_FILE), encoded(Encoder(version.inputs), frame))


def watch(version: Version, frame: pd.DataFrame, use_case: ClassificationCase, registry: Registry) -> Watch:
    """The champion on the rows that came since it was trained, and how those differ from the ones before them.

    Raises VersionError, BlobMissing where it cannot answer.
    """
    new = newer_than(version, frame, use_case)
    old = np.arange(len(frame) - new)[-REFERENCE_ROWS:]
    newest = frame.iloc[len(frame) - new :]
    encoder = Encoder(_steady(version, use_case))
    rows = Rows(
        inputs=encoder.inputs,
        old=encoded(encoder, frame.iloc[old]),
        new=encoded(encoder, newest),
        positive=outcomes(newest, use_case),
        probability=scores_of(version, newest, use_case, registry),
        base_rate_before=float(outcomes(frame.iloc[old], use_case).mean()) if len(old) else 0.0,
    )
    return measure(version.version, rows, use_case.gate.confidence, use_case.training.seed)


def newer_than(version: Version, frame: pd.DataFrame, use_case: ClassificationCase) -> int:
    """How many rows of a table, the newest, are newer than all that a version was trained on."""
    times = frame[use_case.dataset.column_with("time")].to_numpy()
    return int((times > np.datetime64(version.data.trained_to)).sum())


def _steady(version: Version, use_case: ClassificationCase) -> list[Input]:
    """The inputs that the catalog still has and that do not move with the calendar by themselves."""
    columns = use_case.dataset.features()
    return [
        item
        for item in version.inputs
        if item.name in columns
        and (columns[item.name].calendar or columns[item.name].type) == item.type
        and not columns[item.name].moves_with_the_calendar
    ]
