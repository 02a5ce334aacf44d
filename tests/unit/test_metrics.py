"""Figures against slow references."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from shared.training.metrics import (
    auc_difference,
    calibration_difference,
    calibration_error,
    curves,
    lift,
    log_loss_difference,
    metrics,
)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def scores(random: np.random.Generator, positive: np.ndarray, pull: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(pull * (positive - 0.5) + random.normal(size=len(positive)))))


def test_the_auc_difference_is_that_of_the_two_aucs(random: np.random.Generator) -> None:
    positive = random.random(500) < 0.3
    ours, theirs = scores(random, positive, 2), scores(random, positive, 1)
    difference = auc_difference(positive, ours, theirs, 0.9)
    assert difference.value == pytest.approx(roc_auc_score(positive, ours) - roc_auc_score(positive, theirs), abs=1e-12)


def test_ties_count_half(random: np.random.Generator) -> None:
    positive = random.random(400) < 0.4
    ours = np.round(scores(random, positive, 1), 1)
    against_nothing = auc_difference(positive, ours, np.zeros(400), 0.9)
    assert against_nothing.value + 0.5 == pytest.approx(roc_auc_score(positive, ours), abs=1e-12)


def test_the_interval_is_that_of_a_paired_bootstrap(random: np.random.Generator) -> None:
    positive = random.random(1500) < 0.3
    base = scores(random, positive, 1)
    ours, theirs = base + 0.2 * scores(random, positive, 2), base
    interval = auc_difference(positive, ours, theirs, 0.9)
    draws = []
    for _ in range(600):
        rows = random.integers(len(positive), size=len(positive))
        draws.append(roc_auc_score(positive[rows], ours[rows]) - roc_auc_score(positive[rows], theirs[rows]))
    low, high = np.quantile(draws, [0.05, 0.95])
    assert interval.low == pytest.approx(low, abs=0.004)
    assert interval.high == pytest.approx(high, abs=0.004)


def test_a_model_is_no_better_than_itself(random: np.random.Generator) -> None:
    positive = random.random(300) < 0.3
    ours = scores(random, positive, 1)
    assert auc_difference(positive, ours, ours, 0.9).low == 0


def test_the_interval_holds_the_truth_as_often_as_it_says(random: np.random.Generator) -> None:
    hits = 0
    for _ in range(300):
        positive = random.random(300) < 0.4
        same = auc_difference(positive, scores(random, positive, 1), scores(random, positive, 1), 0.9)
        hits += same.low <= 0 <= same.high
    assert 0.85 < hits / 300 < 0.95


def test_the_log_loss_difference_is_that_of_the_two_log_losses(random: np.random.Generator) -> None:
    positive = random.random(500) < 0.3
    ours, theirs = scores(random, positive, 2), scores(random, positive, 1)
    difference = log_loss_difference(positive, ours, theirs, 0.9)
    assert difference.value == pytest.approx(log_loss(positive, ours) - log_loss(positive, theirs))
    assert difference.low < difference.value < 0


def test_the_log_loss_interval_is_that_of_a_paired_bootstrap(random: np.random.Generator) -> None:
    positive = random.random(1500) < 0.3
    theirs = scores(random, positive, 1)
    ours = 0.8 * theirs + 0.2 * scores(random, positive, 2)
    interval = log_loss_difference(positive, ours, theirs, 0.9)
    draws = []
    for _ in range(600):
        rows = random.integers(len(positive), size=len(positive))
        draws.append(log_loss(positive[rows], ours[rows]) - log_loss(positive[rows], theirs[rows]))
    low, high = np.quantile(draws, [0.05, 0.95])
    assert interval.low == pytest.approx(low, abs=0.002)
    assert interval.high == pytest.approx(high, abs=0.002)


def test_a_row_that_was_called_certain_costs_much_but_not_everything() -> None:
    positive = np.array([True, False] * 50)
    certain, half = np.where(np.arange(100) == 0, 0.0, positive), np.full(100, 0.5)
    difference = log_loss_difference(positive, certain.astype(np.float32), half, 0.9)
    assert difference.value == pytest.approx(0.138 - np.log(2), abs=0.001)
    assert np.isfinite([difference.low, difference.high]).all()


def test_the_calibration_difference_is_that_of_the_two_errors(random: np.random.Generator) -> None:
    probability = random.random(3_000)
    positive = random.random(3_000) < probability
    difference = calibration_difference(positive, probability / 2, probability, 0.9)
    errors = [calibration_error(curves(positive, scored)) for scored in (probability / 2, probability)]
    assert difference.value == pytest.approx(errors[0] - errors[1])
    assert 0.2 < difference.low < difference.value < difference.high < 0.3
    assert calibration_difference(positive, probability / 2, probability, 0.9) == difference


def test_chance_seldom_shows_a_calibration_difference_where_there_is_none(random: np.random.Generator) -> None:
    shown = 0
    for _ in range(100):
        probability = random.uniform(0.1, 0.5, 200)
        positive = random.random(200) < probability
        ours, theirs = (probability + random.normal(0, 0.05, 200) for _ in range(2))
        shown += calibration_difference(positive, ours, theirs, 0.9).low > 0
    assert shown <= 10


def test_lift_is_a_figure_at_a_tenth_and_at_half_of_the_rows() -> None:
    positive = np.array([True] * 10 + [False] * 90)
    found = metrics(positive, np.linspace(0.99, 0.01, 100))
    assert found["lift_at_10_percent"] == pytest.approx(10)
    assert found["lift_at_50_percent"] == pytest.approx(2)


def test_lift_compares_the_best_rows_with_all() -> None:
    positive = np.array([True] * 10 + [False] * 90)
    assert lift(positive, np.linspace(1, 0, 100), 0.1) == pytest.approx(10)
    assert lift(positive, np.linspace(0, 1, 100), 0.1) == 0


def test_probabilities_that_hold_are_calibrated(random: np.random.Generator) -> None:
    probability = random.random(50_000)
    positive = random.random(50_000) < probability
    assert calibration_error(curves(positive, probability)) < 0.01
    assert calibration_error(curves(positive, probability / 2)) == pytest.approx(0.25, abs=0.01)


def test_the_gain_curve_runs_from_nothing_to_everything(random: np.random.Generator) -> None:
    positive = random.random(77) < 0.4
    gain = curves(positive, random.random(77)).gain
    assert gain[0] == (0, 0)
    assert gain[-1] == (1, 1)
    assert all(a[1] <= b[1] for a, b in pairwise(gain))


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_a_handful_of_rows_has_figures_too(rows: int) -> None:
    positive = np.arange(rows) == 0
    found = metrics(positive, np.linspace(0.9, 0.1, rows))
    assert found["auc"] == 1
    assert all(np.isfinite(value) for value in found.values())
