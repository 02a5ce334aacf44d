"""The same rows scored by two versions, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.scoring.answers import Kind, Refusal, ok
from shared.scoring.query import only
from shared.scoring.scored import begin
from shared.scoring.serving.beside import unfit

if TYPE_CHECKING:
    from shared.scoring.http import Answer, Call
    from shared.scoring.pipeline import Pipeline
    from shared.scoring.rows import Rows
    from shared.scoring.serving.loaded import LoadedVersion
    from shared.scoring.serving.versions import Versions

VERSION, AGAINST = "version", "against"


class Comparer:
    """Answers ``POST models/{model}/compare?version=A&against=B``. Nobody is served by it, and nothing is logged."""

    def __init__(self, versions: Versions, pipeline: Pipeline) -> None:
        self._versions = versions
        self._pipeline = pipeline

    def answer(self, model: str, call: Call) -> Answer:
        """What both versions say of the request's rows; without ``against``, the champion. Raises Refusal."""
        only(call, VERSION, AGAINST)
        if VERSION not in call.query:
            detail = f"{VERSION}: expected the version to compare, and {AGAINST} where it is not with the champion"
            raise Refusal(Kind.BAD_QUERY, detail)
        one = self._versions.choose(model, call.query[VERSION])
        other = self._versions.choose(model, call.query.get(AGAINST))
        with self._pipeline.rows(call, lambda: _reader_for(one, other)) as (_, chunks):
            both = [
                (begin(one, rows)(), begin(other, rows)())
                for rows in (_of_both(one, other, rows) for rows in chunks)
                if rows.count
            ]
        if not both:
            raise Refusal(Kind.NOT_COMPARABLE, "the request asks for no day that both versions forecast")
        return ok(one.comparison(model, one.version.version, other.version.version, *one.compared(both)))


def _of_both(one: LoadedVersion, other: LoadedVersion, rows: Rows) -> Rows:
    """The rows that either can answer."""
    for version in (one, other):
        taken = version.takes(rows)
        if taken is not None and not all(taken):
            rows = rows.take([place for place, takes in enumerate(taken) if takes])
    return rows


def _reader_for(one: LoadedVersion, other: LoadedVersion) -> LoadedVersion:
    """That of the two whose rows the other one takes as well."""
    reason = unfit(one.version, other.version)
    if reason is None:
        return one
    if unfit(other.version, one.version) is None:
        return other
    raise Refusal(Kind.NOT_COMPARABLE, f"no request suits both versions: {reason}")
