"""Figures against slow references."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shared.training.metrics import auc_difference, calibration_error, curves, lift, metrics


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
