"""Values of a cursor column: the highest one exported is the watermark, and what is above it is new."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from shared.errors import SourceError
from shared.store.records import CursorValue

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from shared.catalog.spec import ColumnType

Value = int | str | date
"""As it is bound to a statement. A time may be text, where a database keeps times as text."""

TEMPORAL = frozenset({"date", "timestamp"})
SECONDS_A_DAY = 86_400
_HEAD = len("2026-11-23T02:00:00")
_DAY = len("2026-11-23")
_WHOLE = re.compile(r"(-?[0-9]+)(?:\.0+)?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}.*)?)?")
"""Python reads more forms than it writes back."""
LAST_DAY = "9999-12-31"
_BEYOND = re.compile(r"infinity|[0-9]{5,}-[^B]*")
"""PostgreSQL's times go further than Python's: for a watermark both lie too far ahead to be one."""


def from_database(found: Any, kind: ColumnType) -> Value | None:
    """The database's answer as a value that compares with the column. Raises SourceError where it cannot."""
    if found is None:
        return None
    try:
        if kind == "integer":
            return integer(found)
        if kind in TEMPORAL:
            return found if isinstance(found, date) else _checked_time(str(found))
    except ValueError as error:
        msg = f"the cursor holds {found!r}; expected {'an' if kind == 'integer' else 'a'} {kind}"
        raise SourceError(msg) from error
    return str(found)


def integer(found: Any) -> int:
    """A whole number that the database gave as such, or as text. Raises ValueError for anything else."""
    whole = _WHOLE.fullmatch(str(found))
    if whole is None:
        msg = f"{found!r} is not a whole number"
        raise ValueError(msg)
    return int(whole[1])


def from_person(text: str, kind: ColumnType) -> Value:
    """A value that somebody typed; a time without a zone, in UTC. Raises ValueError saying what was expected."""
    if kind not in _TYPED:
        msg = f"a {kind} cursor has no order that can be relied on here; export everything instead (--full)"
        raise ValueError(msg)
    parse, expected = _TYPED[kind]
    try:
        return parse(text)
    except ValueError as error:
        msg = f"expected {expected}, got {text!r}"
        raise ValueError(msg) from error


def _in_utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


_TYPED: dict[str, tuple[Callable[[str], Value], str]] = {
    "integer": (int, "an integer"),
    "date": (date.fromisoformat, "a date like 2026-11-23"),
    "timestamp": (_in_utc, "a timestamp like 2026-11-23T02:00:00"),
}


def to_record(value: Value) -> CursorValue:
    """As state.json and manifests hold it."""
    if isinstance(value, datetime):
        return CursorValue("timestamp", value.isoformat())
    if isinstance(value, date):
        return CursorValue("date", value.isoformat())
    return CursorValue("integer" if isinstance(value, int) else "text", str(value))


def from_record(record: CursorValue) -> Value:
    """The inverse of ``to_record``. Raises ValueError for a text that is not of its type."""
    if record.type == "timestamp":
        return datetime.fromisoformat(record.text)
    if record.type == "date":
        return date.fromisoformat(record.text)
    return int(record.text) if record.type == "integer" else record.text


def earlier(value: Value, look_back: int, kind: ColumnType) -> Value:
    """``value`` less ``look_back``: units of an integer, seconds of a time (whole days of a date, rounded up)."""
    if not look_back or (isinstance(value, str) and kind not in TEMPORAL):
        return value
    if isinstance(value, int):
        return value - look_back
    try:
        return _earlier_time(value, look_back)
    except OverflowError:  # there are no years so far back
        return as_written(datetime.min, value)  # noqa: DTZ901  # as databases give times


def _earlier_time(value: str | date, look_back: int) -> Value:
    if isinstance(value, datetime):
        return value - timedelta(seconds=look_back)
    if isinstance(value, date):
        return value - timedelta(days=-(-look_back // SECONDS_A_DAY))
    return _moved(value, timedelta(seconds=-look_back))


def as_written(moment: datetime, example: Value) -> Value:
    """``moment`` in the form of ``example``, a time of the same column."""
    plain = moment.replace(tzinfo=None)
    if isinstance(example, datetime):
        return plain.replace(tzinfo=example.tzinfo)
    if isinstance(example, date):
        return plain.date()
    return _in_form(plain, str(example))


def as_lowest(moment: datetime, example: Value) -> Value:
    """As ``as_written``; of a text nothing behind the seconds, so that none of that second compares as below it."""
    return as_written(moment, example[:_HEAD] if isinstance(example, str) else example)


def moment_of(value: Value) -> datetime:
    """A time without its zone, good to the day: for comparing with the clock."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    text = value.isoformat() if isinstance(value, date) else str(value)
    return datetime.fromisoformat(text[:_HEAD])


def _checked_time(text: str) -> str:
    if _BEYOND.fullmatch(text):
        return LAST_DAY
    if _TIME.fullmatch(text) is None:
        msg = f"{text!r} is not a time"
        raise ValueError(msg)
    datetime.fromisoformat(text[:_HEAD])
    return text


def _moved(text: str, by: timedelta) -> str:
    """Text compares with text only in one form: the moved time is written like the one it comes from."""
    if len(text) <= _DAY:
        by = timedelta(days=by // timedelta(days=1))
    return _in_form(datetime.fromisoformat(text[:_HEAD]) + by, text)


def _in_form(moment: datetime, example: str) -> str:
    if len(example) <= _DAY:
        return moment.date().isoformat()
    return moment.isoformat(example[_DAY], "seconds")[: len(example)] + example[_HEAD:]
