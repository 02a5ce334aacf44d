"""From a solution to a version: the record, the graph, the table, the card."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from shared.catalog.forecast import TOTAL
from shared.store.forecasts import Forecaster, LinesRecord
from shared.store.records import Data, Days, Input, KeyColumn
from shared.store.registry import CARD_FILE, GRAPH_FILE
from shared.training.forecast import card, graph, judgement, parity, table
from shared.training.naming import catalog_sha256, libraries, version_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.catalog.forecast import ForecastCase
    from shared.store.forecasts import LevelRecord
    from shared.store.records import Parity, Verdict
    from shared.store.registry import Registry
    from shared.training.forecast.solution import Solution
    from shared.training.table import Table

ID = "id"
UNSEEN = "it is known once an order has come"
LEAST_HELD, MOST_HELD = 0.86, 0.94
"""Of the days, within the intervals of 90 %: beyond, whoever reads the card is warned."""
TOLD_CLOSED = 0.01
"""Of the sales of a year, on closed days: less is stock-taking and mistakes."""


def make_version(
    case: ForecastCase,
    slot: str,
    checked: Table,
    solution: Solution,
    registry: Registry,
    judge: Callable[[Forecaster], Verdict],
) -> Forecaster:
    """Convert, check, judge and register what was found.

    Raises ConversionError where the graph says something else. The check is made on the graph that is stored,
    whichever run stored it; ``judge`` is asked before the card is written, which tells what it said.
    """
    model, name = case.model.name, version_name(slot, checked, case)
    stored = {
        GRAPH_FILE: registry.keep(model, name, GRAPH_FILE, graph.convert(solution, model)),
        table.FORECAST_FILE: registry.keep(model, name, table.FORECAST_FILE, table.written(solution)),
    }
    equal = parity.check_parity(stored[GRAPH_FILE], solution)
    files = {file: hashlib.sha256(data).hexdigest() for file, data in stored.items()}
    record = msgspec.structs.replace(_record(case, slot, checked, solution, equal), files=files)
    record = msgspec.structs.replace(record, verdict=judge(record))
    page = registry.keep(model, name, CARD_FILE, card.render(record))
    files[CARD_FILE] = hashlib.sha256(page).hexdigest()
    return registry.register(msgspec.structs.replace(record, files=files))


def _record(case: ForecastCase, slot: str, checked: Table, solution: Solution, equal: Parity) -> Forecaster:
    model, dataset, world = case.model, case.dataset, solution.world
    days, levels = world.sales.days, judgement.level_records(solution)
    series = {rolled.level.name: rolled.level for rolled in world.levels}
    return Forecaster(
        model=model.name,
        version=version_name(slot, checked, case),
        title=model.title,
        description=model.description,
        dataset=dataset.name,
        slot=slot,
        key=KeyColumn(name=ID, type="text", description="any name for the row; the answer gives it back"),
        inputs=tuple(_inputs(case, solution)),
        unusable={**_unseen(case), **dataset.unusable()},
        files={},
        catalog_sha256=catalog_sha256(case),
        data=_data(checked, solution),
        metrics=_metrics(levels),
        parity=equal,
        libraries=libraries(),
        warnings=(*_poor(levels), *_closed(solution)),
        measure=model.measure,
        frequency=model.frequency,
        horizon=model.horizon,
        origin=str(days.date_of(days.count) - timedelta(days=1)),
        by=model.by,
        levels=levels,
        candidates=judgement.candidate_records(solution),
        lines=LinesRecord(counted=len(world.sales.lines.frame), left_out=world.sales.lines.left_out),
        way=solution.choice.way,
        off_sale={name: int(level.ended[: level.count].sum()) for name, level in series.items()},
        pooled={name: level.rest for name, level in series.items()},
        gaps=tuple((str(first), str(last)) for first, last in world.sales.gaps),
        drawn=judgement.drawn(solution),
        worst=judgement.worst_series(solution),
    )


def _inputs(case: ForecastCase, solution: Solution) -> Iterator[Input]:
    """In the order of the graph's columns."""
    columns, world = case.dataset.columns, solution.world
    for rolled in world.levels[1:]:
        column = columns[rolled.level.name]
        yield Input(
            name=rolled.level.name,
            type="category",
            nullable=True,
            levels=rolled.level.names,
            description=column.description,
        )
    days = world.sales.days
    last = days.date_of(days.count + world.horizon) - timedelta(days=1)
    within = Days(first=str(days.date_of(days.count)), last=str(last), step=7 if days.step > 1 else 1)
    yield Input(name="date", type="day", nullable=True, days=within, description="left out: the whole horizon")
    for name, column in case.dataset.features().items():
        yield Input(
            name=name,
            type=column.type,  # type: ignore[arg-type]  # the catalog's check allows numbers and booleans alone
            nullable=True,
            min=column.min,
            max=column.max,
            description=column.description,
        )


def _unseen(case: ForecastCase) -> dict[str, str]:
    """Columns of an order line, none of which is known of days to come."""
    inputs = {*case.model.by, *case.dataset.features()}
    return {name: UNSEEN for name in case.dataset.used_columns() if name not in inputs}


def _data(checked: Table, solution: Solution) -> Data:
    sales = solution.world.sales
    judged = solution.judged[-1 if len(solution.judged) == 1 else 1]
    return Data(
        sha256=checked.sha256,
        rows=checked.rows,
        refused=checked.refused_rows,
        train_rows=len(sales.lines.frame),
        holdout_rows=sum(int(np.isfinite(came).sum()) for came in judged.came),
        first=str(sales.lines.days.min()),
        trained_to=str(sales.lines.days.max()),
        last=str(sales.lines.days.max()),
        refitted=True,
    )


def _metrics(levels: tuple[LevelRecord, ...]) -> dict[str, float]:
    """Of the finest level, and of the total."""
    finest = levels[min(1, len(levels) - 1)]
    return {
        "wape": finest.wape,
        "naive_wape": finest.naive_wape,
        "sum_wape": finest.sum_wape,
        "bias": finest.bias,
        **{f"coverage_{percent}": share for percent, share in finest.coverage.items()},
        f"{TOTAL}_wape": levels[0].wape,
        f"{TOTAL}_naive_wape": levels[0].naive_wape,
    }


def _poor(levels: tuple[LevelRecord, ...]) -> Iterator[str]:
    """Levels whose forecasts or intervals are not to be relied on."""
    for level in levels[:2]:
        if level.wape >= level.naive_wape:
            yield (
                f"{level.level}: no better than the same weekday of the week before (error {level.wape:.3f} against "
                f"{level.naive_wape:.3f})"
            )
        held = level.coverage["90"]
        if not LEAST_HELD <= held <= MOST_HELD:
            yield f"{level.level}: the intervals of 90 % held {held:.0%} of what came; take them with care"


def _closed(solution: Solution) -> Iterator[str]:
    """Sales of the last year on days of which nothing is forecast, because the catalog has them closed."""
    sales = solution.world.sales
    days, sold = sales.days, np.nan_to_num(sales.levels[0].sold[0])
    newest = np.arange(days.count) >= days.count - days.year
    on_closed = float(sold[newest & ~days.open(days.count)].sum(dtype=np.float64))
    share = on_closed / (float(sold[newest].sum(dtype=np.float64)) or 1.0)
    if share >= TOLD_CLOSED:
        yield (
            f"{share:.1%} of what was sold in the last year was sold on days that model.calendar says are closed; "
            "nothing is forecast of such days: take them out of model.calendar, or leave their lines out"
        )
