"""When a forecast may serve in another's place."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from msgspec.structs import replace as changed

from shared.catalog.forecast import ForecastGate
from shared.training.forecast import gate
from shared.training.forecast.members import FAMILIES
from shared.training.forecast.rolling import roll
from shared.training.forecast.solution import solve
from tests.forecast_world import case_of, lines, small_trees, sums, trained_shop

if TYPE_CHECKING:
    from shared.store.forecasts import Forecaster
    from shared.training.forecast.solution import Solution

BOUNDS = ForecastGate()


@cache
def solution(days: int = 150) -> Solution:
    """What a drop of so many days comes to, worked out once per process."""
    with small_trees():
        return solve(roll(sums(lines(days)), case_of(), lambda *_: None), lambda *_: None)


def times(factor: float) -> Solution:
    """The same, had it said so many times as much of the judging origins."""
    judged = tuple(
        replace(one, said=tuple(said * np.float32(factor) for said in one.said)) for one in solution().judged
    )
    return replace(solution(), judged=judged)


def champion(*weights: tuple[str, float]) -> Forecaster:
    """One that mixed every level so."""
    serving = trained_shop().serving
    mixture = {(level.level, family): weight for level in serving.levels for family, weight in weights}
    candidates = tuple(changed(one, weight=mixture.get((one.level, one.family))) for one in serving.candidates)
    return changed(serving, candidates=candidates)


def same_mixture() -> Forecaster:
    """A champion with the weights that the solution itself chose."""
    found = solution()
    weights = {
        (rolled.level.name, family): float(weight)
        for rolled, own in zip(found.world.levels, found.choice.weights, strict=True)
        for family, weight in zip(FAMILIES, own, strict=True)
    }
    serving = trained_shop().serving
    candidates = tuple(changed(one, weight=weights.get((one.level, one.family))) for one in serving.candidates)
    return changed(serving, candidates=candidates)


NAIVE = champion(("seasonal naive", 1.0))


def test_a_first_forecast_may_serve_unless_it_is_shown_to_be_worse_than_naive() -> None:
    assert gate.judge_first(solution(), BOUNDS).promote
    poor = gate.judge_first(times(3), BOUNDS)
    assert not poor.promote
    assert poor.reason.startswith("worse than naive for total, product: total: error +")


def test_what_is_right_more_often_than_the_champions_mixture_replaces_it() -> None:
    judged = tuple(replace(one, said=one.came) for one in solution().judged)
    verdict = gate.judge(replace(solution(), judged=judged), NAIVE, BOUNDS, is_old=False)
    assert verdict.promote
    assert verdict.against == NAIVE.version
    assert verdict.reason.startswith("no worse, and newer: total: error ")
    assert verdict.rows > 0


def test_no_worse_means_within_a_share_of_the_champions_error() -> None:
    total, product, country = solution().judged
    right = replace(total, said=total.came)
    slightly = tuple(said * np.float32(1.04) for said in product.said)
    theirs = [by_level[1] for by_level in gate._said_by(solution(), same_mixture()) or []]
    found = gate.difference(product.came, slightly, theirs, BOUNDS.confidence)
    assert found.low <= 0 < found.high
    share = found.high / found.other
    for margin, promoted in ((share * 1.01, True), (share * 0.99, False)):
        challenger = replace(solution(), judged=(right, replace(product, said=slightly), country))
        verdict = gate.judge(challenger, same_mixture(), ForecastGate(margin=margin), is_old=False)
        assert verdict.promote is promoted, verdict.reason


def test_a_champion_whose_days_run_out_gives_way_to_what_is_no_worse_than_naive_alone() -> None:
    strict = ForecastGate(margin=0.0)
    slightly = times(1.1)
    assert not gate.judge(slightly, same_mixture(), strict, is_old=False).promote
    old = gate.judge(slightly, same_mixture(), strict, is_old=True)
    assert old.promote
    assert "but the champion's days are running out" in old.reason
    assert not gate.judge(times(3), same_mixture(), strict, is_old=True).promote


@pytest.mark.parametrize(
    "other",
    [champion(("seasonal naive", 0.5)), champion(("trees", 1.0)), changed(NAIVE, candidates=())],
    ids=["weights that do not sum to one", "a family that cannot be fitted now", "levels of other names"],
)
def test_a_champion_that_cannot_be_mixed_again_is_succeeded_as_a_first_version_is(other: Forecaster) -> None:
    verdict = gate.judge(solution(days=100), other, BOUNDS, is_old=False)
    assert verdict.promote
    assert verdict.reason.startswith(f"{other.version} was mixed for other levels: ")
    assert "against the seasonal naive forecast" in verdict.reason
