"""Names read back as what they were made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DropError
from shared.store import names

if TYPE_CHECKING:
    from collections.abc import Callable

ZONES = st.integers(min_value=-14 * 60, max_value=14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9000, 1, 1), timezones=ZONES)  # noqa: DTZ001
SEGMENT = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1)


@given(MOMENTS)
def test_a_stamp_reads_back_to_the_second(moment: datetime) -> None:
    assert names.parse_stamp(names.stamp(moment)) == moment.astimezone(UTC).replace(microsecond=0)


@given(MOMENTS, MOMENTS)
def test_stamps_sort_as_the_moments_do(one: datetime, other: datetime) -> None:
    if one <= other:
        assert names.stamp(one) <= names.stamp(other)


@given(st.text() | st.from_regex(r"\A\d{8}T\d{6}Z\Z") | st.from_regex(r"\A[12]\d{3}[01]\d[0-3]\dT[0-2]\d[0-5]\d\d{2}Z"))
def test_what_reads_as_a_stamp_is_one(text: str) -> None:
    try:
        moment = names.parse_stamp(text)
    except ValueError:
        return
    assert names.stamp(moment) == text


@given(SEGMENT, MOMENTS)
def test_a_manifest_is_a_drop_of_its_dataset_and_slot(dataset: str, moment: datetime) -> None:
    slot = names.stamp(moment)
    blob = names.manifest(dataset, slot)
    assert names.parse_drop(blob) == names.Drop(blob, dataset, slot, ".json")


@given(SEGMENT, SEGMENT)
def test_a_persons_file_is_a_drop_whatever_it_is_called(dataset: str, stem: str) -> None:
    blob = names.dropped_csv(dataset, stem + ".csv")
    drop = names.parse_drop(blob)
    assert (drop.dataset, drop.stem, drop.suffix) == (dataset, stem, ".csv")


@given(st.text())
def test_any_other_text_is_refused_as_no_drop(text: str) -> None:
    try:
        drop = names.parse_drop(text)
    except DropError:
        return
    assert text.startswith(f"drops/{drop.dataset}/{drop.stem}")


@given(SEGMENT, SEGMENT, SEGMENT, st.integers(min_value=0, max_value=99_999))
def test_what_an_attempt_writes_lies_in_its_folder_and_in_no_other(
    dataset: str, attempt: str, other: str, index: int
) -> None:
    part = names.part(dataset, "20261123T020000Z", attempt, index)
    folder = names.folder_of(part)
    assert part.startswith(folder)
    assert folder.startswith(names.exports(dataset))
    assert names.folder_of(names.attempt_file(dataset, "20261123T020000Z", attempt, "prepared.json")) == folder
    assert (names.folder_of(names.part(dataset, "20261123T020000Z", other, index)) == folder) == (other == attempt)


LISTED: list[tuple[Callable[[str], str], Callable[[str, str], str]]] = [
    (names.exports, lambda dataset, _: names.export_state(dataset)),
    (names.exports, names.export_record),
    (names.manifests, names.manifest),
    (names.manifests, names.dropped_csv),
    (names.runs, lambda dataset, slot: names.run_record(dataset, slot, "phone")),
]


@pytest.mark.parametrize(("prefix", "blob"), LISTED)
@given(dataset=SEGMENT, other=SEGMENT, moment=MOMENTS)
def test_a_list_of_a_dataset_holds_what_is_its_own_and_nothing_else(
    prefix: Callable[[str], str], blob: Callable[[str, str], str], dataset: str, other: str, moment: datetime
) -> None:
    slot = names.stamp(moment)
    assert blob(dataset, slot).startswith(prefix(dataset))
    assert blob(other, slot).startswith(prefix(dataset)) == (other == dataset)
