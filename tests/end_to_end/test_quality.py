"""How good the model is on the real data, in time order: the figures that the README states."""

from __future__ import annotations

import hashlib

import pytest

from local.company import bank_contacts
from shared.store.records import Manifest, Part
from shared.training.classification import Found, Problem, pose, search
from shared.training.table import read_table
from shared.training.to_onnx import check_parity, convert
from tests.memory_blobs import MemoryBlobs
from tests.phone_data import phone, to_csv

pytestmark = pytest.mark.xdist_group("one training on all rows")


@pytest.fixture(scope="module")
def trained() -> tuple[Problem, Found]:
    """The built-in use case, trained as it is in the demo."""
    file = to_csv(list(bank_contacts()))
    part = Part(name="f", rows=0, size_bytes=len(file), sha256=hashlib.sha256(file).hexdigest())
    manifest = Manifest(dataset="contacts", slot="s", columns={}, parts=(part,), rows=0, exported_at="")
    table = read_table(manifest, phone().dataset, MemoryBlobs({"f": file}))
    assert (len(table.frame), table.refused_rows) == (45_211, 0)
    problem = pose(table.frame, phone())
    return problem, search(problem, phone().training, lambda *_: None)


def test_the_champion_ranks_the_newest_fifth_well(trained: tuple[Problem, Found]) -> None:
    problem, found = trained
    assert len(problem.holdout[1]) >= 0.2 * 45_211
    assert found.recipe.holdout is not None
    assert found.recipe.holdout["auc"] >= 0.74


def test_a_random_split_flatters(trained: tuple[Problem, Found]) -> None:
    _, found = trained
    best = max(candidate.random_split_auc or 0 for candidate in found.candidates)
    assert 0.79 < best < 0.82


def test_the_graph_is_the_pipeline_on_every_row_of_the_holdout(trained: tuple[Problem, Found]) -> None:
    problem, found = trained
    rows, _ = problem.holdout
    graph = convert(found.pipeline, rows.shape[1], "phone")
    parity = check_parity(graph, found.pipeline, rows, problem.encoder, phone().model.decision.threshold)
    assert parity.rows > len(rows)
    assert parity.decisions_flipped == 0
