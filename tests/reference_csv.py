"""What a CSV request holds, read slowly: character by character, then value by value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.reference_reader import completed, date_of, number_of, refuse

if TYPE_CHECKING:
    from shared.store.records import Input, Version
    from tests.reference_reader import Row

    type Field = str | None

LONGEST_CSV_KEY = 40
"""In CSV a longer key is a text."""
MOMENT = re.compile(
    r"\d{8}|\d{4}-\d\d-\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?( ?Z| ?[+-]\d\d| ?[+-]\d\d:?\d\d)?", re.ASCII
)
NUMBER = re.compile(r"[ \t\n\r\f\v]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\n\r\f\v]*")


def read_csv(body: bytes, version: Version) -> list[Row]:
    """The rows of a CSV with a header. Raises Refused."""
    try:
        text = body.decode("utf-8", "strict").removeprefix("\ufeff")
    except UnicodeDecodeError:
        refuse("it is no UTF-8")
    if "\0" in text:
        refuse("it holds a zero byte")
    lines = _lines(text)
    while lines and not lines[0]:
        del lines[0]
    if not lines:
        refuse("it is empty")
    header = [name or "" for name in lines[0]]
    inputs = {item.name: item for item in version.inputs}
    if len(set(header)) < len(header) or not {*header} <= {*inputs, version.key.name}:
        refuse("the header has columns that are none, or one twice")
    for item in version.inputs:
        if item.name not in header and not item.nullable:
            refuse(f"{item.name} is missing")
    return [_of_line(line, header, inputs, version) for line in lines[1:] if line]


def _of_line(line: list[Field], header: list[str], inputs: dict[str, Input], version: Version) -> Row:
    if len(line) != len(header):
        refuse("a line has another length than the header")
    row: Row = {}
    for name, text in zip(header, line, strict=True):
        row[name] = _csv_value(text, inputs[name]) if name in inputs else _csv_key(text, version)
    return completed(row, version)


def _lines(text: str) -> list[list[Field]]:
    """RFC 4180, with NULL for an empty field, and quotes inside of an unquoted one standing for themselves."""
    lines, line = [], _Line()
    place = 0
    while place < len(text):
        letter = text[place]
        place += 1
        if line.in_quotes:
            if letter != '"':
                line.field.append(letter)
            elif text[place : place + 1] == '"':
                line.field.append('"')
                place += 1
            else:
                line.in_quotes = False
                if text[place : place + 1] not in {"", ",", "\r", "\n"}:
                    refuse("something stands behind a closing quote")
        elif letter == '"' and not line.field and not line.quoted:
            line.in_quotes = line.quoted = True
        elif letter == ",":
            line.end_field()
        elif letter in "\r\n":
            # \r\n, and what comes of writing that as text on Windows
            end = re.compile(r"\r*(\n|\Z)|\n").match(text, place - 1)
            if end is None:
                refuse("a line ends with a carriage return alone")
            place = end.end()
            lines.append(line.ended())
            line = _Line()
        else:
            line.field.append(letter)
    if line.in_quotes:
        refuse("a quote is left open")
    return [*lines, line.ended()]


class _Line:
    """A line as far as it has been read."""

    def __init__(self) -> None:
        self.fields: list[Field] = []
        self.field: list[str] = []
        self.quoted = self.in_quotes = False

    def end_field(self) -> None:
        self.fields.append("".join(self.field) if self.field or self.quoted else None)
        self.field, self.quoted = [], False

    def ended(self) -> list[Field]:
        if self.fields or self.field or self.quoted:
            self.end_field()
        return self.fields


def _csv_key(text: Field, version: Version) -> int | str | None:
    plain = text is not None and re.fullmatch(r"0|-?[1-9][0-9]*", text)
    if text is not None and version.key.type == "integer" and plain and len(text) <= LONGEST_CSV_KEY:
        return int(text)
    return text


def _csv_value(text: Field, item: Input) -> Any:
    if text is None:
        if item.nullable:
            return None
        refuse(f"{item.name} is empty")
    if item.type == "category":
        return text
    if item.type == "boolean":
        return _of_words(text.strip().lower(), {"true": True, "1": True, "false": False, "0": False})
    if not (MOMENT.fullmatch(text.strip()) if item.type == "weekday" else NUMBER.fullmatch(text)):
        refuse(f"{item.name} is no {item.type}")
    return date_of(text.strip()) if item.type == "weekday" else number_of(text, item)


def _of_words(word: str, words: dict[str, bool]) -> bool:
    if word not in words:
        refuse(f"{word!r} is neither true nor false")
    return words[word]
