"""The answers that are alike everywhere. Errors are problem details (RFC 9457)."""

from __future__ import annotations

import logging
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from shared.scoring.http import PROBLEM, Answer
from shared.scoring.tracing import trace_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.scoring.rows import Fault

logger = logging.getLogger(__name__)


class Kind(Enum):
    """Every way in which a request can fail: a name that programs may rely on, and its status."""

    NOT_READ = ("not-read", HTTPStatus.BAD_REQUEST)
    BAD_QUERY = ("bad-query", HTTPStatus.BAD_REQUEST)
    NO_ADDRESS = ("no-such-address", HTTPStatus.NOT_FOUND)
    NO_MODEL = ("no-such-model", HTTPStatus.NOT_FOUND)
    NO_VERSION = ("no-such-version", HTTPStatus.NOT_FOUND)
    METHOD = ("method-not-allowed", HTTPStatus.METHOD_NOT_ALLOWED)
    NOT_ACCEPTABLE = ("not-acceptable", HTTPStatus.NOT_ACCEPTABLE)
    NOT_COMPARABLE = ("cannot-be-compared", HTTPStatus.CONFLICT)
    NOT_EXPLAINED = ("cannot-be-explained", HTTPStatus.CONFLICT)
    TOO_LARGE = ("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    MEDIA_TYPE = ("unsupported-media-type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    FAULTY = ("faulty-rows", HTTPStatus.UNPROCESSABLE_ENTITY)
    NOT_SET_UP = ("not-set-up", HTTPStatus.SERVICE_UNAVAILABLE)
    NOT_YET = ("no-version-yet", HTTPStatus.SERVICE_UNAVAILABLE)
    NOT_LOADED = ("cannot-be-loaded", HTTPStatus.SERVICE_UNAVAILABLE)
    BROKEN = ("version-broken", HTTPStatus.SERVICE_UNAVAILABLE)
    BUSY = ("busy", HTTPStatus.SERVICE_UNAVAILABLE)

    def __init__(self, slug: str, status: HTTPStatus) -> None:
        self.slug = slug
        self.status = status

    @property
    def type(self) -> str:
        """The problem's type, a URI that says nothing but its name."""
        return f"urn:cauce:{self.slug}"


class Refusal(Exception):
    """Ends a request with a problem; caught where answers are made."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.faults, self.headers = kind, detail, faults, headers


def later(kind: Kind, detail: str, seconds: int) -> Refusal:
    """What may work after ``seconds``."""
    return Refusal(kind, detail, headers={"Retry-After": str(seconds)})


def ok(content: Any) -> Answer:
    """200 with ``content`` as JSON."""
    return Answer(HTTPStatus.OK, msgspec.json.encode(content))


def problem(refusal: Refusal, instance: str | None = None) -> Answer:
    """An error that says what was wrong and what to do. ``instance`` names the request."""
    status = refusal.kind.status
    content: dict[str, Any] = {
        "type": refusal.kind.type,
        "title": status.phrase,
        "status": int(status),
        "detail": refusal.detail,
    }
    if instance is not None:
        content["instance"] = instance
    if refusal.faults:
        content["errors"] = refusal.faults
    return Answer(status, msgspec.json.encode(content), PROBLEM, dict(refusal.headers or {}))


def not_set_up(error: Exception, headers: Mapping[str, str]) -> Answer:
    """The settings or the catalog have faults: nothing can be answered before they are mended."""
    logger.error("the app is not set up: %s", error)
    trace = trace_of(headers)
    answer = problem(Refusal(Kind.NOT_SET_UP, f"the app is not set up: {error}"), trace.instance)
    answer.headers.update(trace.headers())
    return answer
