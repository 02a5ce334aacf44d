"""What one input takes: its type for msgspec, and the words in which it is told. All formats share them."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Raw

from shared.features import LARGEST_FLOAT

if TYPE_CHECKING:
    from shared.store.records import Input, Version

LARGEST_INTEGER = 2**53
"""Up to here JSON's numbers are exact everywhere."""
KEY = int | str | None
"""What a row may be named by."""
KEY_TYPE = "key"
INTEGERS = frozenset({"integer", KEY_TYPE})
"""Types of values that integers are among."""
KEY_EXPECTED = "an integer, a text or null"
NO_INPUT = "not to be sent: the model has no such input"
NOTHING = "nothing"
"""What came where a value is missing."""


class Value:
    """What a row holds under one name."""

    def __init__(self, kind: Any, expected: str, optional: bool, item: Input | None = None) -> None:
        self.kind, self.expected, self.optional = kind, expected, optional
        self.type: str = item.type if item else KEY_TYPE
        self.bounds: tuple[float, float] = _bounds(item) if item else (0, 0)
        self._decoder = msgspec.json.Decoder(kind)

    def fits(self, value: Raw) -> bool:
        """Whether this JSON text is such a value."""
        try:
            self._decoder.decode(value)
        except msgspec.ValidationError:
            return self._fits_as_whole(value)
        return True

    def _fits_as_whole(self, value: Raw) -> bool:
        """Whether it is an integer that is written as 41.0; to JSON that is the same number."""
        if self.type not in INTEGERS:
            return False
        try:
            number = msgspec.json.decode(value, type=int | float)
        except msgspec.ValidationError:
            return False
        low, high = (-LARGEST_INTEGER, LARGEST_INTEGER) if self.type == KEY_TYPE else self.bounds
        # Of a key beyond its bounds it is not known which integer was meant.
        return type(number) is float and number.is_integer() and low <= number <= high


def whole(value: Any) -> Any:
    """The same value, but for 41.0, which is 41; so in a list."""
    if isinstance(value, list):
        return [*map(whole, value)]
    return int(value) if type(value) is float and value.is_integer() else value


def values_of(version: Version) -> dict[str, Value]:
    """By name, in the version's order; the key comes last. Raises ValueError where two have one name."""
    names = [*(item.name for item in version.inputs), version.key.name]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"two values have the name {twice[0]!r}"
        raise ValueError(msg)
    values = {
        item.name: Value(kind(item), expected(item), optional=item.nullable, item=item) for item in version.inputs
    }
    values[version.key.name] = Value(KEY, KEY_EXPECTED, True)
    return values


def stranger(version: Version, name: str) -> str:
    """What is said of a name that the version does not take."""
    reason = version.unusable.get(name)
    return f"not to be sent: {reason}" if reason else NO_INPUT


def expected(item: Input) -> str:
    """What an input takes, in words."""
    words = {
        "integer": "an integer",
        "boolean": "true or false",
        "category": "a text",
        "weekday": "a date like 2026-11-23",
    }.get(item.type, "a number")
    if item.days is not None:
        words = f"a date from {item.days.first} to {item.days.last}"
    bounds = [
        f"{word} {bound:,.15g}" for word, bound in (("at least", item.min), ("at most", item.max)) if bound is not None
    ]
    sentence = f"{words} {' and '.join(bounds)}".strip()
    return f"{sentence}, or null" if item.nullable else sentence


def kind(item: Input) -> Any:
    """The type that msgspec checks a value by."""
    kinds = {"integer": int, "boolean": bool, "category": str, "weekday": date, "day": date}
    found: Any = kinds.get(item.type, float)
    if found in (int, float):
        low, high = _bounds(item)
        found = Annotated[found, Meta(ge=low, le=high)]
    return found | None if item.nullable else found


def _bounds(item: Input) -> tuple[float, float]:
    """The least and the largest number that is taken: the schema's, but never beyond what can be computed with."""
    most = LARGEST_INTEGER if item.type == "integer" else LARGEST_FLOAT
    low = -most if item.min is None else max(item.min, -most)
    high = most if item.max is None else min(item.max, most)
    return (math.ceil(low), math.floor(high)) if item.type == "integer" else (low, high)
