"""From what was scored to the text of an answer: JSON or CSV.

Probabilities are rounded to six digits in one way, whether one row is answered or many.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from shared.csv_format import csv_rows
from shared.features import FEW_ROWS
from shared.scoring.http import CSV, JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.scoring.scored import Scored
    from shared.store.records import Classifier

RESERVED = ("probability", "decision", "version", "warnings", "reasons")
"""What a prediction holds beside the key."""
SCALE = 1e6


class Writer(Protocol):
    """Writes one answer, share by share."""

    content_type: str

    def add(self, shares: Sequence[Scored]) -> None:
        """The next rows of the request, by whichever versions."""

    def body(self) -> bytes:
        """The answer, once all rows have been added."""


class Renderer:
    """Writes the answers of requests that one version reads."""

    def __init__(self, version: Classifier) -> None:
        self.version = version
        name = version.key.name
        self.key = name if name not in RESERVED else f"{name}_"
        self.prediction = msgspec.defstruct(
            "Prediction",
            [
                ("key", Any, UNSET),
                ("probability", float, UNSET),
                ("decision", str, UNSET),
                ("version", str | UnsetType, UNSET),
                ("warnings", list[str] | UnsetType, UNSET),
                ("reasons", Any, UNSET),
            ],
            rename={"key": self.key},
            gc=False,
        )
        head = msgspec.json.encode({"model": version.model, "version": version.version})
        self.begin, self.end = head[:-1] + b',"predictions":', b"}"

    def writer(self, content_type: str) -> Writer:
        """For one answer."""
        return CsvWriter(self) if content_type == CSV else _JsonWriter(self)


class _JsonWriter:
    content_type = JSON

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._parts: list[bytes] = []

    def add(self, shares: Sequence[Scored]) -> None:
        predictions = in_order(shares, [self._predictions(scored) for scored in shares])
        self._parts.append(msgspec.json.encode(predictions))

    def body(self) -> bytes:
        lists = self._parts if len(self._parts) == 1 else [b"[", b",".join(part[1:-1] for part in self._parts), b"]"]
        return b"".join((self._renderer.begin, *lists, self._renderer.end))

    def _predictions(self, scored: Scored) -> list[Any]:
        make, keys = self._renderer.prediction, scored.rows.keys
        probabilities, decisions = said(scored)
        predictions: list[Any] = list(map(make, keys, probabilities, decisions))
        if scored.loaded.version.version != self._renderer.version.version:
            for prediction in predictions:
                prediction.version = scored.loaded.version.version
        for row, warnings in scored.warnings.items():
            predictions[row].warnings = warnings
        for row, reasons in enumerate(scored.reasons or ()):
            predictions[row].reasons = reasons
        return predictions


class CsvWriter:
    """The key where the request has one, then what was predicted; several warnings are joined by ``; ``."""

    content_type = CSV

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._columns = list(RESERVED[:-1])
        self._keyless: list[list[tuple[Any, ...]]] = []
        """What came before any row had a key: a later row may have one, and then all of them have a field for it."""
        self._has_key = False
        self._parts: list[bytes] = []

    def add(self, shares: Sequence[Scored]) -> None:
        """The next rows."""
        lines = in_order(shares, [self._lines(scored) for scored in shares])
        if any(scored.reasons is not None for scored in shares):
            self._columns = list(RESERVED)
        if self._has_key:
            self._parts.append(csv_rows(_with_key(lines)))
            return
        self._keyless.append(lines)
        self._has_key = any(line[0] is not UNSET for line in lines)
        if self._has_key:
            self._parts.append(csv_rows([[self._renderer.key, *self._columns]]))
            self._parts += [csv_rows(_with_key(before)) for before in self._keyless]
            self._keyless.clear()

    def body(self) -> bytes:
        """All that was added."""
        if self._has_key:
            return self.taken()
        header = csv_rows([self._columns])
        return header + b"".join(csv_rows([line[1:] for line in lines]) for lines in self._keyless)

    def taken(self) -> bytes:
        """All that was added since this was asked last, for answers that are sent on as they are written.

        It comes once a row has a key.
        """
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def _lines(self, scored: Scored) -> list[tuple[Any, ...]]:
        probabilities, decisions = said(scored)
        warnings: list[str | None] = [None] * scored.rows.count
        for row, told in scored.warnings.items():
            warnings[row] = "; ".join(told)
        version = repeat(scored.loaded.version.version)
        columns: list[Any] = [scored.rows.keys, probabilities, decisions, version, warnings]
        if scored.reasons is not None:
            columns.append([msgspec.json.encode(reasons).decode() for reasons in scored.reasons])
        return list(zip(*columns, strict=False))  # the version repeats without end


def said(scored: Scored) -> tuple[list[float], list[str]]:
    """The rounded probabilities, and the decisions, which are made before rounding."""
    rule = cast("Classifier", scored.loaded.version).decision
    if len(scored.outputs) <= FEW_ROWS:
        exact = scored.outputs.tolist()
        decisions = [rule.act if one >= rule.threshold else rule.skip for one in exact]
        return [round(one * SCALE) / SCALE for one in exact], decisions
    wide = scored.outputs.astype(np.float64)
    words = (rule.skip, rule.act)
    decisions = [words[acts] for acts in (wide >= rule.threshold).tolist()]
    return (np.rint(wide * SCALE) / SCALE).tolist(), decisions


def _with_key(lines: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """With an empty key where a row has none."""
    return [(None, *line[1:]) if line[0] is UNSET else line for line in lines]


def in_order(shares: Sequence[Scored], listed: list[list[Any]]) -> list[Any]:
    """What belongs to each row, in the order of the request."""
    if len(shares) == 1 and shares[0].places is None:
        return listed[0]
    ordered: list[Any] = [None] * sum(map(len, listed))
    for scored, values in zip(shares, listed, strict=True):
        places = range(len(values)) if scored.places is None else scored.places
        for place, value in zip(places, values, strict=True):
            ordered[place] = value
    return ordered
