"""From a request's CSV to columns of checked values, in chunks; what does not fit is told by line and column.

The CSV is that of ``shared.csv_format``: UTF-8, a header, NULL is an empty field and "" a quoted empty one. A column is
parsed as one JSON list, so that it holds the same values as the same rows sent as JSON; where that cannot be, value by
value, which also takes what databases and spreadsheets write: 41.0 for an integer, TRUE, a time for its date.
"""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import UNSET

from shared.scoring.formats.csv_columns import EMPTY, Refused, column_of
from shared.scoring.formats.values import NOTHING, stranger, values_of
from shared.scoring.rows import MOST_FAULTS, Fault, NotRead, RequestFaulty, Rows, cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from shared.store.records import Version

    type Line = list[str | None]

CHUNK_ROWS = 4096
SEPARATORS = (";", "\t", "|")


class CsvReader:
    """Reads the CSV requests of one version."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._values = values_of(version)
        self._columns = {name: column_of(value, version.key.type) for name, value in self._values.items()}

    def chunks(self, body: bytes) -> Iterator[Rows]:
        """The rows, chunk by chunk. Raises NotRead, RequestFaulty.

        When a row is faulty, no more chunks come; the faults of all rows are told when all have been read.
        """
        lines = _Lines(body)
        header = lines.header()
        faults = self.header_faults(header)
        if faults:
            raise RequestFaulty(faults)
        first = 0
        for chunk in lines.chunks(len(header)):
            ragged = _ragged(chunk, len(header), first)
            faults += ragged or self._faults_of(columns := self.parse(header, chunk.rows), chunk, first)
            if len(faults) >= MOST_FAULTS:
                break
            if not faults:
                yield self.rows(columns, len(chunk.rows), first)
            first += len(chunk.rows)
        if faults:
            raise RequestFaulty(faults[:MOST_FAULTS])

    def header_faults(self, header: list[str]) -> list[Fault]:
        """The columns that are missing, that stand twice, and that the version does not take."""
        found = []
        for name in dict.fromkeys(header):
            if name not in self._values:
                found.append(_header_fault(name, stranger(self._version, name), "a column"))
            elif header.count(name) > 1:
                found.append(_header_fault(name, "one column of this name", f"{header.count(name)} columns"))
        for name, value in self._values.items():
            if name not in header and not value.optional:
                found.append(_header_fault(name, f"a column, each {value.expected}", NOTHING))
        return found[:MOST_FAULTS]

    def parse(self, header: list[str], rows: Sequence[Line]) -> dict[str, list[Any]]:
        """Columns of values, with Refused for those that do not fit; ``rows`` are as wide as the header, and some."""
        texts = zip(*rows, strict=True)
        return {name: self._columns[name].parse(list(column)) for name, column in zip(header, texts, strict=True)}

    def _faults_of(self, columns: dict[str, list[Any]], chunk: _Chunk, first: int) -> list[Fault]:
        """By row, then by column."""
        faulty = {name: values for name, values in columns.items() if Refused in set(map(type, values))}
        if not faulty:
            return []
        found = []
        for place in range(len(chunk.rows)):
            for name, values in faulty.items():
                if type(values[place]) is Refused:
                    path = f"line {chunk.line(place)}, column {name}"
                    found.append(Fault(path, self.expected(name), values[place].shown, first + place, name))
                    if len(found) == MOST_FAULTS:
                        return found
        return found

    def expected(self, name: str) -> str:
        """What the column of this name takes, in words."""
        return self._values[name].expected.replace("null", EMPTY)

    def rows(self, columns: dict[str, list[Any]], count: int, first: int) -> Rows:
        """Of columns that have ``count`` values each; those that are absent are empty throughout."""
        key = self._version.key.name
        keys = columns.get(key, [UNSET] * count)
        inputs = {name: columns.get(name) or [None] * count for name in self._values if name != key}
        return Rows(count, inputs, keys, first)


class _Chunk:
    """Some rows of a CSV, and where they stood."""

    def __init__(self, lines: Sequence[Line], before: int, width: int) -> None:
        self._lines = lines
        self._before = before
        # A blank line is nobody's row; only where there is a single column it is that column's NULL.
        self.rows: list[Line] = [line or [None] for line in lines] if width == 1 else [line for line in lines if line]

    def line(self, place: int) -> int:
        """The number of the line that row ``place`` begins in, counted from 1."""
        number = self._before + 1
        for line in self._lines:
            if line or len(self.rows) == len(self._lines):
                place -= 1
            if place < 0:
                break
            number += 1 + sum(text.count("\n") for text in line if text)
        return number


class _Lines:
    """A CSV taken apart into its fields."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        if b"\0" in body:
            msg = f"line {_line_of(body, body.index(0))} holds a zero byte; expected text saved as UTF-8"
            raise NotRead(msg)
        # Lines end with \n alone: other characters that end lines elsewhere are ordinary text inside a field.
        text = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8-sig", newline="\n")
        self._reader: Any = csv.reader(text, quoting=csv.QUOTE_NOTNULL, strict=True)

    def header(self) -> list[str]:
        """The columns' names."""
        line = next((line for lines in iter(lambda: self._next(1), []) for line in lines if line), None)
        if line is None:
            msg = "it is empty; expected a header and a line for each row"
            raise NotRead(msg)
        if len(line) == 1:
            for separator in SEPARATORS:
                if separator in (line[0] or ""):
                    msg = f"the columns are separated by {separator!r}; expected ','"
                    raise NotRead(msg)
        return [name or "" for name in line]

    def chunks(self, width: int) -> Iterator[_Chunk]:
        """All that follows the header."""
        while True:
            before = self._reader.line_num
            lines = self._next(CHUNK_ROWS)
            if not lines:
                return
            chunk = _Chunk(lines, before, width)
            if chunk.rows:
                yield chunk

    def _next(self, count: int) -> list[Line]:
        try:
            return list(islice(self._reader, count))
        except csv.Error as error:
            msg = f"line {self._reader.line_num}: {error}"
            raise NotRead(msg) from error
        except UnicodeDecodeError as error:
            place = _not_utf8(self._body)
            msg = f"line {_line_of(self._body, place)}, byte {place:,} is not UTF-8; expected text saved as UTF-8"
            raise NotRead(msg) from error


def _ragged(chunk: _Chunk, width: int, first: int) -> list[Fault]:
    """Rows that are longer or shorter than the header."""
    if set(map(len, chunk.rows)) == {width}:
        return []
    expected = f"{width} fields, as in the header"
    wrong = ((place, len(row)) for place, row in enumerate(chunk.rows) if len(row) != width)
    return [
        Fault(f"line {chunk.line(place)}", expected, f"{found} fields", first + place)
        for place, found in islice(wrong, MOST_FAULTS)
    ]


def _header_fault(name: str, expected: str, got: str) -> Fault:
    return Fault(f"header, column {cut(name)}", expected, got, None, cut(name))


def _line_of(body: bytes, position: int) -> int:
    return body.count(b"\n", 0, position) + 1


def _not_utf8(body: bytes) -> int:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0
