"""The fitted pipelines behind BentoML's own server: ``bentoml serve tests.bench.score_bento:Scorer``."""

from __future__ import annotations

from typing import Any

import bentoml
import pandas as pd

from tests.bench.score_fastapi import KEY, Row
from tests.bench.score_rival import Rival


@bentoml.service(traffic={"timeout": 120}, workers=1)
class Scorer:
    """One service with one call; the rows are checked by the same pydantic type as FastAPI's."""

    def __init__(self) -> None:
        self.rival = Rival()

    @bentoml.api
    async def score(self, rows: list[Row]) -> dict[str, Any]:  # type: ignore[valid-type]
        """A list of rows: BentoML's calls take named arguments."""
        sent = [row.model_dump() for row in rows]
        return self.rival.answer([row[KEY] for row in sent], self.rival.probabilities(pd.DataFrame(sent)))
