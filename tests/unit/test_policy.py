"""When a new version is due, and what is said when it is not."""

from typing import Any

import msgspec
import pytest

from shared.catalog.spec import Retraining
from shared.store.records import Order, Watch
from shared.training.policy import Due, decide

POLICY = Retraining()
CALM = Watch(
    champion="v1",
    rows=400,
    metrics={"auc": 0.741},
    auc_low=0.70,
    auc_high=0.78,
    base_rate_before=0.40,
    base_rate=0.41,
    psi={"month": 0.112, "age": 0.01},
    drift_auc=0.55,
)


def due(policy: Retraining = POLICY, watch: Watch | None = CALM, **given: Any) -> Due:
    """A calm champion of 12 days with 400 new rows, but for what is given."""
    usual: dict[str, Any] = {"age_days": 12.0, "fresh_rows": 400, "expected_auc": 0.76, "order": None}
    return decide(policy, watch=watch, **(usual | given))


def but(**changes: Any) -> Watch:
    return msgspec.structs.replace(CALM, **changes)


DRIFTED = {"psi": {"month": 0.61, "age": 0.01}}
APART = {"drift_auc": 0.91}
SHIFTED = {"base_rate": 0.55}
FALLEN = {"metrics": {"auc": 0.66}, "auc_high": 0.71}


def test_a_calm_champion_is_not_replaced_and_what_was_measured_is_said() -> None:
    assert due() == Due(
        False,
        (
            (
                "not due: 12 days since the last version (cadence 30), 400 new rows: AUC 0.741 against 0.76 expected, "
                "largest PSI 0.112 (month), old rows and new told apart with AUC 0.55, base rate 0.41 against 0.4"
            ),
            "due in 18 days; sooner by drift or performance",
        ),
    )


@pytest.mark.parametrize("missing", [{"watch": None}, {"age_days": None}, {"watch": None, "age_days": None}])
def test_without_a_champion_a_version_is_due(missing: dict[str, Any]) -> None:
    assert due(**missing, fresh_rows=0) == Due(True, ("there is no version yet",))


def test_an_order_retrains_a_fresh_champion_and_says_who_and_why() -> None:
    found = due(age_days=0.01, fresh_rows=0, order=Order(why="new campaign", who="Ada"))
    assert found == Due(True, ("ordered by Ada: new campaign",))
    assert due(order=Order(why="new campaign")).reasons == ("ordered: new campaign",)


def test_an_order_of_the_first_version_has_both_reasons() -> None:
    assert due(watch=None, order=Order(why="start")).reasons == ("ordered: start", "there is no version yet")


@pytest.mark.parametrize("age", [30.0, 47.26])
def test_the_cadence_makes_a_version_due(age: float) -> None:
    found = due(age_days=age, fresh_rows=1)
    assert found.retrain
    assert len(found.reasons) == 1
    assert "since the last version (cadence 30), 1 new row (400 since v1 was trained)" in found.reasons[0]


@pytest.mark.parametrize("age", [30.0, 47.0])
def test_without_new_rows_the_cadence_waits_for_them(age: float) -> None:
    found = due(age_days=age, fresh_rows=0)
    assert not found.retrain
    assert found.reasons[1] == "due with the next new rows"


def test_a_cadence_of_zero_makes_a_version_with_every_drop_that_has_new_rows() -> None:
    always = Retraining(every_days=0)
    assert due(always, age_days=0.0, fresh_rows=1).retrain
    assert not due(always, age_days=0.0, fresh_rows=0).retrain


def test_just_before_the_cadence_is_not_said_to_be_the_cadence() -> None:
    found = due(age_days=29.98)
    assert "29.9 days since" in found.reasons[0]
    assert found.reasons[1].startswith("due in 0.1 days")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (DRIFTED, "features have drifted: PSI of month 0.61, above 0.25"),
        (APART, "old rows and new are told apart with AUC 0.91, above 0.8"),
        (
            SHIFTED,
            "base rate 0.55 against 0.4 before: moved by more than 0.1, and beyond chance on 400 rows",
        ),
        (
            FALLEN,
            (
                "AUC 0.66 against 0.76 expected: fallen by more than 0.03, and beyond chance on 400 rows "
                "(interval up to 0.71)"
            ),
        ),
    ],
)
def test_each_trigger_alone_makes_a_version_due(change: dict[str, Any], reason: str) -> None:
    assert due(watch=but(**change)) == Due(True, (reason,))


def test_all_triggers_that_hold_are_listed() -> None:
    found = due(watch=but(**DRIFTED, **APART, **SHIFTED, **FALLEN), age_days=31, order=Order(why="now", who="Ada"))
    starts = ("ordered", "31 days", "features", "old rows", "base rate", "AUC")
    assert len(found.reasons) == len(starts)
    assert all(reason.startswith(start) for reason, start in zip(found.reasons, starts, strict=True))


def test_few_fresh_rows_silence_drift_and_performance() -> None:
    found = due(watch=but(**DRIFTED, **APART, **SHIFTED, **FALLEN), fresh_rows=199)
    assert not found.retrain
    assert "199 new rows (400 since v1 was trained): AUC 0.66" in found.reasons[0]
    assert found.reasons[1] == "due in 18 days; sooner by drift or performance, which are judged by 201 new rows"
    assert due(watch=but(**DRIFTED), fresh_rows=200).retrain


def test_after_a_version_that_was_not_promoted_it_takes_as_many_rows_again_as_there_were_for_it() -> None:
    found = due(watch=but(**DRIFTED, rows=1_000), fresh_rows=499)
    assert not found.retrain
    assert found.reasons[1] == "due in 18 days; sooner by drift or performance, which are judged by 501 new rows"
    assert due(watch=but(**DRIFTED, rows=1_000), fresh_rows=500).retrain


def test_with_as_many_rows_as_it_takes_the_outlook_asks_for_no_more() -> None:
    assert due(watch=but(rows=200), fresh_rows=200).reasons[1] == "due in 18 days; sooner by drift or performance"


def test_without_new_rows_the_outlook_says_that_it_takes_some() -> None:
    assert due(fresh_rows=0).reasons[1].startswith("due in 18 days, once there are new rows")


def test_the_worst_features_are_named_and_the_others_counted() -> None:
    drifted = but(psi={"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6, "e": 0.3, "f": 0.25})
    assert due(watch=drifted).reasons == ("features have drifted: PSI of a 0.9, b 0.8, c 0.7 and 2 more, above 0.25",)


@pytest.mark.parametrize("change", [{"psi": {"month": 0.25}}, {"drift_auc": 0.8}])
def test_a_bound_itself_is_not_above_it(change: dict[str, Any]) -> None:
    assert not due(watch=but(**change)).retrain


@pytest.mark.parametrize("rows", [60, 120])
@pytest.mark.parametrize("rate", [0.25, 0.55])
def test_a_base_rate_that_moved_by_chance_is_no_reason(rate: float, rows: int) -> None:
    assert due(watch=but(base_rate=rate)).retrain
    assert not due(watch=but(base_rate=rate, rows=rows), fresh_rows=rows, policy=Retraining(min_rows=50)).retrain


def test_a_base_rate_that_moved_little_is_no_reason_however_sure() -> None:
    many = 1_000_000
    assert not due(watch=but(base_rate=0.45, rows=many), fresh_rows=many).retrain
    assert due(watch=but(base_rate=0.55, rows=many), fresh_rows=many).retrain


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_without_variance_are_compared(rate: float) -> None:
    assert not due(watch=but(base_rate_before=rate, base_rate=rate)).retrain
    assert due(watch=but(base_rate_before=rate, base_rate=1 - rate)).retrain


def test_an_auc_whose_interval_reaches_what_is_expected_is_no_reason() -> None:
    assert not due(watch=but(metrics={"auc": 0.66}, auc_high=0.76)).retrain


def test_an_auc_that_fell_little_is_no_reason_however_sure() -> None:
    assert not due(watch=but(metrics={"auc": 0.74}, auc_high=0.745)).retrain


def test_an_auc_without_an_interval_is_no_reason() -> None:
    assert not due(watch=but(metrics={"auc": 0.2}, auc_low=None, auc_high=None)).retrain


def test_without_an_expectation_performance_is_no_reason() -> None:
    found = due(watch=but(**FALLEN), expected_auc=None)
    assert not found.retrain
    assert "AUC 0.66, largest" in found.reasons[0]


def test_new_rows_of_one_outcome_are_judged_by_their_rate() -> None:
    one = but(metrics={}, auc_low=None, auc_high=None, base_rate=0.0)
    assert due(watch=one).reasons == (
        "base rate 0 against 0.4 before: moved by more than 0.1, and beyond chance on 400 rows",
    )


def test_a_champion_that_could_not_be_measured_is_no_reason_by_itself() -> None:
    found = due(watch=Watch(champion="v1", rows=400))
    assert not found.retrain
    assert "400 new rows: nothing could be measured" in found.reasons[0]


def test_one_day_and_one_row_are_written_so() -> None:
    found = due(watch=but(rows=1), age_days=1.0, fresh_rows=1)
    assert "not due: 1 day since the last version (cadence 30), 1 new row: " in found.reasons[0]
