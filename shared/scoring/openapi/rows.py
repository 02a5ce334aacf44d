"""What a version's rows look like, as JSON Schema: types, bounds, what may be absent, and rows to begin with."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from shared.scoring.forecasts.expand import DATE as DATE_INPUT
from shared.scoring.forecasts.expand import HORIZON
from shared.scoring.formats.json_request import COLUMNS
from shared.scoring.formats.values import values_of
from shared.store.forecasts import Forecaster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.scoring.formats.values import Value
    from shared.store.records import Input, Version

    type Schema = dict[str, Any]

KEY_TYPES = ["integer", "string", "null"]
DATE, NEXT_DATE = "2026-11-23", "2026-11-24"
DATE_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
MOST_LEVELS = 50
"""That are listed as examples."""
NEAR = 200
NOT_SENT = "x-not-to-be-sent"
"""The extension that names columns which a request may not hold, with the reason of each."""


def row(version: Version) -> Schema:
    """A row, as an object. What it may not hold stands in the extension ``x-not-to-be-sent``."""
    values = values_of(version)
    schema = _object({name: _of(name, version, value) for name, value in values.items()}, values)
    schema["title"] = f"A row of {version.model}"
    schema["examples"] = [example_row(version)]
    if version.unusable:
        schema[NOT_SENT] = dict(version.unusable)
    return schema


def columns(version: Version, most_rows: int) -> Schema:
    """Many rows by column, a list of values for each name, all of one length."""
    values = values_of(version)
    lists = {
        name: {"type": "array", "items": _of(name, version, value), "minItems": 1, "maxItems": most_rows}
        for name, value in values.items()
    }
    schema = _object({COLUMNS: {**_object(lists, values), "minProperties": 1}})
    schema["title"] = f"Rows of {version.model}, by column"
    schema["description"] = "All lists have the same length; a name that is absent is empty in every row."
    schema["examples"] = [example_columns(version)]
    return schema


def example_row(version: Version, *, second: bool = False) -> dict[str, Any]:
    """A row that the version takes; made up, of nobody's data. ``second``: another one."""
    place = int(second)
    values = values_of(version)
    made: dict[str, Any] = {version.key.name: place + 1 if version.key.type == "integer" else f"row {place + 1}"}
    made |= {item.name: _examples(item, values[item.name])[place] for item in version.inputs}
    return _one_series(version, made, second=second) if isinstance(version, Forecaster) else made


def _one_series(version: Forecaster, made: dict[str, Any], *, second: bool) -> dict[str, Any]:
    """What may be sent of a forecast's inputs together: one series, and a horizon or a date."""
    left_out = {*version.by[1:], HORIZON if second else DATE_INPUT}
    return {name: None if name in left_out else value for name, value in made.items()}


def example_columns(version: Version) -> dict[str, Any]:
    """The two rows of ``example_row``, by column."""
    first, second = example_row(version), example_row(version, second=True)
    return {COLUMNS: {name: [first[name], second[name]] for name in first}}


def example_csv(version: Version) -> str:
    """The same two rows as CSV."""
    rows = [example_row(version), example_row(version, second=True)]
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(rows[0])
    lines.writerows([_text(value) for value in row.values()] for row in rows)
    return written.getvalue()


def _object(properties: Mapping[str, Schema], values: Mapping[str, Value] | None = None) -> Schema:
    required: Iterable[str] = properties
    if values is not None:
        required = [name for name in properties if not values[name].optional]
    schema: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _of(name: str, version: Version, value: Value) -> Schema:
    """One value."""
    item = next((item for item in version.inputs if item.name == name), None)
    if item is None:
        said = version.key.description or "What names the row."
        return {"type": KEY_TYPES, "description": f"{said} The answer gives it back; no model sees it."}
    schema = {**_kind(item, value), "examples": _listed(item, value)}
    if item.nullable:
        schema["type"] = [schema["type"], "null"]
    description = " ".join(filter(None, (item.description, _meaning(item))))
    return {**schema, "description": description} if description else schema


def _kind(item: Input, value: Value) -> Schema:
    match item.type:
        case "category":
            return {"type": "string"}
        case "boolean":
            return {"type": "boolean"}
        case "weekday" | "day":
            return {"type": "string", "format": "date", "pattern": DATE_PATTERN}
    low, high = value.bounds
    return {"type": "integer" if item.type == "integer" else "number", "minimum": low, "maximum": high}


def _meaning(item: Input) -> str:
    if item.days is not None:
        return f"From {item.days.first} to {item.days.last}."
    if item.type == "weekday":
        return "The model sees which day of the week it is."
    if item.type != "category":
        return ""
    more = f", and {len(item.levels) - MOST_LEVELS:,} more" if len(item.levels) > MOST_LEVELS else ""
    known = ", ".join(f"`{level}`" for level in item.levels[:MOST_LEVELS])
    return f"Known levels: {known}{more}; any other is answered with a warning."


def _listed(item: Input, value: Value) -> list[Any]:
    if item.type == "category" and item.levels:
        return list(item.levels[:MOST_LEVELS])
    return _examples(item, value)


def _examples(item: Input, value: Value) -> list[Any]:
    """Two values that are taken; the same one twice where there is no other."""
    match item.type:
        case "category":
            levels = item.levels or ("a text",)
            return [levels[0], levels[-1]]
        case "boolean":
            return [True, False]
        case "weekday":
            return [DATE, NEXT_DATE]
        case "day":
            return [item.days.first, item.days.last] if item.days else [DATE, NEXT_DATE]
    low, high = value.bounds
    first = _between(item, low, high)
    second = first + 1 if first + 1 <= high else low
    return [first, second]


def _between(item: Input, low: float, high: float) -> float:
    """A third of the way up where that is not far, and else what is nearest to one."""
    if item.min is None or item.max is None or high - low > NEAR:
        return min(max(1, low), high)
    third = low + (high - low) / 3
    whole = round(third)
    if item.type == "integer" or low <= whole <= high:
        return whole if low <= whole <= high else low
    return third


def _text(value: Any) -> str:
    """As CSV writes it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
