"""All datasets of the catalog in one run: none keeps another from being exported, and all are tidied up after."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import msgspec
import pytest

from local.memory_blobs import MemoryBlobs
from shared.errors import SourceError, SourceUnavailable, VersionError
from shared.export.run import Exporter
from tests.fake_source import LOG, NOW, SETTINGS, SLOT, FakeSource, manifest_in, row, use_case_of

if TYPE_CHECKING:
    from shared.catalog.spec import UseCase


def use_cases(*datasets: str) -> list[UseCase]:
    return [use_case_of(msgspec.structs.replace(LOG, name=name), f"model-{name}") for name in datasets]


def exporter_of(*datasets: str, blobs: MemoryBlobs | None = None, **failures: Exception) -> Exporter:
    source = FakeSource({name: [row(1, 5)] for name in datasets}, failures)
    return Exporter(source, MemoryBlobs() if blobs is None else blobs, SETTINGS, now=lambda: NOW)


def test_all_datasets_are_exported_for_the_slot_of_the_moment() -> None:
    moment = datetime(2026, 11, 23, 3, tzinfo=timezone(timedelta(hours=1)))
    exporter = exporter_of("one", "two")
    done = exporter.export_all(use_cases("one", "two"), moment)
    assert [(one.dataset, one.slot, one.outcome) for one in done] == [
        (name, SLOT, "exported") for name in ("one", "two")
    ]
    assert [info.name for info in exporter.blobs.list("drops/")] == [f"drops/one/{SLOT}.json", f"drops/two/{SLOT}.json"]


def test_what_people_drop_is_not_exported_and_is_looked_after_all_the_same() -> None:
    dropped = use_case_of(msgspec.structs.replace(LOG, name="two", table=None, dropped=True), "model-two")
    blobs = MemoryBlobs()
    blobs.write("drops/two/20261101T020000Z.order", b"{}")
    exporter = exporter_of("one", blobs=blobs, two=SourceError("there is no such table"))
    (done,) = exporter.export_all([*use_cases("one"), dropped], NOW)
    assert done.dataset == "one"
    assert not list(blobs.list("exports/two/"))


def test_one_that_fails_does_not_stop_the_others_and_the_run_fails_at_the_end() -> None:
    first, second = SourceError("no such table"), SourceUnavailable("gone")
    blobs = MemoryBlobs()
    exporter = exporter_of("one", "two", "three", "four", blobs=blobs, one=first, three=second)
    with pytest.raises(SourceError) as raised:
        exporter.export_all(use_cases("one", "two", "three", "four"), NOW)
    assert raised.value is first
    assert (
        manifest_in(blobs, "20261123T020001Z", "two").rows == manifest_in(blobs, "20261123T020001Z", "four").rows == 1
    )
    done = exporter_of("one", "two", "three", "four", blobs=blobs).export_all(
        use_cases("one", "two", "three", "four"), NOW
    )
    assert [one.outcome for one in done] == ["exported", "done before", "exported", "done before"]


def test_what_cannot_be_tidied_up_fails_the_run_and_stops_no_other() -> None:
    spoilt = "exports/one/state.json"
    blobs = MemoryBlobs()
    exporter = exporter_of("one", "two", blobs=blobs)
    blobs.write(spoilt, b"{")
    blobs.modified[spoilt] = NOW - timedelta(days=9)
    blobs.write("exports/one/S/a1/part-00000.csv", b"")
    blobs.modified["exports/one/S/a1/part-00000.csv"] = NOW - timedelta(days=9)
    with pytest.raises(VersionError, match=spoilt):
        exporter.export_all(use_cases("one", "two"), NOW)
    assert manifest_in(blobs, "20261123T020001Z", "two").rows == 1


def test_after_each_export_lost_events_are_made_good_and_what_is_left_over_goes() -> None:
    blobs = MemoryBlobs()
    exporter_of("one", blobs=blobs).export_all(use_cases("one"), NOW)
    left = "exports/one/20261120T020000Z/a1/part-00000.csv"
    blobs.write(left, b"")
    for name in blobs.modified:
        blobs.modified[name] = NOW - timedelta(days=3)
    exporter_of("one", blobs=blobs).export_all(use_cases("one"), NOW + timedelta(days=1))
    assert manifest_in(blobs, "20261123T020001Z", "one").announcements == 2
    assert left not in blobs.blobs
