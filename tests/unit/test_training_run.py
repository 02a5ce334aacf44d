"""One drop, from the event to the run record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pytest

from shared.catalog.load import Catalog
from shared.catalog.spec import Column
from shared.errors import ConversionError, StoreUnavailable
from shared.store import names
from shared.store.registry import GRAPH_FILE
from shared.training import to_onnx
from tests.mortal_blobs import MortalBlobs
from tests.phone_data import contacts, to_csv
from tests.training_bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_drop_becomes_the_first_champion(bench: Bench) -> None:
    record = bench.trained(bench.drop(to_csv(contacts(600))))
    assert record.outcome == "promoted"
    assert record.version == bench.serving
    assert "better than chance" in record.reasons[0]
    assert (record.rows, record.refused) == (600, 0)
    assert [entry.version for entry in bench.registry.history("phone")] == [record.version]


def test_a_version_holds_all_that_is_needed_to_serve_and_to_explain_it(bench: Bench) -> None:
    record = bench.first_champion()
    version = bench.registry.version("phone", str(record.version))
    assert names.VERSION_PATTERN.match(version.version)
    assert {name.rsplit("/", 1)[1] for name in bench.names(f"models/phone/{version.version}/")} == {
        "model.onnx",
        "holdout.csv",
        "background.json",
        "version.json",
        "card.html",
    }
    for file in version.files:
        assert bench.registry.file(version, file)
    assert version.data.rows == 600
    assert version.data.refitted
    assert (version.data.train_rows, version.data.trained_to) == (600, version.data.last)
    lines = bench.registry.file(version, "holdout.csv").decode().splitlines()
    assert lines[0] == '"time","positive","probability"'
    assert len(lines) == version.data.holdout_rows + 1
    assert version.metrics["auc"] > 0.8
    assert version.libraries["scikit-learn"]
    assert version.unusable.keys() == {"duration", "pdays"}
    assert "duration" not in {item.name for item in version.inputs}
    assert version.recipe.random_split_auc is not None


def test_a_better_challenger_replaces_the_champion(bench: Bench) -> None:
    first = bench.trained(bench.drop(to_csv(contacts(600, sign=-1)), "first.csv"))
    second = bench.trained(bench.drop(to_csv(contacts(600, sign=-1) + contacts(3000, first=601)), "second.csv"))
    assert second.outcome == "promoted"
    assert bench.serving == second.version != first.version
    assert f"against {first.version}" in second.reasons[0]
    champion = bench.registry.champion("phone")
    assert champion is not None
    assert champion.champion.previous == first.version


def test_a_champion_that_is_better_is_kept(bench: Bench) -> None:
    champion = bench.trained(bench.drop(to_csv(contacts(3000)), "first.csv"))
    noise = contacts(3000) + [
        {**row, "y": "yes" if index % 3 == 0 else "no"} for index, row in enumerate(contacts(2000, first=3001))
    ]
    later = bench.trained(bench.drop(to_csv(noise + contacts(1500, first=5001)), "second.csv"))
    assert later.outcome == "kept"
    assert bench.serving == champion.version
    assert later.version in bench.versions


def test_a_challenger_is_judged_on_rows_that_the_champion_never_saw(bench: Bench) -> None:
    bench.trained(bench.drop(to_csv(contacts(3000)), "new.csv"))
    bench.drop(to_csv(contacts(900)), "old.csv")
    older = bench.trained(bench.order("a test"))
    assert older.outcome == "kept"
    assert older.reasons[0].startswith("0 rows are unseen by both")


def test_a_drop_without_new_rows_is_not_due(bench: Bench) -> None:
    champion = bench.trained(bench.drop(to_csv(contacts(3000)), "new.csv"))
    older = bench.trained(bench.drop(to_csv(contacts(900)), "old.csv"))
    assert older.outcome == "not due"
    assert "0 new rows" in older.reasons[0]
    assert older.watch is not None
    assert older.watch.champion == champion.version
    assert bench.versions == {champion.version}


def test_a_shuffled_target_promotes_nothing(bench: Bench) -> None:
    rows = contacts(2000)
    outcomes = np.random.default_rng(1).permutation([row["y"] for row in rows])
    record = bench.trained(bench.drop(to_csv([{**row, "y": str(y)} for row, y in zip(rows, outcomes, strict=True)])))
    assert record.outcome == "kept"
    assert "no better than chance" in record.reasons[0]
    assert bench.serving is None


def test_the_same_event_ten_times_makes_one_version(bench: Bench) -> None:
    blob = bench.drop(to_csv(contacts(600)))
    records = [bench.trained(blob) for _ in range(10)]
    assert len({record.version for record in records}) == 1
    assert len(bench.versions) == 1
    assert len(bench.registry.history("phone")) == 1


def test_the_same_event_ten_times_at_once_makes_one_version(bench: Bench) -> None:
    blob = bench.drop(to_csv(contacts(600)))
    with ThreadPoolExecutor(10) as pool:
        records = list(pool.map(lambda _: bench.trained(blob), range(10)))
    assert {record.outcome for record in records} == {"promoted"}
    assert bench.versions == {bench.serving}
    assert len(bench.registry.history("phone")) == 1
    assert len(bench.names("runs/contacts/")) == 2  # the record and the progress


def test_two_drops_at_once_both_get_their_record(bench: Bench) -> None:
    blobs = [bench.drop(to_csv(contacts(600 + 100 * index)), f"{index}.csv") for index in range(2)]
    with ThreadPoolExecutor(2) as pool:
        records = list(pool.map(bench.trained, blobs))
    assert len({record.version for record in records}) == 2
    assert bench.serving in {record.version for record in records}
    history = bench.registry.history("phone")
    assert len(history) == sum(record.outcome == "promoted" for record in records)
    assert history[-1].version == bench.serving


def test_the_same_rows_in_a_new_drop_change_nothing(bench: Bench) -> None:
    first = bench.first_champion()
    again = bench.trained(bench.drop(to_csv(contacts(600)[::-1]), "again.csv"))
    assert again.outcome == "unchanged"
    assert again.version == first.version
    assert len(bench.versions) == 1


def test_a_new_upload_under_the_old_name_is_new_work(bench: Bench) -> None:
    first = bench.trained(bench.drop(to_csv(contacts(600))))
    second = bench.trained(bench.drop(to_csv(contacts(700))))
    assert first.slot != second.slot
    assert len(bench.versions) == 2


def test_refused_rows_are_in_quarantine_with_their_reasons(bench: Bench) -> None:
    rows = contacts(600)
    rows[5]["age"] = 400
    record = bench.trained(bench.drop(to_csv(rows)))
    assert (record.outcome, record.rows, record.refused) == ("promoted", 600, 1)
    (name,) = bench.names("quarantine/")
    content = bench.blobs.blobs[name].decode()
    assert "age: expected an integer at least 16 and at most 120, got '400'" in content
    assert "contacts.csv:7" in content


def test_too_many_refused_rows_refuse_the_drop_and_are_all_in_quarantine(bench: Bench) -> None:
    rows = [{**row, "age": "x"} if index % 10 == 0 else row for index, row in enumerate(contacts(600))]
    record = bench.trained(bench.drop(to_csv(rows)))
    assert record.outcome == "refused"
    assert "60 of 600 rows do not fit the catalog; training.max_refused allows 5%" in record.reasons[0]
    assert "contacts.csv:2 age: expected an integer" in record.reasons[0]
    assert bench.blobs.blobs[bench.names("quarantine/")[0]].count(b"\r\n") == 61
    assert bench.serving is None


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "is empty"),
        (to_csv(contacts(1)).split(b"\r\n")[0], "has a header but no rows"),
        (to_csv(contacts(60), separator=";"), "separated by ';'"),
        (to_csv(contacts(30)), "30 rows fit the catalog"),
        (to_csv([{**row, "y": "no"} for row in contacts(400)]), "one outcome only"),
        (to_csv(contacts(60)).replace(b"balance", b"saldo"), "has no column 'balance'"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"PK\x03\x04" + bytes(range(128)) * 10, ""),
    ],
    ids=["empty", "header", "semicolons", "short", "one class", "renamed", "encoding", "zip"],
)
def test_a_file_that_cannot_be_trained_on_is_refused_with_the_reason_and_ends_quietly(
    bench: Bench, file: bytes, reason: str
) -> None:
    champion = bench.first_champion().version
    record = bench.trained(bench.drop(file, "bad.csv"))
    assert record.outcome == "refused"
    assert reason in record.reasons[0]
    assert bench.serving == champion


@pytest.mark.parametrize("name", ["contacts.xlsx", "contacts", "contacts.csv.gz"])
def test_a_file_of_another_kind_is_refused_in_a_run_record(bench: Bench, name: str) -> None:
    record = bench.trained(bench.drop(b"x", name))
    assert record.outcome == "refused"
    assert "expected a file named .csv" in record.reasons[0]


def test_a_dataset_that_nobody_declared_is_refused_in_a_run_record(bench: Bench) -> None:
    record = bench.trained(bench.drop(to_csv(contacts(60)), dataset="orders"))
    assert record.outcome == "refused"
    assert record.model == names.NO_MODEL
    assert "'orders'" in record.reasons[0]


@pytest.mark.parametrize(
    "manifest",
    [
        b"{",
        b"[]",
        b'{"schema_version": 9}',
        b'{"dataset":"contacts","slot":"x","columns":{},"parts":[],"rows":0,"exported_at":"","schema_version":1}',
    ],
)
def test_a_broken_manifest_is_refused_in_a_run_record(bench: Bench, manifest: bytes) -> None:
    record = bench.trained(bench.drop(manifest, "20261123T020000Z.json"))
    assert record.outcome == "refused"
    assert "20261123T020000Z.json" in record.reasons[0]


@pytest.mark.parametrize(
    "blob", ["drops/contacts/gone.csv", "drops/contacts/20261123T020000Z.json", "exports/contacts/x.csv", "", "drops/x"]
)
def test_an_event_without_a_drop_behind_it_ends_quietly(bench: Bench, blob: str) -> None:
    assert bench.train(blob) is None
    assert bench.names("runs/") == []


def test_a_broken_conversion_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    champion = bench.first_champion().version

    def broken(*_: object) -> bytes:
        msg = "the graph is not the pipeline"
        raise ConversionError(msg)

    monkeypatch.setattr(to_onnx, "convert", broken)
    record = bench.trained(bench.drop(to_csv(contacts(900)), "second.csv"))
    assert record.outcome == "refused"
    assert "the graph is not the pipeline" in record.reasons[0]
    assert bench.serving == champion


@pytest.mark.parametrize("damage", ["graph", "record", "gone"])
def test_a_champion_that_cannot_answer_does_not_block_its_successor(bench: Bench, damage: str) -> None:
    champion = str(bench.first_champion().version)
    graph = names.version_file("phone", champion, GRAPH_FILE)
    record_name = names.version_file("phone", champion, "version.json")
    if damage == "graph":
        bench.blobs.write(graph, b"damaged")
    elif damage == "record":
        bench.blobs.write(record_name, b"{}")
    else:
        del bench.blobs.blobs[graph]
    record = bench.trained(bench.drop(to_csv(contacts(900)), "second.csv"))
    assert record.outcome == "promoted"
    assert f"{champion} cannot score these rows" in record.reasons[0]


@pytest.mark.parametrize(("column", "other"), [("balance", "category"), ("job", "integer")])
def test_a_champion_whose_columns_have_another_type_does_not_block_its_successor(
    bench: Bench, column: str, other: str
) -> None:
    champion = bench.first_champion().version
    use_case = bench.catalog.use_cases[0]
    columns = {**use_case.dataset.columns, column: Column(other)}  # type: ignore[arg-type]
    dataset = msgspec.structs.replace(use_case.dataset, columns=columns)
    bench.catalog = Catalog((msgspec.structs.replace(use_case, dataset=dataset),))
    rows = [{**row, "job": len(row["job"])} if column == "job" else row for row in contacts(900)]
    record = bench.trained(bench.drop(to_csv(rows), "second.csv"))
    assert record.outcome == "promoted"
    assert f"{champion} cannot score these rows" in record.reasons[0]
    assert column in record.reasons[0]


def test_a_damaged_champion_is_made_anew_from_the_same_rows(bench: Bench) -> None:
    champion = str(bench.first_champion().version)
    bench.blobs.write(names.version_file("phone", champion, GRAPH_FILE), b"damaged")
    record = bench.trained(bench.drop(to_csv(contacts(600)), "again.csv"))
    assert record.outcome == "promoted"
    assert bench.serving == record.version != champion


class Killed(BaseException):
    """The process is gone."""


def kill() -> None:
    raise Killed


def fail() -> None:
    msg = "storage failed"
    raise StoreUnavailable(msg)


def with_a_refused_row() -> bytes:
    """A drop that makes the run write everything that it can write, a quarantine included."""
    rows = contacts(600, sign=-1) + contacts(3000, first=601)
    rows[9]["age"] = 0
    return to_csv(rows)


WRITES = 9  # progress, quarantine, graph, holdout, card, version, champion, history, run record


def test_a_run_makes_so_many_writes(bench: Bench) -> None:
    counting = MortalBlobs(bench.blobs, kill, at=0)
    bench.train(bench.drop(with_a_refused_row()), through=counting)
    # Progress is written once a second, so a slow run writes it more often.
    assert counting.writes >= WRITES


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_a_death_at_any_write_is_made_good_by_the_same_event(bench: Bench, at: int, after: bool) -> None:
    first = bench.trained(bench.drop(to_csv(contacts(600, sign=-1)), "first.csv"))
    blob = bench.drop(with_a_refused_row(), "second.csv")
    with pytest.raises(Killed):
        bench.train(blob, through=MortalBlobs(bench.blobs, kill, at=at, after=after))
    record = bench.trained(blob)
    assert record.outcome == "promoted"
    assert record.version == bench.serving
    assert f"against {first.version}" in record.reasons[0]
    assert bench.versions == {first.version, record.version}
    assert [entry.version for entry in bench.registry.history("phone")] == [first.version, record.version]
    assert [entry.previous for entry in bench.registry.history("phone")] == [None, first.version]


@pytest.mark.parametrize("at", [3, 4, 5, 6, 7, 8])
def test_storage_that_fails_is_raised_so_that_the_platform_tries_again(bench: Bench, at: int) -> None:
    blob = bench.drop(with_a_refused_row())
    with pytest.raises(StoreUnavailable):
        bench.train(blob, through=MortalBlobs(bench.blobs, fail, at=at))
    assert bench.trained(blob).outcome == "promoted"
    assert len(bench.registry.history("phone")) == 1


def test_progress_that_cannot_be_written_does_not_stop_the_work(bench: Bench) -> None:
    blob = bench.drop(to_csv(contacts(600)))
    assert bench.trained(blob, through=MortalBlobs(bench.blobs, fail, at=1)).outcome == "promoted"


def test_a_failure_that_nobody_foresaw_is_raised_and_told_to_whoever_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        msg = "nobody thought of this"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr(to_onnx, "check_parity", stumble)
    blob = bench.drop(to_csv(contacts(600)))
    with pytest.raises(ZeroDivisionError):
        bench.train(blob)
    (progress,) = bench.names("runs/contacts/")
    assert b"failed, to be tried again: nobody thought of this" in bench.blobs.blobs[progress]
    monkeypatch.undo()
    assert bench.trained(blob).outcome == "promoted"


def test_a_champion_file_that_cannot_be_read_leaves_the_drop_to_be_done(bench: Bench) -> None:
    first = bench.first_champion()
    bench.blobs.write(names.champion("phone"), b"{")
    blob = bench.drop(to_csv(contacts(900)), "second.csv")
    with pytest.raises(StoreUnavailable, match="restore it, or delete it"):
        bench.train(blob)
    del bench.blobs.blobs[names.champion("phone")]
    assert bench.trained(blob).outcome == "promoted"
    assert bench.serving != first.version
