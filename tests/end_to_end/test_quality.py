"""How good the model is on the real data, in time order: figures that the README and docs/training.md state."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date

import pytest

from local.azurite import PROJECT_ROOT
from local.company import bank_contacts
from local.memory_blobs import MemoryBlobs
from shared.store.records import Manifest, Part
from shared.training.leaks import find_leaks
from shared.training.metrics import metrics
from shared.training.problem import Problem, encoded, outcomes, pose
from shared.training.search import Found, search
from shared.training.shuffled import random_split_metrics
from shared.training.table import Table, read_table
from shared.training.to_onnx import check_parity, convert
from tests.phone_data import phone, to_csv

README = PROJECT_ROOT / "README.md"
FIRST_80_PERCENT = 36_169

pytestmark = [pytest.mark.xdist_group("one training on all rows"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def table() -> Table:
    """The demo company's calls."""
    file = to_csv(list(bank_contacts()))
    part = Part(name="f", rows=0, size_bytes=len(file), sha256=hashlib.sha256(file).hexdigest())
    manifest = Manifest(dataset="contacts", slot="s", columns={}, parts=(part,), rows=0, exported_at="")
    read = read_table([manifest], phone().dataset, MemoryBlobs({"f": file}))
    assert (len(read.frame), read.refused_rows) == (45_211, 0)
    return read


@pytest.fixture(scope="module")
def trained(table: Table) -> tuple[Problem, Found]:
    """The built-in use case, trained as it is in the demo."""
    problem = pose(table.frame, phone())
    return problem, search(problem, phone().training, lambda *_: None)


def stated(pattern: str) -> float:
    """A figure that the README gives."""
    match = re.search(pattern, README.read_text())
    assert match is not None, pattern
    return float(match[1])


def test_the_card_of_the_demo_shows_what_the_readme_says(trained: tuple[Problem, Found]) -> None:
    _, found = trained
    assert found.recipe.holdout is not None
    assert found.recipe.holdout["auc"] == pytest.approx(stated(r"its card shows (0\.\d+)"), abs=0.01)
    assert found.recipe.holdout["calibration_error"] < 0.08


def test_trained_once_on_four_fifths_it_still_ranks_the_last_one(table: Table) -> None:
    """Settings, history and weights are chosen on the older rows alone, and the world moves on without it."""
    older = pose(table.frame[:FIRST_80_PERCENT], phone())
    found = search(older, phone().training, lambda *_: None)
    newer = table.frame[FIRST_80_PERCENT:]
    figures = metrics(outcomes(newer, phone()), found.blend.predict(encoded(older.encoder, newer)))
    assert figures["auc"] >= 0.71


def test_a_random_split_flatters_as_much_as_the_readme_says(table: Table) -> None:
    figures = random_split_metrics(table, phone())
    assert figures["auc"] >= 0.803
    assert figures["auc"] == pytest.approx(stated(r"random split shows (0\.\d+)"), abs=0.005)


def test_the_request_in_the_readme_gets_the_answer_in_the_readme(trained: tuple[Problem, Found]) -> None:
    problem, found = trained
    examples = re.findall(r"""(\{"(?:contact_id|model)".*?\})'?\n```""", README.read_text(), re.DOTALL)
    request, answer = (json.loads(example) for example in examples)
    values = {**request, "contacted_on": date.fromisoformat(request["contacted_on"])}
    row = problem.encoder.encode({name: [value] for name, value in values.items()}, 1)
    (prediction,) = answer["predictions"]
    assert prediction["contact_id"] == request["contact_id"]
    assert prediction["probability"] == pytest.approx(found.blend.predict(row)[0], abs=2e-3)
    assert prediction["decision"] == "call"


def test_the_graph_is_the_blend_on_every_row(trained: tuple[Problem, Found]) -> None:
    problem, found = trained
    graph = convert(found.blend, problem.rows.shape[1], "phone")
    parity = check_parity(graph, found.blend, problem.rows, problem.encoder, phone().model.decision.threshold)
    assert parity.rows > len(problem.rows)
    assert parity.largest_difference <= 1e-5
    assert parity.decisions_flipped == 0


def test_no_real_column_is_taken_for_a_leak(trained: tuple[Problem, Found]) -> None:
    problem, _ = trained
    columns = phone().dataset.columns
    assert find_leaks(problem.rows, problem.positive, problem.encoder.inputs, columns, phone().gate) == ()
