"""JSON Schema in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    type Schema = dict[str, Any]

WORDS = {"string": "text", "boolean": "true or false", "object": "an object", "array": "a list"}
FAR = 2**53
"""Bounds from here on are those of what can be computed with, and tell nobody anything."""


def kind(schema: Schema) -> Iterator[str]:
    """The type, in pieces: words, and references as they stand."""
    if "$ref" in schema:
        yield schema["$ref"]
    elif "enum" in schema or "const" in schema:
        yield " or ".join(map(str, schema.get("enum", [schema.get("const")])))
    elif "oneOf" in schema or "anyOf" in schema:
        for place, one in enumerate(schema.get("oneOf") or schema["anyOf"]):
            yield " or " if place else ""
            yield from kind(one)
    elif schema.get("type") == "array" and "items" in schema:
        yield "a list of "
        yield from kind(schema["items"])
    elif schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        yield "by name: "
        yield from kind(schema["additionalProperties"])
    else:
        types = schema.get("type", "anything")
        yield " or ".join(_word(one, schema) for one in ([types] if isinstance(types, str) else types))


def bounds(schema: Schema) -> str:
    """Between what a value lies, where that is said; and what stands for one that is absent."""
    if "items" in schema:
        return bounds(schema["items"])
    low, high = schema.get("minimum"), schema.get("maximum")
    words = [
        f"{word} {bound:,.15g}"
        for word, bound in (("at least", low), ("at most", high))
        if bound is not None and abs(bound) < FAR
    ]
    usual = schema.get("default")
    if usual not in (None, [], ""):
        words.append(f"usually {str(usual).lower()}")
    return ", ".join(words)


def _word(name: str, schema: Schema) -> str:
    if name == "string" and schema.get("format") == "date":
        return "date"
    return WORDS.get(name, name)
