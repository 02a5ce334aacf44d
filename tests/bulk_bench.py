"""A store with a tiny version that serves, around ``score_drop``."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from local.memory_blobs import MemoryBlobs
from shared.scoring.bulk.run import score_drop
from shared.store import names
from shared.store.records import from_json
from shared.store.registry import Registry
from shared.store.scorings import Scoring
from tests.phone_data import contacts, to_csv
from tests.tiny_versions import MODEL, catalog, phone_inputs, serve

if TYPE_CHECKING:
    from shared.catalog.load import Catalog
    from shared.store.blobs import Blobs
    from shared.store.records import Version

NOW = datetime(2026, 11, 23, 2, 5, tzinfo=UTC)
MOST_BYTES = 10_000_000
WEIGHTS: dict[str, Any] = {"column": 1, "weight": 0.05, "bias": -2.0}
"""What the tiny graph makes of a row: it looks at the age."""


def probability(age: int) -> float:
    """What it answers to a person of this age."""
    return 1 / (1 + math.exp(2.0 - 0.05 * age))


def people(count: int, first: int = 1) -> list[dict[str, Any]]:
    """Rows as they are dropped to be scored: what the model takes, and the key."""
    rows = contacts(count, first=first)
    for row in rows:
        del row["y"]
        row["job"] = "technician"  # the level that the tiny version knows
    return rows


@dataclass
class Bench:
    """Drops files and looks at what came of them."""

    blobs: Any = field(default_factory=MemoryBlobs)
    catalog: Catalog = field(default_factory=lambda: catalog(MODEL))

    @property
    def registry(self) -> Registry:
        return Registry(self.blobs)

    def serve(self, number: int = 1, **how: Any) -> Version:
        """Let a tiny version of the built-in model serve."""
        return serve(self.registry, number, phone_inputs(), **{**WEIGHTS, **how})

    def allow_bad_rows(self) -> None:
        """Let the catalog take a file of which any share is bad."""
        use_case = self.catalog.use_cases[0]
        training = msgspec.structs.replace(use_case.training, max_refused=1.0)
        self.catalog = type(self.catalog)((msgspec.structs.replace(use_case, training=training),))

    def drop(self, rows: bytes | list[dict[str, Any]], name: str = "may.csv", model: str = MODEL) -> str:
        """Put a file to be scored; the blob that it is."""
        blob = names.scoring_csv(model, name)
        self.blobs.write(blob, rows if isinstance(rows, bytes) else to_csv(rows))
        return blob

    def scored(self, blob: str, blobs: Blobs | None = None, most_bytes: int = MOST_BYTES) -> Scoring:
        """What the event of a file leads to."""
        record = score_drop(blob, self.catalog, blobs or self.blobs, most_bytes, lambda: NOW)
        assert record is not None
        return record

    def refusal(self, content: bytes | list[dict[str, Any]], name: str = "may.csv", model: str = MODEL) -> str:
        """Why a file is refused: it has a record, and no result."""
        record = self.scored(self.drop(content, name, model))
        assert (record.outcome, record.result) == ("refused", None)
        assert self.stored_record(record) == record
        assert self.names("results/") == []
        (reason,) = record.reasons
        return reason

    def stored_record(self, record: Scoring) -> Scoring:
        name = names.run_record(names.SCORE, record.slot, record.model)
        return from_json(self.blobs.read(name).data, Scoring, name)

    def names(self, prefix: str) -> list[str]:
        return [info.name for info in self.blobs.list(prefix)]

    def table(self, blob: str | None) -> list[dict[str, str]]:
        """A stored CSV, by column."""
        assert blob is not None
        text = self.blobs.read(blob).data.decode()
        return list(csv.DictReader(io.StringIO(text, newline="")))
