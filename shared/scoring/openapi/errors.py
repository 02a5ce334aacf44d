"""Every error that can be answered, by its status, with an example; and the headers that answers have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.scoring.answers import Kind
from shared.scoring.http import PROBLEM
from shared.scoring.tracing import REQUEST_ID, TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    type Schema = dict[str, Any]

SCHEMAS, RESPONSES = "#/components/schemas/", "#/components/responses/"
EXAMPLE_ID = "5f0c1c0e8a5b4f0c9d7e6a1b2c3d4e5f"

DETAILS = {
    Kind.NOT_READ: "the body is not JSON (Input data was truncated); expected an object with the model's inputs",
    Kind.BAD_QUERY: "'verson' is not asked for here; expected of explain, top, version",
    Kind.NO_ADDRESS: "no such address: 'models/phone/train'; see GET models",
    Kind.NO_MODEL: "there is no model 'fax'; there is: phone",
    Kind.NO_VERSION: "model 'phone' has no version '20260101T000000Z-00000000'; without ?version= the one that serves "
    "answers",
    Kind.METHOD: "PUT is not answered here; expected POST",
    Kind.NOT_ACCEPTABLE: "the answer can be application/json or text/csv; the request's Accept takes neither: "
    "'image/png'",
    Kind.NOT_COMPARABLE: "no request suits both versions: it needs 'age', which no request brings",
    Kind.NOT_EXPLAINED: "version 20260101T000000Z-00000000 of model 'phone' was made before answers could be explained",
    Kind.TOO_LARGE: "the request has more than 10,000 rows: send them in several requests",
    Kind.MEDIA_TYPE: "the body's content type is 'image/png'; expected application/json or text/csv",
    Kind.FAULTY: "1 value of the request cannot be used; nothing was scored",
    Kind.NOT_SET_UP: "the app is not set up: settings: DataStorage: expected a connection string",
    Kind.NOT_YET: "model 'phone' has no version yet: it serves when the first drop has been trained on",
    Kind.NOT_LOADED: "model 'phone' cannot be loaded: storage did not answer",
    Kind.BROKEN: "no answer can be given: phone 20260101T000000Z-00000000 gives no probability; retrain the model",
    Kind.BUSY: "64 requests are being answered, as many as memory is kept for; try again",
}
"""An example of each; what is true of a request is in its own ``detail``."""

EVERYWHERE = (Kind.BAD_QUERY, Kind.METHOD, Kind.NOT_SET_UP)
NOT_OF_SCORING = (Kind.NOT_COMPARABLE, Kind.NO_ADDRESS)
NOT_OF_COMPARING = (Kind.NOT_ACCEPTABLE, Kind.NOT_EXPLAINED, Kind.NO_ADDRESS)
KINDS = {
    "any": EVERYWHERE,
    "health": (*EVERYWHERE, Kind.NOT_LOADED),
    "model": (*EVERYWHERE, Kind.NO_MODEL, Kind.NO_ADDRESS, Kind.NOT_YET, Kind.NOT_LOADED),
    "score": tuple(kind for kind in Kind if kind not in NOT_OF_SCORING),
    "compare": tuple(kind for kind in Kind if kind not in NOT_OF_COMPARING),
}
"""What can go wrong where. A kind that is not known to belong elsewhere belongs to rows."""
UNAUTHORIZED = {"description": "The function key is missing or wrong. The platform says so, without a body."}
HEADERS_SENT = {
    Kind.METHOD: "Allow", Kind.MEDIA_TYPE: "Accept", Kind.NOT_YET: "Retry-After", Kind.NOT_LOADED: "Retry-After",
    Kind.BROKEN: "Retry-After", Kind.BUSY: "Retry-After",
}  # fmt: skip


def errors(where: str, faults: Sequence[Schema] = ()) -> dict[str, Schema]:
    """References to the errors of one of ``KINDS``, by status. ``faults`` are an example of what rows can have."""
    statuses = _by_status(KINDS[where])
    found: dict[str, Schema] = {status: {"$ref": f"{RESPONSES}{where}-{status}"} for status in statuses}
    if faults:
        status = str(int(Kind.FAULTY.status))
        found[status] = _error(statuses[status], faults)
    return dict(sorted({**found, "401": {"$ref": f"{RESPONSES}unauthorized"}}.items()))


def responses() -> dict[str, Schema]:
    """The components that they refer to."""
    found = {
        f"{where}-{status}": _error(of_status)
        for where, kinds in KINDS.items()
        for status, of_status in _by_status(kinds).items()
    }
    return {"unauthorized": UNAUTHORIZED, **found}


def headers() -> dict[str, Schema]:
    """The components that responses name."""
    return {
        REQUEST_ID: {
            "description": "The request's name: the caller's, where it is short and plain, and else a new one. "
            "Logs and the prediction log have it.",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
        },
        TRACEPARENT: {
            "description": "W3C Trace Context: the caller's trace, with a span of its own.",
            "schema": {"type": "string"},
        },
        "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
        "Allow": {"description": "The method that is answered.", "schema": {"type": "string"}},
        "Accept": {"description": "The formats that are taken.", "schema": {"type": "string"}},
        "ETag": {"description": "For `if-none-match`.", "schema": {"type": "string"}},
    }


def header(*names: str) -> dict[str, Schema]:
    """References to them."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def traced() -> dict[str, Schema]:
    return header(REQUEST_ID, TRACEPARENT)


def _by_status(kinds: Iterable[Kind]) -> dict[str, list[Kind]]:
    found: dict[str, list[Kind]] = {}
    for kind in kinds:
        found.setdefault(str(int(kind.status)), []).append(kind)
    return found


def _error(kinds: list[Kind], faults: Sequence[Schema] = ()) -> Schema:
    examples = {kind.slug: {"value": _example(kind, faults if kind is Kind.FAULTY else ())} for kind in kinds}
    content = {PROBLEM: {"schema": {"$ref": SCHEMAS + "Problem"}, "examples": examples}}
    sent = header(*dict.fromkeys(HEADERS_SENT[kind] for kind in kinds if kind in HEADERS_SENT))
    slugs = ", ".join(f"`{kind.slug}`" for kind in kinds)
    return {"description": f"{kinds[0].status.phrase}: {slugs}", "headers": {**traced(), **sent}, "content": content}


def _example(kind: Kind, faults: Sequence[Schema]) -> Schema:
    value = {
        "type": kind.type,
        "title": kind.status.phrase,
        "status": int(kind.status),
        "detail": DETAILS.get(kind, kind.slug.replace("-", " ")),
        "instance": EXAMPLE_ID,
    }
    return {**value, "errors": list(faults)} if faults else value


def problem() -> Schema:
    """RFC 9457."""
    return {
        "title": "Problem",
        "description": "What was wrong, and what to do (RFC 9457). Programs go by `type`; `detail` is for people.",
        "type": "object",
        "properties": {
            "type": {"enum": [kind.type for kind in Kind]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string", "description": "The request's id."},
            "errors": {
                "type": "array",
                "items": {"$ref": SCHEMAS + "Fault"},
                "description": "All faults of the rows, up to 100.",
            },
        },
        "required": ["type", "title", "status", "detail", "instance"],
    }
