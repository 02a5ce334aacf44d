"""What blobs are called, and what is no drop's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.errors import DropError
from shared.store import names


def test_a_stamp_is_the_utc_second() -> None:
    assert names.stamp(datetime(2026, 11, 23, 2, 0, 0, 999_999, tzinfo=UTC)) == "20261123T020000Z"


def test_a_stamp_of_another_time_zone_is_the_same_instant() -> None:
    madrid = timezone(timedelta(hours=1))
    assert names.stamp(datetime(2026, 11, 23, 0, 30, tzinfo=madrid)) == "20261122T233000Z"


def test_a_stamp_reads_back() -> None:
    assert names.parse_stamp("20261123T020000Z") == datetime(2026, 11, 23, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20261123",
        "2026-11-23T02:00:00Z",
        "20261123T020000",
        "20261123T020000+0000",
        "20261123t020000z",
        " 20261123T020000Z",
        "20261123T020000Z ",
        "20261123T020000Z\n",
        "20261323T020000Z",
        "20260230T020000Z",
        "20261123T250000Z",
        "20261123T020060Z",
        "2026123T020000Z",
        "\u0662\u0660\u0662\u06661123T020000Z",
        "20261123T020000Z-1",
    ],
)
def test_what_stamp_would_not_write_is_no_stamp(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        names.parse_stamp(text)


@pytest.mark.parametrize(
    ("blob", "dataset", "stem", "suffix"),
    [
        ("drops/contacts/20261123T020000Z.json", "contacts", "20261123T020000Z", ".json"),
        ("drops/contacts/may.csv", "contacts", "may", ".csv"),
        ("drops/contacts/MAY.CSV", "contacts", "MAY", ".csv"),
        ("drops/contacts/may.2026.csv", "contacts", "may.2026", ".csv"),
        ("drops/contacts/llamadas de mayo ñ 100%.csv", "contacts", "llamadas de mayo ñ 100%", ".csv"),
        ("drops/contacts/readme", "contacts", "readme", ""),
        ("drops/contacts/.csv", "contacts", ".csv", ""),
        ("drops/Ventas 2026/a.csv", "Ventas 2026", "a", ".csv"),
        ("drops/contacts/a.xlsx", "contacts", "a", ".xlsx"),
    ],
)
def test_a_drop_is_read_from_its_name(blob: str, dataset: str, stem: str, suffix: str) -> None:
    assert names.parse_drop(blob) == names.Drop(blob, dataset, stem, suffix)


@pytest.mark.parametrize(
    "blob",
    [
        "",
        "drops",
        "drops/",
        "drops/contacts",
        "drops/contacts/",
        "drops//a.csv",
        "drops/contacts/2026/a.csv",
        "/drops/contacts/a.csv",
        "contacts/a.csv",
        "exports/contacts/a.csv",
        "Drops/contacts/a.csv",
        "x/drops/contacts/a.csv",
    ],
)
def test_another_name_is_no_drop_and_says_what_one_is_called(blob: str) -> None:
    with pytest.raises(
        DropError, match=r"is not a drop: expected drops/<dataset>/<name>\.csv, or a manifest"
    ) as raised:
        names.parse_drop(blob)
    assert repr(blob) in str(raised.value)


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        (names.part("contacts", "S", "a1b2", 7), "exports/contacts/S/a1b2/part-00007.csv"),
        (names.attempt_file("contacts", "S", "a1b2", "prepared.json"), "exports/contacts/S/a1b2/prepared.json"),
        (names.export_record("contacts", "S"), "exports/contacts/S/export.json"),
        (names.export_state("contacts"), "exports/contacts/state.json"),
        (names.exports("contacts"), "exports/contacts/"),
        (names.manifests("contacts"), "drops/contacts/"),
        (names.runs("contacts"), "runs/contacts/"),
        (names.manifest("contacts", "S"), "drops/contacts/S.json"),
        (names.dropped_csv("contacts", "may.csv"), "drops/contacts/may.csv"),
        (names.quarantine("contacts", "S"), "quarantine/contacts/S/rows.csv"),
        (names.run_record("contacts", "S", "phone"), "runs/contacts/S/phone.json"),
        (names.run_progress("contacts", "S", "phone"), "runs/contacts/S/phone.progress.json"),
        (names.version_file("phone", "V", "model.onnx"), "models/phone/V/model.onnx"),
        (names.champion("phone"), "models/phone/champion.json"),
        (names.history("phone"), "models/phone/history.jsonl"),
        (names.predictions("phone", "2026-11-25", "w", 3), "predictions/phone/2026-11-25/w-00003.jsonl"),
        (names.predictions_of("phone", "2026-11-25"), "predictions/phone/2026-11-25/"),
    ],
)
def test_names_are_those_of_the_blob_contract(name: str, spelt: str) -> None:
    """What is stored under these names is read for ever."""
    assert name == spelt


def test_parts_sort_in_the_order_in_which_they_were_written() -> None:
    made = [names.part("contacts", "S", "a", index) for index in range(0, 20_000, 999)]
    assert sorted(made) == made


def test_an_attempt_is_the_folder_of_all_that_it_wrote() -> None:
    folder = "exports/contacts/S/a1b2/"
    assert names.folder_of(names.part("contacts", "S", "a1b2", 3)) == folder
    assert names.folder_of(names.attempt_file("contacts", "S", "a1b2", "boundary.bin")) == folder
    assert names.folder_of(names.part("contacts", "S", "a1b2c3", 3)) != folder
    assert names.folder_of(names.export_record("contacts", "S")) == "exports/contacts/S/"


def test_the_progress_of_a_run_is_told_from_its_record_by_its_name() -> None:
    assert names.run_progress("contacts", "S", "phone").endswith(names.PROGRESS)
    assert not names.run_record("contacts", "S", "phone").endswith(names.PROGRESS)


def test_no_prefix_of_a_dataset_takes_in_another_whose_name_begins_the_same() -> None:
    for prefix, blob in (
        (names.exports("contacts"), names.export_state("contacts-2")),
        (names.manifests("contacts"), names.manifest("contacts-2", "S")),
        (names.runs("contacts"), names.run_record("contacts-2", "S", "phone")),
    ):
        assert not blob.startswith(prefix)


@pytest.mark.parametrize("version", ["20261123T020000Z-0a1b2c3d"])
def test_a_version_is_a_stamp_and_eight_hexadecimal_digits(version: str) -> None:
    assert names.VERSION_PATTERN.match(version)
    for wrong in (
        version.upper(),
        version[:-1],
        version + "0",
        version + "\n",
        "x" + version,
        version.replace("T", " "),
    ):
        assert not names.VERSION_PATTERN.match(wrong)
