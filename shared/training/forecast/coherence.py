"""That products add up to the total, and countries too: one of two ways, whichever was less wrong before.

bottom-up: the total is the sum of the finest series.
top-down: the finest series are scaled, period by period, so that they sum to the total's own forecast.
Series by other columns are scaled to the same total.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from shared.training.forecast import errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.training.forecast.rolling import Rolled

type Way = Literal["bottom-up", "top-down"]

WAYS: tuple[Way, ...] = ("bottom-up", "top-down")


def summed(rolled: Rolled, said: NDArray[np.floating]) -> NDArray[np.float64]:
    """Over all series of a level, those without a row included; shape (horizon,)."""
    counts = np.ones(len(said))
    counts[-1] = rolled.level.rest
    if rolled.level.name == "total":
        counts[-1] = 0
    found: NDArray[np.float64] = counts @ said.astype(np.float64)
    return found


def factors(levels: Sequence[Rolled], said: Sequence[NDArray[np.float32]], way: Way) -> NDArray[np.float64]:
    """What each level is multiplied by, so that all sum to the same; shape (levels, horizon). The total comes first."""
    sums = np.stack([summed(rolled, one) for rolled, one in zip(levels, said, strict=True)])
    wanted = sums[1] if way == "bottom-up" and len(levels) > 1 else sums[0]
    # Where a level says nothing at all, nothing can be scaled to the others: then nothing is sold at any.
    silent = (sums <= 0).any(axis=0)
    found: NDArray[np.float64] = np.where(silent, 0.0, wanted / np.where(sums > 0, sums, 1.0))
    return found


def scaled(said: Sequence[NDArray[np.float32]], by: NDArray[np.float64]) -> list[NDArray[np.float32]]:
    """Each level's forecasts, multiplied."""
    return [one * factor.astype(np.float32) for one, factor in zip(said, by, strict=True)]


def best_way(levels: Sequence[Rolled], said: Sequence[Sequence[NDArray[np.float32]]], origins: Sequence[int]) -> Way:
    """The one with the lower loss, of the total and of the finest series together; ``said`` is by origin and level."""
    if len(levels) == 1:
        return "top-down"
    losses = dict.fromkeys(WAYS, 0.0)
    for way in WAYS:
        for place, origin in enumerate(origins):
            found = scaled(said[place], factors(levels, said[place], way))
            losses[way] += sum(
                errors.loss(rolled.came[origin], one) for rolled, one in zip(levels[:2], found[:2], strict=True)
            )
    return min(WAYS, key=lambda way: losses[way])
