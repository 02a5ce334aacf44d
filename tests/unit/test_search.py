"""The search is honest: time-ordered, chosen on the older folds, measured on the newest."""

from __future__ import annotations

import gc
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from shared.catalog.spec import Training
from shared.errors import DropError
from shared.training import candidates, fits
from shared.training import search as searched
from shared.training.blend import Weights
from shared.training.candidates import Layout, Trial
from shared.training.fits import Answer, Fits
from shared.training.metrics import metrics
from shared.training.search import BLEND, Contender, _Search, search
from shared.training.to_onnx import convert
from tests.phone_data import contacts
from tests.searching import LIGHT, ONE_TRIAL, posed, silent

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from shared.catalog.spec import History
    from shared.store.records import Candidate
    from shared.training.problem import Problem
    from shared.training.search import Found

SEVERAL = Training(history=("all", 150), half_lives=(60,), folds=2, fold_rows=60)
ALL_ROWS = Training(history=("all",), half_lives=(), folds=2, fold_rows=60)
LONG_FOLDS = Training(history=("all",), half_lives=(), folds=2, fold_rows=250)
"""Of a thousand rows, folds take half, however rare an outcome is."""

pytestmark = pytest.mark.usefixtures("light")


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Families with few and small trees."""
    monkeypatch.setattr(candidates, "FAMILIES", LIGHT)


def found_in(rows: list[dict[str, Any]], training: Training = ALL_ROWS) -> Found:
    return search(posed(rows, training), training, silent)


def searching(problem: Problem, training: Training) -> _Search:
    """A search that has not begun."""
    return _Search(Fits(problem, Layout.of(problem.encoder.inputs), training.seed), training, silent)


def holdout(candidate: Candidate) -> dict[str, float]:
    assert candidate.holdout is not None
    return candidate.holdout


def out_of_season(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with one day and month: by these, trees would tell the old world from the new one."""
    return [{**row, "day": 5, "month": "may"} for row in rows]


def with_outcome(rows: list[dict[str, Any]], outcome: str, start: int, end: int) -> list[dict[str, Any]]:
    """The rows, of which those from ``start`` to ``end`` all have one outcome."""
    return [{**row, "y": outcome} if start <= index < end else row for index, row in enumerate(rows)]


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
        [{**row, "y": str(y)} for row, y in zip(rows, shuffled, strict=True)], Training(folds=2, history=("all",))
    )
    figures = holdout(found.recipe)
    rate = figures["base_rate"]
    assert 0.4 < figures["auc"] < 0.6
    assert figures["log_loss"] < -rate * np.log(rate) - (1 - rate) * np.log(1 - rate) + 0.03


def test_a_fold_of_one_outcome_does_not_end_the_search() -> None:
    rows = contacts(1000)
    start, end = posed(rows, LONG_FOLDS).folds.choosing[1]
    problem = posed(with_outcome(rows, "no", start, end), LONG_FOLDS)
    assert [problem.positive[start:end].any() for start, end in problem.folds.every] == [True, False, True, True]
    assert holdout(search(problem, LONG_FOLDS, silent).recipe)["auc"] > 0.6


def test_choosing_folds_of_one_outcome_have_no_auc_and_still_choose() -> None:
    rows = contacts(1000)
    folds = posed(rows, LONG_FOLDS).folds
    found = found_in(with_outcome(rows, "no", folds.choosing[0][0], folds.cut), LONG_FOLDS)
    assert found.recipe.folds_auc == 0.5
    assert found.recipe.folds_log_loss is not None


def test_no_history_with_both_outcomes_before_the_folds_is_refused() -> None:
    rows = contacts(1000)
    first = posed(rows, ALL_ROWS).folds.every[0][0]
    with pytest.raises(DropError, match="no history before the folds holds both"):
        found_in(with_outcome(rows, "no", 0, first + 30))


def test_a_history_of_one_outcome_is_left_out_and_others_are_not() -> None:
    training = msgspec.structs.replace(ALL_ROWS, history=("all", 100))
    rows = contacts(1000)
    first = posed(rows, training).folds.every[0][0]
    found = found_in(with_outcome(rows, "no", first - 200, first), training)
    assert {candidate.history for candidate in found.candidates} == {"all"}


def test_a_time_budget_ends_the_search_but_not_before_there_is_a_model() -> None:
    found = found_in(contacts(800), ONE_TRIAL)
    assert [candidate.family for candidate in found.candidates] == [BLEND, "logistic regression"]
    assert found.warnings == (
        "training.seconds (1e-09) cut the search short: 1 of 6 trials were begun; a faster machine gets on",
    )
    assert holdout(found.recipe)["auc"] > 0.7


def test_the_cheapest_trial_is_the_one_that_a_small_budget_gets() -> None:
    found = found_in(contacts(800), msgspec.structs.replace(ONE_TRIAL, history=("all", 150)))
    assert found.candidates[1].history == 150


def test_members_that_the_budget_has_no_time_for_are_left_out_with_a_warning() -> None:
    training = msgspec.structs.replace(ALL_ROWS, seconds=100)
    problem = posed(contacts(800), training)
    search_ = searching(problem, training)
    fold = problem.folds.choosing[-1]
    slow, quick, slower = (
        Contender(Trial(family, {}, "all"), {fold: np.zeros(1)}, seconds)
        for family, seconds in zip(LIGHT, (1e4, 1e-3, 1e5), strict=True)
    )
    assert search_._affordable([slow, quick, slower]) == [slow]
    assert search_.warnings == [
        "training.seconds (100) cut the search short: 1 of 3 members had time to be fitted; a faster machine gets on"
    ]
    assert searching(problem, training)._affordable([quick, slow, slower]) == [quick]


def test_what_is_cut_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = found_in(contacts(400), ONE_TRIAL)
    assert caplog.messages == list(found.warnings)


def test_progress_is_reported_up_to_the_end() -> None:
    steps: list[tuple[str, int, int]] = []
    search(posed(contacts(800), ALL_ROWS), ALL_ROWS, lambda *step: steps.append(step))
    assert steps[0][1] == 0
    assert all(done < total for _, done, total in steps)
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
    assert steps[0][0].startswith("trying ")
    assert any(step.startswith("judging ") for step, _, _ in steps)
    assert steps[-1][0] == "fitting on all rows"


def test_an_outcome_too_rare_for_a_random_split_has_no_figure_of_one() -> None:
    rows = [{**row, "y": "yes" if index in {20, 199} else "no"} for index, row in enumerate(contacts(200))]
    found = found_in(rows, ONE_TRIAL)
    assert found.recipe.random_split_auc is None
    assert found.recipe.holdout is not None


@pytest.mark.parametrize("rows", [200, 230])
def test_a_tiny_table_is_searched_by_the_catalogs_defaults(rows: int) -> None:
    problem = posed(contacts(rows), Training())
    assert max(end - start for start, end in problem.folds.every) < 25
    found = search(problem, Training(), silent)
    assert np.isfinite(found.probability).all()
    assert len(found.probability) == rows - problem.folds.cut


def test_a_failing_fit_ends_the_search_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    fit, calls = Trial.fit, []

    def failing(self: Trial, *args: Any) -> Pipeline:
        calls.append(self)
        if len(calls) == 4:
            msg = "out of luck"
            raise ArithmeticError(msg)
        return fit(self, *args)

    monkeypatch.setattr(Trial, "fit", failing)
    with pytest.raises(ArithmeticError, match="out of luck"):
        found_in(contacts(400))
    gc.collect()


@pytest.mark.parametrize("workers", [1, 3])
def test_a_report_that_fails_ends_the_search_and_leaves_nothing_behind(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fits, "workers", lambda: workers)

    def report(_: str, done: int, __: int) -> None:
        if done == 2:
            raise ConnectionError

    problem = posed(contacts(400), ALL_ROWS)
    with pytest.raises(ConnectionError):
        search(problem, ALL_ROWS, report)
    gc.collect()
