"""The reader of JSON rows over ``INPUTS``, rows to spoil, and what it says of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shared.scoring.rows import NotRead, RequestFaulty
from shared.scoring.serving.session import LoadedClassifier
from shared.store.registry import GRAPH_FILE
from tests.tiny_versions import ROW, make

if TYPE_CHECKING:
    from typing import Any

    from shared.scoring.rows import Fault, Rows

VERSION, FILES = make(column=0, weight=0.05, bias=-2.0)
LOADED = LoadedClassifier(VERSION, FILES[GRAPH_FILE])
READER = LOADED.reader


def read(content: Any) -> Rows:
    """The rows of a request that has nothing wrong."""
    return READER.read(json.dumps(content).encode())


def faults_of(body: bytes) -> list[Fault]:
    """All that is wrong with a body, which is JSON."""
    with pytest.raises(RequestFaulty) as caught:
        READER.read(body)
    return caught.value.faults


def faults(content: Any) -> list[Fault]:
    return faults_of(json.dumps(content).encode())


def why_not(body: bytes) -> str:
    """Why a body is no JSON."""
    with pytest.raises(NotRead) as caught:
        READER.read(body)
    return str(caught.value)


def literal(name: str, value: str) -> bytes:
    """ROW as JSON, with ``value`` as it stands in the place of ``name``."""
    return json.dumps(ROW | {name: "here"}).replace('"here"', value).encode()


def without(*names: str) -> dict[str, Any]:
    """ROW without these names."""
    return {name: value for name, value in ROW.items() if name not in names}
