"""What is told of models: which versions there are, which of them serves, what served when, and whether all is well."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec

from shared.errors import BlobMissing, CauceError, VersionError
from shared.scoring.answers import Kind, Refusal, later, ok
from shared.scoring.query import number, only
from shared.scoring.rows import cut
from shared.scoring.serving.served import NoChampion
from shared.scoring.serving.versions import STORAGE_RETRY_SECONDS
from shared.store.names import VERSION_PATTERN, parse_stamp
from shared.store.records import PROMOTIONS, Days, HistoryEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.scoring.http import Answer, Call
    from shared.scoring.log.prediction_log import PredictionLog
    from shared.scoring.serving.served import Live, Served
    from shared.scoring.serving.versions import Versions
    from shared.store.registry import Registry

LIMIT, BEFORE = "limit", "before"
VERSIONS, MOST_VERSIONS = 20, 100
"""On a page, unless the request says how many; each is a blob to read, once."""
LINES, MOST_LINES = 50, 500
KEPT = 1_000
"""Versions of which the line stays in memory; versions never change."""


class Part(msgspec.Struct, frozen=True):
    """What takes part beside the champion."""

    version: str
    share: float


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """One model, at a glance."""

    model: str
    version: str | None
    state: str
    title: str = ""
    days: Days | None = None
    """That it forecasts."""
    canary: Part | None = None
    shadow: Part | None = None
    problems: tuple[str, ...] = ()
    """What should be as champion.json says and is not, and what is done without it."""


class VersionLine(msgspec.Struct, frozen=True):
    """One whole version."""

    version: str
    state: str
    """``serves``, ``canary``, ``shadow``, ``served before``, ``never served`` or ``cannot be read``."""
    made: str | None
    """UTC: the slot of the drop that it was made from. Null, as all that follows, where it cannot be read."""
    auc: float | None
    """On the newest rows, before it saw them."""
    rows: int | None
    """That it comes from."""
    wape: float | msgspec.UnsetType = msgspec.UNSET
    """Of a forecast: the sum of its errors over the sum of what came, on the newest days, before it saw them."""


class VersionPage(msgspec.Struct, frozen=True):
    """Versions, the newest first."""

    model: str
    versions: list[VersionLine]
    next: str | None
    """``?before=`` for the next page; null on the last."""


class HistoryLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that was done to what serves."""

    number: int
    """From the first on, counted from 1."""
    at: str
    action: str
    version: str
    previous: str | None
    why: str
    who: str
    share: float | msgspec.UnsetType = msgspec.UNSET


class HistoryPage(msgspec.Struct, frozen=True):
    """What was done, the newest first."""

    model: str
    history: list[HistoryLine]
    next: int | None
    """``?before=`` for the next page; null on the last."""


class About:
    """Answers what is asked of models. Versions and history are read from storage each time, all else is in memory."""

    def __init__(
        self, served: Mapping[str, Served], versions: Versions, registry: Registry, log: PredictionLog | None
    ) -> None:
        self._served = served
        self._versions = versions
        self._registry = registry
        self._log = log
        self._lines: OrderedDict[tuple[str, str], VersionLine] = OrderedDict()

    def models(self, call: Call) -> Answer:
        """All models, and what serves."""
        only(call)
        return ok({"models": [self._state(name) for name in self._served]})

    def model(self, call: Call, model: str) -> Answer:
        """What a model takes, how it decides, how good it is."""
        only(call)
        loaded = self._versions.champion(model)
        version, live = loaded.version, self._served[model].latest
        return ok(
            {
                "model": model,
                "title": version.title,
                "description": version.description,
                "version": version.version,
                "since": self._served[model].since,
                **_beside(live),
                **loaded.about(),
                "metrics": version.metrics,
                "data": version.data,
                "key": version.key,
                "inputs": version.inputs,
                "not_to_be_sent": version.unusable,
            }
        )

    def versions(self, call: Call, model: str) -> Answer:
        """The versions that are whole, page by page."""
        only(call, LIMIT, BEFORE)
        self._versions.served(model)
        limit, before = number(call, LIMIT, VERSIONS, MOST_VERSIONS), call.query.get(BEFORE)
        if before is not None and not VERSION_PATTERN.match(before):
            raise Refusal(Kind.BAD_QUERY, f"{BEFORE}: expected a version, as `next` gives it, got {cut(before)!r}")
        return _from_storage(model, lambda: self._version_page(model, limit, before))

    def history(self, call: Call, model: str) -> Answer:
        """What served when, page by page."""
        only(call, LIMIT, BEFORE)
        self._versions.served(model)
        limit, before = number(call, LIMIT, LINES, MOST_LINES), number(call, BEFORE, 10**9, 10**9)
        return _from_storage(model, lambda: self._history_page(model, limit, before))

    def health(self, call: Call) -> Answer:
        """Whether every model can be answered. Raises Refusal where one cannot be loaded."""
        only(call)
        states = [self._state(name) for name in self._served]
        broken = [state for state in states if state.state.startswith("cannot")]
        if broken:
            detail = "; ".join(f"{state.model} {state.state}" for state in broken)
            raise later(Kind.NOT_LOADED, detail, STORAGE_RETRY_SECONDS)
        log = {} if self._log is None else {"prediction_log": self._log.state()}
        is_well = not any(state.problems for state in states) and not (self._log and self._log.trouble)
        return ok({"status": "ok" if is_well else "degraded", "models": states, **log})

    def _state(self, model: str) -> State:
        served = self._served[model]
        try:
            live = served.live()
        except NoChampion:
            return State(model, None, "no version yet")
        except CauceError as error:
            return State(model, None, f"cannot be loaded: {error}")
        version = live.champion.version
        trouble = (f"champion.json cannot be followed: {served.trouble}",) if served.trouble else ()
        problems = (*live.problems, *trouble)
        days = live.champion.days
        return State(model, version.version, "serving", version.title, days, **_beside(live), problems=problems)

    def _version_page(self, model: str, limit: int, before: str | None) -> VersionPage:
        found = [name for name in reversed(self._registry.versions(model)) if before is None or name < before]
        shown, more = found[:limit], len(found) > limit
        states = self._version_states(model)
        lines = [self._version_line(model, version, states.get(version, "never served")) for version in shown]
        return VersionPage(model, lines, shown[-1] if more else None)

    def _version_states(self, model: str) -> dict[str, str]:
        logged = (line.version for line in self._registry.history(model) if line.action in PROMOTIONS)
        states = dict.fromkeys(logged, "served before")
        try:
            live = self._served[model].live()
        except NoChampion:
            return states
        for role, part in (("shadow", live.shadow), ("canary", live.canary)):
            if part is not None:
                states[part.loaded.version.version] = role
        return states | {live.champion.version.version: "serves"}

    def _version_line(self, model: str, name: str, state: str) -> VersionLine:
        line = self._lines.get((model, name))
        if line is None:
            try:
                made = parse_stamp(name.partition("-")[0]).isoformat().replace("+00:00", "Z")
                version = self._registry.version(model, name)
            except (VersionError, BlobMissing, ValueError):
                return VersionLine(name, "cannot be read", None, None, None)
            auc, wape = version.metrics.get("auc"), version.metrics.get("wape", msgspec.UNSET)
            line = self._lines[model, name] = VersionLine(name, "", made, auc, version.data.rows, wape)
            while len(self._lines) > KEPT:
                self._lines.popitem(last=False)
        return msgspec.structs.replace(line, state=state)

    def _history_page(self, model: str, limit: int, before: int) -> HistoryPage:
        lines = [line for line in enumerate(self._registry.history(model), start=1) if line[0] < before]
        shown = lines[::-1][:limit]
        following = shown[-1][0] if len(lines) > limit else None
        return HistoryPage(model, [_history_line(*line) for line in shown], following)


def _from_storage(model: str, read: Callable[[], Any]) -> Answer:
    try:
        return ok(read())
    except CauceError as error:
        raise later(Kind.NOT_LOADED, f"model {model!r} cannot be told of: {error}", STORAGE_RETRY_SECONDS) from error


def _history_line(number: int, entry: HistoryEntry) -> HistoryLine:
    return HistoryLine(
        number, entry.at, entry.action, entry.version, entry.previous, entry.why, entry.who, share=entry.share
    )


def _beside(live: Live | None) -> dict[str, Any]:
    """What takes part, by role; nothing where nothing does."""
    if live is None:
        return {}
    parts = {"canary": live.canary, "shadow": live.shadow}
    return {role: Part(part.loaded.version.version, part.share) for role, part in parts.items() if part is not None}
