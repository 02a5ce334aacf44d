"""The record of a version that forecasts."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from shared.store.records import Version

Measure = Literal["units", "revenue"]
Frequency = Literal["day", "week"]
COVERAGES = (50, 80, 90)
"""Percent of the days on which what is sold lies within each interval."""
OUTPUTS = ("forecast", *(f"{side}_{coverage}" for coverage in COVERAGES for side in ("low", "high")))
"""What the graph gives for each row, in this order."""


class ForecastCandidate(Struct, frozen=True):
    """One way to forecast a level of series, or the blend of several, which serves."""

    level: str
    family: str
    settings: dict[str, Any]
    choosing_wape: float
    """Mean over the choosing origins: sum of absolute errors over sum of what was sold."""
    judging_wape: float | None = None
    """Over the newest origins, likewise."""
    weight: float | None = None
    """Its part in the blend."""


class BandRecord(Struct, frozen=True):
    """How well a part of the horizon was forecast."""

    until: int
    """The last period of it; the first one follows the band before."""
    wape: float
    naive_wape: float


class LevelRecord(Struct, frozen=True):
    """The series of one level, and how well they were forecast on the judging origins."""

    level: str
    """``total``, or the column that the series are the values of."""
    series: int
    wape: float
    naive_wape: float
    """Of the same weekday of the week before."""
    sum_wape: float
    """The same of each series' sum over the horizon: what an order is wrong by."""
    naive_sum_wape: float
    coverage: dict[str, float]
    """Share of the days within the intervals, by their percentage."""
    bias: float
    """Sum of forecasts over sum of what was sold, less one."""
    by_horizon: tuple[BandRecord, ...] = ()


class LinesRecord(Struct, frozen=True):
    """What became of the order lines."""

    counted: int
    left_out: dict[str, int] = {}
    """Reason to number of lines: cancelled, returned, free, nobody."""


class Drawn(Struct, frozen=True):
    """One period of the total: what the card draws."""

    date: str
    forecast: float
    low: float
    high: float
    """Of the interval of 80 %."""
    naive: float | None = None
    came: float | None = None
    """What was sold; None where it is still to come."""


class Forecaster(Version, frozen=True, kw_only=True, tag="forecast"):
    """A version that says what will be sold."""

    measure: Measure
    frequency: Frequency
    horizon: int
    origin: str
    """The last day that training saw; the first one that is forecast follows it."""
    by: tuple[str, ...]
    levels: tuple[LevelRecord, ...]
    candidates: tuple[ForecastCandidate, ...]
    lines: LinesRecord
    way: Literal["bottom-up", "top-down"] = "top-down"
    """How the levels were made to add up: see ``shared.training.forecast.coherence``."""
    off_sale: dict[str, int]
    """By level, series that have not sold for long: nothing is forecast of them."""
    pooled: dict[str, int]
    """By level, series that sell too little to have a forecast of their own."""
    gaps: tuple[tuple[str, str], ...] = ()
    """First and last day of stretches without any line, which count neither as sales nor as none."""
    drawn: tuple[Drawn, ...] = ()
    """The total: the judging origins, then what is forecast."""
    worst: tuple[tuple[str, str, float], ...] = ()
    """Level, series and WAPE of those that were forecast worst, among those that sell most."""
