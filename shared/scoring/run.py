"""Answer an HTTP request. Routes, relative to the app's prefix ``/api/``:

POST models/{model}/score     a row or a list of rows in, predictions out
GET  models                   the models and the versions that serve
GET  models/{model}           what a model takes, how it decides, how good it is
GET  health
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from shared.errors import CauceError
from shared.scoring.answers import ok, problem
from shared.scoring.http import Answer, Call
from shared.scoring.request import MOST_FAULTS, NotJson, RequestFaulty
from shared.scoring.served import NoChampion, Served

if TYPE_CHECKING:
    from shared.catalog.load import Catalog
    from shared.scoring.request import Rows
    from shared.scoring.session import LoadedVersion
    from shared.settings import Settings
    from shared.store.registry import Registry

logger = logging.getLogger(__name__)

NO_CHAMPION_RETRY_SECONDS = 60
STORAGE_RETRY_SECONDS = 10


class Scorer:
    """Holds the models in memory and answers for all of them. One per process."""

    def __init__(self, catalog: Catalog, registry: Registry, settings: Settings) -> None:
        self._settings = settings
        self._served = {
            use_case.model.name: Served(use_case.model.name, registry, settings.model_refresh_seconds)
            for use_case in catalog.use_cases
        }

    def answer(self, call: Call) -> Answer:
        """Route a request. Every outcome is an Answer; what is raised is a bug."""
        method = call.method
        match call.path.strip("/").split("/"):
            case ["health"]:
                return _only("GET", method) or self._health()
            case ["models"]:
                return _only("GET", method) or ok({"models": [self._state(name) for name in self._served]})
            case ["models", model]:
                return _only("GET", method) or self._about(model)
            case ["models", model, "score"]:
                return _only("POST", method) or self._score(model, call.body)
        return problem(HTTPStatus.NOT_FOUND, f"no such address: {call.path!r}; see GET models")

    def _score(self, model: str, body: bytes) -> Answer:
        limit = self._settings.score_max_bytes
        if len(body) > limit:
            detail = f"the body has {len(body):,} bytes; at most {limit:,} are taken at once: send fewer rows"
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        loaded = self._loaded(model)
        if isinstance(loaded, Answer):
            return loaded
        try:
            rows = loaded.reader.read(body)
        except NotJson as error:
            detail = f"the body is not JSON ({error}); expected an object with the model's inputs, or a list of them"
            return problem(HTTPStatus.BAD_REQUEST, detail)
        except RequestFaulty as error:
            count = len(error.faults)
            counted = f"{'at least ' if count == MOST_FAULTS else ''}{count} value{'s' if count > 1 else ''}"
            detail = f"{counted} of the request cannot be used; nothing was scored"
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, faults=error.faults)
        return self._outside(rows) or ok(_predictions(loaded, rows))

    def _outside(self, rows: Rows) -> Answer | None:
        most = self._settings.score_max_rows
        if rows.count == 0:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"the list is empty; expected 1 to {most:,} rows")
        if rows.count > most:
            detail = f"the list has {rows.count:,} rows; expected 1 to {most:,}: send them in several requests"
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        return None

    def _loaded(self, model: str) -> LoadedVersion | Answer:
        if model not in self._served:
            known = ", ".join(self._served)
            return problem(HTTPStatus.NOT_FOUND, f"there is no model {model!r}; there is: {known}")
        try:
            return self._served[model].current()
        except NoChampion:
            detail = f"model {model!r} has no version yet: it serves when the first drop has been trained on"
            return _later(detail, NO_CHAMPION_RETRY_SECONDS)
        except CauceError as error:
            logger.warning("%s: cannot be loaded: %s", model, error)
            return _later(f"model {model!r} cannot be loaded: {error}", STORAGE_RETRY_SECONDS)

    def _about(self, model: str) -> Answer:
        loaded = self._loaded(model)
        if isinstance(loaded, Answer):
            return loaded
        version = loaded.version
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

    def _health(self) -> Answer:
        models = [self._state(name) for name in self._served]
        broken = [state for state in models if state["state"].startswith("cannot")]
        if broken:
            return _later("; ".join(f"{state['model']} {state['state']}" for state in broken), STORAGE_RETRY_SECONDS)
        return ok({"status": "ok", "models": models})


def _predictions(loaded: LoadedVersion, rows: Rows) -> dict[str, Any]:
    matrix = loaded.encoder.encode(rows.columns, rows.count)
    rule, key = loaded.version.decision, loaded.version.key.name
    predictions: list[dict[str, Any]] = []
    for probability, name in zip(loaded.probabilities(matrix).tolist(), rows.keys, strict=True):
        prediction = {} if name is UNSET else {key: name}
        prediction["probability"] = round(probability, 6)
        prediction["decision"] = rule.act if probability >= rule.threshold else rule.skip
        predictions.append(prediction)
    for row, column in loaded.encoder.unknown(matrix):
        warning = f"{column}: {rows.columns[column][row]!r} is none of the levels that the model knows"
        predictions[row].setdefault("warnings", []).append(warning)
    return {"model": loaded.version.model, "version": loaded.version.version, "predictions": predictions}


def _only(allowed: str, method: str) -> Answer | None:
    if method == allowed:
        return None
    detail = f"{method} is not answered here; expected {allowed}"
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed})


def _later(detail: str, seconds: int) -> Answer:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": str(seconds)})
