"""From the rows of a request, each of one series, to rows of one day each."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec

from shared.scoring.rows import MOST_FAULTS, Fault, Rows, cut
from shared.store.records import Days, Input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shared.store.forecasts import Forecaster

    type Columns = Mapping[str, Sequence[Any]]
    """Values by name, None where they are empty; a name that is absent is empty throughout."""
    type Where = Callable[[int, str], tuple[str, int]]
    """From the place of a row, and a name, to the path that a fault tells, and the row's number in the request."""

DATE, HORIZON = "date", "horizon"
PIECE_ROWS = 4096
"""Rows of one day each that are made at once, or those of one row: a short request may ask for very many."""


def asked(version: Forecaster) -> Forecaster:
    """The version with the inputs that a request may send: the horizon, too, instead of a date."""
    horizon = Input(
        name=HORIZON,
        type="integer",
        nullable=True,
        min=1,
        max=version.horizon,
        description=f"The first so many {version.frequency}s, instead of a date; left out, all {version.horizon}.",
    )
    return msgspec.structs.replace(version, inputs=(*version.inputs, horizon))


def days_of(version: Forecaster) -> Days:
    """What a request may ask for. Raises ValueError where the record does not say, or contradicts itself."""
    days = next((item.days for item in version.inputs if item.name == DATE and item.type == "day"), None)
    if days is None:
        msg = f"expected an input {DATE!r} that says its days"
        raise ValueError(msg)
    last = date.fromisoformat(days.first) + timedelta(days=days.step * version.horizon - 1)
    if date.fromisoformat(days.last) != last:
        msg = f"{DATE}: {version.horizon} {version.frequency}s from {days.first} on end on {last}, not on {days.last}"
        raise ValueError(msg)
    return days


class Expander:
    """Checks the rows of one version's requests beyond their types, and lays them out day by day."""

    def __init__(self, version: Forecaster) -> None:
        """Raises ValueError as ``days_of`` does."""
        days = days_of(version)
        self.first, self.last = date.fromisoformat(days.first), date.fromisoformat(days.last)
        self._dates = tuple(self.first + timedelta(days=days.step * ahead) for ahead in range(version.horizon))
        self._by = version.by
        self._finest = repr(version.by[0]) if version.by else "a series"
        self._names = [item.name for item in version.inputs if item.name != DATE]
        self._features = [name for name in self._names if name not in version.by]

    def faults(self, columns: Columns, count: int, where: Where) -> list[Fault]:
        """What does not go with the other values of its row, or with the days; by row.

        A value of the wrong type counts as one that was sent, no more.
        """
        found: list[Fault] = []
        if self._is_plain(columns):
            return found
        for place in range(count):
            row = {name: values[place] for name, values in columns.items() if values[place] is not None}
            for name, expected, got in self._wrong(row):
                path, number = where(place, name)
                found.append(Fault(path, expected, got, number, name))
            if len(found) >= MOST_FAULTS:
                break
        return found

    def days(self, rows: Rows, first: int) -> Iterator[Rows]:
        """Rows without faults, each once for each of its days, in pieces; the first of them is number ``first``."""
        dates, horizons, whole = rows.columns[DATE], rows.columns[HORIZON], len(self._dates)
        counts = [(ahead or whole) if one is None else 1 for one, ahead in zip(dates, horizons, strict=True)]
        ends = list(accumulate(counts))
        start = done = 0
        while start < rows.count:
            stop = max(bisect_right(ends, done + PIECE_ROWS), start + 1)
            yield self._piece(rows, counts, slice(start, stop), first + done)
            start, done = stop, ends[stop - 1]

    def _piece(self, rows: Rows, counts: Sequence[int], part: slice, first: int) -> Rows:
        counted = counts[part]
        columns = {name: _repeated(rows.columns[name][part], counted) for name in self._names}
        columns[DATE] = [
            day
            for one, count in zip(rows.columns[DATE][part], counted, strict=True)
            for day in (self._dates[:count] if one is None else (one,))
        ]
        return Rows(len(columns[DATE]), columns, _repeated(rows.keys[part], counted), first)

    def _is_plain(self, columns: Columns) -> bool:
        """Whether a look at the columns shows that no row has a fault, as of most requests."""
        sent = {name for name, values in columns.items() if values.count(None) < len(values)}
        if len(sent.intersection(self._by)) > 1 or {DATE, HORIZON} <= sent:
            return False
        if sent.intersection(self._features) and (not self._by or None in columns.get(self._by[0], (None,))):
            return False
        days = columns[DATE] if DATE in sent else ()
        return all(day is None or (isinstance(day, date) and self.first <= day <= self.last) for day in days)

    def _wrong(self, row: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """Name, what was expected and what came; of a row without its empty values."""
        given = [name for name in self._by if name in row]
        for name in given[1:]:
            expected = f"nothing beside {given[0]!r}: one of {', '.join(self._by)}, or none of them for the total"
            yield name, expected, _shown(row[name])
        for name in self._features:
            if name in row and (not self._by or self._by[0] not in row):
                expected = f"nothing without {self._finest}: what is planned is planned for one of those"
                yield name, expected, _shown(row[name])
        day = row.get(DATE)
        if isinstance(day, date) and not self.first <= day <= self.last:
            word = "is past" if day < self.first else "is further ahead than is forecast"
            yield DATE, f"a date from {self.first} to {self.last}", f"{day}, which {word}"
        if DATE in row and HORIZON in row:
            yield HORIZON, "nothing beside a date: one of both, or neither for all days", _shown(row[HORIZON])


def _shown(value: Any) -> str:
    """As JSON writes it, or as who read it says."""
    shown: str | None = getattr(value, "shown", None)
    return cut(msgspec.json.encode(value).decode()) if shown is None else shown


def _repeated(values: Sequence[Any], counts: Sequence[int]) -> list[Any]:
    return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
