"""Which values a column may take: bounds with slack, and levels where there can be no others."""

from __future__ import annotations

import calendar
import math
from typing import TYPE_CHECKING

from local.propose.kinds import is_number
from local.propose.signs import words

if TYPE_CHECKING:
    from local.propose.kinds import Profile
    from shared.catalog.spec import ColumnType

CALENDAR = {"month": (1, 12), "day": (1, 31), "hour": (0, 23), "weekday": (0, 7)}
MONTHS = [name.lower() for name in calendar.month_name if name]
WEEKDAYS = [name.lower() for name in calendar.day_name]
WORKDAYS = WEEKDAYS[:5]
SOME = 3
"""So many months or weekdays show that the others may come."""
PAIRS = (("no", "yes"), ("n", "y"), ("false", "true"))


def bounds(profile: Profile, kind: ColumnType) -> tuple[float, float]:
    """The range that was seen with as much again on both sides, rounded outward; it does not change sign."""
    numbers = [float(value) for value in profile.counts if is_number(value)]
    least, most = min(numbers), max(numbers)
    for name, (first, last) in CALENDAR.items():
        if name in words(profile.name) and kind == "integer" and first <= least <= most <= last:
            return first, last
    span = (most - least) or abs(most) or 1.0
    low = 0.0 if 0 <= least <= span else _outward(least - span, -1)
    high = 0.0 if -span <= most <= 0 else _outward(most + span, 1)
    return (int(low), int(high)) if kind == "integer" else (low, high)


def _outward(value: float, sign: int) -> float:
    """Two digits are kept."""
    if not value:
        return 0.0
    exponent = math.floor(math.log10(abs(value))) - 1
    digits = math.ceil(round(sign * value / 10.0**exponent, 6)) * sign
    return round(digits * 10.0**exponent, max(0, -exponent))


def closed_levels(profile: Profile) -> tuple[str, ...] | None:
    """All months, weekdays, or yes and no, written as the column writes them; None where other values may come."""
    seen = set(profile.counts)
    for write in (str.lower, str.title, str.upper):
        for pair in PAIRS:
            if seen == set(map(write, pair)):
                return tuple(map(write, pair))
        for names in (MONTHS, WORKDAYS, WEEKDAYS):
            for length in (3, None):
                levels = tuple(write(name[:length]) for name in names)
                if len(seen) >= SOME and seen <= set(levels):
                    return levels
    return None
