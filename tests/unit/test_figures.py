"""Figures worked out for the card, against slow references, and how they are told."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shared.catalog.spec import Decision
from shared.store.records import DecisionRule, Input
from shared.training.figures import (
    amount,
    auc_margin,
    bounds,
    calibration_noise,
    cost_and_gain,
    exact_percent,
    moment,
    percent,
    without_a_model,
)
from shared.training.metrics import calibration_error, curves, metrics
from shared.training.value import value_of
from tests.cards import blended, made


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Input("a", "integer", min=16, max=120), "16 to 120"),
        (Input("a", "number", min=-1e6), "at least -1,000,000"),
        (Input("a", "decimal", max=99.5), "at most 99.5"),
        (Input("a", "number"), "any number"),
        (Input("a", "boolean"), "true or false"),
    ],
)
def test_bounds_are_told_in_words(item: Input, expected: str) -> None:
    assert bounds(item) == expected


def test_the_margin_of_an_auc_is_that_of_a_bootstrap() -> None:
    random = np.random.default_rng(4)
    positive = random.random(1200) < 0.3
    score = positive + random.normal(size=1200)
    draws = []
    for _ in range(400):
        rows = random.integers(1200, size=1200)
        draws.append(roc_auc_score(positive[rows], score[rows]))
    margin = auc_margin(roc_auc_score(positive, score), positive.mean(), 1200)
    assert margin == pytest.approx(1.96 * np.std(draws), rel=0.15)


@pytest.mark.parametrize(("auc", "base_rate"), [(None, 0.3), (0.7, None), (0.7, 0.0), (0.7, 1.0), (1.0, 0.3)])
def test_no_margin_is_given_where_it_says_nothing(auc: float | None, base_rate: float | None) -> None:
    assert auc_margin(auc, base_rate, 100) is None


def test_the_figures_without_a_model_are_those_of_answering_the_base_rate() -> None:
    positive = np.arange(1000) < 300
    found, told = metrics(positive, np.full(1000, 0.3)), without_a_model(0.3)
    assert told["brier"] == pytest.approx(found["brier"])
    assert told["log_loss"] == pytest.approx(found["log_loss"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2010-11-17T00:00:00.000000", "2010-11-17"),
        ("2010-11-17T13:45:10.000000", "2010-11-17 13:45"),
        ("2010-11-17", "2010-11-17"),
        ("", ""),
    ],
)
def test_a_time_is_told_as_short_as_it_is_exact(text: str, expected: str) -> None:
    assert moment(text) == expected


def test_a_share_is_told_in_hundredths_and_a_threshold_more_exactly() -> None:
    assert percent(0.117) == "12\N{NO-BREAK SPACE}%"
    assert percent(None) == "\N{EN DASH}"
    assert exact_percent(1 / 30) == "3.33\N{NO-BREAK SPACE}%"
    assert exact_percent(0.1) == "10\N{NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1234.4, "1,234"), (99.6, "100"), (12.34, "12.3"), (0.5, "0.5"), (0.0, "0"), (-0.0, "0"),
        (-1234.4, "\N{MINUS SIGN}1,234"), (-0.25, "\N{MINUS SIGN}0.25"),
    ],
)  # fmt: skip
def test_money_is_told_to_three_digits_or_to_the_whole(value: float, expected: str) -> None:
    assert amount(value) == expected


@pytest.mark.parametrize(("cost", "gain"), [(8.0, 80.0), (1.0, 2.0), (0.05, 0.07), (300.0, 1e6)])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_cost_and_gain_are_worked_out_from_what_was_earned(cost: float, gain: float, rate: float) -> None:
    random = np.random.default_rng(8)
    positive, probability = np.arange(1_000) < 1_000 * rate, random.random(1_000)
    version = blended(
        metrics=metrics(positive, probability),
        decision=DecisionRule(cost / gain, "act", "skip"),
        value=value_of(positive, probability, Decision("act", "skip", cost, gain)),
    )
    assert cost_and_gain(version) == pytest.approx((cost, gain))


def test_cost_and_gain_are_not_told_where_the_record_does_not_hold_them_or_contradicts_itself() -> None:
    assert cost_and_gain(made()) is None
    assert cost_and_gain(blended(metrics={})) is None
    assert cost_and_gain(blended(decision=DecisionRule(0.3, "act", "skip"))) is None


def test_the_noise_of_a_calibration_error_bounds_what_true_probabilities_show() -> None:
    random = np.random.default_rng(9)
    errors = []
    for _ in range(300):
        probability = random.beta(4, 12, 400)
        errors.append(calibration_error(curves(random.random(400) < probability, probability)))
    noise = calibration_noise(0.25, 400)
    assert np.mean(np.array(errors) > noise) < 0.05
    assert noise < 1.3 * np.quantile(errors, 0.975)
    assert calibration_noise(0.0, 400) == calibration_noise(0.5, 0) == 0
