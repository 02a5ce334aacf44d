"""From what was scored to the text of an answer: JSON or CSV.

Probabilities are rounded to six digits in one way, whether one row is answered or many.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from shared.csv_format import csv_lines, csv_rows
from shared.features import FEW_ROWS
from shared.scoring.http import CSV, JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.scoring.scored import Scored
    from shared.store.records import Classifier, Version

REASONS = "reasons"
RESERVED = ("probability", "decision", "version", "warnings", REASONS)
"""What a prediction holds beside the key."""
SCALE = 1e6


class Writer(Protocol):
    """Writes one answer, share by share."""

    content_type: str

    def add(self, shares: Sequence[Scored]) -> None:
        """The next rows of the request, by whichever versions."""

    def body(self) -> bytes:
        """The answer, once all rows have been added."""


class AnswerRenderer(ABC):
    """Writes the answers of requests that one version reads. What an answer says of a row is the task's."""

    csv_columns: tuple[str, ...]
    """All that CSV tells of a row beside its name."""

    def __init__(self, version: Version, key: str, prediction: Callable[..., Any], head: Mapping[str, Any]) -> None:
        """``prediction`` makes what an answer says of one row, of its name, under ``key``, and what the task says.

        ``head``: what an answer begins with, beside model and version.
        """
        self.version, self.key, self.prediction = version, key, prediction
        begin = msgspec.json.encode({"model": version.model, "version": version.version, **head})
        self.begin, self.end = begin[:-1] + b',"predictions":', b"}"

    def writer(self, content_type: str) -> Writer:
        """For one answer."""
        return CsvWriter(self) if content_type == CSV else _JsonWriter(self)

    @abstractmethod
    def predictions(self, scored: Scored) -> list[Any]:
        """For JSON, what is said of each row but for version, warnings and reasons, which can be set."""

    @abstractmethod
    def lines(self, scored: Scored) -> list[tuple[Any, ...]]:
        """For CSV: each row's name, then a value for each of ``csv_columns``, and for the reasons where there are."""


class Renderer(AnswerRenderer):
    """Writes probabilities and decisions."""

    csv_columns = RESERVED[:-1]

    def __init__(self, version: Classifier) -> None:
        name = version.key.name
        key = name if name not in RESERVED else f"{name}_"
        prediction = msgspec.defstruct(
            "Prediction",
            [
                ("key", Any, UNSET),
                ("probability", float, UNSET),
                ("decision", str, UNSET),
                ("version", str | UnsetType, UNSET),
                ("warnings", list[str] | UnsetType, UNSET),
                ("reasons", Any, UNSET),
            ],
            rename={"key": key},
            gc=False,
        )
        super().__init__(version, key, prediction, {})

    def predictions(self, scored: Scored) -> list[Any]:
        """See AnswerRenderer."""
        return list(map(self.prediction, scored.rows.keys, *said(scored)))

    def lines(self, scored: Scored) -> list[tuple[Any, ...]]:
        """See AnswerRenderer."""
        version = repeat(scored.loaded.version.version)
        columns: list[Any] = [scored.rows.keys, *said(scored), version, joined(scored)]
        if scored.reasons is not None:
            columns.append([msgspec.json.encode(reasons).decode() for reasons in scored.reasons])
        return list(zip(*columns, strict=False))  # the version repeats without end


class _JsonWriter:
    content_type = JSON

    def __init__(self, renderer: AnswerRenderer) -> None:
        self._renderer = renderer
        self._parts: list[bytes] = []

    def add(self, shares: Sequence[Scored]) -> None:
        predictions = in_order(shares, [self._predictions(scored) for scored in shares])
        self._parts.append(msgspec.json.encode(predictions))

    def body(self) -> bytes:
        lists = self._parts if len(self._parts) == 1 else [b"[", b",".join(part[1:-1] for part in self._parts), b"]"]
        return b"".join((self._renderer.begin, *lists, self._renderer.end))

    def _predictions(self, scored: Scored) -> list[Any]:
        predictions = self._renderer.predictions(scored)
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

    def __init__(self, renderer: AnswerRenderer) -> None:
        self._renderer = renderer
        self._columns = list(renderer.csv_columns)
        self._keyless: list[str] = []
        """What came before any row had a key: a later row may have one, and then all of them have a field for it."""
        self._has_key = False
        self._parts: list[bytes] = []

    def add(self, shares: Sequence[Scored]) -> None:
        """The next rows."""
        lines = in_order(shares, [self._renderer.lines(scored) for scored in shares])
        if any(scored.reasons is not None for scored in shares):
            self._columns = [*self._renderer.csv_columns, REASONS]
        if self._has_key:
            self._parts.append(csv_rows(_with_key(lines)))
            return
        self._has_key = any(line[0] is not UNSET for line in lines)
        if not self._has_key:
            self._keyless += csv_lines([line[1:] for line in lines])
            return
        self._parts.append(csv_rows([[self._renderer.key, *self._columns]]))
        self._parts += [b",", ",".join(self._keyless).encode()] if self._keyless else []
        self._parts.append(csv_rows(_with_key(lines)))
        self._keyless.clear()

    def body(self) -> bytes:
        """All that was added."""
        if self._has_key:
            return self.taken()
        return csv_rows([self._columns]) + "".join(self._keyless).encode()

    def taken(self) -> bytes:
        """All that was added since this was asked last, for answers that are sent on as they are written.

        It comes once a row has a key.
        """
        parts, self._parts = self._parts, []
        return b"".join(parts)


def joined(scored: Scored) -> list[str | None]:
    """Each row's warnings as one text, for CSV."""
    warnings: list[str | None] = [None] * scored.rows.count
    for row, told in scored.warnings.items():
        warnings[row] = "; ".join(told)
    return warnings


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
