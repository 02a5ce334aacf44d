"""How much may be worked on at once. What comes beyond it is told to come back: better than running out of memory."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.scoring.answers import Kind, later

if TYPE_CHECKING:
    from collections.abc import Iterator

RETRY_SECONDS = 1


class Admission:
    """Counts requests and the bytes of their bodies. A request that is alone always comes in."""

    def __init__(self, most_requests: int, most_bytes: int) -> None:
        self._most_requests, self._most_bytes = most_requests, most_bytes
        self._lock = threading.Lock()
        self._requests = self._bytes = 0

    @contextmanager
    def __call__(self, size_bytes: int) -> Iterator[None]:
        """Hold a place. Raises Refusal (503) where there is none."""
        with self._lock:
            if self._requests and (
                self._requests >= self._most_requests or self._bytes + size_bytes > self._most_bytes
            ):
                detail = f"{self._requests} requests are being answered, as many as memory is kept for; try again"
                raise later(Kind.BUSY, detail, RETRY_SECONDS)
            self._requests += 1
            self._bytes += size_bytes
        try:
            yield
        finally:
            with self._lock:
                self._requests -= 1
                self._bytes -= size_bytes
