"""From a drop of order lines to a forecast that serves."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from shared.store import names
from shared.store.registry import CARD_FILE
from shared.training.forecast import graph, parity, task
from tests.forecast_world import CATALOG, LAST, Line, Shop, lines, small_trees, trained_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

HORIZON = 14


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with small_trees():
        yield


def table(shop: Shop) -> list[dict[str, str]]:
    (name,) = [name for name in shop.blobs.blobs if name.startswith("results/sales/")]
    return list(csv.DictReader(io.StringIO(shop.blobs.blobs[name].decode())))


def copied() -> Shop:
    """A shop in which a version serves, to go on with."""
    one = trained_shop()
    shop = Shop(now=one.now)
    for name, data in one.blobs.blobs.items():
        shop.blobs.write(name, data)
    return shop


def test_the_first_forecast_serves_and_says_what_it_rests_on() -> None:
    shop = trained_shop()
    made = shop.serving
    assert made.origin == "2026-11-21"
    assert [level.level for level in made.levels] == ["total", "product", "country"]
    assert made.levels[1].wape < made.levels[1].naive_wape
    assert made.parity.largest_difference < parity.TOLERANCE
    assert made.unusable["quantity"].startswith("it is known once")
    assert [item.name for item in made.inputs] == ["product", "country", "date", "unit_price", "promotion"]
    page = shop.registry.file(made, CARD_FILE).decode()
    assert "Forecast card" in page
    assert "May it serve?" in page


def test_the_table_has_every_series_and_day_and_all_levels_add_up() -> None:
    rows = table(trained_shop())
    assert len(rows) == (1 + 4 + 2) * HORIZON
    summed: dict[tuple[str, str], float] = defaultdict(float)
    for row in rows:
        summed[row["date"], row["level"]] += float(row["forecast"])
    days = sorted({row["date"] for row in rows})
    assert days == [str(LAST + timedelta(days=ahead)) for ahead in range(HORIZON)]
    for day in days:
        assert summed[day, "product"] == pytest.approx(summed[day, "total"], abs=0.01)
        assert summed[day, "country"] == pytest.approx(summed[day, "total"], abs=0.01)


def test_nothing_is_forecast_of_days_on_which_all_is_closed() -> None:
    sundays = [row for row in table(trained_shop()) if date.fromisoformat(row["date"]).weekday() == 6]
    assert sundays
    assert all(float(row[name]) == 0 for row in sundays for name in ("forecast", "low_90", "high_90"))


def test_the_same_drop_makes_the_same_version_and_a_run_that_died_is_finished() -> None:
    shop = copied()
    (record,) = [name for name in shop.blobs.blobs if name.startswith("runs/") and "progress" not in name]
    made, stored = shop.serving.version, dict(shop.blobs.blobs)
    del shop.blobs.blobs[record]
    assert shop.drop(lines()).version == made
    assert {name for name in shop.blobs.blobs if name.startswith("models/")} == {
        name for name in stored if name.startswith("models/")
    }


def week_later(shop: Shop, days: int) -> list[Line]:
    shop.now = datetime(2026, 11, 23, 2, tzinfo=UTC) + timedelta(days=days)
    return lines(300 + days, last=LAST + timedelta(days=days))


def test_a_few_days_later_nothing_is_due_and_the_table_has_the_days_that_are_left() -> None:
    shop = copied()
    record = shop.drop(week_later(shop, 2), "later.csv")
    assert record.outcome == "not due", record.reasons
    assert record.watch is not None
    assert record.watch.metrics["days"] >= 1
    newest = shop.blobs.blobs[names.forecast_table("sales", record.slot)].decode().splitlines()
    assert newest[1].startswith('"total","total",2026-11-25,3')


def test_when_half_of_the_horizon_is_over_a_new_forecast_is_made_and_serves() -> None:
    shop = copied()
    record = shop.drop(week_later(shop, 8), "later.csv")
    assert any("of the 14 periods" in reason for reason in record.due)
    assert record.outcome == "promoted", record.reasons
    assert "against the mixture of" in record.reasons[0]
    assert shop.serving.origin == "2026-11-30"


def test_a_history_that_is_too_short_is_refused_with_what_is_needed() -> None:
    record = Shop().drop(lines(70))
    assert record.outcome == "refused"
    (reason,) = record.reasons
    assert "sales of 69 days are too few: 84 are needed to forecast 14 ahead and to judge it" in reason
    assert reason.endswith("wait for more, or set model.horizon lower")


def test_a_short_history_is_forecast_by_what_can_be_fitted() -> None:
    shop = Shop()
    record = shop.drop(lines(100))
    assert record.outcome == "promoted", record.reasons
    families = {one.family for one in shop.serving.candidates}
    assert "seasonal naive" in families
    assert "trees" not in families


def test_a_product_with_three_sales_and_one_with_none_left_do_no_harm() -> None:
    rare = [Line(datetime(2026, month, 3, 9, tzinfo=UTC), "rare") for month in (3, 8, 11)]
    gone = [Line(datetime(2026, 2, day, 9, tzinfo=UTC), "gone", quantity=50) for day in (2, 3, 4)]
    shop = Shop()
    record = shop.drop([*lines(), *rare, *gone])
    assert record.outcome == "promoted", record.reasons
    found = {(row["series"], row["date"]): float(row["forecast"]) for row in table(shop)}
    assert all(found["gone", day] == 0 for name, day in found if name == "gone")
    assert sum(value for (name, _), value in found.items() if name == "rare") < 3
    assert shop.serving.off_sale["product"] == 1


def test_the_total_alone_is_forecast_where_nothing_else_is_asked_for() -> None:
    catalog = CATALOG.replace('by = ["product", "country"]', "by = []").replace('role = "series"', 'role = "line"')
    catalog = catalog.replace('promotion = { type = "boolean" }', 'promotion = { type = "boolean", role = "line" }')
    catalog = catalog.replace("nullable = true, min = 0 }", 'nullable = true, min = 0, role = "line" }')
    shop = Shop(catalog=catalog)
    assert shop.drop(lines()).outcome == "promoted"
    assert [item.name for item in shop.serving.inputs] == ["date"]
    assert {row["level"] for row in table(shop)} == {"total"}


def test_weeks_are_forecast_as_days_are() -> None:
    weekly = CATALOG.replace("horizon = 14", 'horizon = 4\nfrequency = "week"')
    shop = Shop(catalog=weekly)
    assert shop.drop(lines(400)).outcome == "promoted"
    (days,) = [item.days for item in shop.serving.inputs if item.days]
    assert (days.first, days.last, days.step) == ("2026-11-22", "2026-12-19", 7)


def test_a_graph_that_says_something_else_is_never_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    slack = graph.State.slack
    monkeypatch.setattr(graph.State, "slack", lambda state: slack(state) * np.float32(1.001))
    shop = Shop()
    record = shop.drop(lines(150))
    assert record.outcome == "refused"
    assert "the ONNX graph and the fitted forecast disagree on total" in record.reasons[0]
    assert not shop.registry.versions("sales")


def test_sales_on_days_that_the_calendar_has_closed_are_warned_of() -> None:
    shop = Shop(catalog=CATALOG.replace('["sunday"]', '["sunday", "monday"]'))
    assert shop.drop(lines(150)).outcome == "promoted"
    (told,) = [line for line in shop.serving.warnings if "closed" in line]
    assert re.match(
        r"1\d\.\d% of what was sold in the last year was sold on days that model\.calendar says are closed", told
    )
    assert told.endswith("take them out of model.calendar, or leave their lines out")
    assert not any("closed" in line for line in trained_shop().serving.warnings)


def test_what_was_sold_on_closed_days_more_than_a_year_ago_is_not_told_any_more() -> None:
    opened = [Line(datetime(2025, 6, day, 9, tzinfo=UTC), quantity=500) for day in (1, 8, 15)]
    shop = Shop()
    assert shop.drop([*lines(540), *opened]).outcome == "promoted"
    assert not any("closed" in line for line in shop.serving.warnings)


def test_a_challenger_that_is_worse_is_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = copied()
    good = task.solve
    made = []

    def spoiled(*given: object) -> object:
        found = good(*given)  # type: ignore[arg-type]
        judged = tuple(replace(one, said=tuple(said * np.float32(2) for said in one.said)) for one in found.judged)
        made.append(replace(found, judged=judged))
        return made[-1]

    monkeypatch.setattr(task, "solve", spoiled)
    before = shop.serving.version
    record = shop.drop(week_later(shop, 8), "later.csv")
    assert record.outcome == "kept"
    assert "not shown to be no worse for total, product" in record.reasons[0]
    assert shop.serving.version == before
