"""What a catalog file must mean beyond having the right types. Each function returns faults as ``path: why``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.catalog.spec import CURSOR_TYPES, FEATURE_TYPES, NUMERIC_TYPES
from shared.store.names import SCORE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.catalog.spec import Classification, Column, Dataset, Decision, Gate

UNSPEAKABLE = frozenset('"\\')
"""Characters that a name cannot have in a request's JSON without being escaped."""


def column_faults(name: str, column: Column) -> list[str]:
    """The faults of one column's declaration."""
    path = f"dataset.columns.{name}"
    faults = [
        f"{path}.{fault}"
        for found in (_role_faults, _feature_faults, _personal_faults, _domain_faults)
        for fault in found(column)
    ]
    if not name.strip() or not name.isprintable() or set(name) & UNSPEAKABLE:
        faults.append(f"{path}: a column's name is printable and without {' '.join(sorted(UNSPEAKABLE))}")
    return faults


def _role_faults(column: Column) -> Iterator[str]:
    if column.role == "feature" and column.type not in FEATURE_TYPES:
        yield f"role: a {column.type} column cannot be a feature; expected one of {', '.join(sorted(FEATURE_TYPES))}"
    if column.known == "after" and column.role not in {"target", "unused"}:
        yield f"known: a {column.role} must be known before the decision; a column known after it is 'unused'"
    if column.role == "unused" and not column.reason:
        yield "reason: an unused column says why it is unused"
    if column.role == "time" and column.type not in {"date", "timestamp"}:
        yield f"type: the time column is a date or a timestamp, not {column.type!r}"
    if column.role == "series" and column.type not in {"category", "text"}:
        yield f"type: a series column is a category or a text, not {column.type!r}"
    if column.role in {"key", "time", "target", "series"} and column.nullable:
        yield f"nullable: the {column.role} column cannot be empty"


def _feature_faults(column: Column) -> Iterator[str]:
    if column.calendar and column.role != "time":
        yield f"calendar: is what of a time is a feature; expected role 'time', got {column.role!r}"
    if column.trusted is None:
        return
    if column.role != "feature" and not column.calendar:
        yield f"trusted: is for features, not for a column with role {column.role!r}"
    if not column.trusted.strip():
        yield "trusted: says why the feature may explain the target so well"


def _personal_faults(column: Column) -> Iterator[str]:
    if column.pii is True and column.role != "unused":
        yield (
            'pii: says that this is personal data, not how it may be exported; expected pii = "hash" (a keyed hash '
            'goes out) or pii = "drop" (nothing does)'
        )
    if column.pii == "drop" and column.role in {"key", "time", "target"}:
        instead = "'hash', or another column for it" if column.role == "key" else "another column for it"
        yield f"pii: the {column.role} column cannot be dropped; expected {instead}"
    if column.pii == "hash" and column.role in {"feature", "target"}:
        instead = "'drop'" if column.role == "feature" else "another column for it"
        yield f"pii: a hash says nothing as a {column.role}: no request brings it; expected {instead}"
    elif column.pii == "hash" and column.type not in {"category", "text"}:
        yield f"pii: a hash is text: expected type 'category' or 'text', got {column.type!r}"


def _domain_faults(column: Column) -> Iterator[str]:
    bounded = column.min is not None or column.max is not None
    if bounded and column.type not in NUMERIC_TYPES:
        yield f"min, max: bounds are for {', '.join(sorted(NUMERIC_TYPES))} columns, not for {column.type!r}"
    if column.min is not None and column.max is not None and column.min > column.max:
        yield f"min: {column.min:g} is above max, {column.max:g}"
    if column.levels is not None and column.type != "category":
        yield f"levels: are for category columns, not for {column.type!r}"
    if column.levels is not None and len(set(column.levels)) != len(column.levels):
        yield "levels: each level stands once"


def dataset_faults(dataset: Dataset) -> Iterator[str]:
    """The faults that more than one column, or the section as a whole, shows."""
    if dataset.name == SCORE:
        yield (
            f"dataset.name: {SCORE!r} is taken: files under drops/{SCORE}/ are scored, not learned from; expected "
            "another name"
        )
    sources = [name for name in ("table", "query", "dropped") if getattr(dataset, name)]
    if len(sources) != 1:
        yield f"dataset: expected one of 'table', 'query' or 'dropped = true', got {', '.join(sources) or 'none'}"
    for role in ("key", "time", "target"):
        names = [name for name, column in dataset.columns.items() if column.role == role]
        if len(names) != 1:
            yield f"dataset.columns: expected one column with role {role!r}, got {', '.join(names) or 'none'}"
    yield from _cursor_faults(dataset)


def _cursor_faults(dataset: Dataset) -> Iterator[str]:
    if dataset.dropped and dataset.cursor is not None:
        yield "dataset.cursor: means nothing where rows are dropped, and none are exported"
    if dataset.cursor is None:
        if dataset.look_back:
            yield "dataset.look_back: means nothing without dataset.cursor"
        return
    declared = (dataset.cursor,) if isinstance(dataset.cursor, str) else dataset.cursor
    if len(set(declared)) < len(declared):
        yield f"dataset.cursor: {declared[0]!r} stands twice; the second column tells rows of the same value apart"
    for name in declared:
        column = dataset.columns.get(name)
        if column is None or not column.is_used:
            yield f"dataset.cursor: expected a column that is declared and used, got {name!r}"
        elif column.pii:
            yield f"dataset.cursor: {name!r} is personal data, and a watermark is stored as it is"
    first = dataset.columns.get(declared[0])
    if first is not None and first.type not in CURSOR_TYPES:
        yield f"dataset.cursor: expected a column of type {', '.join(sorted(CURSOR_TYPES))}, got {first.type!r}"
    if first is not None and dataset.look_back and first.type not in {"integer", "date", "timestamp"}:
        yield f"dataset.look_back: a {first.type} has no distance to look back; expected an integer or a time"


def classification_faults(dataset: Dataset, model: Classification) -> Iterator[str]:
    """Whether there is something to learn from, and the model predicts what the target can be."""
    if not dataset.features():
        yield "dataset.columns: expected at least one column with role 'feature', got none"
    for name, column in dataset.columns.items():
        if column.role in {"series", "line"}:
            yield f"dataset.columns.{name}.role: {column.role!r} is for forecasts; expected another role"
        if column.role == "target" and column.type not in {"category", "boolean"}:
            yield (
                f"dataset.columns.{name}.type: the target of a classification is a category or a boolean, not "
                f"{column.type!r}"
            )
        levels = ("false", "true") if column.type == "boolean" else column.levels
        if column.role == "target" and levels is not None and model.positive not in levels:
            yield f"model.positive: expected a level of {name!r} ({', '.join(levels)}), got {model.positive!r}"


def gate_faults(dataset: Dataset, gate: Gate) -> Iterator[str]:
    """Whether what the gate judges one by one are levels."""
    features = dataset.features()
    for name in gate.segments:
        if name not in features or features[name].type != "category":
            yield f"gate.segments: expected features of type 'category', got {name!r}"


def decision_faults(decision: Decision) -> Iterator[str]:
    """Whether acting can pay."""
    if decision.cost >= decision.gain:
        yield f"model.decision.cost: {decision.cost:g} is not below gain, {decision.gain:g}: acting would never pay"
    if decision.act == decision.skip:
        yield "model.decision.skip: must differ from act"
