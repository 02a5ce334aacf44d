"""What a query and headers may hold, once for all addresses."""

from __future__ import annotations

from typing import Any

from shared.scoring.about import LINES, MOST_LINES, MOST_VERSIONS, VERSIONS
from shared.scoring.reasons.explain import MOST_TOP, USUAL_TOP
from shared.store.names import VERSION_PATTERN

type Schema = dict[str, Any]

VERSION = {"type": "string", "pattern": VERSION_PATTERN.pattern.replace(r"\Z", "$").replace(r"\d", "[0-9]")}


def components() -> dict[str, Schema]:
    """By the names that ``ref`` takes."""
    return {
        "against": _query("against", VERSION, "The other one; without it, the one that serves."),
        "explain": _query(
            "explain",
            {"type": "boolean"},
            "`true`: each answer says which values moved it most, by how much, and how sure that is.",
            example=True,
        ),
        "top": _query(
            "top",
            {"type": "integer", "minimum": 1, "maximum": MOST_TOP, "default": USUAL_TOP},
            "How many values are named for each row; only beside `explain=true`.",
        ),
        "version-limit": _limit(VERSIONS, MOST_VERSIONS),
        "version-before": _query("before", VERSION, "`next` of the page before."),
        "history-limit": _limit(LINES, MOST_LINES),
        "history-before": _query(
            "before", {"type": "integer", "minimum": 1, "maximum": 10**9}, "`next` of the page before."
        ),
        "x-request-id": _header(
            "x-request-id", {"type": "string"}, "The caller's name for the request; the answer has it, and the logs do."
        ),
        "traceparent": _header(
            "traceparent", {"type": "string"}, "W3C Trace Context. One that is malformed is passed over."
        ),
        "accept-encoding": _header("accept-encoding", {"type": "string"}, "`gzip` compresses answers from 2 KB on."),
        "content-encoding": _header(
            "content-encoding",
            {"type": "string", "pattern": "^(gzip|identity)?$"},
            "`gzip` where the body is compressed.",
        ),
        "if-none-match": _header("if-none-match", {"type": "string"}, "The `ETag` of what the caller has."),
    }


def of_version(example: str | None) -> Schema:
    """The version that answers, in the place of the one that serves."""
    return _query(
        "version", VERSION, "The version that answers all rows, instead of the one that serves.", example=example
    )


def compared(example: str | None) -> Schema:
    """The version that is compared."""
    return {**_query("version", VERSION, "The version to compare.", example), "required": True}


def ref(*names: str) -> list[Schema]:
    """References to them."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _limit(usual: int, most: int) -> Schema:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return _query("limit", schema, "How many there are on a page.")


def _query(name: str, schema: Schema, description: str, example: Any = None) -> Schema:
    found: Schema = {"name": name, "in": "query", "schema": schema, "description": description}
    return found if example is None else {**found, "example": example}


def _header(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "header", "schema": schema, "description": description}
