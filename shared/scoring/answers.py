"""The answers that are alike everywhere. Errors are problem details (RFC 9457)."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from shared.scoring.http import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.scoring.request import Fault

logger = logging.getLogger(__name__)


def ok(content: Any) -> Answer:
    """200 with ``content`` as JSON."""
    return Answer(HTTPStatus.OK, msgspec.json.encode(content))


def problem(
    status: HTTPStatus, detail: str, *, faults: Sequence[Fault] = (), headers: dict[str, str] | None = None
) -> Answer:
    """An error that says what was wrong and what to do."""
    content: dict[str, Any] = {"title": status.phrase, "status": int(status), "detail": detail}
    if faults:
        content["errors"] = faults
    return Answer(status, msgspec.json.encode(content), "application/problem+json", headers or {})


def not_set_up(error: Exception) -> Answer:
    """The settings or the catalog have faults: nothing can be answered before they are mended."""
    logger.error("the app is not set up: %s", error)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the app is not set up: {error}")
