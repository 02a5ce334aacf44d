"""A checked table becomes arrays, or it is said why there is too little to learn from."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from shared.catalog.spec import ClassificationTraining, Column, UseCase
from shared.errors import DropError
from shared.features import UNKNOWN_LEVEL, WEEKDAYS, Encoder
from shared.store.records import Input
from shared.training.problem import (
    LEAST_LEVEL_ROWS,
    MOST_LEVELS,
    Problem,
    model_inputs,
    newest_and_sample,
    outcomes,
    pose,
    rows_in_memory,
)
from tests.phone_data import contacts, phone
from tests.searching import read

FOLDS = ClassificationTraining(folds=2)


def use_case(training: ClassificationTraining = FOLDS, **columns: Column) -> UseCase:
    """The phone use case, some columns of which are others."""
    dataset = phone().dataset
    changed = msgspec.structs.replace(dataset, columns={**dataset.columns, **columns})
    return msgspec.structs.replace(phone(), training=training, dataset=changed)


def posed(rows: list[dict[str, Any]], training: ClassificationTraining = FOLDS) -> Problem:
    return pose(read(rows).frame, use_case(training))


def inputs(seen: pd.DataFrame, **columns: Column) -> dict[str, Input]:
    return {item.name: item for item in model_inputs(use_case(FOLDS, **columns), seen)}


def test_rows_stand_oldest_first_with_their_outcomes() -> None:
    rows = contacts(400)
    problem = posed(rows[::-1])
    age = [item.name for item in problem.encoder.inputs].index("age")
    assert problem.rows[:, age].tolist() == [row["age"] for row in rows]
    assert problem.positive.tolist() == [row["y"] == "yes" for row in rows]
    assert (problem.times[1:] >= problem.times[:-1]).all()


def test_the_holdout_are_the_rows_of_the_judging_folds() -> None:
    problem = posed(contacts(400))
    assert problem.holdout == slice(problem.folds.judging[0][0], 400)
    assert problem.sampled_from is None
    assert problem.kept.tolist() == list(range(400))


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DropError, match=r"30 rows fit the catalog; training\.min_rows asks for 200"):
        posed(contacts(30))


@pytest.mark.parametrize("outcome", ["yes", "no"])
def test_a_target_of_one_outcome_is_refused(outcome: str) -> None:
    with pytest.raises(DropError, match="y: the older rows, which train, have one outcome only"):
        posed([{**row, "y": outcome} for row in contacts(400)])


def test_older_rows_of_one_outcome_are_refused() -> None:
    with pytest.raises(DropError, match=r"older rows, which train, have one outcome only \(0 of \d+ are positive\)"):
        posed([{**row, "y": "no" if index < 370 else row["y"]} for index, row in enumerate(contacts(400))])


def test_newest_rows_of_one_outcome_are_refused() -> None:
    with pytest.raises(DropError, match=r"newest rows, which judge, have one outcome only \(0 of \d+ are positive\)"):
        posed([{**row, "y": "no"} if index >= 280 else row for index, row in enumerate(contacts(400))])


def test_where_memory_is_short_the_newest_half_is_kept_and_the_older_rows_are_sampled() -> None:
    rows = contacts(2500)
    problem = posed(rows, ClassificationTraining(memory_mb=400))
    assert problem.sampled_from == 2500
    assert len(problem.rows) == len(problem.positive) == len(problem.times) == 1000
    assert problem.kept[500:].tolist() == list(range(2000, 2500))
    assert (np.diff(problem.kept) > 0).all()
    assert problem.positive.tolist() == [rows[place]["y"] == "yes" for place in problem.kept]
    assert problem.folds.every[-1][1] == 1000


def test_the_sample_is_of_all_older_rows_and_repeatable() -> None:
    kept = newest_and_sample(10_000, 1000, 42)
    assert (kept == newest_and_sample(10_000, 1000, 42)).all()
    assert (kept != newest_and_sample(10_000, 1000, 43)).any()
    older = kept[:500]
    assert older.min() < 200
    assert older.max() < 9500
    assert np.unique(kept).size == 1000
    assert older.mean() == pytest.approx(9500 / 2, rel=0.1)


@pytest.mark.parametrize("most", [1000, 1001, 5000])
def test_all_rows_are_kept_where_memory_holds_them(most: int) -> None:
    assert newest_and_sample(1000, most, 42).tolist() == list(range(1000))


def test_more_memory_holds_more_rows_and_many_levels_fewer() -> None:
    narrow = Encoder([Input("n", "number")])
    wide = Encoder([Input("c", "category", levels=tuple(f"{level}" for level in range(99)))])
    assert rows_in_memory(narrow, 1200) > rows_in_memory(narrow, 600) > 1000
    assert rows_in_memory(narrow, 1200) == pytest.approx(100 * rows_in_memory(wide, 1200), rel=0.01)
    assert rows_in_memory(wide, 400) == 1000


def test_levels_are_those_that_the_catalog_declares_or_training_saw() -> None:
    found = inputs(read(contacts(400)).frame)
    assert found["job"].levels == ("management", "retired", "student", "technician")
    assert found["month"].levels[0] == "jan"
    assert found["age"].levels == ()


def test_a_level_of_few_rows_is_unknown() -> None:
    rows = contacts(400)
    for row in rows[: LEAST_LEVEL_ROWS - 1]:
        row["job"] = "astronaut"
    for row in rows[100 : 100 + LEAST_LEVEL_ROWS]:
        row["job"] = "diver"
    problem = posed(rows)
    job = [item.name for item in problem.encoder.inputs].index("job")
    assert "astronaut" not in problem.encoder.inputs[job].levels
    assert "diver" in problem.encoder.inputs[job].levels
    assert (problem.rows[: LEAST_LEVEL_ROWS - 1, job] == UNKNOWN_LEVEL).all()


def test_of_two_levels_none_is_too_rare() -> None:
    rows = contacts(400)
    rows[0]["loan"] = "yes"
    assert inputs(read(rows).frame)["loan"].levels == ("no", "yes")


def test_of_too_many_levels_the_most_frequent_are_known() -> None:
    counts = [LEAST_LEVEL_ROWS + 1] * MOST_LEVELS + [LEAST_LEVEL_ROWS] * 20
    jobs = np.repeat([f"job{place:03}" for place in range(len(counts))], counts)
    seen = pd.concat([read(contacts(10)).frame] * (len(jobs) // 10 + 1), ignore_index=True)[: len(jobs)]
    seen["job"] = jobs[::-1]
    assert inputs(seen)["job"].levels == tuple(f"job{place:03}" for place in range(MOST_LEVELS))


def test_a_category_that_is_empty_throughout_has_no_levels() -> None:
    seen = read(contacts(10)).frame.assign(job=pd.Series([None] * 10, dtype=object))
    item = inputs(seen, job=Column("category", nullable=True))["job"]
    assert item.levels == ()
    assert item.nullable


def test_the_day_of_a_contact_counts_by_its_weekday() -> None:
    problem = posed(contacts(400))
    place = [item.name for item in problem.encoder.inputs].index("contacted_on")
    item = problem.encoder.inputs[place]
    assert (item.type, item.levels) == ("weekday", WEEKDAYS)
    assert problem.rows[:, place].tolist() == [pd.Timestamp(moment).weekday() for moment in problem.times]


def test_bounds_of_the_catalog_are_those_of_the_input() -> None:
    age = inputs(read(contacts(10)).frame)["age"]
    assert (age.type, age.min, age.max) == ("integer", 16, 120)


@pytest.mark.parametrize(("positive", "expected"), [("true", [True, False, True]), ("false", [False, True, False])])
def test_a_boolean_target_is_read_by_its_name(positive: str, expected: list[bool]) -> None:
    case = use_case(FOLDS, y=Column("boolean", role="target"))
    case = msgspec.structs.replace(case, model=msgspec.structs.replace(case.model, positive=positive))
    assert outcomes(pd.DataFrame({"y": [1.0, 0.0, 1.0]}), case).tolist() == expected


def test_a_target_of_labels_is_compared_as_it_is_written() -> None:
    assert outcomes(pd.DataFrame({"y": ["yes", "no", "Yes"]}), use_case()).tolist() == [True, False, False]
