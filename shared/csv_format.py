"""The CSV of exports and drops: UTF-8, RFC 4180, one header row; NULL is an empty field, "" a quoted empty one.

The export writes it and training reads it, so that what goes out comes back.
"""

from __future__ import annotations

import base64
import codecs
import csv
import io
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from shared.errors import DropError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

FIELD_LIMIT_CHARACTERS = 1024 * 1024
LINE_LIMIT_CHARACTERS = 64 * 1024 * 1024
BYTE_ORDER_MARK = "\ufeff"

CONVERTERS: dict[type, Callable[[Any], str]] = {
    datetime: lambda value: value.isoformat(),
    date: lambda value: value.isoformat(),
    time: lambda value: value.isoformat(),
    Decimal: lambda value: format(value, "f"),
    bool: lambda value: "true" if value else "false",
    bytes: lambda value: base64.b64encode(value).decode(),
    bytearray: lambda value: base64.b64encode(value).decode(),
}
"""How values are written whose ``str`` is not what the format says. Integers, floats and text need nothing."""


class CsvWriter:
    """Turns rows into CSV text, in memory; ``take`` hands over what has been written since the last call."""

    def __init__(self, columns: Sequence[str], types: Sequence[type]) -> None:
        """``types`` are the Python types of the columns' values, as the database driver announces them."""
        self._buffer = io.StringIO(newline="")
        # QUOTE_STRINGS quotes every text, "" included, and leaves None an empty field.
        self._writer = csv.writer(self._buffer, quoting=csv.QUOTE_STRINGS, lineterminator="\r\n")
        self._writer.writerow(columns)
        self._convertible = [index for index, kind in enumerate(types) if kind in CONVERTERS]

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Append rows, each with a value for every column."""
        self._writer.writerows(map(_converted, rows, repeat(self._convertible)) if self._convertible else rows)

    def take(self) -> bytes:
        """What was written since the last call, encoded."""
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text.encode()


def _converted(row: Sequence[Any], convertible: Sequence[int]) -> list[Any]:
    values = list(row)
    for index in convertible:
        # By the value's own type: a loosely typed database may hold text in a date column.
        convert = CONVERTERS.get(type(values[index]))
        if convert is not None:
            values[index] = convert(values[index])
    return values


Row = list[str | None]


def read_csv(chunks: Iterable[bytes], name: str) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    """The header, and the rows with their line numbers. Raises DropError where the file is not this CSV.

    A byte-order mark is passed over. The second result reads on as it is iterated, in constant memory.
    """
    csv.field_size_limit(FIELD_LIMIT_CHARACTERS)
    reader = csv.reader(_lines(chunks, name), quoting=csv.QUOTE_NOTNULL, strict=True)
    rows = _numbered(reader, name)
    first = next(rows, None)
    if first is None:
        msg = f"{name}: is empty; expected a header row and data rows"
        raise DropError(msg)
    return _header(first[1], name), rows


def _header(fields: Row, name: str) -> list[str]:
    if len(fields) == 1:
        for separator in (";", "\t", "|"):
            if separator in (fields[0] or ""):
                msg = f"{name}: the columns are separated by {separator!r}; expected ',': save it as comma-separated"
                raise DropError(msg)
    header = [field or "" for field in fields]
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        msg = f"{name}: the header has a column more than once: {', '.join(map(repr, twice))}"
        raise DropError(msg)
    return header


def _numbered(reader: Any, name: str) -> Iterator[tuple[int, Row]]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            msg = f"{name}: line {reader.line_num} is not CSV: {_explained(str(error))}"
            raise DropError(msg) from error
        if row:  # a blank line is nobody's row
            yield reader.line_num, row


def _explained(error: str) -> str:
    if "field limit" in error or "field larger" in error:
        return f"a field is longer than {FIELD_LIMIT_CHARACTERS:,} characters; is a quote left open?"
    return error


def _lines(chunks: Iterable[bytes], name: str) -> Iterator[str]:
    """Decoded lines with their line ends kept, as the csv module wants them."""
    begun: list[str] = []  # pieces of a line whose end has not come yet
    for text in _texts(chunks, name):
        # Not splitlines(): it also breaks at characters that are ordinary text inside a field.
        first, *others = text.split("\n")
        begun.append(first)
        if others:
            yield "".join(begun) + "\n"
            yield from (line + "\n" for line in others[:-1])
            begun = [others[-1]]
        elif sum(map(len, begun)) > LINE_LIMIT_CHARACTERS:
            msg = f"{name}: a line is longer than {LINE_LIMIT_CHARACTERS:,} characters; is this a CSV file?"
            raise DropError(msg)
    if last := "".join(begun):
        yield last


def _texts(chunks: Iterable[bytes], name: str) -> Iterator[str]:
    """The chunks as text, without the byte-order mark."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    position = 0
    beginning = True
    for chunk in chain(chunks, (None,)):
        undecided = len(decoder.getstate()[0])  # bytes of a character whose end has not come yet
        try:
            text = decoder.decode(chunk or b"", final=chunk is None)
        except UnicodeDecodeError as error:
            msg = f"{name}: byte {position - undecided + error.start:,} is not UTF-8; expected text saved as UTF-8"
            raise DropError(msg) from error
        position += len(chunk or b"")
        if text:
            yield text.removeprefix(BYTE_ORDER_MARK) if beginning else text
            beginning = False
