"""A band cut into key ranges of the same width, so that several processes can read it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from shared.export.bands import Bound

if TYPE_CHECKING:
    from shared.export.bands import Band

LEAST_WIDTH = 20_000
"""Fewer keys than this to a range are not worth a process of their own."""


def cut(band: Band, key: str, lowest: int, highest: int, ranges: int) -> list[Band]:
    """Up to ``ranges`` bands, and one for rows without a key, that hold each row of ``band`` once; ``[band]`` if one.

    ``lowest`` and ``highest`` are the keys that were found: rows that come meanwhile fall into an open end.
    """
    width = highest - lowest + 1
    count = max(1, min(ranges, width // LEAST_WIDTH))
    inner = [lowest + width * number // count for number in range(1, count)]
    bounds = [
        tuple(Bound(key, operator, value) for operator, value in ((">=", start), ("<", end)) if value is not None)
        for start, end in pairwise([None, *inner, None])
    ]
    parts = [replace(band, bounds=(*band.bounds, *between)) for between in bounds]
    return [*parts, replace(band, empty=key)] if count > 1 else [band]
