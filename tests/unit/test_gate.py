"""What may serve, and what may not."""

import numpy as np
import pytest

from shared.catalog.spec import Gate
from shared.training.gate import judge, judge_first

GATE = Gate()


@pytest.fixture
def positive() -> np.ndarray:
    return np.random.default_rng(1).random(1000) < 0.3


def score(positive: np.ndarray, pull: float, seed: int) -> np.ndarray:
    return pull * positive + np.random.default_rng(seed).normal(size=len(positive))


def test_a_first_version_that_ranks_better_than_chance_serves(positive: np.ndarray) -> None:
    verdict = judge_first(positive, score(positive, 1, 2), GATE)
    assert verdict.promote
    assert "better than chance" in verdict.reason


@pytest.mark.parametrize("pull", [0, -1])
def test_a_first_version_that_knows_nothing_does_not(positive: np.ndarray, pull: float) -> None:
    assert not judge_first(positive, score(positive, pull, 2), GATE).promote


def test_a_clearly_better_challenger_replaces_the_champion(positive: np.ndarray) -> None:
    verdict = judge(positive, score(positive, 2, 2), score(positive, 0.5, 3), "old", GATE)
    assert verdict.promote
    assert "old" in verdict.reason
    assert "1,000 rows unseen by both" in verdict.reason


def test_a_better_champion_is_kept(positive: np.ndarray) -> None:
    assert not judge(positive, score(positive, 0.5, 2), score(positive, 2, 3), "old", GATE).promote


def test_an_equal_challenger_does_not_replace_the_champion(positive: np.ndarray) -> None:
    same = score(positive, 1, 2)
    assert not judge(positive, same, same, "old", GATE).promote


def test_a_difference_within_the_noise_is_no_reason_to_change(positive: np.ndarray) -> None:
    few = positive[:60]
    assert not judge(few, score(few, 1.1, 5), score(few, 1.0, 6), "old", GATE).promote


@pytest.mark.parametrize("rows", [0, 1, 49])
def test_too_few_unseen_rows_decide_nothing(positive: np.ndarray, rows: int) -> None:
    few = positive[:rows]
    verdict = judge(few, score(few, 9, 2), score(few, 0, 3), "old", GATE)
    assert not verdict.promote
    assert f"{rows} rows are unseen" in verdict.reason


def test_rows_of_one_outcome_decide_nothing() -> None:
    one = np.zeros(500, dtype=bool)
    assert not judge(one, score(one, 9, 2), score(one, 0, 3), "old", GATE).promote


def test_one_row_of_an_outcome_tells_nothing_and_says_so() -> None:
    one = np.arange(200) == 7
    first = judge_first(one, score(one, 9, 2), GATE)
    later = judge(one, score(one, 9, 2), score(one, 0, 3), "old", GATE)
    assert not first.promote
    assert "1 has one of the outcomes" in first.reason
    assert not later.promote
    assert "with 2 of each outcome" in later.reason
