"""The golden copies of stored records, each with its kind.

``tests/golden/v1`` holds what releases with schema version 1 wrote. Those files never change: every later release reads
them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.errors import VersionError
from shared.store.background import Background
from shared.store.forecasts import Forecaster
from shared.store.records import (
    Champion,
    Classifier,
    ExportRecord,
    ExportState,
    Manifest,
    Order,
    Prepared,
    Progress,
    RunRecord,
    from_json,
)
from shared.store.scorings import ScoredBy, Scoring

if TYPE_CHECKING:
    from typing import Any

    from msgspec import Struct

GOLDEN = Path(__file__).parent / "golden" / "v1"
RECORDS: dict[str, type[Struct]] = {
    "manifest.json": Manifest,
    "manifest-that-continues.json": Manifest,
    "state.json": ExportState,
    "pending-state.json": ExportState,
    "prepared.json": Prepared,
    "export.json": ExportRecord,
    "version.json": Classifier,
    "champion.json": Champion,
    "first-champion.json": Champion,
    "champion-with-canary-and-shadow.json": Champion,
    "run.json": RunRecord,
    "refused-run.json": RunRecord,
    "run-not-due.json": RunRecord,
    "version-of-a-blend.json": Classifier,
    "version-of-a-forecast.json": Forecaster,
    "order.json": Order,
    "progress.json": Progress,
    "background.json": Background,
    "scoring.json": Scoring,
    "refused-scoring.json": Scoring,
    "scored-by.json": ScoredBy,
}
EACH_RECORD = pytest.mark.parametrize(("file", "kind"), RECORDS.items())


def golden(file: str) -> Any:
    """What a golden copy holds, to be spoilt."""
    return json.loads((GOLDEN / file).read_text())


def refusal(content: Any, kind: type[Struct]) -> str:
    """Why this is no record of this kind."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(VersionError) as raised:
        from_json(data, kind, "models/phone/some.json")
    return str(raised.value)
