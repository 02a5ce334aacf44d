"""What is stored about files that are dropped to be scored, as records of ``shared.store.records``."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Scoring(Struct, frozen=True):
    """What became of one file. Its presence says that the file is done."""

    model: str
    slot: str
    drop: str
    """The file."""
    outcome: Literal["scored", "refused"]
    reasons: tuple[str, ...] = ()
    """Why it was refused, and what to do."""
    version: str | None = None
    """Which answered every row."""
    rows: int = 0
    """All that were read, refused ones included."""
    refused: int = 0
    warned: int = 0
    """Rows that were answered with a warning."""
    result: str | None = None
    """The blob with the answers."""
    quarantine: str | None = None
    """The blob with the refused rows, where there are any."""
    notes: tuple[str, ...] = ()
    started_at: str = ""
    seconds: float = 0.0
    schema_version: Literal[1] = 1


class ScoredBy(Struct, frozen=True):
    """The version that a file is scored by, however often the work is begun."""

    version: str
    at: str
    schema_version: Literal[1] = 1
