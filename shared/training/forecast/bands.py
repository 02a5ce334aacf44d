"""Intervals from what forecasts missed before: conformal, by horizon and by size of series.

What was sold is held against ``forecast + SLACK * scale``, the unit; an interval goes from one quantile of these ratios
to another, so it is never below zero where sales are not, wider for series that sell more, and never crosses another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.store.forecasts import COVERAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SLACK = 0.1
"""In the unit, so that it is not zero where nothing is expected."""
SIZES = 5
"""Classes of series by their scale, equally many in each."""
HORIZON_ENDS = (7, 14)
"""Where one band of the horizon ends and the next begins, in periods of a day; all of more than 14 are alike."""
LEAST_RATIOS = 300
"""Fewer ratios do not tell a class from the others."""
TRIED = np.linspace(0.0, 0.5, 251)
"""Shares that are left out at each end."""


@dataclass(frozen=True)
class Bands:
    """The quantiles of a level's ratios."""

    borders: tuple[float, ...]
    """Scales where one class of series ends and the next begins."""
    ends: tuple[int, ...]
    """Last periods of all but the last band of the horizon."""
    ratios: NDArray[np.float64]
    """Shape (classes, bands, 2 * COVERAGES): low and high of each coverage."""

    def of(self, scale: NDArray[np.floating], horizon: int) -> NDArray[np.float64]:
        """The ratios of each series and period, shape (series, horizon, 2 * COVERAGES)."""
        found: NDArray[np.float64] = self.ratios.reshape(-1, self.ratios.shape[2])[self.places(scale, horizon)]
        return found

    def places(self, scale: NDArray[np.floating], horizon: int) -> NDArray[np.intp]:
        """Which row of the ratios, once classes and bands are one axis; shape (series, horizon)."""
        classes = np.searchsorted(np.array(self.borders), scale, side="right")
        bands = np.searchsorted(np.array(self.ends), np.arange(1, horizon + 1), side="left")
        found: NDArray[np.intp] = classes[:, None] * self.ratios.shape[1] + bands[None, :]
        return found


def unit(said: NDArray[np.floating], scale: NDArray[np.floating], opened: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What ratios are of, shape (series, horizon)."""
    found: NDArray[np.float64] = (said + SLACK * scale[:, None]) * opened
    return found


def intervals(
    bands: Bands,
    said: NDArray[np.floating],
    scale: NDArray[np.floating],
    opened: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Low and high of each coverage, shape (series, horizon, 2 * COVERAGES)."""
    return unit(said, scale, opened)[:, :, None] * bands.of(scale, said.shape[1])


def calibrate(
    came: Sequence[NDArray[np.floating]],
    said: Sequence[NDArray[np.floating]],
    scales: Sequence[NDArray[np.floating]],
    opened: Sequence[NDArray[np.bool_]],
) -> Bands:
    """From some origins: what was sold, what was said, the scales, and which periods were open."""
    units = [unit(*one) for one in zip(said, scales, opened, strict=True)]
    counts = [np.isfinite(sold) & (base > 0) for sold, base in zip(came, units, strict=True)]
    total = sum(int(one.sum()) for one in counts)
    sizes = SIZES if total >= SIZES * LEAST_RATIOS else 1
    everything = np.concatenate([scale[one.any(axis=1)] for scale, one in zip(scales, counts, strict=True)])
    borders = tuple(np.quantile(everything, np.arange(1, sizes) / sizes).tolist()) if len(everything) else ()
    horizon = said[0].shape[1]
    ends = tuple(end for end in HORIZON_ENDS if end < horizon)
    if total < sizes * (len(ends) + 1) * LEAST_RATIOS:
        ends = ()
    ratios = np.zeros((sizes, len(ends) + 1, 2 * len(COVERAGES)))
    bands = np.searchsorted(np.array(ends), np.arange(1, horizon + 1), side="left")
    for size in range(sizes):
        for band in range(len(ends) + 1):
            found = [
                (sold / np.where(base > 0, base, 1))[
                    one & (np.searchsorted(np.array(borders), scale, side="right") == size)[:, None] & (bands == band)
                ]
                for sold, base, scale, one in zip(came, units, scales, counts, strict=True)
            ]
            ratios[size, band] = _quantiles(np.concatenate(found))
    return Bands(borders, ends, ratios)


def _quantiles(ratios: NDArray[np.floating]) -> NDArray[np.float64]:
    """Low and high of each coverage: the narrowest central interval that holds so many of the ratios.

    Where many are zero, it holds more than it must: half of the days of a product that sells once a week have the
    interval from zero to zero.
    """
    if not len(ratios):
        return np.zeros(2 * len(COVERAGES))
    ordered = np.sort(ratios.astype(np.float64))
    lows, highs = np.quantile(ordered, TRIED), np.quantile(ordered, 1 - TRIED)
    held = np.searchsorted(ordered, highs, side="right") - np.searchsorted(ordered, lows, side="left")
    shares = held / len(ordered)
    found = []
    for coverage in COVERAGES:
        # A few more than so many: the quantiles of few ratios are too narrow for those to come (split conformal).
        wanted = min(1.0, coverage / 100 * (1 + 1 / len(ordered)))
        place = int(np.flatnonzero(shares >= wanted)[-1])
        found += [lows[place], highs[place]]
    return np.array(found)
