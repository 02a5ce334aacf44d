"""What names a request: ``x-request-id``, and the trace of W3C Trace Context that it is a part of."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_ID, TRACEPARENT = "x-request-id", "traceparent"
SANE_ID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}\Z")
PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z")


@dataclass(frozen=True, slots=True)
class Trace:
    """The names of one request."""

    request_id: str
    """The caller's where it is short and plain, and else one of our own: it goes into logs and headers."""
    parent: str | None = None
    """The ``traceparent`` of what is done here: the caller's trace, with a span of our own."""

    @property
    def instance(self) -> str:
        """The request id as a URI reference."""
        return quote(self.request_id, safe="")

    def headers(self) -> dict[str, str]:
        """What every answer has."""
        if self.parent is None:
            return {REQUEST_ID: self.request_id}
        return {REQUEST_ID: self.request_id, TRACEPARENT: self.parent}


def trace_of(headers: Mapping[str, str]) -> Trace:
    """Take over what the caller says, where it is well-formed."""
    sent = headers.get(REQUEST_ID)
    request_id = sent if sent and SANE_ID.match(sent) else os.urandom(16).hex()
    parent = headers.get(TRACEPARENT)
    return Trace(request_id, _child(parent) if parent else None)


def _child(parent: str) -> str | None:
    """None where it is not a ``traceparent``: then the trace begins elsewhere, or nowhere."""
    found = PARENT.match(parent.strip())
    if found is None or (found[1] == "00" and found[5]):
        return None
    sampled = int(found[4], 16) & 1
    return f"00-{found[2]}-{os.urandom(8).hex()}-{sampled:02x}"
