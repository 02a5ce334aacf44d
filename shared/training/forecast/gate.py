"""When a forecast may serve: by what it and the champion would have said at the same origins, series by series.

A forecast ages by the day, so the next one takes its place where it is no worse. Compared are the mixtures: each is
fitted anew at the origins before, so that both have seen the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from shared.store.records import Verdict
from shared.training.forecast import errors
from shared.training.forecast.judgement import naive_of
from shared.training.forecast.members import FAMILIES
from shared.training.forecast.solution import choose, said_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.catalog.forecast import ForecastGate
    from shared.store.forecasts import Forecaster
    from shared.training.forecast.rolling import Rolled
    from shared.training.forecast.solution import Judged, Solution


@dataclass(frozen=True)
class Difference:
    """Of two losses on the same days, as a share of what was sold: below zero where the first is less wrong."""

    value: float
    low: float
    high: float
    other: float
    """The second loss itself."""

    def __str__(self) -> str:
        return f"{self.value:+.3f} ({self.low:+.3f} to {self.high:+.3f})"


def difference(
    came: Sequence[NDArray[np.floating]],
    ours: Sequence[NDArray[np.floating]],
    theirs: Sequence[NDArray[np.floating]],
    confidence: float,
) -> Difference:
    """With its two-sided interval over series and origins; each list is by origin, of shape (series, horizon)."""
    first, second = (
        np.concatenate([errors.by_series(sold, said) for sold, said in zip(came, found, strict=True)])
        for found in (ours, theirs)
    )
    sold = sum(float(np.nansum(np.abs(one), dtype=np.float64)) for one in came) or 1.0
    paired = first - second
    value = float(paired.sum()) / sold
    spread = float(paired.std(ddof=1)) * math.sqrt(len(paired)) / sold if len(paired) > 1 else 0.0
    half = NormalDist().inv_cdf((1 + confidence) / 2) * spread
    return Difference(value, value - half, value + half, float(second.sum()) / sold)


def judge_first(
    solution: Solution, gate: ForecastGate, before: str = "first version", against: str | None = None
) -> Verdict:
    """It must not be shown to be worse than the naive forecast at any of the levels that are judged.

    ``before`` says why it is not held against a champion.
    """
    world = solution.world
    told, worse = [], []
    for rolled, judged in _judged(solution):
        found = difference(judged.came, judged.said, naive_of(world, rolled), gate.confidence)
        told.append(f"{rolled.level.name}: error {found} against the seasonal naive forecast")
        if found.low > 0:
            worse.append(rolled.level.name)
    word = f"worse than naive for {', '.join(worse)}" if worse else before
    reason = f"{word}: {'; '.join(told)}"
    return Verdict(promote=not worse, reason=reason, against=against, rows=_days(solution))


def judge(solution: Solution, champion: Forecaster, gate: ForecastGate, *, is_old: bool) -> Verdict:
    """A challenger must be no worse than the champion's mixture, by the margin; if that is old, no worse than naive."""
    theirs = _said_by(solution, champion)
    if theirs is None:
        return judge_first(solution, gate, f"{champion.version} was mixed for other levels", champion.version)
    told, worse = [], []
    for place, (rolled, judged) in enumerate(_judged(solution)):
        found = difference(judged.came, judged.said, [one[place] for one in theirs], gate.confidence)
        told.append(f"{rolled.level.name}: error {found}")
        if found.low > 0 or found.high > gate.margin * found.other:
            worse.append(rolled.level.name)
    reason = f"{'; '.join(told)} against the mixture of {champion.version}, at the same origins"
    if not worse:
        word = "no worse, and newer"
    elif is_old and judge_first(solution, gate).promote:
        word = f"not shown to be no worse for {', '.join(worse)}, but the champion's days are running out"
        worse = []
    else:
        word = f"not shown to be no worse for {', '.join(worse)}"
    return Verdict(promote=not worse, reason=f"{word}: {reason}", against=champion.version, rows=_days(solution))


def _judged(solution: Solution) -> list[tuple[Rolled, Judged]]:
    """The total and the finest level: what is ordered by, and what is planned by."""
    return list(zip(solution.world.levels, solution.judged, strict=True))[:2]


def _days(solution: Solution) -> int:
    """Series and periods that were judged."""
    return sum(int(np.isfinite(came).sum()) for _, judged in _judged(solution) for came in judged.came)


def _said_by(solution: Solution, champion: Forecaster) -> list[list[NDArray[np.float32]]] | None:
    """What the champion's mixture says at the judging origins, by origin and level; None where it cannot be mixed."""
    world = solution.world
    weights = []
    for rolled in world.levels:
        own = {one.family: one.weight or 0.0 for one in champion.candidates if one.level == rolled.level.name}
        found = np.array([own.get(family, 0.0) for family in FAMILIES])
        if not math.isclose(found.sum(), 1.0, abs_tol=1e-6) or (found[~rolled.usable] > 0).any():
            return None
        weights.append(found)
    return [
        said_at(world, choose(world, range(place), weights), place)
        for place in range(world.choosing, len(world.origins))
    ]
