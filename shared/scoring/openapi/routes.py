"""The API told by itself: as OpenAPI 3.1, for programs, and as a page of it, for people.

GET openapi.json   made from the versions that serve; the same bytes as long as they do
GET docs           the same on a page that needs no other host
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from shared.errors import CauceError
from shared.scoring.http import JSON, Answer
from shared.scoring.query import only
from shared.scoring.serving.served import NoChampion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.scoring.http import Call
    from shared.scoring.openapi.paths import Limits, Seen
    from shared.scoring.serving.served import Served
    from shared.settings import Settings

HTML = "text/html"
IF_NONE_MATCH = "if-none-match"


@dataclass(frozen=True, slots=True)
class _Made:
    """The document of one set of versions, and the page of it."""

    versions: Sequence[tuple[str, Any]]
    document: Answer
    page: Answer


class Described:
    """Answers what the API is."""

    def __init__(self, served: Mapping[str, Served], settings: Settings) -> None:
        self._served = served
        self._settings = settings
        self._made: _Made | None = None

    def document(self, call: Call) -> Answer:
        """OpenAPI 3.1; 304 where the caller has it."""
        only(call)
        return _unless_known(call, self._current().document)

    def page(self, call: Call) -> Answer:
        """A page of it."""
        only(call)
        return _unless_known(call, self._current().page)

    def _current(self) -> _Made:
        """Made anew when another version serves somewhere. Two threads may make the same one."""
        seen = [self._see(model) for model in self._served]
        versions = [(one.model, one.loaded or one.state) for one in seen]
        made = self._made
        if made is None or made.versions != versions:
            made = self._made = self._make(versions, seen)
        return made

    def _see(self, model: str) -> Seen:
        from shared.scoring.openapi.paths import Seen

        try:
            return Seen(model, self._served[model].current())
        except NoChampion:
            return Seen(model, None, "has no version yet")
        except CauceError:
            return Seen(model, None, "cannot be loaded")

    def _make(self, versions: Sequence[tuple[str, Any]], seen: list[Seen]) -> _Made:
        from shared.scoring.openapi.document import document
        from shared.scoring.openapi.page import page

        described = document(seen, self._limits())
        shown, headers = page(described)
        return _Made(versions, _answer(msgspec.json.encode(described), JSON, {}), _answer(shown, HTML, headers))

    def _limits(self) -> Limits:
        from shared.scoring.openapi.paths import Limits

        chosen = self._settings
        return Limits(
            chosen.score_max_rows, chosen.score_max_bytes, chosen.score_csv_max_rows, chosen.score_csv_max_bytes
        )


def _answer(body: bytes, content_type: str, headers: dict[str, str]) -> Answer:
    # Weak, since a compressed answer has the same one.
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Answer(200, body, content_type, {"ETag": etag, "Cache-Control": "private, no-cache", **headers})


def _unless_known(call: Call, answer: Answer) -> Answer:
    known = {part.strip().removeprefix("W/") for part in call.headers.get(IF_NONE_MATCH, "").split(",")}
    if known & {answer.headers["ETag"].removeprefix("W/"), "*"}:
        return Answer(304, b"", answer.content_type, dict(answer.headers))
    return answer
