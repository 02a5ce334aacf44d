"""What the demo company sells: five years of order lines whose demand is known, made up by a seeded generator.

The mean demand of a product in a country on a day is

    size * share of the country * trend * season of the year * weekday * eve of a holiday * promotion

while it is on sale, and nothing on Sundays and public holidays. Lines are Poisson around it, with one to some pieces
each; now and then one is a bulk order, or cancelled, free, without a customer, or returned some days later.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.training.forecast.days import public_holidays

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

LAST = date(2026, 11, 22)
DAYS = 5 * 365
COUNTRIES = {"Ireland": 0.12, "Portugal": 0.08, "Spain": 0.2, "United Kingdom": 0.6}
CODES = {"Ireland": "IE", "Portugal": "PT", "Spain": "ES", "United Kingdom": "GB"}
WEEK = np.array([1.15, 1.0, 0.95, 1.0, 1.25, 0.65, 0.0])
EVE = 1.4
"""So much more is sold on the day before a holiday."""
PIECES = 3.0
"""The mean of a line."""
BULK, BULK_TIMES = 0.001, 15
CANCELLED, FREE, NOBODY, RETURNED = 0.01, 0.003, 0.2, 0.02
SEED = 20_261_122
TABLE = "order_lines"
COLUMNS = {
    "line_id": "INTEGER PRIMARY KEY",
    "ordered_at": "TIMESTAMP NOT NULL",
    "product": "VARCHAR(40) NOT NULL",
    "country": "VARCHAR(40) NOT NULL",
    "customer": "VARCHAR(40)",
    "quantity": "INTEGER NOT NULL",
    "unit_price": "DOUBLE NOT NULL",
    "promotion": "BOOLEAN NOT NULL",
    "cancelled": "BOOLEAN NOT NULL",
}


@dataclass(frozen=True)
class Product:
    """One article, and how it sells."""

    name: str
    price: float
    size: float
    """Pieces on a usual day, in all countries."""
    growth: float = 0.0
    """Per year."""
    summer: float = 0.0
    """So much more is sold in July than on average, and less in January."""
    christmas: float = 0.0
    """So many times more at its height."""
    first: int = 0
    """The day on which it is first sold."""
    end: int = DAYS
    promotions: int = 4
    """A year."""


PRODUCTS = (
    Product("candle", 4.5, 26, 0.05, -0.3, 1.2), Product("mug", 7.9, 22, 0.03, 0.0, 0.6),
    Product("tea towel", 6.5, 18, -0.04), Product("lantern", 19.0, 9, 0.1, 0.4, 0.5),
    Product("garden light", 24.0, 7, 0.08, 0.7), Product("picnic basket", 39.0, 4, 0.0, 0.8),
    Product("advent calendar", 12.0, 6, 0.06, 0.0, 4.0), Product("wrapping paper", 3.2, 14, 0.0, 0.0, 2.5),
    Product("notebook", 5.5, 16, 0.07), Product("pencil case", 8.5, 8, 0.02, 0.3), Product("doormat", 22.0, 3, 0.04),
    Product("clock", 34.0, 2.2, 0.0, 0.0, 0.8), Product("teapot", 28.0, 3.5, -0.06, -0.2, 0.7),
    Product("cushion", 17.0, 6, 0.05), Product("blanket", 45.0, 2.4, 0.05, -0.6, 0.6), Product("vase", 26.0, 2.0),
    Product("apron", 15.0, 3.0, 0.1, first=700), Product("lunch box", 11.0, 7.0, 0.15, 0.2, first=1_100),
    Product("water bottle", 14.0, 9.0, 0.2, 0.4, first=1_400), Product("photo frame", 13.0, 5.0, -0.1, end=1_300),
    Product("radio", 59.0, 0.5), Product("grandfather clock", 420.0, 0.03, promotions=0),
    Product("door bell", 31.0, 0.25, promotions=1), Product("bird house", 21.0, 1.2, 0.0, 0.9),
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """Everything that is known of the demand."""

    dates: tuple[date, ...]
    expected: NDArray[np.float64]
    """The mean of what is sold, not cancelled and not free, shape (products, countries, days)."""
    promoted: NDArray[np.bool_]
    """Shape (products, days)."""
    prices: NDArray[np.float64]
    """Shape (products, days)."""


@cache
def world() -> World:
    """The demand. The same each time."""
    random = np.random.default_rng(SEED)
    dates = tuple(LAST - timedelta(days=back) for back in range(DAYS - 1, -1, -1))
    promoted = np.stack([_promoted(product, random) for product in PRODUCTS])
    discounts = random.choice([0.1, 0.15, 0.2, 0.25], len(PRODUCTS))[:, None]
    prices = np.array([product.price for product in PRODUCTS])[:, None] * np.where(promoted, 1 - discounts, 1.0)
    uplift = np.where(promoted, 1 + 5 * discounts, 1.0)
    daily = np.stack([_mean(product, dates) for product in PRODUCTS]) * uplift
    shares = np.stack([share * _open(CODES[name], dates) for name, share in COUNTRIES.items()])
    sold = (1 - CANCELLED) * (1 - FREE) * (1 + BULK * (BULK_TIMES - 1))
    return World(dates, daily[:, None] * shares[None] * sold, promoted, prices.round(2))


def _mean(product: Product, dates: tuple[date, ...]) -> NDArray[np.float64]:
    """Before promotions, in all countries together, on open days."""
    day = np.arange(DAYS)
    of_year = np.array([one.timetuple().tm_yday for one in dates])
    before_christmas = np.array([(date(one.year, 12, 20) - one).days for one in dates])
    season = 1 - product.summer * np.cos(2 * np.pi * (of_year - 15) / 365.25)
    season += product.christmas * np.exp(-((before_christmas / 16.0) ** 2))
    trend = (1 + product.growth) ** ((day - DAYS) / 365)
    on_sale = (day >= product.first) & (day < product.end)
    weekday = WEEK[[one.weekday() for one in dates]]
    found: NDArray[np.float64] = product.size * trend * np.maximum(season, 0.05) * weekday * on_sale
    return found


def _open(code: str, dates: tuple[date, ...]) -> NDArray[np.float64]:
    holidays = public_holidays(code, dates[0].year, dates[-1].year)
    eve = np.array([EVE if one + timedelta(days=1) in holidays else 1.0 for one in dates])
    found: NDArray[np.float64] = np.array([one not in holidays for one in dates]) * eve
    return found


def _promoted(product: Product, random: np.random.Generator) -> NDArray[np.bool_]:
    found = np.zeros(DAYS, dtype=bool)
    for start in random.choice(DAYS, product.promotions * DAYS // 365, replace=False):
        found[start : start + int(random.integers(7, 15))] = True
    return found


def order_lines() -> Iterator[tuple[Any, ...]]:
    """The rows of the table, oldest first, as COLUMNS says."""
    known, random = world(), np.random.default_rng(SEED + 1)
    lines = random.poisson(known.expected / PIECES)
    product, country, day = (np.repeat(places, lines.ravel()) for places in map(np.ravel, np.indices(lines.shape)))
    count = len(day)
    quantity = 1 + random.poisson(PIECES - 1, count)
    quantity = np.where(random.random(count) < BULK, quantity * BULK_TIMES, quantity)
    returned = np.flatnonzero(random.random(count) < RETURNED)
    late = day[returned] + random.integers(2, 15, len(returned))
    kept = late < DAYS
    returned, late = returned[kept], late[kept]
    product, country = np.concatenate([product, product[returned]]), np.concatenate([country, country[returned]])
    quantity, day = np.concatenate([quantity, -quantity[returned]]), np.concatenate([day, late])
    count = len(day)
    seconds = 8 * 3600 + random.integers(0, 10 * 3600, count)
    order = np.lexsort((seconds, day))
    price = np.where(random.random(count) < FREE, 0.0, known.prices[product, day])
    cancelled, nobody = random.random(count) < CANCELLED, random.random(count) < NOBODY
    customer, promoted = random.integers(1, 900, count), known.promoted[product, day]
    midnights = [datetime(one.year, one.month, one.day) for one in known.dates]  # noqa: DTZ001 - the shop's own clock
    names = list(COUNTRIES)
    for number, row in enumerate(order.tolist(), start=1):
        yield (
            number,
            str(midnights[day[row]] + timedelta(seconds=int(seconds[row]))),
            PRODUCTS[product[row]].name,
            names[country[row]],
            None if nobody[row] else f"C{customer[row]:04d}",
            int(quantity[row]),
            float(price[row]),
            int(promoted[row]),
            int(cancelled[row]),
        )


def found_sales(database: Path) -> int:
    """Make the table unless it is there; the number of lines in it."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database)) as connection, connection:
        there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLE,)).fetchone()
        if not there:
            columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            connection.execute("BEGIN")  # one transaction: the table is there with all its rows, or not at all
            connection.execute(f"CREATE TABLE {TABLE} ({columns})")
            places = ", ".join("?" * len(COLUMNS))
            connection.executemany(f"INSERT INTO {TABLE} VALUES ({places})", order_lines())  # noqa: S608
        count: int = connection.execute(f"SELECT COUNT(*) FROM {TABLE}").fetchone()[0]  # noqa: S608
    return count
