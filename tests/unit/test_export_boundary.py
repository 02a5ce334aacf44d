"""Rows that went out before are known again, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.export.bands import EVERYTHING, Band
from shared.export.boundary import DIGEST_BYTES, Boundary

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACES = (1, 0)
"""The key comes first, then the cursor, then anything."""
AGAIN = Band(may_be_known=True, may_come_again=True)
KEYS = st.none() | st.integers(0, 5) | st.text(max_size=3)
ROWS = st.lists(st.tuples(KEYS, st.none() | st.integers(0, 3), st.booleans()), unique_by=repr)


def sieved(boundary: Boundary, band: Band, *rows: Sequence[Any]) -> list[Sequence[Any]]:
    sieve = boundary.sieve(band)
    assert sieve is not None
    return sieve(list(rows))


def kept_of(*rows: Sequence[Any]) -> bytes:
    boundary = Boundary(PLACES)
    sieved(boundary, Band(may_come_again=True), *rows)
    return boundary.kept


def test_a_band_that_can_be_shared_out_needs_no_sieve() -> None:
    assert Boundary(PLACES, kept_of((1, 2, "a"))).sieve(EVERYTHING) is None


def test_rows_that_went_out_are_left_out_and_the_others_stay_in_order() -> None:
    boundary = Boundary(PLACES, kept_of((2, 7, "b"), (4, 7, "d")))
    rows = [(5, 7, "e"), (4, 7, "d"), (3, 7, "c"), (2, 7, "b"), (1, 7, "a")]
    assert sieved(boundary, AGAIN, *rows) == [(5, 7, "e"), (3, 7, "c"), (1, 7, "a")]


def test_a_row_is_known_by_its_cursor_and_key_whatever_else_it_holds() -> None:
    boundary = Boundary(PLACES, kept_of((1, 7, "before")))
    assert sieved(boundary, AGAIN, (1, 7, "after")) == []
    assert sieved(boundary, AGAIN, (1, 8, "before"), (2, 7, "before")) == [(1, 8, "before"), (2, 7, "before")]


def test_a_row_without_a_cursor_value_is_known_by_its_key() -> None:
    boundary = Boundary(PLACES, kept_of((1, None, "a")))
    assert sieved(boundary, AGAIN, (1, None, "b"), (2, None, "a")) == [(2, None, "a")]


def test_a_row_without_a_key_is_known_by_all_that_it_holds() -> None:
    boundary = Boundary(PLACES, kept_of((None, 7, "a")))
    assert sieved(boundary, AGAIN, (None, 7, "a"), (None, 7, "b")) == [(None, 7, "b")]


@pytest.mark.parametrize(("one", "other"), [(1, "1"), (None, ""), ("1,2", 1), ('"', '""')])
def test_values_that_only_look_alike_are_told_apart(one: Any, other: Any) -> None:
    assert kept_of((one, 7, "a")) != kept_of((other, 7, "a"))


def test_what_comes_again_is_kept_whether_it_went_out_before_or_not() -> None:
    boundary = Boundary(PLACES, kept_of((1, 7, "a")))
    sieved(boundary, AGAIN, (1, 7, "a"), (2, 7, "b"))
    assert boundary.kept == kept_of((2, 7, "b"), (1, 7, "a"))


def test_what_does_not_come_again_is_not_kept() -> None:
    boundary = Boundary(PLACES, kept_of((1, 7, "a")))
    assert sieved(boundary, Band(may_be_known=True), (1, 7, "a"), (2, 7, "b")) == [(2, 7, "b")]
    assert boundary.kept == b""


def test_where_no_row_can_have_gone_out_none_is_looked_up() -> None:
    boundary = Boundary(PLACES, kept_of((1, 7, "a")))
    assert sieved(boundary, Band(may_come_again=True), (1, 7, "a")) == [(1, 7, "a")]
    assert boundary.kept == kept_of((1, 7, "a"))


def test_rows_that_are_the_same_all_go_out_the_first_time() -> None:
    boundary = Boundary(PLACES)
    assert len(sieved(boundary, AGAIN, (None, 7, "a"), (None, 7, "a"))) == 2
    assert len(boundary.kept) == DIGEST_BYTES


@given(ROWS, st.data())
@settings(deadline=None)
def test_the_boundary_does_not_depend_on_order_or_batches(rows: list[Any], data: st.DataObject) -> None:
    boundary = Boundary(PLACES)
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    sieved(boundary, AGAIN, *shuffled[:cut])
    sieved(boundary, AGAIN, *shuffled[cut:])
    assert boundary.kept == kept_of(*rows)
    assert len(boundary.kept) % DIGEST_BYTES == 0


@given(ROWS, ROWS)
@settings(deadline=None)
def test_after_storage_the_same_rows_are_known(before: list[Any], after: list[Any]) -> None:
    def identity(row: Sequence[Any]) -> str:
        return repr(row if row[0] is None else row[:2])

    went_out = set(map(identity, before))
    new = [row for row in after if identity(row) not in went_out]
    assert sieved(Boundary(PLACES, kept_of(*before)), AGAIN, *after) == new
