"""Which task a use case is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.catalog.forecast import ForecastCase
from shared.catalog.spec import ClassificationCase
from shared.training.classification import ClassificationTask
from shared.training.forecast.task import ForecastTask

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from shared.catalog.spec import UseCase
    from shared.store.registry import Registry
    from shared.training.table import Table
    from shared.training.task import Task


def task_of(
    use_case: UseCase, slot: str, table: Table, registry: Registry, now: Callable[[], datetime], *, ordered: bool
) -> Task:
    """The work on a drop's checked rows. Raises DropError where there is too little to learn from."""
    if isinstance(use_case, ClassificationCase):
        return ClassificationTask.of(use_case, slot, table, registry, now, ordered=ordered)
    if isinstance(use_case, ForecastCase):
        return ForecastTask.of(use_case, slot, table, registry, now, ordered=ordered)
    msg = f"{use_case.model.name}: no training knows a {type(use_case).__name__}"
    raise TypeError(msg)
