"""What is chosen from all that was tried, and how good such choices were, judged by origins after those they rest on.

At each judging origin the weights, the way of adding up and the intervals come from the origins before it; what serves
is chosen in the same way from all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shared.training.forecast.bands import Bands, calibrate, intervals
from shared.training.forecast.blend import best_weights, mixed
from shared.training.forecast.coherence import Way, best_way, factors, scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from shared.training.forecast.rolling import Rolled, World


@dataclass(frozen=True)
class Choice:
    """What some origins say is best."""

    weights: tuple[NDArray[np.float64], ...]
    """By level, shape (FAMILIES,)."""
    way: Way
    bands: tuple[Bands, ...]
    """By level."""


@dataclass(frozen=True)
class Judged:
    """One level at the judging origins, oldest first: what was said of them, and what came."""

    came: tuple[NDArray[np.float32], ...]
    """Shape (series + 1, horizon)."""
    said: tuple[NDArray[np.float32], ...]
    intervals: tuple[NDArray[np.float64], ...]
    """Shape (series + 1, horizon, 2 * COVERAGES)."""
    counts: tuple[NDArray[np.bool_], ...]
    """Which periods are open, on sale and so tell whether an interval holds; shape (series + 1, horizon)."""


@dataclass(frozen=True)
class Solution:
    """What serves, and how good it was."""

    world: World
    choice: Choice
    said: tuple[NDArray[np.float32], ...]
    """By level: the forecast after the last origin, shape (series + 1, horizon)."""
    factors: NDArray[np.float64]
    """By which the mixtures were multiplied to add up, shape (levels, horizon)."""
    judged: tuple[Judged, ...]
    """By level."""

    @cached_property
    def intervals(self) -> tuple[NDArray[np.float64], ...]:
        """By level, after the last origin: shape (series + 1, horizon, 2 * COVERAGES)."""
        return tuple(self.intervals_of(level, said, np.arange(len(said))) for level, said in enumerate(self.said))

    def intervals_of(self, level: int, said: NDArray[np.floating], series: NDArray[np.intp]) -> NDArray[np.float64]:
        """Around what is said of some series of a level after the last origin, shape (series, horizon)."""
        rolled = self.world.levels[level]
        opened = self.world.opened_from(self.world.sales.days.count)
        found = intervals(self.choice.bands[level], said, rolled.last_seen.scale[series], opened)
        return np.where(rolled.level.ended[series, None, None], 0.0, found)


def solve(world: World, report: Callable[[str, int, int], None]) -> Solution:
    """Choose, and judge."""
    steps = len(world.origins) - world.choosing + 1
    judged: list[list[tuple[NDArray[np.float32], NDArray[np.float64]]]] = [[] for _ in world.levels]
    for place in range(world.choosing, len(world.origins)):
        report("choosing by earlier days", place - world.choosing + 1, steps)
        choice = choose(world, range(place))
        opened = world.opened_from(world.origins[place])
        said = said_at(world, choice, place)
        for level, rolled in enumerate(world.levels):
            found = intervals(choice.bands[level], said[level], rolled.scales[place], opened)
            judged[level].append((said[level], found))
    report("choosing by earlier days", steps, steps)
    choice = choose(world, range(len(world.origins)))
    last = [mixed(rolled.last.members, weights) for rolled, weights in zip(world.levels, choice.weights, strict=True)]
    last = [_without_ended(rolled, one) for rolled, one in zip(world.levels, last, strict=True)]
    by = factors(world.levels, last, choice.way)
    return Solution(
        world=world,
        choice=choice,
        said=tuple(scaled(last, by)),
        factors=by,
        judged=tuple(_judged(world, rolled, found) for rolled, found in zip(world.levels, judged, strict=True)),
    )


def choose(world: World, origins: Sequence[int], given: Sequence[NDArray[np.float64]] | None = None) -> Choice:
    """What some origins, by their places, say is best; with weights that are ``given``, or the best ones."""
    weights = tuple(given or [best_weights(rolled, origins) for rolled in world.levels])
    mixtures = [
        [mixed(rolled.members[place], one) for rolled, one in zip(world.levels, weights, strict=True)]
        for place in origins
    ]
    way = best_way(world.levels, mixtures, origins)
    said = [scaled(one, factors(world.levels, one, way)) for one in mixtures]
    opened = [world.opened_from(world.origins[place]) for place in origins]
    bands = tuple(
        calibrate(
            [rolled.came[place] for place in origins],
            [one[level] for one in said],
            [rolled.scales[place] for place in origins],
            opened,
        )
        for level, rolled in enumerate(world.levels)
    )
    return Choice(weights, way, bands)


def said_at(world: World, choice: Choice, place: int) -> list[NDArray[np.float32]]:
    """What a choice says at one of the origins, by level."""
    mixtures = [
        mixed(rolled.members[place], weights) for rolled, weights in zip(world.levels, choice.weights, strict=True)
    ]
    return scaled(mixtures, factors(world.levels, mixtures, choice.way))


def _without_ended(rolled: Rolled, said: NDArray[np.float32]) -> NDArray[np.float32]:
    """Nothing of the series that are off sale."""
    return np.where(rolled.level.ended[:, None], np.float32(0), said)


def _judged(world: World, rolled: Rolled, found: Sequence[tuple[NDArray[np.float32], NDArray[np.float64]]]) -> Judged:
    places = range(world.choosing, len(world.origins))
    came = tuple(rolled.came[place] for place in places)
    return Judged(
        came=came,
        said=tuple(said for said, _ in found),
        intervals=tuple(interval for _, interval in found),
        counts=tuple(
            np.isfinite(sold) & world.opened_from(world.origins[place])
            for sold, place in zip(came, places, strict=True)
        ),
    )
