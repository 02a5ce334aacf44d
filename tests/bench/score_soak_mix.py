"""What ``score_soak`` sends: requests as they come in real life, most of one row, some of them faulty."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.csv_format import csv_rows
from shared.store.registry import BACKGROUND_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shared.store.records import Version
    from tests.bench.score_model import FittedModel

    type Row = dict[str, Any]

ONE, LIST, CSV, GZIP, EXPLAINED, NAMED, FAULTY = (
    "one row", "a list of rows", "CSV", "gzip", "explained", "a named version", "faulty",
)  # fmt: skip
SHARES = {ONE: 880, LIST: 15, CSV: 15, GZIP: 15, EXPLAINED: 10, NAMED: 25, FAULTY: 40}
"""Of a thousand requests."""
FEW, MANY = 20, 100
"""Rows of a request that has several."""
DISTINCT = 5
"""So many thousand requests differ; then they begin again."""
DISTINCT_ROWS = 2_000
SEED = 20261126
JSON_TYPE = {"Content-Type": "application/json"}
CSV_TYPES = {"Content-Type": "text/csv", "Accept": "text/csv"}
GZIPPED = {**JSON_TYPE, "Content-Encoding": "gzip", "Accept-Encoding": "gzip"}


@dataclass(frozen=True)
class Asked:
    """A request, whole as it is sent, and what must come of it."""

    kind: str
    request: bytes
    status: int = 200
    rows: int = 1
    """That are answered where the status is 200."""


class Mix:
    """Makes requests to a model whose two versions take the same rows."""

    def __init__(self, model: FittedModel, path: str, headers: Mapping[str, str], versions: Sequence[str]) -> None:
        """``path`` is the model's, without a query; ``headers`` go with every request."""
        self._rows = model.rows(DISTINCT_ROWS)
        self._version = model.version
        self._path = path
        self._headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        self._versions = versions
        self._random = random.Random(SEED)  # noqa: S311 - a mix that is the same every time
        self._faults = faults(self._version)
        self._ways: dict[str, Callable[[int], Asked]] = {
            ONE: self._one, LIST: self._list, CSV: self._csv, GZIP: self._gzip, EXPLAINED: self._explained,
            NAMED: self._named, FAULTY: self._faulty,
        }  # fmt: skip

    def asked(self) -> list[Asked]:
        """Some thousand requests, well mixed."""
        made = [self._ways[kind](place) for kind, share in SHARES.items() for place in range(share * DISTINCT)]
        self._random.shuffle(made)
        return made

    def _one(self, _: int) -> Asked:
        return Asked(ONE, self._post(_json(self._some(1)[0]), JSON_TYPE))

    def _list(self, _: int) -> Asked:
        rows = self._several()
        return Asked(LIST, self._post(_json(rows), JSON_TYPE), rows=len(rows))

    def _csv(self, _: int) -> Asked:
        rows = self._several()
        return Asked(CSV, self._post(_csv(rows), CSV_TYPES), rows=len(rows))

    def _gzip(self, _: int) -> Asked:
        rows = self._several()
        return Asked(GZIP, self._post(gzip.compress(_json(rows), mtime=0), GZIPPED), rows=len(rows))

    def _explained(self, _: int) -> Asked:
        # Versions made by hand have nothing that their answers are explained by.
        status = 200 if BACKGROUND_FILE in self._version.files else 409
        return Asked(EXPLAINED, self._post(_json(self._some(1)[0]), JSON_TYPE, "?explain=true"), status)

    def _named(self, place: int) -> Asked:
        version = self._versions[place % len(self._versions)]
        return Asked(NAMED, self._post(_json(self._some(1)[0]), JSON_TYPE, f"?version={version}"))

    def _faulty(self, place: int) -> Asked:
        fault = self._faults[place % len(self._faults)]
        body = fault.spoil(self._several() if place % 2 else self._some(1))
        return Asked(FAULTY, self._post(body, fault.headers, fault.query), fault.status)

    def _some(self, count: int) -> list[Row]:
        first = self._random.randrange(len(self._rows) - count)
        return self._rows[first : first + count]

    def _several(self) -> list[Row]:
        return self._some(self._random.randint(FEW, MANY))

    def _post(self, body: bytes, headers: Mapping[str, str], query: str = "") -> bytes:
        told = {"Host": "127.0.0.1", **self._headers, **headers, "Content-Length": str(len(body))}
        head = [f"POST {self._path}{query} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
        return "\r\n".join(head).encode() + body


@dataclass(frozen=True)
class Fault:
    """A way to be refused."""

    status: int
    spoil: Callable[[list[Row]], bytes]
    """From rows that are as they must be."""
    headers: Mapping[str, str]
    query: str = ""


def faults(version: Version) -> list[Fault]:
    """All that can go wrong with a request which callers have in their own hands."""
    first = version.inputs[0].name
    needed = next(item.name for item in version.inputs if not item.nullable)
    return [
        Fault(422, lambda rows: _json([*rows[1:], {**rows[0], first: [1]}]), JSON_TYPE),
        Fault(422, lambda rows: _json([*rows, {name: value for name, value in rows[0].items() if name != needed}]),
              JSON_TYPE),
        Fault(422, lambda rows: _json([{**row, "no such input": 1} for row in rows]), JSON_TYPE),
        Fault(422, lambda rows: _csv([{**row, first: "?"} for row in rows]), CSV_TYPES),
        Fault(422, lambda _: b"[]", JSON_TYPE),
        Fault(400, lambda rows: _json(rows)[:-5], JSON_TYPE),
        Fault(400, lambda rows: gzip.compress(_json(rows))[:-10], GZIPPED),
        Fault(400, _json, JSON_TYPE, "?verson=1"),
        Fault(404, _json, JSON_TYPE, "?version=20200101T000000Z-00000000"),
        Fault(406, _json, {**JSON_TYPE, "Accept": "image/png"}),
        Fault(415, _json, {"Content-Type": "image/png"}),
    ]  # fmt: skip


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


def _csv(rows: list[Row]) -> bytes:
    return csv_rows([*_lines(rows)])


def _lines(rows: list[Row]) -> Iterator[list[Any]]:
    yield list(rows[0])
    for row in rows:
        yield list(row.values())
