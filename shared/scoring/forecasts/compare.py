"""What two versions that forecast say of the same days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
from msgspec import UNSET

from shared.scoring.forecasts.expand import DATE
from shared.scoring.forecasts.render import rounded
from shared.store.forecasts import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.scoring.scored import Scored
    from shared.store.forecasts import Forecaster

SHOWN = [OUTPUTS.index(name) for name in ("forecast", "low_90", "high_90")]


class ComparedDay(msgspec.Struct, frozen=True):
    """One day, or week, of one series."""

    key: Any
    """What names the row, where the request says."""
    series: dict[str, str]
    """The column that names the series, and its value; empty for the total."""
    date: str
    forecast: float
    forecast_against: float
    difference: float
    """The first less the second."""
    low_90: float
    high_90: float
    low_90_against: float
    high_90_against: float


class ForecastSummary(msgspec.Struct, frozen=True):
    """All days that both versions forecast."""

    rows: int
    sum: float
    """Of the forecasts."""
    sum_against: float
    mean_absolute_difference: float
    largest_difference: float
    """In size, with its sign."""
    outside: int
    """Rows of which the first forecast lies outside of the second one's interval of 90 %."""


class ForecastComparison(msgspec.Struct, frozen=True):
    """The answer."""

    model: str
    version: str
    against: str
    summary: ForecastSummary
    rows: list[ComparedDay]


def compared(both: Sequence[tuple[Scored, Scored]]) -> tuple[ForecastSummary, list[ComparedDay]]:
    """All rows, then row by row; of pairs of chunks, each scored by either version."""
    mine = _shown([pair[0] for pair in both])
    theirs = _shown([pair[1] for pair in both])
    differences = mine[:, 0] - theirs[:, 0]
    summary = ForecastSummary(
        rows=len(mine),
        sum=_number(mine[:, 0].sum()),
        sum_against=_number(theirs[:, 0].sum()),
        mean_absolute_difference=_number(np.abs(differences).mean()),
        largest_difference=_number(differences[np.abs(differences).argmax()]),
        outside=int(((mine[:, 0] < theirs[:, 1]) | (mine[:, 0] > theirs[:, 2])).sum()),
    )
    named = [one for scored, _ in both for one in _named(scored)]
    numbers = zip(named, rounded(mine).tolist(), rounded(theirs).tolist(), rounded(differences).tolist(), strict=True)
    rows = [
        ComparedDay(*name, one[0], other[0], difference, *one[1:], *other[1:])
        for name, one, other, difference in numbers
    ]
    return summary, rows


def _shown(scored: Sequence[Scored]) -> NDArray[np.float64]:
    return np.concatenate([one.outputs[:, SHOWN] for one in scored]).astype(np.float64)


def _named(scored: Scored) -> list[tuple[Any, dict[str, str], str]]:
    """Key, series and date of each row."""
    by = cast("Forecaster", scored.loaded.version).by
    columns = scored.rows.columns
    return [
        (
            None if key is UNSET else key,
            {name: columns[name][place] for name in by if columns[name][place] is not None},
            str(columns[DATE][place]),
        )
        for place, key in enumerate(scored.rows.keys)
    ]


def _number(figure: Any) -> float:
    return float(rounded(figure))
