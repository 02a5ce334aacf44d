"""From a finished search to a version: the record, the graph, the card."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
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
    from shared.store.registry import Registry
    from shared.training.classification import Found, Problem
    from shared.training.table import Table

LIBRARIES = ("numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "skl2onnx")
STAMP_LENGTH = len("20261123T020000Z")


def catalog_sha256(use_case: UseCase) -> str:
    """Of everything that the catalog says about a use case: when it changes, so may the model."""
    return hashlib.sha256(msgspec.json.encode(use_case, order="sorted")).hexdigest()


@dataclass(frozen=True)
class Origin:
    """All that a version is made from."""

    use_case: UseCase
    slot: str
    table: Table
    problem: Problem

    @property
    def version(self) -> str:
        """The slot's stamp and a hash of the rest: known before the work, and the same when it is done again."""
        made_from = [self.slot, self.table.sha256, catalog_sha256(self.use_case), sorted(_libraries().items())]
        return f"{self.slot[:STAMP_LENGTH]}-{hashlib.sha256(msgspec.json.encode(made_from)).hexdigest()[:8]}"


def make_version(origin: Origin, found: Found, registry: Registry) -> Version:
    """Convert, check and register what the search found. Raises ConversionError where the graph is not the pipeline.

    The check is made on the graph that is stored, whichever run stored it.
    """
    model, problem = origin.use_case.model, origin.problem
    converted = to_onnx.convert(found.pipeline, len(problem.encoder.inputs), model.name)
    graph = registry.keep(model.name, origin.version, GRAPH_FILE, converted)
    rows, _ = problem.holdout
    parity = to_onnx.check_parity(graph, found.pipeline, rows, problem.encoder, model.decision.threshold)
    files = {GRAPH_FILE: hashlib.sha256(graph).hexdigest()}
    record = msgspec.structs.replace(_record(origin, found, parity), files=files)
    page = registry.keep(model.name, origin.version, CARD_FILE, card.render(record))
    files[CARD_FILE] = hashlib.sha256(page).hexdigest()
    return registry.register(msgspec.structs.replace(record, files=files))


def _libraries() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: library_version(name) for name in LIBRARIES}}


def _record(origin: Origin, found: Found, parity: Parity) -> Version:
    model, dataset = origin.use_case.model, origin.use_case.dataset
    key = dataset.column_with("key")
    key_column = dataset.columns[key]
    decision = model.decision
    return Version(
        model=model.name,
        version=origin.version,
        title=model.title,
        description=model.description,
        dataset=dataset.name,
        slot=origin.slot,
        task=model.task,
        positive=model.positive,
        decision=DecisionRule(threshold=decision.threshold, act=decision.act, skip=decision.skip),
        key=KeyColumn(name=key, type=key_column.type, description=key_column.description),
        inputs=origin.problem.encoder.inputs,
        unusable=dataset.unusable(),
        files={},
        catalog_sha256=catalog_sha256(origin.use_case),
        data=_data(origin),
        recipe=found.recipe,
        candidates=found.candidates,
        metrics=found.recipe.holdout or {},
        curves=curves(origin.problem.holdout[1], found.probability),
        parity=parity,
        libraries=_libraries(),
    )


def _data(origin: Origin) -> Data:
    table, cut = origin.table, origin.problem.cut
    times = table.frame[origin.use_case.dataset.column_with("time")].to_numpy()
    return Data(
        sha256=table.sha256,
        rows=table.rows,
        refused=table.refused_rows,
        train_rows=cut,
        holdout_rows=len(times) - cut,
        first=str(np.datetime_as_string(times[0])),
        trained_to=str(np.datetime_as_string(times[cut - 1])),
        last=str(np.datetime_as_string(times[-1])),
    )
