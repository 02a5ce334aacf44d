"""What the database has against what the catalog says, before a row is read."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from shared.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.catalog.spec import Column, Dataset

TITLES: dict[type, str] = {
    int: "integer",
    float: "floating point",
    Decimal: "decimal",
    bool: "boolean",
    str: "text",
    date: "date",
    datetime: "timestamp",
    time: "time of day",
    bytes: "binary",
    bytearray: "binary",
    UUID: "UUID",
}
"""How messages call what a driver announces."""
NUMBERS = frozenset({int, Decimal, float})
ACCEPTED: dict[str, frozenset[type]] = {
    "integer": frozenset({int, Decimal}),
    "number": NUMBERS,
    "decimal": NUMBERS,
    "boolean": frozenset({bool, int}),
    "date": frozenset({date, datetime}),
    "timestamp": frozenset({date, datetime}),
}
"""By catalog type; text and categories take anything, as text."""
KEPT_AS_TEXT = frozenset({"decimal", "date", "timestamp"})
"""Types that a loosely typed database does not have: it keeps them as text, or decimals as numbers."""


def check_columns(dataset: Dataset, found: Mapping[str, type | None], *, loosely_typed: bool) -> list[str]:
    """Notes on what is there and not exported. Raises SourceError naming every column that is missing or retyped.

    ``found`` maps each column of the database to the type that its driver announces, None where it has none.
    """
    missing = [name for name in dataset.used_columns() if name not in found]
    if missing:
        msg = (
            f"dataset {dataset.name!r}: the database has no column {', '.join(map(repr, missing))}; "
            f"it has {', '.join(map(repr, found))}. Rename in the catalog, or declare the column's role 'unused'"
        )
        raise SourceError(msg)
    faults = list(_retyped(dataset, found, loosely_typed=loosely_typed))
    if faults:
        msg = f"dataset {dataset.name!r}: " + "; ".join(faults)
        raise SourceError(msg)
    return [
        f"column {name!r} is in the database and not in the catalog: it is not exported"
        for name in found
        if name not in dataset.columns
    ]


def _retyped(dataset: Dataset, found: Mapping[str, type | None], *, loosely_typed: bool) -> Iterator[str]:
    for name, column in dataset.used_columns().items():
        kind = found[name]
        if kind is not None and not _fits(column, kind, loosely_typed=loosely_typed):
            title = TITLES.get(kind, kind.__name__)
            yield (
                f"column {name!r}: the catalog says {column.type}, the database has {title}. Correct the type in the "
                f"catalog, or give the dataset a query that casts the column"
            )


def _fits(column: Column, kind: type, *, loosely_typed: bool) -> bool:
    accepted = ACCEPTED.get(column.type)
    if accepted is None or kind in accepted:
        return True
    if not loosely_typed:
        return False
    return (kind is str and column.type in KEPT_AS_TEXT) or (kind is float and column.type == "integer")
