"""Versions that can be explained, and questions to them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from shared.features import Encoder
from shared.scoring.http import Call
from shared.store.background import Background
from shared.store.records import to_json
from shared.store.registry import BACKGROUND_FILE
from tests import scoring_office
from tests.tiny_versions import INPUTS, MODEL, ROW, make, promote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from shared.scoring.http import Answer
    from shared.scoring.run import Scorer
    from shared.store.records import Input, Version
    from shared.store.registry import Registry


def background(rows: Sequence[dict[str, Any]], inputs: Sequence[Input] = INPUTS) -> Background:
    """The record of these rows, which are as a request sends them."""
    matrix = Encoder(inputs).encode({item.name: [row[item.name] for row in rows] for item in inputs}, len(rows))
    return Background(
        inputs=tuple(item.name for item in inputs),
        rows=tuple(tuple(None if np.isnan(value) else float(value) for value in row) for row in matrix),
        chosen_from=2_000,
        first="2023-01-01T09:30:00.000000",
        last="2023-12-31T18:00:00.000000",
    )


BEFORE = background([ROW | {"age": 31, "balance": None}, ROW | {"age": 21, "job": None}])
"""Of ages that are 26 on average."""
AGE = {"column": 0, "weight": 0.1, "bias": -4.1}
"""What a tiny graph makes of a row: it looks at the age, and the odds are even at 41."""


def serve_explained(registry: Registry, number: int = 1, stored: Background | bytes = BEFORE, **how: Any) -> Version:
    """Let a version serve that keeps ``stored``; the rest as in ``make``."""
    data = stored if isinstance(stored, bytes) else to_json(stored)
    version, files = make(number, **how)
    hashes = {**version.files, BACKGROUND_FILE: hashlib.sha256(data).hexdigest()}
    version = registry.register(msgspec.structs.replace(version, files=hashes), {**files, BACKGROUND_FILE: data})
    promote(registry, version)
    return version


def ask(scorer: Scorer, content: Any, **query: str) -> Answer:
    """Score and explain."""
    body, path = json.dumps(content).encode(), f"models/{MODEL}/score"
    return scorer.answer(Call("POST", path, body, {"explain": "true", **query}))


class Office(scoring_office.Office):
    """A scorer over blobs of its own, which is asked for reasons."""

    def explained(self, content: Any, **query: str) -> Answer:
        """The answer with reasons, or whatever ``explain="false"`` and the like ask for."""
        return ask(self.scorer, content, **query)

    @property
    def read_backgrounds(self) -> int:
        """How often a background was asked for."""
        return sum(name.endswith(BACKGROUND_FILE) for name in self.blobs.reads)


def reasons(answer: Answer) -> list[dict[str, Any]]:
    """What was said of each row."""
    assert answer.status == 200, answer.body
    return [prediction["reasons"] for prediction in json.loads(answer.body)["predictions"]]
