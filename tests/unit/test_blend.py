"""Members are weighed by what they said of rows that they had not seen."""

from __future__ import annotations

import numpy as np
import pytest

from shared.training.blend import HALF_LIFE_FOLDS, SUREST, Blend, Weights, log_odds, probability, weigh

FOLDS = 4
ROWS = 250


class Says:
    """A fitted pipeline that answers each row with the probability in one of its columns."""

    def __init__(self, column: int) -> None:
        self.column = column

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        return np.column_stack([1 - rows[:, self.column], rows[:, self.column]])


def world(seed: int = 1, folds: int = FOLDS) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each fold, the true log-odds of its rows, and what came of them."""
    random = np.random.default_rng(seed)
    truth = [random.normal(-0.5, 1.5, ROWS) for _ in range(folds)]
    return truth, [random.random(ROWS) < probability(odds) for odds in truth]


def noise(seed: int = 2, folds: int = FOLDS) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(-0.5, 1.5, ROWS) for _ in range(folds)]


def beside(*members: list[np.ndarray]) -> list[np.ndarray]:
    """Fold by fold, the members beside each other."""
    return [np.column_stack(fold) for fold in zip(*members, strict=True)]


def log_loss(weights: Weights, said: list[np.ndarray], positive: list[np.ndarray]) -> float:
    odds, truth = weights.log_odds(np.concatenate(said)), np.concatenate(positive)
    return float((np.logaddexp(0, odds) - truth * odds).mean())


def test_a_member_that_is_noise_weighs_less() -> None:
    truth, positive = world()
    good, bad = weigh(beside(truth, noise()), positive).members
    assert good > 0.8
    assert bad < 0.2


def test_equal_members_weigh_the_same_and_together_as_much_as_one() -> None:
    truth, positive = world()
    weights = weigh(beside(truth, truth, truth), positive)
    assert weights.members == pytest.approx([weights.members[0]] * 3, abs=1e-4)
    assert sum(weights.members) == pytest.approx(weigh(beside(truth), positive).members[0], abs=0.05)


def test_a_member_that_is_surer_than_it_should_be_is_toned_down() -> None:
    truth, positive = world()
    overconfident = [3 * odds for odds in truth]
    assert weigh(beside(overconfident), positive).members[0] == pytest.approx(1 / 3, abs=0.1)


def test_a_member_that_always_says_too_much_is_calibrated() -> None:
    truth, positive = world()
    said = beside([odds + 1 for odds in truth])
    weights = weigh(said, positive)
    assert weights.intercept == pytest.approx(-1, abs=0.25)
    likely = probability(weights.log_odds(np.concatenate(said)))
    assert likely.mean() == pytest.approx(np.concatenate(positive).mean(), abs=0.01)


def test_a_good_member_that_stands_alone_is_left_as_it_is() -> None:
    truth, positive = world()
    weights = weigh(beside(truth), positive)
    assert weights.members == pytest.approx([1], abs=0.1)
    assert weights.intercept == pytest.approx(0, abs=0.15)


def test_two_halves_of_the_truth_are_added_up() -> None:
    random = np.random.default_rng(3)
    halves = [[random.normal(0, 1.2, ROWS) for _ in range(FOLDS)] for _ in range(2)]
    positive = [random.random(ROWS) < probability(one + other) for one, other in zip(*halves, strict=True)]
    said = beside(*halves)
    weights = weigh(said, positive)
    alone = [weigh(beside(half), positive) for half in halves]
    assert min(weights.members) > 0.7
    assert log_loss(weights, said, positive) < min(
        log_loss(one, beside(half), positive) for one, half in zip(alone, halves, strict=True)
    )


def test_no_member_is_believed_the_other_way_round() -> None:
    truth, positive = world()
    shy = [odds / 2 for odds in truth]
    good, opposite = weigh(beside(shy, [-odds for odds in shy]), positive).members
    assert good > 1.5
    assert opposite == 0


def test_where_all_are_wrong_they_count_alike_and_nothing_is_added() -> None:
    truth, positive = world()
    opposite = [-odds for odds in truth]
    assert weigh(beside(opposite, opposite), positive) == Weights(0.0, (0.5, 0.5))


def test_recent_folds_count_more() -> None:
    """One member was right in the older half, the other is right in the newer."""
    folds = 4 * int(HALF_LIFE_FOLDS)
    truth, positive = world(folds=folds)
    chance, half = noise(folds=folds), folds // 2
    was, is_now = truth[:half] + chance[half:], chance[:half] + truth[half:]
    older, newer = weigh(beside(was, is_now), positive).members
    assert newer > older + 0.15
    older, newer = weigh(beside(was, is_now)[::-1], positive[::-1]).members
    assert older > newer + 0.15


def test_calibration_follows_a_base_rate_that_has_moved() -> None:
    folds = 4 * int(HALF_LIFE_FOLDS)
    constant = [np.zeros(ROWS) for _ in range(folds)]
    positive = [np.arange(ROWS) % (10 if place < folds // 2 else 2) == 0 for place in range(folds)]
    weights = weigh(beside(constant), positive)
    rate = np.concatenate(positive).mean()
    assert float(probability(np.array(weights.intercept))) > rate + 0.05


def test_few_rows_leave_weights_nearly_equal() -> None:
    truth, positive = world()
    good, bad = weigh([beside(truth, noise())[0][:10]], [positive[0][:10]]).members
    assert good == pytest.approx(0.5, abs=0.25)
    assert bad == pytest.approx(0.5, abs=0.25)


def test_folds_of_one_outcome_have_weights_too() -> None:
    truth, positive = world()
    weights = weigh(beside(truth), [np.zeros(ROWS, dtype=bool) for _ in positive])
    assert np.isfinite([weights.intercept, *weights.members]).all()


def test_a_blend_answers_with_the_weighted_sum_of_log_odds() -> None:
    rows = np.array([[0.5, 0.9], [0.2, 0.2], [0.9, 0.1]], dtype=np.float32)
    blend = Blend((Says(0), Says(1)), Weights(0.3, (0.5, 2.0)))  # type: ignore[arg-type]
    odds = np.log(rows / (1 - rows.astype(np.float64)))
    assert blend.predict(rows) == pytest.approx(1 / (1 + np.exp(-(0.3 + 0.5 * odds[:, 0] + 2 * odds[:, 1]))))


def test_a_blend_of_one_with_nothing_added_is_that_one() -> None:
    rows = np.array([[0.5], [0.03], [0.97]], dtype=np.float32)
    blend = Blend((Says(0),), Weights(0.0, (1.0,)))  # type: ignore[arg-type]
    assert blend.predict(rows) == pytest.approx(rows[:, 0])


def test_no_member_is_taken_for_certain() -> None:
    rows = np.array([[0.0], [1.0], [0.5]], dtype=np.float32)
    assert probability(log_odds(Says(0), rows)) == pytest.approx([SUREST, 1 - SUREST, 0.5])  # type: ignore[arg-type]
