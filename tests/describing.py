"""A scorer that describes itself, and the document that it gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.scoring.http import Call
from shared.scoring.run import Scorer
from shared.settings import Settings
from shared.store.registry import Registry
from tests.explaining import serve_explained
from tests.failing_blobs import FailingBlobs
from tests.tiny_versions import MODEL, catalog, make, phone_inputs, promote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.scoring.http import Answer
    from shared.store.records import Version

OTHER, NONE_YET = "sales", "fax"
SCORE, COMPARE = f"/models/{MODEL}/score", f"/models/{MODEL}/compare"
"""Paths of the document."""


class Office:
    """A scorer for three models: one that is explained, one that takes the built-in rows, one without a version."""

    def __init__(self, models: Sequence[str] = (MODEL, OTHER, NONE_YET), **limits: Any) -> None:
        self.blobs = FailingBlobs()
        self.registry = Registry(self.blobs)
        settings = Settings(**{"model_refresh_seconds": 0.0, "score_max_rows": 50, **limits})
        self.scorer = Scorer(catalog(*models), self.registry, settings)

    def open(self) -> Self:
        """Let what there is serve; the office itself."""
        serve_explained(self.registry, weight=0.01, bias=-0.4)
        self.serve(OTHER, 2, phone_inputs())
        return self

    def serve(self, model: str, number: int, *how: Any, **changes: Any) -> Version:
        """A version of another model; ``changes`` to its record."""
        version, files = make(number, *how)
        version = msgspec.structs.replace(version, model=model, **changes)
        self.registry.register(version, files)
        promote(self.registry, version)
        return version

    def get(self, path: str, **headers: str) -> Answer:
        return self.scorer.answer(Call("GET", path, headers=headers))

    def post(self, path: str, body: bytes | str | Any, content_type: str = "application/json", **query: str) -> Answer:
        sent = body if isinstance(body, (bytes, str)) else json.dumps(body)
        data = sent.encode() if isinstance(sent, str) else sent
        return self.scorer.answer(Call("POST", path, data, query, {"content-type": content_type}))

    def document(self) -> dict[str, Any]:
        """The document, which is valid."""
        answer = self.get("openapi.json")
        assert (answer.status, answer.content_type) == (200, "application/json")
        found: dict[str, Any] = json.loads(answer.body)
        assert [str(error) for error in OpenAPIV31SpecValidator(found).iter_errors()] == []
        return found


class Described:
    """A document, and what it says of answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def resolved(self, one: dict[str, Any]) -> dict[str, Any]:
        """What a reference within the document stands for."""
        while "$ref" in one:
            found: Any = self.document
            for name in one["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            one = found
        return one

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Path, method, operation."""
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if method != "parameters":
                    yield path, method, operation

    def faults(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What is wrong with ``value`` by one of the document's schemas."""
        whole = {**schema, "components": self.document["components"]}
        checker = Draft202012Validator.FORMAT_CHECKER
        assert validator_for(whole, default=Draft202012Validator) is Draft202012Validator
        return [error.message for error in Draft202012Validator(whole, format_checker=checker).iter_errors(value)]

    def check(self, path: str, method: str, answer: Answer) -> None:
        """The answer is one that the document foresees."""
        responses = self.document["paths"][path][method]["responses"]
        assert str(answer.status) in responses, answer
        told = self.resolved(responses[str(answer.status)])
        sent = {name.lower() for name in answer.headers}
        for name, header in told.get("headers", {}).items():
            assert name.lower() in sent or not self.resolved(header).get("required"), name
        if answer.status == 304:
            return
        content = told["content"][answer.content_type]
        if "json" in answer.content_type:
            assert self.faults(content["schema"], json.loads(answer.body)) == []
