"""What is tried: families, settings, histories, and how rows are weighed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline

from shared.catalog.spec import ClassificationTraining
from shared.training.candidates import FORGOTTEN, Family, Layout, Trial, trials
from shared.training.fits import Fits
from shared.training.metrics import metrics
from tests.phone_data import contacts
from tests.searching import EXTRA, LIGHT, LOGISTIC, posed

if TYPE_CHECKING:
    from shared.catalog.spec import History


def out_of_season(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with one day and month: by these, trees would tell the old world from the new one."""
    return [{**row, "day": 5, "month": "may"} for row in rows]


def test_a_window_is_the_newest_rows_before_its_end() -> None:
    assert Trial(LOGISTIC, {}, 100).window(1000) == slice(900, 1000)
    assert Trial(LOGISTIC, {}, 100).window(50) == slice(0, 50)
    assert Trial(LOGISTIC, {}, "all").window(1000) == slice(0, 1000)


def test_a_window_with_a_half_life_ends_where_rows_are_forgotten() -> None:
    trial = Trial(LOGISTIC, {}, "all", 50)
    assert trial.window(2000) == slice(2000 - FORGOTTEN * 50, 2000)
    assert trial.window(300) == slice(0, 300)
    assert 2.0**-FORGOTTEN < 0.001


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers how rows were weighed."""

    def fit(self, rows: np.ndarray, _: np.ndarray, sample_weight: np.ndarray | None = None) -> Recorder:
        self.weights = sample_weight
        return self


def weights_of(trial: Trial) -> Any:
    rows = np.zeros((201, 1), dtype=np.float32)
    return trial.fit(Layout.of([]), 42, rows, np.arange(201) % 2 == 0)[-1].weights


def test_a_row_one_half_life_back_counts_half() -> None:
    family = Family("recorder", ({},), lambda *_: Pipeline([("model", Recorder())]))
    weights = weights_of(Trial(family, {}, "all", 50))
    assert weights[-1] == 1
    assert weights[-1 - 50] == pytest.approx(0.5)
    assert weights[-1 - 100] == pytest.approx(0.25)
    assert (np.diff(weights) > 0).all()
    assert weights_of(Trial(family, {}, "all")) is None


@pytest.mark.parametrize("family", LIGHT, ids=lambda family: family.name)
def test_every_family_believes_new_rows_more_with_a_half_life(family: Family) -> None:
    problem = posed(out_of_season(contacts(600, sign=-1) + contacts(400, first=601, seed=2)))
    layout = Layout.of(problem.encoder.inputs)
    newest = slice(900, 1000)
    scores = []
    for half_life in (None, 80):
        pipeline = Fits(problem, layout, 42).before(Trial(family, family.settings[0], "all", half_life), 900)
        scores.append(metrics(problem.positive[newest], pipeline.predict_proba(problem.rows[newest])[:, 1])["auc"])
    assert scores[1] > scores[0] + 0.1


def kinds(training: ClassificationTraining, rows: int) -> set[tuple[History, int | None]]:
    return {(trial.history, trial.half_life) for trial in trials(training, rows)}


def test_histories_that_are_longer_than_the_rows_are_not_tried() -> None:
    training = ClassificationTraining(history=(100, 500, "all"), half_lives=(60, 300))
    assert kinds(training, 400) == {(100, None), ("all", None), ("all", 60)}
    assert kinds(training, 700) == {(100, None), (500, None), ("all", None), ("all", 60), ("all", 300)}


def test_where_all_histories_are_longer_all_rows_are_tried() -> None:
    assert kinds(ClassificationTraining(history=(1000, 5000), half_lives=()), 400) == {("all", None)}


def test_a_family_whose_graph_grows_is_not_tried_on_long_histories() -> None:
    training = ClassificationTraining(history=(1000, 20_000, "all"), half_lives=(500, 2000))
    tried = {(each.history, each.half_life) for each in trials(training, 50_000) if each.family.name == EXTRA.name}
    assert tried == {(1000, None), ("all", 500)}
    tried = {(each.history, each.half_life) for each in trials(training, 4500) if each.family.name == EXTRA.name}
    assert tried == {(1000, None), ("all", None), ("all", 500), ("all", 2000)}
