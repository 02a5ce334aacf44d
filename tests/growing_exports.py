"""Exports of a growing table, as the nightly run makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from shared.export.run import Exporter
from shared.settings import Settings
from tests.growing_table import GrowingTable, Kind, dataset
from tests.tiny_versions import catalog

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.catalog.spec import UseCase
    from shared.store.blobs import Blobs

MOMENT = datetime(2026, 11, 23, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SETTINGS = Settings(export_part_bytes=600)


@cache
def use_case(kind: Kind) -> UseCase:
    return msgspec.structs.replace(catalog("phone").use_cases[0], dataset=dataset(kind))


def exporter(
    table: GrowingTable, blobs: Blobs, settings: Settings = SETTINGS, now: Callable[[], datetime] = lambda: MOMENT
) -> Exporter:
    return Exporter(table, blobs, settings, now=now)
