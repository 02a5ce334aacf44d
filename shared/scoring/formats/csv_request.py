"""From a request's CSV to columns of checked values, in chunks; what does not fit is told by line and column.

The CSV is that of ``shared.csv_format``: UTF-8, a header, NULL is an empty field and "" a quoted empty one. A column is
parsed as one JSON list, so that it holds the same values as the same rows sent as JSON; where that cannot be, value by
value, which also takes what databases and spreadsheets write: 41.0 for an integer, TRUE, a time for its date.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import UNSET

from shared.scoring.formats.csv_columns import EMPTY, Refused, column_of
from shared.scoring.formats.csv_lines import Lines
from shared.scoring.formats.values import NOTHING, stranger, values_of
from shared.scoring.rows import MOST_FAULTS, Fault, RequestFaulty, Rows, cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from shared.scoring.formats.csv_lines import Chunk, Line
    from shared.store.records import Version

CHUNK_ROWS = 4096


class CsvReader:
    """Reads the CSV requests of one version."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._values = values_of(version)
        self._columns = {name: column_of(value, version.key.type) for name, value in self._values.items()}

    def chunks(self, body: bytes) -> Iterator[Rows]:
        """The rows, chunk by chunk. Raises NotRead, RequestFaulty.

        When the header or a row is faulty, no more chunks come; all faults are told when all rows have been read.
        """
        lines = Lines(body)
        header = lines.header()
        faults = self.header_faults(header)
        first = 0
        for chunk in lines.chunks(len(header), CHUNK_ROWS):
            if len(faults) >= MOST_FAULTS:
                break
            columns, found = self._read(header, chunk, first)
            faults += found
            if not faults:
                yield self.rows(columns, len(chunk.rows), first)
            first += len(chunk.rows)
        if faults:
            raise RequestFaulty(faults[:MOST_FAULTS])

    def header_faults(self, header: list[str]) -> list[Fault]:
        """The columns that are missing, that stand twice, and that the version does not take; so many as are told."""
        return list(islice(self._header_faults(Counter(header)), MOST_FAULTS))

    def _header_faults(self, counts: Counter[str]) -> Iterator[Fault]:
        for name, count in counts.items():
            if name not in self._values:
                yield _header_fault(name, stranger(self._version, name), "a column")
            elif count > 1:
                yield _header_fault(name, "one column of this name", f"{count} columns")
        for name, value in self._values.items():
            if name not in counts and not value.optional:
                yield _header_fault(name, f"a column, each {value.expected}", NOTHING)

    def _read(self, header: list[str], chunk: Chunk, first: int) -> tuple[dict[str, list[Any]], list[Fault]]:
        """The columns of a chunk, and what is wrong with its rows."""
        rows = chunk.rows
        if set(map(len, rows)) == {len(header)}:
            columns = self.parse(header, rows)
            return columns, self._faults_of(columns, chunk, range(len(rows)), first)
        whole = [place for place, row in enumerate(rows) if len(row) == len(header)]
        columns = self.parse(header, [rows[place] for place in whole]) if whole else {}
        faults = _ragged(chunk, len(header), first) + self._faults_of(columns, chunk, whole, first)
        return columns, sorted(faults, key=lambda fault: fault.row or 0)

    def parse(self, header: list[str], rows: Sequence[Line]) -> dict[str, list[Any]]:
        """Columns of values, with Refused for those that do not fit; ``rows`` are as wide as the header, and some.

        Columns that the version does not take are passed over.
        """
        texts = zip(*rows, strict=True)
        return {
            name: self._columns[name].parse(list(column))
            for name, column in zip(header, texts, strict=True)
            if name in self._columns
        }

    def _faults_of(self, columns: dict[str, list[Any]], chunk: Chunk, places: Sequence[int], first: int) -> list[Fault]:
        """By row, then by column; ``places`` are those of the columns' values in the chunk."""
        faulty = {name: values for name, values in columns.items() if Refused in set(map(type, values))}
        found: list[Fault] = []
        for number, place in enumerate(places if faulty else ()):
            for name, values in faulty.items():
                if type(values[number]) is Refused:
                    path = f"line {chunk.begins[place]}, column {name}"
                    found.append(Fault(path, self.expected(name), values[number].shown, first + place, name))
            if len(found) >= MOST_FAULTS:
                break
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


def _ragged(chunk: Chunk, width: int, first: int) -> list[Fault]:
    """Rows that are longer or shorter than the header."""
    expected = f"{width} fields, as in the header"
    wrong = ((place, len(row)) for place, row in enumerate(chunk.rows) if len(row) != width)
    return [
        Fault(f"line {chunk.begins[place]}", expected, f"{found} fields", first + place)
        for place, found in islice(wrong, MOST_FAULTS)
    ]


def _header_fault(name: str, expected: str, got: str) -> Fault:
    return Fault(f"header, column {cut(name) or repr(name)}", expected, got, None, cut(name))
