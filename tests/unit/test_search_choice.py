"""The search is honest: every family competes, time-ordered, and is chosen on the older folds alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from shared.training import candidates, fits
from shared.training.candidates import Layout, Trial
from shared.training.fits import Answer, Fits
from shared.training.search import Contender, search
from tests.phone_data import contacts
from tests.searching import ALL_ROWS, LIGHT, SEVERAL, found_in, posed, searching, silent

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from shared.catalog.spec import History


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Families with few and small trees."""
    monkeypatch.setattr(candidates, "FAMILIES", LIGHT)


def test_every_family_and_history_competes_and_one_setting_of_each_goes_on() -> None:
    problem = posed(contacts(1000), SEVERAL)
    chosen = searching(problem, SEVERAL)._choose()
    kinds: list[tuple[History, int | None]] = [("all", None), (150, None), ("all", 60)]
    wanted = {(family.name, *kind) for family in LIGHT for kind in kinds}
    assert {contender.trial.member for contender in chosen} == wanted
    assert len(chosen) == len(wanted)


def test_the_setting_that_goes_on_is_the_better_one_on_the_choosing_folds() -> None:
    training = msgspec.structs.replace(ALL_ROWS, folds=1)
    problem = posed(contacts(1000), training)
    search_ = searching(problem, training)
    winners = search_._choose()
    assert [one.trial.settings["max_iter"] for one in winners if one.trial.family.name == "boosted trees"] == [8]
    for winner in winners:
        rivals = [Contender(replace(winner.trial, settings=settings)) for settings in winner.trial.family.settings]
        search_._answer([(rival, problem.folds.choosing[0]) for rival in rivals], "again")
        losses = [rival.loss(problem.positive) for rival in rivals]
        assert winner.loss(problem.positive) == min(losses)
        assert winner.trial.settings == rivals[int(np.argmin(losses))].trial.settings


def test_worse_settings_do_not_answer_the_older_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = posed(contacts(1000), ALL_ROWS)
    asked: list[tuple[tuple[int, int], str]] = []
    answer = Fits.answer

    def spied(self: Fits, trial: Trial, fold: tuple[int, int]) -> Answer:
        asked.append((fold, trial.family.name))
        return answer(self, trial, fold)

    monkeypatch.setattr(Fits, "answer", spied)
    searching(problem, ALL_ROWS)._choose()
    older, newer = problem.folds.choosing
    assert sorted(name for fold, name in asked if fold == newer) == sorted(
        family.name for family in LIGHT for _ in family.settings
    )
    assert sorted(name for fold, name in asked if fold == older) == [
        "boosted trees",
        "extra trees",
        "logistic regression",
        "logistic regression",
    ]


def test_finalists_have_all_answered_the_same_complete_folds() -> None:
    problem = posed(contacts(1000), SEVERAL)
    for contender in searching(problem, SEVERAL)._choose():
        assert sorted(contender.said) == list(problem.folds.choosing)
        assert all(len(odds) == end - start for (start, end), odds in contender.said.items())


def test_no_member_answers_a_row_as_old_as_what_it_was_fitted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = posed(contacts(1000), SEVERAL)
    answered: list[tuple[int, int]] = []
    fitted_to: list[int] = []
    fit, answer = Trial.fit, fits.log_odds

    def place(rows: np.ndarray) -> int:
        """Which row of the problem is the first of a view of them."""
        return int((rows.ctypes.data - problem.rows.ctypes.data) // problem.rows.strides[0])

    def spied_fit(self: Trial, layout: Layout, seed: int, rows: np.ndarray, positive: np.ndarray) -> Pipeline:
        pipeline = fit(self, layout, seed, rows, positive)
        if np.shares_memory(rows, problem.rows):
            pipeline.fitted_to = place(rows) + len(rows)
            fitted_to.append(pipeline.fitted_to)
        return pipeline

    def spied_answer(pipeline: Pipeline, rows: np.ndarray) -> np.ndarray:
        answered.append((pipeline.fitted_to, place(rows)))
        return answer(pipeline, rows)

    monkeypatch.setattr(Trial, "fit", spied_fit)
    monkeypatch.setattr(fits, "log_odds", spied_answer)
    found = search(problem, SEVERAL, silent)
    starts = {start for start, _ in problem.folds.every}
    assert {first for _, first in answered} == starts
    assert all(end <= first for end, first in answered)
    assert [end for end in fitted_to if end not in starts] == [1000] * len(found.blend.pipelines)


def test_the_outcomes_of_the_holdout_have_no_part_in_the_choice() -> None:
    rows = contacts(1000)
    cut = posed(rows, SEVERAL).folds.cut
    # As many positive rows in another order, so that folds are as long.
    turned = [{**row, "y": rows[cut + 999 - index]["y"]} if index >= cut else row for index, row in enumerate(rows)]
    one, two = posed(rows, SEVERAL), posed(turned, SEVERAL)
    assert one.folds == two.folds
    assert (one.positive[cut:] != two.positive[cut:]).any()
    chosen = [
        [(one.trial, one.loss(problem.positive)) for one in searching(problem, SEVERAL)._choose()]
        for problem in (one, two)
    ]
    assert chosen[0] == chosen[1]
    first, second = (search(problem, ALL_ROWS, silent) for problem in (one, two))
    figures = [{each.family: each for each in found.candidates[1:]} for found in (first, second)]
    for member in figures[0].keys() & figures[1].keys():
        before, after = figures[0][member], figures[1][member]
        assert before.settings == after.settings
        assert (before.folds_auc, before.folds_log_loss) == (after.folds_auc, after.folds_log_loss)
        assert before.holdout != after.holdout
    assert first.recipe.holdout != second.recipe.holdout


def test_a_judging_fold_is_predicted_with_the_weights_of_the_folds_before_it() -> None:
    rows = contacts(1000)
    problem = posed(rows, ALL_ROWS)
    start, end = problem.folds.judging[-1]
    turned = [{**row, "y": rows[start + 999 - index]["y"]} if index >= start else row for index, row in enumerate(rows)]
    one, two = search(problem, ALL_ROWS, silent), found_in(turned, ALL_ROWS)
    assert (one.probability == two.probability).all()
    assert end == 1000
    assert one.blend.weights != two.blend.weights
