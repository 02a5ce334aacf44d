"""The exported rows that a later export may meet again, each as a digest of its cursor and key.

Sixteen bytes a row in storage, about a hundred in memory: as many as have the highest cursor value, or lie within the
look-back, or have no cursor value at all.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from shared.csv_format import csv_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.export.bands import Band

DIGEST_BYTES = 16


class Boundary:
    """Leaves out what went out before, and remembers what may come again."""

    def __init__(self, places: tuple[int, int], known: bytes = b"") -> None:
        """``places`` are those of the cursor, and of what tells its rows apart, in a row. ``known``: see ``kept``."""
        self._places = places
        self._known = {known[start : start + DIGEST_BYTES] for start in range(0, len(known), DIGEST_BYTES)}
        self._kept: set[bytes] = set()

    @property
    def kept(self) -> bytes:
        """The digests of the rows that may come again, sorted, one after the other."""
        return b"".join(sorted(self._kept))

    def sieve(self, band: Band) -> Callable[[list[Sequence[Any]]], list[Sequence[Any]]] | None:
        """What keeps only the rows of ``band`` that are new; None where that is all of them, and none comes again."""
        if band.divisible:
            return None

        def new_ones(rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
            digests = [self._digest(row) for row in rows]
            if band.may_come_again:
                self._kept.update(digests)
            if not band.may_be_known:
                return rows
            return [row for row, digest in zip(rows, digests, strict=True) if digest not in self._known]

        return new_ones

    def _digest(self, row: Sequence[Any]) -> bytes:
        cursor, other = self._places
        # A row without a key is told apart by all that it holds.
        identity = row if row[other] is None else (row[cursor], row[other])
        return hashlib.blake2b(csv_rows([identity]), digest_size=DIGEST_BYTES).digest()
