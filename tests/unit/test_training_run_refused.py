"""Drops that a run refuses, in whole or in part, and champions that it cannot compare with."""

from __future__ import annotations

import msgspec
import pytest

from shared.catalog.load import Catalog
from shared.catalog.spec import Column
from shared.errors import ConversionError, StoreUnavailable
from shared.store import names
from shared.store.registry import GRAPH_FILE
from shared.training import to_onnx
from tests.phone_data import contacts, to_csv
from tests.training_bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


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


# Damaged champions


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


def test_a_champion_file_that_cannot_be_read_leaves_the_drop_to_be_done(bench: Bench) -> None:
    first = bench.first_champion()
    bench.blobs.write(names.champion("phone"), b"{")
    blob = bench.drop(to_csv(contacts(900)), "second.csv")
    with pytest.raises(StoreUnavailable, match="restore it, or delete it"):
        bench.train(blob)
    del bench.blobs.blobs[names.champion("phone")]
    assert bench.trained(blob).outcome == "promoted"
    assert bench.serving != first.version
