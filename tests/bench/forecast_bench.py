"""How good and how quick forecasts are: ``make bench-forecast``.

Without ``--csv``, the demo company's order lines. With it, a file as ``local/maps/online_retail.toml`` takes it: the
100 products of the highest revenue, daily units, four origins 28 days apart, each forecast from what was before it, and
all choices made by origins before that; one error for each origin over all series, then their mean; and the total
revenue as one series. Beside it AutoETS of statsforecast on the same days, in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from local import sales
from local.load import load, read_map
from shared.catalog.load import parse_use_case
from shared.settings import BUILT_IN_CATALOG
from shared.store.forecasts import COVERAGES
from shared.training.forecast import errors, graph, parity
from shared.training.forecast.days import Days
from shared.training.forecast.lines import Counted
from shared.training.forecast.members import FAMILIES
from shared.training.forecast.rolling import roll
from shared.training.forecast.series import Level, Sales, average_of, on_sale, sales_of
from shared.training.forecast.solution import solve
from tests.bench.forecast_peer import PEER, environment
from tests.peak_memory import peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shared.catalog.forecast import ForecastCase
    from shared.training.forecast.rolling import World
    from shared.training.forecast.solution import Solution

MAPS = Path(__file__).parents[2] / "local" / "maps"
BIGGEST = 100
SOMEDAY = date(9999, 1, 1)
DAYS, SEED, STARTING, ENDING = 730, 20_261_122, 0.15, 0.1
PEER_SERIES = 200
"""AutoETS is timed on no more: it takes as long for each."""


def main() -> None:
    """Print the figures; ``--json FILE`` keeps them."""
    parser = argparse.ArgumentParser(prog="make bench-forecast", description=__doc__)
    parser.add_argument("--csv", type=Path, help="Online Retail, as local/maps/online_retail.toml takes it")
    parser.add_argument("--series", type=int, metavar="N", help="so many made-up series of 730 days instead")
    parser.add_argument("--no-peer", action="store_true", help="without AutoETS")
    parser.add_argument("--json", type=Path)
    parsed = parser.parse_args()
    figures = {}
    for name, (read, case) in _worlds(parsed).items():
        figures[name] = figure(read, case, peer=not parsed.no_peer)
        print(f"{name}: {json.dumps(figures[name], indent=2)}", flush=True)
    if parsed.json:
        parsed.json.write_text(json.dumps(figures, indent=2))


type Worlds = dict[str, tuple[Callable[[], Sales], ForecastCase]]
"""By name: what sums the lines, and the use case."""


def _worlds(parsed: argparse.Namespace) -> Worlds:
    if parsed.series:
        return many(parsed.series)
    return retail(parsed.csv) if parsed.csv else company()


def many(count: int) -> Worlds:
    """Made-up series with weeks, years, beginnings, ends and days without a sale, which are summed already."""
    text = (MAPS / "online_retail" / "sales.toml").read_text()
    every_day = _products_alone(text).replace('closed_weekdays = ["saturday"]', "")
    case = _case(every_day.replace("most_series = 500", f"most_series = {count}"))
    random = np.random.default_rng(SEED)
    day = np.arange(DAYS)
    size = random.lognormal(0.5, 1.2, (count, 1))
    week = random.dirichlet(np.full(7, 8.0), count)[:, day % 7] * 7
    year = 1 + 0.4 * random.random((count, 1)) * np.sin(2 * np.pi * (day / 365.25 + random.random((count, 1))))
    trend = np.exp(random.normal(0, 0.3, (count, 1)) * (day - DAYS) / 365)
    sold = random.poisson(size * week * year * trend).astype(np.float32)
    first = np.where(random.random((count, 1)) < STARTING, random.integers(0, DAYS - 120, (count, 1)), 0)
    end = np.where(random.random((count, 1)) < ENDING, random.integers(200, DAYS, (count, 1)), DAYS)
    sold[(day < first) | (day >= end)] = 0
    days = Days(date(2024, 11, 23), DAYS, 1, case.model.calendar)
    return {f"{count:,} made-up series": (lambda: _summed(sold, days), case)}


def _summed(sold: NDArray[np.float32], days: Days) -> Sales:
    total = sold.sum(axis=0, dtype=np.float64).astype(np.float32)[None]
    nothing = Counted(pd.DataFrame(), np.array([], dtype="datetime64[D]"), np.array([]), {})
    levels = []
    for name, one in (("total", total), ("product", sold)):
        own = on_sale(one, days.step)
        levels.append(
            Level(
                name=name,
                names=tuple(f"{number:05d}" for number in range(len(one))),
                sold=np.vstack([own, average_of(own)[None]]),
                rest=0,
                ahead=np.empty((len(one) + 1, days.count, 0), dtype=np.float32),
                is_number=np.array([], dtype=bool),
                calendars=np.zeros(len(one) + 1, dtype=np.int64),
            )
        )
    return Sales(days, tuple(levels), (), nothing, ())


def company() -> Worlds:
    """What the demo company sells, as shared/catalog/sales.toml has it."""
    frame = pd.DataFrame(sales.order_lines(), columns=list(sales.COLUMNS))
    case = _case((BUILT_IN_CATALOG / "sales.toml").read_text())
    return {"demo company": (lambda: sales_of(_typed(frame), case, SOMEDAY), case)}


def retail(csv: Path) -> Worlds:
    """Online Retail: the biggest products, and the total revenue."""
    text = (MAPS / "online_retail" / "sales.toml").read_text()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "retail.db"
        load(csv, read_map(MAPS / "online_retail.toml"), database, False, lambda _: None)
        with closing(sqlite3.connect(database)) as connection:
            frame = _typed(pd.read_sql("SELECT * FROM order_lines", connection))
    counts = (frame.quantity > 0) & (frame.unit_price > 0) & (frame.cancelled == 0)
    revenue = (frame.quantity * frame.unit_price)[counts].groupby(frame["product"][counts]).sum()
    biggest = frame[frame["product"].isin(revenue.nlargest(BIGGEST).index)]
    units = _products_alone(text)
    total = units.replace('by = ["product"]', 'by = []\nmeasure = "revenue"').replace(
        'product = { type = "category", role = "series" }', 'product = { type = "category", role = "line" }'
    )
    for_units, for_total = _case(units), _case(total)
    return {
        "units of 100 products": (lambda: sales_of(biggest, for_units, SOMEDAY), for_units),
        "total revenue": (lambda: sales_of(frame, for_total, SOMEDAY), for_total),
    }


def _products_alone(text: str) -> str:
    """The use case without countries."""
    alone = text.replace('by = ["product", "country"]', 'by = ["product"]')
    return alone.replace(
        'country = { type = "category", role = "series" }', 'country = { type = "category", role = "line" }'
    )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """As a drop's checked table is."""
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"]).astype("datetime64[us]")
    for name in ("quantity", "unit_price", "promotion", "cancelled"):
        if name in frame:
            frame[name] = frame[name].astype(float)
    return frame


def _case(text: str) -> ForecastCase:
    faults: list[str] = []
    case = parse_use_case(text.encode(), "sales.toml", faults)
    if faults:
        sys.exit("\n".join(faults))
    return case  # type: ignore[return-value]


def figure(read: Callable[[], Sales], case: ForecastCase, *, peer: bool) -> dict[str, Any]:
    """One world."""
    began = time.perf_counter()
    summed = read()
    world = roll(summed, case, lambda *_: None)
    solution = solve(world, lambda *_: None)
    made = graph.convert(solution, case.model.name)
    equal = parity.check_parity(made, solution)
    found: dict[str, Any] = {
        "seconds": round(time.perf_counter() - began, 1),
        "peak_mb": round(peak_mb()),
        "graph_mb": round(len(made) / 1e6, 2),
        "parity": equal.largest_difference,
        "adds_up": solution.choice.way,
        "levels": {rolled.level.name: _level(world, solution, place) for place, rolled in enumerate(world.levels)},
    }
    if peer:
        place = min(1, len(world.levels) - 1)
        found[PEER] = auto_ets(world, solution, place)
    return found


def _level(world: World, solution: Solution, place: int) -> dict[str, Any]:
    """Days that are not on sale count as sold nothing, as whoever compares with other methods has it."""
    rolled, judged = world.levels[place], solution.judged[place]
    count = rolled.level.count
    came = [np.nan_to_num(one[:count]) for one in judged.came]
    said = [one[:count] for one in judged.said]
    families = {
        family: round(float(np.mean([errors.wape(sold, members[number][:count]) for sold, members in zip(
            came, rolled.members[world.choosing :], strict=True)])), 4)
        for number, family in enumerate(FAMILIES)
        if rolled.usable[number]
    }  # fmt: skip
    held = {}
    for number, percent in enumerate(COVERAGES):
        inside = [
            ((sold >= ends[:, :, 2 * number] - 1e-6) & (sold <= ends[:, :, 2 * number + 1] + 1e-6))[counts]
            for sold, ends, counts in zip(judged.came, judged.intervals, judged.counts, strict=True)
        ]
        held[str(percent)] = round(float(np.concatenate(inside).mean()), 3)
    return {
        "wape_by_origin": [round(errors.wape(*one), 3) for one in zip(came, said, strict=True)],
        "wape": round(float(np.mean([errors.wape(*one) for one in zip(came, said, strict=True)])), 4),
        "sum_wape": round(float(np.mean([errors.sum_wape(*one) for one in zip(came, said, strict=True)])), 4),
        "bias": round(float(np.mean([errors.bias(*one) for one in zip(came, said, strict=True)])), 3),
        "families": families,
        "held": held,
        "weights": {
            family: float(weight)
            for family, weight in zip(FAMILIES, solution.choice.weights[place], strict=True)
            if weight
        },
    }


def auto_ets(world: World, solution: Solution, place: int) -> dict[str, Any]:
    """AutoETS with a season of a week, fitted at each judging origin on all days before it; of many series, some."""
    rolled = world.levels[place]
    count, horizon = rolled.level.count, world.horizon
    some = np.sort(np.random.default_rng(SEED).choice(count, min(count, PEER_SERIES), replace=False))
    sold = np.nan_to_num(rolled.level.sold[some]).astype(np.float64)
    origins = world.origins[world.choosing :]
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "sold.npy", sold)
        job = {"origins": list(origins), "horizon": horizon, "season": world.sales.days.season}
        (Path(folder) / "job.json").write_text(json.dumps(job))
        script = Path(__file__).with_name("forecast_peer.py")
        subprocess.run([str(environment()), str(script), folder], check=True)
        theirs = np.load(Path(folder) / "said.npy")
        seconds = json.loads((Path(folder) / "done.json").read_text())["seconds"]
    came = [sold[:, origin : origin + horizon] for origin in origins]
    ours = [one[some] for one in solution.judged[place].said]
    return {
        "series": len(some),
        "seconds": round(seconds, 1),
        "wape": round(float(np.mean([errors.wape(*one) for one in zip(came, theirs, strict=True)])), 4),
        "ours": round(float(np.mean([errors.wape(*one) for one in zip(came, ours, strict=True)])), 4),
    }


if __name__ == "__main__":
    main()
