"""The lines of the prediction log: what is written is read back, and keys do not stand in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.memory_blobs import MemoryBlobs
from shared.errors import VersionError
from shared.export.reading import keyed_hash
from shared.store import names
from shared.store.predictions import Loss, Prediction, key_hash, read_line, read_predictions
from shared.store.records import to_json_line

GOLDEN = Path(__file__).parent.parent / "golden" / "v1" / "predictions.jsonl"
KEY = "more than thirty-two characters, as asked"


def test_the_golden_lines_are_read_and_written_again_as_they_were() -> None:
    lines = GOLDEN.read_bytes().splitlines(keepends=True)
    read = [read_line(line, "p") for line in lines]
    assert [to_json_line(line) for line in read] == lines
    assert [type(line) for line in read] == [Prediction, Prediction, Loss]
    served, shadow, loss = read
    assert isinstance(served, Prediction)
    assert isinstance(shadow, Prediction)
    assert isinstance(loss, Loss)
    assert (served.role, served.features["job"], served.features["member"]) == ("served", "técnico", None)
    assert (shadow.against, shadow.against_probability) == (served.version, 0.04)
    assert (loss.role, loss.rows) == ("served", 1200)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"null",
        b'{"kind":"rumour"}',
        b'{"kind":"loss","at":"","model":"m","role":"served","rows":1,"schema_version":2}',
        b"\xff",
    ],
)
def test_a_line_that_is_no_prediction_is_refused_with_the_name_of_its_blob(line: bytes) -> None:
    with pytest.raises(VersionError, match=r"^some\.jsonl: has a line that is no prediction"):
        read_line(line, "some.jsonl")


def test_a_day_is_read_writer_by_writer_and_no_other_day() -> None:
    blobs = MemoryBlobs()
    for number, (day, writer, part) in enumerate(
        [("2026-11-25", "a", 0), ("2026-11-25", "a", 1), ("2026-11-25", "b", 0), ("2026-11-24", "a", 0)]
    ):
        lines = [to_json_line(Loss(at="", model="m", role="served", rows=10 * number + each)) for each in range(3)]
        blobs.write(names.predictions("phone", day, writer, part), b"".join(lines * 40))
    found = [line.rows for line in read_predictions(blobs, "phone", "2026-11-25") if isinstance(line, Loss)]
    assert found == [10 * number + each for number in range(3) for each in [0, 1, 2] * 40]


# What stands for a key


@given(st.one_of(st.integers(), st.text()))
def test_with_a_secret_a_key_has_the_hash_that_it_is_exported_with(key: Any) -> None:
    assert key_hash(key, KEY) == keyed_hash(key, KEY)


def test_without_a_key_there_is_no_hash_and_a_number_is_the_same_key_as_its_text() -> None:
    assert key_hash(None, KEY) is key_hash(None, None) is None
    assert key_hash(7, KEY) == key_hash("7", KEY) != key_hash("8", KEY)
    assert key_hash(7, None) == key_hash("7", None) != key_hash(7, KEY) != key_hash(7, KEY + "!")
