"""From a request's JSON to columns of checked values; what does not fit is told by row and field.

The types that check it are generated from the version's own schema, so a request is always held against the model that
will answer it. Three forms: a row, ``{"age": 41}``; a list of rows; and columns, ``{"columns": {"age": [41, 42]}}``.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from shared.scoring.formats.values import INTEGERS, KEY, NOTHING, stranger, values_of, whole
from shared.scoring.rows import MOST_FAULTS, Fault, NotRead, RequestFaulty, Rows, cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.scoring.formats.values import Value
    from shared.store.records import Version

CHUNK_ROWS = 2048
COLUMNS = "columns"
_LETTERS = "".join(rf"(?:{letter}|\\u00(?i:{ord(letter):02x}))" for letter in COLUMNS)
COLUMNS_BEGIN = re.compile(rf'\s*\{{\s*"{_LETTERS}"\s*:\s*\{{'.encode())
"""No row begins so: an input of that name would hold a value, not an object. JSON lets any letter be escaped."""
WHOLE = "an object with the model's inputs"


class RowReader:
    """Reads the JSON requests of one version. Raises ValueError where its inputs' names cannot be told apart."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._values = values_of(version)
        inputs = [item.name for item in version.inputs]
        self._fields = [f"f{place}" for place in range(len(inputs))]
        self._names = dict(zip(inputs, self._fields, strict=True))
        self._getters: list[tuple[str, Callable[[Any], Any]]] = [
            (name, attrgetter(field)) for name, field in self._names.items()
        ]
        row = self._type("Row", lambda kind: kind, KEY, None)
        columns = self._type("Columns", lambda kind: list[kind], list[KEY], UNSET)  # type: ignore[valid-type]
        whole = msgspec.defstruct("Whole", [(COLUMNS, columns)], forbid_unknown_fields=True)
        self._decoder = msgspec.json.Decoder(row | list[row])  # type: ignore[valid-type]
        self._columns: msgspec.json.Decoder[Any] = msgspec.json.Decoder(whole)

    def read(self, body: bytes) -> Rows:
        """Read a row, a list of rows or columns. Raises NotRead, RequestFaulty."""
        decoded = self._decode(body)
        return decoded if isinstance(decoded, Rows) else self._of_rows(decoded, 0)

    def chunks(self, body: bytes) -> Iterator[Rows]:
        """The same; many rows come in parts, the first of which are worked on while the next are laid out."""
        decoded = self._decode(body)
        if isinstance(decoded, Rows):
            yield decoded
            return
        for first in range(0, len(decoded), CHUNK_ROWS):
            yield self._of_rows(decoded[first : first + CHUNK_ROWS], first)

    def _decode(self, body: bytes) -> Rows | list[Any]:
        body = body.removeprefix(BOM_UTF8)  # some tools of Windows begin each file with it
        in_columns = COLUMNS_BEGIN.match(body) is not None
        try:
            if in_columns:
                return self._of_columns(self._columns.decode(body).columns)
            decoded = self._decoder.decode(body)
        except msgspec.ValidationError as error:
            return self._again(body, in_columns, error)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise NotRead(str(error)) from error
        return decoded if isinstance(decoded, list) else [decoded]

    def _of_rows(self, rows: list[Any], first: int) -> Rows:
        if len(rows) == 1:
            (row,) = rows
            return Rows(1, {name: [get(row)] for name, get in self._getters}, [row.key], first)
        columns = {name: list(map(get, rows)) for name, get in self._getters}
        return Rows(len(rows), columns, [row.key for row in rows], first)

    def _type(self, name: str, around: Callable[[Any], Any], key: Any, absent: Any) -> Any:
        """A struct with a field for each input. Columns may have names that Python does not allow."""
        fields: list[Any] = []
        for item, field in self._names.items():
            kind = around(self._values[item].kind)
            if not self._values[item].optional:
                fields.append((field, kind))
            else:
                fields.append((field, kind if absent is None else kind | UnsetType, absent))
        fields.append(("key", key | UnsetType, UNSET))
        names = {field: item for item, field in self._names.items()}
        rename = {**names, "key": self._version.key.name}
        return msgspec.defstruct(name, fields, rename=rename, forbid_unknown_fields=True, kw_only=True, gc=False)

    def _of_columns(self, sent: Any) -> Rows:
        """Columns that are absent are empty throughout, as a name that a row does not have is."""
        columns = {name: get(sent) for name, get in self._getters}
        given = [*(values for values in columns.values() if values is not UNSET)]
        if sent.key is not UNSET:
            given.append(sent.key)
        counts = {len(values) for values in given}
        if len(counts) > 1:
            raise RequestFaulty(list(islice(self._uneven(columns, sent.key, max(counts)), MOST_FAULTS)))
        count = counts.pop() if counts else 0
        keys = [UNSET] * count if sent.key is UNSET else sent.key
        return Rows(
            count, {name: [None] * count if values is UNSET else values for name, values in columns.items()}, keys
        )

    def _uneven(self, columns: dict[str, Any], keys: Any, longest: int) -> Iterator[Fault]:
        """Columns of different lengths: which value belongs to which row is not known."""
        for name, values in {**columns, self._version.key.name: keys}.items():
            if values is not UNSET and len(values) < longest:
                yield Fault(
                    f"$.{COLUMNS}.{name}",
                    f"{longest:,} values, as the longest column has",
                    f"{len(values):,} values",
                    field=name,
                )

    def _again(self, body: bytes, in_columns: bool, error: msgspec.ValidationError) -> Rows | list[Any]:
        """Read value by value, since the decoder stops at the first fault, and before what is not JSON.

        Where nothing is wrong but that integers are written as 41.0, which the decoder does not take, they are taken.
        """
        try:
            body.decode()
            raw = msgspec.json.decode(body, type=Raw)
            faults = list(islice(self._column_faults(raw) if in_columns else self._faults(raw), MOST_FAULTS))
            if not faults:
                return self._with_whole(body, in_columns, error)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as not_json:
            raise NotRead(str(not_json)) from not_json
        raise RequestFaulty(faults) from error

    def _with_whole(self, body: bytes, in_columns: bool, error: msgspec.ValidationError) -> Rows | list[Any]:
        """Rows in which some integers are written as 41.0."""
        sent = _with_each_name_once(body, error)
        names = [name for name, value in self._values.items() if value.type in INTEGERS]
        for holder in [sent[COLUMNS]] if in_columns else sent if isinstance(sent, list) else [sent]:
            for name in names:
                if name in holder:
                    holder[name] = whole(holder[name])
        if in_columns:
            return self._of_columns(msgspec.convert(sent, self._columns.type).columns)
        rows: Any = msgspec.convert(sent, self._decoder.type)
        return rows if isinstance(rows, list) else [rows]

    def _faults(self, whole: Raw) -> Iterator[Fault]:
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
            yield Fault(path, WHOLE, _shown(row), place)
            return
        for name in sent:
            if name not in self._values:
                yield Fault(f"{path}.{cut(name)}", stranger(self._version, name), _shown(sent[name]), place, cut(name))
        for name, value in self._values.items():
            if name in sent and not value.fits(sent[name]):
                yield Fault(f"{path}.{name}", value.expected, _shown(sent[name]), place, name)
            if name not in sent and not value.optional:
                yield Fault(f"{path}.{name}", value.expected, NOTHING, place, name)

    def _column_faults(self, whole: Raw) -> Iterator[Fault]:
        """By column, then by row."""
        sent = msgspec.json.decode(whole, type=dict[str, Raw])
        for name in sent:
            if name != COLUMNS:
                yield Fault(f"$.{cut(name)}", f"not to be sent beside {COLUMNS!r}", _shown(sent[name]), None, cut(name))
        columns = msgspec.json.decode(sent[COLUMNS], type=dict[str, Raw])
        for name in columns:
            if name not in self._values:
                expected = stranger(self._version, name)
                yield Fault(f"$.{COLUMNS}.{cut(name)}", expected, _shown(columns[name]), None, cut(name))
        for name, value in self._values.items():
            if name in columns:
                yield from _list_faults(name, value, columns[name])
            elif not value.optional:
                yield Fault(f"$.{COLUMNS}.{name}", f"a list, each {value.expected}", NOTHING, None, name)


def _with_each_name_once(body: bytes, error: msgspec.ValidationError) -> Any:
    """What JSON sends. Raises RequestFaulty where a name stands twice in an object: the last value counts and fits, but
    nobody has looked at those before."""
    import json

    def once(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) < len(members):
            names = [name for name, _ in members]
            twice = next(name for name in names if names.count(name) > 1)
            fault = Fault("$", f"each name once in an object: {error}", f"{cut(twice)!r} twice", field=cut(twice))
            raise RequestFaulty([fault]) from error
        return found

    return json.loads(body, object_pairs_hook=once)


def _list_faults(name: str, value: Value, column: Raw) -> Iterator[Fault]:
    path = f"$.{COLUMNS}.{name}"
    try:
        listed = msgspec.json.decode(column, type=list[Raw])
    except msgspec.ValidationError:
        yield Fault(path, f"a list, each {value.expected}", _shown(column), None, name)
        return
    for place, one in enumerate(listed):
        if not value.fits(one):
            yield Fault(f"{path}[{place}]", value.expected, _shown(one), place, name)


def _shown(value: Raw) -> str:
    return cut(bytes(value).decode())
