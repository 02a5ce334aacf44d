"""The OpenAPI document, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.scoring.http import JSON
from shared.scoring.openapi.answers import ok, schemas
from shared.scoring.openapi.errors import errors, header, headers, responses, traced
from shared.scoring.openapi.parameters import components, ref
from shared.scoring.openapi.paths import ABOUT, TRACED, paths_about, paths_of, schemas_of

if TYPE_CHECKING:
    from shared.scoring.openapi.paths import Limits, Seen

    type Schema = dict[str, Any]

PREFIX = "/api"
"""host.json's ``routePrefix``."""
API = "About the API"
DESCRIPTION = (
    "Rows in; probabilities and decisions out, or forecasts. Each model has its own address, typed by the version that "
    "serves.\n\n"
    "Every request brings the function key: in the header `x-functions-key` or, for a browser, as `?code=`.\n\n"
    "What is wrong with a request is answered as problem details (RFC 9457), all faults at once, each with its row and "
    "field; nothing is scored then. Programs go by `type`. After a 503, `Retry-After` says how long to wait.\n\n"
    "Every answer names the version that gave it, and the request's id. The query may hold what is listed here and "
    "nothing else."
)


def document(seen: list[Seen], limits: Limits) -> Schema:
    """OpenAPI 3.1, made from what serves."""
    models = [one.model for one in seen]
    paths: Schema = {}
    own: Schema = {}
    for one in seen:
        paths |= paths_of(one, limits)
        own |= schemas_of(one, limits)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cauce", "summary": "Scoring over HTTPS", "description": DESCRIPTION, "version": "1.0.0"},
        "servers": [{"url": PREFIX}],
        "security": [{"functionKey": []}, {"functionKeyInQuery": []}],
        "tags": [*({"name": one.model, "description": _title(one)} for one in seen), {"name": ABOUT}, {"name": API}],
        "paths": {**paths, **paths_about(models), **_paths_of_the_api()},
        "components": {
            "schemas": {**own, **schemas()},
            "parameters": components(),
            "responses": responses(),
            "headers": headers(),
            "securitySchemes": {
                "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "functionKeyInQuery": {"type": "apiKey", "in": "query", "name": "code"},
            },
        },
    }


def _title(seen: Seen) -> str:
    return f"It {seen.state}." if seen.loaded is None else seen.loaded.version.title


def _paths_of_the_api() -> Schema:
    made = {"type": "object", "required": ["openapi", "info", "paths"]}
    return {
        "/openapi.json": {"get": _page("openapi", "This document", {JSON: {"schema": made}})},
        "/docs": {"get": _page("docs", "This document, on a page", {"text/html": {"schema": {"type": "string"}}})},
    }


def _page(name: str, summary: str, content: Schema) -> Schema:
    done = ok(summary + ".", content)
    done["headers"] = {**done["headers"], **header("ETag")}
    same = {"description": "The caller has it.", "headers": {**traced(), **header("ETag")}}
    return {
        "operationId": name,
        "tags": [API],
        "summary": summary,
        "parameters": ref(*TRACED, "if-none-match"),
        "responses": {"200": done, "304": same, **errors("any")},
    }
