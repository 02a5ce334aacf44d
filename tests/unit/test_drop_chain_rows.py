"""Exports that continue each other: training reads each row as it was exported last."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

from shared.store import names
from tests.chained_exports import FIRST, HEADER, SECOND, THIRD, Exports, changed, keys
from tests.phone_data import contacts
from tests.training_bench import Bench

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def exports() -> Exports:
    return Exports()


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


def test_a_note_on_a_column_stands_once_for_the_whole_chain(exports: Exports) -> None:
    exports.add(FIRST, [{**row, "shoe_size": 43} for row in contacts(10)])
    exports.add(SECOND, [{**row, "shoe_size": 44} for row in contacts(10, first=11)], follows=FIRST)
    assert exports.table(SECOND).notes == ["column 'shoe_size' is in the file but not in the catalog, and was not read"]


def test_the_quarantine_of_a_chain_says_of_each_row_in_which_export_it_stands(exports: Exports) -> None:
    rows = contacts(600)
    exports.add(FIRST, [changed(rows[0], job='a "clerk", or so\r\n', age=400), *rows[1:]])
    drop = exports.add(SECOND, [changed(contacts(1, first=601)[0], y="maybe")], follows=FIRST)
    assert Bench(exports.blobs).trained(drop).refused == 2
    file = exports.blobs.blobs[names.quarantine("contacts", SECOND)].decode()
    header, *lines = csv.reader(io.StringIO(file, newline=""))
    assert header == ["where", "reason", *HEADER]
    assert [line[0] for line in lines] == [
        f"exports/contacts/{FIRST}/a1b2c3d4/part-00000.csv:3",  # where the row ends: one of its fields has two lines
        f"exports/contacts/{SECOND}/a1b2c3d4/part-00000.csv:2",
    ]
    assert 'a "clerk", or so\r\n' in lines[0]
