"""From what was scored to the text of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.scoring.scored import Scored
    from shared.scoring.session import LoadedVersion


def predictions(champion: LoadedVersion, shares: Sequence[Scored]) -> dict[str, Any]:
    """The answer to one request. A prediction by another version than the answer's own names it."""
    placed: dict[int, dict[str, Any]] = {}
    for scored in shares:
        places = range(scored.rows.count) if scored.places is None else scored.places
        placed.update(zip(places, _share(champion, scored), strict=True))
    version = champion.version
    return {"model": version.model, "version": version.version, "predictions": [placed[row] for row in sorted(placed)]}


def _share(champion: LoadedVersion, scored: Scored) -> list[dict[str, Any]]:
    version = scored.loaded.version
    rule, key = version.decision, version.key.name
    predictions: list[dict[str, Any]] = []
    for probability, name in zip(scored.probabilities.tolist(), scored.rows.keys, strict=True):
        prediction = {} if name is UNSET else {key: name}
        prediction["probability"] = round(probability, 6)
        prediction["decision"] = rule.act if probability >= rule.threshold else rule.skip
        if scored.loaded is not champion:
            prediction["version"] = version.version
        predictions.append(prediction)
    for row, warnings in scored.warnings.items():
        predictions[row]["warnings"] = warnings
    for row, reasons in enumerate(scored.reasons or ()):
        predictions[row]["reasons"] = reasons
    return predictions
