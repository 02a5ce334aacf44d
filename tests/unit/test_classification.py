"""The search is honest: time-ordered, chosen on the older rows, measured on the newest."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from shared.catalog.spec import Training
from shared.errors import DropError
from shared.store.records import Manifest, Part
from shared.training import classification
from shared.training.classification import Problem, pose, search
from shared.training.table import read_table
from tests.memory_blobs import MemoryBlobs
from tests.phone_data import contacts, phone, to_csv

if TYPE_CHECKING:
    import pandas as pd

QUICK = Training(seconds=1e-9, history=("all",), folds=2)


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    file = to_csv(rows)
    part = Part(name="f", rows=0, size_bytes=len(file), sha256=hashlib.sha256(file).hexdigest())
    manifest = Manifest(dataset="contacts", slot="s", columns={}, parts=(part,), rows=0, exported_at="")
    return read_table([manifest], phone().dataset, MemoryBlobs({"f": file})).frame


def posed(rows: list[dict[str, Any]], training: Training = QUICK) -> Problem:
    return pose(frame(rows), msgspec.structs.replace(phone(), training=training))


def silent(*_: object) -> None:
    """Progress goes nowhere."""


def test_a_pattern_is_found() -> None:
    found = search(posed(contacts(2000)), QUICK, silent)
    assert found.recipe.holdout is not None
    assert found.recipe.holdout["auc"] > 0.85
    assert found.recipe.random_split_auc is not None


def test_every_family_competes_and_the_best_on_the_folds_is_chosen() -> None:
    training = Training(history=("all", 500))
    found = search(posed(contacts(1200), training), training, silent)
    assert {candidate.family for candidate in found.candidates} == {
        "logistic regression",
        "boosted trees",
        "extra trees",
    }
    assert found.recipe == max(found.candidates, key=lambda candidate: candidate.folds_auc)


def test_the_holdout_has_no_part_in_the_choice() -> None:
    rows = contacts(1200)
    other = [
        {**row, "y": "no" if row["y"] == "yes" else "yes"} if index >= 960 else row for index, row in enumerate(rows)
    ]
    training = Training(history=("all",), folds=1)
    one, two = (search(posed(data, training), training, silent) for data in (rows, other))
    assert one.recipe.settings == two.recipe.settings
    assert one.recipe.folds_auc == two.recipe.folds_auc
    assert one.recipe.holdout != two.recipe.holdout


def test_training_sees_no_level_of_the_holdout() -> None:
    rows = contacts(1000)
    for row in rows[900:]:
        row["job"] = "astronaut"
    levels = {item.name: item.levels for item in posed(rows).encoder.inputs}
    assert "astronaut" not in levels["job"]
    assert levels["month"][0] == "jan"


def test_a_shorter_history_scores_better_where_the_world_has_changed() -> None:
    one_fold = Training(folds=1)
    problem = posed(contacts(1750, sign=-1) + contacts(2450, first=1751, seed=2), one_fold)
    everything, recent = (
        classification._folds_auc(classification.Trial(classification.FAMILIES[0], {}, history), problem, one_fold)
        for history in ("all", 300)
    )
    assert everything is not None
    assert recent is not None
    assert recent > everything + 0.1


def test_a_window_is_the_newest_rows_before_its_end() -> None:
    trial = classification.Trial(classification.FAMILIES[0], {}, 100)
    assert list(trial.window(1000)) == list(range(900, 1000))
    assert list(trial.window(50)) == list(range(50))


def test_the_same_rows_give_the_same_figures() -> None:
    rows = contacts(800)
    one, two = (search(posed(rows), QUICK, silent) for _ in range(2))
    assert one.recipe == two.recipe
    assert (one.probability == two.probability).all()


def test_a_time_budget_ends_the_search_but_not_before_there_is_a_model() -> None:
    assert len(search(posed(contacts(800)), QUICK, silent).candidates) == 1


def test_progress_is_reported_up_to_the_end() -> None:
    steps: list[tuple[str, int, int]] = []
    search(posed(contacts(800)), QUICK, lambda *step: steps.append(step))
    assert steps[0][1] == 0
    assert all(done < total for _, done, total in steps)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DropError, match=r"30 rows fit the catalog; training\.min_rows asks for 200"):
        posed(contacts(30))


@pytest.mark.parametrize("outcome", ["yes", "no"])
def test_a_target_of_one_outcome_is_refused(outcome: str) -> None:
    with pytest.raises(DropError, match="have one outcome only"):
        posed([{**row, "y": outcome} for row in contacts(400)])


def test_newest_rows_of_one_outcome_are_refused() -> None:
    rows = contacts(400)
    with pytest.raises(DropError, match="newest rows, which judge, have one outcome only"):
        posed([{**row, "y": "no"} if index >= 300 else row for index, row in enumerate(rows)])


def test_folds_without_both_outcomes_are_refused_with_the_reason() -> None:
    rows = [{**row, "y": "no"} for row in contacts(400)]
    rows[0]["y"] = rows[390]["y"] = "yes"
    with pytest.raises(DropError, match="no time-ordered fold holds both"):
        search(posed(rows), QUICK, silent)


def test_one_fold_without_both_outcomes_does_not_end_the_search() -> None:
    rows = contacts(1200)
    for row in rows[600:780]:
        row["y"] = "no"
    training = Training(history=("all",), folds=2, seconds=1e-9)
    assert search(posed(rows, training), training, silent).candidates


def test_a_shuffled_target_teaches_nothing() -> None:
    rows = contacts(2000)
    outcomes = np.random.default_rng(1).permutation([row["y"] for row in rows])
    found = search(posed([{**row, "y": str(y)} for row, y in zip(rows, outcomes, strict=True)]), QUICK, silent)
    assert found.recipe.holdout is not None
    assert 0.4 < found.recipe.holdout["auc"] < 0.6


def test_an_outcome_too_rare_for_a_random_split_has_no_figure_of_one() -> None:
    rows = [{**row, "y": "yes" if index in {20, 100, 150, 199} else "no"} for index, row in enumerate(contacts(200))]
    training = msgspec.structs.replace(QUICK, holdout=0.05)
    found = search(posed(rows, training), training, silent)
    assert found.recipe.random_split_auc is None
    assert found.recipe.holdout is not None
