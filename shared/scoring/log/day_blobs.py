"""Where the prediction log lies: append blobs by model and UTC day, each written by one process alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

from shared.errors import BlobConflict, BlobMissing
from shared.store import names

if TYPE_CHECKING:
    from datetime import datetime

    from shared.store.blobs import Blobs

logger = logging.getLogger(__name__)

MOST_BLOCKS = 40_000
"""Appends to one blob; storage takes 50,000, some of which a client may have sent twice."""


@dataclass
class _Place:
    part: int = 0
    size: int = 0
    blocks: int = 0

    def next_part(self) -> None:
        self.part, self.size, self.blocks = self.part + 1, 0, 0


class DayBlobs:
    """Appends blocks of whole lines. Storage takes a block whole or not at all, so no line is ever cut.

    A block that could not be appended must be given again as it was: it may have arrived all the same.
    """

    def __init__(self, blobs: Blobs, started: datetime) -> None:
        self._blobs = blobs
        self.writer = f"{names.stamp(started)}-{token_hex(4)}"
        """Of this process alone, so that no two ever write to one blob."""
        self._places: dict[tuple[str, str], _Place] = {}

    def append(self, model: str, day: str, block: bytes) -> None:
        """Append ``block`` once, however often its arrival stayed unknown. Raises CauceError."""
        place = self._places.setdefault((model, day), _Place())
        if place.blocks >= MOST_BLOCKS:
            place.next_part()
        try:
            self._blobs.append(self._name(model, day, place), block, at=place.size)
        except BlobConflict:
            if not self._has_arrived(self._name(model, day, place), place.size + len(block)):
                logger.warning("%s: is not as it was left; the log goes on in another", self._name(model, day, place))
                place.next_part()
                self._blobs.append(self._name(model, day, place), block, at=0)
        place.size += len(block)
        place.blocks += 1

    def _name(self, model: str, day: str, place: _Place) -> str:
        return names.predictions(model, day, self.writer, place.part)

    def _has_arrived(self, name: str, size: int) -> bool:
        """After a call whose answer was lost: nobody else writes here, so the length tells."""
        try:
            return self._blobs.info(name).size_bytes == size
        except BlobMissing:
            return False
