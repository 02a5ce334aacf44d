"""What the judging origins say of a solution, as the record and the card tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.store.forecasts import COVERAGES, BandRecord, Drawn, ForecastCandidate, LevelRecord
from shared.training.forecast import errors
from shared.training.forecast.members import FAMILIES, NAIVE, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shared.training.forecast.rolling import Rolled, World
    from shared.training.forecast.solution import Judged, Solution

HORIZON_BANDS = (7, 14, 28, 91, 366)
"""Last periods of the bands that errors are told by."""
WORST = 10
BIGGEST = 100
"""The worst are looked for among those that sold most."""
DRAWN_COVERAGE = 80
NAIVE_PLACE = FAMILIES.index(NAIVE)


def level_records(solution: Solution) -> tuple[LevelRecord, ...]:
    """How well each level was forecast."""
    world = solution.world
    return tuple(_level(world, rolled, judged) for rolled, judged in zip(world.levels, solution.judged, strict=True))


def _level(world: World, rolled: Rolled, judged: Judged) -> LevelRecord:
    naive = naive_of(world, rolled)
    return LevelRecord(
        level=rolled.level.name,
        series=rolled.level.count,
        wape=_mean(errors.wape, judged.came, judged.said),
        naive_wape=_mean(errors.wape, judged.came, naive),
        sum_wape=_mean(errors.sum_wape, judged.came, judged.said),
        naive_sum_wape=_mean(errors.sum_wape, judged.came, naive),
        coverage={str(percent): share for percent, share in coverage(judged).items()},
        bias=_mean(errors.bias, judged.came, judged.said),
        by_horizon=tuple(_by_horizon(judged, naive, world.horizon)),
    )


def naive_of(world: World, rolled: Rolled) -> list[NDArray[np.float32]]:
    """What the seasonal naive forecast said at the judging origins."""
    return [members[NAIVE_PLACE] for members in rolled.members[world.choosing :]]


def coverage(judged: Judged) -> dict[int, float]:
    """By percentage: the share of open periods on sale whose sales lay within the interval."""
    found = {}
    for place, percent in enumerate(COVERAGES):
        held = [
            ((came >= low_high[..., 2 * place] - 1e-6) & (came <= low_high[..., 2 * place + 1] + 1e-6))[counts]
            for came, low_high, counts in zip(judged.came, judged.intervals, judged.counts, strict=True)
        ]
        everything = np.concatenate(held)
        found[percent] = float(everything.mean()) if len(everything) else 1.0
    return found


def _by_horizon(judged: Judged, naive: Sequence[NDArray[np.float32]], horizon: int) -> Iterator[BandRecord]:
    start = 0
    for end in (*(end for end in HORIZON_BANDS if end < horizon), horizon):
        came, said, simple = ([one[:, start:end] for one in found] for found in (judged.came, judged.said, naive))
        yield BandRecord(end, _mean(errors.wape, came, said), _mean(errors.wape, came, simple))
        start = end


def _mean(error: object, came: Sequence[NDArray[np.floating]], said: Sequence[NDArray[np.floating]]) -> float:
    """Over the origins."""
    return float(np.mean([error(*one) for one in zip(came, said, strict=True)]))  # type: ignore[operator]


def candidate_records(solution: Solution) -> tuple[ForecastCandidate, ...]:
    """Every family at every level, the best of a level first."""
    found = []
    for level, rolled in enumerate(solution.world.levels):
        records = [_candidate(solution, level, rolled, family) for family in np.flatnonzero(rolled.usable).tolist()]
        found += sorted(records, key=lambda record: record.judging_wape or 0.0)
    return tuple(found)


def _candidate(solution: Solution, level: int, rolled: Rolled, family: int) -> ForecastCandidate:
    choosing = solution.world.choosing
    wapes = [errors.wape(came, members[family]) for came, members in zip(rolled.came, rolled.members, strict=True)]
    weight = float(solution.choice.weights[level][family])
    return ForecastCandidate(
        level=rolled.level.name,
        family=FAMILIES[family],
        settings=SETTINGS[FAMILIES[family]],
        choosing_wape=float(np.mean(wapes[:choosing])),
        judging_wape=float(np.mean(wapes[choosing:])),
        weight=weight or None,
    )


def worst_series(solution: Solution) -> tuple[tuple[str, str, float], ...]:
    """Level, name and WAPE of the series that were forecast worst, among those of the finest level that sold most."""
    place = min(1, len(solution.judged) - 1)
    level, judged = solution.world.levels[place].level, solution.judged[place]
    came, said = np.concatenate(judged.came, axis=1), np.concatenate(judged.said, axis=1)
    sold = np.nansum(came[: level.count], axis=1)
    biggest = [series for series in np.argsort(-sold, kind="stable")[:BIGGEST] if sold[series] > 0]
    found = [(level.name, level.names[series], errors.wape(came[series], said[series])) for series in biggest]
    return tuple(sorted(found, key=lambda one: -one[2])[:WORST])


def drawn(solution: Solution) -> tuple[Drawn, ...]:
    """The total at the judging origins, and after the last one."""
    world, judged = solution.world, solution.judged[0]
    rolled, days = world.levels[0], world.sales.days
    side = 2 * COVERAGES.index(DRAWN_COVERAGE)
    found = []
    for place, naive in enumerate(naive_of(world, rolled)):
        origin = world.origins[world.choosing + place]
        for ahead in range(world.horizon):
            came = float(judged.came[place][0, ahead])
            low, high = judged.intervals[place][0, ahead, side : side + 2].tolist()
            said, simple = float(judged.said[place][0, ahead]), float(naive[0, ahead])
            came_or_none = None if np.isnan(came) else came
            found.append(Drawn(str(days.date_of(origin + ahead)), said, low, high, simple, came_or_none))
    for ahead, (said, low, high) in enumerate(
        zip(solution.said[0][0].tolist(), *solution.intervals[0][0, :, side : side + 2].T.tolist(), strict=True)
    ):
        found.append(Drawn(str(days.date_of(days.count + ahead)), said, low, high))
    return tuple(found)
