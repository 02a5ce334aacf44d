"""``python -m local score``: what it drops, what it fetches, and what it says."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest

from local import follow, score
from local.__main__ import main
from local.memory_blobs import MemoryBlobs
from shared.errors import StoreUnavailable
from shared.scoring.bulk.run import score_drop
from shared.settings import Settings
from shared.store import names
from tests.bulk_bench import MOST_BYTES, Bench, people
from tests.phone_data import to_csv
from tests.tiny_versions import MODEL, catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class EventfulBlobs(MemoryBlobs):
    """Blobs of a platform that runs: what is dropped to be scored is scored."""

    awake = True
    away = False

    def upload(self, name: str, chunks: Iterable[bytes]) -> None:
        super().upload(name, chunks)
        if names.is_to_score(name) and self.awake:
            score_drop(name, catalog(MODEL), self, MOST_BYTES)

    def chunks(self, name: str) -> Iterator[bytes]:
        yield from super().chunks(name)
        if self.away:
            msg = f"storage did not answer for {name!r}"
            raise StoreUnavailable(msg)


class Desk(Bench):
    """Somebody at the command line, and the blobs of a platform that runs."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(blobs=EventfulBlobs())
        self.folder = folder
        self._capsys = capsys

    def file(self, rows: bytes | list[dict[str, Any]], name: str = "may.csv") -> Path:
        path = self.folder / name
        path.write_bytes(rows if isinstance(rows, bytes) else to_csv(rows))
        return path

    def run(self, *arguments: str | Path, model: str = MODEL) -> tuple[int, str]:
        """The exit code and what was printed, on one line."""
        code = main(["score", *map(str, arguments), "--model", model])
        return code, " ".join(self._capsys.readouterr().out.split())

    def keys(self, name: str) -> list[str]:
        with (self.folder / name).open(newline="") as file:
            return [answer["contact_id"] for answer in csv.DictReader(file)]

    def listing(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(tmp_path, capsys)
    running = type("Running", (), {"blobs": made.blobs})()
    monkeypatch.setattr(score, "attach", lambda: running)
    monkeypatch.setattr(score, "local_settings", Settings)
    return made


def test_the_answers_are_put_beside_the_file_and_told_of(desk: Desk) -> None:
    version = desk.serve()
    file = desk.file(people(30))
    code, told = desk.run(file)
    assert code == 0
    assert desk.keys("may-answers.csv") == [str(row["contact_id"]) for row in people(30)]
    (result,) = desk.names("results/")
    assert (desk.folder / "may-answers.csv").read_bytes() == desk.blobs.read(result).data
    assert desk.blobs.read("drops/score/phone/may.csv").data == file.read_bytes()
    assert f"by version {version.version} 30 of 30 rows scored, 0 refused answers: " in told
    assert told.endswith(f"{desk.folder}/may-answers.csv (from {result})")
    assert desk.listing() == {"may.csv", "may-answers.csv"}


def test_the_answers_are_put_where_they_are_asked_for(desk: Desk) -> None:
    desk.serve()
    out = desk.file(b"of yesterday", "out.csv")
    assert desk.run(desk.file(people(3)), "--out", out)[0] == 0
    assert len(desk.keys("out.csv")) == 3
    assert desk.listing() == {"may.csv", "out.csv"}


def test_refused_rows_are_counted_and_their_quarantine_is_named(desk: Desk) -> None:
    desk.serve()
    rows = people(40)
    rows[3]["age"] = 7
    rows[5]["job"] = "astronaut"
    code, told = desk.run(desk.file(rows))
    assert (code, len(desk.keys("may-answers.csv"))) == (0, 39)
    (quarantine,) = desk.names("quarantine/")
    assert f"39 of 40 rows scored, 1 refused: {quarantine} " in told
    assert f"python -m local get {quarantine} refused.csv" in told
    assert "1 answers with a warning" in told


def test_a_file_that_is_refused_is_told_why_and_leaves_the_answers_of_before(desk: Desk) -> None:
    desk.serve()
    desk.file(b"of yesterday", "may-answers.csv")
    code, told = desk.run(desk.file(b"age,job\n41,cook\n"))
    assert code == 1
    assert "refused after" in told
    assert "header, column contact_id: expected a column that names each row in the answers" in told
    assert "answers:" not in told
    assert (desk.folder / "may-answers.csv").read_bytes() == b"of yesterday"


def test_with_too_many_bad_rows_none_is_said_to_be_scored(desk: Desk) -> None:
    desk.serve()
    rows = people(10)
    rows[0]["age"] = rows[1]["age"] = 7
    code, told = desk.run(desk.file(rows))
    (quarantine,) = desk.names("quarantine/")
    assert (code, f"0 of 10 rows scored, 2 refused: {quarantine} " in told) == (1, True)


def test_a_model_without_a_version_is_told(desk: Desk) -> None:
    code, told = desk.run(desk.file(people(3)))
    assert (code, "model 'phone' has no version yet" in told) == (1, True)


def test_a_broken_champion_is_noted(desk: Desk) -> None:
    good, bad = desk.serve(1), desk.serve(2)
    desk.blobs.write(names.version_file(MODEL, bad.version, "model.onnx"), b"no graph")
    code, told = desk.run(desk.file(people(3)))
    assert (code, f"{good.version} answered in its place" in told) == (0, True)


@pytest.mark.parametrize(
    ("name", "blob"),
    [("may.2026.csv", "may.2026.csv"), ("may", "may.csv"), ("MAY.CSV", "MAY.csv"), ("llamadas ñ.csv", "llamadas ñ.csv"),
     ("may.txt", "may.csv")],
)  # fmt: skip
def test_a_file_is_dropped_under_its_own_name(desk: Desk, name: str, blob: str) -> None:
    desk.serve()
    assert desk.run(desk.file(people(3), name))[0] == 0
    assert desk.names("drops/") == [f"drops/score/phone/{blob}"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["none.csv"], "none.csv: expected a CSV file, got nothing: there is no such file"),
        (["."], ".: expected a CSV file, got a folder"),
        (["may.csv", "--out", "."], "--out .: is a folder; expected a file to write the answers to"),
        (["may.csv", "--out", "no/out.csv"], "--out no/out.csv: lies in no, which is no folder"),
        (["may.csv", "--out", "./may.csv"], "is the file to be scored; expected another one for the answers"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_dropped(
    desk: Desk, arguments: list[str], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.serve()
    monkeypatch.chdir(desk.file(people(3)).parent)
    code, told = desk.run(*arguments)
    assert (code, fault in told) == (1, True), told
    assert desk.names("drops/") == []


def test_an_unknown_model_is_told_with_those_that_there_are(desk: Desk) -> None:
    code, told = desk.run(desk.file(people(3)), model="strangers")
    assert (code, "there is no model 'strangers' in the catalog; there is: phone" in told) == (1, True)


def test_a_disk_that_is_full_is_told_with_where_the_answers_are(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.serve()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    code, told = desk.run(desk.file(people(3)))
    (result,) = desk.names("results/")
    assert (code, f"cannot be written: No space left on device; the answers are in {result}" in told) == (1, True)
    assert desk.listing() == {"may.csv"}


def test_a_download_that_breaks_off_leaves_the_answers_of_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.serve()
    desk.file(b"of yesterday", "may-answers.csv")
    file = desk.file(people(300))
    follow_scoring = score.follow_scoring

    def then_away(*arguments: Any) -> Any:
        record = follow_scoring(*arguments)
        desk.blobs.away = True
        return record

    monkeypatch.setattr(score, "follow_scoring", then_away)
    code, told = desk.run(file)
    assert (code, "storage did not answer for 'results/phone/" in told) == (1, True)
    assert (desk.folder / "may-answers.csv").read_bytes() == b"of yesterday"
    assert desk.listing() == {"may.csv", "may-answers.csv"}


def test_a_file_that_nothing_comes_of_is_told_with_where_to_look(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.blobs.awake = False
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(score, "follow_scoring", lambda *arguments: follow.follow_scoring(*arguments, seconds=0.05))
    code, told = desk.run(desk.file(people(3)))
    assert (code, "within 0.05 s; the host's log says why: .local/host.log" in told) == (1, True)
