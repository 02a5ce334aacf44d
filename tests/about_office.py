"""A scorer that is asked about its models rather than for answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shared.scoring.http import Call
from shared.store.registry import GRAPH_FILE
from tests import scoring_office
from tests.scoring_office import content
from tests.tiny_versions import MODEL, ROW, put_beside

if TYPE_CHECKING:
    from typing import Any

    from shared.store.records import Version
    from shared.store.registry import Role


class Office(scoring_office.Office):
    """A scorer over blobs of its own; what it tells is JSON of the ``status`` that is expected."""

    def told(self, path: str, status: int = 200, **query: str) -> dict[str, Any]:
        return content(self.scorer.answer(Call("GET", path, b"", query)), status)

    def compare(self, rows: Any = ROW, status: int = 200, **query: str) -> dict[str, Any]:
        call = Call("POST", f"models/{MODEL}/compare", json.dumps(rows).encode(), query)
        return content(self.scorer.answer(call), status)

    def versions(self, **query: str) -> dict[str, Any]:
        return self.told(f"models/{MODEL}/versions", **query)

    def history(self, **query: str) -> dict[str, Any]:
        return self.told(f"models/{MODEL}/history", **query)

    def beside(self, role: Role, version: Version, share: float = 0.5) -> None:
        put_beside(self.registry, role, version, share)

    def spoil(self, version: Version, file: str = GRAPH_FILE) -> None:
        """Damage a file of a version."""
        self.put(version.version, file, b"spoilt")
