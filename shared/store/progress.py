"""Tells whoever waits how far a run is."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from shared.errors import TransientError
from shared.store import names
from shared.store.records import Progress, to_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from shared.store.blobs import Blobs

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0


class ProgressBlob:
    """Writes the current step to one small blob, at most once a second, and to the log."""

    def __init__(self, blobs: Blobs, name: str, now: Callable[[], datetime]) -> None:
        self._blobs = blobs
        self._name = name
        self._now = now
        self._due = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` steps are made and ``step`` comes next."""
        logger.info("%s: %s (%d of %d)", self._name, step, done, total)
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + INTERVAL_SECONDS
        try:
            self._blobs.write(self._name, to_json(Progress(step, done, total, names.stamp(self._now()))))
        except TransientError:
            # A run is worth more than the news of it.
            logger.warning("%s: progress could not be written", self._name)
