"""When a new forecast is due."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.catalog.spec import Retraining
from shared.store.records import Order, Watch
from shared.training.forecast.policy import Standing, decide

POLICY = Retraining(every_days=7)
WELL = Watch(champion="v1", rows=50, metrics={"days": 10.0, "wape": 0.5, "coverage_90": 0.9})
FRESH = Standing(age_days=2.0, left=20, horizon=28, expected_wape=0.5)


def test_without_a_version_one_is_due() -> None:
    assert decide(POLICY, None, None, None).retrain


def test_a_fresh_forecast_that_holds_is_not_due_and_says_what_was_measured() -> None:
    due = decide(POLICY, WELL, FRESH, None)
    assert not due.retrain
    assert (
        "2 days since the last version (cadence 7), 50 new lines: error 0.5 over 10 days against 0.5" in due.reasons[0]
    )


@pytest.mark.parametrize(
    ("watch", "standing", "reason"),
    [
        (WELL, replace(FRESH, age_days=7.2), "7.2 days since the last version"),
        (WELL, replace(FRESH, left=14), "of the 28 periods that v1 forecast, 14 are still to come"),
        (WELL, replace(FRESH, left=-3), "of the 28 periods that v1 forecast, 0 are still to come"),
        (WELL, replace(FRESH, expected_wape=0.39), "error 0.5 over 10 days against 0.39 expected"),
        (
            Watch(champion="v1", rows=50, metrics={"days": 7.0, "wape": 0.5, "coverage_90": 0.7}),
            FRESH,
            "the intervals of 90 % held 70% of what came over 7 days",
        ),
    ],
)
def test_each_ground_is_enough_and_is_told(watch: Watch, standing: Standing, reason: str) -> None:
    due = decide(POLICY, watch, standing, None)
    assert due.retrain
    assert reason in "; ".join(due.reasons)


def test_few_days_are_no_ground() -> None:
    bad_week = Watch(champion="v1", rows=50, metrics={"days": 6.0, "wape": 5.0, "coverage_90": 0.1})
    assert not decide(POLICY, bad_week, FRESH, None).retrain


def test_a_person_may_order_one() -> None:
    due = decide(POLICY, Watch(champion="v1", rows=0), FRESH, Order(why="new prices", who="Ana"))
    assert due.reasons == ("ordered by Ana: new prices",)


def test_without_new_lines_nothing_is_due_however_old() -> None:
    due = decide(POLICY, Watch(champion="v1", rows=0), replace(FRESH, age_days=90.0), None)
    assert due.reasons == ("not due: no line of a day since v1 was made",)
