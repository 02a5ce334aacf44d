"""A request's CSV taken apart into rows of texts, in chunks: UTF-8, RFC 4180, NULL is an empty field."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from shared.csv_format import FIELD_LIMIT_CHARACTERS
from shared.scoring.rows import NotRead

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    type Line = list[str | None]

SEPARATORS = (";", "\t", "|")
LONGEST_ROW = FIELD_LIMIT_CHARACTERS
"""Characters of a row. Each field is an object of its own, some thirty times as large as a field can be."""
CHUNK_CHARACTERS = 4 * 1024 * 1024
"""A chunk ends behind the row that comes to so many, however few rows it has."""
WORDS = {
    "new-line character": r"a carriage return stands alone; lines end with \n or \r\n",
    "unexpected end": "a quote is opened in this row and never closed",
}
"""What is said in place of the csv module's own words, which are for those who open files."""


class Chunk:
    """Some rows of a CSV, and where they stood."""

    def __init__(self, lines: Sequence[Line], before: int, width: int) -> None:
        self._lines = lines
        self._before = before
        # A blank line is nobody's row; only where there is a single column it is that column's NULL.
        self.rows: list[Line] = [line or [None] for line in lines] if width == 1 else [line for line in lines if line]

    @cached_property
    def begins(self) -> list[int]:
        """The number of the line that each row begins in, counted from 1."""
        begins, number = [], self._before + 1
        for line in self._lines:
            if line or len(self.rows) == len(self._lines):
                begins.append(number)
            number += _lines_of(line)
        return begins


class Lines:
    """A CSV, read once: its header, then its rows."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        if b"\0" in body:
            msg = f"line {_line_of(body, body.index(0))} holds a zero byte; expected text saved as UTF-8"
            raise NotRead(msg)
        # The limit is the process's: without this, what is read would depend on what else has been read before.
        csv.field_size_limit(FIELD_LIMIT_CHARACTERS)
        # Lines end with \n alone: other characters that end lines elsewhere are ordinary text inside a field.
        text = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8-sig", newline="\n")
        self._reader: Any = csv.reader(self._watched(text), quoting=csv.QUOTE_NOTNULL, strict=True)
        self._characters = 0
        self._before = 0

    def header(self) -> list[str]:
        """The columns' names. Raises NotRead."""
        line = self._first()
        if not line:
            msg = "it is empty; expected a header and a line for each row"
            raise NotRead(msg)
        if len(line) == 1:
            for separator in SEPARATORS:
                if separator in (line[0] or ""):
                    msg = f"the columns are separated by {separator!r}; expected ','"
                    raise NotRead(msg)
        return [name or "" for name in line]

    def chunks(self, width: int, rows: int) -> Iterator[Chunk]:
        """All that follows the header, at most so many ``rows`` at a time. Raises NotRead."""
        while True:
            self._before = self._reader.line_num
            lines = self._next(rows)
            if not lines:
                return
            chunk = Chunk(lines, self._before, width)
            if chunk.rows:
                yield chunk

    def _first(self) -> Line:
        """The first line that is not blank; an empty one where all are."""
        with self._told([]):
            for line in self._reader:
                if line:
                    found: Line = line
                    return found
                self._before, self._characters = self._reader.line_num, 0
        return []

    def _next(self, count: int) -> list[Line]:
        lines: list[Line] = []
        room = CHUNK_CHARACTERS
        self._characters = 0
        with self._told(lines):
            for line in self._reader:
                lines.append(line)
                room -= self._characters
                self._characters = 0
                if len(lines) == count or room < 0:
                    break
        return lines

    def _watched(self, text: Iterator[str]) -> Iterator[str]:
        """The lines, as long as no row is too long."""
        for line in text:
            self._characters += len(line)
            if self._characters > LONGEST_ROW:
                msg = f"the row has more than {LONGEST_ROW:,} characters; is a quote left open?"
                raise csv.Error(msg)
            yield line

    @contextmanager
    def _told(self, lines: list[Line]) -> Iterator[None]:
        """What is wrong with the row that follows ``lines``."""
        try:
            yield
        except csv.Error as error:
            number = self._before + 1 + sum(map(_lines_of, lines))
            words = next((words for begin, words in WORDS.items() if str(error).startswith(begin)), str(error))
            msg = f"line {number}: {words}"
            raise NotRead(msg) from error
        except UnicodeDecodeError as error:
            place = _not_utf8(self._body)
            msg = f"line {_line_of(self._body, place)}, byte {place:,} is not UTF-8; expected text saved as UTF-8"
            raise NotRead(msg) from error


def _lines_of(line: Line) -> int:
    """The number of lines that a row goes over."""
    return 1 + sum(text.count("\n") for text in line if text)


def _line_of(body: bytes, position: int) -> int:
    return body.count(b"\n", 0, position) + 1


def _not_utf8(body: bytes) -> int:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0
