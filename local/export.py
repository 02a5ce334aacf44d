"""Export by hand, over the same code as the timer: now, anew, from some point on, or only to see the SQL."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from local.follow import console
from shared.errors import CauceError, SettingsError
from shared.export.parts import quiet
from shared.export.run import Exporter
from shared.export.source import OdbcSource
from shared.store import names
from shared.wiring import database_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.catalog.load import Catalog
    from shared.catalog.spec import Dataset
    from shared.export.parts import Progress as Report
    from shared.export.reach import Order
    from shared.settings import Settings
    from shared.store.blobs import Blobs
    from shared.store.records import ExportRecord


def export(catalog: Catalog, chosen: str | None, order: Order, settings: Settings, blobs: Blobs) -> int:
    """Export the datasets of the catalog, or the chosen one; 1 where one failed, which keeps no other back."""
    slot = names.stamp(datetime.now(UTC))
    failed = False
    for dataset in _datasets(catalog, chosen):
        try:
            with _bar(dataset.name) as report:
                record = _exporter(settings, blobs, report).export(dataset, slot, order)
            _show(record)
        except CauceError as error:
            console.print(f"{dataset.name}: failed: {error}", style="red", markup=False, soft_wrap=True)
            failed = True
    return 1 if failed else 0


def show_statements(catalog: Catalog, chosen: str | None, order: Order, settings: Settings, blobs: Blobs) -> int:
    """Print the SQL that an export would send now, and read nothing but the watermark."""
    for dataset in _datasets(catalog, chosen):
        reach, statements = _exporter(settings, blobs, quiet).foresee(dataset, order)
        console.print(f"-- {dataset.name}: {reach.why or 'what is new'}", markup=False, soft_wrap=True)
        for statement in statements:
            console.print(f"{statement}", markup=False, soft_wrap=True)
    return 0


def _exporter(settings: Settings, blobs: Blobs, report: Report) -> Exporter:
    token = partial(database_token, settings.storage_client_id)
    source = OdbcSource(settings.sql_connection_string, settings.pii_hash_key, token)
    return Exporter(source, blobs, settings, report)


def _datasets(catalog: Catalog, chosen: str | None) -> Sequence[Dataset]:
    datasets = [use_case.dataset for use_case in catalog.use_cases if not use_case.dataset.dropped]
    found = [dataset for dataset in datasets if chosen in {None, dataset.name}]
    if not found:
        msg = (
            f"no use case exports a dataset {chosen!r}; exported are: {', '.join(dataset.name for dataset in datasets)}"
        )
        raise SettingsError(msg)
    return found


@contextmanager
def _bar(dataset: str) -> Iterator[Report]:
    """How far an export is: rows are not counted beforehand, since that would cost as much as reading them."""
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows, {task.fields[megabytes]:.1f} MB, {task.speed:,.0f} rows/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task(dataset, total=None, megabytes=0.0)

        def report(_: str, rows: int, size_bytes: int) -> None:
            bar.update(task, advance=rows, megabytes=bar.tasks[task].fields["megabytes"] + size_bytes / 1e6)

        yield report


def _show(record: ExportRecord) -> None:
    what = f"{record.dataset}: {record.outcome}"
    if record.outcome == "exported":
        what += (
            f": {record.rows:,} rows, {record.size_bytes / 1e6:.1f} MB in {record.parts} part(s), in "
            f"{record.seconds:.1f} s ({record.rows_per_second:,.0f} rows/s), slot {record.slot}"
        )
    if record.up_to is not None:
        what += f", watermark {record.above.text if record.above else '-'} to {record.up_to.text}"
    console.print(what + (f" ({record.reason})" if record.reason else ""), markup=False, soft_wrap=True)
    for note in record.notes:
        console.print(f"  note: {note}", markup=False, soft_wrap=True)
