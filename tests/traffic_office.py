"""A scorer with a prediction log, rows that are told apart by their key, and what its versions answer."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from local.memory_blobs import MemoryBlobs
from shared.catalog.load import Catalog
from shared.catalog.spec import Column
from shared.scoring.log.day_blobs import DayBlobs
from shared.scoring.log.lines import LineMaker
from shared.scoring.log.prediction_log import PredictionLog
from shared.scoring.run import Scorer
from shared.store.predictions import Loss, Prediction
from tests import scoring_office
from tests.logged import hurry, written
from tests.tiny_versions import INPUTS, MODEL, ROW, catalog, put_beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import pytest

    from shared.catalog.spec import UseCase
    from shared.store.records import Version
    from shared.store.registry import Role

HASH_KEY = "more than thirty-two characters, as asked"


def tiny_use_case(**changed: Column) -> UseCase:
    """The built-in model over the columns of INPUTS, so that they may be written down."""
    use_case = catalog(MODEL).use_cases[0]
    types = {"weekday": "date"}
    columns = {item.name: Column(type=types.get(item.type, item.type)) for item in INPUTS}  # type: ignore[arg-type]
    key = use_case.dataset.columns["contact_id"]
    dataset = msgspec.structs.replace(use_case.dataset, columns={"contact_id": key, **columns, **changed})
    return msgspec.structs.replace(use_case, dataset=dataset)


class Office(scoring_office.Office):
    """A scorer with a prediction log, over blobs of its own; ``secret`` is what keys are hashed with."""

    def __init__(self, use_case: UseCase | None = None, secret: str | None = HASH_KEY, **chosen: Any) -> None:
        super().__init__(**chosen)
        cases = Catalog((use_case or tiny_use_case(),))
        self.logged = MemoryBlobs()
        self.log = PredictionLog(LineMaker(cases, secret), DayBlobs(self.logged, datetime.now(UTC)), 0.0, 2**26)
        self.scorer = Scorer(cases, self.registry, self.settings, self.log)

    def answered(self, content: Any = ROW, query: dict[str, str] | None = None, **headers: str) -> dict[str, Any]:
        """The answer to a request that must have one."""
        return scoring_office.content(self.ask(content, query, **headers))

    def beside(self, role: Role, version: Version, share: float = 0.5) -> None:
        put_beside(self.registry, role, version, share)

    def lines(self) -> list[Prediction | Loss]:
        """All that was logged; the log is at its end then."""
        self.log.close(20)
        return written(self.logged)

    def predictions(self, role: str | None = None) -> list[Prediction]:
        """What was logged of answers, or of those of one role; the log is at its end then."""
        found = [line for line in self.lines() if isinstance(line, Prediction)]
        return [line for line in found if role in {None, line.role}]


def quick_office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """An office for a test, whose log does not rest and is closed at the end."""
    hurry(monkeypatch)
    made = Office()
    yield made
    made.log.close(20)


def keyed(count: int, **changed: Any) -> list[dict[str, Any]]:
    """``count`` rows with the keys from 0 on."""
    return [ROW | {"contact_id": key} | changed for key in range(count)]


def probability(number: int) -> float:
    """What version ``number`` answers, as it is written."""
    return round(1 / (1 + math.exp(-number / 100)), 6)
