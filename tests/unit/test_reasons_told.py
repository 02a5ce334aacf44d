"""``?explain=true``: what is said of an answer, in words and numbers, and how many values are named."""

from __future__ import annotations

import json
import math
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from shared.csv_format import read_csv
from shared.features import Encoder
from shared.scoring.http import Call
from shared.scoring.reasons.explain import GivenReasons
from shared.scoring.reasons.shapley import Effects
from shared.scoring.reasons.told import Compared, Value, tell
from shared.scoring.rows import Rows
from shared.scoring.run import Scorer
from shared.scoring.scored import Scored
from shared.scoring.serving.session import load_version
from shared.settings import Settings
from tests.explaining import AGE, Office, ask, background, reasons, serve_explained
from tests.scoring_office import csv_of, problem
from tests.tiny_versions import INPUTS, MODEL, ROW, catalog, phone_inputs

if TYPE_CHECKING:
    from typing import Any


@pytest.fixture
def office() -> Office:
    return Office()


def probability(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def test_the_value_that_moved_the_answer_is_named_with_how_much_it_did(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    (found,) = reasons(office.explained(ROW | {"age": 61}))
    average = (probability(-1) + probability(-2)) / 2
    moved = probability(2) - average
    assert found == {
        "average": {"probability": pytest.approx(average, abs=1e-6), "log_odds": -1.5},
        "answer": {"probability": pytest.approx(probability(2), abs=1e-6), "log_odds": 2.0},
        "features": [
            {
                "feature": "age",
                "value": 61,
                "direction": "raises",
                "effect": {"probability": pytest.approx(moved, abs=2e-6), "log_odds": 3.5},
                "says": f"age 61 raises the probability by {moved * 100:.2f} points",
            }
        ],
        "others": {"features": 8, "effect": {"probability": 0.0, "log_odds": 0.0}},
        "exact": True,
        "compared_with": "2 of the newest 2,000 rows that training saw, 2023-01-01 to 2023-12-31",
    }


def test_the_rest_of_the_answer_is_as_without_reasons(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    rows = [ROW | {"age": 61, "contact_id": 7}, ROW | {"age": 30, "class": "steerage"}]
    plain = json.loads(office.explained(rows, explain="false").body)
    told = json.loads(office.explained(rows).body)
    assert [prediction.pop("reasons")["answer"]["probability"] for prediction in told["predictions"]] == [
        prediction["probability"] for prediction in plain["predictions"]
    ]
    assert told == plain
    assert "warnings" in plain["predictions"][1]


def test_rows_are_explained_each_for_itself_and_alike_each_time(office: Office) -> None:
    many = [ROW | {"age": 16 + place, "key": place, "f0": 1 + place % 9, "balance": place / 7} for place in range(32)]
    serve_explained(office.registry, stored=background(many), column=1, weight=0.3, bias=-1.0)
    rows = [ROW | {"age": 90, "balance": balance, "class": "first"} for balance in (0.5, 4.0, None, -3)]
    rows[2]["balance"] = 2.5
    together = reasons(office.explained(rows))
    again = Scorer(catalog(MODEL), office.registry, Settings())
    assert [reasons(ask(again, row))[0] for row in rows[::-1]] == together[::-1]
    assert [one["features"][0]["direction"] for one in together] == ["lowers", "raises", "raises", "lowers"]


def test_all_numbers_add_up_to_the_last_digit() -> None:
    random = np.random.default_rng(5)
    for inputs in range(1, 10):
        orders = random.normal(size=(4, 3, inputs, 2))
        effects = Effects(orders.mean(axis=(0, 1)), exact=False, scored=1, _orders=orders)
        for top in range(1, inputs + 1):
            told = tell(values(inputs), effects, Middling(), 0.7, top)  # type: ignore[arg-type]
            content = json.loads(msgspec.json.encode(told))
            for scale, digits in (("probability", 6), ("log_odds", 4)):
                effect = sum(one["effect"][scale] for one in (*content["features"], content["others"]))
                assert round(content["average"][scale] + effect, digits) == content["answer"][scale]
            sizes = [abs(one["effect"]["probability"]) for one in content["features"]]
            assert all(first >= second for first, second in pairwise(sizes))
            assert len(sizes) + content["others"]["features"] == inputs


class Middling(Compared):
    """A background that is answered with a third on average."""

    def __init__(self) -> None:
        super().__init__(self, 1, "a third")  # type: ignore[arg-type]

    average = np.array([1 / 3, math.log(1 / 2)])


def values(count: int) -> list[Value]:
    return [Value(INPUTS[0], place, float(place)) for place in range(count)]


def test_an_effect_that_its_error_hides_has_no_direction() -> None:
    orders = np.zeros((1, 2, 3, 2))
    orders[0, :, 0], orders[0, :, 1], orders[0, :, 2] = [[0.3], [0.3]], [[0.3], [-0.1]], [[0.31], [0.11]]
    effects = Effects(orders.mean(axis=(0, 1)), exact=False, scored=1, _orders=orders)
    told = tell(values(3), effects, Middling(), 0.7, 3)
    assert [one.direction for one in told.features] == ["raises", "raises", "unclear"]
    assert [one.says for one in told.features] == [
        "age 0 raises the probability by 30.00 ± 0.00 points",
        "age 2 raises the probability by 21.00 ± 10.00 points",
        "age 1 moves the probability by +10.00 ± 20.00 points, too little to say which way",
    ]
    assert [one.error and one.error.probability for one in told.features] == pytest.approx([0, 0.1, 0.2], abs=2e-6)
    assert told.others.error is not None


def test_an_error_is_never_stated_smaller_than_it_is() -> None:
    orders = np.zeros((1, 2, 1, 2))
    orders[0, :, 0] = [[0.3], [0.3 + 2e-9]]
    effects = Effects(orders.mean(axis=(0, 1)), exact=False, scored=1, _orders=orders)
    (reason,) = tell(values(1), effects, Middling(), 0.7, 1).features
    assert reason.error is not None
    assert (reason.error.probability, reason.error.log_odds) == (1e-6, 1e-4)


def words(office: Office, column: int, row: dict[str, Any], **how: Any) -> list[str]:
    serve_explained(office.registry, column=column, weight=1.0, bias=-1.0, **how)
    return [one["says"].partition(" the probability")[0] for one in reasons(office.explained(row))[0]["features"]]


def test_an_unknown_level_is_said_to_be_one(office: Office) -> None:
    assert words(office, 3, ROW | {"class": "steerage"}) == ['class "steerage", unknown to the model, lowers']


def test_a_known_level_is_said_as_it_was_sent(office: Office) -> None:
    assert words(office, 3, ROW | {"class": "tourist"}) == ['class "tourist" raises']


def test_an_empty_value_is_said_to_be_one(office: Office) -> None:
    assert words(office, 5, ROW | {"job": None}) == ["job empty raises"]
    (found,) = reasons(office.explained(ROW | {"job": None}))
    assert found["features"][0]["value"] is None


def test_true_and_false_are_said_as_in_json(office: Office) -> None:
    assert words(office, 4, ROW | {"member": False}) == ["member false lowers"]


def test_a_date_is_said_with_the_day_of_the_week_that_it_counts_by(office: Office) -> None:
    inputs = phone_inputs()
    before = {item.name: item.levels[0] if item.levels else 20 for item in inputs}
    stored = background([before | {"contacted_on": date(2024, 5, 6)}], inputs)
    row = before | {"contacted_on": "2024-05-08"}
    assert words(office, 0, row, stored=stored, inputs=inputs) == ["contacted_on 2024-05-08 (wed) raises"]
    (found,) = reasons(office.explained(row))
    assert found["features"][0]["value"] == "2024-05-08"


def test_a_long_text_is_cut_in_the_sentence_and_whole_beside_it(office: Office) -> None:
    serve_explained(office.registry, column=3, weight=1.0, bias=0.0)
    (found,) = reasons(office.explained(ROW | {"class": "x" * 500}))
    assert found["features"][0]["value"] == "x" * 500
    assert len(found["features"][0]["says"]) < 150


def test_values_that_come_in_arrays_are_written_as_those_in_lists(office: Office) -> None:
    loaded = load_version(office.registry, MODEL, serve_explained(office.registry, **AGE).version)
    columns: dict[str, Any] = {name: [value] for name, value in ROW.items()} | {"age": np.array([61])}
    matrix = Encoder(INPUTS).encode(columns, 1)
    scored = Scored(loaded, Rows(1, columns, [None]), matrix, loaded.outputs(matrix), {})
    (found,) = GivenReasons(office.registry).reasons(scored, Call("POST", ""))
    assert msgspec.json.encode(found.features[0].value) == b"61"
    empty = Value(INPUTS[1], np.array([np.nan])[0], math.nan)
    assert (empty.plain, str(empty)) == (None, "balance empty")


def test_a_csv_answer_holds_the_same_reasons_in_a_column(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    rows = [ROW | {"age": age} for age in (61, 30)]
    answer = office.ask(csv_of(rows), {"explain": "true"}, content_type="text/csv", accept="text/csv")
    assert answer.status == 200, answer.body
    header, lines = read_csv([answer.body], "answer.csv")
    column = header.index("reasons")
    assert [json.loads(str(line[column])) for _, line in lines] == reasons(office.explained(rows))


# How many


@pytest.mark.parametrize(("top", "named"), [("1", 1), ("2", 2), ("1000", 2)])
def test_so_many_values_are_named_as_were_asked_for(office: Office, top: str, named: int) -> None:
    inputs = (*INPUTS[:2], INPUTS[6])
    stored = background([{"age": 20, "balance": 1, "key": 20}], inputs)
    serve_explained(office.registry, stored=stored, inputs=inputs, column=0, weight=0.5, bias=-10.0)
    (found,) = reasons(office.explained({"age": 24, "balance": 5, "key": 3}, top=top))
    assert len(found["features"]) == min(named, 1)
    assert len(found["features"]) + found["others"]["features"] == 3


# With which background


def test_a_background_is_read_with_the_first_question_and_kept(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    assert office.explained(ROW, explain="false").status == 200
    assert office.read_backgrounds == 0
    office.blobs.down = True
    assert "storage did not answer" in problem(office.explained(ROW), 503)["detail"]
    office.blobs.down = False
    assert reasons(office.explained(ROW))
    office.blobs.down = True
    assert reasons(office.explained(ROW))
    assert office.read_backgrounds == 2


def test_each_version_is_compared_with_its_own_background(office: Office) -> None:
    first = serve_explained(office.registry, 1, **AGE)
    second = serve_explained(office.registry, 2, background([ROW | {"age": 41}]), column=0, weight=0.2, bias=-8.2)
    averages = [
        reasons(office.explained(ROW, **query))[0]["average"]["log_odds"] for query in ({}, {"version": first.version})
    ]
    assert averages == [0.0, -1.5]
    assert second.version != first.version
