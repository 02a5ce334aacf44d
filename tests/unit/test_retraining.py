"""Whether a drop makes a new version: measured first, decided by the catalog's policy, and recorded either way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from shared.catalog.load import Catalog
from shared.catalog.spec import Retraining
from shared.errors import BlobConflict
from shared.store import names
from shared.store.records import Verdict
from shared.store.registry import Registry
from shared.training import gate, run
from shared.training.run import train, utc_now
from tests.phone_data import contacts, phone, to_csv
from tests.training_bench import QUICK, Bench

if TYPE_CHECKING:
    from shared.store.records import HistoryEntry, RunRecord
    from shared.store.registry import Serving


NEW = 221
"""Of the rows up to 1,240, those of later days than the 1,000th."""


def catalog(**policy: Any) -> Catalog:
    return Catalog((msgspec.structs.replace(phone(), training=QUICK, retraining=Retraining(**policy)),))


@pytest.fixture
def bench() -> Bench:
    """A champion of 1,000 rows, made just now, under the default policy."""
    made = Bench(catalog=catalog())
    assert made.trained(made.drop(to_csv(contacts(1000)), "first.csv")).outcome == "promoted"
    return made


def later(bench: Bench, blob: str, days: float) -> RunRecord:
    record = train(blob, bench.catalog, bench.blobs, lambda: utc_now() + timedelta(days=days))
    assert record is not None
    return record


def test_the_first_drop_is_due_since_nothing_serves() -> None:
    bench = Bench(catalog=catalog())
    record = bench.trained(bench.drop(to_csv(contacts(600))))
    assert record.due == ("there is no version yet",)
    assert record.watch is None


def test_rows_like_those_before_are_measured_and_not_due(bench: Bench) -> None:
    record = bench.trained(bench.drop(to_csv(contacts(1240))))
    assert (record.outcome, record.version) == ("not due", None)
    assert record.watch is not None
    assert (record.watch.champion, record.watch.rows) == (bench.serving, NEW)
    assert record.watch.metrics["auc"] > 0.8
    assert record.watch.drift_auc is not None
    assert record.due == record.reasons
    assert record.reasons[0].startswith("not due: ")
    assert f"{NEW} new rows" in record.reasons[0]
    assert len(bench.versions) == 1


def test_columns_that_move_with_the_calendar_are_no_drift(bench: Bench) -> None:
    record = bench.trained(bench.drop(to_csv(contacts(1240))))
    assert record.watch is not None
    assert "balance" in record.watch.psi
    assert not {"day", "month", "contacted_on"} & record.watch.psi.keys()


def test_a_version_older_than_the_cadence_is_followed_by_one_that_is_no_worse(bench: Bench) -> None:
    record = later(bench, bench.drop(to_csv(contacts(1240))), days=31)
    assert record.outcome == "promoted"
    assert f"days since the last version (cadence 30), {NEW} new rows" in record.due[0]
    assert bench.serving == record.version


def test_nothing_new_is_not_due_however_old_the_version_is(bench: Bench) -> None:
    assert later(bench, bench.drop(to_csv(contacts(900))), days=365).outcome == "not due"


def test_a_world_that_has_moved_is_due_and_the_feature_is_named(bench: Bench) -> None:
    moved = [{**row, "balance": row["balance"] + 5000} for row in contacts(400, first=1001)]
    record = bench.trained(bench.drop(to_csv(contacts(1000) + moved)))
    assert "features have drifted: PSI of balance" in record.due[0]
    assert record.version is not None


def test_a_world_that_has_turned_round_is_due_by_what_the_champion_answers(bench: Bench) -> None:
    turned = contacts(400, first=1001, sign=-1)
    record = bench.trained(bench.drop(to_csv(contacts(1000) + turned)))
    assert any("fallen by more than 0.03" in reason for reason in record.due)


def test_few_new_rows_are_no_evidence_of_drift(bench: Bench) -> None:
    moved = [{**row, "balance": row["balance"] + 5000} for row in contacts(100, first=1001)]
    assert bench.trained(bench.drop(to_csv(contacts(1000) + moved))).outcome == "not due"


def test_a_changed_catalog_is_due(bench: Bench) -> None:
    use_case = bench.catalog.use_cases[0]
    model = msgspec.structs.replace(use_case.model, title="Whom to ring")
    bench.catalog = Catalog((msgspec.structs.replace(use_case, model=model),))
    record = bench.trained(bench.drop(to_csv(contacts(1040))))
    assert record.due[0].startswith("the catalog has changed since")


def test_a_champion_that_cannot_answer_is_due(bench: Bench) -> None:
    bench.blobs.delete(names.version_file("phone", str(bench.serving), "model.onnx"))
    record = bench.trained(bench.drop(to_csv(contacts(1040))))
    assert f"{bench.registry.history('phone')[0].version} cannot answer" in record.due[0]
    assert record.outcome == "promoted"


def test_a_version_that_was_not_promoted_is_not_made_again_from_hardly_more_rows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = contacts(400, first=1001, sign=-1)
    monkeypatch.setattr(gate, "judge", lambda *_: Verdict(promote=False, reason="a test"))
    kept = bench.trained(bench.drop(to_csv(contacts(1000) + turned), "second.csv"))
    assert kept.outcome == "kept"
    again = bench.trained(bench.drop(to_csv(contacts(1000) + turned + contacts(20, first=1401)), "third.csv"))
    assert again.outcome == "not due"
    assert "since the last version" in again.reasons[0]


def test_an_order_retrains_on_the_newest_drop_and_says_who_gave_it_and_why(bench: Bench) -> None:
    bench.trained(bench.drop(to_csv(contacts(1240)), "second.csv"))
    record = bench.trained(bench.order("new price list"))
    assert record.due == ("ordered by a test: new price list",)
    assert (record.outcome, record.rows) == ("promoted", 1240)
    assert record.version is not None


def test_an_order_is_done_once(bench: Bench) -> None:
    bench.drop(to_csv(contacts(1240)), "second.csv")
    order = bench.order("once")
    assert bench.trained(order) == bench.trained(order)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"why": "  ", "schema_version": 1}', "why: is empty"),
        (b'{"who": "x", "schema_version": 1}', "why"),
        (b"{", "is not a Order record"),
    ],
)
def test_an_order_that_says_nothing_is_refused(bench: Bench, content: bytes, reason: str) -> None:
    bench.blobs.write("drops/contacts/x.order", content)
    record = bench.trained("drops/contacts/x.order")
    assert record.outcome == "refused"
    assert reason in record.reasons[0]


def test_an_order_without_a_drop_is_refused_with_what_to_do() -> None:
    bench = Bench(catalog=catalog())
    record = bench.trained(bench.order("impatient"))
    assert record.outcome == "refused"
    assert "there is nothing to train on: export the table first, or drop a CSV" in record.reasons[0]


def test_a_champion_that_changes_while_a_version_is_judged_makes_it_judged_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, judged, promote = bench.serving, [], Registry.promote

    def overtaken(self: Registry, model: str, entry: HistoryEntry, replacing: Serving | None) -> None:
        judged.append(entry.previous)
        if len(judged) == 1:
            raise BlobConflict(names.champion(model))
        promote(self, model, entry, replacing)

    monkeypatch.setattr(Registry, "promote", overtaken)
    record = later(bench, bench.drop(to_csv(contacts(1240))), days=31)
    assert (record.outcome, bench.serving) == ("promoted", record.version)
    assert judged == [champion, champion]


def test_a_version_that_serves_already_stays_promoted_whatever_a_second_look_says(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run died after it had promoted its version and before its record; the event comes again."""
    blob = bench.drop(to_csv(contacts(1240)), "second.csv")
    first = later(bench, blob, days=31)
    assert first.outcome == "promoted"
    bench.blobs.delete(names.run_record(first.dataset, first.slot, first.model))
    monkeypatch.setattr(gate, "judge", lambda *_: Verdict(promote=False, reason="no more"))
    again = later(bench, blob, days=31)
    assert (again.outcome, again.version, bench.serving) == ("promoted", first.version, first.version)


def test_a_drop_that_was_done_is_not_even_read_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = bench.drop(to_csv(contacts(1240)), "second.csv")
    done = later(bench, blob, days=31)
    monkeypatch.setattr(run, "read_table", lambda *_: pytest.fail("read again"))
    assert later(bench, blob, days=62) == done


def test_a_champion_whose_column_left_the_catalog_cannot_answer_and_says_which(bench: Bench) -> None:
    (use_case,) = bench.catalog.use_cases
    columns = {name: column for name, column in use_case.dataset.columns.items() if name != "balance"}
    dataset = msgspec.structs.replace(use_case.dataset, columns=columns)
    bench.catalog = Catalog((msgspec.structs.replace(use_case, dataset=dataset),))
    record = bench.trained(bench.drop(to_csv(contacts(1240))))
    assert "the catalog no longer has its columns balance" in record.due[0]
    assert record.outcome == "promoted"


def test_a_run_that_died_before_promoting_finds_its_version_still_due(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version is the newest one then, but made of this very drop."""
    blob = bench.drop(to_csv(contacts(1240)), "second.csv")
    with monkeypatch.context() as dying:
        dying.setattr(Registry, "promote", lambda *_: pytest.fail("died"))
        with pytest.raises(pytest.fail.Exception):
            later(bench, blob, days=31)
    assert len(bench.versions) == 2
    record = later(bench, blob, days=31)
    assert (record.outcome, record.version) == ("promoted", bench.serving)
    assert len(bench.versions) == 2
