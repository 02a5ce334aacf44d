"""Errors, mixtures, sums that agree, and intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shared.store.forecasts import COVERAGES
from shared.training.forecast import errors
from shared.training.forecast.bands import calibrate, intervals
from shared.training.forecast.blend import mixed
from shared.training.forecast.gate import difference
from shared.training.forecast.members import FAMILIES, effect
from tests.forecast_world import trained_shop

SALES = arrays(np.float32, (6, 14), elements=st.floats(0, 1e4, width=32))
OPEN = np.ones(14, dtype=bool)


def test_the_error_is_the_share_of_sales_that_was_missed() -> None:
    came, said = np.array([[10.0, 0.0], [np.nan, 10.0]]), np.array([[8.0, 2.0], [99.0, 10.0]])
    assert errors.wape(came, said) == pytest.approx(0.2)
    assert errors.sum_wape(came, said) == pytest.approx(0.0)
    assert errors.loss(came, said) == pytest.approx(0.1)
    assert errors.by_series(came, said).tolist() == pytest.approx([2.0, 0.0])
    assert errors.bias(came, said) == pytest.approx(0.0)


def test_where_nothing_was_sold_any_forecast_is_wrong_and_none_is_right() -> None:
    nothing = np.zeros((1, 3))
    assert errors.wape(nothing, nothing) == 0.0
    assert errors.wape(nothing, nothing + 1) == 1.0


def test_a_mixture_is_the_weighted_mean_of_the_families_that_are_in_it() -> None:
    members = np.full((len(FAMILIES), 2, 3), np.nan, dtype=np.float32)
    members[0], members[2] = 4.0, 8.0
    weights = np.zeros(len(FAMILIES))
    weights[0], weights[2] = 0.25, 0.75
    assert (mixed(members, weights) == 7.0).all()


def test_the_effect_of_a_plan_is_bounded_and_nothing_says_nothing() -> None:
    known, expected = np.float32([[2.0, 90.0, 0.0, 5.0]]), np.float32([[1.0, 1.0, 2.0, 0.0]])
    assert effect(known, expected).tolist() == [[2.0, 10.0, pytest.approx(0.1), 1.0]]


@given(SALES, SALES, st.lists(st.floats(0.01, 1e4), min_size=6, max_size=6))
def test_intervals_lie_within_each_other_and_never_below_zero(
    came: np.ndarray, said: np.ndarray, scales: list[float]
) -> None:
    scale = np.array(scales)
    bands = calibrate([came], [said], [scale], [OPEN])
    found = intervals(bands, said, scale, OPEN)
    lows, highs = found[..., ::2], found[..., 1::2]
    assert (lows >= 0).all()
    assert (np.diff(lows, axis=2) <= 1e-9).all()
    assert (np.diff(highs, axis=2) >= -1e-9).all()
    assert (lows <= highs).all()


def test_intervals_hold_of_new_days_what_they_promise() -> None:
    random = np.random.default_rng(3)
    scale = random.uniform(5, 50, 400)
    said = np.repeat(scale[:, None], 14, axis=1)
    came = [random.gamma(2.0, said / 2.0) for _ in range(2)]
    found = intervals(calibrate(came[:1], [said], [scale], [OPEN]), said, scale, OPEN)
    for place, coverage in enumerate(COVERAGES):
        held = (came[1] >= found[..., 2 * place]) & (came[1] <= found[..., 2 * place + 1])
        assert held.mean() == pytest.approx(coverage / 100, abs=0.02)


def test_closed_days_have_intervals_from_zero_to_zero_and_do_not_count() -> None:
    closed = OPEN.copy()
    closed[6] = False
    came = np.full((6, 14), 5.0)
    came[:, 6] = 0
    said = came.copy()
    bands = calibrate([came], [said], [np.full(6, 5.0)], [closed])
    found = intervals(bands, said, np.full(6, 5.0), closed)
    assert (found[:, 6] == 0).all()
    assert (found[:, 5] > 0).all()


def test_the_paired_interval_tells_a_worse_forecast_from_chance() -> None:
    random = np.random.default_rng(5)
    came = random.poisson(20, (50, 14)).astype(float)
    good, bad = np.full((50, 14), 20.0), np.full((50, 14), 26.0)
    assert difference([came], [bad], [good], 0.9).low > 0
    assert difference([came], [good], [bad], 0.9).high < 0
    same = difference([came], [good], [good], 0.9)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_the_weights_of_each_level_sum_to_one() -> None:
    version = trained_shop().serving
    for level in version.levels:
        assert sum(one.weight or 0 for one in version.candidates if one.level == level.level) == pytest.approx(1.0)
