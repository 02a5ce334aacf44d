"""Which order lines count, and what each adds to its day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from shared.catalog.forecast import ForecastCase

UNFINISHED = "of the day that was not over"


@dataclass(frozen=True)
class Counted:
    """The lines that count, oldest first, and why the others do not."""

    frame: pd.DataFrame
    days: NDArray[np.datetime64]
    """The day of each line, shape (lines,)."""
    amounts: NDArray[np.float64]
    """What it adds, shape (lines,)."""
    left_out: dict[str, int]
    """Reason to lines; each line once, for the first reason that holds."""


def counted(frame: pd.DataFrame, case: ForecastCase, slot_day: date) -> Counted:
    """The lines that the catalog counts, of the days before ``slot_day``, whose own sales are still coming in."""
    dataset, model = case.dataset, case.model
    days = frame[dataset.column_with("time")].to_numpy().astype("datetime64[D]")
    amounts = frame[dataset.column_with("target")].to_numpy(dtype=np.float64)
    price = None if model.price is None else frame[model.price].to_numpy(dtype=np.float64)
    if model.measure == "revenue" and price is not None:
        amounts = amounts * np.where(np.isnan(price), 0.0, price)
    keeps = np.ones(len(frame), dtype=bool)
    left_out: dict[str, int] = {}
    for reason, leaves in _reasons(frame, case, days >= np.datetime64(slot_day, "D"), amounts, price):
        now = keeps & leaves
        if now.any():
            left_out[reason] = int(now.sum())
        keeps &= ~leaves
    return Counted(frame[keeps], days[keeps], amounts[keeps], left_out)


def _reasons(
    frame: pd.DataFrame,
    case: ForecastCase,
    unfinished: NDArray[np.bool_],
    amounts: NDArray[np.float64],
    price: NDArray[np.float64] | None,
) -> list[tuple[str, NDArray[Any]]]:
    """In the order in which they are told."""
    lines = case.model.lines
    quantity = frame[case.dataset.column_with("target")].to_numpy(dtype=np.float64)
    reasons: list[tuple[str, NDArray[Any]]] = [(UNFINISHED, unfinished)]
    if lines.cancelled is not None:
        reasons.append(("cancelled", frame[lines.cancelled].to_numpy(dtype=np.float64) == 1.0))
    if lines.returns == "leave out":
        reasons.append(("returned: a negative amount", (quantity < 0) | (amounts < 0)))
    if lines.free == "leave out" and price is not None:
        reasons.append(("free: a price of zero, or none", ~(price != 0) | np.isnan(price)))
    if lines.nobody == "leave out" and lines.customer is not None:
        reasons.append(("nobody: no customer", frame[lines.customer].isna().to_numpy()))
    return reasons
