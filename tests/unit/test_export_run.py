"""A dataset from its rows to its manifest: what is exported, what is announced, and what comes the next night."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from shared.catalog.spec import Column
from shared.errors import SettingsError
from shared.export.reach import EVERYTHING_ANEW, Order
from shared.store.records import CursorValue
from tests.fake_source import LATE, LOG, SLOT, WHOLE, Nights, first_three, manifest_in, row, rows_in

if TYPE_CHECKING:
    from shared.catalog.spec import Dataset


@pytest.fixture
def nights() -> Nights:
    return first_three()


def test_the_first_export_is_the_whole_table(nights: Nights) -> None:
    assert nights.outcome() == ("exported", [1, 2, 3])
    assert sorted(rows_in(nights.blobs), key=str) == [["1", "5", "Bilbao"], ["2", "9", "Vigo"], ["3", None, "Bilbao"]]
    manifest = manifest_in(nights.blobs)
    assert (manifest.dataset, manifest.slot, manifest.exported_at) == ("log", SLOT, "20261123T020001Z")
    assert manifest.columns == {"id": "integer", "changed": "integer", "city": "category"}
    assert (manifest.rows, manifest.follows, manifest.schema_version) == (3, None, 1)


def test_then_only_what_is_new_goes_out_and_says_what_it_continues(nights: Nights) -> None:
    nights.export()
    nights.write(row(4, 9), row(5, 12), row(6, None), row(7, 5))  # the last one is committed too late
    assert nights.outcome() == ("exported", [4, 5, 6])
    manifest = manifest_in(nights.blobs, nights.slot)
    assert (manifest.follows, manifest.schema_version) == (SLOT, 2)
    assert (manifest.above, manifest.up_to) == (CursorValue("integer", "9"), CursorValue("integer", "12"))


def test_a_row_within_the_look_back_may_come_late() -> None:
    nights = Nights(LATE)
    nights.write(row(1, 9))
    nights.export()
    nights.write(row(2, 6), row(3, 5), row(4, 20))
    assert nights.outcome() == ("exported", [2, 4])
    nights.write(row(5, 17), row(6, 16))
    assert nights.outcome() == ("exported", [5])
    assert nights.outcome()[0] == "nothing new"


def test_where_nothing_is_new_nothing_is_announced_and_no_part_is_left(nights: Nights) -> None:
    nights.export()
    before = {**nights.blobs.etags}
    assert nights.outcome() == ("nothing new", [])
    assert nights.blobs.etags.keys() - before.keys() == {f"exports/log/{nights.slot}/export.json"}
    assert before.items() <= nights.blobs.etags.items()


def test_a_row_that_comes_with_the_watermarks_own_value_after_a_night_without_is_new(nights: Nights) -> None:
    nights.export()
    nights.export()
    nights.write(row(4, 9))
    assert nights.outcome() == ("exported", [4])
    assert nights.outcome() == ("nothing new", [])


def test_an_empty_table_that_was_never_exported_is_nothing_new() -> None:
    nights = Nights()
    assert [nights.outcome() for _ in range(2)] == [("nothing new", [])] * 2
    nights.write(row(1, None))
    assert [nights.outcome() for _ in range(2)] == [("exported", [1]), ("nothing new", [])]
    nights.write(row(2, 4))
    assert nights.outcome() == ("exported", [2])


@pytest.mark.parametrize("dataset", [LOG, WHOLE], ids=["with a cursor", "without"])
def test_a_drop_without_rows_is_written_where_it_is_asked_for(dataset: Dataset) -> None:
    nights = Nights(dataset, export_empty_drops=True)
    for _ in range(2):
        assert nights.outcome() == ("exported", [])
        (part,) = manifest_in(nights.blobs, nights.slot).parts
        assert nights.blobs.blobs[part.name] == b'"id","changed","city"\r\n'


# Without a cursor


def test_without_a_cursor_every_export_is_the_whole_table() -> None:
    nights = Nights(WHOLE)
    nights.write(row(1), row(2))
    assert nights.outcome() == ("exported", [1, 2])
    assert nights.outcome() == ("nothing new", [])
    nights.write(row(3))
    assert nights.outcome() == ("exported", [1, 2, 3])
    manifest = manifest_in(nights.blobs, nights.slot)
    assert (manifest.follows, manifest.above, manifest.up_to) == (None, None, None)
    assert not [name for name in nights.blobs.blobs if name.endswith("boundary.bin")]


def test_a_table_that_became_empty_is_announced_once() -> None:
    nights = Nights(WHOLE)
    nights.write(row(1))
    nights.export()
    nights.source.tables["log"].clear()
    assert nights.outcome() == ("exported", [])
    assert nights.outcome() == ("nothing new", [])
    nights.write(row(1))
    assert nights.outcome() == ("exported", [1])


def test_a_snapshot_that_says_nothing_new_leaves_no_part() -> None:
    nights = Nights(WHOLE, export_part_bytes=64)
    nights.write(*[row(key) for key in range(50)])
    nights.export()
    before = set(nights.blobs.blobs)
    assert nights.export().outcome == "nothing new"
    assert set(nights.blobs.blobs) - before == {f"exports/log/{nights.slot}/export.json"}


# Everything anew


CHANGES = {
    "a column more": {"columns": {**LOG.columns, "note": Column("text", role="time")}},
    "a column less": {"columns": {**LOG.columns, "city": Column("text", role="unused", reason="r")}},
    "a column of another type": {"columns": {**LOG.columns, "city": Column("text", role="time")}},
    "another cursor": {"cursor": "id"},
    "another second column": {"cursor": ("changed", "city")},
    "no cursor": {"cursor": None},
    "further back": {"look_back": 1},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_after_a_change_of_the_catalog_everything_goes_out_anew(nights: Nights, changes: dict[str, Any]) -> None:
    nights.export()
    nights.write(row(4, 12))
    nights.export()
    nights.dataset = msgspec.structs.replace(LOG, **changes)
    assert nights.outcome() == ("exported", [1, 2, 3, 4])
    assert manifest_in(nights.blobs, nights.slot).follows is None
    nights.write(row(5, 13))
    assert nights.outcome() == ("exported", [1, 2, 3, 4, 5] if nights.dataset.cursor is None else [5])


def test_a_full_export_is_everything_even_where_nothing_is_new(nights: Nights) -> None:
    nights.export()
    done = nights.export(Order(full=True))
    assert (done.outcome, done.whole, done.reason, nights.keys()) == ("exported", True, EVERYTHING_ANEW, [1, 2, 3])
    assert nights.outcome() == ("nothing new", [])
    nights.write(row(4, 9))
    assert nights.outcome() == ("exported", [4])


@pytest.mark.parametrize("dataset", [LOG, WHOLE], ids=["with a cursor", "without"])
def test_a_full_export_of_an_empty_table_is_announced_too(dataset: Dataset) -> None:
    nights = Nights(dataset)
    assert nights.outcome(Order(full=True)) == ("exported", [])
    assert nights.outcome() == ("nothing new", [])


def test_a_full_export_of_a_table_without_a_cursor_is_announced_though_it_is_the_same() -> None:
    nights = Nights(WHOLE)
    nights.write(row(1))
    assert [nights.outcome(Order(full=True)) for _ in range(2)] == [("exported", [1])] * 2
    assert nights.outcome() == ("nothing new", [])


def test_since_exports_again_from_there_on_and_the_next_night_goes_on(nights: Nights) -> None:
    nights.export()
    nights.write(row(4, 12))
    done = nights.export(Order(since="9"))
    assert (done.outcome, done.whole, nights.keys()) == ("exported", False, [2, 4])
    assert manifest_in(nights.blobs, nights.slot).follows == SLOT
    assert nights.outcome() == ("nothing new", [])


def test_since_within_the_look_back_sends_nothing_a_third_time() -> None:
    nights = Nights(LATE)
    nights.write(row(1, 6), row(2, 7), row(3, 9))
    nights.export()
    assert nights.outcome(Order(since="9")) == ("exported", [1, 2, 3])
    assert nights.outcome() == ("nothing new", [])


def test_an_order_that_makes_no_sense_announces_nothing(nights: Nights) -> None:
    nights.export()
    with pytest.raises(SettingsError, match="--since soon"):
        nights.export(Order(since="soon"))
    assert nights.outcome() == ("nothing new", [])


# The clock


def test_a_row_whose_time_lies_ahead_waits_until_it_has_come() -> None:
    dataset = msgspec.structs.replace(LOG, columns={**LOG.columns, "changed": Column("date", nullable=True)})
    nights = Nights(dataset)
    nights.write(row(1, date(2026, 11, 23)), row(2, date(2026, 12, 24)), row(3, date(2099, 1, 1)))
    done = nights.export()
    assert (done.rows, nights.keys()) == (1, [1])
    assert "2 rows have a 'changed' more than a day ahead (2099-01-01)" in done.notes[0]
    nights.write(row(4, date(2026, 11, 24)))
    assert nights.outcome() == ("exported", [4])
    christmas = replace(nights.exporter, now=lambda: datetime(2026, 12, 24, 2, tzinfo=UTC))
    assert christmas.export(dataset, "20261224T020000Z").rows == 1
    assert [found[0] for found in rows_in(nights.blobs, "20261224T020000Z")] == ["2"]


def test_foreseeing_writes_nothing_and_gives_the_statements(nights: Nights) -> None:
    nights.export()
    before = {**nights.blobs.etags}
    reach, statements = nights.exporter.foresee(LOG)
    assert (reach.follows, len(statements)) == (SLOT, len(reach.bands))
    assert nights.blobs.etags == before
    assert statements[-1].text.endswith('WHERE "changed" IS NULL')
