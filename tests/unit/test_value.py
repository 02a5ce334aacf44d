"""What acting is worth, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shared.catalog.spec import Decision
from shared.training.value import value_of

CALL = Decision(act="call", skip="leave", cost=8, gain=80)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def test_profit_is_the_gain_of_the_positives_less_the_cost_of_all_that_were_acted_on(
    random: np.random.Generator,
) -> None:
    probability = random.permutation(400) / 1_000
    positive = random.random(400) < probability
    value = value_of(positive, probability, CALL)
    best_first = positive[np.argsort(-probability)]
    profits = [80 * best_first[:k].sum() - 8 * k for k in range(401)]
    assert value.profit == pytest.approx(max(profits) * 1_000 / 400)
    assert value.share == int(np.argmax(profits)) / 400
    assert value.profit_of_all == pytest.approx(profits[-1] * 1_000 / 400)


def test_the_rule_acts_from_the_threshold_on() -> None:
    probability = np.array([0.5, 0.1, 0.05, 0.02])
    value = value_of(np.array([True, False, True, False]), probability, CALL)
    assert value.share_of_rule == 0.5
    assert value.profit_of_rule == pytest.approx((80 - 16) * 250)


def test_a_float_of_32_bits_meets_the_threshold_as_an_answer_does() -> None:
    rule = Decision(act="call", skip="leave", cost=7, gain=10)
    answer = np.array([0.7, 0.2], dtype=np.float32)
    assert float(answer[0]) < rule.threshold
    assert value_of(np.array([True, False]), answer, rule).share_of_rule == 0


def test_the_curve_runs_from_nothing_to_acting_on_all(random: np.random.Generator) -> None:
    probability = random.random(730)
    value = value_of(random.random(730) < probability, probability, CALL)
    assert len(value.curve) == 51
    assert value.curve[0] == (0, 0)
    assert value.curve[-1] == (1, pytest.approx(value.profit_of_all))
    assert max(profit for _, profit in value.curve) <= value.profit


def test_the_lift_falls_to_one(random: np.random.Generator) -> None:
    positive = np.arange(1_000) < 100
    value = value_of(positive, np.linspace(1, 0, 1_000), CALL)
    assert [share for share, _ in value.lift] == [share for share, _ in value.curve[1:]]
    assert dict(value.lift)[0.1] == pytest.approx(10)
    assert value.lift[-1] == (1, pytest.approx(1))


def test_rows_of_one_probability_earn_the_same_in_any_order() -> None:
    probability = np.array([0.6] * 4 + [0.1] * 6)
    ways = [np.array(way) for way in ([1, 1, 0, 0] + [0] * 6, [0, 0, 1, 1] + [0] * 6)]
    first, second = (value_of(way == 1, probability, CALL) for way in ways)
    assert first == second
    assert first.share == 0.4


def test_where_acting_never_pays_it_is_best_to_act_on_none() -> None:
    value = value_of(np.zeros(30, dtype=bool), np.linspace(0.9, 0.1, 30), CALL)
    assert (value.share, value.profit) == (0, 0)
    assert value.profit_of_all == -8_000
    assert value.lift == ()


def test_one_row_has_a_value_too() -> None:
    value = value_of(np.array([True]), np.array([0.9]), CALL)
    assert value.profit == value.profit_of_rule == value.profit_of_all == 72_000
