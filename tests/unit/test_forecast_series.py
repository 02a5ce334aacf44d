"""Series that begin, end or pause, told apart from days without a sale."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from shared.catalog.forecast import Calendar
from shared.errors import CatalogError
from shared.training.forecast.days import FLAGS, Days, public_holidays
from shared.training.forecast.series import ENDED_DAYS
from tests.forecast_world import CATALOG, Line, level, sums

FIRST = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
DAILY = [Line(FIRST + timedelta(days=day)) for day in range(300)]


def on(*days: int, product: str = "drill", quantity: int = 1) -> list[Line]:
    return [Line(FIRST + timedelta(days=day), product, quantity=quantity) for day in days]


def series(name: str, *sold: Line) -> list[float]:
    products = level(sums([*DAILY, *sold]), "product")
    return [float(value) for value in products.sold[products.names.index(name)]]


def test_before_its_first_sale_a_series_is_not_on_sale_and_after_it_a_day_without_one_is_zero() -> None:
    found = series("drill", *on(40, 44))
    assert np.isnan(found[:40]).all()
    assert found[40:46] == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def test_after_so_many_days_without_a_sale_a_series_is_off_sale_until_it_sells_again() -> None:
    found = np.array(series("drill", *on(0, 200, 299)))
    assert (found[1:ENDED_DAYS] == 0).all()
    assert np.isnan(found[ENDED_DAYS:200]).all()
    assert found[200] == 1.0


def test_a_product_that_has_ended_is_known_and_off_sale() -> None:
    products = level(sums([*DAILY, *on(0, 5, 7)]), "product")
    assert products.ended.tolist() == [False, True, False]


def test_two_weeks_without_any_line_are_a_gap_and_a_long_weekend_is_none() -> None:
    sold = [line for place, line in enumerate(DAILY) if not 100 <= place < 114 and place % 7 != 3 and place != 202]
    sales = sums(sold)
    assert sales.gaps == ((date(2026, 4, 11), date(2026, 4, 24)),)
    total = level(sales, "total").sold[0]
    assert np.isnan(total[100:114]).all()
    assert total[202:204].tolist() == [0.0, 1.0]


def test_series_that_sell_least_are_one_average_and_its_sum_is_theirs() -> None:
    catalog = CATALOG.replace("horizon = 14", "horizon = 14\nmost_series = 1")
    products = level(sums([*DAILY, *on(290, product="brush"), *on(290, quantity=5)], catalog), "product")
    assert products.names == ("apple",)
    assert products.rest == 2
    assert products.sold[1, 290] == 3.0
    assert np.nansum(products.sold[1]) * products.rest == 6.0


def test_what_is_known_ahead_stays_as_it_was_and_a_promotion_ends() -> None:
    dear, cheap = replace(DAILY[0], product="drill", price=9.0), replace(DAILY[3], product="drill", price=7.0)
    sales = sums([*DAILY, dear, replace(cheap, promotion=True)])
    products = level(sales, "product")
    price, promotion = products.ahead[products.names.index("drill")].T
    assert price[:5].tolist() == [9.0, 9.0, 9.0, 7.0, 7.0]
    assert promotion[:5].tolist() == [0.0, 0.0, 0.0, 1.0, 0.0]


def days(calendar: Calendar, first: date = date(2028, 2, 27), step: int = 1) -> Days:
    return Days(first, 4, step, calendar)


def flag(found: np.ndarray, name: str) -> list[float]:
    return [float(value) for value in found[:, FLAGS.index(name)]]


def test_a_leap_day_is_a_day_like_others() -> None:
    found = days(Calendar(closed=("02-29", "2028-03-01"))).flags(5, None)
    assert flag(found, "day of the year") == [58.0, 59.0, 60.0, 61.0, 62.0]
    assert flag(found, "closed") == [0.0, 0.0, 1.0, 1.0, 0.0]
    assert flag(found, "weekday") == [6.0, 0.0, 1.0, 2.0, 3.0]


def test_holidays_are_those_of_the_country_with_the_days_around_them() -> None:
    found = days(Calendar(), date(2026, 12, 23)).flags(5, "GB")
    assert flag(found, "holiday")[:3] == [0.0, 0.0, 1.0]
    assert flag(found, "eve of a holiday")[:2] == [0.0, 1.0]
    assert flag(found, "day after a holiday")[3] == 1.0


def test_of_a_week_the_days_are_counted_that_are_so() -> None:
    found = days(Calendar(closed_weekdays=("sunday",)), date(2026, 12, 21), step=7).flags(2, "PT")
    assert flag(found, "closed") == [1.0, 1.0]
    assert flag(found, "holiday")[0] == 1.0


def test_a_country_without_known_holidays_is_told() -> None:
    with pytest.raises(CatalogError, match="no holidays are known of 'XX'"):
        public_holidays("XX", 2026, 2026)


def test_weeks_end_with_the_origin_so_that_the_newest_is_whole() -> None:
    sales = sums(DAILY, CATALOG.replace("horizon = 14", 'horizon = 4\nfrequency = "week"'))
    assert sales.days.count == 42
    assert sales.days.date_of(42) == date(2026, 10, 28)
    assert level(sales, "total").sold[0].tolist() == [7.0] * 42
