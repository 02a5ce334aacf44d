"""Answer an HTTP request. Routes, relative to the app's prefix ``/api/``:

POST models/{model}/score     a row or a list of rows in, predictions out
GET  models                   the models and the versions that serve
GET  models/{model}           what a model takes, how it decides, how good it is
GET  health
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from shared.errors import CauceError
from shared.scoring.answers import Kind, Refusal, later, ok, problem
from shared.scoring.coding import GZIP, LEAST_BYTES, deflated
from shared.scoring.http import Answer
from shared.scoring.media import takes_gzip
from shared.scoring.pipeline import Pipeline
from shared.scoring.reasons import GivenReasons
from shared.scoring.seams import Seams
from shared.scoring.served import NoChampion, Served
from shared.scoring.tracing import trace_of
from shared.scoring.versions import STORAGE_RETRY_SECONDS, Versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.catalog.load import Catalog
    from shared.scoring.http import Call
    from shared.scoring.tracing import Trace
    from shared.settings import Settings
    from shared.store.registry import Registry

    type Handler = Callable[..., Answer]
    """Takes the call, then what stands for each ``*`` of its address. Raises Refusal."""


logger = logging.getLogger(__name__)


class Scorer:
    """Holds the models in memory and answers for all of them. One per process."""

    def __init__(self, catalog: Catalog, registry: Registry, settings: Settings) -> None:
        self._served = {
            use_case.model.name: Served(use_case.model.name, registry, settings.model_refresh_seconds)
            for use_case in catalog.use_cases
        }
        self._versions = Versions(self._served, registry)
        self._pipeline = Pipeline(self._versions, settings, Seams(explain=GivenReasons(registry)))
        self._routes: list[tuple[str, str, Handler]] = [
            ("POST", "models/*/score", self._score),
            ("GET", "models", self._models),
            ("GET", "models/*", self._about),
            ("GET", "health", self._health),
        ]

    def answer(self, call: Call) -> Answer:
        """Route a request. Every outcome is an Answer; what is raised is a bug."""
        trace = trace_of(call.headers)
        call.request_id = trace.request_id
        try:
            handler, parts = self._route(call)
            answer = handler(call, *parts)
        except Refusal as refusal:
            kind = refusal.kind
            logger.info("request %s (%s): %s: %s", trace.request_id, trace.parent or "", kind.slug, refusal.detail)
            answer = problem(refusal, trace.instance)
        return _sent(call, answer, trace)

    def _route(self, call: Call) -> tuple[Handler, list[str]]:
        path = call.path.strip("/").split("/")
        allowed = []
        for method, pattern, handler in self._routes:
            parts = _parts(pattern.split("/"), path)
            if parts is not None:
                if method == call.method:
                    return handler, parts
                allowed.append(method)
        if not allowed:
            raise Refusal(Kind.NO_ADDRESS, f"no such address: {call.path!r}; see GET models")
        detail = f"{call.method} is not answered here; expected {', '.join(allowed)}"
        raise Refusal(Kind.METHOD, detail, headers={"Allow": ", ".join(allowed)})

    def _score(self, call: Call, model: str) -> Answer:
        return self._pipeline.answer(model, call)

    def _models(self, _: Call) -> Answer:
        return ok({"models": [self._state(name) for name in self._served]})

    def _about(self, _: Call, model: str) -> Answer:
        version = self._versions.champion(model).version
        return ok(
            {
                "model": model,
                "title": version.title,
                "description": version.description,
                "version": version.version,
                "since": self._served[model].since,
                "positive": version.positive,
                "decision": version.decision,
                "metrics": version.metrics,
                "data": version.data,
                "key": version.key,
                "inputs": version.inputs,
                "not_to_be_sent": version.unusable,
            }
        )

    def _state(self, model: str) -> dict[str, Any]:
        try:
            loaded = self._served[model].current()
        except NoChampion:
            return {"model": model, "version": None, "state": "no version yet"}
        except CauceError as error:
            return {"model": model, "version": None, "state": f"cannot be loaded: {error}"}
        return {"model": model, "title": loaded.version.title, "version": loaded.version.version, "state": "serving"}

    def _health(self, _: Call) -> Answer:
        models = [self._state(name) for name in self._served]
        broken = [state for state in models if state["state"].startswith("cannot")]
        if broken:
            detail = "; ".join(f"{state['model']} {state['state']}" for state in broken)
            raise later(Kind.NOT_LOADED, detail, STORAGE_RETRY_SECONDS)
        return ok({"status": "ok", "models": models})


def _sent(call: Call, answer: Answer, trace: Trace) -> Answer:
    """With what every answer says, and compressed where that pays and is welcome."""
    headers = {**answer.headers, **trace.headers()}
    if len(answer.body) < LEAST_BYTES or "content-encoding" in answer.headers:
        return Answer(answer.status, answer.body, answer.content_type, headers)
    headers["vary"] = "accept-encoding"
    body = answer.body
    if takes_gzip(call.headers.get("accept-encoding", "")):
        headers["content-encoding"], body = GZIP, deflated(body)
    return Answer(answer.status, body, answer.content_type, headers)


def _parts(pattern: list[str], path: list[str]) -> list[str] | None:
    """What stands for each ``*``; None where the address is another."""
    if len(pattern) != len(path) or any(one not in {"*", part} for one, part in zip(pattern, path, strict=True)):
        return None
    return [part for one, part in zip(pattern, path, strict=True) if one == "*"]
