"""Figures worked out for the card, against slow references, and how they are told."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shared.store.records import Input
from shared.training.figures import auc_margin, bounds, exact_percent, moment, percent, without_a_model
from shared.training.metrics import metrics


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
