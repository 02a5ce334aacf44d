"""Exports that continue each other: training reads all of the chain, and each row as it was exported last."""

from __future__ import annotations

import csv
import hashlib
import io
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from local.memory_blobs import MemoryBlobs
from shared.csv_format import csv_rows
from shared.errors import BlobMissing, DropError, VersionError
from shared.store import names
from shared.store.records import Manifest, Part, to_json
from shared.training.drop import manifests_of
from shared.training.table import read_table
from tests.phone_data import contacts, phone, to_csv
from tests.training_bench import Bench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.records import RunRecord
    from shared.training.table import Table

DATASET = phone().dataset
HEADER = list(contacts(1)[0])
FIRST, SECOND, THIRD = "20261123T020000Z", "20261124T020000Z", "20261125T020000Z"


class Exports:
    """Manifests and their parts, as exports leave them."""

    def __init__(self, blobs: MemoryBlobs | None = None) -> None:
        self.blobs = blobs or MemoryBlobs()

    def add(self, slot: str, *files: list[dict[str, Any]] | bytes, follows: str | None = None) -> str:
        """One export, a part for each of ``files``: rows, or bytes. The manifest's name."""
        parts = tuple(self._part(slot, index, file) for index, file in enumerate(files))
        rows = sum(part.rows for part in parts)
        columns: dict[str, str] = {name: column.type for name, column in DATASET.used_columns().items()}
        manifest = Manifest("contacts", slot, columns, parts, rows, slot, follows=follows)
        name = names.manifest("contacts", slot)
        self.blobs.write(name, to_json(manifest))
        return name

    def _part(self, slot: str, index: int, file: list[dict[str, Any]] | bytes) -> Part:
        data = file if isinstance(file, bytes) else to_csv(file) if file else csv_rows([HEADER])
        name = names.part("contacts", slot, "a1b2c3d4", index)
        self.blobs.write(name, data)
        rows = 0 if isinstance(file, bytes) else len(file)
        return Part(name, rows, len(data), hashlib.sha256(data).hexdigest())

    def chain(self, slot: str) -> tuple[Manifest, ...]:
        drop = names.parse_drop(names.manifest("contacts", slot))
        return manifests_of(drop, slot, DATASET, self.blobs)

    def slots(self, slot: str) -> list[str]:
        return [manifest.slot for manifest in self.chain(slot)]

    def table(self, slot: str) -> Table:
        return read_table(self.chain(slot), DATASET, self.blobs)

    def refusal(self, slot: str) -> str:
        with pytest.raises(DropError) as caught:
            self.table(slot)
        return str(caught.value)


@pytest.fixture
def exports() -> Exports:
    return Exports()


def keys(table: Table) -> list[int]:
    return [int(key) for key in table.frame["contact_id"]]


def changed(row: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**row, **values}


# The manifests


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


# The rows


@pytest.mark.parametrize("cut", [1, 50, 119])
def test_a_chain_is_the_same_table_as_one_export_of_everything(exports: Exports, cut: int) -> None:
    rows = contacts(120)
    exports.add(FIRST, rows[:cut])
    exports.add(SECOND, rows[cut:], follows=FIRST)
    exports.add(THIRD, rows)
    chained = exports.table(SECOND)
    assert chained.sha256 == exports.table(THIRD).sha256
    assert (chained.rows, chained.refused_rows, chained.notes) == (120, 0, [])


def test_a_row_that_was_exported_again_is_read_as_it_is_now(exports: Exports) -> None:
    rows = contacts(60)
    now = [changed(row, age=20) for row in rows[10:15]]
    exports.add(FIRST, rows)
    exports.add(SECOND, now + contacts(5, first=61), follows=FIRST)
    exports.add(THIRD, rows[:10] + now + rows[15:] + contacts(5, first=61))
    table = exports.table(SECOND)
    assert table.sha256 == exports.table(THIRD).sha256
    assert (table.rows, table.refused_rows) == (65, 0)
    assert table.notes == ["5 row(s) were exported again later and are read as they are now"]


def test_of_many_changes_the_last_one_counts(exports: Exports) -> None:
    row = contacts(1)[0]
    exports.add(FIRST, [changed(row, age=30)])
    exports.add(SECOND, [changed(row, age=31)], follows=FIRST)
    exports.add(THIRD, [changed(row, age=32)], follows=SECOND)
    table = exports.table(THIRD)
    assert list(table.frame["age"]) == [32]
    assert table.notes == ["2 row(s) were exported again later and are read as they are now"]


def test_a_row_whose_time_has_changed_moves_to_its_new_place(exports: Exports) -> None:
    rows = contacts(60)
    exports.add(FIRST, rows)
    exports.add(SECOND, [changed(rows[0], contacted_on="2030-01-01")], follows=FIRST)
    assert keys(exports.table(SECOND))[-1] == 1


def test_a_key_is_the_same_in_all_exports_however_it_is_written(exports: Exports) -> None:
    rows = contacts(2)
    exports.add(FIRST, rows)
    exports.add(SECOND, [changed(rows[0], contact_id="1.0", age=77)], follows=FIRST)
    table = exports.table(SECOND)
    assert keys(table) == [1, 2]
    assert list(table.frame["age"]) == [77, rows[1]["age"]]


@pytest.mark.parametrize("parts", [1, 2])
def test_a_key_that_comes_twice_in_one_export_is_still_refused(exports: Exports, parts: int) -> None:
    rows = contacts(60)
    repeated = [changed(rows[50], age=20)]
    files = [rows + repeated] if parts == 1 else [rows, repeated]
    exports.add(FIRST, *files)
    exports.add(SECOND, contacts(5, first=61), follows=FIRST)
    table = exports.table(SECOND)
    assert (table.rows, table.refused_rows) == (66, 1)
    assert table.refused[0].reason == "contact_id: '51' stands in an earlier row; the key names one row"
    assert table.notes == []
    assert list(table.frame["age"])[50] == rows[50]["age"]


def test_a_key_that_comes_twice_in_a_later_export_is_refused_and_its_first_row_counts(exports: Exports) -> None:
    rows = contacts(10)
    exports.add(FIRST, rows)
    exports.add(SECOND, [changed(rows[4], age=20), changed(rows[4], age=21)], follows=FIRST)
    table = exports.table(SECOND)
    assert table.refused_rows == 1
    assert list(table.frame["age"])[4] == 20
    assert table.notes == ["1 row(s) were exported again later and are read as they are now"]


def test_a_change_that_does_not_fit_is_refused_and_the_row_stays_as_it_was(exports: Exports) -> None:
    rows = contacts(10)
    exports.add(FIRST, rows)
    exports.add(SECOND, [changed(rows[4], age=400)], follows=FIRST)
    table = exports.table(SECOND)
    assert list(table.frame["age"])[4] == rows[4]["age"]
    assert [refused.reason.split(":")[0] for refused in table.refused] == ["age"]
    assert table.refused[0].where == f"exports/contacts/{SECOND}/a1b2c3d4/part-00000.csv:2"


def empty_links() -> list[tuple[str, Sequence[list[dict[str, Any]]]]]:
    rows = contacts(60)
    refused = [changed(row, age=400) for row in contacts(3, first=61)]
    return [
        ("a header alone", [rows, [], []]),
        ("a header alone at first", [[], rows, []]),
        ("only refused rows", [rows, refused, []]),
        ("only refused rows at first", [refused, [], rows]),
    ]


@pytest.mark.parametrize("links", [links for _, links in empty_links()], ids=[name for name, _ in empty_links()])
def test_a_link_may_hold_nothing(exports: Exports, links: Sequence[list[dict[str, Any]]]) -> None:
    for slot, before, rows in zip((FIRST, SECOND, THIRD), (None, FIRST, SECOND), links, strict=True):
        exports.add(slot, rows, follows=before)
    alone = Exports()
    alone.add(FIRST, contacts(60))
    table = exports.table(THIRD)
    assert table.sha256 == alone.table(FIRST).sha256
    assert list(table.frame.dtypes) == list(alone.table(FIRST).frame.dtypes)


def test_a_chain_without_any_row_is_refused(exports: Exports) -> None:
    exports.add(FIRST, [])
    exports.add(SECOND, [], follows=FIRST)
    assert exports.refusal(SECOND) == f"drop {SECOND}: has a header but no rows"


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


def test_a_note_on_a_column_stands_once_for_the_whole_chain(exports: Exports) -> None:
    exports.add(FIRST, [{**row, "shoe_size": 43} for row in contacts(10)])
    exports.add(SECOND, [{**row, "shoe_size": 44} for row in contacts(10, first=11)], follows=FIRST)
    assert exports.table(SECOND).notes == ["column 'shoe_size' is in the file but not in the catalog, and was not read"]


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


def test_the_quarantine_of_a_chain_says_of_each_row_in_which_export_it_stands(exports: Exports) -> None:
    rows = contacts(600)
    exports.add(FIRST, [changed(rows[0], job='a "clerk", or so\r\n', age=400), *rows[1:]])
    drop = exports.add(SECOND, [changed(contacts(1, first=601)[0], y="maybe")], follows=FIRST)
    assert trained(exports, drop).refused == 2
    file = exports.blobs.blobs[names.quarantine("contacts", SECOND)].decode()
    header, *lines = csv.reader(io.StringIO(file, newline=""))
    assert header == ["where", "reason", *HEADER]
    assert [line[0] for line in lines] == [
        f"exports/contacts/{FIRST}/a1b2c3d4/part-00000.csv:3",  # where the row ends: one of its fields has two lines
        f"exports/contacts/{SECOND}/a1b2c3d4/part-00000.csv:2",
    ]
    assert 'a "clerk", or so\r\n' in lines[0]
