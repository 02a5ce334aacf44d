"""What a search finds: the blend and its members, their figures on the newest rows, and the same each time."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from shared.catalog.spec import ClassificationTraining
from shared.training import candidates, fits
from shared.training import search as searched
from shared.training.blend import Weights
from shared.training.candidates import Layout, Trial
from shared.training.metrics import metrics
from shared.training.search import BLEND, search
from shared.training.to_onnx import convert
from tests.phone_data import contacts
from tests.searching import ALL_ROWS, LIGHT, SEVERAL, found_in, holdout, posed, searching, silent


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Families with few and small trees."""
    monkeypatch.setattr(candidates, "FAMILIES", LIGHT)


def out_of_season(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with one day and month: by these, trees would tell the old world from the new one."""
    return [{**row, "day": 5, "month": "may"} for row in rows]


def test_a_pattern_is_found() -> None:
    found = found_in(contacts(1200))
    assert holdout(found.recipe)["auc"] > 0.8
    assert holdout(found.recipe)["log_loss"] < 0.6
    assert found.recipe.random_split_auc is not None
    assert found.recipe.random_split_auc > 0.8
    assert found.warnings == ()


def test_the_blend_comes_first_and_then_its_members_the_heaviest_first() -> None:
    found = found_in(contacts(1000), SEVERAL)
    blend, *members = found.candidates
    assert blend == found.recipe
    assert blend.family == BLEND
    assert blend.settings["members"] == len(members) == len(found.blend.pipelines) > 3
    weights = [member.weight for member in members]
    assert weights == sorted([round(weight, 4) for weight in found.blend.weights.members], reverse=True)
    assert min(found.blend.weights.members) > 0


def test_a_member_without_weight_is_left_out_and_not_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    weigh = searched.weigh

    def against_the_best(*told: Any) -> Weights:
        found = weigh(*told)
        return Weights(found.intercept, (0.0, *found.members[1:]))

    monkeypatch.setattr(searched, "weigh", against_the_best)
    problem = posed(contacts(500), ALL_ROWS)
    best, *others = searching(problem, ALL_ROWS)._choose()
    found = search(problem, ALL_ROWS, silent)
    assert len(found.blend.pipelines) == len(found.blend.weights.members) == len(others)
    assert {each.family for each in found.candidates[1:]} == {other.trial.family.name for other in others}
    assert best.trial.family.name not in {each.family for each in found.candidates}


def test_the_figures_of_the_holdout_are_of_the_rows_and_probabilities_that_are_given() -> None:
    problem = posed(contacts(1000), ALL_ROWS)
    found = search(problem, ALL_ROWS, silent)
    assert found.recipe.holdout == metrics(problem.positive[problem.holdout], found.probability)


def test_what_serves_is_fitted_on_all_rows() -> None:
    problem = posed(contacts(500), ALL_ROWS)
    found = search(problem, ALL_ROWS, silent)
    members = {each.family: each for each in found.candidates[1:]}
    for pipeline, weight in zip(found.blend.pipelines, found.blend.weights.members, strict=True):
        name = next(name for name, each in members.items() if each.weight == round(weight, 4))
        family = next(family for family in LIGHT if family.name == name)
        trial = Trial(family, members[name].settings, "all")
        again = trial.fit(Layout.of(problem.encoder.inputs), 42, problem.rows, problem.positive)
        assert (again.predict_proba(problem.rows) == pipeline.predict_proba(problem.rows)).all()


def test_the_same_rows_give_the_same_figures_and_the_same_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = contacts(600)
    monkeypatch.setattr(fits, "workers", lambda: 3)
    one = found_in(rows, SEVERAL)
    monkeypatch.setattr(fits, "workers", lambda: 1)
    two = found_in(rows, SEVERAL)
    assert one.candidates == two.candidates
    assert (one.probability == two.probability).all()
    inputs = posed(rows).rows.shape[1]
    assert convert(one.blend, inputs, "phone") == convert(two.blend, inputs, "phone")


def test_a_world_that_turned_round_is_followed() -> None:
    rows = out_of_season(contacts(1200, sign=-1) + contacts(700, first=1201, seed=2))
    followed = found_in(rows, msgspec.structs.replace(ALL_ROWS, history=("all", 200), half_lives=(60,)))
    everything = found_in(rows, ALL_ROWS)
    assert holdout(followed.recipe)["auc"] > 0.8
    assert holdout(followed.recipe)["auc"] > holdout(everything.recipe)["auc"] + 0.1
    heaviest = followed.candidates[1]
    assert (heaviest.history, heaviest.half_life) != ("all", None)


def test_a_shuffled_target_teaches_nothing() -> None:
    rows = contacts(2000)
    shuffled = np.random.default_rng(1).permutation([row["y"] for row in rows])
    found = found_in(
        [{**row, "y": str(y)} for row, y in zip(rows, shuffled, strict=True)],
        ClassificationTraining(folds=2, history=("all",)),
    )
    figures = holdout(found.recipe)
    rate = figures["base_rate"]
    assert 0.4 < figures["auc"] < 0.6
    assert figures["log_loss"] < -rate * np.log(rate) - (1 - rate) * np.log(1 - rate) + 0.03
