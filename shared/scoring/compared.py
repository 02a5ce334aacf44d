"""What two versions that classify say of the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET

from shared.scoring.formats.render import said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.scoring.scored import Scored


class Compared(msgspec.Struct, frozen=True):
    """One row."""

    key: Any
    """What names it, where the request says."""
    probability: float
    probability_against: float
    difference: float
    """The first less the second."""
    decision: str
    decision_against: str


class Summary(msgspec.Struct, frozen=True):
    """All rows."""

    rows: int
    mean: float
    """Of the probabilities."""
    mean_against: float
    mean_difference: float
    mean_absolute_difference: float
    largest_difference: float
    """In size, with its sign."""
    decisions_changed: int
    decided: dict[str, int]
    """Decision to rows; likewise below."""
    decided_against: dict[str, int]


class Comparison(msgspec.Struct, frozen=True):
    """The answer."""

    model: str
    version: str
    against: str
    summary: Summary
    rows: list[Compared]


def compared(both: Sequence[tuple[Scored, Scored]]) -> tuple[Summary, list[Compared]]:
    """All rows, then row by row; of pairs of chunks, each scored by either version."""
    rows = [row for pair in both for row in _compared(*pair)]
    return _summary(rows, [pair[0] for pair in both], [pair[1] for pair in both]), rows


def _compared(one: Scored, other: Scored) -> list[Compared]:
    differences = one.outputs.astype(np.float64) - other.outputs
    keys = [None if key is UNSET else key for key in one.rows.keys]
    mine, theirs = said(one), said(other)
    lines = zip(keys, mine[0], theirs[0], differences.round(6).tolist(), mine[1], theirs[1], strict=True)
    return [Compared(*line) for line in lines]


def _summary(rows: list[Compared], one: list[Scored], other: list[Scored]) -> Summary:
    mine = np.concatenate([scored.outputs for scored in one]).astype(np.float64)
    theirs = np.concatenate([scored.outputs for scored in other]).astype(np.float64)
    differences = mine - theirs
    return Summary(
        rows=len(rows),
        mean=_rounded(mine.mean()),
        mean_against=_rounded(theirs.mean()),
        mean_difference=_rounded(differences.mean()),
        mean_absolute_difference=_rounded(np.abs(differences).mean()),
        largest_difference=_rounded(differences[np.abs(differences).argmax()]),
        decisions_changed=sum(row.decision != row.decision_against for row in rows),
        decided=_counted([row.decision for row in rows]),
        decided_against=_counted([row.decision_against for row in rows]),
    )


def _rounded(figure: np.float64) -> float:
    return round(float(figure), 6)


def _counted(decisions: list[str]) -> dict[str, int]:
    return {decision: decisions.count(decision) for decision in sorted(set(decisions))}
