"""A drop into one checked table, with everything that does not fit set aside and said."""

import hashlib

import pytest

from local.memory_blobs import MemoryBlobs
from shared.errors import BlobMissing, DropError
from shared.store.records import Manifest, Part
from shared.training.table import QUARANTINE_ROWS, Table, read_table
from tests.phone_data import contacts, phone, to_csv

DATASET = phone().dataset


def read(*files: bytes) -> Table:
    blobs = MemoryBlobs({f"drops/contacts/{index}.csv": file for index, file in enumerate(files)})
    parts = tuple(
        Part(name=name, rows=0, size_bytes=len(file), sha256=hashlib.sha256(file).hexdigest())
        for name, file in blobs.blobs.items()
    )
    manifest = Manifest(dataset="contacts", slot="20240101T000000Z", columns={}, parts=parts, rows=0, exported_at="")
    return read_table([manifest], DATASET, blobs)


def refusal(*files: bytes) -> str:
    with pytest.raises(DropError) as caught:
        read(*files)
    return str(caught.value)


def test_rows_come_back_oldest_first_whatever_the_order_of_the_file() -> None:
    rows = contacts(200)
    table = read(to_csv(rows[::-1]))
    assert list(table.frame["contact_id"]) == [str(number) for number in range(1, 201)]
    assert table.sha256 == read(to_csv(rows[:120]), to_csv(rows[120:])).sha256


def test_other_rows_have_another_hash() -> None:
    rows = contacts(200)
    before = read(to_csv(rows)).sha256
    rows[7]["age"] += 1
    assert read(to_csv(rows)).sha256 != before


@pytest.mark.parametrize("column", ["age", "y", "contact_id", "contacted_on"])
def test_a_missing_column_is_named(column: str) -> None:
    rows = contacts(5)
    for row in rows:
        del row[column]
    assert f"has no column '{column}'" in refusal(to_csv(rows))


def test_all_missing_columns_are_named_at_once() -> None:
    rows = [{"contact_id": row["contact_id"], "age": row["age"]} for row in contacts(5)]
    message = refusal(to_csv(rows))
    assert "'job'" in message
    assert "'poutcome'" in message


def test_a_renamed_column_is_recognised() -> None:
    assert "'balance' (was it renamed to 'Balance '?)" in refusal(to_csv(contacts(5)).replace(b"balance", b"Balance "))


def test_an_added_column_is_passed_over_and_reported() -> None:
    rows = [{**row, "shoe_size": 43} for row in contacts(60)]
    table = read(to_csv(rows))
    assert len(table.frame) == 60
    assert table.notes == ["column 'shoe_size' is in the file but not in the catalog, and was not read"]
    assert "shoe_size" not in table.frame


def test_an_unusable_column_never_reaches_the_table_and_the_reason_is_reported() -> None:
    table = read(to_csv([{**row, "duration": 300, "pdays": -1} for row in contacts(60)]))
    assert "duration" not in table.frame
    assert "pdays" not in table.frame
    assert any("'duration'" in note and "known when it has ended" in note for note in table.notes)


def test_a_column_of_another_type_sets_every_row_aside_with_what_was_expected() -> None:
    rows = [{**row, "age": "forty"} for row in contacts(60)]
    table = read(to_csv(rows))
    assert table.refused_rows == table.rows == 60
    assert table.refused[0].reason == "age: expected an integer at least 16 and at most 120, got 'forty'"
    assert table.refused[0].where == "drops/contacts/0.csv:2"


def test_a_row_is_set_aside_with_all_its_reasons_and_its_fields() -> None:
    rows = contacts(60)
    rows[3] |= {"age": 7, "month": "brumaire", "y": "maybe"}
    table = read(to_csv(rows))
    assert table.refused_rows == 1
    assert [part.split(":")[0] for part in table.refused[0].reason.split("; ")] == ["age", "month", "y"]
    assert "brumaire" in table.refused[0].fields


def test_a_row_with_too_few_fields_is_set_aside() -> None:
    file = to_csv(contacts(60)) + b"61,2024-01-09\r\n"
    assert [refused.reason for refused in read(file).refused] == ["expected 17 fields, got 2"]


def test_a_row_that_comes_twice_counts_once() -> None:
    rows = contacts(60)
    table = read(to_csv(rows), to_csv(rows[50:]))
    assert len(table.frame) == 60
    assert table.refused_rows == 10
    assert "contact_id: '51' stands in an earlier row" in table.refused[0].reason


def test_a_repeated_key_stands_in_its_own_column() -> None:
    rows = [{"age": row.pop("age"), **row} for row in contacts(60)]
    table = read(to_csv([*rows, rows[50]]))
    assert dict(zip(table.header, table.refused[0].fields, strict=False))["contact_id"] == "51"


@pytest.mark.parametrize("written", ["{}.0", "+{}", " {} "])
def test_an_integer_key_is_the_same_however_it_is_written(written: str) -> None:
    rows = contacts(60)
    others = [{**row, "contact_id": written.format(row["contact_id"])} for row in rows]
    assert read(to_csv(others)).sha256 == read(to_csv(rows)).sha256
    assert read(to_csv(rows), to_csv(others)).refused_rows == 60


def test_refused_rows_are_counted_beyond_those_that_are_kept() -> None:
    header, _, row = to_csv(contacts(1)).partition(b"\r\n")
    wrong = header + b"\r\n" + row.replace(b"technician", b"").replace(b"may", b"x") * (QUARANTINE_ROWS + 5)
    table = read(wrong.replace(b"jan", b"brumaire"))
    assert table.refused_rows == QUARANTINE_ROWS + 5
    assert len(table.refused) == QUARANTINE_ROWS


def test_an_empty_file_is_said_to_be_empty() -> None:
    assert "is empty; expected a header row and data rows" in refusal(b"")


def test_a_header_alone_has_no_rows() -> None:
    assert "has a header but no rows" in refusal(to_csv(contacts(1)).split(b"\r\n")[0] + b"\r\n")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert len(read(b"\xef\xbb\xbf" + to_csv(contacts(60))).frame) == 60


def test_another_separator_is_named() -> None:
    assert "separated by ';'; expected ','" in refusal(to_csv(contacts(5), separator=";"))


def test_ten_megabytes_in_one_field_are_refused_with_the_line() -> None:
    rows = contacts(5)
    rows[2]["job"] = "x" * 10_000_000
    message = refusal(to_csv(rows))
    assert "line 4" in message
    assert "a field is longer than" in message


def test_bytes_that_are_not_the_manifests_are_refused() -> None:
    file = to_csv(contacts(60))
    blobs = MemoryBlobs({"p": file[:-100]})
    part = Part(name="p", rows=60, size_bytes=len(file), sha256=hashlib.sha256(file).hexdigest())
    manifest = Manifest(dataset="contacts", slot="s", columns={}, parts=(part,), rows=60, exported_at="")
    with pytest.raises(DropError, match="is not the file that the manifest names"):
        read_table([manifest], DATASET, blobs)


def test_a_part_that_is_gone_is_named() -> None:
    part = Part(name="exports/gone.csv", rows=1, size_bytes=1, sha256="")
    manifest = Manifest(dataset="contacts", slot="s", columns={}, parts=(part,), rows=1, exported_at="")
    with pytest.raises(BlobMissing, match=r"exports/gone\.csv"):
        read_table([manifest], DATASET, MemoryBlobs())


def test_large_keys_keep_their_digits() -> None:
    rows = contacts(3)
    rows[0]["contact_id"] = 12345678901234567890
    assert "12345678901234567890" in list(read(to_csv(rows)).frame["contact_id"])
