"""Which rows each band holds, and that night after night every row goes out once."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.catalog.spec import Column
from shared.export.bands import EVERYTHING, Band, Bound, plan, since
from shared.export.boundary import Boundary
from tests.fake_source import LOG, row, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.catalog.spec import ColumnType, Dataset

PLACES = (1, 0)
"""Of ``changed`` and ``id`` in the rows that the sieve is given here."""
KINDS: dict[str, tuple[ColumnType, int, Callable[[int], Any]]] = {
    "integer": ("integer", 1, lambda step: step),
    "date": ("date", 86_400, lambda step: date(2026, 1, 1) + timedelta(days=step)),
    "timestamp": ("timestamp", 1, lambda step: datetime(2026, 1, 1) + timedelta(seconds=step)),  # noqa: DTZ001
    "date as text": ("date", 86_400, lambda step: str(date(2026, 1, 1) + timedelta(days=step))),
    "timestamp as text": ("timestamp", 1, lambda step: f"2026-01-01 00:{step // 60 + 30:02}:{step % 60:02}.250Z"),
}
"""By title: the column's type, what one step is in the look-back's unit, and a step's value."""


def dataset_of(kind: str, look_back: int) -> Dataset:
    name, unit, _ = KINDS[kind]
    columns = {**LOG.columns, "changed": Column(name, nullable=True)}
    return msgspec.structs.replace(LOG, columns=columns, look_back=look_back * unit)


NIGHTS = st.lists(
    st.lists(st.tuples(st.none() | st.integers(-4, 4), st.booleans()), max_size=6),
    min_size=1,
    max_size=6,
)
"""For each night the rows that are new: how far from the watermark, and whether they are committed while it exports."""


class Nights:
    """The loop of ``shared.export.run`` without its blobs."""

    def __init__(self, kind: str, look_back: int) -> None:
        self.dataset, self.look_back, self.at = dataset_of(kind, look_back), look_back, KINDS[kind][2]
        self.rows: list[dict[str, Any]] = []
        self.steps: list[int] = []
        self.watermark: Any = None
        self.passed: int | None = None
        self.known = b""
        self.went_out: Counter[int] = Counter()

    def write(self, distance: int | None, newest: int | None) -> None:
        """A row at a distance from the newest one of an export, though none later than the look-back allows."""
        step = None if distance is None else max(distance, -self.look_back) + (newest or 0)
        self.rows.append(row(len(self.rows), None if step is None else self.at(step)))
        self.steps += [] if step is None else [step]

    def export(self, meanwhile: list[int | None]) -> int:
        newest, passed = max(map(self.at, self.steps), default=None), max(self.steps, default=None)
        bands = plan(self.dataset, self.watermark, newest)
        boundary = Boundary(PLACES, self.known)
        done = 0
        for number, band in enumerate(bands):
            if number == len(bands) // 2:
                for distance in meanwhile:
                    self.write(distance, passed)
            sieve = boundary.sieve(band) or list
            found = sieve([(one["id"], one["changed"]) for one in self.rows if within(band, one)])
            self.went_out.update(key for key, _ in found)
            done += len(found)
        if done:
            self.watermark, self.passed, self.known = newest, passed, boundary.kept
        return done


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 3), NIGHTS)
@example("integer", 0, [[(0, False)], [(0, False)], [(0, False), (1, False)]])  # the watermark's own value again
@example("integer", 2, [[(0, False)], [(1, False)], [(-2, False)], [(-2, False)]])  # late, at the very edge
@example("integer", 0, [[(None, False)], [(None, False)], [(1, False), (None, True)]])
@settings(deadline=None, max_examples=200)
def test_over_the_nights_each_row_goes_out_once(
    kind: str, look_back: int, nights: list[list[tuple[int | None, bool]]]
) -> None:
    """However many share a value, are committed late or while others are read, or have no value at all."""
    table = Nights(kind, look_back)
    for night in nights:
        for distance, is_late in night:
            if not is_late:
                table.write(distance, table.passed)
        # What is committed meanwhile lies where a late row may lie: it comes now or the next time.
        table.export([distance for distance, is_late in night if is_late])
        assert set(table.went_out.values()) <= {1}
    table.export([])
    assert table.went_out == {one["id"]: 1 for one in table.rows}
    assert table.export([]) == 0


@given(
    st.integers(0, 4),
    st.none() | st.integers(-9, 9),
    st.none() | st.integers(0, 9),
    st.lists(st.none() | st.integers(-20, 20)),
)
@settings(deadline=None)
def test_bands_are_disjoint_and_leave_out_only_what_is_old_or_yet_to_come(
    look_back: int, watermark: int | None, further: int | None, cursors: list[int | None]
) -> None:
    newest = further if watermark is None or further is None else watermark + further
    if newest is None:
        watermark = None
    for cursor in cursors:
        bands = plan(dataset_of("integer", look_back), watermark, newest)
        holding = sum(within(band, row(1, cursor)) for band in bands)
        wanted = cursor is None or (
            newest is not None and cursor <= newest and (watermark is None or cursor >= watermark - look_back)
        )
        assert holding == wanted


@given(st.integers(0, 4), st.integers(-9, 9), st.integers(0, 9), st.lists(st.integers(-20, 20)))
@settings(deadline=None)
def test_what_may_come_again_is_remembered_and_what_went_out_is_looked_up(
    look_back: int, watermark: int, further: int, cursors: list[int]
) -> None:
    newest = watermark + further
    for cursor in cursors:
        for band in plan(dataset_of("integer", look_back), watermark, newest):
            if within(band, row(1, cursor)):
                assert band.may_be_known == (cursor <= watermark)
                assert band.may_come_again == (cursor >= newest - look_back)


def test_rows_that_neither_went_out_nor_come_again_may_be_shared_out() -> None:
    assert EVERYTHING.divisible
    assert not Band(may_be_known=True).divisible
    assert not Band(may_come_again=True).divisible
    assert [band.divisible for band in plan(LOG, None, 5)] == [False, True, False]
    assert sum(band.divisible for band in plan(LOG, 3, 5)) == 1


def test_a_dataset_without_a_cursor_is_one_band() -> None:
    assert plan(msgspec.structs.replace(LOG, cursor=None), None, None) == [EVERYTHING]


def test_where_no_row_has_a_cursor_value_only_those_without_are_read() -> None:
    (band,) = plan(LOG, None, None)
    assert band == Band(empty="changed", may_be_known=True, may_come_again=True)
    assert since(LOG, 3, None) == [band]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_values_are_compared_in_the_form_that_they_came_in(kind: str) -> None:
    at = KINDS[kind][2]
    bands = plan(dataset_of(kind, 2), at(5), at(9))
    values = {bound.value for band in bands for bound in band.bounds}
    assert values == {at(3), at(5), at(7), at(9)}


@given(st.integers(0, 4), st.integers(-9, 9), st.integers(0, 9), st.lists(st.none() | st.integers(-20, 20)))
@settings(deadline=None)
def test_since_reads_everything_from_there_on_once(
    look_back: int, start: int, further: int, cursors: list[int | None]
) -> None:
    newest = start + look_back + further
    for cursor in cursors:
        bands = [one for one in since(dataset_of("integer", look_back), start, newest) if within(one, row(1, cursor))]
        assert len(bands) == (cursor is None or start <= cursor <= newest)
        for band in bands:
            assert band.may_be_known == (cursor is None)
            assert band.may_come_again == (cursor is None or cursor >= newest - look_back)


def test_a_bound_is_a_comparison_of_a_column_with_a_value() -> None:
    assert plan(LOG, 3, 5)[-2].bounds == (Bound("changed", ">", 3), Bound("changed", "<", 5))
