"""``?explain=true``: what is said, in words and numbers, and what is refused."""

from __future__ import annotations

import json
import math
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from local.memory_blobs import MemoryBlobs
from shared.csv_format import csv_rows, read_csv
from shared.errors import StoreUnavailable
from shared.features import Encoder
from shared.scoring.http import Call
from shared.scoring.reasons.explain import MOST_ROWS, GivenReasons, most_rows
from shared.scoring.reasons.shapley import Effects
from shared.scoring.reasons.told import Compared, Value, tell
from shared.scoring.rows import Rows
from shared.scoring.run import Scorer
from shared.scoring.scored import Scored
from shared.scoring.serving.session import load_version
from shared.settings import Settings
from shared.store import names
from shared.store.records import to_json
from shared.store.registry import BACKGROUND_FILE, Registry
from tests.explaining import BEFORE, ask, background, reasons, serve_explained
from tests.tiny_versions import INPUTS, MODEL, ROW, catalog, phone_inputs, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from shared.scoring.http import Answer
    from shared.store.blobs import Blob

AGE = {"column": 0, "weight": 0.1, "bias": -4.1}
"""The odds are even at 41."""


class CountingBlobs(MemoryBlobs):
    """Blobs that count how often a background is read, and fail while ``down`` is set."""

    down, read_backgrounds = False, 0

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        if name.endswith(BACKGROUND_FILE):
            self.read_backgrounds += 1
            if self.down:
                msg = f"storage did not answer for {name!r}"
                raise StoreUnavailable(msg)
        return super().read(name, unless=unless)


class Office:
    """A scorer over blobs of its own."""

    def __init__(self) -> None:
        self.blobs = CountingBlobs()
        self.registry = Registry(self.blobs)
        self.scorer = Scorer(catalog(MODEL), self.registry, Settings(model_refresh_seconds=0.0))

    def ask(self, content: Any, **query: str) -> Answer:
        return ask(self.scorer, content, **query)


@pytest.fixture
def office() -> Office:
    return Office()


def refusal(answer: Answer, status: int) -> str:
    content = json.loads(answer.body)
    assert (answer.status, answer.content_type) == (status, "application/problem+json"), content
    detail: str = content["detail"]
    return detail


def probability(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


# What is said


def test_the_value_that_moved_the_answer_is_named_with_how_much_it_did(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    (found,) = reasons(office.ask(ROW | {"age": 61}))
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
    plain = json.loads(office.ask(rows, explain="false").body)
    told = json.loads(office.ask(rows).body)
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
    together = reasons(office.ask(rows))
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
    return [one["says"].partition(" the probability")[0] for one in reasons(office.ask(row))[0]["features"]]


def test_an_unknown_level_is_said_to_be_one(office: Office) -> None:
    assert words(office, 3, ROW | {"class": "steerage"}) == ['class "steerage", unknown to the model, lowers']


def test_a_known_level_is_said_as_it_was_sent(office: Office) -> None:
    assert words(office, 3, ROW | {"class": "tourist"}) == ['class "tourist" raises']


def test_an_empty_value_is_said_to_be_one(office: Office) -> None:
    assert words(office, 5, ROW | {"job": None}) == ["job empty raises"]
    (found,) = reasons(office.ask(ROW | {"job": None}))
    assert found["features"][0]["value"] is None


def test_true_and_false_are_said_as_in_json(office: Office) -> None:
    assert words(office, 4, ROW | {"member": False}) == ["member false lowers"]


def test_a_date_is_said_with_the_day_of_the_week_that_it_counts_by(office: Office) -> None:
    inputs = phone_inputs()
    before = {item.name: item.levels[0] if item.levels else 20 for item in inputs}
    stored = background([before | {"contacted_on": date(2024, 5, 6)}], inputs)
    row = before | {"contacted_on": "2024-05-08"}
    assert words(office, 0, row, stored=stored, inputs=inputs) == ["contacted_on 2024-05-08 (wed) raises"]
    (found,) = reasons(office.ask(row))
    assert found["features"][0]["value"] == "2024-05-08"


def test_a_long_text_is_cut_in_the_sentence_and_whole_beside_it(office: Office) -> None:
    serve_explained(office.registry, column=3, weight=1.0, bias=0.0)
    (found,) = reasons(office.ask(ROW | {"class": "x" * 500}))
    assert found["features"][0]["value"] == "x" * 500
    assert len(found["features"][0]["says"]) < 150


def test_values_that_come_in_arrays_are_written_as_those_in_lists(office: Office) -> None:
    loaded = load_version(office.registry, MODEL, serve_explained(office.registry, **AGE).version)
    columns: dict[str, Any] = {name: [value] for name, value in ROW.items()} | {"age": np.array([61])}
    matrix = Encoder(INPUTS).encode(columns, 1)
    scored = Scored(loaded, Rows(1, columns, [None]), matrix, loaded.probabilities(matrix), {})
    (found,) = GivenReasons(office.registry).reasons(scored, Call("POST", ""))
    assert msgspec.json.encode(found.features[0].value) == b"61"
    empty = Value(INPUTS[1], np.array([np.nan])[0], math.nan)
    assert (empty.plain, str(empty)) == (None, "balance empty")


def test_a_csv_answer_holds_the_same_reasons_in_a_column(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    rows = [ROW | {"age": age} for age in (61, 30)]
    text = csv_rows([list(ROW)]) + csv_rows([list(row.values()) for row in rows])
    sent = {"content-type": "text/csv", "accept": "text/csv"}
    answer = office.scorer.answer(Call("POST", f"models/{MODEL}/score", text, {"explain": "true"}, sent))
    assert answer.status == 200, answer.body
    header, lines = read_csv([answer.body], "answer.csv")
    column = header.index("reasons")
    assert [json.loads(str(line[column])) for _, line in lines] == reasons(office.ask(rows))


# How many


@pytest.mark.parametrize(("top", "named"), [("1", 1), ("2", 2), ("1000", 2)])
def test_so_many_values_are_named_as_were_asked_for(office: Office, top: str, named: int) -> None:
    inputs = (*INPUTS[:2], INPUTS[6])
    stored = background([{"age": 20, "balance": 1, "key": 20}], inputs)
    serve_explained(office.registry, stored=stored, inputs=inputs, column=0, weight=0.5, bias=-10.0)
    (found,) = reasons(office.ask({"age": 24, "balance": 5, "key": 3}, top=top))
    assert len(found["features"]) == min(named, 1)
    assert len(found["features"]) + found["others"]["features"] == 3


@pytest.mark.parametrize("top", ["0", "-1", "1001", "10000000000", "2.5", "x", "", "٣"])
def test_another_number_of_values_is_refused(office: Office, top: str) -> None:
    serve_explained(office.registry, **AGE)
    assert refusal(office.ask(ROW, top=top), 400) == f"top: expected a whole number from 1 to 1,000, got {top!r}"


@pytest.mark.parametrize("wanted", ["", "yes", "True", "1"])
def test_explain_is_true_or_false(office: Office, wanted: str) -> None:
    serve_explained(office.registry, **AGE)
    assert refusal(office.ask(ROW, explain=wanted), 400) == f"explain: expected true or false, got {wanted!r}"


def test_a_number_of_reasons_without_reasons_is_refused(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    assert refusal(office.ask(ROW, explain="false", top="3"), 400).startswith("top: expected nothing")


def test_more_rows_than_can_be_explained_are_refused_and_can_be_scored(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    assert len(reasons(office.ask([ROW] * MOST_ROWS))) == MOST_ROWS
    rows = [ROW] * (MOST_ROWS + 1)
    assert refusal(office.ask(rows), 413).startswith("the request has at least 51 rows; at most 50 are explained")
    assert office.ask(rows, explain="false").status == 200


def test_rows_count_over_all_chunks_and_shares_of_a_request(office: Office) -> None:
    loaded = load_version(office.registry, MODEL, serve_explained(office.registry, **AGE).version)
    matrix = loaded.encoder.encode({name: [value] for name, value in ROW.items()}, 1)
    given, call = GivenReasons(office.registry), Call("POST", "")
    for first, places in ((MOST_ROWS, None), (0, [MOST_ROWS])):
        rows = Rows(1, {name: [value] for name, value in ROW.items()}, [None], first)
        scored = Scored(loaded, rows, matrix, loaded.probabilities(matrix), {}, places)
        with pytest.raises(Exception, match="at least 51 rows"):
            given.reasons(scored, call)


def test_models_with_many_inputs_explain_fewer_rows_and_one_at_least() -> None:
    assert [most_rows(32, inputs) for inputs in (1, 15, 50, 200, 10_000)] == [50, 50, 15, 3, 1]


# What cannot be explained


def test_a_version_without_a_background_says_so_and_answers_without_reasons(office: Office) -> None:
    version = serve(office.registry, 40)
    detail = refusal(office.ask(ROW), 409)
    assert detail == (
        f"version {version.version} of model 'phone' was made before answers could be explained; retrain it "
        "(python -m local retrain phone), or ask without ?explain=true"
    )
    assert office.ask(ROW, explain="false").status == 200


def test_a_graph_that_gives_no_number_for_mixed_rows_is_said_to(office: Office) -> None:
    serve_explained(office.registry, column=1, weight=1.0, bias=0.0)
    assert refusal(office.ask(ROW), 409).startswith("row 0 cannot be explained: the model gives no number")
    assert office.ask(ROW, explain="false").status == 200


def spoiled(**changes: Any) -> bytes:
    return to_json(msgspec.structs.replace(BEFORE, **changes))


SPOILED: dict[str, tuple[bytes, str]] = {
    "what is no JSON": (b"{", "is not a Background record"),
    "a text for a number": (spoiled(rows=(("x",) * 9,)), "is not a Background record"),
    "another release's record": (to_json(BEFORE).replace(b'_version": 1', b'_version": 9'), "schema_version"),
    "no rows": (spoiled(rows=()), "expected one row or more, each of 9 values"),
    "a short row": (spoiled(rows=(*BEFORE.rows, (1.0,))), "expected one row or more, each of 9 values"),
    "other inputs": (spoiled(inputs=("age",), rows=((1.0,),)), "expected the inputs age, balance"),
    "inputs in another order": (spoiled(inputs=BEFORE.inputs[::-1]), "expected the inputs age, balance"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_background_that_is_not_right_is_an_error_and_scoring_goes_on(office: Office, what: str) -> None:
    data, told = SPOILED[what]
    serve_explained(office.registry, stored=data, **AGE)
    check_unexplained(office, told)


def change(office: Office, name: str) -> None:
    office.blobs.write(name, to_json(BEFORE) + b" ")


def remove(office: Office, name: str) -> None:
    del office.blobs.blobs[name]


@pytest.mark.parametrize(("damage", "told"), [(change, "the sha256 differs"), (remove, BACKGROUND_FILE)])
def test_a_background_that_was_changed_or_is_gone_is_an_error_and_scoring_goes_on(
    office: Office, damage: Callable[[Office, str], None], told: str
) -> None:
    version = serve_explained(office.registry, **AGE)
    damage(office, names.version_file(MODEL, version.version, BACKGROUND_FILE))
    check_unexplained(office, told)


def check_unexplained(office: Office, told: str) -> None:
    answer = office.ask(ROW)
    detail = refusal(answer, 503)
    assert told in detail
    assert detail.endswith("without ?explain=true it answers all the same")
    assert answer.headers["Retry-After"] == "10"
    plain = json.loads(office.ask(ROW, explain="false").body)
    assert plain["predictions"] == [{"probability": 0.5, "decision": "call"}]


def test_a_background_is_read_with_the_first_question_and_kept(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    assert office.ask(ROW, explain="false").status == 200
    assert office.blobs.read_backgrounds == 0
    office.blobs.down = True
    assert "storage did not answer" in refusal(office.ask(ROW), 503)
    office.blobs.down = False
    assert reasons(office.ask(ROW))
    office.blobs.down = True
    assert reasons(office.ask(ROW))
    assert office.blobs.read_backgrounds == 2


def test_each_version_is_compared_with_its_own_background(office: Office) -> None:
    first = serve_explained(office.registry, 1, **AGE)
    second = serve_explained(office.registry, 2, background([ROW | {"age": 41}]), column=0, weight=0.2, bias=-8.2)
    averages = [
        reasons(office.ask(ROW, **query))[0]["average"]["log_odds"] for query in ({}, {"version": first.version})
    ]
    assert averages == [0.0, -1.5]
    assert second.version != first.version
