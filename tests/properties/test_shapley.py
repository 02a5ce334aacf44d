"""Effects are Shapley values: held against the definition, spelled out in plain Python, and against its axioms."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scoring.reasons import shapley
from shared.scoring.reasons.shapley import LOG_ODDS, MOST_SCORED, PROBABILITY, Explainer, most_scored, scales

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from shared.scoring.reasons.shapley import Effects

NAN = float("nan")
VALUES = st.sampled_from([NAN, -1.0, 0.0, 0.5, 2.0])
"""Few, so that rows often agree."""
MANY = 10**6
"""Enough to try all combinations."""


def number(value: float) -> float:
    return -0.7 if math.isnan(value) else value


def entangled(row: Sequence[float]) -> float:
    """A probability in which every input acts alone, by twos and by threes."""
    values = [number(value) for value in row]
    odds = sum((place + 1) * value for place, value in enumerate(values)) / 5 - 0.4
    odds += sum(one * other for one, other in itertools.pairwise(values)) / 3
    odds += sum(math.sin(a * b + c) for a, b, c in zip(values, values[1:], values[2:], strict=False))
    return 1 / (1 + math.exp(-odds))


def graph(model: Callable[[Sequence[float]], float]) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """The model as a graph answers: many rows at once."""
    return lambda rows: np.array([model(row) for row in rows.tolist()])


def log_odds(likely: float) -> float:
    return math.log(likely / (1 - likely))


def by_definition(
    row: Sequence[float], background: Sequence[Sequence[float]], says: Callable[[Sequence[float]], float]
) -> list[float]:
    """The average, over all orders and background rows, of what the answer moves by when an input comes."""
    moved = [0.0] * len(row)
    orders = list(itertools.permutations(range(len(row))))
    for base, order in itertools.product(background, orders):
        mixed = list(base)
        for place in order:
            before = says(mixed)
            mixed[place] = row[place]
            moved[place] += says(mixed) - before
    return [total / (len(orders) * len(background)) for total in moved]


def explained(
    row: Sequence[float] | NDArray[np.float32],
    background: Sequence[Sequence[float]] | NDArray[np.float32],
    model: Callable[[Sequence[float]], float] = entangled,
    most: int = MANY,
) -> Effects:
    rows, one, says = np.array(background, np.float32), np.array(row, np.float32), graph(model)
    return Explainer(rows, says(rows), most).explain(one, float(says(one[None])[0]), says)


def world(rows: int, inputs: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(rows, inputs)).astype(np.float32)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[float], list[list[float]]]:
    """A row and its background."""
    inputs = draw(st.integers(1, 5))
    rows = st.lists(VALUES, min_size=inputs, max_size=inputs)
    return draw(rows), draw(st.lists(rows, min_size=1, max_size=3))


@given(cases())
def test_all_combinations_give_the_values_of_the_definition(case: tuple[list[float], list[list[float]]]) -> None:
    row, background = case
    found = explained(row, background)
    assert found.exact
    assert found.each[:, PROBABILITY] == pytest.approx(by_definition(row, background, entangled), abs=1e-9)
    in_odds = by_definition(row, background, lambda mixed: log_odds(entangled(mixed)))
    assert found.each[:, LOG_ODDS] == pytest.approx(in_odds, abs=1e-9)
    assert not found.error(range(len(row))).any()


@given(cases(), st.integers(0, 60))
def test_the_effects_add_up_to_the_answer_less_the_average(
    case: tuple[list[float], list[list[float]]], most: int
) -> None:
    row, background = case
    found = explained(row, background, most=most)
    wanted = scales(np.array([entangled(row)]))[0] - scales(graph(entangled)(np.array(background))).mean(axis=0)
    assert found.each.sum(axis=0) == pytest.approx(wanted, abs=1e-9)
    assert found.error(range(len(row))) == pytest.approx([0, 0], abs=1e-9)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5_000))
def test_no_more_rows_are_scored_than_is_stated(rows: int, inputs: int, seed: int) -> None:
    background = np.random.default_rng(seed).integers(0, 2, (rows, inputs)).astype(np.float32)
    counts = [0]

    def counting(tried: NDArray[np.float32]) -> NDArray[np.float64]:
        counts.append(len(tried))
        return np.full(len(tried), 0.3)

    found = Explainer(background, counting(background)).explain(np.ones(inputs, np.float32), 0.3, counting)
    assert len(counts) <= 3
    assert found.scored == sum(counts[2:]) <= most_scored(rows, inputs)


@pytest.mark.parametrize("most", [0, MANY])
def test_an_input_that_the_model_does_not_look_at_moves_nothing(most: int) -> None:
    rows = world(9, 8)
    found = explained(rows[0], rows[1:], lambda row: entangled([*row[:3], *row[4:]]), most)
    assert found.each[3].tolist() == [0, 0]
    assert found.error([3]).tolist() == [0, 0]
    assert (np.abs(found.each[[0, 1, 2, 4, 5, 6, 7]]) > 0).all()


@pytest.mark.parametrize("most", [0, MANY])
def test_a_value_that_all_of_the_background_has_moves_nothing(most: int) -> None:
    rows = world(9, 8)
    rows[:, 2], rows[:, 5] = 0.25, NAN
    found = explained(rows[0], rows[1:], most=most)
    assert found.each[[2, 5]].tolist() == [[0, 0], [0, 0]]


def test_inputs_that_play_the_same_part_have_the_same_effect() -> None:
    rows = world(7, 5)
    rows[:, 3] = rows[:, 1]
    found = explained(rows[0], rows[1:], lambda row: entangled([row[0], row[1] + row[3] + row[1] * row[3], row[2]]))
    assert found.each[1] == pytest.approx(found.each[3], abs=1e-12)
    assert abs(found.each[1, PROBABILITY]) > 1e-3


def test_orders_are_exact_where_inputs_act_alone_or_by_twos() -> None:
    def by_twos(row: Sequence[float]) -> float:
        return 1 / (1 + math.exp(-sum(row) / 3 - row[0] * row[1] + row[2] * row[7] / 2))

    rows = world(6, 10)
    found, exact = (explained(rows[0], rows[1:], by_twos, most) for most in (0, MANY))
    assert not found.exact
    assert found.each[:, LOG_ODDS] == pytest.approx(exact.each[:, LOG_ODDS], abs=1e-9)
    assert found.error([0])[LOG_ODDS] == pytest.approx(0, abs=1e-9)
    assert found.error([0])[PROBABILITY] > 1e-6


def test_the_errors_that_are_stated_are_those_that_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    together = [1, 4, 6]
    far, far_together = [], []
    for seed in range(8):
        monkeypatch.setattr(shapley, "SEED", seed)  # rows of one background share their orders, and so their luck
        rows = world(38, 8, seed)
        for row in rows[32:]:
            exact, found = explained(row, rows[:32]), explained(row, rows[:32], most=MOST_SCORED)
            assert exact.exact
            assert not found.exact
            off = found.each - exact.each
            far.append(np.abs(off) / np.array([found.error([place]) for place in range(8)]))
            far_together.append(np.abs(off[together].sum(axis=0)) / found.error(together))
    assert np.mean(np.array(far) <= 1) == pytest.approx(0.68, abs=0.06)
    assert np.mean(np.array(far) <= 3) > 0.985
    assert np.mean(np.array(far_together) <= 1) == pytest.approx(0.68, abs=0.12)
    assert np.mean(np.array(far_together) <= 3) > 0.97


def test_more_work_makes_the_error_smaller() -> None:
    rows = world(24, 12)

    def error(most: int) -> float:
        found = [explained(row, rows[:8], most=most) for row in rows[8:]]
        assert not any(one.exact for one in found)
        return float(np.mean([one.error([place])[PROBABILITY] for one in found for place in range(12)]))

    assert error(4 * 8 * 22) / error(16 * 8 * 22) == pytest.approx(2, abs=0.4)


def test_rows_that_differ_little_are_tried_in_all_combinations_even_where_others_are_not() -> None:
    rows = world(8, 12)
    rows[1:5, 3:] = rows[0, 3:]
    found = explained(rows[0], rows[1:], most=0)
    assert not found.exact
    assert found.scored == 4 * (2**3 - 2) + 3 * 3 * 2 * 11


def test_a_row_is_explained_alike_each_time() -> None:
    rows = world(9, 12)
    says = graph(entangled)
    explainers = [Explainer(rows[1:], says(rows[1:])) for _ in range(2)]
    explainers[1].explain(rows[3], 0.5, says)
    first, second = (explainer.explain(rows[0], 0.5, says) for explainer in explainers)
    assert np.array_equal(first.each, second.each)
    assert np.array_equal(first.error([2]), second.error([2]))


@pytest.mark.parametrize("most", [0, MANY])
def test_answers_that_are_sure_have_log_odds_all_the_same(most: int) -> None:
    rows = world(6, 8)
    found = explained(rows[0] + 10, rows[1:], lambda row: float(row[0] > 5), most)
    assert found.each[0] == pytest.approx([1, 2 * math.log(1e6)], abs=1e-4)
    assert not found.each[1:].any()


def test_a_row_like_all_of_the_background_needs_no_scoring() -> None:
    row = [1.0, NAN, NAN]
    found = explained(row, [row, row])
    assert (found.scored, found.exact, found.each.tolist()) == (0, True, [[0, 0]] * 3)
