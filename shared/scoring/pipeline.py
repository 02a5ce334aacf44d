"""The stages of a scoring request; see ``shared.scoring.seams`` for who else takes part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.scoring.answers import Kind, Refusal, ok
from shared.scoring.reasons import EXPLAIN, TOP, asked
from shared.scoring.render import predictions
from shared.scoring.rows import MOST_FAULTS, NotRead, RequestFaulty
from shared.scoring.scored import score

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.scoring.http import Answer, Call
    from shared.scoring.rows import Rows
    from shared.scoring.scored import Scored
    from shared.scoring.seams import Seams
    from shared.scoring.session import LoadedVersion
    from shared.scoring.versions import Versions
    from shared.settings import Settings

VERSION = "version"
QUERY = frozenset({VERSION, EXPLAIN, TOP, "code"})
"""What a scoring request's query may hold; ``code`` is the platform's key."""


class Pipeline:
    """Answers scoring requests."""

    def __init__(self, versions: Versions, settings: Settings, seams: Seams) -> None:
        self._versions = versions
        self._settings = settings
        self._seams = seams

    def answer(self, model: str, call: Call) -> Answer:
        """The predictions. Raises Refusal."""
        self._check_size(call)
        loaded = self._versions.choose(model, call.query.get(VERSION))
        rows = self._read(loaded, call.body)
        self._check_count(rows)
        shares = self._score(model, call, loaded, rows)
        done = self._watch(call, shares)
        answer = ok(predictions(loaded, shares))
        for each in done:
            each()
        return answer

    def _check_size(self, call: Call) -> None:
        limit = self._settings.score_max_bytes
        if len(call.body) > limit:
            detail = f"the body has {len(call.body):,} bytes; at most {limit:,} are taken at once: send fewer rows"
            raise Refusal(Kind.TOO_LARGE, detail)

    def _read(self, loaded: LoadedVersion, body: bytes) -> Rows:
        try:
            return loaded.reader.read(body)
        except NotRead as error:
            detail = f"the body is not JSON ({error}); expected an object with the model's inputs, or a list of them"
            raise Refusal(Kind.NOT_READ, detail) from error
        except RequestFaulty as error:
            count = len(error.faults)
            counted = f"{'at least ' if count == MOST_FAULTS else ''}{count} value{'s' if count > 1 else ''}"
            detail = f"{counted} of the request cannot be used; nothing was scored"
            raise Refusal(Kind.FAULTY, detail, faults=error.faults) from error

    def _check_count(self, rows: Rows) -> None:
        most = self._settings.score_max_rows
        if rows.count == 0:
            raise Refusal(Kind.FAULTY, f"the list is empty; expected 1 to {most:,} rows")
        if rows.count > most:
            detail = f"the list has {rows.count:,} rows; expected 1 to {most:,}: send them in several requests"
            raise Refusal(Kind.TOO_LARGE, detail)

    def _score(self, model: str, call: Call, loaded: LoadedVersion, rows: Rows) -> list[Scored]:
        """By the version that the request names, or as traffic is split."""
        named = VERSION in call.query
        shares = ((loaded, None),) if named else self._seams.traffic.split(model, loaded, rows)
        scored = [score(one, rows if places is None else rows.take(places), places) for one, places in shares]
        if self._seams.explain is None or not asked(call.query):
            return scored
        return [replace(one, reasons=self._seams.explain.reasons(one, call)) for one in scored]

    def _watch(self, call: Call, shares: Sequence[Scored]) -> list[Callable[[], None]]:
        watched = (watcher.watch(call, scored) for watcher in self._seams.watchers for scored in shares)
        return [done for done in watched if done is not None]
