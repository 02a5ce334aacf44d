"""What a catalog file says of a forecast. ``shared/catalog/sales.toml`` is the commented example."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.catalog.spec import Model, Training, UseCase

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Treatment = Literal["count", "leave out"]
TOTAL = "total"
"""The level of the one series that sums everything."""


class Lines(Struct, frozen=True, forbid_unknown_fields=True):
    """Which order lines count. What is left out is counted on the card."""

    cancelled: str | None = None
    """A boolean column: lines in which it is true are left out."""
    returns: Treatment = "leave out"
    """Lines with a negative amount; counted, they take away from the day on which they came back."""
    free: Treatment = "leave out"
    """Lines with a price of zero."""
    customer: str | None = None
    """The column that says who bought."""
    nobody: Treatment = "count"
    """Lines in which it is empty."""


class Calendar(Struct, frozen=True, forbid_unknown_fields=True):
    """The days that are not like others, which are known ahead."""

    country: str | None = None
    """The ISO code of the country whose public holidays count, as the package ``holidays`` spells it."""
    countries: dict[str, str] = {}
    """Values of a series column to the codes of their own countries, whose holidays count for those series."""
    closed_weekdays: tuple[Weekday, ...] = ()
    """Nothing is sold on these: they are forecast as zero."""
    closed: tuple[str, ...] = ()
    """Days on which nothing is sold: ``2026-12-25``, or ``12-25`` for every year."""


class Forecast(Model, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What will be sold, day by day."""

    task: Literal["forecast"]
    measure: Literal["units", "revenue"] = "units"
    """What is summed: the target, or the target times the price."""
    price: str | None = None
    """The column of the price of one unit."""
    by: tuple[str, ...] = ()
    """Columns with the role ``series``: the forecast is made for each of their values, and for the total."""
    most_series: Annotated[int, Meta(ge=1, le=100_000)] = 30_000
    """Of each level, those that sold most lately; the others are forecast as one."""
    frequency: Literal["day", "week"] = "day"
    horizon: Annotated[int, Meta(ge=1, le=366)] = 28
    """How many days, or weeks, ahead."""
    lines: Lines = Lines()
    calendar: Calendar = Calendar()


class ForecastTraining(Training, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How forecasts are made."""

    choosing: Annotated[int, Meta(ge=1, le=12)] = 3
    """Origins, one horizon apart, by which what serves is chosen."""
    judging: Annotated[int, Meta(ge=1, le=12)] = 4
    """As many newer ones that judge what was chosen."""
    seconds: Annotated[float, Meta(gt=0)] = 1_200.0
    memory_mb: Annotated[int, Meta(ge=400)] = 3_000


class ForecastGate(Struct, frozen=True, forbid_unknown_fields=True):
    """When a new forecast may replace the one that serves."""

    confidence: Annotated[float, Meta(gt=0.5, lt=1)] = 0.9
    """Of the paired interval of the difference in error, over series and origins."""
    margin: Annotated[float, Meta(ge=0, le=0.5)] = 0.05
    """A version is no worse where the interval reaches no further than so much of the champion's error above it."""


class ForecastCase(UseCase, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file whose model forecasts."""

    model: Forecast
    training: ForecastTraining = ForecastTraining()
    gate: ForecastGate = ForecastGate()
