"""Which version can take part beside a champion."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.store.records import Days, Input, Version


def unfit(champion: Version, other: Version) -> str | None:
    """Why ``other`` cannot answer rows that were read by the champion's schema; None where it can.

    Requests go on being read by what the champion takes, so ``other`` must take every row that the champion does.
    """
    if type(champion) is not type(other):
        return f"{champion.model} {other.version}: it was made for another task than {champion.version}"
    taken = {item.name: item for item in champion.inputs}
    for item in other.inputs:
        reason = _unfit(taken.get(item.name), item)
        if reason:
            return f"{champion.model} {other.version}: {reason}; requests are read by what {champion.version} takes"
    return None


def _unfit(taken: Input | None, item: Input) -> str | None:
    if taken is None:
        return f"it needs {item.name!r}, which no request brings"
    if taken.type != item.type:
        return f"it takes {item.name!r} as {item.type}, not as {taken.type}"
    if taken.nullable and not item.nullable:
        return f"it takes no empty {item.name!r}"
    if taken.days is not None and item.days is not None and not _meet(taken.days, item.days):
        return f"it forecasts none of the days by {item.name!r} that can be asked for, or not in the same steps"
    if _low(item) > _low(taken) or _high(item) < _high(taken):
        return f"it takes {item.name!r} from {_low(item):.15g} to {_high(item):.15g} alone"
    return None


def _meet(taken: Days, days: Days) -> bool:
    """Whether there are days, or weeks, that both forecast: the rows of these can be answered by either."""
    apart = date.fromisoformat(taken.first).toordinal() - date.fromisoformat(days.first).toordinal()
    overlap = max(taken.first, days.first) <= min(taken.last, days.last)
    return overlap and taken.step == days.step and apart % days.step == 0


def _low(item: Input) -> float:
    return -math.inf if item.min is None else item.min


def _high(item: Input) -> float:
    return math.inf if item.max is None else item.max
