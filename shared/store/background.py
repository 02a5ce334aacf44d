"""background.json: the rows that a version's answers are compared with when they are explained."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Background(Struct, frozen=True):
    """A few of the newest rows that training saw, as the graph takes them: without key, target and pii columns."""

    inputs: tuple[str, ...]
    """The names of the version's inputs, in their order."""
    rows: tuple[tuple[float | None, ...], ...]
    """Encoded values; None is NaN, an empty number."""
    chosen_from: int
    """How many of the newest rows they stand for."""
    first: str
    last: str
    """Times of the oldest and of the newest of those."""
    schema_version: Literal[1] = 1
