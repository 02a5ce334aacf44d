"""Turn raw TOML into specs, collecting every fault with its path instead of stopping at the first."""

from __future__ import annotations

import difflib
from typing import Any, Literal, get_args, get_origin

import msgspec


class Failed:
    """Stands for a value that could not be made; its fault is on the list."""


FAILED = Failed()


def decode(raw: object, kind: Any, path: str, faults: list[str]) -> Any:
    """Make a ``kind`` of ``raw``; what does not fit is left out and appended to ``faults`` as ``path: why``."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _decode_struct(raw, kind, path, faults)
    if get_origin(kind) is dict:
        return _decode_table(raw, get_args(kind)[1], path, faults)
    if get_origin(kind) is Literal and raw not in get_args(kind):
        faults.append(f"{path}: expected one of {', '.join(map(repr, get_args(kind)))}, got {raw!r}")
        return FAILED
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        faults.append(f"{path}: {error}")
        return FAILED


def _decode_struct(raw: object, kind: type[msgspec.Struct], path: str, faults: list[str]) -> Any:
    if not isinstance(raw, dict):
        faults.append(f"{path}: expected a table, got {type(raw).__name__}")
        return FAILED
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    strangers = [name for name in raw if name not in fields]
    missing = [name for name, field in fields.items() if field.required and name not in raw]
    faults += [f"{_join(path, name)}: is not known here{_suggestion(name, list(fields))}" for name in strangers]
    faults += [f"{_join(path, name)}: is missing" for name in missing]
    known = {
        field.name: decode(raw[name], field.type, _join(path, name), faults)
        for name, field in fields.items()
        if name in raw
    }
    if missing or FAILED in known.values():
        return FAILED
    return kind(**known)


def _decode_table(raw: object, kind: Any, path: str, faults: list[str]) -> Any:
    if not isinstance(raw, dict):
        faults.append(f"{path}: expected a table, got {type(raw).__name__}")
        return FAILED
    made = {name: decode(value, kind, _join(path, name), faults) for name, value in raw.items()}
    return {name: value for name, value in made.items() if value is not FAILED}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; expected one of {', '.join(sorted(known))}"
