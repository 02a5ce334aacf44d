"""How far an export reaches, from the state, the table, the order and the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from shared.catalog.spec import Column
from shared.errors import SettingsError, VersionError
from shared.export.bands import EVERYTHING, Band, plan, since
from shared.export.cursor import to_record
from shared.export.reach import EVERYTHING_ANEW, Order, Reach, reach_of, reads_of, why_anew
from shared.store.records import CursorValue, ExportState
from tests.fake_source import LOG, FakeSession, FakeSource, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.catalog.spec import ColumnType, Dataset

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
NIGHTLY = Order()


def dataset_of(kind: ColumnType, look_back: int = 0) -> Dataset:
    return msgspec.structs.replace(
        LOG, columns={**LOG.columns, "changed": Column(kind, nullable=True)}, look_back=look_back
    )


def state_of(dataset: Dataset, watermark: Any = None, **changes: Any) -> ExportState:
    """After an export of the dataset as the catalog declares it now."""
    state = ExportState(
        dataset.name,
        slot="20261122T020000Z",
        columns={name: column.type for name, column in dataset.used_columns().items()},
        cursor=dataset.cursor_columns,
        look_back=dataset.look_back,
        watermark=None if watermark is None else to_record(watermark),
    )
    return msgspec.structs.replace(state, **changes)


def reach(dataset: Dataset, state: ExportState, *cursors: Any, order: Order = NIGHTLY) -> Reach:
    source = FakeSource({"log": [row(key, cursor) for key, cursor in enumerate(cursors)]})
    return reach_of(dataset, state, FakeSession(source, dataset), order, NOW)


def test_the_first_time_everything_is_exported() -> None:
    found = reach(LOG, ExportState("log"), 3, 9, None)
    assert found == Reach(plan(LOG, None, 9), None, None, CursorValue("integer", "9"), "everything, for the first time")


def test_then_what_lies_above_the_watermark_continues_the_export_before() -> None:
    found = reach(LOG, state_of(LOG, 9), 3, 9, 12)
    above, up_to = CursorValue("integer", "9"), CursorValue("integer", "12")
    assert found == Reach(plan(LOG, 9, 12), "20261122T020000Z", above, up_to)


@pytest.mark.parametrize("cursors", [(), (3,), (None,), (3, 9)])
def test_the_watermark_never_goes_back(cursors: tuple[Any, ...]) -> None:
    found = reach(LOG, state_of(LOG, 9), *cursors)
    assert found.bands == plan(LOG, 9, 9)
    assert found.up_to == found.above == CursorValue("integer", "9")


def test_a_table_whose_cursors_are_all_empty_has_no_watermark() -> None:
    found = reach(LOG, state_of(LOG), None, None)
    assert (found.bands, found.above, found.up_to, found.follows) == (
        plan(LOG, None, None),
        None,
        None,
        "20261122T020000Z",
    )
    assert reach(LOG, state_of(LOG), None, 4).bands == plan(LOG, None, 4)


COLUMNS = "everything anew: the catalog's columns have changed"
ANEW = [
    ({"slot": None}, "everything, for the first time"),
    ({"columns": {"id": "integer"}}, COLUMNS),
    ({"columns": {"id": "integer", "changed": "date", "city": "category"}}, COLUMNS),
    ({"cursor": ("id", "id")}, "everything anew: the catalog's cursor has changed"),
    ({"cursor": ("changed", "city")}, "everything anew: the catalog's cursor has changed"),
    ({"look_back": 4}, "everything anew: the catalog looks back further than before"),
]


@pytest.mark.parametrize(("changes", "why"), ANEW)
def test_what_the_catalog_changed_cannot_be_continued(changes: dict[str, Any], why: str) -> None:
    dataset = dataset_of("integer", look_back=5)
    found = reach(dataset, state_of(dataset, 9, **changes), 3, 12)
    assert (found.follows, found.above, found.why) == (None, None, why)
    assert found.bands == plan(dataset, None, 12)
    assert why_anew(dataset, state_of(dataset, 9, **changes)) == why


@pytest.mark.parametrize(
    "changes", [{"table": "log_2"}, {"table": None, "query": "SELECT * FROM log"}, {"columns": "hashed"}]
)
def test_other_rows_or_rows_that_match_no_more_are_not_continued(changes: dict[str, Any]) -> None:
    if changes == {"columns": "hashed"}:
        changes = {"columns": {**LOG.columns, "city": Column("category", nullable=True, pii="hash")}}
    before = state_of(LOG, 9, reads=reads_of(LOG))
    assert why_anew(LOG, before) is None
    why = "everything anew: the catalog's table, query or personal data have changed"
    assert why_anew(msgspec.structs.replace(LOG, **changes), before) == why


def test_a_catalog_that_looks_back_less_than_before_goes_on() -> None:
    dataset = dataset_of("integer", look_back=5)
    assert why_anew(dataset, state_of(dataset, 9, look_back=6)) is None


def test_everything_anew_where_it_is_ordered() -> None:
    found = reach(LOG, state_of(LOG, 9), 3, 12, order=Order(full=True))
    assert (found.bands, found.follows, found.above, found.why) == (plan(LOG, None, 12), None, None, EVERYTHING_ANEW)


def test_a_dataset_without_a_cursor_is_always_exported_whole() -> None:
    dataset = msgspec.structs.replace(LOG, cursor=None)
    assert reach(dataset, state_of(dataset), 3) == Reach([EVERYTHING], None)
    assert reach(dataset, state_of(dataset), 3, order=Order(full=True)).why == EVERYTHING_ANEW
    with pytest.raises(SettingsError, match=r"^dataset 'log' has no cursor to count from: leave out --since"):
        reach(dataset, state_of(dataset), 3, order=Order(since="3"))


def test_a_watermark_that_is_not_of_its_type_is_told() -> None:
    state = msgspec.structs.replace(state_of(LOG), watermark=CursorValue("integer", "soon"))
    told = r"^exports/log/state.json: watermark: .*'soon'; export everything \(--full\) to begin anew$"
    with pytest.raises(VersionError, match=told):
        reach(LOG, state, 3)
    assert reach(LOG, state, 3, order=Order(full=True)).why == EVERYTHING_ANEW


# From some point on


def test_since_reads_again_what_lies_above_and_continues_the_chain() -> None:
    found = reach(LOG, state_of(LOG, 9), 3, 12, order=Order(since="5"))
    assert found.bands == since(LOG, 5, 12)
    assert (found.follows, found.why) == ("20261122T020000Z", "again from 5 on, as ordered")
    assert (found.above, found.up_to) == (CursorValue("integer", "9"), CursorValue("integer", "12"))


@pytest.mark.parametrize(("start", "begins"), [("9", 7), ("8", 7), ("7", 7), ("6", 6)])
def test_since_reaches_back_at_least_as_far_as_rows_may_be_met_again(start: str, begins: int) -> None:
    """What is not read is not remembered, and would go out again the next time."""
    dataset = dataset_of("integer", look_back=2)
    assert reach(dataset, state_of(dataset, 9), 12, order=Order(since=start)).bands == since(dataset, begins, 12)


def test_since_the_first_time_is_everything() -> None:
    assert reach(LOG, ExportState("log"), 3, order=Order(since="5")).bands == plan(LOG, None, 3)


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ("soon", "--since soon: expected an integer, got 'soon'"),
        ("10", "--since 10: lies above the watermark, 9: what is there is new anyway"),
    ],
)
def test_since_what_makes_no_sense_is_told(start: str, told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        reach(LOG, state_of(LOG, 9), 12, order=Order(since=start))
    assert str(raised.value) == told


SINCE = [
    ("timestamp", datetime(2026, 11, 22, 5, 0, 0, 7), "2026-11-20T00:00:00", datetime(2026, 11, 20)),  # noqa: DTZ001
    ("date", date(2026, 11, 22), "2026-11-20", date(2026, 11, 20)),
    ("date", "2026-11-22", "2026-11-20", "2026-11-20"),
    ("timestamp", "2026-11-22 05:00:00", "2026-11-20T02:00:00+02:00", "2026-11-20 00:00:00"),
    ("timestamp", "2026-11-22T05:00:00.999Z", "2026-11-20", "2026-11-20T00:00:00"),
]


@pytest.mark.parametrize(("kind", "watermark", "start", "begins"), SINCE)
def test_since_a_time_is_compared_in_the_form_of_the_watermark(
    kind: ColumnType, watermark: Any, start: str, begins: Any
) -> None:
    """Of the second that is named, no fraction is left out."""
    dataset = dataset_of(kind)
    assert reach(dataset, state_of(dataset, watermark), order=Order(since=start)).bands == since(
        dataset, begins, watermark
    )


# The clock

FORMS: dict[str, tuple[ColumnType, Callable[[datetime], Any]]] = {
    "datetime": ("timestamp", lambda moment: moment.replace(tzinfo=None)),
    "text": ("timestamp", lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ")),
    "date": ("date", lambda moment: moment.date()),
    "date as text": ("date", lambda moment: str(moment.date())),
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_far_ahead_of_the_clock_wait_and_are_told(form: str) -> None:
    kind, written = FORMS[form]
    dataset = dataset_of(kind)
    today, far = written(NOW), written(NOW + timedelta(days=9))
    found = reach(dataset, state_of(dataset, written(NOW - timedelta(days=3))), today, far, far)
    assert found.up_to == to_record(today)
    (note,) = found.notes
    assert note == f"2 rows have a 'changed' more than a day ahead ({far}): they are exported when it has come"


@pytest.mark.parametrize("form", FORMS)
def test_a_day_ahead_is_not_far(form: str) -> None:
    kind, written = FORMS[form]
    tomorrow = written(NOW + timedelta(days=1))
    found = reach(dataset_of(kind), ExportState("log"), tomorrow)
    assert (found.up_to, found.notes) == (to_record(tomorrow), ())


def test_a_moment_more_than_a_day_is_far() -> None:
    tomorrow = NOW.replace(tzinfo=None) + timedelta(days=1)
    far = tomorrow + timedelta(microseconds=1)
    found = reach(dataset_of("timestamp"), ExportState("log"), far, tomorrow)
    assert found.up_to == to_record(tomorrow)
    assert found.notes[0].startswith("1 rows have ")
    assert reach(dataset_of("timestamp"), ExportState("log"), far).up_to is None


def test_where_all_that_is_new_lies_far_ahead_the_watermark_stays() -> None:
    dataset = dataset_of("timestamp")
    before = datetime(2026, 11, 20)  # noqa: DTZ001
    found = reach(dataset, state_of(dataset, before), before, datetime(2099, 1, 1))  # noqa: DTZ001
    assert found.bands == plan(dataset, before, before)
    assert len(found.notes) == 1
    empty = reach(dataset, ExportState("log"), datetime(2099, 1, 1))  # noqa: DTZ001
    assert empty.bands == [Band(empty="changed", may_be_known=True, may_come_again=True)]
    assert empty.up_to is None


@pytest.mark.parametrize("kind", ["integer", "text"])
def test_only_times_are_held_against_the_clock(kind: ColumnType) -> None:
    far: Any = 99_991_231 if kind == "integer" else "9999-12-31"
    found = reach(dataset_of(kind), ExportState("log"), far)
    assert (found.up_to, found.notes) == (to_record(far), ())
