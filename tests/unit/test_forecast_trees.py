"""What the models for all series of a level learn from, and what they may not see."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from shared.training.forecast import trees
from shared.training.forecast.members import FAMILIES, NAIVE, TREES, forecasts
from shared.training.forecast.past import Past
from shared.training.forecast.trees import Design
from tests.forecast_world import UPLIFT, level, lines, small_trees, sums

if TYPE_CHECKING:
    from shared.training.forecast.series import Level, Sales

HORIZON = 14
ORIGIN = 270


@pytest.fixture(scope="module")
def sales() -> Sales:
    return sums(lines())


@pytest.fixture(scope="module")
def products(sales: Sales) -> Level:
    return level(sales, "product")


def design(sales: Sales, products: Level) -> Design:
    flags = np.stack([sales.days.flags(sales.days.count + HORIZON, "GB")])
    return Design(products, flags, HORIZON)


def past(sales: Sales, products: Level, end: int = ORIGIN) -> Past:
    return Past(products.sold[:, :end], sales.days)


def said(sales: Sales, products: Level) -> np.ndarray:
    with small_trees():
        return forecasts(products, sales.days, design(sales, products).flags, HORIZON, ORIGIN, 1).members


def test_no_family_sees_what_is_sold_from_the_origin_on(sales: Sales, products: Level) -> None:
    other = products.sold.copy()
    other[:, ORIGIN:] = 1e6
    np.testing.assert_array_equal(said(sales, products), said(sales, replace(products, sold=other)))


def test_what_is_known_ahead_is_seen_by_every_family_and_its_effect_is_learned(sales: Sales, products: Level) -> None:
    promotion = sales.features.index("promotion")
    none, all_days = products.ahead.copy(), products.ahead.copy()
    none[:, ORIGIN:, promotion], all_days[:, ORIGIN:, promotion] = 0, 1
    without, with_it = (said(sales, replace(products, ahead=ahead)) for ahead in (none, all_days))
    apple = products.names.index("apple")
    for family in (NAIVE, TREES):
        place = FAMILIES.index(family)
        effect = with_it[place, apple].sum() / without[place, apple].sum()
        assert 1.1 < effect <= 1.3 * UPLIFT, family


def test_a_number_is_planned_as_it_mostly_was_of_late_and_nothing_that_is_true(sales: Sales, products: Level) -> None:
    ahead = products.ahead.copy()
    apple = products.names.index("apple")
    ahead[apple, ORIGIN - 28 : ORIGIN - 10] = [3.0, 1.0]
    ahead[apple, ORIGIN - 10 :] = [2.0, 1.0]
    changed = replace(products, ahead=ahead)
    assert trees.planned(changed, np.array([apple]), ORIGIN).tolist() == [[3.0, 0.0]]
    assert trees.usual(changed, np.array([apple]), ORIGIN)[0, 1] == 1.0
    ahead[apple, :ORIGIN, 0] = 4.0
    assert trees.usual(changed, np.array([apple]), ORIGIN)[0, 0] == 4.0


def test_horizons_that_are_not_over_are_not_learned_from(sales: Sales, products: Level) -> None:
    with small_trees():
        learned = trees.examples(design(sales, products), past(sales, products), 1)
    assert learned is not None
    assert len(learned.rows) == len(learned.targets) == len(learned.weights)
    assert len(learned.targets) == len(products.sold) * HORIZON * 40  # of DAILY_ORIGINS in these tests
    assert learned.weights.mean() == pytest.approx(1.0, rel=1e-4)
    newest = (
        past(sales, products).cut[:, -HORIZON:]
        / past(sales, products).scale(np.arange(len(products.sold)), ORIGIN - HORIZON).astype(np.float32)[:, None]
    )
    assert learned.targets[: newest.size] == pytest.approx(newest.ravel(), rel=1e-5)


def test_of_many_series_some_are_drawn_for_each_origin(
    sales: Sales, products: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "ROWS", 2 * HORIZON * 40)
    with small_trees():
        learned = trees.examples(design(sales, products), past(sales, products), 1)
    assert learned is not None
    assert len(learned.targets) == 2 * HORIZON * 40


def test_of_too_few_days_nothing_is_learned_and_the_other_families_forecast(sales: Sales, products: Level) -> None:
    assert trees.examples(design(sales, products), past(sales, products, 70), 1) is None
    found = forecasts(products, sales.days, design(sales, products).flags, HORIZON, 70, 1)
    fitted = [family for place, family in enumerate(FAMILIES) if np.isfinite(found.members[place]).all()]
    assert fitted == [family for family in FAMILIES if family not in ("linear", TREES)]
    assert found.trees is None


def test_the_flags_are_those_of_the_day_that_is_forecast(sales: Sales, products: Level) -> None:
    one, everyone = past(sales, products), np.arange(len(products.sold))
    seen = one.seen(everyone, ORIGIN, HORIZON)
    rows = design(sales, products).rows(one, everyone, ORIGIN, seen)
    first = seen.still.shape[1] + seen.moving.shape[2]
    weekdays = [sales.days.date_of(ORIGIN + ahead).weekday() for ahead in range(HORIZON)]
    assert rows[0, :, first].tolist() == weekdays
    assert rows[0, :, first + 6].tolist() == list(range(1, HORIZON + 1))
