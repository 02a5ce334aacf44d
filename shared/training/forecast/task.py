"""The task of forecasting; see ``shared.training.task``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shared.errors import BlobMissing, VersionError
from shared.store import names
from shared.store.forecasts import Forecaster
from shared.training.champion import age_days
from shared.training.forecast import gate, policy, table
from shared.training.forecast.rolling import roll
from shared.training.forecast.series import sales_of
from shared.training.forecast.solution import solve
from shared.training.forecast.version import make_version
from shared.training.forecast.watch import watch
from shared.training.naming import version_name
from shared.training.promote import promote, rival_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from shared.catalog.forecast import ForecastCase
    from shared.store.records import Candidate, Order, Verdict, Version, Watch
    from shared.store.registry import Registry
    from shared.training.forecast.series import Sales
    from shared.training.forecast.solution import Solution
    from shared.training.policy import Due
    from shared.training.table import Table
    from shared.training.task import Report


def _silent(step: str, done: int, total: int) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class ForecastTask:
    """The lines of one drop, and what is made of them."""

    case: ForecastCase
    slot: str
    table: Table
    sales: Sales
    registry: Registry
    now: Callable[[], datetime]
    ordered: bool

    @classmethod
    def of(
        cls,
        case: ForecastCase,
        slot: str,
        table: Table,
        registry: Registry,
        now: Callable[[], datetime],
        *,
        ordered: bool,
    ) -> ForecastTask:
        """Raises DropError where no line counts."""
        slot_day = names.parse_stamp(slot.partition("-")[0]).date()
        return cls(case, slot, table, sales_of(table.frame, case, slot_day), registry, now, ordered)

    @property
    def version(self) -> str:
        """See Task."""
        return version_name(self.slot, self.table, self.case)

    def watch(self, champion: Version) -> Watch:
        """See Task."""
        data = self.registry.file(_forecaster(champion), table.FORECAST_FILE)
        new = int((self.sales.lines.days > np.datetime64(champion.data.trained_to)).sum())
        return watch(champion.version, table.forecasts_of(data), self.sales, new)

    def due(self, watched: Watch | None, champion: Version | None, newest: Version | None, order: Order | None) -> Due:
        """See Task."""
        standing = None
        if champion is not None and newest is not None:
            served = _forecaster(champion)
            standing = policy.Standing(
                age_days=age_days(newest, self.now()),
                left=served.horizon - self._periods_since(served),
                horizon=served.horizon,
                expected_wape=served.metrics.get("wape"),
            )
        return policy.decide(self.case.retraining, watched, standing, order)

    def make(self, report: Report) -> Version:
        """See Task."""
        solution = self._solved(report)
        report("converting and checking", 1, 1)
        return make_version(self.case, self.slot, self.table, solution, self.registry, self._preview)

    def decide(self, version: Version) -> Verdict:
        """See Task. A run that is done again judges anew where another champion serves than when it was made."""
        made = _forecaster(version)

        def judge(rival: str | None) -> Verdict:
            told = made.verdict
            return told if told is not None and told.against == rival else self._judge(rival)

        return promote(made, self.registry, self.now, judge)

    def candidates(self, version: Version) -> tuple[Candidate, ...]:  # noqa: ARG002
        """See Task. A forecast's are of another kind: its card and its record show them."""
        return ()

    def publish(self, serving: Version) -> None:
        """See Task: the forecast of all days that are still to come, for whoever lives in a spreadsheet."""
        data = self.registry.file(_forecaster(serving), table.FORECAST_FILE)
        last = self.sales.days.date_of(self.sales.days.count) - timedelta(days=1)
        self.registry.write_result(names.forecast_table(serving.model, self.slot), table.after(data, last))

    @cached_property
    def _found(self) -> dict[str, Solution]:
        """The solution, once it has been worked out."""
        return {}

    def _solved(self, report: Report = _silent) -> Solution:
        if "solution" not in self._found:
            self._found["solution"] = solve(roll(self.sales, self.case, report), report)
        return self._found["solution"]

    def _preview(self, version: Forecaster) -> Verdict:
        return self._judge(rival_of(version, self.registry.champion(version.model)))

    def _judge(self, rival: str | None) -> Verdict:
        solution, bounds = self._solved(), self.case.gate
        if rival is None:
            return gate.judge_first(solution, bounds)
        try:
            champion = _forecaster(self.registry.version(self.case.model.name, rival))
        except (BlobMissing, VersionError) as error:
            # A champion that cannot answer is no champion: its successor is judged as a first version is.
            return gate.judge_first(solution, bounds, f"{rival} cannot be read ({error})", rival)
        is_old = self.ordered or champion.horizon - self._periods_since(champion) <= champion.horizon / 2
        return gate.judge(solution, champion, bounds, is_old=is_old)

    def _periods_since(self, version: Forecaster) -> int:
        """How many of a version's periods are over in this drop."""
        newest = self.sales.days.date_of(self.sales.days.count) - timedelta(days=1)
        return max(0, (newest - date.fromisoformat(version.origin)).days // self.sales.days.step)


def _forecaster(version: Version) -> Forecaster:
    if not isinstance(version, Forecaster):
        msg = f"{version.model} {version.version}: was made for another task than forecasting"
        raise VersionError(msg)
    return version
