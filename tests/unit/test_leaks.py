"""Columns that know the outcome are found, and real predictors are not."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from local.company import bank_contacts
from shared.catalog.spec import Column, Gate
from shared.features import Encoder
from shared.store.records import FeatureType, Input
from shared.training.leaks import find_leaks, too_good

GATE = Gate()
NOT_FEATURES = frozenset({"y", "duration", "pdays", "contact_id", "contacted_on"})


@cache
def bank() -> tuple[dict[str, list[Any]], np.ndarray]:
    """The real columns that are known before the call, and who bought."""
    contacts = list(bank_contacts())
    columns = {name: [row[name] for row in contacts] for name in contacts[0] if name not in NOT_FEATURES}
    return columns, np.array([row["y"] == "yes" for row in contacts])


def found(
    columns: dict[str, list[Any]],
    positive: np.ndarray,
    trusted: dict[str, str] | None = None,
    gate: Gate = GATE,
) -> tuple[str, ...]:
    inputs = [input_of(name, values) for name, values in columns.items()]
    declared = {
        item.name: Column(type="category" if item.levels else "number", trusted=(trusted or {}).get(item.name))
        for item in inputs
    }
    rows = Encoder(inputs).encode(columns, len(positive))
    return find_leaks(rows, positive, inputs, declared, gate)


def input_of(name: str, values: list[Any]) -> Input:
    levels = tuple(sorted({value for value in values if isinstance(value, str)}))
    kind: FeatureType = "category" if levels else "number"
    return Input(name=name, type=kind, levels=levels[:100])


def with_chance(positive: np.ndarray, share: float, seed: int = 5) -> np.ndarray:
    """The outcome, turned round in a ``share`` of rows."""
    return positive ^ (np.random.default_rng(seed).random(len(positive)) < share)


def bought(positive: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Those of whom a column that is filled in on buying knows."""
    return positive & (np.random.default_rng(6).random(len(positive)) < share)


def outcomes(rows: int, rate: float, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).random(rows) < rate


def test_the_real_features_are_no_leaks() -> None:
    assert found(*bank()) == ()


@pytest.mark.parametrize("rows", [500, 1_000, 2_500, 4_521])
def test_the_real_features_are_no_leaks_in_any_part_of_the_rows(rows: int) -> None:
    columns, positive = bank()
    for first in range(0, len(positive), 5_000):
        part = slice(first, first + rows)
        assert found({name: values[part] for name, values in columns.items()}, positive[part]) == ()


def test_made_up_leaks_are_found_among_the_real_features() -> None:
    columns, positive = bank()
    numbers = np.random.default_rng(4)
    leaks = {
        "outcome_copy": [("no", "yes")[copy] for copy in with_chance(positive, 0.02).astype(int)],
        "contract_id": [f"c{number % 50}" if buys else None for number, buys in enumerate(positive)],
        "amount": list(np.where(positive, numbers.integers(1, 900, len(positive)), 0)),
    }
    sentences = found(columns | leaks, positive)
    assert [sentence.split()[0] for sentence in sentences] == list(leaks)
    assert "alone ranks the outcome with AUC 0.97" in sentences[0]
    assert "gives the outcome away" in sentences[1]
    assert "where it is 0, 100.0% are negative" in sentences[2]


def test_a_leak_says_how_to_overrule_it() -> None:
    positive = outcomes(2_000, 0.3)
    (sentence,) = found({"sale": list(positive.astype(float))}, positive)
    assert 'set dataset.columns.sale.role = "unused" with known = "after"' in sentence
    assert 'trusted = "why"' in sentence


def test_a_trusted_column_is_not_looked_at() -> None:
    positive = outcomes(2_000, 0.3)
    columns = {"sale": list(positive.astype(float)), "refund": list(positive.astype(float))}
    (sentence,) = found(columns, positive, trusted={"sale": "a promise that the client gave before"})
    assert sentence.startswith("refund")


@pytest.mark.parametrize("rate", [0.02, 0.117, 0.5, 0.9])
def test_a_column_that_is_empty_unless_the_outcome_came_is_found_at_any_base_rate(rate: float) -> None:
    positive = outcomes(5_000, rate)
    columns: dict[str, list[Any]] = {
        "invoice": [10.0 * (row % 7) if buys else None for row, buys in enumerate(positive)],
        "advisor": [("ann", "bob")[row % 2] if buys else None for row, buys in enumerate(positive)],
    }
    assert len(found(columns, positive)) == 2


@pytest.mark.parametrize("rate", [0.02, 0.117, 0.5])
def test_a_column_that_is_filled_in_for_some_of_those_who_bought_is_found(rate: float) -> None:
    positive = outcomes(20_000, rate)
    some = bought(positive, 0.6)
    (sentence,) = found({"signed": [1.0 * (row % 5) if one else None for row, one in enumerate(some)]}, positive)
    assert "rows where it is not empty, 100.0% are positive" in sentence


@pytest.mark.parametrize("rate", [0.003, 0.02, 0.117, 0.5])
def test_a_good_predictor_is_no_leak(rate: float) -> None:
    random = np.random.default_rng(8)
    positive = outcomes(20_000, rate)
    pull = 1.8 * positive + random.normal(size=len(positive))  # AUC 0.9
    columns: dict[str, list[Any]] = {
        "score": list(pull),
        "visits": list(np.floor(np.maximum(pull, 0))),
        "group": [("low", "middle", "high")[int(tenth)] for tenth in np.digitize(pull, [0.0, 2.0])],
        "asked": [value if value > 0 else None for value in pull],
    }
    assert found(columns, positive) == ()


def test_a_gate_that_admits_any_auc_asks_for_nothing() -> None:
    positive = outcomes(2_000, 0.3)
    rows = positive.astype(np.float32).reshape(-1, 1)
    item = Input(name="sale", type="boolean")
    assert find_leaks(rows, positive, [item], {}, Gate(leak=1.0)) == ()


def test_a_small_group_that_never_buys_is_no_leak() -> None:
    random = np.random.default_rng(9)
    young = random.random(10_000) < 0.1
    positive = outcomes(10_000, 0.12) & ~young
    assert found({"young": [("no", "yes")[int(one)] for one in young]}, positive) == ()


def test_a_small_group_that_always_buys_is_no_leak() -> None:
    positive = outcomes(20_000, 0.3)
    few = bought(positive, 0.2)
    assert found({"member": [("no", "yes")[int(one)] for one in few]}, positive) == ()


@pytest.mark.parametrize("turn", [1, -1])
def test_the_order_of_a_number_counts_where_bins_are_too_coarse(turn: int) -> None:
    """One row in 200 is positive, each of them beyond all others; half of the others are empty."""
    positive = np.arange(20_000) % 200 == 7
    random = np.random.default_rng(15)
    values = turn * np.where(positive, random.uniform(2, 3, 20_000), random.uniform(0, 1.9, 20_000))
    empty = ~positive & (random.random(20_000) < 0.5)
    column: list[Any] = [None if none else value for none, value in zip(empty, values, strict=True)]
    (sentence,) = found({"code": column}, positive, gate=Gate(leak=0.995))
    assert "alone ranks the outcome with AUC 1.000" in sentence


def test_a_number_that_leaks_by_a_range_of_values_is_found() -> None:
    positive = outcomes(4_000, 0.3)
    random = np.random.default_rng(10)
    inside, outside = random.uniform(4, 6, 4_000), random.uniform(6, 10, 4_000) * random.choice([-1, 1], 4_000)
    (sentence,) = found({"code": list(np.where(positive, inside, outside))}, positive)
    assert "alone ranks" in sentence


def test_a_number_that_falls_with_the_outcome_is_found() -> None:
    positive = outcomes(4_000, 0.3)
    falling = -3.0 * positive + np.random.default_rng(11).normal(size=4_000)
    assert len(found({"left": list(falling)}, positive)) == 1


def test_many_levels_without_meaning_are_no_leak() -> None:
    positive = outcomes(400, 0.3)
    levels = [f"shop {row // 4:03}" for row in np.random.default_rng(12).permutation(400)]
    assert found({"shop": levels}, positive) == ()


def test_a_feature_that_is_not_yet_filled_in_for_the_newest_rows_is_found() -> None:
    positive = outcomes(4_000, 0.3)
    calls = np.round(2.0 * positive + np.random.default_rng(13).normal(3, 1, 4_000))
    waits: list[Any] = [None if row >= 3_600 else value for row, value in enumerate(calls)]
    (sentence,) = found({"calls": waits}, positive)
    assert "filled in after the decision: in the newest 400 rows 100% are empty, before them 0%" in sentence
    assert found({"calls": list(calls)}, positive) == ()


def test_a_clear_leak_does_not_hide_behind_rows_that_are_not_filled_in_yet() -> None:
    positive = outcomes(4_000, 0.03)
    noted: list[Any] = [1.0 if buys and row < 3_600 else None for row, buys in enumerate(positive)]
    assert len(found({"noted": noted}, positive)) == 1


def test_a_feature_that_ranks_too_well_does_not_hide_behind_rows_that_are_not_filled_in_yet() -> None:
    positive = outcomes(4_000, 0.3)
    random = np.random.default_rng(16)
    value = 2.6 * positive + random.normal(size=4_000)
    waits = (np.arange(4_000) >= 3_600) & (random.random(4_000) < 0.9)
    column: list[Any] = [None if wait else one for wait, one in zip(waits, value, strict=True)]
    (sentence,) = found({"rating": column}, positive)
    assert "alone ranks" in sentence


def test_a_value_that_nearly_all_rows_always_had_is_not_what_is_left_of_others() -> None:
    positive = outcomes(8_000, 0.03)
    random = np.random.default_rng(17)
    flagged = np.where(positive, random.random(8_000) < 0.75, random.random(8_000) < 0.01)
    assert found({"flag": [("no", "yes")[int(one)] for one in flagged]}, positive) == ()


def test_a_weak_feature_may_end() -> None:
    positive = outcomes(4_000, 0.3)
    weak = 0.5 * positive + np.random.default_rng(14).normal(size=4_000)
    assert found({"old_rating": [None if row >= 3_600 else value for row, value in enumerate(weak)]}, positive) == ()


def test_a_weekday_is_a_category_whose_overruling_is_to_leave_it_out() -> None:
    positive = outcomes(2_000, 0.3)
    item = Input(name="called_on", type="weekday", levels=("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    day = Column(type="date", role="time", calendar="weekday")
    rows = np.where(positive, 6, np.arange(2_000) % 5).astype(np.float32).reshape(-1, 1)
    (sentence,) = find_leaks(rows, positive, [item], {"called_on": day}, GATE)
    assert "'sun'" in sentence
    assert "remove dataset.columns.called_on.calendar" in sentence


@pytest.mark.parametrize("outcome", [False, True])
def test_rows_of_one_outcome_show_nothing(outcome: bool) -> None:
    positive = np.full(1_000, outcome)
    assert found({"one": [1.0] * 1_000, "any": list(range(1_000))}, positive) == ()


@pytest.mark.parametrize("value", [None, 0.0, "x"])
def test_a_constant_column_shows_nothing(value: object) -> None:
    assert found({"same": [value] * 2_000}, outcomes(2_000, 0.3)) == ()


@pytest.mark.parametrize("rows", [0, 1, 30])
def test_a_handful_of_rows_shows_nothing(rows: int) -> None:
    positive = np.arange(rows) % 2 == 0
    assert found({"same": list(positive.astype(float))}, positive) == ()


def test_unknown_and_empty_levels_have_names() -> None:
    positive = outcomes(2_000, 0.4)
    item = Input(name="state", type="category", levels=("open",))
    declared = {"state": Column(type="category")}
    for code, word in ((-1, "an unknown level"), (1, "empty")):
        rows = np.where(positive, code, 0).astype(np.float32).reshape(-1, 1)
        (sentence,) = find_leaks(rows, positive, [item], declared, GATE)
        assert f"it is {word}" in sentence or "'open'" in sentence


def test_a_model_may_be_too_good_to_be_true() -> None:
    assert too_good(0.95) is None
    assert "too good to be true: AUC 0.990" in str(too_good(0.99))
