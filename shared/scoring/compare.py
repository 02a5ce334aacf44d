"""The same rows scored by two versions, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET

from shared.scoring.answers import Kind, Refusal, ok
from shared.scoring.formats.render import said
from shared.scoring.query import only
from shared.scoring.scored import begin
from shared.scoring.serving.beside import unfit
from shared.store.records import Classifier

if TYPE_CHECKING:
    from shared.scoring.http import Answer, Call
    from shared.scoring.pipeline import Pipeline
    from shared.scoring.scored import Scored
    from shared.scoring.serving.loaded import LoadedVersion
    from shared.scoring.serving.versions import Versions

VERSION, AGAINST = "version", "against"


class Compared(msgspec.Struct, frozen=True):
    """One row."""

    key: Any
    """What names it, where the request says."""
    probability: float
    probability_against: float
    difference: float
    """The first less the second."""
    decision: str
    decision_against: str


class Summary(msgspec.Struct, frozen=True):
    """All rows."""

    rows: int
    mean: float
    """Of the probabilities."""
    mean_against: float
    mean_difference: float
    mean_absolute_difference: float
    largest_difference: float
    """In size, with its sign."""
    decisions_changed: int
    decided: dict[str, int]
    """Decision to rows; likewise below."""
    decided_against: dict[str, int]


class Comparison(msgspec.Struct, frozen=True):
    """The answer."""

    model: str
    version: str
    against: str
    summary: Summary
    rows: list[Compared]


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
        if not isinstance(one.version, Classifier) or not isinstance(other.version, Classifier):
            detail = (
                f"model {model!r} forecasts: its versions are of different days, and their cards compare them; ask one "
                f"with ?{VERSION}= where its answer is wanted"
            )
            raise Refusal(Kind.NOT_COMPARABLE, detail)
        with self._pipeline.rows(call, lambda: _reader_for(one, other)) as (_, chunks):
            both = [(begin(one, rows)(), begin(other, rows)()) for rows in chunks]
        rows = [row for pair in both for row in _compared(*pair)]
        summary = _summary(rows, [pair[0] for pair in both], [pair[1] for pair in both])
        return ok(Comparison(model, one.version.version, other.version.version, summary, rows))


def _reader_for(one: LoadedVersion, other: LoadedVersion) -> LoadedVersion:
    """That of the two whose rows the other one takes as well."""
    reason = unfit(one.version, other.version)
    if reason is None:
        return one
    if unfit(other.version, one.version) is None:
        return other
    raise Refusal(Kind.NOT_COMPARABLE, f"no request suits both versions: {reason}")


def _compared(one: Scored, other: Scored) -> list[Compared]:
    differences = one.outputs.astype(np.float64) - other.outputs
    keys = [None if key is UNSET else key for key in one.rows.keys]
    mine, theirs = said(one), said(other)
    lines = zip(keys, mine[0], theirs[0], differences.round(6).tolist(), mine[1], theirs[1], strict=True)
    return [Compared(*line) for line in lines]


def _summary(rows: list[Compared], one: list[Scored], other: list[Scored]) -> Summary:
    mine = np.concatenate([scored.outputs for scored in one]).astype(np.float64)
    theirs = np.concatenate([scored.outputs for scored in other]).astype(np.float64)
    differences = mine - theirs
    return Summary(
        rows=len(rows),
        mean=_rounded(mine.mean()),
        mean_against=_rounded(theirs.mean()),
        mean_difference=_rounded(differences.mean()),
        mean_absolute_difference=_rounded(np.abs(differences).mean()),
        largest_difference=_rounded(differences[np.abs(differences).argmax()]),
        decisions_changed=sum(row.decision != row.decision_against for row in rows),
        decided=_counted([row.decision for row in rows]),
        decided_against=_counted([row.decision_against for row in rows]),
    )


def _rounded(figure: np.float64) -> float:
    return round(float(figure), 6)


def _counted(decisions: list[str]) -> dict[str, int]:
    return {decision: decisions.count(decision) for decision in sorted(set(decisions))}
