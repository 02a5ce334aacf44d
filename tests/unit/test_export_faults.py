"""Storage and database fail at random, runs cross each other, clocks go back: each row is announced exactly once."""

from __future__ import annotations

from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Event, Thread
from typing import TYPE_CHECKING

import pytest

from local.memory_blobs import MemoryBlobs
from shared.errors import BlobConflict, CauceError, SourceUnavailable, TransientError
from shared.store import names
from shared.store.records import Manifest, to_json
from tests.announced import Announced
from tests.flaky_blobs import FlakyBlobs
from tests.growing_exports import MOMENT, SECOND, exporter, use_case
from tests.growing_table import KINDS, GrowingTable, Kind, seeded
from tests.mortal_blobs import MortalBlobs

if TYPE_CHECKING:
    from datetime import datetime

    from shared.store.blobs import Blobs

WRITES = 9  # three parts at least, boundary, prepared, claim, manifest, state, record

pytestmark = [pytest.mark.usefixtures("quiet"), pytest.mark.parametrize("kind", KINDS)]


def export(table: GrowingTable, blobs: Blobs, moment: datetime) -> str:
    """The outcome of a run at a moment."""
    (record,) = exporter(table, blobs).export_all([use_case(table.kind)], moment)
    return record.outcome


def assert_clean(table: GrowingTable, blobs: Blobs, moment: datetime, about: object) -> None:
    """One run without faults, and all is there."""
    table.grows, table.breaks_after = False, None
    assert export(table, blobs, moment) in {"exported", "nothing new"}, about
    Announced(blobs, table.kind).assert_is(table.table(), about)
    table.grows = True


@pytest.mark.parametrize("probability", [0.1, 0.2, 0.3])
def test_whatever_fails_however_often_one_clean_run_makes_it_good(kind: Kind, probability: float) -> None:
    faults = exported = 0
    for seed in range(40):
        random, blobs = seeded(seed), MemoryBlobs()
        table = GrowingTable(kind, random)
        flaky = FlakyBlobs(blobs, probability, random)
        moment = MOMENT
        for night in range(4):
            table.grow(random.randrange(60))
            for _ in range(12):
                moment += random.choice([0, 1]) * SECOND  # the timer fires again, or somebody else starts it
                table.breaks_after = random.choice([None, None, random.randrange(12)])
                try:
                    outcome = export(table, flaky, moment)
                except CauceError:
                    table.grow()
                else:
                    assert outcome != "overtaken", (seed, night)  # nobody else is there
                    exported += outcome == "exported"
            moment += SECOND
            assert_clean(table, blobs, moment, (seed, night))
        faults += flaky.faults
    assert faults > 1000
    assert exported


@pytest.mark.parametrize("after", range(8))
def test_a_database_that_breaks_off_announces_nothing(kind: Kind, after: int) -> None:
    table, blobs = GrowingTable(kind, seeded(after), breaks_after=after), MemoryBlobs()
    table.grow(100)
    with pytest.raises(SourceUnavailable):
        export(table, blobs, MOMENT)
    assert not [name for name in blobs.blobs if name.startswith("drops/")]
    assert_clean(table, blobs, MOMENT + SECOND, after)


# Two at once


class Run(Thread):
    """An export that waits before its ``at``-th write until it may go on."""

    def __init__(self, table: GrowingTable, blobs: Blobs, moment: datetime, at: int) -> None:
        super().__init__(daemon=True)
        self.stopped, self.may_go_on = Event(), Event()
        self.table, self.moment = table, moment
        self.blobs = MortalBlobs(blobs, self._pause, at=at)
        self.outcome = "failed"

    def _pause(self) -> None:
        self.stopped.set()
        assert self.may_go_on.wait(20)

    def run(self) -> None:
        try:
            self.outcome = export(self.table, self.blobs, self.moment)
        except TransientError:
            self.outcome = "failed"
        finally:
            self.stopped.set()

    def reach(self) -> None:
        """Run until the pause, or to the end where that comes first."""
        self.start()
        assert self.stopped.wait(20)

    def finish(self) -> str:
        self.may_go_on.set()
        self.join(20)
        assert not self.is_alive()
        return self.outcome


@pytest.mark.parametrize("slots", [0, 1, -1])
@pytest.mark.parametrize("known", [0, 60])
def test_two_exports_however_they_cross_announce_each_row_once(kind: Kind, slots: int, known: int) -> None:
    """The second has the same slot, a later or an earlier one; there is an export before them, or none."""
    for first_at in range(1, WRITES + 1):
        for second_at in range(1, WRITES + 1):
            about = (first_at, second_at)
            table, blobs = GrowingTable(kind, seeded(known)), MemoryBlobs()
            if known:
                table.grow(known)
                export(table, blobs, MOMENT - 5 * SECOND)
            table.grow(60)
            first = Run(table, blobs, MOMENT, first_at)
            first.reach()
            table.grow(10)
            second = Run(table, blobs, MOMENT + slots * SECOND, second_at)
            second.reach()
            outcomes = [first.finish(), second.finish()]
            manifests = Announced(blobs, kind).manifests()
            assert outcomes.count("exported") == len(manifests) - bool(known), (about, outcomes)
            assert "failed" not in outcomes, about
            assert_clean(table, blobs, MOMENT + 5 * SECOND, about)


@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_an_export_that_was_asleep_for_nights_wakes_up_and_does_no_harm(kind: Kind, at: int) -> None:
    table, blobs = GrowingTable(kind, seeded(at)), MemoryBlobs()
    table.grow(60)
    sleeper = Run(table, blobs, MOMENT, at)
    sleeper.reach()
    for night in range(1, 4):
        table.grow(30)
        export(table, blobs, MOMENT + night * SECOND)
    sleeper.finish()
    assert_clean(table, blobs, MOMENT + 5 * SECOND, at)


@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_a_manifest_that_somebody_else_wrote_meanwhile_stays_and_the_rows_come_next(kind: Kind, at: int) -> None:
    table, blobs = GrowingTable(kind, seeded(at)), MemoryBlobs()
    table.grow(60)
    run = Run(table, blobs, MOMENT, at)
    run.reach()
    slot = names.stamp(MOMENT)
    name, foreign = names.manifest(kind, slot), to_json(Manifest(kind, slot, {}, (), 0, slot))
    with suppress(BlobConflict):  # it may be there already
        blobs.write(name, foreign, if_absent=True)
        assert run.finish() != "exported"
        assert blobs.blobs[name] == foreign
    run.finish()
    assert_clean(table, blobs, MOMENT + 5 * SECOND, at)


@pytest.mark.parametrize("at", range(1, WRITES + 1))
@pytest.mark.parametrize("slots", [0, 1])
def test_two_exports_that_write_at_the_same_time_announce_each_row_once(kind: Kind, at: int, slots: int) -> None:
    table, blobs = GrowingTable(kind, seeded(at)), MemoryBlobs()
    table.grow(60)
    barrier = Barrier(2)

    class Meeting(Run):
        def _pause(self) -> None:
            with suppress(BrokenBarrierError):
                barrier.wait(20)

        def run(self) -> None:
            super().run()
            barrier.abort()  # the other would wait for nobody

    runs = [Meeting(table, blobs, MOMENT + number * slots * SECOND, at) for number in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.finish()
    assert_clean(table, blobs, MOMENT + 5 * SECOND, at)


# Clocks


def test_a_clock_that_goes_back_loses_nothing(kind: Kind) -> None:
    for seed in range(30):
        random, blobs = seeded(seed), MemoryBlobs()
        table = GrowingTable(kind, random)
        flaky = FlakyBlobs(blobs, 0.05, random)
        for _ in range(20):
            table.grow(random.randrange(20))
            clock = MOMENT - random.randrange(30) * SECOND
            try:
                exporter(table, flaky, now=lambda: clock).export_all([use_case(kind)], clock)  # noqa: B023
            except CauceError:
                continue
        assert_clean(table, blobs, MOMENT + SECOND, seed)
