"""How much may be worked on at once. What comes beyond it is told to come back: better than running out of memory."""

from __future__ import annotations

import threading
from typing import Self

from shared.scoring.answers import Kind, Refusal, later

RETRY_SECONDS = 1
HEAVY = 8
"""A heavy request holds such a part of all places."""


class Held:
    """What one request holds, from ``with`` to its end."""

    __slots__ = ("_admission", "most", "places", "size_bytes")

    def __init__(self, admission: Admission, places: int, most: int, size_bytes: int) -> None:
        self._admission = admission
        self.places, self.most, self.size_bytes = places, most, size_bytes

    def __enter__(self) -> Self:
        """Raises Refusal (503) where there is no room."""
        self._admission.enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._admission.leave(self)

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

    def __call__(self, size_bytes: int, *, heavy: bool = False) -> Held:
        """A place, to be held with ``with``."""
        if heavy:
            return Held(self, self._heavy_places, self._most_requests // 2, size_bytes)
        return Held(self, 1, self._most_requests, size_bytes)

    def enter(self, held: Held) -> None:
        """See ``Held.__enter__``."""
        with self._lock:
            is_full = self._places + held.places > held.most or self._bytes + held.size_bytes > self._most_bytes
            if self._requests and is_full:
                raise self._busy(self._requests)
            self._requests += 1
            self._places += held.places
            self._bytes += held.size_bytes

    def leave(self, held: Held) -> None:
        """Make room again."""
        with self._lock:
            self._requests -= 1
            self._places -= held.places
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
