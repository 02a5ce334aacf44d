"""A scorer over blobs in memory, and questions to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shared.csv_format import csv_rows
from shared.scoring.http import Call
from shared.scoring.run import Scorer
from shared.settings import Settings
from shared.store import names
from shared.store.records import Champion, to_json
from shared.store.registry import Registry
from tests.failing_blobs import FailingBlobs
from tests.tiny_versions import MODEL, catalog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from shared.scoring.http import Answer

SCORE = f"models/{MODEL}/score"
PROBLEM, JSON = "application/problem+json", "application/json"


class Office:
    """A scorer over blobs of its own."""

    def __init__(self, *models: str, **limits: Any) -> None:
        self.blobs = FailingBlobs()
        self.registry = Registry(self.blobs)
        self.settings = Settings(**{"model_refresh_seconds": 0.0, **limits})
        self.scorer = Scorer(catalog(*(models or (MODEL,))), self.registry, self.settings)

    def get(self, path: str) -> Answer:
        return self.scorer.answer(Call("GET", path, b""))

    def score(self, content: Any, path: str = SCORE) -> Answer:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.scorer.answer(Call("POST", path, body))

    def ask(self, content: Any, query: dict[str, str] | None = None, **headers: str) -> Answer:
        """Score, with ``content_type="text/csv"`` and the like."""
        return self.asked_at(SCORE, content, query, **headers)

    def asked_at(self, path: str, content: Any, query: dict[str, str] | None = None, **headers: str) -> Answer:
        """The same, at any address."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.scorer.answer(Call("POST", path, body, query or {}, named))

    def put(self, version: str, file: str, data: bytes) -> None:
        self.blobs.write(names.version_file(MODEL, version, file), data)

    def name_champion(self, version: str) -> None:
        self.write_champion(to_json(Champion(version=version, previous=None, since="now")))

    def write_champion(self, data: bytes) -> None:
        self.blobs.write(names.champion(MODEL), data)


def csv_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows, which have the same names in whatever order, as the export writes them."""
    return csv_rows([list(rows[0])]) + csv_rows([[row[name] for name in rows[0]] for row in rows])


def content(answer: Answer, status: int = 200) -> dict[str, Any]:
    """What an answer of this status says, which is JSON."""
    assert answer.status == status, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


def predictions(answer: Answer) -> list[dict[str, Any]]:
    assert (answer.status, answer.content_type) == (200, JSON), answer.body
    found: list[dict[str, Any]] = json.loads(answer.body)["predictions"]
    return found


def problem(answer: Answer, status: int) -> dict[str, Any]:
    """The problem's details, once they have the shape that RFC 9457 gives them."""
    content: dict[str, Any] = json.loads(answer.body)
    assert (answer.status, answer.content_type, content["status"]) == (status, PROBLEM, status)
    assert content.keys() - {"errors"} == {"type", "title", "status", "detail", "instance"}
    assert all(isinstance(content[name], str) and content[name] for name in ("type", "title", "detail"))
    assert content["instance"] == answer.headers["x-request-id"]
    for fault in content.get("errors", ()):
        assert fault.keys() >= {"path", "expected", "got"}
    return content
