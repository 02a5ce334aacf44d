"""What answers look like, and what they mean, by the task of the version that gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.scoring.openapi.errors import SCHEMAS
from shared.scoring.openapi.rows import KEY_TYPES
from shared.store.forecasts import OUTPUTS, Forecaster
from shared.store.records import Classifier

if TYPE_CHECKING:
    from shared.store.records import Version

    type Schema = dict[str, Any]


def meaning(version: Version) -> str:
    """What a model's answers are, in a sentence or two."""
    if isinstance(version, Classifier):
        rule = version.decision
        return (
            f"The probability is that of `{version.positive}`; from {rule.threshold:g} on the decision is "
            f"`{rule.act}`, below it `{rule.skip}`."
        )
    if isinstance(version, Forecaster):
        series = f"a row names one of {', '.join(f'`{name}`' for name in version.by)}, or none for the total"
        return (
            f"How many {version.measure} will be sold, {version.frequency} by {version.frequency}, up to "
            f"{version.horizon} ahead of {version.origin}: {series if version.by else 'the total'}. Each row is "
            f"answered once for each {version.frequency}: that of `date`, the first `horizon`, or all."
        )
    return ""


def answer(version: Version) -> Schema:
    """The answer to a scoring request."""
    properties: Schema = {
        "model": {"const": version.model},
        "version": {"type": "string", "description": "The version that read the request."},
    }
    each = "One for each row, in the order of the request."
    if isinstance(version, Forecaster):
        properties["origin"] = {"type": "string", "description": "The last day that the forecast knows."}
        properties["measure"] = {"const": version.measure}
        each = f"One for each row and {version.frequency}, in the order of the request."
    properties["predictions"] = {
        "type": "array",
        "items": {"$ref": f"{SCHEMAS}{version.model}.prediction"},
        "description": each,
    }
    return {
        "title": f"Answers of {version.model}",
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def prediction(version: Version, key: str) -> Schema:
    """The answer to one row. ``key`` is what an answer calls the row's name."""
    said = _forecast(version) if isinstance(version, Forecaster) else _classified()
    return {
        "title": f"Answer of {version.model} to a row",
        "type": "object",
        "properties": {
            key: {"type": KEY_TYPES, "description": "What names the row, where the request says."},
            **said,
            "version": {
                "type": "string",
                "description": "The version that answered this row, where it is not that of the whole answer: a canary "
                "has its share.",
            },
            "warnings": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What the model does not know: the row was answered without it.",
            },
            "reasons": {"$ref": SCHEMAS + "Reasons"},
        },
        "required": ["date", *OUTPUTS] if isinstance(version, Forecaster) else ["probability", "decision"],
    }


def _classified() -> Schema:
    return {"probability": {"type": "number", "minimum": 0, "maximum": 1}, "decision": {"type": "string"}}


def _forecast(version: Forecaster) -> Schema:
    series: Schema = {name: {"type": "string", "description": "As it was sent."} for name in version.by}
    numbers: Schema = {name: {"type": "number"} for name in OUTPUTS}
    return {**series, "date": {"type": "string", "format": "date"}, **numbers}
