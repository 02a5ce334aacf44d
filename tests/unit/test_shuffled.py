"""The figure of a random split is what it says: honest in a world that stays, flattering in one that does not."""

from __future__ import annotations

import pytest

from shared.catalog.spec import ClassificationTraining
from shared.errors import DropError
from shared.training import candidates
from shared.training.shuffled import random_split_metrics
from tests.phone_data import contacts
from tests.searching import LIGHT, ONE_TRIAL, found_in, holdout, read, use_case

TRAINING = ClassificationTraining(history=("all", 300), half_lives=(), folds=2)


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Families with few and small trees."""
    monkeypatch.setattr(candidates, "FAMILIES", LIGHT)


def in_time_order(rows: list[dict[str, object]], training: ClassificationTraining) -> dict[str, float]:
    return holdout(found_in(rows, training).recipe)


def test_in_a_world_that_stays_it_is_close_to_the_figure_in_time_order() -> None:
    rows = contacts(2400)
    shuffled = random_split_metrics(read(rows), use_case(TRAINING))
    assert shuffled["auc"] == pytest.approx(in_time_order(rows, TRAINING)["auc"], abs=0.04)
    assert shuffled["auc"] > 0.8


def test_in_a_world_that_has_just_changed_it_flatters() -> None:
    rows = contacts(2200) + contacts(200, sign=-1, first=2201, seed=2)
    shuffled = random_split_metrics(read(rows), use_case(TRAINING))
    assert shuffled["auc"] > in_time_order(rows, TRAINING)["auc"] + 0.1


def test_it_is_repeatable() -> None:
    table = read(contacts(600))
    assert random_split_metrics(table, use_case(ONE_TRIAL)) == random_split_metrics(table, use_case(ONE_TRIAL))


def test_a_fifth_of_the_rows_is_predicted_with_the_base_rate_of_all() -> None:
    rows = contacts(1000)
    figures = random_split_metrics(read(rows), use_case(ONE_TRIAL))
    assert figures["base_rate"] == pytest.approx(sum(row["y"] == "yes" for row in rows) / 1000, abs=0.005)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DropError, match="30 rows fit the catalog"):
        random_split_metrics(read(contacts(30)), use_case())


def test_an_outcome_that_is_too_rare_is_refused() -> None:
    rows = [{**row, "y": "yes" if index in {20, 199} else "no"} for index, row in enumerate(contacts(200))]
    with pytest.raises(DropError, match="too rare to be in every part of a random split"):
        random_split_metrics(read(rows), use_case())
