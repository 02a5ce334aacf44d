"""From the rows of a request, each of one series, to rows of one day each."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from shared.scoring.formats.json_request import COLUMNS_BEGIN
from shared.scoring.rows import MOST_FAULTS, Fault, RequestFaulty, Rows, cut
from shared.store.records import Days, Input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shared.scoring.formats.csv_request import CsvReader
    from shared.scoring.formats.json_request import RowReader
    from shared.store.forecasts import Forecaster

    type Paths = Callable[[int, str], str]
    """From the number of a row in the request, and a name, to where it stands."""

DATE, HORIZON = "date", "horizon"


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
    """What a request may ask for. Raises ValueError where the record does not say."""
    for item in version.inputs:
        if item.days is not None:
            return item.days
    msg = f"expected an input {DATE!r} that says its days"
    raise ValueError(msg)


class Expander:
    """Checks the rows of one version's requests beyond their types, and answers each day by day."""

    def __init__(self, version: Forecaster) -> None:
        """Raises ValueError where the record does not say its days."""
        self._days = days_of(version)
        self._first, self._last = date.fromisoformat(self._days.first), date.fromisoformat(self._days.last)
        self._dates = tuple(self._first + timedelta(days=self._days.step * ahead) for ahead in range(version.horizon))
        self._by = version.by
        self._features = [item.name for item in version.inputs if item.name not in {*version.by, DATE}]
        self._names = [item.name for item in version.inputs]

    def expanded(self, rows: Rows, first: int, paths: Paths) -> Rows | list[Fault]:
        """Each row once for each of its days, the first of which is number ``first``; or what is wrong with them."""
        faults = self._faults(rows, paths)
        if faults:
            return faults
        columns = rows.columns
        wanted = [self._wanted(one, ahead) for one, ahead in zip(columns[DATE], columns[HORIZON], strict=True)]
        counts = [len(days) for days in wanted]
        made = {name: _repeated(columns[name], counts) for name in self._names if name != DATE}
        made[DATE] = [day for days in wanted for day in days]
        return Rows(len(made[DATE]), made, _repeated(rows.keys, counts), first)

    def _wanted(self, one: date | None, ahead: int | None) -> Sequence[date]:
        return (one,) if one is not None else self._dates[:ahead]

    def _faults(self, rows: Rows, paths: Paths) -> list[Fault]:
        columns = rows.columns
        found: list[Fault] = []
        for place in range(rows.count):
            for name, expected in self._wrong(columns, place):
                number = rows.first + place
                got = cut(str(columns[name][place]))
                found.append(Fault(paths(number, name), expected, got, number, name))
            if len(found) >= MOST_FAULTS:
                break
        return found

    def _wrong(self, columns: Mapping[str, Sequence[Any]], place: int) -> Iterator[tuple[str, str]]:
        """The name and what was expected instead, of each value that does not go with the others or with the days."""
        given = [name for name in self._by if columns[name][place] is not None]
        for name in given[1:]:
            yield name, f"nothing beside {given[0]!r}: one of {', '.join(self._by)}, or none of them for the total"
        for name in self._features:
            if columns[name][place] is not None and self._by[:1] != tuple(given[:1]):
                finest = repr(self._by[0]) if self._by else "a series"
                yield name, f"nothing without {finest}: what is planned is planned for one of those"
        day, ahead = columns[DATE][place], columns[HORIZON][place]
        if day is not None and not self._first <= day <= self._last:
            word = "past" if day < self._first else "further ahead than is forecast"
            yield DATE, f"a date from {self._first} to {self._last}: this one is {word}"
        if day is not None and ahead is not None:
            yield HORIZON, "nothing beside a date: one of both, or neither for the whole horizon"


class ExpandingReader:
    """Reads requests, and expands their rows."""

    def __init__(self, reader: RowReader | CsvReader, expander: Expander) -> None:
        self._reader = reader
        self._expander = expander

    def read(self, body: bytes) -> Rows:
        """All rows at once. Raises NotRead, RequestFaulty."""
        parts = list(self.chunks(body))
        if len(parts) == 1:
            return parts[0]
        columns = {name: [value for part in parts for value in part.columns[name]] for name in parts[0].columns}
        return Rows(sum(part.count for part in parts), columns, [key for part in parts for key in part.keys])

    def chunks(self, body: bytes) -> Iterator[Rows]:
        """Some rows after the others. When one is faulty, no more come; all faults are told at the end."""
        paths = self._paths(body)
        faults: list[Fault] = []
        first = 0
        for rows in self._reader.chunks(body):
            found = self._expander.expanded(rows, first, paths)
            if isinstance(found, list):
                faults += found
                if len(faults) >= MOST_FAULTS:
                    break
            elif not faults:
                first += found.count
                yield found
        if faults:
            raise RequestFaulty(faults[:MOST_FAULTS])

    def _paths(self, body: bytes) -> Paths:
        raise NotImplementedError


class JsonReader(ExpandingReader):
    """Of JSON."""

    def _paths(self, body: bytes) -> Paths:
        if COLUMNS_BEGIN.match(body):
            return lambda number, name: f"$.columns.{name}[{number}]"
        if body.lstrip()[:1] == b"[":
            return lambda number, name: f"$[{number}].{name}"
        return lambda _, name: f"$.{name}"


class LinesReader(ExpandingReader):
    """Of CSV."""

    def _paths(self, body: bytes) -> Paths:  # noqa: ARG002
        return lambda number, name: f"row {number + 1}, column {name}"


def _repeated(values: Sequence[Any], counts: Sequence[int]) -> list[Any]:
    return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
