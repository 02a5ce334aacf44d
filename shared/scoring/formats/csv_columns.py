"""One column of a CSV's texts into the values that JSON would have brought."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from shared.scoring.rows import cut

if TYPE_CHECKING:
    from shared.scoring.formats.values import Value

    type Text = str | None

EMPTY = "an empty field"
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
WHOLE_NUMBER = re.compile(r"\s*[+-]?\d{1,40}\s*", re.ASCII)
LONGEST_KEY = 40
"""Characters of a number that names a row. What is longer is a text, whatever stands in the rows beside it."""
PLAIN_INTEGER = re.compile(r"-?[1-9]\d*|0", re.ASCII)
MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?|\d{8}", re.ASCII
)
"""What databases and spreadsheets write. ISO 8601 knows more: Python also takes 400 ones for a time in 1111."""
BOOLEANS: dict[Any, bool] = {"true": True, "false": False, "1": True, "0": False}


class Refused:
    """Stands for a value that does not fit."""

    __slots__ = ("shown",)

    def __init__(self, text: Text) -> None:
        self.shown = EMPTY if text is None else cut(repr(text))


class Column(Protocol):
    """How one column is parsed."""

    def parse(self, texts: list[Text]) -> list[Any]:
        """A value for each text, or Refused; the text None is NULL."""


def column_of(value: Value, key_type: str) -> Column:
    """The parser of the values that a row holds under one name."""
    match value.type:
        case "key":
            return _Key(numbered=key_type == "integer")
        case "category":
            return _Texts(value)
        case "boolean":
            return _Booleans(value)
        case "weekday" | "day":
            return _Dates(value)
    return _Numbers(value)


class _OneByOne:
    """Parses value by value."""

    def __init__(self, value: Value) -> None:
        self._value = value

    def parse(self, texts: list[Text]) -> list[Any]:
        return [self._empty() if text is None else self._one(text) for text in texts]

    def _one(self, text: str) -> Any:
        raise NotImplementedError

    def _empty(self) -> Any:
        return None if self._value.optional else Refused(None)


class _Texts(_OneByOne):
    def parse(self, texts: list[Text]) -> list[Any]:
        return texts if self._value.optional or None not in texts else super().parse(texts)

    def _one(self, text: str) -> Any:
        return text


class _Booleans(_OneByOne):
    def parse(self, texts: list[Text]) -> list[Any]:
        values = list(map(BOOLEANS.get, texts))
        return super().parse(texts) if None in values else values

    def _one(self, text: str) -> Any:
        found = BOOLEANS.get(text.strip().lower())
        return Refused(text) if found is None else found


class _Dates(_OneByOne):
    def parse(self, texts: list[Text]) -> list[Any]:
        try:
            return msgspec.convert(texts, list[date])
        except msgspec.ValidationError:
            return super().parse(texts)

    def _one(self, text: str) -> Any:
        text = text.strip()
        if not MOMENT.fullmatch(text):
            return Refused(text)
        try:
            moment = datetime.fromisoformat(text)
            return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
        except (ValueError, OverflowError):
            return Refused(text)


class _Numbers(_OneByOne):
    def __init__(self, value: Value) -> None:
        super().__init__(value)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[value.kind])  # type: ignore[name-defined]

    def parse(self, texts: list[Text]) -> list[Any]:
        empty = texts.count(None)
        sent = ",".join(["null" if text is None else text for text in texts])
        try:
            values: list[Any] = self._decoder.decode(f"[{sent}]")
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return super().parse(texts)
        # "1,2" would be two numbers, and the text null an empty value.
        alike = len(values) == len(texts) and (not self._value.optional or values.count(None) == empty)
        return values if alike else super().parse(texts)

    def _one(self, text: str) -> Any:
        number: float
        if WHOLE_NUMBER.fullmatch(text):
            number = int(text)
        elif NUMBER.fullmatch(text):
            number = float(text)
        else:
            return Refused(text)
        low, high = self._value.bounds
        if not low <= number <= high:
            return Refused(text)
        if self._value.type != "integer":
            return float(number)
        return int(number) if number == int(number) else Refused(text)


class _Key:
    """What names a row: given back as it came, and as a number where the table's key is one."""

    def __init__(self, *, numbered: bool) -> None:
        self._numbered = numbered
        self._decoder = msgspec.json.Decoder(list[int])

    def parse(self, texts: list[Text]) -> list[Any]:
        if not self._numbered:
            return texts
        if None not in texts and max(map(len, texts), default=0) <= LONGEST_KEY:  # type: ignore[arg-type]
            try:
                values = self._decoder.decode(f"[{','.join(texts)}]")  # type: ignore[arg-type]
            except (msgspec.DecodeError, RecursionError):
                values = []
            if list(map(str, values)) == texts:
                return values
        return [self._one(text) if text else text for text in texts]

    @staticmethod
    def _one(text: str) -> int | str:
        return int(text) if len(text) <= LONGEST_KEY and PLAIN_INTEGER.fullmatch(text) else text
