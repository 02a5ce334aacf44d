"""A store with a catalog around ``train``, quick enough to run dozens of times."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from local.memory_blobs import MemoryBlobs
from shared.catalog.load import Catalog
from shared.catalog.spec import ClassificationTraining, Retraining
from shared.store import names
from shared.store.records import Order, to_json
from shared.store.registry import Registry
from shared.training.run import train
from tests.phone_data import contacts, phone, to_csv

if TYPE_CHECKING:
    from shared.store.blobs import Blobs
    from shared.store.records import RunRecord

QUICK = ClassificationTraining(seconds=1e-9, history=("all",), folds=1)
"""One candidate, on one fold."""
NOW = datetime(2026, 11, 23, 2, 5, tzinfo=UTC)


def quick_catalog() -> Catalog:
    """The phone use case, quickly trained, with every drop."""
    return Catalog((msgspec.structs.replace(phone(), training=QUICK, retraining=Retraining(every_days=0)),))


@dataclass
class Bench:
    """Drops files, trains on them, and looks at what came of it."""

    blobs: Any = field(default_factory=MemoryBlobs)
    catalog: Catalog = field(default_factory=quick_catalog)
    dropped: int = 0

    def drop(self, file: bytes, name: str = "contacts.csv", dataset: str = "contacts") -> str:
        """Put a file where a person would; the blob's name."""
        blob = f"drops/{dataset}/{name}"
        self.blobs.write(blob, file)
        self.dropped += 1
        if isinstance(self.blobs, MemoryBlobs):  # a slot is a second, and some tests train faster than that
            self.blobs.modified[blob] += timedelta(seconds=self.dropped)
        return blob

    def order(self, why: str, slot: str = "20261125T100000Z") -> str:
        """Order a new version; the blob's name."""
        blob = names.order("contacts", slot)
        self.blobs.write(blob, to_json(Order(why=why, who="a test")))
        return blob

    def train(self, blob: str, through: Blobs | None = None) -> RunRecord | None:
        """Handle the event of a blob, through another view of the store if one is given."""
        return train(blob, self.catalog, through or self.blobs, lambda: NOW)

    def trained(self, blob: str, through: Blobs | None = None) -> RunRecord:
        """The same where a record must come of it."""
        record = self.train(blob, through)
        assert record is not None
        return record

    def first_champion(self) -> RunRecord:
        """A champion of a small world, to be beaten or not."""
        return self.trained(self.drop(to_csv(contacts(600)), "first.csv"))

    @property
    def registry(self) -> Registry:
        return Registry(self.blobs)

    @property
    def serving(self) -> str | None:
        """The version that serves."""
        champion = self.registry.champion("phone")
        return champion.champion.version if champion else None

    def names(self, prefix: str) -> list[str]:
        """The blobs under a prefix."""
        return [info.name for info in self.blobs.list(prefix)]

    @property
    def versions(self) -> set[str]:
        """All versions that are whole."""
        return {name.split("/")[2] for name in self.names("models/phone/") if name.endswith("/version.json")}
