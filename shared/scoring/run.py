"""Answer an HTTP request. Routes, relative to the app's prefix ``/api/``:

POST models/{model}/score     a row or a list of rows in, predictions out
POST models/{model}/compare   the same, by two versions side by side
GET  models                   the models and the versions that serve
GET  models/{model}           what a model takes, how it decides, how good it is
GET  models/{model}/versions  the versions that there are
GET  models/{model}/history   what served when, and why
GET  health
GET  openapi.json             the API itself, for programs
GET  docs                     the same, for people
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared.scoring.about import About
from shared.scoring.answers import Kind, Refusal, problem
from shared.scoring.compare import Comparer
from shared.scoring.formats.coding import GZIP, LEAST_BYTES, deflated
from shared.scoring.formats.media import takes_gzip
from shared.scoring.http import Answer
from shared.scoring.openapi.routes import Described
from shared.scoring.pipeline import Pipeline
from shared.scoring.reasons.explain import GivenReasons
from shared.scoring.seams import Seams
from shared.scoring.serving.served import Served
from shared.scoring.serving.traffic import CanarySplit, LogWatcher, ShadowWatcher
from shared.scoring.serving.versions import Versions
from shared.scoring.tracing import trace_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.catalog.load import Catalog
    from shared.scoring.http import Call
    from shared.scoring.log.prediction_log import PredictionLog
    from shared.scoring.tracing import Trace
    from shared.settings import Settings
    from shared.store.registry import Registry

    type Handler = Callable[..., Answer]
    """Takes the call, then what stands for each ``*`` of its address. Raises Refusal."""


logger = logging.getLogger(__name__)


class Scorer:
    """Holds the models in memory and answers for all of them. One per process."""

    def __init__(
        self, catalog: Catalog, registry: Registry, settings: Settings, log: PredictionLog | None = None
    ) -> None:
        """Without ``log``, what is answered is not written down, and no shadow has anything to do."""
        served = {
            use_case.model.name: Served(use_case.model.name, registry, settings.model_refresh_seconds)
            for use_case in catalog.use_cases
        }
        versions = Versions(served, registry)
        watchers = (
            () if log is None else (LogWatcher(served, log, settings.prediction_log_sample), ShadowWatcher(served, log))
        )
        seams = Seams(CanarySplit(served), watchers, GivenReasons(registry))
        pipeline, about = Pipeline(versions, settings, seams), About(served, versions, registry, log)
        comparer, described = Comparer(versions, pipeline), Described(served, settings)
        routes: list[tuple[str, str, Handler]] = [
            ("POST", "models/*/score", lambda call, model: pipeline.answer(model, call)),
            ("POST", "models/*/compare", lambda call, model: comparer.answer(model, call)),
            ("GET", "models", about.models),
            ("GET", "models/*", about.model),
            ("GET", "models/*/versions", about.versions),
            ("GET", "models/*/history", about.history),
            ("GET", "health", about.health),
            ("GET", "openapi.json", described.document),
            ("GET", "docs", described.page),
        ]
        self._routes = [(method, pattern.split("/"), handler) for method, pattern, handler in routes]
        self._pipeline = pipeline

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

    def answers_at_once(self, call: Call) -> bool:
        """Whether the answer takes a millisecond or two and waits for nothing, so that it needs no thread of its own.

        So it is with a few rows to be scored by a version that is in memory.
        """
        match call.path.split("/"):
            case ["models", model, "score"] if call.method == "POST":
                return self._pipeline.answers_at_once(model, call)
        return False

    def _route(self, call: Call) -> tuple[Handler, list[str]]:
        path = call.path.strip("/").split("/")
        allowed = []
        for method, pattern, handler in self._routes:
            parts = _parts(pattern, path)
            if parts is not None:
                if method == call.method:
                    return handler, parts
                allowed.append(method)
        if not allowed:
            raise Refusal(Kind.NO_ADDRESS, f"no such address: {call.path!r}; see GET models")
        detail = f"{call.method} is not answered here; expected {', '.join(allowed)}"
        raise Refusal(Kind.METHOD, detail, headers={"Allow": ", ".join(allowed)})


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
