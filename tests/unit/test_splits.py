"""Splits follow time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.spec import ClassificationTraining
from shared.training.splits import LEAST_OUTCOMES, Folds, random_split, time_folds


def daily(*counts: int) -> np.ndarray:
    """``counts[i]`` rows on day i."""
    start = np.datetime64("2024-01-01")
    return np.repeat(start + np.arange(len(counts)), counts)


def evenly(rows: int, every: int = 2) -> np.ndarray:
    """Outcomes of which one in ``every`` is positive."""
    return np.arange(rows) % every == 0


def folds_of(rows: int, every: int = 2, *, folds: int = 2, fold_rows: int = 100) -> Folds:
    """Folds of rows that each have a time of their own."""
    return time_folds(np.arange(rows), evenly(rows, every), ClassificationTraining(folds=folds, fold_rows=fold_rows))


def sizes(folds: Folds) -> list[int]:
    return [end - start for start, end in folds.every]


@given(
    counts=st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=60),
    folds=st.integers(min_value=1, max_value=20),
    fold_rows=st.integers(min_value=20, max_value=300),
    every=st.integers(min_value=1, max_value=100),
)
def test_folds_follow_each_other_up_to_the_newest_row_whatever_the_sizes(
    counts: list[int], folds: int, fold_rows: int, every: int
) -> None:
    times = daily(*[2 * folds, *counts])
    made = time_folds(times, evenly(len(times), every), ClassificationTraining(folds=folds, fold_rows=fold_rows))
    assert len(made.choosing) == len(made.judging) == folds
    assert made.every[0][0] >= 0
    assert made.every[-1][1] == len(times)
    assert all(start < end for start, end in made.every)
    assert all(end == start for (_, end), (start, _) in pairwise(made.every))
    assert made.cut == made.choosing[-1][1] == made.judging[0][0]


@pytest.mark.parametrize("folds", [1, 2, 4])
def test_folds_are_as_long_as_the_catalog_asks(folds: int) -> None:
    assert sizes(folds_of(3000, folds=folds)) == [100] * 2 * folds


def test_the_holdout_is_the_newer_half_of_the_folds() -> None:
    made = folds_of(3000)
    assert made.cut == 2800
    assert made.choosing == ((2600, 2700), (2700, 2800))


def test_folds_are_longer_where_an_outcome_is_rare() -> None:
    assert sizes(folds_of(10_000, every=20)) == [20 * LEAST_OUTCOMES] * 4


def test_it_is_the_same_where_nearly_all_are_positive() -> None:
    rare = time_folds(np.arange(10_000), ~evenly(10_000, 20), ClassificationTraining(folds=2, fold_rows=100))
    assert rare == folds_of(10_000, every=20)


def test_how_rare_an_outcome_is_shows_in_the_newer_half() -> None:
    positive = evenly(10_000)
    positive[5000:] = evenly(5000, 20)
    assert sizes(time_folds(np.arange(10_000), positive, ClassificationTraining(folds=2, fold_rows=100))) == [1000] * 4


def test_newer_rows_of_one_outcome_do_not_make_folds_endless() -> None:
    positive = np.arange(3000) < 1000
    assert sizes(time_folds(np.arange(3000), positive, ClassificationTraining(folds=2, fold_rows=100))) == [100] * 4


@pytest.mark.parametrize(("rows", "every"), [(200, 2), (2000, 100)])
def test_folds_take_no_more_than_half_of_the_rows(rows: int, every: int) -> None:
    made = folds_of(rows, every, folds=4, fold_rows=250)
    assert rows // 2 <= made.every[0][0] < rows // 2 + 8
    assert sizes(made) == [rows // 16] * 8


def test_a_border_is_moved_back_to_the_first_row_of_its_day() -> None:
    times = daily(*[30] * 100)
    made = time_folds(times, evenly(3000), ClassificationTraining(folds=2, fold_rows=100))
    starts = [start for start, _ in made.every]
    assert starts == [2580, 2700, 2790, 2880]
    assert all(times[start - 1] < times[start] for start in starts)


def test_a_border_stays_where_the_fold_before_would_lose_more_than_half() -> None:
    times = daily(*[1] * 2000, 1000)
    assert sizes(time_folds(times, evenly(3000), ClassificationTraining(folds=2, fold_rows=100))) == [100] * 4


@pytest.mark.parametrize(("first_of_day", "border"), [(2650, 2650), (2649, 2700)])
def test_half_a_fold_may_be_lost_to_a_day_and_no_more(first_of_day: int, border: int) -> None:
    times = daily(*[1] * first_of_day, 60, *[1] * (2940 - first_of_day))
    made = time_folds(times, evenly(3000), ClassificationTraining(folds=2, fold_rows=100))
    assert [start for start, _ in made.every] == [2600, border, 2800, 2900]


def test_rows_of_one_time_are_split_by_their_order() -> None:
    assert sizes(time_folds(daily(3000), evenly(3000), ClassificationTraining(folds=2, fold_rows=100))) == [100] * 4


def test_the_random_split_is_stratified_and_repeatable() -> None:
    positive = np.arange(1000) % 10 == 0
    train, test = random_split(positive, 0.2, 42)
    again, _ = random_split(positive, 0.2, 42)
    assert len(test) == 200
    assert positive[test].sum() == 20
    assert (train == again).all()
    assert not set(train) & set(test)
