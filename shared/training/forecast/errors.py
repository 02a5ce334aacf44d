"""How wrong a forecast was: of single periods, and of each series' sum over the horizon, which is what is ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def wape(came: NDArray[np.floating], said: NDArray[np.floating]) -> float:
    """The sum of absolute errors over the sum of what was sold; periods that are not on sale (NaN) do not count."""
    there = np.isfinite(came)
    sold = float(np.abs(came[there]).sum(dtype=np.float64))
    wrong = float(np.abs(came[there] - said[there]).sum(dtype=np.float64))
    return wrong / sold if sold else float(wrong > 0)


def sum_wape(came: NDArray[np.floating], said: NDArray[np.floating]) -> float:
    """The same, of the sums of each series over the horizon; shapes (series, horizon)."""
    there = np.isfinite(came)
    sold = np.where(there, came, 0).sum(axis=1, dtype=np.float64)
    expected = np.where(there, said, 0).sum(axis=1, dtype=np.float64)
    return wape(sold, expected)


def loss(came: NDArray[np.floating], said: NDArray[np.floating]) -> float:
    """What forecasts are chosen by: the mean of both.

    The error of single days alone would choose a median, which for a product that sells every other day is nothing at
    all, and whose sums say nothing of how much to order.
    """
    return (wape(came, said) + sum_wape(came, said)) / 2


def by_series(came: NDArray[np.floating], said: NDArray[np.floating]) -> NDArray[np.float64]:
    """Each series' part in the loss, in units of sales, shape (series,)."""
    there = np.isfinite(came)
    errors = np.where(there, came - said, 0).astype(np.float64)
    found: NDArray[np.float64] = (np.abs(errors).sum(axis=1) + np.abs(errors.sum(axis=1))) / 2
    return found


def bias(came: NDArray[np.floating], said: NDArray[np.floating]) -> float:
    """The sum of what was said over the sum of what was sold, less one."""
    there = np.isfinite(came)
    sold = float(came[there].sum(dtype=np.float64))
    return float(said[there].sum(dtype=np.float64)) / sold - 1 if sold else 0.0
