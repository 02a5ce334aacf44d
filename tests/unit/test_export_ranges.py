"""A band cut into key ranges holds the same rows, each of them once."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.export.bands import EVERYTHING, Band, Bound
from shared.export.ranges import LEAST_WIDTH, cut
from tests.fake_source import row, within

WIDE = 10 * LEAST_WIDTH
KEYS = st.integers(-2 * WIDE, 2 * WIDE)
SETTLED = Band((Bound("changed", ">", 3), Bound("changed", "<", 9)))


@given(KEYS, st.integers(0, WIDE), st.integers(1, 12), st.lists(st.none() | KEYS, min_size=1), st.data())
@settings(deadline=None)
def test_each_key_lies_in_exactly_one_range(
    lowest: int, width: int, ranges: int, keys: list[int | None], data: st.DataObject
) -> None:
    """Those that come meanwhile, below the lowest or above the highest, and those that are empty included."""
    bands = cut(EVERYTHING, "id", lowest, lowest + width, ranges)
    edges = [bound.value for band in bands for bound in band.bounds]
    for key in [*keys, lowest, lowest + width, *(value - 1 for value in edges if isinstance(value, int)), *edges]:
        assert sum(within(band, row(key)) for band in bands) == 1  # type: ignore[arg-type]


@given(st.integers(0, WIDE), st.integers(1, 12))
@settings(deadline=None)
def test_there_are_no_more_ranges_than_asked_for_and_none_is_too_small(width: int, ranges: int) -> None:
    bands = cut(EVERYTHING, "id", 1, width, ranges)
    if len(bands) == 1:
        assert bands == [EVERYTHING]
        assert ranges == 1 or width < 2 * LEAST_WIDTH
        return
    *by_key, without = bands
    assert len(by_key) == min(ranges, width // LEAST_WIDTH)
    assert without == Band(empty="id")


def test_ranges_are_of_the_same_width_and_open_at_both_ends() -> None:
    assert [band.bounds for band in cut(EVERYTHING, "id", 1, 4 * LEAST_WIDTH, 4)] == [
        (Bound("id", "<", LEAST_WIDTH + 1),),
        (Bound("id", ">=", LEAST_WIDTH + 1), Bound("id", "<", 2 * LEAST_WIDTH + 1)),
        (Bound("id", ">=", 2 * LEAST_WIDTH + 1), Bound("id", "<", 3 * LEAST_WIDTH + 1)),
        (Bound("id", ">=", 3 * LEAST_WIDTH + 1),),
        (),
    ]


def test_the_bands_own_bounds_hold_in_each_range() -> None:
    rows: list[dict[str, Any]] = [
        row(key, changed) for key in (1, LEAST_WIDTH, WIDE, None) for changed in (3, 4, 9, None)
    ]
    bands = cut(SETTLED, "id", 1, WIDE, 3)
    assert len(bands) == 4
    for found in rows:
        assert sum(within(band, found) for band in bands) == within(SETTLED, found)


def test_a_few_keys_are_not_worth_a_process_each() -> None:
    assert cut(SETTLED, "id", 1, 2 * LEAST_WIDTH - 1, 8) == [SETTLED]
    assert cut(SETTLED, "id", 5, 5, 8) == [SETTLED]
    assert cut(SETTLED, "id", 1, WIDE, 1) == [SETTLED]
