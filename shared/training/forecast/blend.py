"""How the families are mixed: parts of a quarter each, the mixture that would have been best at the origins before.

Few origins say little about weights: quarters, all tried, are as fine as they can be told apart.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from shared.training.forecast import errors
from shared.training.forecast.members import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shared.training.forecast.rolling import Rolled

PARTS = 4
MOST_SERIES = 2_000
"""More would say no more about the weights, and take long."""


def mixed(members: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Shape (series + 1, horizon); ``weights`` has shape (FAMILIES,)."""
    used = weights > 0
    found: NDArray[np.float32] = np.tensordot(weights[used].astype(np.float32), members[used], axes=1)
    return found


def best_weights(rolled: Rolled, origins: Sequence[int]) -> NDArray[np.float64]:
    """Those with the least mean loss at some of the origins, shape (FAMILIES,); of equals, the first."""
    series = _drawn(len(rolled.level.sold))
    members = [rolled.members[origin][:, series] for origin in origins]
    came = [rolled.came[origin][series] for origin in origins]
    tried = list(_weights(rolled.usable))
    losses = [
        np.mean([errors.loss(sold, mixed(said, weights)) for said, sold in zip(members, came, strict=True)])
        for weights in tried
    ]
    return tried[int(np.argmin(losses))]


def _weights(usable: NDArray[np.bool_]) -> Iterator[NDArray[np.float64]]:
    for chosen in combinations_with_replacement(np.flatnonzero(usable).tolist(), PARTS):
        yield np.bincount(chosen, minlength=len(FAMILIES)) / PARTS


def _drawn(count: int) -> NDArray[np.intp]:
    if count <= MOST_SERIES:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MOST_SERIES, replace=False))
