"""What a request holds, read slowly, by Python's json and value by value.

It shares nothing with ``shared.scoring.formats`` but the rules, so that each can be held against the other.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from shared.store.records import Input, Version

    type Row = dict[str, Any]
    """By name, a value for each input, and the key where the request has one."""

NOT_READ, FAULTY = 400, 422
LARGEST_INTEGER = 2**53
LARGEST_FLOAT = 3.4e38
LONGEST_KEY_DIGITS = 4300
"""Python's own limit."""
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass
class Refused(Exception):
    """The request is not taken, with one of these statuses."""

    why: str
    statuses: tuple[int, ...]


def refuse(why: str, *statuses: int) -> NoReturn:
    """Without statuses, either will do."""
    raise Refused(why, statuses or (NOT_READ, FAULTY))


class Whole(str):
    """A JSON number without a point and an exponent."""


class Real(str):
    """Any other JSON number."""


class Members(list[tuple[str, Any]]):
    """A JSON object: all its members, those of one name too."""


# JSON


def read_json(body: bytes, version: Version) -> list[Row]:
    """The rows of a row, of a list of them or of columns. Raises Refused."""
    sent = _parsed(body)
    rows = _of_sent(sent, version)
    integers = {version.key.name, *(item.name for item in version.inputs if item.type == "integer")}
    objects = list(_objects(sent))
    written_as_real = any(
        isinstance(one, Real)
        for members in objects
        for name, value in members
        if name in integers
        for one in (value if isinstance(value, list) else [value])
    )
    if written_as_real and any(len(dict(members)) < len(members) for members in objects):
        refuse("beside an integer that is written as 41.0 no name may stand twice", FAULTY)
    return rows


def _objects(sent: Any) -> Iterator[Members]:
    if isinstance(sent, Members):
        yield sent
        for _, value in sent:
            yield from _objects(value)
    elif isinstance(sent, list):
        for value in sent:
            yield from _objects(value)


def _of_sent(sent: Any, version: Version) -> list[Row]:
    if isinstance(sent, Members) and sent and {name for name, _ in sent} == {"columns"}:
        if not all(isinstance(value, Members) for _, value in sent):
            refuse("columns are an object", FAULTY)
        tables = [_of_columns(columns, version) for _, columns in sent]
        return tables[-1]
    if isinstance(sent, list) and not isinstance(sent, Members):
        return [_of_object(row, version) for row in sent]
    return [_of_object(sent, version)]


def _parsed(body: bytes) -> Any:
    try:
        text = body.decode("utf-8", "strict").removeprefix("\ufeff")
        sent = json.loads(
            text, parse_int=Whole, parse_float=Real, parse_constant=_no_constant, object_pairs_hook=Members
        )
    except (ValueError, RecursionError) as error:
        refuse(f"it is no JSON: {error}", NOT_READ)
    if "\\u" in text and LONE_SURROGATE.search(_all_text(sent)):
        refuse("a text holds half a character")  # grammatical, and yet no text
    return sent


def _no_constant(constant: str) -> NoReturn:
    refuse(f"{constant} is no JSON", NOT_READ)


def _all_text(sent: Any) -> str:
    if isinstance(sent, Members):
        return " ".join(name + " " + _all_text(value) for name, value in sent)
    if isinstance(sent, list):
        return " ".join(map(_all_text, sent))
    return sent if isinstance(sent, str) else ""


def _of_object(sent: Any, version: Version) -> Row:
    """Of a name that stands twice each value must fit, and the last counts."""
    if not isinstance(sent, Members):
        refuse("a row is an object", FAULTY)
    inputs = {item.name: item for item in version.inputs}
    row: Row = {}
    for name, value in sent:
        if name == version.key.name:
            row[name] = _json_key(value)
        elif name in inputs:
            row[name] = _json_value(value, inputs[name])
        else:
            refuse(f"{name!r} is no input", FAULTY)
    return completed(row, version)


def completed(row: Row, version: Version) -> Row:
    for item in version.inputs:
        if item.name not in row and not item.nullable:
            refuse(f"{item.name} is missing", FAULTY)
        row.setdefault(item.name, None)
    return row


def _of_columns(sent: Members, version: Version) -> list[Row]:
    inputs = {item.name: item for item in version.inputs}
    columns: dict[str, list[Any]] = {}
    for name, values in sent:
        if name != version.key.name and name not in inputs:
            refuse(f"{name!r} is no input", FAULTY)
        if not isinstance(values, list) or isinstance(values, Members):
            refuse(f"{name} is no list", FAULTY)
        item = inputs.get(name)
        columns[name] = [_json_key(value) if item is None else _json_value(value, item) for value in values]
    for item in version.inputs:
        if item.name not in columns and not item.nullable:
            refuse(f"{item.name} is missing", FAULTY)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        refuse("columns differ in length", FAULTY)
    count = lengths.pop() if lengths else 0
    return [completed({name: values[place] for name, values in columns.items()}, version) for place in range(count)]


def _json_key(value: Any) -> int | str | None:
    if isinstance(value, Whole):
        if len(value.lstrip("-")) > LONGEST_KEY_DIGITS:
            refuse("a key is too long", FAULTY)
        return int(value)
    if isinstance(value, Real):
        return integer_of(float(value), (-LARGEST_INTEGER, LARGEST_INTEGER))
    if value is None or isinstance(value, str):
        return value
    refuse("a key is an integer or a text", FAULTY)


def _json_value(value: Any, item: Input) -> Any:
    number = isinstance(value, Whole | Real)
    if value is None and item.nullable:
        return None
    if item.type == "boolean" and isinstance(value, bool):
        return value
    if item.type == "category" and isinstance(value, str) and not number:
        return value
    if item.type == "weekday" and isinstance(value, str) and not number and DATE.fullmatch(value):
        return date_of(value)
    if item.type in {"integer", "number", "decimal"} and number:
        return number_of(value, item)
    refuse(f"{item.name} is no {item.type}", FAULTY)


# Values


def number_of(text: str, item: Input) -> float | int:
    low = -math.inf if item.min is None else item.min
    high = math.inf if item.max is None else item.max
    if item.type == "integer":
        low, high = math.ceil(max(low, -LARGEST_INTEGER)), math.floor(min(high, LARGEST_INTEGER))
        if re.fullmatch(r"\s*[+-]?[0-9]{1,40}\s*", text):
            number = int(text)
            if low <= number <= high:
                return number
            refuse(f"{item.name} is out of bounds")
        return integer_of(float(text), (low, high))
    number = float(text)
    if max(low, -LARGEST_FLOAT) <= number <= min(high, LARGEST_FLOAT):
        return number
    refuse(f"{item.name} is out of bounds")


def integer_of(number: float, bounds: tuple[float, float]) -> int:
    if bounds[0] <= number <= bounds[1] and number.is_integer():
        return int(number)
    refuse(f"{number} is no integer, or out of bounds", FAULTY)


def date_of(text: str) -> date:
    """Of a time with an offset, the date that it is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        refuse(f"{text!r} is no date", FAULTY)
