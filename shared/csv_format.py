"""The CSV of exports and drops: UTF-8, RFC 4180, one header row; NULL is an empty field, "" a quoted empty one.

The export writes it and training reads it, so that what goes out comes back.
"""

from __future__ import annotations

import base64
import codecs
import csv
from collections import Counter
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from shared.errors import DropError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

FIELD_LIMIT_CHARACTERS = 1024 * 1024
LINE_LIMIT_CHARACTERS = 64 * 1024 * 1024
SHOWN_COLUMNS = 20
BYTE_ORDER_MARK = "\ufeff"

LINE_END = "\r\n"


def csv_rows(rows: Sequence[Sequence[Any]]) -> bytes:
    """The lines of rows that all have a value for every column; a header is a row of texts.

    Every text is quoted and nothing else is, so that "" and NULL differ. Column by column, since a column's values
    are mostly of one type: twice as fast as the csv module, which looks at every character of every field.
    """
    return "".join(csv_lines(rows)).encode()


def csv_lines(rows: Sequence[Sequence[Any]]) -> list[str]:
    """The same, row by row."""
    columns = [_fields(column) for column in zip(*rows, strict=True)]
    return [line + LINE_END for line in map(",".join, zip(*columns, strict=True))]


def _fields(column: Sequence[Any]) -> Iterable[str]:
    """By each value's own type: a loosely typed database may hold text in a column of numbers."""
    kinds = set(map(type, column))
    if len(kinds) == 1:
        return _writer(*kinds)(column)
    written = {kind: iter(_writer(kind)([value for value in column if type(value) is kind])) for kind in kinds}
    return [next(written[type(value)]) for value in column]


def _writer(kind: type) -> Callable[[Sequence[Any]], Iterable[str]]:
    return _WRITERS.get(kind, lambda values: _quoted(list(map(str, values))))


def _quoted(texts: Sequence[str]) -> list[str]:
    return [f'"{text}"' if '"' not in text else '"' + text.replace('"', '""') + '"' for text in texts]


def _decimals(values: Sequence[Decimal]) -> list[str]:
    """Without an exponent. ``format`` gives that for any value, but takes twice as long as ``str``."""
    return [
        text if "E" not in text else format(value, "f") for text, value in zip(map(str, values), values, strict=True)
    ]


def _floats(values: Sequence[float]) -> list[str]:
    """As ``repr`` writes them: the same digits, nine times as fast, where msgspec chooses the same form."""
    texts = msgspec.json.encode(values).decode()[1:-1].split(",")
    return [
        repr(value) if "e" in text or "0.0000" in text or text == "null" else text
        for text, value in zip(texts, values, strict=True)
    ]


def _base64(values: Sequence[bytes]) -> list[str]:
    return [f'"{base64.b64encode(value).decode()}"' for value in values]


def _iso(values: Sequence[date | time]) -> list[str]:
    return [value.isoformat() for value in values]


_WRITERS: dict[type, Callable[[Sequence[Any]], Iterable[str]]] = {
    type(None): lambda values: [""] * len(values),
    str: _quoted,
    int: lambda values: map(str, values),
    float: _floats,
    bool: lambda values: ["true" if value else "false" for value in values],
    Decimal: _decimals,
    datetime: _iso,
    date: _iso,
    time: _iso,
    bytes: _base64,
    bytearray: _base64,
}


Row = list[str | None]


def read_csv(chunks: Iterable[bytes], name: str) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    """The header, and the rows with their line numbers. Raises DropError where the file is not this CSV.

    A byte-order mark is passed over. The second result reads on as it is iterated, in constant memory.
    """
    csv.field_size_limit(FIELD_LIMIT_CHARACTERS)
    reader = csv.reader(_lines(chunks, name), quoting=csv.QUOTE_NOTNULL, strict=True)
    rows = _numbered(reader, name)
    first = next(((line, row) for line, row in rows if row), None)
    if first is None:
        msg = f"{name}: is empty; expected a header row and data rows"
        raise DropError(msg)
    header = _header(first[1], name)
    return header, _without_blanks(rows, len(header))


def _without_blanks(rows: Iterator[tuple[int, Row]], width: int) -> Iterator[tuple[int, Row]]:
    """A blank line is nobody's row; only where there is a single column it is that column's NULL."""
    return ((line, row or [None]) for line, row in rows if row or width == 1)


def _header(fields: Row, name: str) -> list[str]:
    if len(fields) == 1:
        for separator in (";", "\t", "|"):
            if separator in (fields[0] or ""):
                msg = f"{name}: the columns are separated by {separator!r}; expected ',': save it as comma-separated"
                raise DropError(msg)
    header = [field or "" for field in fields]
    twice = sorted(column for column, count in Counter(header).items() if count > 1)
    if twice:
        more = f" and {len(twice) - SHOWN_COLUMNS:,} more" if len(twice) > SHOWN_COLUMNS else ""
        msg = f"{name}: the header has a column more than once: {', '.join(map(repr, twice[:SHOWN_COLUMNS]))}{more}"
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
