"""What files to be scored, their answers and their records are called, and what no dataset may be called."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.errors import DropError
from shared.store import names
from tests.catalog_files import changed, faults_of

MODIFIED = datetime(2026, 11, 23, 2, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("blob", "model", "stem"),
    [
        ("drops/score/phone/may.csv", "phone", "may"),
        ("drops/score/phone/MAY.CSV", "phone", "MAY"),
        ("drops/score/phone/may.2026.csv", "phone", "may.2026"),
        ("drops/score/phone/llamadas de mayo ñ 100%.csv", "phone", "llamadas de mayo ñ 100%"),
        ("drops/score/score/score.csv", "score", "score"),
    ],
)
def test_a_file_to_be_scored_is_read_from_its_name(blob: str, model: str, stem: str) -> None:
    assert names.is_to_score(blob)
    assert names.parse_scoring_drop(blob) == names.ScoringDrop(blob, model, stem)


@pytest.mark.parametrize(
    "blob",
    ["drops/contacts/may.csv", "drops/scores/phone/may.csv", "drops/score", "drops/scored.csv", "x/drops/score/a.csv",
     "results/score/phone/may.csv", ""],
)  # fmt: skip
def test_other_blobs_are_not_there_to_be_scored(blob: str) -> None:
    assert not names.is_to_score(blob)
    with pytest.raises(DropError, match=r"expected drops/score/<model>/<name>\.csv"):
        names.parse_scoring_drop(blob)


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        (names.scoring_csv("phone", "may.csv"), "drops/score/phone/may.csv"),
        (names.scoring_version("S", "phone"), "runs/score/S/phone.version.json"),
        (names.run_record(names.SCORE, "S", "phone"), "runs/score/S/phone.json"),
        (names.run_progress(names.SCORE, "S", "phone"), "runs/score/S/phone.progress.json"),
        (names.quarantine(names.SCORE, "S"), "quarantine/score/S/rows.csv"),
        (names.result("phone", "may", "S"), "results/phone/may-S.csv"),
    ],
)
def test_names_are_those_of_the_blob_contract(name: str, spelt: str) -> None:
    """What is stored under these names is read for ever."""
    assert name == spelt


def test_a_slot_is_the_moment_of_an_upload_and_tells_uploads_of_one_second_apart() -> None:
    slot = names.upload_slot("drops/score/phone/may.csv", '"0x1"', MODIFIED)
    assert slot == "20261123T020007Z-1320bd3c"
    assert names.upload_slot("drops/score/phone/may.csv", '"0x2"', MODIFIED) != slot
    assert names.upload_slot("drops/score/sales/may.csv", '"0x1"', MODIFIED) != slot


def test_the_longest_name_that_storage_takes_has_a_result_that_it_takes() -> None:
    stem = "m" * (1024 - len("score/phone/.csv"))
    assert len(names.result("phone", stem, names.upload_slot("b", "e", MODIFIED)).partition("/")[2]) <= 1024


def test_no_dataset_is_called_as_the_files_to_be_scored_are() -> None:
    assert faults_of(changed(('name = "orders"', 'name = "score"'))) == [
        "dataset.name: 'score' is taken: files under drops/score/ are scored, not learned from; expected another name"
    ]
    assert faults_of(changed(('name = "orders"', 'name = "scores"'))) == []
    assert faults_of(changed(('name = "returns"', 'name = "score"'))) == []
