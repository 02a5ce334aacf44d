"""One column's texts, as the CSV holds them, into values; what does not fit is told by row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shared.catalog.spec import NUMERIC_TYPES
from shared.features import LARGEST_FLOAT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shared.catalog.spec import Column

BOOLEANS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
SHOWN_CHARACTERS = 40


def parse_column(texts: NDArray[np.object_], column: Column) -> tuple[NDArray[Any], dict[int, str]]:
    """Values of shape (n,) and, for each row that does not fit, the reason: expected what, got what.

    Numbers and booleans become float64 with NaN for empty, times datetime64[us], all else stays text with None.
    """
    empty = np.array([text is None for text in texts], dtype=bool)
    values, fits, expected = _PARSERS.get(column.type, _as_text)(texts, column)
    wrong = {int(row): f"expected {expected}, got {shown(texts[row])}" for row in np.flatnonzero(~fits & ~empty)}
    if not column.nullable:
        wrong |= {int(row): f"is empty; expected {expected}" for row in np.flatnonzero(empty)}
    return values, wrong


def shown(text: object) -> str:
    """A value as an error message shows it: quoted, and cut where it is long."""
    quoted = repr(text)
    return quoted if len(quoted) <= SHOWN_CHARACTERS else quoted[:SHOWN_CHARACTERS] + "..."


Parsed = tuple["NDArray[Any]", "NDArray[np.bool_]", str]


def _as_number(texts: NDArray[np.object_], column: Column) -> Parsed:
    # pandas would also take "0x1f", "1_000" and "inf" for numbers; a database writes none of them.
    plain = np.array([text if text and NUMBER.fullmatch(text) else None for text in texts], dtype=object)
    values = pd.to_numeric(pd.Series(plain, dtype=object), errors="coerce").to_numpy(dtype=np.float64)
    fits = np.abs(values) <= LARGEST_FLOAT  # NaN is not
    if column.type == "integer":
        fits &= np.floor(values) == values
    if column.min is not None:
        fits &= ~(values < column.min)
    if column.max is not None:
        fits &= ~(values > column.max)
    return values, fits, _number_expected(column)


def _number_expected(column: Column) -> str:
    kind = "an integer" if column.type == "integer" else "a number"
    bounds = [
        f"{word} {bound:g}" for word, bound in (("at least", column.min), ("at most", column.max)) if bound is not None
    ]
    return " ".join([kind, *(" and ".join(bounds),)]).strip()


def _as_boolean(texts: NDArray[np.object_], _: Column) -> Parsed:
    values = np.array([BOOLEANS.get((text or "").lower(), np.nan) for text in texts], dtype=np.float64)
    return values, ~np.isnan(values), "true or false"


def _as_time(texts: NDArray[np.object_], column: Column) -> Parsed:
    parsed = pd.to_datetime(pd.Series(texts, dtype=object), format="ISO8601", errors="coerce", utc=True)
    values = parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    example = "2026-11-23" if column.type == "date" else "2026-11-23T02:00:00"
    return values, ~np.isnat(values), f"a {column.type} like {example}"


def _as_text(texts: NDArray[np.object_], column: Column) -> Parsed:
    if column.levels is None:
        return texts, np.ones(len(texts), dtype=bool), "a text"
    fits = np.array([text in column.levels for text in texts], dtype=bool)
    return texts, fits, f"one of {', '.join(column.levels)}"


_PARSERS: dict[str, Callable[[NDArray[np.object_], Column], Parsed]] = {
    **dict.fromkeys(NUMERIC_TYPES, _as_number),
    "boolean": _as_boolean,
    "date": _as_time,
    "timestamp": _as_time,
}
