"""A replay of few rows, with a stand-in for the training that takes no time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from local.replay.shelf import Shelf
from local.replay.world import POLICIES, World
from shared.catalog.spec import Retraining
from shared.store import names
from shared.store.records import HistoryEntry, RunRecord
from shared.store.registry import Registry
from shared.training.drop import manifests_of, slot_of
from shared.training.problem import model_inputs
from shared.training.table import read_table
from tests import tiny_versions
from tests.phone_data import contacts, phone, to_csv
from tests.training_bench import QUICK

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from local.replay.history import Block, History
    from shared.catalog.load import Catalog
    from shared.catalog.spec import UseCase
    from shared.store.blobs import Blobs
    from shared.store.registry import Serving

ROWS = 300
START = 240
EVERY = 25
"""Three blocks: two of 25 rows and one of 10, the first two within three days of twenty."""
SECONDS = 5.0
WATCHING = 0.5


@dataclass
class QuickTrainer:
    """Stands for ``train``: the version is a graph of one weight, which the number of known rows gives."""

    due: tuple[int, ...] = ()
    """Numbers of rows at which a drop is due by itself; the first one is."""
    made: list[str] = field(default_factory=list)

    def __call__(self, blob: str, catalog: Catalog, blobs: Blobs, now: Any) -> RunRecord:
        use_case = catalog.use_cases[0]
        drop = names.parse_drop(blob)
        slot = slot_of(drop, blobs)
        table = read_table(manifests_of(drop, slot, use_case.dataset, blobs), use_case.dataset, blobs)
        registry = Registry(blobs)
        serving = registry.champion("phone")
        blank = RunRecord(
            dataset="contacts", slot=slot, model="phone", drop=blob, outcome="not due", reasons=("nothing moved",),
            rows=table.rows, seconds=WATCHING, started_at=names.stamp(now()),
        )  # fmt: skip
        if (
            serving is not None
            and self._age_days(serving, now()) < use_case.retraining.every_days
            and table.rows not in self.due
        ):
            return blank
        name = f"{slot}-{table.sha256[:8]}"
        seconds = WATCHING
        if registry.readable("phone", name) is None:
            self._make(name, table, use_case, registry)
            seconds = SECONDS
        previous = serving.champion.version if serving else None
        entry = HistoryEntry(at=slot, action="promoted", version=name, previous=previous, why="better", who="a test")
        registry.promote("phone", entry, serving)
        return msgspec.structs.replace(
            blank, outcome="promoted", reasons=("better",), version=name, seconds=seconds, due=("old",)
        )

    def _age_days(self, serving: Serving, now: datetime) -> float:
        return (now - names.parse_stamp(serving.champion.version[:16])) / timedelta(days=1)

    def _make(self, name: str, table: Any, use_case: Any, registry: Registry) -> None:
        inputs = model_inputs(use_case, table.frame)
        place = [item.name for item in inputs].index("balance")
        version, files = tiny_versions.make(1, inputs, column=place, weight=weight(table.rows), bias=-1.5)
        data = msgspec.structs.replace(version.data, rows=table.rows)
        registry.register(msgspec.structs.replace(version, version=name, data=data), files)
        self.made.append(name)


def weight(rows: int) -> float:
    """Positive for versions that know all before the first answer, and ever larger."""
    return (rows - START + 10) / 20_000


def walked(history: History, blocks: list[Block]) -> dict[str, World]:
    """All policies, at the end of their ways."""
    shelf = Shelf()
    worlds = [World(policy, history, shelf) for policy in POLICIES]
    for one in worlds:
        one.begin(blocks[0])
    for block in blocks[1:]:
        for one in worlds:
            one.live(block)
    return {one.policy: one for one in worlds}


def publish(folder: Path) -> Path:
    """The contacts as published: semicolons, in no order."""
    path = folder / "contacts.csv"
    path.write_bytes(to_csv([*reversed(contacts(ROWS))], separator=";"))
    return path


def quick_use_case() -> UseCase:
    """The phone use case, quickly trained, with a cadence that the few days of a replay do not reach."""
    return msgspec.structs.replace(phone(), training=QUICK, retraining=Retraining(every_days=30))
