"""Old exports go and lost events are announced again, while storage fails and exports go on: what is needed stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from local.memory_blobs import MemoryBlobs
from shared.errors import CauceError
from shared.export.announce import announce_again
from shared.export.retention import chains, sweep
from shared.export.run import Order
from shared.settings import Settings
from shared.store import names
from shared.store.registry import Registry
from tests.announced import Announced, assert_same
from tests.flaky_blobs import FlakyBlobs
from tests.growing_exports import MOMENT, SECOND, SETTINGS, exporter, use_case
from tests.growing_table import KINDS, GrowingTable, Kind, dataset, seeded
from tests.tiny_versions import make, promote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.store.blobs import BlobInfo


pytestmark = [pytest.mark.usefixtures("quiet"), pytest.mark.parametrize("kind", KINDS)]


class DatedBlobs(MemoryBlobs):
    """Written at the time of a clock that the test turns on, and ``when_listed`` acts while a list is on its way."""

    clock = MOMENT
    when_listed: tuple[str, Callable[[], None]] | None = None

    def _put(self, name: str, data: bytes) -> str:
        etag = super()._put(name, data)
        self.modified[name] = self.clock
        return etag

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        found = list(super().list(prefix))
        if self.when_listed is not None and prefix.startswith(self.when_listed[0]):
            act, self.when_listed = self.when_listed[1], None
            act()
        yield from found


def newest_chain(blobs: MemoryBlobs, kind: Kind) -> list[str]:
    state = msgspec.json.decode(blobs.blobs[names.export_state(kind)])
    return sorted(chains([state["slot"]], Announced(blobs, kind).manifests()))


def assert_chain_is(table: GrowingTable, blobs: MemoryBlobs, about: object) -> None:
    """What training reads behind the newest export is the table, and every manifest has its parts."""
    announced = Announced(blobs, table.kind)
    manifests = announced.manifests()
    announced.rows()
    expected = Announced(blobs, table.kind).rows([manifests[slot] for slot in newest_chain(blobs, table.kind)])
    assert_same(expected, type(expected)(table.table()), about)


def test_what_goes_after_its_time_is_never_what_is_needed(kind: Kind) -> None:
    settings = Settings(export_part_bytes=600, export_retention_days=30, export_announce_after_seconds=3600)
    deleted = announced_again = 0
    for seed in range(12):
        random, blobs = seeded(seed), DatedBlobs()
        table = GrowingTable(kind, random)
        flaky = FlakyBlobs(blobs, 0.0, random)
        served: list[set[str]] = []
        for night in range(16):
            blobs.clock = MOMENT + night * timedelta(days=8)
            now = blobs.clock
            table.grow(random.randrange(5, 30))
            order = Order(full=random.random() < 0.2)
            for attempt in range(6):
                flaky.probability = random.choice([0.02, 0.1, 0.3]) if attempt < 5 else 0.0
                table.grows = attempt < 5
                moment = now + attempt * SECOND
                try:
                    exporter(table, flaky, settings, lambda: now).export_all(  # noqa: B023
                        [use_case(kind)], moment, order if attempt < 5 else Order()
                    )
                except CauceError:
                    continue
            assert_chain_is(table, blobs, (seed, night))
            assert set().union(*served[-2:]) <= set(Announced(blobs, kind).manifests()), (seed, night)
            if night % 5 == 1:
                serve(blobs, night, newest_chain(blobs, kind)[-1])
                served.append(set(newest_chain(blobs, kind)))
        left = Announced(blobs, kind).manifests()
        announced_again += sum(manifest.announcements > 1 for manifest in left.values())
        oldest = names.parse_stamp(min(left))
        deleted += oldest > MOMENT
    assert announced_again > 10
    assert deleted


def serve(blobs: MemoryBlobs, number: int, slot: str) -> None:
    """Let a version serve that was made from a slot."""
    registry = Registry(blobs)
    version, files = make(number, content=b"graph %d" % number)
    version = msgspec.structs.replace(version, slot=slot)
    registry.register(version, files)
    promote(registry, version)


def sweep_all(kind: Kind, blobs: DatedBlobs) -> None:
    sweep(use_case(kind), blobs, blobs.clock, 30)


def announce_all(kind: Kind, blobs: DatedBlobs) -> None:
    announce_again(use_case(kind), blobs, blobs.clock, SETTINGS)


TidyUp = Callable[[Kind, DatedBlobs], None]


@pytest.mark.parametrize("listed", ["exports/", "drops/", "runs/"])
def test_an_export_that_ends_while_old_ones_are_deleted_keeps_what_it_continues(kind: Kind, listed: str) -> None:
    table, blobs = GrowingTable(kind, seeded(1), grows=False), DatedBlobs()
    for night in range(3):
        table.grow(30)
        exporter(table, blobs).export(dataset(kind), names.stamp(MOMENT + night * SECOND))
    blobs.clock = MOMENT + timedelta(days=300)

    def another() -> None:
        table.grow(30)
        exporter(table, blobs).export(dataset(kind), names.stamp(blobs.clock))

    blobs.when_listed = (listed, another)
    sweep_all(kind, blobs)
    if blobs.when_listed is not None:
        another()
    assert_chain_is(table, blobs, listed)


@pytest.mark.parametrize("tidy_up", [sweep_all, announce_all])
def test_two_that_tidy_up_at_once_do_not_trip_over_each_other(kind: Kind, tidy_up: TidyUp) -> None:
    table, blobs = GrowingTable(kind, seeded(1), grows=False), DatedBlobs()
    for night in range(3):
        table.grow(30)
        exporter(table, blobs).export(dataset(kind), names.stamp(MOMENT + night * SECOND), Order(full=True))
    blobs.clock = MOMENT + timedelta(days=300)
    blobs.when_listed = ("drops/", lambda: sweep_all(kind, blobs))
    tidy_up(kind, blobs)
    assert_chain_is(table, blobs, "")
    assert len(Announced(blobs, kind).manifests()) == 1
