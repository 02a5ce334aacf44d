"""The champion on the rows that came since it was trained."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shared.store.records import Input, Watch, from_json, to_json
from shared.training.drift import psi
from shared.training.watch import MOST_FEATURES, Rows, measure

INPUTS = tuple(Input(f"x{place}", "number") for place in range(MOST_FEATURES + 5))


@pytest.fixture
def rows() -> Rows:
    random = np.random.default_rng(1)
    old = random.normal(size=(2000, len(INPUTS))).astype(np.float32)
    new = random.normal(size=(300, len(INPUTS))).astype(np.float32)
    new[:, 7] += 2
    positive = random.random(300) < 0.3
    probability = (1 / (1 + np.exp(-(positive + random.normal(size=300))))).astype(np.float32)
    return Rows(INPUTS, old, new, positive, probability, base_rate_before=0.4)


def watched(rows: Rows) -> Watch:
    return measure("v1", rows, confidence=0.9, seed=42)


def test_the_champion_is_measured_on_the_new_rows(rows: Rows) -> None:
    found = watched(rows)
    assert (found.champion, found.rows) == ("v1", 300)
    assert found.metrics["auc"] == pytest.approx(roc_auc_score(rows.positive, rows.probability))
    assert found.base_rate == found.metrics["base_rate"] == pytest.approx(rows.positive.mean())
    assert found.base_rate_before == 0.4
    assert 0 < found.seconds < 60


def test_the_interval_of_the_auc_lies_around_it_and_is_wider_with_more_confidence(rows: Rows) -> None:
    found, surer = watched(rows), measure("v1", rows, confidence=0.99, seed=42)
    bounds = (surer.auc_low, found.auc_low, found.metrics["auc"], found.auc_high, surer.auc_high)
    assert None not in bounds
    assert list(bounds) == sorted(bounds)  # type: ignore[type-var]
    assert 0.02 < found.auc_high - found.auc_low < 0.2  # type: ignore[operator]


def test_no_auc_is_above_one_or_below_zero(rows: Rows) -> None:
    few = np.array([True, False, True, False, True, True, False, False])
    scores = np.array([0.9, 0.1, 0.8, 0.2, 0.15, 0.7, 0.05, 0.0])
    best = watched(replace(rows, new=rows.new[:8], positive=few, probability=scores))
    worst = watched(replace(rows, new=rows.new[:8], positive=few, probability=1 - scores))
    assert best.auc_high == 1
    assert worst.auc_low == 0


def test_the_features_that_drifted_most_are_kept_the_largest_first(rows: Rows) -> None:
    found = watched(rows)
    assert len(found.psi) == MOST_FEATURES
    assert next(iter(found.psi)) == "x7"
    assert list(found.psi.values()) == sorted(found.psi.values(), reverse=True)
    assert found.psi["x7"] == round(found.psi["x7"], 4)
    assert found.drift_auc is not None
    assert found.drift_auc > 0.85


@pytest.mark.parametrize("outcome", [False, True])
def test_new_rows_of_one_outcome_have_no_figures_but_a_rate_and_drift(rows: Rows, outcome: bool) -> None:
    found = watched(replace(rows, positive=np.full(300, outcome)))
    assert found.metrics == {}
    assert (found.auc_low, found.auc_high) == (None, None)
    assert found.base_rate == float(outcome)
    assert found.psi
    assert found.drift_auc is not None


def test_one_row_of_an_outcome_has_figures_and_no_interval(rows: Rows) -> None:
    found = watched(replace(rows, positive=np.arange(300) == 7))
    assert "auc" in found.metrics
    assert (found.auc_low, found.auc_high) == (None, None)


def test_two_rows_of_an_outcome_have_an_interval(rows: Rows) -> None:
    found = watched(replace(rows, positive=np.isin(np.arange(300), [7, 8])))
    assert found.auc_low is not None
    assert found.auc_high is not None


def test_drift_is_measured_from_the_old_rows_to_the_new_ones(rows: Rows) -> None:
    # Tenths of the old rows do not divide these new ones into tenths.
    moved = replace(rows, new=np.abs(rows.new))
    expected = psi(moved.old, moved.new, INPUTS)
    found = watched(moved).psi
    assert found == {name: round(expected[name], 4) for name in found}
    assert found != {name: round(index, 4) for name, index in psi(moved.new, moved.old, INPUTS).items()}


def test_another_seed_tells_rows_apart_by_other_folds(rows: Rows) -> None:
    assert watched(rows).drift_auc != measure("v1", rows, confidence=0.9, seed=43).drift_auc


def test_a_champion_that_cannot_answer_leaves_drift_to_be_measured(rows: Rows) -> None:
    found = watched(replace(rows, probability=None))
    assert found.metrics == {}
    assert (found.auc_low, found.auc_high) == (None, None)
    assert found.base_rate is not None
    assert found.psi["x7"] > 0.25


def test_no_new_rows_measure_nothing(rows: Rows) -> None:
    found = watched(replace(rows, new=rows.new[:0], positive=rows.positive[:0], probability=np.empty(0)))
    assert (found.rows, found.metrics, found.psi) == (0, {}, {})
    assert (found.base_rate, found.drift_auc, found.auc_high) == (None, None, None)


def test_the_same_rows_measure_the_same(rows: Rows) -> None:
    first, second = watched(rows), watched(rows)
    assert first.psi == second.psi
    assert first.drift_auc == second.drift_auc
    assert first.metrics == second.metrics


def test_what_was_measured_can_be_stored(rows: Rows) -> None:
    found = watched(rows)
    assert from_json(to_json(found), Watch, "watch") == found
