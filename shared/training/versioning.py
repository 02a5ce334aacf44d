"""From a finished search to a version: the record, the graph, the card."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from shared.csv_format import csv_rows, read_csv
from shared.errors import VersionError
from shared.store.records import Classifier, Data, DecisionRule, KeyColumn, to_json
from shared.store.registry import BACKGROUND_FILE, CARD_FILE, GRAPH_FILE
from shared.training import card, to_onnx
from shared.training.background import background, newest
from shared.training.leaks import find_leaks, too_good
from shared.training.metrics import curves
from shared.training.naming import catalog_sha256, libraries, version_name
from shared.training.segments import segments_of
from shared.training.value import value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shared.catalog.spec import ClassificationCase
    from shared.store.records import Parity, Verdict
    from shared.store.registry import Registry
    from shared.training.problem import Problem
    from shared.training.search import Found
    from shared.training.table import Table

HOLDOUT_FILE = "holdout.csv"
"""What was predicted of the holdout: the figures rest on it, and the gate compares it with the champion's answers."""


@dataclass(frozen=True)
class Origin:
    """All that a version is made from."""

    use_case: ClassificationCase
    slot: str
    table: Table
    problem: Problem

    @property
    def version(self) -> str:
        """The slot's stamp and a hash of the rest: known before the work, and the same when it is done again."""
        return version_name(self.slot, self.table, self.use_case)

    def segments(self, rows: NDArray[np.int_]) -> dict[str, NDArray[np.object_]]:
        """The levels of the declared segments, of some rows of the table."""
        frame = self.table.frame
        return {name: frame[name].to_numpy(dtype=object)[rows] for name in self.use_case.gate.segments}


def make_version(
    origin: Origin, found: Found, registry: Registry, judge: Callable[[Classifier, NDArray[np.float64]], Verdict]
) -> Classifier:
    """Convert, check, judge and register what the search found.

    Raises ConversionError where the graph is not the pipelines. The check is made on the graph that is stored,
    whichever run stored it; ``judge`` is asked before the card is written, which tells what it said.
    """
    model, problem = origin.use_case.model, origin.problem
    converted = to_onnx.convert(found.blend, len(problem.encoder.inputs), model.name)
    graph = registry.keep(model.name, origin.version, GRAPH_FILE, converted)
    rows = problem.rows[problem.holdout]
    parity = to_onnx.check_parity(graph, found.blend, rows, problem.encoder, model.decision.threshold)
    predicted = registry.keep(model.name, origin.version, HOLDOUT_FILE, _holdout_csv(problem, found.probability))
    chosen = to_json(background(problem, to_onnx.probabilities(graph, newest(problem))))
    compared = registry.keep(model.name, origin.version, BACKGROUND_FILE, chosen)
    stored = {GRAPH_FILE: graph, HOLDOUT_FILE: predicted, BACKGROUND_FILE: compared}
    files = {file: hashlib.sha256(data).hexdigest() for file, data in stored.items()}
    record = msgspec.structs.replace(_record(origin, found, parity), files=files)
    record = msgspec.structs.replace(record, verdict=judge(record, found.probability))
    page = registry.keep(model.name, origin.version, CARD_FILE, card.render(record))
    files[CARD_FILE] = hashlib.sha256(page).hexdigest()
    return registry.register(msgspec.structs.replace(record, files=files))


def holdout_probability(version: Classifier, registry: Registry, rows: int) -> NDArray[np.float64]:
    """What a version's making predicted of the ``rows`` rows of its holdout. Raises VersionError, BlobMissing."""
    _, lines = read_csv([registry.file(version, HOLDOUT_FILE)], HOLDOUT_FILE)
    predicted = np.array([float(fields[-1] or "nan") for _, fields in lines])
    if len(predicted) != rows:
        msg = f"{version.model} {version.version}: {HOLDOUT_FILE} has {len(predicted):,} rows; expected {rows:,}"
        raise VersionError(msg)
    return predicted


def _holdout_csv(problem: Problem, probability: NDArray[np.float64]) -> bytes:
    times = np.datetime_as_string(problem.times[problem.holdout]).tolist()
    positive = problem.positive[problem.holdout].astype(int).tolist()
    rows = list(zip(times, positive, probability.tolist(), strict=True))
    return csv_rows([["time", "positive", "probability"]]) + csv_rows(rows)


def _record(origin: Origin, found: Found, parity: Parity) -> Classifier:
    model, dataset = origin.use_case.model, origin.use_case.dataset
    key = dataset.column_with("key")
    key_column = dataset.columns[key]
    decision = model.decision
    problem, positive = origin.problem, origin.problem.positive[origin.problem.holdout]
    suspicious = too_good(found.recipe.holdout["auc"]) if found.recipe.holdout else None
    return Classifier(
        model=model.name,
        version=origin.version,
        title=model.title,
        description=model.description,
        dataset=dataset.name,
        slot=origin.slot,
        positive=model.positive,
        decision=DecisionRule(threshold=decision.threshold, act=decision.act, skip=decision.skip),
        key=KeyColumn(name=key, type=key_column.type, description=key_column.description),
        inputs=problem.encoder.inputs,
        unusable=dataset.unusable(),
        files={},
        catalog_sha256=catalog_sha256(origin.use_case),
        data=_data(origin),
        recipe=found.recipe,
        candidates=found.candidates,
        metrics=found.recipe.holdout or {},
        curves=curves(positive, found.probability),
        parity=parity,
        libraries=libraries(),
        value=value_of(positive, found.probability, decision),
        segments=segments_of(positive, found.probability, origin.segments(problem.kept[problem.holdout])),
        leaks=find_leaks(problem.rows, problem.positive, problem.encoder.inputs, dataset.columns, origin.use_case.gate),
        warnings=(*([suspicious] if suspicious else []), *found.warnings),
    )


def _data(origin: Origin) -> Data:
    table, problem = origin.table, origin.problem
    first, last = (str(np.datetime_as_string(problem.times[place])) for place in (0, -1))
    return Data(
        sha256=table.sha256,
        rows=table.rows,
        refused=table.refused_rows,
        train_rows=len(problem.rows),
        holdout_rows=len(problem.rows) - problem.folds.cut,
        first=first,
        trained_to=last,
        last=last,
        refitted=True,
        sampled_from=problem.sampled_from,
    )
