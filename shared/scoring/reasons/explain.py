"""``?explain=true``: for each row the values that moved its answer most, by how much, and how sure that is."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from shared.errors import BlobMissing, TransientError, VersionError
from shared.scoring.answers import Kind, Refusal, later
from shared.scoring.reasons.shapley import Explainer, most_scored
from shared.scoring.reasons.told import Compared, Value, tell
from shared.scoring.rows import cut
from shared.store.background import Background
from shared.store.records import Classifier, from_json
from shared.store.registry import BACKGROUND_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from shared.scoring.http import Call
    from shared.scoring.reasons.told import Reasons
    from shared.scoring.scored import Scored
    from shared.scoring.serving.loaded import LoadedVersion
    from shared.store.records import Version
    from shared.store.registry import Registry

logger = logging.getLogger(__name__)

EXPLAIN, TOP = "explain", "top"
USUAL_TOP, MOST_TOP = 5, 1_000
MOST_ROWS = 50
"""Rows of a request that are explained, where the inputs are not so many that MOST_SCORED comes first."""
MOST_SCORED = 150_000
"""Rows that are scored at most to explain one request: some seconds of one core."""
RETRY_SECONDS = 10
DAY = len("2026-11-23")


class GivenReasons:
    """Says what moved each answer, of whatever version gave it. One per process."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._compared: WeakKeyDictionary[LoadedVersion, Compared] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def reasons(self, scored: Scored, call: Call) -> list[Reasons]:
        """One for each row. Raises Refusal where the query, the rows or the version do not allow it."""
        top = asked_top(call.query)
        compared = self._of(scored.loaded)
        inputs = scored.loaded.version.inputs
        last = scored.rows.first + (scored.places[-1] + 1 if scored.places else scored.rows.count)
        most = most_rows(compared.rows, len(inputs))
        if last > most:
            detail = (
                f"the request has at least {last:,} rows; at most {most:,} are explained at once: "
                "send them in several requests, or ask without ?explain=true"
            )
            raise Refusal(Kind.TOO_LARGE, detail)
        found = []
        for row, answer in enumerate(scored.outputs.tolist()):
            effects = compared.explainer.explain(scored.matrix[row], answer, scored.loaded.outputs)
            if not np.isfinite(effects.each).all():
                detail = f"row {row:,} cannot be explained: the model gives no number for rows that are mixed with it"
                raise Refusal(Kind.NOT_EXPLAINED, detail)
            sent = [scored.rows.columns[item.name][row] for item in inputs]
            values = [Value(*value) for value in zip(inputs, sent, scored.matrix[row].tolist(), strict=True)]
            found.append(tell(values, effects, compared, answer, top))
        return found

    def _of(self, loaded: LoadedVersion) -> Compared:
        with self._lock:
            known = self._compared.get(loaded)
        if known is None:
            known = self._read(loaded)
            with self._lock:
                self._compared[loaded] = known
        return known

    def _read(self, loaded: LoadedVersion) -> Compared:
        version = loaded.version
        if not isinstance(version, Classifier):
            detail = (
                f"model {version.model!r} forecasts: its answers are not explained one by one; the card of version "
                f"{version.version} says what they rest on. Ask without ?explain=true"
            )
            raise Refusal(Kind.NOT_EXPLAINED, detail)
        if BACKGROUND_FILE not in version.files:
            detail = (
                f"version {version.version} of model {version.model!r} was made before answers could be explained; "
                f"retrain it (python -m local retrain {version.model}), or ask without ?explain=true"
            )
            raise Refusal(Kind.NOT_EXPLAINED, detail)
        try:
            return read_compared(self._registry, loaded)
        except (VersionError, BlobMissing, TransientError) as error:
            logger.warning("%s %s: cannot be explained: %s", version.model, version.version, error)
            detail = f"the answers of version {version.version} cannot be explained: {error}; without ?explain=true it "
            raise later(Kind.NOT_LOADED, f"{detail}answers all the same", RETRY_SECONDS) from error


def asked(query: Mapping[str, str]) -> bool:
    """Whether reasons are wanted. Raises Refusal where the query says neither yes nor no, or contradicts itself."""
    wanted = query.get(EXPLAIN, "false")
    if wanted not in {"true", "false"}:
        raise Refusal(Kind.BAD_QUERY, f"explain: expected true or false, got {cut(wanted)!r}")
    if wanted == "false" and TOP in query:
        raise Refusal(Kind.BAD_QUERY, "top: expected nothing, since it says how many reasons to give; add explain=true")
    return wanted == "true"


def asked_top(query: Mapping[str, str]) -> int:
    """How many values are to be named for each row. Raises Refusal."""
    text = query.get(TOP, str(USUAL_TOP))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_TOP)) and 1 <= int(text) <= MOST_TOP):
        raise Refusal(Kind.BAD_QUERY, f"top: expected a whole number from 1 to {MOST_TOP:,}, got {cut(text)!r}")
    return int(text)


def most_rows(background: int, inputs: int) -> int:
    """How many rows of a request are explained."""
    return min(MOST_ROWS, max(1, MOST_SCORED // most_scored(background, inputs)))


def read_compared(registry: Registry, loaded: LoadedVersion) -> Compared:
    """A version's background. Raises VersionError, BlobMissing, StoreUnavailable."""
    version = loaded.version
    stored = from_json(registry.file(version, BACKGROUND_FILE), Background, BACKGROUND_FILE)
    rows = _encoded(stored, version)
    days = f"{stored.first[:DAY]} to {stored.last[:DAY]}"
    words = f"{len(rows):,} of the newest {stored.chosen_from:,} rows that training saw, {days}"
    return Compared(Explainer(rows, loaded.outputs(rows)), len(rows), words)


def _encoded(stored: Background, version: Version) -> NDArray[np.float32]:
    wanted = tuple(item.name for item in version.inputs)
    if stored.inputs != wanted:
        msg = f"{BACKGROUND_FILE}: expected the inputs {', '.join(wanted)}; got {', '.join(stored.inputs)}"
        raise VersionError(msg)
    if not stored.rows or any(len(row) != len(wanted) for row in stored.rows):
        msg = f"{BACKGROUND_FILE}: expected one row or more, each of {len(wanted)} values"
        raise VersionError(msg)
    return np.array(stored.rows, dtype=np.float32)  # by way of float, which turns None into NaN
