"""What a forecast's catalog file must mean beyond having the right types; see ``shared.catalog.check``."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from shared.catalog.forecast import TOTAL
from shared.catalog.spec import NUMERIC_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.catalog.forecast import Calendar, Forecast
    from shared.catalog.spec import Column, Dataset

AHEAD_TYPES = NUMERIC_TYPES | {"boolean"}
"""Of what is known ahead."""
ASKED = frozenset({"date", "horizon", "id"})
"""What every request may hold."""
YEARLY = re.compile(r"\d\d-\d\d\Z")
COUNTRY = re.compile(r"[A-Z]{2}\Z")
LEAP_YEAR = "2024-"


def forecast_faults(dataset: Dataset, model: Forecast) -> Iterator[str]:
    """Whether the columns are there that the model names, and what it makes of them can be made."""
    for name, column in dataset.columns.items():
        if name in ASKED and (column.role in {"series", "feature"}):
            yield f"dataset.columns.{name}: a request for a forecast has a {name} of its own; expected another name"
        if column.role == "target" and column.type not in NUMERIC_TYPES:
            yield f"dataset.columns.{name}.type: what is summed is a number, not {column.type!r}"
        if column.role == "feature" and column.type not in AHEAD_TYPES:
            yield (
                f"dataset.columns.{name}.role: a feature is known ahead of each day, a number or true or false; a "
                f"{column.type} column is 'series', 'line' or 'unused'"
            )
        if column.calendar:
            yield f"dataset.columns.{name}.calendar: a forecast knows the calendar of its days by itself"
    yield from _series_faults(dataset, model)
    if model.measure == "revenue" and model.price is None:
        yield "model.price: revenue is the target times a price; expected the price's column"
    yield from _named(dataset, "model.price", model.price, NUMERIC_TYPES)
    yield from _named(dataset, "model.lines.cancelled", model.lines.cancelled, {"boolean"})
    yield from _named(dataset, "model.lines.customer", model.lines.customer, None)
    yield from calendar_faults(model.calendar)


def _series_faults(dataset: Dataset, model: Forecast) -> Iterator[str]:
    declared = [name for name, column in dataset.columns.items() if column.role == "series"]
    for name in model.by:
        if name not in declared:
            yield f"model.by: expected columns with role 'series' ({', '.join(declared) or 'none is'}), got {name!r}"
        if name == TOTAL:
            yield f"model.by: a column named {TOTAL!r} cannot be told from the level of that name"
    for name in declared:
        if name not in model.by:
            yield f"model.by: leaves out {name!r}, which has the role 'series'; expected it here, or the role 'unused'"
    if len(set(model.by)) < len(model.by):
        yield "model.by: names a column twice"


def _named(dataset: Dataset, path: str, name: str | None, types: set[str] | frozenset[str] | None) -> Iterator[str]:
    """Whether a column that is named is there, and is one of these types."""
    if name is None:
        return
    column: Column | None = dataset.columns.get(name)
    if column is None or not column.is_used:
        yield f"{path}: expected a column that is declared and used, got {name!r}"
    elif types is not None and column.type not in types:
        yield f"{path}: expected a column of type {', '.join(sorted(types))}, got {name!r}, a {column.type}"


def calendar_faults(calendar: Calendar) -> Iterator[str]:
    """Whether the days are days, and the countries look like codes; training says where one has no known holidays."""
    for path, code in (
        ("country", calendar.country),
        *((f"countries.{name}", code) for name, code in calendar.countries.items()),
    ):
        if code is not None and not COUNTRY.match(code):
            yield f"model.calendar.{path}: expected the two letters of a country's ISO code, like 'GB', got {code!r}"
    for day in calendar.closed:
        try:
            date.fromisoformat(LEAP_YEAR + day if YEARLY.match(day) else day)
        except ValueError:
            yield f"model.calendar.closed: expected days like '2026-12-25' or '12-25', got {day!r}"
    if len(set(calendar.closed_weekdays)) == len(("mon", "tue", "wed", "thu", "fri", "sat", "sun")):
        yield "model.calendar.closed_weekdays: names all days of the week; nothing could ever be sold"
