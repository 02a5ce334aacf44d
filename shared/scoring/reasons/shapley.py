"""By how much each input moved an answer: Shapley values against the rows of a background.

For every background row the inputs of the row that is explained are put in its place one after the other, and an input
is credited with what the answer moves by when it comes, on average over all orders of coming and over the background
(the interventional value: Lundberg and Lee, NeurIPS 2017; Janzing et al., AISTATS 2020). The sum of all is the answer
less the background's average answer, however the average is taken.

Where an input has the same value in both rows its coming changes nothing, so only those that differ count. Few of them
are tried in all combinations: that is exact. Many are tried in random orders, each with its reverse: such a pair is
exact for a model whose inputs act alone or by twos, and what it misses beyond that is told by how much the pairs differ
among each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    type Probabilities = Callable[[NDArray[np.float32]], NDArray[np.floating]]
    """A graph: from encoded rows, shape (rows, inputs), to the probability of the positive outcome, shape (rows,)."""

MOST_SCORED = 2_400
"""So many rows are scored to explain one, unless the inputs are so many that the fewest orders take more."""
LEAST_ORDERS, MOST_ORDERS = 3, 16
"""Orders with their reverses for each background row: an error told from fewer is often too small."""
SEED = 20_261_125
"""The same row of the same version is always explained alike."""
SUREST = 1e-6
"""Log-odds are of probabilities no surer than this: 32-bit floats hold none beyond."""
PROBABILITY, LOG_ODDS = 0, 1
"""The scales that effects are given in, by the place of each in the last axis."""


@dataclass(frozen=True)
class Effects:
    """What moved one answer."""

    each: NDArray[np.float64]
    """Shape (inputs, scales)."""
    exact: bool
    scored: int
    """Rows that were scored for it."""
    _orders: NDArray[np.float64]
    """What each order of each background row says, shape (background rows, orders, inputs, scales)."""

    def error(self, places: Sequence[int]) -> NDArray[np.float64]:
        """The standard error of the sum of some inputs' effects, shape (scales,)."""
        rows, orders = self._orders.shape[:2]
        # By differences from the first: of orders that all say the same, the variance is 0 and not nearly 0.
        said = self._orders[:, :, list(places)].sum(axis=2)
        spread = (said - said[:, :1]).var(axis=1, ddof=1)
        return np.asarray(np.sqrt(spread.sum(axis=0) / orders) / rows)


class Explainer:
    """Explains answers against one background. Immutable, and shared by all threads."""

    def __init__(
        self, background: NDArray[np.float32], answers: NDArray[np.floating], most_scored: int = MOST_SCORED
    ) -> None:
        """``background``: encoded rows, shape (rows, inputs); ``answers``: their probabilities, shape (rows,)."""
        self._background = background
        self._answers = scales(answers)
        self._most = most_scored
        rows, inputs = background.shape
        self._ranks = np.random.default_rng(SEED).random((rows, MOST_ORDERS, inputs))

    @property
    def average(self) -> NDArray[np.float64]:
        """The background's average answer, shape (scales,)."""
        return np.asarray(self._answers.mean(axis=0))

    def explain(self, row: NDArray[np.float32], answer: float, probabilities: Probabilities) -> Effects:
        """Why ``row``, encoded, of shape (inputs,), was answered with ``answer`` by the graph ``probabilities``."""
        differs = (row != self._background) & ~(np.isnan(row) & np.isnan(self._background))
        places = [np.flatnonzero(found) for found in differs]
        orders, whole = _plan([len(found) for found in places], self._most)
        tried = [
            _All(len(found)) if everything else _Orders(ranks[:orders, found])
            for found, everything, ranks in zip(places, whole, self._ranks, strict=True)
        ]
        mixed = np.concatenate(
            [
                _mixed(row, base, found, one.masks)
                for base, found, one in zip(self._background, places, tried, strict=True)
            ]
        )
        values = scales(probabilities(mixed) if len(mixed) else np.empty(0))
        told = np.zeros((len(places), orders, len(row), values.shape[1]))
        end, start = scales(np.array([answer])), 0
        for number, (found, one) in enumerate(zip(places, tried, strict=True)):
            said = values[start : start + len(one.masks)]
            told[number][:, found] = one.effects(self._answers[number : number + 1], said, end)
            start += len(said)
        return Effects(told.mean(axis=(0, 1)), all(whole), len(mixed), told)


def scales(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities of shape (rows,) on both scales, shape (rows, 2)."""
    likely = np.asarray(probability, dtype=np.float64)
    cut = np.clip(likely, SUREST, 1 - SUREST)
    return np.stack([likely, np.log(cut / (1 - cut))], axis=-1)


def most_scored(rows: int, inputs: int) -> int:
    """How many rows are scored at most to explain one against ``rows`` background rows."""
    return max(MOST_SCORED, rows * LEAST_ORDERS * 2 * (inputs - 1))


def _plan(differing: Sequence[int], most: int) -> tuple[int, list[bool]]:
    """How many orders are tried, and for which background rows all combinations are instead.

    The rows that differ least come first: all combinations of two inputs are fewer than four orders of them.
    """
    in_order = [2 * max(count - 1, 0) for count in differing]
    orders = int(np.clip(most // max(sum(in_order), 1), LEAST_ORDERS, MOST_ORDERS))
    whole = [False] * len(differing)
    if sum(2**count - 2 for count in differing) <= most:
        return orders, [True] * len(differing)
    scored = orders * sum(in_order)
    for place in sorted(range(len(differing)), key=lambda place: differing[place]):
        more = 2 ** differing[place] - 2 - orders * in_order[place]
        if more > 0 and scored + more > most:
            break
        scored += more
        whole[place] = True
    return orders, whole


def _mixed(
    row: NDArray[np.float32], base: NDArray[np.float32], places: NDArray[np.intp], masks: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """``base`` with those of ``row``'s values in ``places`` that each mask says; shape (masks, inputs)."""
    mixed = np.repeat(base[None], len(masks), axis=0)
    mixed[:, places] = np.where(masks, row[places], base[places])
    return mixed


class _All:
    """All combinations of ``count`` inputs; none and all of them are known without scoring."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.masks = _combinations(count)[1:-1]

    def effects(
        self, base: NDArray[np.float64], values: NDArray[np.float64], answer: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Shape (1, inputs, scales) from what was answered to each mask, shape (masks, scales)."""
        if self._count == 0:
            return np.zeros((1, 0, base.shape[1]))
        known = np.concatenate([base, values, answer])
        without, joined, weights = _joinings(self._count)
        # Differences are weighed, not answers: what changes nothing has an effect of 0, and not of nearly 0.
        return np.asarray(np.einsum("js,jsc->jc", weights, known[joined] - known[without]))[None]


class _Orders:
    """Some orders of the inputs, each with its reverse: each mask has all those that came before a moment."""

    def __init__(self, ranks: NDArray[np.float64]) -> None:
        """``ranks``, shape (orders, inputs): the lower, the sooner."""
        self._position = ranks.argsort(axis=1).argsort(axis=1)
        orders, count = ranks.shape
        forward = self._position[:, None] < np.arange(1, count)[:, None]
        self._shape = (2, orders, count - 1)
        self.masks = np.stack([forward, ~forward]).reshape(2 * orders * (count - 1), count)

    def effects(
        self, base: NDArray[np.float64], values: NDArray[np.float64], answer: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Shape (orders, inputs, scales) from what was answered to each mask, shape (masks, scales)."""
        forward, backward = values.reshape(*self._shape, -1)
        begin, end = (np.broadcast_to(known, forward[:, :1].shape) for known in (base, answer))
        rising = np.diff(np.concatenate([begin, forward, end], axis=1), axis=1)
        falling = -np.diff(np.concatenate([end, backward, begin], axis=1), axis=1)
        return np.take_along_axis((rising + falling) / 2, self._position[:, :, None], axis=1)


@lru_cache(maxsize=32)
def _combinations(count: int) -> NDArray[np.bool_]:
    """Shape (2**count, count): the empty one first, the whole one last."""
    return (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(bool)


@lru_cache(maxsize=32)
def _joinings(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """For each input all combinations without it, the same with it, and their weights: (count, 2**(count - 1))."""
    held = _combinations(count)
    without = np.array([np.flatnonzero(~column) for column in held.T], dtype=np.intp)
    size = held.sum(axis=1)[without]
    weights = np.array([1 / (count * comb(count - 1, taken)) for taken in range(count)])[size]
    return without, without + 2 ** np.arange(count)[:, None], weights
