"""What the manifests of a dataset announce, held against the table that it was exported from."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.csv_format import read_csv
from shared.store import names
from shared.store.records import Manifest, from_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.store.blobs import Blobs
    from shared.store.records import Part

Row = tuple[str | None, ...]


@dataclass
class Announced:
    """The union of all manifests' rows. A part is read once, however often it is asked for: it never changes."""

    blobs: Blobs
    dataset: str
    _parts: dict[Part, list[Row]] = field(default_factory=dict)

    def manifests(self) -> dict[str, Manifest]:
        """By slot."""
        found = {}
        for info in self.blobs.list(names.manifests(self.dataset)):
            blob = self.blobs.read(info.name)
            assert blob is not None
            found[names.parse_drop(info.name).stem] = from_json(blob.data, Manifest, info.name)
        return found

    def rows(self, manifests: Iterable[Manifest] | None = None) -> Counter[Row]:
        """Every row with how often it is announced; every part is what its manifest says."""
        chosen = self.manifests().values() if manifests is None else manifests
        return Counter(row for manifest in chosen for part in manifest.parts for row in self._rows(part))

    def _rows(self, part: Part) -> list[Row]:
        if part not in self._parts:
            data = b"".join(self.blobs.chunks(part.name))
            rows = [tuple(row) for _, row in read_csv([data], part.name)[1]]
            told = (part.size_bytes, part.sha256, part.rows)
            assert told == (len(data), hashlib.sha256(data).hexdigest(), len(rows)), part.name
            self._parts[part] = rows
        return self._parts[part]

    def assert_is(self, table: Iterable[Row], about: object = "") -> None:
        """Each row of the table once, and no other."""
        announced, expected = self.rows(), Counter(table)
        assert_same(announced, expected, about)

    def assert_holds(self, settled: Iterable[Row], about: object = "") -> None:
        """Each of these rows once, and none of the others more often: the table goes on growing."""
        announced = self.rows()
        assert_same(Counter({row: announced[row] for row in settled}), Counter(settled), about)
        assert not [row for row, times in announced.items() if times > 1][:3], about


def assert_same(announced: Counter[Row], expected: Counter[Row], about: object) -> None:
    """Says which rows are lost and which are there too often."""
    lost, extra = expected - announced, announced - expected
    told = f"{about}: {lost.total()} lost, {extra.total()} too many: {list(lost)[:3]} {list(extra)[:3]}"
    assert (lost.total(), extra.total()) == (0, 0), told
