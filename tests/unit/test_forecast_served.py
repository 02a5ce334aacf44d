"""Versions that forecast, and what takes part beside them: what is loaded, who answers, what is told and written."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from shared.errors import VersionError
from shared.scoring.forecasts.loaded import LoadedForecast
from shared.scoring.http import Call
from shared.scoring.rows import Rows
from shared.scoring.serving.beside import unfit
from shared.scoring.serving.session import LoadedClassifier
from shared.scoring.serving.traffic import positions
from shared.store.forecasts import OUTPUTS
from shared.store.records import Input
from shared.store.registry import GRAPH_FILE
from tests import tiny_versions
from tests.bulk_bench import Bench
from tests.logged import hurry
from tests.scoring_office import content, predictions, problem
from tests.tiny_forecasts import (
    MODEL,
    ORIGIN,
    Expected,
    Office,
    catalog,
    day,
    graph,
    inputs_of,
    make,
    register,
    serve,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

WEEK_LATER = date(2026, 11, 29)


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    hurry(monkeypatch)
    made = Office(logging=True)
    yield made
    assert made.log is not None
    made.log.close(20)


def loaded(number: int = 1, **how: Any) -> LoadedForecast:
    version, files = make(number, **how)
    return LoadedForecast(version, files[GRAPH_FILE])


# What is loaded


def spoilt(column: str, by: float) -> bytes:
    """A graph whose numbers of one output are all further up."""
    numbers = table(8, 28, 0.0)
    numbers[:, :, OUTPUTS.index(column)] += by
    return graph(numbers=numbers)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"content": b"no graph"}, "is not a graph that takes 5 inputs as 'rows' and gives 'forecasts'"),
        ({"content": graph(given="probabilities")}, "is not a graph that takes 5 inputs"),
        ({"content": graph(numbers=table(8, 28, 0.0)[:, :, :6])}, r"expected 'forecasts' of shape \(2, 7\)"),
        ({"content": spoilt("high_50", 4.0)}, "high_50 6010, low_80 5993, high_80 6009, .*: no forecast"),
        ({"content": spoilt("low_80", 9.0)}, "no forecast"),
        ({"content": spoilt("low_90", 2.0)}, "no forecast"),
        ({"content": spoilt("high_50", -12.0)}, "no forecast"),
        ({"content": spoilt("forecast", np.nan)}, "forecast nan.*no forecast"),
        ({"content": spoilt("high_90", np.inf)}, "high_90 inf.*no forecast"),
        ({"inputs": inputs_of()[:2]}, "expected an input 'date' that says its days"),
        ({"inputs": (*inputs_of()[:2], Input("date", "day"))}, "expected an input 'date' that says its days"),
        ({"inputs": inputs_of(27)}, "28 days from 2026-11-23 on end on 2026-12-20, not on 2026-12-19"),
        ({"inputs": (*inputs_of(), Input("horizon", "number"))}, "two values have the name 'horizon'"),
    ],
)
def test_a_version_that_can_give_no_forecast_is_not_loaded(how: dict[str, Any], said: str) -> None:
    with pytest.raises(VersionError, match=said):
        loaded(**how)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [3.4e38, -3.4e38, 1e-38, -0.0, 0.0])
def test_large_and_small_numbers_are_forecasts_as_any_others(value: float) -> None:
    version = loaded()
    found = np.full((3, len(OUTPUTS)), value, dtype=np.float32)
    assert (version.checked(found) == found).all()
    wide = found.copy()
    wide[:, OUTPUTS.index("low_90")], wide[:, OUTPUTS.index("high_90")] = -3.4e38, 3.4e38
    assert (version.checked(wide) == wide).all()


def test_ends_that_crossed_in_the_last_digits_are_put_right() -> None:
    numbers = table(8, 28, 1_000.0)[1, :3]
    low, lower = OUTPUTS.index("low_80"), OUTPUTS.index("low_90")
    numbers[1, lower] = numbers[1, low] + 0.01
    before, found = numbers.copy(), loaded().checked(numbers)
    assert (numbers == before).all()
    assert found[1, low] == found[1, lower] == numbers[1, lower]
    assert (np.delete(found, low, axis=1) == np.delete(numbers, low, axis=1)).all()


def test_a_version_that_breaks_on_a_row_answers_503_and_half_of_nothing() -> None:
    office = Office()
    numbers = table(8, 28, 0.0)
    numbers[2, 20, OUTPUTS.index("high_90")] = -1.0
    serve(office.registry, content=graph(numbers=numbers))
    assert office.ask({"product": "P-1"}).status == 200
    assert "no forecast; retrain the model" in problem(office.ask([{}, {"product": "P-2"}]), 503)["detail"]


def test_columns_called_as_an_answer_calls_its_own_are_told_apart() -> None:
    office = Office()
    names = ("forecast", "version")
    inputs = [Input(name, item.type, True, levels=item.levels) for name, item in zip(names, inputs_of(), strict=False)]
    serve(office.registry, inputs=(*inputs, *inputs_of()[2:]), by=names)
    (found,) = predictions(office.ask({"forecast": "P-1", "horizon": 1}))
    assert found == {"forecast_": "P-1", "date": day(1), **Expected(1, 1).outputs}


# What takes part beside the champion


def test_a_canary_of_the_same_days_answers_whole_series(office: Office) -> None:
    champion = serve(office.registry, 1)
    canary = register(office.registry, 2)
    office.beside("canary", canary, 0.5)
    rows = [{"product": product} for product in ("P-1", "P-2", "P-3", *map(str, range(20)))]
    found = predictions(office.ask([*rows, {"id": "a"}, {"id": "b", "product": "P-1"}]))
    by_row = [{one.get("version", champion.version) for one in found[at : at + 28]} for at in range(0, len(found), 28)]
    assert {len(versions) for versions in by_row} == {1}
    assert set.union(*by_row) == {champion.version, canary.version}
    for one in found[:28]:
        number = 2 if one.get("version") == canary.version else 1
        ahead = (date.fromisoformat(one["date"]) - ORIGIN).days
        assert one["forecast"] == Expected(1, ahead, number).outputs["forecast"]


def test_a_canary_of_a_later_origin_answers_the_days_that_both_forecast(office: Office) -> None:
    champion = serve(office.registry, 1)
    canary = register(office.registry, 2, origin=WEEK_LATER)
    office.beside("canary", canary)
    answer = json.loads(office.ask({"product": "P-2"}).body)
    assert (answer["version"], answer["origin"]) == (champion.version, str(ORIGIN))
    assert [(one["date"], one.get("version"), one["forecast"]) for one in answer["predictions"]] == [
        (day(ahead), None, Expected(2, ahead, 1).outputs["forecast"])
        if ahead <= 7
        else (day(ahead), canary.version, Expected(2, ahead - 7, 2).outputs["forecast"])
        for ahead in range(1, 29)
    ]
    lines = office.lines()
    assert [line.role for line in sorted(lines, key=lambda line: line.row)] == ["served"] * 7 + ["canary"] * 21


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"origin": date(2026, 12, 20)}, "it forecasts none of the days by 'date' that can be asked for"),
        ({"horizon": 4, "step": 7}, "or not in the same steps"),
        ({"inputs": (*inputs_of(), Input("weather", "number"))}, "it needs 'weather', which no request brings"),
        ({"inputs": (*inputs_of()[:3], Input("price", "number"))}, "it takes no empty 'price'"),
    ],
)
def test_who_cannot_take_part_and_why(how: dict[str, Any], reason: str) -> None:
    champion, _ = make(1)
    assert reason in str(unfit(champion, make(2, **how)[0]))


def test_weeks_that_begin_on_other_days_are_other_weeks() -> None:
    champion, _ = make(1, horizon=4, step=7)
    assert unfit(champion, make(2, horizon=4, step=7, origin=WEEK_LATER)[0]) is None
    assert "not in the same steps" in str(unfit(champion, make(2, horizon=4, step=7, origin=date(2026, 11, 25))[0]))


def test_a_version_of_another_task_takes_no_part() -> None:
    other, _ = tiny_versions.make(2, inputs_of()[:2])
    assert "it was made for another task" in str(unfit(make(1)[0], other))
    assert "it was made for another task" in str(unfit(other, make(1)[0]))


def test_the_days_of_a_row_that_nothing_names_stay_together_whatever_is_planned() -> None:
    one, other = loaded(1), loaded(2)
    rows = one.reader.read(b'[{"product":"P-1"},{"product":"P-2"},{"product":"P-1","price":3}]')
    found = [*positions(one, other, rows)]
    assert [len(set(found[at : at + 28])) for at in (0, 28, 56)] == [1, 1, 1]
    assert len(set(found)) == 3


def test_a_shadow_scores_the_days_that_both_forecast_for_the_log_alone(office: Office) -> None:
    serve(office.registry, 1)
    shadow = register(office.registry, 2, origin=WEEK_LATER)
    office.beside("shadow", shadow)
    office.ask({"product": "P-1", "id": "somebody"})
    lines = office.lines("shadow")
    assert [line.features["date"] for line in lines] == [day(ahead) for ahead in range(8, 29)]
    for ahead, line in enumerate(lines, 8):
        mine, shown = Expected(1, ahead - 7, 2).outputs, Expected(1, ahead, 1).outputs
        assert line.forecast == {name: mine[name] for name in ("forecast", "low_90", "high_90")}
        assert line.against_forecast == {name: shown[name] for name in ("forecast", "low_90", "high_90")}
        assert line.row == ahead - 1


# What is written


def test_the_log_says_what_was_forecast_of_which_series_and_day(office: Office) -> None:
    version = serve(office.registry)
    sent = [{"product": "P-1", "horizon": 2, "price": 2.5}, {"id": "somebody", "country": "France", "date": day(5)}]
    request = office.ask(sent, x_request_id="r-1").headers["x-request-id"]
    lines = office.lines()
    features: dict[str, Any] = dict.fromkeys(("product", "country", "date", "price", "promotion"))
    assert [line.features for line in lines] == [
        features | {"product": "P-1", "date": day(1), "price": 2.5},
        features | {"product": "P-1", "date": day(2), "price": 2.5},
        features | {"country": "France", "date": day(5)},
    ]
    said = [Expected(1, 1).outputs, Expected(1, 2).outputs, Expected(5, 5).outputs]
    assert [line.forecast for line in lines] == [
        {name: one[name] for name in ("forecast", "low_90", "high_90")} for one in said
    ]
    assert {(line.version, line.request, line.role, line.key_hash) for line in lines} == {
        (version.version, request, "served", None)
    }
    raw = b"".join(office.logged.blobs.values())
    assert b"probability" not in raw
    assert b"decision" not in raw
    assert b"somebody" not in raw


# What is told


def test_models_are_told_with_the_days_that_can_be_asked_for() -> None:
    office = Office()
    version = serve(office.registry)
    (state,) = content(office.get("models"))["models"]
    assert state["days"] == {"first": day(1), "last": day(28), "step": 1}
    told = content(office.get(f"models/{MODEL}"))
    assert {name: told[name] for name in ("measure", "frequency", "horizon", "origin", "days")} == {
        "measure": "units", "frequency": "day", "horizon": 28, "origin": str(ORIGIN), "days": state["days"],
    }  # fmt: skip
    assert [(level["level"], level["series"], level["wape"]) for level in told["levels"]] == [
        ("total", 1, 0.25), ("product", 3, 0.25), ("country", 2, 0.25),
    ]  # fmt: skip
    assert not told.keys() & {"positive", "decision"}
    (line,) = content(office.get(f"models/{MODEL}/versions"))["versions"]
    assert (line["version"], line["wape"], line["auc"]) == (version.version, 0.25, None)


def test_reasons_are_refused_with_a_clear_sentence() -> None:
    office = Office()
    version = serve(office.registry)
    refused = problem(office.ask({}, {"explain": "true"}), 409)
    assert refused["type"] == "urn:cauce:cannot-be-explained"
    assert refused["detail"] == (
        f"model 'sales' forecasts: its answers are not explained one by one; the card of version {version.version} "
        "says what they rest on. Ask without ?explain=true"
    )


def test_a_version_that_is_asked_for_by_name_answers_by_its_own_days() -> None:
    office = Office()
    serve(office.registry, 1)
    other = register(office.registry, 2, origin=WEEK_LATER)
    answer = json.loads(office.ask({"date": day(35)}, {"version": other.version}).body)
    assert (answer["version"], answer["origin"]) == (other.version, str(WEEK_LATER))
    assert answer["predictions"] == [{"date": day(35), **Expected(0, 28, 2).outputs}]
    problem(office.ask({"date": day(35)}), 422)


def compared(office: Office, rows: Any, status: int = 200, **query: str) -> dict[str, Any]:
    call = Call("POST", f"models/{MODEL}/compare", json.dumps(rows).encode(), query)
    return content(office.scorer.answer(call), status)


def test_two_versions_are_compared_day_by_day() -> None:
    office = Office()
    champion, other = serve(office.registry, 1), register(office.registry, 1_101, origin=WEEK_LATER)
    told = compared(office, [{"id": 7, "product": "P-1"}, {"date": day(9)}], version=other.version)
    assert (told["version"], told["against"]) == (other.version, champion.version)
    assert [row["date"] for row in told["rows"]] == [*(day(ahead) for ahead in range(8, 29)), day(9)]
    mine, theirs = Expected(1, 1, 1_101).outputs, Expected(1, 8, 1).outputs
    assert told["rows"][0] == {
        "key": 7,
        "series": {"product": "P-1"},
        "date": day(8),
        "forecast": mine["forecast"],
        "forecast_against": theirs["forecast"],
        "difference": 4.0,
        "low_90": mine["low_90"],
        "high_90": mine["high_90"],
        "low_90_against": theirs["low_90"],
        "high_90_against": theirs["high_90"],
    }
    assert (told["rows"][-1]["key"], told["rows"][-1]["series"]) == (None, {})
    summary = told["summary"]
    assert (summary["rows"], summary["outside"], summary["mean_absolute_difference"]) == (22, 0, 4.0)
    assert summary["largest_difference"] == 4.0
    assert summary["sum"] == pytest.approx(summary["sum_against"] + 22 * 4.0)
    far = register(office.registry, 2_000, origin=WEEK_LATER)
    assert compared(office, {}, version=far.version)["summary"]["outside"] == 21
    swapped = compared(office, {}, version=champion.version, against=other.version)
    assert swapped["summary"]["mean_absolute_difference"] == 4.0


def test_versions_without_a_day_in_common_are_not_compared() -> None:
    office = Office()
    serve(office.registry, 1)
    later = register(office.registry, 2, origin=WEEK_LATER)
    never = register(office.registry, 3, origin=date(2027, 5, 1))
    refused = compared(office, {"horizon": 7}, 409, version=make(1)[0].version, against=later.version)
    assert "no day that both versions forecast" in refused["detail"]
    assert "no request suits both versions" in compared(office, {}, 409, version=never.version)["detail"]


# Files


def test_a_dropped_file_is_refused_and_it_is_said_where_the_forecast_is() -> None:
    bench = Bench(catalog=catalog())
    serve(bench.registry)
    reason = bench.refusal(b"id,product\n1,P-1\n", model=MODEL)
    assert "forecasts, and each drop writes all of it to results/sales/" in reason


def test_a_classifier_takes_all_rows_and_has_no_days() -> None:
    version, files = tiny_versions.make()
    one = LoadedClassifier(version, files[GRAPH_FILE])
    assert (one.takes(Rows(1, {}, [None])), one.days, one.answer_bytes) == (None, None, 0)
