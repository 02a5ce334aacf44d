"""What was known on the evening before a forecast, and what smoothing makes of it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shared.catalog.forecast import Calendar
from shared.training.forecast.days import Days
from shared.training.forecast.past import LARGEST_SALES, RARELY, WINDOWS, Past, mean_of, median_of
from shared.training.forecast.smoothing import SMOOTHINGS, smoothed

NOTHING = np.float32("nan")
WEEK = np.float32([5, 6, 7, 8, 9, 2, 0])


def past(*sold: np.ndarray, step: int = 1) -> Past:
    table = np.stack([np.asarray(one, dtype=np.float32) for one in sold])
    return Past(table, Days(date(2026, 1, 5), table.shape[1], step, Calendar()))


EVERYONE = np.array([0])


def test_a_mean_is_of_the_days_on_sale_and_of_nothing_there_is_none() -> None:
    one = past([NOTHING, NOTHING, 2.0, 4.0, 0.0])
    assert one.mean(EVERYONE, 0, 5).tolist() == [2.0]
    assert np.isnan(one.mean(EVERYONE, 0, 2)).all()
    assert one.mean(EVERYONE, -9, 3).tolist() == [2.0]


def test_a_bulk_order_counts_for_so_many_usual_days_but_naive_repeats_it() -> None:
    sold = np.ones(100)
    sold[-1] = 1e6
    one = past(sold)
    usual = sold.mean()
    assert one.cut[0, -1] == pytest.approx(LARGEST_SALES * usual)
    assert one.newest_week(EVERYONE, 100)[0].tolist() == [1, 1, 1, 1, 1, 1, 1e6]


def test_a_scale_is_the_recent_mean_and_never_nothing() -> None:
    sleeping = np.zeros(100)
    sleeping[0] = 10.0
    one = past(np.tile(WEEK, 15)[:98], sleeping[:98], np.zeros(98))
    assert one.scale(np.arange(3), 98).tolist() == pytest.approx([WEEK.mean(), RARELY * 10.0, 1.0])


def test_same_weekdays_stay_in_their_columns_where_the_history_is_short() -> None:
    found = past(WEEK[3:])
    weeks = found.same_weekdays(EVERYONE, 4, 2)[0]
    assert np.isnan(weeks[0]).all()
    assert np.isnan(weeks[1, :3]).all()
    assert weeks[1, 3:].tolist() == WEEK[3:].tolist()


@given(arrays(np.float32, (3, 8, 7), elements=st.one_of(st.just(NOTHING), st.floats(0, 1e6, width=32))))
def test_means_and_medians_are_those_of_what_is_there(weeks: np.ndarray) -> None:
    empty = np.isnan(weeks).all(axis=1)
    filled = np.where(empty[:, None], 0, weeks).astype(np.float64)
    np.testing.assert_allclose(median_of(weeks)[~empty], np.nanmedian(filled, axis=1)[~empty], rtol=1e-6)
    np.testing.assert_allclose(mean_of(weeks)[~empty], np.nanmean(filled, axis=1)[~empty], rtol=1e-6)
    assert np.isnan(mean_of(weeks)[empty]).all()
    assert np.isnan(median_of(weeks)[empty]).all()


def test_features_are_in_units_of_the_series_so_that_size_does_not_matter() -> None:
    sold = np.tile(WEEK, 80)
    small, large = past(sold).seen(EVERYONE, 560, 28), past(1000 * sold).seen(EVERYONE, 560, 28)
    assert large.scale == pytest.approx(1000 * small.scale)
    log_of_scale = len(WINDOWS) + 6
    still = np.arange(small.still.shape[1]) != log_of_scale
    assert large.still[:, still] == pytest.approx(small.still[:, still], rel=1e-5)
    assert large.still[0, log_of_scale] == pytest.approx(np.log(large.scale[0]))
    assert large.moving == pytest.approx(small.moving, rel=1e-5)


def test_a_week_that_repeats_itself_is_seen_as_such_on_each_day_of_the_horizon() -> None:
    seen = past(np.tile(WEEK, 80)).seen(EVERYONE, 560, 28)
    expected = np.tile(WEEK, 4) / WEEK.mean()
    for column in range(6):
        assert seen.moving[0, :, column] == pytest.approx(expected, rel=1e-5)
    assert seen.moving[0, :, 7] == pytest.approx(np.ones(28), abs=0.1)


def test_last_year_is_the_mean_around_the_same_weekday_and_not_known_before_there_was_one() -> None:
    rising = np.arange(400, dtype=np.float32)
    seen = past(rising).seen(EVERYONE, 400, 28)
    assert seen.moving[0, 3, 6] * seen.scale[0] == pytest.approx(400 + 3 - 364, rel=1e-5)
    assert np.isnan(past(rising[:360]).seen(EVERYONE, 360, 2).moving[0, :, 6]).all()


def test_features_of_an_origin_do_not_depend_on_what_came_after_it() -> None:
    random = np.random.default_rng(4)
    sold = random.poisson(4, 500).astype(np.float32)
    changed = sold.copy()
    changed[450:] = random.permutation(sold[450:])  # the same mean, by which bulk orders are known
    before, after = (past(one).seen(EVERYONE, 450, 28) for one in (sold, changed))
    np.testing.assert_array_equal(before.still, after.still)
    np.testing.assert_array_equal(before.moving, after.moving)


def by_hand(sold: np.ndarray, alpha: float, gamma: float) -> tuple[float, list[float], float]:
    """The recursion as it is written, of one series: level, season and the error that decides."""
    level, season, squared = float(sold[0]), [0.0] * 7, 0.0
    for period, one in enumerate(sold.tolist()):
        error = one - level - season[period % 7]
        squared = 0.99 * squared + error**2
        level += alpha * error
        season[period % 7] += gamma * error
    return level, season, squared


def test_smoothing_is_the_recursion_that_it_says_with_the_pair_that_missed_least() -> None:
    sold = np.random.default_rng(9).poisson(np.tile(WEEK, 20)[:138]).astype(np.float32)
    sold = np.minimum(sold, LARGEST_SALES * sold[sold > 0].mean())
    tried = [by_hand(sold, *pair) for pair in SMOOTHINGS]
    level, season, _ = min(tried, key=lambda one: one[2])
    state = smoothed(past(sold), [138])[138]
    assert state.level[0] == pytest.approx(level, rel=1e-5)
    assert state.season[0] == pytest.approx([season[(138 + ahead) % 7] for ahead in range(7)], rel=1e-4, abs=1e-5)
    assert state.forecast(9)[0] == pytest.approx(
        [max(0.0, level + season[(138 + ahead) % 7]) for ahead in range(9)], rel=1e-4, abs=1e-5
    )


def test_days_off_sale_leave_the_state_as_it_was() -> None:
    sold = np.tile(WEEK, 20)
    paused = np.concatenate([sold, np.full(14, NOTHING)])
    before, after = smoothed(past(sold), [140])[140], smoothed(past(paused), [154])[154]
    assert after.level.tolist() == before.level.tolist()
    assert after.season.tolist() == before.season.tolist()


def test_states_at_several_origins_are_those_of_each_alone() -> None:
    sold = np.random.default_rng(2).poisson(5, 200).astype(np.float32)
    together = smoothed(past(sold), [150, 200])
    assert together[200].level.tolist() == smoothed(past(sold), [200])[200].level.tolist()
    assert set(together) == {150, 200}


def test_theta_goes_on_with_a_part_of_the_slope_and_smoothing_without() -> None:
    state = smoothed(past(np.linspace(100, 200, 364)), [364])[364]
    assert state.slope[0] == pytest.approx(100 / 363, rel=1e-3)
    flat, sloping = state.forecast(28), state.forecast(28, drift=0.5)
    assert sloping[0] - flat[0] == pytest.approx(0.5 * state.slope[0] * np.arange(1, 29), rel=1e-6)


def test_nothing_is_forecast_below_zero() -> None:
    state = smoothed(past(np.linspace(100, 0, 364)), [364])[364]
    assert (state.forecast(365, drift=1.0) >= 0).all()
    assert state.forecast(365, drift=1.0)[0, -1] == 0
