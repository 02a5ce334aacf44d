"""New rows against old ones: what chance makes of them is no drift, what has moved is named."""

import time

import numpy as np
import pytest

from shared.features import Encoder
from shared.store.records import Input
from shared.training.drift import FEWEST_ROWS, MOST_ROWS, _stability, psi, separability

INPUTS = (
    Input("age", "number"),
    Input("calls", "integer"),
    Input("owner", "boolean"),
    Input("job", "category", levels=("a", "b", "c", "d")),
    Input("day", "weekday", levels=("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
)
LARGE = 0.25


def draw(rows: int, seed: int) -> np.ndarray:
    """Rows of one world: a number, a count of mostly zeros, a rare boolean and two categories."""
    random = np.random.default_rng(seed)
    columns = [
        random.normal(40, 10, rows),
        random.poisson(0.2, rows),
        random.random(rows) < 0.1,
        random.choice(5, rows, p=[0.4, 0.3, 0.2, 0.05, 0.05]),  # the last code is the empty value
        random.integers(0, 5, rows),
    ]
    return np.column_stack(columns).astype(np.float32)


def column(old: list[float], new: list[float], item: Input = INPUTS[0]) -> float:
    return psi(np.array([old], dtype=np.float32).T, np.array([new], dtype=np.float32).T, (item,))[item.name]


@pytest.mark.parametrize("rows", [100, 300])
@pytest.mark.parametrize("seed", range(5))
def test_a_small_sample_of_the_same_world_has_a_small_index(rows: int, seed: int) -> None:
    assert max(psi(draw(5000, 100), draw(rows, seed), INPUTS).values()) < 0.15


def test_what_chance_makes_of_few_rows_is_subtracted() -> None:
    """Nine borders and 100 rows alone would make about 0.09 on average."""
    found = [psi(draw(5000, 100), draw(100, seed), INPUTS)["age"] for seed in range(30)]
    assert np.mean(found) < 0.03


def test_many_levels_and_few_rows_are_no_drift() -> None:
    random = np.random.default_rng(1)
    many = [float(code) for code in random.integers(0, 300, 5000)]
    few = [float(code) for code in random.integers(0, 300, 100)]
    assert column(many, few, Input("town", "category")) < 0.1


def test_a_number_that_moved_is_found_and_comes_first() -> None:
    new = draw(200, 1)
    new[:, 0] += 10
    found = psi(draw(5000, 2), new, INPUTS)
    assert next(iter(found)) == "age"
    assert found["age"] > LARGE
    assert max(index for name, index in found.items() if name != "age") < 0.15


@pytest.mark.parametrize(("place", "name"), [(3, "job"), (4, "day")])
def test_levels_in_other_proportions_are_found(place: int, name: str) -> None:
    new = draw(200, 1)
    new[:120, place] = 3
    found = psi(draw(5000, 2), new, INPUTS)
    assert next(iter(found)) == name
    assert found[name] > LARGE


def test_the_index_agrees_with_the_textbook_where_rows_are_many() -> None:
    old, new = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.3, 0.4])
    codes = [np.repeat([0.0, 1.0, 2.0], (share * 100_000).astype(int)).tolist() for share in (old, new)]
    assert column(*codes, Input("job", "category")) == pytest.approx(((new - old) * np.log(new / old)).sum(), rel=0.001)


def test_every_bin_of_either_side_counts_half_a_row_of_the_smaller_side_more() -> None:
    old, new = np.array([30, 10, 0]), np.array([1, 2, 1])
    little = 0.5 / 4
    share_old, share_new = ((counts / counts.sum() + little) / (1 + 3 * little) for counts in (old, new))
    assert share_old.sum() == share_new.sum() == pytest.approx(1)
    textbook = ((share_new - share_old) * np.log(share_new / share_old)).sum()
    assert _stability(old, new) == pytest.approx(textbook)


def test_the_bins_of_a_number_are_the_tenths_of_the_old_rows() -> None:
    """Three quarters of the new rows lie in the lower half of the old ones."""
    old = np.linspace(0, 1, 100_000)
    new = np.concatenate([np.linspace(0, 0.5, 75_000), np.linspace(0.5, 1, 25_000)])
    textbook = 5 * (0.05 * np.log(1.5) - 0.05 * np.log(0.5))
    assert column(old.tolist(), new.tolist()) == pytest.approx(textbook, rel=0.01)


def test_a_value_that_fills_two_tenths_is_told_from_what_lies_just_below_it() -> None:
    numbers = np.linspace(0, 10, 1_000)
    old, new = numbers.copy(), numbers.copy()
    common = (numbers > 4.4) & (numbers < 6.6)
    old[common], new[common] = 6.6, 6.59
    assert column(old.tolist(), new.tolist()) > LARGE


def test_the_largest_comes_first_and_none_is_below_zero() -> None:
    found = list(psi(draw(5000, 1), draw(150, 2), INPUTS).values())
    assert found == sorted(found, reverse=True)
    assert min(found) >= 0
    assert len(found) == len(INPUTS)


def test_levels_that_are_unknown_are_drift() -> None:
    new = draw(200, 1)
    new[:60, 3] = -1
    found = psi(draw(5000, 2), new, INPUTS)
    assert next(iter(found)) == "job"
    assert LARGE < found["job"] < np.inf


def test_one_unknown_level_adds_little_however_many_rows_there_were() -> None:
    old, new = draw(50_000, 2), draw(200, 1)
    without = psi(old, new, INPUTS)["job"]
    new[0, 3] = -1
    assert psi(old, new, INPUTS)["job"] < without + 0.01


def test_the_codes_of_the_encoder_are_its_levels_the_empty_and_the_unknown_value() -> None:
    encoder = Encoder((Input("job", "category", levels=("a", "b")),))
    old = encoder.encode({"job": ["a", "b"] * 200}, 400)
    new = encoder.encode({"job": ["a", "b", None, "new"] * 50}, 200)
    assert psi(old, new, encoder.inputs)["job"] > LARGE


def test_a_constant_that_stays_is_no_drift() -> None:
    assert column([3.0] * 500, [3.0] * 100) == 0


@pytest.mark.parametrize("now", [2.0, 3.001, 4.0])
def test_a_constant_that_changes_to_either_side_is(now: float) -> None:
    assert column([3.0] * 500, [now] * 100) > 1


@pytest.mark.parametrize(("before", "after"), [(0.05, 0.3), (0.95, 0.7), (0.5, 0.85)])
def test_a_boolean_that_changes_its_rate_is_drift(before: float, after: float) -> None:
    random = np.random.default_rng(1)
    old, new = random.random(5000) < before, random.random(400) < after
    assert column(old.astype(float).tolist(), new.astype(float).tolist(), Input("owner", "boolean")) > LARGE


def test_a_column_that_is_empty_throughout_is_no_drift() -> None:
    assert column([np.nan] * 500, [np.nan] * 100) == 0


def test_a_column_that_becomes_empty_or_is_filled_is() -> None:
    numbers = draw(500, 1)[:, 0].tolist()
    assert column(numbers, [np.nan] * 100) > 1
    assert column([np.nan] * 500, numbers[:100]) > 1


def test_more_empty_values_are_drift() -> None:
    old, new = draw(5000, 1), draw(300, 2)
    new[:100, 0] = np.nan
    assert psi(old, new, INPUTS)["age"] > LARGE


def test_no_rows_have_no_index() -> None:
    assert psi(draw(100, 1), draw(0, 2), INPUTS) == {}
    assert psi(draw(0, 1), draw(100, 2), INPUTS) == {}


def test_the_same_rows_have_the_same_index() -> None:
    assert psi(draw(5000, 1), draw(150, 2), INPUTS) == psi(draw(5000, 1), draw(150, 2), INPUTS)


@pytest.mark.parametrize("rows", [100, 1000])
def test_rows_of_the_same_world_are_not_told_apart(rows: int) -> None:
    found = [separability(draw(4000, 100 + seed), draw(rows, seed), seed) for seed in range(4)]
    assert np.mean(np.array(found, dtype=float)) == pytest.approx(0.5, abs=0.04)


def test_what_no_single_feature_shows_tells_rows_apart() -> None:
    random = np.random.default_rng(1)
    inputs = (Input("x", "number"), Input("y", "number"))
    x, u = random.normal(size=(2, 1000))
    old = np.column_stack([x, x + 0.1 * u]).astype(np.float32)
    new = np.column_stack([x, -x + 0.1 * u]).astype(np.float32)
    assert max(psi(old, new, inputs).values()) < 0.05
    told = separability(old, new, 1)
    assert told is not None
    assert told > 0.9


def test_of_many_rows_each_is_in_the_sample_once_at_most() -> None:
    """A row that stood on both sides of a fold would tell its own side."""
    rows = MOST_ROWS + 100
    found = [separability(draw(rows, 100 + seed), draw(rows, seed), seed) for seed in range(2)]
    assert np.mean(np.array(found, dtype=float)) == pytest.approx(0.5, abs=0.03)


def test_of_many_rows_the_sample_holds_all_times() -> None:
    new = draw(2 * MOST_ROWS, 1)
    new[MOST_ROWS:, 0] += 100
    told = separability(draw(MOST_ROWS, 2), new, 1)
    assert told is not None
    assert told > 0.7


def test_rows_that_moved_at_the_end_of_the_new_ones_are_told_apart() -> None:
    new = draw(900, 1)
    new[800:, :3] = np.random.default_rng(2).normal([400, 50, 3], 0.1, (100, 3))
    told = separability(draw(900, 3), new, 1)
    assert told == pytest.approx(0.5 + 100 / 900 / 2, abs=0.035)


def test_an_empty_value_is_no_zero() -> None:
    old, new = (np.zeros((100, 1), dtype=np.float32) for _ in range(2))
    new[:] = np.nan
    assert separability(old, new, 1) == pytest.approx(1, abs=0.001)


def test_rows_that_moved_are_told_apart() -> None:
    new = draw(300, 1)
    new[:, 0] += 30
    told = separability(draw(4000, 2), new, 1)
    assert told is not None
    assert told > 0.9


def test_a_column_that_is_empty_throughout_stops_no_classifier() -> None:
    old, new = draw(300, 1), draw(300, 2)
    old[:, 0] = new[:, 0] = np.nan
    told = separability(old, new, 1)
    assert told is not None
    assert told == pytest.approx(0.5, abs=0.1)


def test_a_column_that_becomes_empty_tells_rows_apart() -> None:
    new = draw(300, 2)
    new[:, 0] = np.nan
    assert separability(draw(300, 1), new, 1) == pytest.approx(1, abs=0.001)


def test_the_same_seed_gives_the_same_figure() -> None:
    old, new = draw(5000, 1), draw(3000, 2)
    assert separability(old, new, 7) == separability(old, new, 7)
    assert separability(old, new, 7) != separability(old, new, 8)


@pytest.mark.parametrize(("old", "new"), [(FEWEST_ROWS - 1, 500), (500, FEWEST_ROWS - 1), (0, 0)])
def test_few_rows_on_either_side_tell_nothing(old: int, new: int) -> None:
    assert separability(draw(old, 1), draw(new, 2), 1) is None


def test_just_enough_rows_tell_something() -> None:
    assert separability(draw(FEWEST_ROWS, 1), draw(FEWEST_ROWS, 2), 1) is not None


def test_many_rows_cost_no_more_than_a_sample_of_them() -> None:
    old, new = draw(100_000, 1), draw(50_000, 2)
    separability(old[:100], new[:100], 1)  # loads what it imports
    began = time.process_time()
    separability(old, new, 1)
    assert time.process_time() - began < 3  # a quarter of a second on a machine that does nothing else
