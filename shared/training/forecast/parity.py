"""The graph against what it was made from: every series and day as planned, and with other plans where there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.errors import ConversionError
from shared.features import FORECASTS, GRAPH_INPUT, UNKNOWN_LEVEL
from shared.store.records import Parity
from shared.training.forecast import members
from shared.training.forecast.graph import State
from shared.training.forecast.past import Past
from shared.training.forecast.trees import Design, planned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shared.training.forecast.solution import Solution

TOLERANCE = 1e-4
"""Relative."""
LEAST = 1e-3
"""In units of a series' scale: what differs by less than a part of this is alike."""
MOST_SERIES = 3_000
"""Of each level, that are compared."""
PLANS = ((0.8, 1.0), (1.1, 0.0))
"""Other plans: numbers as so many times the planned ones, and what is true or false."""


def forecasts_by(graph: bytes, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a graph answers, shape (n, OUTPUTS)."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    # Left to itself, onnxruntime binds threads to cores, and containers that forbid it fill the log with errors.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    found: NDArray[np.float32] = session.run([FORECASTS], {GRAPH_INPUT: rows})[0]
    return found


def check_parity(graph: bytes, solution: Solution) -> Parity:
    """Raises ConversionError where a number differs by more than TOLERANCE."""
    count, worst = 0, 0.0
    for name, rows, expected, least in _tried(solution):
        got = forecasts_by(graph, rows)
        wrong = np.abs(got - expected) / np.maximum(np.abs(expected), least[:, None])
        worst, count = max(worst, float(wrong.max())), count + len(rows)
        if not (wrong <= TOLERANCE).all():  # so that NaN is wrong
            row, output = np.unravel_index(int(np.argmax(np.nan_to_num(wrong, nan=np.inf))), wrong.shape)
            msg = (
                f"the ONNX graph and the fitted forecast disagree on {name}: expected {expected[row, output]:.6g}, got "
                f"{got[row, output]:.6g} for the input {rows[row].tolist()}; allowed is {TOLERANCE:g} of it"
            )
            raise ConversionError(msg)
    return Parity(rows=count, largest_difference=worst, decisions_flipped=0)


def rows_of(solution: Solution, level: int, series: NDArray[np.intp]) -> NDArray[np.float32]:
    """What the graph takes for the whole horizon of some series of a level; shape (series * horizon, inputs)."""
    world = solution.world
    by, horizon = len(world.levels) - 1, world.horizon
    rows = np.full((len(series) * horizon, by + 1 + len(world.sales.features)), np.nan, dtype=np.float32)
    for column, rolled in enumerate(world.levels[1:]):
        rows[:, column] = rolled.level.count
    if level:
        codes = np.where(series == world.levels[level].level.count, UNKNOWN_LEVEL, series)
        rows[:, level - 1] = np.repeat(codes, horizon)
    rows[:, by] = np.tile(np.arange(1, horizon + 1), len(series))
    return rows


type Tried = tuple[str, NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]
"""A name, rows, what is expected of them, and what differs by a part of less is alike."""


def _tried(solution: Solution) -> Iterator[Tried]:
    world = solution.world
    for level, rolled in enumerate(world.levels):
        series = _drawn(len(rolled.level.sold) if level else 1)
        expected = np.concatenate([solution.said[level][:, :, None], solution.intervals[level]], axis=2)[series]
        least = np.repeat(LEAST * rolled.last_seen.scale[series], world.horizon)
        rows = rows_of(solution, level, series)
        yield rolled.level.name, rows, expected.reshape(len(rows), -1), least
    if world.sales.features and world.levels[1].last.trees is not None:
        yield from _other_plans(solution)


def _other_plans(solution: Solution) -> Iterator[Tried]:
    """The finest level with plans of a request's own."""
    world, rolled = solution.world, solution.world.levels[1]
    series, features = _drawn(len(rolled.level.sold)), len(world.sales.features)
    past = Past(rolled.level.sold, world.sales.days)
    design = Design(rolled.level, world.flags, world.horizon)
    state = State(solution)
    for times, truth in PLANS:
        plan = planned(rolled.level, series, past.end) * np.float32(times)
        plan[:, ~rolled.level.is_number] = truth
        wide = np.broadcast_to(plan[:, None], (len(series), world.horizon, features))
        seen = past.seen(series, past.end, world.horizon)
        known = members.said(rolled.last.trees, design.rows_with(past, series, past.end, seen, wide))
        expected = members.said(rolled.last.trees, design.planned_rows(past, series, past.end, seen))
        start = state.starts[1]
        place = slice(start * world.horizon, (start + len(rolled.level.sold)) * world.horizon)
        shape = (len(rolled.level.sold), world.horizon)
        tabled, worth = (one[place].reshape(shape)[series] for one in (state.tabled(), state.of_trees(1)))
        said = tabled * members.effect(known, expected) + worth * known
        scale = rolled.last_seen.scale[series]
        intervals = solution.intervals_of(1, said, series)
        rows = rows_of(solution, 1, series)
        rows[:, -features:] = wide.reshape(-1, features)
        told = np.concatenate([said[:, :, None], intervals], axis=2).reshape(len(rows), -1)
        name = f"{rolled.level.name} with {times:g} times the planned numbers"
        yield name, rows, told, np.repeat(LEAST * scale, world.horizon)


def _drawn(count: int) -> NDArray[np.intp]:
    if count <= MOST_SERIES:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MOST_SERIES, replace=False))
