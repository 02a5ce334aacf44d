"""What comes in over HTTP and what goes back, apart from the library that carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
CSV = "text/csv"
PROBLEM = "application/problem+json"
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class Call:
    """A request."""

    method: str
    path: str
    """After the app's prefix, without the query: ``models/phone/score``."""
    body: bytes = b""
    query: Mapping[str, str] = NOTHING
    headers: Mapping[str, str] = NOTHING
    """By names in lower case."""
    request_id: str = ""
    """Set when the scorer takes it: the caller's ``x-request-id``, or one that was made."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body and headers."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
