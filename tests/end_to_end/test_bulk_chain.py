"""A file to be scored over Microsoft's worker library and Azurite: a real bank's calls in, the answers of HTTP out."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import httpx

from local import score
from local.__main__ import main
from local.company import bank_contacts
from local.platform import Platform
from local.waiting import wait_until
from shared.settings import Settings
from shared.store import names
from shared.store.records import from_json
from shared.store.scorings import Scoring
from tests.end_to_end.world import KEY
from tests.phone_data import ROW, contacts, to_csv

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.end_to_end.world import World

ROWS = 20_000
SUCCEEDED = "Executed 'Functions.train_blob_trigger' (Succeeded"
TAKEN = ("contact_id", *ROW)


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def calls() -> list[dict[str, Any]]:
    """The bank's first contacts, with what is known before a call; two of them no model takes."""
    rows = [{name: contact[name] for name in TAKEN} for contact in islice(bank_contacts(), ROWS)]
    rows[10]["age"] = 7
    rows[-1]["contacted_on"] = "tomorrow"
    return rows


def test_a_banks_calls_are_answered_as_over_http_and_events_that_come_again_change_nothing(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()
    assert world.host is not None
    trained = world.record(world.drop(to_csv(contacts(600))))
    running = Platform(world.host.url, KEY, world.azurite.connection_string)
    monkeypatch.setattr(score, "attach", lambda: running)
    monkeypatch.setattr(score, "local_settings", Settings)
    rows = calls()
    file, out = tmp_path / "calls.csv", tmp_path / "calls-answers.csv"
    file.write_bytes(to_csv(rows))

    assert main(["score", str(file), "--model", "phone"]) == 0

    (result,) = world.blobs.list("results/")
    (record_name,) = [info.name for info in world.blobs.list("runs/score/") if info.name.endswith("/phone.json")]
    stored = read(world, record_name)
    record = from_json(stored, Scoring, record_name)
    assert (record.outcome, record.rows, record.refused) == ("scored", ROWS, 2)
    assert (record.version, record.result) == (trained.version, result.name)
    told = " ".join(capsys.readouterr().out.split())
    assert f"{ROWS - 2:,} of {ROWS:,} rows scored, 2 refused: {record.quarantine} " in told
    assert [(row["line"], row["age"]) for row in table(read(world, str(record.quarantine)))] == [
        ("12", "7"),
        (str(ROWS + 1), str(rows[-1]["age"])),
    ]

    good = rows[:10] + rows[11:-1]
    answer = httpx.post(
        f"{world.host.url}/api/models/phone/score",
        content=to_csv(good),
        headers={"x-functions-key": KEY, "content-type": "text/csv", "accept": "text/csv"},
        timeout=30,
    )
    assert answer.status_code == 200
    assert out.read_bytes() == answer.content
    answers = table(answer.content)
    assert [one["contact_id"] for one in answers] == [str(row["contact_id"]) for row in good]
    assert {one["version"] for one in answers} == {trained.version}
    assert len({one["probability"] for one in answers}) > 100

    log = world.host.output
    done = log.read_text().count(SUCCEEDED)
    world.send_events(names.scoring_csv("phone", "calls.csv"), datetime.now(UTC), 3)
    wait_until(lambda: log.read_text().count(SUCCEEDED) == done + 3, 60)
    assert [info.etag for info in world.blobs.list("results/")] == [result.etag]
    assert read(world, record_name) == stored


def read(world: World, name: str) -> bytes:
    blob = world.blobs.read(name)
    assert blob is not None
    return blob.data
