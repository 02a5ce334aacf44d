"""From a request's JSON to columns of checked values; what does not fit is told by row and field.

The types that check a row are generated from the version's own schema, so a request is always held against the model
that will answer it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

if TYPE_CHECKING:
    from shared.store.records import Input, Version

LARGEST_INTEGER = 2**53
LARGEST_FLOAT = 3.4e38
MOST_FAULTS = 100
SHOWN_CHARACTERS = 40


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request, and where."""

    path: str
    expected: str
    got: str


class RequestFaulty(Exception):
    """The body is JSON, but not rows that the model takes."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


class NotJson(Exception):
    """The body is not JSON; the message says where it stops being so."""


@dataclass(frozen=True)
class Rows:
    """Checked rows, by column."""

    count: int
    columns: dict[str, list[Any]]
    keys: list[Any]
    """What names each row, or UNSET where the request does not say."""


class RowReader:
    """Reads the requests of one version."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._fields = [f"f{place}" for place in range(len(version.inputs))]
        self._kinds = {item.name: _kind(item) for item in version.inputs}
        self._row = self._row_type()
        self._decoder = msgspec.json.Decoder(self._row | list[self._row])  # type: ignore[name-defined]

    def read(self, body: bytes) -> Rows:
        """Read a row or a list of rows. Raises NotJson, RequestFaulty."""
        try:
            decoded = self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise RequestFaulty(self._faults(body) or [Fault("$", str(error), "")]) from error
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise NotJson(str(error)) from error
        rows = decoded if isinstance(decoded, list) else [decoded]
        columns = {
            item.name: [getattr(row, field) for row in rows]
            for item, field in zip(self._version.inputs, self._fields, strict=True)
        }
        return Rows(len(rows), columns, [row.key for row in rows])

    def _row_type(self) -> type[msgspec.Struct]:
        """One struct with a field for each input. Columns may have names that Python does not allow."""
        fields: list[Any] = []
        for item, field in zip(self._version.inputs, self._fields, strict=True):
            kind = self._kinds[item.name]
            fields.append((field, kind, None) if item.nullable else (field, kind))
        fields.append(("key", int | str | None | UnsetType, UNSET))
        names = dict(zip(self._fields, (item.name for item in self._version.inputs), strict=True))
        return msgspec.defstruct(
            "Row",
            fields,
            rename={**names, "key": self._version.key.name},
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )

    def _faults(self, body: bytes) -> list[Fault]:
        """All faults, up to MOST_FAULTS: read again without types, since the decoder stops at the first."""
        raw = msgspec.json.decode(body)
        rows = raw if isinstance(raw, list) else [raw]
        faults: list[Fault] = []
        for place, row in enumerate(rows):
            faults += self._row_faults(f"$[{place}]" if isinstance(raw, list) else "$", row)
            if len(faults) >= MOST_FAULTS:
                break
        return faults[:MOST_FAULTS]

    def _row_faults(self, path: str, row: object) -> list[Fault]:
        if not isinstance(row, dict):
            return [Fault(path, "an object with the model's inputs", _shown(row))]
        faults = [self._stranger(path, name, row[name]) for name in row if not self._takes(name)]
        for item in self._version.inputs:
            where = f"{path}.{item.name}"
            if item.name not in row:
                if not item.nullable:
                    faults.append(Fault(where, expected(item), "nothing"))
                continue
            try:
                msgspec.convert(row[item.name], self._kinds[item.name])
            except msgspec.ValidationError:
                faults.append(Fault(where, expected(item), _shown(row[item.name])))
        return faults

    def _takes(self, name: str) -> bool:
        return name in self._kinds or name == self._version.key.name

    def _stranger(self, path: str, name: str, value: object) -> Fault:
        reason = self._version.unusable.get(name)
        wanted = f"not to be sent: {reason}" if reason else "not to be sent: the model has no such input"
        return Fault(f"{path}.{name}", wanted, _shown(value))


def expected(item: Input) -> str:
    """What an input takes, in words."""
    words = {"integer": "an integer", "boolean": "true or false", "category": "a text"}.get(item.type, "a number")
    bounds = [
        f"{word} {bound:g}" for word, bound in (("at least", item.min), ("at most", item.max)) if bound is not None
    ]
    sentence = f"{words} {' and '.join(bounds)}".strip()
    return f"{sentence}, or null" if item.nullable else sentence


def _kind(item: Input) -> Any:
    kinds = {"integer": _integer(item), "boolean": bool, "category": str}
    kind = kinds.get(item.type, _number(item))
    return kind | None if item.nullable else kind


def _integer(item: Input) -> Any:
    low = -LARGEST_INTEGER if item.min is None else math.ceil(item.min)
    high = LARGEST_INTEGER if item.max is None else math.floor(item.max)
    return Annotated[int, Meta(ge=low, le=high)]


def _number(item: Input) -> Any:
    """A bound is always there: the graph computes with 32-bit floats, in which larger numbers are infinite."""
    low = -LARGEST_FLOAT if item.min is None else item.min
    high = LARGEST_FLOAT if item.max is None else item.max
    return Annotated[float, Meta(ge=low, le=high)]


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
