"""How much may be worked on at once. What comes beyond it is told to come back: better than running out of memory."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.scoring.answers import Kind, Refusal, later

if TYPE_CHECKING:
    from collections.abc import Iterator

RETRY_SECONDS = 1
HEAVY = 8
"""A heavy request holds such a part of all places."""


class Held:
    """What one request holds."""

    def __init__(self, admission: Admission, places: int, size_bytes: int) -> None:
        self._admission = admission
        self.places, self.size_bytes = places, size_bytes

    def grow(self, size_bytes: int) -> None:
        """Its body turned out to be larger. Raises Refusal (503) where there is no room for that."""
        if size_bytes > self.size_bytes:
            self._admission.resize(self, size_bytes)


class Admission:
    """Counts requests and the bytes that they take. A request that is alone always comes in.

    A heavy request, one that takes seconds of a core, holds several places, and only among the first half of them:
    however many of these come, the others find room.
    """

    def __init__(self, most_requests: int, most_bytes: int) -> None:
        self._most_requests, self._most_bytes = most_requests, most_bytes
        self._heavy_places = max(1, most_requests // HEAVY)
        self._lock = threading.Lock()
        self._requests = self._places = self._bytes = 0

    @contextmanager
    def __call__(self, size_bytes: int, *, heavy: bool = False) -> Iterator[Held]:
        """Hold a place. Raises Refusal (503) where there is none."""
        places, most = (self._heavy_places, self._most_requests // 2) if heavy else (1, self._most_requests)
        held = Held(self, places, size_bytes)
        with self._lock:
            if self._requests and (self._places + places > most or self._bytes + size_bytes > self._most_bytes):
                raise self._busy(self._requests)
            self._requests += 1
            self._places += places
            self._bytes += size_bytes
        try:
            yield held
        finally:
            with self._lock:
                self._requests -= 1
                self._places -= places
                self._bytes -= held.size_bytes

    def resize(self, held: Held, size_bytes: int) -> None:
        """See ``Held.grow``."""
        with self._lock:
            more = size_bytes - held.size_bytes
            if self._requests > 1 and self._bytes + more > self._most_bytes:
                raise self._busy(self._requests - 1)
            self._bytes += more
            held.size_bytes = size_bytes

    @staticmethod
    def _busy(requests: int) -> Refusal:
        detail = f"{requests} requests are being answered, as many as there is room for; try again"
        return later(Kind.BUSY, detail, RETRY_SECONDS)
