"""The fitted pipelines behind FastAPI and pydantic, as one writes it: ``uvicorn tests.bench.score_fastapi:app``."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, create_model

from tests.bench.score_rival import Rival

if TYPE_CHECKING:
    from shared.store.records import Input, Version

KINDS = {"integer": int, "boolean": bool, "category": str, "weekday": date}


def _field(item: Input) -> Any:
    kind: Any = Annotated[KINDS.get(item.type, float), Field(ge=item.min, le=item.max)]
    return (kind | None, None) if item.nullable else (kind, ...)


def _row_type(version: Version) -> type[BaseModel]:
    """With the bounds that the version states, and no other fields than its own."""
    fields = {item.name: _field(item) for item in version.inputs}
    key = {version.key.name: (int | str | None, None)}
    return create_model("Row", __config__=ConfigDict(extra="forbid"), **fields, **key)


rival = Rival()
Row = _row_type(rival.version)
KEY = rival.version.key.name
app = FastAPI()


# Not ``def``: that would hand every request to a thread, which takes longer.
@app.post("/score")
async def score(rows: Row | list[Row]) -> dict[str, Any]:  # type: ignore[valid-type]
    """One row, or a list of them."""
    sent = [row.model_dump() for row in (rows if isinstance(rows, list) else [rows])]
    answered = rival.of_rows(sent) if rival.knows_onnx else rival.probabilities(pd.DataFrame(sent))
    return rival.answer([row[KEY] for row in sent], answered)
