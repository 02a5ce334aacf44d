"""The OpenAPI document on a page, for people: complete in itself, without scripts, nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.markup import Markup, Parts
from shared.scoring.http import CSV
from shared.scoring.openapi.errors import SCHEMAS
from shared.scoring.openapi.rows import NOT_SENT
from shared.scoring.openapi.words import bounds, kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    type Schema = dict[str, Any]

TEMPLATE = Path(__file__).with_name("docs.html")
STYLE = Path(__file__).with_name("docs.css")
CODE = re.compile(r"`([^`]+)`")
POLICY = "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
TOLD_BY_MODELS = (".row", ".columns")
"""Components that stand with their model."""


def page(document: Schema) -> tuple[bytes, dict[str, str]]:
    """The page, and the headers that keep it from loading anything. The same document makes the same bytes."""
    style = STYLE.read_text(encoding="utf-8")
    shown = _Page(document, Parts(TEMPLATE)).whole(Markup(style))
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    headers = {
        "Content-Security-Policy": POLICY.format(style=allowed),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",  # the address may hold the function key
    }
    return shown.encode("utf-8", errors="replace"), headers


class _Page:
    """Fills the template's parts from the document."""

    def __init__(self, document: Schema, parts: Parts) -> None:
        self._document = document
        self._components = document["components"]
        self._parts = parts

    def whole(self, style: Markup) -> Markup:
        info = self._document["info"]
        tags = self._document["tags"]
        return self._parts.fill(
            "page",
            style=style,
            title=info["title"],
            summary=info["summary"],
            description=self._text(info["description"]),
            version=self._document["openapi"],
            links=self._parts.fill_each("link", [{"name": tag["name"], "id": _id(tag["name"])} for tag in tags]),
            sections=Markup("".join(self._section(tag) for tag in tags)),
            problems=self._problems(),
            schemas=self._schemas(),
        )

    def _section(self, tag: Schema) -> Markup:
        name = tag["name"]
        row = self._components["schemas"].get(f"{name}.row")
        return self._parts.fill(
            "section",
            id=_id(name),
            name=name,
            description=self._text(tag.get("description", "")),
            row=self._row(row) if row else "",
            operations=Markup("".join(self._operation(*found) for found in self._operations(name))),
        )

    def _operations(self, tag: str) -> Iterator[tuple[str, str, Schema, list[Schema]]]:
        for path, item in self._document["paths"].items():
            for method, operation in item.items():
                if method != "parameters" and tag in operation["tags"]:
                    yield path, method, operation, [*item.get("parameters", ()), *operation["parameters"]]

    def _operation(self, path: str, method: str, operation: Schema, parameters: list[Schema]) -> Markup:
        base = self._document["servers"][0]["url"]
        responses = {status: self._resolved(one) for status, one in operation["responses"].items()}
        return self._parts.fill(
            "operation",
            id=_id(operation["operationId"]),
            method=method.upper(),
            path=base + path,
            summary=operation["summary"],
            description=self._text(operation.get("description", "")),
            parameters=self._parameters(parameters),
            body=self._body(base + path + _query(map(self._resolved, parameters)), operation.get("requestBody")),
            answer=self._answer(responses.get("200")),
            responses=self._responses(responses),
        )

    def _row(self, row: Schema) -> Markup:
        banned = row.get(NOT_SENT, {})
        items = [{"name": name, "reason": reason} for name, reason in banned.items()]
        unusable = self._parts.fill("banned", items=self._parts.fill_each("banned_item", items)) if items else ""
        return self._parts.fill("row", fields=self._fields(row), banned=unusable)

    def _fields(self, schema: Schema) -> Markup:
        required = schema.get("required", ())
        return self._parts.fill_each(
            "field",
            [
                {
                    "name": name,
                    "need": "required" if name in required else "optional",
                    "kind": self._kind(one),
                    "bounds": bounds(one),
                    "description": self._text(one.get("description", "")),
                }
                for name, one in schema.get("properties", {}).items()
            ],
        )

    def _parameters(self, parameters: list[Schema]) -> Markup | str:
        rows = []
        for given in parameters:
            one = self._resolved(given)
            rows.append(
                {
                    "name": one["name"],
                    "need": f"{one['in']}{', required' if one.get('required') else ''}",
                    "kind": self._kind(one["schema"]),
                    "bounds": bounds(one["schema"]),
                    "description": self._text(one["description"]),
                }
            )
        return self._parts.fill("parameters", fields=self._parts.fill_each("field", rows)) if rows else ""

    def _body(self, path: str, body: Schema | None) -> Markup | str:
        if body is None:
            return ""
        shown = []
        for content_type, content in body["content"].items():
            if "example" in content:
                shown.append(self._request(path, content_type, "CSV", content["example"]))
            for example in content.get("examples", {}).values():
                text = json.dumps(example["value"], ensure_ascii=False)
                shown.append(self._request(path, content_type, f"JSON: {example['summary']}", text))
        return self._parts.fill(
            "body", description=self._text(body.get("description", "")), examples=Markup("".join(shown))
        )

    def _request(self, path: str, content_type: str, name: str, text: str) -> Markup:
        typed = f" -H 'content-type: {content_type}'" if content_type == CSV else ""
        data = "--data-binary" if content_type == CSV else "-d"
        command = f'curl -s -H "x-functions-key: $KEY"{typed} "$HOST{path}" {data} {shlex.quote(text)}'
        return self._parts.fill("example", name=name, text=command)

    def _answer(self, response: Schema | None) -> Markup | str:
        """Examples of what comes back, and a link to what it is made of."""
        shown = []
        for content_type, content in (response or {}).get("content", {}).items():
            if content.get("example"):
                value = content["example"]
                text = (
                    value.replace("\r\n", "\n")
                    if isinstance(value, str)
                    else json.dumps(value, ensure_ascii=False, indent=2)
                )
                shown.append(self._parts.fill("example", name=content_type, text=text.replace("\r\n", "\n")))
        return self._parts.fill("answer", examples=Markup("".join(shown))) if shown else ""

    def _responses(self, responses: Schema) -> Markup:
        rows: list[dict[str, object]] = []
        for status, response in responses.items():
            kinds = {
                content_type: self._kind(content["schema"])
                for content_type, content in response.get("content", {}).items()
            }
            told = [self._parts.fill("format", type=content_type, kind=one) for content_type, one in kinds.items()]
            text = self._text(response["description"])
            rows.append({"status": status, "description": text, "content": Markup("".join(told))})
        return self._parts.fill_each("response", rows)

    def _problems(self) -> Markup:
        """Every kind of error, once."""
        contents = (one.get("content", {}).values() for one in self._components["responses"].values())
        examples = [example["value"] for found in contents for one in found for example in one["examples"].values()]
        found = {one["type"]: one for one in examples}
        ordered = sorted(found.values(), key=lambda one: (one["status"], one["type"]))
        names = ("status", "title", "type", "detail")
        return self._parts.fill_each("problem", [{name: one[name] for name in names} for one in ordered])

    def _resolved(self, one: Schema) -> Schema:
        """What a reference stands for."""
        if "$ref" not in one:
            return one
        *_, group, name = one["$ref"].split("/")
        found: Schema = self._components[group][name]
        return found

    def _schemas(self) -> Markup:
        shown = []
        for name, schema in self._components["schemas"].items():
            if not name.endswith(TOLD_BY_MODELS):
                text = self._text(schema.get("description", ""))
                shown.append(
                    self._parts.fill("schema", id=_id(name), name=name, description=text, fields=self._fields(schema))
                )
        return Markup("".join(shown))

    def _kind(self, schema: Schema) -> Markup:
        """Its type in words, with a link to what is told elsewhere."""
        pieces = []
        for piece in kind(schema):
            if piece.startswith(SCHEMAS):
                name = piece.removeprefix(SCHEMAS)
                pieces.append(self._parts.fill("reference", id=_id(_place_of(name)), name=name).strip())
            else:
                pieces.append(self._parts.fill("text", text=piece).rstrip("\n"))
        return Markup("".join(pieces))

    def _text(self, text: str) -> Markup:
        """Paragraphs, with code between backticks: all that the document's descriptions hold of CommonMark."""
        return self._parts.fill_each("paragraph", [{"text": self._coded(one)} for one in text.split("\n\n") if one])

    def _coded(self, text: str) -> Markup:
        pieces = CODE.split(text)
        return Markup(
            "".join(
                self._parts.fill("code" if place % 2 else "text", text=piece).rstrip("\n")
                for place, piece in enumerate(pieces)
            )
        )


def _place_of(name: str) -> str:
    """Where a component is told: rows with their model, all others by themselves."""
    return name.rpartition(".")[0] if name.endswith(TOLD_BY_MODELS) else name


def _query(parameters: Iterable[Schema]) -> str:
    """What a request's query must hold."""
    names = [one["name"] for one in parameters if one["in"] == "query" and one.get("required")]
    return "?" + "&".join(f"{name}=${name.upper()}" for name in names) if names else ""


def _id(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
