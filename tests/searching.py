"""Problems and families that are small enough to search through in a moment."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from local.memory_blobs import MemoryBlobs
from shared.catalog.spec import ClassificationTraining
from shared.store.records import Manifest, Part
from shared.training.candidates import FAMILIES, Layout
from shared.training.fits import Fits
from shared.training.problem import Problem, pose
from shared.training.search import _Search, search
from shared.training.table import Table, read_table
from tests.phone_data import phone, to_csv

if TYPE_CHECKING:
    from shared.catalog.spec import UseCase
    from shared.store.records import Candidate
    from shared.training.search import Found

ONE_TRIAL = ClassificationTraining(seconds=1e-9, history=("all",), folds=2)
"""Time for no more than the first trial."""
LOGISTIC, BOOSTED, EXTRA = FAMILIES
LIGHT = (
    replace(LOGISTIC, settings=({"C": 0.001}, {"C": 0.1}, {"C": 1.0})),
    replace(
        BOOSTED,
        settings=(
            {"learning_rate": 0.2, "max_iter": 8, "max_leaf_nodes": 6, "min_samples_leaf": 20},
            {"learning_rate": 0.001, "max_iter": 1, "max_leaf_nodes": 2, "min_samples_leaf": 20},
        ),
    ),
    replace(EXTRA, settings=({"n_estimators": 8, "min_samples_leaf": 5, "max_features": 0.5},)),
)
"""The families with few and small trees, and settings of which some are clearly worse."""
SEVERAL = ClassificationTraining(history=("all", 150), half_lives=(60,), folds=2, fold_rows=60)
ALL_ROWS = ClassificationTraining(history=("all",), half_lives=(), folds=2, fold_rows=60)


def read(rows: list[dict[str, Any]]) -> Table:
    """The rows as a checked table."""
    file = to_csv(rows)
    part = Part(name="f", rows=0, size_bytes=len(file), sha256=hashlib.sha256(file).hexdigest())
    manifest = Manifest(dataset="contacts", slot="s", columns={}, parts=(part,), rows=0, exported_at="")
    return read_table([manifest], phone().dataset, MemoryBlobs({"f": file}))


def use_case(training: ClassificationTraining = ONE_TRIAL) -> UseCase:
    """The phone use case, trained in another way."""
    return msgspec.structs.replace(phone(), training=training)


def posed(rows: list[dict[str, Any]], training: ClassificationTraining = ONE_TRIAL) -> Problem:
    """What there is to search."""
    return pose(read(rows).frame, use_case(training))


def silent(*_: object) -> None:
    """Progress goes nowhere."""


def found_in(rows: list[dict[str, Any]], training: ClassificationTraining = ALL_ROWS) -> Found:
    """What a search through these rows finds."""
    return search(posed(rows, training), training, silent)


def searching(problem: Problem, training: ClassificationTraining) -> _Search:
    """A search that has not begun."""
    return _Search(Fits(problem, Layout.of(problem.encoder.inputs), training.seed), training, silent)


def holdout(candidate: Candidate) -> dict[str, float]:
    """The figures of a candidate on the newest rows, which it must have."""
    assert candidate.holdout is not None
    return candidate.holdout
