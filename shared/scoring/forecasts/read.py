"""Requests for a forecast, read: the formats are those of every task, and each row becomes one for each of its days."""

from __future__ import annotations

from codecs import BOM_UTF8
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from shared.scoring.forecasts.expand import DATE, Expander, asked
from shared.scoring.formats.csv_request import CsvReader
from shared.scoring.formats.json_request import COLUMNS, COLUMNS_BEGIN, RowReader
from shared.scoring.rows import MOST_FAULTS, Fault, RequestFaulty, Rows, cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.scoring.forecasts.expand import Columns, Where
    from shared.scoring.formats.csv_lines import Chunk
    from shared.store.forecasts import Forecaster


class JsonReader:
    """Reads the JSON requests of one version."""

    def __init__(self, version: Forecaster, expander: Expander) -> None:
        """Raises ValueError where its inputs' names cannot be told apart."""
        self._reader = RowReader(asked(version))
        self._expander = expander

    def read(self, body: bytes) -> Rows:
        """All rows at once. Raises NotRead, RequestFaulty."""
        first, *others = self.chunks(body)
        if not others:
            return first
        parts = (first, *others)
        columns = {name: [value for part in parts for value in part.columns[name]] for name in first.columns}
        return Rows(sum(part.count for part in parts), columns, [key for part in parts for key in part.keys])

    def chunks(self, body: bytes) -> Iterator[Rows]:
        """Some days after the others. When a row is faulty, no more come; all faults are told at the end."""
        body = body.removeprefix(BOM_UTF8)
        where, first, faults = _where(body), 0, list[Fault]()
        for rows in self._typed(body, where):
            faults += self._expander.faults(rows.columns, rows.count, _from(where, rows.first))
            if len(faults) >= MOST_FAULTS:
                break
            if not faults:
                for piece in self._expander.days(rows, first):
                    first += piece.count
                    yield piece
        if faults:
            raise RequestFaulty(faults[:MOST_FAULTS])

    def _typed(self, body: bytes, where: Where) -> Iterator[Rows]:
        """The rows as they were sent. Where types do not fit, what else is wrong is told as well."""
        try:
            yield from self._reader.chunks(body)
        except RequestFaulty as error:
            found = error.faults
            if len(found) < MOST_FAULTS:
                found = _by_row([*found, *self._expander.faults(*_sent(body), where)])
            raise RequestFaulty(found) from error


class SeriesCsvReader(CsvReader):
    """Reads the CSV requests of one version."""

    def __init__(self, version: Forecaster, expander: Expander) -> None:
        super().__init__(asked(version))
        self._expander = expander

    def chunks(self, body: bytes) -> Iterator[Rows]:
        """See CsvReader; some days after the others."""
        first = 0
        for rows in super().chunks(body):
            for piece in self._expander.days(rows, first):
                first += piece.count
                yield piece

    def _faults_of(self, columns: dict[str, list[Any]], chunk: Chunk, places: Sequence[int], first: int) -> list[Fault]:
        found = super()._faults_of(columns, chunk, places, first)
        known = {name: values for name, values in columns.items() if name != self._version.key.name}

        def where(number: int, name: str) -> tuple[str, int]:
            return f"line {chunk.begins[places[number]]}, column {name}", first + places[number]

        others = self._expander.faults(known, len(places), where)
        return _by_row([*found, *others]) if others else found


class _Sent:
    """A value of which nobody knows whether its type fits."""

    __slots__ = ("shown",)

    def __init__(self, text: Raw) -> None:
        self.shown = cut(bytes(text).decode())


def _sent(body: bytes) -> tuple[Columns, int]:
    """What JSON sends, by name, whatever its types; as much of it as can be told to be rows."""
    if COLUMNS_BEGIN.match(body):
        listed = _as(_as(body, dict[str, Raw]).get(COLUMNS, b"{}"), dict[str, Raw])
        columns = {name: _as(values, list[Raw]) for name, values in listed.items()}
        count = min(map(len, columns.values()), default=0)
        rows = [{name: values[place] for name, values in columns.items()} for place in range(count)]
    else:
        rows = [_as(row, dict[str, Raw]) for row in _as(body, list[Raw]) or [Raw(body)]]
    names = {DATE, *(name for row in rows for name in row)}
    return {name: [_value(name, row.get(name)) for row in rows] for name in names}, len(rows)


def _as[T: (dict[str, Raw], list[Raw])](text: bytes | Raw, kind: type[T]) -> T:
    """Empty where it is something else."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:
        return kind()


def _value(name: str, text: Raw | None) -> Any:
    if text is None or bytes(text).strip() == b"null":
        return None
    try:
        return msgspec.json.decode(text, type=date) if name == DATE else _Sent(text)
    except msgspec.DecodeError:
        return _Sent(text)


def _where(body: bytes) -> Where:
    """Paths as RowReader tells them."""
    if COLUMNS_BEGIN.match(body):
        return lambda place, name: (f"$.{COLUMNS}.{name}[{place}]", place)
    if body.lstrip().startswith(b"["):
        return lambda place, name: (f"$[{place}].{name}", place)
    return lambda place, name: (f"$.{name}", place)


def _from(where: Where, first: int) -> Where:
    """Of rows that begin with number ``first``."""
    return lambda place, name: where(first + place, name)


def _by_row(faults: list[Fault]) -> list[Fault]:
    """What is wrong with no row alone comes first."""
    return sorted(faults, key=lambda fault: -1 if fault.row is None else fault.row)[:MOST_FAULTS]
