"""How good the model is on the real data, in time order: the figures that the README states."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from shared.training.classification import Found, Problem, pose, search

from local.azurite import PROJECT_ROOT
from local.company import bank_contacts
from local.memory_blobs import MemoryBlobs
from shared.store.records import Manifest, Part
from shared.training.table import read_table
from shared.training.to_onnx import check_parity, convert
from tests.phone_data import phone, to_csv

README = PROJECT_ROOT / "README.md"

pytestmark = pytest.mark.xdist_group("one training on all rows")


@pytest.fixture(scope="module")
def trained() -> tuple[Problem, Found]:
    """The built-in use case, trained as it is in the demo."""
    file = to_csv(list(bank_contacts()))
    part = Part(name="f", rows=0, size_bytes=len(file), sha256=hashlib.sha256(file).hexdigest())
    manifest = Manifest(dataset="contacts", slot="s", columns={}, parts=(part,), rows=0, exported_at="")
    table = read_table([manifest], phone().dataset, MemoryBlobs({"f": file}))
    assert (len(table.frame), table.refused_rows) == (45_211, 0)
    problem = pose(table.frame, phone())
    return problem, search(problem, phone().training, lambda *_: None)


def stated(pattern: str) -> float:
    """A figure that the README gives."""
    match = re.search(pattern, README.read_text())
    assert match is not None, pattern
    return float(match[1])


def test_the_champion_ranks_the_newest_fifth_as_well_as_the_readme_says(trained: tuple[Problem, Found]) -> None:
    problem, found = trained
    assert len(problem.holdout[1]) >= 0.2 * 45_211
    assert found.recipe.holdout is not None
    assert found.recipe.holdout["auc"] == pytest.approx(stated(r"AUC (0\.\d+) on the newest"), abs=0.005)


def test_a_random_split_flatters_as_much_as_the_readme_says(trained: tuple[Problem, Found]) -> None:
    _, found = trained
    best = max(candidate.random_split_auc or 0 for candidate in found.candidates)
    assert best == pytest.approx(stated(r"up to (0\.\d+) for its rivals"), abs=0.01)
    assert found.recipe.random_split_auc == pytest.approx(stated(r"shows (0\.\d+) for the same model"), abs=0.01)


def test_the_request_in_the_readme_gets_the_answer_in_the_readme(trained: tuple[Problem, Found]) -> None:
    problem, found = trained
    examples = re.findall(r"""(\{"(?:contact_id|model)".*?\})'?\n```""", README.read_text(), re.DOTALL)
    request, answer = (json.loads(example) for example in examples)
    (row,) = problem.encoder.encode({name: [value] for name, value in request.items()}, 1)
    probability = found.pipeline.predict_proba([row])[0, 1]
    (prediction,) = answer["predictions"]
    assert prediction["contact_id"] == request["contact_id"]
    assert prediction["probability"] == pytest.approx(probability, abs=1e-3)
    assert prediction["decision"] == "call"


def test_the_graph_is_the_pipeline_on_every_row_of_the_holdout(trained: tuple[Problem, Found]) -> None:
    problem, found = trained
    rows, _ = problem.holdout
    graph = convert(found.pipeline, rows.shape[1], "phone")
    parity = check_parity(graph, found.pipeline, rows, problem.encoder, phone().model.decision.threshold)
    assert parity.rows > len(rows)
    assert parity.decisions_flipped == 0
