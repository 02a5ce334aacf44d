"""Splits follow time."""

from itertools import pairwise

import numpy as np
import pytest

from shared.training.splits import holdout_start, random_split, time_folds


def daily(*counts: int) -> np.ndarray:
    """``counts[i]`` rows on day i."""
    start = np.datetime64("2024-01-01")
    return np.repeat(start + np.arange(len(counts)), counts)


def test_the_holdout_is_the_newest_share() -> None:
    assert holdout_start(daily(*[1] * 100), 0.2) == 80


def test_no_row_of_the_holdout_is_as_old_as_a_training_row() -> None:
    times = daily(70, 20, 10)
    cut = holdout_start(times, 0.2)
    assert cut == 70
    assert times[cut - 1] < times[cut]


def test_rows_of_one_time_are_split_by_their_order() -> None:
    assert holdout_start(daily(100), 0.2) == 80


def test_a_day_that_holds_most_rows_does_not_leave_too_few_to_train_on() -> None:
    assert holdout_start(daily(10, 90), 0.2) == 80


@pytest.mark.parametrize("folds", [1, 2, 3, 5])
def test_folds_follow_each_other_up_to_the_newest_training_row(folds: int) -> None:
    made = time_folds(1000, folds)
    assert len(made) == folds
    assert made[0][0] == 625
    assert made[-1][1] == 1000
    assert all(end == start for (_, end), (start, _) in pairwise(made))


def test_the_random_split_is_stratified_and_repeatable() -> None:
    positive = np.arange(1000) % 10 == 0
    train, test = random_split(positive, 0.2, 42)
    again, _ = random_split(positive, 0.2, 42)
    assert len(test) == 200
    assert positive[test].sum() == 20
    assert (train == again).all()
    assert not set(train) & set(test)
