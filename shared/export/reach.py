"""How far one export reaches: which bands it reads, from which watermark, up to which."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.errors import SettingsError, VersionError
from shared.export.bands import Band, Bound, plan, since
from shared.export.cursor import (
    TEMPORAL,
    as_lowest,
    as_written,
    earlier,
    from_person,
    from_record,
    moment_of,
    to_record,
)

if TYPE_CHECKING:
    from datetime import datetime

    from shared.catalog.spec import Dataset
    from shared.export.cursor import Value
    from shared.export.source import Session
    from shared.store.records import CursorValue, ExportState

AHEAD = timedelta(days=1)
"""A time further ahead of the clock than this is not trusted: as the watermark it would hide all rows until then."""
EVERYTHING_ANEW = "everything anew, as ordered"


@dataclass(frozen=True)
class Order:
    """What a person asks for; the nightly run asks for nothing."""

    full: bool = False
    since: str | None = None


@dataclass(frozen=True)
class Reach:
    """The bands to read, the watermarks before and after, and why."""

    bands: list[Band]
    follows: str | None
    """The slot that this export continues; None where it is the whole table."""
    above: CursorValue | None = None
    up_to: CursorValue | None = None
    why: str = ""
    notes: tuple[str, ...] = ()


def reach_of(dataset: Dataset, state: ExportState, session: Session, order: Order, now: datetime) -> Reach:
    """Decide how far an export goes on from ``state``. Raises SettingsError where the order makes no sense."""
    if not dataset.cursor_columns:
        if order.since is not None:
            msg = f"dataset {dataset.name!r} has no cursor to count from: leave out --since, or declare dataset.cursor"
            raise SettingsError(msg)
        return Reach(plan(dataset, None, None), None, why=EVERYTHING_ANEW if order.full else "")
    anew = EVERYTHING_ANEW if order.full else why_anew(dataset, state)
    watermark = _watermark(state) if anew is None else None
    newest, notes = _newest(dataset, session, watermark, now)
    if order.since is not None and watermark is not None:
        bands = since(dataset, _start(dataset, order.since, watermark), newest)
        why = f"again from {order.since} on, as ordered"
    else:
        bands, why = plan(dataset, watermark, newest), anew or ""
    follows = state.slot if anew is None else None
    return Reach(bands, follows, _recorded(watermark), _recorded(newest), why, notes)


def why_anew(dataset: Dataset, state: ExportState) -> str | None:
    """Why what was exported before cannot be continued; None where it can."""
    if state.slot is None:
        return "everything, for the first time"
    columns = {name: column.type for name, column in dataset.used_columns().items()}
    if state.columns != columns:
        return "everything anew: the catalog's columns have changed"
    if state.reads not in {None, reads_of(dataset)}:
        return "everything anew: the catalog's table, query or personal data have changed"
    if state.cursor != dataset.cursor_columns:
        return "everything anew: the catalog's cursor has changed"
    if state.look_back < dataset.look_back:
        return "everything anew: the catalog looks back further than before"
    return None


def reads_of(dataset: Dataset) -> str:
    """sha256 of where the rows come from and which columns leave as hashes: other rows, or rows that match no more."""
    hashed = [name for name, column in dataset.used_columns().items() if column.pii == "hash"]
    return hashlib.sha256(repr((dataset.table, dataset.query, hashed)).encode()).hexdigest()


def _newest(
    dataset: Dataset, session: Session, watermark: Value | None, now: datetime
) -> tuple[Value | None, tuple[str, ...]]:
    """The next watermark, which never goes back, and a note on rows that lie beyond what can be one."""
    column = dataset.cursor_columns[0]
    above = () if watermark is None else (Bound(column, ">", watermark),)
    notes: tuple[str, ...] = ()
    newest = session.newest(*above)
    if newest is not None and dataset.columns[column].type in TEMPORAL:
        limit = now.replace(tzinfo=None) + AHEAD
        if moment_of(newest) > limit:
            last = as_written(limit, newest)
            ahead = session.count(Bound(column, ">", last))
            note = (
                f"{ahead} rows have a {column!r} more than a day ahead ({newest}): they are exported when it has come"
            )
            notes = (note,)
            newest = session.newest(*above, Bound(column, "<=", last))
    return (watermark if newest is None else newest), notes


def _watermark(state: ExportState) -> Value | None:
    try:
        return None if state.watermark is None else from_record(state.watermark)
    except ValueError as error:
        msg = f"exports/{state.dataset}/state.json: watermark: {error}; export everything (--full) to begin anew"
        raise VersionError(msg) from error


def _start(dataset: Dataset, text: str, watermark: Value) -> Value:
    """Where to begin: not behind the rows that may come again, which have to be known afterwards."""
    kind = dataset.columns[dataset.cursor_columns[0]].type
    try:
        start = from_person(text, kind)
    except ValueError as error:
        msg = f"--since {text}: {error}"
        raise SettingsError(msg) from error
    if _place(start) > _place(watermark):
        msg = f"--since {text}: lies above the watermark, {to_record(watermark).text}: what is there is new anyway"
        raise SettingsError(msg)
    begin = earlier(watermark, dataset.look_back, kind)
    if _place(begin) <= _place(start):
        return begin
    return start if isinstance(start, int) else as_lowest(moment_of(start), watermark)


def _place(value: Value) -> Any:
    """What values of one cursor are compared by, however they are written."""
    return value if isinstance(value, int) else moment_of(value)


def _recorded(value: Value | None) -> CursorValue | None:
    return None if value is None else to_record(value)
