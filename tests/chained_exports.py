"""Exports that continue each other, and the chain and table that training reads of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from local.memory_blobs import MemoryBlobs
from shared.csv_format import csv_rows
from shared.errors import DropError
from shared.store import names
from shared.store.records import Manifest, Part, to_json
from shared.training.drop import manifests_of
from shared.training.table import read_table
from tests.phone_data import contacts, phone, to_csv

if TYPE_CHECKING:
    from typing import Any

    from shared.training.table import Table

DATASET = phone().dataset
HEADER = list(contacts(1)[0])
FIRST, SECOND, THIRD = "20261123T020000Z", "20261124T020000Z", "20261125T020000Z"


class Exports:
    """Manifests and their parts, as exports leave them."""

    def __init__(self, blobs: MemoryBlobs | None = None) -> None:
        self.blobs = blobs or MemoryBlobs()

    def add(self, slot: str, *files: list[dict[str, Any]] | bytes, follows: str | None = None) -> str:
        """One export, a part for each of ``files``: rows, or bytes. The manifest's name."""
        parts = tuple(self._part(slot, index, file) for index, file in enumerate(files))
        rows = sum(part.rows for part in parts)
        columns: dict[str, str] = {name: column.type for name, column in DATASET.used_columns().items()}
        manifest = Manifest("contacts", slot, columns, parts, rows, slot, follows=follows)
        name = names.manifest("contacts", slot)
        self.blobs.write(name, to_json(manifest))
        return name

    def _part(self, slot: str, index: int, file: list[dict[str, Any]] | bytes) -> Part:
        data = file if isinstance(file, bytes) else to_csv(file) if file else csv_rows([HEADER])
        name = names.part("contacts", slot, "a1b2c3d4", index)
        self.blobs.write(name, data)
        rows = 0 if isinstance(file, bytes) else len(file)
        return Part(name, rows, len(data), hashlib.sha256(data).hexdigest())

    def chain(self, slot: str) -> tuple[Manifest, ...]:
        drop = names.parse_drop(names.manifest("contacts", slot))
        return manifests_of(drop, slot, DATASET, self.blobs)

    def slots(self, slot: str) -> list[str]:
        return [manifest.slot for manifest in self.chain(slot)]

    def table(self, slot: str) -> Table:
        return read_table(self.chain(slot), DATASET, self.blobs)

    def refusal(self, slot: str) -> str:
        """Why the drop of this slot cannot be read."""
        with pytest.raises(DropError) as caught:
            self.table(slot)
        return str(caught.value)


def keys(table: Table) -> list[int]:
    """The keys of the rows, in their order."""
    return [int(key) for key in table.frame["contact_id"]]


def changed(row: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The row with other values."""
    return {**row, **values}
