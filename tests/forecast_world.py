"""A small company whose demand is known: what tests of forecasting sell."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from local.memory_blobs import MemoryBlobs
from shared.catalog.load import Catalog, parse_use_case
from shared.csv_format import csv_rows
from shared.store import names
from shared.store.records import Manifest, Part
from shared.store.registry import Registry
from shared.training.forecast import trees
from shared.training.forecast.series import sales_of
from shared.training.run import train
from shared.training.table import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shared.catalog.forecast import ForecastCase
    from shared.store.forecasts import Forecaster
    from shared.store.records import RunRecord
    from shared.training.forecast.series import Level, Sales

CATALOG = """
[dataset]
name = "sales"
table = "order_lines"

[dataset.columns]
line_id = { type = "integer", role = "key" }
ordered_at = { type = "timestamp", role = "time" }
product = { type = "category", role = "series" }
country = { type = "category", role = "series" }
customer = { type = "text", role = "line", nullable = true }
quantity = { type = "integer", role = "target" }
unit_price = { type = "number", nullable = true, min = 0 }
promotion = { type = "boolean" }
cancelled = { type = "boolean", role = "line" }

[model]
name = "sales"
title = "Units sold"
task = "forecast"
measure = "units"
price = "unit_price"
by = ["product", "country"]
horizon = 14

[model.lines]
cancelled = "cancelled"
customer = "customer"

[model.calendar]
country = "GB"
closed_weekdays = ["sunday"]

[training]
choosing = 2
judging = 2
"""
HEADER = ("line_id", "ordered_at", "product", "country", "customer", "quantity", "unit_price", "promotion", "cancelled")
LAST = date(2026, 11, 22)
PRODUCTS = {"apple": 20.0, "brush": 8.0, "chair": 3.0, "drill": 0.3}
COUNTRIES = ("FR", "GB")
WEEK = (1.0, 0.8, 0.9, 1.1, 1.4, 0.7, 0.0)
PRICES = {"apple": 2.0, "brush": 5.0, "chair": 30.0, "drill": 80.0}
UPLIFT = 2.0


@dataclass(frozen=True)
class Line:
    """One order line."""

    at: datetime
    product: str = "apple"
    country: str = "GB"
    quantity: int = 1
    price: float | str | None = 2.0
    promotion: bool = False
    cancelled: bool = False
    customer: str | None = "c1"


def lines(days: int = 300, seed: int = 1, last: date = LAST) -> list[Line]:
    """What is sold on so many days: Poisson demand by weekday, twice as much while a product is promoted."""
    random = np.random.default_rng(seed)
    found = []
    for back in range(days - 1, -1, -1):
        day = last - timedelta(days=back)
        for place, (product, mean) in enumerate(PRODUCTS.items()):
            promoted = (day.toordinal() // 9 + place) % 5 == 0
            price = PRICES[product] * (0.8 if promoted else 1.0)
            for country, share in zip(COUNTRIES, (0.25, 0.75), strict=True):
                expected = mean * share * WEEK[day.weekday()] * (UPLIFT if promoted else 1.0)
                count = int(random.poisson(expected))
                if count:
                    at = datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC)
                    found.append(Line(at, product, country, count, price, promoted))
    return found


def sums(sold: Iterable[Line], catalog: str = CATALOG, slot_day: date = date(2026, 11, 23)) -> Sales:
    """The lines, read as a drop is and summed."""
    case, blobs = case_of(catalog), MemoryBlobs()
    data = csv_of(sold)
    part = Part("drop.csv", data.count(b"\n") - 1, len(data), hashlib.sha256(data).hexdigest())
    blobs.write(part.name, data)
    manifest = Manifest("sales", "20261123T020000Z", {}, (part,), part.rows, "")
    return sales_of(read_table([manifest], case.dataset, blobs).frame, case, slot_day)


def csv_of(sold: Iterable[Line]) -> bytes:
    """As a drop."""
    rows = [
        (
            number,
            line.at.strftime("%Y-%m-%dT%H:%M:%S"),
            line.product,
            line.country,
            line.customer,
            line.quantity,
            line.price,
            str(line.promotion).lower(),
            str(line.cancelled).lower(),
        )
        for number, line in enumerate(sold, 1)
    ]
    return csv_rows([HEADER]) + csv_rows(rows)


def case_of(text: str = CATALOG) -> ForecastCase:
    """The use case of a catalog file. Fails where it has faults."""
    faults: list[str] = []
    case = parse_use_case(text.encode(), "sales.toml", faults)
    assert not faults, faults
    return case  # type: ignore[return-value]


def level(sales: Sales, name: str) -> Level:
    """One level of them."""
    return next(one for one in sales.levels if one.name == name)


@dataclass
class Shop:
    """Drops and what comes of them, in memory."""

    catalog: str = CATALOG
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    now: datetime = datetime(2026, 11, 23, 2, tzinfo=UTC)

    def drop(self, sold: Sequence[Line] | bytes, name: str = "sales.csv") -> RunRecord:
        """Train on a CSV."""
        data = sold if isinstance(sold, bytes) else csv_of(sold)
        blob = names.dropped_csv("sales", name)
        self.blobs.write(blob, data)
        self.blobs.modified[blob] = self.now
        record = train(blob, Catalog((case_of(self.catalog),)), self.blobs, lambda: self.now)
        assert record is not None
        return record

    @property
    def registry(self) -> Registry:
        """Of the models."""
        return Registry(self.blobs)

    @property
    def serving(self) -> Forecaster:
        """The version that serves."""
        champion = self.registry.champion("sales")
        assert champion is not None
        return self.registry.version("sales", champion.champion.version)  # type: ignore[return-value]


@contextmanager
def small_trees() -> Iterator[None]:
    """Trees that are fitted in no time, for tests that do not ask how good they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(trees.SETTINGS, "max_iter", 10)
        patch.setattr(trees, "DAILY_ORIGINS", 40)
        yield


@cache
def trained_shop() -> Shop:
    """One drop of 300 days, trained on once per process: look, and do not touch."""
    shop = Shop()
    with small_trees():
        shop.drop(lines())
    return shop
