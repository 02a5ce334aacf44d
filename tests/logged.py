"""A prediction log over blobs in memory, and rows for it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from local.memory_blobs import MemoryBlobs
from shared.errors import StoreUnavailable
from shared.scoring.log import prediction_log
from shared.scoring.log.day_blobs import DayBlobs
from shared.scoring.log.lines import Answered, LineMaker
from shared.scoring.log.prediction_log import PredictionLog
from shared.scoring.rows import Rows
from shared.scoring.serving.session import LoadedClassifier
from shared.store.predictions import Loss, Prediction, read_line
from tests.phone_data import ROW
from tests.tiny_versions import MODEL, catalog, make, phone_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from shared.scoring.serving.loaded import LoadedVersion
    from shared.store.blobs import Blobs

NOON = datetime(2026, 11, 25, 12, 0, 0, 123_000, tzinfo=UTC).timestamp()
DAY = "2026-11-25"
CATALOG = catalog(MODEL)
CALLED_ON = date.fromisoformat(ROW["contacted_on"])


class Store(MemoryBlobs):
    """Blobs that note each append, and fail or hang while they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.appended: list[bytes] = []
        self.down = False
        self.open = threading.Event()
        self.open.set()

    def append(self, name: str, data: bytes, *, at: int) -> None:
        self.appended.append(data)
        assert self.open.wait(20)
        if self.down:
            raise StoreUnavailable(name)
        super().append(name, data, at=at)


def version(number: int = 40) -> LoadedVersion:
    made, files = make(number, phone_inputs())
    return LoadedClassifier(made, files["model.onnx"])


LOADED = version()


def rows(count: int, **changed: Any) -> Rows:
    row = {item.name: ROW[item.name] for item in LOADED.version.inputs} | {"contacted_on": CALLED_ON} | changed
    return Rows(count, {name: [value] * count for name, value in row.items()}, [*range(count)])


def answered(count: int = 1, at: float = NOON, **changed: Any) -> Answered:
    probabilities = np.linspace(0.2, 0.8, count, dtype=np.float32)
    return Answered(at, "r-1", "served", LOADED, rows(count, **changed), range(count), probabilities)


def log_over(
    blobs: Blobs, *, seconds: float = 0.0, most_bytes: int = 2**23, secret: str | None = None
) -> PredictionLog:
    days = DayBlobs(blobs, datetime(2026, 11, 25, 9, tzinfo=UTC))
    return PredictionLog(LineMaker(CATALOG, secret), days, seconds, most_bytes, lambda: NOON)


@contextmanager
def logging_into(blobs: Blobs, **how: Any) -> Iterator[PredictionLog]:
    """A log that is written to its end with the block."""
    log = log_over(blobs, **how)
    try:
        yield log
    finally:
        log.close()
        assert not [thread for thread in threading.enumerate() if thread is log._thread]


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that looks at its queue a hundred times as often, and does not rest."""
    monkeypatch.setattr(prediction_log, "TICK_SECONDS", 0.002)
    monkeypatch.setattr(prediction_log, "REST", 0.0)


def written(blobs: MemoryBlobs) -> list[Prediction | Loss]:
    """All lines, in the order of their blobs' names."""
    found = []
    for name in sorted(blobs.blobs):
        assert blobs.blobs[name].endswith(b"\n")
        found += [read_line(line, name) for line in blobs.blobs[name].splitlines()]
    return found


def predictions(blobs: MemoryBlobs) -> list[Prediction]:
    return [line for line in written(blobs) if isinstance(line, Prediction)]


def lost(blobs: MemoryBlobs) -> int:
    return sum(line.rows for line in written(blobs) if isinstance(line, Loss))
