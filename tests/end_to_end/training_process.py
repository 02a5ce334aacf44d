"""One training in a process of its own: ``python -m tests.end_to_end.training_process`` reads what is asked from stdin
and writes what came of it, with the most memory that the process ever held, to stdout; both are JSON.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from local.memory_blobs import MemoryBlobs
from shared.catalog.load import Catalog
from shared.store.registry import CARD_FILE, Registry
from shared.training.run import train
from tests.peak_memory import peak_mb
from tests.worlds import DATASET, MODEL, churn

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_BYTES = 1024 * 1024
DROP = f"drops/{DATASET}/contracts.csv"


class Asked(msgspec.Struct):
    """A file to train on, and how."""

    file: str
    features: tuple[str, ...]
    """The others of the use case are not in the file."""
    seconds: float
    memory_mb: int


class Trained(msgspec.Struct):
    """What came of it."""

    outcome: str
    reasons: tuple[str, ...]
    rows: int
    train_rows: int
    sampled_from: int | None
    card: str
    seconds: float
    peak_mb: float


@dataclass
class DiskBlobs(MemoryBlobs):
    """A store whose one drop lies on the disk, as it would in a storage account: it is streamed, not held."""

    file: Path = Path()

    def chunks(self, name: str) -> Iterator[bytes]:
        if name != DROP:
            yield from super().chunks(name)
            return
        with self.file.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


def trained(asked: Asked) -> Trained:
    """Do it."""
    use_case = churn()
    columns = {
        name: column
        for name, column in use_case.dataset.columns.items()
        if column.role != "feature" or name in asked.features
    }
    use_case = msgspec.structs.replace(
        use_case,
        dataset=msgspec.structs.replace(use_case.dataset, columns=columns),
        training=msgspec.structs.replace(use_case.training, seconds=asked.seconds, memory_mb=asked.memory_mb),
    )
    blobs = DiskBlobs(file=Path(asked.file))
    blobs.write(DROP, b"on the disk")
    record = train(DROP, Catalog((use_case,)), blobs)
    assert record is not None
    assert record.version is not None, record.reasons
    registry = Registry(blobs)
    version = registry.version(MODEL, record.version)
    return Trained(
        outcome=record.outcome,
        reasons=record.reasons,
        rows=record.rows,
        train_rows=version.data.train_rows,
        sampled_from=version.data.sampled_from,
        card=registry.file(version, CARD_FILE).decode(),
        seconds=record.seconds,
        peak_mb=peak_mb(),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(trained(msgspec.json.decode(sys.stdin.buffer.read(), type=Asked))))
