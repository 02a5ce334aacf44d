"""From a request's JSON to columns of checked values; what does not fit is told by row and field.

The types that check a row are generated from the version's own schema, so a request is always held against the model
that will answer it.
"""

from __future__ import annotations

import math
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from shared.features import LARGEST_FLOAT
from shared.scoring.rows import MOST_FAULTS, Fault, NotRead, RequestFaulty, Rows, cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.store.records import Input, Version

LARGEST_INTEGER = 2**53
"""Up to here JSON's numbers are exact everywhere."""
KEY = int | str | None
"""What a row may be named by."""


class RowReader:
    """Reads the requests of one version."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._fields = [f"f{place}" for place in range(len(version.inputs))]
        self._values = {item.name: _Value(_kind(item), expected(item), item.nullable) for item in version.inputs}
        self._values[version.key.name] = _Value(KEY, "an integer, a text or null", optional=True)
        self._row = self._row_type()
        self._decoder = msgspec.json.Decoder(self._row | list[self._row])  # type: ignore[name-defined]

    def read(self, body: bytes) -> Rows:
        """Read a row or a list of rows. Raises NotRead, RequestFaulty."""
        try:
            decoded = self._decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise NotRead(str(error)) from error
        rows = decoded if isinstance(decoded, list) else [decoded]
        columns = {
            item.name: [getattr(row, field) for row in rows]
            for item, field in zip(self._version.inputs, self._fields, strict=True)
        }
        return Rows(len(rows), columns, [row.key for row in rows])

    def _decode(self, body: bytes) -> Any:
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            # Where a name stands twice in an object, the first may be wrong and the last, which counts, right.
            faults = list(islice(self._faults(body), MOST_FAULTS)) or [Fault("$", str(error), "")]
            raise RequestFaulty(faults) from error

    def _row_type(self) -> type[msgspec.Struct]:
        """One struct with a field for each input. Columns may have names that Python does not allow."""
        fields: list[Any] = []
        for item, field in zip(self._version.inputs, self._fields, strict=True):
            kind = self._values[item.name].kind
            fields.append((field, kind, None) if item.nullable else (field, kind))
        fields.append(("key", KEY | UnsetType, UNSET))
        names = dict(zip(self._fields, (item.name for item in self._version.inputs), strict=True))
        return msgspec.defstruct(
            "Row",
            fields,
            rename={**names, "key": self._version.key.name},
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )

    def _faults(self, body: bytes) -> Iterator[Fault]:
        """Read again value by value, since the decoder stops at the first fault, and before what is not JSON."""
        body.decode()
        whole = msgspec.json.decode(body, type=Raw)
        try:
            rows = msgspec.json.decode(whole, type=list[Raw])
        except msgspec.ValidationError:
            yield from self._row_faults("$", 0, whole)
            return
        for place, row in enumerate(rows):
            yield from self._row_faults(f"$[{place}]", place, row)

    def _row_faults(self, path: str, place: int, row: Raw) -> Iterator[Fault]:
        try:
            sent = msgspec.json.decode(row, type=dict[str, Raw])
        except msgspec.ValidationError:
            yield Fault(path, "an object with the model's inputs", _shown(row), place)
            return
        for name in sent:
            if name not in self._values:
                yield self._stranger(path, place, name, sent[name])
        for name, value in self._values.items():
            if name in sent and not value.fits(sent[name]):
                yield Fault(f"{path}.{name}", value.expected, _shown(sent[name]), place, name)
            if name not in sent and not value.optional:
                yield Fault(f"{path}.{name}", value.expected, "nothing", place, name)

    def _stranger(self, path: str, place: int, name: str, value: Raw) -> Fault:
        reason = self._version.unusable.get(name)
        wanted = f"not to be sent: {reason}" if reason else "not to be sent: the model has no such input"
        return Fault(f"{path}.{cut(name)}", wanted, _shown(value), place, cut(name))


class _Value:
    """What a row holds under one name, read on its own."""

    def __init__(self, kind: Any, expected: str, optional: bool) -> None:
        self.kind, self.expected, self.optional = kind, expected, optional
        self._decoder = msgspec.json.Decoder(kind)

    def fits(self, value: Raw) -> bool:
        try:
            self._decoder.decode(value)
        except msgspec.ValidationError:
            return False
        return True


def expected(item: Input) -> str:
    """What an input takes, in words."""
    words = {
        "integer": "an integer",
        "boolean": "true or false",
        "category": "a text",
        "weekday": "a date like 2026-11-23",
    }.get(item.type, "a number")
    bounds = [
        f"{word} {bound:,.15g}" for word, bound in (("at least", item.min), ("at most", item.max)) if bound is not None
    ]
    sentence = f"{words} {' and '.join(bounds)}".strip()
    return f"{sentence}, or null" if item.nullable else sentence


def _kind(item: Input) -> Any:
    kinds = {"integer": _integer(item), "boolean": bool, "category": str, "weekday": date}
    kind = kinds.get(item.type, _number(item))
    return kind | None if item.nullable else kind


def _integer(item: Input) -> Any:
    low = -LARGEST_INTEGER if item.min is None else max(math.ceil(item.min), -LARGEST_INTEGER)
    high = LARGEST_INTEGER if item.max is None else min(math.floor(item.max), LARGEST_INTEGER)
    return Annotated[int, Meta(ge=low, le=high)]


def _number(item: Input) -> Any:
    low = -LARGEST_FLOAT if item.min is None else max(item.min, -LARGEST_FLOAT)
    high = LARGEST_FLOAT if item.max is None else min(item.max, LARGEST_FLOAT)
    return Annotated[float, Meta(ge=low, le=high)]


def _shown(value: Raw) -> str:
    return cut(bytes(value).decode())
