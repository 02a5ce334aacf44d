"""The addresses of the API, as OpenAPI 3.1 describes them. Each model has its own, typed by the version that serves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins as builtins

from shared.scoring.http import CSV, JSON
from shared.scoring.openapi.answers import as_csv, of_schema, ok
from shared.scoring.openapi.by_task import answer, meaning, prediction
from shared.scoring.openapi.errors import SCHEMAS, errors
from shared.scoring.openapi.parameters import compared, of_version, ref
from shared.scoring.openapi.rows import columns, example_columns, example_csv, example_row, row
from shared.scoring.rows import RequestFaulty
from shared.scoring.scored import score

if TYPE_CHECKING:
    from shared.scoring.serving.loaded import LoadedVersion

    type Schema = dict[str, Any]

ABOUT = "About models"
TRACED = ("x-request-id", "traceparent", "accept-encoding")


@dataclass(frozen=True, slots=True)
class Seen:
    """A model of the catalog, as it is now."""

    model: str
    loaded: LoadedVersion | None
    """The version that serves; None where there is none."""
    state: str = "serving"
    """``has no version yet`` or ``cannot be loaded`` where none serves."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may have at most."""

    rows: int
    bytes: int
    csv_rows: int
    csv_bytes: int


def schemas_of(seen: Seen, limits: Limits) -> dict[str, Schema]:
    """The components that belong to one model; none where no version serves."""
    if seen.loaded is None:
        return {}
    version, key = seen.loaded.asked, seen.loaded.renderer.key
    return {
        f"{seen.model}.row": row(version),
        f"{seen.model}.columns": columns(version, limits.rows),
        f"{seen.model}.answer": answer(version),
        f"{seen.model}.prediction": prediction(version, key),
    }


def paths_of(seen: Seen, limits: Limits) -> dict[str, Schema]:
    """Scoring and comparing by one model."""
    return {
        f"/models/{seen.model}/score": {"post": _scoring(seen, limits)},
        f"/models/{seen.model}/compare": {"post": _comparing(seen, limits)},
    }


def paths_about(models: list[str]) -> dict[str, Schema]:
    """What is told of models, and of the API itself."""
    return {
        "/models": {"get": _get("models", "The models, and what serves", "Models", "health", links=_to_a_model())},
        "/models/{model}": {
            "get": _get("model", "What a model takes, how it decides, how good it is", "Model", "model"),
            "parameters": [_model(models)],
        },
        "/models/{model}/versions": {
            "get": _get("versions", "The versions that there are, the newest first", "VersionPage", "model",
                        ref("version-limit", "version-before"), _next_page("versions")),
            "parameters": [_model(models)],
        },
        "/models/{model}/history": {
            "get": _get("history", "What served when, and why, the newest first", "HistoryPage", "model",
                        ref("history-limit", "history-before"), _next_page("history")),
            "parameters": [_model(models)],
        },
        "/health": {"get": _get("health", "Whether every model can be answered", "Health", "health")},
    }  # fmt: skip


def _scoring(seen: Seen, limits: Limits) -> Schema:
    name, loaded = seen.model, seen.loaded
    operation: Schema = {
        "operationId": f"score-{name}",
        "tags": [name],
        "summary": "Score rows",
        "description": _said_of(seen),
        "parameters": [of_version(_name(loaded)), *ref("explain", "top", *TRACED, "content-encoding")],
        "requestBody": _body(seen, limits),
        "responses": errors("score", _faults(loaded)),
    }
    if loaded is not None:
        as_json = {JSON: {"schema": {"$ref": f"{SCHEMAS}{name}.answer"}, **_answered(loaded, JSON)}}
        text = _answered(loaded, CSV).get("example", "")
        done = ok("An answer for each row, in the order of the request.", {**as_json, **as_csv(text)})
        done["links"] = _by_version(name)
        operation["responses"] = {"200": done, **operation["responses"]}
    return operation


def _comparing(seen: Seen, limits: Limits) -> Schema:
    operation: Schema = {
        "operationId": f"compare-{seen.model}",
        "tags": [seen.model],
        "summary": "The same rows by two versions, side by side",
        "description": "Nobody is served by it, and nothing is logged. The rows are read by the schema that both take.",
        "parameters": [compared(_name(seen.loaded)), *ref("against", *TRACED, "content-encoding")],
        "requestBody": _body(seen, limits),
        "responses": errors("compare", _faults(seen.loaded)),
    }
    if seen.loaded is not None:
        done = ok("Both answers for each row, and how far they are apart.", of_schema(seen.loaded.comparison.__name__))
        operation["responses"] = {"200": done, **operation["responses"]}
    return operation


def _name(loaded: LoadedVersion | None) -> str | None:
    return loaded.version.version if loaded else None


def _said_of(seen: Seen) -> str:
    if seen.loaded is None:
        return f"`{seen.model}` {seen.state}: until it does, the answer is 503."
    version = seen.loaded.version
    about = f"{version.title}. {version.description}".strip()
    return (
        f"{about}\n\n{meaning(version)}\n\nTyped by version `{version.version}`, which serves. A version that "
        "is asked for by name may take other inputs. Where one row has a fault, none is scored."
    )


def _body(seen: Seen, limits: Limits) -> Schema:
    if seen.loaded is None:
        return {"required": True, "content": {JSON: {"schema": {"type": ["object", "array"]}}}}
    version = seen.loaded.asked
    one = {"$ref": f"{SCHEMAS}{seen.model}.row"}
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": limits.rows, "title": "A list of rows"}
    first, second = example_row(version), example_row(version, second=True)
    return {
        "required": True,
        "description": (
            "A row, a list of rows, rows by column, or CSV: a header and a line for each row. "
            f"JSON: up to {limits.rows:,} rows and {limits.bytes:,} bytes; CSV: up to "
            f"{limits.csv_rows:,} rows and {limits.csv_bytes:,} bytes, an empty field is null. UTF-8, plain or gzip."
        ),
        "content": {
            JSON: {
                "schema": {"oneOf": [one, many, {"$ref": f"{SCHEMAS}{seen.model}.columns"}]},
                "examples": {
                    "row": {"summary": "A row", "value": first},
                    "rows": {"summary": "A list of rows", "value": [first, second]},
                    "columns": {"summary": "Rows by column", "value": example_columns(version)},
                },
            },
            **as_csv(example_csv(version)),
        },
    }


def _get(name: str, summary: str, schema: str, where: str, parameters: Any = (), links: Any = None) -> Schema:
    done = ok(summary + ".", of_schema(schema))
    return {
        "operationId": name,
        "tags": [ABOUT],
        "summary": summary,
        "parameters": [*parameters, *ref(*TRACED)],
        "responses": {"200": {**done, "links": links} if links else done, **errors(where)},
    }


def _model(models: list[str]) -> Schema:
    named: Schema = {"type": "string"}
    if models:
        named["enum"] = models
    return {"name": "model", "in": "path", "required": True, "schema": named, "description": "Of the catalog."}


def _to_a_model() -> Schema:
    first = {"model": "$response.body#/models/0/model"}
    return {name: {"operationId": name, "parameters": first} for name in ("model", "versions", "history")}


def _next_page(name: str) -> Schema:
    following = {"model": "$request.path.model", "before": "$response.body#/next"}
    return {"next": {"operationId": name, "parameters": following, "description": "Where `next` is not null."}}


def _by_version(model: str) -> Schema:
    """Links from an answer to what else can be asked of the same rows."""
    same = {"parameters": {"version": "$response.body#/version"}, "requestBody": "$request.body"}
    return {
        "again": {"operationId": f"score-{model}", **same, "description": "The same rows by the same version."},
        "compared": {"operationId": f"compare-{model}", **same, "description": "By this version and the champion."},
    }


def _answered(loaded: LoadedVersion, content_type: str) -> Schema:
    """What the version says of the example; nothing where it cannot."""
    rows = loaded.reader.read(json.dumps(example_row(loaded.asked)).encode())
    writer = loaded.renderer.writer(content_type)
    try:
        writer.add([score(loaded, rows)])
    except Exception:  # noqa: BLE001 - onnxruntime has an exception type for every way in which a graph fails
        return {}
    body = writer.body()
    return {"example": json.loads(body) if content_type == JSON else body.decode()}


def _faults(loaded: LoadedVersion | None) -> list[Schema]:
    """What the model says of a row in which every value is wrong: of its first two."""
    if loaded is None:
        return []
    wrong: Schema = {name: [] for name in example_row(loaded.asked)}
    try:
        loaded.reader.read(json.dumps(wrong).encode())
    except RequestFaulty as error:
        return [builtins(fault) for fault in error.faults[:2]]
    return []
