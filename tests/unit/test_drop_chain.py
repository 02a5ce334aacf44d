"""Exports that continue each other: which of them a drop is made of, and which chains are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from shared.errors import BlobMissing, VersionError
from shared.store import names
from shared.store.records import to_json
from shared.training.drop import manifests_of
from tests.chained_exports import DATASET, FIRST, SECOND, THIRD, Exports, changed, keys
from tests.phone_data import contacts, to_csv
from tests.training_bench import Bench

if TYPE_CHECKING:
    from shared.store.records import RunRecord


@pytest.fixture
def exports() -> Exports:
    return Exports()


def test_an_export_of_everything_is_a_chain_of_one(exports: Exports) -> None:
    exports.add(FIRST, contacts(3))
    assert exports.slots(FIRST) == [FIRST]


def test_a_chain_is_read_from_its_beginning_to_the_drop(exports: Exports) -> None:
    exports.add(FIRST, contacts(3))
    exports.add(SECOND, contacts(3, first=4), follows=FIRST)
    exports.add(THIRD, contacts(3, first=7), follows=SECOND)
    assert exports.slots(THIRD) == [FIRST, SECOND, THIRD]
    assert exports.slots(SECOND) == [FIRST, SECOND]


def test_a_chain_ends_at_the_last_export_of_everything(exports: Exports) -> None:
    exports.add(FIRST, contacts(3))
    exports.add(SECOND, contacts(4))
    exports.add(THIRD, contacts(1, first=5), follows=SECOND)
    assert exports.slots(THIRD) == [SECOND, THIRD]


def test_what_continues_the_same_export_has_no_part_in_the_other(exports: Exports) -> None:
    exports.add(FIRST, contacts(3))
    exports.add(SECOND, contacts(1, first=4), follows=FIRST)
    exports.add(THIRD, contacts(1, first=5), follows=FIRST)
    assert exports.slots(THIRD) == [FIRST, THIRD]
    assert keys(exports.table(THIRD)) == [1, 2, 3, 5]


def test_what_follows_what_is_said_by_the_manifests_and_not_by_the_clock(exports: Exports) -> None:
    """A person may export before the night's slot that is still being read: its stamp is the later one."""
    row = contacts(1)[0]
    exports.add(SECOND, [changed(row, age=30)])
    exports.add(THIRD, [changed(row, age=31)], follows=SECOND)
    exports.add(FIRST, [changed(row, age=32)], follows=THIRD)
    assert exports.slots(FIRST) == [SECOND, THIRD, FIRST]
    assert list(exports.table(FIRST).frame["age"]) == [32]


def test_a_long_chain_is_read(exports: Exports) -> None:
    slots = [f"2026{month:02d}{day:02d}T020000Z" for month in range(1, 13) for day in range(1, 29)]
    for before, (number, slot) in zip([None, *slots], enumerate(slots, start=1), strict=False):
        exports.add(slot, contacts(1, first=number), follows=before)
    assert exports.slots(slots[-1]) == slots
    assert keys(exports.table(slots[-1])) == list(range(1, len(slots) + 1))


@pytest.mark.parametrize("gone", [FIRST, SECOND])
def test_a_missing_link_refuses_the_drop_and_is_named(exports: Exports, gone: str) -> None:
    exports.add(FIRST, contacts(3))
    exports.add(SECOND, contacts(3, first=4), follows=FIRST)
    drop = exports.add(THIRD, contacts(3, first=7), follows=SECOND)
    exports.blobs.delete(names.manifest("contacts", gone))
    assert exports.refusal(THIRD) == (
        f"{drop}: continues slot {gone}, whose manifest is gone: export everything anew (--full)"
    )


def test_a_drop_that_is_gone_is_missing_and_no_broken_chain(exports: Exports) -> None:
    exports.add(FIRST, contacts(3))
    with pytest.raises(BlobMissing, match=names.manifest("contacts", SECOND)):
        exports.chain(SECOND)


@pytest.mark.parametrize(
    "links",
    [{THIRD: THIRD}, {THIRD: SECOND, SECOND: THIRD}, {THIRD: SECOND, SECOND: FIRST, FIRST: SECOND}],
    ids=["itself", "two", "beside the drop"],
)
def test_a_chain_that_comes_back_to_itself_is_refused(exports: Exports, links: dict[str, str]) -> None:
    for slot, before in links.items():
        exports.add(slot, contacts(1), follows=before)
    message = exports.refusal(THIRD)
    assert message.startswith(f"drops/contacts/{THIRD}.json: continues slot ")
    assert message.endswith(", which continues it: export everything anew (--full)")


@pytest.mark.parametrize("follows", ["", "yesterday", "../orders/20261123T020000Z", f"{FIRST}.json", "a/b"])
def test_what_is_no_slot_cannot_be_continued(exports: Exports, follows: str) -> None:
    exports.add(FIRST, contacts(3))
    exports.add(SECOND, contacts(3, first=4), follows=follows)
    assert exports.refusal(SECOND)


def test_an_export_of_another_dataset_cannot_be_continued(exports: Exports) -> None:
    exports.add(FIRST, contacts(3))
    exports.add(SECOND, contacts(3, first=4), follows=FIRST)
    name = names.manifest("contacts", FIRST)
    stranger = msgspec.structs.replace(exports.chain(FIRST)[0], dataset="orders")
    exports.blobs.write(name, to_json(stranger))
    assert exports.refusal(SECOND).startswith(f"{name}: the manifest inside is of dataset 'orders'")


def test_a_link_that_cannot_be_read_is_named(exports: Exports) -> None:
    exports.add(FIRST, contacts(3))
    exports.add(SECOND, contacts(3, first=4), follows=FIRST)
    name = names.manifest("contacts", FIRST)
    exports.blobs.write(name, b"{}")
    with pytest.raises(VersionError, match=name):
        exports.table(SECOND)


def test_a_persons_file_is_everything_and_continues_nothing(exports: Exports) -> None:
    exports.add(FIRST, contacts(3))
    exports.blobs.write("drops/contacts/may.csv", to_csv(contacts(2)))
    drop = names.parse_drop("drops/contacts/may.csv")
    (manifest,) = manifests_of(drop, "20261126T101500Z-0a1b2c3d", DATASET, exports.blobs)
    assert manifest.follows is None
    assert [part.name for part in manifest.parts] == ["drops/contacts/may.csv"]


# Parts


def test_a_part_of_an_earlier_export_that_is_not_what_it_was_refuses_the_drop(exports: Exports) -> None:
    exports.add(FIRST, contacts(10))
    exports.add(SECOND, contacts(10, first=11), follows=FIRST)
    part = exports.chain(FIRST)[0].parts[0].name
    exports.blobs.write(part, to_csv(contacts(9)))
    assert exports.refusal(SECOND).startswith(f"{part}: is not the file that the manifest names")


def test_a_part_of_an_earlier_export_that_is_gone_is_named(exports: Exports) -> None:
    exports.add(FIRST, contacts(10))
    exports.add(SECOND, contacts(10, first=11), follows=FIRST)
    part = exports.chain(FIRST)[0].parts[0].name
    exports.blobs.delete(part)
    with pytest.raises(BlobMissing, match=part):
        exports.table(SECOND)


# A run on it


def trained(exports: Exports, drop: str) -> RunRecord:
    return Bench(exports.blobs).trained(drop)


def test_an_export_of_what_is_new_is_trained_on_with_all_that_was_before(exports: Exports) -> None:
    rows = contacts(900)
    first = trained(exports, exports.add(FIRST, rows[:600]))
    assert (first.outcome, first.rows) == ("promoted", 600)
    second = trained(exports, exports.add(SECOND, [changed(rows[7], age=20), *rows[600:]], follows=FIRST))
    assert (second.slot, second.rows, second.refused) == (SECOND, 900, 0)
    assert second.notes[0] == "1 row(s) were exported again later and are read as they are now"
    assert second.version != first.version


def test_an_export_of_nothing_new_changes_nothing(exports: Exports) -> None:
    first = trained(exports, exports.add(FIRST, contacts(600)))
    second = trained(exports, exports.add(SECOND, [], follows=FIRST))
    assert (second.outcome, second.version) == ("unchanged", first.version)


def test_a_broken_chain_is_refused_in_a_run_record_and_a_new_export_of_everything_mends_it(exports: Exports) -> None:
    exports.add(FIRST, contacts(600))
    drop = exports.add(SECOND, contacts(300, first=601), follows=FIRST)
    exports.blobs.delete(names.manifest("contacts", FIRST))
    record = trained(exports, drop)
    assert record.outcome == "refused"
    assert record.reasons == (
        f"{drop}: continues slot {FIRST}, whose manifest is gone: export everything anew (--full)",
    )
    assert trained(exports, exports.add(THIRD, contacts(900))).outcome == "promoted"
