"""The rows that explaining compares with: few, and like the newest that there are."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest

from shared.features import Encoder
from shared.scoring.run import Scorer
from shared.settings import Settings
from shared.store.background import Background
from shared.store.records import Input, from_json
from shared.store.registry import BACKGROUND_FILE, GRAPH_FILE
from shared.training.background import NEWEST, ROWS, background, newest, representative
from shared.training.to_onnx import probabilities
from tests.explaining import ask, reasons
from tests.phone_data import contacts
from tests.searching import posed
from tests.training_bench import Bench

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.store.records import Version

INPUTS = (Input("amount", "number", nullable=True), Input("shop", "category", levels=("a", "b", "c")))


def shopping(rows: int = 1_000) -> NDArray[np.float32]:
    """Amounts with a long tail, a tenth of them empty; six in ten shop in a, three in b, one in c."""
    random = np.random.default_rng(3)
    amount = random.lognormal(3, 2, rows)
    amount[random.random(rows) < 0.1] = np.nan
    shop = random.choice(3, rows, p=[0.6, 0.3, 0.1])
    return np.column_stack([amount, shop]).astype(np.float32)


def said(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(2 - rows[:, 1] - np.nan_to_num(rows[:, 0]) / 100))


@pytest.fixture(scope="module")
def stored() -> tuple[Version, Background, Bench]:
    """A version as training stores it."""
    bench = Bench()
    version = bench.registry.version("phone", str(bench.first_champion().version))
    return version, from_json(bench.registry.file(version, BACKGROUND_FILE), Background, BACKGROUND_FILE), bench


def test_the_rows_that_are_chosen_are_like_them_all() -> None:
    rows = shopping()
    chosen = rows[representative(rows, said(rows), INPUTS)]
    assert len(chosen) == ROWS
    assert said(chosen).mean() == pytest.approx(said(rows).mean(), abs=0.01)
    assert np.bincount(chosen[:, 1].astype(int)) / ROWS == pytest.approx([0.6, 0.3, 0.1], abs=0.06)
    assert np.isnan(chosen[:, 0]).mean() == pytest.approx(0.1, abs=0.05)
    middle = np.nanmedian(rows[:, 0])
    assert (chosen[:, 0] > middle).mean() == pytest.approx((rows[:, 0] > middle).mean(), abs=0.06)


def test_the_choice_is_the_same_each_time() -> None:
    rows = shopping()
    first, second = (representative(rows, said(rows), INPUTS) for _ in range(2))
    assert np.array_equal(first, second)
    assert len(set(first.tolist())) == ROWS


def test_of_few_rows_all_are_taken() -> None:
    rows = shopping(ROWS)
    assert representative(rows, said(rows), INPUTS).tolist() == list(range(ROWS))


def test_a_column_that_is_empty_throughout_and_answers_that_are_all_alike_do_no_harm() -> None:
    rows = shopping()
    rows[:, 0] = np.nan
    assert len(set(representative(rows, np.full(len(rows), 0.5), INPUTS).tolist())) == ROWS


def test_only_the_newest_rows_are_chosen_from() -> None:
    problem = posed(contacts(NEWEST + 500))
    found = background(problem, np.linspace(0.1, 0.9, NEWEST))
    assert (found.chosen_from, len(found.rows)) == (NEWEST, ROWS)
    assert (found.first, found.last) == tuple(str(np.datetime_as_string(problem.times[place])) for place in (500, -1))
    rows = {row.tobytes() for row in problem.rows[500:]}
    assert np.array_equal(newest(problem), problem.rows[500:], equal_nan=True)
    assert all(np.array(row, np.float32).tobytes() in rows for row in found.rows)


def test_training_stores_it_with_its_hash(stored: tuple[Version, Background, Bench]) -> None:
    version, found, bench = stored
    data = bench.registry.file(version, BACKGROUND_FILE)
    assert version.files[BACKGROUND_FILE] == hashlib.sha256(data).hexdigest()
    assert found.inputs == tuple(item.name for item in version.inputs)
    assert {len(row) for row in found.rows} == {len(version.inputs)}


def test_its_average_answer_is_that_of_the_rows_it_stands_for(stored: tuple[Version, Background, Bench]) -> None:
    version, found, bench = stored
    graph = bench.registry.file(version, GRAPH_FILE)
    chosen = np.array(found.rows, dtype=np.float32)
    rows = [row | {"contacted_on": date.fromisoformat(row["contacted_on"])} for row in contacts(600)]
    columns = {item.name: [row[item.name] for row in rows] for item in version.inputs}
    every = Encoder(version.inputs).encode(columns, len(rows))
    assert probabilities(graph, chosen).mean() == pytest.approx(probabilities(graph, every).mean(), abs=0.02)


def test_it_holds_what_the_model_takes_and_nothing_else(stored: tuple[Version, Background, Bench]) -> None:
    version, _, bench = stored
    text = bench.registry.file(version, BACKGROUND_FILE).decode()
    assert not [name for name in ("contact_id", '"y"', "duration", "pdays", "management") if name in text]


def test_a_version_that_was_trained_explains_its_answers(stored: tuple[Version, Background, Bench]) -> None:
    _, _, bench = stored
    scorer = Scorer(bench.catalog, bench.registry, Settings())
    row = {name: value for name, value in contacts(1)[0].items() if name not in {"contact_id", "y"}}
    (found,) = reasons(ask(scorer, row | {"job": "retired", "balance": 3000}))
    assert {one["feature"] for one in found["features"][:2]} == {"job", "balance"}
    assert [one["direction"] for one in found["features"][:2]] == ["raises", "raises"]
