"""How good a version is on the levels of a segment."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shared.training.segments import EMPTY, levels_of, segments_of


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def test_each_level_has_the_figures_of_its_rows(random: np.random.Generator) -> None:
    probability = random.random(600)
    positive = random.random(600) < probability
    shops = np.array(["north", "south", "south"] * 200, dtype=object)
    south, north = segments_of(positive, probability, {"shop": shops})
    assert (south.column, south.level, south.rows) == ("shop", "south", 400)
    assert (north.level, north.rows) == ("north", 200)
    chosen = shops == "south"
    assert south.base_rate == positive[chosen].mean()
    assert south.auc == pytest.approx(roc_auc_score(positive[chosen], probability[chosen]))
    assert south.calibration_error is not None
    assert south.calibration_error < 0.1


def test_every_declared_column_is_looked_at(random: np.random.Generator) -> None:
    columns = {name: np.array([name, "other"] * 50, dtype=object) for name in ("job", "month")}
    found = segments_of(random.random(100) < 0.5, random.random(100), columns)
    assert [(one.column, one.level) for one in found] == [
        ("job", "job"), ("job", "other"), ("month", "month"), ("month", "other"),
    ]  # fmt: skip
    assert segments_of(random.random(100) < 0.5, random.random(100), {}) == ()


@pytest.mark.parametrize(("rows", "positives", "judged"), [(49, 20, False), (50, 10, True), (50, 9, False)])
@pytest.mark.parametrize("turned", [False, True])
def test_few_rows_have_a_base_rate_and_no_more(rows: int, positives: int, judged: bool, turned: bool) -> None:
    positive = (np.arange(rows) < positives) ^ turned
    (only,) = segments_of(positive, np.linspace(0.9, 0.1, rows), {"shop": np.full(rows, "a", dtype=object)})
    assert only.base_rate == positive.mean()
    assert (only.auc is not None) == (only.calibration_error is not None) == judged


def test_the_largest_levels_are_shown(random: np.random.Generator) -> None:
    sizes = range(1, 31)
    levels = np.array([f"level {size:02}" for size in sizes for _ in range(size)], dtype=object)
    found = segments_of(random.random(len(levels)) < 0.5, random.random(len(levels)), {"kind": levels})
    assert [one.rows for one in found] == list(range(30, 10, -1))


def test_an_empty_value_is_a_level() -> None:
    levels = np.array(["a", None, None], dtype=object)
    assert [(level, list(rows)) for level, rows in levels_of(levels)] == [(EMPTY, [1, 2]), ("a", [0])]


def test_no_rows_have_no_levels() -> None:
    assert list(levels_of(np.array([], dtype=object))) == []
