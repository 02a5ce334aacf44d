"""Exports killed by SIGKILL, at each write and at any instant, while rows come in: each is announced exactly once."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from shared.store import names
from shared.store.azure_blobs import connect
from tests.announced import Announced
from tests.end_to_end.export_process import Ending, Job, Nursery
from tests.end_to_end.writers import Events, Orders, busy
from tests.growing_table import KINDS, Kind, seeded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.azurite import Azurite
    from tests.postgres import PostgreSQL

MOMENT = datetime(2026, 11, 23, 2, tzinfo=UTC)
KILLS = 50  # of each kind
LEAST_WRITES = 8  # two parts, boundary, prepared, claim, manifest, state, record
KILLED = -9


@dataclass
class World:
    """A database, storage, and exports of the one into the other."""

    shop: Orders | Events
    azurite: Azurite
    nursery: Nursery
    name: str = ""
    _nights: Iterator[int] = field(default_factory=count)
    slot: str = ""

    def export(self, **how: Any) -> Ending:
        """In a slot of its own unless there is one. Nothing lives on when it has ended."""
        if "slot" not in how:
            self.slot = names.stamp(MOMENT + timedelta(seconds=next(self._nights)))
        job = Job(
            self.shop.kind,
            self.name,
            self.shop.connection_string,
            self.azurite.connection_string,
            **{"slot": self.slot, **how},
        )
        ending = self.nursery.run(job)
        assert ending.orphans == 0
        return ending

    def clean(self, **how: Any) -> Ending:
        """A run that nothing happens to."""
        ending = self.export(**how)
        assert (ending.status, ending.outcome) in {(0, "exported"), (0, "nothing new")}
        return ending

    @property
    def announced(self) -> Announced:
        return Announced(connect(self.azurite.connection_string, None, None, patient=True), self.name)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as running:
        yield running


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path, azurite: Azurite, nursery: Nursery) -> Iterator[World]:
    kind: Kind = request.param
    unique = f"{kind}-{names.stamp(datetime.now(UTC)).lower()}-{abs(hash(tmp_path)) % 10_000}"
    if kind == "orders":
        with closing(Orders(tmp_path, 1)) as orders:
            yield World(orders, azurite, nursery, unique)
        return
    postgres: PostgreSQL = request.getfixturevalue("postgres")
    with postgres.new_database() as database, closing(Events(database, 1)) as events:
        yield World(events, azurite, nursery, unique)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_export_killed_at_any_write_is_made_good_by_one_clean_run(world: World, after: bool) -> None:
    """Each continues what the one before has brought about."""
    world.clean()
    for at in count(1):
        for _ in range(40):
            world.shop.step()
        ending = world.export(at=at, after=after)
        if ending.status == 0:
            assert ending.outcome == "exported"
            break
        assert ending.status == KILLED
        world.shop.step()
        world.clean()
        world.announced.assert_holds(world.shop.table(), at)
    assert at > LEAST_WRITES
    world.shop.settle()
    world.clean()
    world.announced.assert_is(world.shop.table())


def test_a_first_export_killed_at_any_write_is_made_good_by_one_clean_run(world: World) -> None:
    """Of a new name each time: nothing is there before."""
    name = world.name
    for at in count(1):
        world.name = f"{name}-{at}"
        world.shop.step()
        ending = world.export(at=at, part_bytes=16_384)
        if ending.status == 0:
            break
        world.shop.step()
        world.shop.settle()
        world.clean(part_bytes=16_384)
        world.announced.assert_is(world.shop.table(), at)
    assert at > LEAST_WRITES


def test_exports_killed_at_any_instant_while_rows_come_lose_and_double_none(world: World) -> None:
    random = seeded(7)
    killed = 0
    announced = world.announced
    with busy(world.shop) as quiet:
        usual = {ranges: world.clean(ranges=ranges).seconds for ranges in (2, 1)}
        usual = {ranges: max(seconds, world.clean(ranges=ranges).seconds) for ranges, seconds in usual.items()}
        while killed < KILLS:
            ranges = 2 if random.random() < 0.12 else 1
            how = {"slot": world.slot} if random.random() < 0.3 else {}
            ending = world.export(ranges=ranges, seconds=random.random() * usual[ranges], **how)
            killed += ending.status == KILLED
            if random.random() < 0.4:
                with quiet:
                    settled = world.shop.table()
                world.clean(ranges=1)
                announced.assert_holds(settled, killed)
    world.clean()
    announced.assert_is(world.shop.table())
    assert len(announced.manifests()) > KILLS / 4
