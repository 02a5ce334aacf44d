"""The holdout is answered as the fitted pipelines answer it: through all readers, the graph and the rounding."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from local.memory_blobs import MemoryBlobs
from shared.scoring.http import CSV, Answer
from shared.store.records import Manifest, Part
from shared.training.blend import Blend, Weights
from shared.training.candidates import FAMILIES, Layout, Trial
from shared.training.problem import Problem, pose
from shared.training.table import read_table
from shared.training.to_onnx import convert
from tests.phone_data import contacts, phone, to_csv
from tests.scoring_office import Office, csv_of, predictions
from tests.tiny_versions import MODEL, serve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Row = dict[str, Any]

ROWS = 3_000
TOLERANCE = 1e-5
"""As a version's graph may differ from its pipelines, whose sums have 64 bits."""


@dataclass(frozen=True)
class Holdout:
    """Its rows as a caller sends them, who answers them, and what the fitted pipelines say."""

    office: Office
    rows: list[Row]
    fitted: NDArray[np.float64]

    def largest_difference(self, answers: list[Row]) -> float:
        found = np.array([answer["probability"] for answer in answers])
        return float(np.abs(found - self.fitted).max())


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    rows = contacts(ROWS)
    for place in range(0, ROWS, 7):
        rows[place]["job"] = "astronaut" if place % 2 else "management"  # seen in training
    problem = posed(to_csv(rows))
    blend = fitted(problem)
    office = Office(score_max_rows=ROWS)
    inputs = problem.encoder.inputs
    serve(office.registry, inputs=inputs, content=convert(blend, len(inputs), MODEL))
    named = ["contact_id", *(item.name for item in inputs)]
    newest = [{name: row[name] for name in named} for row in rows[problem.holdout]]
    return Holdout(office, newest, blend.predict(problem.rows[problem.holdout]))


def posed(file: bytes) -> Problem:
    """The file as training reads it."""
    use_case = phone()
    part = Part(name="f", rows=0, size_bytes=len(file), sha256=hashlib.sha256(file).hexdigest())
    slot = "20260101T000000Z"
    manifest = Manifest(dataset=use_case.dataset.name, slot=slot, columns={}, parts=(part,), rows=0, exported_at="")
    return pose(read_table([manifest], use_case.dataset, MemoryBlobs({"f": file})).frame, use_case)


def fitted(problem: Problem) -> Blend:
    """One of each family."""
    layout, cut = Layout.of(problem.encoder.inputs), problem.folds.cut
    with threadpool_limits(limits=1):
        pipelines = tuple(
            Trial(family, family.settings[0], "all", None).fit(layout, 42, problem.rows[:cut], problem.positive[:cut])
            for family in FAMILIES
        )
    return Blend(pipelines, Weights(-0.1, (0.5, *[0.3] * (len(FAMILIES) - 1))))


def asked(holdout: Holdout, body: bytes, kind: str) -> Answer:
    return holdout.office.ask(body, content_type=kind, accept="application/json")


def test_in_every_form(holdout: Holdout) -> None:
    columns = {name: [row[name] for row in holdout.rows] for name in holdout.rows[0]}
    for body, kind in (
        (json.dumps(holdout.rows).encode(), "application/json"),
        (json.dumps({"columns": columns}).encode(), "application/json"),
        (csv_of(holdout.rows), CSV),
    ):
        answers = predictions(asked(holdout, body, kind))
        assert [answer["contact_id"] for answer in answers] == [row["contact_id"] for row in holdout.rows]
        assert holdout.largest_difference(answers) <= TOLERANCE
    assert np.ptp(holdout.fitted) > 0.5


def test_row_by_row(holdout: Holdout) -> None:
    answers = [predictions(holdout.office.ask(row))[0] for row in holdout.rows]
    assert holdout.largest_difference(answers) <= TOLERANCE
