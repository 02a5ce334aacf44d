"""What a request goes through once its rows are read: encoded, run, and kept together for whoever uses the answer.

The answer's text, the reasons, the prediction log and a shadow all work on a ``Scored``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from shared.scoring.rows import Rows
    from shared.scoring.serving.loaded import LoadedVersion


class Scored(msgspec.Struct, frozen=True, eq=False):
    """Rows and what one version says of them. All that is by row is in the order of ``rows``."""

    loaded: LoadedVersion
    """The version that answered."""
    rows: Rows
    matrix: NDArray[np.float32]
    """What went into the graph, shape (rows, inputs)."""
    outputs: NDArray[np.float32]
    """What its graph gave: probabilities of the positive outcome, shape (rows,), or forecasts, shape (rows, 7)."""
    warnings: Mapping[int, list[str]]
    """By row number; only rows that have any."""
    places: Sequence[int] | None = None
    """Where these rows stand among those read, counted from 0; None where they are all of them."""
    reasons: Sequence[Any] | None = None
    """What moved each answer, for JSON; None where nobody asked."""


def score(loaded: LoadedVersion, rows: Rows, places: Sequence[int] | None = None) -> Scored:
    """Encode the rows and run the version's graph on them. Raises VersionError where it gives no probabilities."""
    return begin(loaded, rows, places)()


def begin(loaded: LoadedVersion, rows: Rows, places: Sequence[int] | None = None) -> Callable[[], Scored]:
    """The same, beginning at once where there are many rows; what comes back waits for it."""
    matrix = loaded.encoder.encode(rows.columns, rows.count)
    run = loaded.begin(matrix)
    return lambda: Scored(loaded, rows, matrix, loaded.checked(run()), _warnings(loaded, rows, matrix), places)


def _warnings(loaded: LoadedVersion, rows: Rows, matrix: NDArray[np.float32]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for row, column in loaded.encoder.unknown(matrix):
        warning = f"{column}: {rows.columns[column][row]!r} is none of the levels that the model knows{loaded.unknown}"
        found.setdefault(row, []).append(warning)
    return found
