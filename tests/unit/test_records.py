"""Stored records: what is written is read back, and what earlier releases wrote is read and means the same."""

from __future__ import annotations

import json
from typing import Any, Literal

from msgspec import UNSET, Struct

from shared.store.background import Background
from shared.store.records import (
    Beside,
    Champion,
    Classifier,
    CursorValue,
    ExportRecord,
    ExportState,
    HistoryEntry,
    Manifest,
    Prepared,
    from_json,
    to_json,
    to_json_line,
)
from tests.golden_records import EACH_RECORD, GOLDEN, RECORDS, golden


def holds(written: Any, read: Any) -> bool:
    """All that was read is written again; what later releases have added may stand beside it."""
    if isinstance(read, dict):
        return all(name in written and holds(written[name], value) for name, value in read.items())
    if isinstance(read, list):
        return len(written) == len(read) and all(map(holds, written, read))
    return bool(written == read)


def history(file: str) -> list[HistoryEntry]:
    """The entries of a golden copy, once they have been written again as they were."""
    lines = (GOLDEN / file).read_bytes().splitlines(keepends=True)
    entries = [from_json(line, HistoryEntry, file) for line in lines]
    assert [to_json_line(entry) for entry in entries] == lines
    return entries


@EACH_RECORD
def test_the_golden_copies_are_read_and_say_the_same_when_written_again(file: str, kind: type[Struct]) -> None:
    data = (GOLDEN / file).read_bytes()
    record = from_json(data, kind, file)
    assert holds(json.loads(to_json(record)), json.loads(data))
    assert from_json(to_json(record), kind, file) == record


def test_every_golden_copy_is_read() -> None:
    lines = {"history.jsonl", "history-of-traffic.jsonl", "predictions.jsonl"}
    assert {path.name for path in GOLDEN.iterdir()} == {*RECORDS, *lines}


def test_the_golden_history_is_read_line_by_line() -> None:
    entries = history("history.jsonl")
    assert [entry.action for entry in entries] == ["promoted", "promoted", "rolled back"]
    assert entries[2].why == "las llamadas de «hoy» no cuadran"


def test_the_golden_history_of_what_took_part_beside_champions_is_read_line_by_line() -> None:
    entries = history("history-of-traffic.jsonl")
    found = [(entry.action, entry.share, entry.schema_version) for entry in entries]
    assert found == [
        ("shadow set", 1.0, 2),
        ("shadow ended", UNSET, 2),
        ("canary set", 0.2, 2),
        ("canary ended", UNSET, 2),
        ("promoted", UNSET, 1),
    ]


def test_a_release_that_knows_no_canary_reads_the_champion_beside_it() -> None:
    """As msgspec reads what a record does not declare: passed over, so that the champion answers every row."""

    class ChampionBefore(Struct, frozen=True):
        version: str
        previous: str | None
        since: str
        schema_version: Literal[1] = 1

    data = (GOLDEN / "champion-with-canary-and-shadow.json").read_bytes()
    champion = from_json(data, Champion, "c")
    assert champion.canary == Beside("20261124T020455Z-31f07c55", 0.2, "20261124T090000Z")
    assert champion.shadow == Beside("20261125T020431Z-77aa0e12", 1.0, "20261125T091500Z")
    assert from_json(data, ChampionBefore, "c").version == champion.version


def test_what_the_golden_copies_mean_is_kept() -> None:
    manifest = from_json((GOLDEN / "manifest.json").read_bytes(), Manifest, "m")
    assert manifest.rows == sum(part.rows for part in manifest.parts) == 45_211
    assert list(manifest.columns)[:2] == ["contact_id", "contacted_on"]
    version = from_json((GOLDEN / "version.json").read_bytes(), Classifier, "v")
    assert version.decision.threshold == 0.1
    assert version.inputs[1].levels == ("admin.", "blue-collar", "técnico", "unknown")
    assert (version.recipe.history, version.candidates[1].history) == (20_000, "all")
    assert version.recipe.settings["class_weight"] is None
    assert version.curves.calibration[0] == (0.021, 0.019, 904)
    champion = from_json((GOLDEN / "first-champion.json").read_bytes(), Champion, "c")
    assert champion.previous is None
    background = from_json((GOLDEN / "background.json").read_bytes(), Background, "b")
    assert background.rows == ((41.0, 900.5, 2.0), (58.0, None, -1.0))


def test_what_the_golden_copies_of_exports_mean_is_kept() -> None:
    first = from_json((GOLDEN / "manifest.json").read_bytes(), Manifest, "m")
    assert (first.follows, first.above, first.up_to, first.announcements) == (None, None, None, 1)
    second = from_json((GOLDEN / "manifest-that-continues.json").read_bytes(), Manifest, "m")
    assert (second.follows, second.announcements) == (first.slot, 2)
    assert second.above == CursorValue("timestamp", "2026-11-23T01:59:58.120000")
    state = from_json((GOLDEN / "state.json").read_bytes(), ExportState, "s")
    assert (state.slot, state.watermark) == (second.slot, second.up_to)
    assert (state.cursor, state.look_back, state.pending) == (("changed_at", "contact_id"), 600, None)
    pending = from_json((GOLDEN / "pending-state.json").read_bytes(), ExportState, "s")
    prepared = from_json((GOLDEN / "prepared.json").read_bytes(), Prepared, "p")
    assert (pending.slot, pending.columns, pending.watermark) == (None, {}, None)
    assert pending.pending == prepared.manifest.parts[0].name.replace("part-00000.csv", "prepared.json")
    assert (prepared.state.slot, prepared.state.watermark) == (prepared.manifest.slot, prepared.manifest.up_to)
    record = from_json((GOLDEN / "export.json").read_bytes(), ExportRecord, "e")
    assert (record.outcome, record.whole, record.rows_per_second) == ("exported", False, 500)


def test_a_manifest_that_continues_another_is_none_to_a_release_that_knows_no_chains() -> None:
    assert golden("manifest.json")["schema_version"] == 1
    assert golden("manifest-that-continues.json")["schema_version"] == 2


def test_an_export_that_took_no_time_has_no_speed() -> None:
    assert ExportRecord("contacts", "S", "exported", rows=5).rows_per_second == 0


def test_a_dataset_that_was_never_exported_has_a_state_of_its_own() -> None:
    one, other = ExportState("contacts"), ExportState("orders")
    assert (one.slot, one.watermark, one.pending, one.cursor) == (None, None, None, ())
    assert one.columns == other.columns == {}
    assert one.columns is not other.columns


def test_what_a_later_release_of_the_same_schema_adds_is_passed_over() -> None:
    content = {**golden("champion.json"), "note": "new"}
    assert from_json(json.dumps(content).encode(), Champion, "c").version == content["version"]


def test_a_record_is_written_for_people_and_a_line_for_logs() -> None:
    champion = Champion(version="v", previous=None, since="s")
    assert to_json(champion).decode().splitlines()[1] == '  "version": "v",'
    assert to_json_line(champion) == (
        b'{"version":"v","previous":null,"since":"s","canary":null,"shadow":null,"schema_version":1}\n'
    )


def test_a_line_stays_one_line_whatever_is_in_it() -> None:
    entry = HistoryEntry(at="", action="promoted", version="", previous=None, why='a\nb\r\n"c"\u2028', who="ñ")
    line = to_json_line(entry)
    assert line.splitlines() == [line.rstrip(b"\n")]
    assert from_json(line, HistoryEntry, "h") == entry
