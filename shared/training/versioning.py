"""From a finished search to a version: the record, the graph, the card."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version as library_version
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from shared.store.records import Data, DecisionRule, KeyColumn, Version
from shared.store.registry import CARD_FILE, GRAPH_FILE
from shared.training import card, to_onnx
from shared.training.metrics import curves

if TYPE_CHECKING:
    from shared.catalog.spec import UseCase
    from shared.store.records import Parity
    from shared.training.classification import Found, Problem
    from shared.training.table import Table

LIBRARIES = ("numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "skl2onnx")
STAMP_LENGTH = len("20261123T020000Z")


def catalog_sha256(use_case: UseCase) -> str:
    """Of everything that the catalog says about a use case: when it changes, so may the model."""
    return hashlib.sha256(msgspec.json.encode(use_case, order="sorted")).hexdigest()


def make_version(
    use_case: UseCase, slot: str, table: Table, problem: Problem, found: Found
) -> tuple[Version, dict[str, bytes]]:
    """The record and the files of a new version. Raises ConversionError where the graph is not the pipeline.

    The same slot, rows and catalog make the same version: its name is the slot's stamp and a hash of the content.
    """
    threshold = use_case.model.decision.threshold
    graph = to_onnx.convert(found.pipeline, len(problem.encoder.inputs), use_case.model.name)
    rows, _ = problem.holdout
    parity = to_onnx.check_parity(graph, found.pipeline, rows, problem.encoder, threshold)
    content = hashlib.sha256(slot.encode() + catalog_sha256(use_case).encode() + graph).hexdigest()
    record = _record(use_case, slot, table, problem, found, parity)
    record = msgspec.structs.replace(
        record, version=f"{slot[:STAMP_LENGTH]}-{content[:8]}", files={GRAPH_FILE: hashlib.sha256(graph).hexdigest()}
    )
    page = card.render(record)
    files = {**record.files, CARD_FILE: hashlib.sha256(page).hexdigest()}
    return msgspec.structs.replace(record, files=files), {GRAPH_FILE: graph, CARD_FILE: page}


def _record(use_case: UseCase, slot: str, table: Table, problem: Problem, found: Found, parity: Parity) -> Version:
    model, dataset = use_case.model, use_case.dataset
    key = dataset.column_with("key")
    key_column = dataset.columns[key]
    decision = model.decision
    return Version(
        model=model.name,
        version="",
        title=model.title,
        description=model.description,
        dataset=dataset.name,
        slot=slot,
        task=model.task,
        positive=model.positive,
        decision=DecisionRule(threshold=decision.threshold, act=decision.act, skip=decision.skip),
        key=KeyColumn(name=key, type=key_column.type, description=key_column.description),
        inputs=problem.encoder.inputs,
        unusable=dataset.unusable(),
        files={},
        catalog_sha256=catalog_sha256(use_case),
        data=_data(use_case, table, problem),
        recipe=found.recipe,
        candidates=found.candidates,
        metrics=found.recipe.holdout or {},
        curves=curves(problem.holdout[1], found.probability),
        parity=parity,
        libraries={"python": platform.python_version(), **{name: library_version(name) for name in LIBRARIES}},
    )


def _data(use_case: UseCase, table: Table, problem: Problem) -> Data:
    times = table.frame[use_case.dataset.column_with("time")].to_numpy()
    return Data(
        sha256=table.sha256(),
        rows=table.rows,
        refused=table.refused_rows,
        train_rows=problem.cut,
        holdout_rows=len(times) - problem.cut,
        first=str(np.datetime_as_string(times[0])),
        trained_to=str(np.datetime_as_string(times[problem.cut - 1])),
        last=str(np.datetime_as_string(times[-1])),
    )
