"""What may serve, and what may not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared.catalog.spec import Gate
from shared.training import gate as gates
from shared.training.gate import Comparison, judge, judge_first
from shared.training.metrics import Interval

GATE = Gate()
BASE = 0.3
LEAK = "amount gives the outcome away: set dataset.columns.amount.role"


@pytest.fixture
def positive() -> np.ndarray:
    return np.random.default_rng(1).random(1000) < BASE


def before(positive: np.ndarray) -> np.ndarray:
    """The base rate of the rows before each of these."""
    return np.full(len(positive), BASE)


def score(positive: np.ndarray, pull: float, seed: int) -> np.ndarray:
    """Probabilities that hold, of one who sees the outcome through noise: the more ``pull``, the better."""
    seen = pull * positive + np.random.default_rng(seed).normal(size=len(positive))
    return 1 / (1 + (1 - BASE) / BASE * np.exp(pull**2 / 2 - pull * seen))


def flattened(probability: np.ndarray) -> np.ndarray:
    """The same order, but all probabilities far too high."""
    return 0.5 + probability / 2


def compared(positive: np.ndarray, ours: np.ndarray, theirs: np.ndarray, **changes: Any) -> Comparison:
    usual: dict[str, Any] = {"champion_version": "old", "champion_is_old": False, "segments": {}}
    return Comparison(positive, ours, theirs, **(usual | changes))


# A first version.


def test_a_first_version_that_ranks_better_than_chance_serves(positive: np.ndarray) -> None:
    verdict = judge_first(positive, score(positive, 1, 2), before(positive), GATE)
    assert verdict.promote
    assert "better than chance" in verdict.reason
    assert "log loss -0." in verdict.reason
    assert verdict.against is None
    assert verdict.rows == 1_000


def test_a_first_version_that_knows_nothing_does_not(positive: np.ndarray) -> None:
    verdict = judge_first(positive, np.random.default_rng(2).random(1000), before(positive), GATE)
    assert not verdict.promote
    assert "no better than chance" in verdict.reason


def test_a_first_version_that_is_worse_than_chance_does_not(positive: np.ndarray) -> None:
    assert not judge_first(positive, 1 - score(positive, 1, 2), before(positive), GATE).promote


def test_a_first_version_whose_probabilities_do_harm_does_not(positive: np.ndarray) -> None:
    verdict = judge_first(positive, flattened(score(positive, 1, 2)), before(positive), GATE)
    assert not verdict.promote
    assert "worse than the base rate" in verdict.reason


def test_the_base_rate_to_beat_is_that_of_the_rows_before(positive: np.ndarray) -> None:
    probability = flattened(score(positive, 1, 2))
    assert not judge_first(positive, probability, before(positive), GATE).promote
    verdict = judge_first(positive, probability, np.full(len(positive), 0.95), GATE)
    assert verdict.promote
    assert "against the base rate of the rows before" in verdict.reason


def test_a_first_version_that_a_leak_stops_is_not_promoted_and_names_the_column(positive: np.ndarray) -> None:
    verdict = judge_first(positive, score(positive, 3, 2), before(positive), GATE, [LEAK])
    assert not verdict.promote
    assert verdict.reason == f"stopped: {LEAK}"


# Grounds to promote.


def test_a_clearly_better_challenger_replaces_the_champion(positive: np.ndarray) -> None:
    verdict = judge(compared(positive, score(positive, 2, 2), score(positive, 0.5, 3)), GATE)
    assert verdict.promote
    assert verdict.reason.startswith("better: AUC +0.")
    assert "against old on 1,000 rows unseen by both, 90% interval +0." in verdict.reason
    assert "log loss -0." in verdict.reason
    assert (verdict.against, verdict.rows) == ("old", 1_000)


def test_probabilities_that_hold_replace_those_that_do_not(positive: np.ndarray) -> None:
    same = score(positive, 1, 2)
    verdict = judge(compared(positive, same, flattened(same)), GATE)
    assert verdict.promote
    assert verdict.reason.startswith("better calibrated to what came")
    assert "AUC +0.000" in verdict.reason


def test_better_probabilities_do_not_make_up_for_a_worse_order(positive: np.ndarray) -> None:
    verdict = judge(compared(positive, score(positive, 0.5, 2), flattened(score(positive, 1.5, 3))), GATE)
    assert not verdict.promote
    assert "AUC -0." in verdict.reason
    assert "log loss -0." in verdict.reason


def test_an_equal_challenger_replaces_a_champion_that_is_old(positive: np.ndarray) -> None:
    same = score(positive, 1, 2)
    verdict = judge(compared(positive, same, same, champion_is_old=True), GATE)
    assert verdict.promote
    assert "no worse" in verdict.reason
    assert "the champion is older than its cadence" in verdict.reason


def test_an_equal_challenger_does_not_replace_a_young_champion(positive: np.ndarray) -> None:
    same = score(positive, 1, 2)
    verdict = judge(compared(positive, same, same), GATE)
    assert not verdict.promote
    assert verdict.reason.startswith("not shown to be better: ")


def test_worse_probabilities_do_not_replace_even_an_old_champion(positive: np.ndarray) -> None:
    same = score(positive, 1, 2)
    higher = same**0.8  # the same order, a little too high, within what the calibration bound allows
    verdict = judge(compared(positive, higher, same, champion_is_old=True), Gate(confidence=0.6))
    assert not verdict.promote
    assert verdict.reason.startswith("not shown to be better, nor to be no worse: ")


def test_a_better_champion_is_kept_however_old(positive: np.ndarray) -> None:
    worse = compared(positive, score(positive, 0.5, 2), score(positive, 2, 3), champion_is_old=True)
    assert not judge(worse, GATE).promote


def test_a_difference_within_the_noise_is_no_reason_to_change(positive: np.ndarray) -> None:
    few = positive[:60]
    ours, theirs = score(few, 1.1, 5), score(few, 1.0, 7)
    assert not judge(compared(few, ours, theirs), GATE).promote
    assert not judge(compared(few, ours, theirs, champion_is_old=True), GATE).promote


def seen(monkeypatch: pytest.MonkeyPatch, auc: tuple[float, float], loss: tuple[float, float]) -> None:
    """Let the intervals of the differences be these."""
    for name, (low, high) in (("auc_difference", auc), ("log_loss_difference", loss)):
        found = Interval((low + high) / 2, low, high)
        monkeypatch.setattr(gates, name, lambda *_, found=found: found)


@pytest.mark.parametrize(
    ("auc", "loss", "is_old", "ground"),
    [
        ((0.001, 0.02), (-0.01, 0.02), False, "better: "),
        ((0.0, 0.02), (-0.02, 0.01), False, None),
        ((-0.049, 0.01), (-0.02, -0.001), False, "better calibrated"),
        ((-0.049, 0.01), (-0.02, 0.0), False, None),
        ((-0.051, 0.01), (-0.02, -0.001), False, None),
        ((-0.04, -0.009), (-0.02, -0.001), False, "better calibrated"),
        ((-0.04, -0.011), (-0.02, -0.001), False, None),
        ((-0.049, 0.01), (0.0, 0.02), True, "no worse"),
        ((-0.049, 0.01), (0.001, 0.02), True, None),
        ((-0.04, -0.011), (-0.02, 0.02), True, None),
        ((-0.051, 0.01), (-0.02, 0.02), True, None),
    ],
)
def test_what_is_a_ground_to_promote_is_said_by_intervals(
    monkeypatch: pytest.MonkeyPatch, positive: np.ndarray, auc: tuple[float, float], loss: tuple[float, float],
    is_old: bool, ground: str | None,
) -> None:  # fmt: skip
    same = score(positive, 1, 2)
    seen(monkeypatch, auc, loss)
    verdict = judge(compared(positive, same, same, champion_is_old=is_old), GATE)
    assert verdict.promote == (ground is not None)
    assert verdict.reason.startswith(ground or "not shown to be better")


@pytest.mark.parametrize(
    ("gain", "loss", "serves"),
    [((0.001, 0.2), (-0.02, 0.03), True), ((0.0, 0.2), (-0.02, 0.01), False), ((0.001, 0.2), (0.001, 0.03), False)],
)
def test_a_first_version_is_judged_by_intervals_too(
    monkeypatch: pytest.MonkeyPatch, positive: np.ndarray, gain: tuple[float, float], loss: tuple[float, float],
    serves: bool,
) -> None:  # fmt: skip
    seen(monkeypatch, gain, loss)
    verdict = judge_first(positive, score(positive, 1, 2), before(positive), GATE)
    assert verdict.promote == serves
    assert verdict.reason.startswith("first version") == serves


# What stops a version.


def test_a_leak_stops_a_version_that_is_better(positive: np.ndarray) -> None:
    verdict = judge(compared(positive, score(positive, 3, 2), score(positive, 1, 3)), GATE, [LEAK])
    assert not verdict.promote
    assert verdict.reason.startswith(f"stopped: {LEAK}; AUC +0.")
    assert (verdict.against, verdict.rows) == ("old", 1_000)


@pytest.mark.parametrize("rows", [0, 1, 49])
def test_too_few_unseen_rows_decide_nothing(positive: np.ndarray, rows: int) -> None:
    few = positive[:rows]
    comparison = compared(few, score(few, 9, 2), score(few, 0, 3), champion_is_old=True)
    verdict = judge(comparison, GATE)
    assert not verdict.promote
    assert f"{rows} rows are unseen" in verdict.reason
    assert LEAK in judge(comparison, GATE, [LEAK]).reason


def test_as_many_rows_as_are_asked_for_decide() -> None:
    few = np.arange(50) % 2 == 0
    assert judge(compared(few, score(few, 9, 2), score(few, 0, 3)), GATE).promote


def test_rows_of_one_outcome_decide_nothing() -> None:
    one = np.zeros(500, dtype=bool)
    assert not judge(compared(one, score(one, 9, 2), score(one, 0, 3)), GATE).promote


def test_one_row_of_an_outcome_tells_nothing_and_says_so() -> None:
    one = np.arange(200) == 7
    first = judge_first(one, score(one, 9, 2), before(one), GATE)
    later = judge(compared(one, score(one, 9, 2), score(one, 0, 3)), GATE)
    assert not first.promote
    assert "1 has one of the outcomes" in first.reason
    assert not later.promote
    assert "with 2 of each outcome" in later.reason


def test_probabilities_that_stop_holding_stop_a_version_that_ranks_better(positive: np.ndarray) -> None:
    verdict = judge(compared(positive, flattened(score(positive, 2, 2)), score(positive, 0.5, 3)), GATE)
    assert not verdict.promote
    assert verdict.reason.startswith("stopped: calibration error 0.3")
    assert "gate.calibration allows 0.05" in verdict.reason
    assert "AUC +0." in verdict.reason


def test_over_few_rows_a_calibration_error_within_the_noise_stops_nothing() -> None:
    stopped = 0
    for seed in range(100):
        few = np.random.default_rng(seed).random(60) < BASE
        comparison = compared(few, score(few, 1, 500 + seed), score(few, 1, 900 + seed))
        stopped += "calibration" in judge(comparison, GATE).reason.removeprefix("better calibrated")
    assert stopped <= 5


def halves(positive: np.ndarray) -> np.ndarray:
    return np.array(["city", "land"] * (len(positive) // 2), dtype=object)


def test_a_level_that_lost_much_stops_a_version_that_is_better_on_the_whole(positive: np.ndarray) -> None:
    where = halves(positive)
    ours = np.where(where == "city", score(positive, 4, 2), score(positive, 0.2, 4))
    comparison = compared(positive, ours, score(positive, 1, 3), segments={"area": where})
    verdict = judge(comparison, GATE)
    assert not verdict.promote
    assert "area 'land': AUC -0." in verdict.reason
    assert "on its 500 rows; gate.segment_loss allows -0.1" in verdict.reason
    assert "city" not in verdict.reason
    assert judge(compared(positive, ours, score(positive, 1, 3)), GATE).promote


@pytest.mark.parametrize(("rows", "positives"), [(45, 20), (200, 9), (200, 191)])
def test_a_level_with_few_rows_or_few_of_an_outcome_is_not_judged(rows: int, positives: int) -> None:
    small = np.arange(1_000) < rows
    positive = np.where(small, np.arange(1_000) < positives, np.arange(1_000) % 3 == 0)
    good = score(positive, 3, 2)
    ours = np.where(small, 1 - good, good)
    area = np.where(small, "small", "rest").astype(object)
    segments = {"area": area}
    reason = judge(compared(positive, ours, good, segments=segments), GATE).reason
    assert "'small'" not in reason


def test_a_level_that_lost_within_the_noise_stops_nothing() -> None:
    stopped = 0
    for seed in range(30):
        positive = np.random.default_rng(seed).random(1_200) < BASE
        jobs = np.array([f"job {row % 12}" for row in range(1_200)], dtype=object)
        comparison = compared(positive, score(positive, 1, 500 + seed), score(positive, 1, 900 + seed))
        with_jobs = compared(positive, comparison.challenger, comparison.champion, segments={"job": jobs})
        stopped += "job" in judge(with_jobs, GATE).reason
    assert stopped <= 3


def test_all_that_stops_a_version_is_said_at_once(positive: np.ndarray) -> None:
    where = halves(positive)
    ours = np.where(where == "city", flattened(score(positive, 2, 2)), 0.9 - 0.1 * score(positive, 2, 4))
    comparison = compared(positive, ours, score(positive, 1, 3), segments={"area": where})
    reason = judge(comparison, GATE, [LEAK]).reason
    assert all(word in reason for word in (LEAK, "calibration error", "'land'", "AUC -0.", "log loss +"))
