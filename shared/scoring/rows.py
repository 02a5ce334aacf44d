"""Checked rows, and what is said of those that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_FAULTS = 100
SHOWN_CHARACTERS = 40


class Rows(msgspec.Struct, frozen=True):
    """Checked rows, by column. Of a long CSV, one chunk of them."""

    count: int
    columns: Mapping[str, Sequence[Any]]
    """``count`` values for each input of the version; None is empty."""
    keys: Sequence[Any]
    """What names each row, or UNSET where the request does not say."""
    first: int = 0
    """Where in the request the first of them stands, counted from 0."""

    def take(self, places: Sequence[int]) -> Rows:
        """Some of the rows; ``places`` count from the first one here."""
        columns = {name: [values[place] for place in places] for name, values in self.columns.items()}
        return Rows(len(places), columns, [self.keys[place] for place in places], self.first)


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with a request, and where."""

    path: str
    """In JSON a path like ``$[3].age``; in CSV ``line 5, column age``."""
    expected: str
    got: str
    row: int | None = None
    """The number of the row in the request, counted from 0."""
    field: str | None = None


class RequestFaulty(Exception):
    """The request is in its format, but not rows that the model takes."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


class NotRead(Exception):
    """The body is not what its content type says; the message says where it stops being so."""


def cut(text: str) -> str:
    """The beginning of what was sent, to be shown to who sent it."""
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
