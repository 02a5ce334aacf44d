"""What answers look like: the types that write them, as JSON Schema."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

from shared.scoring.about import HistoryPage, Part, State, VersionPage
from shared.scoring.compared import Comparison
from shared.scoring.forecasts.compare import ForecastComparison
from shared.scoring.http import CSV, JSON
from shared.scoring.openapi.errors import SCHEMAS, problem, traced
from shared.scoring.reasons.told import Reasons
from shared.scoring.rows import Fault
from shared.store.forecasts import LevelRecord
from shared.store.records import Data, Days, DecisionRule, Input, KeyColumn

if TYPE_CHECKING:
    type Schema = dict[str, Any]


class Models(TypedDict):
    """All models, in the catalog's order."""

    models: list[State]


class LogState(TypedDict):
    """How the prediction log of the process that answers is."""

    rows_waiting: int
    rows_lost: int
    trouble: str


class _Beside(TypedDict, total=False):
    canary: Part
    shadow: Part


class _ByTask(TypedDict, total=False):
    positive: str
    decision: DecisionRule
    measure: str
    frequency: str
    horizon: int
    origin: str
    days: Days
    levels: tuple[LevelRecord, ...]


class Model(_Beside, _ByTask):
    """What a model takes, how it decides, how good it is."""

    model: str
    title: str
    description: str
    version: str
    since: str
    metrics: dict[str, float]
    data: Data
    key: KeyColumn
    inputs: tuple[Input, ...]
    not_to_be_sent: dict[str, str]


class _Logged(TypedDict, total=False):
    prediction_log: LogState


class Health(_Logged):
    """``ok``, or ``degraded`` where something does not take part as it should; every model is answered all the same."""

    status: str
    models: list[State]


def schemas() -> dict[str, Schema]:
    """The components that all models share."""
    types = [Models, Model, VersionPage, HistoryPage, Health, Comparison, ForecastComparison, Reasons, Fault]
    _, found = msgspec.json.schema_components(types, ref_template=SCHEMAS + "{name}")
    said = {
        name: text
        for kind in (Comparison, ForecastComparison, Reasons, Fault, State, Data, LevelRecord)
        for name, text in _said_in(kind).items()
    }
    for name, schema in found.items():
        schema["description"] = _marked(schema.get("description", ""))
        for field, one in schema.get("properties", {}).items():
            if (name, field) in said:
                schema["properties"][field] = {**one, "description": said[name, field]}
    return {**found, "Problem": problem()}


def ok(description: str, content: dict[str, Schema]) -> Schema:
    """200: for each format what it holds."""
    return {"description": description, "headers": traced(), "content": content}


def of_schema(name: str) -> dict[str, Schema]:
    """JSON of a shared component."""
    return {JSON: {"schema": {"$ref": SCHEMAS + name}}}


def as_csv(example: str) -> dict[str, Schema]:
    """CSV; what OpenAPI can say of it is that it is text."""
    return {CSV: {"schema": {"type": "string"}, "example": example}}


@cache
def _said_in(kind: type) -> dict[tuple[str, str], str]:
    """What the module of ``kind`` says under each field of its classes; nothing where its source is not at hand."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[kind.__module__]))
    except (OSError, SyntaxError):
        return {}
    found = {}
    for owner in ast.walk(tree):
        body = owner.body if isinstance(owner, ast.ClassDef) else []
        for field, text in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                said = _literal(text)
                if said:
                    found[owner.name, field.target.id] = _marked(inspect.cleandoc(said))  # type: ignore[attr-defined]
    return found


def _literal(node: ast.stmt) -> str:
    value = node.value if isinstance(node, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _marked(text: str) -> str:
    """CommonMark has one backtick where docstrings have two."""
    return text.replace("``", "`").replace("\n", " ")
