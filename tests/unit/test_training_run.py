"""One drop, from the event to the run record: what is promoted, what is kept, and once only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from shared.store import names
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
