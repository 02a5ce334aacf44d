"""Which order lines count, and what they add up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from shared.errors import DropError
from shared.training.forecast.lines import UNFINISHED
from tests.forecast_world import CATALOG, Line, Shop, level, lines, sums

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PLAIN = Line(MONDAY, quantity=3)
WEEK = [replace(PLAIN, at=MONDAY + timedelta(days=day)) for day in range(14)]


def test_lines_are_summed_by_day_in_all_and_by_each_column() -> None:
    sales = sums([PLAIN, replace(PLAIN, quantity=4, country="FR"), replace(PLAIN, quantity=5, product="brush")])
    assert level(sales, "total").sold[0].tolist() == [12.0]
    assert level(sales, "product").names == ("apple", "brush")
    assert level(sales, "product").sold[:2, 0].tolist() == [7.0, 5.0]
    assert level(sales, "country").names == ("FR", "GB")
    assert level(sales, "country").sold[:2, 0].tolist() == [4.0, 8.0]


def test_what_does_not_count_is_left_out_for_its_first_reason_and_counted() -> None:
    sold = [
        PLAIN, replace(PLAIN, cancelled=True, quantity=-3), replace(PLAIN, quantity=-1), replace(PLAIN, price=0.0),
        replace(PLAIN, price=None), replace(PLAIN, customer=None),
    ]  # fmt: skip
    sales = sums(sold)
    assert level(sales, "total").sold[0].tolist() == [6.0]
    assert sales.lines.left_out == {
        "cancelled": 1, "returned: a negative amount": 1, "free: a price of zero, or none": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "total"),
    [
        ('customer = "customer"', 'customer = "customer"\nnobody = "leave out"', 6.0),
        ('customer = "customer"', 'returns = "count"', 8.0),
        ('customer = "customer"', 'free = "count"', 13.0),
        ('measure = "units"', 'measure = "revenue"', 18.0),
    ],
)
def test_the_catalog_says_what_counts(old: str, new: str, total: float) -> None:
    sold = [
        replace(PLAIN, at=MONDAY, quantity=6), replace(PLAIN, quantity=3, customer=None),
        replace(PLAIN, quantity=-1), replace(PLAIN, quantity=4, price=0.0),
    ]  # fmt: skip
    assert level(sums(sold, CATALOG.replace(old, new)), "total").sold[0].tolist() == [total]


def test_a_day_on_which_more_came_back_than_was_sold_is_negative_where_returns_count() -> None:
    catalog = CATALOG.replace('customer = "customer"', 'returns = "count"')
    back = replace(PLAIN, at=MONDAY + timedelta(days=1), quantity=-7)
    assert level(sums([PLAIN, back], catalog), "total").sold[0].tolist() == [3.0, -7.0]


def test_the_day_of_the_slot_is_not_over_so_its_lines_wait_for_the_next_drop() -> None:
    at_noon = [*WEEK, replace(PLAIN, at=MONDAY + timedelta(days=14, hours=3))]
    sales = sums(at_noon, slot_day=date(2026, 11, 16))
    assert sales.lines.left_out == {UNFINISHED: 1}
    assert sales.days.date_of(sales.days.count - 1) == date(2026, 11, 15)


def test_an_infinite_price_goes_to_quarantine_with_the_reason() -> None:
    shop = Shop()
    shop.drop([*lines(40), replace(PLAIN, price="inf")])
    (quarantined,) = [name for name in shop.blobs.blobs if name.startswith("quarantine/")]
    assert b"unit_price: expected a number at least 0, got 'inf'" in shop.blobs.blobs[quarantined]


def test_where_no_line_counts_the_drop_is_refused_with_the_reasons() -> None:
    with pytest.raises(DropError, match=r"no line of the drop counts.*\(2 cancelled\); see model.lines"):
        sums([replace(PLAIN, cancelled=True)] * 2)


def test_the_day_that_has_23_hours_and_the_one_that_has_25_count_once_each() -> None:
    turns = [datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]
    sold = [replace(PLAIN, at=turn + timedelta(hours=hours)) for turn in turns for hours in range(-20, 30, 2)]
    found = level(sums(sold), "total").sold[0]
    assert np.nansum(found) == 3 * len(sold)
    assert len(found) == (date(2026, 10, 26) - date(2026, 3, 28)).days + 1
