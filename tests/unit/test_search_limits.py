"""Searches in want of something: of outcomes, of time, of rows, or of luck."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from shared.catalog.spec import ClassificationTraining
from shared.errors import DropError
from shared.training import candidates, fits
from shared.training.candidates import Trial
from shared.training.search import BLEND, Contender, search
from tests.phone_data import contacts
from tests.searching import ALL_ROWS, LIGHT, ONE_TRIAL, found_in, holdout, posed, searching, silent

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

LONG_FOLDS = ClassificationTraining(history=("all",), half_lives=(), folds=2, fold_rows=250)
"""Of a thousand rows, folds take half, however rare an outcome is."""


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Families with few and small trees."""
    monkeypatch.setattr(candidates, "FAMILIES", LIGHT)


def with_outcome(rows: list[dict[str, Any]], outcome: str, start: int, end: int) -> list[dict[str, Any]]:
    """The rows, of which those from ``start`` to ``end`` all have one outcome."""
    return [{**row, "y": outcome} if start <= index < end else row for index, row in enumerate(rows)]


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


def test_an_outcome_too_rare_for_a_random_split_has_no_figure_of_one() -> None:
    rows = [{**row, "y": "yes" if index in {20, 199} else "no"} for index, row in enumerate(contacts(200))]
    found = found_in(rows, ONE_TRIAL)
    assert found.recipe.random_split_auc is None
    assert found.recipe.holdout is not None


@pytest.mark.parametrize("rows", [200, 230])
def test_a_tiny_table_is_searched_by_the_catalogs_defaults(rows: int) -> None:
    problem = posed(contacts(rows), ClassificationTraining())
    assert max(end - start for start, end in problem.folds.every) < 25
    found = search(problem, ClassificationTraining(), silent)
    assert np.isfinite(found.probability).all()
    assert len(found.probability) == rows - problem.folds.cut


# Time


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


# Luck


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
